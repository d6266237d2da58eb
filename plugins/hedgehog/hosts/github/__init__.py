"""GitHub: pull requests, checks, statuses and comments. The only room that knows the `github` library.

Never decides what a check says.
"""
