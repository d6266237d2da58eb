"""Fabrics in and out of the database as files: import, export, a live cluster, backup and restore.

Never runs by a clock, except for the backup.
"""
