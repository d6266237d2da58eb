"""The cluster: everything that speaks to, or is made for, a Kubernetes API server.

Never knows Git or the database: desired, live and owned objects are arguments.
"""
