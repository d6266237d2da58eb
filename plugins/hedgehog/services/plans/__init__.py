"""Plans: what a change or the next sync would do to a fabric, and the words for it.

Never writes to Git or a cluster, and never changes what a fabric wants.
"""
