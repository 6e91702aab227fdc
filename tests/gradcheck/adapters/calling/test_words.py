"""Which name is that of the gradient of which."""

import pytest

from scratchcnn.gradcheck.adapters.calling.words import AFTER, ALIKE, BEFORE, is_gradient_name, matching, plain, same


def test_a_name_is_the_same_in_any_spelling():
    assert plain("grad_W1'") == "gradw1"
    assert plain(3) == "3"
    assert same("Grad_W", "gradW")
    assert not same("w1", "w2")


@pytest.mark.parametrize("group", ALIKE, ids=min)
def test_words_of_one_group_are_alike_where_that_is_asked(group):
    one, other = sorted(group)[:2]
    assert same(one, other, alike=True)
    assert not same(one, other)
    assert not any(same(one, word, alike=True) for words in ALIKE if words is not group for word in words)


@pytest.mark.parametrize("name", [*(f"{b}_W" for b in BEFORE), *(f"W_{a}" for a in AFTER)])
def test_the_name_of_a_gradient_is_put_together(name):
    assert is_gradient_name(name, "w")
    assert not is_gradient_name(name, "b")
    assert not is_gradient_name(name, "weight")
    assert is_gradient_name(name, "weight", alike=True)


@pytest.mark.parametrize("name", ["w", "d", "grad", "dd", ""])
def test_what_is_no_name_of_a_gradient(name):
    assert not is_gradient_name(name, "w")
    assert not is_gradient_name(name, "")


@pytest.mark.parametrize(
    ("found", "wanted", "which"),
    [
        (["w"], [["w"], ["dw"]], 0),  # its own name goes before that of a gradient
        (["dw"], [["w"], ["kernel"]], 0),  # and this before another word
        (["dw"], [["weight"], ["x"]], 0),
        (["weight"], [["w"], ["b"]], 0),
        (["weight"], [["w"], ["kernel"]], None),
        (["dconv1", "w"], [["conv1", "w"], ["conv2", "w"]], 0),
        (["conv2", "dw"], [["conv1", "w"], ["conv2", "w"]], 1),
        (["grads", "w"], [["conv1", "w"]], None),
        (["weights", "dx"], [["kernel", "x"], ["bias", "x"]], 0),  # another word for what holds it
        (["weights_grad", "dx"], [["kernel", "x"], ["bias", "x"]], 0),
        (["w"], [["conv1", "w"], ["conv2", "b"]], 0),
        (["w"], [["conv1", "w"], ["conv2", "w"]], None),
        (["conv1", "w"], [["w"]], None),
        ([], [["w"]], None),
    ],
)
def test_a_gradient_is_matched_by_the_last_of_its_keys(found, wanted, which):
    assert matching(found, wanted) == which
