"""Rules of VPCs, their subnets, peerings and attachments.

Never a rule of what VPCs are attached to: Connections have a folder of their own.
"""
