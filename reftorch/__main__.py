"""`python -m reftorch` does what `reftorch` does."""

import sys

from reftorch.cli import main

if __name__ == "__main__":
    sys.exit(main())
