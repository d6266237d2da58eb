"""Chaos on real parts: `make chaos` kills, cuts and fills up at random, then compares what three places say.

The parts of a chaos run, from the outside in: `__main__` draws rounds from a seed, `faults` are what can happen,
`wishes` what people and programs do meanwhile, `world` the servers behind `proxy`, `processes` and `worker` the syncs
as processes that can be killed, `verdict` the comparison, `report` what is printed.
"""
