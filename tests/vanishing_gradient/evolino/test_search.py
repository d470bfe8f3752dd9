"""Enforced SubPopulations, the two phases, and what a search may see."""

import numpy as np
import pytest

from common import lstm
from vanishing_gradient.evolino import evolino, two_phase
from vanishing_gradient.evolino.opponents import echo_state_networks
from vanishing_gradient.evolino.subpopulations import Recipe, Subpopulations, evolve
from vanishing_gradient.evolino.two_phase import least_squares, lstm_networks, nrmse, random_genes, score

RECIPE = Recipe(members=8, trials=2, mutation=0.01, patience=0)


def search(recipe=RECIPE, cells=3, genes=5, seed=0):
    rng = np.random.default_rng(seed)
    return Subpopulations(rng.standard_normal((cells, recipe.members, genes)), rng, recipe)


def networks(count=3, cells=4, feedback=0.7, seed=0):
    return lstm_networks(random_genes(np.random.default_rng(seed), (count, cells), cells, 0.8), feedback)


def series(steps=60):
    return np.sin(0.3 * np.arange(steps)) + 0.1 * np.random.default_rng(1).standard_normal(steps)


# ---------------------------------------------------------------- subpopulations

def test_in_each_trial_every_chromosome_joins_one_network():
    one = search()
    made = one.networks()
    assert made.shape == (16, 3, 5)
    for trial in (made[:8], made[8:]):
        for cell in range(3):
            assert {tuple(genes) for genes in trial[:, cell]} == {tuple(genes) for genes in one.members[cell]}


def test_the_better_half_stays_and_children_without_noise_are_made_of_the_best_quarter():
    one = search(RECIPE._replace(mutation=0))
    before = one.members.copy()
    made = one.networks()
    one.learn(made, np.exp(made[:, :, 0].sum(1)))                    # log error = the sum of the first genes
    for cell in range(3):
        shared = np.array([np.mean([made[n, :, 0].sum() for n in range(16) if one.picks[n, cell] == member])
                           for member in range(8)])
        order = shared.argsort()
        np.testing.assert_array_equal(one.members[cell, order[:4]], before[cell, order[:4]])
        parents = before[cell, order[:2]]
        for child in one.members[cell, order[4:]]:
            assert all(gene in parents[:, g] for g, gene in enumerate(child))
            assert child[0] in parents[:, 0] and child[-1] in parents[:, -1] and tuple(child) not in map(tuple, parents)


def test_a_burst_surrounds_the_champion_and_keeps_it():
    one = search(RECIPE._replace(patience=2))
    first = one.networks()
    one.learn(first, np.where(np.arange(16) == 5, 1.0, 2.0))
    assert one.champion.error == 1 and one.champion.generation == 1
    for _ in range(2):
        one.learn(one.networks(), np.full(16, 3.0))
    assert one.bursts == 1
    np.testing.assert_array_equal(one.members[:, 0], first[5])
    assert np.median(np.abs(one.members - first[5][:, None])) < 0.05


def test_cauchy_noise_has_the_far_tail_that_gaussian_noise_lacks():
    far = {noise: np.abs(search(RECIPE._replace(noise=noise))._noise(10_000)).max() for noise in ("cauchy", "gaussian")}
    assert far["gaussian"] < 0.06 and far["cauchy"] > 1


def test_evolution_finds_a_hidden_point_and_its_curve_never_rises():
    rng = np.random.default_rng(3)
    goal = rng.standard_normal((3, 4))
    errors_of = lambda genes: 1e-9 + ((genes - goal) ** 2).sum((1, 2))
    champions, curve, _ = evolve(rng.standard_normal((3, 20, 4)), rng, Recipe(20, 2, 0.01, 20), 40, errors_of)
    assert (np.diff(curve) <= 0).all() and curve[-1] < 0.05 * curve[0]
    assert [c.error for c in champions] == sorted((c.error for c in champions), reverse=True)
    assert curve[champions[-1].generation - 1] == champions[-1].error == errors_of(champions[-1].genes[None])[0]


# ---------------------------------------------------------------- two phases

def slow_cell_by_cell(genes, feedback, inputs):
    """Outputs (T, H) of one network, written from the chromosome alone."""
    H = len(genes)
    sets, y, s, rows = genes.reshape(H, 4, H + 2), np.zeros(H), np.zeros(H), []
    f = lambda x: 1 / (1 + np.exp(-x))
    for u in inputs:
        net = sets @ np.concatenate([y, [feedback * u, 1.0]])
        s = f(net[:, 2]) * s + f(net[:, 0]) * np.tanh(net[:, 3])
        y = f(net[:, 1]) * np.tanh(s)
        rows.append(y)
    return np.array(rows)


def test_a_chromosome_holds_the_incoming_weights_of_one_cell():
    genes, u = random_genes(np.random.default_rng(0), (1, 4), 4, 0.8), series(20)
    y, _ = lstm_networks(genes, 0.7).follow(u)
    slow = slow_cell_by_cell(genes[0], 0.7, np.concatenate([[0], u[:-1]]))
    np.testing.assert_allclose(y[1:, 0, :, 0], slow, atol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "echo"])
def test_the_closed_loop_is_the_network_fed_step_by_step_with_its_own_output(kind, monkeypatch):
    monkeypatch.setattr(two_phase, "WINDOW", 7)
    nets = networks() if kind == "lstm" else echo_state_networks(np.random.default_rng(0), 3, 4, 0.9, 0.7, 0.3)
    readout = np.random.default_rng(2).standard_normal((3, 1, 4))
    state = tuple(a[-1] for a in nets.follow(series(15)))
    fast, slow = nets.free_run(readout, state, 25), []
    for _ in range(25):
        drive = nets.W_in * np.matmul(readout, state[0]) + nets.b
        state = tuple(a[-1] for a in nets.run(drive[None], nets.W, state))
        slow.append(np.matmul(readout, state[0])[:, 0])
    np.testing.assert_allclose(fast, slow, rtol=1e-10, atol=1e-10)


def test_the_readout_is_the_pseudo_inverse_also_with_more_units_than_points():
    rng = np.random.default_rng(0)
    for shape in ((3, 40, 5), (2, 10, 15)):
        features, target = rng.standard_normal(shape), rng.standard_normal(shape[1])
        expected = np.matmul(np.linalg.pinv(features), target)
        np.testing.assert_allclose(least_squares(features, target)[:, 0], expected, atol=1e-12)


def test_networks_scored_together_get_what_they_get_alone():
    nets, u = networks(), series()
    together = score(nets, u, 20)
    for n in range(3):
        alone = score(nets.only(n), u, 20)
        np.testing.assert_allclose(alone.error, together.error[[n]], rtol=1e-6)
        np.testing.assert_allclose(alone.free_run(10), together.only(n).free_run(10), rtol=1e-6)


def test_the_fitness_is_the_closed_loop_not_the_teacher_forced_error():
    nets, u = networks(1), series()
    scored = score(nets, u, 20)
    forced = np.matmul(scored.readout, nets.follow(u)[0][21:])[:, 0, 0, 0]
    assert scored.error[0] > 1.5 * nrmse(forced, u[20:])
    np.testing.assert_allclose(scored.error, nrmse(scored.free_run(40)[:, [0]], u[20:]), rtol=1e-12)


def test_the_mean_scores_one_and_what_is_no_number_scores_worst():
    u = series()
    assert nrmse(np.full(60, u.mean()), u) == pytest.approx(1)
    assert two_phase.bounded(np.array([np.nan, np.inf, 0.5, 1e9])).tolist() == [two_phase.WORST, two_phase.WORST, 0.5,
                                                                                two_phase.WORST]


# ---------------------------------------------------------------- what a search may see

SMALL = evolino.Config(generations=2, members=4, long=600)


def test_no_search_sees_a_point_that_is_reported(monkeypatch):
    """Other points after step 400: the same networks and fitness, other reported errors."""
    honest = evolino.one_task(SMALL, 0, 2, 10)
    true = evolino.sines

    def other_future(count, steps, start=0.0):
        values = true(count, steps, start)
        values[SMALL.seen:] += 1
        return values

    monkeypatch.setattr(evolino, "sines", other_future)
    other = evolino.one_task(SMALL, 0, 2, 10)
    for name, value in honest["weights"].items():
        np.testing.assert_array_equal(value, other["weights"][name])
    for method in ("evolino", "random", "echo"):
        assert honest["final"][f"{method}_seen_2"] == other["final"][f"{method}_seen_2"]
        assert honest["final"][f"{method}_2"] != other["final"][f"{method}_2"]
    assert honest["final"]["linear_2"] != other["final"]["linear_2"]


def test_all_three_searches_score_as_many_networks():
    config, counted = SMALL, []
    u = evolino.task(config, 2)[1]
    rng = np.random.default_rng(0)
    original = two_phase.score
    evolino.score = lambda nets, *more: (counted.append(len(nets.W)), original(nets, *more))[1]
    try:
        for find in (evolino.random_lstms, evolino.echo_states):
            counted.clear()
            find(config, u, 10, rng)
            assert sum(counted) == config.evaluations
        counted.clear()
        champions = evolino.evolved(config, u, 10, rng)
        assert sum(counted) - len(champions.generations) == config.evaluations     # champions once more, for the report
    finally:
        evolino.score = original


# ---------------------------------------------------------------- looking at a found network

def test_the_eigenvalues_are_those_of_the_closed_loop():
    """A small deviation from rest, followed for some steps, is the Jacobian's power."""
    scored = score(networks(1, feedback=1e-7), series(), 20)
    eigenvalues = evolino.closed_loop_eigenvalues(scored)
    assert eigenvalues.shape == (8,)
    nets, (rest, _) = scored.networks, evolino.resting_state(scored.networks)
    W, delta = nets.W + nets.W_in * scored.readout, 1e-6 * np.random.default_rng(0).standard_normal((8, 1))
    path = []
    for sign in (1, -1):
        state = tuple((r[:, None] + sign * d)[None] for r, d in zip(rest, (delta[:4], delta[4:])))
        trace = lstm.forward(nets.cell, np.broadcast_to(nets.b, (9, *nets.b.shape)), W, *state)
        path.append(np.concatenate([trace.y[:, 0, :, 0], trace.s[:, 0, :, 0]], axis=1))
    x = (path[0] - path[1]) / 2
    characteristic = np.poly(eigenvalues).real                     # Cayley and Hamilton: p(J) x = 0
    assert np.abs(characteristic @ x[8::-1]).max() < 1e-4 * np.abs(x[0]).max()


def test_the_horizon_ends_at_the_first_error_above_the_bound():
    u = series()
    output = np.stack([u, u], axis=1)
    output[17, 0] += 2 * evolino.LEAVES * u.std()
    assert evolino.horizon(output, u).tolist() == [17, 60]
    errors, bins = evolino.envelope(output, u)
    assert errors[:, 1].max() == 0 and errors[np.searchsorted(bins, 18, side="right") - 1, 0] > evolino.LEAVES


def test_the_leader_of_a_generation_is_the_last_champion_found_by_then():
    champions = evolino.Champions(None, None, np.array([1, 4]), None, 0)
    assert evolino.along(np.array([7.0, 5.0]), champions, 6).tolist() == [7, 7, 7, 5, 5, 5]
