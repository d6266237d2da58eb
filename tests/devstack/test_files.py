"""Files that vanish while they are read are skipped, and only those."""

from __future__ import annotations

from pathlib import Path

from devstack.files import content, present


def test_the_files_below_a_directory_are_found_with_their_content(tmp_path: Path) -> None:
    """Links are not followed."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("1")
    (tmp_path / "b").write_text("22")
    (tmp_path / "link").symlink_to("b")
    found = [(path, status.st_size, content(path)) for path, status in present(tmp_path)]
    assert sorted(found) == [(tmp_path / "b", 2, b"22"), (tmp_path / "d" / "a", 1, b"1")]


def test_a_file_that_vanishes_meanwhile_is_skipped(tmp_path: Path) -> None:
    """A log that is rotated, or a lock of git."""
    (tmp_path / "d").mkdir()
    for name in ("a", "b", "d/c"):
        (tmp_path / name).write_text("1")
    seen = []
    for path, _ in present(tmp_path):
        seen.append(path.name)
        for other in tmp_path.rglob("?"):
            if other.is_file():
                other.unlink()
    assert len(seen) == 1
    assert content(tmp_path / "gone") == b""
    assert list(present(tmp_path / "gone")) == []
