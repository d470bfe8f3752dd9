"""Self-prediction: gradients of one update, nothing from further back, and a machine that is proved at the end."""

import numpy as np
import pytest

from common import gradcheck
from common.randomness import stream
from smt import self_prediction
from smt.automata import brute_force, prove
from smt.languages import LANGUAGES, examples
from smt.layers import cross_entropy
from smt.learners import LEARNERS, WITH_BITS, Budget, Lesson, accuracy, by_self_prediction
from smt.memory import BinaryMemory, SphereMemory
from smt.model import RNN
from smt.self_prediction import (Consistency, Places, Predictor, Recipe, descend, draw_places, gradient_errors, roll,
                                 self_prediction_loss, windows)
from smt.tasks import NO_TARGET


@pytest.fixture
def small():
    """Networks, a batch of words and places, float64."""
    rng, memory = stream(0, "test"), BinaryMemory(12, noise=0.1, carry=0.0)
    rnn = RNN(rng, 3, memory, hidden=16, dtype=np.float64)
    predictor = Predictor(rng, 3, memory, width=8, dtype=np.float64)
    x, y = examples(rng, LANGUAGES["tomita 3"], 6, 7, at_end=False)
    return rnn, predictor, x, y, draw_places(rng, y, 20, memory, disturbed=True)


def test_gradients_agree_with_finite_differences():
    errors = gradient_errors()
    assert len(errors) == 2 and max(errors.values()) < gradcheck.BOUND


def test_the_gradient_check_notices_a_lost_term(monkeypatch):
    right = self_prediction.consistency

    def without(rnn, logits, clean, weight, dlogits):
        loss = right(rnn, logits, clean, weight, dlogits)
        dlogits[:] = 0
        return loss
    monkeypatch.setattr(self_prediction, "consistency", without)
    assert max(gradient_errors().values()) > gradcheck.BOUND


def test_the_rollout_is_the_network_run_step_by_step(small):
    rnn, _, x, _, _ = small
    memories, state = roll(rnn, x), rnn.initial(len(x))
    for t in range(x.shape[1]):
        assert (memories[t] == state).all()
        state = rnn.step(state, x[:, t])
    assert (memories[-1] == state).all()


def one_row(rnn, predictor, before, token, target, count, future=None):
    """Adds the gradient of one update: from a memory and a token to an answer now, or to the answers to a future."""
    tape = rnn.updater.tape(1, 1)
    logits = rnn.updater.step(before[None], rnn.updater.drive(np.array([token])), tape, 0)
    after, cache = rnn.memory.normalise(logits)
    if future is None:
        answer, kept = rnn.readout.forward(after)
        dafter = rnn.readout.backward(cross_entropy(answer, np.array([target]), count)[1], kept)
    else:
        asked = np.nonzero(target[None] >= 0)
        answer, kept = predictor.decoder.forward(after, [future[None]], [asked])
        dafter = predictor.decoder.backward(cross_entropy(answer, target[None][asked], count)[1], kept)
    rnn.updater.step_backward(rnn.memory.normalise_backward(dafter, cache), tape, 0)
    rnn.updater.collect(tape, np.array([token]))


@pytest.mark.parametrize("step", [1, 3])
def test_all_rows_in_one_call_give_the_gradient_of_one_update_at_a_time(small, step):
    """Also where only every third answer is asked for: windows are cut short, some places have nothing to answer."""
    rnn, predictor, x, y, places = small
    y = np.where(np.arange(y.shape[1]) % step == 0, y, NO_TARGET)
    memories, places = roll(rnn, x), places._replace(noise=None)
    losses = self_prediction_loss(rnn, predictor, memories, x, y, places, horizon=3)
    wanted = rnn.gradient.copy(), predictor.gradient.copy()
    rnn.gradient.fill(0)
    predictor.gradient.fill(0)
    futures, targets = windows(x, places, 1, 3, 0), windows(y, places, 0, 3, NO_TARGET)
    for sequence, time in np.argwhere(y >= 0):
        one_row(rnn, predictor, memories[time, sequence], x[sequence, time], y[sequence, time], (y >= 0).sum())
    asked = np.flatnonzero((targets >= 0).any(1))
    assert step == 1 or len(asked) < len(targets)
    for sequence, time, future, target in zip(*(array[asked] for array in (*places[:2], futures, targets))):
        one_row(rnn, predictor, memories[time, sequence], x[sequence, time], target, (targets >= 0).sum(), future)
    for gradient, network in zip(wanted, (rnn, predictor)):
        assert np.allclose(gradient, network.gradient, rtol=1e-9, atol=1e-12)
    assert losses["total"] == pytest.approx(losses["read"] + losses["dec"])


def test_no_gradient_reaches_the_update_before(small):
    """A label at the last place only, no decoder: weights get the gradient of that one transition and no other."""
    rnn, predictor, x, y, _ = small
    memories, only = roll(rnn, x), np.full_like(y, NO_TARGET)
    only[:, -1] = 1
    nowhere = Places(np.zeros(0, int), np.zeros(0, int), None)
    self_prediction_loss(rnn, predictor, memories, x, only, nowhere, horizon=0)
    used = np.flatnonzero(np.abs(rnn.updater.g["table"]).sum(1))
    assert set(used) == set(x[:, -1].tolist())
    assert (rnn.start.g["logits"] == 0).all()


def test_windows_end_where_the_word_ends():
    array, places = np.arange(12).reshape(2, 6), Places(np.array([0, 1]), np.array([1, 4]), None)
    assert windows(array, places, 1, 3, -1).tolist() == [[2, 3, 4], [11, -1, -1]]
    assert windows(array, places, 0, 1, -1).tolist() == [[1, 2], [10, 11]]


def test_places_never_lie_behind_the_last_answer():
    y = np.full((3, 9), NO_TARGET)
    y[0, 0] = y[1, 4] = y[2, 8] = 1
    places = draw_places(stream(0, "places"), y, 4000, BinaryMemory(4), disturbed=False)
    assert [places.time[places.sequence == b].max() for b in range(3)] == [0, 4, 8] and places.noise is None
    counts = np.bincount(places.time[places.sequence == 2], minlength=9)
    assert counts.min() > 0.8 * counts.mean()


def test_self_consistency_waits_until_the_answers_are_read():
    schedule = Consistency(Recipe(threshold=0.1, ramp=10, dynamics=0.5))
    for step in range(5):
        schedule.saw(step, 1.0)
        assert schedule.weight(step + 1) == 0
    schedule.mean = 0.0
    schedule.saw(5, 0.05)
    assert [round(schedule.weight(step), 3) for step in (5, 6, 15, 99)] == [0, 0.05, 0.5, 0.5]


def test_descend_stops_when_it_is_told_to(small):
    rnn = small[0]
    rnn.gradient.fill(0)
    assert descend({"rnn": rnn}, lambda step: 0.0, 9, 1e-3, watch=lambda done: done == 4) == 4
    assert descend({"rnn": rnn}, lambda step: 0.0, 9, 1e-3) == 9


def test_parity_is_learned_from_one_answer_at_the_end_and_proved_for_every_length():
    language = LANGUAGES["parity"]
    made = by_self_prediction(Lesson(language, at_end=True, longest=8), seed=900, budget=Budget(updates=200))
    verdict = prove(made.rnn, language)
    assert verdict.certified and verdict.minimal and verdict.merged == 2 and made.certified_at == made.updates < 200
    assert brute_force(made.rnn, language, 3000).wrong == 0
    assert accuracy(made.answers, language, 900, 300, 32) == 1


def test_the_initial_memory_is_never_trained():
    lesson, budget = Lesson(LANGUAGES["tomita 3"], at_end=True, longest=4), Budget(updates=3, bits=8)
    one, two = (by_self_prediction(lesson, 900, budget._replace(updates=updates)).rnn for updates in (1, 3))
    assert (one.initial(1) == two.initial(1)).all() and not np.array_equal(one.flat, two.flat)


@pytest.mark.parametrize("method", LEARNERS)
def test_every_learner_trains_and_answers_words_of_any_length(method):
    language = LANGUAGES["reber"]
    budget = Budget(updates=2, bptt_updates=2, continuous_updates=2, smt_updates=2)
    made = LEARNERS[method](Lesson(language, at_end=True, longest=6), 900, budget)
    x, _ = examples(stream(0, "words"), language, 5, 9, at_end=True)
    given = made.answers(x)
    assert given.shape == (5,) and made.updates == 2 and (method == "Transformer") == (made.rnn is None)
    assert (made.encoder is not None) == (method == "SMT, encoder")
    assert method not in WITH_BITS or isinstance(made.rnn.memory, BinaryMemory)


def test_a_continuous_memory_learns_by_the_same_loss():
    language = LANGUAGES["parity"]
    made = by_self_prediction(Lesson(language, at_end=False, longest=6), 900, Budget(updates=120),
                              memory=SphereMemory(64, noise=0.15))
    assert made.certified_at is None and accuracy(made.answers, language, 900, 6, 200) > 0.9
