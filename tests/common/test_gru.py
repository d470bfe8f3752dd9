"""The GRU: gradients, the textbook step, and what N together, batches and windows must not change."""

import numpy as np
import pytest

from common import gradcheck, gru

CELL = gru.Cell(3)
SHAPES = [(1, (), 1), (1, (3,), 2), (6, (), 1), (6, (), 3), (6, (3,), 2)]


def problem(T, N, B):
    """Arrays, a random weighted sum of all outputs as loss (from a random state), and its gradients."""
    rng = np.random.default_rng(0)
    a = dict(drive=rng.normal(size=(T, *N, 9, B)), W=rng.normal(size=(*N, 9, 3)), y0=rng.normal(size=(*N, 3, B)))
    weight = rng.normal(size=(T + 1, *N, 3, B))
    loss = lambda: float(np.vdot(gru.forward(CELL, **a).y, weight))
    g = gru.backward(CELL, gru.forward(CELL, **a), a["W"], weight)
    return a, loss, dict(drive=g.drive, W=g.W, y0=g.y[0])


def step(drive, W, y):
    """One step of one network on one sequence, as the equations say."""
    f = lambda x: 1 / (1 + np.exp(-x))
    keep, reset = f(drive[:3] + W[:3] @ y), f(drive[3:6] + W[3:6] @ y)
    return keep * y + (1 - keep) * np.tanh(drive[6:] + reset * (W[6:] @ y))


@pytest.mark.parametrize("T, N, B", SHAPES)
def test_the_gradient_equals_finite_differences(T, N, B):
    a, loss, g = problem(T, N, B)
    assert gradcheck.largest_error(loss, a, g, np.random.default_rng(1)) <= 1e-7
    assert max(gradcheck.elementwise_error(loss, a, g).values()) <= 1e-7


def test_forward_is_the_textbook_step_repeated():
    a, _, _ = problem(5, (2,), 3)
    y = gru.forward(CELL, **a).y
    for n, b in np.ndindex(2, 3):
        state = a["y0"][n, :, b]
        for t in range(5):
            state = step(a["drive"][t, n, :, b], a["W"][n], state)
            np.testing.assert_allclose(y[t + 1, n, :, b], state, rtol=1e-12)


def test_two_halves_equal_the_whole():
    a, _, whole = problem(8, (2,), 3)
    trace = gru.forward(CELL, **a)
    first = gru.forward(CELL, a["drive"][:4], a["W"], a["y0"])
    second = gru.forward(CELL, a["drive"][4:], a["W"], first.y[-1])
    np.testing.assert_allclose(second.y, trace.y[4:], rtol=1e-12)
    dy = np.random.default_rng(5).normal(size=trace.y.shape)
    late = gru.backward(CELL, second, a["W"], dy[4:])
    errors = dy[:5].copy()
    errors[4] = late.y[0]
    early, all_at_once = gru.backward(CELL, first, a["W"], errors), gru.backward(CELL, trace, a["W"], dy)
    np.testing.assert_allclose(early.W + late.W, all_at_once.W, rtol=1e-10)
    np.testing.assert_allclose(early.y[0], all_at_once.y[0], rtol=1e-10)


def test_networks_together_equal_networks_alone_and_the_errors_from_outside_stay():
    a, _, _ = problem(6, (3,), 2)
    trace = gru.forward(CELL, **a)
    dy = np.ones_like(trace.y)
    g = gru.backward(CELL, trace, a["W"], dy)
    assert np.all(dy == 1)
    for n in range(3):
        alone = gru.forward(CELL, a["drive"][:, n], a["W"][n], a["y0"][n])
        np.testing.assert_allclose(trace.y[:, n], alone.y, rtol=1e-12)
        np.testing.assert_allclose(g.W[n], gru.backward(CELL, alone, a["W"][n], np.ones_like(alone.y)).W, rtol=1e-10)


def test_an_open_keep_gate_carries_the_state_and_its_error_unchanged():
    drive, W = np.zeros((50, 9, 1)), np.zeros((9, 3))
    drive[:, :3] = 50
    trace = gru.forward(CELL, drive, W, y0=np.ones((3, 1)))
    np.testing.assert_allclose(trace.y[-1], 1)
    dy = np.zeros_like(trace.y)
    dy[-1] = 1
    np.testing.assert_allclose(gru.backward(CELL, trace, W, dy).y[0], 1)


def test_float32_stays_float32_and_wrong_shapes_are_named():
    drive, W = np.zeros((4, 9, 2), np.float32), np.zeros((9, 3), np.float32)
    trace = gru.forward(CELL, drive, W)
    assert {x.dtype for x in (*trace, *gru.backward(CELL, trace, W, np.zeros_like(trace.y)))} == {np.dtype("float32")}
    with pytest.raises(ValueError, match="do not fit"):
        gru.forward(CELL, drive, W[:6])
