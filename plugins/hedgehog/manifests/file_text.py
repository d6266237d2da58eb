"""The text of a file before anything is parsed: its size, encoding and characters; and what a problem of a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hedgehog.manifests import file_rules
from hedgehog.manifests.rule import Rule

MAX_FILE_BYTES = 10 * 2**20
# What libyaml does not accept, and DEL. A byte order mark is one only at the very start.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ENCRYPTED = "encrypted with {}"
_DECRYPT = "nothing here can decrypt it: commit it as plain text, and keep secrets out of manifests"
_POINTER = ("a pointer of Git LFS; the content is not in Git", "run `git lfs untrack` for it and commit it again")
_STAND_INS: Mapping[bytes, tuple[str, str]] = {
    b"version https://git-lfs.github.com/spec/": _POINTER,
    b"\x00GITCRYPT\x00": (_ENCRYPTED.format("git-crypt"), _DECRYPT),
    b"$ANSIBLE_VAULT;": (_ENCRYPTED.format("Ansible Vault"), _DECRYPT),
    b"age-encryption.org/": (_ENCRYPTED.format("age"), _DECRYPT),
    b"-----BEGIN AGE ENCRYPTED FILE-----": (_ENCRYPTED.format("age"), _DECRYPT),
    b"-----BEGIN PGP MESSAGE-----": (_ENCRYPTED.format("PGP"), _DECRYPT),
}
"""How a file begins that stands for another content → what it is, and what to do."""
_LONGEST_START = max(map(len, _STAND_INS))
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Why a file is refused, and where. Line and column are 0 where the file as a whole is meant."""

    rule: Rule
    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    """What to do, unless the message says it."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}; {self.hint}" if self.hint else f"{place}: {self.message}"


class Unreadable(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def text_of(text: bytes | str, file: str) -> str:
    """*text* without its byte order mark. Raises Unreadable for text that is not given to a parser."""
    size = len(text)
    if size > MAX_FILE_BYTES:
        too_large = FileProblem(
            file_rules.LIMIT, file, 0, 0, f"{size} bytes", f"a file holds at most {MAX_FILE_BYTES}: split it"
        )
        raise Unreadable(too_large)
    begins = text[:_LONGEST_START] if isinstance(text, bytes) else text[:_LONGEST_START].encode(errors="replace")
    for start, (what, advice) in _STAND_INS.items():
        if begins.startswith(start):
            raise Unreadable(FileProblem(file_rules.DOCUMENT, file, 1, 1, what, advice))
    if isinstance(text, bytes):
        if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Unreadable(FileProblem(file_rules.ENCODING, file, 1, 1, "encoded as UTF-16", "save it as UTF-8"))
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line, byte = error.object.count(b"\n", 0, error.start) + 1, error.object[error.start]
            wrong = FileProblem(
                file_rules.ENCODING, file, line, 1, f"not UTF-8 (byte 0x{byte:02x})", "save it as UTF-8"
            )
            raise Unreadable(wrong) from None
    text = text.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(text)
    if bad:
        line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        found = f"control character U+{ord(bad[0]):04X}"
        raise Unreadable(FileProblem(file_rules.ENCODING, file, line, column, found, "remove it"))
    return text


def conflict_in(text: str, file: str) -> FileProblem | None:
    """The problem of a text that is not valid YAML, if it has a mark of a merge conflict; else None."""
    mark = _CONFLICT.search(text)
    if mark is None:
        return None
    line = text.count("\n", 0, mark.start()) + 1
    return FileProblem(
        file_rules.SYNTAX, file, line, 1, "a mark of a merge conflict", "resolve it and commit the result"
    )
