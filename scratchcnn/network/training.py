"""Training on the ten digits of MNIST: mini-batches, momentum, and a training that can be resumed.

A training is a value: `Training` holds everything that the next step depends on, and each step makes a new one. If a
step is interrupted, the last value is still complete. A training that is read from a file continues exactly as it would
have without the interruption.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import cos, inf, isfinite, pi
from pathlib import Path
from typing import TypeVar

import numpy as np

from scratchcnn.digits.mnist import Digits
from scratchcnn.network.layers import Conv2d, Dense, Flatten, MaxPool2d, Relu
from scratchcnn.network.model import Model, read_json, require_finite, require_shapes, take
from scratchcnn.network.network import Network
from scratchcnn.network.recipe import Recipe
from scratchcnn.network.validate import MOST, integer
from scratchcnn.operations import Array
from scratchcnn.operations.threads import allowed, evenly, one_blas_thread

# LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998) with maximum pooling, ReLUs, and filters that take all maps. The
# pooling comes before the ReLU: the result is the same, and the ReLU has a quarter of the work.
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
# The fewest images of a batch that a thread gets. With fewer, threads mostly wait for the interpreter's lock.
LEAST_SHARE = 128
# The size, in bytes, of a block that is allocated and freed once. Afterwards glibc keeps freed blocks up to this size
# for the next step (it raises its mmap threshold to the largest freed block), which spares each step a thousand page
# faults.
FREED_ONCE = 2**24
# The number of digits that `accuracy` passes through the network at once, so that the maps stay small.
TESTED_AT_ONCE = 1000

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Training:
    """The state of a training between two steps.

    Attributes
    ----------
    recipe : Recipe
        The numbers chosen for the training.
    model : Model
        The network with its parameters as learnt so far.
    velocities : tuple of arrays
        The velocity of each parameter, shaped like it.
    digits : int
        The number of digits to learn from.
    step : int
        The number of steps made so far.
    error : float
        E of the last batch, before its step; infinite before the first.

    Raises
    ------
    TypeError
        If `digits` or `step` is no integer.
    ValueError
        If a number is out of its range, or the velocities have other shapes than the parameters.
    """

    recipe: Recipe
    model: Model
    velocities: tuple[Array, ...]
    digits: int
    step: int = 0
    error: float = inf

    def __post_init__(self) -> None:
        """Check that the numbers are in their ranges, and that each parameter has its velocity."""
        integer("digits", self.digits, 1, MOST)
        integer("step", self.step, 0, self.steps)
        require_shapes("velocity", self.velocities, self.model.network.shapes)

    @classmethod
    def begin(cls, recipe: Recipe, digits: int, network: Network = NETWORK) -> "Training":
        """Draw the first parameters, in float32, with velocities of 0.

        Parameters
        ----------
        recipe : Recipe
            The numbers chosen for the training.
        digits : int
            The number of digits to learn from.
        network : Network
            The layers.

        Returns
        -------
        Training
            The state before the first step.
        """
        parameters = network.draw(np.random.default_rng(recipe.seed))
        return cls(recipe, Model(network, parameters), tuple(map(np.zeros_like, parameters)), digits)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that the digits make."""
        return -(-self.digits // self.recipe.batch)

    @property
    def steps(self) -> int:
        """The number of steps of the whole training."""
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return self.step // self.steps_per_epoch

    def images_since(self, step: int) -> int:
        """Count the images in the steps after an earlier one.

        Parameters
        ----------
        step : int
            The number of steps made then.

        Returns
        -------
        int
            The number of images in the steps since.
        """

        def images(step: int) -> int:
            epoch, place = divmod(step, self.steps_per_epoch)
            return epoch * self.digits + place * self.recipe.batch

        return images(self.step) - images(step)

    def save(self, path: Path) -> None:
        """Write the model, and beside it everything that the training needs to continue.

        Parameters
        ----------
        path : Path
            The file's name.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError
            If the parameters or velocities are not finite, or too large for a file that could be loaded.
        """
        names = [f"velocity_{k}" for k in range(len(self.velocities))]
        velocities = {name: require_finite(name, v) for name, v in zip(names, self.velocities, strict=True)}
        training = {**asdict(self.recipe), "step": self.step, "digits": self.digits}
        self.model.save(path, {"training": np.array(json.dumps(training)), **velocities})

    @classmethod
    def load(cls, path: Path) -> "Training":
        """Read a training that `save` wrote.

        Parameters
        ----------
        path : Path
            The file's name.

        Returns
        -------
        Training
            The training; its `error` is infinite, since it is not in the file.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file is damaged, or holds no training.
        """
        model, arrays = Model.load_with_beside(path)
        try:
            record = read_json(take(arrays, "training"))
            if not isinstance(record, dict):
                raise TypeError(f"its record must have a name for each number, got {type(record).__name__}")
            step, digits = (record.pop(name, None) for name in ("step", "digits"))
            names = [f"velocity_{k}" for k in range(len(model.parameters))]
            velocities = tuple(require_finite(name, take(arrays, name)) for name in names)
            if arrays:
                raise ValueError(f"it also has {', '.join(sorted(arrays))}")
            return cls(Recipe(**record), model, velocities, digits, step)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no training that could go on: {error}") from error


class Workers:
    """Threads that share the images of a batch.

    Attributes
    ----------
    pool : ThreadPoolExecutor
        Runs all shares but the first.
    count : int
        The number of threads that work at the same time, the caller's included.
    """

    def __init__(self, pool: ThreadPoolExecutor, count: int):
        self.pool = pool
        self.count = count

    def share(self, function: Callable[[Digits], Result], digits: Digits) -> Sequence[Result]:
        """Call a function with each share of the digits, one share per thread.

        Parameters
        ----------
        function : callable
            Takes the digits of a share.
        digits : Digits
            They are divided into equal shares of at least `LEAST_SHARE` digits.

        Returns
        -------
        list
            What the function returns for each share, in order.
        """
        count = max(1, min(self.count, len(digits) // LEAST_SHARE))
        first, *others = (digits[share] for share in evenly(len(digits), count))
        pending = [self.pool.submit(function, share) for share in others]
        return [function(first), *(each.result() for each in pending)]  # the caller's thread takes the first share


@contextmanager
def workers() -> Iterator[Workers]:
    """Make as many threads as BLAS may use (`OMP_NUM_THREADS` and the like); each calls BLAS with a single thread.

    Yields
    ------
    Workers
        The threads.
    """
    np.empty(FREED_ONCE, np.uint8)
    count = allowed()
    with one_blas_thread(), ThreadPoolExecutor(count) as pool:
        yield Workers(pool, count)


def steps(training: Training, digits: Digits, team: Workers) -> Iterator[Training]:
    """Make the remaining steps of a training, one at a time.

    Parameters
    ----------
    training : Training
        The state to start from.
    digits : Digits
        The digits to learn from, as many as the training began with.
    team : Workers
        The threads that do the work.

    Returns
    -------
    iterator of Training
        The state after each step.

    Raises
    ------
    ValueError
        At once, if the number of digits is not that of the training; during a step, if the error is not finite.
    """
    if len(digits) != training.digits:
        raise ValueError(f"the training began with {training.digits} digits, got {len(digits)}")
    return _steps(training, digits, team)


def _steps(training: Training, digits: Digits, team: Workers) -> Iterator[Training]:
    """Make the steps; `steps` has checked the arguments."""
    batch = training.recipe.batch
    while training.step < training.steps:
        order = np.random.default_rng([training.recipe.seed, training.epoch]).permutation(len(digits))
        for place in range(training.step % training.steps_per_epoch, training.steps_per_epoch):
            training = step(training, digits[order[place * batch : (place + 1) * batch]], team)
            yield training


def step(training: Training, batch: Digits, team: Workers) -> Training:
    """Make a step against the gradient of E on this batch, with Nesterov's momentum.

        v <- momentum v - rate ∂E/∂p
        p <- p + momentum v - rate ∂E/∂p

    Source: Sutskever, Martens, Dahl and Hinton, "On the Importance of Initialization and Momentum in Deep Learning"
    (2013); p are the parameters after the look-ahead. The rate falls as in Loshchilov and Hutter, "SGDR" (2017).

    Parameters
    ----------
    training : Training
        The state before the step.
    batch : Digits
        The digits of the step.
    team : Workers
        The threads that do the work.

    Returns
    -------
    Training
        The state after the step.

    Raises
    ------
    ValueError
        If the error is not finite.
    """
    recipe, model = training.recipe, training.model
    error, gradients = error_and_gradients(model, batch, team)
    if not isfinite(error):
        raise ValueError(f"the error is not finite any more after {training.step} steps: the rate is too large")
    rate = recipe.rate * (1 + cos(pi * training.step / training.steps)) / 2
    velocities, parameters = [], []
    for parameter, velocity, gradient in zip(model.parameters, training.velocities, gradients, strict=True):
        descent = -rate * gradient
        velocities.append(recipe.momentum * velocity + descent)
        parameters.append(parameter + recipe.momentum * velocities[-1] + descent)
    model = replace(model, parameters=tuple(parameters))
    return replace(training, model=model, velocities=tuple(velocities), step=training.step + 1, error=error)


def error_and_gradients(model: Model, batch: Digits, team: Workers) -> tuple[float, tuple[Array, ...]]:
    """Compute E over the batch and its gradients, as the weighted means of those over the threads' shares.

    Parameters
    ----------
    model : Model
        The network and its parameters.
    batch : Digits
        The digits.
    team : Workers
        The threads that do the work.

    Returns
    -------
    float
        E, the mean over the batch.
    tuple of arrays
        The gradient by each parameter, shaped like it.
    """
    dtype = model.parameters[0].dtype

    def weighted(share: Digits) -> tuple[Array, ...]:
        with np.errstate(over="ignore", invalid="ignore"):  # `step` reports an error that is not finite
            error, gradients = model.network.error_and_gradients(share.x(dtype), share.labels, *model.parameters)
        weight = len(share) / len(batch)
        return tuple(weight * value for value in (error, *gradients))

    error, *gradients = (sum(values[1:], values[0]) for values in zip(*team.share(weighted, batch), strict=True))
    return float(error), tuple(gradients)


def accuracy(model: Model, digits: Digits, team: Workers) -> float:
    """Compute the fraction of the digits that the model classifies correctly.

    Parameters
    ----------
    model : Model
        The network and its parameters.
    digits : Digits
        The digits.
    team : Workers
        The threads that do the work.

    Returns
    -------
    float
        The fraction, 0 to 1.
    """

    def count_correct(share: Digits) -> int:
        return int((model.logits(share.x(np.float32)).argmax(axis=1) == share.labels).sum())

    blocks = (digits[start : start + TESTED_AT_ONCE] for start in range(0, len(digits), TESTED_AT_ONCE))
    return sum(sum(team.share(count_correct, block)) for block in blocks) / len(digits)
