"""The `hedgehog` command: arguments to one service call, its result to a table or JSON.

Never decides anything: the services do.
"""
