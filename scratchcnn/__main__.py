"""`python -m scratchcnn` is the command `scratchcnn`."""

from scratchcnn.commands.main import run

run()
