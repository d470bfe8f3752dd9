"""What a trial does with one sequence: the fully connected network, the one hidden unit of 2a and 2b, the chunker.

All have the same face for trials.py: `init`, `prepare` (fixed sets of a trial), `draw` (the next training
sequences of all trials), `learn` (one of them, one update), `look` (errors on the fixed sets), `memory`.
Everything that differs between trials has the trial on its last axis, or, in weights, on its first.
"""

import numpy as np

from vanishing_gradient.long_lags import abreast, one_unit, ordinary, two_nets, wiring
from vanishing_gradient.long_lags.one_unit import OneUnit
from vanishing_gradient.long_lags.ordinary import Ordinary
from vanishing_gradient.long_lags.two_nets import TwoNets

BLOCK = 100                                  # sequences drawn at a time


def learner(row):
    if isinstance(row.net, OneUnit):
        return OfOneUnit(row)
    if isinstance(row.net, TwoNets):
        return OfTwoNets(row)
    return OfStrings(row) if row.task.every_step else OfWiring(row)


def side_by_side(arrays, axis=-1):
    """Arrays of different first lengths stacked on a new axis, filled up with their last element's kind: zeros."""
    longest = max(len(a) for a in arrays)
    return np.stack([np.pad(a, [(0, longest - len(a))] + [(0, 0)] * (a.ndim - 1)) for a in arrays], axis)


class OfWiring:
    """Errors after the last step only: Experiments 2c to 5."""

    def __init__(self, row):
        self.row, self.task, self.net = row, row.task, row.net
        self.kind = ordinary if isinstance(row.net, Ordinary) else wiring
        truncated = self.kind is wiring and row.net.truncated
        self.gradients = abreast.gradients if truncated else self.kind.gradients

    def init(self, rng):
        return self.kind.init(self.net, rng)

    def memory(self, N):
        return {}

    def prepare(self, rng):
        """The test set of a trial, if its criterion has one."""
        size = getattr(self.row.solved, "size", 0)
        return self.task.draw(rng, size) if size else None

    def draw(self, generators, sets):
        """BLOCK sequences for each trial: x (L, [D,] BLOCK, N), lengths (BLOCK, N), target and clean (K, BLOCK, N)."""
        drawn = [self.task.draw(rng, BLOCK) for rng in generators]
        return (side_by_side([d.x for d in drawn]), np.stack([d.lengths for d in drawn], -1),
                np.stack([d.target for d in drawn], -1), np.stack([d.clean for d in drawn], -1))

    def learn(self, p, block, k, memory, seen):
        """Sequence k of the block, one update; the largest output error of each trial (N,)."""
        lengths = block[1][k]
        x = self._inputs(block[0][:lengths.max(), ..., k, :])
        target, clean = (a[:, k].T[..., None] for a in block[2:])
        error, g = self.gradients(self.net, p, x, lengths[:, None], target)
        wiring.update(self.net, p, g, self.row.lr)
        return np.abs(error + (clean - target)).max((1, 2))

    def _inputs(self, x):
        """(T, N) symbols -> (T, N, 1); (T, D, N) reals -> (T, N, D, 1)."""
        return x[..., None] if self.task.symbols else x.swapaxes(1, 2)[..., None]

    def look(self, p, sets, first=None):
        """Largest output error (size, N) of every trial on its own test set, or on the `first` of it."""
        x = side_by_side([s.x[..., :first] for s in sets], 1)
        lengths = np.stack([s.lengths[:first] for s in sets])
        output = wiring.forward(self.net, p, x, lengths).output
        return np.abs(output - np.stack([s.clean[..., :first] for s in sets])).max(1).T


class OfStrings(OfWiring):
    """Errors at every step, weights changed after every string: Experiment 1."""

    def prepare(self, rng):
        return self.task.sets(rng)

    def draw(self, generators, sets):
        """Picks from each trial's training strings: x (L, BLOCK, N), lengths (BLOCK, N), target (L, K, BLOCK, N)."""
        picks = [rng.integers(0, self.task.strings, BLOCK) for rng in generators]
        return (side_by_side([train.x[:, pick] for (train, _), pick in zip(sets, picks)]),
                np.stack([train.lengths[pick] for (train, _), pick in zip(sets, picks)], -1),
                side_by_side([train.target[..., pick] for (train, _), pick in zip(sets, picks)]))

    def learn(self, p, block, k, memory, seen):
        lengths = block[1][k]
        longest = lengths.max()
        x, target = block[0][:longest, k, :, None], block[2][:longest, :, k].swapaxes(1, 2)[..., None]
        error, g = self.gradients(self.net, p, x, lengths[:, None], target, every_step=True)
        self.kind.update(self.net, p, g, self.row.lr)
        return np.abs(error).max((0, 2, 3))

    def look(self, p, sets):
        """(strings of both sets, N): are the possible successors always more active than all other symbols?"""
        return np.concatenate([self._right(p, [both[kind] for both in sets]) for kind in (0, 1)])

    def _right(self, p, strings):
        x, legal = side_by_side([s.x for s in strings], 1), side_by_side([s.legal for s in strings], 1)
        lengths = np.stack([s.lengths for s in strings])
        output = self.kind.forward(self.net, p, x, lengths, every_step=True).output
        lowest = np.where(legal, output, np.inf).min(2)
        highest = np.where(legal, -np.inf, output).max(2)
        after_the_end = np.arange(len(x))[:, None, None] >= lengths
        return ((lowest > highest) | after_the_end).all(0).T


class OfOneUnit:
    """Experiments 2a and 2b. The cell joins once the error has stopped decreasing (section 5.2).

    The paper does not say when that is. Here: the mean squared error of the last WINDOW sequences is not
    lower by a hundredth than that of the WINDOW before.
    """
    WINDOW = 100

    def __init__(self, row):
        self.row, self.task, self.net = row, row.task, row.net

    def init(self, rng):
        return one_unit.init(self.net, rng)

    def memory(self, N):
        return dict(energy=np.zeros(N), before=np.full(N, np.inf), added=np.zeros(N, int))

    def prepare(self, rng):
        return None

    def draw(self, generators, sets):
        return np.stack([self.task.draw(rng, BLOCK) for rng in generators], -1)          # (p + 1, BLOCK, N)

    def learn(self, p, block, k, memory, seen):
        end_only = self.task.error_at_end_only
        error, g = one_unit.gradients(self.net, p, block[:, k], end_only)
        for name, gradient in g.items():
            gradient *= self.row.lr
            p[name] -= gradient
        if self.net.cell:
            self._join(p, (error * error).sum((1, 2)), memory, seen)
        last_only = self.row.solved.at_end_only
        return np.abs(error[:, -1] if last_only else error.reshape(len(error), -1)).max(1)

    def _join(self, p, energy, memory, seen):
        memory["energy"] += energy
        if seen % self.WINDOW == 0:
            stopped = (memory["energy"] > 0.99 * memory["before"]) & (p["on"][:, 0] == 0)
            p["on"][stopped] = 1
            memory["added"][stopped] = seen
            memory["before"][:], memory["energy"][:] = memory["energy"], 0

    def look(self, p, sets):
        """Largest output error (2, N) of the two sequences."""
        worst = []
        for first in (0, 1):
            middle = np.arange(self.task.p - 1)
            x = np.concatenate([[self.task.p - 1 + first], middle, [self.task.p - 1 + first]])
            x = np.broadcast_to(x[:, None], (len(x), len(p["on"])))
            target = np.eye(self.net.symbols)[x[1:].T]
            worst.append(np.abs(self.predict(p, x[:-1]) - target).max((1, 2)))
        return np.stack(worst)

    def predict(self, p, x):
        return one_unit.forward(self.net, p, x)[0]


class OfTwoNets(OfOneUnit):
    """Experiment 2a with the chunker; the automatizer alone is tested."""

    def init(self, rng):
        return two_nets.init(self.net, rng)

    def memory(self, N):
        return {}

    def learn(self, p, block, k, memory, seen):
        error, g = two_nets.gradients(self.net, p, block[:, k])
        for name, gradient in g.items():
            p[name] -= self.row.lr * gradient
        return np.abs(error[..., :-1]).max((1, 2))

    def predict(self, p, x):
        return one_unit.forward(self.net.unit, p, x)[0][..., :-1]
