"""The harness: is a hand-written gradient right, wrong, or undecided?

It serves any backward pass written with NumPy and imports nothing else of this package. The public names are loaded
where they are first used (PEP 562).

Examples
--------
>>> from scratchcnn.gradcheck import assert_gradient
>>> assert_gradient(lambda x: x**2, lambda g, x: 2 * g * x, [1.0, 2.0, 3.0])
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scratchcnn.gradcheck.case import CallerError
    from scratchcnn.gradcheck.check import assert_gradient, check_gradient
    from scratchcnn.gradcheck.numerical.gradient import NumericalGradient, numerical_gradient
    from scratchcnn.gradcheck.proof.prove_gradient import Proved, ProvedInput, prove_gradient
    from scratchcnn.gradcheck.report.report import (
        Diagnosis,
        GradientMismatch,
        GradientUndecided,
        InputReport,
        Report,
        SecondPoint,
        Violation,
    )
    from scratchcnn.gradcheck.verdict import Verdict

__all__ = [
    "CallerError",
    "Diagnosis",
    "GradientMismatch",
    "GradientUndecided",
    "InputReport",
    "NumericalGradient",
    "Proved",
    "ProvedInput",
    "Report",
    "SecondPoint",
    "Verdict",
    "Violation",
    "assert_gradient",
    "check_gradient",
    "numerical_gradient",
    "prove_gradient",
]

# The module that defines each public name.
_HOME = {
    "CallerError": "case",
    "Diagnosis": "report.report",
    "GradientMismatch": "report.report",
    "GradientUndecided": "report.report",
    "InputReport": "report.report",
    "NumericalGradient": "numerical.gradient",
    "Proved": "proof.prove_gradient",
    "ProvedInput": "proof.prove_gradient",
    "Report": "report.report",
    "SecondPoint": "report.report",
    "Verdict": "verdict",
    "Violation": "report.report",
    "assert_gradient": "check",
    "check_gradient": "check",
    "numerical_gradient": "numerical.gradient",
    "prove_gradient": "proof.prove_gradient",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"scratchcnn.gradcheck.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
