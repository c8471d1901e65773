"""The ways in: command line, help texts, output and exit codes."""
