"""Our web applications inside Airflow's API server.

Never work: a request reads tables or leaves something for a DAG.
"""
