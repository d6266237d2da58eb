"""Which settings Airflow and its providers know: one that does nothing is worse than none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

OURS = {"hedgehog"}
FREE = {"celery_broker_transport_options"}
"""Sections whose options go to a library as they are."""


def unknown(settings: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (section, option) that no part of Airflow reads."""
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    description = {**conf.configuration_description, **dict(ProvidersManager().provider_configs)}
    known = {(section, option) for section, text in description.items() for option in text.get("options") or {}}
    return [it for it in settings if it not in known and it[0] not in OURS | FREE]


def of_environment(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Section and option of each AIRFLOW__SECTION__OPTION."""
    names = [name.removeprefix("AIRFLOW__").lower() for name in variables if name.startswith("AIRFLOW__")]
    return [(section, option) for section, _, option in (name.partition("__") for name in names)]
