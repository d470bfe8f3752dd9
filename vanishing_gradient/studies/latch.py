"""Can one tanh unit keep a bit and still return an error?

The latch of Bengio, Simard & Frasconi (1994): the unit starts at +1 or -1, noise enters at every step, and the
sign at the end is the stored bit. Varied: the weight, the noise and the number of steps. Measured: the share of
bits kept, and the error that the backward pass returns over the same steps (median over sequences). Stored
means that at least 95 % of the bits are kept. "Storage excludes the gradient" is refuted at a noise where some
weight stores the bit and returns an error that is not negligible (above 10^-6).
"""

from typing import NamedTuple

import numpy as np

from common import results, tanh_rnn
from common.randomness import stream

SEEDS, MINUTES = range(5), 0.7
USES = ()
QUICK = dict(noises=(0.005, 0.1, 0.2), steps=(20, 30), sequences=40)
STORED, NEGLIGIBLE = 0.95, -6                # share of bits, log10 of the error


def run(config, seeds, noises=(0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5), steps=(100, 300), sequences=200,
        drawn_noise=0.2):
    """The weights are close together near 1, where a small noise is stored."""
    weights = np.concatenate([np.linspace(0, 0.95, 20), np.linspace(0.96, 1.6, 65), np.linspace(1.625, 3, 56)])
    for seed in seeds:
        final, arrays = {}, {"weights": weights}
        for T in steps:
            for noise in noises:
                found = latch(weights, T, noise, sequences, stream(seed, f"latch {T}"))
                final |= {f"{name}_{T}_{noise:g}": value for name, value in best_storing(found).items()}
                if noise == drawn_noise and T == steps[0]:
                    arrays |= {"kept": found.kept, "error": found.error, "attractors": found.attractors}
        yield results.entry(seed, final, arrays=arrays)


class Latch(NamedTuple):
    """One tanh unit per weight that is asked to keep a bit."""
    weights: np.ndarray          # (N,)
    attractors: np.ndarray       # (2, N)   where the noise-free unit ends from h = +1 and from h = -1
    kept: np.ndarray             # (N,)     share of noisy sequences whose sign survives
    error: np.ndarray            # (3, N)   log10 |dh[0]/dh[T]|: 5 %, 50 %, 95 % of those sequences


def latch(weights, steps, noise, sequences, rng):
    """Keep a bit for `steps` steps against noise, and send an error back over the same steps.

    noise      standard deviation of the input at every step; sequences: number of them per weight
    """
    W = np.reshape(weights, (-1, 1, 1))
    bit = np.where(np.arange(sequences) % 2, 1.0, -1.0)
    drive = noise * np.broadcast_to(rng.standard_normal((steps, 1, 1, sequences)), (steps, len(W), 1, sequences))
    h = tanh_rnn.forward(drive, W, np.broadcast_to(bit, drive.shape[1:]))
    dh = np.zeros_like(h)
    dh[-1] = 1
    dh = tanh_rnn.backward(dh, h, W, weights=False).h
    quiet = tanh_rnn.forward(np.zeros((2000, len(W), 1, 2)), W, np.broadcast_to([1.0, -1.0], (len(W), 1, 2)))
    size = np.log10(np.maximum(np.abs(dh[0, :, 0]), 1e-300))
    return Latch(np.asarray(weights), quiet[-1, :, 0].T, (np.sign(h[-1, :, 0]) == bit).mean(-1),
                 np.quantile(size, [0.05, 0.5, 0.95], axis=-1))


def best_storing(found):
    """The largest median error among the weights that store the bit, that weight, and the largest at any weight."""
    stores = found.kept >= STORED
    best = int(np.where(stores, found.error[1], -np.inf).argmax()) if stores.any() else None
    return dict(weight=None if best is None else found.weights[best],
                error=None if best is None else found.error[1, best], anywhere=found.error[1].max())


# ---------------------------------------------------------------- what it shows

def checks(record):
    s, noises, T = record["summary"], record["config"]["noises"], record["config"]["steps"][0]
    stored = {v: s[f"error_{T}_{v:g}"] for v in noises if s[f"error_{T}_{v:g}"]["n"]}
    largest = lambda lowest: max((e["max"] for v, e in stored.items() if v >= lowest), default=None)
    strong, every = largest(0.1), largest(0)
    means = [e["mean"] for v, e in stored.items() if v >= 0.01]
    falls = max((b - a for a, b in zip(means, means[1:])), default=None)
    return [
        results.check(f"noise of 0.1 or more: log10 of the largest error over {T} steps where the bit is stored",
                      strong, f"below {NEGLIGIBLE}", strong is not None and strong < NEGLIGIBLE),
        results.check(f"every noise: log10 of the largest error over {T} steps where the bit is stored", every,
                      f"below {NEGLIGIBLE}", every is not None and every < NEGLIGIBLE),
        results.check("trade-off from noise 0.01 on: smallest change of log10 error from one noise to the next larger",
                      falls, "below 0: less error each time", falls is not None and falls < 0)]


def finding(record):
    s, c = record["summary"], record["config"]
    T, shown = c["steps"][0], [v for v in c["noises"] if v in (0.005, 0.2)]
    words = [f"10^{s[f'error_{T}_{v:g}']['mean']:.1f} at noise {v:g}" for v in shown]
    return f"A trade-off: where the bit is stored, the error over {T} steps is at most {' and '.join(words)}."


def table(record):
    s, c = record["summary"], record["config"]
    power = lambda e: "–" if e["n"] == 0 else f"10^{e['mean']:.1f}"
    header = ["noise (s.d.)", *(words for T in c["steps"]
                                for words in (f"largest error over {T} steps where stored", "at weight"))]
    rows = []
    for noise in c["noises"]:
        weight = [s[f"weight_{T}_{noise:g}"] for T in c["steps"]]
        error = [s[f"error_{T}_{noise:g}"] for T in c["steps"]]
        cells = [[power(e), "–" if w["n"] == 0 else f"{w['mean']:.2f}"] for w, e in zip(weight, error)]
        rows.append([f"{noise:g}", *sum(cells, [])])
    return header, rows


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    from vanishing_gradient.pictures import powers_of_ten
    c, s, w = record["config"], record["summary"], arrays["weights"][0]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.7))
    for branch in arrays["attractors"][0]:
        left.plot(w, branch, color=ROLE["rnn"])
    left.set(xlabel="recurrent weight w", ylabel="state without noise", title="from w = 1 on: two attractors")
    for kept in arrays["kept"]:
        middle.plot(w, kept, color=ROLE["rnn"], linewidth=0.8)
    chance_line(middle, 0.5)
    middle.text(2.95, 0.51, "chance", fontsize=9, color="0.4", ha="right")
    middle.set(xlabel="recurrent weight w", ylabel=f"bits kept over {c['steps'][0]} steps", ylim=(0, 1.05),
               title=f"noise {c['drawn_noise']:g}: {len(record['runs'])} seeds")
    error = middle.twinx()
    error.spines.right.set_visible(True)
    for line in arrays["error"]:
        error.plot(w, line[1], color="0.35", linestyle="--", linewidth=0.8)
    error.set(ylim=(-100, 5))
    error.grid(False)
    powers_of_ten(error.yaxis)
    middle.text(1.1, 0.1, "dashed:\nerror that\nreturns (right)", fontsize=9, color="0.3", ha="center")
    noises = [v for v in c["noises"] if v > 0]
    for T, style in zip(c["steps"], ("o-", "s--")):
        means = [s[f"error_{T}_{v:g}"]["mean"] if s[f"error_{T}_{v:g}"]["n"] else np.nan for v in noises]
        right.plot(noises, means, style, color="0.2", markersize=4, label=f"{T} steps")
    right.set(xscale="log", ylim=(-100, 5), xlabel="noise (standard deviation)", title="largest error where stored")
    powers_of_ten(right.yaxis)
    right.legend(loc="lower left")
    return fig
