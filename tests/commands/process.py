"""Commands of `scratchcnn` in a process of their own."""

import os
import subprocess
import sys
import textwrap

# The command line, of a program that doubles ∂E/∂W of `dense`.
WRONG = """
    import sys
    from scratchcnn.operations import dense

    right = dense.dense_backward

    def dense_backward(grad_output, x, weight, bias):
        grad_x, grad_weight, grad_bias = right(grad_output, x, weight, bias)
        return grad_x, 2 * grad_weight, grad_bias

    dense.dense_backward = dense_backward
    from scratchcnn.commands.main import main

    sys.exit(main(sys.argv[1:]))
"""

# What a script begins with to which Ctrl-C is sent. Where a shell has started the tests in the background, they ignore
# it, and so would each process that they start.
HEARS_CTRL_C = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


def run(*arguments, script=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment):
    """Run a command, or a Python script with the arguments, in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script)] if script else [sys.executable, "-m", "scratchcnn"]
    arguments = [each if isinstance(each, bytes) else str(each) for each in arguments]
    done = subprocess.run([*command, *arguments], stdout=stdout, stderr=stderr, env={**os.environ, **environment})
    done.stdout, done.stderr = ((each or b"").decode("utf-8") for each in (done.stdout, done.stderr))
    return done
