"""Verbs: a file for each thing that people ask for; this table names them.

A verb's file has a ``VERB``: how its command line is read, and how it is carried out.
The launcher reads the table, so it runs on Python 3.5 and newer.
"""

# In the order that people are told them: its name, and whether it takes a user who may
# change the node.
TAKES_ROOT = {
    "add": True,
    "remove": True,
    "list": True,
    "apply": True,
    "check": False,
    "export": True,
    "help": False,
    "version": False,
}
NAMES = tuple(TAKES_ROOT)
