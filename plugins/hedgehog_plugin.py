"""The only file Airflow executes as a plugin; `.airflowignore` keeps it out of the package beside it."""

from hedgehog.airflow.plugin import HedgehogPlugin

__all__ = ["HedgehogPlugin"]
