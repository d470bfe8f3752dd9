"""Medians with censored runs, and two laws that are fitted to them: exponential and power of the lag."""

from typing import NamedTuple

import numpy as np

from common import results

RESAMPLES = 2000                             # of the seeds, for the interval of a growth
KINDS = ("exponential", "power law")
SMALL = "small_plain"                        # the curve that the laws are fitted to


def costs(record, name, lag, what="sequences"):
    """(seeds,) cost of every run of one curve at one lag; infinite where it was not solved within the budget."""
    found = [results.at(run["final"], name, lag, what) for run in record["runs"]]
    return np.array([np.inf if value is None else value for value in found], dtype=float)


def median(record, name, lag, what="sequences"):
    """The median with unsolved networks as infinitely slow: infinite when more than half of them are unsolved."""
    return middle(costs(record, name, lag, what))


def middle(values, axis=None):
    """Median of costs; of an even number the lower of the two in the middle, so that one infinity does not spread."""
    return np.quantile(values, 0.5, axis=axis, method="lower")


def words(value):
    return f"{value:,.0f}" if np.isfinite(value) else "censored"


class Law(NamedTuple):
    """log10 cost = a + b x, x the lag (exponential) or log10 of the lag (power law)."""
    kind: str
    a: float
    b: float

    def predict(self, lag):
        return 10 ** (self.a + self.b * abscissa(self.kind, lag))

    def reached(self, cost):
        """The lag that this law reaches at a cost."""
        x = (np.log10(cost) - self.a) / self.b
        return float(x if self.kind == "exponential" else 10**x)


def abscissa(kind, lag):
    return np.asarray(lag, float) if kind == "exponential" else np.log10(lag)


def fit(kind, lags, cost):
    """Least squares on log10 of the costs, all finite."""
    b, a = np.polyfit(abscissa(kind, lags), np.log10(cost), 1)
    return Law(kind, float(a), float(b))


def fitted_lags(record):
    """The lags of small SGD that make the fit, as far as their median is not censored."""
    first, last = record["config"]["fitted"]
    return [lag for lag in record["config"]["curves"][SMALL]["lags"]
            if first <= lag <= last and np.isfinite(median(record, SMALL, lag))]


class Growth(NamedTuple):
    """Factor of the cost for one more step of lag, and the interval when seeds are drawn again."""
    value: float
    interval: tuple


def small_growth(record, what="sequences"):
    """Growth of the exponential fitted to small SGD's medians; nan with fewer than two lags."""
    lags = fitted_lags(record)
    return growth_of(lags, np.array([costs(record, SMALL, lag, what) for lag in lags]))


def growth_of(lags, table):
    """Growth of the exponential fitted to the medians of a table (lags, seeds); nan with fewer than two lags."""
    if len(lags) < 2:
        return Growth(float("nan"), (float("nan"),) * 2)
    slopes = resampled("exponential", lags, table)
    value = 10 ** fit("exponential", lags, middle(table, 1)).b
    return Growth(float(value), tuple(float(10**v) for v in np.quantile(slopes, (0.025, 0.975))))


def resampled(kind, lags, table):
    """Slopes b of a law when the seeds are drawn again; draws with a censored median are left out."""
    n = table.shape[1]
    picks = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    drawn = np.log10(middle(table[:, picks], 2))                                         # (lags, resamples)
    drawn = drawn[:, np.isfinite(drawn).all(0)]
    return np.polyfit(abscissa(kind, lags), drawn, 1)[0] if drawn.shape[1] else np.array([np.nan])


class HeldOut(NamedTuple):
    """Both laws and what they say about the lags that they were not fitted to."""
    laws: tuple                              # (exponential, power law), or ()
    rows: list                               # [(lag, measured median, exponential's, power law's)]
    ratio: float                             # rms error of log10, exponential / power law; None: nothing to compare


def held_out(record):
    later = [lag for lag in record["config"]["curves"][SMALL]["lags"] if lag > record["config"]["fitted"][1]]
    medians = {lag: median(record, SMALL, lag) for lag in [*fitted_lags(record), *later]}
    return compared(medians, fitted_lags(record), later)


def compared(medians, lags, later):
    """Both laws fitted to the medians {lag: cost} of `lags` (all finite) and asked for those of `later`."""
    if len(lags) < 2:
        return HeldOut((), [], None)
    both = [fit(kind, lags, [medians[lag] for lag in lags]) for kind in KINDS]
    rows = [(lag, medians[lag], *(float(law.predict(lag)) for law in both)) for lag in later]
    errors = np.array([[np.log10(law / measured) for law in predicted] for _, measured, *predicted in rows
                       if np.isfinite(measured)])
    ratio = float(np.sqrt((errors[:, 0] ** 2).mean() / (errors[:, 1] ** 2).mean())) if len(errors) else None
    return HeldOut(tuple(both), rows, ratio)


def steps_for(factor, growth):
    """How many steps of lag a factor in compute buys if the exponential goes on."""
    return float(np.log(factor) / np.log(growth))


def steps_by_power(factor, exponent, lag):
    """How many steps beyond `lag` a factor in compute buys if a power law goes on: cost ~ lag ** exponent."""
    return float(lag * (factor ** (1 / exponent) - 1))
