"""Writes the pages that can be derived: `DAGS.md` from the DAG files, `errors.md` from `hedgehog.errors`, `rules.md`
from the rules of validation, `problems.md` from `hedgehog.fabric.problems`, `settings.md` from
`hedgehog.airflow.settings`, `openapi.json` and the table of permissions in `api.md` from the routes of the API, the
table of rooms in `architecture.md`, and that of Git hosts in `hosts.md`.

    PYTHONPATH=plugins:. python docs/generate.py            writes them
    PYTHONPATH=plugins:. python docs/generate.py --check    ends with 1 and shows the difference when one is stale

Needs no server and no database: Airflow is imported with a home of its own that is thrown away.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import os
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from docs.commands import commands_page
from docs.dags import dags_page
from docs.hosts import with_hosts
from docs.rooms import with_rooms
from docs.text import NOTICE, join, table
from hedgehog import admission, errors, manifests
from hedgehog.__main__ import build_parser
from hedgehog.fabric.problems import REMEDIES
from hedgehog.hosts.registry import host_types
from hedgehog.manifests.rule import RULES
from hedgehog.services.kubernetes import dry_run  # noqa: F401 - has a rule of its own

ROOT = Path(__file__).resolve().parents[1]


# errors.md


def errors_page(errors: ModuleType) -> str:
    """The drawn tree, and one row per class with what happens when it is raised."""
    drawn = inspect.cleandoc(errors.__doc__ or "")
    tree = "\n".join(line for line in drawn.splitlines() if line.startswith("    "))
    rows = [
        (f"`{name}`", _reaction(error, errors), inspect.cleandoc(error.__doc__ or "").replace("\n", " "))
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, Exception) and error.__module__ == errors.__name__
    ]
    head = [NOTICE.format(source="plugins/hedgehog/errors.py"), "# Errors", _ERRORS_INTRODUCTION]
    return join([*head, tree, table(("error", "reaction", "meaning"), rows), _REACTIONS])


_ERRORS_INTRODUCTION = """\
Every error that the product raises on purpose, sorted by the reaction it needs. Tables, logs and metrics show the name of
the class as the reason; the message says which object is affected, what is wrong and what to do next."""

_REACTIONS = """\
**retry**: the fabric stays due. It is retried automatically, at growing intervals, or at the time that the server asked
for. After the last attempt it is parked.

**park**: correct the cause that the message names. The fabric is retried about once an hour, and sooner when the cause
seems to be gone: the watch reaches the cluster or the kind again, the repository can be read again, or its row or the
fabric changes. `InvalidInput` at Git waits for such a change only. To retry it now, trigger the sync with
*Check everything*."""


def _reaction(error: type[Exception], errors: ModuleType) -> str:
    if issubclass(error, errors.RetryableError):
        return "retry"
    return "park" if issubclass(error, errors.PermanentError) else ""


# problems.md


def problems_page(remedies: Mapping[Any, Any]) -> str:
    """One row per kind of problem."""
    rows = (
        (f"`{kind}`", one.meaning, one.advice, f"`{one.command.format_map(_PLACEHOLDERS)}`")
        for kind, one in remedies.items()
    )
    head = [NOTICE.format(source="plugins/hedgehog/fabric/problems.py"), "# Problems", _PROBLEMS_INTRODUCTION]
    return join([*head, table(("problem", "meaning", "what to do", "command"), rows)])


_PLACEHOLDERS = {"fabric": "FABRIC", "target": "git|kubernetes", "place": "git|cluster", "subject": "OBJECT|ID"}
_PROBLEMS_INTRODUCTION = """\
The view `hedgehog.problem` lists everything that keeps a fabric from being as it is wanted: its subject, its cause, since
when it is open and what to do. A problem is open from the run that finds it until a run no longer finds it. `hedgehog
status`, the task `summary` of every run, the metric `hedgehog_problems` and the alert HedgehogProblemOpen show it.

A run is red when something failed or waits for a person, whether this run or an earlier one found it. With `[hedgehog]
open_problems = warn` (default `fail`), problems that wait are only named in the log. A run for named fabrics reports only
the problems of these fabrics. A problem of the kind `failing` is retried automatically and does not wait for a person; nor
does any problem of a suspended fabric."""


# rules.md


def rules_page(rules: Mapping[str, Any]) -> str:
    """One table per subject, by the first word of the rules' names."""
    subjects: dict[str, list[Any]] = {}
    for name in sorted(rules):
        subjects.setdefault(name.partition("-")[0], []).append(rules[name])
    head = [
        NOTICE.format(source="plugins/hedgehog/admission/rules"),
        "# Rules",
        _RULES_INTRODUCTION.format(count=len(rules)),
    ]
    return join([*head, *(part for subject in subjects.items() for part in _subject(*subject))])


_RULES_INTRODUCTION = """\
`hedgehog validate`, pull requests and every sync check these {count} rules. A Hedgehog cluster refuses an object with an
**error**; it accepts one with a **warning**, although that is hardly ever wanted, and `--strict` turns warnings into
errors. The name of a rule never changes. *Source* is the place in upstream's code, in githedgehog/fabric unless another
repository is named; a rule with the source *ours* is not in upstream's code. [validation.md](validation.md) describes how
to use the rules."""


def _subject(name: str, rules: Sequence[Any]) -> Iterator[str]:
    yield f"## {name}"
    rows = ((f"`{rule.id}`", rule.severity.value, rule.what, rule.why, rule.source, rule.fix) for rule in rules)
    yield table(("rule", "severity", "what must hold", "why", "source", "what to do"), rows)


# settings.md


def settings_page(groups: Mapping[str, Sequence[Any]]) -> str:
    """One table per group of settings."""
    head = [NOTICE.format(source="plugins/hedgehog/airflow/settings.py"), "# Settings", _SETTINGS_INTRODUCTION]
    return join([*head, *(part for group in groups.items() for part in _settings_of(*group))])


_SETTINGS_INTRODUCTION = """\
Set these in `airflow.cfg` under `[hedgehog]`, or as the environment variable `AIRFLOW__HEDGEHOG__<NAME>` in capitals, with
the same values on every component of Airflow. Schedules are in UTC; each has the name of its DAG ([DAGS.md](DAGS.md))
without `hedgehog_`.

`hedgehog setup --check`, the self-test and the logs of Airflow's components (when they start and when they parse DAGs)
report unknown names and values that are not allowed. An unknown name has no other effect. A wrong schedule keeps its DAG
from being parsed, and a wrong `git_timeout` keeps all DAGs from being parsed; any other wrong value fails the tasks that
read it. No message quotes a secret."""


def _settings_of(title: str, settings: Sequence[Any]) -> Iterator[str]:
    yield f"## {title}"
    rows = (
        (
            f"`{one.name}`",
            f"`{one.default_text}`" if one.default_text else "",
            one.allowed.words,
            one.meaning,
            one.since,
        )
        for one in settings
    )
    yield table(("setting", "default", "what it may be", "meaning", "since"), rows)


# all


def own_airflow(home: Path) -> None:
    """Have Airflow, which nobody has imported yet, find this repository and nothing else."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]  # the page says what the defaults are, not what is set on this machine
    settings = {
        "CORE__DAGS_FOLDER": ROOT / "dags",
        "CORE__PLUGINS_FOLDER": ROOT / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "LOGGING__LOGGING_LEVEL": "WARNING",
    }
    os.environ.update({"AIRFLOW_HOME": str(home), **{f"AIRFLOW__{key}": str(value) for key, value in settings.items()}})


def load_dags(home: Path) -> Mapping[str, Any]:
    """The DAGs of this repository, parsed by an Airflow of its own in *home*. Raises RuntimeError on import errors."""
    own_airflow(home)
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 - reads the variables above when imported

    bag = DagBag(str(ROOT / "dags"), bundle_name="hedgehog")
    if bag.import_errors:
        raise RuntimeError("\n".join(bag.import_errors.values()))
    return bag.dags


def pages() -> dict[str, Callable[[], str]]:
    """The function that makes each page, by file name."""
    return {
        "DAGS.md": _make_dags_page,
        "openapi.json": _make_openapi,
        "api.md": _make_api_page,
        "architecture.md": _make_architecture_page,
        "commands.md": _make_commands_page,
        "errors.md": _make_errors_page,
        "hosts.md": _make_hosts_page,
        "problems.md": _make_problems_page,
        "rules.md": _make_rules_page,
        "settings.md": _make_settings_page,
    }


def _make_dags_page() -> str:
    with tempfile.TemporaryDirectory(prefix="hedgehog-docs-") as home:
        dags = load_dags(Path(home))
        from hedgehog.airflow.names import POOLS  # noqa: PLC0415 - imports Airflow

        return dags_page(dags, POOLS)


def _make_openapi() -> str:
    from docs.api import openapi_page  # noqa: PLC0415 - imports the Airflow that was set up for the DAGs

    return openapi_page()


def _make_api_page() -> str:
    from docs.api import with_permissions  # noqa: PLC0415 - imports the Airflow that was set up for the DAGs

    return with_permissions((ROOT / "docs" / "api.md").read_text(encoding="utf-8"), table)


def _make_architecture_page() -> str:
    return with_rooms((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), ROOT / "plugins" / "hedgehog")


def _make_hosts_page() -> str:
    return with_hosts((ROOT / "docs" / "hosts.md").read_text(encoding="utf-8"), host_types())


def _make_commands_page() -> str:
    return join([NOTICE.format(source="the parsers in plugins/hedgehog/cli"), *commands_page(build_parser())])


def _make_errors_page() -> str:
    return errors_page(errors)


def _make_problems_page() -> str:
    return problems_page(REMEDIES)


def load_rules() -> Mapping[str, Any]:
    """Every rule by its id, also of a module that nothing imports yet."""
    for package in (admission, manifests):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return RULES


def _make_rules_page() -> str:
    return rules_page(load_rules())


def _make_settings_page() -> str:
    from hedgehog.airflow.settings import GROUPS  # noqa: PLC0415 - imports Airflow

    return settings_page(GROUPS)


def stale(directory: Path, made: Mapping[str, str]) -> str:
    """The difference between the pages in *directory* and those *made* now; empty when they are the same."""
    lines: list[str] = []
    for name, page in made.items():
        path = directory / name
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(
            present.splitlines(keepends=True),
            page.splitlines(keepends=True),
            f"docs/{name}",
            f"docs/{name} (generated)",
        )
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; with --check return 1 and show the difference when one is stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a page is stale")
    parser.add_argument("--directory", type=Path, default=ROOT / "docs", help="where the pages are (default: docs/)")
    options = parser.parse_args(arguments)
    made = {name: make() for name, make in pages().items()}
    if options.check:
        difference = stale(options.directory, made)
        if difference:
            sys.stdout.write(f"{difference}\nstale: run `make format` and commit the pages\n")
        return 1 if difference else 0
    for name, page in made.items():
        (options.directory / name).write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
