"""Task, surprises, the two nets and the measures, in the small."""

from dataclasses import replace

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200 import predictor, single_nets, task
from chunker_very_deep_1200.predictor import Predictor, probabilities, probability_of, read_from, stack
from common import gradcheck, lstm
from common.randomness import stream

SMALL = replace(experiment.Config(), length=60, automatizer_windows=500)


def net_and_sequences(N=2, B=3, T=30, std=1.0, seed=0):
    """An untrained A: with large weights its predictions are sure and often wrong."""
    rng = stream(seed, "test")
    net = Predictor(task.K, 5)
    return net, stack([net.init(rng, std) for _ in range(N)]), rng.integers(0, task.K, (T, N, B))


# ---------------------------------------------------------------- task

def test_a_sequence_begins_and_ends_with_its_trigger_and_the_filler_cycles():
    a, b = task.both_sequences(1, 9)[:, 0].T
    assert "".join(task.SYMBOLS[s] for s in a) == "A1234512A"
    assert "".join(task.SYMBOLS[s] for s in b) == "B1234512B"


def test_the_first_batch_is_pinned_and_purposes_do_not_touch():
    first = next(task.batches([0], "train A", 8, 20))
    assert first.shape == (20, 1, 8) and first[0, 0].tolist() == first[-1, 0].tolist() == [0, 0, 1, 1, 0, 0, 0, 1]
    long = next(task.batches([0], "train A", 8, 50))
    np.testing.assert_array_equal(long[0], first[0])


def test_recall_asks_for_two_letters_and_for_all_seven():
    logits = np.zeros((1, 7, 2))
    logits[0, :, 0] = [1, 0, 5, 0, 0, 0, 0]            # prefers A to B, but filler to both
    logits[0, :, 1] = [0, 9, 5, 0, 0, 0, 0]            # says B outright
    two, seven = task.recall(logits, np.array([[0, 1]]))
    assert two == 1.0 and seven == 0.5


# ---------------------------------------------------------------- predictor

@pytest.mark.parametrize("cell", [None, lstm.Cell(3), lstm.Cell(3, forget_gate=True)], ids=str)
def test_the_whole_loss_has_the_right_gradient(cell):
    rng = stream(1, "test")
    net = Predictor(task.K, 4, cell, extra=2)
    p = stack([net.init(rng, 0.5, dtype=np.float64) for _ in range(2)])
    symbols, clock = rng.integers(0, task.K, (6, 2, 3)), rng.normal(size=(6, 2, 2, 3))
    weight = rng.uniform(size=symbols.shape)
    gradients = lambda: net.gradients(p, read_from(symbols, task.K), symbols, weight, extra=clock)  # noqa: E731
    assert gradcheck.directional_error(lambda: float(gradients()[0].sum()), p, gradients()[1], rng) <= 1e-7


def test_gradient_check_of_the_script_is_small():
    assert experiment.check_gradients(experiment.Config()) <= 1e-7


def test_the_loss_is_minus_the_weighted_log_probability():
    logits, targets, weight = np.zeros((2, 1, 7, 1)), np.array([[[3]], [[1]]]), np.array([[[1.0]], [[0.5]]])
    loss, gradient = predictor.cross_entropy(logits, targets, weight)
    assert loss == pytest.approx([1.5 * np.log(7)])
    assert gradient[1, 0, :, 0] == pytest.approx(0.5 * (np.full(7, 1 / 7) - np.eye(7)[1]))


@pytest.mark.parametrize("values", [1, 60, 10_000])
def test_a_long_stream_in_chunks_is_predicted_as_in_one_piece(values):
    net, p, symbols = net_and_sequences()
    whole = net.forward(p, read_from(symbols, task.K)).logits
    parts = list(predictor.predictions(net, p, symbols, values))
    assert [t for t, _ in parts] == np.cumsum([0] + [len(s.logits) for _, s in parts[:-1]]).tolist()
    np.testing.assert_allclose(np.concatenate([s.logits for _, s in parts]), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", [None, lstm.Cell(3)], ids=str)
def test_the_state_gradient_is_that_of_a_small_change_of_the_state(cell):
    rng = stream(2, "test")
    net = Predictor(task.K, 3, cell)
    p = stack([net.init(rng, 0.7, dtype=np.float64)])
    symbols = rng.integers(0, task.K, (5, 1, 1))
    inputs, row = read_from(symbols, task.K), np.array([[4]])
    norms = predictor.state_gradient(net, p, inputs, symbols[4], row)
    t, e = 2, 1e-5
    seen = net.forward(p, inputs[:t])

    def loss(which, unit, distance):
        moved = [a.copy() for a in seen.state]
        moved[which][0, unit, 0] += distance
        if which == 1:                                 # an output follows its cell
            output_gate = seen.trace.act[-1, :, cell.gate_rows("output")]
            moved[0] = output_gate * np.tanh(moved[1])
        logits = net.forward(p, inputs[t:], moved).logits[-1]
        return -np.log(probability_of(probabilities(logits), symbols[4]))[0, 0]

    slopes = [(loss(k, unit, e) - loss(k, unit, -e)) / (2 * e) for k in range(len(seen.state)) for unit in range(3)]
    assert norms[t, 0, 0] == pytest.approx(np.linalg.norm(slopes), rel=1e-5)


def test_effective_depth_is_the_largest_distance_with_one_percent_left():
    norms = np.array([[0.0, 0.02], [0.5, 0.001], [0.009, 0.1], [1.0, 1.0]])
    assert predictor.effective_depth(norms).tolist() == [2, 3]


# ---------------------------------------------------------------- surprises

def test_surprises_are_the_symbols_that_got_too_little_probability():
    net, p, symbols = net_and_sequences()
    mass = probability_of(probabilities(net.forward(p, read_from(symbols, task.K)).logits), symbols)
    found = experiment.compress(net, p, symbols, 0.3)
    for n, b in np.ndindex(2, 3):
        times = np.flatnonzero(mass[:, n, b] < 0.7)
        real = found.real[:, n, b]
        assert found.times[real, n, b].tolist() == times.tolist()
        assert found.symbols[real, n, b].tolist() == symbols[times, n, b].tolist()


def test_surprises_do_not_depend_on_what_comes_later():
    net, p, symbols = net_and_sequences()
    other = symbols.copy()
    other[20:] = (other[20:] + 1) % task.K
    before = [experiment.compress(net, p, s, 0.3).before(20) for s in (symbols, other)]
    np.testing.assert_array_equal(*before)


def test_an_untrained_automatizer_finds_every_symbol_surprising():
    net, _, symbols = net_and_sequences()
    p = stack([net.init(stream(0, "test"), 0.01) for _ in range(2)])
    assert (experiment.compress(net, p, symbols, 0.1).count == len(symbols)).all()


def test_an_automatizer_that_is_sure_of_the_wrong_symbol_reports_no_recall():
    """Nothing is filled in: if A always expects A, the sequence of A's has no surprise at all."""
    net = Predictor(task.K, 5)
    p = stack([net.init(stream(0, "test"), 0.01)])
    p["c"][:, 0] = 50
    symbols = np.zeros((10, 1, 1), np.int8)
    found = experiment.compress(net, p, symbols, 0.1)
    assert found.count.tolist() == [[0]] and len(found.symbols) == 0
    chunker = experiment.chunker(SMALL)
    loss, _, seen = experiment.chunker_loss(chunker, stack([chunker.init(stream(0, "C"))]), found)
    assert loss == 0 and seen.logits.shape[0] == 1


def test_c_reads_the_start_and_then_each_surprise_with_its_time_in_binary():
    found = experiment.collect(np.array([0, 5]), np.zeros(2, int), np.zeros(2, int), np.array([1, 3]), 1, 1)
    inputs, clock = experiment.chunker_reads(found, 3)
    assert inputs[:, 0, 0].tolist() == [task.K, 1, 3]
    assert clock[:, 0, :, 0].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 1]]


def test_padding_does_not_change_loss_or_gradient_of_c():
    found = experiment.collect(np.array([0, 4, 9]), np.zeros(3, int), np.zeros(3, int), np.array([1, 3, 1]), 1, 1)
    padded = experiment.Surprises(*(np.concatenate([a, np.zeros_like(a)]) for a in found))
    net = experiment.chunker(SMALL)
    p = stack([net.init(stream(0, "C"), 0.5)])
    (loss, g, _), (loss_padded, g_padded, _) = (experiment.chunker_loss(net, p, f) for f in (found, padded))
    np.testing.assert_allclose(loss, loss_padded, rtol=1e-6)
    for name in g:
        np.testing.assert_allclose(g[name], g_padded[name], rtol=1e-4, atol=1e-7)


# ---------------------------------------------------------------- learning

@pytest.fixture(scope="module")
def trained():
    nets, p, curves = experiment.train_chunker_pair([0, 1], SMALL)
    return nets, p, curves, experiment.score_chunker(nets, p, task.both_sequences(2, SMALL.length), SMALL)


def test_a_and_c_learn_the_small_task(trained):
    score = trained[3]
    assert (score["chunker_recall_accuracy"] == 1).all() and (score["surprises_per_sequence"] == 2).all()
    assert (score["automatizer_recall_accuracy"] == 0.5).all(), "A alone cannot know"


def test_c_is_at_chance_for_the_trigger_it_cannot_know(trained):
    nets, p, _, _ = trained
    logits = nets["C"].forward(p["C"], np.full((1, 2, 1), task.K), extra=np.zeros((1, 2, nets["C"].extra, 1))).logits
    mass = probabilities(logits)[0, :, :2, 0]
    assert (mass > 0.2).all() and (mass.sum(-1) > 0.95).all()


def test_seeds_together_equal_a_seed_alone(trained):
    _, p, _, _ = trained
    _, alone, _ = experiment.train_chunker_pair([1], SMALL)
    for name in p:
        for key in p[name]:
            np.testing.assert_allclose(p[name][key][1], alone[name][key][0], rtol=1e-3, atol=1e-4)


def test_the_gradient_of_c_reaches_the_trigger(trained):
    nets, p, _, _ = trained
    found = experiment.compress(nets["A"], p["A"], task.both_sequences(2, SMALL.length), SMALL.tolerance)
    norms, own, raw = experiment.chunker_gradient(nets["C"], p["C"], found, SMALL)
    assert norms.shape == (SMALL.length + 1, 2) and (own <= 2).all() and (raw >= SMALL.length - 1).all()


def test_single_nets_get_as_many_sequences_as_a_and_c():
    config = experiment.Config()
    seen = config.automatizer_windows // 200 * config.automatizer_batch + config.chunker_updates * config.chunker_batch
    assert config.sequences == seen == 864


@pytest.mark.parametrize("kind", single_nets.GRID)
def test_both_objectives_start_from_the_same_weights_and_told_nets_see_the_last_loss_only(kind):
    config = replace(SMALL, automatizer_windows=5, chunker_updates=1, batch=24)
    net, p, curves = single_nets.train_single_net(kind, [0], config)
    assert curves["loss"].shape == (1, 2 * len(single_nets.GRID[kind])) and np.isfinite(curves["loss"]).all()
    assert not np.allclose(curves["loss"][0, 0], curves["loss"][0, -1])


def test_the_learning_rate_is_the_one_with_the_smallest_validation_loss():
    net = Predictor(task.K, 3)
    p = stack([net.init(stream(0, "x"), 0.01) for _ in range(6)])
    p["c"][:, 0] = [3, 0, 1, 0, 2, 5]                  # network 1 and 3 do not prefer A, the others do
    symbols = task.trigger_recall(np.array([[0, 1, 1, 0]]), 10)
    chosen, loss = single_nets.choose(net, p, symbols, (0.1, 0.2, 0.3))
    assert chosen.tolist() == [[1, 3]] and loss.shape == (1, 2, 3)


def test_cell_drift_is_the_size_of_the_last_cell_states():
    net = Predictor(task.K, cell=lstm.Cell(3))
    p = stack([net.init(stream(n, "x"), 0.5) for n in range(2)])
    symbols = task.both_sequences(2, 40)
    states = net.forward(p, read_from(symbols, task.K)).trace.s[-1]
    np.testing.assert_allclose(single_nets.cell_drift(net, p, symbols), [np.median(np.abs(s)) for s in states], rtol=1e-5)
