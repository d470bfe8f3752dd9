"""Sheer compute as a remedy: what does one more step of lag cost a network whose gradient vanishes?

Remedy III: keep the tanh-RNN, keep gradient descent, and pay. The first of two symbols is asked for
`lag` steps later, random filler between (common/tasks/first_symbol.py). Counted: the training
sequences, and multiply-adds, until 99 % of the validation sequences are right, against the lag; plain
SGD and Adam apart, networks with a plain and with an orthogonal start. A network that does not get
there within the budget is censored.

    python3 vanishing_gradient/compute/compute.py                     one seed
    python3 vanishing_gradient/compute/compute.py --commit            the committed record: seeds 0 to 7
    python3 vanishing_gradient/compute/compute.py --study mechanism   why Adam gets farther; --help lists all studies

Rates and batch sizes were chosen on other seeds (`--study choosing`). An exponential and a power law
are fitted to SGD's shorter lags and asked for the longer ones. The run ends with the median number of
sequences, for each lag.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, results, study
from common.config import parse, run, setting
from common.networks import stack
from common.progress import Parts, Progress, collect
from common.randomness import stream
from common.tasks.first_symbol import rules, sequences
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import SOLVED, STARTS, SYMBOLS, TEST, Recipe, multiply_adds

HERE = Path(__file__).resolve().parent
SEEDS = range(8)
LAGS = {"sgd": (4, 6, 8, 10, 12, 14, 16), "adam": (4, 8, 12, 16, 20, 30, 60, 100, 200, 300)}
FITTED = 12                                  # SGD's lags up to this make the fit; the longer ones are held out
# (optimiser, start): rate, batch size; from `--study choosing`, seeds 900 to 903
CHOSEN = {("sgd", "plain"): (1.0, 16), ("sgd", "orthogonal"): (1.0, 16),
          ("adam", "plain"): (0.01, 16), ("adam", "orthogonal"): (0.01, 16)}
WATCHED = 64                                 # sequences on which the error's way back is measured


@dataclass(frozen=True)
class Config:
    units: int = setting(16, "units of the tanh-RNN", minimum=1, maximum=1000)
    sgd_budget: int = setting(400_000, "training sequences of a network, plain SGD", minimum=1, maximum=10**9)
    adam_budget: int = setting(100_000, "training sequences of a network, Adam", minimum=1, maximum=10**9)
    sgd_longest: int = setting(16, "longest lag of plain SGD", minimum=4, maximum=16)
    adam_longest: int = setting(300, "longest lag of Adam", minimum=4, maximum=300)

    def lags(self, optimizer):
        longest = dict(sgd=self.sgd_longest, adam=self.adam_longest)[optimizer]
        return [lag for lag in LAGS[optimizer] if lag <= longest]

    def budget(self, optimizer):
        return dict(sgd=self.sgd_budget, adam=self.adam_budget)[optimizer]


QUICK = dict(sgd_budget=3000, adam_budget=3000, sgd_longest=6, adam_longest=8)


# ---------------------------------------------------------------- one optimiser, start and lag

def race(config, seeds, optimizer, kind, lag, watch=None):
    """All seeds of one curve's point, side by side. Returns (training.Trained, test accuracy (N,), seconds)."""
    began, net, (rate, B) = time.perf_counter(), training.network(config.units), CHOSEN[optimizer, kind]
    p, budget = stack([training.start(kind, seed, config.units) for seed in seeds]), config.budget(optimizer)
    progress = Progress(f"{optimizer}, {kind}, lag {lag}", budget)
    tell = lambda seen, right: progress.update(seen, solved=(right >= training.GOAL).sum())
    made = training.train(net, p, seeds, np.full(len(seeds), rate), lag, Recipe(optimizer, B), budget,
                          watch=watch, tell=tell)
    progress.close()
    return made, training.test(net, made.p, seeds, lag), time.perf_counter() - began


def watching(config, seeds, lag):
    """What is looked at during the longest run of Adam: the spectral radius, and the error on its way back."""
    net = training.network(config.units)
    x, answers = training.labelled(seeds, "watched", WATCHED, lag)

    def watch(p, active):
        flow = training.error_flow(net, p, x[:, active], answers[active])
        return dict(radius=training.spectral_radius(p["W"]), flow=flow.T)
    return watch


def point(config, seeds, optimizer, kind, lag):
    """One point of a curve as a part: a list with one dictionary for each seed, and arrays of the longest lag."""
    longest = optimizer == "adam" and lag == config.lags("adam")[-1]
    made, right, seconds = race(config, seeds, optimizer, kind, lag, watching(config, seeds, lag) if longest else None)
    solved = np.isfinite(made.sequences) & (right >= SOLVED)
    finals = [dict(sequences=float(made.sequences[n]) if solved[n] else None, accuracy=float(right[n]),
                   multiply_adds=float(made.sequences[n]) * multiply_adds(config.units, lag) if solved[n] else None)
              for n in range(len(seeds))]
    part = dict(finals=finals, seconds=seconds / len(seeds), looks=made.looks, curve=made.curve)
    if longest:
        part |= dict(radius=made.watched["radius"], flow=made.watched["flow"].astype(np.float32), weights=made.p)
    return part


# ---------------------------------------------------------------- the record

def compute(options, seeds):
    """Every curve for all seeds that are missing; yields (seed, part). Each point is kept when it is finished."""
    config, kept, made = options.config, Parts(options, vars(options.config)), {}
    for optimizer in LAGS:
        for lag in config.lags(optimizer):
            for kind in STARTS:
                name = f"{optimizer} {kind} {lag} {'-'.join(map(str, seeds))}"
                made[optimizer, kind, lag] = kept.get(
                    name, lambda: point(config, seeds, optimizer, kind, lag))
    for n, seed in enumerate(seeds):
        yield seed, one_seed(config, made, n, seed)


def one_seed(config, made, n, seed):
    """The part of one seed: final (a tree optimiser, start, lag), seconds, arrays and weights of the longest lag."""
    final, longest = {}, config.lags("adam")[-1]
    for (optimizer, kind, lag), p in made.items():
        final.setdefault(optimizer, {}).setdefault(kind, {})[str(lag)] = p["finals"][n]
    final["rules"] = {str(lag): rules(*sequences(stream(seed, "rules"), TEST, lag, SYMBOLS), SYMBOLS)
                      for lag in config.lags("adam")}
    arrays, weights = {}, {}
    for kind in STARTS:
        p = made["adam", kind, longest]
        arrays |= {f"{name}_{kind}": p[name][:, n] for name in ("radius", "flow", "curve")} | {f"looks_{kind}": p["looks"]}
        weights |= {f"{kind}_{name}": a[n] for name, a in p["weights"].items()}
    return dict(final=final, seconds=sum(p["seconds"] for p in made.values()), arrays=arrays, weights=weights)


def headline(options):
    parts = collect(options, lambda seeds: compute(options, seeds))
    runs = [results.entry(seed, p["final"], seconds=p["seconds"]) for seed, p in zip(options.seeds, parts)]
    record = results.record(options, runs, checks=checks, chosen={" ".join(k): v for k, v in CHOSEN.items()},
                            lags={name: options.config.lags(name) for name in LAGS}, fitted=FITTED)
    arrays = {name: a for name, a in parts[0]["arrays"].items()}     # the film shows the first seed
    arrays |= together(parts, "radius")
    weights = {name: np.stack([p["weights"][name] for p in parts]) for name in parts[0]["weights"]}
    results.save(options, record, traces=arrays, weights={**weights, "seeds": np.array(options.seeds)})
    report(record)


def together(parts, name):
    """{name_start: (seeds, looks)}: parts of one call have the same looks; shorter ones end with nan."""
    made = {}
    for kind in STARTS:
        rows = [p["arrays"][f"{name}_{kind}"] for p in parts]
        longest = max(len(row) for row in rows)
        made[f"all_{name}_{kind}"] = np.stack([np.pad(row, (0, longest - len(row)), constant_values=np.nan)
                                               for row in rows])
    return made


def report(record):
    for optimizer in LAGS:
        for kind in STARTS:
            cells = [f"{lag}: {laws.words(laws.median(record, optimizer, kind, lag))}"
                     for lag in record["config"]["lags"][optimizer]]
            print(f"{optimizer:<5}{kind:<11}  {'  '.join(cells)}")


def checks(record):
    return []


# ---------------------------------------------------------------- --evaluate

def evaluate(options):
    """Score the saved networks of the longest lag on fresh sequences."""
    names = [f"{kind}_W" for kind in STARTS]
    record, weights = results.read_weights(options.out, options.make, names, options.experiment)
    with results.reading(options.out / "weights.npz", options.make):
        lag, net = record["config"]["lags"]["adam"][-1], training.network(record["config"]["units"])
        seeds = [seed + 10_000 for seed in weights["seeds"].tolist()]
        for kind in STARTS:
            p = {name.split("_", 1)[1]: a for name, a in weights.items() if name.startswith(kind + "_")}
            right = training.test(net, p, seeds, lag)
            print(f"Adam, {training.LABEL[kind]}, lag {lag}: {(right >= SOLVED).sum()} of {len(right)} networks are right "
                  f"on at least {SOLVED:.0%} of {TEST:,} fresh sequences   (chance: {1 / SYMBOLS:g})")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(training.gradient_errors(6))
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
