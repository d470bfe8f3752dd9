"""The optimisation loops: SMT, DMT, BPTT and the Transformer baseline, with one schedule and one way to evaluate.

A `task` here is a function (rng, batch, length) -> (x, y). A plan is a tuple of phases (length, batch, steps); a length
(shortest, longest) is drawn anew for every batch. All use AdamW (betas 0.9, 0.99; weight decay 0.01), clipping of
each network's gradient to norm 1, 50 steps of warm-up and a cosine to a tenth of the learning rate. Seconds are processor
seconds, so that a busy machine does not favour one method.
"""

import time
from typing import NamedTuple

import numpy as np

from common.optimizers import Adam, clip_by_global_norm
from common.progress import Diverged, Progress, require_finite
from smt.layers import cross_entropy
from smt.losses import bptt_loss, dmt_loss, draw_choices, smt_loss, unroll

WARM_UP = 50


class Recipe(NamedTuple):
    """How SMT is trained (measured starting points; see README, "not stated, we chose").

    plan        phases; with `threshold` the first one ends as soon as the dynamics are switched on
    start       step at which the dynamics loss is switched on; None: when the running mean of L_dec is below `threshold`
    ramp        steps over which its weight grows to `weights.dynamics`
    groups      cuts per batch for the decoding loss (at least 4 to 6 sequences each, or it does not learn)
    """
    plan: tuple
    weights: object
    lr: float = 2e-3
    start: object = None
    threshold: float = 0.3
    ramp: int = 200
    groups: int = 4


class Trainer:
    """AdamW over the flat vectors of some networks, each clipped by its own norm (as in the released code)."""

    def __init__(self, **networks):
        self.networks = networks
        self.adam = Adam({name: n.flat for name, n in networks.items()}, betas=(0.9, 0.99), weight_decay=0.01)

    def step(self, lr):
        for name, network in self.networks.items():
            clip_by_global_norm({name: network.gradient}, 1.0)
        self.adam.step({name: n.gradient for name, n in self.networks.items()}, lr)


def cosine(step, steps, lr):
    """lr at step 0, a tenth of it at step `steps`."""
    return lr * (0.55 + 0.45 * np.cos(np.pi * min(step / max(steps, 1), 1)))


def warm_up(step):
    return min(1.0, (step + 1) / WARM_UP)


def draw_length(rng, length):
    """The length of a phase, or one drawn from (shortest, longest)."""
    return length if np.isscalar(length) else int(rng.integers(length[0], length[1] + 1))


# ---------------------------------------------------------------- supervised memory training

def train_smt(teacher, rnn, task, rng, recipe, label="SMT", watch=None):
    """Train teacher and RNN together; afterwards the RNN starts from the encoder's memory of the empty past.

    watch(step) is called after every step (for curves and snapshots). Returns the curves {name: list}, with "on", the
    step at which the dynamics were switched on, "sequences" and "seconds".
    """
    trainer, progress = Trainer(teacher=teacher, rnn=rnn), Progress(label, sum(p[2] for p in recipe.plan))
    curves = {"dec": [], "read": [], "dyn": [], "unif": []}
    step, on, mean_dec, sequences, started = 0, recipe.start, None, 0, time.process_time()
    for phase, (length, batch, steps) in enumerate(recipe.plan):
        for local in range(steps):
            weight = 0.0 if on is None or step < on else min(1.0, (step - on + 1) / recipe.ramp)
            x, y = task(rng, batch, draw_length(rng, length))
            choices = draw_choices(rng, *x.shape, rnn.memory, recipe.groups)
            losses = smt_loss(teacher, rnn, x, y, choices,
                              recipe.weights._replace(dynamics=weight * recipe.weights.dynamics))
            lr = smt_rate(recipe, step, on, phase, local)
            require_finite(losses["total"], step, lr)
            trainer.step(lr)
            mean_dec = losses["dec"] if mean_dec is None else 0.95 * mean_dec + 0.05 * losses["dec"]
            step, sequences = step + 1, sequences + batch
            for name in curves:
                curves[name].append(losses[name])
            rnn.start.p["logits"][:] = 0                 # not trained here: set from the encoder below
            if watch:
                watch(step)
            progress.update(step, dec=mean_dec, dyn=losses["dyn"], unif=losses["unif"])
            if on is None and mean_dec < recipe.threshold:
                on = step
                if phase == 0 and len(recipe.plan) > 1:
                    break
    progress.close()
    set_start(teacher, rnn)
    return {**curves, "on": on, "sequences": sequences, "seconds": time.process_time() - started}


def smt_rate(recipe, step, on, phase, local):
    """With a fixed start: one cosine over the whole plan. With a threshold: constant until the dynamics are on (a rate
    that has already decayed cannot teach them any more), then a cosine over the steps that remain."""
    if recipe.start is not None:
        return warm_up(step) * cosine(step, sum(p[2] for p in recipe.plan), recipe.lr)
    if on is None:
        return warm_up(step) * recipe.lr
    remaining = recipe.plan[phase][2] - local + sum(p[2] for p in recipe.plan[phase + 1:])
    return warm_up(step) * cosine(step - on, step - on + remaining, recipe.lr)


def set_start(teacher, rnn):
    """The RNN starts where the encoder puts the empty past, not at a vector of its own."""
    rnn.start.p["logits"][:] = teacher.encoder.empty_memory()


# ---------------------------------------------------------------- DAgger memory training

def train_dmt(teacher, rnn, task, rng, length, batch, steps, lr=1e-3, through_time=False, label="DMT"):
    """Pull the RNN's own trajectories back to the frozen encoder's. Windows grow 4, 8, .. T over the first 80 %."""
    trainer, progress = Trainer(rnn=rnn), Progress(label, steps)
    windows = [w for w in (2 ** k for k in range(2, 20)) if w < length] + [length]
    curves, started = {"dyn": [], "read": [], "window": []}, time.process_time()
    start = rnn.start.p["logits"].copy()
    for step in range(steps):
        window = windows[min(int(step / (0.8 * steps) * len(windows)), len(windows) - 1)]
        x, y = task(rng, batch, length)
        losses = dmt_loss(rnn, teacher.encoder.forward(x)[0], x, y, window, through_time=through_time)
        rate = warm_up(step) * cosine(step, steps, lr)
        require_finite(losses["total"], step, rate)
        trainer.step(rate)
        rnn.start.p["logits"][:] = start                 # weight decay must not move m_0
        for name, value in {**losses, "window": window}.items():
            if name in curves:
                curves[name].append(value)
        progress.update(step + 1, dyn=losses["dyn"], window=window)
    progress.close()
    return {**curves, "sequences": steps * batch, "seconds": time.process_time() - started}


# ---------------------------------------------------------------- baselines

def train_bptt(rnn, task, rng, plan, lr, seconds=None, label="BPTT"):
    """Unroll and send the error back through every step. With `seconds` the plan is stretched to that training time
    (the number of steps is fixed in advance from the measured time of the first ones, so the schedule is a cosine)."""
    trainer, started = Trainer(rnn=rnn), time.process_time()
    plan = plan if seconds is None else stretch(rnn, task, rng, plan, seconds)
    total = sum(p[2] for p in plan)
    curves, progress, step, sequences = {"loss": [], "norm0": []}, Progress(label, total), 0, 0
    for length, batch, steps in plan:
        for _ in range(steps):
            x, y = task(rng, batch, draw_length(rng, length))
            loss, norms = bptt_loss(rnn, x, y)
            rate = warm_up(step) * cosine(step, total, lr)
            require_finite(loss, step, rate)
            trainer.step(rate)
            step, sequences = step + 1, sequences + batch
            curves["loss"].append(loss)
            curves["norm0"].append(norms[0])
            progress.update(step, loss=loss)
    progress.close()
    return {**curves, "sequences": sequences, "seconds": time.process_time() - started}


def bptt_scores(rnn, task, rng, plan, lr, test, validation, seconds=None):
    """Train by BPTT; accuracy on the test set, loss on the validation set, training curve. A run that diverges has
    accuracy 0, validation loss infinity: it is never selected."""
    try:
        curve = train_bptt(rnn, task, rng, plan, lr, seconds)
    except Diverged:
        return 0.0, np.inf, []
    return rollout_scores(rnn, *test)["accuracy"], rollout_scores(rnn, *validation)["loss"], curve["loss"]


def stretch(rnn, task, rng, plan, seconds):
    """The plan with its steps multiplied so that it takes about `seconds`."""
    first = plan[0]
    x, y = task(rng, first[1], draw_length(rng, first[0]))
    times = []
    for _ in range(7):
        start = time.process_time()
        bptt_loss(rnn, x, y)
        times.append(time.process_time() - start)
    per_plan = 1.15 * np.median(times) * sum(p[2] for p in plan)
    return tuple((length, batch, max(1, int(steps * seconds / per_plan))) for length, batch, steps in plan)


def train_transformer(network, baseline, task, rng, plan, lr=2e-3, label="Transformer"):
    """The baseline without a memory: next-answer cross-entropy at every target."""
    trainer, total = Trainer(network=network), sum(p[2] for p in plan)
    progress, curves, step, started = Progress(label, total), {"loss": []}, 0, time.process_time()
    for length, batch, steps in plan:
        for _ in range(steps):
            network.gradient.fill(0)
            x, y = task(rng, batch, draw_length(rng, length))
            logits, cache = baseline.forward(x)
            loss, dlogits = cross_entropy(logits, y)
            baseline.backward(dlogits, cache)
            trainer.step(warm_up(step) * cosine(step, total, lr))
            step += 1
            curves["loss"].append(loss)
            progress.update(step, loss=loss)
    progress.close()
    return {**curves, "seconds": time.process_time() - started}


# ---------------------------------------------------------------- evaluation

def rollout_scores(rnn, x, y, memories=None):
    """Accuracy and cross-entropy of the RNN run on its own memory from m_0, and its drift.

    x, y (B, T). With the encoder's memories (B, T+1, Z) also the mean squared distance to them for every t (T+1,).
    """
    run = unroll(rnn, rnn.initial(len(x)), np.ascontiguousarray(x.T))
    targets = y.T
    asked = np.nonzero(targets >= 0)
    logits = rnn.readout.forward(run.states[1:][asked])[0]
    scores = {"accuracy": float((logits.argmax(-1) == targets[asked]).mean()),
              "loss": cross_entropy(logits, targets[asked])[0]}
    if memories is not None:
        difference = run.states - memories.swapaxes(0, 1)
        scores["drift"] = np.einsum("tbz,tbz->t", difference, difference) / difference[0].size
    return scores


def encoder_accuracy(teacher, rnn, x, y):
    """The ceiling: the readout on the encoder's own memories."""
    asked = np.nonzero(y >= 0)
    return float((rnn.answer(teacher.encoder.forward(x)[0][:, 1:][asked]) == y[asked]).mean())


def transformer_accuracy(baseline, x, y):
    """Accuracy of the Transformer baseline."""
    asked = np.nonzero(y >= 0)
    return float((baseline.forward(x)[0][asked].argmax(-1) == y[asked]).mean())
