"""The keys that sign commits; an SSH key signs in the form of git's `gpg.format=ssh`, which Git hosts verify. Pure.

An SSH key is used in this process: no file holds it, and no agent is asked.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from hedgehog.errors import InvalidInput

_MAGIC = b"SSHSIG"
_VERSION = 1
_NAMESPACE = b"git"
_HASH = b"sha512"
_WIDTH = 70
_CURVES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_ADVICE = "make one with `ssh-keygen -t ed25519 -N ''`, and give its text"

_Key = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private SSH key that signs commits. It must not need a passphrase."""

    _key: _Key = field(repr=False)

    @classmethod
    def of(cls, text: str, subject: str) -> SigningKey:
        """The key in *text*, as OpenSSH writes it. Raises InvalidInput, about *subject*, without quoting it."""
        try:
            found = serialization.load_ssh_private_key(f"{text.strip()}\n".encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidInput(f"{subject} is not a private key of OpenSSH, or needs a passphrase; {_ADVICE}") from None
        if not isinstance(found, _Key):
            raise InvalidInput(f"{subject} is a key that signs no commits; {_ADVICE}")
        return cls(found)

    @property
    def public(self) -> str:
        """The public key in one line, as a Git host wants it."""
        form, encoding = serialization.PublicFormat.OpenSSH, serialization.Encoding.OpenSSH
        return self._key.public_key().public_bytes(encoding, form).decode()

    def sign(self, content: str) -> str:
        """The signature of a commit whose text is *content*, in armour."""
        digest = hashlib.sha512(content.encode()).digest()
        common = _string(_NAMESPACE) + _string(b"") + _string(_HASH)
        signature = self._signature(_MAGIC + common + _string(digest))
        public = base64.b64decode(self.public.split()[1])
        blob = _MAGIC + _VERSION.to_bytes(4, "big") + _string(public) + common + _string(signature)
        lines = textwrap.wrap(base64.b64encode(blob).decode(), _WIDTH)
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])

    def _signature(self, message: bytes) -> bytes:
        """As SSH encodes a signature: the name of the algorithm, and what it made."""
        key = self._key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return _string(b"ssh-ed25519") + _string(key.sign(message))
        if isinstance(key, rsa.RSAPrivateKey):
            made = key.sign(message, padding.PKCS1v15(), hashes.SHA512())
            return _string(b"rsa-sha2-512") + _string(made)
        first, second = utils.decode_dss_signature(key.sign(message, ec.ECDSA(_CURVES[key.curve.name])))
        return _string(self.public.split()[0].encode()) + _string(_number(first) + _number(second))


@dataclass(frozen=True, slots=True)
class OpenPGPKey:
    """A private OpenPGP key, in armour, that signs commits. It must not need a passphrase."""

    text: str = field(repr=False)

    @classmethod
    def is_in(cls, text: str) -> bool:
        """Whether *text* holds such a key."""
        return "-----BEGIN PGP PRIVATE KEY BLOCK-----" in text


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _number(value: int) -> bytes:
    """A positive number of SSH: with a leading zero where its first bit is set."""
    return _string(value.to_bytes(value.bit_length() // 8 + 1, "big"))
