"""Experiments 6a and 6b exactly as published: studies `paper_1997` and `paper_1997_6b`.

Hochreiter & Schmidhuber (1997), section 5.6, tables 9 to 11, appendix A.1. One sequence per
update, plain SGD, truncated gradient, logistic outputs, squared error after the last symbol.
All trials run side by side on the axis N; a trial that is solved leaves.
"""

import time
from typing import NamedTuple

import numpy as np

from common import lstm
from common.layers import affine, lookup, lookup_backward
from common.progress import Progress
from common.randomness import streams

SYMBOLS = "EBXYabcd"                          # a sequence starts with E and ends with B
E, B, X = 0, 1, 2
TOLERANCE = 0.3                              # an output unit is right within this of its target
STREAK = 2000                                # this many sequences in a row must be right
MEAN_ERROR = 0.1                             # and their mean error below this


class Experiment(NamedTuple):
    """One row of table 10, with its result in table 9."""
    windows: tuple                           # positions of the informative symbols, inclusive
    blocks: int
    input_gate_biases: tuple
    lr: float
    weights: int
    mean_sequences: int
    trials: int
    lengths: tuple = (100, 110)
    size: int = 2

    @property
    def classes(self):
        return 2 ** len(self.windows)

    @property
    def cell(self):
        return lstm.Cell(self.blocks, self.size, gate_sources=True, squash="1997")


PAPER_6A = Experiment(windows=((10, 20), (50, 60)), blocks=2, input_gate_biases=(-2, -4), lr=0.5,
                      weights=156, mean_sequences=31390, trials=20)
PAPER_6B = Experiment(windows=((10, 20), (33, 43), (66, 76)), blocks=3, input_gate_biases=(-2, -4, -6), lr=0.1,
                      weights=308, mean_sequences=571100, trials=10)


# ---------------------------------------------------------------- task

def sequences(rng, experiment, count):
    """`count` sequences: tokens (longest, count), lengths (count,), targets (count,).

    Shorter sequences are filled up with B at the end; nothing reads what follows the first B.
    """
    longest = experiment.lengths[1]
    lengths = rng.integers(experiment.lengths[0], longest + 1, size=count)
    tokens = rng.integers(4, 8, size=(longest, count))
    symbols = rng.integers(0, 2, size=(len(experiment.windows), count))
    column, target = np.arange(count), np.zeros(count, dtype=int)
    for (first, last), symbol in zip(experiment.windows, symbols):
        tokens[rng.integers(first, last + 1, size=count), column] = X + symbol
        target = 2 * target + symbol
    tokens[0] = E
    tokens[np.arange(longest)[:, None] >= lengths - 1] = B
    return tokens, lengths, target


def sequences_per_trial(generators, experiment, count):
    """tokens (count, longest, N), lengths (count, N), targets (count, N)."""
    tokens, lengths, targets = zip(*(sequences(rng, experiment, count) for rng in generators))
    return np.stack(tokens, -1).swapaxes(0, 1), np.stack(lengths, -1), np.stack(targets, -1)


# ---------------------------------------------------------------- network

def init(rng, experiment):
    """One trial's weights, uniform in [-0.1, 0.1]; the input-gate biases as published."""
    cell, uniform = experiment.cell, lambda *shape: rng.uniform(-0.1, 0.1, shape)
    p = dict(W_in=uniform(cell.features, len(SYMBOLS)), W=uniform(cell.features, cell.sources), b=uniform(cell.features),
             W_out=uniform(experiment.classes, cell.cells), b_out=uniform(experiment.classes))
    p["b"][cell.gate_rows("input")] = experiment.input_gate_biases
    assert sum(a.size for a in p.values()) == experiment.weights
    return p


def forward(experiment, p, tokens, lengths):
    """Outputs after the last symbol ([N,] K, B) and the trace; tokens (T, [N,] B), lengths ([N,] B)."""
    trace = lstm.forward(experiment.cell, lookup(p["W_in"] + p["b"][..., None], tokens), p["W"])
    return logistic(affine(p["W_out"], p["b_out"], at_end(experiment, trace, lengths))), trace


def at_end(experiment, trace, lengths):
    """The cells' outputs after each sequence's own last step."""
    cells = np.moveaxis(trace.y[..., :experiment.cell.cells, :], -2, -1)           # (T+1, [N,] B, cells)
    return np.moveaxis(np.take_along_axis(cells, lengths[None, ..., None], 0)[0], -1, -2)


def logistic(x):
    return 0.5 * np.tanh(0.5 * x) + 0.5


def gradients(experiment, p, tokens, lengths, targets):
    """Output errors target - y (N, K, 1) and the gradient of E = sum_k (target_k - y_k)^2 / 2.

    One sequence per trial: tokens (T, N, 1), lengths and targets (N, 1). The error signals of
    equations 19 to 28; the paper drops the factor 2 of the square.
    """
    cell = experiment.cell
    output, trace = forward(experiment, p, tokens, lengths)
    error = (np.arange(experiment.classes)[:, None] == targets[:, None]) - output
    d_net = -error * output * (1 - output)
    last = at_end(experiment, trace, lengths)
    dy = np.zeros_like(trace.y)
    dy[lengths[:, 0], np.arange(len(lengths)), :cell.cells] = p["W_out"].swapaxes(-1, -2) @ d_net
    g = lstm.backward(cell, trace, p["W"], dy, truncated=True)
    dW_in = lookup_backward(g.drive, tokens, len(SYMBOLS))
    return error, dict(W_in=dW_in, W=g.W, b=dW_in.sum(-1), W_out=d_net @ last.swapaxes(-1, -2), b_out=d_net[..., 0])


# ---------------------------------------------------------------- trials

def train(experiment, seeds, cap, block=100):
    """Every trial until it is solved or has seen `cap` sequences.

    returns   [{"seed", "solved", "sequences", "p", "best_streak", "wrong_of_last_2000"}]
    """
    trials = [dict(seed=seed) for seed in seeds]
    active = np.arange(len(seeds))
    p = {name: np.stack(a) for name, a in _transpose([init(rng, experiment) for rng in streams(seeds, "init")]).items()}
    generators = streams(seeds, "train")
    streak, best = np.zeros((2, len(seeds)), dtype=int)
    errors, wrong = np.ones((STREAK, len(seeds))), np.ones((STREAK, len(seeds)), dtype=bool)
    progress = Progress(f"{len(seeds)} trials", cap)
    for seen in range(1, cap + 1):
        k = (seen - 1) % block
        if k == 0:
            tokens, lengths, targets = sequences_per_trial([generators[n] for n in active], experiment, block)
        error, g = gradients(experiment, p, tokens[k][..., None], lengths[k][:, None], targets[k][:, None])
        for name, gradient in g.items():
            gradient *= experiment.lr
            p[name] -= gradient
        size = np.abs(error[..., 0])
        row = seen % STREAK
        wrong[row], errors[row] = (size >= TOLERANCE).any(1), size.mean(1)
        streak = np.where(wrong[row], 0, streak + 1)
        best = np.maximum(best, streak)
        solved = streak >= STREAK
        if solved.any():
            solved &= errors.mean(0) < MEAN_ERROR
        for n in np.flatnonzero(solved | (seen == cap)):
            trials[active[n]] |= dict(solved=bool(solved[n]), sequences=seen, p={name: a[n].copy() for name, a in p.items()},
                                      best_streak=int(best[n]), wrong_of_last_2000=int(wrong[:, n].sum()))
        if solved.any():
            keep = ~solved
            active, streak, best, p = active[keep], streak[keep], best[keep], {name: a[keep] for name, a in p.items()}
            errors, wrong = errors[:, keep], wrong[:, keep]
            tokens, lengths, targets = tokens[..., keep], lengths[..., keep], targets[..., keep]
        if seen % 500 == 0 or not len(active):
            progress.update(seen, unsolved=len(active), mean_error=errors.mean() if len(active) else 0)
        if not len(active):
            break
    progress.close()
    return trials


def _transpose(dictionaries):
    return {name: [d[name] for d in dictionaries] for name in dictionaries[0]}


# ---------------------------------------------------------------- test, and what was learned

def test(experiment, p, rng, count=2560):
    """Wrong sequences of `count` fresh ones by the paper's criterion, and the mean absolute error."""
    tokens, lengths, targets = sequences(rng, experiment, count)
    output, _ = forward(experiment, p, tokens, lengths)
    size = np.abs((np.arange(experiment.classes)[:, None] == targets) - output)
    return int((size >= TOLERANCE).any(0).sum()), float(size.mean())


def solution_type(experiment, p, rng, count=512):
    """Which of the paper's two typical solutions (section 5.6) a trained network is, by cutting.

    Type 1: an input gate reads the cell outputs, so it opens differently when a block is full.
    Type 2: the cell outputs feed the cell inputs, so the first symbol is counted twice.
    A path matters if without it less than 90 % of the answers (largest output) are right.

    returns   "1", "2", "both" or "neither", and the number of blocks that alone give 90 %
    """
    cell = experiment.cell
    tokens, lengths, targets = sequences(rng, experiment, count)

    def correct(changes):
        q = {name: a.copy() for name, a in p.items()}
        for name, rows, columns in changes:
            q[name][rows, columns] = 0
        return (forward(experiment, q, tokens, lengths)[0].argmax(0) == targets).mean()

    to_gate = correct([("W", cell.gate_rows("input"), slice(0, cell.cells))]) < 0.9
    to_cell = correct([("W", cell.candidate_rows, slice(0, cell.cells))]) < 0.9
    others = [[c for c in range(cell.cells) if c // cell.size != block] for block in range(cell.blocks)]
    enough = sum(correct([("W_out", slice(None), cells)]) >= 0.9 for cells in others)
    return {(1, 0): "1", (0, 1): "2", (1, 1): "both", (0, 0): "neither"}[to_gate, to_cell], enough


def run_trials(experiment, seeds, cap):
    """Train and test all trials; runs in the schema of results.json."""
    started = time.perf_counter()
    trials = train(experiment, seeds, cap)
    seconds = (time.perf_counter() - started) / len(seeds)
    runs = []
    for trial, test_rng, type_rng in zip(trials, streams(seeds, "test"), streams(seeds, "solution type")):
        solved = trial["solved"]
        wrong, mean_error = test(experiment, trial["p"], test_rng) if solved else (None, None)
        kind, blocks = solution_type(experiment, trial["p"], type_rng) if solved else (None, None)
        final = dict(solved=float(solved), sequences=trial["sequences"] if solved else None, wrong_of_2560=wrong,
                     mean_error=mean_error, best_streak=trial["best_streak"],
                     wrong_of_last_2000=trial["wrong_of_last_2000"], blocks_enough_alone=blocks)
        final |= {f"type_{name}": float(kind == name) if solved else None for name in ("1", "2", "both", "neither")}
        runs.append(dict(seed=trial["seed"], curves={}, final=final, seconds=seconds))
    return runs
