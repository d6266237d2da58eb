"""The domain: frozen values and pure functions that every room uses.

Never does I/O, and never imports a client library.
"""
