"""What a Git host offers beyond Git, in our own words: the protocol that every host's folder implements.

What a host can do is data (`Feature`), so that a publisher takes the next best way where one is missing,
and so that documentation is made from it. GitLab's merge requests are pull requests here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import GitRepository
from hedgehog.hosts.pages import Pages
from hedgehog.hosts.webhook import Webhook


class Feature(StrEnum):
    """What a host can do, and the name of it in a table."""

    PULL_REQUESTS = "pull requests"
    CHECKS = "checks with annotations"
    STATUSES = "commit statuses"
    COMMENTS = "one comment that is kept up to date"
    REVIEWS = "comments on lines"
    PROTECTION = "protected branches are recognized"
    AUTO_MERGE = "pull requests of ours are merged when the rules allow it"
    OPINIONS = "an approving review decides a proposal"
    MERGE_QUEUE = "what a merge queue would merge is checked"
    RATE_LIMIT = "rate limit is known"
    WEBHOOK = "webhook"
    HOOKS = "webhook is made by `hedgehog webhook install`"
    SIGNED_COMMITS = "our commits are made and signed by the host, with `signing: host`"


class Conclusion(StrEnum):
    """How a check ended. What could not be verified is a failure."""

    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the host has it now; or what a merge queue would merge, which is checked like one."""

    number: int
    """0 for what a merge queue would merge: it has neither a page nor comments."""
    title: str
    state: str
    """`open` or `closed`."""
    draft: bool
    head_sha: str
    base_ref: str
    changed_files: int
    url: str
    """Its page, for people."""
    git_ref: str
    """Where its head can be fetched in the base repository, also when it comes from a fork."""
    merged: bool = False
    author: str = ""
    """The login of who opened it."""

    @classmethod
    def queued(cls, head_sha: str, *, base_ref: str, git_ref: str) -> PullRequest:
        """What a merge queue would merge."""
        return cls(0, "", "open", False, head_sha, base_ref, 0, "", git_ref)

    @property
    def is_queued(self) -> bool:
        """Whether it is what a merge queue would merge."""
        return self.number == 0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person says of a pull request, in a review that still stands."""

    login: str
    approves: bool
    """False: the person asks for changes."""
    head: str = ""
    """The head of the pull request that was approved; empty where the host does not say."""
    counts: bool = False
    """Whether it is an approval of that head by a person who may write to the repository."""
    names: tuple[str, ...] = ()
    """What else the host calls the person: a full name, an address."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One entry of a pull request's list of files."""

    path: str
    lines: frozenset[int]
    """Lines of the new file that the diff shows: only those can be commented on."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request, or on a line of it."""

    id: str
    body: str
    author: str
    """What the host knows its author by; equal to `Host.login` for ours."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on one line of one file of the head commit."""

    path: str
    line: int
    title: str
    message: str
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is to be published about one head commit."""

    conclusion: Conclusion
    title: str
    summary: str
    """In full length; it is shortened to what the host takes."""
    notes: Sequence[Note] = ()
    details_url: str = ""
    ending: str = " …"
    """What ends a summary that had to be shortened."""
    needs_comment: bool = True
    """Whether a pull request without our comment gets one."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The window of one credential for ordinary calls."""

    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the host has it; its secret can be set and never read."""

    id: str
    url: str
    events: frozenset[str]
    active: bool = True
    is_json: bool = True
    last: str = ""
    """What came of the last delivery; empty where the host does not say, or there was none."""


@dataclass(frozen=True, slots=True)
class Access:
    """What is known of a repository and of the connection with which it is entered."""

    connection_id: str
    server: str
    """Host name, with the port unless it is the usual one, as in the repository's URL."""
    full_name: str
    """`owner/name`; where groups are nested, with all of them."""
    over_https: bool = True
    """False for a URL of plain http."""
    api_url: str = ""
    """The API's base URL, where the connection gives one."""
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def web_url(self) -> str:
        """The root of the host's pages."""
        return f"{'https' if self.over_https else 'http'}://{self.server}"


class Host(Protocol):
    """One repository at a host, entered with one credential. Not for several threads at once.

    Methods raise `hedgehog.errors` only, sorted by the reaction they need. A method whose feature is not in `offers` is
    not called.
    """

    type: HostType
    base_url: str
    """The API's."""
    full_name: str
    offers: frozenset[Feature]
    """What this credential may do here: no more than the features of its type."""
    credential: str
    """What the credential is: `token`, `app`."""

    def close(self) -> None:
        """Close the connection."""
        ...

    def git_token(self) -> str:
        """The token with which Git enters over https; empty for none."""
        ...

    def rate_limit(self) -> RateLimit | None:
        """What is left at this moment; None where the host counts nothing. A wrong credential is refused."""
        ...

    def pull(self, number: int) -> PullRequest:
        """The pull request *number*. Raises NotFound."""
        ...

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> PullRequest:
        """Ask for the branch *head* to be merged into *base*."""
        ...

    def find_pull(self, *, head: str, base: str) -> PullRequest | None:
        """The open pull request that asks for the branch *head* of this repository to be merged into *base*."""
        ...

    def edit_pull(self, pull: PullRequest, *, title: str, body: str) -> None:
        """Replace what *pull* says."""
        ...

    def close_pull(self, pull: PullRequest) -> None:
        """Close *pull* without merging."""
        ...

    def closed_by(self, pull: PullRequest) -> str:
        """The login of who closed *pull*; empty where the host does not say."""
        ...

    def add_labels(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """Give *pull* these labels; the host gets those that it does not have."""
        ...

    def ask_reviewers(self, pull: PullRequest, reviewers: Sequence[str]) -> None:
        """Ask the users with these logins to review *pull*. Raises InvalidInput or NotFound for a login that cannot."""
        ...

    def merge_when_ready(self, pull: PullRequest) -> None:
        """Have the host merge *pull* at its present head once its rules allow that; at once if they do already.

        Raises an error where the host does not take that on; then it may be asked again later.
        """
        ...

    def merged_pulls(self, commit: str) -> Sequence[PullRequest]:
        """The merged pull requests with which *commit* came to a branch, as far as the host knows."""
        ...

    def opinions(self, pull: PullRequest) -> Sequence[Opinion]:
        """What people say of *pull*: of each the last review that approves it or asks for changes, unless dismissed."""
        ...

    def commits(self, pull: PullRequest) -> Mapping[str, tuple[str, ...]]:
        """The commits of *pull* that its page shows, each with what the host calls those who made it."""
        ...

    def is_protected(self, branch: str) -> bool:
        """Whether a rule of the host is about pushes to *branch*. Raises NotFound without such a branch."""
        ...

    def files(self, pull: PullRequest) -> Sequence[ChangedFile]:
        """The files that *pull* changes, as far as the host lists them."""
        ...

    def login(self) -> str:
        """What the host knows us by, as the author of comments."""
        ...

    def comments(self, pull: PullRequest) -> Iterable[Comment]:
        """The comments on *pull*, oldest first."""
        ...

    def add_comment(self, pull: PullRequest, body: str) -> Comment:
        """Comment on *pull*."""
        ...

    def edit_comment(self, pull: PullRequest, comment: Comment, body: str) -> None:
        """Replace the text of one of our comments."""
        ...

    def line_comments(self, pull: PullRequest) -> Iterable[Comment]:
        """The comments on lines of *pull*."""
        ...

    def add_line_comments(self, pull: PullRequest, comments: Sequence[tuple[Note, str]]) -> None:
        """Comment on lines that the diff of *pull* shows, each with its text, as one review where the host has those."""
        ...

    def write_check(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A check with annotations on the head of *pull*; until it is complete it holds the merge."""
        ...

    def write_status(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A commit status on the head of *pull*."""
        ...

    def make_commit(self, branch: str, head: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """Have the host make and sign a commit of *files* (None: remove it) on top of *head*, and return its id.

        Raises PushRace if *branch* is not at *head*, PermissionDenied if a rule refuses it, TooLarge for more than the
        host takes, and RemoteUnavailable if no answer arrived: it may have been made then, which reading the head shows.
        """
        ...

    def hooks(self) -> Iterable[Hook]:
        """The webhooks of the repository."""
        ...

    def put_hook(self, url: str, secret: str, events: frozenset[str], known: Hook | None) -> None:
        """Make a webhook that sends JSON, signed with *secret*, or make *known* such a one."""
        ...


@dataclass(frozen=True, slots=True)
class HostType:
    """A kind of host, as its folder declares it in `HOST`; it is imported everywhere, so it loads no client library."""

    name: str
    """The value of `host` in the extra of a connection, and the last part of the webhook's path."""
    title: str
    features: frozenset[Feature] = frozenset()
    open: Callable[[Access], Host] | None = None
    """Enter a repository. Raises InvalidInput for a connection that cannot enter; sends nothing yet."""
    servers: tuple[str, ...] = ()
    """Names by which a server is known to be of this type; one that begins with `*.` stands for those that end so."""
    can_enter: Callable[[Access], bool] = lambda access: bool(access.token)
    """Whether a connection has what the API needs."""
    webhook: Webhook | None = None
    """How it announces what happened."""
    pages: Pages | None = None
    """Where its pages are; None: it has none that are known."""
    longest_comment: int = 65_536
    most_files: int | None = None
    """Files of a pull request that the host lists; None: all."""

    def is_at(self, server: str) -> bool:
        """Whether *server* is of this type, by its name alone."""
        return any(server == name or (name[0] == "*" and server.endswith(name[1:])) for name in self.servers)

    def enter(self, access: Access) -> Host:
        """Open the API. Raises InvalidInput where there is none."""
        if self.open is None:
            raise InvalidInput(
                f"{access.server}: {self.title} has no API that is used here, so it has no pull requests, checks or comments. If it is "
                f'another host, say so in the extra of connection {access.connection_id}: {{"host": "github"}}'
            )
        return self.open(access)


OpenHost = Callable[[GitRepository], Host]
"""From a repository to its host, credential included; raises only `hedgehog.errors`."""
