import numpy as np
import pytest

from common import gradcheck, tanh_rnn
from tests.common import textbook

SHAPES = [(T, N, B) for T in (1, 7) for N in ((), (3,)) for B in (1, 4)]
H = 5


def problem(T, N, B, activation="tanh", seed=0):
    """Arrays, a random weighted sum of all states as loss, and its gradients."""
    rng = np.random.default_rng(seed)
    a = dict(drive=rng.normal(size=(T, *N, H, B)), W=rng.normal(size=(*N, H, H)) / 2, h0=rng.normal(size=(*N, H, B)))
    weight = rng.normal(size=(T + 1, *N, H, B))

    def loss():
        return np.vdot(tanh_rnn.forward(a["drive"], a["W"], a["h0"], activation), weight)

    h = tanh_rnn.forward(a["drive"], a["W"], a["h0"], activation)
    g = tanh_rnn.backward(weight, h, a["W"], activation)
    return a, loss, dict(drive=g.drive, W=g.W, h0=g.h[0])


@pytest.mark.parametrize("T, N, B", SHAPES)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "linear"])
def test_gradient_equals_finite_differences(T, N, B, activation):
    a, loss, g = problem(T, N, B, activation)
    assert gradcheck.directional_error(loss, a, g, np.random.default_rng(1)) <= 1e-7
    assert max(gradcheck.elementwise_error(loss, a, g).values()) <= 1e-7


def test_relu_gradient_equals_finite_differences_where_no_unit_switches():
    a, loss, g = problem(6, (), 3, "relu", seed=4)
    assert gradcheck.directional_error(loss, a, g, np.random.default_rng(1), step=1e-6) <= 1e-7


@pytest.mark.parametrize("T, N, B", SHAPES)
def test_forward_is_the_textbook_step_repeated(T, N, B):
    a, _, _ = problem(T, N, B)
    h = tanh_rnn.forward(a["drive"], a["W"], a["h0"])
    for n in np.ndindex(N):
        for b in range(B):
            state = a["h0"][n][:, b]
            for t in range(T):
                state = textbook.rnn_step(a["drive"][t][n][:, b], a["W"][n], state)
                np.testing.assert_allclose(h[t + 1][n][:, b], state, rtol=1e-12, atol=1e-14)


def test_two_halves_equal_the_whole():
    a, _, _ = problem(8, (2,), 3)
    dh = np.random.default_rng(5).normal(size=(9, 2, H, 3))
    h = tanh_rnn.forward(a["drive"], a["W"], a["h0"])
    whole = tanh_rnn.backward(dh, h, a["W"])
    late = tanh_rnn.backward(dh[4:], h[4:], a["W"])
    early_errors = dh[:5].copy()
    early_errors[4] = late.h[0]
    early = tanh_rnn.backward(early_errors, h[:5], a["W"])
    np.testing.assert_array_equal(tanh_rnn.forward(a["drive"][4:], a["W"], h[4]), h[4:])
    np.testing.assert_allclose(early.W + late.W, whole.W, rtol=1e-12)
    np.testing.assert_allclose(early.h[0], whole.h[0], rtol=1e-12)


def test_a_batch_equals_its_sequences_alone():
    a, _, _ = problem(6, (), 4)
    together = tanh_rnn.forward(a["drive"], a["W"], a["h0"])
    for b in range(4):
        alone = tanh_rnn.forward(a["drive"][..., b:b + 1], a["W"], a["h0"][..., b:b + 1])
        np.testing.assert_allclose(together[..., b:b + 1], alone, rtol=1e-12)


def test_networks_together_equal_networks_alone():
    a, _, g = problem(6, (3,), 2)
    h = tanh_rnn.forward(a["drive"], a["W"], a["h0"])
    for n in range(3):
        alone = tanh_rnn.forward(a["drive"][:, n], a["W"][n], a["h0"][n])
        np.testing.assert_allclose(h[:, n], alone, rtol=1e-12)


def test_garbage_in_reused_buffers_is_harmless():
    a, _, g = problem(6, (3,), 2)
    h = tanh_rnn.forward(a["drive"], a["W"], a["h0"])
    dh = np.ones_like(h)
    expected = tanh_rnn.backward(dh, h, a["W"])
    reused = tanh_rnn.forward(a["drive"], a["W"], a["h0"], out=np.full_like(h, np.nan))
    spoiled = tanh_rnn.Gradients(*(np.full_like(x, np.nan) for x in expected))
    result = tanh_rnn.backward(dh, reused, a["W"], out=spoiled)
    for x, y in zip(result, expected):
        np.testing.assert_array_equal(x, y)
    assert np.all(dh == 1), "the errors from outside are left as they are"


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        tanh_rnn.forward(np.zeros((3, 5, 2)), np.zeros((4, 4)))
