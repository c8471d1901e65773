"""A reading: whom containerd asks for a registry, in which order and how, by what its
own version makes of the node's files.

Everything here is pure. The door is `reading`.
"""
