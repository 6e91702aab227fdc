"""What stands in place of the derivative of a step that is differentiated wrongly."""

import numpy as np

from scratchcnn.gradcheck.diagnosis.steps.slips import CONSTANT, ODD, SLIPS, Parts

NAN = float("nan")


def part(factor=NAN, value=NAN, result=NAN, at_result=NAN, transposed=NAN, diagonal=NAN):
    return np.array([[0.0, factor, 0.0, value, result, at_result, transposed, diagonal]]).T


SIGMOID = 1 / (1 + np.exp(-0.5))


def test_each_slip_puts_something_in_place_of_a_derivative():
    d, x, y, up, turned, unit = 0.25, 3.0, SIGMOID, 0.75, 5.0, 1.0
    made = Parts.of(part(d, x, y, up, turned, unit)).slips()[:, 0]
    expected = [up, NAN, y * (1 - y), 1 - y**2, 1 - x**2, x * (1 - x), turned, unit, -d, 0, NAN, NAN, x, x, y, 1 - y]
    np.testing.assert_allclose(made, [*expected, 1 - d, 1 / d, d**2, d**0.5])
    kinds = "operand operand operand operand operand operand transposed missing-factor sign missing-term"
    kinds += " missing-factor missing-factor operand swapped operand operand operand operand missing-factor operand"
    assert [slip.kind for slip in SLIPS] == kinds.split()
    assert (CONSTANT, ODD) == (9, 12)


def test_the_sigmoid_at_its_output_is_known_by_its_derivative():
    y = SIGMOID
    at_output = Parts.of(part(y * (1 - y), 0.5, y)).slips()[1, 0]
    twice = 1 / (1 + np.exp(-y))
    assert at_output == twice * (1 - twice)
    assert np.isnan(Parts.of(part(y * (1 - y) * (1 + 1e-7), 0.5, y)).slips()[1, 0])
    tiny = 2.0**-40
    assert np.isnan(Parts.of(part(2 * tiny, -28.0, tiny)).slips()[1, 0])
    assert Parts.of(part(0.25, 0.5, y)).slips()[10, 0] == 1  # no matrix is left out
    np.testing.assert_array_equal([Parts.of(part(d)).slips()[11, 0] for d in (-3.0, 3.0, 0.0)], [-1, NAN, NAN])


def test_where_nothing_is_known_nothing_is_put_in_place():
    with np.errstate(all="raise"):
        made = Parts.of(part(-2.0)).slips()[:, 0]
    assert np.flatnonzero(~np.isnan(made)).tolist() == [8, 9, 10, 11, 16, 17, 18]
    zero = Parts.of(part(0.0)).slips()[:, 0]
    assert zero[17] == np.inf


def test_the_sentences_of_slips_are_of_the_step_and_its_operands():
    for slip in SLIPS:
        said = slip.sentence.format(step="S", operand="A", other="B")
        assert "{" not in said
        assert "S" in said
