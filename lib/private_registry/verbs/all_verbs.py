"""All verbs: their names, and who may use them.

The launcher reads it, so it runs on Python 3.5 and newer.
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
