"""The command: `python -m tests.gradcheck.adapters.sweep torch|jax|tensorflow [NAME ...] [--seed N] [--halves]`."""

from argparse import ArgumentParser
from importlib import import_module

from tests.gradcheck.adapters.sweep.run import ADAPTERS, sweep, table

# The relative error above which a gradient is shown although the check calls it right.
MISTAKE = {"float64": 1e-9, "float32": 1e-3}


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.gradcheck.adapters.sweep")
    parser.add_argument("framework", choices=ADAPTERS)
    parser.add_argument("name", nargs="*", help="of a function; all if none is given")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs and the check")
    parser.add_argument("--halves", action="store_true", help="round the inputs to halves: ties, zeros, kinks, edges")
    asked = parser.parse_args()
    rows = import_module(f"tests.gradcheck.adapters.sweep.{asked.framework}_table").TABLE
    if unknown := set(asked.name) - set(rows):
        parser.error(f"no row of {asked.framework} is called {', '.join(sorted(unknown))}")
    results = []
    for result in sweep(asked.framework, {n: rows[n] for n in asked.name or rows}, asked.seed, asked.halves):
        results.append(result)
        if result.verdict != "right" or (result.truth and result.truth.off > MISTAKE[result.dtype]):
            found = result.text, result.truth
            print(
                f"{result.verdict.upper()} {result.name} ({result.dtype})",
                *filter(None, found),
                "",
                sep="\n",
                flush=True,
            )
    print(table(asked.framework, results))


if __name__ == "__main__":
    main()
