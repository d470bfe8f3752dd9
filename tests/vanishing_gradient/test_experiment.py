"""The claims on a small scale, by a second route where there is one, and the pieces around them."""

import numpy as np
import pytest

from common import gradcheck, lstm, results
from common.networks import stack
from common.randomness import stream
from tests.conftest import ROOT
from vanishing_gradient import bound, marked_bit
from vanishing_gradient import vanishing_gradient as experiment
from vanishing_gradient.studies import before_and_after, budget, cliff, latch, lengths, one_unit

SMALL = experiment.Config(networks=30, lags=80, coarse=1, fine=1)
GAIN = experiment.gains(SMALL)                        # 1/4, 1/2, 1, 2, 4, 8
FOLDER = ROOT / "vanishing_gradient"


# ---------------------------------------------------------------- one unit

@pytest.mark.parametrize("activation, theory", [("logistic", 4.0), ("tanh", 1.0), ("linear", 1.0)])
def test_the_measured_threshold_of_one_unit_is_one_over_the_steepest_slope(activation, theory):
    assert one_unit.threshold(activation) == pytest.approx(theory, rel=1e-6)


@pytest.mark.parametrize("activation, slope", [("logistic", 0.25), ("tanh", 1.0), ("linear", 1.0)])
def test_the_factor_at_rest_is_slope_times_weight(activation, slope):
    weights = np.array([0.5, 1.0, 3.0, 6.0])
    np.testing.assert_allclose(one_unit.factor_at_rest(activation, weights), slope * weights, rtol=1e-12)


def test_a_threshold_outside_the_interval_is_refused():
    with pytest.raises(ValueError, match="does not cross 1"):
        one_unit.threshold("logistic", high=3.0)


@pytest.mark.parametrize("activation, product", [("logistic", 1.5434046), ("tanh", 0.7717023)])
def test_the_best_weight_lies_on_the_coth_ridge(activation, product):
    assert one_unit.ridge(activation) == pytest.approx(product, rel=1e-6)
    weights, sources = np.linspace(0, 16, 401), np.linspace(0.2, 1, 17)
    factors = one_unit.factor_map(activation, weights, sources)
    assert one_unit.ridge_error(activation, weights, factors, sources) <= 1.0
    assert one_unit.ridge_error(activation, weights, np.roll(factors, 9, axis=1), sources) > 5       # it can fail


@pytest.mark.parametrize("activation, theory", [("logistic", 4.0), ("tanh", 1.0)])
def test_no_source_brings_the_factor_above_one_left_of_the_threshold(activation, theory):
    factors = one_unit.factor_map(activation, np.linspace(0, theory, 50), np.linspace(0, 1, 50))
    assert factors.max() <= 1 + 1e-12
    assert one_unit.factor_map(activation, np.array([1.2 * theory]), np.array([0.01])).max() > 1


def test_a_latch_that_keeps_its_bit_returns_no_error():
    found = latch.latch(np.array([0.5, 1.0, 2.5]), 60, 0.2, 200, stream(0, "test"))
    assert found.kept[2] == 1.0 and found.error[1, 2] < -20
    assert found.kept[1] < 0.9 and found.error[1, 1] > found.error[1, 2] + 10
    np.testing.assert_allclose(found.attractors[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(found.attractors[:, 2], np.tanh(2.5 * found.attractors[:, 2]), atol=1e-12)


def test_a_latch_in_little_noise_keeps_its_bit_and_returns_an_error():
    found = latch.latch(np.array([0.5, 1.02, 2.5]), 100, 0.005, 200, stream(0, "test"))
    best = latch.best_storing(found)
    assert found.kept[1] == 1.0 and best["weight"] == 1.02 and best["error"] > -4


def test_a_latch_that_stores_nowhere_reports_nothing():
    found = latch.latch(np.array([0.1, 0.2]), 30, 0.5, 200, stream(0, "test"))
    assert latch.best_storing(found)["weight"] is None and latch.best_storing(found)["error"] is None


def test_the_gradient_at_the_cliff_equals_finite_differences():
    assert all(error <= 1e-7 for error in cliff.gradient_errors().values())


def test_clipping_bounds_every_step():
    path, _, norms = cliff.descend(np.array([[5.0, -1.8], [5.5, -2.5]]), 0.3, 60, clip=0.1)
    assert norms.max() > 0.1, "otherwise nothing was clipped"
    assert np.linalg.norm(np.diff(path, axis=0), axis=-1).max() <= 0.03 + 1e-12


# ---------------------------------------------------------------- random networks

@pytest.mark.parametrize("n", [4, 16])
def test_a_linear_network_decays_at_its_spectral_radius(n):
    sweep = experiment.sweep_rnn("linear", n, SMALL, stream(0, "test"))
    np.testing.assert_allclose(np.median(sweep["factor"], axis=1), GAIN, rtol=0.01)
    assert experiment.decay_rate_error(sweep, GAIN) < 0.02
    assert experiment.crossing(GAIN, np.median(sweep["factor"], axis=1)) == pytest.approx(1, rel=0.02)


def test_networks_of_one_sweep_are_the_same_at_every_scale():
    flow = experiment.sweep_rnn("linear", 4, SMALL, stream(0, "test"))["flow"]
    lags = np.arange(SMALL.lags + 1)[:, None]
    np.testing.assert_allclose(flow[0] - lags * np.log10(GAIN[0]), flow[-1] - lags * np.log10(GAIN[-1]), atol=1e-9)


def test_networks_in_groups_are_those_of_one_group(monkeypatch):
    whole = experiment.sweep_rnn("tanh", 4, SMALL, stream(0, "test"))
    monkeypatch.setattr(experiment, "GROUP", 7)
    parts = experiment.sweep_rnn("tanh", 4, SMALL, stream(0, "test"))
    for name in whole:
        np.testing.assert_allclose(whole[name], parts[name], rtol=1e-9, atol=1e-12)


def test_the_scales_hold_every_stage_and_are_finer_where_networks_cross():
    gain = experiment.gains(experiment.Config())
    np.testing.assert_allclose(gain[experiment.stages(gain)], experiment.STAGES, rtol=1e-12)
    ratios = gain[1:] / gain[:-1]
    between = (gain[:-1] >= 1 - 1e-9) & (gain[1:] <= 4 + 1e-9)
    assert np.all(ratios > 1) and ratios[between].max() < 1.06 < ratios[~between].min()


def test_the_frozen_prediction_is_exact_where_the_state_stands_still():
    still = experiment.Config(networks=30, lags=80, coarse=1, fine=1, input_std=0.0)
    sweep = experiment.sweep_rnn("logistic", 4, still, stream(0, "test"))
    np.testing.assert_allclose(sweep["factor"][:2], sweep["frozen"][:2], rtol=0.02)


@pytest.mark.parametrize("activation", bound.STEEPEST)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_no_flow_of_a_thousand_random_networks_exceeds_its_bound(activation, n):
    W, drive = bound.challengers(activation, n, 1000, stream(7, f"{activation} {n}"))
    excess = bound.local_excess(activation, W, drive)
    assert excess.shape == (bound.LAGS, 1000)
    assert excess.max() <= bound.TOLERANCE


def test_the_bound_is_reached_by_one_linear_unit_and_broken_by_a_smaller_bound(monkeypatch):
    W, drive = bound.challengers("linear", 1, 50, stream(0, "test"))
    assert bound.local_excess("linear", W, drive).min() >= -1e-9
    monkeypatch.setitem(bound.STEEPEST, "tanh", 0.5)                  # a wrong f'max is found out
    assert bound.local_excess("tanh", *bound.challengers("tanh", 1, 200, stream(0, "test"))).max() > 0.1


@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_bound_has_one_factor_n_and_not_more(n):
    """All weights c/n, linear units: the flow is c^q / n, the norm c, so flow / bound is n^-2 at every lag."""
    W = np.full((1, n, n), 0.8 / n)
    excess = bound.local_excess("linear", W, np.zeros((6, 1, n, 1)))
    np.testing.assert_allclose(excess, -2 * np.log10(n), atol=1e-12)


def test_the_bound_takes_the_smaller_norm():
    """One column of ones: row sums 1, singular value sqrt(n). One row of ones: n and sqrt(n)."""
    n, drive = 4, np.zeros((2, 1, 4, 1))
    column, row = np.zeros((1, n, n)), np.zeros((1, n, n))
    column[0, :, 0], row[0, 0] = 1, 1
    np.testing.assert_allclose(bound.smaller_norm(column), 1)
    np.testing.assert_allclose(bound.smaller_norm(row), np.sqrt(n))
    for W, norm in ((column, 1), (row, np.sqrt(n))):                  # the largest flow over one step is 1
        np.testing.assert_allclose(bound.local_excess("linear", W, drive)[0], -np.log10(n * norm), atol=1e-12)


@pytest.mark.parametrize("activation", bound.STEEPEST)
def test_the_flow_of_the_sweep_stays_below_its_norm_bound(activation):
    sweep = experiment.sweep_rnn(activation, 4, SMALL, stream(3, "test"))
    assert bound.norm_excess(sweep["flow"], sweep["bound"]).max() <= bound.TOLERANCE
    certain = sweep["bound"] < 0                                       # f'max |W| < 1
    assert certain.any() and np.all(sweep["factor"][certain] < 1)


def test_flows_over_no_step_are_not_counted():
    flow, norm = np.zeros((2, 11, 3)), np.full((2, 3), -1.0)           # at q = 0 both sides are 1
    excess = bound.norm_excess(flow, norm)
    assert excess.shape == (2, 10, 3) and np.all(excess[:, 0] == 1)
    assert bound.violations(excess) == (60, 60)
    assert bound.local_excess("tanh", *bound.challengers("tanh", 2, 5, stream(0, "test"))).shape == (bound.LAGS, 5)


def test_the_carousel_is_exactly_one_and_the_forget_gate_makes_it_smaller():
    carousel = experiment.sweep_lstm("lstm_truncated", 4, SMALL, stream(0, "test"))
    assert np.all(carousel["steps"] == 1.0)
    np.testing.assert_allclose(carousel["flow"], 0, atol=1e-12)
    cell = lstm.Cell(4, forget_gate=True)
    trace = lstm.forward(cell, np.zeros((9, 2, 16, 1)), np.zeros((2, 16, 4)))
    low, high = experiment.carousel_factors(cell, trace, np.zeros((2, 16, 4)), np.ones((2, 4, 1)))
    assert low == high == 0.5                                          # f(0): the measurement can differ from 1


def test_the_full_gradient_of_the_lstm_is_not_the_truncated_one():
    full = experiment.sweep_lstm("lstm", 4, SMALL, stream(0, "test"))
    assert "steps" not in full
    assert np.abs(full["flow"][-1, -1]).max() > 0.1, "at scale 8 the way through the gates is felt"


def test_the_forget_gates_bias_sets_the_factor_of_a_weakly_connected_lstm():
    factor = np.median(experiment.sweep_lstm("lstm_forget", 4, SMALL, stream(0, "test"))["factor"], axis=1)
    gate = 1 / (1 + np.exp(-SMALL.forget_bias))
    assert gate < factor[0] < gate + 0.1 and factor[0] < factor[2] < 1


@pytest.mark.parametrize("factor, expected", [([0.5, 2.0], 2.0), ([0.5, 0.9], None), ([2.0, 3.0], None),
                                              ([2.0, 0.5], None)])
def test_crossings_are_interpolated_or_reported_missing(factor, expected):
    assert experiment.crossing(np.array([1.0, 4.0]), np.array(factor)) == (expected and pytest.approx(expected))


def test_the_share_beyond_one_counts_networks_at_any_scale():
    gain, factor = np.array([1.0, 2.0, 4.0]), np.array([[0.5, 0.5], [1.2, 0.5], [0.3, 0.9]])
    sweep = dict(factor=factor, field=factor, frozen=factor)
    assert experiment.rnn_numbers("x", sweep, gain)["x_share_beyond_1"] == 0.5


# ---------------------------------------------------------------- gradients

def test_every_loss_and_every_measured_flow_is_checked():
    errors = experiment.gradient_errors()
    assert len(errors) == 12 and max(errors.values()) <= gradcheck.BOUND
    for word in ("logistic", "lstm_truncated", "lstm_forget", "tuned tanh-RNN, 32 units", "cliff"):
        assert any(word in what for what in errors), word


def test_a_wrong_truncated_gradient_is_noticed(monkeypatch):
    right = lstm._truncated_errors

    def wrong(cell, W, act, slopes, ddrive, dy, ds):
        right(cell, W, act, slopes, ddrive, dy, ds)
        ddrive *= 0.9

    monkeypatch.setattr(lstm, "_truncated_errors", wrong)
    assert experiment.lstm_error("lstm_truncated") > 0.01
    assert experiment.lstm_error("lstm") <= gradcheck.BOUND


# ---------------------------------------------------------------- the learned networks

@pytest.mark.parametrize("name", marked_bit.NETWORKS)
def test_gradient_of_the_full_loss_equals_finite_differences(name):
    net, rng = marked_bit.NETWORKS[name], stream(0, "test")
    p = {key: a.astype(np.float64) for key, a in stack([marked_bit.start(name, rng)]).items()}
    x, classes = marked_bit.sequences(rng, 15, 4)
    x, classes = x.astype(np.float64), classes[None]
    _, g = net.gradients_at_end(p, x, classes)
    loss = lambda: float(net.gradients_at_end(p, x, classes)[0].sum())
    assert gradcheck.directional_error(loss, p, g, rng) <= 1e-7
    small = {key: p[key] for key in ("b", "b_out", "W_out")}
    assert max(gradcheck.elementwise_error(loss, small, {key: g[key] for key in small}).values()) <= 1e-7


def test_the_task_asks_for_the_marked_bit():
    x, classes = marked_bit.sequences(stream(0, "test"), 40, 500)
    assert np.all(x[:, 1].sum(0) == 1) and np.all(x[marked_bit.MARKED:, 1] == 0)
    np.testing.assert_array_equal((x[:, 0] * x[:, 1]).sum(0), 2 * classes - 1)
    assert 0.4 < classes.mean() < 0.6 and set(np.unique(x[:, 0])) == {-1, 1}


def test_the_easier_task_marks_the_first_bit():
    x, classes = marked_bit.sequences(stream(0, "test"), 40, 500, marked=1)
    assert np.all(x[0, 1] == 1)
    np.testing.assert_array_equal(x[0, 0], 2 * classes - 1)


def test_the_trivial_rule_is_at_chance():
    x, classes = marked_bit.sequences(stream(0, "test"), 40, 4000)
    assert abs(marked_bit.last_bit_accuracy(x, classes) - marked_bit.CHANCE) < 0.05
    assert marked_bit.last_bit_accuracy(*marked_bit.sequences(stream(0, "test"), 1, 50, marked=1)) == 1, "it is the bit"


@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_the_contributions_by_lag_add_up_to_the_gradient_that_trains(name):
    net, rng = marked_bit.NETWORKS[name], stream(0, "test")
    p = stack([marked_bit.start(name, rng)])
    x, classes = marked_bit.sequences(rng, 12, 6)
    steps = marked_bit.contributions(marked_bit.answer(name, p, x, classes), x)
    assert steps.shape == (12, net.features, net.sources + 3)
    assert marked_bit.share_by_lag(steps).sum() == pytest.approx(1)
    _, g = net.gradients_at_end({key: a.astype(np.float64) for key, a in p.items()}, x, classes[None])
    np.testing.assert_allclose(steps.sum(0)[:, :net.sources], g["W"][0], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(steps.sum(0)[:, -1], g["b"][0], rtol=1e-6, atol=1e-12)


def test_the_error_flow_of_the_answer_is_the_backward_pass_of_its_loss():
    rng = stream(0, "test")
    x, classes = marked_bit.sequences(rng, 30, 5)
    a = marked_bit.answer("rnn", stack([marked_bit.start("rnn", rng)]), x, classes)
    flow = marked_bit.error_flow(a)
    dy = np.zeros_like(a.run.y)
    dy[-1] = a.dlast
    _, g = a.net.backward(a.p, x.astype(np.float64), a.run, dy)
    dh = g.drive[10] / (1 - a.run.y[11] * a.run.y[11])                 # theta(10) = f' dh[11]
    expected = np.log10(np.linalg.norm(dh, axis=0) / np.linalg.norm(a.dlast, axis=0))
    np.testing.assert_allclose(flow[len(x) - 11], expected, rtol=1e-9)


def test_the_truncated_flow_of_an_answer_is_constant_and_the_full_one_is_not():
    rng = stream(0, "test")
    x, classes = marked_bit.sequences(rng, 30, 5)
    p = stack([marked_bit.start("lstm", rng)])
    p["W"] *= 10
    flows = [marked_bit.error_flow(marked_bit.answer("lstm", p, x, classes, truncated)) for truncated in (True, False)]
    assert np.ptp(flows[0][1:], axis=0).max() < 1e-9
    assert np.ptp(flows[1][1:]) > 0.01


@pytest.mark.parametrize("name, kind", [("rnn", "radius"), ("tuned_8", "orthogonal"), ("tuned_32", "orthogonal")])
def test_the_tanh_rnns_start_at_the_critical_point_or_orthogonal(name, kind):
    W = marked_bit.start(name, stream(0, "test"))["W"].astype(float)
    if kind == "radius":
        assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(1, abs=1e-5)
    else:
        np.testing.assert_allclose(W @ W.T, np.eye(len(W)), atol=1e-5)


def test_the_lstm_starts_with_input_gates_nearly_closed():
    p, cell = marked_bit.start("lstm", stream(0, "test")), marked_bit.NETWORKS["lstm"].cell
    assert np.all(p["b"][cell.gate_rows("input")] == -1) and np.all(p["b"][cell.gate_rows("output")] == 0)


def trained(name, seeds, **more):
    return marked_bit.train(name, seeds, 15, 160, (8, 16), (0.003, 0.01), **more)


def test_training_is_repeatable_and_each_rate_starts_from_the_same_network():
    first, second = (trained("lstm", [3])[0] for _ in range(2))
    for key in first.after:
        np.testing.assert_array_equal(first.after[key], second.after[key])
        np.testing.assert_array_equal(first.before[key][0], marked_bit.start("lstm", stream(3, "init lstm"))[key])
    assert first.grid.shape == (2, 2) and first.seen == 160


@pytest.mark.parametrize("name", ["lstm", "tuned_8"])
def test_seeds_trained_together_get_what_they_get_alone(name):
    together, alone = trained(name, [3, 4])[1], trained(name, [4])[0]
    np.testing.assert_allclose(together.after["W"], alone.after["W"], rtol=1e-4, atol=1e-6)
    assert (together.batch, together.rate, together.seen) == (alone.batch, alone.rate, alone.seen)


def test_a_seed_keeps_the_network_it_stopped_with():
    learned = trained("tuned_8", [3, 4], stop_at=0.0)
    assert all(one.seen < 160 and len(one.curve) == 1 for one in learned)


def test_a_rate_that_diverges_is_the_worst_and_not_the_end():
    learned = marked_bit.train("tuned_8", [3], 15, 160, (16,), (1e30, 0.003))
    assert learned[0].rate == 0.003


def test_gates_and_states_are_those_of_the_forward_pass():
    rng = stream(0, "test")
    x, classes = marked_bit.sequences(rng, 15, 8)
    a = marked_bit.answer("lstm", stack([marked_bit.start("lstm", rng)]), x, classes)
    found = before_and_after.lstm_numbers(a, marked_bit.contributions(a, x))
    assert found["input_gate"] == pytest.approx(1 / (1 + np.e), abs=0.05)          # bias -1, small weights
    assert found["slope"] == pytest.approx(np.mean(0.5 * (1 - np.tanh(a.run.trace.s[-1] / 2) ** 2)))
    assert found["state"] == pytest.approx(np.abs(a.run.trace.s[-1]).mean())
    assert 0 < found["last_step_of_output_gates"] <= 1


# ---------------------------------------------------------------- the committed results and their claims

STUDIES = dict(one_unit=one_unit, latch=latch, cliff=cliff, before_and_after=before_and_after, lengths=lengths,
               budget=budget)
COMMITTED = [name for name in STUDIES if (FOLDER / "studies" / f"{name}.json").exists()]


@pytest.mark.parametrize("name", COMMITTED)
def test_the_checks_of_a_committed_study_are_those_of_the_code(name):
    module, record = STUDIES[name], results.read(FOLDER / "studies" / f"{name}.json", "")
    assert record["checks"] == results.finite(module.checks(record))
    assert module.finding(record).endswith(".") and module.table(record)


def test_what_the_numbers_of_the_studies_depend_on_is_recorded():
    recorded = {name: results.read(FOLDER / "studies" / f"{name}.json", "")["config"]
                for name in COMMITTED}
    assert {"rate", "updates", "clip", "box", "starts", "steps", "target"} <= set(recorded["cliff"])
    assert {"sequences", "noises", "steps"} <= set(recorded["latch"]) and recorded["one_unit"]["weights"] == 161
    assert {"budget", "batches", "rnn_rates", "lstm_rates", "length"} <= set(recorded["before_and_after"])


def test_the_study_of_the_budget_says_what_each_of_its_two_budgets_solves():
    key = "marked_10_length_30"
    record = dict(config=dict(marked_lengths=[30], first_lengths=[], short_budget=100, long_budget=1000),
                  runs=[dict(final={f"{key}_sequences": needed}) for needed in (100, 101, 1000, None)],
                  summary={f"{key}_accuracy": dict(mean=0.8)})
    assert "within 100 → 1,000 sequences: marked bit, length 30: 1 → 3." in budget.finding(record)
    assert budget.table(record)[1][0][2:4] == ["1 of 4", "3 of 4"]
    assert budget.checks(record)[0]["measured"] == 2


def test_a_table_says_how_the_seeds_fared_that_chose_the_largest_rate():
    config = dict(lengths=[11], lstm_rates=[0.1, 0.3], rnn_rates=[0.1, 0.3])
    final = lambda rate, right: {f"{name}_11_{what}": value for name in marked_bit.NETWORKS
                                 for what, value in (("rate", rate), ("batch", 8), ("accuracy", right))}
    runs = [dict(final=final(rate, right)) for rate, right in ((0.3, 1.0), (0.3, 0.5), (0.1, 0.6))]
    _, rows = lengths.chosen_settings(dict(config=config, runs=runs))
    assert all(row[-1] == "1 of 2 (0.50)" for row in rows)


@pytest.mark.parametrize("name", ["lengths", "budget"])
def test_solved_is_a_test_accuracy_of_95_percent(name):
    assert marked_bit.SOLVED == 0.95
    if name not in COMMITTED:
        pytest.skip(f"study {name} has no committed result")
    for run in results.read(FOLDER / "studies" / f"{name}.json", "")["runs"]:
        for key in [key for key in run["final"] if key.endswith("_sequences")]:
            right = run["final"][key.replace("_sequences", "_accuracy")]
            assert (run["final"][key] is not None) == (right >= 0.95)
