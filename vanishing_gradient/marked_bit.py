"""The task that the studies train on, and the networks that learn it.

Every input is +1 or -1, one of the first ten carries a mark, and after the last step the network
says which of the two the marked one was. (A latch in the sense of Bengio, Simard & Frasconi 1994
that has to choose what to store.) The lag between mark and answer is at least T - 10 steps.

All networks get the same sequences, as many of them, and the same grid of learning rates and
batch sizes; validation sequences choose. Seeds and rates share the axis N.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck, lstm
from common.layers import accuracy, softmax_cross_entropy
from common.networks import Network, best_rate, chosen, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import stream, streams
from vanishing_gradient.error_flow import lstm_flow, rnn_flow

MARKED = 10                          # the mark stands at one of the first ten steps
CHANCE = 0.5
SOLVED = 0.95                        # test accuracy from which a seed counts as solved, as everywhere in the house
CHECKS = 100                         # times that a training run looks at its validation sequences
VALIDATION, TEST = 512, 2000         # sequences
NETWORKS = {"lstm": Network(lstm.Cell(8, squash="1997"), classes=2, reals=2),
            "rnn": Network(8, classes=2, reals=2),
            "tuned_8": Network(8, classes=2, reals=2),
            "tuned_32": Network(32, classes=2, reals=2)}
LABEL = {"lstm": "LSTM (1997), 8 cells", "rnn": "plain tanh-RNN, 8 units", "tuned_8": "tuned tanh-RNN, 8 units",
         "tuned_32": "tuned tanh-RNN, 32 units"}
COLOUR = {"lstm": "lstm", "rnn": "rnn", "tuned_8": "tuned_rnn", "tuned_32": "tuned_rnn"}     # in common.figures.ROLE


# ---------------------------------------------------------------- task

def sequences(rng, T, B, marked=MARKED):
    """Inputs (T, 2, B), a bit and a mark at every step, and classes (B,), the marked bit."""
    bits = rng.integers(0, 2, (T, B))
    at, column = rng.integers(0, marked, B), np.arange(B)
    x = np.zeros((T, 2, B), np.float32)
    x[:, 0] = 2 * bits - 1
    x[at, 1, column] = 1
    return x, bits[at, column]


def last_bit_accuracy(x, classes):
    """What the trivial rule "answer the last bit" scores."""
    return float(((x[-1, 0] > 0) == classes).mean())


def together(rngs, T, B, copies, marked=MARKED):
    """One set of sequences per generator, each for `copies` networks: (T, N, 2, B) and (N, B)."""
    x, classes = zip(*(sequences(rng, T, B, marked) for rng in rngs))
    return np.repeat(np.stack(x, axis=1), copies, axis=1), np.repeat(np.stack(classes), copies, axis=0)


# ---------------------------------------------------------------- networks

def start(name, rng):
    """Initial parameters of one network.

    The LSTM starts with input gates nearly closed, as in most experiments of 1997; the plain RNN at the
    critical point of the sweep, spectral radius 1; the tuned RNNs with orthogonal recurrent weights.
    """
    net = NETWORKS[name]
    if name == "lstm":
        return net.init(rng, std=0.1, gates=dict(input=-1))
    p = net.init(rng, std=0.3, recurrent="normal" if name == "rnn" else "orthogonal")
    if name == "rnn":
        p["W"] /= np.abs(np.linalg.eigvals(p["W"])).max()
    return p


# ---------------------------------------------------------------- training

class Learned(NamedTuple):
    """One seed's network, chosen by validation from the grid of batch sizes and rates."""
    before: dict                 # {name: (1, ...)} its initial and final parameters
    after: dict
    batch: int
    rate: float
    seen: int                    # training sequences until it stopped
    curve: list                  # its validation accuracy, CHECKS times or until it stopped
    grid: np.ndarray             # (batches, rates) validation accuracy at the end


def train(name, seeds, T, budget, batches, rates, stop_at=np.inf, marked=MARKED):
    """Train one network per seed, batch size and rate on `budget` sequences each; keep each seed's best.

    stop_at   a seed is done when one of its rates reaches this validation accuracy
    marked    the mark stands at one of the first `marked` steps
    returns   [Learned] in the order of the seeds
    """
    by_batch = [_train_batch(name, seeds, T, budget, batch, rates, stop_at, marked) for batch in batches]
    learned = []
    for s in range(len(seeds)):
        grid, losses = (np.array([run[s][key] for run in by_batch]) for key in ("accuracy", "loss"))
        index = int(best_rate(grid.ravel(), losses.ravel()))
        b, r = divmod(index, len(rates))
        run = by_batch[b][s]
        learned.append(Learned(run["before"], chosen(run["after"], slice(r, r + 1)), batches[b], rates[r], run["seen"],
                               [float(a[r]) for a in run["curve"]], grid))
    return learned


def _train_batch(name, seeds, T, budget, batch, rates, stop_at, marked):
    """One batch size: for every seed its networks (one per rate), their validation accuracies and losses."""
    net, R = NETWORKS[name], len(rates)
    before = [start(name, stream(seed, f"init {name}")) for seed in seeds]
    p = stack([q for q in before for _ in rates])
    x_check, c_check = together(streams(seeds, "validation"), T, VALIDATION, R, marked)
    rngs, optimizer, lr = streams(seeds, "train"), Adam(p), np.tile(rates, len(seeds))
    updates, done, curve = budget // batch, {}, []
    progress = Progress(f"{name}, length {T}, batch {batch}", updates)
    with np.errstate(over="ignore", invalid="ignore"):       # a rate that diverges is a result of that rate
        for step in range(1, updates + 1):
            _, g = net.gradients_at_end(p, *together(rngs, T, batch, R, marked))
            clip_by_global_norm(g, 1.0, networks=True)
            optimizer.step(g, lr)
            if step % max(1, updates // CHECKS) == 0 or step == updates:
                right, loss = (a.reshape(-1, R) for a in validate(net, p, x_check, c_check))
                curve.append(right)
                progress.update(step, best_accuracy=right.max(), seeds_done=len(done))
                for s in range(len(seeds)):
                    if s not in done and (right[s].max() >= stop_at or step == updates):
                        done[s] = dict(before=stack([before[s]]), after=copied(p, slice(s * R, s * R + R)),
                                       accuracy=right[s], loss=loss[s], seen=step * batch, curve=[a[s] for a in curve])
                if len(done) == len(seeds):
                    break
    progress.close()
    return [done[s] for s in range(len(seeds))]


def copied(p, rows):
    return {name: a[rows].copy() for name, a in p.items()}


def validate(net, p, x, classes):
    """Accuracy and loss (N,) of the answers to x (T, N, 2, B) or (T, 2, B)."""
    z = net.answer(p, x)
    classes = np.broadcast_to(classes, (len(z), classes.shape[-1]))
    return accuracy(z, classes), softmax_cross_entropy(z, classes)[0]


# ---------------------------------------------------------------- what the answer's error does on its way back

class Answer(NamedTuple):
    """A forward pass of one network, float64, and the error of its answers at the last step."""
    net: Network
    p: dict                      # {name: ...} without the axis N
    run: object                  # networks.Run
    dlast: np.ndarray            # (H, B), dL/dy[T]


def answer(name, p, x, classes, truncated=False):
    """Answer the sequences x (T, 2, B) and take the loss's gradient at the last step's outputs."""
    net = NETWORKS[name]
    if truncated:
        net = Network(net.cell, classes=2, reals=2, truncated=True)
    p = {key: a[0].astype(np.float64) for key, a in p.items()}
    run = net.forward(p, x.astype(np.float64))
    dlogits = softmax_cross_entropy(net.logits(p, run.y[-1]), classes)[1]
    return Answer(net, p, run, p["W_out"].T @ dlogits)


def error_flow(a):
    """log10 of the error at the recurrent state, relative to that at the last step, per sequence: (T, B), lag first."""
    if a.net.cell:
        nothing = np.zeros_like(a.run.trace.s[-1])
        lags = len(a.run.trace.hs) - 1
        flow = lstm_flow(a.net.cell, a.p["W"], a.run.trace, a.dlast, nothing, lags, a.net.truncated)
    else:
        flow = rnn_flow("tanh", a.p["W"], a.run.y, a.dlast, len(a.run.y) - 2)
    return flow - flow[0]


def contributions(a, x):
    """What each step adds to the gradient of all weights into the recurrent layer: (T, F, sources + 2 + 1).

    Step t adds sum_b ddrive[t] [y[t], x[t], 1]^T: states, inputs and bias as sources.
    """
    dy = np.zeros_like(a.run.y)
    dy[-1] = a.dlast
    _, g = a.net.backward(a.p, x.astype(np.float64), a.run, dy)
    sources = np.concatenate([a.run.y[:-1], x, np.ones_like(x[:, :1])], axis=1)
    return g.drive @ sources.swapaxes(-1, -2)


def share_by_lag(steps):
    """Length of each step's contribution (T, F, sources), as a share of their sum, lag 0 first: (T,)."""
    size = np.linalg.norm(steps, axis=(1, 2))[::-1]
    return size / size.sum()


def gradient_errors():
    """The trained losses against finite differences, for --gradcheck; float64, every network."""
    errors = {}
    for name, net in NETWORKS.items():
        rng = stream(0, f"gradcheck {name}")
        p = {key: a.astype(np.float64) for key, a in stack([start(name, rng) for _ in range(2)]).items()}
        x, classes = sequences(rng, 20, 3)
        x, classes = x.astype(np.float64), np.stack([classes, classes])
        _, g = net.gradients_at_end(p, x, classes)
        loss = lambda: float(net.gradients_at_end(p, x, classes)[0].sum())
        errors[f"marked bit, {LABEL[name]}"] = gradcheck.largest_error(loss, p, g, rng)
    return errors
