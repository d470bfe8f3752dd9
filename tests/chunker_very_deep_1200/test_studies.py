"""The studies, in the small."""

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200 import noisy_filler, single_nets, surprises, task
from chunker_very_deep_1200 import visualize_chunker_very_deep_1200 as visualize
from chunker_very_deep_1200.predictor import predictor, read_from
from chunker_very_deep_1200.studies import (automaton, collapse_1992, cost, lossless, marked_letters, recursive, rtrl,
                                            stochastic_filler)
from chunker_very_deep_1200.studies import single_nets as grid
from common import gradcheck, results, study
from common.networks import stack
from common.randomness import stream, streams
from tests.command import run_script
from tests.conftest import ROOT

SMALL = replace(experiment.Config(), length=60, automatizer_windows=300)
HOME = ROOT / "chunker_very_deep_1200"
STUDIES = study.find(HOME)
K = task.alphabet(0)


def entries(module, config, seeds):
    """Run a study in the small, its parts computed at once."""
    settings = {name: value for name, value in module.QUICK.items() if name not in vars(config)}
    config = replace(config, **{name: value for name, value in module.QUICK.items() if name in vars(config)})
    if "part" in inspect.signature(module.run).parameters:
        settings["part"] = lambda name, make: make()
    return list(module.run(config, seeds, **settings))


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_finite_numbers_for_each_seed(name):
    runs = entries(study.load(HOME, name), SMALL, [0, 1])
    assert [run["seed"] for run in runs] == [0, 1]
    found = [entry["n"] for entry in leaves(results.summary(results.finite(runs), {}))]
    assert found and sum(n > 0 for n in found) >= len(found) / 2


def leaves(tree):
    """The entries of a summary, which may be a tree of dictionaries."""
    for entry in tree.values():
        yield from [entry] if "n" in entry else leaves(entry)


def test_a_study_is_written_where_it_was_asked_to(tmp_path):
    done = run_script("chunker_very_deep_1200/chunker_very_deep_1200.py", "--study", "cost", "--out", tmp_path)
    record = results.read(tmp_path / "studies" / "cost.json", "")
    assert done.returncode == 0 and record["study"] == "cost"
    assert any("A frozen" in row[0] for row in cost.table(record)[1])


SPOIL = dict(lossless=("rebuilt", "min", 0.99), rtrl=("difference", "max", 1e-3), depth=("recall", "min", 0.5),
             automaton=("compressed_sequences", "n", 1), recursive=("recall_levels3", "min", 0.5),
             collapse_1992=("two_nets_within_5000", "mean", 0.5), threshold=("recall", "min", 0.5),
             stochastic_filler=("surprises_argmax", "mean", 700), online=("online_sequences", "n", 3))


def committed(name):
    return results.read(HOME / "studies" / f"{name}.json", "")


@pytest.mark.parametrize("name", SPOIL)
def test_a_claim_of_a_study_fails_when_its_measurement_does(name):
    prefix, key, value = SPOIL[name]
    record = committed(name)
    bad = {metric: e | {key: value} if metric.startswith(prefix) else e for metric, e in record["summary"].items()}
    made = study.load(HOME, name).checks({**record, "summary": bad})
    assert not made[0]["holds"] and record["checks"][0]["holds"]


@pytest.mark.parametrize("name", STUDIES)
def test_every_committed_study_has_a_finding_and_a_table_with_a_row_for_each_setting(name):
    record, module = committed(name), study.load(HOME, name)
    header, rows = module.table(record)
    assert len(rows) >= 2 and all(len(row) == len(header) for row in rows)
    assert module.finding(record).endswith(".") and len(record["runs"]) == len(list(module.SEEDS))
    made = results.finite(module.checks(record))
    assert made == record["checks"]


def test_the_single_nets_of_the_main_experiment_have_what_their_grid_chose():
    batch_of, rate_of = grid.choice(committed("single_nets"))
    assert {kind: single_nets.BATCH[kind] for kind in batch_of} == batch_of
    assert {name: single_nets.RATE[name] for name in rate_of} == rate_of


def test_a_net_that_diverged_is_unsolved_and_is_counted_in_the_table():
    finals = [dict(recall_x_m0=recall) for recall in (1.0, 0.5, None)]
    record = dict(runs=[dict(final=final) for final in finals], summary=results.summary(
        [results.entry(n, final) for n, final in enumerate(finals)], {}))
    assert visualize.solved(record, "recall_x_m0") == "1 of 3 (0.75; 1 diverged)"


def test_cell_states_are_reported_apart_for_seeds_that_solve_the_task_and_seeds_that_do_not():
    finals = [dict(recall_lstm_last_m0=recall, cell_state_lstm_last_m0=size)
              for recall, size in ((1.0, 7.2), (0.96, 1204.0), (0.94, 3.0), (None, 5.0), (0.5, None))]
    record = dict(runs=[dict(final=final) for final in finals])
    assert visualize.drift_at(record, 0) == "7 to 1,204 (2 solved), 3 to 5 (2 not)"


def test_the_grid_is_searched_on_seeds_that_are_reported_nowhere_else():
    assert min(grid.SEEDS) >= 900
    for name, about in STUDIES.items():
        assert name == "single_nets" or max(about.seeds) < 900


# ---------------------------------------------------------------- stochastic filler

def test_without_noise_the_markov_filler_is_the_cycle():
    noisy = noisy_filler.noisy_sequences(streams([3], "x"), 4, 30, 0.0)
    np.testing.assert_array_equal(noisy, task.trigger_recall(noisy[0], 30))


def test_entropy_runs_from_zero_to_log_five():
    assert task.entropy(0.0) == 0 and task.entropy(1.0) == pytest.approx(np.log(5))


@pytest.mark.parametrize("noise", [0.05, 0.5, 1.0])
def test_expected_surprises_are_the_unlikely_steps_of_the_chain(noise):
    T = 400
    symbols = noisy_filler.noisy_sequences(streams([0], "x"), 200, T, noise)[1:-1, 0] - task.LETTERS
    unlikely = (np.diff(symbols, axis=0) % 5 != 1).sum(0).mean()
    assert task.expected_surprises(noise, T, None) == pytest.approx(1.5 + unlikely, rel=0.05)


def test_by_the_argmax_rule_the_trigger_surprises_half_of_the_time():
    assert task.expected_surprises(0.0, 1200, None) == 1.5 and task.expected_surprises(0.0, 1200, 0.1) == 2
    record = committed("stochastic_filler")
    assert record["summary"]["surprises_argmax_noise0"]["mean"] == pytest.approx(1.5, abs=0.1)
    assert stochastic_filler.breakdown(record, "tolerance")[0] == 0.005
    assert stochastic_filler.breakdown(record, "argmax")[0] == 0.01, "it recalls with 0.005 and not with less"


def test_with_the_mass_criterion_every_step_of_a_noisy_chain_surprises():
    assert task.expected_surprises(0.2, 1200, 0.1) == 1199
    assert task.expected_surprises(0.1, 1200, 0.1) == pytest.approx(2 + 1197 * 0.08)


@pytest.mark.parametrize("tolerance", [0.1, 0.4, None])
def test_the_stream_is_rebuilt_from_the_surprises_even_with_an_untrained_net(tolerance):
    net, rng = predictor(5, K), stream(0, "x")
    p = stack([net.init(rng, 1.0) for _ in range(2)])
    symbols = rng.integers(0, K, (40, 2, 3))
    found = surprises.compress(net, p, symbols, tolerance)
    assert 0 < found.count.sum() < symbols.size or tolerance is not None
    np.testing.assert_array_equal(lossless.rebuild(net, p, found, 40), symbols)


def test_a_stream_with_one_surprise_left_out_is_not_rebuilt():
    net, rng = predictor(5, K), stream(0, "x")
    p = stack([net.init(rng, 1.0)])
    symbols = rng.integers(0, K, (40, 1, 1))
    found = surprises.compress(net, p, symbols, None)
    fewer = surprises.Surprises(*(a[1:] for a in found))
    assert (lossless.rebuild(net, p, fewer, 40) != symbols).any()


def test_cost_counts_the_multiply_adds_of_the_matrices():
    net = predictor(16, 7)
    p = stack([net.init(stream(0, "x"))])
    assert cost.multiply_adds(p) == 16 * 16 + 7 * 16
    assert cost.counted(net, 10, 6)["multiply_adds"] == 3 * 10 * 368


@pytest.mark.parametrize("kind, expected", [("rnn", 76_864), ("lstm", 230_464), ("lstm_forget", 268_864)])
def test_stored_bytes_are_those_of_the_arrays_that_a_forward_pass_keeps(kind, expected):
    net, init = single_nets.single_net(kind, experiment.Config())
    p = stack([init(stream(0, "x"))])
    run = net.forward(p, np.zeros((1200, 1, 1), np.int8))
    kept = [run.y] if kind == "rnn" else [run.trace.y, run.trace.s, run.trace.act, run.trace.hs]
    assert cost.stored_bytes(net, p, 1200) == expected == sum(a.nbytes for a in kept)


# ---------------------------------------------------------------- the papers' tasks

def test_nested_sequences_are_cycles_within_cycles():
    symbols = recursive.nested_sequences(np.array([[1]]), F=3, L=2)[:, 0, 0]
    assert symbols.tolist() == [1, 2, 3, 7, 4, 5, 8, 6, 2, 1]


def test_each_level_of_a_perfect_predictor_would_leave_the_next_slower_cycle():
    symbols = recursive.nested_sequences(np.array([[0]]), F=4, L=3)[:, 0, 0]
    slower = symbols[(symbols >= task.LETTERS + task.CYCLE)]
    assert len(slower) == 4 * 4 - 1
    assert slower[slower < task.LETTERS + 2 * task.CYCLE].tolist() == [7, 8, 9, 10, 11, 7, 8, 9, 10, 11, 7, 8]


@pytest.mark.parametrize("r", [1, 3])
def test_automaton_sequences_follow_the_automaton_and_the_class_is_b_or_e(r):
    symbols, label = automaton.automaton_sequences(stream(0, "x"), 50, r)
    for b in range(50):
        word = "".join("abecd"[s] for s in symbols[:, 0, b] if s >= 0)
        assert re.fullmatch(f"(a{{{r}}})+(b|e){{{r}}}(c{{{r}}})+d{{{r}}}", word)
        assert ("b" in word) == label[b]


def test_the_classifier_sees_one_letter_for_each_change_and_no_letter_is_flagged_by_hand():
    table = automaton.train_letter_predictor(0, 10)
    symbols, label = automaton.automaton_sequences(stream(0, "x"), 20, 10)
    letters, elapsed = automaton.unexpected_letters(table, symbols)
    assert letters[:, 0, :].T.tolist() == [[automaton.START, 1 if one else 2, 3, 4] for one in label]
    assert (elapsed[0] == 1).all() and (elapsed[1:] < 1).all()


def test_an_untrained_letter_predictor_leaves_the_first_letter_to_its_own_choice():
    symbols, _ = automaton.automaton_sequences(stream(0, "x"), 5, 2)
    prefers_b = np.zeros((5, 6))
    prefers_b[1] = 1
    letters, _ = automaton.unexpected_letters(prefers_b, symbols)
    assert (letters[1] == 0).all(), "a was not expected, so it is a surprise"


def test_the_classifier_has_the_right_gradient():
    rng, net = stream(0, "x"), automaton.classifier()
    p = stack([net.init(rng, 0.5, dtype=np.float64) for _ in range(2)])
    symbols, label = automaton.automaton_sequences(rng, 6, 2)
    letters, _ = automaton.raw_view(symbols)
    view = letters, rng.normal(size=(len(letters), 1, 1, 6))
    step = lambda: automaton.classifier_step(net, p, *view, label)
    assert gradcheck.directional_error(lambda: float(step()[0].sum()), p, step()[1], rng) <= 1e-7


def test_rtrl_gives_the_gradient_of_bptt():
    net, rng = predictor(6, K), stream(0, "x")
    p = net.init(rng, std=0.4, dtype=np.float64)
    symbols, weight = rng.integers(0, K, (25, 1)), rng.uniform(size=(25, 1))
    _, backward, _ = net.gradients_at_every_step(p, read_from(symbols, K), symbols, weight)
    forward, _ = rtrl.rtrl_gradients(p, read_from(symbols, K)[:, 0], symbols[:, 0], weight[:, 0])
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
    assert C.symbols[-1, 0, 0] == 3 and C.symbols[-1, 1, 0] == collapse_1992.K


def test_three_inputs_and_the_state_before_them_are_the_whole_history(monkeypatch):
    monkeypatch.setattr(collapse_1992, "RATE_C", 0.0)
    C, history = collapse_1992.Chunker(streams([0], "C")), [3, 7, 5, 9, 2]
    for symbol in history:
        C.surprise(np.array([True]), np.array([[symbol]]), np.zeros((1, 2, 1), np.float32))
    inputs = np.array([collapse_1992.K] * 3 + history)[:, None, None]
    whole = C.net.forward(C.p, inputs, extra=np.zeros((len(inputs), 1, 2, 1), np.float32))
    np.testing.assert_allclose(C.seen.y[-1], whole.y[-1], rtol=1e-5, atol=1e-6)


def test_a_alone_solves_the_lag_of_twenty_after_the_collapse_with_errors_of_three_steps():
    solved, used, errors = collapse_1992.one_run([1], 600)
    assert np.isfinite(solved).all() and (errors[-20:] < collapse_1992.RIGHT).mean() > 0.9
    assert used[0].min() == collapse_1992.STEPS and used[-100:].mean() < 2, "C is used less and less"


def test_without_the_chunker_three_steps_leave_it_at_chance():
    solved, _, errors = collapse_1992.one_run([0, 1], 150, C_too=False)
    assert np.isnan(solved).all() and errors[-100:].mean() > 0.3


@pytest.mark.parametrize("C_too", [True, False])
def test_runs_of_the_collapse_together_equal_a_run_alone(C_too):
    """Networks that were not surprised must not move: neither weights nor moments nor step counts."""
    _, used, errors = collapse_1992.one_run([0, 1, 2], 60, C_too=C_too)
    _, used_alone, alone = collapse_1992.one_run([1], 60, C_too=C_too)
    np.testing.assert_allclose(errors[:, 1], alone[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(used[:, 1], used_alone[:, 0])


# ---------------------------------------------------------------- marked letters

def test_a_gated_c_that_learns_from_the_last_surprise_has_the_right_gradient():
    how = experiment.Recipe(4, 2, 0.01, gated=True, last_only=True, longest=6)
    C, rng = experiment.chunker(how, 8, 100), stream(0, "x")
    c = {name: a.astype(float) for name, a in experiment.init_chunker(C, how, [0]).items()}
    found = surprises.gather(np.array([0, 0, 7, 30]), np.zeros(4, int), np.array([0, 1, 1, 1]), np.array([0, 7, 1, 1]),
                             1, 2)
    loss = lambda: experiment.chunker_loss(C, c, found, last_only=True)
    assert gradcheck.directional_error(lambda: float(loss()[0][0]), c, loss()[1], rng) <= 1e-7


def test_a_solved_seed_is_one_with_at_least_95_of_100_right():
    record = dict(runs=[dict(final={"recall_tanh_m10": value}) for value in (0.94, 0.95, 1.0, None)])
    assert experiment.solved(record, "tanh", 10) == 2 == marked_letters.solved(record, "tanh", 10)
