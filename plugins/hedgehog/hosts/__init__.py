"""The APIs of Git hosts, one folder per host.

Never Git itself: fetching and pushing are in `gitops`.
"""
