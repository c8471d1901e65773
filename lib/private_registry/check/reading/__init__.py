"""Reading as containerd reads: its TOML, its URLs, and whom it then asks."""
