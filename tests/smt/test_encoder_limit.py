"""The tasks at growing length: ceilings, rules without learning, what the teacher knows, the contest, its study."""

from dataclasses import replace

import numpy as np
import pytest

from common import gradcheck
from common.randomness import stream
from smt import contest, losses
from smt.factorial import SMT, Setting
from smt.memory import SphereMemory
from smt.model import RNN, Decoder, Network, Teacher
from smt.smt import Config
from smt.suite import SUITE, Game, contexts, ideal_accuracy, ideal_arithmetic, ideal_recall, table_accuracy
from smt.training import decoder_accuracy

TINY = replace(Config(), size=16, hidden=16, width=16, scale=0.01, test=16)


# ---------------------------------------------------------------- ceilings

def test_a_key_with_two_values_can_be_answered_half_of_the_time():
    x = np.array([[1, 9, 1, 8, 2, 8, 1, 9], [1, 9, 1, 9, 1, 8, 1, 9], [3, 9, 1, 8, 2, 8, 3, 9]])
    assert ideal_recall(x, keys=8, values=8) == pytest.approx([1 / 2, 2 / 3, 1])


def test_the_rule_of_modular_arithmetic_is_known_after_two_different_numbers():
    x = np.array([[1, 3, 2, 5, 4, 2, 0, 1]])                        # z = 2 x + 1 modulo 7
    assert ideal_arithmetic(x, modulus=7, difficulty=0.5)[0] == pytest.approx([3 / 9, 1 / 2, 1, 1])


def test_no_predictor_beats_the_ceiling_of_modular_arithmetic_by_counting():
    game = SUITE["Modular Arithmetic"]
    x, y = game.draw(stream(900, "x"), 40_000, 4)
    table = table_accuracy(game, (x, y), (x, y), last=3)            # of all contexts of two questions
    assert table == pytest.approx(ideal_accuracy(game, x), abs=0.01) and table < 0.7


def test_later_questions_have_a_higher_ceiling():
    game = SUITE["Modular Arithmetic"]
    x, _ = game.draw(stream(900, "x"), 200, 16)
    assert ideal_accuracy(game, x, after=8) > 0.99 > ideal_accuracy(game, x)


# ---------------------------------------------------------------- rules without learning

def test_the_last_two_tokens_answer_a_pop_after_a_push():
    game = SUITE["Stack Operations"]
    seen, test = (game.draw(stream(900, name), 500, 16) for name in ("seen", "test"))
    x, y = test
    after_push = (y >= 0) & (np.concatenate([np.zeros((500, 1)), x[:, :-1]], axis=1) > 0)
    found = table_accuracy(game, seen, test, 2)
    assert after_push.sum() / (y >= 0).sum() <= found < 0.85
    assert table_accuracy(game, seen, test, 0) == pytest.approx(game.chance, abs=0.03)


def test_a_context_is_the_last_tokens_in_order():
    game = Game("parity", {})
    number, answer = contexts(game, np.array([[1, 0, 1]]), np.array([[1, -1, 0]]), 2)
    assert number.tolist() == [1 * 3 + 2, 1 * 3 + 0] and answer.tolist() == [1, 0]


# ---------------------------------------------------------------- a memory read as several tokens, and what it holds

def test_the_gradient_of_a_teacher_with_three_memory_tokens_is_right():
    rng, memory = stream(900, "gradient"), SphereMemory(8)
    teacher = Teacher(rng, 5, memory, np.float64, width=8, heads=2, tokens=3)
    rnn = RNN(rng, 5, memory, dtype=np.float64, hidden=8)
    x, y = SUITE["String Copy"].draw(rng, 6, 8)
    choices, weights = losses.draw_choices(rng, 6, 8, memory, groups=2, compared=16), losses.Weights(2.0, 0.2)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, weights)["total"]
    loss()
    gradient = {"teacher": teacher.gradient.copy()}
    error = gradcheck.directional_error(loss, {"teacher": teacher.flat}, gradient, rng, 1e-4)
    assert error < gradcheck.BOUND


def test_with_three_memory_tokens_no_answer_sees_what_comes_after_it():
    rng = stream(900, "causal")
    decoder = Decoder(rng, 5, SphereMemory(8), width=8, tokens=3)
    Network({"decoder": decoder}, np.float64)
    memory, x = rng.standard_normal((2, 8)), rng.integers(0, 5, (2, 6))
    changed = x.copy()
    changed[:, 3] = (x[:, 3] + 1) % 5
    one, other = (decoder.forward(memory, [each])[0].reshape(2, 7, 5) for each in (x, changed))
    assert one[:, :4] == pytest.approx(other[:, :4]) and not np.allclose(one[:, 4:], other[:, 4:])


def test_what_a_memory_holds_is_asked_after_the_cut_only():
    game, memory = SUITE["String Copy"], SphereMemory(8)
    teacher = Teacher(stream(900, "init"), game.vocabulary, memory, width=8)
    x, y = game.draw(stream(900, "test"), 64, 8)
    found = decoder_accuracy(teacher, x, y, 4)
    before = x.copy()
    memories = teacher.encoder.forward(before)[0][:, 4]
    logits, _ = teacher.decoder.forward(memories, [x[:, 4:]])
    assert found == pytest.approx((logits.reshape(64, 5, -1)[:, 1:].argmax(-1) == y[:, 4:]).mean())


# ---------------------------------------------------------------- the contest

@pytest.mark.parametrize("name", SUITE)
def test_every_method_plays_every_game_with_as_many_sequences(name):
    game = SUITE[name]
    taught, others = contest.Teaching(tokens=2, heads=2), Setting(1e-3)
    options = {method: taught if method in (SMT, contest.TRANSFORMER) else others for method in contest.WAYS}
    found = {method: contest.play(TINY, 900, game, game.lengths[0], method, option)
             for method, option in options.items()}
    assert len({each["sequences"] for each in found.values()}) == 1
    assert all(0 <= each["accuracy"] <= 1 for each in found.values())
