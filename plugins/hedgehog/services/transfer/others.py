"""What files hold beside our configuration and objects of fabrics: documents of other tools, which are left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hedgehog.manifests import configuration, other_tools, yaml
from hedgehog.manifests.intake import Item

_NO_FILE = ""


def without_others(items: Iterable[Item]) -> list[Item]:
    """The *items* that are meant for a fabric: no configuration, and nothing of other tools."""
    return [one for one in items if not (configuration.is_configuration(one.manifest) or _is_of_others(one))]


def about_others(items: Sequence[Item], *, namespace: str) -> tuple[list[str], list[str]]:
    """A note for each of *items* that is left alone, and why kustomizations among them cannot be followed.

    *namespace* is that of the fabric's objects.
    """
    notes, problems = [], []
    for item in filter(_is_of_others, items):
        tool = other_tools.tool_of(item.manifest)
        if tool is not None:
            notes.append(f"{item.place()}: {item.manifest['kind']} is left alone: it is a document of {tool}")
            continue
        faults = other_tools.kustomization_faults(item.manifest, _file(item), directory=None, namespace=namespace)
        problems += [f"{item.place()}: {one}" for one in faults]
    return notes, problems


def _is_of_others(item: Item) -> bool:
    if configuration.is_configuration(item.manifest):
        return False
    return other_tools.tool_of(item.manifest) is not None or other_tools.is_kustomization(item, _file(item))


def _file(item: Item) -> str:
    return item.source.file if isinstance(item.source, yaml.Document) else _NO_FILE
