"""The optimisation loops: SMT, DMT, BPTT and the Transformer baseline, with one schedule and one way to evaluate.

A `task` here is a function (rng, batch, length) -> (x, y). A plan is a tuple of phases (length, batch, updates); a
length (shortest, longest) is drawn anew for every batch. All use AdamW (betas 0.9, 0.99; weight decay 0.01), clipping
of each network's gradient to norm 1, 50 updates of warm-up and a cosine to a tenth of the learning rate. Seconds are
processor seconds, so that a busy machine does not favour one method; no number of updates depends on them.
"""

import time
from typing import NamedTuple

import numpy as np

from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, require_finite
from smt.layers import cross_entropy
from smt.losses import Weights, bptt_loss, dmt_loss, draw_choices, smt_loss, unroll

WARM_UP = 50


class Recipe(NamedTuple):
    """How SMT is trained (measured starting points; see README, "not stated, we chose").

    plan        phases; with `threshold` the first one ends as soon as the dynamics are switched on
    start       update at which the dynamics loss is switched on; None: when the mean of L_dec falls below `threshold`
    ramp        updates over which its weight grows to `weights.dynamics`
    groups      cuts per batch for the decoding loss (at least 4 to 6 sequences each, or it does not learn)
    late        share of these cuts that is drawn near the end (losses.draw_choices)
    faster      the RNN's learning rate is this times the teacher's
    """
    plan: tuple
    weights: Weights
    lr: float = 2e-3
    start: int | None = None
    threshold: float = 0.3
    ramp: int = 200
    groups: int = 4
    late: float = 0.0
    faster: float = 1.0


class Trainer:
    """AdamW over the flat vectors of some networks, each clipped by its own norm (as in the released code)."""

    def __init__(self, **networks):
        self.networks = networks
        self.adam = {name: Adam({name: n.flat}, betas=(0.9, 0.99), weight_decay=0.01) for name, n in networks.items()}

    def step(self, lr, **faster):
        """One update; faster: {network: its learning rate over lr}."""
        for name, network in self.networks.items():
            clip_by_global_norm({name: network.gradient}, 1.0)
            self.adam[name].step({name: network.gradient}, lr * faster.get(name, 1.0))


def cosine(step, updates, lr):
    """lr at step 0, a tenth of it at step `updates`."""
    return lr * (0.55 + 0.45 * np.cos(np.pi * min(step / max(updates, 1), 1)))


def warm_up(step):
    return min(1.0, (step + 1) / WARM_UP)


def total_updates(plan):
    return sum(updates for _, _, updates in plan)


def draw_length(rng, length):
    """The length of a phase, or one drawn from (shortest, longest)."""
    return length if np.isscalar(length) else int(rng.integers(length[0], length[1] + 1))


# ---------------------------------------------------------------- supervised memory training

def train_smt(teacher, rnn, task, rng, recipe, label="SMT", watch=None):
    """Train teacher and RNN together; afterwards the RNN starts from the encoder's memory of the empty past.

    watch(step) is called after every update (for curves and snapshots); True stops. Returns the curves {name: list},
    with "on", the update at which the dynamics were switched on (None: never), "sequences" and "seconds".
    """
    trainer, progress = Trainer(teacher=teacher, rnn=rnn), Progress(label, total_updates(recipe.plan))
    curves = {"dec": [], "read": [], "dyn": [], "unif": []}
    step, on, mean_dec, sequences, started = 0, recipe.start, None, 0, time.process_time()
    stopped = False
    for phase, (length, batch, updates) in enumerate(recipe.plan):
        for local in range(updates):
            x, y = task(rng, batch, draw_length(rng, length))
            choices = draw_choices(rng, *x.shape, rnn.memory, recipe.groups, late=recipe.late)
            losses = smt_loss(teacher, rnn, x, y, choices, ramped(recipe, step, on))
            lr = smt_rate(recipe, step, on, phase, local)
            require_finite(losses["total"], step, lr)
            trainer.step(lr, rnn=recipe.faster)
            rnn.start.p["logits"][:] = 0                 # not trained here (weight decay would move it): see set_start
            mean_dec = losses["dec"] if mean_dec is None else 0.95 * mean_dec + 0.05 * losses["dec"]
            step, sequences = step + 1, sequences + batch
            for name in curves:
                curves[name].append(losses[name])
            stopped = bool(watch and watch(step))
            progress.update(step, dec=mean_dec, dyn=losses["dyn"], unif=losses["unif"])
            if on is None and mean_dec < recipe.threshold:
                on = step
                if phase == 0 and len(recipe.plan) > 1:
                    break
            if stopped:
                break
        if stopped:
            break
    progress.close()
    set_start(teacher, rnn)
    return {**curves, "on": on, "sequences": sequences, "seconds": time.process_time() - started}


def ramped(recipe, step, on):
    """The weights of the losses at one update: the dynamics loss is off, then grows over `ramp` updates."""
    share = 0.0 if on is None or step < on else min(1.0, (step - on + 1) / recipe.ramp)
    return recipe.weights._replace(dynamics=share * recipe.weights.dynamics)


def smt_rate(recipe, step, on, phase, local):
    """The learning rate of one update.

    With a fixed start: one cosine over the whole plan. With a threshold: constant until the dynamics are on (a rate
    that has already decayed cannot teach them any more), then a cosine over the updates that remain.
    """
    if recipe.start is not None:
        return warm_up(step) * cosine(step, total_updates(recipe.plan), recipe.lr)
    if on is None:
        return warm_up(step) * recipe.lr
    remaining = recipe.plan[phase][2] - local + total_updates(recipe.plan[phase + 1:])
    return warm_up(step) * cosine(step - on, step - on + remaining, recipe.lr)


def set_start(teacher, rnn):
    """The RNN starts where the encoder puts the empty past, not at a vector of its own."""
    rnn.start.p["logits"][:] = teacher.encoder.empty_memory()


# ---------------------------------------------------------------- DAgger memory training

def train_dmt(teacher, rnn, task, rng, length, batch, updates, lr=1e-3, label="DMT"):
    """Pull the RNN's own trajectories back to the frozen encoder's. Windows grow 4, 8, .. T over the first 80 %.

    length must be a multiple of every window: a power of two.
    """
    trainer, progress = Trainer(rnn=rnn), Progress(label, updates)
    windows = [w for w in (2 ** k for k in range(2, 20)) if w < length] + [length]
    curves, started = {"dyn": [], "read": [], "window": []}, time.process_time()
    start = rnn.start.p["logits"].copy()
    for step in range(updates):
        window = windows[min(int(step / (0.8 * updates) * len(windows)), len(windows) - 1)]
        x, y = task(rng, batch, length)
        losses = dmt_loss(rnn, teacher.encoder.forward(x)[0], x, y, window)
        rate = warm_up(step) * cosine(step, updates, lr)
        require_finite(losses["total"], step, rate)
        trainer.step(rate)
        rnn.start.p["logits"][:] = start                 # weight decay must not move m_0
        for name, value in {**losses, "window": window}.items():
            if name in curves:
                curves[name].append(value)
        progress.update(step + 1, dyn=losses["dyn"], window=window)
    progress.close()
    return {**curves, "sequences": updates * batch, "seconds": time.process_time() - started}


# ---------------------------------------------------------------- opponents

def train_bptt(rnn, task, rng, plan, lr, label="BPTT", disturbed=False):
    """Unroll and send the error back through every step. Returns the loss curve, sequences and seconds.

    disturbed: the updater's inputs are, as the memory says (its `noise`).
    """
    trainer, progress, step, sequences = Trainer(rnn=rnn), Progress(label, total_updates(plan)), 0, 0
    curve, started = [], time.process_time()
    for length, batch, updates in plan:
        for _ in range(updates):
            x, y = task(rng, batch, draw_length(rng, length))
            noise = rnn.memory.perturb(rng, (x.shape[1], len(x), rnn.memory.size)) if disturbed else None
            loss, _ = bptt_loss(rnn, x, y, noise)
            rate = warm_up(step) * cosine(step, total_updates(plan), lr)
            require_finite(loss, step, rate)
            trainer.step(rate)
            step, sequences = step + 1, sequences + batch
            curve.append(loss)
            progress.update(step, loss=loss)
    progress.close()
    return {"loss": curve, "sequences": sequences, "seconds": time.process_time() - started}


def train_transformer(network, baseline, task, rng, plan, lr=2e-3, label="Transformer"):
    """The baseline without a memory: next-answer cross-entropy at every target."""
    trainer, progress, step = Trainer(network=network), Progress(label, total_updates(plan)), 0
    for length, batch, updates in plan:
        for _ in range(updates):
            loss = transformer_loss(network, baseline, *task(rng, batch, draw_length(rng, length)))
            rate = warm_up(step) * cosine(step, total_updates(plan), lr)
            require_finite(loss, step, rate)
            trainer.step(rate)
            step += 1
            progress.update(step, loss=loss)
    progress.close()


def transformer_loss(network, baseline, x, y):
    """Cross-entropy of the Transformer baseline at all targets; its gradient is left in `network`."""
    network.gradient.fill(0)
    logits, cache = baseline.forward(x)
    loss, dlogits = cross_entropy(logits, y)
    baseline.backward(dlogits, cache)
    return loss


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
    """Encoder + readout: the readout on the encoder's own memories, no RNN in between."""
    asked = np.nonzero(y >= 0)
    return float((rnn.answer(teacher.encoder.forward(x)[0][:, 1:][asked]) == y[asked]).mean())


def decoder_accuracy(teacher, x, y, cut):
    """Encoder + decoder: the decoder on the memory after `cut` tokens and the inputs after it, at all later targets.

    Unlike encoder_accuracy, attention cannot look up at the question what the memory does not hold.
    """
    later = y[:, cut:]
    asked = np.nonzero(later >= 0)
    horizons = asked[0], asked[1] + 1                                    # 0 would be the answer before the cut
    logits, _ = teacher.decoder.forward(teacher.encoder.forward(x)[0][:, cut], [x[:, cut:]], [horizons])
    return float((logits.argmax(-1) == later[asked]).mean())


def transformer_accuracy(baseline, x, y):
    """Accuracy of the Transformer baseline."""
    asked = np.nonzero(y >= 0)
    return float((baseline.forward(x)[0][asked].argmax(-1) == y[asked]).mean())
