"""The series, the rules without search, the gradient LSTM, and the tasks of the studies."""

import numpy as np
import pytest

from common import gradcheck, lstm
from common.networks import Network, stack
from common.randomness import stream
from vanishing_gradient.evolino import gradient_lstm, series
from vanishing_gradient.evolino.opponents import continue_linearly, echo_state_networks, linear_autoregression
from vanishing_gradient.evolino.studies import anbncn, mackey_glass
from vanishing_gradient.evolino.two_phase import nrmse, score


def test_a_sum_of_sines_is_what_the_paper_says():
    x = np.arange(7)
    np.testing.assert_allclose(series.sines(2, 7), np.sin(0.2 * x) + np.sin(0.311 * x), atol=1e-15)
    np.testing.assert_allclose(series.sines(5, 7, 3.0)[0], sum(np.sin(3 * f) for f in (0.2, 0.311, 0.42, 0.51, 0.63)))


def test_a_product_of_sines_is_two_cosines():
    x = np.arange(50)
    np.testing.assert_allclose(series.product(50), (np.cos(0.111 * x) - np.cos(0.511 * x)) / 2, atol=1e-14)


def test_mackey_glass_does_not_depend_on_the_step_of_the_integration():
    one, half = (series.mackey_glass(100, np.random.default_rng(0), h=h, skip=50) for h in (0.1, 0.05))
    assert np.abs(one - half).max() < 2e-4 and 0.2 < one.min() < one.max() < 1.5


@pytest.mark.parametrize("count", [2, 5])
def test_linear_autoregression_solves_superimposed_sines(count):
    u = series.sines(count, 700)
    output = continue_linearly(linear_autoregression(u[:400], 2 * count), u[:100], 600)
    assert nrmse(output[300:], u[400:]) < 1e-5


def test_an_echo_state_network_without_biases_continues_two_sines():
    u = series.sines(2, 400)
    nets = echo_state_networks(np.random.default_rng(0), 5, 10, 0.8, 1e-7)
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(nets.W)).max(-1), 0.8)
    assert score(nets, u, 100).error.min() < 1e-9


def test_every_trained_loss_has_the_right_gradient():
    errors = gradient_lstm.gradient_errors()
    assert len(errors) == 2 and max(errors.values()) < gradcheck.BOUND


def test_a_gradient_lstm_learns_to_predict_and_a_diverged_one_leaves_the_others_alone():
    u = series.sines(1, 140)
    closed = gradient_lstm.trained(u, 100, 20, 4, [0], (0.01,), (0.3,), 40, 10)
    both = gradient_lstm.trained(u, 100, 20, 4, [0], (0.01, 1e30), (0.3,), 40, 10)
    assert closed.error[0] < 1.5 and np.isfinite(both.error).all() and np.isfinite(both.test_pinv).all()
    np.testing.assert_allclose(both.error[0], closed.error[0], rtol=1e-3)


def test_training_lowers_the_error_of_the_next_value():
    u, net = series.sines(1, 140).astype(np.float32), gradient_lstm.model(4)
    p = stack([gradient_lstm.first_weights(net, stream(0, "x"), 0.3)])
    inputs, targets = u[:-1].reshape(-1, 1, 1), u[1:].reshape(-1, 1, 1)
    loss = lambda: gradient_lstm.gradients(net, p, inputs, targets, 20)[0][0]
    before = loss()
    gradient_lstm.train(net, p, [0.03], inputs, targets, 20, 60, 60, lambda *_: None)
    assert loss() < before / 2


def test_the_hinge_loss_is_a_mean_over_the_steps_that_there_are():
    net = Network(lstm.Cell(2, forget_gate=True), 3, symbols=4)
    p = stack([net.init(stream(0, "x"), 0.3)])
    p["W_out"][...], p["b_out"][...] = 0, -0.5
    there = np.array([[True, True], [True, False]])
    t = np.where(np.arange(3)[:, None] == 0, 1.0, -1.0) * np.ones((2, 3, 2))     # one answer of three is due
    loss, _ = gradient_lstm.hinge_gradients(net, p, np.zeros((2, 1, 2), int), t, there)
    np.testing.assert_allclose(loss, (1.5**2 + 2 * 0.5**2) / 3, rtol=1e-6)


# ---------------------------------------------------------------- a^n b^n c^n

def test_the_string_of_two_and_its_next_symbols():
    x, t, there = anbncn.strings([2, 1])
    assert "".join(anbncn.SYMBOLS[k] for k in x[:, 0]) == "Saabbcc"
    nexts = ["".join(anbncn.TARGETS[k] for k in range(4) if t[step, k, 0] > 0) for step in range(7)]
    assert nexts == ["a", "ab", "ab", "b", "c", "c", "T"]
    assert there[:, 0].all() and there[:, 1].tolist() == [True] * 4 + [False] * 3


def counting(upto):
    """An oracle that is right on all strings with n <= upto."""
    def answer(x):
        n = (x == anbncn.A).sum(0)
        _, t, _ = anbncn.strings(n.tolist())
        return np.where(n <= upto, t, -t)
    return answer


def test_the_reach_is_the_last_length_with_all_shorter_ones_accepted():
    assert anbncn.reach(counting(7), 20, at_once=3) == 7
    assert anbncn.reach(counting(99), 20) == 20
    assert anbncn.reach(counting(0), 20) == 0


def test_without_memory_not_even_the_second_string_is_accepted():
    assert anbncn.without_memory(10, 20) <= 1


def test_echo_states_of_a_string_do_not_depend_on_the_strings_beside_it():
    networks = anbncn.echo_networks(np.random.default_rng(0), 3, 6, 0.9, 1.0)
    together, alone = (anbncn.echo_follow(networks, anbncn.strings(lengths)[0]) for lengths in ([4, 2], [2]))
    assert np.allclose(together[:7, ..., 1], alone[:7, ..., 0])
    assert np.allclose(np.abs(np.linalg.eigvals(networks[0])).max(-1), 0.9)


def test_the_readout_of_the_language_sees_the_shorter_strings_only():
    genes = anbncn.first_genes(np.random.default_rng(0), (3, 5), 5, 1.0)
    longer, shorter = anbncn.strings(range(1, 11)), anbncn.strings(range(1, 8))
    readout = anbncn.scored(genes, longer)[1]
    y = anbncn.follow(genes, shorter[0]).y[1:]
    np.testing.assert_allclose(readout, anbncn.fitted(y, *shorter[1:]), rtol=1e-6, atol=1e-8)


# ---------------------------------------------------------------- Mackey-Glass

def test_predictions_84_steps_ahead_stand_at_the_right_steps():
    u = series.sines(2, mackey_glass.END)
    nets = echo_state_networks(np.random.default_rng(0), 1, 12, 0.8, 1e-7)
    found = mackey_glass.with_least_squares(nets, u, 100)
    assert found.error[0] < 1e-8 and found.tested(u).max() < 1e-8
    assert mackey_glass.linear(u, (2, 4)).max() < 1e-8


def test_no_search_sees_the_starts_that_are_reported():
    u = series.sines(2, mackey_glass.END) + 0.1 * np.random.default_rng(0).standard_normal(mackey_glass.END)
    other = u.copy()
    other[mackey_glass.SEEN:] += 1
    nets = echo_state_networks(np.random.default_rng(0), 2, 12, 0.8, 0.1)
    first, second = (mackey_glass.with_least_squares(nets, v, 100) for v in (u, other))
    np.testing.assert_array_equal(first.error, second.error)
    seen, tested = mackey_glass.starts_seen(), mackey_glass.starts_tested()
    assert seen.max() + mackey_glass.HORIZON <= mackey_glass.SEEN < tested.min()
    assert tested.max() + mackey_glass.HORIZON <= mackey_glass.END and len(tested) >= 90
