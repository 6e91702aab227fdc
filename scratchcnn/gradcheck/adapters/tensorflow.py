"""TensorFlow: a `custom_gradient`, a function of tensors, a Keras layer with its weights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.frameworks import (
    Drawn,
    Numbers,
    as_numpy,
    common_dtype,
    computed_by,
    framework,
    supported,
)
from scratchcnn.gradcheck.adapters.pair import Inputs, Pair, chosen, inputs_of, named, positional, title
from scratchcnn.gradcheck.adapters.state import LastForward


def from_tensorflow(
    function: Any, *inputs: Any, output: int | str | None = None, training: bool | None = None, seed: int = 0
) -> Pair:
    """The pair that a check takes, of a function of tensors or a Keras layer: NumPy arrays in and out.

    The gradient is that of `tf.GradientTape`, through the function's own rule. Everything is computed in the dtype of
    the arrays; of a layer that has a configuration, a twin is made in that dtype, else they are given in the layer's.
    Around each call the seed is set and operations are made deterministic; both are put back.
    A complex input becomes two, `z.real` and `z.imag`.

    Parameters
    ----------
    function
        A function of tensors, with `tf.custom_gradient` or without, also a `tf.function`; or a Keras layer or model
        (with TensorFlow as the backend), whose trainable weights are inputs under their names, after the others.
    inputs
        The inputs of the check: arrays, tensors, or trees of them. They are returned as arrays. Python's own numbers
        beside them are options of a function. A layer needs them.
    output
        Which output is checked, where there are several: its index or key.
    training
        Passed to a layer, where it is given.
    seed
        Of what the function draws.

    Returns
    -------
    tuple
        `(forward, backward)`, then the inputs where they were given, then the weights of a layer.

    Raises
    ------
    ModuleNotFoundError
        TensorFlow is not installed.
    TypeError, ValueError
        A layer without inputs, or of Keras on another backend; several outputs and none named.
    """
    __tracebackhide__ = True
    tf = framework("tensorflow")
    is_layer = hasattr(function, "stateless_call")
    name = title(type(function) if is_layer else getattr(function, "python_function", function))
    call = f"from_tensorflow({name}{', x' if is_layer else ''})"
    numbers = Numbers(() if is_layer else inputs)
    arrays = [as_numpy(value) for value in (inputs if is_layer else numbers.given)]
    names: list[str] = []
    weights: list[Any] = []
    if is_layer:
        keras = _Keras(tf, function, training, call)
        known = inputs_of(function.call, keras.built(arrays))
        names, weights = keras.weights(common_dtype(known.leaves))
        function = keras.called
    else:
        known = inputs_of(numbers.others(positional(getattr(function, "python_function", function))), arrays)
    form = _TensorFlow(tf, function, len(weights), known, numbers, output, seed, call)
    paths = [*known.paths, *names]
    return (
        computed_by(named(lambda *leaves: form.forward_of(leaves), name, paths), "TensorFlow"),
        named(
            lambda g, *leaves: form.backward_of(g, leaves), f"vjp of {name}", ["grad_output", *paths] if paths else ()
        ),
        *known.leaves,
        *weights,
    )


@dataclass(frozen=True)
class _TensorFlow:
    """A function of tensors, the last of which are the weights of a layer, as a list."""

    tf: Any
    function: Callable[..., Any]
    weights: int
    inputs: Inputs
    numbers: Numbers
    output: int | str | None
    seed: int
    call: str
    last: LastForward = field(default_factory=LastForward)
    drawn: Drawn = field(default_factory=Drawn)

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        with self._reproducible(leaves):
            output = self._output([self._tensor(a) for a in leaves]).numpy()
        self.last.remember(leaves)
        return output

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        tf = self.tf
        tensors = [self._tensor(a) for a in leaves]
        asked = [t for t in tensors if t.dtype.is_floating or t.dtype.is_complex]
        with self._reproducible(leaves):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(asked)
                output = self._output(tensors)
            other = self.last.other_than(leaves)
            if other is not None:
                self._output([self._tensor(a) for a in other])
            cotangent = tf.cast(self._tensor(np.asarray(grad_output)), output.dtype)
            zero = tf.UnconnectedGradients.ZERO
            gradients = tape.gradient(output, asked, output_gradients=cotangent, unconnected_gradients=zero)
        found = dict(zip(map(id, asked), gradients, strict=True))
        return tuple(tf.convert_to_tensor(found[id(t)]).numpy() if id(t) in found else None for t in tensors)

    def _tensor(self, array: Any) -> Any:
        supported([array], "tensorflow")
        return self.tf.constant(array)

    def _output(self, tensors: Sequence[Any]) -> Any:
        first = len(tensors) - self.weights
        arguments = self.numbers.among(self.inputs.built(tensors[:first], self.tf.complex))
        found = self.function(*arguments, weights=tensors[first:]) if self.weights else self.function(*arguments)
        return self.tf.convert_to_tensor(chosen(found, self.output, self.call))

    @contextmanager
    def _reproducible(self, leaves: Sequence[Any]) -> Iterator[None]:
        """Seeds TensorFlow and has it compute deterministically; afterwards both are as they were."""
        with _deterministic():
            self.drawn.first(leaves, lambda: self._twice([self._tensor(a) for a in leaves]))
            # A seed that is set empties caches, and costs a millisecond.
            with _seeded(self.tf, self.seed if self.drawn.draws else None):
                yield

    def _twice(self, tensors: Sequence[Any]) -> list[Any]:
        """The outputs with two seeds."""
        outputs = []
        for seed in (1, 2):
            with _seeded(self.tf, seed):
                outputs.append(self._output(tensors).numpy())
        return outputs


@contextmanager
def _deterministic() -> Iterator[None]:
    config = framework("tensorflow.python.framework.config")  # whether it is enabled can only be seen here
    before = config.is_op_determinism_enabled()
    config.enable_op_determinism()
    try:
        yield
    finally:
        if not before:
            config.disable_op_determinism()


@contextmanager
def _seeded(tf: Any, seed: int | None) -> Iterator[None]:
    if seed is None:
        yield
        return
    before = framework("tensorflow.python.eager.context").global_seed()  # the seed can only be seen here
    tf.random.set_seed(seed)
    try:
        yield
    finally:
        tf.random.set_seed(before)


@dataclass(frozen=True)
class _Keras:
    """A Keras layer whose weights are given with each call; twins of it in other dtypes."""

    tf: Any
    layer: Any
    training: bool | None
    call: str
    twins: dict[Any, Any] = field(default_factory=dict)
    graphs: dict[Any, Any] = field(default_factory=dict)

    def built(self, arrays: Sequence[Any]) -> list[Any]:
        """The inputs, in the dtype of a layer that cannot be had in another; builds it where it is not.

        Raises
        ------
        TypeError
            There are no inputs, or Keras has another backend.
        """
        backend = framework("keras").backend.backend()
        if backend != "tensorflow":
            raise TypeError(f"from_tensorflow takes Keras layers on the backend tensorflow, this one is {backend}'s")
        if not arrays:
            raise TypeError(f"from_tensorflow needs the inputs of a layer, for its weights to follow them: {self.call}")
        map_structure = self.tf.nest.map_structure  # a layer may take a list of arrays
        if not self.layer.built:
            self.layer(*map_structure(self.tf.constant, list(arrays)))
        dtype = common_dtype(self.tf.nest.flatten(list(arrays)))
        if dtype is None or self._twin(dtype, arrays) is not None:
            return list(arrays)
        own = np.dtype(self.layer.compute_dtype)
        made: list[Any] = map_structure(lambda a: a.astype(own) if a.dtype.kind == "f" else a, list(arrays))
        return made

    def weights(self, dtype: np.dtype[Any] | None) -> tuple[list[str], list[Any]]:
        """The names and values of the trainable weights: their paths where two have the same name."""
        variables = self.layer.trainable_variables
        short = [v.name for v in variables]
        names = short if len(set(short)) == len(short) else [v.path for v in variables]
        return names, [v.numpy() if dtype is None else v.numpy().astype(dtype) for v in variables]

    def called(self, *arguments: Any, weights: Sequence[Any] = ()) -> Any:
        """The layer's output; its state (statistics, seeds) is as it is in the layer that was given, and stays so."""
        given = self.tf.nest.flatten([*arguments, *weights])
        floating = [np.dtype(t.dtype.as_numpy_dtype) for t in given if t.dtype.is_floating]
        dtype = np.result_type(*floating) if floating else np.dtype(self.layer.compute_dtype)
        layer = self._twin(dtype, arguments)
        if layer is None:
            raise TypeError(f"{type(self.layer).__name__} computes in {self.layer.compute_dtype} only, got {dtype}")
        self._refuse_other_draws(dtype)
        state = [self.tf.cast(v.value, t.dtype) for v, t in self._states(layer)]
        # A call of the layer casts its inputs; this one does not.
        cast = self.tf.nest.map_structure(lambda t: self.tf.cast(t, dtype) if t.dtype.is_floating else t, arguments)
        return self._compiled(dtype, layer)(list(weights), state, *cast)

    def _refuse_other_draws(self, dtype: np.dtype[Any]) -> None:
        """As `Drawn`: a layer that draws has its seeds among its variables, so that no other seed shows it."""
        seeds = [v for v in self.layer.non_trainable_variables if "seed_generator" in v.path]
        first = next(iter(self.graphs), dtype)
        if seeds and dtype != first:
            raise TypeError(f"the layer draws: in {dtype} other numbers than in {first}")

    def _compiled(self, dtype: np.dtype[Any], layer: Any) -> Any:
        """The layer as a graph, as Keras trains it: called step by step a small model takes 20 milliseconds."""
        if dtype not in self.graphs:
            keywords = {} if self.training is None else {"training": self.training}
            self.graphs[dtype] = self.tf.function(lambda *given: layer.stateless_call(*given, **keywords)[0])
        return self.graphs[dtype]

    def _states(self, layer: Any) -> list[tuple[Any, Any]]:
        return list(zip(self.layer.non_trainable_variables, layer.non_trainable_variables, strict=True))

    def _twin(self, dtype: np.dtype[Any], arguments: Sequence[Any]) -> Any:
        """The same layer in another dtype; None where it has no configuration to be made from."""
        if dtype == np.dtype(self.layer.compute_dtype):
            return self.layer
        if dtype not in self.twins:
            try:
                twin = type(self.layer).from_config(_in_dtype(self.layer.get_config(), dtype.name))
            except (NotImplementedError, TypeError):
                twin = None  # a layer of the caller's that says nothing of how it is made
            if twin is not None:
                twin(*arguments)  # which builds it
            self.twins[dtype] = twin
        return self.twins[dtype]


def _in_dtype(config: Any, dtype: str) -> Any:
    """The configuration of a layer, and of those within it, with another dtype."""
    if isinstance(config, list | tuple):
        return type(config)(_in_dtype(part, dtype) for part in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": dtype}}
    return {k: dtype if k == "dtype" and isinstance(v, str) else _in_dtype(v, dtype) for k, v in config.items()}
