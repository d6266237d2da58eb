"""A restore from Git takes all of a fabric or nothing: what cannot be read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import GitRepository
from hedgehog.services.transfer.restore import restore_from_git
from hedgehog.store import fabrics, git_files, migrate
from hedgehog.store import objects as object_store
from hedgehog.store.git_files import GitFile
from tests.origins import SOMEBODY
from tests.services.git.sync_lab import make_vpc, open_lab


@pytest.fixture
def lab(database, tmp_path: Path):
    """A fabric that was published."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab")
        lab.sync("lab")
        yield lab


@pytest.mark.parametrize("path", ["fabrics/lab/vpcs", "fabrics/lab/vpcs/vpc-1.yaml", "fabrics/lab/fabric.yaml"])
def test_a_link_ends_the_restore_and_nothing_changes(lab, path):
    """Half a fabric would be deleted from its cluster later."""
    ada = lab.person()
    ada.pull()
    ada.git("mv", path, "moved")
    (ada.directory / path).symlink_to("/etc")
    ada.publish()
    repository = GitRepository(0, "net", lab.host.url("net"))
    with pytest.raises(InvalidInput, match=f"{path}: is a symbolic link, which is never followed"):
        restore_from_git(lab.database, lab.open_mirror(repository), repository, replace=True, origin=SOMEBODY)
    assert len(object_store.load_objects(lab.database, [lab.id("lab")])[lab.id("lab")]) == 2


def test_records_of_before_belong_to_the_same_files_after_the_migration(database):
    """Only those of a second object of a file are changed, whatever else has a # in its name."""
    fabrics.save_fabric(database, "lab", {})
    fabric = fabrics.load_fabric(database, "lab")
    vpcs = [make_vpc(name) for name in ("a", "b")]
    object_store.save_objects(database, fabric.id, vpcs)
    stored = object_store.load_objects(database, [fabric.id])[fabric.id]
    paths = ["CHG#17.yaml", "CHG#17.yaml#VPC/default/b"]
    records = [
        GitFile(path, one.ref, "0" * 40, one.digest, one.manifest) for path, one in zip(paths, stored, strict=True)
    ]
    (text,) = (one.sql for one in migrate.load() if "record_paths" in one.name)
    with database.cursor() as cursor:
        git_files.record(cursor, fabric.id, written=records, removed=[])
        cursor.execute(text)
    assert sorted(git_files.files(database, [fabric.id])[fabric.id]) == ["CHG#17.yaml", "CHG#17.yaml//VPC/default/b"]
