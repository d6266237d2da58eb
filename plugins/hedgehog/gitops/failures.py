"""Translates the messages of a failed git call into errors, sorted by the reaction they need.

git has no error codes: its exit status is 128 for nearly everything, so the text decides (LANG=C makes it stable). The
first matching rule wins; therefore causes come before the general sentence that git adds to them.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import NamedTuple

from hedgehog.errors import (
    AuthenticationFailed,
    DiskUnavailable,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PushRace,
    RateLimited,
    RemoteUnavailable,
    TooLarge,
)

_TEXT_LIMIT = 1000
_READ_LIMIT = 8192
# What git prints for a refused login if it may not prompt for another one.
_PROMPT = re.compile(r"could not read (?:Username|Password) for '[^']*': terminal prompts disabled")
_DAMAGED = re.compile(
    r"bad object|is corrupt|not a git repository: |unable to read (?:tree|sha1 file)|missing (?:blob|tree|commit)"
    r"|object file .* is empty|unresolved deltas|did not send all necessary objects|bad (?:tree|config line)"
    r"|pack has bad object|index file .* is (?:too small|corrupt)|inflate: data stream error"
    r"|cannot lock ref 'refs/(?:remotes|hedgehog)/|some local refs could not be updated",
    re.IGNORECASE,
)
_FULL = re.compile(
    rf"no space left on device|disk quota exceeded|file too large|died of signal {signal.SIGXFSZ:d}\b", re.IGNORECASE
)
_PROGRESS = re.compile(
    rb"(?:remote: )?(?:(?:Enumerating|Counting|Compressing|Writing|Receiving|Unpacking|Updating|Checking) [a-z]+: +\d.*"
    rb"|(?:Resolving deltas|Finding sources): +\d.*|Delta compression using .*|Total \d+ .*|From \S+)"
)
NO_GIT_HOST = (
    "what answers there is no Git host but a web page (a sign-in or maintenance page, perhaps); check the URL and the "
    "credential"
)


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    error: type[HedgehogError]
    advice: str


def _rule(pattern: str, error: type[HedgehogError], advice: str = "") -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), error, advice)


_CALLS = (
    _rule(r"returned error: 401|authentication failed|could not read (?:username|password)|access denied.*basic"
          r"|permission denied \([^)]*publickey|invalid username or (?:password|token)",
          AuthenticationFailed, "correct the credential in the repository's connection"),
    _rule(r"host key verification failed|host identification has changed|certificate problem|no .* host key is known",
          AuthenticationFailed, "the server's identity is not proven; correct known_hosts or the certificate bundle"),
    _rule(r"(?:is|was|been) archived", PermissionDenied,
          "the host takes no pushes to an archive; take the repository out of it, or name another one"),
    _rule(r"returned error: 403|permission to .* denied|write access .* not granted|not allowed to push"
          r"|dubious ownership", PermissionDenied, "give the credential access to this repository"),
    _rule(r"returned error: 429|too many requests|rate limit", RateLimited),
    _rule(r"repository not found|returned error: 404|repository '.*' not found|does not appear to be a git repository"
          r"|could not be found|no such repository|project .* not found",
          NotFound, "check the URL, and that the credential may see the repository"),
    _rule(r"returned error: 413|HTTP 413", TooLarge,
          "the host, or a proxy before it, takes no push of this size; raise its limit for request bodies "
          "(client_max_body_size of nginx)"),
    _rule(r"not valid: is this a git repository|invalid server response|bad line length character", RemoteUnavailable, NO_GIT_HOST),
    _rule(r"returned error: 30\d|unable to update url base from redirection", NotFound,
          "the repository has moved, its URL needs its full form (often a final .git), or a sign-in page is in its place; "
          "redirects are not followed"),
    _rule(r"(?:malformed mode|empty filename|truncated) in tree|too-short tree", InvalidInput,
          "a commit of the branch holds a directory that git itself cannot read; take it out of the branch's history"),
    _rule(r"fsck error|error in object|transport '.*' not allowed", InvalidInput),
)  # fmt: skip

_PUSHES = (
    # "stale info", "fetch first" and "non-fast-forward" are found by the client, the others by the server's ref lock.
    _rule(r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to (?:update|lock) ref|incorrect old value"
          r"|reference already exists|failed to write", PushRace, "plan again on the new head"),
    _rule(r"internal server error|failed to report status|timeout", RemoteUnavailable),
    _rule(r"permission denied|insufficient permission|read-only", PermissionDenied, "let the server write to its disk"),
    _rule(r"unpacker error|unpack failed", RemoteUnavailable),
)  # fmt: skip


def call_failed(text: str, doing: str) -> HedgehogError:
    """The error of a git call that failed with *text* on stderr; an unknown text counts as a network problem.

    *text* must be redacted already. Treating unknown errors as retryable is safe: the store gives up after some attempts.
    """
    return _first(_CALLS, text, text, doing) or RemoteUnavailable(f"{doing}: {_shortened(text)}")


def push_refused(summary: str, text: str, doing: str) -> HedgehogError:
    """The error of a push whose ref was not updated: PushRace when the branch moved, else the server's refusal.

    *summary* is what git prints in parentheses. git prints "failed to push some refs" for races and refusals alike, so
    only the summary distinguishes them; *text*, the message of the server, is for the reader.
    """
    shown = f"{summary}. {server_text(text)}".removesuffix(". ")
    # Anything else is a rule of the host: protected branch, pre-receive or update hook, push rule, size limit.
    advice = "allow this account to push to the branch, or name a branch that takes pushes"
    return _first(_PUSHES, summary, shown, doing) or PermissionDenied(f"{doing}: {_shortened(shown)}; {advice}")


def _first(rules: tuple[_Rule, ...], tested: str, shown: str, doing: str) -> HedgehogError | None:
    for rule in rules:
        if rule.pattern.search(tested):
            advice = f"; {rule.advice}" if rule.advice else ""
            return rule.error(f"{doing}: {_shortened(shown)}{advice}")
    return None


def server_text(text: str) -> str:
    """The lines that the server sent (`remote: …`), without the prefix."""
    lines = (line.removeprefix("remote:").strip() for line in text.splitlines() if line.startswith("remote:"))
    return " ".join(line for line in lines if line)


def without_progress(text: bytes) -> bytes:
    """What git printed, without progress lines; of a very long text, the beginning and the end."""
    lines = (line.rstrip(b" \r").rpartition(b"\r")[2] for line in text.split(b"\n"))
    kept = b"\n".join(line for line in lines if not _PROGRESS.fullmatch(line))
    return kept if len(kept) <= 2 * _READ_LIMIT else b"\n".join((kept[:_READ_LIMIT], kept[-_READ_LIMIT:]))


def is_damage(text: str, clone: Path) -> bool:
    """Whether *text* reports damage of the *clone* on this machine, which a new clone repairs."""
    return not is_full(text) and (str(clone) in text or _DAMAGED.search(text) is not None)


def is_full(text: str) -> bool:
    """Whether *text* reports a full disk of this machine."""
    return _FULL.search(text) is not None


def disk_failed(cause: Exception | str, path: Path, what: str) -> DiskUnavailable:
    """The error for a *path* on this machine, which contains *what*, that cannot be read or written."""
    if isinstance(cause, OSError) and cause.strerror:
        path = Path(os.fsdecode(cause.filename)) if cause.filename else path
        cause = cause.strerror
    text = _shortened(str(cause))
    advice = "free space there" if is_full(text) else "let the user of this worker read and write it, or remove it"
    return DiskUnavailable(f"{what}: {path} cannot be used: {text}; {advice}")


def _shortened(text: str) -> str:
    joined = " ".join(text.split()).replace("fatal: ", "")
    joined = _PROMPT.sub("the host refused the credential, or none was given", joined)
    return joined if len(joined) <= _TEXT_LIMIT else joined[:_TEXT_LIMIT] + " …"
