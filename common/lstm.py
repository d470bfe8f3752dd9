"""Long short-term memory: the cell of 1997, forward and backward. Layout: common/__init__.py.

A memory block is S cells that share an input gate and an output gate. With the net inputs
net[t] = drive[t] + W y[t] split into gates and candidates:

    input_gate  = f(net_in)            f(x) = 1 / (1 + exp(-x))
    output_gate = f(net_out)
    candidate   = g(net_c)             g = tanh,   in 1997 g(x) = 4 f(x) - 2 = 2 tanh(x/2)
    s[t+1]      = s[t] + input_gate * candidate            the constant error carousel
    cells       = output_gate * h(s[t+1])                  h = tanh,   in 1997 h(x) = 2 f(x) - 1 = tanh(x/2)
    y[t+1]      = [cells, gates]  if gates are sources as in 1997's experiments, else cells

(Hochreiter & Schmidhuber 1997, equations 2-9.) A forget gate (Gers et al. 2000) makes it
s[t+1] = forget_gate * s[t] + input_gate * candidate. With four cells of block size 1 and
`squash="tanh"` it is the modern notation without the forget gate.

The truncated gradient (1997, appendix A.1) cuts every path that enters a net input: no error
goes through W to an earlier step. What remains is the path s[t+1] -> s[t] with factor exactly 1,
so the error at the cell states is a running sum and the backward pass needs no loop.
"""

from typing import NamedTuple

import numpy as np

from common.layers import outer_sum


class Cell(NamedTuple):
    """What kind of LSTM; the sizes follow."""
    blocks: int
    size: int = 1                        # cells per block
    forget_gate: bool = False
    gate_sources: bool = False           # gates of the previous step feed all units (1997)
    squash: str = "tanh"                 # or "1997"

    @property
    def gate_names(self):
        return ("input", "output", "forget")[:3 if self.forget_gate else 2]

    @property
    def gates(self):
        return len(self.gate_names) * self.blocks

    @property
    def cells(self):
        return self.blocks * self.size

    @property
    def features(self):                  # rows of the drive and of W: gates, then candidates
        return self.gates + self.cells

    @property
    def sources(self):                   # rows of y, columns of W: cells, then gates
        return self.cells + (self.gates if self.gate_sources else 0)

    def gate_rows(self, name):
        """Rows of the drive, of W and of a bias that belong to one kind of gate."""
        first = self.gate_names.index(name) * self.blocks
        return slice(first, first + self.blocks)

    @property
    def candidate_rows(self):
        return slice(self.gates, self.features)


class Trace(NamedTuple):
    """All that the forward pass computed."""
    y: np.ndarray                        # (T+1, [N,] sources, B)   row 0: initial
    s: np.ndarray                        # (T+1, [N,] cells, B)     cell states, row 0: initial
    act: np.ndarray                      # (T, [N,] features, B)    gates and candidates
    hs: np.ndarray                       # (T, [N,] cells, B)       h(s[t+1])


class Gradients(NamedTuple):
    """drive and W as their arguments; y and s the whole error at every step, [0] the initial state's."""
    drive: np.ndarray
    W: np.ndarray
    y: np.ndarray
    s: np.ndarray


def forward(cell, drive, W, y0=None, s0=None, out=None):
    """Run the network over all steps.

    cell   Cell
    drive  (T, [N,] features, B), input projection and bias of all steps
    W      ([N,] features, sources)
    y0 ([N,] sources, B), s0 ([N,] cells, B)   initial state, zero if not given
    out      a Trace of an earlier call with the same shapes, overwritten
    returns  Trace
    raises   ValueError if the shapes do not fit the cell
    """
    T, lead, B = len(drive), drive.shape[1:-2], drive.shape[-1]
    if drive.shape[-2] != cell.features or W.shape != (*lead, cell.features, cell.sources):
        raise ValueError(f"drive {drive.shape} and W {W.shape} do not fit {cell}")
    y, s, act, hs = out or Trace(*(np.empty((T + first, *lead, rows, B), drive.dtype) for first, rows in
                                   ((1, cell.sources), (1, cell.cells), (0, cell.features), (0, cell.cells))))
    # Every squashing function is a tanh. f(x) = (1 + tanh(x/2)) / 2, so the gates' net inputs are
    # halved here, once. With 1997's functions the candidates' are too, and half the state is
    # carried through the loop: s/2 = sum input_gate tanh(net_c/2) and h(s) = tanh(s/2).
    old = cell.squash == "1997"
    half = np.full((cell.features, 1), 0.5, drive.dtype)
    half[cell.candidate_rows] = 0.5 if old else 1
    W = W * half
    np.multiply(drive, half, out=act)
    y[0] = 0 if y0 is None else y0
    s[0] = 0 if s0 is None else s0
    if old:
        s[0] *= 0.5

    gates, kinds, candidate = _split(cell, act)
    input_gate, output_gate = kinds[:2]
    forget_gate = kinds[2] if cell.forget_gate else None
    cells, states, squashed = (_blocks(cell, a) for a in (y[..., :cell.cells, :], s, hs))
    net, kept = np.empty_like(act[0]), np.empty_like(states[0])
    for t in range(T):
        a, gate, state = act[t], gates[t], states[t + 1]
        np.matmul(W, y[t], out=net)
        a += net
        np.tanh(a, out=a)
        gate *= 0.5
        gate += 0.5
        np.multiply(input_gate[t], candidate[t], out=state)
        if cell.forget_gate:
            state += np.multiply(forget_gate[t], states[t], out=kept)
        else:
            state += states[t]
        np.tanh(s[t + 1], out=hs[t])
        np.multiply(output_gate[t], squashed[t], out=cells[t + 1])
        if cell.gate_sources:
            y[t + 1, ..., cell.cells:, :] = gate
    if old:
        s *= 2
        candidate *= 2
    return Trace(y, s, act, hs)


def backward(cell, trace, W, dy, ds=None, truncated=False, out=None, weights=True):
    """Gradients from the errors that arrive from outside.

    cell, trace, W   as in `forward`
    dy         (T+1, [N,] sources, B), dL/dy[t] not counting recurrent paths; left as it is
    ds         ([N,] cells, B), error at the last cell states (a later window's), zero if not given
    truncated  cut the recurrent sources (1997, appendix A.1); else the full gradient
    out        Gradients of an earlier call with the same shapes, overwritten
    weights    False: the gradient of W is not wanted, and None
    returns    Gradients
    """
    y, s, act, hs = trace
    ddrive, dy_total, ds_total = ((np.empty_like(act), np.empty_like(y), np.empty_like(s)) if out is None
                                  else (out.drive, out.y, out.s))
    dy_total[...] = dy
    ds_total[...] = 0
    if ds is not None:
        ds_total[-1] = ds
    slopes = _slopes(cell, trace)
    (_truncated_errors if truncated else _full_errors)(cell, W, act, slopes, ddrive, dy_total, ds_total)
    return Gradients(ddrive, outer_sum(ddrive, y[:-1]) if weights else None, dy_total, ds_total)


class _Slopes(NamedTuple):
    """What an error is multiplied by on its way; all from output values, for the whole sequence."""
    gates: np.ndarray                    # f' of every gate           (T, [N,] gates, B)
    state: np.ndarray                    # output_gate h'(s): cells -> s     (T, [N,] blocks, size, B)
    output: np.ndarray                   # h(s) f'_out: cells -> net_out
    input: np.ndarray                    # g f'_in: s -> net_in
    candidate: np.ndarray                # input_gate g': s -> net_c
    forget: np.ndarray                   # s[t] f'_forget: s[t+1] -> net_forget, or None


def _slopes(cell, trace):
    gates, (i, o, *f), g = _split(cell, trace.act)
    hs, s = _blocks(cell, trace.hs), _blocks(cell, trace.s)
    gate_slopes = gates * (1 - gates)
    di, do, *df = (_blocks(cell, gate_slopes[..., cell.gate_rows(name), :]) for name in cell.gate_names)
    if cell.squash == "1997":            # h' = (1 - h^2) / 2,  g' = 1 - (g/2)^2
        dh, dg = (1 - hs * hs) * 0.5, 1 - 0.25 * g * g
    else:
        dh, dg = 1 - hs * hs, 1 - g * g
    return _Slopes(gate_slopes, o * dh, hs * do, g * di, i * dg, s[:-1] * df[0] if df else None)


def _full_errors(cell, W, act, slopes, ddrive, dy, ds):
    dgates, (din, dout, *dforget), dcandidate = _split(cell, ddrive)
    dcells, dstates = _blocks(cell, dy[..., :cell.cells, :]), _blocks(cell, ds)
    forget = _blocks(cell, act[..., cell.gate_rows("forget"), :]) if cell.forget_gate else None
    dgate_sources = dy[..., cell.cells:, :]
    back, product, direct = np.empty_like(dy[0]), np.empty_like(dstates[0]), np.empty_like(dgates[0])
    W_T = W.swapaxes(-1, -2)
    for t in reversed(range(len(act))):
        error, dgate, before = dstates[t + 1], dgates[t], dy[t]
        error += np.multiply(dcells[t + 1], slopes.state[t], out=product)
        np.multiply(error, slopes.candidate[t], out=dcandidate[t])
        _into_gate(error, slopes.input[t], product, din[t])
        _into_gate(dcells[t + 1], slopes.output[t], product, dout[t])
        if cell.forget_gate:
            _into_gate(error, slopes.forget[t], product, dforget[0][t])
            np.multiply(error, forget[t], out=dstates[t])
        else:
            dstates[t] = error
        if cell.gate_sources:
            dgate += np.multiply(dgate_sources[t + 1], slopes.gates[t], out=direct)
        np.matmul(W_T, ddrive[t], out=back)
        before += back


def _into_gate(error, slope, product, out):
    """The error of a block's gate: summed over the block's cells."""
    if error.shape[-2] == 1:
        np.multiply(error, slope, out=out)
    else:
        np.add.reduce(np.multiply(error, slope, out=product), axis=-2, keepdims=True, out=out)


def _truncated_errors(cell, W, act, slopes, ddrive, dy, ds):
    dgates, (din, dout, *dforget), dcandidate = _split(cell, ddrive)
    dcells, dstates = _blocks(cell, dy[..., :cell.cells, :]), _blocks(cell, ds)
    dstates[1:] += dcells[1:] * slopes.state
    if cell.forget_gate:
        forget = _blocks(cell, act[..., cell.gate_rows("forget"), :])
        product = np.empty_like(dstates[0])
        for t in reversed(range(len(act))):
            before = dstates[t]
            before += np.multiply(dstates[t + 1], forget[t], out=product)
    else:
        np.cumsum(dstates[::-1], axis=0, out=dstates[::-1])
    error = dstates[1:]
    np.multiply(error, slopes.candidate, out=dcandidate)
    np.sum(error * slopes.input, axis=-2, keepdims=True, out=din)
    np.sum(dcells[1:] * slopes.output, axis=-2, keepdims=True, out=dout)
    if cell.forget_gate:
        np.sum(error * slopes.forget, axis=-2, keepdims=True, out=dforget[0])
    if cell.gate_sources:
        dgates += dy[1:, ..., cell.cells:, :] * slopes.gates


def _split(cell, act):
    """Views of act or ddrive: all gates flat, each kind of gate per block, candidates per block."""
    gates = act[..., :cell.gates, :]
    kinds = [_blocks(cell, act[..., cell.gate_rows(name), :]) for name in cell.gate_names]
    return gates, kinds, _blocks(cell, act[..., cell.candidate_rows, :])


def _blocks(cell, a):
    """A view with the rows split into blocks: (..., rows, B) -> (..., blocks, rows per block, B)."""
    return a.reshape(*a.shape[:-2], cell.blocks, a.shape[-2] // cell.blocks, a.shape[-1])
