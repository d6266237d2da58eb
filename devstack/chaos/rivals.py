"""Others who work on the same objects: people who push, a user of kubectl, another controller, clocks that jump."""

from __future__ import annotations

import itertools
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.chaos.verdict import Verdict
from devstack.chaos.wishes import Wishes
from devstack.chaos.world import World
from devstack.objects import make_server
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.client import APPLY_PATCH
from hedgehog.kube.resources import object_path
from hedgehog.store.database import transaction

_TAKEN_BACK = ("beta", "gamma", "delta")
"""Fabrics whose policy reverts what others do in the cluster."""
_JUMP = 3 * 86400


class Rivals:
    """Their actions are drawn from the seed; policy reverts each of them or leaves it in addition to ours."""

    def __init__(self, world: World, wishes: Wishes, verdict: Verdict, draw: random.Random) -> None:
        self.world, self.wishes, self.verdict, self.draw = world, wishes, verdict, draw
        self._numbers = itertools.count(1)
        self.notes: dict[str, str] = {}
        self._busy = threading.Lock()

    def act(self) -> str:
        """One of them does something; returns its name in the report."""
        match self.draw.choice(("edit", "delete", "file", "clock")):
            case "edit":
                self._edit_object()
                return "rival edits an object"
            case "delete":
                self._delete_object()
                return "rival deletes an object"
            case "file":
                self._edit_file()
                return "rival edits a file"
            case _:
                self._move_due()
                return "clock jump"

    def _server(self) -> ObjectRef:
        name = self.draw.choice(_TAKEN_BACK)
        wanted = sorted(ref for ref in self.wishes.fabrics[name].objects if ref.kind == "Server")
        return self.draw.choice([ref for ref in wanted if not ref.name.endswith("-srv")])

    def _edit_object(self) -> None:
        ref = self._server()
        self.world.api.call(
            "OTHER",
            "PATCH",
            object_path(KINDS[ref.kind], ref),
            subject=str(ref),
            query={"fieldManager": "kubectl-edit", "force": "true"},
            body=make_server(ref.name, f"by somebody else {next(self._numbers)}"),
            content_type=APPLY_PATCH,
        )
        self.verdict.meddled.add(ref)

    def _delete_object(self) -> None:
        ref = self._server()
        self.world.api.call("DELETE", "DELETE", object_path(KINDS[ref.kind], ref), subject=str(ref))
        self.verdict.meddled.add(ref)

    def _edit_file(self) -> None:
        """Beta overwrites manual edits of its files."""
        files = self.verdict.files("network", "fabrics/beta")
        servers = [path for path in files if "-s" in path.rpartition("/")[2]]
        if servers:
            path, number = self.draw.choice(servers), next(self._numbers)
            content = None if self.draw.random() < 0.4 else f"# edited {number}\n" + files[path]
            with self._busy:
                self.world.people["network"].commit({path: content}, f"Meddle {number}")

    def _move_due(self) -> None:
        """The clock of the database jumps: due work is no longer due, and other work is."""
        with transaction(self.world.database) as cursor:
            cursor.execute(
                "UPDATE hedgehog.sync_state SET due_at = due_at + make_interval(secs => %s) "
                "WHERE due_at BETWEEN now() - interval '30 days' AND now() + interval '30 days'",
                (self.draw.uniform(-_JUMP, _JUMP),),
            )

    @contextmanager
    def pushing(self) -> Iterator[None]:
        """While the block runs, a person pushes notes to the repository of alpha and beta."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._push_notes, args=(stopped,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _push_notes(self, stopped: threading.Event) -> None:
        for _ in range(4):
            number = next(self._numbers)
            path, text = f"notes/{number}.txt", f"note {number}\n"
            try:
                with self._busy:
                    self.world.people["network"].commit({path: text}, f"Note {number}")
                self.notes[path] = text
            except subprocess.CalledProcessError:
                continue  # we were quicker; a person tries again
            if stopped.wait(0.05):
                return
