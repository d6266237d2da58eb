"""What the API and the pages read: every answer from tables, one page at a time.

Never writes, and never asks Git, a Git host or a cluster.
"""
