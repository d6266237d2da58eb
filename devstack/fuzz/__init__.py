"""Hostile random input: `make fuzz` draws files, trees, deliveries, URLs and names, and lets the product read them.

`inputs` draws the data, `trees` builds Git trees that git itself would never write, `targets` has the readers and their
allowed results, `__main__` divides the time, measures and prints.
"""
