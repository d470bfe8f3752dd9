"""The assembled losses against finite differences: SMT, DMT, BPTT, for every updater; --gradcheck notices mistakes.

The straight-through gradient of a quantised memory is not the derivative of anything, so quantised memories are
checked through the function whose derivative it is: the surrogate without rounding.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
import pytest

from common import gradcheck
from common.gradcheck import directional_error, elementwise_error
from smt import gradients, losses, model
from smt.memory import BinaryMemory, FreeMemory, LatticeMemory, SoftBits, SphereMemory
from smt.updaters import UPDATERS

V, B, T = 4, 6, 5
OPTIONS = {"mlp": dict(hidden=12), "transformer": dict(heads=2)}
WEIGHTS = losses.Weights(dynamics=0.7, uniformity=0.3)


MEMORIES = {"sphere": lambda: SphereMemory(8, tokens=2, noise=0.2), "binary": lambda: SoftBits(8, noise=0.1),
            "binary squared": lambda: SoftBits(8, noise=0.1, loss="squared")}


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
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, WEIGHTS)["total"]
    loss()
    assert directional_error(loss, *networks(teacher=teacher, rnn=rnn), rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("updater", UPDATERS)
def test_smt_loss_with_every_updater(updater):
    rng, teacher, rnn, x, y = setting(updater=updater)
    choices = losses.draw_choices(rng, B, T, rnn.memory, groups=2, compared=10)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, WEIGHTS)["total"]
    loss()
    assert directional_error(loss, *networks(teacher=teacher, rnn=rnn), rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("updater", UPDATERS)
@pytest.mark.parametrize("memory", [None, FreeMemory(8, tokens=2)])
def test_bptt_loss_with_every_updater(updater, memory):
    rng, _, rnn, x, y = setting(memory, updater=updater)
    loss = lambda: losses.bptt_loss(rnn, x, y)[0]
    loss()
    assert directional_error(loss, *networks(rnn=rnn), rng, step=1e-4) < 1e-7


@pytest.mark.parametrize("memory", [FreeMemory(8, noise=0.3), SoftBits(8, noise=0.2)])
def test_bptt_loss_with_a_disturbed_memory(memory):
    rng, _, rnn, x, y = setting(memory)
    noise = memory.perturb(rng, (T, B, 8))
    loss = lambda: losses.bptt_loss(rnn, x, y, noise)[0]
    assert loss() != losses.bptt_loss(rnn, x, y)[0]
    loss()
    assert directional_error(loss, *networks(rnn=rnn), rng, step=1e-4) < 1e-7


def test_bptt_gradient_norm_is_that_of_the_initial_memory():
    """||dL/dm_0|| from the backward pass against finite differences of the initial state itself."""
    _, _, rnn, x, y = setting(SoftBits(8))
    x, y = x[:1], np.full((1, T), -1)
    y[0, -1] = 2
    _, norms = losses.bptt_loss(rnn, x, y)
    state = {"m": np.tanh(rnn.start.p["logits"])[None].copy()}

    def loss():
        run = losses.unroll(rnn, state["m"], x.T)
        return losses.read_states(rnn, run.states[1:], y.T)[0]
    numeric = [(shifted(state["m"], i, 1e-5, loss) - shifted(state["m"], i, -1e-5, loss)) / 2e-5 for i in range(8)]
    assert np.isclose(np.linalg.norm(numeric), norms[0], rtol=1e-6)


def shifted(array, i, by, loss):
    array[0, i] += by
    value = loss()
    array[0, i] -= by
    return value


@pytest.mark.parametrize("memory", ["sphere", "binary"])
def test_dmt_loss_of_windows_of_one_step(memory):
    """With one step per segment there is nothing to detach: the gradient is the plain derivative of the loss."""
    rng, teacher, rnn, x, y = setting(MEMORIES[memory]())
    memories = teacher.encoder.forward(x)[0]
    losses.dmt_loss(rnn, memories, x, y, 1)
    updater = {n: a for n, a in rnn.arrays().items() if n.startswith("updater/w")}
    gradient = {n: rnn.arrays(rnn.gradient.copy())[n] for n in updater}
    loss = lambda: 10 * losses.dmt_loss(rnn, memories, x, y, 1)["dyn"]
    assert directional_error(loss, updater, gradient, rng, step=1e-4) < 1e-7
    readout = {n: a for n, a in rnn.arrays().items() if n.startswith("readout/")}
    losses.dmt_loss(rnn, memories, x, y, 1)
    gradient = {n: rnn.arrays(rnn.gradient.copy())[n] for n in readout}
    assert directional_error(lambda: losses.dmt_loss(rnn, memories, x, y, 1)["read"], readout, gradient, rng) < 1e-7


@pytest.mark.parametrize("window", [1, 2, 4])
def test_segments_side_by_side_are_the_sequence_cut_up(window):
    x = np.arange(3 * 4).reshape(3, 4)
    cut = losses.side_by_side(x, window)
    assert cut.shape == (window, 12 // window)
    assert np.array_equal(cut.T.reshape(3, 4), x)


@pytest.mark.parametrize("what", gradients.gradient_errors(np.random.default_rng(2)).items(), ids=lambda item: item[0])
def test_gradcheck_covers_what_is_trained(what):
    assert what[1] < gradcheck.BOUND


@pytest.mark.parametrize("function, scale, noticed", [
    ("reading_loss", 1.01, "SMT"), ("uniformity_loss", 1.01, "SMT"), ("decoding_loss", 1.01, "SMT")])
def test_gradcheck_notices_a_loss_whose_value_is_not_its_gradients(monkeypatch, function, scale, noticed):
    right = getattr(losses, function)
    monkeypatch.setattr(losses, function, lambda *a: scale * right(*a))
    errors = gradients.gradient_errors(np.random.default_rng(2))
    assert all((error > gradcheck.BOUND) == what.startswith(noticed) for what, error in errors.items())


@pytest.mark.parametrize("updater", UPDATERS)
def test_gradcheck_notices_a_wrong_kernel_of_each_updater(monkeypatch, updater):
    """Backward passes scaled by 0.999: every loss that is trained through that updater is called wrong."""
    kind = UPDATERS[updater]
    right = kind.step_backward
    monkeypatch.setattr(kind, "step_backward", lambda self, *a: 0.999 * right(self, *a))
    errors = gradients.gradient_errors(np.random.default_rng(2))
    wrong = [what for what, error in errors.items() if error > gradcheck.BOUND]
    assert any(what.startswith("BPTT") and updater in what for what in wrong)
    assert any(what.startswith("SMT") for what in wrong)
    assert "Transformer without a memory" not in wrong


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
    smooth = SphereMemory(8) if isinstance(memory, LatticeMemory) else SoftBits(8)
    quantised, cache = memory.normalise(logits)
    assert not np.allclose(quantised, smooth.normalise(logits)[0])
    assert np.allclose(memory.normalise_backward(dmemory, cache),
                       smooth.normalise_backward(dmemory, smooth.normalise(logits)[1]))
