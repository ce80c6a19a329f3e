"""`python -m actors.cli` is `actors-node`."""

import sys

from actors.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
