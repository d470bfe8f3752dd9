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


def train(kind, task, seeds, settings, updates, shortest, longest, units):
    """Train every setting for every seed.

    settings  Candidates that share their batch size
    returns   network, parameters on the axis N = seeds x settings, in this order
    """
    net, copies = network(kind, task, units), len(settings)
    p = stack([init(net, stream(seed, f"init {one.start}"), one.start, longest) for seed in seeds for one in settings])
    rate = np.tile([one.rate for one in settings], len(seeds)).astype(np.float32)
    generators, lengths, adam = streams(seeds, "train"), stream(seeds[0], "lengths"), Adam(p)
    progress = Progress(f"{kind} on {task}, {longest} steps, batch {settings[0].batch}", updates)
    for update in range(updates):
        x, classes = (np.repeat(a, copies, axis=axis) for a, axis in
                      zip(batch_of(task, generators, settings[0].batch, lengths.integers(shortest, longest + 1)),
                          (1, 0)))
        with np.errstate(all="ignore"):
            loss, g = net.gradients_at_end(p, x, classes)
            clip_by_global_norm(g, 1.0, networks=True)
            adam.step(g, rate)
        progress.update(update + 1, loss=float(np.min(loss, where=np.isfinite(loss), initial=np.inf)))
    progress.close()
    return net, p


def validate(kind, task, seeds, settings, updates, shortest, longest, units, count):
    """Train every setting and score it: validation accuracy and loss of each, mean over the seeds.

    returns   {Candidate: (accuracy, loss)}, not a number if a network diverged
    """
    found = {}
    for batch in dict.fromkeys(one.batch for one in settings):
        group = [one for one in settings if one.batch == batch]
        net, p = train(kind, task, seeds, group, updates, shortest, longest, units)
        scores = score(net, p, task, seeds, len(group), "validation", shortest, longest, count)
        found |= zip(group, zip(*(s.reshape(len(seeds), len(group)).mean(0).tolist() for s in scores)))
    return found


def best_first(found):
    """The settings of {Candidate: (accuracy, loss)}, the best first, by the house's one rule."""
    left, order = dict(found), []
    while left:
        order.append(list(left)[int(best_rate(*zip(*left.values())))])
        del left[order[-1]]
    return order


class Round(NamedTuple):
    """A round of choosing: every setting that is left trains anew, and the best go on."""
    updates: int
    seeds: int                          # of the choosing seeds, the first so many
    left: int                           # settings that go on


def choose(kind, task, seeds, rates, batches, rounds, shortest, longest, units, count):
    """The best setting after all rounds, {Candidate: (accuracy, loss)} of the first and of the last round."""
    left = [Candidate(*setting) for setting in product(STARTS[kind], rates, batches)]
    scores = []
    for updates, first, keep in rounds:
        scores.append(validate(kind, task, seeds[:first], left, updates, shortest, longest, units, count))
        left = best_first(scores[-1])[:keep]
    return left[0], scores[0], scores[-1]


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
