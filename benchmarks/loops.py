"""The article's loops in plain Python on nested lists, written from the equations, at stride 1 without padding."""

from itertools import product


def conv2d(x, filters):
    """Compute Z[n, k, p, q] = sum over c, r, s of X[n, c, p + r, q + s] f[k, c, r, s]."""
    channels, height, width = len(filters[0]), len(filters[0][0]), len(filters[0][0][0])
    window = list(product(range(channels), range(height), range(width)))
    rows, columns = range(len(x[0][0]) - height + 1), range(len(x[0][0][0]) - width + 1)
    return [
        [
            [[sum(image[c][p + r][q + s] * f[c][r][s] for c, r, s in window) for q in columns] for p in rows]
            for f in filters
        ]
        for image in x
    ]


def conv2d_grad_filters(grad_output, x, window):
    """Compute ∂E/∂f[k, c, r, s] = sum over n, p, q of ∂E/∂Z[n, k, p, q] X[n, c, p + r, q + s]."""
    images, filters, channels = range(len(x)), range(len(grad_output[0])), range(len(x[0]))
    places = list(product(images, range(len(grad_output[0][0])), range(len(grad_output[0][0][0]))))
    height, width = window
    return [
        [
            [
                [sum(grad_output[n][k][p][q] * x[n][c][p + r][q + s] for n, p, q in places) for s in range(width)]
                for r in range(height)
            ]
            for c in channels
        ]
        for k in filters
    ]


def conv2d_grad_input(grad_output, filters, image):
    """Compute ∂E/∂X[n, c, h, w] = sum over k, p + r = h, q + s = w of ∂E/∂Z[n, k, p, q] f[k, c, r, s]."""
    grad_x = [[[[0.0] * image[1] for _ in range(image[0])] for _ in filters[0]] for _ in grad_output]
    for grad_image, grad_z in zip(grad_x, grad_output, strict=True):
        for f, grad_map in zip(filters, grad_z, strict=True):
            for p, line in enumerate(grad_map):
                for q, g in enumerate(line):
                    for grad_channel, f_channel in zip(grad_image, f, strict=True):
                        for r, weights in enumerate(f_channel):
                            for s, weight in enumerate(weights):
                                grad_channel[p + r][q + s] += g * weight
    return grad_x
