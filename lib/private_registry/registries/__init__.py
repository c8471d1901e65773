"""Registries: what people want of each, as plain values.

The desired state is in `model`; names, addresses, logins and certificates are checked
here before they become part of it. `registries_toml` is the same as text, `requests`
says what one command asks for and what the desired state is after it, and `other_files`
what a file is that is something else.
"""
