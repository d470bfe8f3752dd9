"""How many random networks hold the first symbol anyway, with no training at all?

Networks whose weights are drawn once, at several scales of the recurrent weights; a linear readout of the last state
(least squares on 256 sequences) is scored on 256 others. A network holds the symbol if that readout gets 95 %. The
input weights have the standard deviation 1, so that the first symbol moves the state. This is weight guessing with a
computed readout. "Adam only walks until it meets such a network" needs a share that is not small.
"""

import numpy as np

from common import results
from common.randomness import stream
from common.tables import wilson
from vanishing_gradient.compute import training
from vanishing_gradient.compute.training import FIRST

SEEDS, MINUTES = range(8), 0.2
USES = ("units",)
QUICK = dict(radii=(0.5, 2.0), lags=(10,), networks=4)
HELD = 0.95


def run(config, seeds, radii=(0.5, 1.0, 1.5, 2.0, 3.0, 5.0), lags=(100,), networks=40):
    for seed in seeds:
        final = {}
        for lag in lags:
            x, answers = training.labelled(FIRST, [seed], f"random nets {lag}", 2 * training.VALIDATION, lag)
            for radius in radii:
                p = drawn(config.units, radius, networks, stream(seed, f"random nets {radius}"))
                net = FIRST.network(config.units)
                held = training.decodable(net, p, np.repeat(x, networks, axis=1), np.repeat(answers, networks, axis=0))
                final.setdefault(str(lag), {})[f"{radius:g}"] = int((held >= HELD).sum())
        yield results.entry(seed, final)


def drawn(units, radius, networks, rng):
    """Parameters of random networks whose spectral radius is `radius`."""
    net = FIRST.network(units)
    p = [net.init(rng, std=1.0) for _ in range(networks)]
    p = {name: np.stack([q[name] for q in p]) for name in p[0]}
    p["W"] *= (radius / training.spectral_radius(p["W"]))[:, None, None].astype(np.float32)
    return p


def found(record, lag, radius):
    """(networks that hold the symbol, networks drawn), all seeds together."""
    n = record["config"]["networks"] * len(record["runs"])
    return sum(results.at(run["final"], lag, f"{radius:g}") for run in record["runs"]), n


def checks(record):
    shares = {(lag, radius): found(record, lag, radius) for lag in record["config"]["lags"]
              for radius in record["config"]["radii"]}
    largest = max(k / n for k, n in shares.values())
    return [results.check("share of random networks that hold the symbol, the largest over lags and radii", largest,
                          "below 0.05: they are not met by luck", largest < 0.05)]


def finding(record):
    parts = []
    for lag in record["config"]["lags"]:
        best = max(record["config"]["radii"], key=lambda radius: found(record, lag, radius)[0])
        k, n = found(record, lag, best)
        parts.append(f"over {lag} steps at most {k} of {n} (95 %: up to {wilson(k, n)[1]:.1%})")
    return f"Hardly any: at the best of {len(record['config']['radii'])} scales {', '.join(parts)}."


def table(record):
    header = ["spectral radius", *(f"lag {lag}: hold the symbol [95 %]" for lag in record["config"]["lags"])]
    rows = []
    for radius in record["config"]["radii"]:
        cells = []
        for lag in record["config"]["lags"]:
            k, n = found(record, lag, radius)
            low, high = wilson(k, n)
            cells.append(f"{k} of {n} [{low:.1%}, {high:.1%}]")
        rows.append([f"{radius:g}", *cells])
    return header, rows
