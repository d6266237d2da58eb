"""What a commit says of its change: a subject that names it, who asked for it, and why. Pure.

Values, names and reasons come from people: each is on one line, without characters that are not visible, and the trailers
are a paragraph of their own, so that no text can pass for one of them.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import WRITES, Action
from hedgehog.fabric.differences import between
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import GitRepository, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.shown import counted, first_lines, printable
from hedgehog.gitops.commit import SUBJECT_LIMIT, Author
from hedgehog.hosts.markdown import acts
from hedgehog.services.git.plan import FileChange, FilePlan

MOST_COMPARED = 3
"""How many changed files can be those of one object: its own, and what the fabric's settings are written to."""
_MOST_REASONS = 20
_LONGEST_NAME = 100
_WIDTH = 72
_IDENTITY = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>\s]+)>\s*")
_EMAIL = re.compile(r"[^<>\s@]+@[^<>\s@]+\.[^<>\s@]+")
_NAMELESS = "somebody"


@dataclass(frozen=True, slots=True)
class Credits:
    """Who is named in a commit: its author, others who took part, and why they changed something."""

    author: Author
    others: tuple[str, ...] = ()
    """As a trailer has them: `Ada <ada@example.com>`."""
    reasons: tuple[str, ...] = ()


def _one_line(text: str) -> str:
    """*text* on one line, with what is not visible replaced."""
    return printable(" ".join(text.split()))


def subject(fabric: str, plan: FilePlan, before: Mapping[str, Manifest]) -> str:
    """`gen: VPC vpc-3 subnet default 10.0.3.0/24 → 10.0.4.0/24`, or `gen: 12 objects of 3 kinds`.

    *before* has what a changed file said, by path; without it, only the object is named.
    """
    entries: dict[ObjectRef, list[FileChange]] = {}
    for entry in plan.having(*WRITES):
        if entry.ref is not None:
            entries.setdefault(entry.ref, []).append(entry)
    concerned = [ref for ref in entries if ref.kind != FABRIC.kind] or list(entries)
    if not concerned:
        return _fitting(fabric, ["layout"])
    if len(concerned) > 1:
        return _fitting(fabric, [_several(concerned)])
    (ref,) = concerned
    if len(entries[ref]) > 1:
        return _fitting(fabric, [f"{_named(ref)} moved"])
    (entry,) = entries[ref]
    after = next((file.manifest for file in plan.written if file.path == entry.path), None)
    return _fitting(fabric, _one(ref, entry.action, before.get(entry.path), after))


def change_subject(
    fabric: str,
    actions: Mapping[ObjectRef, Action],
    before: Mapping[ObjectRef, Manifest],
    after: Mapping[ObjectRef, Manifest],
) -> str:
    """`gen: VPC vpc-3 subnet default vlan 1003 → 1013`, `gen: 3 objects deleted`, or `gen: 12 objects of 3 kinds`."""
    if len(actions) == 1:
        ((ref, action),) = actions.items()
        return _fitting(fabric, _one(ref, action, before.get(ref), after.get(ref)))
    if set(actions.values()) == {Action.DELETED}:
        return _fitting(fabric, [f"{counted(len(actions), 'object')} {Action.DELETED}"])
    return _fitting(fabric, [_several(actions)])


def _fitting(fabric: str, said: Iterable[str]) -> str:
    """The first of *said* that fits behind the name of the fabric; the last one is cut."""
    line = ""
    for text in said:
        line = _one_line(f"{fabric}: {text}")
        if len(line) <= SUBJECT_LIMIT:
            return line
    return f"{line[: SUBJECT_LIMIT - 1]}…"


def _one(ref: ObjectRef, action: Action, before: Manifest | None, after: Manifest | None) -> Iterator[str]:
    """What happened to one object, from the most exact words to the shortest."""
    name = _named(ref)
    if action is not Action.CONFIGURED or before is None or after is None:
        yield f"{name} {action}"
        return
    found = between(canonical(before), canonical(after))
    if len(found) == 1 and not _acts(found[0].ours) and not _acts(found[0].theirs):
        yield f"{name} {_field(found[0].path)} {_value(found[0].ours)} → {_value(found[0].theirs)}"
    if found:
        yield f"{name} {', '.join(_field(one.path) for one in found)}"
    yield f"{name} {action}"


def _several(refs: Collection[ObjectRef]) -> str:
    kinds = {ref.kind for ref in refs}
    return f"{counted(len(refs), 'object')} of {counted(len(kinds), 'kind')}"


def _named(ref: ObjectRef) -> str:
    return FABRIC.kind if ref.kind == FABRIC.kind else f"{ref.kind} {ref.name}"


def _field(path: str) -> str:
    """`subnet web vlan` for `.spec.subnets.web.vlan`, `subnet web` for `.spec.subnets.web.subnet`."""
    parts = path.removeprefix(".spec").removeprefix(".metadata").strip(".").split(".")
    words: list[str] = []
    is_name = False
    for part in parts[:-1]:
        is_plural = not is_name and part.endswith("s") and not part.endswith("ss")
        words.append(part[:-1] if is_plural else part)
        is_name = is_plural
    return " ".join(words if len(words) > 1 and parts[-1] == words[-2] else [*words, parts[-1]])


def _acts(value: Any) -> bool:
    """Whether a host would do something about a value in a message: notify, close an issue, link to one, run no checks."""
    return acts(_value(value))


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def body(counts: Mapping[str, int], reasons: Sequence[str]) -> str:
    """The reasons, and the number of files for each action."""
    lines = [line for reason in first_lines(reasons, _MOST_REASONS) for line in textwrap.wrap(reason, _WIDTH)]
    files = ", ".join(f"{number} {action}" for action, number in counts.items() if number)
    return "\n".join([*lines, *([""] if lines else []), f"Files: {files or 'layout only'}."])


def credits_of(origins: Sequence[Origin], repository: GitRepository, now: datetime) -> Credits:
    """Whom a commit names, from the origins of its changes, oldest first: the last is the author.

    Without any it is the product. A person without an address of mail gets that of the product.
    """
    asked = [(_identity(one, repository), _one_line(one.why)) for one in origins if one.via is not Via.MIGRATION]
    if not asked:
        return Credits(committer(repository, now))
    last, _ = asked[-1]
    others = dict.fromkeys(f"{name} <{email}>" for (name, email), _ in asked if (name, email) != last)
    reasons = dict.fromkeys(f"{why} ({name})" if others else why for (name, _), why in asked if why)
    return Credits(Author(*last, now), tuple(others), tuple(reasons))


def committer(repository: GitRepository, now: datetime) -> Author:
    """The product, as the repository wants it to be called."""
    return Author(repository.author_name, repository.author_email, now)


def _identity(origin: Origin, repository: GitRepository) -> tuple[str, str]:
    """Name and address of who asked for a change."""
    match = _IDENTITY.fullmatch(origin.who.strip())
    if match is not None:
        return _name(match["name"] or match["email"]), _one_line(match["email"])
    is_address = origin.via is Via.API and _EMAIL.fullmatch(origin.who)
    return _name(origin.who), _one_line(origin.who) if is_address else repository.author_email


def _name(text: str) -> str:
    return _one_line(text.replace("<", "").replace(">", "")).strip(" .,:;\"'\\")[:_LONGEST_NAME] or _NAMELESS
