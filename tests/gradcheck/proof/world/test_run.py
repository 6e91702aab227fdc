"""What cannot run is named with its file and line."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.arrays import Balls, lift
from scratchcnn.gradcheck.proof.balls.ball import Undecidable, precision
from scratchcnn.gradcheck.proof.world.run import NotRun, as_array, output, run
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof import callers


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def line_of(text):
    lines = Path(callers.__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("function", "text", "why"),
    [
        (callers.in_single, "np.zeros(x.shape, dtype=np.float32)", "cannot hold it"),
        (callers.rounded_to_single, "x.astype(np.float32)", "rounds to float32, which a ball cannot"),
        (callers.singular_values, "np.linalg.svd(x)", "linalg.svd is not available on balls"),
    ],
)
def test_the_reason_names_the_call_its_file_and_its_line(function, text, why):
    with pytest.raises(NotRun, match=f"^{re.escape(f'`{text}` at callers.py:{line_of(text)} {why}')}$"):
        run(World(), function, np.ones((2, 2)))


def test_an_exception_of_the_callers_is_named():
    with pytest.raises(
        NotRun, match=r"^`np\.ones\(3\) \+ np\.ones\(2\)` at test_run\.py:\d+ does not run on balls \(ValueError: .*"
    ):
        run(World(), lambda x: np.ones(3) + np.ones(2), np.ones(2))


def test_the_innermost_line_of_the_callers_is_named():
    with pytest.raises(NotRun, match=r"^`np\.zeros\(x\.shape, dtype=np\.float32\)` at callers\.py:"):
        run(World(), lambda x: callers.in_single(x) + 1, np.ones(2))


def test_long_calls_are_shortened():
    def forward(x):
        return np.linalg.eigvals(np.exp(x * 1.0) + np.exp(2.0 * 3.0 + 4.0 * 5.0 + 6.0 * 7.0 + 8.0 * 9.0))

    with pytest.raises(NotRun, match=r"^`np\.linalg\.eigvals\(\.\.\.\)` at test_run\.py:\d+ "):
        run(World(), forward, np.ones((2, 2)))


def test_long_expressions_that_are_no_calls_are_cut():
    a_number_with_quite_a_long_name, another_number_with_quite_a_long_name = np.ones(3), np.ones(2)

    def forward(x):
        return a_number_with_quite_a_long_name + another_number_with_quite_a_long_name

    text = "a_number_with_quite_a_long_name + another_number_with_quite_a_long_name"[:60]
    with pytest.raises(NotRun, match=rf"^`{re.escape(text)}\.\.\.` at test_run\.py:\d+ "):
        run(World(), forward, np.ones(2))


def test_a_call_of_sixty_characters_is_shown_in_full():
    def forward(an_array_of_numbers_with_a_name_of_many_signs):
        return np.linalg.svd(an_array_of_numbers_with_a_name_of_many_signs)

    with pytest.raises(NotRun, match=r"^`np\.linalg\.svd\(an_array_of_numbers_with_a_name_of_many_signs\)` at "):
        run(World(), forward, np.ones((2, 2)))


def test_what_stops_a_function_of_numpy_s_itself_has_no_place():
    with pytest.raises(NotRun, match=r"^linalg\.svd is not available on balls$"):
        run(World(), np.linalg.svd, np.ones((2, 2)))


def test_floats_of_the_callers_that_overflow_are_not_told():
    with np.errstate(all="raise"):
        found = run(World(), lambda x: x * (np.float64(1) / np.float64(0) > 1), np.ones(1))
    assert float(found[0].value) == 1


def test_an_expression_of_several_lines_is_shown_in_one():
    def forward(x):
        return np.add(
            np.ones(3),
            np.ones(2),
        )

    with pytest.raises(NotRun, match=r"^`np\.add\( np\.ones\(3\), np\.ones\(2\), \)` at test_run\.py:\d+ "):
        run(World(), forward, np.ones(2))


class Archive:
    """A loader of modules that are in no file."""

    def get_source(self, name):
        return "def forward(x):\n    return np.linalg.svd(x)\n"


def test_code_in_an_archive_is_shown():
    names = {"np": np, "__name__": "archived", "__loader__": Archive()}
    exec(compile(Archive().get_source("archived"), "archived.py", "exec"), names)
    with pytest.raises(NotRun, match=r"^`np\.linalg\.svd\(x\)` at archived\.py:2 linalg\.svd is not available"):
        run(World(), names["forward"], np.ones((2, 2)))


def test_the_package_of_a_function_is_the_callers():
    world = World()
    assert not world.is_callers("_pytest")
    run(world, pytest.importorskip, "numpy")
    assert world.is_callers("_pytest")


def test_code_without_a_file_is_named_by_its_function():
    names = {"np": np}
    exec("def forward(x):\n    return np.linalg.svd(x)", names)
    with pytest.raises(NotRun, match=r"^forward at <string>:2 linalg\.svd is not available on balls$"):
        run(World(), names["forward"], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("one line\nand another"), "does not run on balls (ValueError: one line)"),
        (ValueError(), "does not run on balls (ValueError)"),
    ],
)
def test_of_what_the_caller_raises_the_first_line_is_told(error, why):
    def forward(x):
        raise error

    with pytest.raises(NotRun, match=f"{re.escape(why)}$"):
        run(World(), forward, np.ones(2))


@pytest.mark.parametrize("by", ["cause", "context"])
def test_what_balls_cannot_is_told_also_where_the_caller_raises_something_else_of_it(by):
    def forward(x):
        try:
            return np.linalg.svd(x)
        except Exception as error:
            if by == "cause":
                raise RuntimeError("no layer") from error
            raise RuntimeError("no layer")  # noqa: B904

    with pytest.raises(NotRun, match=r"linalg\.svd is not available on balls$"):
        run(World(), forward, np.ones((2, 2)))


@pytest.mark.parametrize(
    ("given", "made"),
    [
        *[(np.ones(1), Balls), (np.float64(1), Balls), (np.float32(1), Balls), (1.0, float), ([1.0], list), ("a", str)],
        *[(np.arange(2), np.ndarray), (np.ma.ones(2), np.ma.MaskedArray)],
    ],
)
def test_only_arrays_of_floats_are_taken_for_balls(given, made):
    assert type(run(World(), lambda x: x, given)) is made


def test_a_float_array_made_elsewhere_cannot_hold_balls():
    written = pickle.dumps(np.ones(2))

    def forward(x):
        place = pickle.loads(written)
        place += x
        return place

    with pytest.raises(
        NotRun, match=r"^`place \+= x` at test_run\.py:\d+ writes into an array of float64, which cannot"
    ):
        run(World(), forward, np.ones(2))


def test_what_balls_do_not_decide_asks_for_more_bits():
    with pytest.raises(Undecidable):
        run(World(), lambda x: x if np.sqrt(x[0]) ** 2 > x[0] else -x, lift(np.array([2.0])))


def test_a_run_that_takes_too_long_is_stopped():
    with pytest.raises(NotRun, match=r"^takes too long$"):
        run(World(), callers.sixteen_sums, np.ones(1), seconds=0.05)
    with pytest.raises(NotRun, match=r"^takes too long$"):
        output(World(), callers.sixteen_sums, np.ones(1), seconds=0.05)


def test_a_step_that_cannot_end_in_time_is_not_begun():
    numbers = np.ones(3 * 10**6)
    for function in (
        lambda x: np.multiply.outer(x, x),
        lambda x: x[0] * np.linspace(0, 1, 3 * 10**6),
        lambda x: np.arange(0, 3 * 10**6 * x[0]),
        lambda x: x[0] * numbers[:2],
    ):
        with pytest.raises(NotRun, match=r"^takes too long$"):
            run(World(), function, np.ones(10**4), seconds=0.5)


@pytest.mark.parametrize("number", [2.0, 3, np.float64(0.5), [1.0, 2.0], np.ones((2, 1))])
def test_constants_are_outputs_too(number):
    found = output(World(), lambda x: number, np.ones(1))
    assert isinstance(found, Balls)
    assert found.shape == np.shape(number)
    assert all(float(b.value) == n for b, n in zip(found.reshape(-1), np.ravel(number), strict=True))


@pytest.mark.parametrize("answer", ["words", None, {"x": 1}, 1j])
def test_what_is_no_number_is_no_output(answer):
    with pytest.raises(NotRun, match=f"^gives {type(answer).__name__}, not numbers"):
        output(World(), lambda x: answer, np.ones(1))


def test_one_ball_is_an_output_of_no_axes():
    found = as_array(run(World(), lambda x: x.sum(), lift(np.ones(2), np.ones(2))), World())
    assert found.shape == ()
    assert (float(found[()].value), float(found[()].slope)) == (2, 2)
