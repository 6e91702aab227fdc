"""The cotangents of a forward with several outputs, where backward takes one for each."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.arguments import GRAD, Order


def cotangents(grad_output: Any, outputs: Any, output: int | str | None, order: Order, call: str) -> dict[str, Any]:
    """The cotangents by their roles; where backward takes one for each output, zeros for those that are not checked.

    Raises
    ------
    TypeError
        There are not as many outputs as backward takes cotangents.
    """
    if order.cotangents == 0:
        return {}
    if order.cotangents == 1 and GRAD in order.roles:
        return {GRAD: grad_output}
    parts = outputs if isinstance(outputs, tuple | list) else (outputs,)
    if output is None and isinstance(grad_output, tuple | list) and len(parts) == order.cotangents == len(grad_output):
        return {f"{GRAD} {k}": each for k, each in enumerate(grad_output)}
    if len(parts) != order.cotangents or not isinstance(output, int):
        raise TypeError(
            f"backward takes {order.cotangents} cotangents, but forward returns {len(parts)} outputs: name the one to"
            f" check by its index, {call.removesuffix(')')}, output=0), and what backward takes by order="
        )
    zeros = {f"{GRAD} {k}": np.zeros_like(part) for k, part in enumerate(parts)}
    return zeros | {f"{GRAD} {output % len(parts)}": grad_output}


def of_each(output: Any, function: Callable[[Any], Any]) -> Any:
    """A function of an output; where several are checked, of each of them."""
    return tuple(map(function, output)) if isinstance(output, tuple) else function(output)


def joined(output: Any) -> Any:
    """An output as it is; where several are checked, the numbers of all in a row."""
    return np.concatenate([np.ravel(part) for part in output]) if isinstance(output, tuple) else output


def times_cotangent(cotangent: Any, gradient: Any) -> Any:
    """The gradient times the cotangent of a number, or, of each sample's loss, times that of the sample."""
    if gradient is None:
        return None
    gradient = np.asarray(gradient)
    cotangent = np.asarray(cotangent)
    more = (1,) * (gradient.ndim - cotangent.ndim)
    return (cotangent.reshape(cotangent.shape + more) * gradient).astype(gradient.dtype, copy=False)
