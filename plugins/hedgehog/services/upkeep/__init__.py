"""Keeping house: histories by age, logs, lost tasks, dead letters, and the end of a fabric.

Never decides what a fabric should be.
"""
