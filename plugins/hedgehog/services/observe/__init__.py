"""How everything is: health, metrics, notifications, status, read models.

Never changes what is wanted, in Git or on a cluster.
"""
