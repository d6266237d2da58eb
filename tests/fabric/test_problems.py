"""What to do about a problem, and the command that does it."""

from __future__ import annotations

import shlex

import pytest

from hedgehog.__main__ import build_parser
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, remedy

SUBJECTS = {ProblemKind.PARKED: "7", ProblemKind.DELIVERY: "7"}
OBJECT = "VPC/default/prod"


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_command_is_one_of_ours(kind: ProblemKind, target: Target) -> None:
    """Its words are those that the command takes."""
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
def test_what_is_refused_can_be_checked_where_it_is(target: Target, subject: str, command: str) -> None:
    """An object in the database, a file in a clone; what a stranger called his file is one word of it."""
    assert remedy(ProblemKind.REFUSED, fabric="lab", target=target, verb="", subject=subject).command == command


@pytest.mark.parametrize(("target", "place"), [(Target.GIT, "git"), (Target.KUBERNETES, "cluster")])
def test_a_revert_is_meant_where_the_problem_is(target: Target, place: str) -> None:
    """Not for what a person wrote at the other place."""
    for kind in (ProblemKind.CONFLICT, ProblemKind.FLAPPING):
        assert remedy(kind, fabric="lab", target=target, verb="", subject=OBJECT).command.endswith(
            f"{OBJECT} --in {place}"
        )
