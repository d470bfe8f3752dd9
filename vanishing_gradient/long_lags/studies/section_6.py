"""Do the initial gate biases prevent abuse and drift, as sections 4 and 6 of the paper say?

Experiment 3a with N = 3, noise of standard deviation 0.2 (the cheap reading), four nets: as published; output gates
that start half open (abuse: a cell is used as a bias before it has learned to store); input gates that start half open
(drift: the state runs away and h saturates); both.
"""

import numpy as np

from common import results
from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.long_lags import SMALL_NOISE
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 2
USES = ()
QUICK = dict(cap=20)
BIASES = {"as published": {}, "output gates start at 0": dict(output_gates=(0, 0, 0)),
          "input gates start at 0": dict(input_gates=(0, 0, 0)),
          "both start at 0": dict(output_gates=(0, 0, 0), input_gates=(0, 0, 0))}
ROWS = tuple(SMALL_NOISE._replace(name=f"gates_{n}", title=title, net=SMALL_NOISE.net._replace(**biases))
             for n, (title, biases) in enumerate(BIASES.items()))


def run(config, seeds, part, cap=20_000):
    return run_rows(ROWS, seeds, (cap,) * len(ROWS), part)


def ratios(record):
    """{title: (ratio of the means to the published biases, its interval)}; unsolved trials count with the cap."""
    base = report.compared(record, ROWS[0].name)
    found = {}
    for row in ROWS[1:]:
        other = report.compared(record, row.name)
        each = other.seen / base.seen.mean()
        found[row.title] = float(each.mean()), results.interval(each)
    return found


def checks(record):
    return [results.check(f"{title}: sequences / those with the published biases", ratio,
                          "at least 1.5, interval above 1", ratio >= 1.5 and (interval is None or interval[0] > 1),
                          interval=interval) for title, (ratio, interval) in ratios(record).items()]


def finding(record):
    parts = [f"{title}: {ratio:.2g} times the sequences" for title, (ratio, _) in ratios(record).items()]
    return "; ".join(parts) + " that the published biases need."


def table(record):
    rows = []
    for row in ROWS:
        found = report.compared(record, row.name)
        low, high = found.interval
        rows.append([row.title, f"{found.solved} of {found.trials}", f"{found.mean:,.0f} [{low:,.0f}, {high:,.0f}]",
                     f"{np.median(found.seen):,.0f}"])
    return ["initial biases", "solved", "mean sequences [95 %], unsolved at the cap", "median"], rows


def figure(record, arrays):
    return report.trials([(row.title, report.compared(record, row.name)) for row in ROWS],
                         f"sequences to ST2, {len(record['runs'])} trials (arrow: stopped unsolved)", log=False)
