"""The GraphQL API of the GitHub stand-in: an auto-merge, and commits that the host makes and signs.

The form of each input is GitHub's: https://docs.github.com/graphql/reference/commits#createcommitonbranch. GitHub signs
with an OpenPGP key, the stand-in with an SSH key of its own, which is `CommitMaking.signer`.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from devstack.github_merging import Answer, Merging
from devstack.github_repositories import Repositories
from hedgehog.gitops.signing import SigningKey

COMMITTER = ("GitHub", "noreply@github.com")
_BY_RULE = "UNPROCESSABLE"


def _new_key() -> SigningKey:
    form, none = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    made = ed25519.Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, none)
    return SigningKey.of(made.decode(), "the key of the stand-in")


@dataclass
class CommitMaking:
    """What the stand-in's GraphQL API does."""

    repositories: Repositories
    merging: Merging
    signer: SigningKey = field(default_factory=_new_key)
    signs: bool = True
    """False: as a GitHub Enterprise Server that signs no web commits."""

    def answer(self, body: dict[str, Any], login: str) -> Answer:
        """The answer to a query: 200, whatever came of it."""
        query, asked = body["query"], body["variables"]["input"]
        if "enablePullRequestAutoMerge(" in query:
            return self.merging.enable_auto_merge(query, asked)
        assert "($input: CreateCommitOnBranchInput!)" in query, query
        assert "createCommitOnBranch(input: $input) { commit { oid } }" in query, query
        _check(asked)
        made, refusal = self._create(asked, login)
        data: dict[str, Any] = {"createCommitOnBranch": {"commit": {"oid": made}} if made else None}
        return 200, {"data": data, **({"errors": [{**refusal, "path": ["createCommitOnBranch"]}]} if refusal else {})}

    def _create(self, asked: dict[str, Any], login: str) -> tuple[str, dict[str, str]]:
        name, branch = asked["branch"]["repositoryNameWithOwner"].lower(), asked["branch"]["branchName"]
        head, changes = asked["expectedHeadOid"], asked["fileChanges"]
        if refusal := self._refusal(name, branch, head, changes):
            return "", refusal
        made = self._commit(name, head, self._tree(name, head, changes), asked["message"], login)
        if self.repositories.attempt(name, "update-ref", f"refs/heads/{branch}", made, head).returncode:
            return "", _stale(head)
        return made, {}

    def _refusal(self, name: str, branch: str, head: str, changes: Mapping[str, Any]) -> dict[str, str]:
        if not self.repositories.host.path(name).exists():
            return _refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
        if not self.repositories.has(name, f"refs/heads/{branch}"):
            return _refused("NOT_FOUND", f"No such branch `{branch}` in repository `{name}`.")
        if self.repositories.git(name, "rev-parse", f"refs/heads/{branch}") != head:
            return _stale(head)
        if (name, branch) in self.merging.protected:
            return _refused(_BY_RULE, "Changes must be made through a pull request.")
        for path in (one["path"] for one in changes["deletions"]):
            if self.repositories.attempt(name, "cat-file", "-e", f"{head}:{path}").returncode:
                absent = "A path was requested for deletion which does not exist as of commit oid"
                return _refused(_BY_RULE, f"{absent} `{head}`: {path}")
        return {}

    def _tree(self, name: str, head: str, changes: Mapping[str, Any]) -> str:
        with tempfile.TemporaryDirectory() as place:
            index = Path(place) / "index"
            self._git(name, "read-tree", head, index=index)
            lines = [f"0 {'0' * 40}\t{one['path']}\0" for one in changes["deletions"]]
            for one in changes["additions"]:
                content = base64.b64decode(one["contents"], validate=True)
                blob = self._git(name, "hash-object", "-w", "--stdin", given=content)
                lines.append(f"100644 {blob}\t{one['path']}\0")
            self._git(name, "update-index", "-z", "--index-info", given="".join(lines).encode(), index=index)
            return self._git(name, "write-tree", index=index)

    def _commit(self, name: str, head: str, tree: str, message: Mapping[str, str], login: str) -> str:
        who = {"GIT_AUTHOR_NAME": login, "GIT_AUTHOR_EMAIL": f"7+{login}@users.noreply.github.com"}
        who |= dict(zip(("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), COMMITTER, strict=True))
        text = f"{message['headline']}\n\n{message.get('body', '')}".strip("\n")
        plain = self._git(name, "commit-tree", tree, "-p", head, given=text.encode(), environment=who)
        if not self.signs:
            return plain
        content = subprocess.check_output([*self._command(name), "cat-file", "commit", plain]).decode()
        headers, _, said = content.partition("\n\n")
        signature = self.signer.sign(content).replace("\n", "\n ")
        signed = f"{headers}\ngpgsig {signature}\n\n{said}".encode()
        return self._git(name, "hash-object", "-t", "commit", "-w", "--stdin", given=signed)

    def _command(self, name: str) -> list[str]:
        return ["git", "-c", "safe.directory=*", f"--git-dir={self.repositories.host.path(name)}"]

    def _git(
        self,
        name: str,
        *arguments: str,
        given: bytes = b"",
        index: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        full = {**os.environ, **(environment or {}), **({"GIT_INDEX_FILE": str(index)} if index else {})}
        command = [*self._command(name), *arguments]
        return subprocess.run(command, input=given, env=full, check=True, capture_output=True).stdout.decode().strip()


def _refused(kind: str, message: str) -> dict[str, str]:
    return {"type": kind, "message": message}


def _stale(head: str) -> dict[str, str]:
    return _refused("STALE_DATA", f'Expected branch to point to "{head}" but it did not.  Pull and try again.')


def _check(asked: dict[str, Any]) -> None:
    """Raise AssertionError for an input that GitHub's schema does not have."""
    assert asked.keys() == {"branch", "expectedHeadOid", "message", "fileChanges"}, asked.keys()
    assert asked["branch"].keys() == {"repositoryNameWithOwner", "branchName"}, asked["branch"]
    assert {"headline"} <= asked["message"].keys() <= {"headline", "body"}, asked["message"]
    changes = asked["fileChanges"]
    assert changes.keys() == {"additions", "deletions"}, changes.keys()
    assert all(one.keys() == {"path", "contents"} for one in changes["additions"])
    assert all(one.keys() == {"path"} for one in changes["deletions"])
