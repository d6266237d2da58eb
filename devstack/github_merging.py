"""What the GitHub stand-in does to pull requests at the request of an API client: change, label, close, merge.

A branch of `protected` takes a merge only when the required check succeeded on the head; until then an auto-merge waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devstack import github_api
from devstack.github_repositories import Pull, Repositories

Answer = tuple[int, Any]


@dataclass
class Merging:
    """The merge side of one stand-in. `users` may be asked for a review, `protected` are branches by `owner/name`."""

    repositories: Repositories
    pulls: dict[tuple[str, int], Pull]
    shown: Callable[[Pull], dict[str, Any]]
    user: Callable[[], dict[str, Any]]
    users: set[str] = field(default_factory=lambda: {"ada", "eve"})
    protected: dict[tuple[str, str], str] = field(default_factory=dict)
    """What a branch requires: `check` or, by a ruleset, `rule`."""

    def routes(self, repository: str, values: Mapping[str, str], query: Mapping[str, str]) -> Mapping[str, Any]:
        """By method and path, what answers a request about the repository."""
        return {
            "get ": lambda: (200, self._repository(repository)),
            "get /pulls": lambda: (200, self._list(repository, query)),
            "get /branches/{branch}": lambda: self._branch(repository, values["branch"]),
            "get /rules/branches/{branch}": lambda: (200, self._rules(repository, values["branch"])),
            "get /commits/{commit_sha}/pulls": lambda: (200, self._pulls_of(repository, values["commit_sha"])),
            "get /collaborators/{username}/permission": lambda: (200, self._permission(values["username"])),
        }

    def routes_of(self, pull: Pull, body: dict[str, Any]) -> Mapping[str, Callable[[], Answer]]:
        """By method and path, what answers a request about *pull*."""
        return {
            "patch /pulls/{pull_number}": lambda: self._edit(pull, body),
            "put /pulls/{pull_number}/merge": lambda: self._merge(pull, body),
            "post /pulls/{pull_number}/requested_reviewers": lambda: self._ask(pull, body),
            "get /issues/{issue_number}": lambda: (200, self._issue(pull)),
            "post /issues/{issue_number}/labels": lambda: self._label(pull, body),
            "get /pulls/{pull_number}/reviews": lambda: (200, pull.reviews),
            "get /pulls/{pull_number}/commits": lambda: (200, self._commits(pull)),
        }

    def enable_auto_merge(self, query: str, asked: dict[str, Any]) -> Answer:
        """A mutation of the GraphQL API: GitHub's reference has its input."""
        assert "enablePullRequestAutoMerge(input: $input)" in query, query
        assert asked.keys() <= {"pullRequestId", "expectedHeadOid", "mergeMethod"}, asked
        pull = next(one for one in self.pulls.values() if node_id(one) == asked["pullRequestId"])
        if self.state(pull) == "clean":
            error = {"type": "UNPROCESSABLE", "message": "Pull request Pull request is in clean status"}
            return 200, {"data": {"enablePullRequestAutoMerge": None}, "errors": [error]}
        pull.merges_at = asked["expectedHeadOid"]
        return 200, {"data": {"enablePullRequestAutoMerge": {"clientMutationId": None}}}

    def state(self, pull: Pull) -> str:
        """GitHub's `mergeable_state`."""
        return "blocked" if self.protected.get((pull.repository, pull.base)) == "check" else "clean"

    def merge(self, pull: Pull, how: str = "merge") -> str:
        """Merge *pull* with a merge commit, whose id is returned; or `squash` it, or move the branch (`fast-forward`)."""
        git, head, base = self.repositories.git, f"refs/pull/{pull.number}/head", f"refs/heads/{pull.base}"
        pull.own_commits = git(pull.repository, "rev-list", "--reverse", head, f"^{base}").splitlines()
        made = git(pull.repository, "rev-parse", head) if how == "fast-forward" else self._merged(pull, how)
        git(pull.repository, "update-ref", base, made)
        pull.state, pull.merged, pull.merge_commit = "closed", True, made
        return made

    def _merged(self, pull: Pull, how: str = "merge") -> str:
        """A merge commit of *pull*, or a squashed one, on no branch yet."""
        git, head, base = self.repositories.git, f"refs/pull/{pull.number}/head", f"refs/heads/{pull.base}"
        tree = git(pull.repository, "merge-tree", "--write-tree", pull.base, head).splitlines()[0]
        who = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
        parents = ("-p", base) if how == "squash" else ("-p", base, "-p", head)
        return git(pull.repository, *who, "commit-tree", tree, *parents, "-m", f"Merge pull request #{pull.number}")

    def queue(self, pull: Pull) -> dict[str, Any]:
        """Put *pull* into the merge queue, which makes a branch of its own with the merge; what the webhook delivers."""
        git, base = self.repositories.git, f"refs/heads/{pull.base}"
        before = git(pull.repository, "rev-parse", base)
        made = self._merged(pull)
        ref = f"refs/heads/gh-readonly-queue/{pull.base}/pr-{pull.number}-{before}"
        git(pull.repository, "update-ref", ref, made)
        group = {"head_sha": made, "head_ref": ref, "base_sha": before, "base_ref": base}
        owner, _, name = pull.repository.partition("/")
        repository = {
            "name": name,
            "full_name": pull.repository,
            "clone_url": self.repositories.host.url(pull.repository),
            "owner": {**self.user(), "login": owner},
        }
        body = {"action": "checks_requested", "merge_group": group, "repository": repository, "sender": self.user()}
        return dict(github_api.delivery("merge-group-checks-requested", body))

    def review(self, pull: Pull, login: str, state: str, *, kind: str = "User") -> dict[str, Any]:
        """Somebody reviews *pull* as it is now; *state* is APPROVED, CHANGES_REQUESTED or COMMENTED."""
        head = self.repositories.git(pull.repository, "rev-parse", f"refs/pull/{pull.number}/head")
        user = {**self.user(), "login": login, "type": kind}
        page = f"{self.shown(pull)['html_url']}#pullrequestreview-{len(pull.reviews) + 1}"
        made = {"id": len(pull.reviews) + 1, "user": user, "state": state, "commit_id": head, "body": ""}
        pull.reviews.append({**made, "html_url": page, "author_association": "NONE"})
        return pull.reviews[-1]

    def _pulls_of(self, repository: str, commit: str) -> list[dict[str, Any]]:
        return [
            self._simple(one)
            for one in self.pulls.values()
            if one.repository.lower() == repository and commit in (one.merge_commit, *one.own_commits)
        ]

    def _permission(self, login: str) -> dict[str, Any]:
        word = "write" if login in self.users else "read"
        return {"permission": word, "role_name": word, "user": {**self.user(), "login": login}}

    def _commits(self, pull: Pull) -> list[dict[str, Any]]:
        """Those of a merged pull request; GitHub knows the people by the addresses of the commits."""
        head, git = f"refs/pull/{pull.number}/head", self.repositories.git
        own = pull.own_commits or git(pull.repository, "rev-list", "--reverse", head, f"^{pull.base}").splitlines()
        return [self._commit(pull, one) for one in own]

    def _commit(self, pull: Pull, commit: str) -> dict[str, Any]:
        name = self.repositories.git(pull.repository, "log", "-1", "--format=%an", commit).casefold()
        who = {**self.user(), "login": name} if name in self.users else None
        return {"sha": commit, "author": who, "committer": who}

    def _repository(self, repository: str) -> dict[str, Any]:
        owner, _, short = repository.partition("/")
        return {"name": short, "full_name": repository, "owner": {**self.user(), "login": owner}}

    def _list(self, repository: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        owner, _, branch = query["head"].partition(":")
        found = [
            one
            for one in self.pulls.values()
            if (one.repository.lower(), one.state, one.base) == (repository, query["state"], query["base"])
            and (one.head_repository.partition("/")[0], one.head) == (owner, branch)
        ]
        return [self._simple(one) for one in found]

    def _simple(self, pull: Pull) -> dict[str, Any]:
        """As in a list, which tells less of each."""
        detailed = ("merged", "mergeable", "mergeable_state", "changed_files")
        kept = {key: value for key, value in self.shown(pull).items() if key not in detailed}
        return {**kept, "merged_at": "2026-01-02T03:04:05Z" if pull.merged else None}

    def _edit(self, pull: Pull, body: dict[str, Any]) -> Answer:
        pull.title, pull.body = body.get("title", pull.title), body.get("body", pull.body)
        if body.get("state") == "closed" and pull.state == "open":
            pull.state, pull.closed_by = "closed", self.user()["login"]
        return 200, self.shown(pull)

    def _merge(self, pull: Pull, body: dict[str, Any]) -> Answer:
        if self.state(pull) != "clean":
            return 405, {"message": "At least 1 approving review is required by reviewers with write access."}
        if body["sha"] != self.shown(pull)["head"]["sha"]:
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        return 200, {"sha": self.merge(pull), "merged": True, "message": "Pull Request successfully merged"}

    def _ask(self, pull: Pull, body: dict[str, Any]) -> Answer:
        if not set(body["reviewers"]) <= self.users:
            return 422, {
                "message": "Reviews may only be requested from collaborators. One or more of the users or teams you "
                "specified is not a collaborator of the repository."
            }
        pull.reviewers += [one for one in body["reviewers"] if one not in pull.reviewers]
        return 201, self._simple(pull)

    def _issue(self, pull: Pull) -> dict[str, Any]:
        shown = self.shown(pull)
        closed = {**self.user(), "login": pull.closed_by} if pull.closed_by else None
        kept = {key: shown[key] for key in ("number", "title", "state", "html_url", "user", "author_association")}
        return {**kept, "closed_by": closed}

    def _label(self, pull: Pull, body: dict[str, Any]) -> Answer:
        pull.labels += [one for one in body["labels"] if one not in pull.labels]
        return 200, [{"name": name} for name in pull.labels]

    def _branch(self, repository: str, branch: str) -> Answer:
        if not self.repositories.has(repository, f"refs/heads/{branch}"):
            return 404, {"message": "Branch not found"}
        commit = {"sha": self.repositories.git(repository, "rev-parse", f"refs/heads/{branch}")}
        is_protected = self.protected.get((repository, branch)) == "check"
        made = {"name": branch, "commit": commit, "protected": is_protected}
        return 200, github_api.complete(
            github_api.Operation("get", "/repos/{owner}/{repo}/branches/{branch}", {}), 200, made
        )

    def _rules(self, repository: str, branch: str) -> list[dict[str, Any]]:
        if self.protected.get((repository, branch)) != "rule":
            return []
        return [
            {"type": "deletion", "ruleset_source_type": "Repository", "ruleset_source": repository, "ruleset_id": 1}
        ]


def node_id(pull: Pull) -> str:
    """What GraphQL calls a pull request."""
    return f"PR_{pull.repository}_{pull.number}"
