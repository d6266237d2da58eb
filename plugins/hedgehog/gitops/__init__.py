"""Git without a working tree: pygit2 for objects, `git` processes for the network.

Never knows a cluster or the database, and never what the bytes of a file mean.
"""
