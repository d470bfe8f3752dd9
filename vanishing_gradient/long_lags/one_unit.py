"""The network of Experiments 2a and 2b: one hidden unit between p + 1 inputs and p + 1 outputs.

Outputs read the inputs and the hidden unit, the hidden unit reads the inputs and itself; no biases, all
logistic (section 5.2). For the LSTM the unit is a memory cell with an input gate, no output gate, and
g is the logistic function, h the identity:

    s[t] = s[t-1] + input_gate[t] g[t],   both of the present input alone: no loop over time

For RTRL and BPTT it is an ordinary unit: h[t] = f(w h[t-1] + W x[t]). Weights change after every
sequence, and then RTRL and BPTT are the same gradient.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck
from common.layers import logistic
from common.randomness import stream


class OneUnit(NamedTuple):
    """Architecture and initial weights."""
    symbols: int                         # p + 1
    cell: bool = True                    # a memory cell with an input gate, or an ordinary unit
    init: float = 0.2
    gate: float = 0.0                    # not the paper's: added to the input gate's first weights, one of which
                                         # is read at every step: a bias

    @property
    def weights(self):
        return self.symbols * (self.symbols + 3) if self.cell else (self.symbols + 1) * (self.symbols + 1)


def init(net, rng, dtype=np.float32):
    """One network's weights, rows = from; `on` is 1 once the hidden unit belongs to the net."""
    K, uniform = net.symbols, lambda *shape: rng.uniform(-net.init, net.init, shape)
    p = dict(W_out=uniform(K, K), w_unit=uniform(K), W_hidden=uniform(K), on=np.ones(1))
    p |= dict(W_gate=uniform(K) + net.gate, on=np.zeros(1)) if net.cell else dict(w_self=uniform(1))
    return {name: a.astype(dtype) for name, a in p.items()}


def at(W, x):
    """The weights that leave the symbols x (T, N): rows of W (N, K[, K]) -> (N, T[, K])."""
    return W[np.arange(len(W))[:, None], x.T]


def summed(d, x, like):
    """Gradient of `like` (N, K[, K]) from that of its rows d (N, T[, K]) at the symbols x (T, N)."""
    networks = np.arange(len(d))[:, None]
    if (np.bincount(x[:, 0]) <= 1).all() and d.ndim == 3:            # 2a: every symbol once, in all networks
        g = np.zeros_like(like)
        g[networks, x.T] = d
        return g
    onehot = np.eye(like.shape[1], dtype=d.dtype)[x.T].swapaxes(1, 2)
    return onehot @ d if d.ndim == 3 else (onehot @ d[..., None])[..., 0]


def hidden(net, p, x):
    """The hidden unit's activity (N, T) for inputs x (T, N), and what the backward pass needs."""
    if net.cell:
        gate, g = logistic(at(p["W_gate"], x)), logistic(at(p["W_hidden"], x))
        return p["on"] * np.cumsum(gate * g, axis=1), (gate, g)
    drive, h = at(p["W_hidden"], x), np.zeros((len(p["w_self"]), len(x) + 1), p["w_self"].dtype)
    for t in range(len(x)):
        h[:, t + 1] = logistic(p["w_self"][:, 0] * h[:, t] + drive[:, t])
    return h[:, 1:], h[:, :-1]


def forward(net, p, x):
    """Outputs (N, T, K) after every input of x (T, N); the hidden unit; what the backward pass needs."""
    unit, kept = hidden(net, p, x)
    return logistic(at(p["W_out"], x) + p["w_unit"][:, None] * unit[..., None]), unit, kept


def gradients(net, p, x, end_only=False):
    """Output errors (N, T, K) and the gradient of E = sum (target - y)^2 / 2 for sequences x (T + 1, N)."""
    passed = forward(net, p, x[:-1])
    error = errors(passed[0], x)
    return error, backward(net, p, x, passed, error, end_only)


def errors(output, x):
    """target - y (N, T, K), the target of every step being the next symbol of x (T + 1, N)."""
    error = -output
    error[np.arange(error.shape[0])[:, None], np.arange(error.shape[1]), x[1:].T] += 1
    return error


def backward(net, p, x, passed, error, end_only=False):
    """The gradient of all weights, from what `forward` of x[:-1] returned and the errors (N, T, K)."""
    output, unit, kept = passed
    d_net = output * (1 - output)
    d_net *= error
    np.negative(d_net, out=d_net)
    if end_only:
        d_net[:, :-1] = 0
    d_unit = p["on"] * (d_net @ p["w_unit"][..., None])[..., 0]
    g = dict(W_out=summed(d_net, x[:-1], p["W_out"]), w_unit=(unit[:, None] @ d_net)[:, 0])
    return {**g, **(_into_cell if net.cell else _into_unit)(p, d_unit, unit, kept, x[:-1])}


def _into_cell(p, d_unit, unit, kept, x):
    """The error of the cell state is the sum of all later ones: the constant error carousel."""
    gate, g = kept
    d_state = np.cumsum(d_unit[:, ::-1], axis=1)[:, ::-1]
    return dict(W_gate=summed(d_state * g * gate * (1 - gate), x, p["W_gate"]),
                W_hidden=summed(d_state * gate * g * (1 - g), x, p["W_hidden"]))


def _into_unit(p, d_unit, unit, before, x):
    """The ordinary unit: the error shrinks with w f' at every step back."""
    slope, w = unit * (1 - unit), p["w_self"][:, 0]
    d_drive, later = np.zeros_like(d_unit), np.zeros(len(w), w.dtype)
    for t in reversed(range(d_unit.shape[1])):
        d_drive[:, t] = (d_unit[:, t] + w * later) * slope[:, t]
        later = d_drive[:, t]
    return dict(W_hidden=summed(d_drive, x, p["W_hidden"]), w_self=(d_drive * before).sum(1, keepdims=True))


def gradient_error(net, task):
    """Relative error of `gradients` against finite differences, the hidden unit in its place."""
    rng = stream(1, "gradcheck")
    p = {name: rng.normal(0, 0.5, (1, *a.shape)) for name, a in init(net, rng, np.float64).items()}
    p["on"][...] = 1
    x = task.draw(rng, 1)
    _, g = gradients(net, p, x)

    def loss():
        target = np.eye(net.symbols)[x[1:].T]
        error = target - forward(net, p, x[:-1])[0]
        return float((error * error).sum() / 2)

    return gradcheck.largest_error(loss, {name: a for name, a in p.items() if name != "on"}, g, rng)
