"""The APIs of Git hosts, one folder per host; what they have in common is in `host`, and `registry` finds them.

Never Git itself: fetching and pushing are in `gitops`.
"""
