"""The caller's code runs on balls as it stands, and nothing of it is changed."""

import copy
import functools
import math
import pickle
import types

import numpy as np
import pytest

from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.proof.balls.arrays import Balls, Whole, lift
from scratchcnn.gradcheck.proof.balls.ball import Ball, precision
from scratchcnn.gradcheck.proof.world.run import NotRun, run
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof import callers, helpers
from tests.gradcheck.proof.world.worlds import middle, same

LABELS = np.array([0, 2, 1])


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


IMAGES, DEEP = normal(2, 2, 4, 4), callers.Deep(normal(3, 3))
LAYERS = [
    (callers.conv_by_loops, IMAGES, normal(3, 2, 3, 3)),
    (callers.conv_by_windows, IMAGES, normal(3, 2, 3, 3)),
    (callers.batch_norm, normal(4, 3), normal(3), normal(3)),
    (callers.cross_entropy, normal(3, 4), LABELS),
    (callers.cross_entropy_backward, np.float64(0.7), normal(3, 4), LABELS),
    (callers.max_pool, IMAGES),
    (callers.pool_by_index, IMAGES),
    (callers.lstm, normal(2, 3, 2), normal(2, 8), normal(2, 8)),
    (callers.attention, normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 4)),
    (callers.gelu, normal(5)),
    (callers.number_by_number, normal(5)),
    (callers.of_masks, normal(2, 3)),
    (callers.embedding_backward, normal(3, 2), np.array([1, 3, 1])),
    (DEEP.forward, normal(2, 3)),
    (callers.with_settings, normal(3)),
    (callers.decorated, normal(2, 3)),
    (callers.importing, normal(2, 3)),
    (callers.DROPOUT, normal(3)),
    (callers.LEAKY, normal(2, 3)),
    (np.exp, normal(3)),
    (lambda x: (x * 2, (x,))[0], normal(3)),
]


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: getattr(layer[0], "__name__", type(layer[0]).__name__))
def test_layers_give_what_they_give_on_floats(layer):
    function, *inputs = layer
    expected = function(*copy.deepcopy(inputs))
    assert same(middle(run(World(), function, *inputs)), expected)


@pytest.mark.parametrize("where", callers.DOUBLINGS)
def test_functions_are_translated_wherever_they_are_kept(where):
    x = lift(np.ones(2), np.ones(2))
    found = run(World(), callers.DOUBLINGS[where], x)
    assert [(float(b.value), float(b.slope)) for b in found] == [(2, 2), (2, 2)]


def slope_of(function, x, v):
    """The slope of the output's sum along v, by balls."""
    found = run(World(), function, lift(x, v))
    return sum(float(b.slope.mid()) for b in np.asarray(found).reshape(-1) if b.slope is not None)


@pytest.mark.parametrize(
    "function", [callers.gelu, callers.max_pool, callers.of_masks, DEEP.forward, callers.decorated]
)
def test_slopes_are_those_of_differences(function):
    x, v = (
        (normal(1, 2, 4, 4), normal(4, 2, 4, 1).reshape(1, 2, 4, 4))
        if function is callers.max_pool
        else (normal(2, 3), 3 - normal(3, 2).T)
    )
    h = 1e-6
    ahead, behind = (np.sum(function(x + side * h * v)) for side in (1, -1))
    assert slope_of(function, x, v) == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)


def balls_in(value, seen=None):
    """Where a ball is in what a value holds, "" if nowhere; other modules are not looked into."""
    seen = set() if seen is None else seen
    if isinstance(value, Ball | Balls):
        return "here"
    if id(value) in seen or isinstance(value, types.ModuleType):
        return ""
    seen.add(id(value))
    for name, inside in parts(value):
        found = balls_in(inside, seen)
        if found:
            return f"{name}: {found}"
    return ""


def parts(value):
    if isinstance(value, np.ndarray):
        yield from enumerate(value.flat if value.dtype == object else ())
    elif isinstance(value, dict | types.MappingProxyType):
        yield from ((k, v) for k, v in value.items() if not str(k).startswith("__"))
    elif isinstance(value, list | tuple | set):
        yield from enumerate(value)
    elif isinstance(value, types.FunctionType):
        yield "cells", [c.cell_contents for c in value.__closure__ or ()]
        yield "defaults", value.__defaults__ or ()
    if hasattr(value, "__dict__"):
        yield "attributes", vars(value)


def test_no_ball_is_left_in_the_callers_modules_objects_and_caches():
    before = copy.deepcopy(
        (callers.CACHE, callers.BUFFER, callers.COUNT, callers.Layer.total, DEEP.total, len(helpers.SEEN))
    )
    DEEP.x, calls = None, getattr(callers.decorated, "calls", 0)
    world = World()
    run(world, callers.into_a_buffer, normal(2, 3))
    run(world, callers.batch_norm, normal(4, 3), normal(3), normal(3))
    run(world, DEEP.forward, normal(2, 3))
    run(world, callers.decorated, normal(2, 3))
    after = (callers.CACHE, callers.BUFFER, callers.COUNT, callers.Layer.total, DEEP.total, len(helpers.SEEN))
    assert repr(after) == repr(before)
    assert balls_in([vars(callers), vars(helpers), DEEP]) == ""
    assert getattr(callers.decorated, "calls", 0) == calls
    assert callers.np is np
    assert callers.decorated.__globals__ is vars(callers)
    assert isinstance(callers.table(3)[0], float)


def test_forward_and_backward_share_caches_objects_and_globals():
    world = World()
    x, g = normal(4, 3), normal(3, 4).T
    run(world, callers.batch_norm, x, normal(3), normal(3))
    expected = g * (x - x.mean(0)) / x.std(0)
    assert same(middle(run(world, callers.batch_norm_backward, g)), expected)
    y = run(world, DEEP.forward, normal(2, 3))
    expected = (DEEP.forward(normal(2, 3)), DEEP.backward(np.ones((2, 3))))
    assert same(middle(y), expected[0])
    assert same(middle(run(world, DEEP.backward, np.ones((2, 3)))), expected[1])


def test_a_global_that_is_written_stays_in_its_world():
    callers.COUNT = 0
    world = World()
    first, second = (middle(run(world, callers.into_a_buffer, np.zeros((2, 3)))) for _ in range(2))
    assert (first.tolist(), second.tolist(), callers.COUNT) == ([1, 1], [2, 2], 0)
    assert middle(run(World(), callers.into_a_buffer, np.zeros((2, 3)))).tolist() == [1, 1]


def test_a_buffer_that_a_closure_holds_takes_balls():
    def made():
        kept, seen = np.zeros(3), []

        def forward(x):
            kept[:] = x
            seen.append(kept)
            return kept * 2

        return forward, kept, seen

    forward, kept, seen = made()
    assert same(middle(run(World(), forward, np.ones(3))), [2, 2, 2])
    assert kept.tolist() == [0, 0, 0]
    assert seen == []


def test_the_harnesss_own_timer_and_nested_partials_are_seen_through():
    timed = Timed(functools.partial(callers.dropout, mask=np.array([1.0, 0, 2])))
    assert same(middle(run(World(), timed, np.ones(3))), np.array([1.0, 0, 2]) / 0.8)
    assert timed.calls == 0


def test_callable_objects_and_bound_builtins():
    class Model:
        def __init__(self):
            self.out = []
            self.keep = self.out.append

        def __call__(self, x):
            self.keep(x)
            return self.out[-1] * 2

    model = Model()
    assert same(middle(run(World(), model, np.ones(2))), [2, 2])
    assert model.out == []


def test_functions_that_call_each_other():
    def even(x, n):
        return x if n == 0 else odd(np.sin(x), n - 1)

    def odd(x, n):
        return x + 1 if n == 0 else even(np.cos(x), n - 1)

    assert same(middle(run(World(), lambda x: even(x, 3), normal(2))), even(normal(2), 3))


def test_what_is_translated_twice_is_the_same():
    world = World()
    assert world.translated(callers.gelu) is world.translated(callers.gelu)
    shared = [callers.CACHE]
    one, other = world.translated((shared, {"again": shared}))
    assert one is other["again"]
    assert one[0] is world.translated(callers.CACHE)


def test_cycles_of_containers_and_objects():
    node = types.SimpleNamespace(value=np.ones(2))
    ring = [node, (node,)]
    node.ring = ring
    made = World().translated(ring)
    assert made is not ring
    assert made[0].ring is made
    assert made[1][0] is made[0]
    assert isinstance(made[0].value, Balls)


def test_functions_of_other_packages_are_left_alone():
    world = World()
    for other in (copy.deepcopy, pytest.approx, len, np.random.Generator, types, sorted):
        assert world.translated(other) is other


def test_integers_are_copied_and_what_floats_come_of_them_are_balls():
    def forward(x, ids):
        share = ids / 3
        share[0] = x[0]
        ids[0] = 5
        return share

    ids = np.array([1, 2])
    found = run(World(), callers_like(forward, ids), lift(np.ones(1)))
    assert isinstance(found, Balls)
    assert ids.tolist() == [1, 2]
    # Two thirds, which no float is.
    assert abs(found[1] * 3 - 2).value < 1e-70


def callers_like(function, ids):
    return lambda x: function(x, ids)


def test_classes_that_register_themselves_and_describe_their_attributes():
    made, registered = [], {}

    class Named:
        def __set_name__(self, owner, name):
            self.name = doubled_name(name)

        def __get__(self, instance, owner):
            return instance.values[self.name]

    class Meta(type):
        def __new__(cls, name, bases, body):
            made.append(name)
            return super().__new__(cls, name, bases, body)

    class Base(metaclass=Meta):
        def __init_subclass__(cls):
            registered[doubled_name(cls.__name__)] = cls

    def doubled_name(name):
        return 2 * name

    class Layer(Base):
        w = Named()

        def __init__(self):
            self.values = {"ww": np.ones(2)}

        def __call__(self, x):
            self.w[0] = x[0]
            return self.w * len(registered) * isinstance(self, registered["LayerLayer"])

    layer = Layer()
    assert same(middle(run(World(), layer, lift(np.array([3.0, 0])))), [3, 1])
    assert layer.values["ww"].tolist() == [1, 1]
    assert (made, list(registered)) == (["Base", "Layer"], ["LayerLayer"])


def test_memory_that_floats_are_laid_over_is_refused_and_views_of_floats_stay_views():
    written = pickle.dumps(np.ones(3))

    def laid(x):
        place = np.ndarray((2,), x.dtype, np.empty(16, np.uint8))
        place[:] = 1
        return place

    def looked_at(x):
        return np.zeros(2, int).view(np.float64)

    def viewed(x):
        floats = pickle.loads(written)
        np.reshape(floats, (3, 1))[0] = 5
        np.asarray(floats)[1] = 6
        return x * floats + isinstance(x, np.ndarray) + np.ndarray(3)

    with pytest.raises(NotRun, match=r"^`np\.ndarray\(.*` at test_world\.py:\d+ cannot hold it$"):
        run(World(), laid, np.ones(2))
    with pytest.raises(NotRun, match=r"makes float64 of bytes, which cannot hold it$"):
        run(World(), looked_at, np.ones(2))
    assert same(middle(run(World(), viewed, np.ones(3))), [6, 7, 2])


def test_what_is_drawn_can_be_written_over():
    rng = np.random.default_rng(7)

    def forward(x):
        noise, more = rng.normal(size=2), np.random.default_rng(3).normal(size=2)
        noise += x
        more *= x
        assert isinstance(rng, np.random.Generator)
        return noise + more

    inside = middle(run(World(), forward, np.ones(2)))
    assert same(inside, forward(np.ones(2)))


def test_generators_are_drawn_from_once_more_outside():
    rng = np.random.default_rng(7)

    def forward(x):
        return x * (rng.random(3) < 0.5)

    inside = middle(run(World(), forward, np.ones(3)))
    assert same(inside, forward(np.ones(3)))


def test_constants_of_square_roots_are_enclosed_and_sizes_stay_integers():
    def forward(x):
        n = int(np.log2(8)) + math_floor(np.sqrt(2)) + int(x[0])
        return np.zeros(n) + np.sqrt(2.0)

    def math_floor(x):
        import math

        assert math.sqrt(2) ** 2 - 2 < 1e-70
        return math.floor(x) + np.zeros(int(math.log(8, 2)), dtype=int).size - 3

    found = run(World(), forward, lift(np.array([2.5])))
    assert found.shape == (6,)
    assert abs(found[0] * found[0] - 2).value < 1e-70


def test_types_of_numbers_mean_balls_too():
    def forward(x):
        kinds = [
            isinstance(x[0], float),
            isinstance(x[0], (int, np.floating)),
            isinstance(3, int),
            isinstance(2.0, float),
        ]
        dtypes = [x.dtype == np.float64, np.issubdtype(x.dtype, np.floating), x.dtype in (np.float32, np.float64)]
        made = [np.zeros(2, dtype=t).dtype for t in (float, np.float64, x.dtype, "f8")]
        made += [x.dtype] * (np.zeros(2, dtype=int).dtype == int == np.dtype(int))
        return x * all([*kinds, *dtypes, len(made) == 5, *(d == x.dtype for d in made)]) / np.finfo(np.float64).eps

    assert same(middle(run(World(), forward, np.ones(2))), np.full(2, 1 / np.finfo(float).eps))


def test_a_narrower_constant_is_exact_in_products_and_takes_no_balls():
    constant = np.array([[0.5, 2.0], [1.0, 4.0]], np.float32)

    def product(x):
        made = constant.T.dot(x)
        made += constant[0]
        return made

    def written(x):
        constant[0] = x
        return constant

    assert same(middle(run(World(), product, np.array([1.0, 3.0]))), [4.0, 16.0])
    with pytest.raises(NotRun):
        run(World(), written, np.array([1.0, 3.0]))
    assert constant[0].tolist() == [0.5, 2.0]


def test_a_world_of_float32_shows_float32_and_takes_wider_buffers():
    def forward(x):
        buffer, wide = np.zeros(2, np.float32), np.zeros(2)
        buffer += x
        wide += x
        return buffer + wide if x.dtype == np.float32 and buffer.dtype == np.float32 else None

    assert same(middle(run(World(np.float32), forward, np.ones(2, np.float32))), [2, 2])


def test_answers_of_comparisons_are_ordinary_booleans():
    found = run(World(), lambda x: x > 0, np.array([1.0, -1]))
    assert type(found) is Whole
    assert found.dtype == bool
    assert found.tolist() == [True, False]


def seeded(x):
    np.random.seed(0)  # noqa: NPY002
    return x * np.random.rand(*x.shape) + np.random.normal() + np.random.randint(0, 3, x.shape)  # noqa: NPY002


@pytest.mark.usefixtures("drawing_from_the_shared_generator")
def test_a_seed_of_the_generator_that_all_share_holds_for_balls_and_leaves_that_alone():
    x = normal(4)
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.rand(2)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    with precision(256):
        found = run(World(), seeded, lift(x))
        np.testing.assert_array_equal(np.random.rand(2), expected)  # noqa: NPY002
    np.testing.assert_allclose(middle(found), seeded(x), rtol=1e-15)


def test_what_balls_print_is_not_seen(capsys):
    with precision(256):
        run(World(), lambda x: (print(x), 2 * x)[1], lift(normal(3)))
    assert capsys.readouterr().out == ""


def test_functions_of_math_and_lists_take_single_numbers_in_arrays():
    with precision(256):
        found = run(
            World(),
            lambda x: np.array([math.exp(x[0:1].reshape(())), np.interp(0.5, np.arange(2.0), x)]),
            lift(normal(2)),
        )
    x = normal(2)
    np.testing.assert_allclose(middle(found), [math.exp(x[0]), x.mean()], rtol=1e-15)
