"""Which settings does evolution need on the Mackey-Glass series?

Task, points and scores as in the study `mackey_glass`, Evolino alone, on the two choosing seeds: one
thing is changed at a time. The first row is what was used before, chosen on one seed after twelve
generations. The setting of 30 cells (as published) with the lowest error on the points that the search
sees (geometric mean of the seeds) is the one of `mackey_glass`; NRMSE_84 stands beside it and decides
nothing. Looked at by hand before, and worse: a forget bias 1 higher. What would make this table
useless: an order that changes with the seed.
"""

import time

import numpy as np
from common import results
from common.tables import number

from vanishing_gradient.evolino.studies.mackey_glass import centred, evolved, with_least_squares

SEEDS, MINUTES = range(900, 902), 4
USES = ("members", "trials", "washout")
QUICK = dict(members=4, generations=2, cells=6)
BASE = dict(init=0.5, feedback=1.0, mutation=0.001, patience=5)
CHANGES = {
    "mutation 0.01, patience 20 (before)": dict(mutation=0.01, patience=20),
    "mutation 0.001, patience 5": {},
    "mutation 0.01": dict(mutation=0.01),
    "mutation 0.003": dict(mutation=0.003),
    "mutation 0.0003": dict(mutation=0.0003),
    "mutation 0.0001": dict(mutation=0.0001),
    "patience 2": dict(patience=2),
    "patience 20": dict(patience=20),
    "feedback 0.3": dict(feedback=0.3),
    "feedback 3": dict(feedback=3.0),
    "first weights within 0.25": dict(init=0.25),
    "first weights within 1": dict(init=1.0),
    "washout 300": dict(washout=300),
    "60 cells": dict(cells=60),
}


def run(config, seeds, generations=30, cells=30):
    for seed in seeds:
        started, final, series = time.perf_counter(), {}, centred(seed, config.washout)
        for n, change in enumerate(CHANGES.values()):
            setting = {**BASE, "cells": cells, "washout": config.washout, **change}
            washout = setting.pop("washout")
            score = lambda networks, series=series, washout=washout: with_least_squares(networks, series, washout)
            found, _ = evolved(config.recipe, score, setting.pop("cells"), seed, generations, **setting)
            final |= {f"seen_{n}": found.error[0], f"test_{n}": found.tested(series)[-1]}
        yield results.entry(seed, final, seconds=round(time.perf_counter() - started, 2))


def seen(record, n):
    """Geometric mean over the seeds of the error on the points seen."""
    return float(np.exp(np.log(results.values(record, f"seen_{n}")).mean()))


GAIN, ORDER = 0.8, 0.5                       # bounds of the claims, fixed before the run


def checks(record):
    before, now = (results.values(record, f"seen_{n}") for n in (0, 1))
    ratio = float((now / before).max())
    one, other = (run_["final"] for run_ in record["runs"][:2]) if len(record["runs"]) > 1 else (None, None)
    names = [f"seen_{n}" for n in range(len(CHANGES))]
    same = rank_correlation([one[k] for k in names], [other[k] for k in names]) if one else None
    return [results.check("smaller mutation and earlier bursts: error on the points seen over that before, worst seed",
                          ratio, f"below {GAIN}", ratio < GAIN),
            results.check("the settings' order on the two seeds: rank correlation", same, f"above {ORDER}",
                          same is not None and same > ORDER)]


def rank_correlation(a, b):
    return float(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1])


def finding(record):
    errors = {label: seen(record, n) for n, label in enumerate(CHANGES)}
    thirty = {label: error for label, error in errors.items() if "cells" not in label}
    best, before = min(thirty, key=thirty.get), next(iter(CHANGES))
    return (f"Error on the points seen: {number(errors[before], 2)} before; {number(errors[best], 2)} with {best}, the "
            f"best of {len(thirty)} settings of 30 cells; {number(errors['60 cells'], 2)} with 60 cells.")


def table(record):
    rows = [[label, number(seen(record, n), 2), *(number(v, 2) for v in results.values(record, f"seen_{n}")),
             *(number(v, 2) for v in results.values(record, f"test_{n}"))] for n, label in enumerate(CHANGES)]
    seeds = [run_["seed"] for run_ in record["runs"]]
    return (["setting", "error on the points seen, geometric mean", *(f"seed {seed}" for seed in seeds),
             *(f"NRMSE_84, seed {seed}" for seed in seeds)], rows)


def figure(record, arrays):
    from common.figures import CELLS, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4.4))
    for k, run_ in enumerate(record["runs"]):
        for name, face in (("seen", CELLS[k]), ("test", "white")):
            errors = [run_["final"][f"{name}_{n}"] for n in range(len(CHANGES))]
            ax.plot(errors, range(len(CHANGES)), SYMBOL_MARKERS[k], color=CELLS[k], markerfacecolor=face, linestyle="",
                    label=f"seed {run_['seed']}, {'points seen' if name == 'seen' else 'NRMSE_84'}")
    ticks = (0.02, 0.05, 0.1, 0.2)
    ax.set(xscale="log", xlabel="error", yticks=range(len(CHANGES)), yticklabels=list(CHANGES), xticks=ticks,
           xticklabels=ticks, title="from the third row on: one change of the second")
    ax.minorticks_off()
    ax.invert_yaxis()
    fig.legend(loc="outside lower center", ncols=2)
    return fig
