"""Triggers that wake DAGs; they live in the triggerer's one event loop.

Never block it.
"""
