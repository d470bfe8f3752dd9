"""The chunker of Experiment 2a: two nets with one ordinary hidden unit each (Schmidhuber 1992; 1997, table 2).

The automatizer reads every symbol of a sequence and predicts the next one. Where it fails, the symbol goes to the
chunker, whose clock ticks at these events only; the chunker predicts the next event. The automatizer has one output
more, which predicts the chunker's hidden unit: so it may learn to hold what the chunker holds. Both nets are
one_unit.py's: outputs read the input and the hidden unit, the hidden unit reads the input and itself.

Not stated, we chose: a symbol is unexpected when an output is wrong by a quarter or more (the criterion of 2a); the
first symbol always is; both nets start a sequence from zero and change their weights after it, at the same rate.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck
from common.layers import logistic
from common.randomness import stream
from vanishing_gradient.long_lags import one_unit
from vanishing_gradient.long_lags.one_unit import OneUnit, at

UNEXPECTED = 0.25                            # an output error that makes the next symbol an event


class TwoNets(NamedTuple):
    """Architecture and initial weights."""
    symbols: int                             # p + 1
    init: float = 0.2

    @property
    def unit(self):
        return OneUnit(self.symbols, cell=False, init=self.init)

    @property
    def weights(self):
        """As the paper counts them: the automatizer's, with the output that predicts the chunker's hidden unit."""
        return self.unit.weights + self.symbols + 1


def init(net, rng, dtype=np.float32):
    """The automatizer's weights named as in one_unit.py, with an output more; the chunker's after `chunker_`."""
    p, chunker = (one_unit.init(net.unit, rng) for _ in range(2))
    del chunker["on"]
    more = dict(W_out=rng.uniform(-net.init, net.init, (net.symbols, 1)), w_unit=rng.uniform(-net.init, net.init, 1))
    p |= {name: np.concatenate([p[name], a], -1) for name, a in more.items()}
    return {name: a.astype(dtype) for name, a in (p | {f"chunker_{n}": a for n, a in chunker.items()}).items()}


def gradients(net, p, x):
    """The automatizer's errors (N, T, symbols + 1) and the gradients of both nets for sequences x (T + 1, N)."""
    chunker = {name.removeprefix("chunker_"): a for name, a in p.items() if name.startswith("chunker_")}
    passed = one_unit.forward(net.unit, p, x[:-1])
    error = one_unit.errors(passed[0], x)
    wrong = np.abs(error[..., :-1]).max(-1) >= UNEXPECTED
    event = np.concatenate([np.ones((len(wrong), 1), bool), wrong], 1)
    h = clocked(chunker, x, event)
    error[..., -1] += h[:, 1:-1]
    g = of_the_chunker(chunker, x, event, h)
    return error, one_unit.backward(net.unit, p, x, passed, error) | {f"chunker_{n}": a for n, a in g.items()}


def clocked(p, x, event):
    """The chunker's hidden unit (N, T + 2) before and after each symbol of x (T + 1, N); it moves at events only."""
    drive, h = at(p["W_hidden"], x), np.zeros((x.shape[1], len(x) + 1), p["w_self"].dtype)
    for t in range(len(x)):
        h[:, t + 1] = np.where(event[:, t], logistic(p["w_self"][:, 0] * h[:, t] + drive[:, t]), h[:, t])
    return h


def next_event(event):
    """(N, T + 1) the step of the first event after each step, T + 1 where there is none."""
    steps = np.where(event, np.arange(event.shape[1]), event.shape[1])
    after = np.minimum.accumulate(steps[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([after[:, 1:], np.full((len(event), 1), event.shape[1])], 1)


def predictions(p, x, event, h):
    """Where an event is followed by another: (networks, steps, the chunker's outputs there, their targets)."""
    following = next_event(event)
    n, t = np.nonzero(event & (following < event.shape[1]))
    output = logistic(p["W_out"][n, x[t, n]] + p["w_unit"][n] * h[n, t + 1, None])
    return n, t, output, np.eye(output.shape[1], dtype=output.dtype)[x[following[n, t], n]]


def of_the_chunker(p, x, event, h):
    """Gradient of the chunker's E = sum (target - y)^2 / 2 over all events that are followed by another."""
    n, t, output, target = predictions(p, x, event, h)
    d_net = (output - target) * output * (1 - output)
    g = {name: np.zeros_like(a) for name, a in p.items()}
    np.add.at(g["W_out"], (n, x[t, n]), d_net)
    np.add.at(g["w_unit"], n, d_net * h[n, t + 1, None])
    d_unit, later = np.zeros_like(h[:, 1:]), np.zeros_like(h[:, 0])
    d_unit[n, t] = (d_net * p["w_unit"][n]).sum(1)
    for s in reversed(range(len(x))):
        moved = event[:, s]
        d_drive = np.where(moved, (d_unit[:, s] + later) * h[:, s + 1] * (1 - h[:, s + 1]), 0)
        g["W_hidden"][np.arange(len(h)), x[s]] += d_drive
        g["w_self"][:, 0] += d_drive * h[:, s]
        later = np.where(moved, p["w_self"][:, 0] * d_drive, later)
    return g


def gradient_error(net, task):
    """Relative error of the chunker's gradient against finite differences, with every third symbol an event."""
    rng = stream(1, "gradcheck")
    p = {name: rng.normal(0, 0.5, (1, *a.shape)) for name, a in one_unit.init(net.unit, rng, np.float64).items()
         if name != "on"}
    x = task.draw(rng, 1)
    event = np.arange(len(x))[None] % 3 == 0
    g = of_the_chunker(p, x, event, clocked(p, x, event))

    def loss():
        _, _, output, target = predictions(p, x, event, clocked(p, x, event))
        error = target - output
        return float((error * error).sum() / 2)

    return gradcheck.largest_error(loss, p, g, rng)
