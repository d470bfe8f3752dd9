"""Do the LSTM of 1997 and the GRU still learn at lag 10,000?

The main experiment's axis ends at lag 3,000, for its time. Here the two methods that need the fewest
sequences go on to 10,000, with the same settings and seeds and 4 * 10^8 symbols: 39,996 sequences, where the
shorter lags have 100,000. A seed that fails would say that the cost, flat up to 3,000, is not flat for ever.
"""

import numpy as np
from common import results, tables

from vanishing_gradient.shootout.racers import RACERS
from vanishing_gradient.shootout.shootout import race, solved, until_goal

SEEDS, MINUTES = range(8), 5
USES = ("symbols", "steps")
QUICK = dict(lag=10, steps=20_000)
METHODS = ("lstm", "gru")


def run(config, seeds, part, lag=10_000):
    made = {name: race(config, name, seeds, part, (lag,)) for name in METHODS}
    for seed in seeds:
        rows = {name: made[name][seed][lag]["final"] for name in METHODS}
        yield results.entry(seed, {"random": {name: {str(lag): row} for name, row in rows.items()}},
                            seconds=sum(row["seconds"] for row in rows.values()))


def checks(record):
    lag, n = record["config"]["lag"], len(record["runs"])
    found = {name: solved(record, name, lag)[0] for name in METHODS}
    return [results.check(f"lag {lag:,}: seeds that the {RACERS[name].label} solves", k, f"at least {n - 1} of {n}",
                          k >= n - 1, interval=tables.wilson(k, n)) for name, k in found.items()]


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
