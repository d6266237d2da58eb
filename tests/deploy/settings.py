"""Which settings exist in Airflow, its providers and the product: a setting without effect is worse than none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hedgehog.airflow.settings import SECTION, SETTINGS

FREE = {"celery_broker_transport_options"}
"""Sections whose options go to a library as they are."""


def unknown(settings: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (section, option) that neither Airflow nor the product reads."""
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    description = {**conf.configuration_description, **dict(ProvidersManager().provider_configs)}
    known = {(section, option) for section, text in description.items() for option in text.get("options") or {}}
    known |= {(SECTION, name) for name in SETTINGS}
    return [it for it in settings if it not in known and it[0] not in FREE]


def of_environment(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Section and option of each AIRFLOW__SECTION__OPTION."""
    names = [name.removeprefix("AIRFLOW__").lower() for name in variables if name.startswith("AIRFLOW__")]
    return [(section, option) for section, _, option in (name.partition("__") for name in names)]
