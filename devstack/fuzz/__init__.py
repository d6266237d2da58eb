"""Hostile input by the hour: `make fuzz` draws files, trees, deliveries, URLs and names, and lets the product read them.

`inputs` has what is drawn, `trees` builds Git trees that git itself would never write, `targets` says what reads it and
what may come out, `__main__` shares the time, measures and prints.
"""
