"""Docker engines of the harness's own, for pushing as people do.

`engine` runs one with directories of its own, `release` finds the newest one that this
machine's packages have.
"""
