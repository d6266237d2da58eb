"""Single settings of a fabric are changed, as an import of its document would change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.origin import Origin
from hedgehog.manifests.configuration import configuration_violations, document
from hedgehog.manifests.rule import Violation
from hedgehog.services.transfer.export import settings_of
from hedgehog.services.transfer.load import raise_problems
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric, save_fabric
from hedgehog.store.origins import set_origin


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What became of the settings of a fabric, or in a dry run would become."""

    fabric: str
    action: Action
    differences: tuple[FieldDifference, ...] = ()
    """By setting: the value before and after."""
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "fabric": self.fabric,
            "action": self.action.value,
            "changes": [{"setting": one.path, "from": one.ours, "to": one.theirs} for one in self.differences],
            "dry_run": self.dry_run,
        }


def set_fabric(
    connection: Connection,
    name: str,
    given: Sequence[tuple[str, Any]],
    *,
    origin: Origin,
    dry_run: bool = False,
) -> SettingsChange:
    """Change the settings *given* of a fabric, all of them or none; the others stay.

    `SETTING.KEY` is one entry of a setting that is a mapping, and None takes that entry out. Raises NotFound for an
    unknown fabric, InvalidInput with a line for each setting that does not exist or cannot have its value, and what
    `save_fabric` raises.
    """
    with transaction(connection, keep=not dry_run) as cursor:
        set_origin(cursor, origin)
        before = load_fabric(connection, name)
        values = _merged(before, given)
        violations = configuration_violations(document(FABRIC.kind, name, values))
        raise_problems([f"fabric {name}: {_field(violation)}: {violation.message}" for violation in violations])
        action = save_fabric(connection, name, values)
        differences = _differences(before, load_fabric(connection, name), values)
        if action is not Action.UNCHANGED:
            record_action(cursor, Deed.of(origin, action="set", fabrics=[name], subjects=list(values)))
    return SettingsChange(name, action, tuple(differences), dry_run)


def _field(violation: Violation) -> str:
    """The setting of a violation, as it is given: without the `spec` of the document."""
    return ".".join(map(str, violation.path[1:]))


def _merged(fabric: Fabric, given: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The settings as a document would give them, with those entries of mappings that are not named."""
    values: dict[str, Any] = {}
    words = [word for word, _ in given]
    problems = [
        f"fabric {fabric.name}: {word} is given {words.count(word)} times; give it once"
        for word in dict.fromkeys(words)
        if words.count(word) > 1
    ]
    for word, value in given:
        setting, dot, key = word.partition(".")
        if not dot:
            values[setting] = value
            continue
        if setting not in values:
            values[setting] = settings_of(fabric).get(setting)
        if not isinstance(values[setting], Mapping):
            problems.append(f"fabric {fabric.name}: {word}: {setting} is not a setting with entries of their own")
            continue
        if not key:
            problems.append(
                f"fabric {fabric.name}: {word}: the name of the entry is missing; write {setting}.KEY=VALUE"
            )
            continue
        entries = {name: one for name, one in values[setting].items() if name != key}
        values[setting] = entries if value is None else {**entries, key: value}
    raise_problems(problems)
    return values


def _differences(before: Fabric, after: Fabric, names: Mapping[str, Any]) -> list[FieldDifference]:
    try:
        old = settings_of(before)
    except InvalidInput:  # what cannot be read is replaced
        old = {}
    new = settings_of(after)
    found = []
    for name in names:
        ours, theirs = old.get(name), new.get(name)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            for key in sorted(ours.keys() | theirs.keys()):
                if ours.get(key) != theirs.get(key):
                    found.append(FieldDifference(f"{name}.{key}", ours.get(key), theirs.get(key)))
        elif ours != theirs:
            found.append(FieldDifference(name, ours, theirs))
    return found
