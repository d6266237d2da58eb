"""`hedgehog proposals …` and `hedgehog approval …`: changes that wait for approval, and which changes do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command, add_group, add_reason
from hedgehog.cli.output import age, cell, note, screen, show, table
from hedgehog.cli.session import fabric_database, origin, user
from hedgehog.errors import Superseded
from hedgehog.fabric.proposals import ApprovalRule, Proposal, ProposalStatus
from hedgehog.fabric.selectors import parse_selector
from hedgehog.services.browse.naming import kind_named
from hedgehog.store import approval_rules
from hedgehog.store import proposals as store
from hedgehog.store.plans import load_plan

if TYPE_CHECKING:
    from hedgehog.services.plans.deciding import Decided

_COLUMNS = ("id", "fabric", "status", "author", "age", "why it needs approval", "reason")
_RULE_COLUMNS = ("name", "fabrics", "author may approve", "review approves", "changes")
_NO_DIFFERENCE = "the fabric holds that already"


def add_commands(commands: Any) -> None:
    """Add `proposals` and `approval`."""
    group = add_group(commands, "proposals", summary="changes that wait for approval: show, approve and reject them")
    parser = add_command(
        group,
        "list",
        _list,
        summary="show what waits for approval, the newest first",
        examples="hedgehog proposals list\nhedgehog proposals list gen --all",
    )
    parser.add_argument("fabric", nargs="?", metavar="FABRIC", help="default: all")
    parser.add_argument("--all", action="store_true", help="also those that were decided")
    parser = add_command(group, "show", _show, summary="show a proposal with its plan")
    _add_number(parser)
    parser = add_command(
        group,
        "approve",
        _approve,
        summary="approve a proposal and store its change, if its plan still holds; exit status 1 if not",
        examples='hedgehog proposals approve 7 --reason "window of tonight"',
    )
    _add_number(parser)
    add_reason(parser)
    parser = add_command(
        group,
        "reject",
        _reject,
        summary="reject a proposal: nothing of it is stored",
        examples='hedgehog proposals reject 7 --reason "use vlan 1300"',
    )
    _add_number(parser)
    add_reason(parser)
    _add_rules(commands)


def _add_rules(commands: Any) -> None:
    group = add_group(commands, "approval", summary="which changes need approval")
    add_command(group, "list", _rules, summary="show the rules")
    parser = add_command(
        group,
        "require",
        _require,
        summary="have changes of some fabrics need approval: all of them, or those above limits; replaces a rule of that name",
        examples="""
        hedgehog approval require prod --select tier=prod --above-deleted 5 --above-switches 4 --kinds Switch,Connection
        hedgehog approval require gen --select fabric=gen                 # every change of one fabric
        hedgehog approval require net --select repository=net             # of the fabrics of a repository
        """,
    )
    parser.add_argument("name", metavar="RULE", help="a name of your choice")
    parser.add_argument(
        "--select", required=True, metavar="SELECTOR", help="the fabrics, as in fabric=gen, repository=net or tier=prod"
    )
    parser.add_argument("--above-deleted", type=_number, metavar="N", help="if more than N objects are deleted")
    parser.add_argument("--above-switches", type=_number, metavar="N", help="if more than N switches are concerned")
    parser.add_argument("--kinds", default="", metavar="KIND,…", help="if an object of one of these kinds changes")
    parser.add_argument(
        "--author-may-approve", action="store_true", help="who makes a change may approve it, as a second look"
    )
    parser.add_argument(
        "--without-reviews",
        action="store_true",
        help="an approving review of the pull request with which a change was pushed does not count as an approval",
    )
    parser = add_command(group, "drop", _drop, summary="delete a rule; what waits because of it stays a proposal")
    parser.add_argument("name", metavar="RULE")


def _add_number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=_number, metavar="ID")


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _list(arguments: argparse.Namespace) -> int:
    statuses = list(ProposalStatus) if arguments.all else [ProposalStatus.WAITING, ProposalStatus.APPROVED]
    with fabric_database(arguments) as connection:
        found = store.list_proposals(connection, statuses, fabric=arguments.fabric)
    now = datetime.now(UTC)
    rows = [
        (
            *(one.id, one.fabric, one.status.value, one.origin.who, age(one.created_at, now)),
            *("; ".join(one.reasons), one.origin.why),
        )
        for one in found
    ]
    nothing = "nothing waits for approval"
    show(
        arguments,
        [one.as_dict() for one in found],
        lambda: table(_COLUMNS, rows, nothing=nothing, screen=screen(arguments)),
    )
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from hedgehog.services.plans.text import plan_text

    with fabric_database(arguments) as connection:
        proposal = store.load_proposal(connection, arguments.number)
        plan = load_plan(connection, proposal.plan_id).plan
    data = proposal.as_dict() | {"document": plan.as_dict()}
    show(arguments, data, lambda: "\n".join([*_lines(proposal), "", plan_text(plan, every=arguments.verbose)]))
    return 0


def _lines(proposal: Proposal) -> Sequence[str]:
    why = f": {cell(proposal.origin.why)}" if proposal.origin.why else ""
    lines = [f"Proposal {proposal.id} for {proposal.fabric} by {cell(proposal.origin.who)}{why}"]
    lines.append(f"needs approval by {'; '.join(proposal.reasons)}")
    decided = f" by {cell(proposal.decided_by)}" if proposal.decided_by else ""
    decision = f": {cell(proposal.decision)}" if proposal.decision else ""
    lines.append(f"{proposal.status}{decided}{decision}")
    if proposal.review and proposal.review != proposal.decision:
        lines.append(f"reviews: {cell(proposal.review)}")
    if proposal.superseded_by:
        lines.append(f"proposal {proposal.superseded_by} replaces it")
    return lines


def _approve(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.proposals import approve

    with fabric_database(arguments) as connection:
        done = approve(connection, arguments.number, origin=origin(arguments))
    if done.proposal.status is ProposalStatus.SUPERSEDED:
        raise Superseded("\n".join(_superseded_lines(done)))
    return _show_decided(arguments, done)


def _superseded_lines(done: Decided) -> Sequence[str]:
    following = done.proposal.superseded_by
    instead = f"proposal {following} waits instead" if following else _NO_DIFFERENCE
    return [f"proposal {done.proposal.id} no longer holds; nothing was stored; {instead}", *done.differences]


def _reject(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.proposals import reject

    with fabric_database(arguments) as connection:
        done = reject(connection, arguments.number, origin=origin(arguments))
    return _show_decided(arguments, done)


def _show_decided(arguments: argparse.Namespace, done: Decided) -> int:
    changes = [{"object": str(one.ref), "action": one.action.value} for one in done.changes.writes]
    lines = [f"proposal {done.proposal.id} is {done.proposal.status}"]
    if done.proposal.status is ProposalStatus.APPROVED:
        lines[0] += "; the next look at its repository takes it in (`hedgehog pull` does so now)"
    lines += [f"  {change}" for change in done.changes.writes]
    show(arguments, done.proposal.as_dict() | {"changes": changes}, lambda: "\n".join(lines))
    return 0


def note_proposal(proposal: Proposal) -> None:
    """Say on stderr that a change was not stored, and what it waits for."""
    note(
        f"nothing is stored yet: it waits for approval as proposal {proposal.id} ({'; '.join(proposal.reasons)}); "
        f"`hedgehog proposals show {proposal.id}`"
    )


def _rules(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        found = approval_rules.load_rules(connection)
    rows = [(one.name, str(one.selector), one.author_may_approve, one.review_decides, one.condition) for one in found]
    nothing = "no change needs approval; `hedgehog approval require` changes that"
    show(arguments, [_plain(one) for one in found], lambda: table(_RULE_COLUMNS, rows, nothing=nothing))
    return 0


def _plain(rule: ApprovalRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "select": str(rule.selector),
        "above_deleted": rule.max_deleted,
        "above_switches": rule.max_switches,
        "kinds": sorted(rule.kinds),
        "author_may_approve": rule.author_may_approve,
        "review_decides": rule.review_decides,
    }


def _require(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.proposals import keep_rule

    kinds = frozenset(kind_named(word.strip()) for word in arguments.kinds.split(",") if word.strip())
    rule = ApprovalRule(
        arguments.name,
        parse_selector(arguments.select),
        arguments.above_deleted,
        arguments.above_switches,
        kinds,
        arguments.author_may_approve,
        not arguments.without_reviews,
    )
    with fabric_database(arguments) as connection:
        keep_rule(connection, rule, actor=user())
    show(arguments, _plain(rule), lambda: f"changes of {rule.selector} need approval: {rule.condition}")
    return 0


def _drop(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.proposals import drop_rule

    with fabric_database(arguments) as connection:
        drop_rule(connection, arguments.name, actor=user())
    show(arguments, {"name": arguments.name, "action": "deleted"}, lambda: f"rule {arguments.name} is deleted")
    return 0
