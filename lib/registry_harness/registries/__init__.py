"""Registries: real ones in containers, and what is pushed to them.

The door is `registry`. `image` and `distribution` get the program in its versions,
`token_server` hands out tokens, `gatekeeper` stands in front of a registry and fails in
every way that a test asks for, and `content` makes images that nobody has pulled
before.
"""
