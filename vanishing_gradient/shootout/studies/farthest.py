"""Who still learns at lag 10,000?

The main experiment's axis ends at lag 3,000, for its time. Here the gated networks, which solve that, go on to
10,000 with the same settings and seeds and 4 * 10^8 symbols: 39,996 sequences, where the shorter lags have
100,000. A seed of the LSTM of 1997 or of the GRU that fails would say that their cost, flat up to 3,000, is not
flat for ever.
"""

import numpy as np
from common import results, tables

from vanishing_gradient.shootout.racers import GATED, RACERS
from vanishing_gradient.shootout.shootout import race, solved, until_goal

SEEDS, MINUTES = range(8), 20
USES = ("symbols", "steps")
QUICK = dict(lag=10, steps=20_000)
METHODS = GATED


def run(config, seeds, part, lag=10_000):
    made = {name: race(config, name, seeds, part, (lag,)) for name in METHODS}
    for seed in seeds:
        rows = {name: made[name][seed][lag]["final"] for name in METHODS}
        yield results.entry(seed, {"random": {name: {str(lag): row} for name, row in rows.items()}},
                            seconds=sum(row["seconds"] for row in rows.values()))


def checks(record):
    lag, n = record["config"]["lag"], len(record["runs"])
    made = []
    for name, least in (("lstm", n - 1), ("gru", n - 1), ("lstm_forget", n // 2)):
        k = solved(record, name, lag)[0]
        made.append(results.check(f"lag {lag:,}: seeds that the {RACERS[name].label} solves", k,
                                  f"at least {least} of {n}", k >= least, interval=tables.wilson(k, n)))
    return made


def median(record, name):
    """Of the sequences until 99 %, as text."""
    value = np.median(until_goal(record, name, record["config"]["lag"]))
    return f"{value:,.0f}" if np.isfinite(value) else "not reached by half of the seeds"


def finding(record):
    lag, n = record["config"]["lag"], len(record["runs"])
    said = [f"{RACERS[name].label}: {solved(record, name, lag)[0]} of {n} seeds, sequences until 99 % "
            f"{median(record, name)} (median)" for name in METHODS]
    return f"At lag {lag:,}: {'; '.join(said)}."


def table(record):
    lag, rows = record["config"]["lag"], []
    for name in METHODS:
        cells = [run_["final"]["random"][name][str(lag)] for run_ in record["runs"]]
        rows.append([RACERS[name].label, RACERS[name].year, tables.share(*solved(record, name, lag)),
                     f"{1 / record['config']['symbols']:g}", median(record, name),
                     f"{np.median([cell['multiply_adds'] for cell in cells]):.1e}",
                     f"{np.median([cell['seconds'] for cell in cells]):.0f}"])
    return ["method", "year", f"solved at lag {lag:,}", "chance", "sequences until 99 %, median",
            "multiply-adds, median", "processor seconds a seed"], rows
