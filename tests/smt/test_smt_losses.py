"""The assembled losses against finite differences: SMT (both forms), DMT (both variants), BPTT, for every updater.

The straight-through gradient of a quantised memory is not the derivative of anything, so quantised memories are
checked through the function whose derivative it is: the surrogate without rounding.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401, E402  one BLAS thread, before numpy
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from common.gradcheck import directional_error, elementwise_error  # noqa: E402
from smt import losses, model  # noqa: E402
from smt.memory import BinaryMemory, FreeMemory, LatticeMemory, SphereMemory  # noqa: E402
from smt.updaters import UPDATERS  # noqa: E402

V, B, T = 4, 6, 5
OPTIONS = {"mlp": dict(hidden=12), "transformer": dict(heads=2)}
WEIGHTS = losses.Weights(dynamics=0.7, uniformity=0.3)


class SoftBinary(BinaryMemory):
    """tanh(u) instead of sign(tanh(u)): what the straight-through gradient is the gradient of."""

    @staticmethod
    def normalise(logits):
        return np.tanh(logits), np.tanh(logits)


MEMORIES = {"sphere": lambda: SphereMemory(8, tokens=2, noise=0.2), "binary": lambda: SoftBinary(8, noise=0.1),
            "binary squared": lambda: SoftBinary(8, noise=0.1, loss="squared")}


def setting(memory=None, updater="mlp", seed=3):
    rng = np.random.default_rng(seed)
    memory = memory or SphereMemory(8, tokens=2)
    teacher = model.Teacher(rng, V, memory, np.float64, width=8, heads=2)
    rnn = model.RNN(rng, V, memory, updater, np.float64, **OPTIONS.get(updater, {}))
    x, y = rng.integers(V, size=(B, T)), rng.integers(-1, V, size=(B, T))
    return rng, teacher, rnn, x, y


def networks(**named):
    """Flat weights and copies of the gradients just computed."""
    return {name: n.flat for name, n in named.items()}, {name: n.gradient.copy() for name, n in named.items()}


@pytest.mark.parametrize("memory", MEMORIES)
def test_smt_loss(memory):
    rng, teacher, rnn, x, y = setting(MEMORIES[memory]())
    choices = losses.draw_choices(rng, B, T, rnn.memory, groups=2, compared=10)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, WEIGHTS)["total"]  # noqa: E731
    loss()
    assert directional_error(loss, *networks(teacher=teacher, rnn=rnn), rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("updater", UPDATERS)
def test_smt_loss_with_every_updater(updater):
    rng, teacher, rnn, x, y = setting(updater=updater)
    choices = losses.draw_choices(rng, B, T, rnn.memory, groups=2, compared=10)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, WEIGHTS)["total"]  # noqa: E731
    loss()
    assert directional_error(loss, *networks(teacher=teacher, rnn=rnn), rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("updater", UPDATERS)
@pytest.mark.parametrize("memory", [None, FreeMemory(8, tokens=2)])
def test_bptt_loss_with_every_updater(updater, memory):
    rng, _, rnn, x, y = setting(memory, updater=updater)
    loss = lambda: losses.bptt_loss(rnn, x, y)[0]  # noqa: E731
    loss()
    assert directional_error(loss, *networks(rnn=rnn), rng, step=1e-4) < 1e-7


def test_bptt_gradient_norm_is_that_of_the_initial_memory():
    """||dL/dm_0|| from the backward pass against finite differences of the initial state itself."""
    _, _, rnn, x, y = setting(SoftBinary(8))
    x, y = x[:1], np.full((1, T), -1)
    y[0, -1] = 2
    _, norms = losses.bptt_loss(rnn, x, y)
    state = {"m": np.tanh(rnn.start.p["logits"])[None].copy()}

    def loss():
        run = losses.unroll(rnn, state["m"], x.T)
        return losses.read_states(rnn, run.states[1:], y.T)[0]
    numeric = [(lambda a, b: (a - b) / 2e-5)(*[shifted(state["m"], i, s, loss) for s in (1e-5, -1e-5)]) for i in range(8)]
    assert np.isclose(np.linalg.norm(numeric), norms[0], rtol=1e-6)


def shifted(array, i, by, loss):
    array[0, i] += by
    value = loss()
    array[0, i] -= by
    return value


@pytest.mark.parametrize("through_time", [False, True])
@pytest.mark.parametrize("detach_readout", [True, False])
def test_dmt_loss_through_time(through_time, detach_readout):
    """Through time with the readout attached, the gradient is the plain derivative of the loss. With one step per
    segment there is nothing to detach in time, so the detached variant is the plain derivative too."""
    rng, teacher, rnn, x, y = setting()
    x, y, window = (x[:, :4], y[:, :4], 2) if through_time else (x[:, :4], y[:, :4], 1)
    memories = teacher.encoder.forward(x)[0]

    def run():
        return losses.dmt_loss(rnn, memories, x, y, window, through_time=through_time, detach_readout=detach_readout)
    run()
    arrays, gradients = networks(rnn=rnn)
    if detach_readout:                       # the readout's error stays out of the updater: check its own weights only
        readout = {n: a for n, a in rnn.arrays().items() if n.startswith("readout/w2")}
        gradient = {n: rnn.arrays(gradients["rnn"])[n] for n in readout}
        assert directional_error(lambda: run()["read"], readout, gradient, rng) < 1e-7
        updater = {n: a for n, a in rnn.arrays().items() if n.startswith("updater/w1")}
        gradient = {n: rnn.arrays(gradients["rnn"])[n] for n in updater}
        assert directional_error(lambda: 10 * run()["dyn"], updater, gradient, rng, step=1e-4) < 1e-7
    else:
        assert directional_error(lambda: run()["total"], arrays, gradients, rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("gamma", [1.0, 0.8])
def test_released_window_loss(gamma):
    rng = np.random.default_rng(3)
    memory = SphereMemory(16, tokens=2)
    teacher = model.ReleasedTeacher(rng, V, memory, np.float64, heads=2)
    rnn = model.RNN(rng, V, memory, "transformer", np.float64, heads=2)
    x, y = rng.integers(V, size=(B, 9)), rng.integers(-1, V, size=(B, 9))
    now, compared = np.array([0, 2, 3, 5, 6, 7]), np.arange(8)               # t = 0: a window that is mostly padding
    weights = losses.Weights(dynamics=0.7, uniformity=0.3, top=0.0)
    loss = lambda: losses.window_loss(teacher, rnn, x, y, now, 4, 3, compared, weights, gamma)["total"]  # noqa: E731
    loss()
    assert directional_error(loss, *networks(teacher=teacher, rnn=rnn), rng, step=1e-4) < 1e-7


def test_a_window_without_a_next_input_is_refused():
    rng, memory = np.random.default_rng(3), SphereMemory(16, tokens=2)
    teacher = model.ReleasedTeacher(rng, V, memory, np.float64, heads=2)
    rnn = model.RNN(rng, V, memory, "transformer", np.float64, heads=2)
    x = rng.integers(V, size=(B, 9))
    with pytest.raises(ValueError, match="at most T - 2 = 7, got 8"):
        losses.window_loss(teacher, rnn, x, x, np.full(B, 8), 4, 3, np.arange(8), losses.Weights(0.7, 0.3))


def test_bptt_element_by_element():
    _, _, rnn, x, y = setting()
    losses.bptt_loss(rnn, x, y)
    small = {n: a for n, a in rnn.arrays().items() if a.size <= 64}
    gradients = rnn.arrays(rnn.gradient.copy())
    errors = elementwise_error(lambda: losses.bptt_loss(rnn, x, y)[0], small, gradients, step=1e-4)
    assert max(errors.values()) < 1e-6


@pytest.mark.parametrize("memory", [LatticeMemory(8, step=0.5), BinaryMemory(8)])
def test_straight_through_gradient_ignores_the_rounding(memory):
    """The backward pass of a quantised memory is that of its smooth part: RMSNorm, or tanh."""
    rng = np.random.default_rng(0)
    logits, dmemory = rng.standard_normal((2, B, 8))
    smooth = SphereMemory(8) if isinstance(memory, LatticeMemory) else SoftBinary(8)
    quantised, cache = memory.normalise(logits)
    assert not np.allclose(quantised, smooth.normalise(logits)[0])
    assert np.allclose(memory.normalise_backward(dmemory, cache),
                       smooth.normalise_backward(dmemory, smooth.normalise(logits)[1]))
