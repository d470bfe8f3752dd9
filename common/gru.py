"""Gated recurrent units: forward and backward. Layout: common/__init__.py.

With inner[t] = W_candidate y[t] and the other net inputs net[t] = drive[t] + W y[t]:

    keep      = f(net_keep)            f(x) = 1 / (1 + exp(-x))
    reset     = f(net_reset)
    candidate = tanh(drive_candidate + reset * inner)
    y[t+1]    = keep * y[t] + (1 - keep) * candidate

(Cho et al. 2014, with the reset gate behind the matrix as in the common libraries, so that one
product serves all three.) `keep` is what a forget gate is to an LSTM: its bias sets the life time
(Tallec & Ollivier 2018).
"""

from typing import NamedTuple

import numpy as np

from common.layers import logistic, outer_sum


class Cell(NamedTuple):
    """The sizes; the rows of drive and W are keep, reset, candidate."""
    cells: int

    @property
    def features(self):
        return 3 * self.cells

    @property
    def sources(self):
        return self.cells

    def gate_rows(self, name):
        """Rows of the drive, of W and of a bias that belong to one kind of gate."""
        first = ("keep", "reset").index(name) * self.cells
        return slice(first, first + self.cells)

    @property
    def candidate_rows(self):
        return slice(2 * self.cells, self.features)


class Trace(NamedTuple):
    """All that the forward pass computed."""
    y: np.ndarray                        # (T+1, [N,] H, B)    row 0: initial
    act: np.ndarray                      # (T, [N,] 3 H, B)    gates and candidates
    inner: np.ndarray                    # (T, [N,] H, B)      W_candidate y[t]


class Gradients(NamedTuple):
    """drive and W as their arguments; y the whole error at every step, [0] the initial state's."""
    drive: np.ndarray
    W: np.ndarray
    y: np.ndarray


def forward(cell, drive, W, y0=None):
    """Run the network over all steps.

    drive    (T, [N,] 3 H, B), input projection and bias of all steps
    W        ([N,] 3 H, H)
    y0       ([N,] H, B), zero if not given
    returns  Trace
    raises   ValueError if the shapes do not fit the cell
    """
    T, H, lead, B = len(drive), cell.cells, drive.shape[1:-2], drive.shape[-1]
    if drive.shape[-2] != cell.features or W.shape != (*lead, cell.features, H):
        raise ValueError(f"drive {drive.shape} and W {W.shape} do not fit {cell}")
    y, inner = np.empty((T + 1, *lead, H, B), drive.dtype), np.empty((T, *lead, H, B), drive.dtype)
    act, net = np.ascontiguousarray(drive).copy(), np.empty((*lead, 3 * H, B), drive.dtype)
    y[0] = 0 if y0 is None else y0
    gates, (keep, reset, candidate) = act[..., :2 * H, :], _parts(cell, act)
    for t in range(T):
        np.matmul(W, y[t], out=net)
        gates[t] += net[..., :2 * H, :]
        logistic(gates[t], out=gates[t])
        inner[t] = net[..., 2 * H:, :]
        candidate[t] += reset[t] * inner[t]
        np.tanh(candidate[t], out=candidate[t])
        np.subtract(y[t], candidate[t], out=y[t + 1])
        y[t + 1] *= keep[t]
        y[t + 1] += candidate[t]
    return Trace(y, act, inner)


def backward(cell, trace, W, dy):
    """Gradients from the errors that arrive from outside.

    dy       (T+1, [N,] H, B), dL/dy[t] not counting recurrent paths; left as it is
    returns  Gradients
    """
    y, act, inner = trace
    keep, reset, candidate = _parts(cell, act)
    # Slopes from output values, once for the whole sequence. dnet is the error of W y (behind the reset gate).
    to_keep = (y[:-1] - candidate) * keep * (1 - keep)
    to_candidate = (1 - keep) * (1 - candidate * candidate)
    to_reset = to_candidate * inner * reset * (1 - reset)
    to_inner = to_candidate * reset
    dnet, total, back = np.empty_like(act), dy.copy(), np.empty_like(y[0])
    dkeep, dreset, dinner = _parts(cell, dnet)
    W_T = W.swapaxes(-1, -2)
    for t in reversed(range(len(act))):
        error, before = total[t + 1], total[t]
        np.multiply(error, to_keep[t], out=dkeep[t])
        np.multiply(error, to_reset[t], out=dreset[t])
        np.multiply(error, to_inner[t], out=dinner[t])
        np.matmul(W_T, dnet[t], out=back)
        before += back
        before += np.multiply(error, keep[t], out=back)
    dW = outer_sum(dnet, y[:-1])
    np.multiply(total[1:], to_candidate, out=dinner)        # from here on dnet is the drive's gradient
    return Gradients(dnet, dW, total)


def _parts(cell, act):
    """Views of keep, reset and candidate."""
    return act[..., cell.gate_rows("keep"), :], act[..., cell.gate_rows("reset"), :], act[..., cell.candidate_rows, :]
