"""Trees of a few hundred bytes that stand for a million files, for tests of what strangers may push."""

from __future__ import annotations

import subprocess

from devstack.git_server import Person


def plant_bomb(person: Person, path: str, content: str = "a: 1\n", *, width: int = 10, levels: int = 6) -> str:
    """Commit width ** levels files (a million) below *path*, and push; returns the commit."""
    blob = _git(person, "hash-object", "-w", "--stdin", given=content)
    tree = _git(person, "mktree", given="".join(f"100644 blob {blob}\tf{number}.yaml\n" for number in range(width)))
    for _ in range(levels - 1):
        tree = _git(person, "mktree", given="".join(f"040000 tree {tree}\td{number}\n" for number in range(width)))
    return commit_entry(person, path, "040000", tree)


def commit_entry(person: Person, path: str, mode: str, oid: str) -> str:
    """Commit a tree, file, link or submodule (by its id) at *path*, without a working tree, and push it."""
    *directories, name = path.split("/")
    trees = [_git(person, "rev-parse", "HEAD^{tree}")]
    for directory in directories:
        found = subprocess.run(
            ["git", "-C", str(person.directory), "rev-parse", "--verify", "--quiet", f"{trees[-1]}:{directory}"],
            capture_output=True,
            check=False,
            text=True,
        ).stdout.strip()
        trees.append(found)
    for directory in [name, *reversed(directories)]:
        inside = trees.pop()
        listed = _git(person, "ls-tree", inside).splitlines() if inside else []
        kind = {"040000": "tree", "160000": "commit"}.get(mode, "blob")
        rest = [line for line in listed if line.partition("\t")[2] != directory]
        oid = _git(person, "mktree", "--missing", given="\n".join([*rest, f"{mode} {kind} {oid}\t{directory}"]) + "\n")
        mode = "040000"
    commit = person.git("commit-tree", oid, "-p", "HEAD", "-m", f"Put something at {path}").strip()
    _git(person, "push", "--quiet", "origin", f"{commit}:refs/heads/{person.branch}")
    return commit


def _git(person: Person, *arguments: str, given: str = "") -> str:
    command = ["git", "-C", str(person.directory), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True, text=True).stdout.strip()
