"""One gradient checker in a process of its own: `python -m benchmarks.gradcheck_worker CHECKER quick|full`.

The process answers each line of its standard input with a line of JSON.

`prove FUNCTION` must come first, and prepares the check. It asserts that the checker passes the function, and that it
rejects the function with one entry of the gradient doubled. The answer has the calls of forward and backward in one
check, and the number of mistakes that the checker missed.

`check FUNCTION` runs one check. The answer has its seconds.
"""

import json
import sys
import time
from dataclasses import replace

from benchmarks.gradcheck_checkers import CHECKERS
from benchmarks.gradcheck_functions import functions

# The number of mistakes shown to a checker of one random direction, which must reject one of them.
MISTAKES = 10


class Worker:
    def __init__(self, checker, size):
        self.checker = CHECKERS[checker]
        self.functions = functions(quick=size == "quick")
        self.checks = {}

    def prove(self, name):
        function = self.functions[name]
        missed = self.missed(function)
        assert missed < (1 if self.checker.every_entry else MISTAKES), f"{name}: one derivative doubled is not rejected"
        forward, backward = Counted(function.forward), Counted(function.backward)
        said = self.checker.make(replace(function, forward=forward, backward=backward))()
        assert said == "right", f"{name}: {said}"
        self.checks[name] = self.checker.make(function)
        version = getattr(
            sys.modules[self.checker.package], "__version__", None
        )  # scratchcnn is tested from the checkout
        return {"forwards": forward.calls, "backwards": backward.calls, "missed": missed, "version": version}

    def check(self, name):
        start = time.perf_counter()
        said = self.checks[name]()
        seconds = time.perf_counter() - start
        assert said == "right"
        return {"seconds": seconds}

    def missed(self, function):
        """Count the missed mistakes: entries of the gradient are doubled, the largest first, until one is rejected."""
        for rank in range(MISTAKES):
            if self.checker.make(function.with_mistake(rank))() == "wrong":
                return rank
        return MISTAKES


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function = function
        self.calls = 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.function(*arguments)


if __name__ == "__main__":
    worker = Worker(*sys.argv[1:])
    for line in sys.stdin:
        action, name = line.strip().split(" ", 1)
        print(json.dumps({"prove": worker.prove, "check": worker.check}[action](name)), flush=True)
