"""Many networks on one sequence each, abreast: the truncated gradients of wiring.py, several times as fast.

numpy's price is the call, not the multiplication. So the networks stand on the last axis N, every kind of gate
is one contiguous slab, and one product with a matrix of N blocks on the diagonal replaces N small products.
Only the forward loop is written again; the errors come from common/lstm.py. wiring.py stays the definition
(tests/ compare both).
"""

import numpy as np

from common import lstm
from common.layers import logistic


def gradients(wiring, p, x, lengths, target, every_step=False):
    """Output errors target - y and the gradient of E = sum (target - y)^2 / 2; arguments as wiring.gradients.

    x (T, N, 1) or (T, N, D, 1), lengths (N, 1), target (N, K, 1), or with errors at every step (T, N, K, 1)
    """
    cell, x, target = wiring.cell, x[..., 0].swapaxes(0, 1), target[..., 0]                  # x (N, T[, D])
    target = target.swapaxes(0, 1) if every_step else target[:, None]                        # (N, steps, K)
    trace = forward(cell, drive(wiring, p, x), p["W"])
    read = cells_read(trace.y[:, :cell.cells], lengths[:, 0], every_step)
    output = outputs(wiring, p, read, x)
    error = target - output
    if every_step:
        error *= (np.arange(x.shape[1]) < lengths)[..., None]
    d_net = -error if wiring.linear else -error * output * (1 - output)
    d_drive = back(cell, trace, d_net @ p["W_out"], lengths[:, 0], every_step)
    g = dict(W_out=d_net.swapaxes(1, 2) @ read, b_out=d_net.sum(1), b=d_drive.sum(2),
             W=d_drive @ networks_first(trace.y[:-1]),
             W_in=d_drive @ x if wiring.reals else summed(d_drive, x, p["W_in"]))
    if wiring.shortcut:
        g["W_short"] = summed(d_net.swapaxes(1, 2), x, p["W_short"])
    return (error.swapaxes(0, 1) if every_step else error[:, 0])[..., None], g


def networks_first(a):
    """(T, rows, N) -> (N, T, rows), laid out so that the products with it are fast."""
    return np.ascontiguousarray(a.transpose(2, 0, 1))


def looked_up(W, x):
    """Column x of W (N, F, symbols) for every symbol of x (N, T): (N, T, F)."""
    N, F, symbols = W.shape
    columns = W.swapaxes(1, 2).reshape(N * symbols, F)
    return np.take(columns, x + symbols * np.arange(N)[:, None], axis=0)


def summed(d, x, W):
    """The gradient of W (N, F, symbols) in `looked_up` from d (N, F, T): few of a thousand symbols occur."""
    N, F, symbols = W.shape
    places = x[:, None] + symbols * np.arange(N * F).reshape(N, F, 1)
    return np.bincount(places.ravel(), d.ravel(), W.size).reshape(W.shape).astype(W.dtype)


def drive(wiring, p, x):
    """The net inputs from outside, (N, T, features)."""
    outside = looked_up(p["W_in"], x) if wiring.symbols else x @ p["W_in"].swapaxes(1, 2)
    return outside + p["b"][:, None]


def forward(cell, drive, W):
    """lstm.Trace with the axes (T, rows, N), from drive (N, T, features) and W (N, features, sources), state zero."""
    N, T, features = drive.shape
    cells, sources = cell.cells, cell.sources
    rows = np.zeros((T + 1, cells + features, N), drive.dtype)       # cells, gates, candidates: the sources come first
    s, hs = (np.zeros((T + first, cells, N), drive.dtype) for first in (1, 0))
    act = rows[1:, cells:]
    np.multiply(drive.transpose(1, 2, 0), 0.5, out=act)              # every squashing function is a tanh(x / 2)
    product, net = blocks_on_the_diagonal(W * 0.5), np.empty(features * N, drive.dtype)
    split = (lambda a: a) if cell.size == 1 else (lambda a: a.reshape(len(a), cell.blocks, -1, N))
    steps = zip(rows.reshape(T + 1, -1)[:, :sources * N], act, act[:, :cell.gates],
                *(split(act[:, cell.gate_rows(kind)]) for kind in ("input", "output")),
                split(act[:, cell.candidate_rows]), split(s), split(s[1:]), split(hs), split(rows[1:, :cells]))
    net_rows, half = net.reshape(features, N), np.array(0.5, drive.dtype)
    dot, add, multiply, tanh = np.dot, np.add, np.multiply, np.tanh
    for before, a, gates, input_gate, output_gate, candidate, s_before, s_now, squashed, y in steps:
        dot(product, before, net)
        add(a, net_rows, a)
        tanh(a, a)
        multiply(gates, half, gates)
        add(gates, half, gates)
        multiply(input_gate, candidate, s_now)                       # half the state is carried: h(s) = tanh(s / 2)
        add(s_now, s_before, s_now)
        tanh(s_now, squashed)
        multiply(output_gate, squashed, y)
    s *= 2
    act[:, cell.candidate_rows] *= 2
    return lstm.Trace(rows[:, :sources], s, act, hs)


def blocks_on_the_diagonal(W):
    """(features N, sources N) from W (N, features, sources): one product for all networks, N on the inner axis."""
    N, features, sources = W.shape
    product = np.zeros((features, N, sources, N), W.dtype)
    np.einsum("fnsn->nfs", product)[...] = W                         # a view of the diagonal
    return product.reshape(features * N, sources * N)


def cells_read(cells, lengths, every_step):
    """What the outputs read (N, steps, cells): the cells (T + 1, cells, N) after every step, or after the last."""
    if every_step:
        return networks_first(cells[1:])
    return cells[lengths, :, np.arange(len(lengths))][:, None]


def outputs(wiring, p, read, x):
    """(N, steps, K)"""
    net = read @ p["W_out"].swapaxes(1, 2) + p["b_out"][:, None]
    if wiring.shortcut:
        net += looked_up(p["W_short"], x)
    return net if wiring.linear else logistic(net)


def back(cell, trace, d_read, lengths, every_step):
    """Errors of all net inputs (N, features, T) from those of what the outputs read (N, steps, cells)."""
    dy = np.zeros(trace.y.shape, trace.y.dtype)
    if every_step:
        dy[1:, :cell.cells] = d_read.transpose(1, 2, 0)
    else:
        dy[lengths, :cell.cells, np.arange(len(lengths))] = d_read[:, 0]
    found = lstm.backward(cell, trace, None, dy, truncated=True, weights=False)
    return np.ascontiguousarray(found.drive.transpose(2, 1, 0))
