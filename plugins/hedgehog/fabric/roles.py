"""The roles of switches in a fabric. Pure."""

from __future__ import annotations

SPINE = "spine"
LEAVES = frozenset({"server-leaf", "border-leaf", "mixed-leaf"})
