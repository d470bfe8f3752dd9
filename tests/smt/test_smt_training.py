"""The loops: schedules, what is trained and what stays, two ways to play a memory, and that learning happens at all."""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
import pytest

from common.progress import Diverged
from common.randomness import stream
from smt import comparison, losses, model, pictures, players, training
from smt.certificate import certify
from smt.losses import Weights
from smt.memory import BinaryMemory, SphereMemory
from smt.tasks import parity, parity_machine, retrieval

V = 4


def task(rng, batch, length):
    return retrieval(rng, batch, length, elements=V - 1)


def small(memory=None, seed=0):
    memory = memory or SphereMemory(16, noise=0.1)
    rng = stream(seed, "init")
    return model.Teacher(rng, V, memory, width=16), model.RNN(rng, V, memory, hidden=16)


def recipe(**changes):
    return training.Recipe(((8, 8, 6), (8, 8, 6)), Weights(2.0, 0.2), **changes)


# ---------------------------------------------------------------- schedules

def test_with_a_threshold_the_rate_waits_for_the_dynamics():
    plan = recipe(lr=1.0)
    waiting = [training.smt_rate(plan, step, None, 0, step) for step in (0, 24, 49, 500, 5000)]
    assert np.allclose(waiting, [1 / 50, 25 / 50, 1, 1, 1])
    after = [training.smt_rate(plan, 500 + k, 500, 1, k) for k in range(6)]
    assert after[0] == 1 and np.all(np.diff(after) < 0) and after[-1] > 0.1


def test_with_a_fixed_start_the_rate_is_one_cosine():
    plan = recipe(lr=1.0, start=0)._replace(plan=((8, 8, 1000),))
    assert training.smt_rate(plan, 1000, 0, 0, 1000) == pytest.approx(0.1)
    assert training.smt_rate(plan, 500, 0, 0, 500) == pytest.approx(0.55)


def test_the_first_phase_ends_when_the_decoding_loss_is_below_the_threshold():
    teacher, rnn = small()
    curves = training.train_smt(teacher, rnn, task, stream(0, "train"), recipe(threshold=1e9))
    assert curves["on"] == 1 and len(curves["dec"]) == 1 + 6
    assert curves["dyn"][0] == 0 and min(curves["dyn"][1:]) > 0
    teacher, rnn = small()
    curves = training.train_smt(teacher, rnn, task, stream(0, "train"), recipe(threshold=0.0))
    assert curves["on"] is None and len(curves["dec"]) == 12 and not any(curves["dyn"])


def test_lengths_drawn_at_random_stay_in_their_range():
    drawn = {training.draw_length(np.random.default_rng(s), (4, 7)) for s in range(60)}
    assert drawn == {4, 5, 6, 7} and training.draw_length(None, 9) == 9


# ---------------------------------------------------------------- what is trained

def test_after_smt_the_rnn_starts_from_the_memory_of_the_empty_past():
    teacher, rnn = small()
    training.train_smt(teacher, rnn, task, stream(0, "train"), recipe(start=0))
    assert np.allclose(rnn.initial(1)[0], teacher.encoder.empty_memory(), atol=1e-5)


def test_dmt_trains_the_rnn_only_and_keeps_its_start():
    teacher, rnn = small()
    training.set_start(teacher, rnn)
    before, start, weights = teacher.flat.copy(), rnn.start.p["logits"].copy(), rnn.flat.copy()
    curves = training.train_dmt(teacher, rnn, task, stream(0, "train"), 8, 4, 10)
    assert np.array_equal(teacher.flat, before) and np.array_equal(rnn.start.p["logits"], start)
    assert not np.array_equal(rnn.flat, weights)
    assert curves["window"][0] == 4 and curves["window"][-1] == 8            # windows grow to the whole sequence


def test_the_same_seed_gives_the_same_training():
    curves = []
    for _ in range(2):
        teacher, rnn = small()
        curves.append(training.train_smt(teacher, rnn, task, stream(0, "train"), recipe(start=0))["dyn"])
    assert curves[0] == curves[1]


def test_a_diverged_run_says_so():
    teacher, rnn = small()
    teacher.flat[:] = np.nan
    with pytest.raises(Diverged, match="step 0"):
        training.train_smt(teacher, rnn, task, stream(0, "train"), recipe(start=0))


def test_a_diverged_rate_of_bptt_is_never_selected():
    rnn = model.RNN(stream(0, "init"), V, SphereMemory(16), hidden=16)
    rnn.flat[:] = np.nan
    x, y = task(stream(0, "test"), 8, 5)
    assert comparison.bptt_at_rate(rnn, task, 0, ((5, 8, 3),), 1e-3, (x, y), (x, y)) == (0.0, np.inf, 0.0)


def test_bptt_learns_a_short_retrieval():
    """Loss far below chance within a second: the whole loop, not only its gradient, is right."""
    rnn = model.RNN(stream(0, "init"), V, SphereMemory(16), hidden=32)
    training.train_bptt(rnn, task, stream(0, "train"), ((5, 32, 250),), 3e-3)
    x, y = task(stream(0, "test"), 200, 5)
    assert training.rollout_scores(rnn, x, y)["accuracy"] > 0.9


def test_smt_learns_a_short_retrieval_without_unrolling():
    teacher, rnn = small(SphereMemory(16, noise=0.1))
    training.train_smt(teacher, rnn, task, stream(0, "train"),
                       training.Recipe(((5, 32, 300), (5, 32, 250)), Weights(2.0, 0.2), lr=4e-3))
    x, y = task(stream(0, "test"), 200, 5)
    assert training.rollout_scores(rnn, x, y)["accuracy"] > 0.9
    assert training.encoder_accuracy(teacher, rnn, x, y) > 0.95


# ---------------------------------------------------------------- evaluation

def test_playing_step_by_step_is_the_rollout():
    _, rnn = small()
    x, y = task(stream(0, "test"), 50, 9)
    assert players.play(players.stepper(rnn), x, y) == training.rollout_scores(rnn, x, y)["accuracy"]


def test_looking_up_the_enumerated_machine_is_running_the_network():
    """Targets at every step (parity), so that every answer on the way is compared."""
    rng = stream(1, "init")
    rnn = model.RNN(rng, 2, BinaryMemory(6), hidden=16)
    proof = certify(rnn.step, rnn.answer, rnn.initial(1)[0], parity_machine())
    x, _ = parity(rng, 40, 60)
    times = np.arange(60)
    assert np.array_equal(players.machine_stepper(proof)(x, times), players.stepper(rnn)(x, times))


def test_the_machine_refuses_what_was_not_enumerated():
    proof = SimpleNamespace(following=np.array([[1, 0], [-1, 0]]), answers=np.array([5, 7]))  # 0 0 was never met
    player = players.machine_stepper(proof)
    assert player(np.array([[0, 1, 1, 0]]), np.array([0, 3])).tolist() == [[7], [7]]
    with pytest.raises(ValueError, match="left the enumerated states"):
        player(np.array([[0, 0, 1, 0]]), np.array([3]))


def test_drift_is_zero_where_the_rnn_is_the_encoder():
    _, rnn = small()
    x, y = task(stream(0, "test"), 5, 9)
    states = losses.unroll(rnn, rnn.initial(5), x.T).states.swapaxes(0, 1)
    assert not training.rollout_scores(rnn, x, y, states)["drift"].any()
    assert np.allclose(training.rollout_scores(rnn, x, y, -states)["drift"], 4, rtol=1e-4)


def test_labels_follow_the_needle():
    x = np.array([[2, 0, 3, 1, 1, 0]])
    assert pictures.labels(x).tolist() == [[0, 0, -1, 3, 3, 3, 3]]
