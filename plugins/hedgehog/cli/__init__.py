"""The `hedgehog` command: arguments to one service call, its result to a table or JSON. Knows no rules of its own."""
