"""Switch models: what a SwitchProfile says about ports, speeds, breakouts and features, and the built-in profiles.

Never says whether a profile is right: that is a rule.
"""

from hedgehog.fabric.profiles.catalogue import default_profiles, default_spec
from hedgehog.fabric.profiles.profile import Breakouts, Port, PortKind, Profile, parse_profile

__all__ = ["Breakouts", "Port", "PortKind", "Profile", "default_profiles", "default_spec", "parse_profile"]
