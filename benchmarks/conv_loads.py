"""What is convolved: the loads that the lowerings were chosen on, and other shapes that they were not."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

PASSES = {"conv2d": "forward", "conv2d_grad_filters": "∂E/∂f", "conv2d_grad_input": "∂E/∂X"}
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Load:
    """N images of C channels, H x W pixels, and K filters of R x S."""

    images: int
    channels: int
    image: tuple[int, int]
    filters: int
    window: tuple[int, int]
    stride: int = 1
    padding: int = 0

    @property
    def name(self):
        (height, width), (rows, columns) = self.image, self.window
        name = f"{self.images}x{self.channels}x{height}x{width}, {self.filters} of {rows}x{columns}"
        name += f", stride {self.stride}" if self.stride != 1 else ""
        return name + (f", padding {self.padding}" if self.padding else "")

    @property
    def places(self):
        """(P, Q)."""
        sizes = zip(self.image, self.window, strict=True)
        return tuple((size + 2 * self.padding - window) // self.stride + 1 for size, window in sizes)

    @property
    def flops(self):
        """A multiplication and an addition for each output and weight: as many in each of the three passes."""
        return 2 * self.images * self.filters * np.prod(self.places) * self.channels * np.prod(self.window)

    @property
    def sizes(self):
        """Numbers of x and of ∂E/∂Z."""
        (height, width), (rows, columns) = self.image, self.places
        return self.images * self.channels * height * width, self.images * self.filters * rows * columns

    def arrays(self, dtype):
        """x, filters and ∂E/∂Z: small integers, so that every contender must be right to the last bit.

        No sum exceeds 2^24, up to which float32 holds every integer: the largest has N P Q products up to 4.
        """
        rng = np.random.default_rng(0)
        shapes = (
            (self.images, self.channels, *self.image),
            (self.filters, self.channels, *self.window),
            (self.images, self.filters, *self.places),
        )
        return [rng.integers(-2, 3, size=shape).astype(dtype) for shape in shapes]


ARTICLE = Load(200, 1, (28, 28), 3, (5, 5))
LOADS = [
    ARTICLE,
    Load(1, 1, (28, 28), 3, (5, 5)),
    Load(64, 1, (28, 28), 6, (5, 5)),
    Load(64, 6, (12, 12), 16, (5, 5)),
    Load(16, 16, (28, 28), 32, (3, 3), padding=1),
    Load(8, 64, (32, 32), 64, (3, 3), padding=1),
    Load(32, 3, (64, 64), 16, (3, 3), stride=2, padding=1),
    Load(1, 3, (512, 512), 8, (7, 7)),
]
OTHERS = [
    Load(32, 8, (20, 20), 12, (5, 5), padding=2),
    Load(16, 32, (16, 16), 24, (5, 5), padding=2),
    Load(8, 3, (96, 96), 32, (7, 7), stride=2, padding=3),
    Load(32, 16, (24, 24), 16, (5, 5), stride=2),
    Load(4, 48, (40, 40), 32, (3, 3), padding=1),
    Load(64, 128, (7, 7), 64, (3, 3), padding=1),
    Load(16, 64, (28, 28), 32, (1, 1)),
    Load(16, 64, (28, 28), 64, (1, 1), stride=2),
    Load(2, 4, (128, 128), 8, (11, 11), padding=5),
    Load(8, 3, (120, 90), 6, (9, 9), stride=3),
    Load(4, 2, (8, 400), 12, (3, 9)),
    Load(4, 2, (400, 8), 12, (9, 3)),
    Load(100, 1, (16, 16), 4, (3, 3)),
    Load(1, 16, (56, 56), 24, (3, 3), padding=1),
]
COMMON = [  # what people convolve: the article's and LeNet's layers, a small ResNet's on 32 x 32 pixels, ResNet-50's
    *LOADS[:4],
    Load(64, 1, (32, 32), 6, (5, 5)),
    Load(16, 6, (14, 14), 16, (5, 5)),
    Load(32, 3, (32, 32), 16, (3, 3), padding=1),
    Load(32, 16, (32, 32), 16, (3, 3), padding=1),
    Load(32, 16, (32, 32), 32, (3, 3), stride=2, padding=1),
    Load(32, 32, (16, 16), 32, (3, 3), padding=1),
    Load(32, 64, (8, 8), 64, (3, 3), padding=1),
    Load(1, 3, (224, 224), 64, (7, 7), stride=2, padding=3),
    Load(1, 64, (56, 56), 64, (3, 3), padding=1),
    Load(1, 64, (56, 56), 256, (1, 1)),
    Load(1, 256, (56, 56), 64, (1, 1)),
    Load(2, 128, (28, 28), 128, (3, 3), padding=1),
    Load(1, 128, (56, 56), 128, (3, 3), stride=2, padding=1),
    Load(1, 256, (14, 14), 256, (3, 3), padding=1),
    Load(1, 512, (7, 7), 512, (3, 3), padding=1),
    Load(2, 256, (28, 28), 512, (1, 1), stride=2),
]


def drawn(count, seed=7):
    """Shapes of all kinds, that take up to some milliseconds and megabytes."""
    rng = np.random.default_rng(seed)
    loads = []

    def about(least, most):
        return round(np.exp(rng.uniform(np.log(least), np.log(most))))

    while len(loads) < count:
        images, channels, filters, height = about(1, 64), about(1, 128), about(1, 128), about(5, 160)
        width = height if rng.random() < 0.6 else about(5, 160)
        rows = int(rng.choice([1, 2, 3, 3, 3, 4, 5, 5, 7, 9]))
        columns = rows if rng.random() < 0.8 else int(rng.choice([1, 2, 3, 5, 7]))
        stride, padding = int(rng.choice([1, 1, 1, 2, 2, 3])), int(rng.choice([0, rows // 2, rows // 2]))
        load = Load(images, channels, (height, width), filters, (rows, columns), stride, padding)
        fits = height + 2 * padding >= rows and width + 2 * padding >= columns
        if fits and 3e5 < load.flops < 3e8 and all(a < 3e6 for a in load.sizes):
            loads.append(load)
    return loads


def digest(result):
    """Of the dtype, the shape and every number of a result."""
    exact = np.ascontiguousarray(result, np.float64) + 0.0  # there is no -0 any more
    return sha256(f"{result.dtype} {result.shape}".encode() + exact.tobytes()).hexdigest()


BATCHES = [Load(images, 8, (32, 32), 16, (5, 5), padding=2) for images in (64, 512)]
GROWING = {  # what grows, over five points
    "N": [Load(n, 8, (24, 24), 16, (5, 5), padding=2) for n in (32, 64, 128, 256, 512)],
    "C": [Load(16, c, (24, 24), 16, (5, 5), padding=2) for c in (4, 8, 16, 32, 64)],
    "K": [Load(8, 8, (24, 24), k, (5, 5), padding=2) for k in (32, 64, 128, 256, 512)],
    "image": [Load(8, 8, (size, size), 16, (5, 5)) for size in (32, 48, 72, 108, 162)],
    "filter": [Load(8, 8, (48, 48), 16, (size, size), padding=size // 2) for size in (3, 5, 7, 9, 11)],
}


@dataclass(frozen=True)
class Row:
    """One pass on one load in one dtype."""

    load: Load
    dtype: str
    function: str

    @property
    def key(self):
        return f"{self.load.name}; {self.function}; {self.dtype}"


ROWS = {
    row.key: row
    for row in (
        Row(load, dtype, function) for load in LOADS + OTHERS + BATCHES for dtype in DTYPES for function in PASSES
    )
}
