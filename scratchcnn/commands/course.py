"""The course of a training as a file: .npz and .png."""

import io
from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn.article.network import Parameters
from scratchcnn.article.training import Epoch


def training_as_npz(history: Sequence[Epoch]) -> bytes:
    """Encode the learnt parameters, and the error and the accuracy after each epoch, as an .npz file.

    Parameters
    ----------
    history : sequence of Epoch
        The epochs, in order; at least one.

    Returns
    -------
    bytes
        The file's content: the arrays `filters`, `weight`, `bias`, `error` and `accuracy`.
    """
    learnt = history[-1].parameters
    buffer = io.BytesIO()
    np.savez(
        buffer,
        filters=learnt.filters,
        weight=learnt.weight,
        bias=learnt.bias,
        error=np.array([epoch.error for epoch in history]),
        accuracy=np.array([epoch.accuracy for epoch in history]),
    )
    return buffer.getvalue()


def training_as_png(histories: Mapping[str, Sequence[Epoch]], learnt: Parameters) -> bytes:
    """Draw the error and the accuracy over the epochs, with one curve per gradient, and the learnt filters.

    Parameters
    ----------
    histories : mapping of str to sequence of Epoch
        The epochs of each training, by the name of its gradient.
    learnt : Parameters
        The parameters whose filters are drawn.

    Returns
    -------
    bytes
        The content of a .png file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    filters = learnt.filters[:, 0]
    figure = Figure(figsize=(8 + 2 * len(filters), 3), layout="constrained")
    FigureCanvasAgg(figure)
    error, accuracy, *images = figure.subplots(1, 2 + len(filters), width_ratios=[2, 2, *[1] * len(filters)])
    for name, history in histories.items():
        numbers = [epoch.number for epoch in history]
        error.plot(numbers, [epoch.error for epoch in history], label=name)
        accuracy.plot(numbers, [100 * epoch.accuracy for epoch in history], label=name)
    error.set(xlabel="epoch", ylabel="E")
    accuracy.set(xlabel="epoch", ylabel="accuracy in %")
    error.legend()
    extreme = abs(filters).max()
    for number, (axes, weights) in enumerate(zip(images, filters, strict=True), start=1):
        shown = axes.imshow(weights, cmap="RdBu", vmin=-extreme, vmax=extreme)
        axes.set(title=f"filter {number}", xticks=[], yticks=[])
    figure.colorbar(shown, ax=images, shrink=0.8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
