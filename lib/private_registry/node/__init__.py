"""The node: where MicroK8s keeps things, and the only ways to touch them.

`paths` knows where everything is, `files` is the only writer, `commands` the only one
that runs programs, `bounded_reads` and `directories` read without following anybody's
links, and `trusted_places` and `variables` say what root believes.
"""
