"""Is it still rare that a random network holds the first symbol when the filler writes weakly?

As study `random_nets` (weights drawn once, a linear readout of the last state scored on fresh sequences, 95 % right:
the network holds the symbol), but the input weights of the symbol have the standard deviation 1 or 4, those of the
filler 1, as there, or 0.1. "Networks that hold a symbol are not met by luck" is refuted by a share that is not small.
"""

import numpy as np

from common import results
from common.networks import stack
from common.randomness import stream
from common.tables import wilson
from vanishing_gradient.compute import training
from vanishing_gradient.compute.training import FIRST

SEEDS, MINUTES = range(8), 0.3
USES = ("units",)
QUICK = dict(radii=(0.5, 2.0), lag=10, networks=4)
HELD = 0.95
INPUTS = {"alike": (1.0, 1.0), "filler weak": (1.0, 0.1), "filler weak, symbol strong": (4.0, 0.1)}   # symbol, filler


def run(config, seeds, radii=(0.5, 1.0, 1.5, 2.0, 3.0, 5.0), lag=100, networks=40):
    net = FIRST.network(config.units)
    for seed in seeds:
        x, answers = training.labelled(FIRST, [seed], f"weak filler {lag}", 2 * training.VALIDATION, lag)
        x, answers, final = np.repeat(x, networks, axis=1), np.repeat(answers, networks, axis=0), {}
        for radius in radii:
            p = drawn(net, radius, networks, stream(seed, f"weak filler {radius}"))
            for name, (symbol, filler) in INPUTS.items():
                held = training.decodable(net, {**p, "W_in": scaled(p["W_in"], symbol, filler)}, x, answers)
                final.setdefault(name, {})[f"{radius:g}"] = int((held >= HELD).sum())
        yield results.entry(seed, final)


def drawn(net, radius, networks, rng):
    """Parameters of random networks whose spectral radius is `radius`; input weights of standard deviation 1."""
    p = stack([net.init(rng, std=1.0) for _ in range(networks)])
    p["W"] *= (radius / training.spectral_radius(p["W"]))[:, None, None].astype(np.float32)
    return p


def scaled(W_in, symbol, filler):
    """Input weights (N, H, alphabet) whose columns of the two symbols and of the filler are multiplied."""
    return W_in * np.array([symbol] * 2 + [filler] * (W_in.shape[-1] - 2), np.float32)


def found(record, name, radius):
    """(networks that hold the symbol, networks drawn), all seeds together."""
    n = record["config"]["networks"] * len(record["runs"])
    return sum(run["final"][name][f"{radius:g}"] for run in record["runs"]), n


def best(record, name):
    """`found` at the radius with most of them."""
    return max(found(record, name, radius) for radius in record["config"]["radii"])


# Bounds fixed on seed 900.
def checks(record):
    shares = {name: k / n for name, (k, n) in ((name, best(record, name)) for name in INPUTS)}
    claim = "share of random networks that hold the symbol, best radius, "
    return [results.check(f"{claim}input weights alike", shares["alike"], "below 0.05: they are not met by luck",
                          shares["alike"] < 0.05),
            results.check(f"{claim}filler's input weights a tenth", shares["filler weak"],
                          "at least 0.1: luck is enough", shares["filler weak"] >= 0.1)]


def finding(record):
    parts = []
    for name in INPUTS:
        k, n = best(record, name)
        low, high = wilson(k, n)
        parts.append(f"{name} {k} of {n} (95 %: {low:.1%} to {high:.1%})")
    c = record["config"]
    return f"At the best of {len(c['radii'])} radii, over {c['lag']} steps, input weights {'; '.join(parts)}."


def table(record):
    header = ["spectral radius", *(f"symbol {symbol:g}, filler {filler:g}: hold the symbol [95 %]"
                                   for symbol, filler in INPUTS.values())]
    rows = []
    for radius in record["config"]["radii"]:
        cells = []
        for name in INPUTS:
            k, n = found(record, name, radius)
            low, high = wilson(k, n)
            cells.append(f"{k} of {n} [{low:.1%}, {high:.1%}]")
        rows.append([f"{radius:g}", *cells])
    return header, rows
