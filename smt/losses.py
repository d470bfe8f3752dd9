"""The losses of SMT, DMT and BPTT, each one function: forward, backward, gradients left in the networks.

    smt_loss      four losses on all memories of a sequence, from one encoder pass: the SMT step
    dmt_loss      roll the RNN out from encoder memories and pull it back to them (DAgger Memory Training)
    bptt_loss     the ordinary way: unroll, read out, send the error back through every step

Every function first sets the gradients of the networks it trains to zero. "count" is the number of targets.
"""

from typing import NamedTuple

import numpy as np

from smt.layers import cross_entropy, top_k_weights, uniformity


class Weights(NamedTuple):
    """Coefficients of L = L_dec + read L_read + dynamics L_dyn + uniformity L_unif (paper, Eq. 5, plus L_read).

    detach: L_dyn trains the updater only (the paper's ablation); read_detach: L_read trains the readout only;
    top: share of the worst transitions that makes up half of L_dyn (0: plain mean, as in the paper).
    """
    dynamics: float
    uniformity: float
    read: float = 1.0
    top: float = 0.1
    detach: bool = False
    read_detach: bool = False


class Choices(NamedTuple):
    """What one step draws at random: where each group of sequences is cut, which memories are compared for
    uniformity (flat indices), and the noise on the updater's inputs (None: none)."""
    cuts: np.ndarray
    compared: np.ndarray
    noise: object


def draw_choices(rng, batch, length, memory, groups=4, compared=256, late=0.0):
    """Choices for a batch of B sequences of length T.

    late: this share of the cuts is drawn near the end, T - c + 1 log-uniform between 1 and T + 1, the rest uniformly.
    """
    total, cuts = batch * (length + 1), rng.integers(0, length + 1, size=groups)
    if late:
        near = length + 1 - np.exp(rng.uniform(0, np.log(length + 1), groups)).astype(int)
        cuts = np.where(rng.random(groups) < late, near, cuts)
    return Choices(cuts, rng.permutation(total)[:compared], memory.perturb(rng, (batch, length, memory.size)))


def with_empty_past(y):
    """Targets (B, T+1) aligned with the memories m_0 .. m_T: nothing is asked of the empty past."""
    return np.concatenate([np.full((len(y), 1), -1, y.dtype), y], axis=1)


# ---------------------------------------------------------------- supervised memory training

def smt_loss(teacher, rnn, x, y, choices, weights):
    """One SMT step's loss on tokens x and targets y (B, T); returns {"dec", "read", "dyn", "unif", "total"}.

    No gradient passes from one time step to another through the updater: the longest path is one attention layer.
    """
    teacher.gradient.fill(0)
    rnn.gradient.fill(0)
    targets = with_empty_past(y)
    memories, cache = teacher.encoder.forward(x)
    dmemories = np.zeros_like(memories)
    losses = {"dec": decoding_loss(teacher.decoder, memories, x, targets, choices.cuts, dmemories),
              "read": reading_loss(rnn, memories, targets, weights, dmemories),
              "dyn": dynamics_loss(rnn, memories, x, choices.noise, weights, dmemories),
              "unif": uniformity_loss(memories, choices.compared, weights.uniformity, dmemories)}
    teacher.encoder.backward(dmemories, cache)
    losses["total"] = (losses["dec"] + weights.read * losses["read"] + weights.dynamics * losses["dyn"]
                       + weights.uniformity * losses["unif"])
    return losses


def decoding_loss(decoder, memories, x, targets, cuts, dmemories):
    """L_dec (Eq. 2): group g of the sequences is cut at c = cuts[g]; the decoder answers all later targets from m_c
    and the inputs after c. The mean is over all targets of all groups. Adds to dmemories."""
    groups = np.array_split(np.arange(len(x)), len(cuts))
    cut_of = np.repeat(cuts, [len(group) for group in groups])  # of every sequence
    futures = [x[group, cut:] for group, cut in zip(groups, cuts)]
    later = [targets[group, cut:] for group, cut in zip(groups, cuts)]
    asked = [np.nonzero(group >= 0) for group in later]
    logits, cache = decoder.forward(memories[np.arange(len(x)), cut_of], futures, asked)
    loss, dlogits = cross_entropy(logits, np.concatenate([group[places] for group, places in zip(later, asked)]))
    dmemories[np.arange(len(x)), cut_of] += decoder.backward(dlogits, cache)
    return loss


def reading_loss(rnn, memories, targets, weights, dmemories):
    """L_read: the RNN's readout answers from the encoder's memories, at every t with a target: horizon 0 of L_dec."""
    asked = np.nonzero(targets >= 0)
    logits, cache = rnn.readout.forward(memories[asked])
    loss, dlogits = cross_entropy(logits, targets[asked])
    dasked = rnn.readout.backward(dlogits * weights.read, cache)
    if not weights.read_detach:
        dmemories[asked] += dasked
    return loss


def dynamics_loss(rnn, memories, x, noise, weights, dmemories):
    """L_dyn (Eq. 3) over all T transitions at once: f(m_t + noise, x_{t+1}) against m_{t+1}.

    The gradient goes into the updater and, unless detached, into *both* memories: this is what makes the encoder's
    memory predictable from the one before. Before the dynamics are switched on (weight 0) nothing is computed.
    """
    if weights.dynamics == 0:
        return 0.0
    batch, length, size = len(x), x.shape[1], memories.shape[2]
    given = memories[:, :-1] if noise is None else rnn.memory.apply(memories[:, :-1], noise)
    given = np.ascontiguousarray(given, memories.dtype).reshape(-1, size)
    tokens, targets = x.reshape(-1), np.ascontiguousarray(memories[:, 1:]).reshape(-1, size)
    tape = rnn.updater.tape(1, batch * length)
    logits = rnn.updater.step(given, rnn.updater.drive(tokens), tape, 0)
    error, cache = rnn.memory.dynamics_error(logits, targets)
    share = top_k_weights(error, weights.top)
    dlogits, dtargets = rnn.memory.dynamics_error_backward((weights.dynamics * share)[:, None], cache)
    dgiven = rnn.updater.step_backward(dlogits, tape, 0).reshape(batch, length, size)
    rnn.updater.collect(tape, tokens)
    if not weights.detach:
        dmemories[:, :-1] += dgiven if noise is None else rnn.memory.apply_backward(dgiven, noise)
        dmemories[:, 1:] += dtargets.reshape(batch, length, size)
    return float(np.vdot(share, error))


def uniformity_loss(memories, compared, weight, dmemories):
    """L_unif (Eq. 4) of a random subset of the memories of the batch."""
    flat, dflat = memories.reshape(-1, memories.shape[2]), dmemories.reshape(-1, memories.shape[2])
    loss, dvectors = uniformity(flat[compared])
    dflat[compared] += weight * dvectors
    return loss


# ---------------------------------------------------------------- DAgger memory training

def dmt_loss(rnn, memories, x, y, window, dynamics=10.0, top=0.1):
    """Roll the RNN out for `window` steps from encoder memories and pull it back to the encoder's trajectory (Eq. 6).

    memories (B, T+1, Z) are the frozen encoder's; T must be a multiple of window. The T/window segments of every
    sequence are rolled out side by side, each from the encoder memory at its beginning. Every step is one regression
    f(own state, x) -> m_t and no gradient crosses two steps. The readout's cross-entropy trains the readout only.
    Returns {"dyn", "read", "total"}.
    """
    rnn.gradient.fill(0)
    tokens, targets, asked = (side_by_side(a, window) for a in (x, memories[:, 1:], y))
    run = unroll(rnn, side_by_side(memories[:, :-1], window)[0], tokens)
    read, _ = read_states(rnn, run.states[1:], asked)
    errors = [rnn.memory.dynamics_error(run.logits[t], targets[t]) for t in range(window)]
    error = np.stack([e for e, _ in errors])
    share = (dynamics * top_k_weights(error, top))[..., None]
    for t in range(window):
        dlogits, _ = rnn.memory.dynamics_error_backward(share[t], errors[t][1])
        rnn.updater.step_backward(dlogits, run.tape, t)      # leaves the step's part of the weights' gradient on the
    rnn.updater.collect(run.tape, tokens)                    # tape; the memory's gradient, its result, goes no further
    dyn = float(np.vdot(share[..., 0], error))
    return {"dyn": dyn / dynamics, "read": read, "total": dyn + read}


def side_by_side(a, window):
    """(B, T, ...) cut into segments of `window` steps, time first: (window, B T / window, ...)."""
    batch, length = a.shape[:2]
    return np.ascontiguousarray(np.moveaxis(a.reshape(batch * length // window, window, *a.shape[2:]), 1, 0))


class Unrolled(NamedTuple):
    """An unrolled RNN: states (T+1, B, Z), logits (T, B, Z), the caches of the normalisation and the updater's tape."""
    states: np.ndarray
    logits: np.ndarray
    caches: list
    tape: dict


def unroll(rnn, state, tokens, noise=None):
    """Run the RNN over tokens (T, B) from `state` (B, Z), keeping what a backward pass needs.

    noise: (T, B, Z) on the updater's inputs, as `memory.perturb` draws it, or None.
    """
    steps = len(tokens)
    drive, tape = rnn.updater.drive(tokens), rnn.updater.tape(steps, len(state))
    states, caches = np.empty((steps + 1, *state.shape), state.dtype), [None] * steps
    logits = np.empty((steps, *state.shape), state.dtype)
    states[0] = state
    for t in range(steps):
        given = states[t] if noise is None else rnn.memory.apply(states[t], noise[t])
        logits[t] = rnn.updater.step(given, drive[t], tape, t)
        states[t + 1], caches[t] = rnn.memory.normalise(logits[t])
    return Unrolled(states, logits, caches, tape)


def read_states(rnn, states, targets, share=1.0):
    """Cross-entropy of the readout where a target exists, and its gradient at all states (same shape), times share."""
    asked = np.nonzero(targets >= 0)
    dstates = np.zeros_like(states)
    logits, cache = rnn.readout.forward(states[asked])
    loss, dlogits = cross_entropy(logits, targets[asked])
    dstates[asked] = rnn.readout.backward(share * dlogits, cache)
    return share * loss, dstates


# ---------------------------------------------------------------- backpropagation through time

def bptt_loss(rnn, x, y, noise=None):
    """Cross-entropy of the unrolled RNN (x, y of shape (B, T)) with its gradient through every step.

    noise: (T, B, Z) on the updater's inputs, or None.
    Returns the loss and ||dL/dm_t|| for t = 0..T, the mean over the batch times B (the loss is a mean over targets).
    """
    rnn.gradient.fill(0)
    batch, length = x.shape
    tokens = np.ascontiguousarray(x.T)
    first, start = rnn.memory.normalise(rnn.start.p["logits"][None])
    run = unroll(rnn, np.repeat(first, batch, axis=0), tokens, noise)
    loss, dstates = read_states(rnn, run.states[1:], np.ascontiguousarray(y.T))
    norms, dstate, vanished = np.empty(length + 1), dstates[-1], 1e12 * np.finfo(rnn.flat.dtype).tiny
    for t in reversed(range(length)):
        norms[t + 1] = np.sqrt(np.einsum("ij,ij->i", dstate, dstate)).sum()
        if norms[t + 1] < vanished:                      # too small to change any sum, and on the way to denormal
            dstate = np.zeros_like(dstate)               # numbers, on which the processor is many times slower
        dstate = rnn.updater.step_backward(rnn.memory.normalise_backward(dstate, run.caches[t]), run.tape, t)
        if noise is not None:
            dstate = rnn.memory.apply_backward(dstate, noise[t])
        if t > 0:
            dstate += dstates[t - 1]
    norms[0] = np.sqrt(np.einsum("ij,ij->i", dstate, dstate)).sum()
    rnn.updater.collect(run.tape, tokens)
    rnn.start.g["logits"] += rnn.memory.normalise_backward(dstate.sum(0, keepdims=True), start)[0]
    return loss, norms
