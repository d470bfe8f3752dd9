"""Gradient descent on the tasks of weight guessing: a tanh-RNN and an LSTM, trained by BPTT.

The networks, the optimiser and the clipping are the house's (common/). All networks of one call
train side by side on the axis N: every seed with every initialisation and every rate; the networks
of one seed see the same sequences. All sequences of one update are equally long.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from common import gradcheck, lstm
from common.layers import softmax_cross_entropy
from common.networks import Network, best_rate, chrono, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import stream, streams
from vanishing_gradient.weight_guessing import tasks

TASKS = {"parity": (tasks.parity, dict(symbols=2)), "two_sequence": (tasks.two_sequence, dict(reals=1))}
STARTS = {"rnn": ("orthogonal", "identity"), "lstm": ("chrono", "forget 1")}       # the best known initialisations


class Candidate(NamedTuple):
    """One setting of the grid."""
    start: str
    rate: float
    batch: int


def network(kind, task, units):
    """The tanh-RNN or the LSTM (with forget gate) for a task of two classes."""
    cell = lstm.Cell(units, forget_gate=True) if kind == "lstm" else units
    return Network(cell, classes=2, **TASKS[task][1])


def init(net, rng, start, longest, dtype=np.float32):
    """Parameters of one network; `longest` sets the time scales of the chrono biases."""
    if start in STARTS["rnn"]:
        return net.init(rng, std=0.3, recurrent=start, dtype=dtype)
    gates = chrono(rng, net.H, longest) if start == "chrono" else dict(forget=1.0)
    return net.init(rng, std=0.3, gates=gates, dtype=dtype)


def batch_of(task, generators, B, length):
    """x (T, N, B) symbols or (T, N, 1, B) reals, and classes (N, B): one batch for every generator."""
    drawn = [TASKS[task][0](rng, B, length, length) for rng in generators]
    x = np.stack([data.x for data in drawn], axis=1)
    return (x[:, :, None] if x.dtype.kind == "f" else x), np.stack([data.targets[:, 0] for data in drawn])


def score(net, p, task, seeds, copies, purpose, shortest, longest, count):
    """Accuracy and loss (N,) on `count` fresh sequences of each of four lengths."""
    generators, made = streams(seeds, purpose), []
    for length in np.linspace(shortest, longest, 4).round().astype(int):
        x, classes = (np.repeat(a, copies, axis=axis) for a, axis in
                      zip(batch_of(task, generators, count, length), (1, 0)))
        with np.errstate(all="ignore"):                  # a network that diverged scores nan and comes last
            logits = net.answer(p, x)
            made.append(((logits.argmax(-2) == classes).mean(-1), softmax_cross_entropy(logits, classes)[0]))
    accuracy, loss = np.mean(made, axis=0)
    return np.where(np.isfinite(loss), accuracy, np.nan), loss


def train(kind, task, seeds, starts, rates, batch, updates, shortest, longest, units):
    """Train every start with every rate for every seed.

    returns   network, parameters on the axis N = seeds x starts x rates, in this order
    """
    net = network(kind, task, units)
    copies = len(starts) * len(rates)
    p = stack([init(net, stream(seed, f"init {start}"), start, longest)
               for seed in seeds for start, _ in product(starts, rates)])
    rate = np.tile(rates, len(seeds) * len(starts)).astype(np.float32)
    generators, lengths, adam = streams(seeds, "train"), stream(seeds[0], "lengths"), Adam(p)
    progress = Progress(f"{kind} on {task}, {longest} steps, batch {batch}", updates)
    for update in range(updates):
        x, classes = (np.repeat(a, copies, axis=axis) for a, axis in
                      zip(batch_of(task, generators, batch, lengths.integers(shortest, longest + 1)), (1, 0)))
        with np.errstate(all="ignore"):
            loss, g = net.gradients_at_end(p, x, classes)
            clip_by_global_norm(g, 1.0, networks=True)
            adam.step(g, rate)
        progress.update(update + 1, loss=float(np.nanmin(loss)))
    progress.close()
    return net, p


def choose(kind, task, seeds, rates, batches, updates, shortest, longest, units, count):
    """The candidate with the best validation accuracy, mean of the choosing seeds; {candidate: accuracy}.

    returns   Candidate, {Candidate: mean validation accuracy, None if a network diverged}
    """
    grid, accuracy, loss = [], [], []
    starts = STARTS[kind]
    for batch in batches:
        net, p = train(kind, task, seeds, starts, rates, batch, updates, shortest, longest, units)
        copies = len(starts) * len(rates)
        scores = score(net, p, task, seeds, copies, "validation", shortest, longest, count)
        mean_accuracy, mean_loss = (s.reshape(len(seeds), copies).mean(0) for s in scores)
        grid += [Candidate(start, rate, batch) for start, rate in product(starts, rates)]
        accuracy += list(mean_accuracy)
        loss += list(mean_loss)
    chosen = grid[int(best_rate(accuracy, loss))]
    return chosen, {candidate: float(a) if np.isfinite(a) else None for candidate, a in zip(grid, accuracy)}


def gradient_errors():
    """{loss: relative error} of every loss that is trained here, against finite differences."""
    errors = {}
    for task, kind in product(TASKS, STARTS):
        net, rng = network(kind, task, 5), stream(0, "gradcheck")
        p = init(net, rng, STARTS[kind][0], 12, np.float64)
        x, classes = batch_of(task, [rng], 6, 11)
        x, classes = (x[:, 0].astype(float) if x.dtype.kind == "f" else x[:, 0]), classes[0]
        _, g = net.gradients_at_end(p, x, classes)
        errors[f"{kind} on {task}"] = gradcheck.largest_error(
            lambda net=net, p=p, x=x, y=classes: float(net.gradients_at_end(p, x, y)[0]), p, g, rng)
    return errors
