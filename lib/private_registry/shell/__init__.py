"""All contact with the node: one module for paths, one that writes, one that runs commands."""
