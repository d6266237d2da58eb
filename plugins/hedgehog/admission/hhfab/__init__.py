"""What `hhfab validate` says of a fab.yaml and the wiring beside it: it loads, hydrates and validates them together.

Never asks what only an API server or a controller knows: schemas, label values, what is derived from other objects.
"""
