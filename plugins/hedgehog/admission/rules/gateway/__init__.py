"""Rules of Gateways, GatewayGroups and GatewayPeerings.

Never a rule of what the fabric's own switches do with a peering.
"""
