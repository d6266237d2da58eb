"""Pushes by others: noticed, read at their revision, taken into the fabric database.

Never writes to Git.
"""
