"""Written after the rules were fixed: what an input has to be holds at the second point too."""

import numpy as np

from tests.gradcheck.everyday.case import (
    ELSEWHERE,
    WRONG,
    Everyday,
    log_softmax,
    normal,
    sigmoid,
    softmax,
    uniform,
)

CLASSES = np.array([1, 0, 2, 2, 3])
HOT = np.eye(4)[CLASSES]
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0])
KEEP = np.array([True, False, True, True, False])


# Labels and masks.
def weighted_nll(z, y):
    w = CLASS_WEIGHTS[y]
    return -(w * log_softmax(z)[np.arange(len(y)), y]).sum() / w.sum()


def weighted_nll_backward(total):
    def backward(g, z, y):
        w = CLASS_WEIGHTS[y]
        return g * w[:, None] * (softmax(z) - np.eye(4)[y]) / total(w), None

    return backward


def focal(z, y):
    p = sigmoid((2 * y - 1) * z)
    return -((1 - p) ** 2 * np.log(p)).sum(axis=0)


def focal_backward(g, z, y):
    s = 2 * y - 1
    p = sigmoid(s * z)
    return g * s * (2 * p * (1 - p) ** 2 * np.log(p) - (1 - p) ** 3), None


def focal_without_its_log(g, z, y):
    s = 2 * y - 1
    return -g * s * (1 - sigmoid(s * z)) ** 3, None


def masked_loss(z, y, keep):
    return -(keep * log_softmax(z)[np.arange(len(y)), y]).sum() / keep.sum()


def masked_loss_backward(g, z, y, keep):
    return g * keep[:, None] * (softmax(z) - np.eye(4)[y]) / keep.sum(), None, None


def distilled(z, t):
    return 9 * (t * (np.log(t) - log_softmax(z / 3))).sum()


def distilled_backward(g, z, t):
    return g * 3 * (softmax(z / 3) - t), g * 9 * (np.log(t) + 1 - log_softmax(z / 3))


def dice(p, t):
    return 1 - 2 * (p * t).sum() / ((p * p).sum() + t.sum())


def dice_backward(two):
    def backward(g, p, t):
        both, total = (p * t).sum(), (p * p).sum() + t.sum()
        return -2 * g * (t * total - two * p * both) / total**2, None

    return backward


def attention(hidden):
    def forward(q, k, v, mask):
        return softmax(np.where(mask, q @ k.T / 2, hidden)) @ v

    return forward


def attention_backward(hidden, transposed=True):
    def backward(g, q, k, v, mask):
        p = softmax(np.where(mask, q @ k.T / 2, hidden))
        s = p * (g @ v.T - (p * (g @ v.T)).sum(axis=1, keepdims=True)) / 2
        return s @ k, (s.T if transposed else s) @ q, p.T @ g, None

    return backward


def partition(hidden):
    return lambda s: np.log(np.exp(s).sum(axis=1) + np.exp(hidden))


def partition_backward(g, s):
    return g[:, None] * np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)


LOGITS = normal(501, 5, 4)
BITS = np.array([[1, 0, 0], [0, 1, 1]])
TEACHER = softmax(normal(502, 5, 4))
QKV = (normal(503, 4, 3), normal(504, 4, 3), normal(505, 4, 3), np.tri(4, dtype=bool))
LABELS = [
    Everyday("weights of classes", weighted_nll, weighted_nll_backward(np.sum), (LOGITS, CLASSES)),
    Everyday(
        "weights of classes, over the number of samples",
        weighted_nll,
        weighted_nll_backward(len),
        (LOGITS, CLASSES),
        WRONG,
    ),
    Everyday("focal loss", focal, focal_backward, (normal(506, 2, 3), BITS)),
    Everyday("focal loss, the factor held constant", focal, focal_without_its_log, (normal(506, 2, 3), BITS), WRONG),
    Everyday("masked tokens", masked_loss, masked_loss_backward, (LOGITS, CLASSES, KEEP)),
    Everyday(
        "masked tokens, mean over all",
        masked_loss,
        lambda g, z, y, m: masked_loss_backward(g * m.mean(), z, y, m),
        (LOGITS, CLASSES, KEEP),
        WRONG,
    ),
    Everyday("distillation", distilled, distilled_backward, (LOGITS, TEACHER)),
    Everyday(
        "distillation, the temperature forgotten",
        distilled,
        lambda g, z, t: (g * (softmax(z / 3) - t), distilled_backward(g, z, t)[1]),
        (LOGITS, TEACHER),
        WRONG,
    ),
    Everyday(
        "distillation, a teacher that is no distribution",
        distilled,
        distilled_backward,
        (LOGITS, uniform(507, 0.2, 0.9, 5, 4)),
        WRONG,
    ),
    Everyday("dice", dice, dice_backward(2), (uniform(508, 0.1, 0.9, 2, 3), BITS)),
    Everyday("dice, half a term", dice, dice_backward(1), (uniform(508, 0.1, 0.9, 2, 3), BITS), WRONG),
    *(
        case
        for hidden in (-np.inf, -1e9, -1e30, np.finfo(np.float32).min)
        for case in (
            Everyday(f"causal attention, {hidden}", attention(hidden), attention_backward(hidden), QKV),
            Everyday(
                f"causal attention, {hidden}, keys not transposed",
                attention(hidden),
                attention_backward(hidden, transposed=False),
                QKV,
                WRONG,
            ),
            Everyday(f"partition function, {hidden}", partition(hidden), partition_backward, (LOGITS,)),
        )
    ),
]


# Matrices.
def gaussian(x, p):
    return np.linalg.slogdet(p)[1] / 2 - x @ p @ x / 2


def gaussian_backward(sign):
    return lambda g, x, p: (-g * (p @ x), g * (np.linalg.inv(p) + sign * np.outer(x, x)) / 2)


def divergence_from_unit(m, s):
    return (np.trace(s) + m @ m - len(m) - np.linalg.slogdet(s)[1]) / 2


def solve_ridge(k, y):
    return np.linalg.solve(k + np.eye(len(k)), y)


def solve_ridge_symmetric(g, k, y):
    u = solve_ridge(k, g)
    return -np.outer(u, solve_ridge(k, y)), u


def solve_cayley(g, a, x):
    u = np.linalg.solve(np.eye(len(a)) - a, g)
    return -np.outer(u, solve_ridge(a, x)), u


def log_det_by_cholesky(a):
    return 2 * np.log(np.diagonal(np.linalg.cholesky(a))).sum()


def solve_lower(a, b):
    return np.linalg.solve(np.tril(a), b)


def solve_lower_backward(mask):
    def backward(g, a, b):
        u = np.linalg.solve(np.tril(a).T, g)
        return mask(-np.outer(u, solve_lower(a, b))), u

    return backward


ROOT = normal(510, 4, 4)
COVARIANCE, ANY = ROOT @ ROOT.T / 4 + np.eye(4), ROOT / 2 + 2 * np.eye(4)
ANTI = (ROOT - ROOT.T) / 2
LOWER = np.tril(normal(511, 4, 4)) + 3 * np.eye(4)
VECTOR = normal(512, 4)
MATRICES = [
    Everyday("a normal density, precision", gaussian, gaussian_backward(-1), (VECTOR, COVARIANCE)),
    Everyday("a normal density, one sign wrong", gaussian, gaussian_backward(1), (VECTOR, COVARIANCE), WRONG),
    Everyday(
        "divergence of normals",
        divergence_from_unit,
        lambda g, m, s: (g * m, g * (np.eye(4) - np.linalg.inv(s)) / 2),
        (VECTOR, COVARIANCE),
    ),
    Everyday(
        "divergence of normals, the trace forgotten",
        divergence_from_unit,
        lambda g, m, s: (g * m, -g * np.linalg.inv(s) / 2),
        (VECTOR, COVARIANCE),
        WRONG,
    ),
    Everyday("kernel ridge", solve_ridge, solve_ridge_symmetric, (COVARIANCE, VECTOR)),
    Everyday("kernel ridge, any matrix", solve_ridge, solve_ridge_symmetric, (ANY, VECTOR), WRONG),
    Everyday("a Cayley step", solve_ridge, solve_cayley, (ANTI, VECTOR)),
    Everyday("a Cayley step, any matrix", solve_ridge, solve_cayley, (ROOT / 3, VECTOR), WRONG),
    Everyday("trace of a square, 2 A", lambda a: np.trace(a @ a), lambda g, a: 2 * g * a, (COVARIANCE,)),
    Everyday("trace of a square, 2 A, any matrix", lambda a: np.trace(a @ a), lambda g, a: 2 * g * a, (ANY,), WRONG),
    Everyday(
        "log-determinant by Cholesky, lower half",
        log_det_by_cholesky,
        lambda g, a: g * (np.tril(np.linalg.inv(a)) + np.tril(np.linalg.inv(a), -1)),
        (COVARIANCE,),
    ),
    Everyday(
        "log-determinant by Cholesky, 2 forgotten",
        log_det_by_cholesky,
        lambda g, a: g * np.tril(np.linalg.inv(a)),
        (COVARIANCE,),
        WRONG,
    ),
    Everyday("forward substitution", solve_lower, solve_lower_backward(np.tril), (LOWER, VECTOR)),
    Everyday("forward substitution, not masked", solve_lower, solve_lower_backward(np.array), (LOWER, VECTOR), WRONG),
]


# Order, sign, range, sums.
def trapezoids(x, y):
    return (np.abs(np.diff(x)) * (y[1:] + y[:-1])).sum() / 2


def trapezoids_backward(g, x, y):
    height, width = (y[1:] + y[:-1]) / 2, np.diff(x)
    ends = np.concatenate([[0], height]) - np.concatenate([height, [0]])
    return g * ends, g * (np.concatenate([[0], width]) + np.concatenate([width, [0]])) / 2


def spread(x):
    return np.abs(x[:, None] - x).sum() / (2 * len(x) ** 2)


def ordinal(x, cuts, y):
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    return -np.log(sigmoid(edges[y + 1] - x) - sigmoid(edges[y] - x)).sum()


def ordinal_backward(lower):
    def backward(g, x, cuts, y):
        edges = np.concatenate([[-np.inf], cuts, [np.inf]])
        above, below = sigmoid(edges[y + 1] - x), sigmoid(edges[y] - x)
        up, down = above * (1 - above), below * (1 - below)
        grad = np.zeros(len(edges))
        np.add.at(grad, y + 1, -up / (above - below))
        np.add.at(grad, y, lower * down / (above - below))
        return g * (up - down) / (above - below), g * grad[1:-1], None

    return backward


def norm3(x):
    return (np.abs(x) ** 3).sum(axis=1) ** (1 / 3)


def norm3_of_positive(g, x):
    return (g / norm3(x) ** 2)[:, None] * x**2


def mixed(x, w):
    return x @ (w / w.sum(axis=0))


def mixed_backward(g, x, w):
    inner = x.T @ g
    return g @ (w / w.sum(axis=0)).T, inner - (inner * w).sum(axis=0)


def first_row_only(g, x, w):
    d = g[:1] * (1 - np.tanh(x[:1] @ w) ** 2)
    return np.concatenate([d @ w.T, np.zeros_like(x[1:])]), x[:1].T @ d


TIMES = np.array([-1.0, -0.2, 0.3, 1.1, 2.5])
CUTS = np.array([-1.0, 0.2, 1.5])
COLUMNS = softmax(normal(513, 4, 3), axis=0)
FIRST = np.zeros((4, 2))
FIRST[0] = 1.5, -0.7
LAYER = (normal(514, 4, 3), normal(515, 3, 2))
ORDER = [
    Everyday("trapezoids over rising times", trapezoids, trapezoids_backward, (TIMES, normal(516, 5))),
    Everyday(
        "trapezoids over any times", trapezoids, trapezoids_backward, (TIMES[[0, 2, 1, 3, 4]], normal(516, 5)), WRONG
    ),
    Everyday("spread of a sorted ensemble", spread, lambda g, x: g * (2 * np.arange(5) - 4) / 25, (TIMES,)),
    Everyday("ordinal regression", ordinal, ordinal_backward(1), (normal(517, 5), CUTS, CLASSES)),
    Everyday(
        "ordinal regression, the lower cut forgotten",
        ordinal,
        ordinal_backward(0),
        (normal(517, 5), CUTS, CLASSES),
        WRONG,
    ),
    Everyday("3-norm of positive rows", norm3, norm3_of_positive, (uniform(518, 0.2, 2, 3, 4),)),
    Everyday("3-norm of any rows", norm3, norm3_of_positive, (normal(519, 3, 4),), WRONG),
    Everyday("mixing by columns that sum to 1", mixed, mixed_backward, (normal(520, 2, 4), COLUMNS)),
    Everyday("mixing by columns that do not", mixed, mixed_backward, (normal(520, 2, 4), 2 * COLUMNS), WRONG),
    Everyday(
        "the class token alone", lambda x, w: np.tanh(x @ w), first_row_only, LAYER, options={"grad_output": FIRST}
    ),
    Everyday("the class token alone, all given", lambda x, w: np.tanh(x @ w), first_row_only, LAYER, WRONG),
    Everyday(
        "a gradient's size for it, all positive",
        np.sin,
        lambda g, x: np.abs(g) * np.cos(x),
        (normal(521, 4),),
        options={"grad_output": uniform(522, 0.5, 2, 4)},
    ),
]


# Right at the given values alone.
def gru_cell(h, x, u):
    z = sigmoid(x)
    return (1 - z) * np.tanh(x + h @ u) + z * h


def gru_cell_at_0(g, h, x, u):
    z = sigmoid(x)
    n = np.tanh(x + h @ u)
    d = g * (1 - z) * (1 - n * n)
    return d @ u.T + g * z, d + g * z * (1 - z) * (h - n), np.zeros_like(u)


def adapter(x, a, b):
    return x + x @ a @ b


def adapter_at_0(g, x, a, b):
    return g + g @ (a @ b).T, np.zeros_like(a), (x @ a).T @ g


def tempered_at_1(g, z, t):
    p = softmax(z / t)
    d = p * (g - (g * p).sum(axis=1, keepdims=True))
    return d, -(d * z).sum()


HERE = [
    Everyday(
        "a hidden state of zeros, its weights forgotten",
        gru_cell,
        gru_cell_at_0,
        (np.zeros((2, 3)), normal(523, 2, 3), normal(524, 3, 3)),
        WRONG,
        kinds=ELSEWHERE,
    ),
    Everyday(
        "an adapter of zeros, its first half forgotten",
        adapter,
        adapter_at_0,
        (normal(525, 4, 3), normal(526, 3, 2), np.zeros((2, 3))),
        WRONG,
        kinds=ELSEWHERE,
    ),
    Everyday(
        "a temperature of 1 forgotten",
        lambda z, t: softmax(z / t),
        tempered_at_1,
        (normal(527, 3, 4), np.array(1.0)),
        WRONG,
        kinds=ELSEWHERE,
    ),
]
CASES = LABELS + MATRICES + ORDER + HERE
