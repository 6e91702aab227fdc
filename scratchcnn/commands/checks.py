"""The checks of `scratchcnn verify`: the article's network as printed, the network as trained, and the catalogue.

`scratchcnn.gradcheck` compares every derivative with differences of its forward pass, at the 200 digits that ship with
the package:

- the *links* of the chain (∂O/∂Z2, ∂Z2/∂W, ...), at the values that the network has at these digits. A link with many
  entries is checked at a sample of them;
- the *whole chain* (∂E/∂W, ∂E/∂b, ∂E/∂f), at every entry of the parameters.

Each row is also proved in ball arithmetic, as far as that is quick: the links at all digits, or at a few if they have
many entries; the whole chain at the first digits; the operations at their small samples. The verdict comes from the
differences, but a proof that a derivative is wrong also makes the row wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from scratchcnn.article.network import FEATURES, FILTERS, MAP
from scratchcnn.article.pictures import pictures
from scratchcnn.article.point import PROVED_IMAGES, FunctionPair, Point, unsaturated_point
from scratchcnn.catalogue import CATALOGUE, Operation
from scratchcnn.catalogue import check as check_operation
from scratchcnn.catalogue import prove as prove_operation
from scratchcnn.commands.rows import Check
from scratchcnn.digits.mnist import SHIPPED
from scratchcnn.gradcheck import Proved, Report, check_gradient, prove_gradient
from scratchcnn.operations import Array
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.losses import squared_error, squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

# The headings of the table's blocks.
PRINTED = "the article as printed"
TRAINED = "the network that is trained"
OPERATIONS = "the operations"

LINK_ENTRIES = 200  # entries at which a link is checked
BLOCK_WEIGHTS = 64  # weights in one check of the whole chain
FEW_IMAGES = 4  # images at which a link is checked that treats each image by itself


def all_checks(seed: int = 0) -> list[Check]:
    """List the checks of all rows, in order.

    Parameters
    ----------
    seed : int
        The seed of the point, of the samples and of the checks; the same seed gives the same figures.

    Returns
    -------
    list of Check
        One for each row.
    """
    point = unsaturated_point(seed)
    network = [replace(c, pictures=partial(pictures, point, c.name)) for c in (*_printed(point), *_trained(point))]
    return [*network, *(_catalogued(operation, seed) for operation in CATALOGUE)]


def _printed(point: Point) -> Iterator[Check]:
    """List the checks of the network as printed: O = sigmoid(Z2), Z2 = A1 W + b, A1 = sigmoid(X * f)."""
    link = partial(_link, PRINTED, point.seed)
    loss, activation = (squared_error, squared_error_backward), (sigmoid, sigmoid_backward)
    linear, convolution = (dense, dense_backward), (conv2d, conv2d_backward)
    yield link("∂E/∂O", "-(y - O)", loss, lambda: (point.o, point.y))
    yield link("∂O/∂Z2", "O (1 - O)", activation, lambda: (point.z2,))
    yield link("∂Z2/∂W", "A1", linear, lambda: (point.a1, point.weight, point.bias), 1, first=PROVED_IMAGES)
    yield link("∂Z2/∂b", "1", linear, lambda: (point.a1, point.weight, point.bias), 2, first=PROVED_IMAGES)
    few, link_at_few = slice(FEW_IMAGES), partial(link, first=FEW_IMAGES)
    yield link_at_few("∂Z2/∂A1", "W", linear, lambda: (point.a1[few], point.weight, point.bias), entries=point.a1.size)
    yield link_at_few("∂A1/∂Z1", "A1 (1 - A1)", activation, lambda: (point.z1[few],), entries=point.z1.size)
    yield link_at_few("∂Z1/∂f", "X", convolution, lambda: (point.x[few], point.filters), 1)
    yield link_at_few("∂Z1/∂X", "f", convolution, lambda: (point.x[few], point.filters), entries=point.x.size)
    yield from _chain(PRINTED, point, "∂E/∂O · ∂O/∂Z2")


def _trained(point: Point) -> Iterator[Check]:
    """List the checks of the network as trained: O = sigmoid(Ẑ2), Ẑ2 = (Z2 - mean) / std."""
    pair = (partial(standardize, axis=0), partial(standardize_backward, axis=0))
    yield _link(TRAINED, point.seed, "∂Ẑ2/∂Z2", "(I - 1/N - Ẑ2 Ẑ2ᵀ/N) / std", pair, lambda: (point.z2,))
    yield from _chain(TRAINED, point, "∂E/∂O · ∂O/∂Ẑ2 · ∂Ẑ2/∂Z2", standardized=True)


def _link(
    block: str,
    seed: int,
    name: str,
    equation: str,
    pair: FunctionPair,
    inputs: Callable[[], tuple[Array, ...]],
    wrt: int = 0,
    *,
    entries: int = 0,
    first: int = 0,
) -> Check:
    """Check one factor of the chain rule: an operation with respect to one of its inputs, at the network's values.

    `entries` is the number of entries of the whole link if `inputs` are a part. The proof covers the `first` images.
    """

    def reports() -> Iterator[Report]:
        yield check_gradient(*pair, *inputs(), wrt=(wrt,), seed=seed, max_entries=LINK_ENTRIES, proof=False)

    def proofs() -> Iterator[Proved]:
        batch, *others = inputs()
        yield prove_gradient(*pair, batch[: first or None], *others, wrt=(wrt,), seed=seed)

    return Check(block, name, equation, reports, entries, proofs=proofs, proof_scope=_scope(first) if first else "")


def _scope(images: int) -> str:
    return f"{images} of the {SHIPPED} digits"


def _chain(block: str, point: Point, outer: str, *, standardized: bool = False) -> Iterator[Check]:
    """Check ∂E/∂W, ∂E/∂b and ∂E/∂f through the whole chain, at every entry; `outer` is ∂E/∂Z2 as a product."""
    compared = partial(check_gradient, seed=point.seed, max_entries=None, proof=False)

    def by_w() -> Iterator[Report]:
        for start in range(0, FEATURES, BLOCK_WEIGHTS):
            part = slice(start, start + BLOCK_WEIGHTS)
            pair = point.by_weights(part, standardized=standardized)
            names = (f"weight[{part.start}:{part.stop}]",)
            yield compared(*pair, point.weight[part], names=names)

    def by_b() -> Iterator[Report]:
        yield compared(*point.by_bias(standardized=standardized), point.bias)

    def by_f() -> Iterator[Report]:
        yield compared(*point.by_filters(standardized=standardized), point.filters)

    zero = "0: a constant added to every Z2 goes with the mean" if standardized else ""
    rows = {
        "weight": ("∂E/∂W", f"{outer} · ∂Z2/∂W", by_w, ""),
        "bias": ("∂E/∂b", f"{outer} · ∂Z2/∂b", by_b, zero),
        "filters": ("∂E/∂f", f"{outer} · ∂Z2/∂A1 · ∂A1/∂Z1 · ∂Z1/∂f", by_f, ""),
    }
    for parameter, (name, equation, reports, note) in rows.items():
        proofs = partial(point.proofs_by, parameter, standardized=standardized)
        shape = (FILTERS, MAP, MAP) if parameter == "weight" else ()
        scope = _scope(PROVED_IMAGES)
        yield Check(block, name, equation, reports, note=note, proofs=proofs, proof_scope=scope, shape=shape)


def _catalogued(operation: Operation, seed: int) -> Check:
    """Check an operation at all the samples of its row in the catalogue."""

    def reports() -> Iterator[Report]:
        rng = np.random.default_rng(seed)
        return (check_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    def proofs() -> Iterator[Proved | None]:
        rng = np.random.default_rng(seed)
        return (prove_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    return Check(OPERATIONS, operation.name, operation.equation, reports, note=operation.note, proofs=proofs)
