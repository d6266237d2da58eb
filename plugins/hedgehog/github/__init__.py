"""GitHub: pull requests, checks, statuses and comments. The only room that knows the `github` library.

Git itself (fetching commits, reading files, pushing) is the room `gitops`; it works with any host.
"""
