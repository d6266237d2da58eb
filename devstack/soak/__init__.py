"""An undisturbed installation while hours are simulated in minutes: `make soak`.

`clocks` shortens schedules and retentions, `pages` requests every page, endpoint and command, `watching` records every
run, table, file and log, `__main__` combines them.
"""
