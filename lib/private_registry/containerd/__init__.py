"""Containerd."""
