"""The measurement: windows, scaling, fits. Two routes must give the same number."""

import numpy as np
import pytest

from common import lstm, tanh_rnn
from vanishing_gradient import error_flow
from vanishing_gradient.error_flow import factor_per_step, log10_norm, lstm_flow, rnn_flow


def rnn(activation, N=3, n=5, T=80, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    W = scale * rng.normal(size=(N, n, n)) / np.sqrt(n)
    drive = rng.normal(size=(T, N, n, 2))
    return W, tanh_rnn.forward(drive, W, activation=activation), rng.normal(size=(N, n, 2))


@pytest.mark.parametrize("activation", ["tanh", "logistic", "linear"])
def test_rnn_flow_is_the_norm_of_one_whole_backward_pass(activation):
    W, h, error = rnn(activation)
    dh = np.zeros_like(h)
    dh[-1] = error
    whole = np.log10(np.linalg.norm(tanh_rnn.backward(dh, h, W, activation).h, axis=-2))
    np.testing.assert_allclose(rnn_flow(activation, W, h, error, 70), whole[::-1][:71], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("cell", [lstm.Cell(4, squash="1997"), lstm.Cell(4, forget_gate=True),
                                  lstm.Cell(2, 2, gate_sources=True)], ids=str)
def test_lstm_flow_is_the_norm_of_one_whole_backward_pass(cell, truncated):
    rng = np.random.default_rng(1)
    W = rng.normal(size=(3, cell.features, cell.sources)) / 2
    drive = rng.normal(size=(80, 3, cell.features, 2))
    trace = lstm.forward(cell, drive, W)
    dy, ds = np.zeros_like(trace.y), rng.normal(size=trace.s[-1].shape)
    dy[-1] = rng.normal(size=dy[-1].shape)
    whole = np.log10(np.linalg.norm(lstm.backward(cell, trace, W, dy, ds, truncated).s[1:], axis=-2))
    flow = lstm_flow(cell, W, trace, dy[-1], ds, 70, truncated)
    np.testing.assert_allclose(flow, whole[::-1][:71], rtol=1e-9, atol=1e-9)


def test_errors_far_below_the_smallest_float_are_still_measured():
    W, h, error = rnn("linear", T=400, scale=1e-3)
    flow = rnn_flow("linear", W, h, error, 390)
    assert np.all(flow[-1] < -900) and np.all(np.isfinite(flow))
    radius = np.abs(np.linalg.eigvals(W)).max(-1)
    np.testing.assert_allclose(factor_per_step(flow, 40)[:, 0], radius, rtol=0.05)


def test_errors_far_above_the_largest_float_are_still_measured():
    W, _, error = rnn("linear", scale=100)
    flow = rnn_flow("linear", W, np.zeros((401, *error.shape)), error, 390)
    assert np.all(flow[-1] > 500) and np.all(np.isfinite(flow))


def test_an_error_of_zero_has_factor_zero():
    W, h, error = rnn("relu")
    flow = rnn_flow("relu", W, np.zeros_like(h), error, 60)          # every ReLU off: nothing returns
    assert np.all(flow[1:] == -np.inf)
    assert np.all(factor_per_step(flow, 5) == 0)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_the_fit_recovers_a_factor_whatever_the_transient(factor):
    flow = np.arange(50.0)[:, None] * np.log10(factor) + 1.0
    flow[:5] += np.random.default_rng(0).normal(size=(5, 1))
    np.testing.assert_allclose(factor_per_step(flow, 5), factor, rtol=1e-12)


def test_norms_do_not_underflow_where_squares_would():
    x = np.full((2, 4, 1), 1e-200)
    np.testing.assert_allclose(log10_norm(x), np.log10(2) - 200)


def test_windows_give_the_same_flow_whatever_their_length(monkeypatch):
    W, h, error = rnn("tanh")
    flows = []
    for window in (1, 7, 25, 200):
        monkeypatch.setattr(error_flow, "WINDOW", window)
        flows.append(rnn_flow("tanh", W, h, error, 60))
    for flow in flows[1:]:
        np.testing.assert_allclose(flow, flows[0], rtol=1e-10, atol=1e-10)


def test_more_lags_than_steps_are_refused():
    W, h, error = rnn("tanh", T=10)
    with pytest.raises(ValueError, match="10 steps"):
        rnn_flow("tanh", W, h, error, 10)


@pytest.mark.parametrize("truncated", [False, True])
def test_lstm_flow_is_what_finite_differences_of_the_forward_pass_say(truncated):
    """The full gradient feels the way through the gates, the truncated one takes their inputs as constants."""
    rng, cell, T = np.random.default_rng(2), lstm.Cell(4, squash="1997"), 12
    W, drive = rng.normal(size=(cell.features, 4)), rng.normal(size=(T, cell.features, 1))
    trace, error = lstm.forward(cell, drive, W), rng.normal(size=4)
    lags = np.arange(1, T)
    measured = [np.linalg.norm(jacobian(cell, W, drive, trace, T - q, truncated).T @ error) for q in lags]
    flow = lstm_flow(cell, W, trace, np.zeros((4, 1)), error[:, None], T - 1, truncated)[1:, 0]
    np.testing.assert_allclose(10 ** flow, measured, rtol=1e-6)
    constant = np.linalg.norm(error)
    assert np.allclose(measured, constant, rtol=1e-6) == truncated


def jacobian(cell, W, drive, trace, t, truncated):
    """ds[T] / ds[t] (4, 4) by central differences of the forward pass from step t on."""
    recorded = W @ trace.y[:-1]

    def last_state(s):
        if truncated:
            return lstm.forward(cell, (drive + recorded)[t:], 0 * W, s0=s[:, None]).s[-1, :, 0]
        # the cells' outputs at step t belong to the state that is moved
        y = trace.act[t - 1, cell.gate_rows("output"), 0] * np.tanh(s / 2)
        return lstm.forward(cell, drive[t:], W, y0=y[:, None], s0=s[:, None]).s[-1, :, 0]

    s, step = trace.s[t, :, 0], 1e-5
    columns = [(last_state(s + step * e) - last_state(s - step * e)) / (2 * step) for e in np.eye(4)]
    return np.array(columns).T
