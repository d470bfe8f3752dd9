"""What one update of each training method costs, and one token of each network in use: counted and measured.

    SMT, DMT, SelfPrediction, BPTT, Truncated, Transformer   one class each: `update` is one forward and backward pass
                                                             without the optimiser, `errors` the error of one answer
    Calls             which updaters and Transformer blocks are called, and which of the calls carry an error
                      (what the calls of one update multiply and add: work.py)
    TokenByToken      the Transformer that keeps its keys and values, so that a new token costs one row, not T
    peak, fastest     bytes allocated at the same time; seconds

A call of an updater, forward or backward, counts 1, that of a Transformer stack its number of blocks.
"""

import time
import tracemalloc

import numpy as np

from common.randomness import stream
from smt import losses
from smt.density import attention, products
from smt.layers import as_rows, fold_gains, gelu, linear, rms_norm, rotate, rotation, softmax_inplace
from smt.memory import FreeMemory, SphereMemory
from smt.model import RNN, Network, Teacher, TransformerBaseline
from smt.self_prediction import Places, Predictor, draw_places, roll, self_prediction_loss
from smt.training import transformer_loss

WINDOW = 64                         # updates that an error of truncated BPTT crosses
HORIZON, PLACES = 8, 256            # of self-prediction, as in its recipe
NOISE = 0.15                        # on the updater's inputs in SMT, as in the main experiment
WEIGHTS = losses.Weights(dynamics=3.0, uniformity=0.2)


# ---------------------------------------------------------------- the methods

class Method:
    """One training method at one length T.

    modules     [(updater or Transformer stack, what one of its calls counts)]
    tables      names of the token tables, whose gradient shows which inputs an error reaches
    """

    def __init__(self, c, seed, vocabulary, length, dtype=np.float32):
        self.c, self.rng, self.vocabulary, self.length = c, stream(seed, "init"), vocabulary, length
        self.dtype, self.networks, self.modules = dtype, {}, []
        self.draws = stream(seed, "train")
        self.build()

    def network(self, memory, updater="mlp", **options):
        """The RNN, counted."""
        if updater == "mlp":
            options["hidden"] = self.c.hidden
        rnn = self.networks["rnn"] = RNN(self.rng, self.vocabulary, memory, updater, self.dtype, **options)
        self.modules.append((rnn.updater, 1))
        return rnn

    def teacher(self, memory):
        """Encoder and decoder, counted."""
        made = Teacher(self.rng, self.vocabulary, memory, self.dtype, self.c.width, heads=self.c.heads)
        self.networks["teacher"] = made
        self.modules += [(made.encoder, made.encoder.depth), (made.decoder, made.decoder.depth)]
        return made

    def only_last(self, x):
        """Targets (B, T): something is asked at the last step only."""
        y = np.full_like(x, -1)
        y[:, -1] = 0
        return y

    def errors(self, x):
        """Functions; each sends one error, that of the last step, back as `update` would."""
        return [lambda: self.update(x, self.only_last(x))]

    def inputs_reached(self):
        """How many of the vocabulary's tokens have a gradient after an error was sent back."""
        tables = [g for network in self.networks.values() for name, g in network.arrays(network.gradient).items()
                  if name.endswith(("/table", "/previous"))]
        return int(np.any([g[:self.vocabulary].any(1) for g in tables], axis=0).sum())


class BPTT(Method):
    """The residual MLP on the sphere, unrolled over the whole sequence."""

    def build(self):
        self.rnn = self.network(SphereMemory(self.c.size))

    def update(self, x, y):
        losses.bptt_loss(self.rnn, x, y)


class BPTTofGRU(BPTT):
    """A GRU whose gates are open for T steps at first."""

    def build(self):
        self.rnn = self.network(FreeMemory(self.c.size), "gru", longest=self.length)


class Truncated(BPTT):
    """Windows of so many steps one after the other: the state goes on, the error does not."""

    def update(self, x, y):
        truncated_loss(self.rnn, x, y, WINDOW)


class SMT(Method):
    """All T + 1 memories of a sequence and all T transitions in every update (smt_loss)."""

    def build(self):
        memory = SphereMemory(self.c.size, noise=NOISE)
        self.made, self.rnn = self.teacher(memory), self.network(memory)

    def update(self, x, y):
        choices = losses.draw_choices(self.draws, *x.shape, self.rnn.memory, min(4, len(x)))
        losses.smt_loss(self.made, self.rnn, x, y, choices, WEIGHTS)

    def errors(self, x):
        return [lambda: self.decoding_error(x), lambda: self.dynamics_error(x)]

    def decoding_error(self, x):
        """The answer at T, by the decoder that starts from the memory in the middle."""
        choices = losses.Choices(np.array([x.shape[1] // 2]), np.arange(2), None)
        losses.smt_loss(self.made, self.rnn, x, self.only_last(x), choices, losses.Weights(0.0, 0.0, read=0.0))

    def dynamics_error(self, x):
        """The last transition."""
        for network in self.networks.values():
            network.gradient.fill(0)
        memories, cache = self.made.encoder.forward(x)
        dmemories, weights = np.zeros_like(memories), losses.Weights(1.0, 0.0, top=0.0)
        losses.dynamics_loss(self.rnn, memories[:, -2:], x[:, -1:], None, weights, dmemories[:, -2:])
        self.made.encoder.backward(dmemories, cache)


class DMT(SMT):
    """The RNN rolled out over the whole sequence and pulled back to the encoder's memories."""

    def update(self, x, y):
        losses.dmt_loss(self.rnn, self.made.encoder.forward(x)[0], x, y, x.shape[1])

    def errors(self, x):
        return [lambda: self.last_error(x)]

    def last_error(self, x):
        """The encoder's memories are the rollout's own but for the last: only there is an error."""
        for network in self.networks.values():
            network.gradient.fill(0)
        first = self.made.encoder.forward(x)[0]
        run = losses.unroll(self.rnn, first[:, 0], np.ascontiguousarray(x.T))
        memories = run.states.swapaxes(0, 1).copy()
        memories[:, -1] = first[:, -1]
        losses.dmt_loss(self.rnn, memories, x, self.only_last(x), x.shape[1], top=0.0)


class SelfPrediction(Method):
    """The network's own rollout without gradients, then all updates that are asked about, each for itself."""

    def build(self):
        memory = SphereMemory(self.c.size)
        self.rnn = self.network(memory)
        self.predictor = self.networks["predictor"] = Predictor(self.rng, self.vocabulary, memory, self.c.width,
                                                                self.dtype)
        self.modules.append((self.predictor.decoder, self.predictor.decoder.depth))

    def update(self, x, y):
        places = draw_places(self.draws, y, PLACES, self.rnn.memory, disturbed=False)
        self_prediction_loss(self.rnn, self.predictor, roll(self.rnn, x), x, y, places, HORIZON)

    def errors(self, x):
        """The answer at T, asked of the memory that is a horizon before it."""
        last = x.shape[1] - 1
        places, y = Places(np.array([0]), np.array([max(0, last - HORIZON)]), None), self.only_last(x)
        return [lambda: self_prediction_loss(self.rnn, self.predictor, roll(self.rnn, x), x, y, places, HORIZON)]


class Transformer(Method):
    """No memory: causal attention over all tokens."""

    def build(self):
        self.baseline = TransformerBaseline(self.rng, self.vocabulary, self.c.width, heads=self.c.heads)
        self.networks["transformer"] = Network({"transformer": self.baseline}, self.dtype)
        self.modules.append((self.baseline, self.baseline.depth))

    def update(self, x, y):
        transformer_loss(self.networks["transformer"], self.baseline, x, y)


METHODS = {"SMT": SMT, "DMT": DMT, "self-prediction": SelfPrediction, "BPTT, residual MLP": BPTT,
           "BPTT, GRU": BPTTofGRU, "BPTT, truncated": Truncated, "Transformer": Transformer}


def truncated_loss(rnn, x, y, window):
    """BPTT over windows of at most `window` steps, one after the other, gradients added; x, y (B, T).

    The mean is over all targets of the sequence, as in losses.bptt_loss; m_0 is fixed. Only one window's states are
    kept at a time. Returns the loss.
    """
    rnn.gradient.fill(0)
    state, total, asked = rnn.initial(len(x)), 0.0, max(1, int((y >= 0).sum()))
    for first in range(0, x.shape[1], window):
        tokens, targets = (np.ascontiguousarray(a[:, first:first + window].T) for a in (x, y))
        run = losses.unroll(rnn, state, tokens)
        loss, dstates = losses.read_states(rnn, run.states[1:], targets, int((targets >= 0).sum()) / asked)
        total += loss
        dstate = np.zeros_like(state)
        for t in reversed(range(len(tokens))):
            dstate += dstates[t]
            dstate = rnn.updater.step_backward(rnn.memory.normalise_backward(dstate, run.caches[t]), run.tape, t)
        rnn.updater.collect(run.tape, tokens)
        state = run.states[-1].copy()
    return total


# ---------------------------------------------------------------- counting and measuring

class Calls:
    """Counts the calls of some modules inside a `with` block: `made`, and `carrying`, backward calls with an error."""

    NAMES = {"step": False, "forward": False, "step_backward": True, "backward": True}

    def __init__(self, modules):
        self.modules, self.made, self.carrying = modules, 0, 0

    def __enter__(self):
        for module, weight in self.modules:
            for name, backward in self.NAMES.items():
                if hasattr(module, name):
                    setattr(module, name, self.counted(getattr(module, name), weight, backward))
        return self

    def __exit__(self, *_):
        for module, _ in self.modules:
            for name in self.NAMES:
                vars(module).pop(name, None)            # the class's own is seen again

    def counted(self, function, weight, backward):
        def call(first, *others):
            self.made += weight
            if backward and np.any(first):              # the gradient is the first argument of every backward function
                self.carrying += weight
            return function(first, *others)
        return call


def path_and_reach(method, x):
    """(calls in a row that the error of the last step passes, inputs that it reaches), the largest of its errors."""
    found = []
    for send in method.errors(x):
        with Calls(method.modules) as calls:
            send()
        found.append((calls.carrying, method.inputs_reached()))
    return tuple(max(values) for values in zip(*found))


def calls_of_update(method, x, y):
    """Calls of updaters and blocks in one update, one after the other."""
    with Calls(method.modules) as calls:
        method.update(x, y)
    return calls.made


def peak(function):
    """The most bytes that `function` had allocated at the same time, beyond what was there before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def fastest(functions, repeats, times=1):
    """{name: least processor seconds of a call}. The functions take turns, so that a busy minute hits all of them."""
    found = {name: np.inf for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.process_time()
            for _ in range(times):
                function()
            found[name] = min(found[name], (time.process_time() - started) / times)
    return found


def exponent(lengths, values):
    """Slope of log(value) over log(T) by least squares: value ~ T^slope. None where a value is missing or not > 0."""
    if any(v is None or v <= 0 for v in values):
        return None
    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])


# ---------------------------------------------------------------- one token of a network in use

class Recurrent:
    """An RNN between two tokens: its memory is all that is kept."""

    def __init__(self, method, length):
        self.rnn, self.state = method.rnn, method.rnn.initial(1)
        for _ in range(min(length, 64)):                # what the state is does not matter to the clock
            self.token()

    def token(self):
        self.state = self.rnn.step(self.state, np.zeros(1, np.int64))
        self.rnn.readout.forward(self.state)

    @property
    def bytes(self):
        return self.state.nbytes

    @property
    def multiply_adds(self):
        """Of one token and its answer."""
        return products(self.rnn.updater) + products(self.rnn.readout)


class TokenByToken:
    """The Transformer baseline, one token at a time, with the keys and values of all tokens before it.

    step(tokens (B,)) returns the logits (B, V) that TransformerBaseline.forward has at this place.
    """

    def __init__(self, baseline, batch, longest):
        self.net, self.t, self.previous = baseline, 0, np.full(batch, -1)
        p, head = baseline.p, baseline.width // baseline.heads
        self.blocks = [fold_gains(p[f"block{layer}"]) for layer in range(baseline.depth)]
        self.kept = np.zeros((baseline.depth, 2, batch, baseline.heads, longest, head), p["norm"].dtype)
        self.turn = rotation(np.arange(longest), baseline.heads, head, int(head * baseline.rotated), p["norm"].dtype)

    def step(self, tokens):
        p, stream = self.net.p, self.net.p["table"][tokens]
        if "previous" in p and self.t:
            stream = stream + p["previous"][self.previous]
        for weights, kept in zip(self.blocks, self.kept):
            stream = self.block(stream, weights, kept)
        self.t, self.previous = self.t + 1, tokens
        return linear(rms_norm(stream, p["norm"])[0], p["out"], p["bias"])

    def block(self, x, p, kept):
        """layers.block for one new row of every sequence, x (B, D)."""
        qkv = linear(rms_norm(x)[0], p["qkv"])
        rotate(qkv, self.turn[self.t])
        query, key, value = qkv.reshape(len(x), 3, self.net.heads, -1).swapaxes(0, 1)
        kept[0, :, :, self.t], kept[1, :, :, self.t] = key, value
        keys, values = kept[:, :, :, :self.t + 1]
        weights = softmax_inplace(query[:, :, None] @ keys.swapaxes(2, 3))
        x = x + linear(as_rows((weights @ values).reshape(len(x), -1)), p["project"])
        hidden = linear(rms_norm(x)[0], p["w1"], p["b1"])
        gelu(hidden, hidden)
        return x + linear(hidden, p["w2"], p["b2"])


class Attending:
    """The Transformer after T - 1 tokens, ready to take one more again and again."""

    def __init__(self, method, length):
        self.net, self.length = TokenByToken(method.baseline, 1, length), length

    def token(self):
        self.net.t = self.length - 1
        self.net.step(np.zeros(1, np.int64))

    @property
    def bytes(self):
        return self.net.kept.nbytes

    @property
    def multiply_adds(self):
        """Of one token and its answer, with the keys of `length` tokens."""
        return products(self.net.net) + attention(self.net.net, self.length)


IN_USE = {"BPTT, residual MLP": Recurrent, "BPTT, GRU": Recurrent, "Transformer": Attending}
