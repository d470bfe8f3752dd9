"""The one picture over all experiments: it shows what they saved."""

import numpy as np
import pytest

from vanishing_gradient import how_far


@pytest.fixture(scope="module")
def saved():
    return how_far.read_strips()


def test_every_strip_is_one_long_lag_and_is_relative_to_its_largest_error(saved):
    strips, _ = saved
    assert list(strips) == list(how_far.STRIPS)
    for name, strip in strips.items():
        assert strip.shape == (1200,) and strip.max() == 0, name


def test_the_chunker_is_lit_at_its_two_surprises(saved):
    strips, times = saved
    assert times.tolist() == [0, 1199]
    shown = how_far.wide_marks(strips["chunker"], times)
    assert np.isfinite(shown[[0, -1]]).all() and np.isnan(shown[100:1100]).all()


def test_the_texts_say_how_far_a_thousandth_reaches(saved):
    strips, times = saved
    assert how_far.reach_text("x", np.array([-9.0, -2.9, -1.0, 0.0]), times) == "1/1000 of it reaches 2 steps back"
    assert how_far.reach_text("dynamics", strips["dynamics"], times).endswith("1 step back")
    assert how_far.reach_text("rnn", np.array([-4.0, 0.0]), times).endswith("0 steps back")


def test_a_strip_counts_what_does_not_arrive_as_nothing():
    strip = how_far.relative(np.array([5.0, np.nan, -3.0, -1.0]))
    assert strip.tolist() == [-np.inf, -2.0, 0.0]
