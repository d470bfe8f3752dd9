"""What the parts of SMT must not know, and what they must keep: statements about meaning, not numbers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
import pytest

from smt import losses, model, tasks
from smt.memory import BinaryMemory, FreeMemory, SphereMemory
from smt.updaters import UPDATERS

V, B, T = 5, 6, 8
OPTIONS = {"mlp": dict(hidden=12), "transformer": dict(heads=2)}


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def build(rng, memory=None, updater="mlp"):
    memory = memory or SphereMemory(16, tokens=2, noise=0.1)
    teacher = model.Teacher(rng, V, memory, np.float64, width=16, heads=2)
    rnn = model.RNN(rng, V, memory, updater, np.float64, **OPTIONS.get(updater, {}))
    return teacher, rnn, rng.integers(V, size=(B, T)), rng.integers(V, size=(B, T))


def test_a_memory_does_not_depend_on_later_inputs(rng):
    teacher, _, x, _ = build(rng)
    changed = x.copy()
    changed[:, 3:] = (changed[:, 3:] + 1) % V                       # tokens 4, 5, ... of the sequence
    before, after = (teacher.encoder.forward(v)[0] for v in (x, changed))
    assert np.array_equal(before[:, :4], after[:, :4])              # m_0 .. m_3 have read three tokens
    assert not np.allclose(before[:, 4], after[:, 4])


def test_the_decoder_at_horizon_j_has_seen_j_future_inputs(rng):
    teacher, _, x, _ = build(rng)
    memory = teacher.encoder.forward(x)[0][:, 2]
    future = x[:, 2:]
    for j in range(future.shape[1]):
        changed = future.copy()
        changed[:, j] = (changed[:, j] + 1) % V
        before, after = (teacher.decoder.forward(memory, [f])[0].reshape(B, -1, V) for f in (future, changed))
        assert np.array_equal(before[:, :j + 1], after[:, :j + 1])  # horizons 0..j: inputs x_{t+1..t+j}
        assert not np.allclose(before[:, j + 1], after[:, j + 1])


def test_asking_the_decoder_at_few_places_gives_the_same_logits(rng):
    teacher, _, x, _ = build(rng)
    memory = teacher.encoder.forward(x)[0][:, 2]
    asked = (np.array([0, 0, 3, 5]), np.array([0, 6, 2, 1]))
    everywhere, few = (teacher.decoder.forward(memory, [x[:, 2:]], a)[0] for a in (None, [asked]))
    assert np.allclose(everywhere.reshape(B, -1, V)[asked], few, atol=1e-12)


def test_groups_with_different_cuts_give_the_logits_of_each_alone(rng):
    teacher, _, x, _ = build(rng)
    memories, cuts = teacher.encoder.forward(x)[0], (0, 5, 8)       # the last one has no input left
    rows = [slice(2 * i, 2 * i + 2) for i in range(3)]
    memory, futures = [memories[r, c] for r, c in zip(rows, cuts)], [x[r, c:] for r, c in zip(rows, cuts)]
    together = teacher.decoder.forward(np.concatenate(memory), futures)[0]
    alone = [teacher.decoder.forward(m, [f])[0] for m, f in zip(memory, futures)]
    assert np.allclose(together, np.concatenate(alone), atol=1e-12)


def test_the_decoding_loss_never_shows_the_answer(rng):
    """On a task of fresh random targets, no prediction may depend on its own target: the loss of every target is the
    same whatever the others are, so the best is ln V. (A public replication leaked exactly here: its decoder read the
    targets as inputs.) Checked by changing all targets: the logits, as the loss uses them, do not move."""
    teacher, rnn, x, y = build(rng)
    choices = losses.draw_choices(rng, B, T, rnn.memory, groups=2, compared=10)
    weights = losses.Weights(dynamics=0.5, uniformity=0.1)
    seen = []
    original = teacher.decoder.forward
    teacher.decoder.forward = lambda *inputs: seen.append(original(*inputs)) or seen[-1]
    losses.smt_loss(teacher, rnn, x, y, choices, weights)
    losses.smt_loss(teacher, rnn, x, (y + 1) % V, choices, weights)
    assert len(seen) == 2
    assert np.array_equal(seen[0][0], seen[1][0])


def test_the_answer_of_retrieval_is_not_in_the_inputs_after_the_needle(rng):
    """Predict y from the future inputs alone (all after the needle) by the best linear rule: chance, no better."""
    x, y = tasks.retrieval(rng, 4000, 16, elements=4)
    features = np.concatenate([np.eye(5)[x[:, t]] for t in range(9, 16)], axis=1)   # the needle is in the first half
    target = np.eye(5)[y[:, -1]]
    rule = np.linalg.lstsq(features[:2000], target[:2000], rcond=None)[0]
    accuracy = ((features[2000:] @ rule).argmax(1) == y[2000:, -1]).mean()
    assert abs(accuracy - 0.25) < 0.05
    features = np.concatenate([np.eye(5)[x[:, t]] for t in range(16)], axis=1)  # with the past: better
    rule = np.linalg.lstsq(features[:2000], target[:2000], rcond=None)[0]
    assert ((features[2000:] @ rule).argmax(1) == y[2000:, -1]).mean() > 0.27


def test_every_memory_token_has_norm_sqrt_d(rng):
    teacher, rnn, x, _ = build(rng)
    memories = teacher.encoder.forward(x)[0]
    assert np.allclose(np.linalg.norm(memories.reshape(B, T + 1, 2, 8), axis=-1), np.sqrt(8))
    rolled = losses.unroll(rnn, rnn.initial(B), x.T).states
    assert np.allclose(np.linalg.norm(rolled.reshape(T + 1, B, 2, 8), axis=-1), np.sqrt(8))


def test_a_binary_memory_holds_bits_everywhere(rng):
    teacher, rnn, x, _ = build(rng, BinaryMemory(16))
    for memories in (teacher.encoder.forward(x)[0], losses.unroll(rnn, rnn.initial(B), x.T).states):
        assert set(np.unique(memories)) == {-1.0, 1.0}


@pytest.mark.parametrize("memory", [SphereMemory(16), BinaryMemory(16)])
def test_detached_dynamics_give_the_teacher_no_gradient(rng, memory):
    teacher, rnn, x, y = build(rng, memory)
    choices = losses.draw_choices(rng, B, T, memory, groups=2, compared=10)
    def teacher_gradient(**weights):
        losses.smt_loss(teacher, rnn, x, y, choices, losses.Weights(uniformity=0.1, **weights))
        return teacher.gradient.copy()
    without = teacher_gradient(dynamics=0.0)
    assert np.array_equal(teacher_gradient(dynamics=2.0, detach=True), without)
    assert rnn.updater.g["w1"].any()
    assert not np.allclose(teacher_gradient(dynamics=2.0), without)


def test_a_detached_readout_gives_the_teacher_no_gradient(rng):
    teacher, rnn, x, y = build(rng)
    choices = losses.draw_choices(rng, B, T, rnn.memory, groups=2, compared=10)
    gradients = []
    for weights in (losses.Weights(0.0, 0.0, read=1.0, read_detach=True), losses.Weights(0.0, 0.0, read=0.0),
                    losses.Weights(0.0, 0.0, read=1.0)):
        losses.smt_loss(teacher, rnn, x, y, choices, weights)
        gradients.append(teacher.gradient.copy())
    assert np.array_equal(gradients[0], gradients[1])
    assert not np.allclose(gradients[0], gradients[2])


def test_dmt_never_crosses_two_steps(rng):
    """The first token of a segment reaches the second step's error only through the state: the gradient of its row of
    the table comes from the first step's error alone."""
    _, rnn, _, _ = build(rng)
    x, y = np.array([[0, 1]]), np.full((1, 2), -1)
    memories = rnn.memory.normalise(rng.standard_normal((1, 3, 16)))[0]
    losses.dmt_loss(rnn, memories, x, y, 2, top=0.0)
    both = rnn.updater.g["table"][0].copy()
    losses.dmt_loss(rnn, memories[:, :2], x[:, :1], y[:, :1], 1, top=0.0)
    first_alone = rnn.updater.g["table"][0] / 2                    # the mean is over two transitions there
    assert first_alone.any() and np.allclose(both, first_alone)


def test_dmt_leaves_the_readout_out_of_the_recurrence(rng):
    _, rnn, x, y = build(rng)
    memories = rnn.memory.normalise(rng.standard_normal((B, T + 1, 16)))[0]
    losses.dmt_loss(rnn, memories, x, y, 4)
    with_targets = rnn.updater.g["w1"].copy()
    losses.dmt_loss(rnn, memories, x, np.full_like(y, -1), 4)
    assert np.array_equal(with_targets, rnn.updater.g["w1"])
    assert not rnn.readout.g["w1"].any()                      # nothing was asked


@pytest.mark.parametrize("updater", UPDATERS)
def test_a_sequence_in_two_halves_is_the_sequence(rng, updater):
    _, rnn, x, _ = build(rng, updater=updater)
    whole = losses.unroll(rnn, rnn.initial(B), x.T).states
    half = losses.unroll(rnn, rnn.initial(B), x.T[:4]).states[-1]
    assert np.allclose(losses.unroll(rnn, half, x.T[4:]).states[-1], whole[-1], atol=1e-12)
    assert np.allclose(rnn.step(whole[3], x[:, 3]), whole[4], atol=1e-12)


def test_m0_is_the_memory_of_the_empty_past(rng):
    teacher, _, x, _ = build(rng)
    assert np.allclose(teacher.encoder.empty_memory(), teacher.encoder.forward(x)[0][:, 0], atol=1e-12)


def test_parameter_counts_of_the_headline(rng):
    """One Transformer block of width 64: 49,600; the RNN: 35,392 + 4,745 + 64."""
    memory = SphereMemory(64)
    teacher, rnn = model.Teacher(rng, 9, memory), model.RNN(rng, 9, memory)
    count = lambda arrays: sum(np.size(a) for a in arrays.values())
    assert count(rnn.updater.arrays) == 35392 and count(rnn.readout.arrays) == 4745
    assert sum(np.size(a) for n, a in teacher.encoder.arrays.items() if n.startswith("block0.")) == 49600


@pytest.mark.parametrize("updater", UPDATERS)
def test_garbage_in_a_tape_is_harmless(rng, updater):
    """A tape is written before it is read: filled with NaN first, it gives the same step and the same gradient."""
    _, rnn, x, _ = build(rng, updater=updater)
    memory, dlogits = rnn.memory.normalise(rng.standard_normal((B, 16)))[0], rng.standard_normal((B, 16))
    seen = []
    for fill in (0.0, np.nan):
        rnn.gradient.fill(0)
        tape = rnn.updater.tape(1, B)
        for name in getattr(rnn.updater, "taped", ()):
            tape[name[0]].fill(fill)
        logits = rnn.updater.step(memory, rnn.updater.drive(x[:, 0]), tape, 0)
        dmemory = rnn.updater.step_backward(dlogits, tape, 0)
        rnn.updater.collect(tape, x[:, 0])
        seen.append(np.concatenate([logits.ravel(), dmemory.ravel(), rnn.gradient]))
    assert np.array_equal(*seen) and seen[0].any()


@pytest.mark.parametrize("longest", [16, 64, 1000])
def test_chrono_gates_of_a_gru_keep_for_up_to_the_longest_lag(rng, longest):
    """The bias of the update gate is log t, t uniform from 1 to longest - 1: it keeps t / (t + 1) of a unit."""
    rnn = model.RNN(rng, V, FreeMemory(2000), "gru", np.float64, longest=longest)
    bias = rnn.arrays()["updater/b"]
    assert 0 <= bias[:2000].min() and bias[:2000].max() <= np.log(longest - 1)
    assert np.isclose(np.exp(bias[:2000]).mean(), longest / 2, rtol=0.1)
    assert np.abs(bias[2000:]).max() < 0.1                         # reset gate and candidate as before


def test_chrono_gates_of_an_lstm_are_mirror_images(rng):
    bias = model.RNN(rng, V, FreeMemory(64), "lstm", np.float64, longest=50).arrays()["updater/b"]
    assert np.array_equal(bias[:32], -bias[32:64]) and bias[32:64].min() >= 0


def test_without_a_longest_lag_the_initial_weights_are_as_ever():
    plain = model.RNN(np.random.default_rng(3), V, FreeMemory(16), "gru")
    with_lag = model.RNN(np.random.default_rng(3), V, FreeMemory(16), "gru", longest=9)
    for name, array in plain.arrays().items():
        if name.startswith("updater/") and name != "updater/b":
            assert np.array_equal(array, with_lag.arrays()[name])


def test_bits_start_with_the_skip_that_is_asked_for(rng):
    for carry in (0.0, 1.5):
        rnn = model.RNN(rng, V, BinaryMemory(8, carry=carry), hidden=12)
        assert rnn.arrays()["updater/carry"] == np.float32(carry)
