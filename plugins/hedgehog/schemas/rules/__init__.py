"""The rules of Hedgehog's admission, and our own where it is too lenient: one row a rule, one function a kind.

`Rule.at` makes a violation. The rows are the one source of `docs/rules.md`; `table` maps kinds to functions.
"""
