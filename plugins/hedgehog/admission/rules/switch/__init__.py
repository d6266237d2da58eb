"""Rules of Switches: what each must have, its addresses and its ports.

Never a rule of a SwitchProfile itself, which says what a port can do.
"""
