"""Chaos on real servers: `make chaos` kills, cuts and fills up at random, then compares the three places.

The modules, from the outside in: `__main__` draws rounds from a seed, `faults` has the faults,
`wishes` the changes of people and programs, `world` the servers behind `proxy`, `processes` and `worker` the syncs
as processes that can be killed, `verdict` the comparison, `report` what is printed.
"""
