"""One contender in a process of its own: `python -m benchmarks.conv_worker CONTENDER quick|full`.

It answers each line of its standard input with a line of JSON. ROW is the key of a row, as in `conv_loads`.

- `prove ROW` runs a pass once, and gives the digest of its result, or null where the contender has no such pass.
- `time ROW` gives the median `seconds` of a number of calls, or those of one call, if quick.
- `memory ROW` gives the `bytes` that are in use at most during a call, beside its inputs and its output.
- `peak DTYPE` gives the floating-point operations a second of a product of matrices.
"""

import json
import sys
import time
import tracemalloc

import numpy as np

from benchmarks.conv_contenders import CONTENDERS
from benchmarks.conv_loads import ROWS, digest

SECONDS, LONGEST, FEWEST = 0.05, 0.5, 5
"""How long a row is timed; longer, up to `LONGEST`, if it gives fewer calls than `FEWEST`."""
WARM = 0.06
"""How long it runs before: after a rest, Linux has two threads on one core at first."""


class Worker:
    def __init__(self, contender, size):
        self.contender = contender
        self.quick = size == "quick"
        self.ready = {}

    def passes(self, key):
        """The passes on the load and dtype of a row; only the last ones are kept."""
        row = ROWS[key]
        if (row.load, row.dtype) not in self.ready:
            self.ready = {(row.load, row.dtype): CONTENDERS[self.contender](row.load, *row.load.arrays(row.dtype))}
        return self.ready[row.load, row.dtype]

    def prove(self, key):
        row = ROWS[key]
        passes, read = self.passes(key)
        return {"digest": digest(read(passes[row.function]())) if row.function in passes else None}

    def time(self, key):
        call = self.passes(key)[0][ROWS[key].function]
        if not self.quick:
            warm_up(call)
        taken = [seconds(call)]
        while not self.quick and (sum(taken) < SECONDS or (len(taken) < FEWEST and sum(taken) < LONGEST)):
            taken.append(seconds(call))
        return {"seconds": float(np.median(taken)), "calls": len(taken)}

    def memory(self, key):
        call = self.passes(key)[0][ROWS[key].function]
        tracemalloc.start()
        size = call().nbytes
        peak = tracemalloc.get_traced_memory()[1] - size
        tracemalloc.stop()
        return {"bytes": peak}

    def peak(self, dtype):
        a = np.ones((1024, 1024), dtype)
        return {"flops": 2 * 1024**3 / min(seconds(lambda: a @ a) for _ in range(10))}


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def warm_up(call):
    end = time.perf_counter() + WARM
    while time.perf_counter() < end:
        call()


if __name__ == "__main__":
    worker = Worker(*sys.argv[1:])
    for line in sys.stdin:
        action, what = line.rstrip("\n").split(" ", 1)
        print(json.dumps(getattr(worker, action)(what)), flush=True)
