"""The table of a race, its geometric means, and their files."""

import json
import os
from importlib import import_module
from itertools import groupby

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.conv_contenders import OURS
from benchmarks.conv_loads import PASSES
from benchmarks.conv_race import SETTINGS

HEAD = (
    f"{'load':42} {'pass':7} {'dtype':7} {'ms':>8} {'peer ms':>8} {'ratio':>6} {'GFLOP/s':>8} {'of peak':>7}"
    f" {'ms':>8} {'ratio':>6} {'x reference':>11}"
)


def table(results):
    """The lines of the table: what it says of each row, and the means."""
    lines = [f"{'':59}{'one thread':<48}   all cores", HEAD]
    for _, rows in groupby(results, key=lambda result: result.row.load):
        lines += [line(result) for result in rows]
    return [*lines, "", *means(results), "", *notes(results)]


def line(result):
    one, all_cores = (result.best(OURS, setting) for setting in SETTINGS)
    peer = result.peer("one thread")
    shown = {"name": "none", "ms": "-"} if peer is None else {"name": peer[1], "ms": f"{1e3 * peer[0]:.3f}"}
    ratios = [f"{ratio:.2f}" if (ratio := result.ratio(setting)) else "-" for setting in SETTINGS]
    times = result.best("reference", "one thread") / one
    wrong = "".join(
        f"  {name} is wrong" for name in sorted({name for (name, _), right in result.right.items() if not right})
    )
    return (
        f"{result.row.load.name:42} {PASSES[result.row.function]:7} {result.row.dtype:7} {1e3 * one:8.3f}"
        f" {shown['ms']:>8} {ratios[0]:>6} {result.rate() / 1e9:8.1f} {100 * result.rate() / result.peak:6.0f}%"
        f" {1e3 * all_cores:8.3f} {ratios[1]:>6} {times:11.1f}{wrong}"
    )


def geometric_means(results):
    """By setting, dtype and pass, and over all passes: the geometric mean of the ratios, and the least."""
    found = {}
    for setting in SETTINGS:
        for dtype in sorted({result.row.dtype for result in results}):
            for function in [*PASSES, "all"]:
                rows = [r for r in results if r.row.dtype == dtype and function in ("all", r.row.function)]
                ratios = [ratio for r in rows if (ratio := r.ratio(setting))]
                if ratios:
                    mean = float(np.exp(np.mean(np.log(ratios))))
                    found[setting, dtype, function] = {"mean": mean, "least": min(ratios), "rows": len(ratios)}
    return found


def means(results):
    """The lines with the geometric means."""
    found = geometric_means(results)
    lines = []
    for setting in SETTINGS:
        for dtype in ("float32", "float64"):
            cells = [
                f"{PASSES.get(function, function)} {value['mean']:.2f} (least {value['least']:.2f})"
                for (s, d, function), value in found.items()
                if (s, d) == (setting, dtype)
            ]
            if cells:
                lines.append(f"geometric mean of the ratios, {setting}, {dtype}: {', '.join(cells)}")
    return lines


def notes(results):
    blas = ", ".join(f"{b['internal_api']} {b['version']} ({b.get('architecture')})" for b in threadpool_info())
    speed = ", ".join(f"{dtype} {peak / 1e9:.0f}" for dtype, peak in {r.row.dtype: r.peak for r in results}.items())
    times = [
        f"{PASSES[r.row.function]} {r.best('loops', 'one thread') / r.best(OURS, 'one thread'):.0f}"
        for r in results
        if r.best("loops", "one thread")
    ]
    return [
        "ratio: time of the faster of PyTorch and TensorFlow / ours; all cores: each at the better of its settings",
        "peak: a product of 1024 x 1024 matrices on one thread, GFLOP/s: " + speed,
        *([f"the article's loops take so many times as long: {', '.join(times)}"] if times else []),
        f"NumPy {np.__version__}, {blas}; {os.cpu_count()} cores",
        f"load average: {', '.join(f'{load:.2f}' for load in os.getloadavg())}",
    ]


def write(path, results):
    """Write the report as JSON, or a picture of the ratios as SVG."""
    if path.suffix == ".json":
        keys = {", ".join(key): value for key, value in geometric_means(results).items()}
        document = {"rows": [r.as_dict() for r in results], "geometric_means": keys, "notes": notes(results)}
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        draw(path, results)


def draw(path, results):
    """A dot for each row and setting, on a logarithmic axis."""
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(9, 1.5 + 0.19 * len(results)), layout="constrained")
    for setting, marker in zip(SETTINGS, "o|", strict=True):
        for dtype, colour in (("float32", "tab:blue"), ("float64", "tab:orange")):
            dots = [(r.ratio(setting), at) for at, r in enumerate(results) if r.row.dtype == dtype and r.ratio(setting)]
            if dots:
                axes.plot(*zip(*dots, strict=True), marker, color=colour, label=f"{dtype}, {setting}")
    axes.axvline(1, color="black", linewidth=0.8)
    names = [f"{r.row.load.name}: {PASSES[r.row.function]}" for r in results]
    axes.set(xscale="log", xlabel="time of the faster of PyTorch and TensorFlow / time of scratchcnn")
    axes.set_yticks(range(len(results)), names, fontsize=7)
    axes.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=4)
    figure.savefig(path)
    pyplot.close(figure)
