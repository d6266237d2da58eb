"""Our web applications inside Airflow's API server.

Never do the work: a request reads tables or stores something for a DAG.
"""
