"""What `scratchcnn verify` checks: the article's network as printed, the network that is trained, the catalogue.

Every derivative is compared by `scratchcnn.gradcheck` with differences of its forward, at the 200 digits that ship with
the package:

- the *links* of the chain (∂O/∂Z2, ∂Z2/∂W, ...) at the values that the network has there, a sample of their entries
  where there are many;
- the *whole chain* (∂E/∂W, ∂E/∂b, ∂E/∂f): every entry of the parameters, moved on its own and carried through to E.

Beside the differences each row is proved in ball arithmetic, as far as that is quick: the links of all digits, or of a
few where they have many entries; the whole chain, as `article` has it, of the first digits; the small samples of the
operations. The verdict comes from the differences; a proof that something is wrong makes the row wrong, too.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from scratchcnn.article.network import FEATURES
from scratchcnn.article.point import PROVED_IMAGES, FunctionPair, Point, unsaturated
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

PRINTED = "the article as printed"
TRAINED = "the network that is trained"
OPERATIONS = "the operations"

LINK_ENTRIES = 200  # entries of a large link
BLOCK_WEIGHTS = 64  # weights that are checked together
FEW_IMAGES = 4  # images for a link that treats each image alike, and on its own


def all_checks(seed: int = 0) -> list[Check]:
    """List every row of the table, in order, before it is run. The same seed gives the same figures."""
    point = unsaturated(seed)
    return [*_printed(point), *_trained(point), *(_catalogued(operation, seed) for operation in CATALOGUE)]


def _printed(point: Point) -> Iterator[Check]:
    """Z1 = X * f, A1 = sigmoid(Z1), Z2 = A1 W + b, O = sigmoid(Z2), E = sum (y - O)^2 / 2."""
    link = partial(_link, PRINTED, point.seed)
    loss, activation = (squared_error, squared_error_backward), (sigmoid, sigmoid_backward)
    linear, convolution = (dense, dense_backward), (conv2d, conv2d_backward)
    yield link("∂E/∂O", "-(y - O)", loss, lambda: (point.o, point.y))
    yield link("∂O/∂Z2", "O (1 - O)", activation, lambda: (point.z2,))
    yield link("∂Z2/∂W", "A1", linear, lambda: (point.a1, point.weight, point.bias), 1, first=PROVED_IMAGES)
    yield link("∂Z2/∂b", "1", linear, lambda: (point.a1, point.weight, point.bias), 2, first=PROVED_IMAGES)
    yield link(
        "∂Z2/∂A1",
        "W",
        linear,
        lambda: (point.a1[:FEW_IMAGES], point.weight, point.bias),
        entries=point.a1.size,
        first=FEW_IMAGES,
    )
    yield link(
        "∂A1/∂Z1", "A1 (1 - A1)", activation, lambda: (point.z1[:FEW_IMAGES],), entries=point.z1.size, first=FEW_IMAGES
    )
    yield link("∂Z1/∂f", "X", convolution, lambda: (point.x[:FEW_IMAGES], point.filters), 1, first=FEW_IMAGES)
    yield link(
        "∂Z1/∂X",
        "f",
        convolution,
        lambda: (point.x[:FEW_IMAGES], point.filters),
        entries=point.x.size,
        first=FEW_IMAGES,
    )
    yield from _chain(PRINTED, point, "∂E/∂O · ∂O/∂Z2")


def _trained(point: Point) -> Iterator[Check]:
    """Z2 standardized over the batch before the last sigmoid: Ẑ2 = (Z2 - mean) / std, O = sigmoid(Ẑ2)."""
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
    """One factor of the chain rule, at the values of the network: an operation with respect to one of its inputs.

    `first`: the proof looks at so many images.
    """

    def reports() -> Iterator[Report]:
        yield check_gradient(*pair, *inputs(), wrt=(wrt,), seed=seed, max_entries=LINK_ENTRIES, proof=False)

    def proofs() -> Iterator[Proved]:
        batch, *others = inputs()
        yield prove_gradient(*pair, batch[: first or None], *others, wrt=(wrt,), seed=seed)

    return Check(block, name, equation, reports, entries, proofs=proofs, of=_of(first) if first else "")


def _of(images: int) -> str:
    return f"{images} of the {SHIPPED} digits"


def _chain(block: str, point: Point, outer: str, *, standardized: bool = False) -> Iterator[Check]:
    """∂E/∂W, ∂E/∂b and ∂E/∂f through the whole chain, at all their entries; `outer` is the chain as far as Z2."""
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
        yield Check(block, name, equation, reports, note=note, proofs=proofs, of=_of(PROVED_IMAGES))


def _catalogued(operation: Operation, seed: int) -> Check:
    """One row for an operation, at all the inputs that its row of the catalogue draws."""

    def reports() -> Iterator[Report]:
        rng = np.random.default_rng(seed)
        return (check_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    def proofs() -> Iterator[Proved | None]:
        rng = np.random.default_rng(seed)
        return (prove_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    return Check(OPERATIONS, operation.name, operation.equation, reports, note=operation.note, proofs=proofs)
