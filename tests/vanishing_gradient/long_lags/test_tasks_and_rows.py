"""The sequences of Experiments 1 to 5, and every number of the paper's tables."""

import numpy as np
import pytest

from vanishing_gradient.long_lags import rows
from vanishing_gradient.long_lags.criteria import AllStrings, Both, Streak, TestSets, Window
from vanishing_gradient.long_lags.one_unit import OneUnit
from vanishing_gradient.long_lags.tasks import (
    GRAMMAR, SYMBOLS, B, Distractors, E, Marked, P, Parity, Reber, SignalAndNoise, T, TwoSequences, reber_string)

RNG = lambda: np.random.default_rng(0)


# ---------------------------------------------------------------- sequences

def test_a_reber_string_repeats_its_outer_symbol_before_the_end():
    for _ in range(200):
        symbols, after = reber_string(np.random.default_rng(_))
        assert symbols[0] == symbols[2] == B and symbols[-1] == symbols[-3] == E and symbols[1] == symbols[-2] in (T, P)
        assert len(symbols) >= 9 and len(after) == len(symbols) - 1
        assert all(symbol in legal for symbol, legal in zip(symbols[1:], after))


def test_the_grammar_is_rebers():
    written = ["".join(SYMBOLS[symbol] for symbol, _ in node) for node in GRAMMAR]
    assert written == ["TP", "SX", "TV", "XS", "PV", "EE"]
    assert [[to for _, to in node] for node in GRAMMAR] == [[1, 2], [1, 3], [2, 4], [2, 5], [3, 5], [6, 6]]


def test_no_test_string_is_a_training_string_and_training_strings_repeat():
    train, test = Reber().sets(RNG())
    strings = [[tuple(s.x[:n, k]) for k, n in enumerate(s.lengths)] for s in (train, test)]
    assert len(strings[0]) == len(strings[1]) == 256 and not set(strings[0]) & set(strings[1])
    assert len(set(strings[0])) < 256


def test_a_reber_target_is_the_next_symbol_and_it_is_legal():
    train, _ = Reber().sets(RNG())
    for n in range(20):
        length = train.lengths[n]
        assert (train.target[:length - 1, :, n].argmax(1) == train.x[1:length, n]).all()
        assert train.target[length - 1, :, n].argmax() == E
        assert train.legal[np.arange(length), train.target[:length, :, n].argmax(1), n].all()


def test_the_two_sequences_differ_at_their_ends_only():
    drawn = TwoSequences(10).draw(RNG(), 50)
    assert drawn.shape == (11, 50) and (drawn[0] == drawn[-1]).all() and set(drawn[0]) == {9, 10}
    assert (drawn[1:-1] == np.arange(9)[:, None]).all()


def test_the_middle_of_2b_is_random_and_never_x_or_y():
    drawn = TwoSequences(100, random=True).draw(RNG(), 50)
    assert drawn[1:-1].max() <= 98 and len(np.unique(drawn[1:-1])) == 99 and (drawn[0] == drawn[-1]).all()


def test_distractor_sequences_have_the_papers_mean_length_and_minimal_lag():
    task = Distractors(50, 50)
    drawn = task.draw(RNG(), 20_000)
    assert drawn.lengths.min() == 53                                 # b, x or y, 50 distractors, e
    assert abs(drawn.lengths.mean() + 1 - 63) < 0.3                  # 4 + q + the sum of k 0.9^k / 10; printed: q + 14
    column = np.arange(20_000)
    assert (drawn.x[drawn.lengths - 1, column] == 50).all() and (drawn.x[0] == 51).all()
    assert (drawn.x[1] - 52 == drawn.target.argmax(0)).all()
    inside = drawn.x[2:53 - 1]
    assert inside.max() < 50 and len(np.unique(inside)) == 50


def test_published_noise_has_variance_a_fifth_and_spares_the_signal_in_3a_and_3c_only():
    for name, exact in (("3a_T100_N3", True), ("3b_T100_N3", False), ("3c_T100_N3", True)):
        drawn = rows.NOISE[name].task.draw(RNG(), 2000)
        assert abs(drawn.x[3:].var() - 0.2) < 0.005
        assert (np.abs(drawn.x[:3]) == 1).all() == exact
        assert drawn.lengths.min() == 100 and drawn.lengths.max() == 110


def test_in_3b_with_one_element_the_noise_alone_makes_one_answer_in_eighty_wrong():
    drawn = rows.NOISE["3b_T100_N1"].task.draw(RNG(), 100_000)
    wrong = ((drawn.x[0, 0] > 0) != (drawn.target[0] == 1)).mean()
    assert abs(wrong - 0.0127) < 0.002 < rows.NOISE["3b_T100_N1"].paper.wrong_of_2560 / 2560 - 0.0127 + 0.002


def test_the_targets_of_3c_are_a_fifth_and_four_fifths_with_noise_in_training_only():
    drawn = rows.NOISE["3c_T100_N3"].task.draw(RNG(), 20_000)
    assert set(np.unique(drawn.clean)) == {np.float32(0.2), np.float32(0.8)}
    assert (drawn.clean[0, drawn.x[0, 0] > 0] == np.float32(0.2)).all()
    assert abs((drawn.target - drawn.clean).var() - 0.1) < 0.005


def test_the_marks_of_the_adding_problem_are_in_the_first_half():
    task = Marked(100)
    first, second = task.marks(RNG(), 20_000)
    assert first.min() == 0 and first.max() == 9 and second.min() == 0 and second.max() == 48
    assert (first != second).all()


@pytest.mark.parametrize("product, neutral", [(False, 0), (True, 1)])
def test_a_marked_first_pair_counts_as_neutral_whichever_mark_it_has(product, neutral):
    drawn = Marked(100, product).draw(RNG(), 5000)
    for n in range(5000):
        marked = np.flatnonzero(drawn.x[:drawn.lengths[n], 1, n] == 1)
        values = [neutral if k == 0 else drawn.x[k, 0, n] for k in marked]
        expected = values[0] * values[1] if product else 0.5 + sum(values) / 4
        assert len(marked) == 2 and abs(drawn.target[0, n] - expected) < 1e-6
        assert drawn.x[drawn.lengths[n] - 1, 1, n] == -1
        assert drawn.x[0, 1, n] == (1 if marked[0] == 0 else -1)


def test_a_hidden_first_pair_counts_as_nothing_and_shows_no_mark():
    hidden = Marked(100, first_hidden=True).draw(RNG(), 5000)
    assert (hidden.x[0, 1] == -1).all()
    known = 0.5 + (hidden.x[:, 0] * (hidden.x[:, 1] == 1)).sum(0) / 4
    assert np.abs(known - hidden.target[0]).max() < 1e-6


def test_if_the_first_pair_hid_its_second_mark_two_in_a_hundred_answers_could_not_be_known():
    hidden = Marked(100, first_counts_only_as_X1=True).draw(RNG(), 20_000)
    marks = (hidden.x[:, 1] == 1).sum(0)
    assert 0.1 < (marks == 1).mean() < 0.14                           # the first pair never shows its mark
    known = 0.5 + (hidden.x[:, 0] * (hidden.x[:, 1] == 1)).sum(0) / 4
    assert 0.01 < (np.abs(known - hidden.target[0]) > 0.04).mean() < 0.03


def test_parity_is_odd_where_the_number_of_ones_is_and_gaps_are_zeros():
    for task, length in ((Parity(3), 3), (Parity(2, gap=4), 6)):
        drawn = task.draw(RNG(), 200)
        assert set(drawn.lengths) == {length} and len(drawn.x) == length
        assert ((drawn.x[:, 0] == 1).sum(0) % 2 == drawn.target[0]).all() and 0.4 < drawn.target.mean() < 0.6
        assert (np.abs(drawn.x[::task.gap + 1]) == 1).all() and (np.abs(drawn.x).sum(0) == task.bits).all()
    long = Parity(500).draw(RNG(), 50)
    assert long.lengths.min() >= 500 and long.lengths.max() <= 550
    assert (np.abs(long.x[:, 0]).sum(0) == long.lengths).all()


# ---------------------------------------------------------------- the paper's tables

def test_table_1_is_as_published():
    lines = [(row.net.blocks, row.net.size, row.lr, row.net.weights, row.paper.solved, row.paper.sequences)
             for row in rows.REBER]
    assert lines == [(4, 1, 0.1, 264, 1.0, 39_740), (3, 2, 0.1, 276, 1.0, 21_730), (3, 2, 0.2, 276, 0.97, 14_060),
                     (4, 1, 0.5, 264, 0.97, 9_500), (3, 2, 0.5, 276, 1.0, 8_440)]
    for row in rows.REBER:
        assert row.net.output_gates == (-1, -2, -3, -4)[:row.net.blocks] and row.net.input_gates == ()
        assert (row.net.init, row.net.biases, row.paper.trials, row.solved) == (0.2, "gates", 30, AllStrings())
        assert row.net.gate_sources and not row.net.shortcut and not row.net.linear


def test_the_other_nets_of_table_1_have_the_published_numbers_of_weights():
    lines = [(row.net.weights, row.paper.sequences, row.paper.solved, row.paper.trials)
             for row in (rows.SMITH_ZIPSER_3, rows.SMITH_ZIPSER_12, rows.ELMAN)]
    assert lines == [(170, 173_000, None, 0), (494, 25_000, None, 0), (435, 200_000, 0.0, 0)]
    assert (rows.SMITH_ZIPSER_3.lr, rows.SMITH_ZIPSER_12.lr) == (0.05, 0.1)


def test_table_2_is_as_published():
    cell, other = rows.CELL_P100, rows.CELL_2B
    assert (cell.net, cell.lr, cell.net.weights, cell.paper.sequences) == (OneUnit(101), 1.0, 10_504, 5_040)
    assert (other.task.random, other.paper.sequences, other.net.weights) == (True, 5_680, 10_504)
    assert cell.solved == Both(0.25, 10_000) and other.solved == Both(0.25, 10_000, at_end_only=True)
    lines = [(row.lr, row.net.weights, row.paper.solved, row.paper.sequences) for row in rows.RTRL]
    assert lines == [(1.0, 36, 0.78, 1_043_000), (4.0, 36, 0.56, 892_000), (10.0, 36, 0.22, 254_000)]
    assert rows.RTRL_P10.net.weights == 144 and rows.RTRL_P100.net.weights == rows.RTRL_P100.paper.weights == 102 * 102
    assert rows.CHUNKER.paper.sequences == 32_400 and rows.CHUNKER.paper.solved == 0.33
    assert rows.CHUNKER.net.weights == 10_506 and rows.CHUNKER.lr == 1.0
    assert {row.paper.trials for row in (cell, other, *rows.RTRL, rows.RTRL_P10, rows.CHUNKER)} == {18}


def test_table_3_is_as_published():
    lines = [(row.task.q, row.task.p, row.net.weights, row.paper.sequences) for row in rows.TABLE_3]
    assert lines == [(50, 50, 364, 30_000), (100, 100, 664, 31_000), (200, 200, 1264, 33_000), (500, 500, 3064, 38_000),
                     (1000, 1000, 6064, 49_000), (1000, 500, 3064, 49_000), (1000, 200, 1264, 75_000),
                     (1000, 100, 664, 135_000), (1000, 50, 364, 203_000)]
    for row in rows.TABLE_3:
        assert (row.lr, row.net.init, row.net.biases, row.paper.trials) == (0.01, 0.2, "none", 20)
        assert (row.net.blocks, row.net.size, row.solved) == (2, 1, Streak(0.2, 10_000))


def test_tables_4_to_6_are_as_published():
    found = {name: (row.paper.sequences, round(row.paper.wrong_of_2560 / 2560, 6)) for name, row in rows.NOISE.items()}
    assert found == {
        "3a_T100_N3": (39_850, 0.000195), "3a_T100_N1": (64_330, 0.000117), "3a_T1000_N3": (452_460, 0.000078),
        "3b_T100_N3": (43_250, 0.00828), "3b_T100_N1": (78_430, 0.015), "3b_T1000_N1": (485_080, 0.01207),
        "3c_T100_N3": (269_650, 0.00558), "3c_T100_N1": (565_640, 0.00441)}
    assert rows.ST1 == {"3a_T100_N3": 27_380, "3a_T100_N1": 58_370, "3a_T1000_N3": 446_850, "3b_T100_N3": 41_740,
                        "3b_T100_N1": 74_950, "3b_T1000_N1": 481_060}
    stops = {"3a": TestSets(0.2, 0, 0.01), "3b": TestSets(0.2, 5, 0.04), "3c": TestSets(0.1, 0, 0.015)}
    for name, row in rows.NOISE.items():
        net = row.net
        assert (net.blocks, net.size, net.weights, net.biases, net.init) == (3, 1, 102, "hidden", 0.1)
        assert (net.input_gates, net.output_gates, net.linear) == ((-1, -3, -5), (-2, -4, -6), False)
        assert row.lr == (0.1 if name[:2] == "3c" else 1.0) and row.solved == stops[name[:2]] and row.paper.trials == 10


def test_tables_7_and_8_are_as_published():
    for row, linear in ((rows.ADDING, True), (rows.ADDING_LOGISTIC, False)):
        assert (row.net.blocks, row.net.size, row.net.weights, row.net.biases, row.lr) == (2, 2, 93, "all", 0.5)
        assert row.net.input_gates == (-3, -6) and row.net.output_gates == () and row.net.linear == linear
        assert row.solved == Streak(0.04, 2000, 0.01) and row.paper.sequences == 74_000 and row.paper.trials == 10
    for row, length, sequences in ((rows.ADDING_500, 500, 209_000), (rows.ADDING_1000, 1000, 853_000)):
        assert (row.task, row.paper.sequences) == (Marked(length, first_hidden=True), sequences)
        assert (row.net, row.lr, row.solved) == (rows.ADDING.net, 0.5, rows.ADDING.solved)
    lines = [(row.lr, row.net.weights, row.solved, row.paper.sequences, row.paper.wrong_of_2560)
             for row in rows.MULTIPLICATION]
    assert lines == [(0.1, 93, Window(0.04, 140), 482_000, 139), (0.1, 93, Window(0.04, 13), 1_273_000, 14)]
    assert all(row.net.input_gates == () and row.task.product for row in rows.MULTIPLICATION)


def test_every_line_has_a_published_number_and_the_hours_it_takes():
    assert len(rows.LINES) == len({row.title for row in rows.LINES}) == 41
    assert len({row.paper for row in rows.LINES}) == 39               # Experiment 4, T = 100, has three readings
    for row in rows.LINES:
        assert row.paper.sequences > 0 and (row is rows.CASCADE or rows.HOURS[row.name] > 0)
    assert len(rows.RUNNABLE) == 40


def test_the_noise_task_of_the_main_experiment_has_another_standard_deviation():
    from vanishing_gradient.long_lags.long_lags import SMALL_NOISE
    assert SMALL_NOISE.task == SignalAndNoise(100, 3, std=0.2) and SMALL_NOISE.net == rows.NOISE_NET
