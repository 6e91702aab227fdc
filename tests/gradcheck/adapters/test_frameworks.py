"""What the adapters of torch, JAX and TensorFlow share."""

import inspect
import sys

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch

from scratchcnn.gradcheck.adapters import frameworks
from scratchcnn.gradcheck.adapters.frameworks import (
    Drawn,
    Numbers,
    as_numpy,
    common_dtype,
    computed_by,
    framework,
    is_floating,
    supported,
)

HALF, SINGLE, DOUBLE = np.ones(2, np.float16), np.ones(2, np.float32), np.ones(2)


class TestFramework:
    def test_is_imported(self):
        assert framework("torch") is torch

    def test_or_its_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ModuleNotFoundError) as raised:
            framework("torch")
        assert str(raised.value) == 'from_torch needs torch: pip install "scratchcnn[torch]"'
        assert raised.value.name == "torch"

    def test_what_is_missing_within_it_is_not_its_own(self, monkeypatch):
        def missing(name):
            raise ModuleNotFoundError("No module named 'libgpu'", name="libgpu")

        monkeypatch.setattr(frameworks, "import_module", missing)
        with pytest.raises(ModuleNotFoundError, match=r"^No module named 'libgpu'$"):
            framework("torch")


class TestAsNumpy:
    @pytest.mark.parametrize(
        ("value", "dtype"),
        [
            (torch.ones(2, requires_grad=True) * 2, np.float32),
            (torch.full((2,), 2 + 1j).conj(), np.complex64),
            (torch.full((2,), 2.0, dtype=torch.bfloat16), ml_dtypes.bfloat16),
            (torch.full((2,), 2.0).to(torch.float8_e5m2), ml_dtypes.float8_e5m2),
            (jnp.full(2, 2.0), np.float32),
            (jnp.full(2, 2.0, jnp.bfloat16), ml_dtypes.bfloat16),
            (np.full(2, 2), np.dtype(int)),
        ],
    )
    def test_tensors_are_arrays_of_their_own_dtype(self, value, dtype):
        found = as_numpy(value)
        assert type(found) is np.ndarray
        assert (found.dtype, found.shape, complex(found[0]).real) == (dtype, (2,), 2)

    def test_numbers_without_axes_and_in_small_formats_keep_their_shape(self):
        assert as_numpy(torch.tensor(2.0, dtype=torch.bfloat16)).shape == ()
        assert as_numpy(torch.ones((2, 3), dtype=torch.bfloat16).T).shape == (3, 2)

    def test_trees_are_trees_of_arrays_and_all_else_stays(self):
        found = as_numpy({"a": torch.ones(2), "b": [jnp.ones(1), "word", 3]})
        assert (type(found["a"]), type(found["b"][0])) == (np.ndarray, np.ndarray)
        assert found["b"][1:] == ["word", 3]

    def test_what_has_a_method_of_tensorflow_s_name(self):
        class Tensor:
            def numpy(self):
                return SINGLE

            def __array__(self, dtype=None, copy=None):
                return SINGLE

        assert as_numpy(Tensor()).tolist() == [1, 1]

    def test_a_small_format_needs_a_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
        with pytest.raises(ModuleNotFoundError) as raised:
            as_numpy(torch.ones(2, dtype=torch.bfloat16))
        assert str(raised.value) == 'bfloat16 needs ml_dtypes: pip install "scratchcnn[torch]"'
        assert raised.value.name == "ml_dtypes"


class TestDtypes:
    def test_which_are_of_floats(self):
        assert [is_floating(a.dtype) for a in (HALF, DOUBLE, DOUBLE + 1j, SINGLE.astype(ml_dtypes.bfloat16))] == [
            True
        ] * 4
        assert [is_floating(np.dtype(t)) for t in (int, bool, object, str)] == [False] * 4

    def test_what_floats_are_computed_in_together(self):
        assert common_dtype([SINGLE, np.ones(2, int), HALF]) == np.float32
        assert common_dtype([SINGLE, DOUBLE]) == np.float64
        assert common_dtype([np.ones(2, int)]) is None
        assert common_dtype([]) is None

    @pytest.mark.parametrize(
        "array",
        [HALF, DOUBLE, DOUBLE + 1j, np.ones(2, bool), np.ones(2, np.uint8), SINGLE.astype(ml_dtypes.float8_e5m2)],
    )
    def test_what_frameworks_have(self, array):
        assert supported([DOUBLE, array], "torch") is None

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.ones(2, np.longdouble), f"torch has no arrays of {np.dtype(np.longdouble)}"),
            (np.ones(2, np.clongdouble), f"torch has no arrays of {np.dtype(np.clongdouble)}"),
            (np.ones(2, object), "torch has no arrays of object"),
            (np.array(["a"]), "torch has no arrays of <U1"),
            (np.ma.ones(2), "torch takes arrays of numbers, got MaskedArray"),
            ([1.0], "torch takes arrays of numbers, got list"),
        ],
    )
    def test_and_what_they_have_not(self, array, message):
        with pytest.raises(TypeError) as raised:
            supported([DOUBLE, SINGLE.astype(ml_dtypes.bfloat16), array], "torch")
        assert str(raised.value) == message


class TestNumbers:
    def test_options_stay_where_they_are(self):
        numbers = Numbers([DOUBLE, 2, SINGLE, "sum", 1j, True, 0.5])
        assert numbers.fixed == {1: 2, 3: "sum", 4: 1j, 5: True, 6: 0.5}
        assert [a.dtype for a in numbers.given] == [np.float64, np.float32]
        assert numbers.among(["x", "y"]) == ["x", 2, "y", "sum", 1j, True, 0.5]
        others = numbers.others(["a", "n", "b", "how", "c", "d", "e"])
        assert list(inspect.signature(others).parameters) == ["a", "b"]
        assert others.__name__ == "forward"

    def test_numbers_alone_are_inputs(self):
        numbers = Numbers([1.0, 2.0])
        assert (numbers.fixed, numbers.given) == ({}, [1.0, 2.0])
        assert Numbers([np.float64(1), None]).fixed == {}


class TestDrawn:
    def test_what_draws_is_refused_in_another_precision(self):
        drawn, outputs = Drawn(), iter([(SINGLE, 2 * SINGLE)])
        drawn.first([SINGLE], lambda: next(outputs))
        drawn.first([SINGLE], lambda: next(outputs))
        assert (drawn.draws, drawn.dtype) == (True, np.float32)
        with pytest.raises(TypeError, match=r"^the function draws: in float64 other numbers than in float32$"):
            drawn.first([DOUBLE], lambda: next(outputs))

    def test_and_nothing_else(self):
        drawn, outputs = Drawn(), iter([(SINGLE, SINGLE.copy())])
        drawn.first([SINGLE], lambda: next(outputs))
        drawn.first([DOUBLE], lambda: next(outputs))
        assert drawn.draws is False


def test_a_function_says_who_computes():
    assert computed_by(lambda x: x, "JAX").computed_by == "JAX"
