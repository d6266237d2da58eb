"""Publishing what was found: a check with annotations where the host offers that, else a commit status with comments on
lines; and one comment that is kept up to date.

The conclusion is success or failure, never neutral: a required check that is neutral lets a merge through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hedgehog.hosts.host import CheckResult, Feature, Host, Note, PullRequest
from hedgehog.hosts.markdown import quoted

CHECK_NAME = "Hedgehog fabrics"
"""The name of the check, and the context of the status: what a branch protection rule requires."""
MOST_LINE_COMMENTS = 30
"""New ones per push: each is a notification to people."""
LONGEST_MESSAGE = 60_000
_END_OF_FOLD = "\n</details>"

COMMENT_MARK = "<!-- hedgehog-on-airflow: fabrics of this pull request -->"
"""Begins the one comment, invisibly."""
_NOTE_MARK = "<!-- hedgehog-on-airflow: note {digest} -->"


def publish(host: Host, pull: PullRequest, result: CheckResult) -> str | None:
    """Publish *result* on *pull*, and return the page of our comment, if it has one.

    The check comes first, because merges wait for it; then the lines; then the comment. What a merge queue would merge
    has the check alone.
    """
    if Feature.CHECKS in host.offers:
        host.write_check(pull, result, CHECK_NAME)
    elif Feature.STATUSES in host.offers:
        host.write_status(pull, result, CHECK_NAME)
    if pull.is_queued:
        return None
    if Feature.REVIEWS in host.offers:
        write_line_comments(host, pull, result.notes)
    if Feature.COMMENTS not in host.offers:
        return None
    room = host.type.longest_comment - len(COMMENT_MARK) - 1
    text = shortened(result.summary, room, result.ending)
    return write_comment(host, pull, text, only_update=not result.needs_comment)


def write_line_comments(host: Host, pull: PullRequest, notes: Sequence[Note]) -> int:
    """Comment on the line of each of *notes* that the diff shows; return how many were new.

    A note that was published for an earlier push is not repeated: the host moves its comment, or folds it as outdated.
    """
    if not notes:
        return 0
    shown = {file.path: file.lines for file in host.files(pull)}
    known = list(host.line_comments(pull))
    published = {comment.body.rpartition("\n")[2] for comment in known if comment.author == host.login()}
    wanted = {_mark(note): note for note in notes if note.line in shown.get(note.path, ())}
    comments = [(note, _body(note, mark)) for mark, note in wanted.items() if mark not in published]
    if comments:
        host.add_line_comments(pull, comments[:MOST_LINE_COMMENTS])
    return len(comments[:MOST_LINE_COMMENTS])


def write_comment(
    host: Host, pull: PullRequest, text: str, *, only_update: bool = False, mark: str = COMMENT_MARK
) -> str | None:
    """Make our one comment on *pull* with *mark* say *text*, and return its page.

    The comment is known by its mark and by who wrote it, so that nobody else's is ever overwritten; equal text is not
    written again. With *only_update* a pull request without our comment gets none. The caller shortens *text*.
    """
    body = f"{mark}\n{text}"
    for comment in host.comments(pull):
        if comment.body.startswith(mark) and comment.author == host.login():
            if comment.body.replace("\r\n", "\n").rstrip() != body.rstrip():  # GitLab drops the end
                host.edit_comment(pull, comment, body)
            return comment.url
    return None if only_update else host.add_comment(pull, body).url


def shortened(text: str, limit: int, more: str = " …") -> str:
    """*text*, cut at the end of a line (or of a word, if it is one line) so that it fits with *more* behind it.

    A `<details>` that is open there is closed, or *more* would be hidden in it.
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - len(more) - len(_END_OF_FOLD)]
    end = max(cut.rfind("\n"), 0) or max(cut.rfind(" "), 0) or len(cut)
    cut = cut[:end]
    return cut + (_END_OF_FOLD if cut.count("<details>") > cut.count("</details>") else "") + more


def _body(note: Note, mark: str) -> str:
    """A comment on a line: its texts come from the pull request."""
    message = shortened(quoted(note.message), LONGEST_MESSAGE)
    return f"**{quoted(note.title)}**\n\n{message}\n\n{mark}"


def _mark(note: Note) -> str:
    """What identifies a note across pushes; not its line, which moves."""
    text = "\0".join((note.path, note.title, note.message))
    return _NOTE_MARK.format(digest=hashlib.sha256(text.encode()).hexdigest()[:16])
