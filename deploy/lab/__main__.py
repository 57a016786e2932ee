"""Entry point of `python3 -m deploy.lab`."""

import sys

from deploy.lab.cli import main

sys.exit(main(sys.argv[1:]))
