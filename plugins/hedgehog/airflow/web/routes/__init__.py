"""The routes of the API, a module per subject: parameters in, one call of a service, a model out.

Never a cluster or a Git host in a GET.
"""
