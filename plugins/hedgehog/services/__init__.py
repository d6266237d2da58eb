"""Use cases in plain Python, a folder per subject; the adapters come as arguments. The only room where they meet.

Never imports Airflow, and never a client library.
"""
