"""Lists of allowed signers."""

from __future__ import annotations

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.signers import LONGEST, AllowedSigners, signers_fault

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKbN7yYWkNzcPYVBzLJqKUkPBZH6SvEdJVTUtGFNVCmX"
BLOCK = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----"


def test_ssh_keys_and_openpgp_keys_stand_in_one_list():
    """With comments and blank lines between them."""
    found = AllowedSigners.parse(
        f'# people\nada@example.com,bob@example.com namespaces="git" {KEY} laptop\n\n{BLOCK}\n'
    )
    assert found.openpgp == (BLOCK,)
    assert f"{KEY} laptop" in found.ssh
    assert AllowedSigners.parse("") == AllowedSigners("", ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KEY, "line 1 is neither"),
        (f"# people\nada@example.com {KEY}\nada@example.com", "line 3 is neither"),
        ("ada@example.com ssh-ed25519 AAAA", "line 1 is neither"),
        ("ada@example.com ssh-ed25519 %%%", "line 1 is neither"),
        (f"{BLOCK}\nada", "line 6 is neither"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nmDME", "line 1 is neither"),
        ("#" * (LONGEST + 1), f"at most {LONGEST} are allowed"),
    ],
)
def test_what_is_no_key_is_named_by_its_line(text, said):
    """Before it is stored: otherwise all revisions would be held."""
    with pytest.raises(InvalidInput, match=said):
        AllowedSigners.parse(text)
    assert said in signers_fault(text)
