"""The Docker engine on the same machine, which pushes what the node pulls.

`discovery` finds out which engine is meant and is the only module that knows Docker's
paths; `trust` says what an engine needs; `daemon_json` compares the lists of
daemon.json; `engine` reloads the daemon and asks what it has. The door is `part`: what
a command means for Docker.
"""
