"""`python -m wireproof.cli`."""

import sys

from wireproof.cli import main

sys.exit(main())
