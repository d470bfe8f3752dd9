"""Which lags does the chunker solve?

The chunker's part of the shootout (vanishing_gradient/shootout/): one of two letters first, cycling
filler, and the letter is asked for `lag` steps after it. Here the question is the letter itself, the
next symbol to be predicted, so a sequence has lag + 2 symbols. A and C get the main experiment's
recipe at every lag (m = 0): a fixed number of updates, so the number of sequences is what that recipe
reads, not where learning stopped. "The lag costs nothing" would be refuted by a lag at which a seed
fails. It can fail at a short one: with a lag of 30 the letter ends one cycle of six, more often than
the tolerance, so A is surprised whenever the cycle goes on, and C has seven symbols to carry the letter
over. With random filler nothing can be predicted and nothing is compressed: study `stochastic_filler`.
"""

import time
from dataclasses import replace

import numpy as np

from chunker_very_deep_1200.chunker_very_deep_1200 import SOLVED, score_chunker, train_chunker_pair
from chunker_very_deep_1200.task import CHANCE, alphabet, twins
from common import results, tables

SEEDS, MINUTES = range(8), 0.2
USES = ("automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch", "automatizer_lr",
        "tolerance", "chunker_hidden", "chunker_updates", "chunker_batch", "chunker_lr", "clip")
QUICK = dict(lags=(10, 30), automatizer_windows=300, chunker_updates=40, chunker_batch=4)
FORM, NAME = "cycle", "chunker"              # where the shootout shows it


def run(config, seeds, part, lags=(10, 30, 100, 300, 1000, 3000)):
    rows = {lag: part(f"{lag} {'-'.join(map(str, seeds))}", lambda: at_lag(config, seeds, lag)) for lag in lags}
    for n, seed in enumerate(seeds):
        by_lag = {str(lag): {metric: float(a[n]) for metric, a in row.items()} for lag, row in rows.items()}
        yield results.entry(seed, {FORM: {NAME: by_lag}}, seconds=sum(row["seconds"] for row in by_lag.values()))


def at_lag(config, seeds, lag):
    """{metric: (N,)} after the main experiment's training on sequences of lag + 2 symbols."""
    started, config = time.process_time(), replace(config, length=lag + 2)
    nets, p, _ = train_chunker_pair(seeds, config)
    final, _ = score_chunker(nets, p, twins(seeds, "test", 1, config.length, 0), config)
    right, every = final["recall_chunker"], np.ones(len(seeds))
    return dict(accuracy=right, seen=every * config.sequences, surprises=final["surprises"],
                sequences=np.where(right >= 0.99, config.sequences, np.nan),
                multiply_adds=every * multiply_adds(config),
                seconds=every * (time.process_time() - started) / len(seeds))


def multiply_adds(config):
    """Of A's training (three products a weight and step), A's walk over C's sequences, and C on two surprises."""
    H, C, K = config.automatizer_hidden, config.chunker_hidden, alphabet(0)
    steps = config.automatizer_windows * min(config.automatizer_window, config.length) * config.automatizer_batch
    walked = config.chunker_updates * config.chunker_batch
    return (3 * steps + walked * config.length) * H * (H + K) + 3 * 2 * walked * C * (C + K)


def measured(record, lag, metric="accuracy"):
    return [results.at(run_["final"], FORM, NAME, lag, metric) for run_ in record["runs"]]


def solved(record, lag):
    return sum(a is not None and a >= SOLVED for a in measured(record, lag))


def checks(record):
    lag, n = max(record["config"]["lags"]), len(record["runs"])
    k, surprises = solved(record, lag), max(measured(record, lag, "surprises"))
    return [results.check(f"cycling filler, lag {lag:,}: seeds solved", k, f"all {n}", k == n,
                          interval=tables.wilson(k, n)),
            results.check(f"cycling filler, lag {lag:,}: surprises, worst seed", surprises, "2", surprises == 2)]


def finding(record):
    n, lags = len(record["runs"]), record["config"]["lags"]
    failed = [lag for lag in lags if solved(record, lag) < n]
    if failed:
        said = "; ".join(f"lag {lag:,} ({solved(record, lag)} of {n}, "
                         f"{max(measured(record, lag, 'surprises')):g} surprises)" for lag in failed)
        return f"With cycling filler all from {min(lags)} to {max(lags):,} ({n} seeds), except {said}."
    return f"With cycling filler all from {min(lags)} to {max(lags):,} ({n} seeds)."


def table(record):
    rows = [[f"{lag:,}", tables.share(solved(record, lag), len(record["runs"])), f"{CHANCE:g}",
             f"{measured(record, lag, 'seen')[0]:,.0f}", f"{measured(record, lag, 'multiply_adds')[0]:.1e}",
             f"{sum(measured(record, lag, 'seconds')) / len(record['runs']):.1f}",
             f"{max(measured(record, lag, 'surprises')):g}"] for lag in record["config"]["lags"]]
    return ["lag", "solved", "chance", "sequences", "multiply-adds", "processor seconds a seed",
            "surprises, worst seed"], rows
