"""The desired state of each fabric, and how people change it: imports, pushes, edits by others that policy reverts."""

from __future__ import annotations

import copy
import itertools
import json
import random
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from devstack.chaos.processes import Child
from devstack.chaos.world import PLACES, SOURCE, Place, World
from devstack.objects import make_attachment, make_server, make_vpc, small_fabric
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.hosts.github.webhook import WEBHOOK
from hedgehog.services.repository import webhook
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store

Objects = dict[ObjectRef, Manifest]
_VPCS = 20
"""The numbers of VPCs that are reserved for each fabric."""


@dataclass
class Wish:
    """The desired state of one fabric. `removed` has the objects that were removed since the last comparison."""

    place: Place
    objects: Objects = field(default_factory=dict)
    removed: set[ObjectRef] = field(default_factory=set)
    changes: int = 0


@dataclass
class Wishes:
    """All desired states; the only code that changes them."""

    world: World
    draw: random.Random
    fabrics: dict[str, Wish] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self) -> None:
        """The first state of each fabric, imported without any fault."""
        for position, place in enumerate(PLACES):
            self.fabrics[place.name] = Wish(place)
            found = small_fabric(place.name, position * _VPCS)
            found += [make_server(f"{place.name}-s{number}") for number in range(6)]
            self.ask(place.name, by_ref(found))

    def change(self, name: str) -> Objects:
        """The objects of a fabric after one random change; the desired state is not modified."""
        wish = self.fabrics[name]
        objects = copy.deepcopy(wish.objects)
        number = next(self.numbers)
        servers = sorted(ref for ref in objects if ref.kind == "Server" and ref.name.startswith(f"{name}-s"))
        match self.draw.choice(("edit", "edit", "add", "remove", "vpc")):
            case "add":
                objects |= by_ref([make_server(f"{name}-s{number + 10}", f"made {number}")])
            case "remove" if len(servers) > 4:
                del objects[self.draw.choice([ref for ref in servers if ref.name != f"{name}-srv"])]
            case "vpc":
                objects = self._other_vpc(name, objects, number)
            case _:
                ref = self.draw.choice(servers)
                objects[ref]["spec"]["description"] = f"edit {number}"
        return objects

    def _other_vpc(self, name: str, objects: Objects, number: int) -> Objects:
        """Add or remove a second VPC with its attachment, or change an annotation of the first."""
        base = next(position for position, place in enumerate(PLACES) if place.name == name) * _VPCS
        extra, attachment = ObjectRef("VPC", "default", f"{name}-w"), ObjectRef("VPCAttachment", "default", f"{name}-x")
        if extra in objects:
            return {ref: it for ref, it in objects.items() if ref not in (extra, attachment)}
        connection = next(ref.name for ref in objects if ref.kind == "Connection")
        vpc = make_vpc(extra.name, base + 1 + number % (_VPCS - 1), description=f"vpc {number}")
        return objects | by_ref([vpc, make_attachment(attachment.name, extra.name, connection)])

    def ask(self, name: str, objects: Objects) -> None:
        """Make the change without a fault, and expect it from then on."""
        wish = self.fabrics[name]
        if wish.place.source == "git":
            self.push(name, objects)
            return
        child = self.start_import(name, objects)
        if not child.wait(120) or child.status != 0:
            raise RuntimeError(f"an import of {name} without any fault ended with {child.status}; see workers.log")
        self.expect(name, objects)

    def expect(self, name: str, objects: Objects) -> None:
        """From now on *objects* is the desired state of the fabric."""
        wish = self.fabrics[name]
        wish.removed |= wish.objects.keys() - objects.keys()
        wish.changes += wish.objects != objects
        wish.objects = objects

    def start_import(self, name: str, objects: Objects) -> Child:
        """`hedgehog fabric import --replace` in a process."""
        path = self.world.directory / f"import-{name}-{next(self.numbers)}.yaml"
        path.write_text(yaml.safe_dump_all(list(objects.values()), sort_keys=False))
        return self.world.workers.start("import", f"import/{path.stem}", path=str(path), fabric=name)

    def settle_import(self, name: str, objects: Objects, child: Child) -> str | None:
        """Check an import that may have been killed: all or nothing, and all if it reported so. Returns what is wrong."""
        stored = self.stored(name)
        before = self.fabrics[name].objects
        if stored == objects:
            self.expect(name, objects)
        elif stored != before:
            return f"{name}: an import that ended with {child.status} left neither the old nor the new state"
        elif child.status == 0:
            return f"{name}: an import reported success, but the fabric database does not have its objects"
        return None

    def stored(self, name: str) -> Objects:
        """The content of the fabric database."""
        row = fabrics.load_fabric(self.world.database, name)
        return {one.ref: one.manifest for one in object_store.load_objects(self.world.database, [row.id])[row.id]}

    def push(self, name: str, objects: Objects) -> None:
        """Push the objects of a fabric whose source of truth is Git, bypassing every proxy."""
        wish = self.fabrics[name]
        before, wish_repository = wish.objects, wish.place.repository or ""
        directory = f"fabrics/{name}"
        files: dict[str, str | None] = {
            _path(directory, ref): yaml.safe_dump(it, sort_keys=False)
            for ref, it in objects.items()
            if before.get(ref) != it
        }
        files |= {_path(directory, ref): None for ref in before.keys() - objects.keys()}
        if files:
            self.world.people[wish_repository].commit(files, f"Change {next(self.numbers)}")
        self.expect(name, objects)

    def tell_of_push(self) -> None:
        """The host announces the last push to the repository that Git owns."""
        head = self.world.people[SOURCE].git("rev-parse", "HEAD").strip()
        repository = {"full_name": SOURCE, "clone_url": self.world.proxied_url(SOURCE)}
        payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": head, "repository": repository}
        headers = {"x-github-event": "push", "x-github-delivery": str(uuid.uuid4())}
        webhook.receive(self.world.database, WEBHOOK, headers, json.dumps(payload).encode())


def _path(directory: str, ref: ObjectRef) -> str:
    return str(Path(directory) / f"{ref.kind.lower()}-{ref.name}.yaml")


def by_ref(manifests: list[Manifest]) -> Objects:
    """Manifests by their object ref."""
    return {ObjectRef.of(manifest): manifest for manifest in manifests}
