"""The task, the networks and their composed losses."""

from dataclasses import replace

import numpy as np
import pytest

from common import gradcheck, lstm
from common.randomness import stream, streams
from temporal_order_3bit import temporal_order_3bit as experiment
from temporal_order_3bit.temporal_order_3bit import BEGIN, CLASSES, END, LSTM, RNN, Config, X, Y

NETWORKS = {"lstm": LSTM(lstm.Cell(4)), "forget": LSTM(lstm.Cell(4, forget_gate=True)), "blocks": LSTM(lstm.Cell(2, 2)),
            "rnn": RNN(4), "tuned": RNN(8, orthogonal=True)}


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


# ---------------------------------------------------------------- networks

def test_parameter_counts():
    count = lambda network: experiment.parameter_count(network.init(stream(0, "init"), Config()))  # noqa: E731
    assert count(LSTM(lstm.Cell(4))) == 3 * 4 * (8 + 4 + 1) + 4 * (4 + 1) == 176
    assert count(RNN(4)) == 4 * (8 + 4 + 1) + 4 * (4 + 1) == 72


@pytest.mark.parametrize("name", NETWORKS)
def test_the_composed_loss_has_the_right_gradient(name):
    network, rng = NETWORKS[name], stream(0, name)
    p = network.init(rng, replace(Config(), init_std=0.5), np.float64)
    tokens, targets = (a[0] for a in experiment.sequences(rng, 1, 12, 3))
    _, g = network.gradients(p, tokens, targets)
    loss = lambda: float(network.gradients(p, tokens, targets)[0])  # noqa: E731
    assert gradcheck.directional_error(loss, p, g, rng) <= 1e-7
    assert max(gradcheck.elementwise_error(loss, p, g).values()) <= 1e-7


def test_the_gradcheck_flag_reports_at_most_1e_7(capsys):
    assert experiment.check_gradients(Config()) <= 1e-7
    assert capsys.readouterr().out.count("max relative error") == 3


def test_initial_weights_are_as_configured():
    p = experiment.stack([LSTM(lstm.Cell(4)).init(rng, Config()) for rng in streams(range(200), "init")])
    np.testing.assert_array_equal(p["b"][:, :4], -1.0)
    np.testing.assert_array_equal(p["b"][:, 4:], 0.0)
    assert abs(p["W_in"].std() - 0.1) < 0.003 and abs(p["W"].std() - 0.1) < 0.004
    W = RNN(32, orthogonal=True).init(stream(0, "init"), Config())["W"].astype(float)
    np.testing.assert_allclose(W @ W.T, np.eye(32), atol=1e-6)


# ---------------------------------------------------------------- training

SMALL = replace(Config(), length=12, steps=6, batch=4, validation=8, test=8, eval_every=2)


def test_seeds_and_rates_together_train_as_they_do_alone():
    network, rates = LSTM(lstm.Cell(4)), (0.02, 0.005)
    together, curves = experiment.train(network, [0, 1], rates, SMALL)
    alone, alone_curves = experiment.train(network, [1], (0.005,), SMALL)
    for name in together:
        np.testing.assert_allclose(together[name][3], alone[name][0], rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(curves["loss"][:, 3], alone_curves["loss"][:, 0], rtol=1e-4)


def test_evaluating_more_often_does_not_change_training():
    often, _ = experiment.train(RNN(4), [0], (0.01,), SMALL)
    rarely, _ = experiment.train(RNN(4), [0], (0.01,), replace(SMALL, eval_every=6))
    np.testing.assert_array_equal(often["W"], rarely["W"])


def test_the_loss_after_five_steps_is_pinned():
    _, curves = experiment.train(LSTM(lstm.Cell(4)), [0], (0.02,), replace(SMALL, steps=5, eval_every=5))
    assert curves["loss"][-1, 0] == pytest.approx(PINNED_LOSS, rel=1e-4)


PINNED_LOSS = 1.443773


def test_the_best_rate_is_chosen_by_validation_accuracy_then_loss():
    curves = dict(accuracy=np.array([[0.5, 0.9, 0.7, 0.7]]), loss=np.array([[0.1, 0.9, 0.8, 0.2]]))
    assert experiment.best_rate(curves, 2).tolist() == [1, 1]


def test_steps_to_a_level_are_the_first_evaluation_that_reaches_it():
    curves = dict(step=np.array([10, 20, 30]), accuracy=np.array([[0.2, 0.2], [0.96, 0.3], [0.9, 0.94]]))
    assert experiment.steps_to(curves, 0) == 20 and experiment.steps_to(curves, 1) is None


def test_confusion_counts_rows_by_true_class():
    logits = np.eye(4)[:, [0, 1, 1, 3]][None]          # answers 0, 1, 1, 3
    counts = experiment.confusion(logits, np.array([[0, 1, 2, 3]]))[0]
    assert counts[2, 1] == 1 and np.trace(counts) == 3


def run_of(**final):
    return dict(final=final)


def test_the_checks_can_fail():
    good = run_of(lstm_accuracy=1.0, rnn_accuracy=0.25, lstm_steps_to_95=100, tuned_rnn_steps_to_95=900)
    bad = run_of(lstm_accuracy=0.25, rnn_accuracy=0.9, lstm_steps_to_95=None, tuned_rnn_steps_to_95=100)
    assert all(c["holds"] for c in experiment.checks([good]))
    assert not any(c["holds"] for c in experiment.checks([bad]))
