"""Task, surprises, the two nets and the measures, in the small."""

from dataclasses import replace

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200 import predictor, single_nets, surprises, task
from chunker_very_deep_1200.predictor import read_from
from common import gradcheck, lstm
from common.layers import probability_of, softmax, weighted_cross_entropy
from common.networks import stack
from common.randomness import stream

K = task.alphabet(0)

SMALL = replace(experiment.Config(), length=60, automatizer_windows=500, marked_passes=1)


def net_and_sequences(N=2, B=3, T=30, std=1.0, seed=0):
    """An untrained A: with large weights its predictions are sure and often wrong."""
    rng = stream(seed, "test")
    net = predictor.predictor(5, K)
    return net, stack([net.init(rng, std) for _ in range(N)]), rng.integers(0, K, (T, N, B))


# ---------------------------------------------------------------- task

def test_a_sequence_begins_and_ends_with_its_trigger_and_the_filler_cycles():
    a, b = task.both_sequences(1, 9)[:, 0].T
    assert "".join(task.SYMBOLS[s] for s in a) == "A1234512A"
    assert "".join(task.SYMBOLS[s] for s in b) == "B1234512B"


def test_the_first_batch_is_pinned_and_purposes_do_not_touch():
    first = next(task.supply([0], "train A", 8, 20))
    assert first.shape == (20, 1, 8) and first[0, 0].tolist() == first[-1, 0].tolist() == [0, 0, 1, 1, 0, 0, 0, 1]
    long = next(task.supply([0], "train A", 8, 50))
    np.testing.assert_array_equal(long[0], first[0])


def test_recall_asks_for_two_letters_and_for_all_seven():
    logits = np.zeros((1, 7, 2))
    logits[0, :, 0] = [1, 0, 5, 0, 0, 0, 0]            # prefers A to B, but filler to both
    logits[0, :, 1] = [0, 9, 5, 0, 0, 0, 0]            # says B outright
    two, seven = task.right(logits, np.array([[0, 1]]))
    assert two == 1.0 and seven == 0.5


def words(sequences):
    return ["".join(task.SYMBOLS[s] for s in column) for column in sequences.symbols[:, 0].T]


@pytest.mark.parametrize("m", [1, 3])
def test_the_letter_after_the_mark_comes_back_and_the_filler_begins_again_after_each_letter(m):
    for word in words(task.draw([stream(0, "x")], 50, 70, m)):
        assert len(word) == 70 and word.count("*") == 1
        assert word[-1] == word[word.index("*") + 1]
        letters = [t for t, symbol in enumerate(word[:-1]) if symbol in "AB"]
        assert len(letters) == m + 1
        for t, following in zip(letters, [*letters[1:], 69]):
            between = word[t + 1:following].rstrip("*")
            assert between == ("12345" * 20)[:len(between)]


def test_every_letter_is_as_likely_to_be_the_marked_one():
    marked = task.draw([stream(0, "x")], 4000, 100, 3).marked
    np.testing.assert_allclose(np.bincount(marked[0]) / 4000, 0.25, atol=0.03)


def test_the_shortest_sequence_still_has_room_for_all_letters():
    for m in (1, 3, 10):
        sequences = task.draw([stream(0, "x")], 200, task.shortest(m), m)
        assert all(sum(symbol in "AB" for symbol in word) == m + 2 for word in words(sequences))


def test_twins_differ_in_the_marked_letter_and_the_recall_only():
    sequences = task.twins([0, 1], "x", 20, 60, 3)
    first, second = sequences.symbols[..., :20], sequences.symbols[..., 20:]
    assert (first[-1] == 0).all() and (second[-1] == 1).all()
    assert ((first != second).sum(0) == 2).all()
    assert task.twins([0], "x", 20, 60, 0).symbols.shape[-1] == 2


def test_rules_that_learn_nothing_score_what_can_be_computed_by_hand():
    """First and last letter: marked themselves with 1 / (m + 1), else right half of the time; majority: counted."""
    for m, majority in ((1, 3 / 4), (3, 11 / 16)):
        score = task.rules(task.draw([stream(0, "x")], 4000, 60, m))
        expected = 1 / (m + 1) + (1 - 1 / (m + 1)) / 2
        assert [score["first"][0], score["last"][0]] == pytest.approx([expected, expected], abs=0.03)
        assert score["majority"][0] == pytest.approx(majority, abs=0.03)
    assert all(task.rules(task.draw([stream(0, "x")], 100, 60, 0))[rule] == 1 for rule in task.RULES)


def test_the_lag_is_the_distance_of_the_marked_letter():
    sequences = task.draw([stream(0, "x")], 30, 60, 3)
    for word, lag in zip(words(sequences), sequences.lag[0]):
        assert lag == 59 - (word.index("*") + 1)


# ---------------------------------------------------------------- predictor

@pytest.mark.parametrize("cell", [4, lstm.Cell(3), lstm.Cell(3, forget_gate=True)], ids=str)
def test_the_whole_loss_has_the_right_gradient(cell):
    rng = stream(1, "test")
    net = predictor.predictor(cell, K, stamps=2)
    p = stack([net.init(rng, 0.5, dtype=np.float64) for _ in range(2)])
    symbols, clock = rng.integers(0, K, (6, 2, 3)), rng.normal(size=(6, 2, 2, 3))
    weight = rng.uniform(size=symbols.shape)
    gradients = lambda: net.gradients_at_every_step(p, read_from(symbols, K), symbols, weight, extra=clock)
    assert gradcheck.directional_error(lambda: float(gradients()[0].sum()), p, gradients()[1], rng) <= 1e-7


def test_gradient_check_of_the_script_covers_every_loss_and_is_small():
    errors = experiment.gradient_errors()
    assert len(errors) == 8 and max(errors.values()) <= gradcheck.BOUND


def test_the_loss_is_minus_the_weighted_log_probability():
    logits, targets, weight = np.zeros((2, 1, 7, 1)), np.array([[[3]], [[1]]]), np.array([[[1.0]], [[0.5]]])
    loss, gradient = weighted_cross_entropy(logits, targets, weight)
    assert loss == pytest.approx([1.5 * np.log(7)])
    assert gradient[1, 0, :, 0] == pytest.approx(0.5 * (np.full(7, 1 / 7) - np.eye(7)[1]))


@pytest.mark.parametrize("values", [1, 60, 10_000])
def test_a_long_stream_in_chunks_is_predicted_as_in_one_piece(values):
    net, p, symbols = net_and_sequences()
    whole = net.logits(p, net.forward(p, read_from(symbols, K)).y[1:])
    parts = list(predictor.predictions(net, p, symbols, values))
    assert [t for t, _, _ in parts] == np.cumsum([0] + [len(logits) for _, logits, _ in parts[:-1]]).tolist()
    np.testing.assert_allclose(np.concatenate([logits for _, logits, _ in parts]), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", [3, lstm.Cell(3)], ids=str)
def test_the_state_gradient_is_that_of_a_small_change_of_the_state(cell):
    rng = stream(2, "test")
    net = predictor.predictor(cell, K)
    p = stack([net.init(rng, 0.7, dtype=np.float64)])
    symbols = rng.integers(0, K, (5, 1, 1))
    inputs, row = read_from(symbols, K), np.array([[4]])
    norms = predictor.state_gradient(net, p, inputs, symbols[4], row)
    t, e = 2, 1e-5
    seen = net.forward(p, inputs[:t])

    def loss(which, unit, distance):
        moved = [a.copy() for a in seen.state]
        moved[which][0, unit, 0] += distance
        if which == 1:                                 # an output follows its cell
            output_gate = seen.trace.act[-1, :, cell.gate_rows("output")]
            moved[0] = output_gate * np.tanh(moved[1])
        logits = net.logits(p, net.forward(p, inputs[t:], moved).y[-1])
        return -np.log(probability_of(softmax(logits), symbols[4]))[0, 0]

    slopes = [(loss(k, unit, e) - loss(k, unit, -e)) / (2 * e) for k in range(len(seen.state)) for unit in range(3)]
    assert norms[t, 0, 0] == pytest.approx(np.linalg.norm(slopes), rel=1e-5)


def test_the_swing_of_the_log_odds_is_zero_for_a_net_that_does_not_know_and_counts_both_ways():
    logits = np.zeros((2, 7, 4))                        # two pairs of twins: A A | B B
    logits[1, 0] = [3, 1, -1, -2]                       # network 1 prefers A after A and B after B
    logits[1, 1, 2:] = 1
    assert predictor.log_odds_swing(logits).tolist() == [0, ((3 + 2) + (1 + 3)) / 2]
    assert predictor.log_odds_swing(logits[..., [2, 3, 0, 1]])[1] == -4.5      # the wrong way round is negative


def test_an_untrained_net_does_not_know_the_letter_and_a_copying_one_does():
    """The measure can come out either way, unlike a share of the gradient."""
    config = replace(experiment.Config(), length=60)
    net, init = single_nets.single_net("lstm", config)
    test = task.twins([0], "x", 5, 60, 0)
    p = stack([init(stream(0, "x"))])
    assert abs(single_nets.measure(net, p, test)[0]["swing"][0]) < 0.1
    assert predictor.log_odds_swing(10 * np.eye(7)[test.symbols[0]].swapaxes(-1, -2))[0] == 20


# ---------------------------------------------------------------- surprises

def test_surprises_are_the_symbols_that_got_too_little_probability():
    net, p, symbols = net_and_sequences()
    mass = probability_of(softmax(net.logits(p, net.forward(p, read_from(symbols, K)).y[1:])), symbols)
    found = surprises.compress(net, p, symbols, 0.3)
    for n, b in np.ndindex(2, 3):
        times = np.flatnonzero(mass[:, n, b] < 0.7)
        real = found.real[:, n, b]
        assert found.times[real, n, b].tolist() == times.tolist()
        assert found.symbols[real, n, b].tolist() == symbols[times, n, b].tolist()


def test_surprises_do_not_depend_on_what_comes_later():
    net, p, symbols = net_and_sequences()
    other = symbols.copy()
    other[20:] = (other[20:] + 1) % K
    before = [surprises.compress(net, p, s, 0.3).before(20) for s in (symbols, other)]
    np.testing.assert_array_equal(*before)


def test_an_untrained_automatizer_finds_every_symbol_surprising():
    net, _, symbols = net_and_sequences()
    p = stack([net.init(stream(0, "test"), 0.01) for _ in range(2)])
    assert (surprises.compress(net, p, symbols, 0.1).count == len(symbols)).all()


def test_an_automatizer_that_is_sure_of_the_wrong_symbol_reports_no_recall():
    """Nothing is filled in: if A always expects A, the sequence of A's has no surprise at all."""
    net = predictor.predictor(5, K)
    p = stack([net.init(stream(0, "test"), 0.01)])
    p["b_out"][:, 0] = 50
    symbols = np.zeros((10, 1, 1), np.int8)
    found = surprises.compress(net, p, symbols, 0.1)
    assert found.count.tolist() == [[0]] and len(found.symbols) == 0
    chunker = small_chunker()
    loss, _, logits = experiment.chunker_loss(chunker, stack([chunker.init(stream(0, "C"))]), found)
    assert loss == 0 and logits.shape[0] == 1


def small_chunker():
    return experiment.chunker(experiment.recipe(SMALL, 0), K, SMALL.length)


def test_c_reads_the_start_and_then_each_surprise_with_its_time_in_binary():
    found = surprises.gather(np.array([0, 5]), np.zeros(2, int), np.zeros(2, int), np.array([1, 3]), 1, 1)
    inputs, clock = surprises.chunker_reads(found, 3, K)
    assert inputs[:, 0, 0].tolist() == [K, 1, 3]
    assert clock[:, 0, :, 0].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 1]]


def test_c_answers_from_the_surprises_before_the_recall_and_never_from_the_recall_itself():
    net, T = small_chunker(), SMALL.length
    p = stack([net.init(stream(0, "C"), 1.0)])
    history = lambda letter, recall: surprises.gather(np.array([0, T - 1]), np.zeros(2, int), np.zeros(2, int),
                                                      np.array([letter, recall]), 1, 1)
    answer = {both: surprises.chunker_answer(net, p, history(*both), T) for both in ((0, 0), (0, 1), (1, 0))}
    np.testing.assert_array_equal(answer[0, 0], answer[0, 1])
    assert not np.allclose(answer[0, 0], answer[1, 0])


def test_a_surprise_is_at_its_own_time_and_padding_is_at_none():
    found = surprises.gather(np.array([0, 5, 0]), np.zeros(3, int), np.array([0, 0, 1]), np.array([1, 3, 1]), 1, 2)
    assert [found.at(t).tolist() for t in (0, 4, 5)] == [[[True, True]], [[False, False]], [[True, False]]]
    assert found.at(np.array([[5, 0]])).all() and not found.at(np.array([[1, 5]])).any()


def test_padding_does_not_change_loss_or_gradient_of_c():
    found = surprises.gather(np.array([0, 4, 9]), np.zeros(3, int), np.zeros(3, int), np.array([1, 3, 1]), 1, 1)
    padded = surprises.Surprises(*(np.concatenate([a, np.zeros_like(a)]) for a in found))
    net = small_chunker()
    p = stack([net.init(stream(0, "C"), 0.5)])
    (loss, g, _), (loss_padded, g_padded, _) = (experiment.chunker_loss(net, p, f) for f in (found, padded))
    np.testing.assert_allclose(loss, loss_padded, rtol=1e-6)
    for name in g:
        np.testing.assert_allclose(g[name], g_padded[name], rtol=1e-4, atol=1e-7)


def test_a_part_of_the_surprises_has_no_padding_that_it_does_not_need():
    found = surprises.gather(np.array([0, 0, 4]), np.zeros(3, int), np.array([0, 1, 1]), np.array([1, 0, 3]), 1, 2)
    assert [len(found.part(slice(b, b + 1)).symbols) for b in (0, 1)] == [1, 2]


def test_the_last_loss_of_c_asks_for_the_last_surprise_of_each_sequence():
    found = surprises.gather(np.array([0, 0, 4]), np.zeros(3, int), np.array([0, 1, 1]), np.array([1, 0, 3]), 1, 2)
    net = small_chunker()
    p = stack([net.init(stream(0, "C"), 0.5)])
    loss, _, logits = experiment.chunker_loss(net, p, found, last_only=True)
    mass = softmax(logits)
    assert loss[0] == pytest.approx(-(np.log(mass[0, 0, 1, 0]) + np.log(mass[1, 0, 3, 1])) / 2, rel=1e-5)


# ---------------------------------------------------------------- learning

@pytest.fixture(scope="module")
def trained():
    nets, p, curves = experiment.train_chunker_pair([0, 1], SMALL)
    return nets, p, curves, experiment.score_chunker(nets, p, task.twins([0, 1], "test", 1, SMALL.length, 0), SMALL)[0]


def test_a_and_c_learn_the_small_task(trained):
    score = trained[3]
    assert (score["recall_chunker"] == 1).all() and (score["surprises"] == 2).all()
    assert (score["recall_automatizer"] == 0.5).all(), "A alone cannot know"
    assert (score["swing_chunker"] > 5.9).all() and (np.abs(score["swing_untrained_chunker"]) < 2).all()


def test_with_one_letter_c_needs_no_recurrence(trained):
    """Why m = 0 shows compression and not credit assignment."""
    _, p, _, score = trained
    assert (score["recall_no_recurrence"] == 1).all() and (p["C without recurrence"]["W"] == 0).all()


def test_c_is_at_chance_for_the_trigger_it_cannot_know(trained):
    nets, p, _, _ = trained
    run = nets["C"].forward(p["C"], np.full((1, 2, 1), K), extra=np.zeros((1, 2, nets["C"].reals, 1)))
    mass = softmax(nets["C"].logits(p["C"], run.y[-1]))[:, :2, 0]
    assert (mass > 0.2).all() and (mass.sum(-1) > 0.95).all()


def test_seeds_together_equal_a_seed_alone(trained):
    _, p, _, _ = trained
    _, alone, _ = experiment.train_chunker_pair([1], SMALL)
    for name in p:
        for key in p[name]:
            np.testing.assert_allclose(p[name][key][1], alone[name][key][0], rtol=1e-3, atol=1e-4)


def test_the_gradient_of_c_has_a_value_at_each_step_of_the_raw_stream(trained):
    nets, p, _, _ = trained
    T = SMALL.length
    found = surprises.compress(nets["A"], p["A"], task.both_sequences(2, T), SMALL.tolerance)
    norms = experiment.chunker_gradient(nets["C"], p["C"], found, T)
    assert norms.shape == (T + 1, 2) and (norms[2:] == norms[2]).all(), "C's state stands still between surprises"


def test_single_nets_get_as_many_sequences_as_a_and_c():
    config = experiment.Config()
    seen = config.automatizer_windows // 200 * config.automatizer_batch + config.chunker_updates * config.chunker_batch
    assert config.sequences == seen == 864


def test_single_nets_read_the_very_sequences_that_a_and_c_learn_from():
    config = replace(SMALL, automatizer_windows=20, chunker_updates=2)
    symbols = single_nets.training_sequences([0, 1], config, 1)
    for_C = next(task.supply([0, 1], "train C", 32, 60, 1))
    assert symbols.shape == (60, 2, config.sequences)
    np.testing.assert_array_equal(symbols[..., -32:], for_C)


TINY = replace(SMALL, automatizer_windows=5, chunker_updates=1, chunker_batch=16)


@pytest.mark.parametrize("kind", single_nets.KINDS)
def test_both_objectives_start_from_the_same_weights_and_last_nets_see_the_last_loss_only(kind):
    jobs = [single_nets.Job(objective, 0, 0.01) for objective in single_nets.OBJECTIVES]
    _, untrained, _, curves, alive = single_nets.train(kind, jobs, [0], TINY, 24)
    assert curves["loss"].shape == (1, 2) and np.isfinite(curves["loss"]).all() and alive.all()
    assert not np.allclose(curves["loss"][0, 0], curves["loss"][0, 1])
    assert all((a[0] == a[1]).all() for a in untrained.values())


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_rate_that_diverges_is_a_result_of_that_rate_and_leaves_the_others_alone():
    jobs = [single_nets.Job("last", 0, rate) for rate in (0.01, 1e38)]
    net, _, p, _, alive = single_nets.train("rnn", jobs, [0], TINY, 2)
    _, _, alone, _, _ = single_nets.train("rnn", jobs[:1], [0], TINY, 2)
    assert alive.tolist() == [True, False]
    for name in p:
        np.testing.assert_allclose(p[name][0], alone[name][0], rtol=1e-4, atol=1e-6)


def test_the_last_loss_weighs_the_last_step_only_and_every_loss_all_steps_alike():
    symbols = np.zeros((10, 3, 8), np.int8)
    last, every = (single_nets.loss_weight(single_nets.Job(objective, 0, 0.1), symbols, 3, 4)
                   for objective in ("last", "every"))
    assert last.shape == (10, 3, 4) and (last[:-1] == 0).all() and (last[-1] == 0.25).all()
    assert np.allclose(every, 1 / 40)


def test_cell_drift_is_the_size_of_the_last_cell_states():
    net = predictor.predictor(lstm.Cell(3), K)
    p = stack([net.init(stream(n, "x"), 0.5) for n in range(2)])
    symbols = task.both_sequences(2, 40)
    states = net.forward(p, read_from(symbols, K)).trace.s[-1]
    expected = [np.median(np.abs(s)) for s in states]
    np.testing.assert_allclose(single_nets.cell_drift(net, p, symbols), expected, rtol=1e-5)
