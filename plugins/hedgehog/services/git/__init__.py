"""Fabrics to Git: what must happen to each directory, and the commits and pushes that make it so.

Never takes over what others pushed: that is `repository`.
"""
