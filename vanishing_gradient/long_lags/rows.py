"""The tables of the paper, one `Row` a line: how it was trained and what was published.

Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8):1735-1780, tables 1 to 8
for the results, table 10 for the architectures. Experiment 6 has a room of its own, temporal_order_3bit.
`LINES` are all lines in the paper's order, with the hours that those without trials would take on one core; only one,
another paper's method, cannot be run (`Untried`). Experiment 4 has one `Row` for each reading of what the paper leaves
open; they share what was published.
"""

from typing import NamedTuple

from vanishing_gradient.long_lags.criteria import AllStrings, Both, Streak, TestSets, Window
from vanishing_gradient.long_lags.one_unit import OneUnit
from vanishing_gradient.long_lags.ordinary import Ordinary
from vanishing_gradient.long_lags.tasks import Distractors, Marked, Reber, SignalAndNoise, TwoSequences
from vanishing_gradient.long_lags.two_nets import TwoNets
from vanishing_gradient.long_lags.wiring import Wiring


class Published(NamedTuple):
    """What the paper reports of one line."""
    table: str
    sequences: int                       # mean of the trials, of the solved ones where some are not
    trials: int                          # 0: not given
    solved: float = 1.0                  # share, None where the paper says: some
    wrong_of_2560: float = None
    weights: int = None


class Row(NamedTuple):
    """One line of a table: task, network, learning rate, when a trial is solved, what was published."""
    name: str
    title: str
    task: object
    net: object                          # Wiring, or OneUnit, TwoNets, Ordinary
    lr: float
    solved: object                       # criteria.py
    paper: Published


def ordinary(name, title, net, lr, sequences, share):
    """Table 1, nets without memory cells: other papers' trials, whose number is not given."""
    return Row(name, title, Reber(), net, lr, AllStrings(), Published("1", sequences, 0, share, weights=net.weights))


ELMAN = ordinary("1_elman", "1, Elman net, 15 units", Ordinary(15, 7, elman=True), 0.3, 200_000, 0.0)
SMITH_ZIPSER_3 = ordinary("1_rtrl_3", "1, RTRL, 3 units, rate 0.05 (Smith & Zipser)", Ordinary(3, 7), 0.05, 173_000,
                          None)
SMITH_ZIPSER_12 = ordinary("1_rtrl_12", "1, RTRL, 12 units, rate 0.1 (Smith & Zipser)", Ordinary(12, 7), 0.1, 25_000,
                           None)
NUMBER = {"4x1": (4, 1, (-1, -2, -3, -4)), "3x2": (3, 2, (-1, -2, -3))}


def reber(blocks, lr, share, sequences):
    """Table 1. Output-gate biases as listed, input-gate biases random, biases of gates only."""
    count, size, output_gates = NUMBER[blocks]
    net = Wiring(count, size, 7, 0, 7, "gates", 0.2, output_gates=output_gates)
    return Row(f"1_{blocks}_{lr:g}", f"1 embedded Reber, {blocks}, rate {lr:g}", Reber(), net, lr, AllStrings(),
               Published("1", sequences, 30, share, weights={"4x1": 264, "3x2": 276}[blocks]))


REBER = (reber("4x1", 0.1, 1.0, 39_740), reber("3x2", 0.1, 1.0, 21_730), reber("3x2", 0.2, 0.97, 14_060),
         reber("4x1", 0.5, 0.97, 9_500), reber("3x2", 0.5, 1.0, 8_440))


def two_sequences(p, method, lr, published, random=False):
    """Table 2: p + 1 symbols, all logistic, no biases. Success: every output within 0.25 of its target."""
    part = "2b random middle" if random else "2a"
    name = f"{'2b' if random else '2a'}_p{p}" + ("" if method == "LSTM" else f"_rtrl_{lr:g}")
    how = "" if method == "LSTM" else f", {method}, rate {lr:g}"
    return Row(name, f"{part}, p = {p}{how}", TwoSequences(p, random), OneUnit(p + 1, cell=method == "LSTM"), lr,
               Both(0.25, 10_000, at_end_only=random), published)


CELL_P4 = two_sequences(4, "LSTM", 1.0, None)
CELL_P10 = two_sequences(10, "LSTM", 1.0, None)
CELL_P100 = two_sequences(100, "LSTM", 1.0, Published("2", 5_040, 18, 1.0, weights=10_504))
CELL_2B = two_sequences(100, "LSTM", 1.0, Published("text 5.2", 5_680, 18, 1.0, weights=10_504), random=True)
RTRL = tuple(two_sequences(4, "RTRL", lr, Published("2", sequences, 18, share, weights=36))
             for lr, share, sequences in ((1.0, 0.78, 1_043_000), (4.0, 0.56, 892_000), (10.0, 0.22, 254_000)))
RTRL_P10 = two_sequences(10, "RTRL", 1.0, Published("2", 5_000_000, 18, 0.0, weights=144))
RTRL_P100 = two_sequences(100, "RTRL", 1.0, Published("2", 5_000_000, 18, 0.0, weights=10_404))._replace(
    title="2a, p = 100, RTRL and BPTT, rate 1")
CHUNKER = Row("2a_p100_chunker", "2a, p = 100, chunker", TwoSequences(100), TwoNets(101), 1.0, Both(0.25, 10_000),
              Published("2", 32_400, 18, 0.33, weights=10_506))


def distractors(q, p, sequences):
    """Table 3: two blocks of one cell, no biases at all. Success: both outputs within 0.2, 10,000 times in a row."""
    net = Wiring(2, 1, p + 4, 0, 2, "none", 0.2)
    return Row(f"2c_q{q}_p{p}", f"2c, q = {q}, p = {p}", Distractors(p, q), net, 0.01, Streak(0.2, 10_000),
               Published("3", sequences, 20, weights=6 * (p + 10) + 4))


TABLE_3 = tuple(distractors(*line) for line in (
    (50, 50, 30_000), (100, 100, 31_000), (200, 200, 33_000), (500, 500, 38_000), (1000, 1000, 49_000),
    (1000, 500, 49_000), (1000, 200, 75_000), (1000, 100, 135_000), (1000, 50, 203_000)))

NOISE_NET = Wiring(3, 1, 0, 1, 1, "hidden", 0.1, input_gates=(-1, -3, -5), output_gates=(-2, -4, -6))


def signal_and_noise(kind, T, N, st1, sequences, misclassified):
    """Tables 4 to 6. `sequences` are those to the last criterion, ST2; `st1` those to the first."""
    extra = {"3a": {}, "3b": dict(noisy_signal=True), "3c": dict(targets=(0.8, 0.2), target_std=0.1 ** 0.5)}[kind]
    stop = {"3a": TestSets(0.2, 0, 0.01), "3b": TestSets(0.2, 5, 0.04), "3c": TestSets(0.1, 0, 0.015)}[kind]
    table = {"3a": "4", "3b": "5", "3c": "6"}[kind]
    return Row(f"{kind}_T{T}_N{N}", f"{kind}, T = {T}, N = {N}", SignalAndNoise(T, N, **extra), NOISE_NET,
               0.1 if kind == "3c" else 1.0, stop,
               Published(table, sequences, 10, wrong_of_2560=misclassified * 2560, weights=102)), st1


WITH_ST1 = tuple(signal_and_noise(*line) for line in (
    ("3a", 100, 3, 27_380, 39_850, 0.000195), ("3a", 100, 1, 58_370, 64_330, 0.000117),
    ("3a", 1000, 3, 446_850, 452_460, 0.000078), ("3b", 100, 3, 41_740, 43_250, 0.00828),
    ("3b", 100, 1, 74_950, 78_430, 0.01500), ("3b", 1000, 1, 481_060, 485_080, 0.01207),
    ("3c", 100, 3, None, 269_650, 0.00558), ("3c", 100, 1, None, 565_640, 0.00441)))
NOISE = {row.name: row for row, _ in WITH_ST1}
ST1 = {row.name: st1 for row, st1 in WITH_ST1 if st1}


def adding(T, sequences, wrong, kind):
    """Table 7. The paper does not say what kind of output unit (elsewhere they are logistic), nor whether a marked
    first pair shows its mark; the kind "hidden" is a linear output and a first mark that stays hidden."""
    net = Wiring(2, 2, 0, 2, 1, "all", 0.1, input_gates=(-3, -6), linear=kind != "logistic")
    reading = {"linear": "linear output", "hidden": "linear output, first mark hidden", "logistic": "logistic output"}
    return Row(f"4_T{T}_{kind}", f"4 adding, T = {T}, {reading[kind]}", Marked(T, first_hidden=kind == "hidden"), net,
               0.5, Streak(0.04, 2000, mean_error=0.01),
               Published("7", sequences, 10, wrong_of_2560=wrong, weights=93))


ADDING, ADDING_HIDDEN, ADDING_LOGISTIC = (adding(100, 74_000, 1, kind) for kind in ("linear", "hidden", "logistic"))
# the longer lines in the one reading that comes out at T = 100
ADDING_500, ADDING_1000 = adding(500, 209_000, 0, "hidden"), adding(1000, 853_000, 1, "hidden")


def multiplication(most_wrong, sequences, wrong):
    """Table 8: solved when fewer than `most_wrong` of the last 2,000 sequences have an error above 0.04."""
    net = Wiring(2, 2, 0, 2, 1, "all", 0.1)
    return Row(f"5_n{most_wrong}", f"5 multiplication, T = 100, n = {most_wrong}", Marked(100, product=True), net, 0.1,
               Window(0.04, most_wrong), Published("8", sequences, 10, wrong_of_2560=wrong, weights=93))


MULTIPLICATION = (multiplication(140, 482_000, 139), multiplication(13, 1_273_000, 14))


class Untried(NamedTuple):
    """A line that cannot be run here: its title, what was published, why."""
    title: str
    paper: Published
    why: str
    name: str = ""


CASCADE = Untried("1, recurrent cascade-correlation (Fahlman)", Published("1", 182_000, 0, 0.5),
                  "another paper's method: a net that grows")

# Hours on one core to the paper's number of sequences, all trials side by side (measured time per sequence).
HOURS = {**{row.name: 0.01 for row in (*REBER, SMITH_ZIPSER_12, CELL_P100, CELL_2B)},
         **{row.name: 0.02 for row in (SMITH_ZIPSER_3, ELMAN, ADDING, ADDING_HIDDEN, ADDING_LOGISTIC)},
         **{row.name: 0.03 for row in RTRL}, RTRL_P10.name: 0.2, RTRL_P100.name: 2.8, CHUNKER.name: 0.05,
         **{row.name: hours for row, hours in zip(TABLE_3, (0.01, 0.01, 0.02, 0.04, 0.1, 0.1, 0.2, 0.3, 0.5))},
         **{name: {"3a_T1000_N3": 1.2, "3b_T1000_N1": 1.2, "3c_T100_N3": 0.07, "3c_T100_N1": 0.15}.get(name, 0.02)
            for name in NOISE},
         ADDING_500.name: 0.3, ADDING_1000.name: 2.1, MULTIPLICATION[0].name: 0.15, MULTIPLICATION[1].name: 0.4}

# Every line of tables 1 to 8, in the paper's order, each with its readings.
LINES = (SMITH_ZIPSER_3, SMITH_ZIPSER_12, ELMAN, CASCADE, *REBER,
         *RTRL, RTRL_P10, RTRL_P100, CHUNKER, CELL_P100, CELL_2B,
         *TABLE_3, *NOISE.values(), ADDING, ADDING_HIDDEN, ADDING_LOGISTIC, ADDING_500, ADDING_1000, *MULTIPLICATION)
RUNNABLE = {row.name: row for row in LINES if isinstance(row, Row)}
