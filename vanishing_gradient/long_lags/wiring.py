"""The fully connected network of Experiments 1 and 2c to 5, with the truncated gradient of 1997.

Every cell and every gate reads the inputs, all cells and all gates of the previous step; the outputs
read the cells (sections 4 and 5, appendix A.1). Several networks run side by side on the axis N, each
on one sequence: B = 1. The recurrent kernel is common/lstm.py.
"""

from typing import NamedTuple

import numpy as np

from common import gradcheck, lstm
from common.layers import affine, logistic, lookup, lookup_backward, outer_sum
from common.networks import Network
from common.randomness import stream

BIASED = {"none": (), "gates": ("gates",), "hidden": ("gates", "cells"), "all": ("gates", "cells", "outputs")}


class Wiring(NamedTuple):
    """Architecture and initial weights: one line of the paper's table 10."""
    blocks: int
    size: int                            # cells per block
    symbols: int
    reals: int
    outputs: int
    biases: str                          # which units have one: none, gates, hidden or all
    init: float                          # weights start uniform in ± this
    input_gates: tuple = ()              # initial biases; () as the other weights
    output_gates: tuple = ()
    linear: bool = False                 # output units: linear or logistic
    shortcut: bool = False               # not the paper's: outputs read the input, too
    gate_sources: bool = True            # gates of the previous step feed all units
    truncated: bool = True               # False, not the paper's: the full gradient, through all paths

    @property
    def cell(self):
        return lstm.Cell(self.blocks, self.size, gate_sources=self.gate_sources, squash="1997")

    @property
    def network(self):
        return Network(self.cell, self.outputs, symbols=self.symbols, reals=self.reals,
                       truncated=self.truncated)

    @property
    def weights(self):
        """The number of trained weights, as the paper counts them."""
        cell, inputs = self.cell, self.symbols or self.reals
        return (cell.features * (inputs + cell.sources) + self.outputs * cell.cells
                + self.shortcut * self.outputs * inputs + int(self.biased().sum())
                + self.outputs * ("outputs" in BIASED[self.biases]))

    def biased(self):
        """(features, ) which of the gates and cells have a bias."""
        mask, named = np.zeros(self.cell.features, bool), BIASED[self.biases]
        mask[:self.cell.gates] = "gates" in named
        mask[self.cell.candidate_rows] = "cells" in named
        return mask


def init(wiring, rng, dtype=np.float32):
    """One network's weights; a bias that the network does not have is 0 and stays it."""
    cell = wiring.cell
    uniform = lambda *shape: rng.uniform(-wiring.init, wiring.init, shape).astype(dtype)
    p = dict(W_in=uniform(cell.features, wiring.symbols or wiring.reals), W=uniform(cell.features, cell.sources),
             b=uniform(cell.features) * wiring.biased(), W_out=uniform(wiring.outputs, cell.cells),
             b_out=uniform(wiring.outputs) * ("outputs" in BIASED[wiring.biases]))
    for kind, biases in (("input", wiring.input_gates), ("output", wiring.output_gates)):
        if biases:
            p["b"][cell.gate_rows(kind)] = biases
    if wiring.shortcut:
        p["W_short"] = uniform(wiring.outputs, wiring.symbols)
    return {name: a.astype(dtype) for name, a in p.items()}


class Pass(NamedTuple):
    """What a forward pass leaves."""
    output: np.ndarray                   # ([N,] K, B) after each sequence's last step, or (T, [N,] K, B) after every
    read: np.ndarray                     # what the outputs read there: cells
    run: object                          # networks.Run: all states


def forward(wiring, p, x, lengths, every_step=False):
    """The Pass of x (T, [N,] B) symbols or (T, [N,] D, B) reals, sequences of `lengths` ([N,] B) steps."""
    network = wiring.network
    run = network.forward(p, x)
    cells = network.read(run.y)
    read = cells[1:] if every_step else at_end(cells, lengths)
    return Pass(_outputs(wiring, p, read, x), read, run)


def _outputs(wiring, p, read, x):
    net = affine(p["W_out"], p["b_out"], read)
    if wiring.shortcut:                  # only where every step has an output
        net = net + lookup(p["W_short"], x)
    return net if wiring.linear else logistic(net)


def at_end(cells, lengths):
    """The cells' outputs ([N,] cells, B) after each sequence's own last step, of (T+1, [N,] cells, B)."""
    cells = np.moveaxis(cells, -2, -1)
    return np.moveaxis(np.take_along_axis(cells, lengths[None, ..., None], 0)[0], -1, -2)


def gradients(wiring, p, x, lengths, target, every_step=False):
    """Output errors target - y and the gradient of E = sum (target - y)^2 / 2 (equations 19 to 28).

    One sequence per network: x (T, N, 1) or (T, N, D, 1), lengths (N, 1), target (N, K, 1), or with
    errors at every step (T, N, K, 1): steps after a sequence's end do not count.
    """
    network = wiring.network
    output, read, run = forward(wiring, p, x, lengths, every_step)
    error = target - output
    if every_step:
        error = error * (np.arange(len(x))[:, None, None, None] < lengths[:, None])
    d_net = -error if wiring.linear else -error * output * (1 - output)
    dy, d_read = np.zeros_like(run.y), p["W_out"].swapaxes(-1, -2) @ d_net
    if every_step:
        network.read(dy)[1:] = d_read
        named = dict(W_out=outer_sum(d_net, read), b_out=d_net.sum((0, -1)))
    else:
        network.read(dy)[lengths[:, 0], np.arange(len(lengths))] = d_read
        named = dict(W_out=d_net @ read.swapaxes(-1, -2), b_out=d_net[..., 0])
    if wiring.shortcut:
        named["W_short"] = lookup_backward(d_net, x, wiring.symbols)
    recurrent, _ = network.backward(p, x, run, dy)
    return error, {**named, **recurrent}


def update(wiring, p, g, lr):
    """One step of plain SGD in place; a bias that the network does not have stays 0."""
    g["b"] *= wiring.biased()
    g["b_out"] *= "outputs" in BIASED[wiring.biases]
    for name, gradient in g.items():
        gradient *= lr
        p[name] -= gradient


# ---------------------------------------------------------------- gradient check

def gradient_error(wiring, task):
    """Relative error of `gradients` against finite differences, the recurrent sources held fixed.

    The truncated gradient of the network is the full gradient of the network so cut.
    """
    rng, network = stream(1, "gradcheck"), wiring.network
    p = {name: rng.normal(0, 0.3, (1, *a.shape)) for name, a in init(wiring, rng, np.float64).items()}
    x, lengths, target = one_sequence(task, rng)
    _, g = gradients(wiring, p, x, lengths, target, task.every_step)
    sources = forward(wiring, p, x, lengths, task.every_step).run.y[:-1].copy()
    inside = np.arange(len(x))[:, None, None, None] < lengths[:, None]

    def loss():
        drive = lookup(p["W_in"], x) if wiring.symbols else p["W_in"] @ x
        drive = drive + p["b"][..., None] + p["W"] @ sources
        y = network.read(lstm.forward(network.cell, drive, np.zeros_like(p["W"])).y)
        error = target - _outputs(wiring, p, y[1:] if task.every_step else at_end(y, lengths), x)
        return float((error * error * (inside if task.every_step else 1)).sum() / 2)

    return gradcheck.largest_error(loss, p, g, rng, step=5e-4)


def one_sequence(task, rng):
    """x, lengths, target of one sequence for one network, in double precision."""
    drawn = task.sets(rng)[0] if task.every_step else task.draw(rng, 1)
    x = drawn.x[:, :1, None] if task.symbols else drawn.x[:, None, :, :1].astype(float)
    return x, drawn.lengths[:1, None], drawn.target[..., None, :, :1].astype(float)
