"""What an executor earns on a network of 10^6 parameters: `python -m benchmarks.spreading [--entries N] [KIND ...]`.

The network is the article's kind: 999 inputs, a hidden layer of 999 sigmoids, one output, its squared error. Every
parameter has an influence, so that every evaluation reads all of them. A check looks at the first layer's 998,001
weights and the others, or at N of each array. The kinds (threads, loky, dask) take turns with a check in this thread,
on two workers with one thread of BLAS each. A line is a round: the seconds, and the ratio of the first to the second.
Every report is compared with that of this thread. `--entries all --rounds 1` takes 15 minutes on two quiet cores for
each kind and its partner; `--alone no` leaves the partner out.

The ratio is one of seconds, so it says nothing on a busy machine: look at the load average in the last line.
"""

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks.processes import ONE_THREAD

os.environ |= ONE_THREAD  # before NumPy is loaded, and for the workers

import numpy as np

from scratchcnn import dense, dense_backward, sigmoid, sigmoid_backward, squared_error, squared_error_backward
from scratchcnn.gradcheck import check_gradient

WIDTH = 999
WORKERS = 2


@contextmanager
def loky_pool():
    import loky

    with loky.ProcessPoolExecutor(WORKERS) as pool:
        yield pool


@contextmanager
def dask_cluster():
    from dask.distributed import Client, LocalCluster

    with LocalCluster(WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        yield client.get_executor()


KINDS = {"threads": lambda: ThreadPoolExecutor(WORKERS), "loky": loky_pool, "dask": dask_cluster}


def network():
    """The two passes of the network at one sample, and its parameters: 999 * 999 + 999 + 999 + 1 = 10^6."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, WIDTH)), np.ones((1, 1))

    def forward(w1, b1, w2, b2):
        return squared_error(sigmoid(dense(sigmoid(dense(x, w1, b1)), w2, b2)), y)

    def backward(g, w1, b1, w2, b2):
        z1 = dense(x, w1, b1)
        hidden = sigmoid(z1)
        z2 = dense(hidden, w2, b2)
        grad_o, _ = squared_error_backward(g, sigmoid(z2), y)
        grad_hidden, grad_w2, grad_b2 = dense_backward(*sigmoid_backward(grad_o, z2), hidden, w2, b2)
        _, grad_w1, grad_b1 = dense_backward(*sigmoid_backward(grad_hidden, z1), x, w1, b1)
        return grad_w1, grad_b1, grad_w2, grad_b2

    shapes = (WIDTH, WIDTH), (WIDTH,), (WIDTH, 1), (1,)
    return forward, backward, *(rng.normal(size=shape) / WIDTH**0.5 for shape in shapes)


def timed(entries, executor=None):
    start = time.perf_counter()
    report = check_gradient(*network(), max_entries=entries, proof=False, executor=executor)
    return time.perf_counter() - start, report


def main():
    parser = argparse.ArgumentParser(prog="benchmarks.spreading")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--entries", default="20000", help="how many of each array (default: %(default)s), or all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", choices=["yes", "no"], default="yes")
    options = parser.parse_args()
    entries = None if options.entries == "all" else int(options.entries)
    for kind in options.kinds or KINDS:
        ratios = []
        with KINDS[kind]() as executor:
            list(executor.map(abs, range(WORKERS)))  # the workers have started
            for _ in range(options.rounds):
                spread, report = timed(entries, executor)
                print(f"{kind}: {spread:.1f} s with {WORKERS} workers", end="", flush=True)
                if options.alone == "yes":
                    alone, expected = timed(entries)
                    assert report.to_dict() == expected.to_dict()
                    ratios.append(alone / spread)
                    print(f", {alone:.1f} s alone, ratio {ratios[-1]:.2f}", end="")
                checked = sum(part.checked for part in report.inputs)
                print(f"; {report.verdict.value}, {checked:,} of 1,000,000 entries")
        if ratios:
            print(f"{kind}: median ratio {statistics.median(ratios):.2f}")
    print("load average", *(f"{load:.1f}" for load in os.getloadavg()), "on", os.cpu_count(), "cores")


if __name__ == "__main__":
    main()
