"""Plain web pages of a Git host: a commit with its changes, and a directory. Enough for the buttons of the demo."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

_PAGE = re.compile(
    r"/(?P<name>[A-Za-z0-9._-]+)(?:/(?P<what>commit|tree|blob)/(?P<revision>[A-Za-z0-9._-]+)(?:/(?P<path>.*))?)?/?"
)
_STYLE = "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}pre{background:#f4f4f6;overflow:auto;padding:1rem}"


def page(root: Path, path: str, environment: Mapping[str, str]) -> str | None:
    """The page at *path* of the host whose repositories are below *root*; None when there is none."""
    match = _PAGE.fullmatch(unquote(path))
    if match is None or not (repository := root / f"{match['name']}.git").is_dir():
        return None
    name, revision, inside = match["name"], match["revision"] or "main", match["path"] or ""
    at = f"{revision}:{inside}" if inside else revision

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(repository), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        return done.stdout if done.returncode == 0 else None

    if match["what"] == "commit":
        text = git("show", "--stat", "--patch", "--format=fuller", "--end-of-options", revision)
        body = None if text is None else f"<pre>{escape(text)}</pre>"
    elif match["what"] == "blob":
        text = git("cat-file", "blob", at)
        body = None if text is None else f"<pre>{escape(text)}</pre>"
    else:
        text, log = (
            git("ls-tree", "-z", at),
            git("log", "--format=%H %s", "--max-count=20", "--end-of-options", revision),
        )
        body = None if text is None else _entries(name, revision, inside, text) + _commits(name, log or "")
    return (
        body
        and f"<!doctype html><title>{escape(name)}</title><style>{_STYLE}</style>{_head(name, revision, inside)}{body}"
    )


def _head(name: str, revision: str, path: str) -> str:
    return f'<h1><a href="/{quote(name)}">{escape(name)}</a> <small>{escape(revision[:12])} {escape(path)}</small></h1>'


def _entries(name: str, revision: str, path: str, listing: str) -> str:
    links = []
    for entry in filter(None, listing.split("\0")):
        kind, _, file = entry.partition("\t")
        what = "tree" if kind.split()[1] == "tree" else "blob"
        target = quote(f"/{name}/{what}/{revision}/{path}/{file}".replace("//", "/"))
        links.append(f'<li><a href="{target}">{escape(file)}{"/" if what == "tree" else ""}</a>')
    return f"<ul>{''.join(links)}</ul>"


def _commits(name: str, log: str) -> str:
    lines = (line.partition(" ") for line in log.splitlines())
    rows = (
        f'<li><a href="/{quote(name)}/commit/{commit}">{commit[:12]}</a> {escape(subject)}'
        for commit, _, subject in lines
    )
    return f"<h2>Commits</h2><ul>{''.join(rows)}</ul>"
