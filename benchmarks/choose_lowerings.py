"""What each lowering, and each feature of one, earns: `python -m benchmarks.choose_lowerings [ROUNDS [WORD ...]]`.

Each is left out in turn, on one pinned thread, in rounds that alternate with the code as it is; with words, only those
whose names contain one of them. A cell is a geometric mean over shapes of (median time without) / (median time with):
above 1 the feature earns something, below 1 it costs. "nothing" shows the noise. At the end of a line are the rows
where it earns the most, of all and of what people convolve.
"""

import os
import sys
import time
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.conv_contenders import ours
from benchmarks.conv_loads import COMMON, DTYPES, LOADS, OTHERS, PASSES, drawn
from scratchcnn.operations.convolution import fast, rule
from scratchcnn.operations.convolution.lowerings import columns, flat, rows, scatter, winograd
from scratchcnn.operations.convolution.machinery import layout, tiles
from scratchcnn.operations.geometry import Windows

ROUNDS = 7
SECONDS = 5e-4
"""How long a call is repeated, at least, for one time."""
SETS = {"drawn": drawn(64), "loads": LOADS + OTHERS, "common": COMMON}
Z, F, X = PASSES
NEVER = 10**9


def instead(name, old, new):
    """A rule of this name that takes another lowering in the place of one."""
    choose = getattr(rule, name)
    return rule, name, lambda *shapes: new if (chosen := choose(*shapes)) is old else chosen


def laid_out_first(x, windows, space):
    """What `spread_directly` gives, in two copies."""
    stride = windows.stride[1]
    laid_out = layout.lay_out(x, windows.padding, stride, space, innermost=False)
    return layout.spread(laid_out, windows.size[1], windows.places[1], space)


FEATURES = {
    "nothing": ((Z, F, X), []),
    "columns": ((Z, X), [instead("for_forward", columns.FORWARD, rows.FORWARD)]),
    "columns for ∂E/∂f": ((F,), [instead("for_grad_filters", columns.GRAD_FILTERS, flat.CHANNELS_LAST)]),
    "no copies for one pixel": ((Z, F, X), [(Windows, "is_pointwise", property(lambda windows: False))]),
    "winograd": ((Z, X), [instead("for_forward", winograd.FORWARD, rows.FORWARD)]),
    "winograd for ∂E/∂f": ((F,), [instead("for_grad_filters", winograd.GRAD_FILTERS, flat.CHANNELS_LAST)]),
    "flat, channels first": ((F,), [instead("for_grad_filters", flat.CHANNELS_FIRST, flat.CHANNELS_LAST)]),
    "flat, channels last": ((F,), [instead("for_grad_filters", flat.CHANNELS_LAST, flat.CHANNELS_FIRST)]),
    "flat, small images together": ((F,), [(flat, "SMALL_IMAGE", 0)]),
    "full convolution": ((X,), [(rule, "full_convolution", lambda *shapes: None)]),
    "rows, images innermost": ((Z, X), [(rows, "FEWEST_IMAGES", NEVER)]),
    "scatter, images innermost": ((X,), [(scatter, "FEWEST_IMAGES", NEVER)]),
    "rows, one copy": ((Z, X), [(rows, "spread_directly", laid_out_first)]),
    "scatter, no buffer": ((X,), [(scatter, "LONG_RUN", NEVER)]),
    "products in parts": ((Z, F, X), [(layout, "PARTS", ())]),
    "sums in parts": ((F,), [(layout, "LONG_SUM", NEVER), (layout, "LONG_SUM_ACROSS", NEVER)]),
    "tiles not half as large": ((Z, F, X), [(tiles, "BYTES", tiles.BYTES // 2)]),
    "tiles not twice as large": ((Z, F, X), [(tiles, "BYTES", tiles.BYTES * 2)]),
}


@contextmanager
def changed(patches):
    before = [(module, name, getattr(module, name)) for module, name, _ in patches]
    for module, name, value in patches:
        setattr(module, name, value)
    forget()
    yield
    for module, name, value in before:
        setattr(module, name, value)
    forget()


def forget():
    """Forget the plans that were found once: they depend on what is left out."""
    fast._plan.cache_clear()


def seconds(call):
    """The better of two times of a few calls, after one that finds the plan."""
    start = time.perf_counter()
    call()
    calls = max(1, min(20, int(SECONDS / (time.perf_counter() - start))))
    times = []
    for _ in range(2):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls)
    return min(times)


def times(load, dtype, function, rounds, features):
    """The median time of a row as it is, and with each feature left out."""
    call = ours(load, *load.arrays(dtype))[0][function]
    right = call()
    taken = {name: [] for name in ["", *features]}
    for _ in range(rounds):
        for name, found in taken.items():
            with changed(FEATURES[name][1] if name else []):
                assert np.array_equal(call(), right), f"without {name}, {load.name} is wrong"
                found.append(seconds(call))
    return {name: float(np.median(found)) for name, found in taken.items()}


def main(rounds=ROUNDS, *words):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{'left out':30} {'pass':8} " + " ".join(f"{of}, {dtype[-2:]}" for of in SETS for dtype in DTYPES))
    for function in PASSES:
        features = [
            name
            for name, (passes, _) in FEATURES.items()
            if function in passes and (not words or any(word in name for word in words))
        ]
        ratios = {name: {} for name in features}
        with threadpool_limits(1):
            for of, dtype, load in ((s, d, load) for s, loads in SETS.items() for d in DTYPES for load in loads):
                found = times(load, dtype, function, int(rounds), features)
                for name in features:
                    ratios[name][of, dtype, load] = found[name] / found[""]
        for name in features:
            print(line(name, function, ratios[name]), flush=True)


def line(name, function, ratios):
    means = [
        np.exp(np.mean([np.log(ratio) for (o, d, _), ratio in ratios.items() if (o, d) == (of, dtype)]))
        for of in SETS
        for dtype in DTYPES
    ]
    most = [max((r, load.name, d) for (o, d, load), r in ratios.items() if o in of) for of in (SETS, ["common"])]
    shown = "; ".join(f"{ratio:.2f} at {load}, {dtype}" for ratio, load, dtype in dict.fromkeys(most))
    return f"{name:30} {PASSES[function]:8} " + " ".join(f"{mean:9.3f}" for mean in means) + f"  {shown}"


if __name__ == "__main__":
    main(*sys.argv[1:])
