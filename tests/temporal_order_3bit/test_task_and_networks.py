"""The task, the networks and their composed losses."""

from dataclasses import replace

import numpy as np
import pytest

from common import gradcheck, lstm, networks, results
from common.progress import Diverged
from common.randomness import stream, streams
from temporal_order_3bit import reporting
from temporal_order_3bit import temporal_order_3bit as experiment
from temporal_order_3bit import visualize_temporal_order_3bit as visualize
from temporal_order_3bit.temporal_order_3bit import BEGIN, CLASSES, END, Config, Contestant, X, Y

CONFIG = replace(Config(), tuned_hidden=8)
NETWORKS = {"lstm": experiment.lstm_of(CONFIG), "forget": experiment.lstm_of(CONFIG, forget_gate=True),
            "blocks": Contestant(experiment.reads_symbols(lstm.Cell(2, 2)), (0.02,)),
            "rnn": experiment.plain_rnn(CONFIG), "tuned": experiment.tuned_rnn(CONFIG)}


def draw(T=50, batches=40, B=64, seed=0):
    tokens, targets = experiment.sequences(stream(seed, "test"), batches, T, B)
    return tokens.swapaxes(1, 2).reshape(-1, T), targets.reshape(-1)      # one sequence per row


# ---------------------------------------------------------------- task

@pytest.mark.parametrize("T", [9, 20, 50, 200])
def test_every_sequence_has_its_markers_in_their_windows_and_its_class_from_their_order(T):
    (a, b), (c, d) = experiment.windows(T)
    for tokens, target in zip(*draw(T)):
        informative = np.flatnonzero((tokens == X) | (tokens == Y))
        assert len(informative) == 2 and a <= informative[0] <= b and c <= informative[1] <= d
        assert tokens[0] == BEGIN and tokens[-1] == END
        assert CLASSES[target] == "".join("XY"[tokens[t] - X] for t in informative)
        assert np.isin(np.delete(tokens, [0, T - 1, *informative]), range(4)).all()


def test_windows_are_the_sources_at_50_and_keep_their_proportion():
    assert experiment.windows(50) == ((3, 12), (25, 40))
    assert experiment.windows(500) == ((30, 120), (250, 400))


@pytest.mark.parametrize("T", range(1, 9))
def test_a_length_that_cannot_hold_the_markers_is_refused(T):
    with pytest.raises(ValueError, match=f"--length {T}"):
        Config(length=T)


@pytest.mark.parametrize("T", range(9, 300))
def test_windows_stay_apart_and_inside_for_every_longer_length(T):
    (a, b), (c, d) = experiment.windows(T)
    assert 0 < a <= b < c <= d < T - 1


def test_classes_symbols_and_positions_are_uniform():
    tokens, targets = draw(batches=200)
    n = len(targets)
    np.testing.assert_allclose(np.bincount(targets) / n, 0.25, atol=4 * np.sqrt(0.19 / n))
    first = ((tokens == X) | (tokens == Y)).argmax(1)
    np.testing.assert_allclose(np.bincount(first)[3:13] / n, 0.1, atol=4 * np.sqrt(0.09 / n))
    np.testing.assert_allclose(np.bincount(tokens[:, 20]) / n, 0.25, atol=4 * np.sqrt(0.19 / n))


def test_the_class_is_unpredictable_from_what_follows_the_second_marker():
    tokens, targets = draw(batches=200)
    last = tokens[:, 41:49]                            # after every second marker: distractors alone
    for symbol in range(4):
        counts = (last == symbol).sum(1)
        means = [counts[targets == k].mean() for k in range(4)]
        assert np.ptp(means) < 0.15


def test_the_first_batch_is_pinned():
    tokens, targets = experiment.sequences(stream(0, "train"), 1, 12, 3)
    assert ["".join(experiment.SYMBOLS[s] for s in column) for column in tokens[0].T] == PINNED_SEQUENCES
    assert targets[0].tolist() == PINNED_TARGETS


PINNED_SEQUENCES = ["BXbbdadYbbdE", "BXaadbXbbaaE", "BYacbdccaYbE"]
PINNED_TARGETS = [1, 0, 3]


def test_seeds_side_by_side_see_the_sequences_they_see_alone():
    tokens, targets = experiment.sequences_per_seed(streams([3, 4], "train"), 5, 20, 6)
    alone, alone_targets = experiment.sequences(stream(4, "train"), 5, 20, 6)
    np.testing.assert_array_equal(tokens[:, :, 1], alone)
    np.testing.assert_array_equal(targets[:, 1], alone_targets)


def test_between_the_two_symbols_lie_12_to_36_distractors_and_the_first_is_held_37_to_46_steps():
    tokens, _ = draw(batches=400)
    first, second = np.flatnonzero((tokens == X) | (tokens == Y)).reshape(-1, 2).T % 50
    between, held = second - first - 1, 49 - first
    assert (between.min(), between.max(), held.min(), held.max()) == (12, 36, 37, 46)


def test_a_rule_that_knows_one_symbol_scores_a_half_and_one_that_knows_none_a_quarter():
    _, targets = draw(batches=400)
    assert experiment.one_symbol_rule(targets[None]) == pytest.approx(0.5, abs=0.02)
    assert [experiment.one_symbol_rule(np.array([[k]]))[0] for k in range(4)] == [1, 0, 0, 1], "it answers XX or YY"
    assert reporting.CHANCE == 1 / len(CLASSES)


# ---------------------------------------------------------------- networks

def test_parameter_counts():
    count = lambda contestant: networks.parameter_count(contestant.init(stream(0, "init"), Config()))
    assert count(NETWORKS["lstm"]) == 3 * 4 * (8 + 4 + 1) + 4 * (4 + 1) == 176
    assert count(NETWORKS["rnn"]) == 4 * (8 + 4 + 1) + 4 * (4 + 1) == 72


@pytest.mark.parametrize("name", NETWORKS)
def test_the_composed_loss_has_the_right_gradient(name):
    contestant, rng = NETWORKS[name], stream(0, name)
    p = contestant.init(rng, replace(Config(), init_std=0.5), np.float64)
    tokens, targets = (a[0] for a in experiment.sequences(rng, 1, 12, 3))
    _, g = contestant.network.gradients_at_end(p, tokens, targets)
    loss = lambda: float(contestant.network.gradients_at_end(p, tokens, targets)[0])
    assert gradcheck.directional_error(loss, p, g, rng) <= 1e-7
    assert max(gradcheck.elementwise_error(loss, p, g).values()) <= 1e-7


def test_the_gradcheck_flag_covers_every_loss_that_is_trained_and_each_is_right():
    errors = experiment.gradient_errors(CONFIG)
    assert max(errors.values()) <= gradcheck.BOUND
    assert len(errors) == 8 and sum("truncated" in what for what in errors) == 3


@pytest.mark.parametrize("kernel", ["tanh_rnn", "lstm"])
def test_a_broken_kernel_is_found_by_the_gradient_check(kernel, monkeypatch):
    module = getattr(networks, kernel)
    backward = module.backward
    broken = lambda *a, **k: backward(*a, **k)._replace(W=0.9 * backward(*a, **k).W)
    monkeypatch.setattr(module, "backward", broken)
    wrong = {what for what, error in experiment.gradient_errors(CONFIG).items() if not error <= gradcheck.BOUND}
    assert wrong == ({"plain RNN", "tuned RNN"} if kernel == "tanh_rnn" else set(experiment.gradient_errors(CONFIG))
                     - {"plain RNN", "tuned RNN"})


def test_initial_weights_are_as_configured():
    p = networks.stack([NETWORKS["lstm"].init(rng, Config()) for rng in streams(range(200), "init")])
    np.testing.assert_array_equal(p["b"][:, :4], -1.0)
    np.testing.assert_array_equal(p["b"][:, 4:], 0.0)
    assert abs(p["W_in"].std() - 0.1) < 0.003 and abs(p["W"].std() - 0.1) < 0.004
    W = experiment.tuned_rnn(Config()).init(stream(0, "init"), Config())["W"].astype(float)
    np.testing.assert_allclose(W @ W.T, np.eye(32), atol=1e-6)
    forgets = NETWORKS["forget"]
    biases = forgets.init(stream(0, "init"), Config())["b"]
    np.testing.assert_array_equal(biases[forgets.network.cell.gate_rows("forget")], 1.0)


# ---------------------------------------------------------------- training

SMALL = replace(Config(), length=12, updates=6, batch=4, validation=8, test=8, eval_every=2)
LSTM = NETWORKS["lstm"]


def at_rates(contestant, *rates):
    return contestant._replace(rates=rates)


def test_seeds_and_rates_together_train_as_they_do_alone():
    together, curves = experiment.train(at_rates(LSTM, 0.02, 0.005), [0, 1], SMALL)
    alone, alone_curves = experiment.train(at_rates(LSTM, 0.005), [1], SMALL)
    for name in together:
        np.testing.assert_allclose(together[name][3], alone[name][0], rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(curves["loss"][:, 3], alone_curves["loss"][:, 0], rtol=1e-4)


def test_evaluating_more_often_does_not_change_training():
    often, _ = experiment.train(NETWORKS["rnn"], [0], SMALL)
    rarely, _ = experiment.train(NETWORKS["rnn"], [0], replace(SMALL, eval_every=6))
    np.testing.assert_array_equal(often["W"], rarely["W"])


def test_the_loss_after_five_updates_is_pinned():
    _, curves = experiment.train(LSTM, [0], replace(SMALL, updates=5, eval_every=5))
    assert curves["loss"][-1, 0] == pytest.approx(PINNED_LOSS, rel=1e-4)


PINNED_LOSS = 1.443773


def test_the_watch_sees_every_update_and_the_start():
    seen = []
    experiment.train(LSTM, [0], SMALL, watch=lambda update, p: seen.append((update, p["W"].copy())))
    assert [update for update, _ in seen] == list(range(7))
    np.testing.assert_array_equal(seen[0][1][0], LSTM.init(stream(0, "init"), SMALL)["W"])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverging_rate_counts_as_the_worst_and_the_other_rates_go_on():
    made = experiment.score(at_rates(NETWORKS["rnn"], 1e38, 0.01), [0, 1], replace(SMALL, batch=32))
    assert made.final["lr"].tolist() == [0.01, 0.01]
    assert all(np.isfinite(a).all() for a in made.p.values())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_seed_at_which_every_rate_diverges_ends_the_run():
    with pytest.raises(Diverged, match="learning rate 1e"):
        experiment.score(at_rates(NETWORKS["rnn"], 1e38, 2e38), [0, 1], replace(SMALL, batch=32, updates=40))


def test_the_best_rate_is_chosen_by_validation_accuracy_then_validation_loss(monkeypatch):
    rates, network = (1e-3, 1e-2, 2e-2), NETWORKS["rnn"].network

    def train(contestant, seeds, config, label, watch):
        p = networks.stack([NETWORKS["rnn"].init(stream(n, "init"), config) for n in range(6)])
        return p, dict(updates=np.array([1]), loss=np.array([[1.0, 2, 3, 0, 0, 0]]),
                       accuracy=np.array([[0.9, 0.9, 0.5, 0.3, 0.4, 0.8]]),
                       validation_loss=np.array([[0.8, 0.7, 0.1, 0.1, 0.1, 9.0]]))

    monkeypatch.setattr(experiment, "train", train)
    made = experiment.score(Contestant(network, rates), [0, 1], SMALL)
    assert made.final["lr"].tolist() == [1e-2, 2e-2]
    assert made.final["validation_lr_0.001"].tolist() == [0.9, 0.3]


def test_updates_to_a_level_are_the_first_evaluation_that_reaches_it():
    curves = dict(updates=np.array([10, 20, 30]), accuracy=np.array([[0.2, 0.2], [0.96, 0.3], [0.9, 0.94]]))
    reached = experiment.updates_to(curves)
    assert reached[0] == 20 and np.isnan(reached[1])


def test_what_is_right_about_an_answer_is_judged_symbol_by_symbol():
    logits = np.eye(4)[:, [0, 1, 1, 3]][None]          # answers XX, XY, XY, YY
    made = experiment.judged(logits, np.array([[0, 0, 3, 1]]))
    assert [made[name][0] for name in ("accuracy", "first_right", "second_right")] == [0.25, 0.5, 0.75]


def test_the_readme_says_which_symbol_the_tuned_rnn_has_right_at_the_end():
    runs = [results.entry(n, {}, {"tuned_rnn_first_right": [0.5, right], "tuned_rnn_second_right": [0.5, 0.9]})
            for n, right in enumerate((1.0, 0.99))]
    assert visualize.symbols_text(dict(runs=runs)) == (
        "99.5 % of its answers have the first symbol right and 90.0 % the second")


# ---------------------------------------------------------------- what is reported

def record_of(*finals):
    runs = [results.entry(n, final) for n, final in enumerate(finals)]
    return dict(runs=runs, summary=results.summary(runs, {}))


def final(lstm, rnn=0.25, updates=100, tuned=900):
    return dict(lstm_accuracy=lstm, lstm_solved=float(lstm >= 0.95), rnn_accuracy=rnn, lstm_updates_to_95=updates,
                tuned_rnn_accuracy=1.0, tuned_rnn_solved=1.0, tuned_rnn_updates_to_95=tuned)


def test_solved_means_a_test_accuracy_of_095_not_a_visit_of_the_validation_accuracy():
    record = record_of(final(1.0, updates=100), final(0.949, updates=50), final(0.95, updates=300))
    assert reporting.SOLVED == 0.95 and reporting.solved_count(record, "lstm") == (2, 3)
    assert reporting.updates_of_solved(record, "lstm") == [100, 300], "the visit of an unsolved seed is not told"
    assert reporting.median_update(record, "lstm") == 300, "the unsolved seed is later than all others"
    assert "2 of 3" in reporting.row(record, "lstm", "LSTM")[2]


def test_the_score_calls_solved_what_the_test_sequences_say(monkeypatch):
    made = experiment.score(LSTM, [0, 1], replace(SMALL, test=20))
    assert made.final["solved"].tolist() == (made.final["accuracy"] >= 0.95).tolist() == [0, 0]
    monkeypatch.setattr(experiment, "SOLVED", 0.0)
    assert experiment.score(LSTM, [0, 1], replace(SMALL, test=20)).final["solved"].tolist() == [1, 1]


def test_the_checks_can_fail():
    good = record_of(final(1.0))
    bad = record_of(final(0.25, rnn=0.9, updates=None, tuned=100))
    assert all(c["holds"] for c in experiment.checks(good))
    assert not any(c["holds"] for c in experiment.checks(bad))


def test_half_unsolved_seeds_have_no_median():
    record = record_of(final(1.0), final(0.3), final(0.3))
    assert np.isinf(reporting.median_update(record, "lstm"))
    assert not [c for c in experiment.checks(record) if "median" in c["claim"]][0]["holds"]
