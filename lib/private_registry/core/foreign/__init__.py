"""What other programs know of registries, as a desired state; each format has a module."""
