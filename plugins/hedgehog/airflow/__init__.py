"""The glue, and the only room that imports Airflow: connections become adapters, tasks become one service call.

Never imports anything heavy at module level: DAG files, every task process and the scheduler load these modules.
"""
