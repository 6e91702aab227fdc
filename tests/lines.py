"""Find the statements of the operations that no sample of the catalogue runs.

Every sample runs in floats. The small ones also run on balls in a proof and on mpmath's numbers, and those of `sigmoid`
on decimals, whose functions are methods.

As a program, this module prints the lines that ran. It needs a process of its own, since the operations keep plans and
threads from one call to the next.
"""

import ast
import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Where they are installed; they are not imported yet, since their definitions are statements too.
OPERATIONS = Path(str(find_spec("scratchcnn.operations").origin)).parent
# The functions that neither a forward nor a backward pass calls, by file: definitions that tests compare with, and
# `softmax`, which serves predictions.
IN_NO_PASS = {
    "convolution/machinery/workspace.py": {"spoil"},
    "losses.py": {"softmax"},
}
# The file that has no derivative, and thus no row in the catalogue.
IN_NO_ROW = "gradient_descent.py"


def statements_not_run() -> list[str]:
    """List the statements of the operations that no sample runs, except those that refuse an argument."""
    command = [sys.executable, "-m", "tests.lines"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    ran = json.loads(process.stdout)
    missing = []
    for path in sorted(set(OPERATIONS.rglob("*.py")) - {OPERATIONS / IN_NO_ROW}):
        name = path.relative_to(OPERATIONS).as_posix()
        source = path.read_text(encoding="utf-8")
        for lines in statements(ast.parse(source), IN_NO_PASS.get(name, set())):
            if not set(lines) & set(ran.get(name, ())):
                missing.append(f"{name}: {source.splitlines()[lines.start - 1].strip()}")
    return missing


def statements(node: ast.AST, left_out: set[str]) -> Iterator[range]:
    """Give the lines of each statement; for a compound statement, the lines of its header."""
    for child in ast.iter_child_nodes(node):
        refuses = isinstance(child, ast.Raise | ast.ExceptHandler)
        if refuses or (isinstance(child, ast.FunctionDef) and child.name in left_out):
            continue
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        declares = isinstance(child, ast.AnnAssign) and child.value is None
        if isinstance(child, ast.stmt) and not (is_docstring or declares or isinstance(child, ast.Try | ast.Pass)):
            first = min([child.lineno, *(each.lineno for each in getattr(child, "decorator_list", []))])
            body = getattr(child, "body", None)
            last = max(body[0].lineno - 1, child.lineno) if body else child.end_lineno or child.lineno
            yield range(first, last + 1)
        yield from statements(child, left_out)


def main() -> None:
    ran: dict[str, set[int]] = defaultdict(set)

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(str(OPERATIONS)):
            return None
        ran[Path(frame.f_code.co_filename).relative_to(OPERATIONS).as_posix()].add(frame.f_lineno)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    import mpmath
    import numpy as np
    from threadpoolctl import threadpool_limits

    from scratchcnn.catalogue import CATALOGUE, prove

    to_mpmath = np.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)
    to_decimal = np.frompyfunc(lambda number: Decimal(float(number)), 1, 1)
    with threadpool_limits(2, "blas"):
        for operation in CATALOGUE:
            for sample in operation.samples(np.random.default_rng(0)):
                output = operation.forward(*sample.inputs, **sample.options)
                operation.backward(np.ones_like(output), *sample.inputs, **sample.options)
                if operation.definition is not None:
                    operation.definition(*sample.inputs, **sample.options)
        for operation in CATALOGUE:
            rings = [to_mpmath, to_decimal] if operation.name == "sigmoid" else [to_mpmath]
            for sample, ring in product(operation.samples(np.random.default_rng(0)), rings):
                if prove(operation, sample) is None:  # too large
                    continue
                inputs = [np.asarray(ring(a)) if a.dtype.kind == "f" else a for a in sample.inputs]
                output = np.asarray(operation.forward(*inputs, **sample.options))
                operation.backward(output, *inputs, **sample.options)
    sys.settrace(None)
    print(json.dumps({name: sorted(lines) for name, lines in ran.items()}))


if __name__ == "__main__":
    main()
