"""The cluster: everything that speaks to, or is made for, a Kubernetes API server."""
