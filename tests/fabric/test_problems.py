"""What to do about a problem, and the command that does it."""

from __future__ import annotations

import shlex

import pytest

from hedgehog.__main__ import build_parser
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, remedy

SUBJECTS = {ProblemKind.PARKED: "7", ProblemKind.DELIVERY: "7", ProblemKind.PROPOSAL: "7"}
OBJECT = "VPC/default/prod"


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_remedy_names_an_existing_command(kind: ProblemKind, target: Target) -> None:
    """The command line accepts its arguments."""
    command = remedy(kind, fabric="lab", target=target, verb="", subject=SUBJECTS.get(kind, OBJECT)).command
    for part in command.split(" | "):
        program, *words = shlex.split(part)
        assert program == "hedgehog"
        arguments, unknown = build_parser().parse_known_args(words)
        assert (unknown, callable(arguments.run)) == ([], True)


@pytest.mark.parametrize(
    ("target", "subject", "command"),
    [
        (Target.GIT, OBJECT, "hedgehog fabric export lab | hedgehog validate --fabric lab -"),
        (Target.KUBERNETES, OBJECT, "hedgehog fabric export lab | hedgehog validate --fabric lab - --against-cluster"),
        (Target.GIT, "lab/vpcs/a.yaml", "hedgehog validate --fabric lab lab/vpcs/a.yaml"),
        (Target.GIT, "x$(reboot).yaml", "hedgehog validate --fabric lab 'x$(reboot).yaml'"),
    ],
)
def test_a_refused_object_or_file_is_checked_at_its_source(target: Target, subject: str, command: str) -> None:
    """An object in the database, a file in a clone; the name of a file is one argument, whatever characters it has."""
    assert remedy(ProblemKind.REFUSED, fabric="lab", target=target, verb="", subject=subject).command == command


@pytest.mark.parametrize(("target", "place"), [(Target.GIT, "git"), (Target.KUBERNETES, "cluster")])
def test_a_revert_names_the_place_of_the_problem(target: Target, place: str) -> None:
    """Not the place where a person made a valid change."""
    for kind in (ProblemKind.CONFLICT, ProblemKind.FLAPPING):
        assert remedy(kind, fabric="lab", target=target, verb="", subject=OBJECT).command.endswith(
            f"{OBJECT} --in {place}"
        )
