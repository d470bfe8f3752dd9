"""One method at growing lags: where a seed ends, and how its record is read.

For the rooms' parts of the shootout (studies named `shootout`; vanishing_gradient/shootout/parts.py reads them).
The runs of such a record hold final[variant][method][lag][metric].
"""

import numpy as np

from common import results

SOLVED = 0.95                                # test accuracy, as everywhere in the house
PATIENCE = 2                                 # a seed ends after so many lags in a row that it does not solve


def along(lags, at_lag):
    """{lag: row} until PATIENCE lags in a row are unsolved.

    at_lag   function of a lag that returns its row, {metric: value} with the metric "accuracy"
    """
    rows, unsolved = {}, 0
    for lag in lags:
        rows[str(lag)] = row = at_lag(lag)
        unsolved = 0 if row["accuracy"] >= SOLVED else unsolved + 1
        if unsolved == PATIENCE:
            break
    return rows


def measured(record, variant, method, lag, metric):
    """One value for each seed that ran this lag and has the metric, (seeds,)."""
    found = [results.at(run["final"], variant, method, lag, metric) for run in record["runs"]]
    return np.array([v for v in found if v is not None], float)


def solved(record, variant, method, lag):
    """How many seeds solve the lag; one that had ended before does not."""
    return int((measured(record, variant, method, lag, "accuracy") >= SOLVED).sum())


def lags_run(record, variant, method):
    """The lags of the record that at least one seed ran."""
    return [lag for lag in record["config"]["lags"] if len(measured(record, variant, method, lag, "accuracy"))]
