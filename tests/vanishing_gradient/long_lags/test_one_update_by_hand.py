"""One update of Experiments 1 and 2a written out in plain loops, as the paper's appendix A.1 has it, beside ours.

Forward-carried derivatives (equations 25 to 27), errors at every step, all changes added up and made at the end of the
sequence. Nothing here is shared with the code under test but the drawn sequence and the first weights.
"""

from math import exp

import numpy as np
import pytest

from vanishing_gradient.long_lags import rows, trials


def f(x):
    return 1 / (1 + exp(-x))


def reber_update(net, p, symbols, targets, rate):
    """Weights {name: array} after one string. Units: input gates, output gates, cells; sources: cells, gates."""
    gates, cells, size, K = 2 * net.blocks, net.blocks * net.size, net.size, net.outputs
    new = {name: a.copy() for name, a in p.items()}
    y, s = [0.0] * (cells + gates), [0.0] * cells
    width = 7 + len(y) + 1                                            # inputs, sources, bias
    d_in, d_cell = ([[0.0] * width for _ in range(cells)] for _ in range(2))

    def change(unit, amount, x):                                      # amount (width,) or a number times x
        for m in range(width):
            step = rate * (amount[m] if isinstance(amount, list) else amount * x[m])
            if m < 7:
                new["W_in"][unit, m] += step
            elif m < 7 + len(y):
                new["W"][unit, m - 7] += step
            elif unit < gates:                                        # only gates have a bias
                new["b"][unit] += step

    for symbol, target in zip(symbols, targets):
        x = [float(k == symbol) for k in range(7)] + y + [1.0]
        net_input = [sum(p["W_in"][u, m] * x[m] for m in range(7)) + p["b"][u]
                     + sum(p["W"][u, m] * y[m] for m in range(len(y))) for u in range(gates + cells)]
        gate = [f(v) for v in net_input[:gates]]
        h = [0.0] * cells
        for c in range(cells):
            y_in, g = gate[c // size], 4 * f(net_input[gates + c]) - 2
            slope = 4 * f(net_input[gates + c]) * (1 - f(net_input[gates + c]))
            s[c] += y_in * g
            h[c] = 2 * f(s[c]) - 1
            for m in range(width):
                d_cell[c][m] += y_in * slope * x[m]                                              # (27)
                d_in[c][m] += g * y_in * (1 - y_in) * x[m]                                       # (25)
        y = [gate[net.blocks + c // size] * h[c] for c in range(cells)] + gate
        out = [f(sum(p["W_out"][k, c] * y[c] for c in range(cells))) for k in range(K)]
        e = [out[k] * (1 - out[k]) * (target[k] - out[k]) for k in range(K)]                     # (19)
        for k in range(K):
            for c in range(cells):
                new["W_out"][k, c] += rate * e[k] * y[c]                                         # (22)
        for block in range(net.blocks):
            y_out, e_out = gate[net.blocks + block], 0.0
            for c in range(block * size, (block + 1) * size):
                into = sum(p["W_out"][k, c] * e[k] for k in range(K))
                e_out += h[c] * into
                e_s = y_out * 0.5 * (1 - h[c] * h[c]) * into                                     # (23)
                change(gates + c, [e_s * d for d in d_cell[c]], x)                               # (28)
                change(block, [e_s * d for d in d_in[c]], x)                                     # (26)
            change(net.blocks + block, y_out * (1 - y_out) * e_out, x)                           # (21)
    return new


@pytest.mark.parametrize("row", (rows.REBER[0], rows.REBER[4]), ids=lambda row: row.name)
def test_one_string_changes_the_weights_as_the_appendix_says(row):
    running = trials.Trials(row, [900, 901])
    before = {name: a.astype(float) for name, a in running.p.items()}
    x, lengths, target = running.learner.draw(running.generators, running.sets)
    for name in ("W_in", "W", "W_out"):                                # larger, so that every function bends
        running.p[name] *= 4
        before[name] *= 4
    running.learner.learn(running.p, (x, lengths, target), 0, {}, 1)
    for n in range(2):
        steps = range(lengths[0, n])
        by_hand = reber_update(row.net, {name: a[n] for name, a in before.items()}, [x[t, 0, n] for t in steps],
                               [target[t, :, 0, n] for t in steps], row.lr)
        for name, a in by_hand.items():
            assert np.abs(running.p[name][n] - a).max() < 1e-5, name
            assert name == "b_out" or np.abs(a - before[name][n]).max() > 1e-4, name


def test_one_sequence_of_2a_changes_the_weights_as_the_appendix_says():
    row = rows.CELL_P10
    running = trials.Trials(row, [900])
    running.p["on"][:] = 1
    p = {name: a[0].astype(float) for name, a in running.p.items()}
    block = running.learner.draw(running.generators, running.sets)
    symbols, K = block[:, 0, 0], row.net.symbols
    new, s = {name: a.copy() for name, a in p.items()}, 0.0
    d_gate, d_cell = [0.0] * K, [0.0] * K
    for now, following in zip(symbols[:-1], symbols[1:]):
        gate, g = f(p["W_gate"][now]), f(p["W_hidden"][now])
        s += gate * g                                                  # g logistic, h the identity
        d_gate[now] += g * gate * (1 - gate)
        d_cell[now] += gate * g * (1 - g)
        into = 0.0
        for k in range(K):
            out = f(p["W_out"][now, k] + p["w_unit"][k] * s)
            e = out * (1 - out) * ((k == following) - out)
            into += p["w_unit"][k] * e
            new["W_out"][now, k] += row.lr * e
            new["w_unit"][k] += row.lr * e * s
        for m in range(K):
            new["W_gate"][m] += row.lr * into * d_gate[m]
            new["W_hidden"][m] += row.lr * into * d_cell[m]
    running.learner.learn(running.p, block, 0, running.memory, 1)
    for name, a in new.items():
        assert np.abs(running.p[name][0] - a).max() < 1e-5, name
        assert name == "on" or np.abs(a - p[name]).max() > 1e-4, name
