"""The claims on a small scale, by a second route where there is one, and the pieces around them."""

import numpy as np
import pytest

from common import gradcheck, lstm
from common.randomness import stream
from vanishing_gradient import one_unit, trained
from vanishing_gradient import vanishing_gradient as experiment

SMALL = experiment.Config(networks=30, lags=80, points=6)
GAIN = experiment.gains(SMALL)                        # 1/4, 1/2, 1, 2, 4, 8


# ---------------------------------------------------------------- one unit

@pytest.mark.parametrize("activation, theory", [("logistic", 4.0), ("tanh", 1.0), ("linear", 1.0)])
def test_the_measured_threshold_of_one_unit_is_one_over_the_steepest_slope(activation, theory):
    assert one_unit.threshold(activation) == pytest.approx(theory, rel=1e-6)


@pytest.mark.parametrize("activation, slope", [("logistic", 0.25), ("tanh", 1.0), ("linear", 1.0)])
def test_the_factor_at_rest_is_slope_times_weight(activation, slope):
    weights = np.array([0.5, 1.0, 3.0, 6.0])
    np.testing.assert_allclose(one_unit.factor_at_rest(activation, weights), slope * weights, rtol=1e-12)


def test_a_threshold_outside_the_interval_is_refused():
    with pytest.raises(ValueError, match="does not cross 1"):
        one_unit.threshold("logistic", high=3.0)


@pytest.mark.parametrize("activation, product", [("logistic", 1.5434046), ("tanh", 0.7717023)])
def test_the_best_weight_lies_on_the_coth_ridge(activation, product):
    assert one_unit.ridge(activation) == pytest.approx(product, rel=1e-6)
    weights, sources = np.linspace(0, 16, 401), np.linspace(0.2, 1, 17)
    factors = one_unit.factor_map(activation, weights, sources)
    assert one_unit.ridge_error(activation, weights, factors, sources) <= 1.0
    assert one_unit.ridge_error(activation, weights, np.roll(factors, 9, axis=1), sources) > 5       # it can fail


@pytest.mark.parametrize("activation, theory", [("logistic", 4.0), ("tanh", 1.0)])
def test_no_source_brings_the_factor_above_one_left_of_the_threshold(activation, theory):
    factors = one_unit.factor_map(activation, np.linspace(0, theory, 50), np.linspace(0, 1, 50))
    assert factors.max() <= 1 + 1e-12
    assert one_unit.factor_map(activation, np.array([1.2 * theory]), np.array([0.01])).max() > 1


def test_a_latch_that_keeps_its_bit_returns_no_error():
    latch = one_unit.latch(np.array([0.5, 1.0, 2.5]), 60, 0.2, 200, stream(0, "test"))
    assert latch.kept[2] == 1.0 and latch.error[1, 2] < -20
    assert latch.kept[1] < 0.9 and latch.error[1, 1] > latch.error[1, 2] + 10
    np.testing.assert_allclose(latch.attractors[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(latch.attractors[:, 2], np.tanh(2.5 * latch.attractors[:, 2]), atol=1e-12)


def test_the_gradient_at_the_cliff_equals_finite_differences():
    a = dict(w=np.array([5.0, 4.2]), b=np.array([-1.8, -1.0]))
    _, dw, db = one_unit.cliff_loss(a["w"], a["b"], with_gradient=True)
    loss = lambda: one_unit.cliff_loss(a["w"], a["b"]).sum()  # noqa: E731
    assert gradcheck.directional_error(loss, a, dict(w=dw, b=db), stream(0, "test")) <= 1e-7


def test_clipping_bounds_every_step():
    path, _, norms = one_unit.descend(np.array([[5.0, -1.8], [5.5, -2.5]]), 0.3, 60, clip=0.1)
    assert norms.max() > 0.1, "otherwise nothing was clipped"
    assert np.linalg.norm(np.diff(path, axis=0), axis=-1).max() <= 0.03 + 1e-12


# ---------------------------------------------------------------- random networks

@pytest.mark.parametrize("n", [4, 16])
def test_a_linear_network_decays_at_its_spectral_radius(n):
    sweep = experiment.sweep_rnn("linear", n, SMALL, stream(0, "test"))
    np.testing.assert_allclose(np.median(sweep.factor, axis=1), GAIN, rtol=0.01)
    assert experiment.decay_rate_error(sweep, GAIN) < 0.02
    assert experiment.crossing(GAIN, np.median(sweep.factor, axis=1)) == pytest.approx(1, rel=0.02)


def test_networks_of_one_sweep_are_the_same_at_every_scale():
    sweep = experiment.sweep_rnn("linear", 4, SMALL, stream(0, "test"))
    lags = np.arange(SMALL.lags + 1)[:, None]
    np.testing.assert_allclose(sweep.flow[0] - lags * np.log10(GAIN[0]), sweep.flow[-1] - lags * np.log10(GAIN[-1]), atol=1e-9)


def test_the_frozen_prediction_is_exact_where_the_state_stands_still():
    sweep = experiment.sweep_rnn("logistic", 4, experiment.Config(networks=30, lags=80, points=6, input_std=0.0), stream(0, "test"))
    np.testing.assert_allclose(sweep.factor[:2], sweep.frozen[:2], rtol=0.02)


@pytest.mark.parametrize("activation", experiment.STEEPEST)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_no_flow_of_a_thousand_random_networks_exceeds_its_bound(activation, n):
    excess = experiment.local_flow_excess(activation, n, 1000, stream(7, f"{activation} {n}"))
    assert excess.shape == (experiment.BOUND_LAGS, 1000)
    assert excess.max() <= experiment.TOLERANCE


def test_the_bound_is_reached_by_one_linear_unit_and_broken_by_a_smaller_bound(monkeypatch):
    assert experiment.local_flow_excess("linear", 1, 50, stream(0, "test")).min() >= -1e-9
    monkeypatch.setitem(experiment.STEEPEST, "tanh", 0.5)             # a wrong f'max is found out
    assert experiment.local_flow_excess("tanh", 1, 200, stream(0, "test")).max() > 0.1


@pytest.mark.parametrize("activation", experiment.STEEPEST)
def test_the_flow_of_the_sweep_stays_below_its_norm_bound(activation):
    sweep = experiment.sweep_rnn(activation, 4, SMALL, stream(3, "test"))
    assert experiment.norm_bound_excess(sweep).max() <= experiment.TOLERANCE
    certain = sweep.bound < 0                                          # f'max |W| < 1
    assert certain.any() and np.all(sweep.factor[certain] < 1)


def test_the_carousel_is_exactly_one_and_the_forget_gate_makes_it_smaller():
    carousel = experiment.sweep_lstm("lstm_truncated", 4, SMALL, stream(0, "test"))
    assert np.all(carousel.state_factors == 1.0)
    np.testing.assert_allclose(carousel.flow, 0, atol=1e-12)
    cell = lstm.Cell(4, forget_gate=True)
    trace = lstm.forward(cell, np.zeros((9, 2, 16, 1)), np.zeros((2, 16, 4)))
    low, high = experiment.carousel_ratios(cell, trace, np.zeros((2, 16, 4)), np.ones((2, 4, 1)))
    assert low == high == 0.5                                          # f(0): the measurement can differ from 1


@pytest.mark.parametrize("factor, expected", [([0.5, 2.0], 2.0), ([0.5, 0.9], None), ([2.0, 3.0], None), ([2.0, 0.5], None)])
def test_crossings_are_interpolated_or_reported_missing(factor, expected):
    assert experiment.crossing(np.array([1.0, 4.0]), np.array(factor)) == (expected and pytest.approx(expected))


# ---------------------------------------------------------------- the learned networks

@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_gradient_of_the_full_loss_equals_finite_differences(name):
    model, rng = trained.models(5)[name], stream(0, "test")
    p = trained.init(model, rng, 2)
    x, classes = trained.sequences(rng, 15, 4)
    _, g = trained.gradients(model, p, x, classes)
    loss = lambda: trained.gradients(model, p, x, classes)[0].sum()  # noqa: E731
    assert gradcheck.directional_error(loss, p, g, rng) <= 1e-7
    assert max(gradcheck.elementwise_error(loss, p, g).values()) <= 1e-7


def test_the_task_asks_for_the_marked_bit():
    x, classes = trained.sequences(stream(0, "test"), 40, 500)
    assert np.all(x[:, 1].sum(0) == 1) and np.all(x[trained.WINDOW:, 1] == 0)
    np.testing.assert_array_equal((x[:, 0] * x[:, 1]).sum(0), 2 * classes - 1)
    assert 0.4 < classes.mean() < 0.6 and set(np.unique(x[:, 0])) == {-1, 1}


@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_the_contributions_by_lag_add_up_to_the_gradient_that_trains(name):
    model, rng = trained.models(3)[name], stream(0, "test")
    p = trained.init(model, rng, 1)
    x, classes = trained.sequences(rng, 12, 6)
    share = trained.share_by_lag(model, p, x, classes)
    assert share.shape == (12,) and share.sum() == pytest.approx(1)
    _, g = trained.gradients(model, p, x, classes)
    cache, dlast, states = trained._errors_of_the_answer(model, p, x, classes)
    ddrive = model.backward(p, cache, dlast)[:, 0]
    np.testing.assert_allclose((ddrive @ states[:-1, 0].swapaxes(-1, -2)).sum(0), g["W"][0], rtol=1e-10, atol=1e-14)


def test_the_error_flow_of_the_answer_is_the_backward_pass_of_its_loss():
    model, rng = trained.models(4)["rnn"], stream(0, "test")
    p = trained.init(model, rng, 1)
    x, classes = trained.sequences(rng, 30, 5)
    flow = trained.error_flow(model, p, x, classes)
    cache, dlast, _ = trained._errors_of_the_answer(model, p, x, classes)
    drive_error = model.backward(p, cache, dlast)[10, 0]               # theta(10) = f' dh[11]
    dh = drive_error / (1 - cache[11, 0] ** 2)
    expected = np.log10(np.linalg.norm(dh, axis=0) / np.linalg.norm(dlast[0], axis=0))
    np.testing.assert_allclose(flow[len(x) - 11], expected, rtol=1e-9)


def test_training_is_repeatable_and_each_rate_starts_from_the_same_network():
    model = trained.models(4)["lstm"]
    first, second = (trained.train("lstm", model, 3, 15, 8, 5) for _ in range(2))
    for key in trained.NAMES:
        np.testing.assert_array_equal(first.after[key], second.after[key])
        np.testing.assert_array_equal(first.before[key], trained.init(model, stream(3, "init lstm"), 1)[key])
