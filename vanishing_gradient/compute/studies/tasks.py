"""Is it only this task: how far do the same recipes get on its harder and easier relatives?

Eight symbols in place of two; filler of the same two symbols, so that only its place says that the first one matters;
filler in turn, so that there are two sequences only; two-sequence (Bengio, Simard & Frasconi 1994): the sign of the
first three inputs under noise. Recipes as chosen for the main task at lag 60, not tuned again: a failure here says
that these recipes fail, not that none works.
"""

import numpy as np

from common import results
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.compute import CURVES
from vanishing_gradient.compute.training import TASKS

SEEDS, MINUTES = range(8), 0.3
USES = ("units",)
QUICK = dict(lags=(4,), budget=300)
SHORT = {"first": "two symbols", "eight": "eight", "alike": "filler of the same", "cycle": "filler in turn",
         "two_sequence": "two-sequence"}
SHOWN = ("sgd_plain", "sgd_orthogonal", "adam_plain", "adam_orthogonal")


def run(config, seeds, part, lags=(10, 30), budget=3000):
    """Every task, recipe and lag is one call with all seeds; each is kept."""
    finals = {seed: {} for seed in seeds}
    for task in TASKS:
        for name in SHOWN:
            for lag in lags:
                made = part(f"{task} {name} {lag} {min(seeds)}-{max(seeds)}",
                            lambda: dict(finals=training.race(TASKS[task], CURVES[name], seeds, lag, budget,
                                                              config.units)))
                for seed, final in zip(seeds, made["finals"]):
                    finals[seed].setdefault(task, {}).setdefault(name, {})[str(lag)] = final
    return [results.entry(seed, finals[seed]) for seed in seeds]


def solved(record, task, name, lag):
    """(solved seeds, lower median of the sequences with the others as infinite)."""
    needed = np.array([np.inf if (v := results.at(run["final"], task, name, lag, "sequences")) is None else v
                       for run in record["runs"]])
    return int(np.isfinite(needed).sum()), float(laws.middle(needed))


def best(record, task, lag):
    """Solved seeds of the recipe that solves most."""
    return max(solved(record, task, name, lag)[0] for name in SHOWN)


def checks(record):
    lag, n = record["config"]["lags"][-1], len(record["runs"])
    eight, two = best(record, "eight", lag), best(record, "first", lag)
    return [results.check(f"lag {lag}: networks solved by the best recipe with eight symbols, minus those with two",
                          eight - two, f"below 0 (of {n}): more symbols are harder", eight < two)]


def finding(record):
    lag, n = record["config"]["lags"][-1], len(record["runs"])
    words = ", ".join(f"{SHORT[task]} {best(record, task, lag)}" for task in TASKS)
    return f"Solved at lag {lag} by the best recipe, of {n}: {words}."


def table(record):
    n, made = len(record["runs"]), {}
    for task in TASKS:
        rows = []
        for name in SHOWN:
            cells = [solved(record, task, name, lag) for lag in record["config"]["lags"]]
            rows.append([CURVES[name].label, *(f"{k} of {n}, {laws.words(needed)}" for k, needed in cells)])
        rows.append(["chance", *[f"accuracy {TASKS[task].chance:g}"] * len(record["config"]["lags"])])
        made[f"{TASKS[task].label}: solved, median sequences (at most {record['config']['budget']:,})"] = (
            ["recipe", *(f"lag {lag}" for lag in record["config"]["lags"])], rows)
    return made
