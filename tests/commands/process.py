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


def run(*arguments, script=None, stdout=subprocess.PIPE, **environment):
    """Run a command, or a Python script with the arguments, in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script)] if script else [sys.executable, "-m", "scratchcnn"]
    done = subprocess.run(
        [*command, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environment}
    )
    done.stdout, done.stderr = (done.stdout or b"").decode("utf-8"), done.stderr.decode("utf-8")
    return done
