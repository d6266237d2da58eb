"""PostgreSQL, schema `hedgehog`: desired fabrics, what was written where, and how every sync ended.

Never calls Git or a cluster. A function that takes a connection commits what it writes, unless the caller has opened a
`database.transaction`, which commits then; one that takes a cursor always leaves that to the caller.
"""
