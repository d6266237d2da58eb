"""Who may sign the commits of a repository, and what happens to commits that nobody of them signed."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

from hedgehog.errors import InvalidInput

_OPENPGP_BLOCK = re.compile(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----$.*?^-----END PGP PUBLIC KEY BLOCK-----$", re.MULTILINE | re.DOTALL
)
_KEY_TYPE = re.compile(r"(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+")
LONGEST = 65_536
"""Characters of a list of allowed signers."""


class Verify(StrEnum):
    """What happens to a revision that no allowed signer has signed, in a fabric whose source of truth is Git."""

    NONE = "none"
    """Signatures are not checked."""
    WARN = "warn"
    """It is taken in, and the outcome says so."""
    REQUIRE = "require"
    """It is not taken in; what was taken in last stays."""


@dataclass(frozen=True, slots=True)
class AllowedSigners:
    """A list of allowed signers: lines as in ssh-keygen(1), ALLOWED SIGNERS, and blocks of OpenPGP public keys."""

    ssh: str
    openpgp: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> AllowedSigners:
        """Raises InvalidInput with the number of the line that is wrong."""
        blocks = tuple(_OPENPGP_BLOCK.findall(text))
        rest = _OPENPGP_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
        if len(text) > LONGEST:
            raise InvalidInput(f"has {len(text)} characters; at most {LONGEST} are allowed")
        for number, line in enumerate(rest.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#") and not _is_signer(line):
                raise InvalidInput(
                    f"line {number} is neither an allowed signer (`who@example.com ssh-ed25519 AAAA…`) nor part of an "
                    "OpenPGP public key"
                )
        return cls(rest.strip() + "\n" if rest.strip() else "", blocks)


def _is_signer(line: str) -> bool:
    """Whether a line has principals, perhaps options, a key type and a key."""
    words = line.split()
    at = next((n for n, word in enumerate(words) if n and _KEY_TYPE.fullmatch(word)), None)
    if at is None or at + 1 >= len(words):
        return False
    try:
        return words[at].encode() in base64.b64decode(words[at + 1], validate=True)[: 4 + len(words[at])]
    except binascii.Error:
        return False


def signers_fault(text: str) -> str:
    """What is wrong with a list of allowed signers; empty for a valid one."""
    try:
        AllowedSigners.parse(text)
    except InvalidInput as error:
        return str(error)
    return ""
