"""The options of a check: every spelling becomes one, and a message says what is wrong with any other."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from scratchcnn.gradcheck.contract import VIOLATION_KINDS
from scratchcnn.gradcheck.options import Options, validated


def options(**given):
    return validated(**{"seed": 0, "seconds": 1.0, **given})


def test_what_is_not_said():
    assert options() == Options(
        degree=None,
        factor=1,
        seed=0,
        max_entries=None,
        allow=(),
        seconds=1.0,
        name="",
        proof=True,
        diagnosis=True,
        laws=False,
        digits=None,
        batch=(),
        executor=None,
    )


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("degree", np.int64(1), 1),
        ("degree", 2, 2),
        ("factor", np.uint8(9), 9),
        ("factor", 1, 1),
        ("seed", 0, 0),
        ("seed", 2**70, 2**70),
        ("max_entries", 1, 1),
        ("max_entries", "affordable", "affordable"),
        ("allow", "dtype", ("dtype",)),
        ("allow", ["dtype", "stale"], ("dtype", "stale")),
        ("allow", VIOLATION_KINDS, VIOLATION_KINDS),
        ("seconds", 2, 2.0),
        ("seconds", Fraction(1, 4), 0.25),
        ("seconds", np.float32(0.5), 0.5),
        ("digits", 3.5, 3.5),
        ("name", "layer", "layer"),
        ("proof", np.False_, False),
        ("diagnosis", False, False),
        ("laws", True, True),
        ("batch", "x", ("x",)),
        ("batch", 0, (0,)),
        ("batch", ["x", 1], ("x", 1)),
        ("batch", None, ()),
    ],
)
def test_every_spelling_becomes_one(name, given, kept):
    found = getattr(options(**{name: given}), name)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("degree", 0, ValueError, "degree must be 1, 2 or None, got 0"),
        ("degree", 3, ValueError, "degree must be 1, 2 or None, got 3"),
        ("degree", 1.0, TypeError, "degree must be 1, 2 or None, got 1.0"),
        ("degree", True, TypeError, "degree must be 1, 2 or None, got True"),
        ("factor", 0, ValueError, "factor must be a positive integer, got 0"),
        ("factor", np.inf, TypeError, "factor must be a positive integer, got inf"),
        ("seed", -1, ValueError, "seed must be an integer that is not negative, got -1"),
        ("seed", None, TypeError, "seed must be an integer that is not negative, got None"),
        ("max_entries", 0, ValueError, "max_entries must be a positive integer, or None for all entries, got 0"),
        ("max_entries", "all", TypeError, "max_entries must be a positive integer, or None for all entries, got 'all'"),
        ("name", 5, TypeError, "name must be a string, got 5"),
        ("name", "a\nb", ValueError, "name must be printable, got 'a\\nb'"),
        ("seconds", 0, ValueError, "seconds must be a positive number, got 0.0; max_entries=None checks all entries"),
        (
            "seconds",
            10**400,
            ValueError,
            "seconds must be a positive number, got inf; max_entries=None checks all entries",
        ),
        (
            "seconds",
            np.nan,
            ValueError,
            "seconds must be a positive number, got nan; max_entries=None checks all entries",
        ),
        ("seconds", "1", TypeError, "seconds must be a positive number, got '1'"),
        ("seconds", True, TypeError, "seconds must be a positive number, got True"),
        ("digits", -2, ValueError, "digits must be a positive number, or None, got -2.0"),
        ("digits", "3", TypeError, "digits must be a positive number, or None, got '3'"),
        ("proof", 1, TypeError, "proof must be True or False, got 1"),
        ("diagnosis", None, TypeError, "diagnosis must be True or False, got None"),
        ("laws", "yes", TypeError, "laws must be True or False, got 'yes'"),
        ("allow", 7, TypeError, "allow takes kinds of violations, as in allow=('dtype',); got 7"),
        ("allow", ["dtype", None], TypeError, "allow takes kinds of violations, as in allow=('dtype',); got None"),
        (
            "allow",
            ("dtype", "sloppy", "late"),
            ValueError,
            f"allow takes kinds out of {', '.join(VIOLATION_KINDS)}; got 'sloppy', 'late'",
        ),
    ],
)
def test_what_is_wrong_is_named(name, value, error, message):
    with pytest.raises(error) as caught:
        options(**{name: value})
    assert str(caught.value) == message


def test_an_executor_takes_work():
    with ThreadPoolExecutor(1) as executor:
        assert options(executor=executor).executor is executor
    with pytest.raises(ValueError, match=r"^executor must take work, got a ThreadPoolExecutor that refuses it: "):
        options(executor=executor)
    with pytest.raises(
        TypeError,
        match=r"^executor must be an Executor of concurrent\.futures, as ThreadPoolExecutor\(2\), or None; got 3$",
    ):
        options(executor=3)
