"""Are the steps of small SGD small: do its rate and its noise change what a step of lag costs?

Varied, one at a time, from the recipe of the main experiment (rate 1, batch 64, plain start): a third of the rate; a
quarter of the batch, and four times it. Where the weights follow the gradient, the cost is a length of the way:
updates times rate are the same in every row, and so is the growth with the lag. "Noise finds it" or "the rate is too
large" is refuted by rows that agree.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import FIRST, SOLVED, Recipe

SEEDS, MINUTES = range(8), 0.4
USES = ("units",)
QUICK = dict(lags=(4, 5), budget=3000)
ROWS = {"main": (1.0, 64), "slower": (0.3, 64), "noisier": (1.0, 16), "quieter": (1.0, 256)}     # rate, batch


def run(config, seeds, part, lags=(4, 5, 6, 7, 8), budget=4_000_000):
    """Every row and lag is one call with all seeds; each is kept."""
    finals = {seed: {} for seed in seeds}
    for name in ROWS:
        for lag in lags:
            made = part(f"{name} {lag} {min(seeds)}-{max(seeds)}",
                        lambda: raced(config.units, seeds, name, lag, budget))
            for seed, final in zip(seeds, made["finals"]):
                finals[seed].setdefault(name, {})[str(lag)] = final
    return [results.entry(seed, finals[seed]) for seed in seeds]


def raced(units, seeds, name, lag, budget):
    """{finals: [...]} of one row and lag."""
    (rate, batch), net = ROWS[name], FIRST.network(units)
    p = stack([training.start("plain", seed, net) for seed in seeds])
    made = training.train(FIRST, net, p, seeds, np.full(len(seeds), rate), lag, Recipe("sgd", batch), budget)
    right = training.test(FIRST, net, made.p, seeds, lag)
    return dict(finals=[dict(sequences=float(needed) if np.isfinite(needed) and score >= SOLVED else None)
                        for needed, score in zip(made.sequences, right)])


# ---------------------------------------------------------------- what it shows

def ways(record, name):
    """{lag: updates times rate of the median network}."""
    rate, batch = ROWS[name]
    return {lag: laws.median(record, name, lag) / batch * rate for lag in record["config"]["lags"]}


def growth(record, name):
    """Factor of the cost for one more step of lag."""
    there = {lag: way for lag, way in ways(record, name).items() if np.isfinite(way)}
    return 10 ** laws.fit("exponential", list(there), list(there.values())).b if len(there) > 1 else float("nan")


def length(record, name):
    """Updates times rate, of the main row's: geometric mean over the lags."""
    own, main = ways(record, name), ways(record, "main")
    return float(np.exp(np.mean([np.log(own[lag] / main[lag]) for lag in own
                                 if np.isfinite(own[lag]) and np.isfinite(main[lag])] or [np.nan])))


# Bounds fixed on seeds 900 to 907, lags 4 to 7.
def checks(record):
    made = []
    for name in list(ROWS)[1:]:
        of = words(name)
        ratio, way = growth(record, name) / growth(record, "main"), length(record, name)
        made.append(results.check(f"{of}: growth per step of lag / the main recipe's", ratio, "0.8 to 1.25",
                                  0.8 <= ratio <= 1.25))
        made.append(results.check(f"{of}: updates times rate / the main recipe's", way, "0.67 to 1.5",
                                  0.67 <= way <= 1.5))
    return made


def words(name):
    return "rate {:g}, batch {}".format(*ROWS[name])


def finding(record):
    rows = "; ".join(f"{words(name)}: × {growth(record, name):.2f} a step of lag"
                     + (f", {length(record, name):.2f} of the way" if name != "main" else "") for name in ROWS)
    return f"Updates times rate, and their growth: {rows}."


def table(record):
    lags = record["config"]["lags"]
    rows = [[words(name), *(laws.words(laws.median(record, name, lag)) for lag in lags), f"{growth(record, name):.2f}",
             f"{length(record, name):.2f}"] for name in ROWS]
    return ["row", *(f"lag {lag}: median sequences" for lag in lags), "growth per step of lag",
            "updates times rate, of the first row's"], rows
