"""What each argument of a backward pass is, by its name and by what else is there."""

import pytest

from scratchcnn.gradcheck.adapters.calling.arguments import Order, order_of, takes_cache

CALL = "from_cache(f, backward, x)"


def roles(backward, *names, cache=False, order=None):
    return order_of(backward, names, order, CALL, cache=cache).roles


@pytest.mark.parametrize(
    ("backward", "names", "expected"),
    [
        (lambda dout, weights: 0, ["x", "W"], ("grad_output", "W")),  # another word for it
        (lambda dout, w: 0, ["w", "kernel"], ("grad_output", "w")),  # its own name goes first
        (lambda g, x: 0, ["x", "gamma"], ("grad_output", "x")),  # a gradient, and not the scale
        (lambda g, x: 0, ["x", "g"], ("g", "x")),
        (lambda dout, out: 0, ["x"], ("grad_output", "output")),
        (lambda dout, *rest: 0, ["x"], ("grad_output",)),
        (lambda dout, x, flag=True: 0, ["x"], ("grad_output", "x")),
    ],
)
def test_by_its_name(backward, names, expected):
    assert roles(backward, *names) == expected


def test_another_word_for_two_names_says_nothing():
    with pytest.raises(TypeError, match="what is 'w' in"):
        roles(lambda dout, w: 0, "weight", "kernel")


@pytest.mark.parametrize(
    ("backward", "expected"),
    [
        (lambda dout: 0, ("grad_output",)),
        (lambda dout, stash: 0, ("grad_output", "cache")),
        (lambda cache, dx: 0, ("cache", "grad_output")),
        (lambda stash, dout: 0, ("cache", "grad_output")),
        (lambda dz, dh: 0, ("grad_output", "cache")),
        (lambda dz, dh, *, lr: 0, ("grad_output", "cache", "rate")),
        (lambda dz, stash, lr=0.1: 0, ("grad_output", "cache")),
        (lambda dz, dh, lr: 0, ("grad_output", "cache", "rate")),
        (lambda stash, first, lr: 0, ("grad_output", "cache", "rate")),
        (lambda first, second: 0, ("grad_output", "cache")),
        (lambda dout, *parts: 0, ("grad_output", "*cache")),
        (lambda *parts: 0, ("grad_output", "cache")),
        (lambda dout, cache, *rest: 0, ("grad_output", "cache")),
        (lambda dout, x, *parts: 0, ("grad_output", "x", "*cache")),
        (lambda dout, *parts, x: 0, ("grad_output", "*cache", "x")),
        (lambda stash, dz, **options: 0, ("cache", "grad_output")),
    ],
)
def test_the_cache_by_its_name_or_its_place(backward, expected):
    assert roles(backward, "x", cache=True) == expected


def test_what_cannot_be_told_is_asked_for():
    def backward(dout, first, second, third):
        return dout

    with pytest.raises(TypeError) as raised:
        roles(backward, "x")
    assert str(raised.value) == (
        f"what is 'first' in {backward.__qualname__}(dout, first, second, third)? Say what each argument is, in order"
        " ('grad_output', 'cache', 'output', 'rate', 'optimizer', or the name of an input): from_cache(f, backward, x,"
        " order=('grad_output', '...', '...', '...'))"
    )


class TestGiven:
    def test_roles_are_taken_as_they_are(self):
        given = ("x", "grad_output", "output", "rate", "optimizer", "cache", "*cache")
        assert order_of(print, ["x"], given, CALL, cache=True) == Order(given)
        assert roles(print, "x", order=("grad_output 0", "grad_output 1")) == ("grad_output 0", "grad_output 1")

    def test_several_cotangents_are_those_of_the_outputs_in_turn(self):
        given = ("grad_output", "x", "grad_output")
        assert roles(print, "x", order=given) == ("grad_output 0", "x", "grad_output 1")
        assert roles(print, "x", order=list(given[:2])) == ("grad_output", "x")

    @pytest.mark.parametrize("role", ["z", "cache", "*cache", "grad_outputs"])
    def test_others_are_refused(self, role):
        with pytest.raises(ValueError, match="order has") as raised:
            roles(print, "x", order=("grad_output", role))
        assert str(raised.value) == (f"order has {role!r}, which is none of grad_output, output, rate, optimizer, x")

    def test_the_cotangent_must_be_there(self):
        with pytest.raises(ValueError, match=r"^order must say where 'grad_output' goes, got \('x',\)$"):
            roles(print, "x", order=("x",))


@pytest.mark.parametrize(
    ("order", "takes"),
    [(("grad_output", "cache"), True), (("grad_output", "*cache"), True), (("grad_output", "x"), False)],
)
def test_a_cache_is_taken_where_the_order_says_so_or_a_parameter_is_called_so(order, takes):
    assert takes_cache(lambda dout, ctx: 0, order, ["ctx"]) == takes
    assert takes_cache(lambda dout, ctx: 0, None, ["x"])
    assert not takes_cache(lambda dout, ctx: 0, None, ["x", "ctx"])
    assert not takes_cache(lambda dout, x: 0, None, [])


def test_values_go_to_their_places_and_keywords():
    order = Order(("x", "grad_output", "*cache"), (("lr", "rate"),))
    assert order.cotangents == 1
    values = {"x": 1, "grad_output": 2, "cache": (3, 4), "rate": 0.5}
    assert order.call(lambda *given, lr: (given, lr), values) == ((1, 2, 3, 4), 0.5)
