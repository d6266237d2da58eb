"""From Airflow connections and settings to the adapters of the middle rooms, and Airflow's own REST API.

Never decides anything.
"""
