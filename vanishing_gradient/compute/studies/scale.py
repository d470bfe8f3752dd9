"""Does the cost of small steps grow with the lag exactly as the gradient shrinks?

Varied: the spectral radius of the plain start, and so the factor by which an error shrinks with every step back
(measured before training, steps 5 to 30). Kept: small SGD, rate 1, batch 64. For each radius an exponential is fitted
to the medians over four lags. "The cost grows as the gradient shrinks" is refuted by a growth per step of lag that is
not near 1 / factor.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.compute import CURVES, WATCHED
from vanishing_gradient.compute.training import FIRST, SOLVED, Recipe

SEEDS, MINUTES = range(8), 0.3
USES = ("units",)
QUICK = dict(budget=5000)
LAGS = {"0.3": (3, 4, 5, 6), "0.4": (4, 5, 6, 7), "0.6": (6, 8, 10, 12), "0.8": (10, 14, 18, 22)}    # radius: lags
LOWEST, HIGHEST = 0.75, 1.25                 # of growth x factor


def run(config, seeds, part, budget=200_000):
    """Every radius and lag is one call with all seeds; each is kept."""
    finals = {seed: {} for seed in seeds}
    for radius, lags in LAGS.items():
        for lag in lags:
            made = part(f"{radius} {lag} {min(seeds)}-{max(seeds)}",
                        lambda: raced(config.units, seeds, float(radius), lag, budget))
            for n, seed in enumerate(seeds):
                finals[seed].setdefault(radius, {})[str(lag)] = made["finals"][n]
                finals[seed][radius]["factor"] = made["factor"][n]
    return [results.entry(seed, finals[seed]) for seed in seeds]


def raced(units, seeds, radius, lag, budget):
    """{finals: [...], factor: [...]} of small SGD from plain starts of one spectral radius."""
    net, small = FIRST.network(units), CURVES[laws.SMALL]
    p = stack([training.start("plain", seed, net) for seed in seeds])
    p["W"] *= (radius / training.spectral_radius(p["W"]))[:, None, None].astype(np.float32)
    flow = training.error_flow(net, p, *training.labelled(FIRST, seeds, "watched", WATCHED, 30))
    made = training.train(FIRST, net, p, seeds, np.full(len(seeds), small.rate), lag,
                          Recipe(small.optimizer, small.batch), budget)
    right = training.test(FIRST, net, made.p, seeds, lag)
    return dict(factor=(10 ** ((flow[30] - flow[5]) / 25)).tolist(),
                finals=[dict(sequences=float(needed) if np.isfinite(needed) and score >= SOLVED else None)
                        for needed, score in zip(made.sequences, right)])


# ---------------------------------------------------------------- what it shows

def medians(record, radius):
    """{lag: lower median of the sequences}."""
    return {lag: laws.median(record, radius, lag) for lag in LAGS[radius]}


def growth(record, radius):
    """Factor of the cost for one more step of lag; nan if fewer than two medians are not censored."""
    there = {lag: cost for lag, cost in medians(record, radius).items() if np.isfinite(cost)}
    return 10 ** laws.fit("exponential", list(there), list(there.values())).b if len(there) > 1 else float("nan")


def factor(record, radius):
    return float(np.mean([results.at(run["final"], radius, "factor") for run in record["runs"]]))


def products(record):
    return {radius: growth(record, radius) * factor(record, radius) for radius in LAGS}


def checks(record):
    claim = "spectral radius {}: growth of the cost per step of lag x factor of the error per step"
    return [results.check(claim.format(radius), product, f"{LOWEST} to {HIGHEST}", LOWEST <= product <= HIGHEST)
            for radius, product in products(record).items()]


def finding(record):
    words = ", ".join(f"{growth(record, radius):.2f} at radius {radius} (1 / factor: {1 / factor(record, radius):.2f})"
                      for radius in LAGS)
    return f"Nearly: with small steps one step of lag costs {words} times as much."


def table(record):
    costs = {radius: " · ".join(f"lag {lag}: {laws.words(cost)}" for lag, cost in medians(record, radius).items())
             for radius in LAGS}
    rows = [[radius, f"{factor(record, radius):.3f}", f"{1 / factor(record, radius):.2f}",
             f"{growth(record, radius):.2f}", costs[radius]] for radius in LAGS]
    return ["spectral radius at the start", "error's factor per step", "1 / factor", "cost's growth per step of lag",
            f"median sequences, {len(record['runs'])} seeds"], rows


def figure(record, arrays):
    from common.figures import CELLS, plt
    fig, ax = plt.subplots(figsize=(7, 4.2))
    for colour, radius in zip(CELLS, LAGS):
        lags = np.array(LAGS[radius])
        cost = np.array([laws.median(record, radius, lag) for lag in lags])
        ax.plot(lags[np.isfinite(cost)], cost[np.isfinite(cost)], "o", color=colour)
        inverse = 1 / factor(record, radius)
        ax.plot(lags, cost[0] * inverse ** (lags - lags[0]), "-", color=colour, linewidth=1,
                label=f"radius {radius}: growth {growth(record, radius):.2f}, 1 / factor {inverse:.2f}")
    ax.set(yscale="log", xlabel="lag", xticks=range(4, 23, 2), ylabel="training sequences until 99 %",
           title=f"the cost grows as the gradient shrinks (lines: 1 / factor a step; {len(record['runs'])} seeds)")
    ax.legend(fontsize=9)
    return fig
