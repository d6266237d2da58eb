"""Whoever may write to the bucket of the backups must not gain more than that."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.objects import small_fabric
from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.services.transfer import backup_manifest
from hedgehog.services.transfer.backup import write_backup
from hedgehog.services.transfer.backup_manifest import MANIFEST_FILE, SIGNATURE_FILE, STATE_FILE, verify
from hedgehog.services.transfer.restore import restore
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from tests.origins import SOMEBODY

NOW = datetime(2026, 5, 1, 3, 40, tzinfo=UTC)
DIGEST = "0" * 64
KEY = "the key"
OBJECTS = "fabrics/lab/objects-0001.yaml"


@pytest.fixture
def filled(database: Connection) -> Connection:
    """A database with the fabric `lab`."""
    fabrics.save_repository(database, "net", {"url": "https://git.example.com/net.git", "connection_id": "net_git"})
    fabrics.save_fabric(database, "lab", {"git_repository": "net", "git_directory": "lab"})
    object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, small_fabric("lab", 1))
    return database


@pytest.fixture
def place(filled: Connection, tmp_path: Path) -> Path:
    """Its backup, without a signature."""
    return Path(write_backup(filled, tmp_path, now=NOW).place)


def change(place: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest."""
    path = place / MANIFEST_FILE
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def odd(path: Path, make: Callable[[Path], object]) -> None:
    """Something in the place of a file."""
    path.unlink()
    make(path)


def link_state(place: Path) -> None:
    """A link to a file with the same content is still no file of the backup."""
    (place / STATE_FILE).rename(place.parent / "elsewhere.json")
    (place / STATE_FILE).symlink_to(place.parent / "elsewhere.json")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda place: change(place, lambda it: it["files"].pop("state.json")), "state.json is not listed"),
        (
            lambda place: change(place, lambda it: it["files"].pop("repositories.yaml")),
            "repositories.yaml is not listed",
        ),
        (
            lambda place: change(place, lambda it: it["files"].update({"../../x": {"sha256": DIGEST, "bytes": 0}})),
            r"'\.\./\.\./x' is not a file of a backup",
        ),
        (
            lambda place: change(
                place, lambda it: it["files"].update({"fabrics/../state.json": {"sha256": DIGEST, "bytes": 0}})
            ),
            "is not a file of a backup",
        ),
        (
            lambda place: change(
                place, lambda it: it["files"].update({"fabrics/x/objects-0001.yaml": {"sha256": DIGEST, "bytes": 0}})
            ),
            "is not a file of a backup",
        ),
        (
            lambda place: (place / "fabrics/lab/objects-0002.yaml").write_text("kind: VPC"),
            "objects-0002.yaml: is not of",
        ),
        (lambda place: (place / "evil.yaml").symlink_to("/etc/passwd"), "evil.yaml: is not of this backup"),
        (lambda place: (place / "evil").symlink_to("/etc"), "evil: is not of this backup"),
        (link_state, "state.json: is not an ordinary file"),
        (lambda place: odd(place / STATE_FILE, os.mkfifo), "state.json: is not an ordinary file"),
        (lambda place: odd(place / MANIFEST_FILE, os.mkfifo), "manifest.json is not an ordinary file"),
        (lambda place: odd(place / MANIFEST_FILE, os.mkdir), "manifest.json is not an ordinary file"),
        (
            lambda place: odd(place / MANIFEST_FILE, lambda it: it.symlink_to("/dev/zero")),
            "manifest.json is not an ordinary file",
        ),
        (lambda place: change(place, lambda it: it["files"]["state.json"].update(bytes=2**40)), "less than or equal"),
        (lambda place: change(place, lambda it: it["files"]["state.json"].update(bytes=True)), "valid integer"),
        (lambda place: change(place, lambda it: it.update(files=[])), "files: Input should be a valid dictionary"),
        (lambda place: change(place, lambda it: it.update(fabrics={"../x": it["fabrics"]["lab"]})), "match pattern"),
        (lambda place: change(place, lambda it: it.update(format="1")), "format: Input should be a valid integer"),
        (lambda place: change(place, lambda it: it.update(more=1)), "more: Extra inputs"),
        (lambda place: (place / MANIFEST_FILE).write_text("[1, 2]"), "cannot be read"),
        (lambda place: (place / MANIFEST_FILE).write_bytes(b'{"format": 1, "format": \xff}'), "cannot be read"),
    ],
)
def test_a_backup_that_was_tampered_with_is_refused_with_the_place(
    filled: Connection, place: Path, harm: Callable[[Path], object], said: str
) -> None:
    """Before anything of it is used, and without a traceback."""
    harm(place)
    with pytest.raises(InvalidInput, match=said):
        restore(filled, place, replace=True, origin=SOMEBODY)


def test_a_manifest_that_cannot_be_read_ends_no_rotation(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Such a backup has no fabric that another one lacks."""
    odd(place / MANIFEST_FILE, os.mkfifo)
    assert backup_manifest.backed_up_fabrics(place) == frozenset()
    assert "manifest.json is not an ordinary file" in caplog.text


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda it: it["fabrics"].clear(), "is about other fabrics"),
        (lambda it: it["fabrics"]["lab"].update(id="7"), "fabrics.lab.id"),
        (lambda it: it["fabrics"]["lab"].update(id=2**40), "fabrics.lab.id"),
        (lambda it: it["fabrics"]["lab"].update(suspended_until="soon"), "fabrics.lab.suspended_until"),
        (lambda it: it["fabrics"]["lab"].update(sync={"git": 7}), "fabrics.lab.sync.git"),
        (lambda it: it["fabrics"]["lab"].pop("sync"), "fabrics.lab.sync: Field required"),
    ],
)
def test_a_state_that_no_backup_has_is_refused(filled: Connection, place: Path, edit: Any, said: str) -> None:
    """Its checksum is right: whoever writes the bucket can make one."""
    path = place / STATE_FILE
    state = json.loads(path.read_text())
    edit(state)
    path.write_text(json.dumps(state))
    digest = backup_manifest.hashlib.sha256(path.read_bytes()).hexdigest()
    change(place, lambda it: it["files"].update({STATE_FILE: {"sha256": digest, "bytes": path.stat().st_size}}))
    with pytest.raises(InvalidInput, match=said):
        restore(filled, place, replace=True, origin=SOMEBODY)


def test_with_a_key_only_what_it_signed_is_restored(filled: Connection, tmp_path: Path) -> None:
    """Unsigned, signed with another key, or changed after it was signed: none of these counts."""
    signed = Path(write_backup(filled, tmp_path, now=NOW, key=KEY).place)
    assert restore(filled, signed, replace=True, key=KEY, origin=SOMEBODY).fabrics == {"lab": "unchanged"}
    with pytest.raises(InvalidInput, match="signed with another key"):
        restore(filled, signed, replace=True, key="another key", origin=SOMEBODY)
    change(signed, lambda it: it.update(created_at="2001-01-01T00:00:00+00:00"))
    with pytest.raises(InvalidInput, match="the backup was changed"):
        restore(filled, signed, replace=True, key=KEY, origin=SOMEBODY)
    (signed / SIGNATURE_FILE).unlink()
    with pytest.raises(InvalidInput, match="is not signed"):
        restore(filled, signed, replace=True, key=KEY, origin=SOMEBODY)


def test_without_a_key_a_signed_backup_is_restored(filled: Connection, tmp_path: Path) -> None:
    """Where the key is lost, the backup is not."""
    signed = Path(write_backup(filled, tmp_path, now=NOW, key=KEY).place)
    assert restore(filled, signed, replace=True, origin=SOMEBODY).fabrics == {"lab": "unchanged"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["files", "fabrics", "a", ".."]), inner)
    ),
    max_leaves=8,
)


@given(
    path=st.lists(st.sampled_from(["files", "fabrics", "lab", "state.json", "sha256", "format"]), max_size=3),
    value=_json,
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_manifest_raises_anything_but_our_own_errors(place: Path, path: list[str], value: Any) -> None:
    """Whatever stands where."""
    original = (place / MANIFEST_FILE).read_bytes()
    manifest = json.loads(original)
    target: Any = manifest
    for name in path[:-1]:
        target = target.get(name) if isinstance(target, dict) else None
    if path and isinstance(target, dict):
        target[path[-1]] = value
    elif not path:
        manifest = value
    try:
        (place / MANIFEST_FILE).write_text(json.dumps(manifest))
        verify(place)
    except HedgehogError as error:
        assert str(error)
    finally:
        (place / MANIFEST_FILE).write_bytes(original)


def sign_anew(place: Path, path: str, content: bytes) -> None:
    """Change a file as somebody who can compute checksums, too."""
    (place / path).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    change(place, lambda manifest: manifest["files"].update({path: entry}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 1\n", "is not an object with kind, namespace and name"),
        (b"kind: VPC\nmetadata: [a]\n", "is not an object with kind, namespace and name"),
        (b"kind: VPC\nmetadata: {name: a}\n", "is not an object with kind, namespace and name"),
        (b"kind: VPC\nmetadata: {name: [], namespace: {}}\n", "are not text"),
        (b"---\nkind: VPC\nmetadata: {name: a, namespace: b}\n" * 2, "VPC/b/a appears twice"),
    ],
)
def test_an_object_that_no_backup_has_is_refused_with_its_place(
    filled: Connection, place: Path, content: bytes, said: str
) -> None:
    """The checksums fit; whoever made them can make those, too."""
    sign_anew(place, OBJECTS, content)
    with pytest.raises(InvalidInput, match=rf"objects-0001\.yaml:\d+:\d+: .*{said}"):
        restore(filled, place, replace=True, origin=SOMEBODY)


@pytest.mark.parametrize("path", ["repositories.yaml", STATE_FILE, OBJECTS])
def test_a_file_that_is_changed_after_it_was_checked_is_refused(
    filled: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A backup may lie where others can write; what is used is what was signed."""
    place = Path(write_backup(filled, tmp_path, now=NOW, key=KEY).place)
    check_first = backup_manifest.verify

    def check_and_change(directory: Path, *, key: str | None = None) -> backup_manifest.BackupManifest:
        manifest = check_first(directory, key=key)
        (place / path).write_bytes((place / path).read_bytes() + b" ")
        return manifest

    monkeypatch.setattr(backup_manifest, "verify", check_and_change)
    with pytest.raises(InvalidInput, match=f"{path}: was changed"):
        restore(filled, place, replace=True, key=KEY, origin=SOMEBODY)
