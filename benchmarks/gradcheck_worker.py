"""One gradient checker in a process of its own: `python -m benchmarks.gradcheck_worker CHECKER quick|full`.

It answers each line of its standard input with a line of JSON. `prove FUNCTION`, which comes first and also sets the
framework up, asserts that the checker passes the function and rejects it with one derivative doubled; the answer holds
the calls of forward and backward in one check, and how many such mistakes a checker `missed` that looks along one
direction. `check FUNCTION` is one check; the answer holds its seconds.
"""

import json
import sys
import time
from dataclasses import replace

from benchmarks.gradcheck_checkers import CHECKERS
from benchmarks.gradcheck_functions import functions

# Mistakes that a checker along one direction is shown until it sees one.
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
        version = getattr(sys.modules[self.checker.package], "__version__", None)  # ours is the checkout's
        return {"forwards": forward.calls, "backwards": backward.calls, "missed": missed, "version": version}

    def check(self, name):
        start = time.perf_counter()
        said = self.checks[name]()
        seconds = time.perf_counter() - start
        assert said == "right"
        return {"seconds": seconds}

    def missed(self, function):
        """Count the mistakes, the largest derivative doubled, then the next, that come before one that is rejected."""
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
