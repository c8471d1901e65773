"""Verbs: a file for each thing that people ask for, named in `all_verbs`.

A verb's file has a ``VERB``: how its command line is read, and how it is carried out.
"""
