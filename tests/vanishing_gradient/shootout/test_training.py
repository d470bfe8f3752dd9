"""Training, scoring and reading of the shootout."""

import numpy as np
import pytest

from common import gradcheck
from common.layers import accuracy
from common.randomness import streams
from common.tasks.first_symbol import batch
from vanishing_gradient.shootout import parts, training
from vanishing_gradient.shootout.racers import GATED, RACERS, Setting, Task, setting_for
from vanishing_gradient.shootout.shootout import Config, race, until_goal
from vanishing_gradient.shootout.studies import afterwards
from vanishing_gradient.shootout.training import asked_later, looks, score_fresh, scored_sets, train

SHORT = Task(6, 4)


def trained(name="gru", seeds=(1, 2, 3), rates=(0.1, 0.03, 0.1), budget=1600, task=SHORT):
    return train(RACERS[name], task, list(seeds), list(rates), 16, 0.1, budget)


def test_every_gradient_agrees_with_finite_differences():
    errors = training.gradient_errors()
    assert len(errors) == 2 * len(RACERS) and max(errors.values()) <= gradcheck.BOUND


@pytest.mark.parametrize("name", RACERS)
def test_networks_together_get_the_numbers_that_each_gets_alone(name):
    together, alone = trained(name, (1, 2, 3), (0.1, 0.003, np.inf), 1600), trained(name, (2,), (0.003,), 1600)
    assert together.seen[1] > min(together.seen), "it must go on after another has left"
    assert together.seen[1] == alone.seen[0] and together.curves[1] == alone.curves[0]
    for key in alone.p:
        np.testing.assert_allclose(together.p[key][1], alone.p[key][0], rtol=1e-4, atol=1e-5)


def test_a_network_that_is_done_stands_still_while_others_go_on():
    out = trained(rates=(0.1, 1e-6, 0.1))
    assert out.seen[1] == 1600 and np.isnan(out.sequences[1]), "a rate of almost nothing learns nothing"
    assert out.sequences[0] == out.seen[0] < 1600 and len(out.curves[0]) < len(out.curves[1])
    assert out.curves[0][-1] >= training.GOAL > max(out.curves[0][:-1], default=0)
    assert score_fresh(RACERS["gru"], SHORT, out.p, [1, 2, 3])[0] >= 0.95


def test_a_rate_that_diverges_is_the_worst_and_leaves_the_others_alone():
    with np.errstate(all="ignore"):
        out = trained("rnn", rates=(np.inf, 1e-4, 1e-4), budget=640)
    assert np.isnan(out.sequences[0]) and out.accuracy[0] == 0 and np.isinf(out.loss[0])
    assert out.seen[0] == 320 and (out.seen[1:] == 640).all(), "it leaves at the first look"
    assert np.isfinite(out.loss[1:]).all() and (out.accuracy[1:] > 0).all()


def test_looks_grow_by_a_tenth_and_end_with_the_budget():
    made = looks(16_000, 16)
    assert made[0] == 20 and made[-1] == 1000 and np.all(np.diff(made) > 0)
    assert made[:12] == [*range(20, 220, 20), 220, 242] and made[-4:] == [826, 908, 998, 1000]
    assert looks(10, 16) == [1]


def test_windows_of_a_long_sequence_give_the_answer_of_one_pass(monkeypatch):
    monkeypatch.setattr(training, "WINDOW", 4)
    p, net = trained(budget=64).p, RACERS["gru"].network(SHORT)
    (x, answers), = scored_sets(SHORT, [1, 2, 3], "test", 50)
    windows = training.scores(net, p, [(x, answers)])[0]
    np.testing.assert_allclose(windows, accuracy(net.answer(p, x), answers))


def test_asked_at_its_own_lag_a_network_sees_one_stream_without_a_second_first_symbol(monkeypatch):
    seen, last_state, p = [], training.last_state, trained().p

    def watched(net, p, x, state=()):
        seen.append(x)
        return last_state(net, p, x, state)

    monkeypatch.setattr(training, "last_state", watched)
    monkeypatch.setattr(training, "WINDOW", 5)
    found = asked_later(RACERS["gru"], SHORT, p, [1, 2, 3], [6, 20], 32)
    x = np.concatenate(seen)
    assert [len(part) for part in seen] == [1, 5, 1, 5, 5, 4], "the first symbol, to lag 6, on to lag 20"
    assert found.shape == (2, 3) and (x[0] < 4).all() and (x[1:] >= 4).all()


def test_validation_and_test_sequences_differ():
    (first, _), (second, _) = scored_sets(SHORT, [1], "validation", 50) + scored_sets(SHORT, [1], "test", 50)
    assert (first != second).any()
    x, answers = batch(streams([1], "train"), 50, 6, 4)
    assert (x[0] == answers).all()


def test_in_the_form_asked_three_lags_are_scored():
    assert Task(100, 8, "asked").lags_asked == (50, 75, 100) and Task(100).lags_asked == (100,)


def test_multiply_adds_of_a_small_network_are_those_counted_by_hand():
    # 16 units: 16 x 16 products a step, 8 x 16 for the readout; each forward, backward and for the gradient
    assert RACERS["rnn"].multiply_adds(Task(9)) == 3 * (10 * 256 + 128)
    assert RACERS["gru"].multiply_adds(Task(9)) == 3 * (10 * 24 * 8 + 64)


def test_gates_follow_the_lag():
    rng = np.random.default_rng(0)
    assert RACERS["lstm"].gates(rng, 8, 1000)["input"] == pytest.approx(-np.log(1000))
    keep = RACERS["gru"].gates(rng, 4000, 1000)["keep"]
    assert np.exp(keep).min() >= 1 and 900 < np.exp(keep).max() <= 999
    assert RACERS["rnn"].gates(rng, 8, 1000) is None and set(GATED) <= set(RACERS)


def test_a_longer_lag_takes_the_settings_of_the_longest_that_was_tried():
    chosen = {30: Setting(1, 1, 1), 100: Setting(2, 2, 2)}
    assert [setting_for(chosen, lag).rate for lag in (10, 30, 99, 100, 10_000)] == [1, 1, 1, 2, 2]


def test_a_seed_ends_after_two_lags_unsolved_and_the_others_go_on():
    accuracy = {1: {10: 1, 30: 0.2, 100: 1, 300: 0.2, 1000: 0.1}, 2: {10: 0.1, 30: 0.1}}

    def part(name, make):
        _, _, lag, seeds = name.split()
        return [dict(final=dict(accuracy=accuracy[int(s)][int(lag)])) for s in seeds.split("-")]

    made = race(Config(), "rnn", [1, 2], part, (10, 30, 100, 300, 1000, 3000))
    assert list(made[1]) == [10, 30, 100, 300, 1000] and list(made[2]) == [10, 30]


# ---------------------------------------------------------------- reading

def record_of(*cells):
    """A record of one run per cell, at lag 10."""
    return dict(runs=[dict(final={"random": {"rnn": {"10": c} if c else {}, "chance": {"10": dict(accuracy=0.1)}}})
                      for c in cells])


CELL = dict(accuracy=1.0, sequences=320, seen=320, multiply_adds=1e6, seconds=1.0)


def test_a_seed_that_ended_or_never_got_there_counts_as_unsolved():
    record = record_of(CELL, {**CELL, "accuracy": 0.3, "sequences": None, "seen": 5000}, None)
    row = parts.rows([record], "random")["rnn"][10]
    assert row.solved == 1 and row.seeds == 3 and row.seen == 5000
    np.testing.assert_array_equal(row.sequences, [320, np.inf, np.inf])
    np.testing.assert_array_equal(until_goal(record, "rnn", 10), [320, np.inf, np.inf])


def test_the_rules_are_no_methods_and_a_room_without_a_part_is_named():
    record = record_of(CELL)
    assert list(parts.rows([record], "random")) == ["rnn"]
    assert parts.missing([record], "random") == [method.label for method in parts.OTHERS.values()]
    other = dict(runs=[dict(final={"random": {"guess": {"10": CELL}}})])
    assert "weight guessing" not in parts.missing([record, other], "random")


def row(accuracy, sequences, seen, short=True):
    return parts.Row(accuracy, np.array(sequences, float), seen, 1e9, 1.0, len(sequences), short)


SOLVED, FAILED = row([1.0, 1.0], [320, 640], 640), row([0.2, 0.3], [np.inf, np.inf], 100_000)
STOPPED = row([0.2, 0.3], [np.inf, np.inf], 5_000)


def test_a_lag_left_unsolved_with_a_smaller_budget_is_no_failure():
    assert STOPPED.cut_short(10) and not FAILED.cut_short(10) and not SOLVED.cut_short(10)
    assert not row([0.2, 0.2], [np.inf, np.inf], 30_000).cut_short(10, share=0.3)
    assert not STOPPED._replace(short=False).cut_short(10), "a fixed recipe that fails has failed"
    assert parts.OTHERS["smt"].short and not parts.OTHERS["chunker"].short
    assert parts.why_not({10: FAILED, 30: FAILED}, 100) == "ended"
    assert parts.why_not({10: FAILED, 30: STOPPED}, 100) == "not run" == parts.why_not({10: SOLVED, 30: FAILED}, 100)
    assert parts.why_not({30: FAILED}, 100) == "not run" == parts.why_not({30: FAILED, 100: FAILED}, 10)


def test_the_exponent_is_fitted_to_the_lags_that_half_of_the_seeds_reach():
    by_lag = {lag: row([1.0, 1.0], [lag * lag, lag * lag], lag * lag) for lag in (10, 30, 100)}
    middle = lambda one: np.median(one.sequences)
    assert parts.exponent(by_lag, middle) == pytest.approx(2)
    assert parts.exponent({**by_lag, 300: FAILED}, middle) == pytest.approx(2)
    assert parts.exponent({10: SOLVED, 30: SOLVED, 100: FAILED}, middle) is None


def test_answers_asked_later_are_collected_over_the_seeds_that_have_them():
    finals = [{"later": {"gru": {"1000": 0.5}}}, {"later": {"gru": {"1000": 0.25}}}, {}]
    assert parts.asked_later(dict(runs=[dict(final=final) for final in finals])) == {"gru": {1000: [0.5, 0.25]}}


def test_the_budget_is_the_smaller_of_sequences_and_symbols():
    assert Config().budget_of(3000) == 100_000 and Config().budget_of(9_999) == 40_000


# ---------------------------------------------------------------- after the lag that was trained

def test_answers_that_are_turned_into_others_are_consistent_and_random_ones_are_not():
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 8, 400)
    assert afterwards.consistency((symbols + 3) % 8, symbols, 8) == 1.0
    assert afterwards.consistency(rng.integers(0, 8, 400), symbols, 8) < 0.3


def test_asked_at_growing_lags_is_one_stream(monkeypatch):
    p = trained(task=Task(6)).p
    far = list(afterwards.asked("gru", p, [1, 2, 3], (4, 9), 32, 8))
    monkeypatch.setattr(afterwards, "WINDOW", 2)
    for one, other in zip(far, afterwards.asked("gru", p, [1, 2, 3], (4, 9), 32, 8)):
        assert np.shape(one["accuracy"]) == (3,) == np.shape(other["answers"])
    assert far[0]["accuracy"].min() >= 0.125 and max(far[1]["answers"]) <= 8
