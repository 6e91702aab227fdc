"""Kinks of opposite sign, each in a variable of its own, are judged; those that meet in one output are not."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_WRONG, WRONG, Everyday, normal

# What a reason has to tell the reader to do.
ADVICE = r"(?i)\b(move|moved|split|seed|another point|other point|max_entries|away from)"


def mixed(seed, *shape):
    """Sizes 0.5 to 2, neighbours of opposite sign."""
    size = np.random.default_rng(seed).uniform(0.5, 2, shape)
    return size * (-1.0) ** np.arange(size.size).reshape(shape)


def relu(x):
    return np.maximum(x, 0)


# One function of each entry, and weights of both signs.
def weighted(function, slope, weights):
    return lambda x: function(x) @ weights, lambda g, x: (g[..., None] if g.ndim else g) * weights * slope(x)


ROW, WEIGHTS = np.array([0.0, 0.0, 1.3, -0.7, 0.0, 0.0]), mixed(200, 6)
BATCH = np.array([[0.0, 1, 0, -1, 0, 2], [1, 0, 0, 0, -3, 0], [0.5, -0.5, 1, 2, 0, 0]])
BOUNDED = np.array([-1.0, 1.0, 1.0, -1.0, 0.2, -3.0])


def steep_at(place, slope, other):
    """A slope at one place that is neither of the sides'."""
    return lambda x: np.where(x == place, other, slope(x))


def step(x):
    return x > 0


def inside(x):
    return (x > -1) & (x < 1)


ENTRIES = [
    Everyday("relu of a batch", *weighted(relu, step, WEIGHTS), (BATCH,)),
    Everyday("relu of a batch, slope 1 at 0", *weighted(relu, lambda x: (x >= 0) * 1.0, WEIGHTS), (BATCH,)),
    Everyday("relu of a batch, slope -1 at 0", *weighted(relu, steep_at(0, step, -1), WEIGHTS), (BATCH,), WRONG),
    Everyday("leaky relu", *weighted(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), WEIGHTS),
             (ROW,)),
    Everyday("leaky relu, slope 0 at 0",
             *weighted(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, np.where(x < 0, 0.1, 0)),
             WEIGHTS), (ROW,), WRONG),
    Everyday("absolute value", *weighted(np.abs, np.sign, WEIGHTS), (BATCH,)),
    Everyday("absolute value, 1.5 at 0", *weighted(np.abs, steep_at(0, np.sign, 1.5), WEIGHTS), (BATCH,), WRONG),
    Everyday("clip at its bounds", *weighted(lambda x: np.clip(x, -1, 1), inside, WEIGHTS), (BOUNDED,)),
    Everyday("clip at its bounds, 1 there",
             *weighted(lambda x: np.clip(x, -1, 1), lambda x: ((x >= -1) & (x <= 1)) * 1.0, WEIGHTS), (BOUNDED,)),
    Everyday("clip at its bounds, passed on outside",
             *weighted(lambda x: np.clip(x, -1, 1), lambda x: 1.0 + 0 * x, WEIGHTS), (BOUNDED,), WRONG),
    Everyday("relu6 at 0 and 6", *weighted(lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)) * 1.0, WEIGHTS),
             (np.array([0.0, 6, 6, 0, 3, 7]),)),
    Everyday("soft threshold at its corners",
             *weighted(lambda x: np.sign(x) * relu(np.abs(x) - 1), lambda x: (np.abs(x) > 1) * 1.0, WEIGHTS),
             (BOUNDED,)),
    Everyday("relu of a batch, float32", *weighted(relu, step, WEIGHTS.astype(np.float32)),
             (BATCH.astype(np.float32),)),
    Everyday("absolute values of two, one less the other", lambda x, y: np.abs(x).sum() - np.abs(y).sum(),
             lambda g, x, y: (g * np.sign(x), -g * np.sign(y)), (ROW, ROW[::-1].copy())),
    Everyday("absolute values of two, the sign of one forgotten", lambda x, y: np.abs(x).sum() - np.abs(y).sum(),
             lambda g, x, y: (g * np.sign(x), g * np.sign(y)), (ROW, ROW[::-1].copy()), WRONG),
]  # fmt: skip


# Losses and penalties.
SIDES = np.array([1.0, -1, -1, 1, 1, -1])


def weighted_hinge(s, y):
    return (mixed(201, 6) * relu(1 - y * s)).sum()


def weighted_hinge_backward(at_margin):
    return lambda g, s, y: (g * mixed(201, 6) * np.where(y * s < 1, -y, np.where(y * s == 1, at_margin * y, 0)), None)


def multiclass_hinge(s, y):
    margins = relu(s - s[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = 0
    return margins.sum(axis=1)


def multiclass_hinge_backward(g, s, y):
    rows = np.arange(len(y))
    active = (s - s[rows, y][:, None] + 1 > 0) * 1.0
    active[rows, y] = 0
    active[rows, y] = -active.sum(axis=1)
    return g[:, None] * active, None


def sparse_model(x, w):
    return ((x @ w) ** 2).sum() + 0.3 * np.abs(w).sum()


def sparse_model_backward(share):
    return lambda g, x, w: (2 * g * np.outer(x @ w, w), g * (2 * x.T @ (x @ w) + share * np.sign(w)))


MARGINS = np.array([[2.0, 5, 3], [0.5, 1.5, -1], [3.5, 4, 3]])
LOSSES = [
    Everyday("hinge at the margin, weights of both signs", weighted_hinge, weighted_hinge_backward(0),
             (SIDES * [1, 1, 1, 1, 0.4, 2], SIDES.astype(int))),
    Everyday("hinge at the margin, pushed the wrong way there", weighted_hinge, weighted_hinge_backward(1),
             (SIDES * [1, 1, 1, 1, 0.4, 2], SIDES.astype(int)), WRONG),
    Everyday("hinge of several classes at the margin", multiclass_hinge, multiclass_hinge_backward,
             (MARGINS, np.array([2, 1, 1]))),
    Everyday("hinge of several classes, the own class forgotten", multiclass_hinge,
             lambda g, s, y: (np.maximum(multiclass_hinge_backward(g / g, s, y)[0], 0) * g[:, None], None),
             (MARGINS, np.array([2, 1, 1])), WRONG),
    Everyday("largest less smallest of equals", lambda x: x.max(axis=1) - x.min(axis=1),
             lambda g, x: g[:, None] * (np.eye(3)[x.argmax(axis=1)] - np.eye(3)[x.argmin(axis=1)]),
             (np.array([[1.0, 1, 1], [0, 1, 1], [2, 2, 3]]),)),
    Everyday("penalty on weights of 0", sparse_model, sparse_model_backward(0.3),
             (normal(202, 5, 4), np.array([0, 1.5, 0, -0.2]))),
    Everyday("penalty on weights of 0, doubled", sparse_model, sparse_model_backward(0.6),
             (normal(202, 5, 4), np.array([0, 1.5, 0, -0.2])), WRONG),
]  # fmt: skip


# Layers.
def network(x, w, b, v):
    return relu(x @ w + b) @ v


def network_backward(g, x, w, b, v, passes=lambda z: z > 0):
    z = x @ w + b
    grad_z = g @ v.T * passes(z)
    return grad_z @ w.T, x.T @ grad_z, grad_z.sum(axis=0), relu(z).T @ g


def bilinear(image, u, v):
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = u - i, v - j
    top = (1 - b) * image[i, j] + b * image[i, j + 1]
    return (1 - a) * top + a * ((1 - b) * image[i + 1, j] + b * image[i + 1, j + 1])


def bilinear_backward(g, image, u, v):
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = u - i, v - j
    grad = np.zeros_like(image)
    for di, dj, weight in [(0, 0, (1 - a) * (1 - b)), (0, 1, (1 - a) * b), (1, 0, a * (1 - b)), (1, 1, a * b)]:
        np.add.at(grad, (i + di, j + dj), g * weight)
    along_u = (1 - b) * (image[i + 1, j] - image[i, j]) + b * (image[i + 1, j + 1] - image[i, j + 1])
    along_v = (1 - a) * (image[i, j + 1] - image[i, j]) + a * (image[i + 1, j + 1] - image[i + 1, j])
    return grad, g * along_u, g * along_v


def bilinear_backward_swapped(g, image, u, v):
    grad, along_u, along_v = bilinear_backward(g, image, u, v)
    return grad, along_v, along_u


def bilinear_backward_far(g, image, u, v):
    """On the grid, the difference over two pixels taken for one."""
    grad, along_u, along_v = bilinear_backward(g, image, u, v)
    i, j = u.astype(int), v.astype(int)
    return grad, np.where(u == i, g * (image[i + 1, j] - image[i - 1, j]), along_u), along_v


def linear(signal, u):
    i = np.floor(u).astype(int)
    return signal[i] + (u - i) * (signal[i + 1] - signal[i])


def linear_backward(g, signal, u):
    i = np.floor(u).astype(int)
    grad = np.zeros_like(signal)
    np.add.at(grad, i, g * (1 - u + i))
    np.add.at(grad, i + 1, g * (u - i))
    return grad, g * (signal[i + 1] - signal[i])


def pooled(x):
    return relu(x).reshape(len(x), -1, 2).max(axis=2) @ POOL_WEIGHTS


def pooled_backward(every):
    """The first of equal maxima gets the gradient, or every one."""

    def backward(g, x):
        windows = relu(x).reshape(len(x), -1, 2)
        largest = windows == windows.max(axis=2, keepdims=True)
        first = largest if every else largest & (np.cumsum(largest, axis=2) == 1)
        return (g @ POOL_WEIGHTS.T)[:, :, None].repeat(2, axis=2).reshape(x.shape) * first.reshape(x.shape) * (x > 0)

    return backward


POOL_WEIGHTS = mixed(203, 3, 2)
POOLED = np.array([[1.0, 1, -1, 0, 0, 0], [0, 2, 3, 3, -1, -2], [1, 0.5, 0, 0, 2, 2]])
BLANK = normal(204, 4, 3) * [[1], [0], [1], [1]]
LAYER = (BLANK, normal(205, 3, 5), np.zeros(5), mixed(206, 5, 1))
# A slope with noise: its differences have one sign, the differences of these have both.
IMAGE = 2 * np.arange(6.0)[:, None] + normal(208, 6, 5)
GRID_U, GRID_V = np.array([1.0, 2, 3, 1.4, 2]), np.array([2.0, 1, 2.3, 3, 1.6])
LAYERS = [
    Everyday("a blank sample under zero biases, parameters", network, network_backward, LAYER,
             options={"wrt": [1, 2, 3]}),
    Everyday("a blank sample under zero biases, 1 at 0", network,
             lambda g, *p: network_backward(g, *p, passes=lambda z: z >= 0), LAYER, options={"wrt": [1, 2, 3]}),
    Everyday("a blank sample under zero biases, 2 at 0", network,
             lambda g, *p: network_backward(g, *p, passes=lambda z: np.where(z > 0, 1, 2.0 * (z == 0))), LAYER, WRONG,
             {"wrt": [1, 2, 3]}),
    Everyday("a blank sample under zero biases, the mask forgotten", network,
             lambda g, *p: network_backward(g, *p, passes=lambda z: 1.0), LAYER, WRONG, {"wrt": [1, 2, 3]}),
    Everyday("bilinear sampling on the grid", bilinear, bilinear_backward, (IMAGE, GRID_U, GRID_V)),
    Everyday("bilinear sampling on the grid, u and v swapped", bilinear, bilinear_backward_swapped,
             (IMAGE, GRID_U, GRID_V), WRONG),
    Everyday("bilinear sampling on the grid, over two pixels", bilinear, bilinear_backward_far,
             (IMAGE, GRID_U, GRID_V), WRONG),
    Everyday("linear sampling on the grid, summed", lambda s, u: linear(s, u) @ mixed(209, 5),
             lambda g, s, u: linear_backward(g * mixed(209, 5), s, u), (normal(210, 8), np.array([1.0, 3, 4, 2.5, 6]))),
    Everyday("relu and largest of pairs, with ties", pooled, pooled_backward(False), (POOLED,)),
    Everyday("relu and largest of pairs, each tie gets all", pooled, pooled_backward(True), (POOLED,), WRONG),
]  # fmt: skip


# Kinks of opposite sign that meet in one output.


def curvature(x):
    return np.abs(np.diff(x)) @ np.array([1.0, -1, 1, -1])


def curvature_backward(g, x):
    slopes = g * np.array([1.0, -1, 1, -1]) * np.sign(np.diff(x))
    gradient = np.zeros_like(x)
    gradient[1:] += slopes
    gradient[:-1] -= slopes
    return gradient


def convolved(x, w, b, v):
    return relu(np.convolve(x, w, "valid") + b) @ v


def convolved_backward(g, x, w, b, v):
    z = np.convolve(x, w, "valid") + b
    grad_z = g * v * (z > 0)
    return np.convolve(grad_z, w[::-1]), np.correlate(x, grad_z, "valid")[::-1], grad_z.sum(keepdims=True), g * relu(z)


MEETING = [
    Everyday("a blank sample under zero biases", network, network_backward, LAYER, NOT_WRONG, reason=ADVICE),
    Everyday("a layer at 0", lambda x: relu(x @ normal(211, 3, 6)) @ mixed(212, 6),
             lambda g, x: normal(211, 3, 6) @ (g * mixed(212, 6) * (x @ normal(211, 3, 6) > 0)), (np.zeros(3),),
             NOT_WRONG, reason=ADVICE),
    Everyday("differences of equals, weights of both signs", curvature, curvature_backward,
             (np.array([1.0, 1, 1, 1, 2]),), NOT_WRONG, reason=ADVICE),
    Everyday("a bias shared by a blank signal", convolved, convolved_backward,
             (np.zeros(7), normal(213, 3), np.zeros(1), mixed(214, 5)), NOT_WRONG, reason=ADVICE),
    Everyday("differences of equals, a factor 3", curvature, lambda g, x: 3 * curvature_backward(g, x),
             (np.array([1.0, 1, 1, 1, 2]),), WRONG),
]  # fmt: skip

CASES = [*ENTRIES, *LOSSES, *LAYERS, *MEETING]
