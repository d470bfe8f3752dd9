"""Networks with input and readout: gradients, and what N together and windows must not change."""

import numpy as np
import pytest

from common import gradcheck, gru, lstm, networks
from common.networks import Network, best_rate, stack

CELLS = {"tanh": 5, "LSTM": lstm.Cell(3), "LSTM, forget gates, blocks of two": lstm.Cell(2, 2, forget_gate=True),
         "LSTM of 1997": lstm.Cell(2, 2, gate_sources=True, squash="1997"), "GRU": gru.Cell(4)}
INPUTS = {"symbols": dict(symbols=4), "symbols without b": dict(symbols=4, bias=False), "reals": dict(reals=2),
          "symbols and reals": dict(symbols=4, reals=2)}


def problem(cell, kind, N=2, T=6, B=3):
    """A network, parameters in float64 with an axis N, inputs, extra inputs, targets and weights."""
    rng, network = np.random.default_rng(0), Network(CELLS[cell], 3, **INPUTS[kind])
    p = stack([network.init(rng, std=0.5, dtype=np.float64) for _ in range(N)])
    p["b_out"] += rng.normal(size=p["b_out"].shape)
    x = rng.integers(0, 4, (T, N, B)) if network.symbols else rng.normal(size=(T, N, 2, B))
    extra = rng.normal(size=(T, N, 2, B)) if kind == "symbols and reals" else None
    return rng, network, p, x, extra, rng.integers(0, 3, (T, N, B)), rng.uniform(size=(T, N, B))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", INPUTS)
def test_the_gradient_of_every_step_equals_finite_differences(cell, kind):
    rng, network, p, x, extra, targets, weight = problem(cell, kind)
    initial = [rng.normal(size=a.shape) for a in network.forward(p, x, extra=extra).state]

    def gradients():
        return network.gradients_at_every_step(p, x, targets, weight, initial, extra)

    assert gradcheck.directional_error(lambda: float(gradients()[0].sum()), p, gradients()[1], rng) <= 1e-7


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["symbols", "reals"])
def test_the_gradient_after_the_last_step_equals_finite_differences(cell, kind):
    rng, network, p, x, _, targets, _ = problem(cell, kind)
    loss, g = network.gradients_at_end(p, x, targets[0])
    error = gradcheck.directional_error(lambda: float(network.gradients_at_end(p, x, targets[0])[0].sum()), p, g, rng)
    assert error <= 1e-7


@pytest.mark.parametrize("cell", CELLS)
def test_networks_together_equal_networks_alone(cell):
    _, network, p, x, _, targets, _ = problem(cell, "symbols")
    _, together = network.gradients_at_end(p, x, targets[0])
    for n in range(2):
        _, alone = network.gradients_at_end(networks.chosen(p, n), x[:, n], targets[0, n])
        for name in alone:
            np.testing.assert_allclose(together[name][n], alone[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_two_windows_with_the_carried_state_equal_one(cell):
    _, network, p, x, _, _, _ = problem(cell, "symbols")
    first = network.forward(p, x[:2])
    np.testing.assert_allclose(network.forward(p, x[2:], first.state).y[-1], network.forward(p, x).y[-1], rtol=1e-12)


def test_the_answer_is_read_after_the_last_step():
    _, network, p, x, _, _, _ = problem("tanh", "symbols")
    y = network.forward(p, x).y
    np.testing.assert_array_equal(network.answer(p, x), p["W_out"] @ y[-1] + p["b_out"][..., None])


def test_real_inputs_may_be_shared_by_all_networks():
    _, network, p, x, _, _, _ = problem("tanh", "reals")
    shared = network.forward(p, x[:, 0])
    np.testing.assert_allclose(shared.y[:, 1], network.forward(networks.chosen(p, 1), x[:, 0]).y, rtol=1e-12)


def test_gate_biases_go_to_b_or_to_the_columns_of_the_symbols():
    cell, rng = lstm.Cell(3, forget_gate=True), np.random.default_rng(0)
    with_b = Network(cell, 2, symbols=4).init(rng, gates=dict(input=-2, forget=[1, 2, 3]))
    assert with_b["b"][cell.gate_rows("input")].tolist() == [-2] * 3
    assert with_b["b"][cell.gate_rows("forget")].tolist() == [1, 2, 3]
    without = Network(cell, 2, symbols=4, bias=False).init(rng, std=0, gates=dict(input=-2))
    assert "b" not in without and (without["W_in"][cell.gate_rows("input")] == -2).all()


@pytest.mark.parametrize("recurrent", ["orthogonal", "identity"])
def test_orthogonal_and_identity_weights_keep_every_length(recurrent):
    W = Network(6, 2, symbols=3).init(np.random.default_rng(0), recurrent=recurrent, dtype=np.float64)["W"]
    np.testing.assert_allclose(W @ W.T, np.eye(6), atol=1e-12)


def test_chrono_biases_are_opposite_and_span_the_life_times():
    gates = networks.chrono(np.random.default_rng(0), 2000, 101)
    np.testing.assert_array_equal(gates["forget"], -gates["input"])
    assert 0 <= gates["forget"].min() < 0.5 and np.log(99.5) < gates["forget"].max() <= np.log(100)


def test_the_best_rate_has_the_highest_accuracy_then_the_lowest_loss_and_has_not_diverged():
    assert best_rate([0.5, 0.9, 0.9], [0.1, 0.4, 0.3]) == 2
    assert best_rate([[0.5, np.nan, 0.2], [np.nan, 0.2, 0.1]], [[1, 0, 0], [0, 1, 0]]).tolist() == [0, 1]
    assert best_rate([0.9, 0.9], [np.nan, 5.0]) == 1
    assert best_rate([np.nan, np.nan], [1, 1]) == 0, "something must be chosen"
