"""Hedgehog on Airflow: keeps Hedgehog network fabrics the same in PostgreSQL, Git and Kubernetes."""

__version__ = "0.1.0"
