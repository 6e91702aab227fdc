"""`python -m scratchcnn` is the command `scratchcnn`."""

import sys

from scratchcnn.commands.main import main

sys.exit(main())
