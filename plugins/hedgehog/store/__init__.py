"""PostgreSQL, schema `hedgehog`: desired fabrics, what was written where, and how every sync ended.

The only room that speaks SQL. Functions take an open psycopg2 connection and never commit: the caller's
`database.transaction` says what belongs together.
"""
