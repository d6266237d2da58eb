"""Fabrics to clusters: the sync, what others did to our objects since, and the watch that notices.

Never reads Git.
"""
