"""The studies, in the small."""

import re
from dataclasses import replace

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_studies, collapse_1992, paper_studies, task, visualize_studies
from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200.predictor import Predictor, read_from, stack
from common import gradcheck, results
from common.randomness import stream, streams
from tests.command import run_script
from tests.conftest import ROOT

SMALL = replace(experiment.Config(), length=60, automatizer_windows=300)


@pytest.mark.parametrize("name", chunker_studies.STUDIES)
def test_every_study_gives_finite_numbers_for_each_seed(name):
    function, _, quick = chunker_studies.STUDIES[name]
    runs = function([0, 1], SMALL, **quick)
    assert [run["seed"] for run in runs] == [0, 1]
    record = results.summary(results.finite(runs), {})
    assert record and sum(s["n"] > 0 for s in record.values()) >= len(record) / 2


def test_a_study_is_written_where_it_was_asked_to(tmp_path):
    done = run_script("chunker_very_deep_1200/chunker_very_deep_1200.py", "--study", "cost", "--out", tmp_path)
    record = results.read(tmp_path / "studies" / "cost.json", "")
    assert done.returncode == 0 and record["study"] == "cost" and "A frozen" in visualize_studies.cost_table(record)


@pytest.mark.parametrize("name", ["lossless", "rtrl", "automaton", "recursive", "depth"])
def test_a_claim_of_a_study_fails_when_its_measurement_does(name):
    summary = results.read(ROOT / "chunker_very_deep_1200" / "studies" / f"{name}.json", "")["summary"]
    spoil = dict(lossless=("rebuilt", "min", 0.99), rtrl=("difference", "max", 1e-3), automaton=("compressed_sequences", "n", 1),
                 recursive=("recall", "min", 0.5), depth=("recall", "min", 0.5))
    prefix, key, value = spoil[name]
    bad = {metric: e | {key: value} if metric.startswith(prefix) else e for metric, e in summary.items()}
    assert not chunker_studies.claims(name, bad)[0]["holds"]


def test_every_committed_study_has_a_table_with_a_row_for_each_setting():
    for path in sorted((ROOT / "chunker_very_deep_1200" / "studies").glob("*.json")):
        table = visualize_studies.TABLES[path.stem](results.read(path, ""))
        assert len(table.splitlines()) >= 4, path.stem


# ---------------------------------------------------------------- stochastic filler

def test_without_noise_the_markov_filler_is_the_cycle():
    noisy = chunker_studies.noisy_sequences(streams([3], "x"), 4, 30, 0.0)
    np.testing.assert_array_equal(noisy, task.trigger_recall(noisy[0], 30))


def test_entropy_runs_from_zero_to_log_five():
    assert task.entropy(0.0) == 0 and task.entropy(1.0) == pytest.approx(np.log(5))


@pytest.mark.parametrize("noise", [0.05, 0.5, 1.0])
def test_expected_surprises_are_the_unlikely_steps_of_the_chain(noise):
    T = 400
    symbols = chunker_studies.noisy_sequences(streams([0], "x"), 200, T, noise)[1:-1, 0] - task.TRIGGERS
    unlikely = (np.diff(symbols, axis=0) % 5 != 1).sum(0).mean()
    assert task.expected_surprises(noise, T, None) == pytest.approx(2 + unlikely, rel=0.05)


def test_with_the_mass_criterion_every_step_of_a_noisy_chain_surprises():
    assert task.expected_surprises(0.2, 1200, 0.1) == 1199
    assert task.expected_surprises(0.1, 1200, 0.1) == pytest.approx(2 + 1197 * 0.08)


@pytest.mark.parametrize("tolerance", [0.1, 0.4, None])
def test_the_stream_is_rebuilt_from_the_surprises_even_with_an_untrained_net(tolerance):
    net, rng = Predictor(task.K, 5), stream(0, "x")
    p = stack([net.init(rng, 1.0) for _ in range(2)])
    symbols = rng.integers(0, task.K, (40, 2, 3))
    found = experiment.compress(net, p, symbols, tolerance)
    assert 0 < found.count.sum() < symbols.size or tolerance is not None
    np.testing.assert_array_equal(chunker_studies.rebuild(net, p, found, 40), symbols)


def test_a_stream_with_one_surprise_left_out_is_not_rebuilt():
    net, rng = Predictor(task.K, 5), stream(0, "x")
    p = stack([net.init(rng, 1.0)])
    symbols = rng.integers(0, task.K, (40, 1, 1))
    found = experiment.compress(net, p, symbols, None)
    fewer = experiment.Surprises(*(a[1:] for a in found))
    assert (chunker_studies.rebuild(net, p, fewer, 40) != symbols).any()


def test_cost_counts_the_multiply_adds_of_the_matrices():
    net = Predictor(7, 16)
    p = net.init(stream(0, "x"))
    assert chunker_studies.multiply_adds(net, p) == 16 * 16 + 7 * 16
    assert chunker_studies.counted(net, p, 10, 6)["multiply_adds"] == 3 * 10 * 368


# ---------------------------------------------------------------- the papers' tasks

def test_nested_sequences_are_cycles_within_cycles():
    symbols = paper_studies.nested_sequences(np.array([[1]]), F=3, L=2)[:, 0, 0]
    assert symbols.tolist() == [1, 2, 3, 7, 4, 5, 8, 6, 2, 1]


def test_each_level_of_a_perfect_predictor_would_leave_the_next_slower_cycle():
    symbols = paper_studies.nested_sequences(np.array([[0]]), F=4, L=3)[:, 0, 0]
    slower = symbols[(symbols >= task.TRIGGERS + task.CYCLE)]
    assert len(slower) == 4 * 4 - 1
    assert slower[slower < task.TRIGGERS + 2 * task.CYCLE].tolist() == [7, 8, 9, 10, 11, 7, 8, 9, 10, 11, 7, 8]


@pytest.mark.parametrize("r", [1, 3])
def test_automaton_sequences_follow_the_automaton_and_the_class_is_b_or_e(r):
    symbols, label = paper_studies.automaton_sequences(stream(0, "x"), 50, r)
    for b in range(50):
        word = "".join("abecd"[s] for s in symbols[:, 0, b] if s >= 0)
        assert re.fullmatch(f"(a{{{r}}})+(b|e){{{r}}}(c{{{r}}})+d{{{r}}}", word)
        assert ("b" in word) == label[b]


def test_the_classifier_sees_one_letter_for_each_change_when_letters_repeat():
    table = paper_studies.train_letter_predictor(0, 10)
    symbols, label = paper_studies.automaton_sequences(stream(0, "x"), 20, 10)
    letters, elapsed = paper_studies.unexpected_letters(table, symbols)
    assert letters[:, 0, :].T.tolist() == [[0, 1 if one else 2, 3, 4] for one in label]
    assert (elapsed[0] == 1).all() and (elapsed[1:] < 1).all()


def test_the_classifier_has_the_right_gradient():
    rng, net = stream(0, "x"), paper_studies.Letters(4, 1)
    p = {name: a.astype(float) for name, a in stack([net.init(rng, 0.5)]).items()}
    symbols, label = paper_studies.automaton_sequences(rng, 6, 2)
    view = symbols, rng.normal(size=(len(symbols), 1, 1, 6))
    step = lambda: paper_studies.classifier_step(net, p, *view, label)  # noqa: E731
    assert gradcheck.directional_error(lambda: float(step()[0]), p, step()[1], rng) <= 1e-7


def test_rtrl_gives_the_gradient_of_bptt():
    net, rng = Predictor(task.K, 6), stream(0, "x")
    p = net.init(rng, std=0.4, dtype=np.float64)
    symbols, weight = rng.integers(0, task.K, (25, 1)), rng.uniform(size=(25, 1))
    _, backward, _ = net.gradients(p, read_from(symbols, task.K), symbols, weight)
    forward = paper_studies.rtrl_gradients(p, read_from(symbols, task.K)[:, 0], symbols[:, 0], weight[:, 0])
    for name in p:
        np.testing.assert_allclose(forward[name], backward[name], rtol=1e-10, atol=1e-13)


# ---------------------------------------------------------------- collapse

def test_only_the_surprised_chunkers_learn_and_take_the_input_in():
    C = collapse_1992.Chunker(streams([0, 1], "C"))
    before, weights = C.state, {name: a.copy() for name, a in C.p.items()}
    symbol, teacher = np.array([[3], [4]]), np.zeros((2, 2, 1), np.float32)
    C.surprise(np.array([True, False]), symbol, teacher)
    assert not np.allclose(C.state[0], before[0]) and np.array_equal(C.state[1], before[1])
    assert all(np.array_equal(C.p[name][1], weights[name][1]) for name in weights)
    assert C.symbols[-1, 0, 0] == 3 and C.symbols[-1, 1, 0] == collapse_1992.K + 1


def test_three_inputs_and_the_state_before_them_are_the_whole_history(monkeypatch):
    monkeypatch.setattr(collapse_1992, "LR_C", 0.0)
    C, history = collapse_1992.Chunker(streams([0], "C")), [3, 7, 5, 9, 2]
    for symbol in history:
        C.surprise(np.array([True]), np.array([[symbol]]), np.zeros((1, 2, 1), np.float32))
    inputs = np.array([C.net.K] * 3 + history)[:, None, None]
    whole = C.net.forward(C.p, inputs, extra=np.zeros((len(inputs), 1, 2, 1), np.float32))
    np.testing.assert_allclose(C.seen.y[-1], whole.y[-1], rtol=1e-5, atol=1e-6)


def test_a_alone_solves_the_lag_of_twenty_after_the_collapse_with_errors_of_three_steps():
    solved, used, errors = collapse_1992.one_run([0, 1], 800)
    assert np.isfinite(solved).all() and (errors[-20:] < collapse_1992.RIGHT).all()
    assert used[0].min() == collapse_1992.STEPS and used[-100:].mean() < 2, "C is used less and less"


def test_without_the_chunker_three_steps_leave_it_at_chance():
    solved, _, errors = collapse_1992.one_run([0, 1], 150, with_C=False)
    assert np.isnan(solved).all() and errors[-100:].mean() > 0.3
