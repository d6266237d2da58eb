"""Hydration: the addresses and ASNs that a wiring leaves out, assigned from the fabric's ranges. Pure.

Never writes over what a person assigned, except in upstream's mode `override`.
"""
