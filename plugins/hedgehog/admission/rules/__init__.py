"""The rules of Hedgehog's admission, and our own where it is too lenient: one row per rule, a folder per subject.

Never depends on anything except the objects and the settings of the fabric.
"""
