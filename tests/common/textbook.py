"""The slow, obvious networks: one sequence, one step, one unit group at a time. The definition of correct."""

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def rnn_step(drive, W, h):
    """One step of one tanh-RNN on one sequence: drive (H,), W (H, H), h (H,)."""
    return np.tanh(drive + W @ h)


def lstm_step(cell, drive, W, y, s):
    """One step of one LSTM on one sequence, written from the equations of the paper."""
    net = drive + W @ y
    gate = {name: logistic(net[cell.gate_rows(name)]) for name in cell.gate_names}
    per_cell = {name: np.repeat(value, cell.size) for name, value in gate.items()}
    net_c = net[cell.candidate_rows]
    g = 4 * logistic(net_c) - 2 if cell.squash == "1997" else np.tanh(net_c)
    s = (per_cell["forget"] if cell.forget_gate else 1) * s + per_cell["input"] * g
    h = 2 * logistic(s) - 1 if cell.squash == "1997" else np.tanh(s)
    cells = per_cell["output"] * h
    return np.concatenate([cells, *gate.values()]) if cell.gate_sources else cells, s
