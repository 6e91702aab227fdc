"""One contender of `test_training.py` in a process of its own: `python -m benchmarks.training_worker WHO IMAGES`.

WHO is `scratchcnn`, `keras` or `keras without XLA`. The process answers each line of its standard input with a line of
JSON: `begin` gives the first error, and trains an epoch as a warm-up; `epoch` trains an epoch and gives its seconds;
`end` gives the last error.
"""

import json
import os
import sys
import time

import numpy as np

from scratchcnn.digits.mnist import Digits, load_digits
from scratchcnn.network.training import NETWORK, Recipe, Training, steps, workers

RECIPE = Recipe(epochs=100)  # many more than are timed, so that the rate hardly falls


def digits(count):
    """Repeat the digits that ship with the package, shifted sideways by another number of pixels each time."""
    shipped = load_digits()
    turns = range(-(-count // len(shipped)))
    images = np.concatenate([np.roll(shipped.images, turn % 9 - 4, axis=2) for turn in turns])
    return Digits(images, np.tile(shipped.labels, len(turns)))[:count]


class Scratchcnn:
    def __init__(self, learnt):
        self.digits = learnt
        self.training = Training.begin(RECIPE, len(learnt))
        self.workers = workers()
        self.team = self.workers.__enter__()  # never closed: the process ends first
        self.steps = steps(self.training, self.digits, self.team)

    def epoch(self):
        for _ in range(self.training.steps_per_epoch):
            self.training = next(self.steps)

    def error(self):
        return mean_cross_entropy(self.training.model.logits(self.digits.x(np.float32)), self.digits.labels)


class Keras:
    def __init__(self, learnt, **options):
        os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        import keras

        training = Training.begin(RECIPE, len(learnt))
        self.x, self.y = learnt.x(np.float32).transpose(0, 2, 3, 1).copy(), learnt.labels.astype(np.int32)
        self.model = keras.Sequential([keras.Input((28, 28, 1)), *map(self.layer, NETWORK.layers)])
        self.model.set_weights([*map(self.parameter, training.model.parameters)])
        rate = keras.optimizers.schedules.CosineDecay(RECIPE.rate, training.steps)
        self.model.compile(
            keras.optimizers.SGD(rate, momentum=RECIPE.momentum, nesterov=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **options,
        )

    @staticmethod
    def layer(ours):
        """Make the same layer in Keras."""
        from keras import layers

        return {
            "Conv2d": lambda: layers.Conv2D(ours.filters, ours.window),
            "MaxPool2d": lambda: layers.MaxPooling2D(ours.window),
            "Relu": layers.ReLU,
            "Flatten": layers.Flatten,
            "Dense": lambda: layers.Dense(ours.neurons),
        }[type(ours).__name__]()

    @staticmethod
    def parameter(ours):
        """Convert a parameter to Keras's order, in which channels come last."""
        if ours.ndim == 4:
            return ours.transpose(2, 3, 1, 0)
        if ours.shape[0] == 256:  # the features are 16 maps of 4x4
            return ours.reshape(16, 4, 4, -1).transpose(1, 2, 0, 3).reshape(ours.shape)
        return ours

    def epoch(self):
        self.model.fit(self.x, self.y, batch_size=RECIPE.batch, epochs=1, verbose=0)

    def error(self):
        return mean_cross_entropy(self.model.predict(self.x, batch_size=1000, verbose=0), self.y)


def mean_cross_entropy(logits, labels):
    """Compute the error of both contenders' logits, in float64 and plain NumPy."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


def answer(contender, question):
    if question == "end":
        return {"error": contender.error()}
    error = contender.error() if question == "begin" else None
    start = time.perf_counter()
    contender.epoch()
    seconds = time.perf_counter() - start
    return {"error": error, "seconds": seconds}


# What makes each contender, by its name on the command line.
CONTENDERS = {
    "scratchcnn": Scratchcnn,
    "keras": Keras,
    "keras without XLA": lambda learnt: Keras(learnt, jit_compile=False),
}

if __name__ == "__main__":
    who, count = sys.argv[1:]
    contender = CONTENDERS[who](digits(int(count)))
    for line in sys.stdin:
        print(json.dumps(answer(contender, line.strip())), flush=True)
