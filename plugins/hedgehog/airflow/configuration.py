"""Airflow's configuration, read without the seconds that importing Airflow takes. If Airflow is loaded, it is asked."""

from __future__ import annotations

import configparser
import os
import sys
from functools import cache
from pathlib import Path

from hedgehog.errors import InvalidInput


def option(section: str, name: str) -> str | None:
    """`[section] name`, or its environment variable; None when neither is set, or the file has nothing after the "=".

    Loads no Airflow for it.
    """
    if name_of_variable(section, name) not in os.environ and "airflow.configuration" in sys.modules:
        from airflow.sdk.configuration import conf

        found: str | None = conf.get(section, name, fallback=None)
        return found or None
    return written_option(section, name)


def written_option(section: str, name: str) -> str | None:
    """`[section] name` as airflow.cfg or the environment has it; None when neither does, whatever Airflow's default is.

    Raises InvalidInput when airflow.cfg exists but cannot be read.
    """
    text = os.environ.get(name_of_variable(section, name))
    return _file().get((section, name)) if text is None else text


def written_names(section: str) -> set[str]:
    """The options of *section* that airflow.cfg or the environment has. Raises InvalidInput as `written_option` does."""
    prefix = name_of_variable(section, "")
    variables = {name.removeprefix(prefix) for name in os.environ if name.startswith(prefix)}
    # Airflow looks for variables in capitals alone; another one is named as it is written, for nobody reads it.
    return {name.lower() if name.isupper() else name for name in variables} | {
        name for found, name in _file() if found == section
    }


def name_of_variable(section: str, name: str) -> str:
    """The environment variable that sets `[section] name`."""
    return f"AIRFLOW__{section.upper()}__{name.upper()}"


def config_file() -> Path:
    """Where Airflow has its configuration."""
    named = os.environ.get("AIRFLOW_CONFIG")
    return Path(named).expanduser() if named else home() / "airflow.cfg"


def home() -> Path:
    """Airflow's directory on this machine."""
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def _file() -> dict[tuple[str, str], str]:
    path = config_file()
    try:
        state = path.stat()
    except OSError:
        return {}
    return _parsed(path, state.st_mtime_ns, state.st_size)


@cache
def _parsed(path: Path, changed: int, size: int) -> dict[tuple[str, str], str]:
    """All options of the file as it was at that moment."""
    parser = configparser.ConfigParser(strict=False)
    try:
        parser.read_string(path.read_text())
        return {
            (name, key): os.path.expanduser(os.path.expandvars(text))  # noqa: PTH111 - values need not be paths
            for name in parser.sections()
            for key, text in parser.items(name)
            if text
        }
    except (OSError, ValueError, configparser.Error) as error:
        raise InvalidInput(f"{path} cannot be read ({type(error).__name__})") from None
