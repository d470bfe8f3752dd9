"""Experiments 6a and 6b as published."""

import numpy as np
import pytest

from common import gradcheck
from common.randomness import stream
from temporal_order_3bit import paper_1997 as paper
from temporal_order_3bit.paper_1997 import PAPER_6A, PAPER_6B

BOTH = pytest.mark.parametrize("experiment", [PAPER_6A, PAPER_6B], ids=["6a", "6b"])


@BOTH
def test_sequences_are_the_papers(experiment):
    tokens, lengths, targets = paper.sequences(stream(0, "test"), experiment, 3000)
    assert set(lengths) == set(range(100, 111))
    assert set(targets) == set(range(experiment.classes))
    for column, length, target in zip(tokens.T[:300], lengths, targets):
        assert column[0] == paper.E and column[length - 1] == paper.B and (column[length:] == paper.B).all()
        positions = np.flatnonzero((column == paper.X) | (column == paper.X + 1))
        assert len(positions) == len(experiment.windows)
        assert all(first <= t <= last for t, (first, last) in zip(positions, experiment.windows))
        assert int("".join(str(s - paper.X) for s in column[positions]), 2) == target
        fillers = np.delete(column[1:length - 1], positions - 1)
        assert fillers.min() >= 4 and fillers.max() <= 7


@BOTH
def test_the_network_has_the_papers_number_of_weights_and_biases(experiment):
    p = paper.init(stream(0, "init"), experiment)
    assert sum(a.size for a in p.values()) == experiment.weights == {4: 156, 8: 308}[experiment.classes]
    biases = p["b"].copy()
    assert biases[experiment.cell.gate_rows("input")].tolist() == list(experiment.input_gate_biases)
    biases[experiment.cell.gate_rows("input")] = 0
    assert all(np.abs(a).max() <= 0.1 for a in (biases, p["W"], p["W_in"], p["W_out"], p["b_out"]))


@BOTH
def test_the_gradient_is_the_truncated_one_of_half_the_squared_error(experiment):
    """With the recurrent sources held constant, finite differences give the same numbers."""
    rng = stream(1, "gradcheck")
    p = {name: rng.normal(0, 0.3, a.shape) for name, a in paper.init(rng, experiment).items()}
    tokens, lengths, targets = paper.sequences(rng, experiment, 1)
    tokens, targets = tokens[:, None], targets[None]
    networks = {name: a[None] for name, a in p.items()}
    _, trace = paper.forward(experiment, networks, tokens, lengths[None])
    _, g = paper.gradients(experiment, networks, tokens, lengths[None], targets)
    sources = trace.y[:-1].copy()

    def loss():                                        # W y enters through the drive, y as it was
        drive = paper.lookup(networks["W_in"] + networks["b"][..., None], tokens) + networks["W"] @ sources
        cut = paper.lstm.forward(experiment.cell, drive, np.zeros_like(networks["W"]))
        output = paper.logistic(paper.affine(networks["W_out"], networks["b_out"],
                                             paper.at_end(experiment, cut, lengths[None])))
        return 0.5 * (((np.arange(experiment.classes)[:, None] == targets[:, None]) - output) ** 2).sum()

    assert gradcheck.directional_error(loss, networks, g, rng, step=5e-4) <= 1e-7
    if experiment is PAPER_6A:                         # 6b has the same code and twice the weights
        assert max(gradcheck.elementwise_error(loss, networks, g, step=5e-4).values()) <= 1e-7


def test_the_carried_traces_of_the_appendix_give_the_same_update():
    """Equations 19 to 28 of appendix A.1 written out for one sequence, storing only running sums."""
    rng = stream(2, "gradcheck")
    cell, p = PAPER_6A.cell, {name: 3 * a for name, a in paper.init(rng, PAPER_6A).items()}
    tokens, lengths, targets = paper.sequences(rng, PAPER_6A, 1)
    f = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    block = np.repeat(np.arange(2), 2)
    y, s = np.zeros(8), np.zeros(4)
    trace_c, trace_in = np.zeros((4, 17)), np.zeros((4, 17))
    for t in range(lengths[0]):
        x = np.concatenate([np.eye(8)[tokens[t, 0]], y, [1.0]])
        net = np.concatenate([p["W_in"], p["W"], p["b"][:, None]], 1) @ x
        y_in, y_out, g = f(net[:2])[block], f(net[2:4])[block], 4 * f(net[4:]) - 2
        dg, dy_in = 4 * f(net[4:]) * (1 - f(net[4:])), y_in * (1 - y_in)
        trace_c += (y_in * dg)[:, None] * x                                        # (27)
        trace_in += (g * dy_in)[:, None] * x                                       # (25)
        s = s + y_in * g
        h = 2 * f(s) - 1
        y = np.concatenate([y_out * h, f(net[:4])])
    out = f(p["W_out"] @ y[:4] + p["b_out"])
    e = out * (1 - out) * (np.eye(4)[targets[0]] - out)                            # (19)
    b = p["W_out"].T @ e
    e_s = y_out * 2 * f(s) * (1 - f(s)) * b                                        # (23)
    expected = np.zeros((8, 17))
    for c in range(4):
        expected[block[c]] += e_s[c] * trace_in[c]                                 # (26)
        expected[2 + block[c]] += h[c] * b[c] * y_out[c] * (1 - y_out[c]) * x      # (21), (22)
    expected[4:] = e_s[:, None] * trace_c                                          # (28)
    _, g = paper.gradients(PAPER_6A, {k: a[None] for k, a in p.items()}, tokens[:, None], lengths[None], targets[None])
    ours = -np.concatenate([g["W_in"][0], g["W"][0], g["b"][0][:, None]], 1)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(-g["W_out"][0], np.outer(e, y[:4]), rtol=1e-9)


@BOTH
def test_a_short_run_reports_unsolved_trials_as_unsolved(experiment):
    runs = paper.run_trials(experiment, [0, 1], cap=12)
    assert [run["final"]["solved"] for run in runs] == [0.0, 0.0]
    assert all(run["final"]["sequences"] is None and run["final"]["wrong_of_2560"] is None for run in runs)


def test_trials_together_take_the_path_they_take_alone():
    together = paper.train(PAPER_6A, [0, 1, 2], cap=25, block=10)
    alone = paper.train(PAPER_6A, [2], cap=25, block=10)
    np.testing.assert_allclose(together[2]["p"]["W"], alone[0]["p"]["W"], rtol=1e-9)


def test_a_trial_counts_as_solved_only_after_an_unbroken_streak(monkeypatch):
    """Outputs that are right by construction reach the criterion at exactly STREAK sequences."""
    monkeypatch.setattr(paper, "STREAK", 5)
    seen = []

    def gradients(experiment, p, tokens, lengths, targets):
        seen.append(1)
        right = len(seen) != 3                         # the third sequence is wrong
        return np.full((1, 4, 1), 0.05 if right else 0.9), {name: np.zeros_like(a) for name, a in p.items()}

    monkeypatch.setattr(paper, "gradients", gradients)
    trial = paper.train(PAPER_6A, [0], cap=50)[0]
    assert trial["solved"] and trial["sequences"] == 3 + 5
