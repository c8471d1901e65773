"""Pull secrets."""
