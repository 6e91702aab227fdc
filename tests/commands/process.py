"""Commands of `scratchcnn` in a process of their own."""

import os
import subprocess
import sys
import textwrap


def run(*arguments, script=None, **environment):
    """Run a command, or a Python script with the arguments, in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script)] if script else [sys.executable, "-m", "scratchcnn"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, env={**os.environ, **environment})
    done.stdout, done.stderr = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    return done
