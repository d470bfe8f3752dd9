"""The ordinary recurrent nets that table 1 puts beside the LSTM: logistic units without memory cells or biases.

    h[t] = f(W_in x[t] + W h[t-1])

Elman's net has outputs of its own, f(W_out h[t]), and sends no error from one step to the one before. The net that
Smith & Zipser (1989) trained with RTRL is fully recurrent: its first units are its outputs, and with weights that
change after every string RTRL is the full gradient through the string. It has the same face as wiring.py.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck
from common.layers import logistic, lookup, lookup_backward, outer_sum
from common.randomness import stream
from vanishing_gradient.long_lags.wiring import one_sequence


class Ordinary(NamedTuple):
    """Architecture and initial weights."""
    hidden: int
    symbols: int
    elman: bool = False
    init: float = 0.2

    @property
    def units(self):
        return self.hidden if self.elman else self.hidden + self.symbols

    @property
    def weights(self):
        return self.units * (self.symbols + self.units) + self.elman * self.symbols * self.units


class Pass(NamedTuple):
    output: np.ndarray                       # (T, [N,] K, B)
    h: np.ndarray                            # (T + 1, [N,] units, B), row 0: zero


def init(net, rng, dtype=np.float32):
    shapes = dict(W_in=(net.units, net.symbols), W=(net.units, net.units))
    if net.elman:
        shapes["W_out"] = (net.symbols, net.units)
    return {name: rng.uniform(-net.init, net.init, shape).astype(dtype) for name, shape in shapes.items()}


def forward(net, p, x, lengths=None, every_step=True):
    """The Pass of symbols x (T, [N,] B)."""
    drive = lookup(p["W_in"], x)
    h = np.zeros((len(x) + 1, *drive.shape[1:]), drive.dtype)
    for t in range(len(x)):
        h[t + 1] = logistic(drive[t] + p["W"] @ h[t])
    return Pass(read(net, p, h[1:]), h)


def read(net, p, h):
    return logistic(p["W_out"] @ h) if net.elman else h[..., :net.symbols, :]


def gradients(net, p, x, lengths, target, every_step=True):
    """Output errors target - y and the gradient of E = sum (target - y)^2 / 2, as wiring.gradients."""
    output, h = forward(net, p, x)
    error = (target - output) * (np.arange(len(x))[:, None, None, None] < lengths[:, None])
    if net.elman:
        d_net = -error * output * (1 - output)
        d_drive = (p["W_out"].swapaxes(-1, -2) @ d_net) * h[1:] * (1 - h[1:])
        more = dict(W_out=outer_sum(d_net, h[1:]))
    else:
        d_drive, more = through_time(net, p, h, error), {}
    return error, dict(W=outer_sum(d_drive, h[:-1]), W_in=lookup_backward(d_drive, x, net.symbols), **more)


def through_time(net, p, h, error):
    """Error of all net inputs (T, [N,] units, B), sent back through every step."""
    d_drive, W_T = np.zeros_like(h[1:]), p["W"].swapaxes(-1, -2)
    d_drive[..., :net.symbols, :] = -error
    for t in reversed(range(len(d_drive))):
        if t + 1 < len(d_drive):
            d_drive[t] += W_T @ d_drive[t + 1]
        d_drive[t] *= h[t + 1] * (1 - h[t + 1])
    return d_drive


def update(net, p, g, lr):
    """One step of plain SGD in place."""
    for name, gradient in g.items():
        p[name] -= lr * gradient


def gradient_error(net, task):
    """Relative error of `gradients` against finite differences; Elman's previous step is held fixed."""
    rng = stream(1, "gradcheck")
    p = {name: rng.normal(0, 0.5, (1, *a.shape)) for name, a in init(net, rng, np.float64).items()}
    x, lengths, target = one_sequence(task, rng)
    _, g = gradients(net, p, x, lengths, target)
    before = forward(net, p, x).h[:-1].copy()
    inside = np.arange(len(x))[:, None, None, None] < lengths[:, None]

    def loss():
        h = logistic(lookup(p["W_in"], x) + p["W"] @ before)
        error = target - (read(net, p, h) if net.elman else forward(net, p, x).output)
        return float((error * error * inside).sum() / 2)

    return gradcheck.largest_error(loss, p, g, rng)
