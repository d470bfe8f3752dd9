"""A recurrent network with its input and its readout, for tasks of symbols or of real numbers.

    drive[t] = W_in x[t] + b            x one-hot (symbols) or real; with both, + W_extra extra[t]
    y[t+1]   = tanh-RNN, LSTM or GRU    common/tanh_rnn.py, common/lstm.py, common/gru.py
    logits   = W_out y + b_out          after the last step, or after every step

One set of parameter names, {W_in, W, b, W_out, b_out} and W_extra where there is one; every array
may have a leading axis N. Layout and axis glossary: common/__init__.py.
"""

from typing import NamedTuple

import numpy as np

from common import gru, lstm, tanh_rnn
from common.layers import affine, lookup, lookup_backward, outer_sum, softmax_cross_entropy, weighted_cross_entropy


class Run(NamedTuple):
    """What a forward pass leaves for the backward pass and for the next window."""
    y: np.ndarray                        # (T+1, [N,] sources, B), row 0 the initial state
    trace: object                        # lstm.Trace, gru.Trace, or y again

    @property
    def state(self):
        """What the next window starts from: (y,) of a tanh-RNN or GRU, (y, s) of an LSTM."""
        return (self.y[-1], self.trace.s[-1]) if isinstance(self.trace, lstm.Trace) else (self.y[-1],)


class Network:
    """One recurrent layer.

    cell       number of units of a tanh-RNN, or an lstm.Cell, or a gru.Cell
    classes    number of outputs K
    symbols    size of the alphabet that is read; 0: the inputs are real
    reals      number of real inputs (beside the symbols: `extra`)
    bias       False: no b; with one symbol at every step the columns of W_in hold the biases
    truncated  the LSTM's gradient of 1997
    """

    def __init__(self, cell, classes, symbols=0, reals=0, bias=True, truncated=False):
        self.cell = cell if isinstance(cell, (lstm.Cell, gru.Cell)) else None
        self.classes, self.symbols, self.reals, self.bias, self.truncated = classes, symbols, reals, bias, truncated
        self.H = self.cell.cells if self.cell else cell                  # what the readout reads
        self.features = self.cell.features if self.cell else cell
        self.sources = self.cell.sources if self.cell else cell

    # ------------------------------------------------------------ parameters

    def init(self, rng, std=0.1, recurrent="normal", gates=None, dtype=np.float32):
        """The parameters of one network, without the axis N.

        std        standard deviation of the initial weights; b and b_out start at 0
        recurrent  "normal", "orthogonal" (keeps every length) or "identity" (Le, Jaitly & Hinton 2015)
        gates      {"input" or "forget" or "output" (GRU: "keep" or "reset"): bias}, a number or one for each block
        raises     ValueError for another `recurrent`
        """
        normal = lambda *shape: rng.normal(0, std, shape).astype(dtype)
        p = dict(W_in=normal(self.features, self.symbols or self.reals), W=normal(self.features, self.sources),
                 b=np.zeros(self.features, dtype), W_out=normal(self.classes, self.H),
                 b_out=np.zeros(self.classes, dtype))
        if self.symbols and self.reals:
            p["W_extra"] = normal(self.features, self.reals)
        if recurrent == "orthogonal":
            p["W"] = np.linalg.qr(rng.normal(size=p["W"].shape))[0].astype(dtype)
        elif recurrent == "identity":
            p["W"] = np.eye(self.H, dtype=dtype)
        elif recurrent != "normal":
            raise ValueError(f"recurrent weights {recurrent!r}: normal, orthogonal or identity")
        for name, value in (gates or {}).items():
            rows = self.cell.gate_rows(name)
            if self.bias:
                p["b"][rows] = value
            else:
                p["W_in"][rows] += np.reshape(value, (-1, 1))
        if not self.bias:
            del p["b"]
        return p

    # ------------------------------------------------------------ forward and backward of the recurrent layer

    def forward(self, p, x, state=(), extra=None):
        """All states.

        p        {name: ([N,] ...)}
        x        (T, [N,] B) symbols, or (T, [N,] D, B) reals; reals without N are shared by all networks
        state    of an earlier Run, or () for zero
        extra    (T, [N,] reals, B), beside symbols
        returns  Run
        """
        drive = self._drive(p, x)
        if extra is not None:
            drive = drive + p["W_extra"] @ extra
        if self.cell:
            kernel = gru if isinstance(self.cell, gru.Cell) else lstm
            trace = kernel.forward(self.cell, drive, p["W"], *state)
            return Run(trace.y, trace)
        h = tanh_rnn.forward(drive, p["W"], *state)
        return Run(h, h)

    def _drive(self, p, x):
        if self.symbols:
            return lookup(p["W_in"] + p["b"][..., None] if self.bias else p["W_in"], x)
        return affine(p["W_in"], p["b"], self._shared(p, x))

    def _shared(self, p, x):
        return x[:, None] if p["W_in"].ndim == 3 and x.ndim == 3 else x

    def backward(self, p, x, run, dy, extra=None):
        """Gradients {name: array} of W_in, W, b, W_extra from dL/dy (T+1, [N,] sources, B); the kernel's Gradients."""
        g = self._errors(p, run, dy)
        named = dict(W=g.W)
        if self.symbols:
            named["W_in"] = lookup_backward(g.drive, x, self.symbols)
            if self.bias:
                named["b"] = named["W_in"].sum(-1)           # every step has one symbol
        else:
            shared = self._shared(p, x)
            named["W_in"] = outer_sum(g.drive, np.broadcast_to(shared, (*g.drive.shape[:-2], *shared.shape[-2:])))
            named["b"] = g.drive.sum((0, -1))
        if extra is not None:
            named["W_extra"] = outer_sum(g.drive, extra)
        return named, g

    def _errors(self, p, run, dy):
        if isinstance(self.cell, lstm.Cell):
            return lstm.backward(self.cell, run.trace, p["W"], dy, truncated=self.truncated)
        if isinstance(self.cell, gru.Cell):
            return gru.backward(self.cell, run.trace, p["W"], dy)
        return tanh_rnn.backward(dy, run.y, p["W"])

    # ------------------------------------------------------------ readout

    def read(self, y):
        """The sources that the readout sees: an LSTM's cells, not its gates."""
        return y[..., :self.H, :]

    def logits(self, p, y):
        """W_out y + b_out for states (..., [N,] sources, B)."""
        return affine(p["W_out"], p["b_out"], self.read(y))

    def answer(self, p, x):
        """Logits ([N,] K, B) after the last step."""
        return self.logits(p, self.forward(p, x).y[-1])

    def backward_readout(self, p, run, dlogits, first):
        """Gradients of W_out, b_out and dL/dy from dL/dlogits of the states from row `first` on.

        dlogits (rows, [N,] K, B)
        """
        dy = np.zeros_like(run.y)
        self.read(dy)[first:] = p["W_out"].swapaxes(-1, -2) @ dlogits
        return dict(W_out=outer_sum(dlogits, self.read(run.y)[first:]), b_out=dlogits.sum((0, -1))), dy

    # ------------------------------------------------------------ losses

    def gradients_at_end(self, p, x, targets):
        """Mean cross-entropy ([N,]) of the answer after the last step, and {name: gradient}."""
        run = self.forward(p, x)
        loss, dlogits = softmax_cross_entropy(self.logits(p, run.y[-1]), targets)
        readout, dy = self.backward_readout(p, run, dlogits[None], len(run.y) - 1)
        return loss, {**self.backward(p, x, run, dy)[0], **readout}

    def gradients_at_every_step(self, p, x, targets, weight, state=(), extra=None):
        """Weighted cross-entropy ([N,]) of the predictions after every step, {name: gradient} and the Run.

        targets, weight (T, [N,] B)
        """
        run = self.forward(p, x, state, extra)
        loss, dlogits = weighted_cross_entropy(self.logits(p, run.y[1:]), targets, weight)
        readout, dy = self.backward_readout(p, run, dlogits, 1)
        return loss, {**self.backward(p, x, run, dy, extra)[0], **readout}, run


# ---------------------------------------------------------------- several networks

def stack(networks):
    """The parameters of N networks on one leading axis."""
    return {name: np.stack([p[name] for p in networks]) for name in networks[0]}


def chosen(p, index):
    """The parameters of some of the networks on the axis N."""
    return {name: a[index] for name, a in p.items()}


def parameter_count(p):
    """Trainable parameters of one network: p without the axis N."""
    return sum(a.size for a in p.values())


def chrono(rng, cells, longest):
    """Gate biases whose life times are spread over 1 to `longest` - 1 steps (Tallec & Ollivier 2018)."""
    forget = np.log(rng.uniform(1, longest - 1, cells))
    return dict(forget=forget, input=-forget)


def best_rate(accuracy, loss):
    """The one rule of the house for choosing a learning rate: validation accuracy, then validation loss.

    accuracy, loss (..., R) on validation sequences; a setting that diverged (not finite) is the worst
    returns        index (...) into the last axis
    """
    accuracy, loss = np.asarray(accuracy, dtype=float), np.asarray(loss, dtype=float)
    alive = np.isfinite(accuracy) & np.isfinite(loss)
    accuracy, loss = np.where(alive, accuracy, -1), np.where(alive, loss, np.inf)
    loss = np.where(accuracy == accuracy.max(-1, keepdims=True), loss, np.inf)
    return np.where(np.isfinite(loss).any(-1), loss.argmin(-1), accuracy.argmax(-1))
