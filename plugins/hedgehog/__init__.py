"""Hedgehog on Airflow: keeps Hedgehog network fabrics the same in PostgreSQL, Git and Kubernetes."""

from hedgehog.fabric import log_records

__version__ = "0.1.0"

log_records.install()
