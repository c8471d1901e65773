"""Asks registries what containerd would ask them; changes nothing anywhere."""
