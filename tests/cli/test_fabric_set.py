"""Single settings of a fabric are changed with the command."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from hedgehog.fabric.settings import FabricSettings
from hedgehog.store.actions import action_rows
from hedgehog.store.database import connect, transaction
from hedgehog.store.fabrics import load_fabric
from tests.cli.lab import connection_uri, filled, hedgehog
from tests.origins import origins

__all__ = ["connection_uri", "filled", "hedgehog"]


def loaded(parameters):
    """The fabric gen."""
    with closing(connect(parameters)) as connection:
        return load_fabric(connection, "gen")


def test_settings_are_changed_and_the_others_stay(filled, database_parameters):
    """What changed is shown, and recorded with the reason."""
    before = loaded(database_parameters)
    words = ("prune_max_objects=20", "labels.site=fra", "drift_policies.VPC=report")
    status, out, err = filled("fabric", "set", "gen", *words, "--reason", "CHG-17")
    assert (status, err) == (0, "")
    assert out == (
        "fabric gen: configured\n  prune_max_objects: 10 → 20\n  labels.site: (none) → fra\n"
        "  drift_policies.VPC: (none) → report\n"
    )
    after = loaded(database_parameters)
    assert (after.prune_max_objects, after.labels, after.drift_policies) == (20, {"site": "fra"}, {"VPC": "report"})
    assert (after.asn, after.git_directory, after.generation) == (
        before.asn,
        before.git_directory,
        before.generation + 1,
    )
    with closing(connect(database_parameters)) as connection:
        (row,) = action_rows(connection, "gen", after=None, limit=9)
        assert origins(connection, "gen")[-1][1:] == ("cli", "CHG-17")
    assert (row["action"], row["reason"]) == ("set", "CHG-17")
    assert row["subjects"] == ["prune_max_objects", "labels", "drift_policies"]


def test_the_same_again_changes_nothing(filled, database_parameters):
    """No generation, and nothing to record."""
    filled("fabric", "set", "gen", "asn=65001")
    generation = loaded(database_parameters).generation
    assert filled("fabric", "set", "gen", "asn=65001")[:2] == (0, "fabric gen: unchanged\n")
    assert loaded(database_parameters).generation == generation
    with closing(connect(database_parameters)) as connection:
        assert len(action_rows(connection, "gen", after=None, limit=9)) == 1


def test_an_entry_of_a_mapping_is_removed_by_an_empty_value(filled, database_parameters):
    """The others stay."""
    filled("fabric", "set", "gen", "labels={site: fra, tier: lab}")
    status, out, _ = filled("fabric", "set", "gen", "labels.tier=", "--output", "json")
    assert (status, loaded(database_parameters).labels) == (0, {"site": "fra"})
    assert json.loads(out)["changes"] == [{"setting": "labels.tier", "from": "lab", "to": None}]


def test_a_dry_run_changes_nothing(filled, database_parameters):
    """And says what would be."""
    before = loaded(database_parameters)
    status, out, _ = filled("fabric", "set", "gen", "settings.vpc_irb_vlans=[[3000, 3100]]", "--dry-run")
    assert (status, out.splitlines()[-1]) == (0, "dry run: nothing was changed")
    assert "settings.vpc_irb_vlans: (none) → [[3000,3100]]" in out
    assert loaded(database_parameters) == before


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "prune_max_object=3",
            "fabric gen: prune_max_object: there is no such setting; did you mean prune_max_objects?",
        ),
        ("asn=many", "fabric gen: asn: 'many' is not an integer"),
        ("asn=0", "fabric gen: asn: 0 is out of bounds; asn is 1 to 4294967295"),
        ("asn.x=1", "fabric gen: asn.x: asn is not a setting with entries of their own"),
        ("labels.=1", "fabric gen: labels.: the name of the entry is missing; write labels.KEY=VALUE"),
        ("description=again", "fabric gen: description is given 2 times; give it once"),
        (
            "settings.fabric_mtuu=1",
            "fabric gen: settings.fabric_mtuu: there is no such setting; did you mean fabric_mtu?",
        ),
        ("drift_policies.VPCC=report", "did you mean VPC?"),
        ("git_repository=none", "there is no git_repository 'none'"),
    ],
)
def test_what_cannot_be_set_is_one_clear_line(filled, database_parameters, word, said):
    """The setting, what is wrong, and what was probably meant; nothing of it is stored."""
    before = loaded(database_parameters)
    status, out, err = filled("fabric", "set", "gen", "description=new", word)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert said in err
    assert loaded(database_parameters) == before


@pytest.mark.parametrize("word", ["asn", "=1", "labels={a: b", "labels=[1]\nother: 2"])
def test_what_is_not_a_setting_is_a_wrong_argument(filled, word):
    """Status 2."""
    status, _, err = filled("fabric", "set", "gen", word)
    assert (status, err.startswith("hedgehog: error: argument SETTING=VALUE: ")) == (2, True)


def test_a_fabric_that_is_not_there_is_not_created(filled):
    """As an import would."""
    status, _, err = filled("fabric", "set", "gne", "asn=65001")
    assert (status, "there is no fabric 'gne'; did you mean gen?" in err) == (1, True)


def test_settings_that_cannot_be_read_are_replaced_as_a_whole(filled, database_parameters):
    """One of them cannot be changed alone."""
    with closing(connect(database_parameters)) as connection, transaction(connection) as cursor:
        cursor.execute("""UPDATE hedgehog.fabric SET settings = '{"fabric_mtu": "wide"}'""")
    status, _, err = filled("fabric", "set", "gen", "settings.fabric_mtu=9000")
    assert (status, "settings.fabric_mtu: 'wide' is not a number" in err) == (1, True)
    assert filled("fabric", "set", "gen", "settings={fabric_mtu: 9000}")[0] == 0
    assert loaded(database_parameters).settings == FabricSettings(fabric_mtu=9000)
