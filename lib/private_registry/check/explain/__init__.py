"""Explain: what an error text means; explain.py is the door."""
