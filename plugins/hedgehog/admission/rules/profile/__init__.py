"""Rules of SwitchProfiles, and what a profile says of a port.

Never a rule of a Switch that uses one.
"""
