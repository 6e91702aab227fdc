"""`scratchcnn check` on the rules of JAX in a file: each `custom_vjp`."""

import types

import jax  # noqa: F401 - where it is first imported, it draws random numbers of NumPy's

from scratchcnn.gradcheck.harvest.pairs import find_rules
from scratchcnn.gradcheck.in_file.checking import check_pairs
from scratchcnn.gradcheck.in_file.drawing import Asked

RULES = '''
import jax

@jax.custom_vjp
def scaled(x, scale):
    """x : (N, 3) array"""
    return scale * x

scaled.defvjp(lambda x, scale: (scale * x, (x, scale)), lambda kept, g: (g * kept[1], (g * kept[0]).sum()))

@jax.custom_vjp
def square(x):
    """x : (N,) array"""
    return x ** 2

square.defvjp(lambda x: (x ** 2, x), lambda x, g: (g * x,))

def samples(rng):
    return {"scaled": (rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=()))}
'''


def test_each_rule_is_checked_at_its_samples_or_the_shapes_of_its_docstring():
    module = types.ModuleType("made")
    exec(compile(RULES, "rules.py", "exec"), vars(module))
    entries = list(check_pairs(find_rules(module), module, Asked(), {"seed": 0}))
    found = {each.name: (each.report.verdict.value, each.report.sample, each.where) for each in entries}
    assert found == {
        "scaled": ("right", "x float32[4, 3], scale float32[]", "rules.py:9"),
        "square": ("wrong", "x float32[2]", "rules.py:16"),
    }
