"""``python -m exactflow``: the command line."""

import sys

from exactflow.cli import main

sys.exit(main())
