"""Self-prediction: a recurrent network learns along its own rollout, with gradients that cross one update.

Our variant, not the paper's: no encoder, no teacher, no unrolled gradient. The network runs forward on its own memory,

    m_t = f(stop-gradient(m_{t-1}), x_t),

and every memory is asked what it will be asked later: the readout for the answer now (L_read), a decoder that sees the
next h inputs for the answers up to t + h (L_dec) at random places (sequence, t). The gradient goes through the one
update that made m_t, and ends there. The decoder is thrown away afterwards.

Why one step is enough. Call two words h-equivalent if every continuation of at most h letters gets them the same
answer. These partitions of the words become finer with h until they stop, at some H, at Nerode's partition, the states
of the minimal automaton (languages.py computes H). Write w for what has been read, x for the next letter.

1. What an update is asked for. L_dec(m_t) is least when m_t tells apart all words that are not h-equivalent.
2. What it is given. m_{t-1}, a constant of this step, which earlier updates have shaped in the same way, and x_t.
3. For h >= H the h-class of w x is a function of the h-class of w and of x (it is the automaton's own transition). So
   if m_{t-1} tells the classes apart, *one* update of f can make m_t do so: nothing that was lost has to be recovered,
   and no error has to travel further back. For h < H this fails: two words in one h-class may be led by x to different
   h-classes, and no gradient ever asks m_{t-1} to tell them apart.
4. Where it begins. m_0 is fixed, so the memories of words of one letter can be right whatever f does elsewhere; then
   those of two letters, ...: the updates approach, by induction over the length, a memory whose codes are a refinement
   of the minimal automaton's states. There all losses are zero, and every later update leaves it.

Two consequences can be tested (study self_prediction): with h < H nothing asks for what is missing, so only chance
would keep it; and lengths that never occur in training are never asked for (after words of exactly 16 letters only, the
answers to shorter ones mean nothing). The study confirms the second, and the first for one language of three: on
Tomita 7 networks are certified without any look-ahead, so their codes keep what no loss asks for. The argument says
that the fixed point is consistent and where the way to it begins, not that gradient descent arrives.

With a binary memory (straight-through gradient) the argument needs no "approximately": a code is right or wrong. The
self-consistency term (L_dyn) makes it robust: the prediction from a memory with flipped bits is pulled to the code
that followed the clean one.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck
from common.progress import require_finite
from common.randomness import stream
from smt.layers import cross_entropy
from smt.memory import SoftBits, SphereMemory
from smt.model import RNN, Decoder, Network
from smt.tasks import NO_TARGET
from smt.training import Trainer, cosine, warm_up

GROUPS = 4          # of places with equally long windows: fewer compute more for nothing, more take longer to start


class Recipe(NamedTuple):
    """How self-prediction is trained.

    horizon     h, inputs that the decoder sees
    places      random (sequence, t) at which it is asked, per update
    dynamics    final weight of the self-consistency term; it is 0 until the running mean of L_read is below
                `threshold`, then grows over `ramp` updates
    """
    updates: int = 1500
    lr: float = 2e-3
    horizon: int = 8
    places: int = 256
    dynamics: float = 0.3
    threshold: float = 0.03
    ramp: int = 200


class Predictor(Network):
    """The decoder, a network of its own: used for training only."""

    def __init__(self, rng, vocabulary, memory, width=64, dtype=np.float32):
        self.decoder = Decoder(rng, vocabulary, memory, width)
        super().__init__({"decoder": self.decoder}, dtype)


class Places(NamedTuple):
    """Which updates one step looks at: the update by token `time` of `sequence` makes the memory after that token.

    noise: the disturbance of the memories before these updates, for L_dyn (None: no L_dyn in this step).
    """
    sequence: np.ndarray
    time: np.ndarray
    noise: object


def draw_places(rng, y, count, memory, disturbed):
    """Places uniform over the sequences and, within each, up to its last answer."""
    length = y.shape[1]
    last = length - 1 - (y[:, ::-1] >= 0).argmax(1)
    sequence = rng.integers(0, len(y), count)
    time = rng.integers(0, last[sequence] + 1)
    return Places(sequence, time, memory.perturb(rng, (count, memory.size)) if disturbed else None)


def roll(rnn, x):
    """The network's own memories (T+1, B, Z) on tokens (B, T), forward only."""
    memories = np.empty((x.shape[1] + 1, len(x), rnn.memory.size), rnn.flat.dtype)
    memories[0] = rnn.initial(len(x))
    drive, tape = rnn.updater.drive(np.ascontiguousarray(x.T)), rnn.updater.tape(1, len(x), backward=False)
    for t in range(x.shape[1]):
        memories[t + 1] = rnn.memory.normalise(rnn.updater.step(memories[t], drive[t], tape, 0))[0]
    return memories


def self_prediction_loss(rnn, predictor, memories, x, y, places, horizon, dynamics=0.0):
    """L = L_read + L_dec + dynamics L_dyn of one batch; leaves the gradients of both networks.

    memories (T+1, B, Z) of `roll` are constants. Every update that is asked about is one row of a single call of the
    updater: first those with an answer to read, then the places, then the places from a disturbed memory.
    Returns {"read", "dec", "dyn", "total"}.
    """
    rnn.gradient.fill(0)
    predictor.gradient.fill(0)
    answered = np.nonzero(y >= 0)
    read, asked = slice(0, len(answered[0])), slice(len(answered[0]), len(answered[0]) + len(places.time))
    with_noise = dynamics > 0 and places.noise is not None
    given, tokens = _rows(rnn, memories, x, answered, places, with_noise)
    tape = rnn.updater.tape(1, len(given))
    logits = rnn.updater.step(given, rnn.updater.drive(tokens), tape, 0)
    after, cache = rnn.memory.normalise(logits[:asked.stop])
    dafter = np.zeros_like(after)
    losses = {"read": reading(rnn, after[read], y[answered], dafter[read]),
              "dec": decoding(predictor, after[asked], x, y, places, horizon, dafter[asked]), "dyn": 0.0}
    dlogits = np.zeros_like(logits)
    dlogits[:asked.stop] = rnn.memory.normalise_backward(dafter, cache)
    if with_noise:
        clean = memories[places.time + 1, places.sequence]
        losses["dyn"] = consistency(rnn, logits[asked.stop:], clean, dynamics, dlogits[asked.stop:])
    rnn.updater.step_backward(dlogits, tape, 0)             # the memory's gradient, its result, goes no further
    rnn.updater.collect(tape, tokens)
    losses["total"] = losses["read"] + losses["dec"] + dynamics * losses["dyn"]
    return losses


def _rows(rnn, memories, x, answered, places, with_noise):
    """Memories before (n, Z) and tokens (n,) of all updates that are asked about."""
    sequence = np.concatenate([answered[0], places.sequence])
    time = np.concatenate([answered[1], places.time])
    given, tokens = memories[time, sequence], x[sequence, time]
    if with_noise:
        disturbed = rnn.memory.apply(memories[places.time, places.sequence], places.noise)
        given = np.concatenate([given, disturbed.astype(given.dtype)])
        tokens = np.concatenate([tokens, x[places.sequence, places.time]])
    return given, tokens


def reading(rnn, memory, targets, dmemory):
    """L_read: the answer now. Writes the gradient of the memories."""
    logits, cache = rnn.readout.forward(memory)
    loss, dlogits = cross_entropy(logits, targets)
    dmemory[:] = rnn.readout.backward(dlogits, cache)
    return loss


def decoding(predictor, memory, x, y, places, horizon, dmemory):
    """L_dec: the answers at t .. t + h, from the memory after token t and the inputs t + 1 .. t + h.

    Inputs behind the last answer of a window change nothing (the decoder is causal), so places are sorted by what they
    need, a window of `ahead` inputs, and each group gets the longest of its own.
    """
    futures = windows(x, places, 1, horizon, fill=0)
    targets = windows(y, places, 0, horizon, fill=NO_TARGET)
    ahead = np.where(targets >= 0, np.arange(horizon + 1), -1).max(1)
    order = np.argsort(ahead, kind="stable")
    order = order[ahead[order] >= 0]                        # without an answer in its window a place is not asked
    groups = [group for group in np.array_split(order, GROUPS) if len(group)]
    if not groups:
        return 0.0
    asked = [np.nonzero(targets[group] >= 0) for group in groups]
    logits, cache = predictor.decoder.forward(memory[order], [futures[group, :ahead[group[-1]]] for group in groups],
                                              asked)
    answers = [targets[group][those] for group, those in zip(groups, asked)]
    loss, dlogits = cross_entropy(logits, np.concatenate(answers))
    dmemory[order] = predictor.decoder.backward(dlogits, cache)
    return loss


def windows(array, places, first, horizon, fill):
    """array[sequence, time + first .. time + horizon] (n, horizon + 1 - first), `fill` behind the end."""
    padded = np.concatenate([array, np.full((len(array), horizon), fill, array.dtype)], axis=1)
    return padded[places.sequence[:, None], places.time[:, None] + np.arange(first, horizon + 1)]


def consistency(rnn, logits, clean, weight, dlogits):
    """L_dyn: the update of a disturbed memory against the memory that followed the clean one, a constant."""
    error, cache = rnn.memory.dynamics_error(logits, clean)
    share = np.full((len(error), 1), weight / len(error), logits.dtype)
    dlogits[:] = rnn.memory.dynamics_error_backward(share, cache)[0]
    return float(error.mean())


# ---------------------------------------------------------------- training

def train_self_prediction(rnn, predictor, draw, rng, recipe, watch=None):
    """Train both networks on batches `draw(rng)` -> (x, y). Returns the curves and "updates".

    watch(updates done) -> True stops. The initial memory is fixed: nothing is ever asked of it.
    """
    curves, start = {"read": [], "dec": [], "dyn": []}, rnn.start.p["logits"].copy()
    schedule = Consistency(recipe)

    def compute(step):
        rnn.start.p["logits"][:] = start                    # weight decay must not move m_0
        x, y = draw(rng)
        weight = schedule.weight(step)
        places = draw_places(rng, y, recipe.places, rnn.memory, weight > 0)
        losses = self_prediction_loss(rnn, predictor, roll(rnn, x), x, y, places, recipe.horizon, weight)
        schedule.saw(step, losses["read"])
        for name, curve in curves.items():
            curve.append(losses[name])
        return losses["total"]

    updates = descend({"rnn": rnn, "predictor": predictor}, compute, recipe.updates, recipe.lr, watch)
    return {**curves, "updates": updates}


class Consistency:
    """The weight of L_dyn: 0 until the running mean of L_read is small, then a ramp."""

    def __init__(self, recipe):
        self.recipe, self.mean, self.on = recipe, None, None

    def weight(self, step):
        if self.on is None:
            return 0.0
        return self.recipe.dynamics * min(1.0, (step - self.on) / self.recipe.ramp)

    def saw(self, step, read):
        self.mean = read if self.mean is None else 0.95 * self.mean + 0.05 * read
        if self.on is None and self.mean < self.recipe.threshold:
            self.on = step


def descend(networks, compute, updates, lr, watch=None):
    """AdamW with the schedule of training.py; compute(step) leaves the gradients and returns the loss.

    watch(updates done) -> True stops. Returns the number of updates made.
    """
    trainer = Trainer(**networks)
    for step in range(updates):
        loss = compute(step)
        rate = warm_up(step) * cosine(step, updates, lr)
        require_finite(loss, step, rate)
        trainer.step(rate)
        if watch is not None and watch(step + 1):
            return step + 1
    return updates


# ---------------------------------------------------------------- gradient check

def gradient_errors():
    """{loss: relative error} in float64. Bits are checked as tanh, whose slope the straight-through gradient is."""
    return {f"self-prediction, {name}": gradient_error(memory, updater)
            for name, memory, updater in (("bits", SoftBits(8, noise=0.1, carry=0.0), "mlp"),
                                          ("sphere", SphereMemory(8, noise=0.1), "gru"))}


def gradient_error(memory, updater, **options):
    """The largest error with one memory of size 8 and one updater; options: the updater's."""
    rng = stream(900, "gradient check")
    rnn = RNN(rng, 4, memory, updater, dtype=np.float64, **options)
    predictor = Predictor(rng, 4, memory, width=8, dtype=np.float64)
    x, y = rng.integers(0, 4, (5, 7)), rng.integers(-1, 4, (5, 7))
    places, memories = draw_places(rng, y, 9, memory, disturbed=True), roll(rnn, x)

    def loss():
        return self_prediction_loss(rnn, predictor, memories, x, y, places, horizon=3, dynamics=0.3)["total"]

    loss()
    gradients = {"rnn": rnn.gradient.copy(), "predictor": predictor.gradient.copy()}
    return gradcheck.largest_error(loss, {"rnn": rnn.flat, "predictor": predictor.flat}, gradients, rng)
