"""Remarks on the calls of a block: who hears them, and how often."""

import pytest

from scratchcnn.gradcheck.remarks import remark, remarks


def test_what_is_remarked_in_a_block_is_heard_once_and_in_order():
    with remarks() as said:
        for text in ("second is a view", "first is a list", "second is a view"):
            remark(text)
    remark("too late")
    assert said == ["second is a view", "first is a list"]


def test_a_block_within_another_hears_its_own():
    with remarks() as outer:
        with remarks() as inner:
            remark("of the inner one")
        remark("of the outer one")
    assert (outer, inner) == (["of the outer one"], ["of the inner one"])


def test_a_block_that_fails_hears_no_more():
    with remarks() as outer:
        with pytest.raises(ValueError, match="failed"), remarks() as inner:
            raise ValueError("failed")
        remark("afterwards")
    assert (outer, inner) == (["afterwards"], [])


def test_a_remark_that_nobody_hears_is_lost():
    remark("unheard")
    with remarks() as said:
        pass
    assert said == []
