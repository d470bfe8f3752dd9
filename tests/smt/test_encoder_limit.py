"""The tasks at growing length: ceilings, rules without learning, what the teacher knows, methods, their study."""

from dataclasses import replace

import numpy as np
import pytest

from common import gradcheck, results
from common.randomness import stream
from smt import limits, losses, rivals
from smt.factorial import SMT, Setting
from smt.memory import SphereMemory
from smt.limits import LARGE, PATIENT, REGISTERS, RULES, SCRATCH, SELF
from smt.model import RNN, CausalEncoder, Decoder, Network, RegisterEncoder, ScratchEncoder, Teacher
from smt.smt import Config
from smt.studies import encoder_limit
from smt.studies.encoder_limit import GRU, MLP, OPTIONS
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

@pytest.mark.parametrize("encoder, options", [
    (CausalEncoder, {}), (RegisterEncoder, {"count": 2}), (ScratchEncoder, {"count": 2})])
def test_the_gradient_of_a_teacher_with_three_memory_tokens_is_right(encoder, options):
    rng, memory = stream(900, "gradient"), SphereMemory(8)
    teacher = Teacher(rng, 5, memory, np.float64, width=8, heads=2, tokens=3, encoder=encoder, **options)
    rnn = RNN(rng, 5, memory, dtype=np.float64, hidden=8)
    x, y = SUITE["String Copy"].draw(rng, 6, 8)
    choices, weights = losses.draw_choices(rng, 6, 8, memory, groups=2, compared=16), losses.Weights(2.0, 0.2)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, weights)["total"]
    loss()
    gradient = {"teacher": teacher.gradient.copy()}
    error = gradcheck.directional_error(loss, {"teacher": teacher.flat}, gradient, rng, 1e-4)
    assert error < gradcheck.BOUND


def test_with_three_memory_tokens_an_answer_sees_its_own_input_and_none_after_it():
    rng = stream(900, "causal")
    decoder = Decoder(rng, 5, SphereMemory(8), width=8, tokens=3)
    Network({"decoder": decoder}, np.float64)
    memory, x = rng.standard_normal((2, 8)), rng.integers(0, 5, (2, 6))
    changed = x.copy()
    changed[:, 3] = (x[:, 3] + 1) % 5
    one, other = (decoder.forward(memory, [each])[0].reshape(2, 7, 5) for each in (x, changed))
    assert one[:, :4] == pytest.approx(other[:, :4])
    assert (np.abs(one[:, 4] - other[:, 4]).max(-1) > 1e-3).all()


def encoder_of(kind, count=2):
    """A teacher's encoder with `count` tokens of its own, and two sequences."""
    rng = stream(900, "encoder")
    teacher = Teacher(rng, 5, SphereMemory(8), np.float64, width=8, heads=2, encoder=kind, count=count)
    return teacher, rng.integers(0, 5, (2, 6))


@pytest.mark.parametrize("kind", [RegisterEncoder, ScratchEncoder])
def test_a_memory_has_read_the_tokens_up_to_its_own_and_none_after_it(kind):
    teacher, x = encoder_of(kind)
    changed = x.copy()
    changed[:, 3] = (x[:, 3] + 1) % 5
    one, other = (teacher.encoder.forward(each)[0] for each in (x, changed))
    assert one[:, :4] == pytest.approx(other[:, :4])                    # m_4 is the first that has read it
    assert (np.abs(one[:, 4:] - other[:, 4:]).max(-1) > 1e-6).all()
    assert one[:, :4] == pytest.approx(teacher.encoder.forward(x[:, :3])[0])


def test_the_memory_is_read_from_the_registers_of_its_own_token_only():
    teacher, x = encoder_of(RegisterEncoder)
    turn, mask = teacher.encoder.positions(9)                           # three tokens, two registers each
    seen = mask == 0
    assert [row.nonzero()[0].tolist() for row in seen[[0, 3, 5]]] == [[0], [0, 3], [0, 3, 4, 5]]
    assert seen[4].tolist() == seen[5].tolist() and turn[4] == pytest.approx(turn[6])   # as far behind token 1


@pytest.mark.parametrize("kind", [RegisterEncoder, ScratchEncoder])
def test_every_token_of_the_encoders_own_has_a_gradient(kind):
    teacher, x = encoder_of(kind)
    memories, cache = teacher.encoder.forward(x)
    teacher.encoder.backward(np.random.default_rng(0).standard_normal(memories.shape), cache)
    assert (np.abs(teacher.arrays(teacher.gradient)["encoder/registers"]).max(1) > 1e-6).all()


def test_what_a_memory_holds_is_asked_after_the_cut_only():
    game, memory = SUITE["String Copy"], SphereMemory(8)
    teacher = Teacher(stream(900, "init"), game.vocabulary, memory, width=8)
    x, y = game.draw(stream(900, "test"), 64, 8)
    found = decoder_accuracy(teacher, x, y, 4)
    before = x.copy()
    memories = teacher.encoder.forward(before)[0][:, 4]
    logits, _ = teacher.decoder.forward(memories, [x[:, 4:]])
    assert found == pytest.approx((logits.reshape(64, 5, -1)[:, 1:].argmax(-1) == y[:, 4:]).mean())


# ---------------------------------------------------------------- all methods

@pytest.mark.parametrize("name", SUITE)
def test_every_method_plays_every_game_with_as_many_sequences(name):
    game = SUITE[name]
    taught, others = rivals.Teaching(tokens=2, heads=2), Setting(1e-3)
    options = {method: taught if method in (SMT, rivals.TRANSFORMER) else others for method in rivals.WAYS}
    found = {method: rivals.play(TINY, 900, game, game.lengths[0], method, option)
             for method, option in options.items()}
    assert len({each["sequences"] for each in found.values()}) == 1
    assert all(0 <= each["accuracy"] <= 1 for each in found.values())


def test_the_multiply_adds_of_a_training_follow_its_teacher():
    cost = lambda **change: rivals.multiply_adds(replace(TINY, scale=0.05), SUITE["Parity"], 16, SMT,
                                                 rivals.Teaching(at_once=True)._replace(**change))
    assert cost(longer=5) == pytest.approx(5 * cost())
    assert cost() < cost(scratch=2) < cost(registers=2) < 3.1 * cost()
    assert cost(divisor=4) == pytest.approx(cost(), rel=0.3)            # the cuts are drawn
    assert cost(at_once=False) < cost()


def test_the_multiply_adds_of_bptt_are_those_of_its_sequences():
    c, game = replace(TINY, scale=0.05), SUITE["Parity"]
    one, other = (rivals.multiply_adds(c, game, 16, MLP, Setting(1e-3, divisor)) for divisor in (1, 4))
    each = 3 * (2 * c.size * c.hidden + c.size * 64 + 64 * game.vocabulary)     # a step: updater and readout
    assert one == other == 20 * rivals.BATCH * 16 * each


# ---------------------------------------------------------------- the study

def computed(_name, make):
    """A `part` that keeps nothing."""
    return make()


def test_checks_finding_tables_and_picture_follow_from_a_record():
    names, kept = ("Keys and Values", "Parity"), {}

    def part(name, make):
        return kept[name] if name in kept else kept.setdefault(name, make())
    runs = list(encoder_limit.run(replace(TINY, scale=0.005), [100], part, choosing=(900,), tasks=names, longest=8,
                                  patience=5))
    record = {"runs": runs, "config": {"tasks": list(names), "longest": 8, "patience": 5,
                                         "registers": 2}}
    assert not encoder_limit.checks(record)[0]["holds"] and len(encoder_limit.checks(record)) in (6, 7)
    assert limits.cells_of(record, PATIENT) == [("Keys and Values", 8), ("Parity", 8)]
    stopped = [cell for cell in limits.cells_of(record, SMT) if limits.limit(record, *cell) == "encoder"]
    first = [min(cell for cell in stopped if cell[0] == name) for name in names if name in dict(stopped)]
    assert first and limits.cells_of(record, REGISTERS) == limits.cells_of(record, SCRATCH) == first
    counts = encoder_limit.get(record, "Parity", 8, PATIENT, "sequences")
    assert counts == pytest.approx(5 * encoder_limit.get(record, "Parity", 8, SMT, "sequences"), abs=64)
    told = encoder_limit.finding(record)
    assert "batch of 32, trained 5 times as long 0 of 2, memory read at 2 registers 0 of" in told
    assert all(len(row) == len(header) for header, rows in encoder_limit.table(record).values() for row in rows)
    from common.figures import plt
    plt.close(encoder_limit.figure(record, {}))


def made_up(**accuracies):
    """A record of Parity with {method: accuracy at T = 8, 16, ..}; the teacher knows as much as the RNN."""
    runs = []
    for seed in (100, 101, 102):
        lengths = {str(length): {method: {"accuracy": values[i], "ceiling": 1.0, "validation": values[i],
                                          "encoder": values[i], "held": values[i], "held at most": 1.0}
                                 for method, values in accuracies.items() if i < len(values)}
                   for i, length in enumerate((8, 16, 32, 64))}
        runs.append(results.entry(seed, {"Parity": lengths}))
    return {"runs": runs, "config": {"tasks": ["Parity"], "longest": 64, "patience": 5, "registers": 2}}


def test_a_crossover_is_where_the_method_ahead_changes():
    record = made_up(**{SMT: (1.0, 0.8, 0.6), MLP: (0.9, 0.8, 0.9, 0.7), GRU: (0.5, 0.5)})
    assert [encoder_limit.leader(record, "Parity", length) for length in (8, 16, 32)] == [SMT, "even", "BPTT"]
    assert encoder_limit.crossover(record, "Parity") == (8, SMT, 32, "BPTT")
    assert encoder_limit.leader(record, "Parity", 64) is None                   # SMT had ended, BPTT does not solve it
    assert encoder_limit.crossover(made_up(**{SMT: (1.0, 0.8), MLP: (1.0, 0.9)}), "Parity") is None


def test_a_length_that_only_one_method_comes_to_counts_if_it_is_solved():
    record = made_up(**{SMT: (1.0, 0.7, 0.7), MLP: (0.9, 1.0, 1.0, 0.96)})
    assert encoder_limit.leader(record, "Parity", 64) == "BPTT"
    assert encoder_limit.crossover(record, "Parity") == (8, SMT, 16, "BPTT")


def test_the_opponent_is_the_updater_with_the_better_validation_accuracy():
    record = made_up(**{SMT: (0.5,), MLP: (0.6,), GRU: (0.9,)})
    assert encoder_limit.bptt(record, "Parity", 8) == GRU
    gaps, interval = encoder_limit.lead(record, "Parity", 8)
    assert gaps == pytest.approx([-0.4] * 3) and interval == pytest.approx((-0.4, -0.4))


@pytest.mark.parametrize("rnn, encoder, held, what", [
    (0.96, 0.5, 0.5, ""), (0.8, 0.9, 0.9, "encoder"), (0.8, 1.0, 0.79, "memory"), (0.8, 1.0, 0.7, "undecided"),
    (0.8, 1.0, 1.0, "RNN")])
def test_the_limit_is_the_first_part_that_is_not_solved(rnn, encoder, held, what):
    record = made_up(**{SMT: (rnn,)})
    for run in record["runs"]:
        run["final"]["Parity"]["8"][SMT] |= {"encoder": encoder, "held": held}
    assert encoder_limit.limit(record, "Parity", 8) == what and encoder_limit.limit(record, "Parity", 16) is None
    claim = encoder_limit.checks(record)[1]
    assert claim["holds"] == (what in ("encoder", "memory", "undecided"))       # one of its two tests fails


def test_a_changed_teacher_that_passes_both_tests_while_its_rnn_fails_is_named():
    record = made_up(**{SMT: (0.8,), PATIENT: (0.8,)})
    for run in record["runs"]:
        run["final"]["Parity"]["8"][PATIENT] |= {"encoder": 1.0, "held": 1.0}
    assert encoder_limit.finding(record).endswith("the RNN fails on: Parity, T = 8 (longer).")
    for run in record["runs"]:
        run["final"]["Parity"]["8"][PATIENT]["held"] = 0.8
    assert "the RNN fails" not in encoder_limit.finding(record)


def test_solved_is_0_95_of_the_ceiling():
    record = made_up(**{SMT: (0.57,)})
    for run in record["runs"]:
        run["final"]["Parity"]["8"][SMT]["ceiling"] = 0.6
    assert encoder_limit.passes(record, "Parity", 8, SMT)
    assert limits.solved(record, "Parity", 8, SMT) == (3, 3)


def played(monkeypatch, score):
    """Replaces training by a score (method, length, option) -> accuracy; returns the list of what was played."""
    calls = []

    def play(_c, seed, _game, length, method, option):
        calls.append((method, length, seed, option))
        return {"accuracy": score(method, length, option), "validation": score(method, length, option), "loss": 1.0,
                "ceiling": 1.0, "seconds": 0.0}
    monkeypatch.setattr(rivals, "play", play)
    monkeypatch.setattr(rivals, "multiply_adds", lambda *_: 1.0)
    return calls


def test_a_method_ends_after_two_unsolved_lengths(monkeypatch):
    calls = played(monkeypatch, lambda method, length, _: 1.0 if method == GRU or length == 8 else 0.9)
    list(encoder_limit.run(TINY, [100], computed, tasks=("Parity",), longest=64, patience=5))
    longer = [length for method, length, _, option in calls if method == SMT and option.longer == 5]
    assert longer == [16]                                                       # and SMT once more where it had failed
    # the residual MLP ends at 32, and comes once more to 16
    assert [length for method, length, seed, _ in calls if method == MLP and seed == 100] == [8, 16, 32, 16]
    assert [length for method, length, seed, _ in calls if method == GRU and seed == 100] == [8, 16, 32, 64]


def test_choosing_tries_all_on_one_seed_and_the_best_two_on_the_other(monkeypatch):
    calls = played(monkeypatch, lambda method, length, option: min(1.0, 100 * option.lr))
    options = {rivals.label(each): each for each in OPTIONS[MLP]}
    choice = rivals.choose(TINY, "Parity", MLP, 16, options, (900, 901), computed)
    assert choice["chosen"] == "rate 0.01" and {seed for _, _, seed, _ in calls} == {900, 901}
    assert sum(seed == 901 for _, _, seed, _ in calls) == 2 and all(length == 16 for _, length, _, _ in calls)


def test_a_best_rate_at_the_edge_extends_the_grid_once(monkeypatch):
    played(monkeypatch, lambda method, length, option: 0.5 + option.lr)
    options = {rivals.label(each): each for each in OPTIONS[MLP]}
    choice = rivals.choose(TINY, "Parity", MLP, 16, options, (900, 901), computed)
    assert choice["chosen"] == "rate 0.03" and set(choice["tried"]) == {*options, "rate 0.03"}


def test_every_row_of_a_table_names_what_is_measured():
    assert {method for _, method, _ in limits.ROWS} == {SMT, LARGE, SELF, MLP, GRU, rivals.TRANSFORMER}
    assert RULES not in encoder_limit.METHODS
