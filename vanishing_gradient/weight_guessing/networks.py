"""Thousands of small recurrent networks with random weights, run side by side.

One time step of the sources' networks, in this order (hidden units first, then the outputs that
already see them; Schmidhuber, Hochreiter & Bengio 2001, and all of Hochreiter & Schmidhuber):

    hidden(t) = f(W_in x(t) + W_lateral hidden(t-1) + W_feedback output(t-1) + bias)
    output(t) = f(V_in x(t) + V hidden(t) + V_lateral output(t-1) + bias)         all units 0 at t = 0

The order matters: with all units updated at once, no network was found that computes parity.

f is the logistic function, or tanh. Logistic units are run as tanh units, which numpy computes
many times faster: with u = 2 y - 1 instead of y in [0, 1],

    logistic(net) = (1 + tanh(net / 2)) / 2    so    u = tanh(W u / 4 + w_in x / 2 + (bias + sum W / 2) / 2)

Axes: N networks, last and contiguous; B sequences, first; units between them. T steps, D inputs,
K outputs, H hidden units, P weights. A weight array is (to, from, N).
"""

from typing import NamedTuple

import numpy as np


class Network(NamedTuple):
    """What is connected to what. Every connection that exists is one weight to guess."""
    hidden: int
    lateral: str = "all"               # hidden to hidden: "all", "self" or "none"
    output_lateral: bool = True        # outputs see all outputs of the step before, themselves too
    input_to_output: bool = True
    output_bias: bool = False          # hidden units always have one
    inputs: int = 1
    outputs: int = 1
    squash: str = "logistic"           # or "tanh"
    free_start: bool = False           # latch I: the first input of each class is a weight, W_in is 1
    hidden_first: bool = True          # outputs see hidden(t); False: hidden(t-1), all units at once

    def shapes(self):
        """{name: (to, from)} of the weights that are guessed, in the order of the rows of a weight array."""
        H, D, K = self.hidden, self.inputs, self.outputs
        lateral = {"all": (H, H), "self": (H, 1), "none": (0, 1)}[self.lateral]
        return dict(hidden_in=(H, D), lateral=lateral, feedback=(H, K), hidden_bias=(H, 1),
                    output_in=(0 if self.free_start or not self.input_to_output else K, D), output_hidden=(K, H),
                    output_lateral=(K if self.output_lateral else 0, K), output_bias=(K if self.output_bias else 0, 1),
                    start=(2 if self.free_start else 0, 1))

    @property
    def weights(self):
        """P, the number of weights of one network."""
        return sum(to * source for to, source in self.shapes().values())


def A1(hidden, **changes):
    """Fully recurrent, hidden units biased (the sources' first architecture)."""
    return Network(hidden, **changes)


def A2(hidden=10, self_connections=True, **changes):
    """A hidden unit sees input, output and itself; the output sees all other units; all biased."""
    lateral = "self" if self_connections else "none"
    return Network(hidden, **{**dict(lateral=lateral, output_lateral=False, output_bias=True), **changes})


LATCH_1 = Network(0, squash="tanh", free_start=True)       # one unit: recurrent weight, two initial inputs
LATCH_2 = Network(0, squash="tanh", output_bias=True)      # one unit: from itself, from the input, bias


def draw(rng, network, N, interval):
    """Weights (P, N), float32, uniform in [-interval, interval]."""
    w = rng.random((network.weights, N), dtype=np.float32)
    w -= 0.5
    w *= 2 * interval
    return w


def split(network, w):
    """{name: (to, from, N)}, views of the weights w (P, N)."""
    parts, row = {}, 0
    for name, (to, source) in network.shapes().items():
        parts[name] = w[row:row + to * source].reshape(to, source, w.shape[1])
        row += to * source
    return parts


def fold(network, w):
    """The weights as the kernel needs them: those of the tanh units that do what the logistic units do.

    returns   {name: (to, from, N)} with zero biases where the network has none
    """
    p = split(network, w)
    H, K, N = network.hidden, network.outputs, w.shape[1]
    for name, units in (("hidden_bias", H), ("output_bias", K), ("output_in", K)):
        if len(p[name]) < units:
            p[name] = np.zeros((units, network.shapes()[name][1], N), w.dtype)
    if network.free_start:
        p["output_in"] = np.ones((K, 1, N), w.dtype)
    if network.squash == "tanh":
        return p
    recurrent = dict(hidden_bias=("lateral", "feedback"), output_bias=("output_hidden", "output_lateral"))
    for bias, sources in recurrent.items():
        constant = p[bias] / 2
        for source in sources:
            if len(p[source]):
                constant = constant + p[source].sum(1, keepdims=True) / 4
        p[bias] = constant
    p |= {name: p[name] / 4 for sources in recurrent.values() for name in sources}
    p |= {name: p[name] / 2 for name in ("hidden_in", "output_in")}
    return p


def final_outputs(network, w, x, lengths, classes=None, keep=None):
    """The outputs at the end of each sequence, as u in [-1, 1] (logistic y = (1 + u) / 2).

    w         (P, N), from `draw`
    x         (T, B) or (T, D, B) real inputs, or (T, B) integers: symbols, one-hot on D inputs; with
              D = 1 the symbols 0 and 1 are the inputs -1 and 1
    lengths   (B,) steps of each sequence, at most T
    classes   (B,) 0 or 1, needed by `free_start` only
    keep      a list that receives (hidden, output) after every step
    returns   (B, K, N)
    """
    w = np.ascontiguousarray(w)              # w[:, some] has its networks far apart: half the speed
    p, (B, N) = fold(network, w), (x.shape[-1], w.shape[1])
    rest = -1 if network.squash == "logistic" else 0
    hidden, output = (np.full((B, units, N), rest, w.dtype) for units in (network.hidden, network.outputs))
    to_hidden, to_output = _drives(p["hidden_in"], p["hidden_bias"], x), _drives(p["output_in"], p["output_bias"], x)
    mix_hidden, mix_output = np.empty_like(hidden), np.empty_like(output)
    final, last = np.empty_like(output), lengths.max()
    ending = set(lengths.tolist())
    for t in range(last):
        seen = hidden if network.hidden_first else hidden.copy()
        if network.hidden:
            net = _add_products(to_hidden(t), (p["feedback"], output), (p["lateral"], hidden), mix_hidden)
            np.tanh(net, out=hidden)
        net = _add_products(to_output(t), (p["output_hidden"], seen), (p["output_lateral"], output), mix_output)
        if t == 0 and network.free_start:
            net += p["start"][classes]
        np.tanh(net, out=output)
        if keep is not None:
            keep.append((hidden.copy(), output.copy()))
        if t + 1 in ending:
            some = lengths == t + 1
            final[some] = output[some]
    return final


def _drives(w_in, bias, x):
    """t -> what the units receive from outside at step t, (B or 1, units, N), never changed by the caller.

    With one sequence of symbols there are only as many different drives as symbols: nothing is computed.
    """
    bias = bias[:, 0]
    if x.ndim == 3:
        return lambda t: np.einsum("udn,db->bun", w_in, x[t]) + bias
    if x.dtype.kind == "f":
        w_in = w_in[:, 0]
        return lambda t: w_in * x[t][:, None, None] + bias
    by_symbol = np.concatenate([-w_in, w_in], axis=1) if w_in.shape[1] == 1 else w_in
    table = np.stack([by_symbol[:, symbol] + bias for symbol in range(by_symbol.shape[1])])
    if x.shape[1] == 1:
        symbols = x[:, 0].tolist()
        return lambda t: table[symbols[t]]
    return lambda t: table[x[t]]


def _add_products(drive, first, second, out):
    """drive + sum over both pairs (weights (to, from, N), states (B, from, N)) of weights * states."""
    total = _product(*first, out)
    total += drive
    if len(second[0]):
        total += _product(*second)
    return total


def _product(weights, states, out=None):
    """(B, to, N): each unit's weighted sum; (to, 1, N) weights of as many states are self-connections."""
    to, source, _ = weights.shape
    if source == 1:
        return np.multiply(weights[:, 0], states, out=out)
    return np.einsum("tsn,bsn->btn", weights, states, out=out)
