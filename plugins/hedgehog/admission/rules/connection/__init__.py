"""Rules of Connections: what joins which ports of which devices.

Never a rule of what is attached to one.
"""
