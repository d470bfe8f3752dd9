from itertools import product

import numpy as np
import pytest

from common import gradcheck, lstm
from tests.common import textbook

CELLS = [lstm.Cell(blocks=b, size=s, forget_gate=f, gate_sources=g, squash=q)
         for (b, s), f, g, q in product([(3, 1), (2, 2)], [False, True], [False, True], ["tanh", "1997"])]
SHAPES = [(1, (), 1), (1, (3,), 2), (6, (), 1), (6, (), 3), (6, (3,), 2)]


def problem(cell, T, N, B, truncated=False, seed=0):
    """Arrays, a random weighted sum of all outputs and the last states as loss, and its gradients."""
    rng = np.random.default_rng(seed)
    a = dict(drive=rng.normal(size=(T, *N, cell.features, B)), W=rng.normal(size=(*N, cell.features, cell.sources)) / 2,
             y0=rng.normal(size=(*N, cell.sources, B)), s0=rng.normal(size=(*N, cell.cells, B)))
    weight_y, weight_s = rng.normal(size=(T + 1, *N, cell.sources, B)), rng.normal(size=(*N, cell.cells, B))

    def loss():
        trace = lstm.forward(cell, **a)
        return np.vdot(trace.y, weight_y) + np.vdot(trace.s[-1], weight_s)

    trace = lstm.forward(cell, **a)
    g = lstm.backward(cell, trace, a["W"], weight_y, weight_s, truncated)
    return a, loss, dict(drive=g.drive, W=g.W, y0=g.y[0], s0=g.s[0])


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("T, N, B", SHAPES)
def test_full_gradient_equals_finite_differences(cell, T, N, B):
    a, loss, g = problem(cell, T, N, B)
    assert gradcheck.directional_error(loss, a, g, np.random.default_rng(1)) <= 1e-7


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("T, N, B", [(1, (), 1), (4, (2,), 2)])
def test_full_gradient_equals_finite_differences_element_by_element(cell, T, N, B):
    a, loss, g = problem(cell, T, N, B)
    assert max(gradcheck.elementwise_error(loss, a, g).values()) <= 1e-7


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("N", [(), (2,)])
def test_truncated_gradient_is_the_full_one_with_detached_sources(cell, N):
    """Feed the recurrent sources of the first run as constants: what is left is the truncated gradient."""
    a, _, truncated = problem(cell, 5, N, 3, truncated=True)
    sources = lstm.forward(cell, **a).y
    detached = a["drive"] + a["W"] @ sources[:-1]
    rng = np.random.default_rng(0)
    for shape in (a["drive"].shape, a["W"].shape, a["y0"].shape, a["s0"].shape):
        rng.normal(size=shape)                       # the same random loss as in problem()
    weight_y, weight_s = rng.normal(size=sources.shape), rng.normal(size=a["s0"].shape)
    constant = dict(drive=detached, s0=a["s0"])

    def loss():
        trace = lstm.forward(cell, constant["drive"], np.zeros_like(a["W"]), a["y0"], constant["s0"])
        return np.vdot(trace.y, weight_y) + np.vdot(trace.s[-1], weight_s)

    assert gradcheck.directional_error(loss, constant, dict(drive=truncated["drive"], s0=truncated["s0"]), rng) <= 1e-7
    by_step = truncated["drive"] @ sources[:-1].swapaxes(-1, -2)
    np.testing.assert_allclose(truncated["W"], by_step.sum(0), rtol=1e-10)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_truncated_and_full_gradient_differ_when_there_is_a_past(cell):
    _, _, full = problem(cell, 5, (), 2)
    _, _, truncated = problem(cell, 5, (), 2, truncated=True)
    assert np.abs(full["W"] - truncated["W"]).max() > 1e-3 * np.abs(full["W"]).max()


@pytest.mark.parametrize("cell", [c for c in CELLS if not c.forget_gate], ids=str)
def test_truncated_error_at_the_cell_state_is_constant_between_outputs(cell):
    """The carousel: with an error only at the last output, dL/ds is the same at every step."""
    rng = np.random.default_rng(3)
    drive, W = rng.normal(size=(50, cell.features, 2)), rng.normal(size=(cell.features, cell.sources))
    trace = lstm.forward(cell, drive, W)
    dy = np.zeros_like(trace.y)
    dy[-1] = rng.normal(size=dy[-1].shape)
    ds = lstm.backward(cell, trace, W, dy, truncated=True).s
    np.testing.assert_array_equal(ds, np.broadcast_to(ds[-1], ds.shape))


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("N", [(), (2,)])
def test_forward_is_the_textbook_step_repeated(cell, N):
    a, _, _ = problem(cell, 5, N, 2)
    trace = lstm.forward(cell, **a)
    for n in np.ndindex(N):
        for b in range(2):
            y, s = a["y0"][n][:, b], a["s0"][n][:, b]
            for t in range(5):
                y, s = textbook.lstm_step(cell, a["drive"][t][n][:, b], a["W"][n], y, s)
                np.testing.assert_allclose(trace.y[t + 1][n][:, b], y, rtol=1e-10, atol=1e-12)
                np.testing.assert_allclose(trace.s[t + 1][n][:, b], s, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("truncated", [False, True])
def test_two_halves_equal_the_whole(cell, truncated):
    a, _, _ = problem(cell, 8, (2,), 3)
    trace = lstm.forward(cell, **a)
    dy = np.random.default_rng(5).normal(size=trace.y.shape)
    whole = lstm.backward(cell, trace, a["W"], dy, truncated=truncated)

    first = lstm.forward(cell, a["drive"][:4], a["W"], a["y0"], a["s0"])
    second = lstm.forward(cell, a["drive"][4:], a["W"], first.y[-1], first.s[-1])
    np.testing.assert_allclose(second.y, trace.y[4:], rtol=1e-12)
    late = lstm.backward(cell, second, a["W"], dy[4:], truncated=truncated)
    early_errors = dy[:5].copy()
    early_errors[4] = late.y[0]                      # truncated: what arrives from outside alone
    early = lstm.backward(cell, first, a["W"], early_errors, late.s[0], truncated)
    np.testing.assert_allclose(early.W + late.W, whole.W, rtol=1e-10)
    np.testing.assert_allclose(early.s[0], whole.s[0], rtol=1e-10)
    np.testing.assert_allclose(np.concatenate([early.drive, late.drive]), whole.drive, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_batch_equals_its_sequences_and_networks_together_equal_networks_alone(cell):
    a, _, _ = problem(cell, 6, (3,), 2)
    trace = lstm.forward(cell, **a)
    g = lstm.backward(cell, trace, a["W"], np.ones_like(trace.y))
    for n in range(3):
        alone = lstm.forward(cell, a["drive"][:, n], a["W"][n], a["y0"][n], a["s0"][n])
        np.testing.assert_allclose(trace.y[:, n], alone.y, rtol=1e-12)
        g_alone = lstm.backward(cell, alone, a["W"][n], np.ones_like(alone.y))
        np.testing.assert_allclose(g.W[n], g_alone.W, rtol=1e-10)
        for b in range(2):
            one = lstm.forward(cell, *(x[n][..., b:b + 1] for x in (np.moveaxis(a["drive"], 1, 0),)), a["W"][n],
                               a["y0"][n][..., b:b + 1], a["s0"][n][..., b:b + 1])
            np.testing.assert_allclose(alone.y[..., b:b + 1], one.y, rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("truncated", [False, True])
def test_garbage_in_reused_buffers_is_harmless(cell, truncated):
    a, _, _ = problem(cell, 6, (2,), 2)
    trace = lstm.forward(cell, **a)
    dy = np.ones_like(trace.y)
    expected = lstm.backward(cell, trace, a["W"], dy, truncated=truncated)
    reused = lstm.forward(cell, **a, out=lstm.Trace(*(np.full_like(x, np.nan) for x in trace)))
    spoiled = lstm.Gradients(*(np.full_like(x, np.nan) for x in expected))
    result = lstm.backward(cell, reused, a["W"], dy, truncated=truncated, out=spoiled)
    for x, y in zip((*reused, *result), (*trace, *expected)):
        np.testing.assert_array_equal(x, y)
    assert np.all(dy == 1), "the errors from outside are left as they are"


def test_float32_stays_float32():
    cell = lstm.Cell(4)
    trace = lstm.forward(cell, np.zeros((3, 12, 2), np.float32), np.zeros((12, 4), np.float32))
    g = lstm.backward(cell, trace, np.zeros((12, 4), np.float32), np.ones_like(trace.y))
    assert all(x.dtype == np.float32 for x in (*trace, *g))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        lstm.forward(lstm.Cell(4), np.zeros((3, 12, 2)), np.zeros((12, 5)))
