"""Reasons come in order of importance, and the overall word follows from them alone."""

from hypothesis import given
from hypothesis import strategies as st

from aispend_pipeline.health.reasons import FAILING, Health, Kind, Reason, in_order, overall

REASONS = st.lists(st.builds(Reason, st.sampled_from(Kind), st.sampled_from("abcdef")))


@given(REASONS)
def test_what_matters_most_comes_first_and_once(given):
    found = in_order(given)

    assert [one.kind for one in found] == sorted(one.kind for one in found)
    assert {one.text for one in found} == {one.text for one in given}
    assert len({one.text for one in found}) == len(found)
    assert all(one.kind == min(other.kind for other in given if other.text == one.text) for one in found)
    assert in_order(found) == found


@given(REASONS)
def test_within_a_kind_the_order_is_the_one_in_which_they_were_given(given):
    first = [Reason(Kind.WRONG, one.text) for one in given]

    assert [one.text for one in in_order(first)] == list(dict.fromkeys(one.text for one in given))


@given(REASONS)
def test_the_word_is_that_of_the_worst(given):
    word = overall(given)

    assert (word == Health.OK) == (given == [])
    assert (word == Health.FAILING) == any(one.kind in FAILING for one in given)
    assert word == overall(in_order(given))


def test_what_fails_comes_before_what_does_not():
    assert max(FAILING) < min(set(Kind) - set(FAILING))
