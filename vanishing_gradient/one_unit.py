"""What one unit shows: thresholds, the best weight, the latch, the cliff.

Everything is measured with the ordinary forward and backward pass; the axis N holds one-unit
networks that differ in their self-connection w. Theory enters only where a measurement is
compared with it.
"""

from typing import NamedTuple

import numpy as np

from common import tanh_rnn
from common.optimizers import SGD, clip_by_global_norm

# Where the slope along w of w f'(w y) is zero, as w y = net (Hochreiter & Schmidhuber 1997, section 3.1:
# w = coth(net/2) / y for logistic units; the same derivation gives w = coth(net) / (2 y) for tanh).
RIDGE_EQUATION = {"logistic": lambda net: net * np.tanh(net / 2) - 1,
                  "tanh": lambda net: 2 * net * np.tanh(net) - 1}


def _units(values):
    """One value per one-unit network as (N, H=1, B=1)."""
    return np.asarray(values, float).reshape(-1, 1, 1)


# ---------------------------------------------------------------- the threshold

def factor_at_rest(activation, weights, steps=20):
    """Measured factor per step, |dh[0] / dh[T]|^(1/T), of units held at net = 0.

    The unit sits at h = f(0) and a constant drive -w f(0) keeps its net input at zero.

    weights (N,)   ->   (N,)
    """
    W = _units(weights)
    rest = tanh_rnn.forward(np.zeros((1, 1, 1)), np.zeros((1, 1)), activation=activation)[-1, 0, 0]
    h = tanh_rnn.forward(np.broadcast_to(-W * rest, (steps, *W.shape)), W, np.full_like(W, rest), activation)
    dh = np.zeros_like(h)
    dh[-1] = 1
    return np.abs(tanh_rnn.backward(dh, h, W, activation).h[0, :, 0, 0]) ** (1 / steps)


def threshold(activation, low=0.1, high=20.0, tolerance=1e-9):
    """The weight at which the measured factor per step crosses 1, by bisection.

    raises   ValueError if the factor does not cross 1 between low and high
    """
    below = lambda w: factor_at_rest(activation, [w])[0] < 1  # noqa: E731
    if not below(low) or below(high):
        raise ValueError(f"{activation}: the factor does not cross 1 between w = {low} and {high}")
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


# ---------------------------------------------------------------- the factor over (w, y)

def factor_map(activation, weights, sources):
    """Measured |f'(net) w| for a unit whose net input is net = w y: one step, one backward pass.

    weights (Nw,), sources y (Ny,)   ->   (Ny, Nw)
    """
    y, w = (_units(a) for a in np.meshgrid(sources, weights, indexing="ij"))
    h = tanh_rnn.forward(np.zeros((1, *w.shape)), w, y, activation)
    dh = np.zeros_like(h)
    dh[-1] = 1
    return np.abs(tanh_rnn.backward(dh, h, w, activation).h[0]).reshape(len(sources), len(weights))


def ridge(activation):
    """The product w y at which theory puts the largest factor: the root of RIDGE_EQUATION."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if RIDGE_EQUATION[activation](middle) < 0 else (low, middle)
    return middle


def ridge_error(activation, weights, factors, sources):
    """Largest |measured - predicted| best weight over the sources whose ridge lies inside the map, in grid steps."""
    predicted = ridge(activation) / sources
    inside = predicted < weights[-1]
    measured = weights[factors.argmax(1)]
    return float(np.max(np.abs(measured - predicted)[inside]) / (weights[1] - weights[0]))


# ---------------------------------------------------------------- the latch

class Latch(NamedTuple):
    """One tanh unit per weight that is asked to keep a bit (Bengio, Simard & Frasconi 1994)."""
    weights: np.ndarray          # (N,)
    attractors: np.ndarray       # (2, N)   where the noise-free unit ends from h = +1 and from h = -1
    kept: np.ndarray             # (N,)     share of noisy sequences whose sign survives
    error: np.ndarray            # (3, N)   log10 |dh[0]/dh[T]|: 5 %, 50 %, 95 % of those sequences


def latch(weights, steps, noise, sequences, rng):
    """Keep a bit for `steps` steps against noise, and send an error back over the same steps.

    noise      standard deviation of the input at every step; sequences: number of them per weight
    """
    W = _units(weights)
    bit = np.where(np.arange(sequences) % 2, 1.0, -1.0)
    drive = noise * np.broadcast_to(rng.standard_normal((steps, 1, 1, sequences)), (steps, len(W), 1, sequences))
    h = tanh_rnn.forward(drive, W, np.broadcast_to(bit, drive.shape[1:]))
    dh = np.zeros_like(h)
    dh[-1] = 1
    dh = tanh_rnn.backward(dh, h, W).h
    quiet = tanh_rnn.forward(np.zeros((2000, len(W), 1, 2)), W, np.broadcast_to([1.0, -1.0], (len(W), 1, 2)))
    return Latch(np.asarray(weights), quiet[-1, :, 0].T, (np.sign(h[-1, :, 0]) == bit).mean(-1),
                 np.quantile(np.log10(np.maximum(np.abs(dh[0, :, 0]), 1e-300)), [0.05, 0.5, 0.95], axis=-1))


# ---------------------------------------------------------------- the cliff

CLIFF_STEPS, CLIFF_TARGET = 50, 0.7          # Pascanu, Mikolov & Bengio 2013, figure 6


def cliff_loss(w, b, with_gradient=False):
    """(h[50] - 0.7)^2 of h[t+1] = logistic(w h[t] + b), h[0] = logistic(0.5), and its gradient.

    w, b (N,)   ->   loss (N,), or (loss, dw, db)
    """
    W = _units(w)
    h = tanh_rnn.forward(np.broadcast_to(_units(b), (CLIFF_STEPS, *W.shape)), W,
                         np.full_like(W, 1 / (1 + np.exp(-0.5))), "logistic")
    loss = (h[-1, :, 0, 0] - CLIFF_TARGET) ** 2
    if not with_gradient:
        return loss
    dh = np.zeros_like(h)
    dh[-1, :, 0, 0] = 2 * (h[-1, :, 0, 0] - CLIFF_TARGET)
    g = tanh_rnn.backward(dh, h, W, "logistic")
    return loss, g.W[:, 0, 0], g.drive.sum(0)[:, 0, 0]


def descend(starts, lr, updates, clip):
    """Gradient descent on the cliff from N points (w, b), with each gradient's norm clipped to `clip`.

    starts (N, 2)   ->   path (updates+1, N, 2), losses and gradient norms before clipping (updates+1, N)
    """
    p = dict(w=np.array(starts[:, 0]), b=np.array(starts[:, 1]))
    optimizer, path, losses, norms = SGD(p), [], [], []
    for _ in range(updates + 1):
        loss, dw, db = cliff_loss(p["w"], p["b"], with_gradient=True)
        g = dict(w=dw, b=db)
        path.append(np.stack([p["w"], p["b"]], axis=-1))
        losses.append(loss)
        norms.append(clip_by_global_norm(g, clip, networks=True))
        optimizer.step(g, lr)
    return np.array(path), np.array(losses), np.array(norms)
