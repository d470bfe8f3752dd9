"""Experiments 6a and 6b as published."""

import json

import numpy as np
import pytest

from common import gradcheck, progress, results
from common.randomness import stream, streams
from temporal_order_3bit import paper_1997 as paper
from temporal_order_3bit import paper_1997_report as report
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
    run = paper.forward(experiment, networks, tokens, lengths[None]).run
    _, g = paper.gradients(experiment, networks, tokens, lengths[None], targets)
    sources = run.y[:-1].copy()

    def loss():                                        # W y enters through the drive, y as it was
        drive = paper.lookup(networks["W_in"] + networks["b"][..., None], tokens) + networks["W"] @ sources
        cut = paper.lstm.forward(experiment.cell, drive, np.zeros_like(networks["W"]))
        cells = cut.y[..., :experiment.cell.cells, :]
        output = paper.logistic(paper.affine(networks["W_out"], networks["b_out"], paper.at_end(cells, lengths[None])))
        return 0.5 * (((np.arange(experiment.classes)[:, None] == targets[:, None]) - output) ** 2).sum()

    assert gradcheck.directional_error(loss, networks, g, rng, step=5e-4) <= 1e-7
    if experiment is PAPER_6A:                         # 6b has the same code and twice the weights
        assert max(gradcheck.elementwise_error(loss, networks, g, step=5e-4).values()) <= 1e-7


def test_the_carried_traces_of_the_appendix_give_the_same_update():
    """Equations 19 to 28 of appendix A.1 written out for one sequence, storing only running sums."""
    rng = stream(2, "gradcheck")
    p = {name: 3 * a for name, a in paper.init(rng, PAPER_6A).items()}
    tokens, lengths, targets = paper.sequences(rng, PAPER_6A, 1)
    f = lambda x: 1 / (1 + np.exp(-x))
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
def test_the_gradcheck_flag_covers_the_truncated_gradient(experiment, monkeypatch):
    assert paper.gradient_error(experiment) <= gradcheck.BOUND
    backward = paper.lstm.backward
    monkeypatch.setattr("common.lstm.backward", lambda *a, truncated, **k: backward(*a, truncated=False, **k))
    assert paper.gradient_error(experiment) > 1e-3, "the full gradient is not the truncated one"


# ---------------------------------------------------------------- the recipe, constant by constant

def test_table_10_and_its_results_are_the_papers():
    """Every constant of tables 9 and 10 that enters a trial."""
    assert PAPER_6A._asdict() == dict(
        windows=((10, 20), (50, 60)), blocks=2, input_gate_biases=(-2, -4), lr=0.5, weights=156, mean_sequences=31390,
        trials=20, wrong_of_2560=1, lengths=(100, 110), size=2)
    assert PAPER_6B._asdict() == dict(
        windows=((10, 20), (33, 43), (66, 76)), blocks=3, input_gate_biases=(-2, -4, -6), lr=0.1, weights=308,
        mean_sequences=571100, trials=10, wrong_of_2560=2, lengths=(100, 110), size=2)
    assert (paper.TOLERANCE, paper.STREAK, paper.MEAN_ERROR, paper.TEST_SEQUENCES) == (0.3, 2000, 0.1, 2560)
    assert paper.SYMBOLS == "EBXYabcd"


@BOTH
def test_the_network_is_the_cell_of_1997_with_gates_as_sources_and_the_truncated_gradient(experiment):
    cell, network = experiment.cell, experiment.network
    assert cell == paper.lstm.Cell(experiment.blocks, 2, forget_gate=False, gate_sources=True, squash="1997")
    assert network.truncated and network.symbols == 8 and network.classes == 2 ** len(experiment.windows)


@BOTH
def test_initial_weights_are_uniform_between_minus_and_plus_a_tenth(experiment):
    networks = [paper.init(rng, experiment) for rng in streams(range(100), "init")]
    for name in ("W_in", "W", "W_out", "b_out"):
        a = np.stack([p[name] for p in networks])
        assert np.abs(a).max() <= 0.1 and a.max() > 0.099 and a.min() < -0.099
        np.testing.assert_allclose(a.std(), 0.1 / np.sqrt(3), rtol=0.05)
    output_gates = np.stack([p["b"][experiment.cell.gate_rows("output")] for p in networks])
    assert output_gates.max() > 0.09 and output_gates.min() < -0.09, "the output gates' biases are random too"


@BOTH
def test_an_update_is_plain_descent_at_the_published_rate(experiment):
    trials = paper.Trials(experiment, paper.beginning(experiment, [0, 1]))
    before = {name: a.copy() for name, a in trials.p.items()}
    tokens, lengths, targets = (a[0] for a in paper.sequences_per_trial(streams([5, 6], "x"), experiment, 1))
    one = tokens[..., None], lengths[:, None], targets[:, None]
    _, g = paper.gradients(experiment, before, *one)
    trials.update(*one)
    rate = {PAPER_6A: 0.5, PAPER_6B: 0.1}[experiment]
    for name, a in trials.p.items():
        np.testing.assert_allclose(a, before[name] - rate * g[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("error, expected", [
    ((0.29, -0.29, 0.0, 0.0), True), ((0.31, 0.0, 0.0, 0.0), False), ((0.0, 0.0, 0.0, -0.31), False),
    ((0.3, 0.0, 0.0, 0.0), False), ((0.44, 0.44, 0.44, 0.44), False), ((0.0, 0.0, 0.0, 0.0), True)])
def test_a_sequence_is_right_when_every_output_is_within_three_tenths(error, expected):
    assert paper.right(np.array([error, (0.9,) * 4])).tolist() == [expected, False]


def scripted(monkeypatch, error_at):
    """Trials whose output errors come from a script: error_at(number of the sequence) -> (N, K)."""
    seen = []

    def gradients(experiment, p, tokens, lengths, targets):
        seen.append(1)
        return np.array(error_at(len(seen)))[:len(p["b"]), :, None], {name: np.zeros_like(a) for name, a in p.items()}

    monkeypatch.setattr(paper, "gradients", gradients)


def test_2000_right_sequences_in_a_row_solve_a_trial_and_1999_do_not(monkeypatch):
    scripted(monkeypatch, lambda n: [[0.9 if n == 2000 else 0.05] * 4])
    trial = paper.train(PAPER_6A, [0], cap=4500)[0][0]
    assert trial["solved"] and trial["sequences"] == 2000 + 2000


def test_right_answers_with_a_mean_error_above_a_tenth_do_not_solve_a_trial(monkeypatch):
    scripted(monkeypatch, lambda n: [[0.29, 0.29, 0.0, 0.0] if n <= 2500 else [0.05] * 4])
    trial = paper.train(PAPER_6A, [0], cap=5000)[0][0]
    # (0.145 k + 0.05 (2000 - k)) / 2000 < 0.1 when at most 1052 of the last 2,000 are of the first kind
    assert trial["solved"] and trial["sequences"] == 2500 + 2000 - 1052


def test_one_wrong_output_breaks_the_streak(monkeypatch):
    monkeypatch.setattr(paper, "STREAK", 5)
    scripted(monkeypatch, lambda n: [[0.9 if n == 3 else 0.05, 0.05, 0.05, 0.05], [0.05] * 4])
    first, second = paper.train(PAPER_6A, [0, 1], cap=50)[0]
    assert (first["sequences"], second["sequences"]) == (3 + 5, 5)


def test_a_test_sequence_is_wrong_when_any_output_is(monkeypatch):
    targets = paper.sequences(stream(0, "test"), PAPER_6A, 10)[2]
    outputs = (np.arange(4)[:, None] == targets).astype(float)
    outputs[3, 0] += 0.31 if targets[0] != 3 else -0.31        # one output of one sequence
    outputs[:, 1] = 0.7 * outputs[:, 1] + 0.1                  # errors of 0.2 and 0.1: still right
    monkeypatch.setattr(paper, "forward", lambda *_: paper.Pass(outputs, None, None))
    wrong, mean_error = paper.test(PAPER_6A, {}, stream(0, "test"), 10)
    assert wrong == 1 and mean_error == pytest.approx((0.31 + 0.2 + 3 * 0.1) / 40)


@pytest.mark.parametrize("kind, needed", [("1", ["input"]), ("2", ["candidate"]), ("both", ["input", "candidate"]),
                                          ("neither", [])])
def test_the_solution_type_is_the_path_whose_cut_ruins_the_answers(kind, needed, monkeypatch):
    cell = PAPER_6A.cell
    rows = dict(input=cell.gate_rows("input"), candidate=cell.candidate_rows)

    def forward(experiment, q, tokens, lengths):
        targets = paper.sequences(stream(0, "type"), PAPER_6A, tokens.shape[1])[2]
        whole = all(q["W"][rows[name], :cell.cells].any() for name in needed) and q["W_out"][:, :2].any()
        answers = targets if whole else (targets + 1) % 4
        return paper.Pass((np.arange(4)[:, None] == answers).astype(float), None, None)

    monkeypatch.setattr(paper, "forward", forward)
    p = paper.init(stream(0, "init"), PAPER_6A)
    assert paper.solution_type(PAPER_6A, p, stream(0, "type")) == (kind, 1), "only the first block is read"


# ---------------------------------------------------------------- trials

@BOTH
def test_a_short_run_reports_unsolved_trials_as_unsolved(experiment):
    runs = paper.run_trials(experiment, [0, 1], cap=12)
    assert [run["final"]["solved"] for run in runs] == [0.0, 0.0]
    assert all(run["final"]["sequences"] is None and run["final"]["wrong_of_2560"] is None for run in runs)


def test_trials_together_take_the_path_they_take_alone():
    together, _ = paper.train(PAPER_6A, [0, 1, 2], cap=25)
    alone, _ = paper.train(PAPER_6A, [2], cap=25)
    np.testing.assert_allclose(together[2]["p"]["W"], alone[0]["p"]["W"], rtol=1e-9)


def test_trials_that_were_stopped_go_on_to_the_same_numbers(monkeypatch):
    """Parts as they are written: solved trials have left, generators and streaks go on."""
    monkeypatch.setattr(paper, "STRETCH", 100)
    monkeypatch.setattr(paper, "STREAK", 30)
    monkeypatch.setattr(paper, "TOLERANCE", 0.75)
    monkeypatch.setattr(paper, "MEAN_ERROR", 0.6)
    kept, made = {}, []

    def part(name, make):
        if name not in kept:
            arrays = {}
            plain = json.dumps(progress._packed(make(), arrays))
            kept[name] = plain, arrays
            made.append(name)
        plain, arrays = kept[name]
        return progress._unpacked(json.loads(plain), {key: a.copy() for key, a in arrays.items()})

    seeds = [0, 1, 2, 3]
    whole = paper.train(PAPER_6A, seeds, 400)[0]
    first = paper.train(PAPER_6A, seeds, 400, part)[0]
    computed = len(made)
    kept = dict(list(kept.items())[:2])                        # the run is stopped after two stretches
    again = paper.train(PAPER_6A, seeds, 400, part)[0]
    assert computed >= 3 and len(made) == 2 * computed - 2, "two stretches are not computed again"
    assert any(t["solved"] for t in whole) and not all(t["solved"] for t in whole)
    for a, b, c in zip(whole, first, again):
        assert [t["sequences"] for t in (b, c)] == [a["sequences"]] * 2
        np.testing.assert_array_equal(a["p"]["W"], c["p"]["W"])


def test_parts_of_other_seeds_have_other_names():
    assert paper.seeds_key([0, 3, 5]) != paper.seeds_key([0, 4, 5])


def record_of(*sequences, cap=1000):
    """A record of trials that took so many sequences; None: not solved."""
    same = dict(mean_error=0.02, best_streak=2000, wrong_of_last_2000=0,
                **{f"type_{kind}": float(kind == "2") for kind in paper.KINDS})
    runs = [results.entry(n, dict(solved=float(x is not None), sequences=x, wrong_of_2560=x and 0, **same))
            for n, x in enumerate(sequences)]
    return dict(runs=runs, config=dict(cap=cap), summary=results.summary(runs, {}))


def test_an_unsolved_trial_counts_with_its_cap_in_the_mean():
    record = record_of(100, 300, None)
    assert report.sequences_at_least(record).tolist() == [100, 300, 1000]
    assert "at least 467 sequences" in report.finding(record, PAPER_6A)
    assert "2 of 3, within 1,000 sequences" in str(report.table(record, PAPER_6A))


@pytest.mark.parametrize("sequences, cap, held", [
    ((31390,) * 5, 200_000, [True, True, True]), ((31390, None), 200_000, [False, False, True]),
    ((90_000,) * 4, 200_000, [True, False, True]), ((None, None), 31_390, [False, False, False]),
    ((31390,) * 4 + (None,), 31_390, [False, False, True])])
def test_the_papers_claims_can_fail(sequences, cap, held):
    assert [c["holds"] for c in report.checks(record_of(*sequences, cap=cap), PAPER_6A)] == held


def test_the_figure_draws_our_mean_beside_the_papers_mean():
    fig = report.figure(record_of(20_000, 30_000, 50_000), PAPER_6A)
    lines = sorted(line.get_xdata()[0] for line in fig.axes[0].lines)
    assert lines == pytest.approx([31_390, 100_000 / 3])
    low, high = results.interval([20_000, 30_000, 50_000])
    shown = " ".join(text.get_text() for text in fig.axes[0].texts)
    assert "our mean: 33,333" in shown and f"{low:,.0f} to {high:,.0f}" in shown and "paper's mean of 20" in shown
