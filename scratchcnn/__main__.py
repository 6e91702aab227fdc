"""`python -m scratchcnn` is the command `scratchcnn`."""

import sys

from scratchcnn.cli import main

sys.exit(main())
