"""An LSTM and a tanh-RNN learn to keep one bit; their error flow before and after.

The task: every input is +1 or -1, one of the first ten carries a mark, and after the last step
the network says which of the two the marked one was. (A latch in the sense of Bengio, Simard &
Frasconi 1994 that has to choose what to store.) Both networks get the same sequences, the same
number of updates and the same grid of learning rates (axis N), chosen on validation sequences.
"""

from typing import NamedTuple

import numpy as np

from common import lstm, tanh_rnn
from common.layers import accuracy, affine, affine_backward, outer_sum, softmax_cross_entropy
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, require_finite
from common.randomness import stream
from vanishing_gradient.error_flow import lstm_flow, rnn_flow

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
CHANCE = 0.5
CLIP = 1.0
NAMES = ("W_in", "W", "b", "W_out", "b_out")
WINDOW = 10                          # the mark stands at one of the first ten steps


def sequences(rng, T, B):
    """Inputs (T, 2, B), a bit and a mark at every step, and classes (B,), the marked bit."""
    bits = rng.integers(0, 2, (T, B))
    at, column = rng.integers(0, WINDOW, B), np.arange(B)
    x = np.zeros((T, 2, B))
    x[:, 0] = 2 * bits - 1
    x[at, 1, column] = 1
    return x, bits[at, column]


# ---------------------------------------------------------------- models

class RNN:
    """A tanh-RNN that starts at the critical point of the sweep: spectral radius 1."""

    def __init__(self, hidden):
        self.features = self.hidden = hidden

    def recurrent_weights(self, rng):
        W = rng.standard_normal((self.hidden, self.hidden))
        return W / np.abs(np.linalg.eigvals(W)).max()

    def bias(self):
        return np.zeros(self.hidden)

    def forward(self, p, drive):
        h = tanh_rnn.forward(drive, p["W"])
        return h, h

    def backward(self, p, h, dlast, truncated=False):
        dh = np.zeros_like(h)
        dh[-1] = dlast
        return tanh_rnn.backward(dh, h, p["W"]).drive

    def flow(self, p, h, dlast, truncated=False):
        return rnn_flow("tanh", p["W"], h, dlast, len(h) - 2)


class LSTM:
    """Memory cells of 1997 in blocks of one, as the carousel needs no forget gate."""

    def __init__(self, hidden):
        self.hidden, self.cell = hidden, lstm.Cell(hidden, squash="1997")
        self.features = self.cell.features

    def recurrent_weights(self, rng):
        return rng.uniform(-0.1, 0.1, (self.features, self.hidden))

    def bias(self):
        b = np.zeros(self.features)
        b[self.cell.gate_rows("input")] = -1         # nearly closed at first, as in most experiments of 1997
        return b

    def forward(self, p, drive):
        trace = lstm.forward(self.cell, drive, p["W"])
        return trace.y, trace

    def backward(self, p, trace, dlast, truncated=False):
        dy = np.zeros_like(trace.y)
        dy[-1] = dlast
        return lstm.backward(self.cell, trace, p["W"], dy, truncated=truncated).drive

    def flow(self, p, trace, dlast, truncated=False):
        return lstm_flow(self.cell, p["W"], trace, dlast, np.zeros_like(trace.s[-1]), len(trace.hs) - 1, truncated)


def models(hidden):
    return dict(lstm=LSTM(hidden), rnn=RNN(hidden))


def init(model, rng, networks):
    """`networks` copies of one randomly drawn network: {name: (N, ...)}."""
    p = dict(W_in=rng.uniform(-0.5, 0.5, (model.features, 2)), W=model.recurrent_weights(rng), b=model.bias(),
             W_out=rng.uniform(-0.5, 0.5, (2, model.hidden)), b_out=np.zeros(2))
    return {name: np.repeat(a[None], networks, axis=0) for name, a in p.items()}


def logits(model, p, x):
    """Logits (N, 2, B) after the last step, the states (T+1, N, H, B) and what the backward pass needs."""
    states, cache = model.forward(p, affine(p["W_in"], p["b"], x[:, None]))
    return affine(p["W_out"], p["b_out"], states[-1]), states, cache


def gradients(model, p, x, classes):
    """Mean loss ([N]) over the batch, and {name: gradient}."""
    z, states, cache = logits(model, p, x)
    loss, dz = softmax_cross_entropy(z, np.broadcast_to(classes, (len(z), len(classes))))
    dW_out, db_out, dlast = affine_backward(dz, p["W_out"], states[-1])
    ddrive = model.backward(p, cache, dlast)
    dW_in = outer_sum(ddrive, np.broadcast_to(x[:, None], (len(x), len(z), 2, len(classes))))
    return loss, dict(W_in=dW_in, W=outer_sum(ddrive, states[:-1]), b=ddrive.sum((0, -1)), W_out=dW_out, b_out=db_out)


# ---------------------------------------------------------------- training

class Learned(NamedTuple):
    before: dict                 # {name: (1, ...)} the chosen network's initial and final parameters
    after: dict
    lr: float
    steps: list                  # of the curve below
    validation: list             # accuracy of the chosen network
    grid: list                   # final validation accuracy of every learning rate


def train(name, model, seed, T, batch, updates, stop_at=np.inf):
    """Train one network per learning rate, all on the same sequences; keep the best on validation.

    stop_at   end early when a learning rate's validation accuracy reaches this
    raises    common.progress.Diverged
    """
    p = init(model, stream(seed, "init " + name), len(RATES))
    before = {key: a[:1].copy() for key, a in p.items()}
    x_check, c_check = sequences(stream(seed, "validation"), T, 256)
    rng, optimizer, lr = stream(seed, "train"), Adam(p), np.array(RATES)
    progress, steps, curve = Progress(name, updates), [], []
    for step in range(1, updates + 1):
        loss, g = gradients(model, p, *sequences(rng, T, batch))
        require_finite(loss, step, max(RATES))
        clip_by_global_norm(g, CLIP, networks=True)
        optimizer.step(g, lr)
        if step % 20 == 0 or step == updates:
            z = logits(model, p, x_check)[0]
            steps.append(step)
            curve.append(accuracy(z, np.broadcast_to(c_check, (len(z), len(c_check)))))
            progress.update(step, loss=loss.min(), accuracy=curve[-1].max())
            if curve[-1].max() >= stop_at:
                break
    progress.close()
    check_loss = softmax_cross_entropy(z, np.broadcast_to(c_check, (len(z), len(c_check))))[0]
    best = int((curve[-1] - 1e-6 * check_loss).argmax())     # accuracy first, the loss decides between equals
    after = {key: a[best:best + 1] for key, a in p.items()}
    return Learned(before, after, RATES[best], steps, [float(a[best]) for a in curve], curve[-1].tolist())


# ---------------------------------------------------------------- evaluation

def score(model, p, x, classes):
    """Accuracy (N,) on the given sequences."""
    z, _, _ = logits(model, p, x)
    return accuracy(z, np.broadcast_to(classes, (len(z), len(classes))))


def error_flow(model, p, x, classes, truncated=False):
    """log10 of the error at the recurrent state, relative to that at the last step, per sequence: (T, B), lag first."""
    cache, dlast, _ = _errors_of_the_answer(model, p, x, classes)
    flow = model.flow(p, cache, dlast, truncated)[:, 0]
    return flow - flow[0]


def share_by_lag(model, p, x, classes, truncated=False):
    """What each lag contributes to the gradient of all weights into the recurrent layer, (T,), sum 1.

    The contribution of step t is |sum_b ddrive[t] [y[t], x[t], 1]^T|: states, inputs and bias as sources.
    """
    cache, dlast, states = _errors_of_the_answer(model, p, x, classes)
    sources = np.concatenate([states[:-1, 0], x, np.ones_like(x[:, :1])], axis=1)
    by_step = model.backward(p, cache, dlast, truncated)[:, 0] @ sources.swapaxes(-1, -2)
    size = np.linalg.norm(by_step, axis=(1, 2))[::-1]
    return size / size.sum()


def _errors_of_the_answer(model, p, x, classes):
    z, states, cache = logits(model, p, x)
    dz = softmax_cross_entropy(z, classes[None])[1]
    return cache, p["W_out"].swapaxes(-1, -2) @ dz, states
