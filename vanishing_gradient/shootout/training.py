"""Adam through all steps of a sequence, until 99 % or the end of the budget; longer lags without training.

All networks of a call (seeds, or seeds and rates) stand side by side on the axis N. A network that
reaches the goal on its validation sequences is done and leaves the others; it is scored on fresh
sequences. N networks together get the numbers that each gets alone.
"""

from typing import NamedTuple

import numpy as np
from common import gradcheck
from common.layers import accuracy, softmax_cross_entropy
from common.networks import chosen, stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream, streams
from common.tasks.first_symbol import asked_lag, batch

from vanishing_gradient.shootout.racers import RACERS, Task

CLIP = 1.0                                   # global norm of each network's gradient
GOAL = 0.99                                  # validation accuracy at which a network is done
VALIDATION, TEST = 256, 1000                 # sequences
EVERY, GROWTH = 20, 1.1                      # updates to the first look; each next one after a tenth more
WINDOW = 1000                                # steps whose states are in memory at a time, where nothing is learned


class Trained(NamedTuple):
    """What came out, network by network (axis N)."""
    p: dict                                  # {name: (N, ...)} where each network stopped
    sequences: np.ndarray                    # (N,) training sequences until GOAL; nan: not reached (censored)
    seen: np.ndarray                         # (N,) training sequences in all
    curves: list                             # N lists: validation accuracy at every look, until it stopped
    loss: np.ndarray                         # (N,) validation loss at its last look; inf: diverged

    @property
    def accuracy(self):
        return np.array([curve[-1] for curve in self.curves])


def looks(budget, B):
    """After which updates the networks are looked at; the last is the end of the budget."""
    updates, made, look = max(1, budget // B), [], EVERY
    while look < updates:
        made.append(look)
        look = max(look + EVERY, int(look * GROWTH))
    return [*made, updates]


class Race:
    """The networks that are still in training: parameters, optimiser, sequences; `active` are their places on N."""

    def __init__(self, racer, task, seeds, rates, std):
        self.net, self.task, self.active = racer.network(task), task, np.arange(len(seeds))
        self.optimizer = Adam(stack([racer.start(rng, task, std) for rng in streams(seeds, "init")]))
        self.rates, self.rngs = np.asarray(rates, np.float32), streams(seeds, "train")
        self.asked = stream(0, f"asked {task.lag}")          # the same steps for every seed
        self.sets = scored_sets(task, seeds, "validation", VALIDATION)

    def update(self, B):
        lag = asked_lag(self.asked, self.task.lag, self.task.form)
        x, answers = batch(self.rngs, B, lag, self.task.K, self.task.form)
        with np.errstate(over="ignore", invalid="ignore"):   # a rate that diverges is a result of that rate
            _, g = self.net.gradients_at_end(self.optimizer.parameters, x, answers)
            clip_by_global_norm(g, CLIP, networks=True)
            self.optimizer.step(g, self.rates)

    def look(self):
        """Validation accuracy and loss of the active networks."""
        return scores(self.net, self.optimizer.parameters, self.sets)

    def keep(self, stay):
        """Go on with some of the active networks, as if they were alone."""
        left = Adam(chosen(self.optimizer.parameters, stay))
        left.mean, left.square = chosen(self.optimizer.mean, stay), chosen(self.optimizer.square, stay)
        left.steps = self.optimizer.steps
        self.optimizer, self.active, self.rates = left, self.active[stay], self.rates[stay]
        self.rngs = [rng for rng, stays in zip(self.rngs, stay) if stays]
        self.sets = [(x[:, stay], answers[stay]) for x, answers in self.sets]


def train(racer, task, seeds, rates, B, std, budget, tell=lambda sequences, accuracies: None):
    """Train networks on the axis N: seeds[n] with rates[n]; equal seeds are equal networks on equal sequences.

    budget   largest number of training sequences of each
    tell     called at every look
    returns  Trained
    """
    race, N, done = Race(racer, task, seeds, rates, std), len(seeds), 0
    final = {name: a.copy() for name, a in race.optimizer.parameters.items()}
    sequences, seen, loss, curves = np.full(N, np.nan), np.zeros(N, int), np.full(N, np.inf), [[] for _ in seeds]
    for look in looks(budget, B):
        while done < look:
            race.update(B)
            done += 1
        right, loss[race.active] = race.look()
        seen[race.active] = done * B
        sequences[race.active[right >= GOAL]] = done * B
        for n, value in zip(race.active, right):
            curves[n].append(float(value))
        for name, a in race.optimizer.parameters.items():
            final[name][race.active] = a
        tell(done * B, right)
        stay = (right < GOAL) & np.isfinite(loss[race.active])
        if not stay.any():
            break
        if not stay.all():
            race.keep(stay)
    return Trained(final, sequences, seen, curves, loss)


# ---------------------------------------------------------------- scores

def scored_sets(task, seeds, purpose, count):
    """[(symbols (T, N, B), answers (N, B))] for every lag that is asked."""
    return [batch(streams(seeds, f"{purpose} {lag}"), count, lag, task.K, task.form) for lag in task.lags_asked]


def last_state(net, p, x, state=()):
    """The state after all symbols x (T, N, B); memory for a window's states only."""
    for first in range(0, len(x), WINDOW):
        state = net.forward(p, x[first:first + WINDOW], state).state
    return state


def scores(net, p, sets):
    """Accuracy and loss (N,), means over the sets; 0 and infinity for a network that diverged."""
    with np.errstate(all="ignore"):
        logits = [net.logits(p, last_state(net, p, x)[0]) for x, _ in sets]
        right = np.mean([accuracy(z, answers) for z, (_, answers) in zip(logits, sets)], axis=0)
        loss = np.mean([softmax_cross_entropy(z, answers)[0] for z, (_, answers) in zip(logits, sets)], axis=0)
    alive = np.all([np.isfinite(z).all((-1, -2)) for z in logits], axis=0)
    return np.where(alive, right, 0), np.where(alive, loss, np.inf)


def score_fresh(racer, task, p, seeds, count=TEST, purpose="test"):
    """Test accuracy (N,), each network on sequences of its own seed."""
    return scores(racer.network(task), p, scored_sets(task, seeds, purpose, count))[0]


def asked_later(racer, task, p, seeds, lags, B):
    """Accuracy (lags, N) when the answer is asked at each of `lags` (ascending) of one stream of random distractors."""
    net, rngs = racer.network(task), streams(seeds, "later")
    first, answers = batch(rngs, B, 0, task.K, task.form)
    state, found, at = last_state(net, p, first), [], 0
    for lag in lags:
        while at < lag:
            steps = min(WINDOW, lag - at)
            x, _ = batch(rngs, B, steps, task.K, task.form)
            state, at = last_state(net, p, x[1:], state), at + steps      # x[0] would be another first symbol
        found.append(accuracy(net.logits(p, state[0]), answers))
    return np.array(found)


# ---------------------------------------------------------------- --gradcheck

def gradient_errors():
    """{what: relative error} of every method's trained loss, float64, two networks at once."""
    errors = {}
    for name, racer in RACERS.items():
        for form in ("random", "alike"):
            task, rng = Task(20, 8, form), stream(0, f"gradcheck {name}")
            net, p = racer.network(task), stack([racer.start(rng, task, 0.3, np.float64) for _ in range(2)])
            x, answers = batch([rng, rng], 3, task.lag, task.K, form)
            loss = lambda: float(net.gradients_at_end(p, x, answers)[0].sum())
            gradients = net.gradients_at_end(p, x, answers)[1]
            errors[f"{racer.label}, {form}"] = gradcheck.largest_error(loss, p, gradients, rng)
    return errors
