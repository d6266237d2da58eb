"""What people decide and change, with the API or the command: each deed is recorded with who did it and why.

Never asks Git or a cluster, but to adopt what others wrote there; what follows from a deed is up to the syncs.
"""
