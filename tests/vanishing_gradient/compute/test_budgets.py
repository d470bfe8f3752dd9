"""What the studies of a larger budget and of every update make of their numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from vanishing_gradient.compute.studies import an_hour, every_update, more_budget, small_steps
from vanishing_gradient.compute.training import marked_bit, two_sequence

LAGS = (4, 5, 6, 7, 8, 9, 10, 11, 12, 13)


def small(cost, seeds=4):
    """A record of small_steps whose networks need cost(lag, seed) sequences, and a hundred times the multiply-adds."""
    entry = lambda lag, seed: {what: None if cost(lag, seed) is None else times * cost(lag, seed)
                               for what, times in (("sequences", 1), ("multiply_adds", 100))}
    runs = [dict(final={task: {str(lag): entry(lag, seed) for lag in LAGS} for task in small_steps.KIND})
            for seed in range(seeds)]
    return dict(runs=runs, config=dict(latch_lags=LAGS, two_lags=LAGS, marked_lags=LAGS, latch_budget=1, budget=1))


def test_an_exponential_buys_the_steps_that_its_growth_goes_into_a_million():
    record = small(lambda lag, seed: 10.0**lag)
    (exponential, ends), (power, _) = small_steps.bought(record, "latch").values()
    assert exponential == pytest.approx(6) and ends == pytest.approx((6, 6)) and power > 10
    assert small_steps.missed_by(record) == pytest.approx(0)
    assert all(small_steps.split(record, *split).ratio < 1e-6 for split in small_steps.SPLITS)


def test_the_interval_of_the_steps_goes_from_the_steeper_law_to_the_flatter_one():
    record = small(lambda lag, seed: 10.0 ** (lag * (1 + 0.1 * seed)))
    for steps, (low, high) in small_steps.bought(record, "latch").values():
        assert low < steps < high


def test_no_step_is_bought_where_nothing_was_learned():
    record = small(lambda lag, seed: None)
    assert small_steps.bought(record, "latch") == {} and small_steps.missed_by(record) is None
    assert not any(check["holds"] for check in small_steps.checks(record))


def more(cost, seeds=4):
    """A record of more_budget whose networks need cost(name, lag, seed) sequences."""
    config = dict(short_lags=(4, 8, 30), long_lags=(60, 100), short_budget=100, budget=1000)
    runs = [dict(final={}) for _ in range(seeds)]
    for seed, run in enumerate(runs):
        for task, name, lag in more_budget.points((4, 8, 30), (60, 100)):
            run["final"].setdefault(task, {}).setdefault(name, {})[str(lag)] = dict(sequences=cost(name, lag, seed))
    return dict(runs=runs, config=config)


def test_the_late_are_told_from_the_lost():
    record = more(lambda name, lag, seed: (50.0, 100.0, 500.0, None)[seed])
    assert more_budget.counts(record, "latch", "adam", 100) == (2, 3)
    assert more_budget.missed(record, "adam") == (4, 2)


def test_a_power_law_of_the_lag_is_no_exponential():
    record = more(lambda name, lag, seed: 2.0 * lag**1.5)
    assert more_budget.held(record, "adam").ratio > 100


def test_an_error_counts_only_until_the_state_holds_the_symbol():
    error = np.array([-40, -5, -3, -30, 1, np.nan])
    held = np.array([0.5, 0.6, 0.7, 0.96, 0.99, np.nan])
    made = every_update.numbers(error, held, 64, 1.0)
    assert (made["holds_at"], made["largest"], made["there"], made["last"], made["updates"]) == (3, -3, 2, 1, 4)
    never = every_update.numbers(error, 0 * held, np.nan, 0.5)
    assert never["holds_at"] is None and never["largest"] == 1 and never["sequences"] is None


# ---------------------------------------------------------------- an hour of compute

def test_the_best_setting_solves_most_then_needs_fewest():
    scores = {"sgd plain 1 4": [3, 900.0], "sgd plain 1 16": [4, 2000.0], "sgd plain 3 4": [4, 1000.0],
              "sgd orthogonal 1 4": [8, 1.0]}
    assert an_hour.best(scores, "plain") == an_hour.Setting("sgd", "plain", 3.0, 4)
    assert an_hour.best(scores, "orthogonal") == an_hour.Setting("sgd", "orthogonal", 1.0, 4)


@pytest.mark.parametrize("best, tried", [(1.0, [0.3, 1.0, 3.0]), (3.0, [0.3, 1.0, 3.0, 9.0]),
                                         (0.3, [0.1, 0.3, 1.0, 3.0])])
def test_a_best_rate_at_the_edge_brings_one_rate_more(best, tried, monkeypatch):
    def trained(task, net, p, seeds, rates, *rest):
        return SimpleNamespace(sequences=np.where(np.isclose(rates, best), 100.0, 500.0))

    monkeypatch.setattr(an_hour.training, "train", trained)
    found = an_hour.Choice(4, "latch", "sgd", (900, 901), (10,), 1000).grid((0.3, 1.0, 3.0), (4,))
    assert sorted({float(setting.split()[2]) for setting in found}) == tried
    assert an_hour.best(found, "plain").rate == best and found[an_hour.key("sgd", "plain", best, 4)] == [2, 200.0]


def test_a_recipe_ends_after_a_lag_that_no_network_learns(monkeypatch):
    asked = []

    def race(task, curve, seeds, lag, budget, units):
        asked.append((curve.optimizer, curve.start, lag))
        return [dict(sequences=10.0 if lag < 30 and seed else None, multiply_adds=None, accuracy=1.0) for seed in seeds]

    monkeypatch.setattr(an_hour.training, "race", race)
    monkeypatch.setattr(an_hour.Choice, "grid", lambda self, rates, batches: {
        an_hour.key(self.optimizer, start, 1.0, 4): [0, 1.0] for start in an_hour.STARTS})
    runs = an_hour.run(SimpleNamespace(units=4), [0, 1], lambda name, make: make())
    assert asked == [(o, s, lag) for _ in an_hour.KIND for o in ("sgd", "adam") for s in an_hour.STARTS
                     for lag in (10, 30)]
    assert list(runs[0]["final"]["latch"]["adam_plain"]["lags"]) == ["10", "30"]


def test_the_rules_that_add_up_all_inputs_get_what_is_computed():
    rng = np.random.default_rng(0)
    x, answers = two_sequence(rng, 20_000, 100)
    assert np.mean((x.sum((0, 1)) > 0) == answers) == pytest.approx(an_hour.sign_of_the_sum(100), abs=0.01)
    x, answers = marked_bit(rng, 20_000, 30)
    assert np.mean((x[:, 0].sum(0) > 0) == answers) == pytest.approx(an_hour.majority(30), abs=0.015)
    assert an_hour.majority(1) == 0.75 and an_hour.majority(2) == 0.75
