"""PostgreSQL, schema `hedgehog`: desired fabrics, what was written where, and how every sync ended.

Never calls Git or a cluster. A function that writes is a transaction, or part of the caller's `database.transaction`.
"""
