"""What the studies of a larger budget and of every update make of their numbers."""

import numpy as np
import pytest

from vanishing_gradient.compute.studies import every_update, more_budget, small_steps

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
