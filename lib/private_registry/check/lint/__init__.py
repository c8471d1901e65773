"""Lint: what of hosts.toml and containerd's template is not read as it looks."""
