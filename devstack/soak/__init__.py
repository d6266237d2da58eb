"""An installation left alone while hours pass in minutes: `make soak`.

`clocks` shortens what Airflow and the product wait for, `pages` asks everything that answers, `watching` collects what
happened to every run, table, file and log, `__main__` puts it together.
"""
