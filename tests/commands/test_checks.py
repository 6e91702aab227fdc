"""The checks of `scratchcnn verify`: a row for each operation, and the point at which the network is checked.

`test_verify.py` asserts once, in a process of its own, that the whole table is right.
"""

import numpy as np
import pytest

from scratchcnn.article import network as article
from scratchcnn.article.point import unsaturated_point
from scratchcnn.catalogue import CATALOGUE
from scratchcnn.commands.checks import BLOCK_WEIGHTS, all_checks
from scratchcnn.gradcheck import prove_gradient
from scratchcnn.operations.dense import dense
from tests.article.cases import VARIANTS
from tests.article.running_error import article_network
from tests.assertions import assert_within


def test_every_operation_of_the_catalogue_has_its_row():
    names = [check.name for check in all_checks()]
    assert names[-len(CATALOGUE) :] == [operation.name for operation in CATALOGUE]


@pytest.fixture(scope="module", params=range(3))
def point(request):
    return unsaturated_point(request.param)


def test_nothing_saturates_where_the_network_is_looked_at(point):
    """Z2 is of order 1. A saturated sigmoid would make every derivative zero, and the check would show nothing."""
    assert np.abs(point.z1).max() < 10
    assert 0.3 < point.z2.std() < 3
    assert np.abs(point.z2.mean()) < 3
    slope = point.o * (1 - point.o)
    assert slope.min() > 1e-3
    for gradient in article.error_backward(
        np.ones(()), point.filters, point.weight, point.bias, x=point.x, y=point.y, standardized=False
    ):
        assert np.abs(gradient).max() > 1e-3


@VARIANTS
def test_the_parts_of_the_chain_are_the_error_of_the_whole_network(point, standardized):
    """Each partial forward pass gives the E of the whole network."""
    parameters = (point.filters, point.weight, point.bias)
    bounded, *_ = article_network(*parameters, point.x, point.y, standardized)
    whole = article.error(*parameters, x=point.x, y=point.y, standardized=standardized)
    bound = 2 * bounded.error * np.finfo(np.float64).eps / 2
    part = slice(BLOCK_WEIGHTS, 2 * BLOCK_WEIGHTS)
    forward, _ = point.by_weights(part, standardized=standardized)
    assert_within(forward(point.weight[part]), whole, bound)
    forward, _ = point.by_bias(standardized=standardized)
    assert_within(forward(point.bias), whole, bound)
    forward, _ = point.by_filters(standardized=standardized)
    assert_within(forward(point.filters), whole, bound)


@VARIANTS
def test_the_parts_of_the_chain_move_as_the_whole_network_does(point, standardized):
    rng = np.random.default_rng(0)
    weight, bias, filters = point.weight.copy(), rng.normal(size=1), point.filters.copy()
    part = slice(3, 7)
    weight[part] += rng.normal(size=(4, 1)) / 10
    filters[1, 0, 2, 3] += 0.1

    def assert_moves(pair, argument, *moved):
        bounded, *_ = article_network(*moved, point.x, point.y, standardized)
        whole = article.error(*moved, x=point.x, y=point.y, standardized=standardized)
        assert_within(pair[0](argument), whole, 2 * bounded.error * np.finfo(np.float64).eps / 2)

    assert_moves(point.by_weights(part, standardized=standardized), weight[part], point.filters, weight, point.bias)
    assert_moves(point.by_bias(standardized=standardized), bias, point.filters, point.weight, bias)
    assert_moves(point.by_filters(standardized=standardized), filters, filters, point.weight, point.bias)


@VARIANTS
def test_the_derivatives_verified_are_those_of_the_whole_network(point, standardized):
    one = np.ones(())
    whole = article.error_backward(
        one, point.filters, point.weight, point.bias, x=point.x, y=point.y, standardized=standardized
    )
    part = slice(BLOCK_WEIGHTS, 2 * BLOCK_WEIGHTS)
    _, backward = point.by_weights(part, standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.weight[part])[0], whole[1][part])
    _, backward = point.by_bias(standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.bias)[0], whole[2])
    _, backward = point.by_filters(standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.filters)[0], whole[0])


def test_blocks_cover_every_weight(point):
    covered = np.concatenate(
        [np.arange(article.FEATURES)[k : k + BLOCK_WEIGHTS] for k in range(0, article.FEATURES, BLOCK_WEIGHTS)]
    )
    np.testing.assert_array_equal(covered, np.arange(1728))


def test_weights_add_up_to_nothing_on_paper(point):
    """For a blank image, Z1 is 0 and A1 is 1/2; Z2 is b, since the weights add up to 0."""
    blank = article.convolution_layer(point.filters, x=np.zeros((1, 1, 28, 28)))
    np.testing.assert_array_equal(blank, np.full((1, 1728), 0.5))
    roundoff = 1728 * np.finfo(np.float64).eps * np.abs(point.weight).sum()
    assert_within(dense(blank, point.weight, point.bias), point.bias[np.newaxis], roundoff)


def test_the_whole_chain_is_proved_once_for_all_parameters(point, monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(options["names"])
        return prove_gradient(*arguments, **options)

    monkeypatch.setattr("scratchcnn.article.point.PROVED_IMAGES", 2)
    monkeypatch.setattr("scratchcnn.article.point.prove_gradient", counted)
    fresh = unsaturated_point(point.seed)
    for name, size in (("weight", 1728), ("bias", 1), ("filters", 75)):
        (proved,) = fresh.proofs_by(name, standardized=False)
        assert [(each.name, each.right) for each in proved.inputs] == [(name, size)]
        assert proved.digits > 50
    assert len(calls) == 1
