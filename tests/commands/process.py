"""Commands of `scratchcnn` in a process of their own."""

import os
import subprocess
import sys
import textwrap


def run(*arguments, script=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment):
    """Run a command, or a Python script with the arguments, in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script)] if script else [sys.executable, "-m", "scratchcnn"]
    arguments = [each if isinstance(each, bytes) else str(each) for each in arguments]
    done = subprocess.run([*command, *arguments], stdout=stdout, stderr=stderr, env={**os.environ, **environment})
    done.stdout, done.stderr = ((each or b"").decode("utf-8") for each in (done.stdout, done.stderr))
    return done
