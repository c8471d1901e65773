"""Registries: what people want of each, as plain values.

The desired state is in `model`; names, addresses, mirrors' URLs, logins and
certificates are checked here before they become part of it. `registries_toml` is the
same as text, and `mistaken_files` says what a file is that is something else.
"""
