"""The search: what it accepts, what it counts, what it compares with the published numbers."""

import numpy as np
import pytest

from common import results
from common.randomness import stream
from vanishing_gradient.weight_guessing import networks, opponents, tasks
from vanishing_gradient.weight_guessing import weight_guessing as experiment
from vanishing_gradient.weight_guessing.networks import A1, A2, LATCH_2

NO_SELF = A2(self_connections=False)
CONFIG = experiment.Config(shortest=40, longest=50, training=30)


@pytest.mark.parametrize("network, task, least", [(A1(1), tasks.parity, 0.8), (NO_SELF, tasks.parity, 0.8),
                                                  (A1(1), tasks.two_sequence, 0.8), (LATCH_2, tasks.two_sequence, 0.9)])
def test_screening_accepts_exactly_the_networks_that_are_right_on_every_sequence(network, task, least):
    data = task(stream(0, "train"), 10, 20, 25)
    w = networks.draw(stream(0, "guess"), network, 9_000, 100.0)
    everything = experiment.right(network, w, data, least).all(0)
    assert everything.sum() > 0
    assert np.array_equal(experiment.accepted(network, w, data, least), np.flatnonzero(everything))


def test_single_and_double_precision_accept_the_same_networks():
    data = tasks.parity(stream(0, "train"), 20, 40, 50)
    w = networks.draw(stream(0, "guess"), A2(), 20_000, 100.0)
    single = experiment.accepted(A2(), w, data, 0.8)
    assert len(single) > 0 and np.array_equal(single, experiment.accepted(A2(), w.astype(float), data, 0.8))


def test_an_error_of_a_tenth_is_the_limit():
    assert experiment.margin(experiment.ROW["parity_a1"], 0.1) == pytest.approx(0.8)       # y = 0.9 is u = 0.8
    assert experiment.margin(experiment.ROW["latch_2"], 0.1) == pytest.approx(0.9)
    assert experiment.margin(experiment.ROW["latch_1"], 0.1) == 0


def test_a_search_is_the_same_in_chunks_of_its_guesses_counted_from_zero(monkeypatch):
    row = experiment.ROW["latch_2"]
    data = experiment.sequences(row, CONFIG, 0, "train", 30)
    found, w = experiment.search(row.network, data, 0.9, stream(0, "g"), 3_000, 100.0)
    monkeypatch.setattr(experiment, "CHUNK", 1_000)
    again, _ = experiment.search(row.network, data, 0.9, stream(0, "g"), 3_000, 100.0)
    assert w.shape == (3, len(found)) and found.max() < 3_000 and found.max() >= 1_000 and len(again) > 0
    assert experiment.gaps(found).sum() == found[-1] + 1


def test_the_test_sequences_take_no_part_in_acceptance():
    row = experiment.ROW["parity_a1"]
    one, other = (experiment.solve(row._replace(guesses=20_000), CONFIG.__class__(
        shortest=40, longest=50, training=30, test=count), 0) for count in (2, 50))
    assert np.array_equal(one["found"], other["found"])
    training, test = (experiment.sequences(row, CONFIG, 0, purpose, 30) for purpose in ("train", "test"))
    assert not np.array_equal(training.x[:40], test.x[:40])


def test_updating_all_units_at_once_finds_no_parity_where_hidden_first_does():
    data = tasks.parity(stream(0, "train"), 40, 40, 50)
    for network, least in ((NO_SELF, 20), (NO_SELF._replace(hidden_first=False), 0)):
        found, _ = experiment.search(network, data, 0.8, stream(0, "g"), 20_000, 100.0)
        assert len(found) > least if least else len(found) == 0


def test_solution_densities_are_those_of_independent_prototypes():
    """Measured before by independent code: parity A2 without self-connections 266, latch II 35, two-sequence 616."""
    config = experiment.Config()
    for name, guesses, trials in (("parity_a2_no_self", 12_288, 266), ("latch_2", 8_192, 35.4),
                                  ("two_sequence", 65_536, 616)):
        row = experiment.ROW[name]
        data = experiment.sequences(row, config, 0, "train", 100)
        found, _ = experiment.search(row.network, data, experiment.margin(row, 0.1), stream(0, "g"), guesses, 100.0)
        expected = guesses / trials
        assert abs(len(found) - expected) < 4 * np.sqrt(expected), name


def test_an_interval_holds_the_density_and_no_solution_has_no_upper_end():
    found = experiment.density(100, 100_000)
    assert found.trials == 1000 and found.interval[0] < 1000 < found.interval[1] < 1250
    nothing = experiment.density(0, 3_000)
    assert nothing.trials is None and nothing.interval[1] is None and nothing.interval[0] > 700


def record_with(factor):
    """A record whose every row needs `factor` times the published trials."""
    final = {}
    for row in experiment.ROWS:
        final |= {f"{row.name}_guesses": int(1000 * row.paper * factor), f"{row.name}_solutions": 1000,
                  f"{row.name}_test_accuracy": 1.0, f"{row.name}_geometric": 1.0}
    return dict(runs=[results.entry(0, final), results.entry(1, final)])


def test_claims_hold_at_the_published_numbers_and_fail_beyond_a_factor_of_two():
    assert all(check["holds"] for check in experiment.checks(record_with(1.0)))
    for factor in (0.4, 2.5):
        failed = [check for check in experiment.checks(record_with(factor)) if not check["holds"]]
        assert len(failed) == sum(row.read for row in experiment.ROWS)


def test_numbers_that_were_not_read_in_the_original_carry_no_claim():
    claims = " ".join(check["claim"] for check in experiment.checks(record_with(1.0)))
    assert "Tomita" not in claims and "two-sequence" not in claims
    assert {row.name for row in experiment.ROWS if not row.read} >= {"two_sequence", "tomita_4_a2"}


def test_claims_fail_without_solutions():
    record = record_with(1.0)
    for run in record["runs"]:
        run["final"] = {name: 0 if "solutions" in name else None if "acc" in name or "geo" in name else value
                        for name, value in run["final"].items()}
    assert not any(check["holds"] for check in experiment.checks(record))


# ---------------------------------------------------------------- gradient opponents

def test_the_opponents_learn_what_gradients_can_learn():
    setting = opponents.Candidate("chrono", 0.01, 32)
    net, p = opponents.train("lstm", "two_sequence", [900], [setting], 60, 10, 12, 8)
    accuracy, _ = opponents.score(net, p, "two_sequence", [900], 1, "validation", 10, 12, 100)
    assert accuracy[0] > 0.95


def test_the_opponents_of_one_seed_see_the_same_sequences_and_learn_alone_what_they_learn_together():
    settings = [opponents.Candidate(start, rate, 4) for start in ("orthogonal", "identity") for rate in (0.001, 0.01)]
    _, together = opponents.train("rnn", "parity", [900, 901], settings, 3, 6, 8, 5)
    _, alone = opponents.train("rnn", "parity", [900], settings[3:], 3, 6, 8, 5)
    assert np.allclose(together["W"][3], alone["W"][0], atol=1e-6)


def test_a_diverged_rate_is_the_worst_of_the_grid_not_the_end_of_the_run():
    rounds = [opponents.Round(updates=2, seeds=1, left=1)]
    best, grid, _ = opponents.choose("rnn", "parity", [900], (0.01, float("inf")), (4,), rounds, 6, 8, 5, 20)
    diverged = [one for one, (accuracy, _) in grid.items() if not np.isfinite(accuracy)]
    assert best.rate == 0.01 and {one.rate for one in diverged} == {float("inf")}


def test_settings_go_on_by_accuracy_then_by_loss_and_diverged_ones_last():
    found = {"b": (0.9, 0.2), "d": (float("nan"), 0.1), "c": (0.8, 0.1), "a": (0.9, 0.1)}
    assert opponents.best_first(found) == ["a", "b", "c", "d"]


def test_only_the_best_settings_of_a_round_train_in_the_next():
    rounds = [opponents.Round(1, 1, 2), opponents.Round(2, 2, 1)]
    best, first, last = opponents.choose("rnn", "parity", [900, 901], (0.001, 0.01), (4, 8), rounds, 6, 8, 5, 20)
    assert list(last) == opponents.best_first(first)[:2] and best == opponents.best_first(last)[0] and len(first) == 8
