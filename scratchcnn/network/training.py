"""Learning the ten digits from all of MNIST: mini-batches, momentum, and a training that can be taken up again.

A training is a value: `Training` holds all that the next step depends on. Each step makes a new one, so whatever
interrupts it, the last one is whole; and one that is read from a file goes on as if it had never stopped.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import ceil, cos, inf, isfinite, pi
from pathlib import Path
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from scratchcnn.digits.mnist import Digits
from scratchcnn.network.layers import Array, Conv2d, Dense, Flatten, MaxPool2d, Relu
from scratchcnn.network.network import Model, Network, finite
from scratchcnn.operations.threads import evenly

# LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998) with maxima in place of averages, ReLUs, and every map seen by every
# filter. Pooling comes before the ReLU: the result is the same, for a quarter of the work.
NETWORK = Network(
    (
        Conv2d(1, 6, 5),
        MaxPool2d(2),
        Relu(),
        Conv2d(6, 16, 5),
        MaxPool2d(2),
        Relu(),
        Flatten(),
        Dense(256, 120),
        Relu(),
        Dense(120, 84),
        Relu(),
        Dense(84, 10),
    )
)
# The fewest images that are worth a thread: with fewer, one waits for the other's turn to run Python most of the time.
SHARE = 128
# A block of bytes that glibc takes from the system and gives back. From then on it keeps smaller ones for the next step
# (its threshold is the largest that came back), where every step would fault in a thousand pages anew.
LARGEST = 2**24

Result = TypeVar("Result")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    epochs
        How often every digit is seen.
    batch
        How many digits a step looks at; the last of an epoch may look at fewer.
    rate
        The first step per unit of the gradient; from there it falls to 0 along half a cosine.
    momentum
        The share of the velocity that is left after a step, 0 to 1.
    seed
        Draws the parameters and the order of the digits.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.rate < inf:
            raise ValueError(f"rate must be a finite number above 0, got {self.rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {self.momentum}")


@dataclass(frozen=True, eq=False)
class Training:
    """Where a training stands.

    Attributes
    ----------
    recipe
        How it is done.
    model
        What was learnt so far.
    velocities
        Where each parameter is moving.
    step
        How many steps were made.
    digits
        How many digits there are to learn from.
    error
        E of the last batch, before its step.
    """

    recipe: Recipe
    model: Model
    velocities: tuple[Array, ...]
    digits: int
    step: int = 0
    error: float = inf

    @classmethod
    def begin(cls, recipe: Recipe, digits: int, network: Network = NETWORK) -> "Training":
        """Draw the parameters, in float32; nothing moves yet."""
        parameters = network.draw(np.random.default_rng(recipe.seed))
        return cls(recipe, Model(network, parameters), tuple(map(np.zeros_like, parameters)), digits)

    @property
    def steps_an_epoch(self) -> int:
        """How many batches the digits make."""
        return ceil(self.digits / self.recipe.batch)

    @property
    def steps(self) -> int:
        """How many there are in all."""
        return self.recipe.epochs * self.steps_an_epoch

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return self.step // self.steps_an_epoch

    def images_since(self, step: int) -> int:
        """How many images the steps from that one on have seen."""

        def images(step: int) -> int:
            epoch, place = divmod(step, self.steps_an_epoch)
            return epoch * self.digits + place * self.recipe.batch

        return images(self.step) - images(step)

    def save(self, path: Path) -> None:
        """Write the model with all that the training needs to go on. Raises as `Model.save`."""
        velocities = {f"velocity_{k}": velocity for k, velocity in enumerate(self.velocities)}
        training = {**asdict(self.recipe), "step": self.step, "digits": self.digits}
        self.model.save(path, {"training": np.array(json.dumps(training)), **velocities})

    @classmethod
    def load(cls, path: Path) -> "Training":
        """Read what `save` wrote. Raises as `Model.load`, also where there is a model only."""
        model, beside = Model.load_with_beside(path)
        try:
            recipe = json.loads(str(beside["training"]))
            step, digits = recipe.pop("step"), recipe.pop("digits")
            shapes = model.network.shapes
            velocities = tuple(finite(beside[f"velocity_{k}"], shape) for k, shape in enumerate(shapes))
            training = cls(Recipe(**recipe), model, velocities, digits, step)
            if digits < 1 or not 0 <= step <= training.steps:
                raise ValueError(f"{digits} digits make {training.steps} steps, of which it has made {step}")
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{path} holds no training that could go on: {error}") from error
        return training


class Workers:
    """Threads that share the images of a batch."""

    def __init__(self, pool: ThreadPoolExecutor, count: int):
        self.pool = pool
        self.count = count

    def share(self, function: Callable[[Digits], Result], digits: Digits) -> Sequence[Result]:
        """Call the function with as many parts of the digits as threads are worth their while, in order."""
        count = max(1, min(self.count, len(digits) // SHARE))
        first, *others = (digits[share] for share in evenly(len(digits), count))
        promised = [self.pool.submit(function, share) for share in others]
        return [function(first), *(promise.result() for promise in promised)]  # the caller's thread works, too


@contextmanager
def workers() -> Iterator[Workers]:
    """As many threads as BLAS may have (`OMP_NUM_THREADS` and its like), each with products that keep to it."""
    np.empty(LARGEST, np.uint8)
    blas = ThreadpoolController().select(user_api="blas")
    count = max((library.num_threads for library in blas.lib_controllers), default=1)
    with blas.limit(limits=1), ThreadPoolExecutor(count) as pool:
        yield Workers(pool, count)


def steps(training: Training, digits: Digits, team: Workers) -> Iterator[Training]:
    """Make the steps that are left, one at a time.

    Parameters
    ----------
    training
        Where it stands.
    digits
        What to learn from, as many as the training began with.
    team
        Who does the work.

    Yields
    ------
    Where it stands after each step.

    Raises
    ------
    ValueError
        If there are more or fewer digits; or while training, if the error is not finite any more.
    """
    if len(digits) != training.digits:
        raise ValueError(f"the training began with {training.digits} digits, got {len(digits)}")
    return _steps(training, digits, team)


def _steps(training: Training, digits: Digits, team: Workers) -> Iterator[Training]:
    batch = training.recipe.batch
    while training.step < training.steps:
        order = np.random.default_rng([training.recipe.seed, training.epoch]).permutation(len(digits))
        for place in range(training.step % training.steps_an_epoch, training.steps_an_epoch):
            training = step(training, digits[order[place * batch : (place + 1) * batch]], team)
            yield training


def step(training: Training, batch: Digits, team: Workers) -> Training:
    """Make a step against the gradient of E on this batch, with Nesterov's momentum.

        v <- momentum v - rate ∂E/∂p
        p <- p + momentum v - rate ∂E/∂p

    Source: Sutskever, Martens, Dahl and Hinton, "On the Importance of Initialization and Momentum in Deep Learning"
    (2013), in the form that has the parameters looked ahead at; the rate: Loshchilov and Hutter, "SGDR" (2017).
    """
    recipe, model = training.recipe, training.model
    error, gradients = error_and_gradients(model, batch, team)
    if not isfinite(error):
        raise ValueError(f"the error is not finite any more after {training.step} steps: the rate is too large")
    rate = recipe.rate * (1 + cos(pi * training.step / training.steps)) / 2
    velocities, parameters = [], []
    for parameter, velocity, gradient in zip(model.parameters, training.velocities, gradients, strict=True):
        push = -rate * gradient
        velocities.append(recipe.momentum * velocity + push)
        parameters.append(parameter + recipe.momentum * velocities[-1] + push)
    model = replace(model, parameters=tuple(parameters))
    return replace(training, model=model, velocities=tuple(velocities), step=training.step + 1, error=error)


def error_and_gradients(model: Model, batch: Digits, team: Workers) -> tuple[float, tuple[Array, ...]]:
    """The mean E over the batch and its gradients, put together from those of the shares."""
    dtype = model.parameters[0].dtype

    def of(share: Digits) -> tuple[Array, ...]:
        with np.errstate(over="ignore", invalid="ignore"):  # an error that is not finite is said in words
            error, gradients = model.network.error_and_gradients(share.x(dtype), share.labels, *model.parameters)
        weight = len(share) / len(batch)
        return tuple(weight * value for value in (error, *gradients))

    error, *gradients = (sum(values[1:], values[0]) for values in zip(*team.share(of, batch), strict=True))
    return float(error), tuple(gradients)


def accuracy(model: Model, digits: Digits, team: Workers) -> float:
    """The share of the digits that the model tells right."""

    def right(share: Digits) -> int:
        return int((model.logits(share.x(np.float32)).argmax(axis=1) == share.labels).sum())

    counts = [team.share(right, digits[start : start + 1000]) for start in range(0, len(digits), 1000)]
    return sum(map(sum, counts)) / len(digits)
