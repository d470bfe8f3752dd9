"""Evolino's part of the shootout: what a search sees, what it counts, what it is given."""

import numpy as np
import pytest

from common.randomness import stream
from common.tasks.first_symbol import sequences
from vanishing_gradient.evolino.evolino import Config
from vanishing_gradient.evolino.studies import shootout
from vanishing_gradient.evolino.subpopulations import Recipe

RECIPE = Recipe(members=4, trials=1, mutation=0.05, patience=20)
CELLS, K = 8, 2


def keeper(symbols=7):
    """Genes (H, 4 (H + symbols + 1)) of cells that hold the symbol 0 (+) or 1 (-): the answer opens the input gate."""
    genes = np.zeros((CELLS, shootout.SETS, CELLS + symbols + 1))
    inputs, forget, candidate = 0, 2, 3
    genes[:, inputs, CELLS:CELLS + K], genes[:, inputs, CELLS + K:-1] = 20, -20
    genes[:, forget, -1], genes[:, candidate, CELLS], genes[:, candidate, CELLS + 1] = 20, 5, -5
    return genes.reshape(CELLS, -1)


@pytest.fixture(scope="module")
def training():
    return sequences(stream(0, "train"), 40, 30, K)


def test_cells_that_keep_the_first_symbol_are_right_at_every_lag(training):
    error, _ = shootout.scored(keeper()[None], *training, K)
    assert error[0] < 1e-3
    for lag in (3, 300):
        assert shootout.tested(keeper(), training, sequences(stream(1, "test"), 50, lag, K), K) == 1.0


def test_the_error_is_that_of_sequences_that_the_readout_was_not_fitted_on(training):
    x, answers = training
    error, readout = shootout.scored(keeper()[None], x, answers, K)
    swapped = answers.copy()
    swapped[20:] = 1 - swapped[20:]
    wrong, same = shootout.scored(keeper()[None], x, swapped, K)
    assert np.array_equal(same, readout) and wrong[0] > 1 > error[0]


def test_random_genes_know_nothing_and_networks_together_score_as_alone(training):
    genes = np.random.default_rng(0).uniform(-0.3, 0.3, (3, *keeper().shape))
    together = shootout.scored(genes, *training, K)[0]
    assert together.min() > 0.5
    np.testing.assert_allclose(together, [shootout.scored(g[None], *training, K)[0][0] for g in genes], rtol=1e-6)


def test_a_search_ends_with_its_budget_and_counts_every_sequence_of_every_network():
    row = shootout.at_lag(RECIPE, 0, "random", 6, CELLS, 0.3, 10, 100)
    assert row["sequences"] is None and row["seen"] == 120 and row["generations"] == 3      # 4 networks, 10 sequences
    assert row["multiply_adds"] == 120 * (7 * 4 * 64 + 8 * 9)


def test_a_search_that_reaches_the_goal_ends_there():
    row = shootout.at_lag(RECIPE, 0, "cycle", 3, CELLS, 0.3, 10, 10_000)
    assert row["sequences"] == row["seen"] < 10_000 and row["accuracy"] == 1.0


def test_a_longer_lag_gets_fewer_sequences_never_more_than_the_budget(monkeypatch):
    monkeypatch.setattr(shootout, "at_lag", lambda *rest: dict(accuracy=1.0, seconds=0.0, given=rest[-1]))
    run, = shootout.run(Config(), [0], lags=(9, 99), budget=500, steps=10_000)
    assert [row["given"] for row in run["final"]["random"]["evolino"].values()] == [500, 100]
