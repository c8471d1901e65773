"""``python -m registry_harness``: see cli.py."""

import sys

from registry_harness.cli import main

sys.exit(main())
