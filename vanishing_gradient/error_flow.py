"""How much error arrives q steps back: the norm of dL/dh[T-q], from the ordinary backward pass.

An error shrinks below 1e-308 within 200 steps when the factor per step is 0.02, so the backward pass
is called window by window, last window first. Back-propagation is linear in the error: each
window gets the error scaled by a power of two (which rounds nothing), and the powers are added
to the logarithms. That two windows equal one pass is a tested property of the kernels.

Axis glossary: common/__init__.py. An error that is exactly zero has logarithm -inf.
"""

import numpy as np

from common import lstm, tanh_rnn

WINDOW = 25                                  # steps; no factor so small that it underflows within a window


def rnn_flow(activation, W, h, error, lags):
    """log10 |dL/dh[T-q]| for q = 0..lags in a simple recurrent network.

    W ([N,] H, H)   h (T+1, [N,] H, B) from tanh_rnn.forward   error ([N,] H, B) = dL/dh[T]
    returns  (lags+1, [N,] B)
    raises   ValueError if the sequence is not longer than `lags`
    """
    def window(first, last, dh):
        dh_outside = np.zeros_like(h[first:last + 1])
        dh_outside[-1] = dh
        dh = tanh_rnn.backward(dh_outside, h[first:last + 1], W, activation, weights=False).h
        return dh[1:], (dh[0],)

    return _windows(window, len(h) - 1, lags, (error,))


def lstm_flow(cell, W, trace, dy, ds, lags, truncated=False):
    """log10 |dL/ds[T-q]| at the cell states, for q = 0..lags.

    cell, W, trace   as in common/lstm.py
    dy ([N,] sources, B), ds ([N,] cells, B)   the errors at the last step's y and s
    truncated        the gradient of 1997 instead of the full one
    returns, raises  as `rnn_flow`
    """
    def window(first, last, dy, ds):
        states, steps = slice(first, last + 1), slice(first, last)
        piece = lstm.Trace(trace.y[states], trace.s[states], trace.act[steps], trace.hs[steps])
        dy_outside = np.zeros_like(piece.y)
        dy_outside[-1] = dy
        g = lstm.backward(cell, piece, W, dy_outside, ds, truncated, weights=False)
        return g.s[1:], (g.y[0], g.s[0])     # row 0 is not yet whole: it lacks the path through y[0]

    return _windows(window, len(trace.hs), lags, (dy, ds))


def _windows(window, T, lags, errors):
    """Call `window(first, last, *errors)` from the last window of steps to the first; it returns the
    errors at steps first+1..last and those at step `first`, to carry to the window before."""
    if T <= lags:
        raise ValueError(f"{lags} lags need more than {T} steps")
    flow, exponent = [], 0
    for last in range(T, T - lags - 1, -WINDOW):
        at_steps, errors = window(max(last - WINDOW, 0), last, *errors)
        flow.append(log10_norm(at_steps[::-1]) + exponent * np.log10(2))
        errors, power = _rescaled(errors)
        exponent = exponent + power
    return np.concatenate(flow)[:lags + 1]


def _rescaled(errors):
    """The errors with their largest element in [1/2, 1), per network and sequence, and the power of two taken out."""
    largest = np.max([np.abs(e).max(-2) for e in errors], axis=0)
    power = np.frexp(largest)[1]
    return tuple(np.ldexp(e, -power[..., None, :]) for e in errors), power


def log10_norm(x):
    """log10 of the Euclidean norm over the features (axis -2), safe where squares would underflow."""
    largest = np.abs(x).max(-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = x / largest[..., None, :]
        log_norm = np.log10(largest) + 0.5 * np.log10(np.sum(scaled * scaled, axis=-2))
        return np.where(largest > 0, log_norm, -np.inf)


def factor_per_step(flow, first):
    """The factor by which one step changes the error: 10^slope of a straight line through log10 error.

    flow     (lags+1, ...) from one of the above
    first    the fit leaves out the lags before this one (the transient of a non-normal W)
    returns  (...), 0 where the error has become exactly zero
    """
    lag = np.arange(first, len(flow)) - (first + len(flow) - 1) / 2
    dead = ~np.isfinite(flow[-1])
    slope = np.tensordot(lag, np.where(dead, 0, flow[first:]), 1) / (lag @ lag)
    return np.where(dead, 0, 10**slope)
