"""Commits that GitHub makes and signs. Only its GraphQL API does.

https://docs.github.com/graphql/reference/commits#createcommitonbranch
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from hedgehog.errors import InvalidInput, PermissionDenied, TooLarge
from hedgehog.hosts.github import HOST
from hedgehog.hosts.github.client import Client
from hedgehog.hosts.http import understood

MOST_BYTES = 5 * 1024 * 1024
"""Of the files of one commit. GitHub names no limit; it takes about 40 MB, and one answer must come within `TIMEOUT`."""
_CREATE = "mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"


def create_commit(
    client: Client, full_name: str, branch: str, head: str, *, message: str, files: Mapping[str, bytes | None]
) -> str:
    """Make a commit of *files* on top of *head*; its author is the user or the app of the credential. See `Host.make_commit`."""
    size = sum(len(content) for content in files.values() if content is not None)
    if size > MOST_BYTES:
        raise TooLarge(
            f"{full_name}: a commit of {size} bytes is more than the {MOST_BYTES} that GitHub is asked to sign; make the "
            "change in parts, or give the connection a signing_key instead of signing: host"
        )
    headline, _, body = message.partition("\n")
    asked = {
        "branch": {"repositoryNameWithOwner": full_name, "branchName": branch},
        "expectedHeadOid": head,
        "message": {"headline": headline, "body": body.strip("\n")},
        "fileChanges": {
            "additions": [
                {"path": path, "contents": base64.b64encode(content).decode()}
                for path, content in files.items()
                if content is not None
            ],
            "deletions": [{"path": path} for path, content in files.items() if content is None],
        },
    }
    try:
        answer = client.query(_CREATE, {"input": asked})
    except InvalidInput as refusal:  # the input is right: what refuses is a rule of the branch
        advice = "allow this account to push to the branch, or name a branch that takes pushes"
        raise PermissionDenied(f"{refusal}; {advice}") from refusal
    with understood(HOST.title):
        return str(answer["createCommitOnBranch"]["commit"]["oid"])
