"""Lint of hosts.toml, certs.d and the template: what is read otherwise than meant."""
