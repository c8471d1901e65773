"""Probe: registries asked as containerd asks them."""
