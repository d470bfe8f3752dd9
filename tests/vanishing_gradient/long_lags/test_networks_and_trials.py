"""The networks against finite differences and slow definitions; criteria; trials side by side."""

import numpy as np
import pytest

from common import gradcheck
from vanishing_gradient.long_lags import abreast, long_lags, one_unit, rows, trials, two_nets, wiring
from vanishing_gradient.long_lags.criteria import AllStrings, Both, Streak, TestSets, Window
from vanishing_gradient.long_lags.learners import learner
from vanishing_gradient.long_lags.one_unit import OneUnit
from vanishing_gradient.long_lags.tasks import Marked, TwoSequences


# ---------------------------------------------------------------- gradients

@pytest.mark.parametrize("what, error", long_lags.gradient_errors().items())
def test_a_gradient_agrees_with_finite_differences(what, error):
    assert error <= 1e-7, what


WITH_SHORTCUTS = rows.REBER[1]._replace(name="shortcuts", net=rows.REBER[1].net._replace(shortcut=True,
                                                                                        gate_sources=False))


@pytest.mark.parametrize("row", (rows.REBER[0], rows.REBER[4], WITH_SHORTCUTS, rows.TABLE_3[0],
                                 rows.NOISE["3a_T100_N3"], rows.ADDING, rows.ADDING_LOGISTIC), ids=lambda row: row.name)
def test_networks_abreast_have_the_gradients_of_the_slow_definition(row):
    """Three networks in double precision, weights large enough that every squashing function bends."""
    running = trials.Trials(row, [900, 901, 902])
    p = {name: 3 * a.astype(float) for name, a in running.p.items()}
    block = running.learner.draw(running.generators, running.sets)
    lengths, every_step = block[1][0], row.task.every_step
    if every_step:
        x = block[0][:lengths.max(), 0, :, None]
        target = block[2][:lengths.max(), :, 0].swapaxes(1, 2)[..., None]
    else:
        x, target = running.learner._inputs(block[0][:lengths.max(), ..., 0, :]), block[2][:, 0].T[..., None]
    slow, fast = (kind.gradients(row.net, p, x, lengths[:, None], target, every_step) for kind in (wiring, abreast))
    assert np.allclose(slow[0], fast[0], atol=1e-12) and slow[1].keys() == fast[1].keys()
    for name, g in slow[1].items():
        assert g.shape == fast[1][name].shape and np.allclose(g, fast[1][name], rtol=1e-9, atol=1e-12), name
        assert np.abs(g).max() > 0, name


def test_a_broken_gradient_is_noticed(monkeypatch):
    right = wiring.gradients

    def wrong(*arguments):
        error, g = right(*arguments)
        return error, {**g, "W_out": 1.001 * g["W_out"]}

    monkeypatch.setattr(wiring, "gradients", wrong)
    assert wiring.gradient_error(rows.ADDING.net, Marked(30)) > 1e-7


def test_the_cell_of_2a_is_a_running_sum_of_gated_inputs():
    net, rng = OneUnit(6), np.random.default_rng(0)
    p = {name: a[None] for name, a in one_unit.init(net, rng, np.float64).items()}
    p["on"][...] = 1
    x = TwoSequences(5).draw(rng, 1)
    s, f = 0.0, lambda v: 1 / (1 + np.exp(-v))
    output = one_unit.forward(net, p, x[:-1])[0]
    for t, symbol in enumerate(x[:-1, 0]):
        s += f(p["W_gate"][0, symbol]) * f(p["W_hidden"][0, symbol])
        assert np.allclose(output[0, t], f(p["W_out"][0, symbol] + p["w_unit"][0] * s))


def test_a_cell_that_has_not_joined_changes_nothing():
    net, rng = OneUnit(6), np.random.default_rng(0)
    p = {name: a[None] for name, a in one_unit.init(net, rng, np.float64).items()}
    _, g = one_unit.gradients(net, p, TwoSequences(5).draw(rng, 1))
    assert not g["w_unit"].any() and not g["W_gate"].any() and not g["W_hidden"].any() and g["W_out"].any()


def test_biases_a_network_does_not_have_stay_zero():
    for row in (rows.TABLE_3[0], rows.REBER[4], rows.NOISE["3a_T100_N3"]):
        running = trials.Trials(row, [900, 901])
        running.run(5)
        assert (running.p["b"][:, ~row.net.biased()] == 0).all() and (running.p["b_out"] == 0).all()


# ---------------------------------------------------------------- the chunker

def test_the_chunker_moves_at_events_only_and_predicts_the_next_one():
    net, rng = two_nets.TwoNets(6), np.random.default_rng(0)
    p = {n.removeprefix("chunker_"): a[None] for n, a in two_nets.init(net, rng).items() if n.startswith("chunker_")}
    x, event = TwoSequences(5).draw(rng, 1), np.array([[True, False, False, True, False, True]])
    h = two_nets.clocked(p, x, event)
    assert list(np.diff(h[0]) != 0) == list(event[0])
    n, t, output, target = two_nets.predictions(p, x, event, h)
    assert list(t) == [0, 3] and list(target.argmax(1)) == [x[3, 0], x[5, 0]] and output.shape == (2, 6)


def test_the_automatizer_imitates_the_chunker_and_is_tested_on_symbols_only():
    row = rows.CHUNKER._replace(task=TwoSequences(5), net=two_nets.TwoNets(6))
    running = trials.Trials(row, [900, 901])
    x = running.learner.draw(running.generators, running.sets)[:, 0]
    running.p["chunker_W_hidden"][:] = 50                            # the chunker's hidden unit is 1
    error, g = two_nets.gradients(row.net, running.p, x)
    output = one_unit.forward(row.net.unit, running.p, x[:-1])[0]
    assert error.shape == (2, 5, 7) and np.allclose(error[..., -1], 1 - output[..., -1])
    assert np.abs(g["W_out"][..., -1]).max() > 0 and g["chunker_W_out"].shape == (2, 6, 6)
    assert running.learner.look(running.p, None).shape == (2, 2)
    running.p["W_out"][..., -1] += 100                               # the output that is no symbol
    assert running.learner.look(running.p, None).max() < 1


# ---------------------------------------------------------------- criteria

def feed(rule, errors, look=None):
    """For each error (N,) in turn: who is solved."""
    memory = rule.begin(len(errors[0]))
    return [rule.see(memory, np.array(e), k, look) for k, e in enumerate(errors, start=1)], memory


def test_a_streak_is_broken_by_one_wrong_sequence():
    solved, memory = feed(Streak(0.2, 3), [[0.1], [0.1], [0.3], [0.1], [0.1], [0.1]])
    assert [bool(s[0]) for s in solved] == [False] * 5 + [True] and memory["best"][0] == 3


def test_a_streak_of_adding_also_needs_a_small_mean():
    solved, _ = feed(Streak(0.04, 2, mean_error=0.01), [[0.03], [0.03], [0.005], [0.005]])
    assert [bool(s[0]) for s in solved] == [False, False, False, True]


def test_multiplication_counts_wrong_ones_of_the_last_two_thousand():
    solved, _ = feed(Window(0.04, 3), [[0.0, 0.0]] * 1990 + [[0.0, 0.5]] * 10)
    assert list(solved[-1]) == [True, False]
    assert not any(s.any() for s in solved[:1989])


def test_the_first_criterion_of_experiment_3_is_remembered_and_the_second_ends_the_trial():
    errors = iter([np.full((256, 1), 0.1)] * 2 + [np.full((256, 1), 0.005)] * 2)
    solved, memory = feed(TestSets(0.2, 0, 0.01), [[1.0]] * 200, lambda first=None: next(errors)[:first])
    assert memory["st1"][0] == 100 and bool(solved[-1][0]) and not any(s.any() for s in solved[:-1])


def test_who_is_wrong_on_the_first_of_the_set_is_not_asked_for_the_rest_and_who_is_wrong_later_is_not_solved():
    wrong_early, wrong_late = np.full((256, 1), 0.005), np.full((256, 1), 0.005)
    wrong_early[3] = wrong_late[200] = 0.3
    for errors, times in ((wrong_early, 1), (wrong_late, 2)):
        asked = []
        solved, memory = feed(TestSets(0.2, 0, 0.01), [[1.0]] * 100,
                              lambda first=None: asked.append(first) or errors[:first])
        assert len(asked) == times and not solved[-1][0] and memory["st1"][0] == 0
    assert feed(TestSets(0.2, 1, 0.01), [[1.0]] * 100, lambda first=None: wrong_late[:first])[0][-1].all()


def test_a_trial_of_2a_is_solved_whatever_the_others_do():
    """Also without a row of right training sequences: before, one was needed in any trial of the company."""
    both = [np.array([[0.1, 0.1], [0.2, 0.2]]), np.array([[0.1], [0.2]])]
    assert feed(Both(0.25, 10_000), [[1.0, 1.0]] * 10, lambda: both[0])[0][-1].all()
    assert feed(Both(0.25, 10_000), [[1.0]] * 10, lambda: both[1])[0][-1].all()


def test_the_full_gradient_is_that_of_all_paths():
    net = rows.REBER[4].net._replace(truncated=False)
    rng = np.random.default_rng(0)
    p = {name: rng.normal(0, 0.3, (1, *a.shape)) for name, a in wiring.init(net, rng, np.float64).items()}
    x, lengths, target = wiring.one_sequence(rows.REBER[4].task, rng)
    x, target = x[:lengths.max()], target[:lengths.max()]

    def loss():
        error = target - wiring.forward(net, p, x, lengths, every_step=True).output
        return float((error * error).sum() / 2)

    _, g = wiring.gradients(net, p, x, lengths, target, every_step=True)
    assert gradcheck.largest_error(loss, p, g, rng, step=5e-4) <= 1e-7


def test_2a_is_tested_on_both_sequences_and_reber_on_all_strings():
    solved, _ = feed(Both(0.25, 10_000), [[0.1, 0.1]] * 10, lambda: np.array([[0.1, 0.1], [0.2, 0.3]]))
    assert list(solved[-1]) == [True, False]
    solved, memory = feed(AllStrings(2), [[1.0, 1.0]] * 2, lambda: np.array([[True, True], [True, False]]))
    assert list(solved[-1]) == [True, False] and list(memory["best"]) == [2, 1]


# ---------------------------------------------------------------- trials

ONE_OF_EACH = (rows.REBER[4], rows.ELMAN, rows.SMITH_ZIPSER_3, rows.CELL_P10, rows.RTRL[0], rows.CHUNKER,
               rows.TABLE_3[0], rows.NOISE["3c_T100_N3"], rows.ADDING)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.name)
def test_a_trial_learns_the_same_alone(row):
    both, alone = trials.Trials(row, [900, 901]), trials.Trials(row, [901])
    both.run(6)
    alone.run(6)
    for name, a in alone.p.items():
        assert np.allclose(both.p[name][1], a[0], atol=1e-6), name


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.name)
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(row):
    whole, first = trials.Trials(row, [900, 901]), trials.Trials(row, [900, 901])
    whole.run(200)
    first.run(100)
    again = trials.Trials(row, [900, 901], first.state())
    again.run(200)
    for name, a in whole.p.items():
        assert np.array_equal(again.p[name], a), name


def test_a_solved_trial_leaves_with_its_weights_and_the_others_go_on():
    class Third:
        def begin(self, N):
            return dict(best=np.zeros(N, int))

        def see(self, memory, errors, seen, look):
            return np.arange(len(errors)) == (seen == 3) - 1

    row = rows.CELL_P4._replace(solved=Both(0.25, 10))
    running = trials.Trials(row, [900, 901, 902])
    running.row = row._replace(solved=type("Rule", (Third,), {"at_end_only": False})())
    running.run(8)
    found = running.now()
    assert [trial["seed"] for trial in found] == [900, 901, 902]
    assert [(trial["solved"], trial["seen"]) for trial in found] == [(True, 3), (False, 8), (False, 8)]


def test_diverged_weights_end_a_trial_unsolved():
    running = trials.Trials(rows.ADDING._replace(lr=1e30), [900])
    running.run(50)
    assert not len(running.seeds) and not running.now()[0]["solved"]


def test_2a_with_ten_steps_is_learned_after_the_cell_joins():
    trial = trials.train(rows.CELL_P10, [900], 4000)[0][0]
    assert trial["solved"] and trial["memory"]["added"] < trial["seen"] < 4000
    worst = learner(rows.CELL_P10).look({name: a[None] for name, a in trial["p"].items()}, None)
    assert (worst < 0.25).all()


def test_the_first_sequences_and_weights_of_a_seed_are_pinned():
    running = trials.Trials(rows.ADDING, [0])
    block = running.learner.draw(running.generators, running.sets)
    assert block[1][0, 0] == PINNED_LENGTH and abs(float(block[2][0, 0, 0]) - PINNED_TARGET) < 1e-6
    assert abs(float(running.p["W_in"][0, 0, 0]) - PINNED_WEIGHT) < 1e-6


PINNED_LENGTH, PINNED_TARGET, PINNED_WEIGHT = 104, 0.4119262, 0.08792489
