"""The command: `python -m tests.gradcheck.adapters.sweep torch|jax|tensorflow [NAME ...] [--seeds N]`."""

from argparse import ArgumentParser
from importlib import import_module

from tests.gradcheck.adapters.sweep.run import ADAPTERS, sweep, table


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.gradcheck.adapters.sweep")
    parser.add_argument("framework", choices=ADAPTERS)
    parser.add_argument("name", nargs="*", help="of a function; all if none is given")
    parser.add_argument("--seeds", type=int, default=1, help="how many draws of each")
    asked = parser.parse_args()
    rows = import_module(f"tests.gradcheck.adapters.sweep.{asked.framework}_table").TABLE
    if unknown := set(asked.name) - set(rows):
        parser.error(f"no row of {asked.framework} is called {', '.join(sorted(unknown))}")
    results = []
    for result in sweep(asked.framework, {n: rows[n] for n in asked.name or rows}, range(asked.seeds)):
        results.append(result)
        if result.verdict != "right":
            print(f"{result.verdict.upper()} {result.name} ({result.dtype})\n{result.text}\n", flush=True)
    print(table(asked.framework, results))


if __name__ == "__main__":
    main()
