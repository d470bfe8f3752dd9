"""Next-token modelling of natural sequences: every way of training, one clock, one score (nats per token).

A sequence s_1 .. s_T is asked in full: the inputs are x = [start, s_1 .. s_{T-1}], the targets y = s, so every network
predicts all T tokens, the first from the start token alone. The RNN is always scored on its own memory from m_0.

    SMT, SMT + DMT     an encoder teaches the updates (losses.smt_loss), then the RNN's own trajectory is pulled back
    self-prediction    no encoder; gradients cross one update, a decoder looks `horizon` tokens ahead
    BPTT               unrolled over the whole sequence, or truncated: gradients cross `window` updates
    Transformer        causal, no memory: the encoder's blocks and a readout, trained alone

Every method is given its numbers of updates; processor seconds are measured, and the held-out loss is noted against
them. The looking itself is not counted.
"""

import time
from typing import NamedTuple

import numpy as np

from common.randomness import stream
from smt import losses
from smt.memory import FreeMemory, SphereMemory
from smt.model import RNN, Network, Teacher, TransformerBaseline
from smt.self_prediction import Predictor, descend, draw_places, roll, self_prediction_loss
from smt.training import Recipe, train_smt, transformer_loss

SMT, DMT, ENCODER, SELF, TRANSFORMER = "SMT", "SMT + DMT", "encoder + readout", "self-prediction", "Transformer"
BPTT, GRU, TRUNCATED = "BPTT", "BPTT, GRU", "BPTT, truncated"
AT_ONCE = 20_000    # tokens scored at a time; on so many a curve is measured
LOOKS = 12          # points of a curve
DMT_SHARE = 0.4     # of the seconds of SMT + DMT that go to DMT
TRAINING = 3        # multiply-adds of a training step over those of a forward pass: two gradients besides


class Setting(NamedTuple):
    """One way to train a network.

    lr, batch   learning rate, sequences per update
    memory      "sphere" or "free"
    updater     key of updaters.UPDATERS
    start       initial weights: "" as everywhere, "chrono" gates (GRU), "small" second layer (residual MLP, a tenth)
    window      updates that a gradient of BPTT crosses; None: all
    horizon     inputs that the decoder of self-prediction sees; places: where it is asked, per update
    dynamics, uniformity    weights of L_dyn and L_unif (SMT)
    """
    lr: float
    batch: int = 8
    memory: str = "sphere"
    updater: str = "mlp"
    start: str = ""
    window: int | None = None
    horizon: int = 8
    places: int = 64
    dynamics: float = 2.0
    uniformity: float = 0.05


class Task(NamedTuple):
    """What is modelled: draw(rng, batch) -> (x, y) for training; held_out (n, T); V tokens, and V is the start."""
    draw: object
    held_out: np.ndarray
    vocabulary: int

    @property
    def length(self):
        return self.held_out.shape[1]


class Trained(NamedTuple):
    """A trained model: score(x, y) -> nats per token at every place (T,); its curve (see Watch); its network; `work`,
    multiply-adds of its training."""
    score: object
    curve: list
    network: object
    work: float


def asked(sequences, start):
    """Inputs and targets (B, T) of sequences (B, T): the input before each token, the start token before the first."""
    first = np.full((len(sequences), 1), start, sequences.dtype)
    return np.concatenate([first, sequences[:, :-1]], axis=1), sequences


# ---------------------------------------------------------------- the score

def by_parts(logits_of):
    """score(x, y): nats per token at every place (T,), from logits_of(x) -> (B, T, V)."""
    def score(x, y):
        rows = max(1, AT_ONCE // x.shape[1])
        return np.concatenate([nats(logits_of(x[n:n + rows]), y[n:n + rows])
                               for n in range(0, len(x), rows)]).mean(0)
    return score


def nats(logits, y):
    """-log p (B, T) of the targets from logits (B, T, V)."""
    logits = logits - logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(logits, y[..., None].astype(np.int64), -1)[..., 0]
    return np.log(np.exp(logits).sum(-1)) - chosen


def rnn_score(rnn):
    """The RNN on its own memory from m_0."""
    return by_parts(lambda x: rnn.readout.forward(np.ascontiguousarray(roll(rnn, x)[1:].swapaxes(0, 1)))[0])


def transformer_score(baseline):
    return by_parts(lambda x: baseline.forward(x)[0])


def encoder_score(teacher, rnn):
    """The readout on the encoder's memories: what the RNN would reach if it followed them exactly."""
    return by_parts(lambda x: rnn.readout.forward(np.ascontiguousarray(teacher.encoder.forward(x)[0][:, 1:]))[0])


class Watch:
    """A curve: [updates, sequences, processor seconds, held-out nats per token]; the looking itself is not counted.

    before   the curve of the training that this one goes on from
    """

    def __init__(self, task, score, updates, batch, before=()):
        self.sequences = asked(task.held_out[:AT_ONCE // task.length], task.vocabulary)
        self.score, self.every, self.last, self.batch = score, max(1, updates // LOOKS), updates, batch
        self.curve, self.before = list(before), before[-1] if before else [0, 0, 0.0, None]
        self.updates, self.paused, self.started = 0, 0.0, time.process_time()

    @property
    def tokens(self):
        """That were trained on."""
        return self.updates * self.batch * self.sequences[0].shape[1]

    def __call__(self, _step=None):
        """To be called after every update."""
        self.updates += 1
        if self.updates % self.every and self.updates < self.last:
            return
        now = time.process_time()
        after = [self.updates, self.updates * self.batch, now - self.started - self.paused]
        found = float(self.score(*self.sequences).mean())
        self.curve.append([a + b for a, b in zip(after, self.before)] + [found])
        self.paused += time.process_time() - now


# ---------------------------------------------------------------- back-propagation through time

def rnn_of(c, seed, task, setting, noise=0.0):
    """A fresh RNN."""
    made = {"sphere": SphereMemory, "free": FreeMemory}[setting.memory]
    options = {"hidden": c.hidden} if setting.updater == "mlp" else {}
    if setting.start == "chrono":
        options["longest"] = task.length
    rnn = RNN(stream(seed, "init"), task.vocabulary + 1, made(c.size, noise=noise), setting.updater, **options)
    if setting.start == "small":
        rnn.arrays()["updater/w2"][...] *= 0.1
    return rnn


def truncated_loss(rnn, x, y, window):
    """BPTT whose gradients cross at most `window` updates; leaves the gradient in the network, returns the loss.

    The network's own memories at the cuts are constants of this update (they are rolled out first), so the T / window
    segments are rows of one unrolling; cost.truncated_loss has them one after the other, for less memory. window = 1:
    every update is asked for its own answer only, self-prediction without its decoder; window = T: BPTT, m_0 fixed.
    """
    rnn.gradient.fill(0)
    memories = roll(rnn, x)[:-1].swapaxes(0, 1)
    states, tokens, targets = (losses.side_by_side(a, window) for a in (memories, x, y))
    run = losses.unroll(rnn, states[0], tokens)
    loss, dstates = losses.read_states(rnn, run.states[1:], targets)
    dstate = np.zeros_like(dstates[0])
    for t in reversed(range(window)):
        dlogits = rnn.memory.normalise_backward(dstate + dstates[t], run.caches[t])
        dstate = rnn.updater.step_backward(dlogits, run.tape, t)
    rnn.updater.collect(run.tape, tokens)
    return loss


def by_bptt(c, seed, task, setting, updates):
    """Unrolled over the sequence, or truncated. Raises Diverged (as all of these)."""
    rnn, rng = rnn_of(c, seed, task, setting), stream(seed, "train")

    def compute(_step):
        x, y = task.draw(rng, setting.batch)
        return truncated_loss(rnn, x, y, setting.window) if setting.window else losses.bptt_loss(rnn, x, y)[0]

    again = products(rnn.updater) if setting.window else 0                       # the rollout without gradients
    each = TRAINING * (products(rnn.updater) + products(rnn.readout)) + again
    return trained_rnn(rnn, {"rnn": rnn}, compute, task, setting, updates, each)


def trained_rnn(rnn, networks, compute, task, setting, updates, each):
    """The loop of BPTT and self-prediction; `each`: multiply-adds per token.

    m_0 learns where a gradient reaches it; weight decay alone must not move it.
    """
    watch, start = Watch(task, rnn_score(rnn), updates, setting.batch), rnn.start.p["logits"].copy()
    fixed = setting.window or len(networks) > 1

    def step(number):
        if fixed:
            rnn.start.p["logits"][:] = start
        return compute(number)

    descend(networks, step, updates, setting.lr, watch)
    if fixed:
        rnn.start.p["logits"][:] = start
    return Trained(rnn_score(rnn), watch.curve, rnn, each * watch.tokens)


# ---------------------------------------------------------------- self-prediction, the Transformer

def by_self_prediction(c, seed, task, setting, updates):
    """Labels at every step: L_read everywhere, the decoder at random places. No L_dyn: nothing here ends in zero."""
    rnn, rng = rnn_of(c, seed, task, setting), stream(seed, "train")
    predictor = Predictor(stream(seed, "init teacher"), task.vocabulary + 1, rnn.memory, width=c.width)

    def compute(_step):
        x, y = task.draw(rng, setting.batch)
        places = draw_places(rng, y, setting.places, rnn.memory, disturbed=False)
        return self_prediction_loss(rnn, predictor, roll(rnn, x), x, y, places, setting.horizon)["total"]

    used, share = products(rnn.updater), setting.places / (setting.batch * task.length)
    window = setting.horizon + 1
    decoded = window * (products(predictor.decoder) + attention(predictor.decoder, window))
    each = used + TRAINING * (used + products(rnn.readout) + share * (used + decoded))
    return trained_rnn(rnn, {"rnn": rnn, "predictor": predictor}, compute, task, setting, updates, each)


def by_transformer(c, seed, task, setting, updates):
    """The encoder's blocks and a readout, trained alone."""
    rng, baseline = stream(seed, "train"), TransformerBaseline(stream(seed, "init"), task.vocabulary + 1,
                                                               width=c.width, heads=c.heads)
    network, score = Network({"transformer": baseline}), transformer_score(baseline)
    watch = Watch(task, score, updates, setting.batch)
    compute = lambda _step: transformer_loss(network, baseline, *task.draw(rng, setting.batch))
    descend({"network": network}, compute, updates, setting.lr, watch)
    each = TRAINING * (products(baseline) + attention(baseline, task.length))
    return Trained(score, watch.curve, baseline, each * watch.tokens)


# ---------------------------------------------------------------- SMT and DMT

def by_smt(c, seed, task, setting, updates, dmt_updates):
    """{SMT, DMT, ENCODER: Trained}: SMT, then DMT goes on from a copy of its network."""
    rng = stream(seed, "train")
    rnn = rnn_of(c, seed, task, setting, noise=0.1)
    teacher = Teacher(stream(seed, "init teacher"), task.vocabulary + 1, rnn.memory, width=c.width, heads=c.heads)
    watch = Watch(task, from_the_encoder(teacher, rnn), updates, setting.batch)
    recipe = Recipe(((task.length, setting.batch, updates),), losses.Weights(setting.dynamics, setting.uniformity),
                    setting.lr, start=updates // 4, ramp=1 + updates // 8, faster=3.0)
    train_smt(teacher, rnn, lambda rng, batch, _length: task.draw(rng, batch), rng, recipe, watch=watch)
    pulled = rnn_of(c, seed, task, setting)
    pulled.flat[:] = rnn.flat
    reading = products(teacher.encoder) + attention(teacher.encoder, task.length)
    answering = products(teacher.decoder) + attention(teacher.decoder, task.length // 2)
    updating = products(rnn.updater) + products(rnn.readout)
    work = TRAINING * (reading + answering / 2 + updating) * watch.tokens        # cuts lie in the middle on average
    score, curve, more = pull_back(teacher, pulled, task, rng, setting, dmt_updates, watch.curve)
    return {SMT: Trained(rnn_score(rnn), watch.curve, rnn, work),
            ENCODER: Trained(encoder_score(teacher, rnn), watch.curve, teacher.encoder, work),
            DMT: Trained(score, curve, pulled, work + (reading + TRAINING * updating) * more)}


def from_the_encoder(teacher, rnn):
    """The RNN's score while SMT trains: it starts from the encoder's memory of the empty past."""
    def score(x, y):
        rnn.start.p["logits"][:] = teacher.encoder.empty_memory()
        return rnn_score(rnn)(x, y)
    return score


def pull_back(teacher, rnn, task, rng, setting, updates, before):
    """DMT as in training.train_dmt, with windows that grow over the divisors of T, and half the rate of SMT.

    Returns score, curve and the number of tokens that it was trained on.
    """
    watch, start = Watch(task, rnn_score(rnn), updates, setting.batch, before), rnn.start.p["logits"].copy()
    grown = growing(task.length)

    def compute(step):
        rnn.start.p["logits"][:] = start
        window = grown[min(int(step / (0.8 * updates) * len(grown)), len(grown) - 1)]
        x, y = task.draw(rng, setting.batch)
        return losses.dmt_loss(rnn, teacher.encoder.forward(x)[0], x, y, window)["total"]

    descend({"rnn": rnn}, compute, updates, setting.lr / 2, watch)
    rnn.start.p["logits"][:] = start
    return rnn_score(rnn), watch.curve, watch.tokens


def growing(length):
    """The windows of DMT: divisors of T from 4 on, each at least twice the one before, and T itself."""
    made = []
    for window in range(4, length):
        if length % window == 0 and (not made or window >= 2 * made[-1]):
            made.append(window)
    return [*made, length]


# ---------------------------------------------------------------- what it costs

def products(module):
    """Multiply-adds of a module for one row: the entries of its matrices; tables of tokens are looked up."""
    return sum(np.size(array) for name, array in module.arrays.items()
               if np.ndim(array) == 2 and name not in ("table", "previous"))


def attention(module, length):
    """Multiply-adds per token of attention over T tokens, computed as a full square: 2 T D in each block."""
    return 2 * length * module.width * module.depth
