"""The simple recurrent network: forward and backward. Layout: common/__init__.py.

    net[t] = drive[t] + W h[t]          drive: input projection and bias of all steps, made before
    h[t+1] = f(net[t])                  f: tanh, or logistic, linear, relu

Backward, with d = dL/d:

    ddrive[t] = f'(net[t]) dh[t+1]      f' from the output value, once for the whole sequence
    dh[t]     = dh_outside[t] + W^T ddrive[t]
    dW        = sum_t ddrive[t] h[t]^T

(Hochreiter 1991; Hochreiter & Schmidhuber 1997, section 3.1, where ddrive is the error signal
theta_j(t).) `dh[t]` is the whole error that arrives at h[t]: its norm over t is the picture of
the vanishing gradient. Truncated back-propagation through time is the same call on a window
that starts from the carried state.
"""

from typing import NamedTuple

import numpy as np

from common.layers import logistic, outer_sum

# name: (f(x, out), f' as a function of the output h)
ACTIVATIONS = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "logistic": (logistic, lambda h: h * (1 - h)),
    "linear": (np.positive, np.ones_like),
    "relu": (lambda x, out: np.maximum(x, 0, out=out), lambda h: (h > 0).astype(h.dtype)),
}


class Gradients(NamedTuple):
    """drive (T, [N,] H, B); W ([N,] H, H); h (T+1, [N,] H, B), h[0] being that of the initial state."""
    drive: np.ndarray
    W: np.ndarray
    h: np.ndarray


def forward(drive, W, h0=None, activation="tanh", out=None):
    """All states of the network.

    drive (T, [N,] H, B)   W ([N,] H, H)   h0 ([N,] H, B), zero if not given
    out      an h of an earlier call with the same shapes, overwritten
    returns  h (T+1, [N,] H, B)
    raises   ValueError if the shapes do not fit, KeyError for an unknown activation
    """
    T, shape = len(drive), drive.shape[1:]
    if W.shape[-2:] != (shape[-2],) * 2 or W.shape[:-2] != shape[:-2]:
        raise ValueError(f"drive {drive.shape} and W {W.shape} do not fit")
    f, _ = ACTIVATIONS[activation]
    h = np.empty((T + 1, *shape), drive.dtype) if out is None else out
    h[0] = 0 if h0 is None else h0
    net = np.empty(shape, drive.dtype)
    for t in range(T):
        np.matmul(W, h[t], out=net)
        net += drive[t]
        f(net, out=h[t + 1])
    return h


def backward(dh, h, W, activation="tanh", out=None, weights=True):
    """Gradients from the errors that arrive at the states from outside.

    dh       (T+1, [N,] H, B), dL/dh[t] not counting the recurrent path; left as it is
    h, W     as in `forward`
    out      Gradients of an earlier call with the same shapes, overwritten
    weights  False: the gradient of W is not wanted, and None
    returns  Gradients
    """
    _, slope_of = ACTIVATIONS[activation]
    ddrive, total = (np.empty_like(h[1:]), np.empty_like(h)) if out is None else (out.drive, out.h)
    total[...] = dh
    slope = slope_of(h[1:])
    back = np.empty_like(h[0])
    W_T = W.swapaxes(-1, -2)
    for t in reversed(range(len(ddrive))):
        np.multiply(total[t + 1], slope[t], out=ddrive[t])
        np.matmul(W_T, ddrive[t], out=back)
        before = total[t]
        before += back
    return Gradients(ddrive, outer_sum(ddrive, h[:-1]) if weights else None, total)
