"""A recurrent net that predicts the next symbol at every step: a tanh-RNN or an LSTM.

    inputs    start  x[0]  x[1]  ...  x[T-2]          "start" is a symbol of its own
    states    y[1]   y[2]  y[3]  ...  y[T]
    predicts  x[0]   x[1]  x[2]  ...  x[T-1]          logits[t] = V y[t+1] + c, softmax

Exactly one symbol is read at a time, so the columns of U hold the biases: there is no separate b.
A net with extra inputs (C's time stamps) adds `extra` (T, [N,] D', B) through a matrix U_extra.
Layout and axis glossary: common/__init__.py.
"""

from typing import NamedTuple

import numpy as np

from common import lstm, tanh_rnn
from common.layers import lookup, lookup_backward, outer_sum


STILL_FELT = 0.01                            # effective depth: where 1 % of the gradient is left


class Pass(NamedTuple):
    """What a forward pass leaves for the backward pass."""
    logits: np.ndarray                   # (T, [N,] K, B)
    y: np.ndarray                        # (T+1, [N,] H, B), row 0 the initial state
    trace: object                        # lstm.Trace, or y again

    @property
    def state(self):
        """What the next window starts from: (y, s), or (y,)."""
        return (self.y[-1],) if self.trace is self.y else (self.y[-1], self.trace.s[-1])


class Predictor:
    """`cell` is None for a tanh-RNN of H units, or an lstm.Cell."""

    def __init__(self, K, H=None, cell=None, extra=0):
        self.K, self.cell, self.extra = K, cell, extra
        self.H = cell.cells if cell else H
        self.features = cell.features if cell else H

    def init(self, rng, std=0.1, orthogonal=False, input_gate=0.0, forget_gate=0.0, dtype=np.float32):
        """The parameters of one network, without the axis N.

        std          standard deviation of the initial weights
        orthogonal   the recurrent matrix of a tanh-RNN keeps every length: neither decay nor explosion
        input_gate, forget_gate   biases of an LSTM's gates, a number or one for each cell
        """
        normal = lambda *shape: rng.normal(0, std, shape).astype(dtype)  # noqa: E731
        p = dict(U=normal(self.features, self.K + 1), W=normal(self.features, self.H),
                 V=normal(self.K, self.H), c=np.zeros(self.K, dtype))
        if self.extra:
            p["U_extra"] = normal(self.features, self.extra)
        if orthogonal:
            p["W"] = np.linalg.qr(rng.normal(size=(self.H, self.H)))[0].astype(dtype)
        if self.cell:
            p["U"][self.cell.gate_rows("input")] += np.reshape(input_gate, (-1, 1))
            if self.cell.forget_gate:
                p["U"][self.cell.gate_rows("forget")] += np.reshape(forget_gate, (-1, 1))
        return p

    def forward(self, p, inputs, state=(), extra=None):
        """Predict every step.

        p        {name: ([N,] ...)}
        inputs   (T, [N,] B) symbols, K being "start"
        state    of an earlier Pass, or () for zero
        returns  Pass
        """
        drive = lookup(p["U"], inputs)
        if self.extra:
            drive = drive + p["U_extra"] @ extra
        trace = (lstm.forward(self.cell, drive, p["W"], *state) if self.cell
                 else tanh_rnn.forward(drive, p["W"], *state))
        y = trace.y if self.cell else trace
        return Pass(p["V"] @ y[1:] + p["c"][..., None], y, trace)

    def backward(self, p, inputs, run, dlogits, extra=None):
        """{name: gradient} from dL/dlogits (T, [N,] K, B), and the kernel's own Gradients."""
        y = run.y
        dy = np.zeros_like(y)
        np.matmul(p["V"].swapaxes(-1, -2), dlogits, out=dy[1:])
        g = (lstm.backward(self.cell, run.trace, p["W"], dy) if self.cell else tanh_rnn.backward(dy, y, p["W"]))
        named = dict(U=lookup_backward(g.drive, inputs, self.K + 1), W=g.W,
                     V=outer_sum(dlogits, y[1:]), c=dlogits.sum((0, -1)))
        if self.extra:
            named["U_extra"] = outer_sum(g.drive, extra)
        return named, g

    def gradients(self, p, inputs, targets, weight, state=(), extra=None):
        """Weighted cross-entropy ([N,]), {name: gradient} and the Pass."""
        run = self.forward(p, inputs, state, extra)
        loss, dlogits = cross_entropy(run.logits, targets, weight)
        return loss, self.backward(p, inputs, run, dlogits, extra)[0], run


def stack(networks):
    """The parameters of N networks on one leading axis."""
    return {name: np.stack([p[name] for p in networks]) for name in networks[0]}


def read_from(symbols, K):
    """The inputs that go with the targets `symbols`: "start", then every symbol but the last."""
    return np.concatenate([np.full_like(symbols[:1], K), symbols[:-1]])


def predictions(net, p, symbols, values=1 << 21):
    """Walk over a long stream with one carried state: yields (first step, Pass) of short chunks.

    The memory needed does not depend on the length of the stream; `values` bounds a chunk's states.
    """
    state, last = (), np.full_like(symbols[:1], net.K)
    chunk = max(1, values // (net.features * symbols[0].size))
    for t in range(0, len(symbols), chunk):
        inputs = np.concatenate([last, symbols[t:t + chunk - 1]])[:len(symbols) - t]
        seen = net.forward(p, inputs, state)
        state, last = seen.state, symbols[t + len(inputs) - 1:t + len(inputs)]
        yield t, seen


def last_logits(net, p, symbols):
    """The prediction (N, K, B) of the last symbol, in memory that does not grow with T."""
    for _, seen in predictions(net, p, symbols):
        pass
    return seen.logits[-1]


def probabilities(logits):
    """Softmax over the K symbols of logits (..., K, B)."""
    p = np.exp(logits - logits.max(-2, keepdims=True))
    p /= p.sum(-2, keepdims=True)
    return p


def probability_of(p, symbols):
    """The probability mass p (..., K, B) gives to the symbols (..., B) that came."""
    return np.take_along_axis(p, symbols[..., None, :].astype(np.intp), axis=-2)[..., 0, :]


def cross_entropy(logits, targets, weight):
    """loss = -sum_t,b weight log p[target], one value per network, and its gradient.

    logits (T, [N,] K, B)   targets, weight (T, [N,] B)   ->   loss ([N,]), dlogits (T, [N,] K, B)
    """
    p = probabilities(logits)
    came = np.maximum(probability_of(p, targets), np.finfo(p.dtype).tiny)
    loss = -(weight * np.log(came)).sum((0, -1))
    p -= np.arange(logits.shape[-2])[:, None] == targets[..., None, :]
    p *= weight[..., None, :]
    return loss, p


def state_gradient(net, p, inputs, target, row, clock=None):
    """Norm of dL/d state at every state, L the loss of one prediction, in float64.

    row       (N, B), the prediction whose loss it is
    returns   (steps + 1, N, B); an LSTM's state is its outputs and its cells together, and the error
              at a cell includes the one that comes through its output
    """
    p = {name: a.astype(float) for name, a in p.items()}
    seen = net.forward(p, inputs, extra=clock)
    weight = (np.arange(len(inputs))[:, None, None] == row).astype(float)
    _, dlogits = cross_entropy(seen.logits, np.broadcast_to(target, weight.shape), weight)
    _, g = net.backward(p, inputs, seen, dlogits, clock)
    parts = (g.y, g.s) if net.cell else (g.h,)
    return np.sqrt(sum((a * a).sum(-2) for a in parts))


def effective_depth(norms):
    """Largest distance from the end at which the norm is at least 1 % of its value at the end.

    norms (steps + 1, ...), the last row the end   ->   (...) steps
    """
    backwards = norms[::-1]
    felt = backwards >= STILL_FELT * backwards[0]
    return len(felt) - 1 - felt[::-1].argmax(0)


def log10(norms):
    """Norms for the file; the smallest float64 stands for a zero."""
    return np.log10(np.maximum(norms, 1e-320)).astype(np.float32)
