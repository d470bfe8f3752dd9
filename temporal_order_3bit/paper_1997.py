"""Experiments 6a and 6b exactly as published: studies `paper_1997` and `paper_1997_6b`.

Hochreiter & Schmidhuber (1997), section 5.6, tables 9 to 11, appendix A.1. One sequence per
update, plain SGD, truncated gradient, logistic outputs, squared error after the last symbol.
All trials run side by side on the axis N; a trial that is solved leaves.
"""

import time
import zlib
from typing import NamedTuple

import numpy as np

from common import gradcheck, lstm, results
from common.layers import affine, logistic, lookup
from common.networks import Network, chosen, stack
from common.progress import Progress
from common.randomness import stream, streams

SYMBOLS = "EBXYabcd"                         # a sequence starts with E and ends with B
E, B, X = 0, 1, 2
TOLERANCE = 0.3                              # an output unit is right within this of its target
STREAK = 2000                                # this many sequences in a row must be right
MEAN_ERROR = 0.1                             # and their mean error below this
TEST_SEQUENCES = 2560                        # section 5.6: the test set
WORST_TEST = 3                               # and "never more than 3" of them were processed wrongly
BLOCK = 100                                  # sequences drawn at a time
STRETCH = 500 * BLOCK                        # sequences after which running trials are kept


class Experiment(NamedTuple):
    """One row of table 10, with its result in table 9."""
    windows: tuple                           # positions of the informative symbols, inclusive
    blocks: int
    input_gate_biases: tuple
    lr: float
    weights: int
    mean_sequences: int
    trials: int
    wrong_of_2560: int                       # table 9's mean number of wrong test sequences
    lengths: tuple = (100, 110)
    size: int = 2                            # cells per block

    @property
    def classes(self):
        return 2 ** len(self.windows)

    @property
    def cell(self):
        return lstm.Cell(self.blocks, self.size, gate_sources=True, squash="1997")

    @property
    def network(self):
        return Network(self.cell, self.classes, symbols=len(SYMBOLS), truncated=True)


PAPER_6A = Experiment(windows=((10, 20), (50, 60)), blocks=2, input_gate_biases=(-2, -4), lr=0.5,
                      weights=156, mean_sequences=31_390, trials=20, wrong_of_2560=1)
PAPER_6B = Experiment(windows=((10, 20), (33, 43), (66, 76)), blocks=3, input_gate_biases=(-2, -4, -6), lr=0.1,
                      weights=308, mean_sequences=571_100, trials=10, wrong_of_2560=2)


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
    p = dict(W_in=uniform(cell.features, len(SYMBOLS)), W=uniform(cell.features, cell.sources),
             b=uniform(cell.features), W_out=uniform(experiment.classes, cell.cells),
             b_out=uniform(experiment.classes))
    p["b"][cell.gate_rows("input")] = experiment.input_gate_biases
    assert sum(a.size for a in p.values()) == experiment.weights
    return p


class Pass(NamedTuple):
    """What a forward pass leaves."""
    output: np.ndarray                       # ([N,] K, B), after the last symbol
    last: np.ndarray                         # ([N,] cells, B), the cells then
    run: object                              # networks.Run: all states


def forward(experiment, p, tokens, lengths):
    """The Pass of tokens (T, [N,] B) whose sequences end after `lengths` ([N,] B) steps."""
    network = experiment.network
    run = network.forward(p, tokens)
    last = at_end(network.read(run.y), lengths)
    return Pass(logistic(affine(p["W_out"], p["b_out"], last)), last, run)


def at_end(cells, lengths):
    """The cells' outputs ([N,] cells, B) after each sequence's own last step, of (T+1, [N,] cells, B)."""
    cells = np.moveaxis(cells, -2, -1)
    return np.moveaxis(np.take_along_axis(cells, lengths[None, ..., None], 0)[0], -1, -2)


def gradients(experiment, p, tokens, lengths, targets):
    """Output errors target - y (N, K, 1) and the gradient of E = sum_k (target_k - y_k)^2 / 2.

    One sequence per trial: tokens (T, N, 1), lengths and targets (N, 1). The error signals of
    equations 19 to 28; the paper drops the factor 2 of the square.
    """
    network = experiment.network
    output, last, run = forward(experiment, p, tokens, lengths)
    error = (np.arange(experiment.classes)[:, None] == targets[:, None]) - output
    d_net = -error * output * (1 - output)
    dy = np.zeros_like(run.y)
    network.read(dy)[lengths[:, 0], np.arange(len(lengths))] = p["W_out"].swapaxes(-1, -2) @ d_net
    recurrent, _ = network.backward(p, tokens, run, dy)
    return error, {**recurrent, "W_out": d_net @ last.swapaxes(-1, -2), "b_out": d_net[..., 0]}


def cut(network, p, tokens, sources):
    """All y (T+1, ...) when what the recurrent weights read is held at `sources` (T, ...).

    The truncated gradient of the network is the full gradient of this function.
    """
    drive = lookup(p["W_in"] + p["b"][..., None], tokens) + p["W"] @ sources
    return lstm.forward(network.cell, drive, np.zeros_like(p["W"])).y


def gradient_error(experiment):
    """Relative error of `gradients` against finite differences of the cut network's loss."""
    network, rng = experiment.network, stream(1, "gradcheck")
    p = {name: rng.normal(0, 0.3, (1, *a.shape)) for name, a in init(rng, experiment).items()}
    tokens, lengths, targets = (a[..., None, :] for a in sequences(rng, experiment, 1))
    _, g = gradients(experiment, p, tokens, lengths, targets)
    sources = forward(experiment, p, tokens, lengths).run.y[:-1].copy()

    def loss():
        last = at_end(network.read(cut(network, p, tokens, sources)), lengths)
        output = logistic(affine(p["W_out"], p["b_out"], last))
        error = (np.arange(experiment.classes)[:, None] == targets[:, None]) - output
        return float((error * error).sum() / 2)

    return gradcheck.largest_error(loss, p, g, rng, step=5e-4)


# ---------------------------------------------------------------- trials

def right(error):
    """Per trial: is every output within the tolerance of its target? error (N, K)."""
    return (np.abs(error) < TOLERANCE).all(1)


def beginning(experiment, seeds):
    """The state of trials that have seen nothing: numbers, strings, lists and arrays only."""
    N = len(seeds)
    return dict(
        seeds=np.array(seeds), generators=[rng.bit_generator.state for rng in streams(seeds, "train")],
        p=stack([init(rng, experiment) for rng in streams(seeds, "init")]), seen=0, seconds=0.0, finished=[],
        streak=np.zeros(N, dtype=int), best_streak=np.zeros(N, dtype=int),
        # of the last STREAK sequences; ones, so that nothing is solved before that many were seen
        errors=np.ones((STREAK, N)), wrong=np.ones((STREAK, N), dtype=bool))


def generator(state):
    rng = np.random.default_rng(0)
    rng.bit_generator.state = state
    return rng


class Trials:
    """Independent trials side by side, from a state to a later one; a solved trial leaves."""

    def __init__(self, experiment, state):
        vars(self).update(state)
        self.experiment, self.generators = experiment, [generator(saved) for saved in state["generators"]]

    def state(self):
        kept = {name: value for name, value in vars(self).items() if name != "experiment"}
        return {**kept, "generators": [rng.bit_generator.state for rng in self.generators]}

    def run(self, until, progress):
        """Train until all are solved or each has seen `until` sequences."""
        started = time.perf_counter()
        while self.seen < until and len(self.seeds):
            tokens, lengths, targets = sequences_per_trial(self.generators, self.experiment, BLOCK)
            for k in range(min(BLOCK, until - self.seen)):
                self.update(tokens[k][..., None], lengths[k][:, None], targets[k][:, None])
                solved = self.solved()
                if solved.any():
                    self.leave(solved, True)
                    tokens, lengths, targets = (a[..., ~solved] for a in (tokens, lengths, targets))
                if not len(self.seeds):
                    break
            progress.update(self.seen, unsolved=len(self.seeds))
        self.seconds += time.perf_counter() - started

    def update(self, tokens, lengths, targets):
        """One sequence for every trial, one step of plain SGD."""
        error, g = gradients(self.experiment, self.p, tokens, lengths, targets)
        for name, gradient in g.items():
            gradient *= self.experiment.lr
            self.p[name] -= gradient
        self.seen += 1
        row = self.seen % STREAK
        self.wrong[row], self.errors[row] = ~right(error[..., 0]), np.abs(error[..., 0]).mean(1)
        self.streak = np.where(self.wrong[row], 0, self.streak + 1)
        self.best_streak = np.maximum(self.best_streak, self.streak)

    def solved(self):
        """The paper's criterion: 2,000 sequences in a row right, and their mean error below 0.1."""
        solved = self.streak >= STREAK
        return solved & (self.errors.mean(0) < MEAN_ERROR) if solved.any() else solved

    def leave(self, which, solved):
        for n in np.flatnonzero(which):
            self.finished.append(dict(
                seed=int(self.seeds[n]), solved=solved, sequences=self.seen, p=chosen(self.p, n),
                best_streak=int(self.best_streak[n]), wrong_of_last_2000=int(self.wrong[:, n].sum())))
        keep = ~which
        self.generators = [rng for rng, stays in zip(self.generators, keep) if stays]
        self.p = chosen(self.p, keep)
        for name in ("seeds", "streak", "best_streak"):
            setattr(self, name, getattr(self, name)[keep])
        self.errors, self.wrong = self.errors[:, keep], self.wrong[:, keep]


def compute_always(name, make):
    return make()


def seeds_key(seeds):
    """Stands for these seeds in the name of a part that they share."""
    return f"seeds_{zlib.crc32(str(list(seeds)).encode()):08x}"


def train(experiment, seeds, cap, part=compute_always):
    """Every trial until it is solved or has seen `cap` sequences.

    part      progress.Parts.get: keeps the running trials every STRETCH sequences
    returns   [{"seed", "solved", "sequences", "p", "best_streak", "wrong_of_last_2000"}], seconds
    """
    def stretch(state, until):
        trials = Trials(experiment, state)
        trials.run(until, progress)
        return trials.state()

    progress, state = Progress(f"{len(seeds)} trials", cap), beginning(experiment, seeds)
    for until in [*range(STRETCH, cap, STRETCH), cap]:
        state = part(f"{seeds_key(seeds)}_after_{until}", lambda: stretch(state, until))
        if not len(state["seeds"]):
            break
    progress.close()
    trials = Trials(experiment, state)
    trials.leave(np.ones(len(trials.seeds), dtype=bool), False)
    return sorted(trials.finished, key=lambda trial: list(seeds).index(trial["seed"])), trials.seconds


# ---------------------------------------------------------------- test, and what was learned

def test(experiment, p, rng, count=TEST_SEQUENCES):
    """Wrong sequences of `count` fresh ones by the paper's criterion, and the mean absolute error."""
    tokens, lengths, targets = sequences(rng, experiment, count)
    error = (np.arange(experiment.classes)[:, None] == targets) - forward(experiment, p, tokens, lengths).output
    return int((~right(error.T)).sum()), float(np.abs(error).mean())


def solution_type(experiment, p, rng, count=512):
    """Which of the paper's two typical solutions (section 5.6) a trained network is, by cutting.

    Type 1: an input gate reads the cell outputs, so it opens differently when a block is full.
    Type 2: the cell outputs feed the cell inputs, so the first symbol is counted twice.
    A path matters if without it less than 90 % of the answers (largest output) are right.

    returns   "1", "2", "both" or "neither", and the number of blocks that alone give 90 %
    """
    cell = experiment.cell
    tokens, lengths, targets = sequences(rng, experiment, count)

    def correct_without(name, rows, columns):
        q = {**p, name: p[name].copy()}
        q[name][rows, columns] = 0
        return (forward(experiment, q, tokens, lengths).output.argmax(0) == targets).mean()

    to_gate = correct_without("W", cell.gate_rows("input"), slice(0, cell.cells)) < 0.9
    to_cell = correct_without("W", cell.candidate_rows, slice(0, cell.cells)) < 0.9
    others = [[c for c in range(cell.cells) if c // cell.size != block] for block in range(cell.blocks)]
    enough = sum(correct_without("W_out", slice(None), cells) >= 0.9 for cells in others)
    return {(1, 0): "1", (0, 1): "2", (1, 1): "both", (0, 0): "neither"}[to_gate, to_cell], enough


KINDS = {"1": "an input gate reads the cells", "2": "cells feed the cell inputs", "both": "both needed",
         "neither": "neither needed"}


def run_trials(experiment, seeds, cap, part=compute_always):
    """Train and test all trials; the entries of a record."""
    trials, seconds = train(experiment, seeds, cap, part)
    test_rngs, type_rngs = streams(seeds, "test"), streams(seeds, "solution type")
    return [results.entry(trial["seed"], final_of(experiment, trial, *rngs), seconds=seconds / len(seeds))
            for trial, *rngs in zip(trials, test_rngs, type_rngs)]


def final_of(experiment, trial, test_rng, type_rng):
    """The metrics of one trial; None where only a solved one has a value."""
    final = dict(solved=float(trial["solved"]), sequences=None, wrong_of_2560=None, mean_error=None,
                 best_streak=trial["best_streak"], wrong_of_last_2000=trial["wrong_of_last_2000"],
                 blocks_enough_alone=None, **{f"type_{kind}": None for kind in KINDS})
    if trial["solved"]:
        wrong, mean_error = test(experiment, trial["p"], test_rng)
        found, blocks = solution_type(experiment, trial["p"], type_rng)
        final |= dict(sequences=trial["sequences"], wrong_of_2560=wrong, mean_error=mean_error,
                      blocks_enough_alone=blocks, **{f"type_{kind}": float(kind == found) for kind in KINDS})
    return final
