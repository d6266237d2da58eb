"""What the validator of the gateway's dataplane refuses (githedgehog/dataplane): all GatewayPeerings, at each write.

Never a rule of upstream's webhooks, which are asked before.
"""
