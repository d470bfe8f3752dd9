"""The opponent that does send errors back: an LSTM with forget gates, BPTT and Adam, on the same points.

It is trained to predict the next value (teacher forcing), all rates, scales and seeds together on
the axis N. At every checkpoint its closed loop is run on the points seen, with its own readout and
with the pseudo-inverse's; the better checkpoint by that error is kept, as in every search here.
"""

import numpy as np
from common import gradcheck, lstm
from common.networks import Network, stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream

from vanishing_gradient.evolino.two_phase import Networks, bounded, nrmse, score

CLIP = 1.0                                    # global norm of a network's gradient
FORGET_BIAS = 1.0


def model(cells):
    return Network(lstm.Cell(cells, forget_gate=True), 1, reals=1)


def first_weights(net, rng, std, dtype=np.float32):
    return net.init(rng, std, gates=dict(forget=FORGET_BIAS), dtype=dtype)


def gradients(net, p, inputs, targets, washout):
    """Mean squared error (N,) after the washout and {name: gradient}. inputs, targets (T, 1, B)."""
    ran = net.forward(p, inputs)
    error = net.logits(p, ran.y[washout + 1:]) - targets[washout:, None]
    loss = (error * error).mean((0, 2, 3))
    count = len(error) * error.shape[-1]
    readout, dy = net.backward_readout(p, ran, error * np.asarray(2 / count, error.dtype), washout + 1)
    return loss, {**net.backward(p, inputs, ran, dy)[0], **readout}


def train(net, p, rates, inputs, targets, washout, updates, every, look):
    """Adam with a rate for each network; `look(p, update)` at update 0 and after every `every` updates.

    A network whose gradient is no longer finite stands still from then on: that is its result.
    """
    optimizer = Adam(p)
    look(p, 0)
    for update in range(1, updates + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            loss, g = gradients(net, p, inputs, targets, washout)
            clip_by_global_norm(g, CLIP, networks=True)
        for a in g.values():
            a[~np.isfinite(loss)] = 0
        optimizer.step(g, np.asarray(rates, np.float32))
        if update % every == 0:
            look(p, update)


class Closed:
    """The best checkpoint of every network, by the closed loop on the points seen.

    error, test (N,): NRMSE of the own readout;  error_pinv, test_pinv: of the pseudo-inverse's on the same cells
    """

    def __init__(self, count, series, seen, washout):
        self.series, self.seen, self.washout = series, seen, washout
        self.error, self.error_pinv = np.full(count, np.inf), np.full(count, np.inf)
        self.test, self.test_pinv, self.update = np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, int)

    def look(self, p, update):
        p = {name: a.astype(float) for name, a in p.items()}
        networks = as_networks(p)
        scored = score(networks, self.series[:self.seen], self.washout)
        self._keep("_pinv", scored.free_run(len(self.series) - self.washout))
        shifted = networks._replace(b=networks.b + networks.W_in * p["b_out"][..., None])
        own = shifted.free_run(p["W_out"], scored.state, len(self.series) - self.washout)[..., 0] + p["b_out"][:, 0]
        better = self._keep("", own)
        self.update[better] = update

    def _keep(self, name, output):
        cut = self.seen - self.washout
        error = bounded(nrmse(output[:cut], self.series[self.washout:self.seen]))
        better = error < getattr(self, "error" + name)
        getattr(self, "error" + name)[better] = error[better]
        getattr(self, "test" + name)[better] = bounded(nrmse(output[cut:], self.series[self.seen:]))[better]
        return better


def as_networks(p):
    """The trained recurrent part as the two phases see it."""
    N, F, H = p["W"].shape
    return Networks(p["W"], p["W_in"], p["b"][..., None], lstm.Cell(H, forget_gate=True))


def trained(series, seen, washout, cells, seeds, rates, scales, updates, every):
    """Train every (seed, rate, scale), all in one call. Returns Closed with arrays (seeds * rates * scales,)."""
    net = model(cells)
    grid = [(rate, scale) for rate in rates for scale in scales]
    p = stack([first_weights(net, stream(seed, f"gradient {scale}"), scale) for seed in seeds for _, scale in grid])
    values = series[:seen].astype(np.float32)
    inputs, targets = np.concatenate([[0], values[:-1]]).reshape(-1, 1, 1), values.reshape(-1, 1, 1)
    closed = Closed(len(seeds) * len(grid), series, seen, washout)
    all_rates = [rate for _ in seeds for rate, _ in grid]
    train(net, p, all_rates, inputs.astype(np.float32), targets, washout, updates, every, closed.look)
    return closed


def shortfall(output, t, there):
    """How far outputs (T, N, K, B) are from their targets' side by 1; 0 at steps that are not `there` (T, B)."""
    return np.maximum(1 - output * t[:, None], 0) * there[:, None, None]


def hinge_gradients(net, p, x, t, there):
    """Mean squared hinge loss (N,) and {name: gradient}. x (T, N, B) symbols, t (T, K, B) of +1 and -1."""
    ran = net.forward(p, x)
    short = shortfall(net.logits(p, ran.y[1:]), t, there).astype(p["W"].dtype)
    count = t.shape[1] * there.sum()
    readout, dy = net.backward_readout(p, ran, np.asarray(-2 / count, short.dtype) * short * t[:, None], 1)
    return (short * short).sum((0, 2, 3)) / count, {**net.backward(p, x, ran, dy)[0], **readout}


def gradient_errors():
    """{what: relative error} of both trained losses, float64, three networks at once."""
    net, rng = model(4), stream(0, "gradcheck")
    p = stack([first_weights(net, rng, 0.5, np.float64) for _ in range(3)])
    inputs, targets = rng.standard_normal((2, 20, 1, 2))
    loss = lambda: float(gradients(net, p, inputs, targets, 5)[0].sum())
    error = gradcheck.largest_error(loss, p, gradients(net, p, inputs, targets, 5)[1], rng)
    return {"LSTM with forget gates, squared error": error, "the same, hinge loss": hinge_gradient_error(rng)}


def hinge_gradient_error(rng):
    net = Network(lstm.Cell(4, forget_gate=True), 3, symbols=4)
    p = stack([first_weights(net, rng, 0.5, np.float64) for _ in range(3)])
    x, there = rng.integers(0, 4, (10, 3, 5)), rng.random((10, 5)) < 0.8
    t = rng.choice([-1.0, 1.0], (10, 3, 5))
    loss = lambda: float(hinge_gradients(net, p, x, t, there)[0].sum())
    return gradcheck.largest_error(loss, p, hinge_gradients(net, p, x, t, there)[1], rng)
