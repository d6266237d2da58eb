"""What a Hedgehog cluster would refuse, decided without asking one: the objects of a fabric and a review of each write.

Never reads a file format or the network: it is given manifests that have the shape of their kind.
"""
