"""One training step of temporal order as a textbook writes it, for comparison.

One-hot inputs made symbol by symbol, [x, h] concatenated at every step, one matrix product per
gate and step, weight gradients added up inside the time loop, numpy's default float64: as the published
numpy versions of this experiment do it. The arithmetic is that of the experiment's LSTM;
test_textbook.py says so.
"""

import numpy as np


def batch(rng, B, T, windows):
    """One-hot sequences (B, T, 8) and classes (B,), one symbol after the other."""
    x, classes = np.zeros((B, T, 8)), np.zeros(B, int)
    for b in range(B):
        symbols = [6] + [rng.choice(4) for _ in range(T - 2)] + [7]
        for first, last in windows:
            symbol = rng.integers(2)
            symbols[rng.integers(first, last + 1)] = 4 + symbol
            classes[b] = 2 * classes[b] + symbol
        for t, s in enumerate(symbols):
            x[b, t, s] = 1
    return x, classes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gradients(p, x, classes):
    """Loss and gradients; p holds W_i, W_o, W_g (8 + H, H), b_i, b_o, b_g (H,), W_y (H, 4), b_y (4,)."""
    B, T, _ = x.shape
    H = len(p["b_i"])
    h, c, cache = np.zeros((B, H), x.dtype), np.zeros((B, H), x.dtype), []
    for t in range(T):
        z = np.concatenate([x[:, t], h], axis=1)
        i, o, g = sigmoid(z @ p["W_i"] + p["b_i"]), sigmoid(z @ p["W_o"] + p["b_o"]), np.tanh(z @ p["W_g"] + p["b_g"])
        c = c + i * g
        s = np.tanh(c)
        h = o * s
        cache.append((z, i, o, g, s))
    logits = h @ p["W_y"] + p["b_y"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    prob = e / e.sum(1, keepdims=True)
    loss = -np.log(prob[np.arange(B), classes]).mean()
    d = prob.copy()
    d[np.arange(B), classes] -= 1
    d /= B
    grads = {name: np.zeros_like(a) for name, a in p.items()}
    grads["W_y"], grads["b_y"] = h.T @ d, d.sum(0)
    dh, dc = d @ p["W_y"].T, np.zeros((B, H), x.dtype)
    for z, i, o, g, s in reversed(cache):
        dc = dc + dh * o * (1 - s**2)
        d_i, d_o, d_g = dc * g * i * (1 - i), dh * s * o * (1 - o), dc * i * (1 - g**2)
        for gate, d_gate in (("i", d_i), ("o", d_o), ("g", d_g)):
            grads[f"W_{gate}"] += z.T @ d_gate
            grads[f"b_{gate}"] += d_gate.sum(0)
        dh = (d_i @ p["W_i"].T + d_o @ p["W_o"].T + d_g @ p["W_g"].T)[:, 8:]
    return loss, grads


def from_ours(p):
    """The same parameters in the textbook's layout, from one network of the experiment."""
    H = p["W"].shape[-1]
    rows = dict(i=slice(0, H), o=slice(H, 2 * H), g=slice(2 * H, 3 * H))
    q = {f"W_{k}": np.concatenate([p["W_in"][r], p["W"][r]], axis=1).T.copy() for k, r in rows.items()}
    biases = {f"b_{k}": p["b"][r].copy() for k, r in rows.items()}
    return q | biases | dict(W_y=p["W_out"].T.copy(), b_y=p["b_out"].copy())


class Adam:
    def __init__(self, p):
        self.m, self.v = ({k: np.zeros_like(a) for k, a in p.items()} for _ in range(2))
        self.n = 0

    def step(self, p, grads, lr, clip=1.0):
        norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
        self.n += 1
        for k, g in grads.items():
            g = g * min(1, clip / norm)
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.999 * self.v[k] + 0.001 * g**2
            p[k] -= lr * (self.m[k] / (1 - 0.9**self.n)) / (np.sqrt(self.v[k] / (1 - 0.999**self.n)) + 1e-8)
