"""A net (common/networks.py) that predicts every symbol of a stream from the symbols before.

    reads     start  x[0]  x[1]  ...  x[T-2]          "start" is a symbol of its own, number K
    states    y[1]   y[2]  y[3]  ...  y[T]
    predicts  x[0]   x[1]  x[2]  ...  x[T-1]          logits[t] = W_out y[t+1] + b_out, softmax

Exactly one symbol is read at a time, so the columns of W_in hold the biases: there is no b.
Layout and axis glossary: common/__init__.py.
"""

import numpy as np

from common.layers import weighted_cross_entropy
from common.networks import Network

STILL = 1e-320                               # the smallest float64: log10 of a zero


def predictor(cell, K, stamps=0):
    """A net of K symbols; `cell` as in Network, `stamps` the number of further inputs."""
    return Network(cell, K, symbols=K + 1, reals=stamps, bias=False)


def read_from(symbols, K):
    """The inputs that go with the targets `symbols`: "start", then every symbol but the last."""
    return np.concatenate([np.full_like(symbols[:1], K), symbols[:-1]])


def predictions(net, p, symbols, values=1 << 21):
    """Walk over a long stream with one carried state: yields (first step, logits (t, N, K, B), Run) of short chunks.

    The memory needed does not depend on the length of the stream; `values` bounds a chunk's states.
    """
    state, last = (), np.full_like(symbols[:1], net.classes)
    chunk = max(1, values // (net.features * symbols[0].size))
    for t in range(0, len(symbols), chunk):
        inputs = np.concatenate([last, symbols[t:t + chunk - 1]])[:len(symbols) - t]
        run = net.forward(p, inputs, state)
        state, last = run.state, symbols[t + len(inputs) - 1:t + len(inputs)]
        yield t, net.logits(p, run.y[1:]), run


def last_logits(net, p, symbols):
    """The prediction (N, K, B) of the last symbol, in memory that does not grow with T."""
    for _, logits, _ in predictions(net, p, symbols):
        last = logits[-1]
    return last


def log_odds_swing(logits):
    """By how much the log-odds of A against B follow the marked letter (N,), in nats.

    logits   (N, K, 2 n) of twins (task.py): the second half are the sequences of the first with the
             marked letter B instead of A
    returns  mean over the pairs of  log p(A)/p(B) after A  -  log p(A)/p(B) after B: 0 for a net that
             does not know the letter, 2 log(q / (1 - q)) for one that gives the right letter q
    """
    odds = logits[:, 0] - logits[:, 1]
    after_A, after_B = np.split(odds, 2, axis=-1)
    return (after_A - after_B).mean(-1)


def state_gradient(net, p, inputs, target, row, stamps=None):
    """Norm of dL/d state at every state, L the loss of one prediction, in float64.

    row       (N, B), the prediction whose loss it is
    returns   (steps + 1, N, B); an LSTM's state is its outputs and its cells together, and the error
              at a cell includes the one that comes through its output
    """
    p = {name: a.astype(float) for name, a in p.items()}
    run = net.forward(p, inputs, extra=stamps)
    weight = (np.arange(len(inputs))[:, None, None] == row).astype(float)
    _, dlogits = weighted_cross_entropy(net.logits(p, run.y[1:]), np.broadcast_to(target, weight.shape), weight)
    _, dy = net.backward_readout(p, run, dlogits, 1)
    _, g = net.backward(p, inputs, run, dy, stamps)
    errors = (g.y, g.s) if net.cell else (g.h,)
    return np.sqrt(sum((a * a).sum(-2) for a in errors))


def log10(norms):
    """Norms for the file; the smallest float64 stands for a zero."""
    return np.log10(np.maximum(norms, STILL)).astype(np.float32)
