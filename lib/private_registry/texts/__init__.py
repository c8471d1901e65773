"""Texts: TOML, JSON and PEM, read within bounds and changed without touching any other
byte; and what may be shown of texts that somebody else wrote.

Everything here is pure. `toml` is the only module that knows tomli, `json_text` the
only one that reads JSON; `showing` and `harmless` keep secrets and control characters
back.
"""
