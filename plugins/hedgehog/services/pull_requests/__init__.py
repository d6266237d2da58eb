"""What merging a pull request would do to the fabrics it touches; the result is published at its Git host.

Never changes a fabric.
"""
