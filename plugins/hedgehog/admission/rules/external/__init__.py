"""Rules of Externals and ExternalAttachments.

Never a rule of peerings, which are in `vpc`.
"""
