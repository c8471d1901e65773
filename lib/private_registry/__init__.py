"""The engine: tells a MicroK8s node's containerd about private registries, and takes it
back again.

A command comes in at `launcher`, becomes a request in `cli`, is carried out by `verbs`
and ends in `cli` as text. `errors` are what can go wrong, with their exit codes. Each
folder is a room for one thing, and says in its own first lines what lives there.
"""

__version__ = "0.1.0"
