"""What Airflow reports about our tasks, recorded as it happens, and its notifiers.

Never raises, and never holds a task up.
"""
