"""Medians with censored runs, and two laws that are fitted to them: exponential and power of the lag."""

from typing import NamedTuple

import numpy as np

from common import results


def costs(record, optimizer, kind, lag, what="sequences"):
    """(seeds,) sequences or multiply-adds of every run; infinite where the network was not solved within the budget."""
    found = [results.at(run["final"], optimizer, kind, lag, what) for run in record["runs"]]
    return np.array([np.inf if value is None else value for value in found], dtype=float)


def median(record, optimizer, kind, lag, what="sequences"):
    """The median with unsolved networks as infinitely slow: infinite when half of them or more are unsolved."""
    return float(np.median(costs(record, optimizer, kind, lag, what)))


def words(value):
    return f"{value:,.0f}" if np.isfinite(value) else "censored"


class Law(NamedTuple):
    """log10 cost = a + b x, x the lag (exponential) or log10 of the lag (power law)."""
    kind: str
    a: float
    b: float
    rms: float                               # of log10, over the lags fitted

    def predict(self, lag):
        return 10 ** (self.a + self.b * abscissa(self.kind, lag))


def abscissa(kind, lag):
    return np.asarray(lag, float) if kind == "exponential" else np.log10(lag)


def fit(kind, lags, cost):
    """Least squares on log10 of the costs (all finite, at least two lags)."""
    x, y = abscissa(kind, lags), np.log10(cost)
    b, a = np.polyfit(x, y, 1)
    return Law(kind, float(a), float(b), float(np.sqrt(np.mean((a + b * x - y) ** 2))))
