"""Which rate, batch size and initial scale does each method need?

Every point of a grid trains on three seeds that are used for nothing else. The best has the most
seeds solved, then the fewest sequences until 99 % (a network that does not get there counts the whole
budget), then the highest accuracy. A batch size and scale with which no network was right is not
tried at longer lags. The tanh-RNNs' best four go on to the study `finalists`; elsewhere, and for distractors
from the same symbols, the room's constants SETTINGS and ALIKE must be the best of this record (tested). A rate
or scale at the edge of its grid is named in the table.
"""

import itertools
import time

import numpy as np
from common import results
from common.progress import Progress

from vanishing_gradient.shootout.racers import RACERS, Setting, Task
from vanishing_gradient.shootout.training import train

SEEDS, MINUTES = range(900, 903), 32
USES = ()
QUICK = dict(lags=(4,), budget=200, rates_tanh=(0.01,), rates_gated=(0.1,), stds=(0.1,), alike=(4,))
TANH = ("rnn", "tuned_rnn")
STD = 0.1                                    # of the gated networks; their gates' biases set the time scale


def run(config, seeds, part, lags=(30, 100, 300, 1000), budget=16_000, batches=(16, 64),
        stds=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), rates_tanh=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
        rates_gated=(0.01, 0.03, 0.1, 0.3, 1.0), alike=(30,)):
    finals, seconds = [{"random": {}, "alike": {}} for _ in seeds], [0.0] * len(seeds)
    for name, (form, tried) in itertools.product(RACERS, (("random", lags), ("alike", alike))):
        tanh = name in TANH
        grid = list(itertools.product(batches, stds if tanh else (STD,)))
        for lag in tried:
            cells = [part(f"{name} {form} {lag} {B} {std} {seeds}", lambda: one_cell(
                name, Task(lag, 8, form), seeds, rates_tanh if tanh else rates_gated, B, std, budget))
                     for B, std in grid]
            for n in range(len(seeds)):
                finals[n][form].setdefault(name, {})[str(lag)] = tree(grid, cells, n)
                seconds[n] += sum(cell["seconds"] for cell in cells) / len(seeds)
            grid = [point for point, cell in zip(grid, cells) if np.isfinite(cell["sequences"]).any()]
            if not grid:
                break
    return [results.entry(seed, final, seconds=s) for seed, final, s in zip(seeds, finals, seconds)]


def one_cell(name, task, seeds, rates, B, std, budget):
    """One batch size and scale, every rate and seed: sequences until 99 % and accuracy, (seeds, rates)."""
    started, progress = time.process_time(), Progress(f"{name}, {task.form}, lag {task.lag}, batch {B}", budget)
    trained = train(RACERS[name], task, np.repeat(seeds, len(rates)), np.tile(rates, len(seeds)), B, std, budget,
                    lambda seen, right: progress.update(seen, best=right.max(), left=len(right)))
    progress.close()
    shape = len(seeds), len(rates)
    return dict(sequences=trained.sequences.reshape(shape), accuracy=trained.accuracy.reshape(shape),
                rates=list(rates), seconds=time.process_time() - started)


def tree(grid, cells, n):
    """{batch: {std: {rate: {sequences, accuracy}}}} of one seed."""
    made = {}
    for (B, std), cell in zip(grid, cells):
        made.setdefault(str(B), {})[str(std)] = {
            str(rate): dict(sequences=cell["sequences"][n, k], accuracy=cell["accuracy"][n, k])
            for k, rate in enumerate(cell["rates"])}
    return made


# ---------------------------------------------------------------- what it says

def ranked(record, form, name, lag):
    """[(rank, Setting, solved, mean sequences)], the best first."""
    found, budget = [], record["config"]["budget"]
    every = [run["final"][form][name][str(lag)] for run in record["runs"]]
    for B, stds in every[0].items():
        for std, rates in stds.items():
            for rate in rates:
                cells = [seed[B][std][rate] for seed in every]
                sequences = [cell["sequences"] or budget for cell in cells]
                solved = sum(cell["sequences"] is not None for cell in cells)
                rank = (-solved, np.mean(sequences), -np.mean([cell["accuracy"] for cell in cells]))
                found.append((rank, Setting(float(rate), int(B), float(std)), solved, float(np.mean(sequences))))
    return sorted(found)


def best(record, form="random"):
    """{name: {lag: Setting}} for the lags at which a network of the grid was right; without any, for the first lag."""
    made = {}
    for name, lags in record["runs"][0]["final"][form].items():
        top = {int(lag): ranked(record, form, name, lag)[0] for lag in lags}
        right = {lag: setting for lag, (_, setting, solved, _) in top.items() if solved}
        made[name] = right or {min(top): top[min(top)][1]}
    return made


def checks(record):
    return []


def at_the_edge(setting, every, what):
    """' (edge)' if the rate, or the scale, is the smallest or the largest of those tried."""
    tried = sorted({getattr(other, what) for _, other, _, _ in every})
    return " (edge)" if len(tried) > 1 and getattr(setting, what) in (tried[0], tried[-1]) else ""


def rows_of(record, form):
    rows = []
    for name, lags in record["runs"][0]["final"][form].items():
        for lag in lags:
            every = ranked(record, form, name, lag)
            _, setting, solved, sequences = every[0]
            edge = {what: at_the_edge(setting, every, what) if solved else "" for what in ("rate", "std")}
            rows.append([RACERS[name].label, f"{int(lag):,}", len(every), f"{setting.rate:g}{edge['rate']}",
                         setting.batch, f"{setting.std:g}{edge['std']}", f"{solved} of {len(record['runs'])}",
                         f"{sequences:,.0f}"])
    return rows


def table(record):
    header = ["method", "lag", "settings tried", "best rate", "batch", "initial scale", "solved", "sequences, mean"]
    return {"Random filler": (header, rows_of(record, "random")),
            "Distractors from the same symbols": (header, rows_of(record, "alike"))}


def finding(record):
    count = sum(len(ranked(record, "random", name, lag)) for name, lags in
                record["runs"][0]["final"]["random"].items() for lag in lags)
    rows = [row for row in rows_of(record, "random") if "edge" in row[3] + row[5]]
    return (f"Of {count} settings (method, lag, rate, batch, scale) on {len(record['runs'])} seeds the table shows the "
            f"best of each method and lag; {len(rows)} of them lie at the edge of the rates or scales tried.")
