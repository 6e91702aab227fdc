import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def cell_fwd(x, params):
    return np.tanh(x @ params["w"] + params["b"])


def cell_bwd(grad, x, params):
    dz = grad * (1 - cell_fwd(x, params) ** 2)
    return dz @ params["w"].T, {"w": x.T @ dz, "b": dz.sum(axis=0)}


def attention(q, k, v, scale=None):
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    e = np.exp(q @ k.T * scale)
    weights = e / e.sum(axis=1, keepdims=True)
    return weights @ v, (q, k, v, weights, scale)


def attention_backward(cache, dout):
    q, k, v, weights, scale = cache
    dweights = dout @ v.T
    dscores = scale * weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))
    return {"dq": dscores @ k, "dk": dscores.T @ q, "dv": weights.T @ dout}


class Dense:
    def __init__(self, inputs, outputs):
        self.w = np.random.default_rng(0).normal(size=(inputs, outputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dout):
        self.dw, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.w.T


class Normalize:
    """Wrong: the mean's share in the gradient is left out. The object is not called `self`."""

    def __init__(me, features):
        me.gamma = np.linspace(0.5, 1.5, features)

    def forward(me, x):
        me.std = x.std(axis=0)
        me.normal = (x - x.mean(axis=0)) / me.std
        return me.gamma * me.normal

    def backward(me, dout):
        me.dgamma = (dout * me.normal).sum(axis=0)
        g = dout * me.gamma
        return (g - me.normal * (g * me.normal).mean(axis=0)) / me.std
