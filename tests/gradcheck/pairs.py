"""Forward and backward passes that several files of tests check."""

import numpy as np


def product(x, w):
    return x @ w


def product_backward(g, x, w):
    return g @ w.T, x.T @ g


class RemembersTheLastForward:
    def forward(self, x):
        self.x = x.copy()
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(self.x)
