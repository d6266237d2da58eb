"""What merging a pull request would do to the fabrics it touches, and saying so at its host.

Never changes a fabric.
"""
