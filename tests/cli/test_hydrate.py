"""`hedgehog hydrate`."""

from __future__ import annotations

import json

import pytest

SWITCH = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata:
  name: spine-1 # the one
spec:
  role: spine
"""


@pytest.fixture
def wiring(tmp_path, monkeypatch):
    """A directory with one file, which is the current one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "include" / "wiring.yaml"
    path.parent.mkdir()
    path.write_text(SWITCH)
    path.chmod(0o640)
    return path


def test_without_an_option_nothing_is_written(command, wiring):
    """It shows what would be assigned, and where."""
    status, out, err = command("hydrate", ".")
    assert (status, wiring.read_text()) == (0, SWITCH)
    assert out.splitlines()[1].split() == [
        "include/wiring.yaml:1",
        "Switch/default/spine-1",
        "spec.ip",
        "172.30.0.5/21",
    ]
    assert "nothing was written; do it with --in-place or --write-to DIRECTORY" in err


def test_in_place_it_is_written_once(command, wiring):
    """With the mode of the file, and no file beside it; the second time nothing is missing."""
    assert command("hydrate", "--in-place", ".")[0] == 0
    assert wiring.read_text() == SWITCH + "  ip: 172.30.0.5/21\n  protocolIP: 172.30.8.0/32\n  asn: 65100\n"
    assert (wiring.stat().st_mode & 0o777, list(wiring.parent.iterdir())) == (0o640, [wiring])
    assert command("hydrate", "--in-place", ".")[:2] == (0, "nothing is missing\n")


def test_elsewhere_it_is_written_below_the_same_path(command, wiring, tmp_path):
    """The files themselves stay."""
    assert command("hydrate", "include", "--write-to", "new")[0] == 0
    assert "asn: 65100" in (tmp_path / "new" / "include" / "wiring.yaml").read_text()
    assert wiring.read_text() == SWITCH


def test_nothing_is_written_elsewhere_if_a_file_has_no_place_there(command, wiring, tmp_path, monkeypatch):
    """Half of a wiring would be of no use."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "own.yaml").write_text(SWITCH.replace("spine-1", "spine-2"))
    monkeypatch.chdir(tmp_path / "here")
    status, _, err = command("hydrate", "own.yaml", "../include", "--write-to", "new")
    assert (status, "is outside of this directory" in err) == (1, True)
    assert not (tmp_path / "here" / "new").exists()


def test_json_has_every_assignment(command, wiring):
    """For programs."""
    told = json.loads(command("hydrate", ".", "--output", "json")[1])
    assert (told["before"], [one["value"] for one in told["assigned"]]) == (
        "none",
        ["172.30.0.5/21", "172.30.8.0/32", 65100],
    )


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["hydrate", "-"], 1, "name files"),
        (["hydrate", "nowhere"], 1, "nowhere"),
        (["hydrate", "--mode", "none", "."], 2, "missing"),
        (["hydrate", "--mode", "never", "."], 1, "the wiring lacks addresses or ASNs"),
        (["hydrate", "--in-place", "--write-to", "x", "."], 2, "not allowed with"),
    ],
)
def test_wrong_use_is_answered_in_one_line(command, wiring, arguments, status, reason):
    """And nothing is written."""
    found, _, err = command(*arguments)
    assert (found, reason in err, wiring.read_text()) == (status, True, SWITCH)
