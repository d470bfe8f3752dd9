"""How networks are trained, what is changed in the study of the mechanism, and the laws that are fitted."""

import numpy as np
import pytest

from common import gradcheck, tanh_rnn
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import FIRST, TASKS, Recipe

NET = FIRST.network(8)


def starts(seeds, kind="orthogonal", dtype=np.float64):
    return stack([training.start(kind, seed, NET, dtype) for seed in seeds])


def trained(seeds, recipe, budget=400, rate=0.1, lag=5, **more):
    rates = np.full(len(seeds), rate)
    return training.train(FIRST, NET, starts(seeds), list(seeds), rates, lag, recipe, budget, **more)


# ---------------------------------------------------------------- training

@pytest.mark.parametrize("optimizer", ["sgd", "adam", "normalised", "sign"])
def test_networks_get_the_numbers_that_they_get_alone(optimizer):
    recipe = Recipe(optimizer, 8, noise=("b",))
    together, alone = trained((3, 4, 5), recipe), trained((4,), recipe)
    np.testing.assert_array_equal(together.sequences[1:2], alone.sequences)
    for name, a in alone.p.items():
        np.testing.assert_allclose(together.p[name][1:2], a, rtol=1e-9, atol=1e-12)


def test_a_network_that_reaches_the_goal_stops_there():
    made = trained((0, 1, 2), Recipe("adam", 16), budget=4000, rate=0.02)
    assert np.isfinite(made.sequences).any()
    for n in np.flatnonzero(np.isfinite(made.sequences)):
        at = int(np.flatnonzero(made.looks == made.sequences[n])[0])
        assert made.curve[at, n] >= training.GOAL and (made.curve[:at, n] < training.GOAL).all()
        assert training.test(FIRST, NET, made.p, [0, 1, 2], 5)[n] > 0.9


def test_looks_at_every_update_change_nothing_but_the_looks():
    rare, all_of_them = (trained([3, 4], Recipe("adam", 4), budget=200, goal=2.0, **more)
                         for more in ({}, dict(every=4, growth=1)))
    assert all_of_them.looks.tolist() == list(range(0, 201, 4)) and len(rare.looks) < 10
    for name in rare.p:
        np.testing.assert_array_equal(rare.p[name], all_of_them.p[name])


def test_a_rate_that_diverges_leaves_the_others_alone():
    rates = np.array([0.05, 1e30])
    made = training.train(FIRST, NET, starts((1, 1)), [1, 1], rates, 5, Recipe("sgd", 8), 300)
    alone = training.train(FIRST, NET, starts((1,)), [1], rates[:1], 5, Recipe("sgd", 8), 300)
    np.testing.assert_array_equal(made.sequences[:1], alone.sequences)
    assert np.isnan(made.sequences[1])


def test_training_sequences_do_not_depend_on_the_other_seeds_or_on_the_labels():
    one, both = training.Batches(FIRST, [7], 4, 6), training.Batches(FIRST, [3, 7, 7], 4, 6)
    random = training.Batches(FIRST, [7], 4, 6, random_labels=True)
    for _ in range(3):
        (x, answers), (xs, more), (same, other) = one.next(), both.next(), random.next()
        np.testing.assert_array_equal(x[:, 0], xs[:, 2])
        np.testing.assert_array_equal(answers[0], more[1])
        np.testing.assert_array_equal(x, same)
        np.testing.assert_array_equal(answers[0], x[0, 0])
    assert other.shape == answers.shape


def test_random_labels_are_right_half_of_the_time():
    batches = training.Batches(FIRST, [0], 500, 3, random_labels=True)
    x, answers = batches.next()
    assert abs((answers == x[0]).mean() - 0.5) < 0.08


def test_frozen_weights_stay_and_the_radius_is_held():
    before = starts((0, 1))
    made = trained((0, 1), Recipe("adam", 8, frozen=("W",)))
    np.testing.assert_array_equal(made.p["W"], before["W"])
    free, held = (trained((0, 1), Recipe("adam", 8, held=flag), goal=2.0) for flag in (False, True))
    assert (training.spectral_radius(free.p["W"]) > 1.01).all()
    assert (training.spectral_radius(held.p["W"]) <= 1 + 1e-9).all()


def test_noise_in_place_of_a_gradient_knows_nothing_of_the_answers():
    recipe = Recipe("sign", 8, noise=("W", "W_in", "b"))
    made = [trained((0,), recipe._replace(random_labels=flag), goal=2.0) for flag in (False, True)]
    for name in ("W", "W_in", "b"):
        np.testing.assert_array_equal(made[0].p[name], made[1].p[name])
    assert (made[0].p["W_out"] != made[1].p["W_out"]).any()


def test_steps_of_one_size_have_that_size():
    p = starts((0, 1))
    x, answers = training.labelled(FIRST, [0, 1], "train", 4, 5)
    g = training.gradients(NET, p, x, answers)
    before = {name: a.copy() for name, a in p.items()}
    training.NormalisedSGD(p).step(g, np.array([0.1, 0.3]))
    moved = np.concatenate([(p[name] - before[name]).reshape(2, -1) for name in p], axis=1)
    np.testing.assert_allclose(np.sqrt((moved * moved).mean(1)), [0.1, 0.3])
    before = p["W"].copy()
    training.SignSGD(p).step(g, 0.1)
    np.testing.assert_allclose(before - p["W"], 0.1 * np.sign(g["W"]), atol=1e-12)


# ---------------------------------------------------------------- errors

def test_an_error_through_all_steps_is_the_whole_gradient_and_through_fewer_the_last_part_of_it():
    p = starts((0, 1))
    x, answers = training.labelled(FIRST, [0, 1], "train", 4, 6)
    whole = training.gradients(NET, p, x, answers)
    for name, g in training.gradients(NET, p, x, answers, steps=7).items():
        np.testing.assert_allclose(g, whole[name], atol=1e-14)
    run = NET.forward(p, x)
    part = training.gradients(NET, p, x, answers, steps=2)
    later = training.gradients(NET, p, x, answers, steps=3)
    assert np.abs(part["W"] - later["W"]).max() > 1e-6
    np.testing.assert_allclose(part["W_out"], whole["W_out"], atol=1e-14)
    assert len(run.y) == 8


def test_the_error_flow_is_the_derivative_by_the_state():
    """Row q: the error q steps back, here of one sequence, by finite differences at the initial state."""
    p, lag = starts((0,)), 4
    x, answers = training.labelled(FIRST, [0], "train", 1, lag)
    flow = training.error_flow(NET, p, x, answers)
    assert flow.shape == (lag + 2, 1)
    drive = NET._drive(p, x)

    def loss(h0):
        h = tanh_rnn.forward(drive, p["W"], h0)
        return float(training.softmax_cross_entropy(NET.logits(p, h[-1]), answers)[0][0])
    numeric = [(loss(e) - loss(-e)) / 2e-6 for e in 1e-6 * np.eye(8)[:, None, :, None]]
    assert flow[lag + 1, 0] == pytest.approx(np.log10(np.linalg.norm(numeric)), abs=1e-5)


def test_a_state_that_holds_the_symbol_is_decodable_and_one_that_has_lost_it_is_not():
    x, answers = training.labelled(FIRST, [0, 1], "held", 512, 60)
    p = starts((0, 1), "plain")
    assert (training.decodable(NET, p, x, answers) < 0.65).all()
    p["W"][...] = 0
    p["W"][:, 0, 0] = 3.0                            # one unit with two attractors, set by the first symbol
    p["W_in"][:, 0] = 0
    p["W_in"][:, 0, :2] = (-5, 5)
    assert (training.decodable(NET, p, x, answers) == 1).all()


def test_every_trained_loss_has_the_right_gradient():
    errors = training.gradient_errors(4)
    assert len(errors) == 2 * len(TASKS) + 2 and max(errors.values()) < gradcheck.BOUND


# ---------------------------------------------------------------- tasks

def test_two_sequence_is_the_sign_of_the_first_three_inputs():
    x, answers = training.two_sequence(np.random.default_rng(0), 500, 20)
    assert x.shape == (23, 1, 500)
    np.testing.assert_array_equal(x[:3, 0], np.tile(2 * answers - 1, (3, 1)))
    assert abs(x[3:].std() - 0.2) < 0.01


def test_the_marked_bit_is_the_bit_at_the_mark_which_is_one_of_the_first_three():
    x, answers = training.marked_bit(np.random.default_rng(0), 500, 20)
    assert x.shape == (21, 2, 500) and set(np.unique(x[:, 0])) == {-1, 1}
    at = x[:, 1].argmax(0)
    assert (x[:, 1].sum(0) == 1).all() and set(at) == {0, 1, 2}
    np.testing.assert_array_equal(x[at, 0, np.arange(500)] > 0, answers == 1)


@pytest.mark.parametrize("task", [*TASKS.values(), training.MARKED], ids=[*TASKS, "marked"])
def test_every_task_fits_its_network(task):
    net = task.network(4)
    p = stack([training.start("plain", seed, net) for seed in (0, 1)])
    right, loss = training.scores(net, p, *training.labelled(task, [0, 1], "test", 50, 6))
    assert right.shape == (2,) and np.allclose(loss, -np.log(task.chance), atol=0.1)


def test_multiply_adds_are_three_for_each_weight_and_step():
    assert training.multiply_adds(16, 99) == 3 * (100 * 16 * 16 + 2 * 16)


def test_no_error_goes_back_to_real_inputs():
    assert training.multiply_adds(16, 99, training.MARKED) == training.multiply_adds(16, 99) + 100 * 2 * 2 * 16
    assert training.multiply_adds(16, 97, TASKS["two_sequence"]) == training.multiply_adds(16, 99) + 100 * 2 * 1 * 16


# ---------------------------------------------------------------- laws

def record_of(cost, lags=(4, 5, 6, 7, 8, 9, 10), seeds=4):
    """A record whose small SGD needs cost(lag) sequences with every seed."""
    runs = [dict(final={laws.SMALL: {str(lag): dict(sequences=cost(lag, seed)) for lag in lags}})
            for seed in range(seeds)]
    return dict(runs=runs, config=dict(fitted=(4, 8), curves={laws.SMALL: dict(lags=list(lags))}))


def test_an_exponential_is_found_with_its_growth_and_predicts_the_held_out_lags():
    record = record_of(lambda lag, seed: 100 * 2.5**lag)
    growth, held = laws.small_growth(record), laws.held_out(record)
    assert growth.value == pytest.approx(2.5) and growth.interval == pytest.approx((2.5, 2.5))
    assert [row[0] for row in held.rows] == [9, 10] and held.ratio < 1e-6
    assert held.rows[0][2] == pytest.approx(100 * 2.5**9)


def test_a_power_law_is_told_from_an_exponential():
    assert laws.held_out(record_of(lambda lag, seed: 10.0 * lag**4)).ratio > 100


def test_unsolved_networks_are_infinitely_slow():
    record = record_of(lambda lag, seed: None if lag > 6 and seed > 1 or lag > 7 else 10.0**lag)
    assert laws.median(record, laws.SMALL, 7) == 10.0**7                 # two of four: the lower one in the middle
    assert laws.median(record, laws.SMALL, 8) == np.inf
    assert laws.fitted_lags(record) == [4, 5, 6, 7]
    assert laws.held_out(record).ratio is None


def test_a_million_buys_as_many_steps_as_the_growth_goes_into_it():
    assert laws.steps_for(1e6, 10) == pytest.approx(6)


def test_a_million_buys_a_power_law_a_factor_of_the_lag():
    assert laws.steps_by_power(1e6, 6, 13) == pytest.approx(13 * 9)


@pytest.mark.parametrize("kind", laws.KINDS)
def test_a_law_reaches_the_lag_whose_cost_it_predicts(kind):
    law = laws.fit(kind, [4, 5, 6], [10, 30, 100])
    assert law.reached(law.predict(9)) == pytest.approx(9)
