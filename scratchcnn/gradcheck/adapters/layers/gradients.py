"""Where a layer leaves the gradients: what backward returns, beside the parameters, with an optimiser, in a change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.cotangents import of_each
from scratchcnn.gradcheck.adapters.calling.methods import bound
from scratchcnn.gradcheck.adapters.calling.returned import Leaf, sorted_gradients
from scratchcnn.gradcheck.adapters.calling.words import plain
from scratchcnn.gradcheck.adapters.layers.running import Parameter, Way, rate_for
from scratchcnn.gradcheck.adapters.layers.slots import Slot, is_array, is_gradient_slot, is_number, slot, slots_of
from scratchcnn.gradcheck.case import CallerError, call


class Missing(TypeError):
    """The gradient of an input or parameter is not found."""


@dataclass(frozen=True)
class Trial:
    """A layer that has run forward and backward once: what it returned, what it holds now.

    `twice` holds the numbers of another that was given twice the cotangent: gradients are doubled there.
    """

    layer: Any
    returned: Any
    values: Mapping[str, Any]
    now: Mapping[Slot, Any]
    twice: Mapping[Slot, Any]


@dataclass(frozen=True)
class Source:
    """Where the gradient of an input or parameter is found.

    `kind` is "returned", "kept" (in `slot`), "handed" (to the optimiser), "changed" (read off the parameter's change),
    or "none".
    """

    kind: str
    slot: Slot | None = None


def try_out(layer: Any, way: Way, inputs: Sequence[Any], parameters: Sequence[Parameter]) -> Trial:
    """Runs copies of a layer forward and backward, with a cotangent and with twice as much."""
    values = {p.name: np.copy(p.get(layer)) for p in parameters}
    ran = []
    for share in (1.0, 2.0):
        trial = way.copied(layer)
        given = {name: value.copy() for name, value in values.items()}
        for parameter in parameters:
            parameter.put(trial, given[parameter.name])
        forward = way.run_forward(trial, [np.copy(a) for a in inputs])
        cotangent = of_each(forward.output, partial(_trial_cotangent, share))
        told = way if way.is_one else replace(way, backward=_told(way, forward.outputs))
        returned = told.run_backward(trial, cotangent, forward, [np.copy(a) for a in inputs], given)
        ran.append((trial, returned))
    now, twice = (dict(slots_of(trial, is_number)) for trial, _ in ran)
    return Trial(*ran[0], values, now, twice)


def _trial_cotangent(share: float, output: Any) -> Any:
    output = np.asarray(output)
    cotangent = share * np.linspace(0.5, 2, output.size).reshape(output.shape)
    return cotangent.astype(output.dtype if output.dtype.kind == "f" else np.float64)


def _told(way: Way, outputs: Any) -> Callable[..., Any]:
    """Backward as a function of the layer, which says what it was called with where it raises."""

    def backward(layer: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(partial(bound(layer, way.backward), **options), "backward", *arguments)
        except CallerError as error:
            if not isinstance(outputs, tuple | list) or way.order.cotangents != 1:
                raise
            advice = (
                f"forward returns {len(outputs)} outputs, and backward is given the cotangent of one: where it takes"
                " them in a tuple, pass backward=lambda layer, g: layer.backward((g, np.zeros(...)))"
            )
            raise CallerError(f"{error}\n  {advice}") from error.__cause__

    return backward


def find_sources(
    trial: Trial,
    way: Way,
    leaves: Sequence[Leaf],
    parameters: Sequence[Parameter],
    asked: Mapping[str, str | None],
    returns: Sequence[str | None] | None,
) -> list[Source]:
    """Where the gradient of each leaf is: first those of the inputs, then those of the parameters.

    Raises
    ------
    Missing
        That of one of them is not found; the message shows how to say where it is.
    ValueError
        `asked` names what is no input or parameter, or no place in the layer.
    """
    sources = _asked(trial, leaves, asked)
    first = len(leaves) - len(parameters)
    returned = _returned(trial.returned, leaves, {*range(first, len(leaves)), *sources}, returns, way.call)
    places = [*(None for _ in range(first)), *(p.slots[0] for p in parameters)]
    for k, (leaf, place) in enumerate(zip(leaves, places, strict=True)):
        if k in sources:
            continue
        # Of another shape it is no gradient of a parameter that has one by its name.
        fits = place is None or np.shape(returned[k]) == leaf.shape or not _named(trial, leaf, place, parameters)
        if returned[k] is not None and fits:
            sources[k] = Source("returned")
        elif leaf.floating:
            sources[k] = _left(trial, way, k, place, leaves, parameters)
        else:
            sources[k] = Source("none")
    missing = [k for k, source in sources.items() if source.kind == "missing"]
    if missing:
        raise Missing(_missing(leaves[missing[0]], missing[0] < first, trial, way))
    return [sources[k] for k in range(len(leaves))]


def collected(
    layer: Any,
    way: Way,
    sources: Sequence[Source],
    returned: Sequence[Any],
    before: Sequence[Any],
    leaves: Sequence[Any],
) -> list[Any]:
    """The gradients, one for each leaf.

    Parameters
    ----------
    returned
        What backward returned for each leaf.
    before
        The parameters as they were.
    leaves
        All inputs and parameters.
    """
    first, rate = len(sources) - len(before), rate_for(leaves)
    found: list[Any] = []
    for k, source in enumerate(sources):
        if source.kind == "kept" and source.slot is not None:
            found.append(source.slot.get(layer))
        elif source.kind == "handed":
            found.append(way.recorder.gradient(k - first))
        elif source.kind == "changed" and source.slot is not None:
            found.append((before[k - first] - source.slot.get(layer)) / rate)
        else:
            found.append(returned[k] if source.kind == "returned" else None)
    return found


def returned_of(
    returned: Any, leaves: Sequence[Leaf], sources: Sequence[Source], returns: Sequence[str | None] | None, call: str
) -> list[Any]:
    """What backward returned for each leaf, where something is looked for in it."""
    if all(source.kind != "returned" for source in sources):
        return [None] * len(leaves)
    optional = frozenset(k for k, source in enumerate(sources) if source.kind != "returned")
    return sorted_gradients(returned, leaves, returns, call, optional)


def _asked(trial: Trial, leaves: Sequence[Leaf], asked: Mapping[str, str | None]) -> dict[int, Source]:
    names = [leaf.name for leaf in leaves]
    found = {}
    for name, text in asked.items():
        if name not in names:
            raise ValueError(f"grads names {name!r}, which is none of {names}")
        if text is None:
            found[names.index(name)] = Source("none")
            continue
        place = slot(text)
        if not place.is_in(trial.layer):
            held = ", ".join(map(str, trial.now))
            raise ValueError(f"grads says {text!r}, which the layer has not after backward: it has {held}")
        found[names.index(name)] = Source("kept", place)
    return found


def _returned(
    returned: Any, leaves: Sequence[Leaf], elsewhere: set[int], returns: Sequence[str | None] | None, call: str
) -> list[Any]:
    """What backward returned for each leaf; `elsewhere` are those whose gradients may be in another place."""
    nothing = [None] * len(leaves)
    if returned is None and returns is None:
        return nothing
    try:
        return sorted_gradients(returned, leaves, returns, call, frozenset(elsewhere))
    except TypeError:
        if all(k in elsewhere for k, leaf in enumerate(leaves) if leaf.floating):
            return nothing  # whatever it is, nothing is looked for in it
        raise


def _left(
    trial: Trial, way: Way, k: int, place: Slot | None, leaves: Sequence[Leaf], parameters: Sequence[Parameter]
) -> Source:
    """Where a gradient is that backward did not return; `place` is that of a parameter, None of an input."""
    named = _named(trial, leaves[k], place, parameters)
    # delta_W may be the gradient, or the step that is taken.
    certain = [s for s in named if "delta" not in plain(s.way[-1].key)]
    if certain:
        return Source("kept", certain[0])
    if place is not None:
        if way.recorder.gradient(k - (len(leaves) - len(parameters))) is not None:
            return Source("handed")
        after = place.get(trial.layer)
        if way.steps and not np.array_equal(after, trial.values[leaves[k].name], equal_nan=True):
            return Source("changed", place)
    if named:
        return Source("kept", named[0])
    grown = _grown(trial, k, leaves, parameters) if place is not None else []
    return Source("kept", grown[0]) if len(grown) == 1 else Source("missing")


def _named(trial: Trial, leaf: Leaf, place: Slot | None, parameters: Sequence[Parameter]) -> list[Slot]:
    """The slots that have a name for the gradient; first what grows with the cotangent and has the right shape."""
    if place is None and not leaf.name.isidentifier():
        return []
    of = place if place is not None else slot(leaf.name)
    held = {s for parameter in parameters for s in parameter.slots}
    others = [s for s in held if place is None or s != place]

    def rank(s: Slot) -> tuple[bool, bool, bool]:
        exact = str(of.way[-1].key) in str(s.way[-1].key)
        return not _doubled(trial, s), np.shape(trial.now[s]) != leaf.shape, not exact

    for alike in (False, True):
        fitting = [s for s in trial.now if s not in held and is_gradient_slot(s, of, alike=alike)]
        # dbias is no gradient of b where there is a bias.
        fitting = [s for s in fitting if not alike or not any(is_gradient_slot(s, o, alike=False) for o in others)]
        if fitting:
            return sorted(fitting, key=rank)
    return []


def _grown(trial: Trial, k: int, leaves: Sequence[Leaf], parameters: Sequence[Parameter]) -> list[Slot]:
    """The slots of the right shape that grow with the cotangent, where nothing else has that shape."""
    if sum(leaf.shape == leaves[k].shape for leaf in leaves) > 1:
        return []
    held = {s for parameter in parameters for s in parameter.slots}
    shaped = [s for s, value in trial.now.items() if s not in held and np.shape(value) == leaves[k].shape]
    return [s for s in shaped if _doubled(trial, s)]


def _doubled(trial: Trial, place: Slot) -> bool:
    """Whether what is there is twice as much for twice the cotangent."""
    one, two = trial.now[place], trial.twice.get(place)
    if two is None or np.shape(one) != np.shape(two) or not np.any(one):
        return False
    return np.array_equal(2 * np.asarray(one), two)


def _missing(leaf: Leaf, is_input: bool, trial: Trial, way: Way) -> str:
    call = way.call.removesuffix(")")
    held = ", ".join(str(s) for s, value in trial.now.items() if is_array(value)) or "no arrays"
    if is_input:
        return (
            f"no gradient of the input {leaf.name!r}: backward does not return it, and the layer holds {held}."
            f" Say where it is, {call}, grads={{{leaf.name!r}: '...'}}), or, where there is none, pass it as"
            f" fixed={{{leaf.name!r}: ...}}"
        )
    changed = trial.values[leaf.name].shape and not np.array_equal(
        trial.values[leaf.name], slot_value(trial, leaf.name), equal_nan=True
    )
    if changed:
        return (
            f"backward changes {leaf.name!r} and leaves no gradient of it: name the attribute that is its rate,"
            f" {call}, rate='lr')"
        )
    return (
        f"forward depends on {leaf.name!r}, but no gradient of it is found: backward returns"
        f" {_described(trial.returned)}, and the layer holds {held}. Say where it is, {call},"
        f" grads={{{leaf.name!r}: '...'}}), what hands it over (step= or optimizer=), or which parameters there are"
        " (params=)"
    )


def slot_value(trial: Trial, name: str) -> Any:
    """What a parameter is after backward."""
    return next((value for place, value in trial.now.items() if place.name == name), trial.values[name])


def _described(returned: Any) -> str:
    if isinstance(returned, tuple | list | dict):
        return f"a {type(returned).__name__} of {len(returned)}"
    return "None" if returned is None else "one array"
