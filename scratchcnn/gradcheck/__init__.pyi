from .assertion import assert_gradient as assert_gradient
from .case import CallerError as CallerError
from .check import check_gradient as check_gradient
from .forward_mode import assert_jvp as assert_jvp, check_jvp as check_jvp
from .numerical.gradient import NumericalGradient as NumericalGradient, numerical_gradient as numerical_gradient
from .proof.prove_gradient import Proved as Proved, ProvedInput as ProvedInput, prove_gradient as prove_gradient
from .report.causes import Diagnosis as Diagnosis
from .report.report import (
    Compared as Compared,
    GradientMismatch as GradientMismatch,
    GradientUndecided as GradientUndecided,
    InputReport as InputReport,
    Report as Report,
    SecondPoint as SecondPoint,
    Violation as Violation,
)
from .verdict import Verdict as Verdict
