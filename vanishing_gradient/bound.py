"""The bound on the error's way back, and random networks that try to break it.

    |dtheta_v(t-q) / dtheta_u(t)| <= n (f'max |W|)^q          Hochreiter & Schmidhuber 1997, section 3.1
    |dL/dh[T-q]| <= (f'max |W|_2)^q |dL/dh[T]|                its form for the whole error, spectral norm

theta is the error at the net input (`ddrive` in common/tanh_rnn.py), n the number of units, f'max the
steepest slope. The first holds for any norm that is compatible with a vector norm: the smaller one
of spectral and maximum row sum norm is held against the flows, so one comparison covers both.

At q = 0 both sides are equal by definition: such flows cannot fail and are not counted.
"""

import numpy as np

from common import tanh_rnn

STEEPEST = {"logistic": 0.25, "tanh": 1.0, "linear": 1.0, "relu": 1.0}     # f'max
SIZES, LAGS = (1, 3, 8), 50
TOLERANCE = 1e-9                             # of log10, for rounding: a bound that is reached is not exceeded


def challengers(activation, n, networks, rng):
    """Networks made to come near the bound: W (N, n, n) and a drive (LAGS + 1, N, n, 1).

    Weights of mixed sign and size, some nearly all positive (their paths add up), from far below the
    critical scale to far beyond it.
    """
    scale = np.exp(rng.uniform(np.log(0.1), np.log(8), networks)) / (STEEPEST[activation] * np.sqrt(n))
    shift = rng.uniform(-2, 2, networks)
    W = scale[:, None, None] * (rng.standard_normal((networks, n, n)) + shift[:, None, None])
    return W, rng.standard_normal((LAGS + 1, networks, n, 1))


def smaller_norm(W):
    """The smaller one of the spectral and the maximum row sum norm, (N,) for W (N, n, n)."""
    return np.minimum(np.linalg.norm(W, 2, axis=(1, 2)), np.linalg.norm(W, np.inf, axis=(1, 2)))


def local_excess(activation, W, drive):
    """log10 of the largest local flow (over u and v) divided by its bound: above 0 the bound is broken.

    One backward pass carries n errors, one put at each unit u of the last step.

    W (N, n, n)   drive (T, N, n, 1)   ->   (T-1, N), q = 1..T-1; -inf where no error arrives
    """
    T, n = len(drive), W.shape[-1]
    h = tanh_rnn.forward(np.broadcast_to(drive, (*drive.shape[:3], n)), W, activation=activation)
    dh = np.zeros_like(h)
    dh[-1] = np.eye(n)
    theta = np.abs(tanh_rnn.backward(dh, h, W, activation, weights=False).drive)
    start = np.einsum("kuu->ku", theta[-1])[None, :, None, :]
    q = np.arange(1, T)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        flow = np.log10(np.where(start > 0, theta[-2::-1] / start, 0).max((2, 3)))
    return flow - np.log10(n) - q * np.log10(STEEPEST[activation] * smaller_norm(W))


def norm_excess(flow, log_norm):
    """log10 of the whole error divided by its bound.

    flow (gains, lags+1, N)   log_norm (gains, N), log10 of f'max |W|_2   ->   (gains, lags, N), q = 1..lags
    """
    q = np.arange(1, flow.shape[1])[None, :, None]
    return flow[:, 1:] - q * log_norm[:, None, :]


def violations(excess):
    """Flows above their bound, and all flows: two numbers."""
    return int((excess > TOLERANCE).sum()), int(excess.size)
