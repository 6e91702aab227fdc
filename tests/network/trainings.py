"""Short trainings of a small network."""

import numpy as np

from scratchcnn.network import training
from scratchcnn.network.layers import Conv2d, Dense, Flatten, MaxPool2d, Tanh
from scratchcnn.network.network import Network
from scratchcnn.network.training import Recipe, Training, workers

NETWORK = Network((Conv2d(1, 2, 5, stride=2), MaxPool2d(2), Tanh(), Flatten(), Dense(72, 10)))
SHORT = Recipe(epochs=3, batch=64, rate=0.1)


def begin(recipe=SHORT, digits=200, network=NETWORK):
    return Training.begin(recipe, digits, network)


def steps(start, digits):
    with workers() as team:
        yield from training.steps(start, digits, team)


def end(start, digits):
    *_, last = steps(start, digits)
    return last


def same(one, other):
    mine, theirs = ((*t.model.parameters, *t.velocities) for t in (one, other))
    return one.step == other.step and all(map(np.array_equal, mine, theirs))
