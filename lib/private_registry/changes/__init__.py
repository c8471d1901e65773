"""Changes: from what one command asks for to the changed node, and what is saved there.

A request gives a desired state; its parts (containerd's files and template, Docker,
pull secrets, our own programs) become one plan, and the transaction carries it out. The
door is `change.py`.
"""
