"""`hedgehog rollout …`: one change for many fabrics, wave by wave."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command, add_group, duration
from hedgehog.cli.output import age, first_lines_of, progress, screen, show, table
from hedgehog.cli.selection import add_selection, require_selection, selection
from hedgehog.cli.session import fabric_database, run_id, user
from hedgehog.errors import InvalidInput
from hedgehog.fabric.rollouts import Approve, OnFailure, RolloutPolicy, RolloutState, counts_by_state
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.shown import counted
from hedgehog.store import rollouts as store
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.rollouts import RolloutRow, StoredMember

if TYPE_CHECKING:
    from hedgehog.services.rollouts.start import RolloutPlan

_MOST_LISTED = 50
_MOST_SHOWN = 20
_DEFAULT_TIMEOUT = RolloutPolicy().timeout


def add_commands(commands: Any) -> None:
    """Add `rollout` and its subcommands."""
    group = add_group(commands, "rollout", summary="roll one change out to many fabrics, wave by wave")
    _add_start(group)
    parser = add_command(group, "list", _list, summary="show rollouts, the newest first")
    parser.add_argument("--open", action="store_true", dest="open_only", help="only those that are not over")
    parser = add_command(
        group,
        "show",
        _show,
        summary="show how far a rollout is, fabric by fabric; exit status 1 when it needs somebody",
    )
    parser.add_argument("rollout", metavar="ROLLOUT", help="its name or number")
    for name, summary in (
        ("pause", "let no further fabric begin"),
        ("resume", "go on with a paused rollout; what failed is watched again"),
        ("approve", "let the next wave begin, which waits for that"),
        ("abort", "end a rollout where it is; what has the change keeps it"),
    ):
        parser = add_command(group, name, _act, summary=summary)
        parser.set_defaults(act=name)
        _add_about(parser)
    parser = add_command(
        group,
        "rollback",
        _roll_back,
        summary="give every fabric that has the change what it had before, unless somebody changed it since",
        examples="hedgehog rollout rollback vlan-1200 --reason 'servers lost their gateway'",
    )
    _add_about(parser)
    parser = add_command(
        group,
        "step",
        _step,
        summary="do what a rollout needs next now, in this process, without Airflow",
        examples="hedgehog rollout step vlan-1200",
    )
    parser.add_argument("rollout", metavar="ROLLOUT", help="its name or number")


def _add_about(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rollout", metavar="ROLLOUT", help="its name or number")
    parser.add_argument("--reason", default="", metavar="TEXT", help="recorded with who did it")


def _add_start(group: Any) -> None:
    parser = add_command(
        group,
        "start",
        _start,
        summary="plan and validate a change for every fabric, then begin with the first wave",
        examples="""
        hedgehog rollout start vlan-1200.yaml --select site=fra --dry-run
        hedgehog rollout start vlan-1200.yaml --select 'site=fra,tier!=lab' --canary fra-1 --waves 1,10% --soak 15m
        hedgehog rollout start ntp.yaml --all --waves 5% --max-unavailable 20 --approve canary --on-failure rollback
        """,
    )
    parser.add_argument(
        "change", type=Path, metavar="CHANGE", help="file with objects, and refs to delete (docs/changes.md)"
    )
    add_selection(parser, everything=True)
    parser.add_argument("--name", metavar="NAME", help="of the rollout; default: the name of the file")
    parser.add_argument("--canary", action="append", default=[], metavar="NAME", help="fabric of the first wave")
    parser.add_argument(
        "--waves",
        default="",
        metavar="SIZES",
        help="how many have it after each wave, as in 1,10%%; the rest is the last one",
    )
    parser.add_argument("--max-unavailable", metavar="SIZE", help="the most fabrics of a wave, as in 20 or 5%%")
    parser.add_argument(
        "--soak",
        type=duration,
        default=timedelta(0),
        metavar="DURATION",
        help="to watch each fabric before the next wave",
    )
    parser.add_argument(
        "--timeout", type=duration, default=_DEFAULT_TIMEOUT, metavar="DURATION", help="to converge; default: 30m"
    )
    parser.add_argument(
        "--approve", choices=[*map(str, Approve)], default=str(Approve.NONE),
        help="a person lets the second wave (canary) or every further wave begin; default: none",
    )  # fmt: skip
    parser.add_argument(
        "--on-failure", choices=[*map(str, OnFailure)], default=str(OnFailure.HOLD),
        help="when a fabric fails: pause (hold, the default), or take all of it back",
    )  # fmt: skip
    parser.add_argument("--reason", default="", metavar="TEXT", help="recorded in the history of every fabric")
    parser.add_argument("--dry-run", action="store_true", help="plan and validate; write nothing")


def _start(arguments: argparse.Namespace) -> int:
    require_selection(arguments)
    from hedgehog.services.rollouts.start import begin_rollout, plan_rollout
    from hedgehog.services.rollouts.template import read_template

    template = read_template(_content(arguments.change), file=str(arguments.change))
    policy = RolloutPolicy(
        soak=arguments.soak,
        timeout=arguments.timeout,
        approve=Approve(arguments.approve),
        on_failure=OnFailure(arguments.on_failure),
    )
    with fabric_database(arguments) as connection:
        for name in arguments.fabrics:
            load_fabric(connection, name)  # raises NotFound with near names
        with progress(arguments, "planning and validating the change for every fabric"):
            plan = plan_rollout(
                connection,
                arguments.name or arguments.change.stem,
                template,
                selection(arguments) or Selector.named(arguments.fabrics),
                policy=policy,
                canary=arguments.canary,
                sizes=[size for size in arguments.waves.split(",") if size],
                most=arguments.max_unavailable,
            )
        number = None if arguments.dry_run else begin_rollout(connection, plan, why=arguments.reason, actor=user())
    show(arguments, _plan_data(plan, number), lambda: _plan_text(plan, number, every=arguments.verbose))
    return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a directory; name the file with the change") from None


def _plan_data(plan: RolloutPlan, number: int | None) -> dict[str, Any]:
    return {
        "rollout": plan.name,
        "number": number,
        "digest": plan.digest,
        "dry_run": number is None,
        "fabrics": [
            {"fabric": one.fabric.name, "wave": one.wave + 1, "counts": one.changes.counts()} for one in plan.fabrics
        ],
    }


def _plan_text(plan: RolloutPlan, number: int | None, *, every: bool) -> str:
    waves = Counter(one.wave for one in plan.fabrics)
    lines = [
        f"{plan.name}: {counted(len(plan.fabrics), 'fabric')} in {counted(len(waves), 'wave')}, content {plan.digest}"
    ]
    for wave, size in sorted(waves.items()):
        names = [one.fabric.name for one in plan.fabrics if one.wave == wave]
        lines.append(
            f"  wave {wave + 1}, {counted(size, 'fabric')}: {', '.join(first_lines_of(names, _MOST_SHOWN, every=every))}"
        )
    changes = Counter(str(change) for one in plan.fabrics for change in one.changes.writes)
    texts = [f"  {change} in {counted(count, 'fabric')}" for change, count in changes.items()]
    lines += first_lines_of(texts, _MOST_SHOWN, every=every) or ["  every fabric has the change already"]
    if number is None:
        return "\n".join([*lines, "dry run: nothing was written"])
    return "\n".join([*lines, f"begun as number {number}; `hedgehog rollout show {plan.name}` says how far it is"])


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        found = store.rollout_rows(connection, open_only=arguments.open_only, limit=_MOST_LISTED)
    now = datetime.now(UTC)
    columns = ("number", "rollout", "state", "fabrics", "done", "begun", "by", "reason")
    rows = [
        (
            row.id,
            row.name,
            row.state.value,
            sum(counts.values()),
            counts.get("done", 0),
            age(row.started_at, now),
            row.started_by,
            row.reason,
        )
        for row, counts in found
    ]
    text = table(columns, rows, nothing="there are no rollouts", screen=screen(arguments))
    show(arguments, [_data(row, counts) for row, counts in found], lambda: text)
    return 0


def _data(row: RolloutRow, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "number": row.id,
        "rollout": row.name,
        "state": row.state.value,
        "reason": row.reason,
        "why": row.why,
        "selector": str(row.selector),
        "digest": row.digest,
        "fabrics": dict(counts),
        "started_by": row.started_by,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


def _show(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        row = store.load_rollout(connection, arguments.rollout)
        members = store.members_of(connection, row.id)
    _show_rollout(arguments, row, members)
    return 1 if row.state in (RolloutState.PAUSED, RolloutState.APPROVAL) else 0


def _show_rollout(arguments: argparse.Namespace, row: RolloutRow, members: Sequence[StoredMember]) -> None:
    counts = counts_by_state(one.member for one in members)
    fabrics = [
        {
            "fabric": one.member.fabric,
            "wave": one.member.wave + 1,
            "state": one.member.state.value,
            "since": one.member.moved_at,
            "generation": one.generation,
            "reason": one.member.reason,
        }
        for one in members
    ]
    show(arguments, _data(row, counts) | {"members": fabrics}, lambda: _text(arguments, row, counts, members))


def _text(
    arguments: argparse.Namespace, row: RolloutRow, counts: Mapping[str, int], members: Sequence[StoredMember]
) -> str:
    now = datetime.now(UTC)
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    lines = [f"{row.name} (number {row.id}, content {row.digest}): {row.state}; {row.selector.describe()}: {said}"]
    lines += [f"  {row.reason}"] if row.reason else []
    if row.state in _NEXT:
        lines.append(f"  → `hedgehog rollout {_NEXT[row.state]} {row.name}`, or abort, or rollback")
    rows = [
        (one.member.fabric, one.member.wave + 1, one.member.state.value, age(one.member.moved_at, now), one.generation, one.member.reason)
        for one in members
    ]  # fmt: skip
    columns = ("fabric", "wave", "state", "since", "generation", "reason")
    return "\n".join([*lines, "", table(columns, rows, nothing="it has no fabrics", screen=screen(arguments))])


_NEXT = {RolloutState.PAUSED: "resume", RolloutState.APPROVAL: "approve"}


def _act(arguments: argparse.Namespace) -> int:
    from hedgehog.services.rollouts import steering as steer

    acts = {
        "pause": steer.pause_rollout,
        "resume": steer.resume_rollout,
        "approve": steer.approve_rollout,
        "abort": steer.abort_rollout,
    }
    act = acts[arguments.act]
    with fabric_database(arguments) as connection:
        row = act(connection, arguments.rollout, reason=arguments.reason, actor=user(), now=datetime.now(UTC))
        members = store.members_of(connection, row.id)
    counts = counts_by_state(one.member for one in members)
    show(arguments, _data(row, counts), lambda: f"{row.name} is {row.state}")
    return 0


def _roll_back(arguments: argparse.Namespace) -> int:
    from hedgehog.services.rollouts import steering as steer

    with fabric_database(arguments) as connection, progress(arguments, "taking the rollout back"):
        row, left = steer.roll_back_rollout(
            connection,
            arguments.rollout,
            reason=arguments.reason,
            actor=user(),
            run_id=run_id(),
            now=datetime.now(UTC),
        )
        members = store.members_of(connection, row.id)
    counts = counts_by_state(one.member for one in members)
    lines = [f"{row.name} is taken back: {counted(counts.get('taken_back', 0), 'fabric')}; their syncs follow"]
    lines += [f"  {fabric}: {why}" for fabric, why in sorted(left.items())]
    show(arguments, _data(row, counts) | {"left": left}, lambda: "\n".join(lines))
    return 1 if left else 0


def _step(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_host, open_mirror
    from hedgehog.services.plans.publication import request_access
    from hedgehog.services.rollouts.step import step

    with fabric_database(arguments) as connection, progress(arguments, "moving the rollout on"):
        step(
            connection,
            arguments.rollout,
            open_mirror=open_mirror,
            requests=request_access(open_host),
            open_cluster=open_cluster,
            run_id=run_id(),
            now=datetime.now(UTC),
        )
        row = store.load_rollout(connection, arguments.rollout)
        members = store.members_of(connection, row.id)
    _show_rollout(arguments, row, members)
    return 0
