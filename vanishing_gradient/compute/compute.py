"""Sheer compute as a remedy: what does one more step of lag cost a network whose gradient vanishes?

Remedy III: keep the tanh-RNN, keep gradient descent, and pay. The first of two symbols is asked for
`lag` steps later, random filler between (common/tasks/first_symbol.py). Counted until 99 % of the
validation sequences are right: training sequences, and multiply-adds. Three ways to pay, each from a
plain start (spectral radius 0.4) and from an orthogonal one (radius 1):

    small SGD    plain SGD, rate 1, batch 64: so little noise that the weights follow the gradient
    SGD          plain SGD, rate and batch chosen on other seeds (`--study choosing`)
    Adam         the same

    python3 vanishing_gradient/compute/compute.py                     one seed
    python3 vanishing_gradient/compute/compute.py --commit            the committed record: seeds 0 to 7
    python3 vanishing_gradient/compute/compute.py --study mechanism   who finds the weights? --help lists all studies

A network that is not there within the budget is censored. An exponential and a power law are fitted to
the shorter lags of small SGD and asked for the longer ones. The run ends with the median sequences.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, results, study
from common.config import parse, run, setting
from common.networks import stack
from common.progress import Parts, Progress, collect
from common.randomness import stream
from common.tasks.first_symbol import rules
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import FIRST, SOLVED, STARTS, TEST, Recipe

HERE = Path(__file__).resolve().parent
SEEDS = range(8)
SHORT = (3, 4, 5, 6, 7, 8, 9, 10, 11)        # lags of small SGD from the plain start
LONG = (4, 8, 12, 16, 30, 60, 100, 200, 300)
FITTED = (4, 8)                              # the lags of small SGD that make the fit; the longer ones are held out
WATCHED = 64                                 # sequences on which the error's way back is measured


class Curve(NamedTuple):
    """One line of the cost against the lag: rate and batch chosen on seeds 900 to 919, see `--study choosing`."""
    label: str
    optimizer: str
    start: str
    rate: float
    batch: int
    budget: str                              # the knob with the largest number of sequences
    lags: tuple = LONG


CURVES = {
    "small_plain": Curve("small SGD, plain start", "sgd", "plain", 1.0, 64, "small_budget", SHORT),
    "small_orthogonal": Curve("small SGD, orthogonal start", "sgd", "orthogonal", 1.0, 64, "budget"),
    "sgd_plain": Curve("SGD, plain start", "sgd", "plain", 1.0, 4, "budget"),
    "sgd_orthogonal": Curve("SGD, orthogonal start", "sgd", "orthogonal", 1.0, 4, "budget"),
    "adam_plain": Curve("Adam, plain start", "adam", "plain", 0.03, 16, "budget"),
    "adam_orthogonal": Curve("Adam, orthogonal start", "adam", "orthogonal", 0.01, 4, "budget")}
FILM = "adam_plain"                          # the curve whose longest lag is watched in training


@dataclass(frozen=True)
class Config:
    units: int = setting(16, "units of the tanh-RNN", minimum=1, maximum=1000)
    small_budget: int = setting(4_000_000, "training sequences of a network, small SGD, plain start", minimum=1,
                                maximum=10**9)
    budget: int = setting(20_000, "training sequences of a network on every other curve", minimum=1, maximum=10**9)
    small_longest: int = setting(11, "longest lag of small SGD, plain start", minimum=4, maximum=max(SHORT))
    longest: int = setting(300, "longest lag of the other curves", minimum=4, maximum=max(LONG))

    def lags(self, name):
        longest = self.small_longest if CURVES[name].budget == "small_budget" else self.longest
        return [lag for lag in CURVES[name].lags if lag <= longest]


QUICK = dict(small_budget=3000, budget=1000, small_longest=5, longest=8)


# ---------------------------------------------------------------- one point of a curve

def point(config, seeds, name, lag):
    """All seeds at one lag, side by side, as a part: final numbers of each seed; of the film also what was watched."""
    began, curve, net = time.perf_counter(), CURVES[name], FIRST.network(config.units)
    p = stack([training.start(curve.start, seed, net) for seed in seeds])
    film, budget = name == FILM and lag == config.lags(FILM)[-1], getattr(config, curve.budget)
    progress = Progress(f"{curve.label}, lag {lag}", budget)
    made = training.train(FIRST, net, p, seeds, np.full(len(seeds), curve.rate), lag,
                          Recipe(curve.optimizer, curve.batch), budget,
                          watch=watching(net, seeds, lag) if film else None,
                          tell=lambda seen, right: progress.update(seen, solved=(right >= training.GOAL).sum()))
    progress.close()
    right = training.test(FIRST, net, made.p, seeds, lag)
    part = dict(finals=training.finals(FIRST, config.units, lag, made.sequences, right),
                seconds=(time.perf_counter() - began) / len(seeds))
    if film:
        part |= dict(watched=made.watched, looks=made.looks, curve=made.curve, weights=made.p)
    return part


def watching(net, seeds, lag):
    """Looked at in training: spectral radius, the error on its way back, whether the last state holds the symbol."""
    x, answers = training.labelled(FIRST, seeds, "watched", training.VALIDATION, lag)

    def watch(p, active):
        few = x[:, active, :WATCHED], answers[active, :WATCHED]
        return dict(radius=training.spectral_radius(p["W"]), flow=training.error_flow(net, p, *few).T,
                    decodable=training.decodable(net, p, x[:, active], answers[active]))
    return watch


def untrained(config, seed, kind):
    """What the start is like: spectral radius, factor of the error per step back, and what a readout makes of it."""
    net, longest, made = FIRST.network(config.units), config.lags(FILM)[-1], {}
    p = stack([training.start(kind, seed, net)])
    flow = training.error_flow(net, p, *training.labelled(FIRST, [seed], "watched", WATCHED, 30))[:, 0]
    made = dict(radius=float(training.spectral_radius(p["W"])[0]), factor=float(10 ** ((flow[30] - flow[5]) / 25)))
    made["first_error"] = float(training.error_flow(
        net, p, *training.labelled(FIRST, [seed], "watched", WATCHED, longest))[-2, 0])
    made["decodable"] = {str(lag): float(training.decodable(
        net, p, *training.labelled(FIRST, [seed], "watched", TEST, lag))[0]) for lag in config.lags(FILM)}
    return made


# ---------------------------------------------------------------- the record

def compute(options, seeds):
    """Every curve for all seeds that are missing; yields (seed, part). Each point is kept when it is finished."""
    config, kept, made = options.config, Parts(options, vars(options.config)), {}
    for name in CURVES:
        for lag in config.lags(name):
            made[name, lag] = kept.get(f"{name} {lag} {'-'.join(map(str, seeds))}",
                                       lambda: point(config, seeds, name, lag))
    for n, seed in enumerate(seeds):
        yield seed, one_seed(config, made, n, seed)


def one_seed(config, made, n, seed):
    """The part of one seed: final (a tree: curve, lag, what), seconds, and arrays and weights of the film's network."""
    final = {}
    for (name, lag), p in made.items():
        final.setdefault(name, {})[str(lag)] = p["finals"][n]
    final["start"] = {kind: untrained(config, seed, kind) for kind in STARTS}
    final["rules"] = {str(lag): rules(*FIRST.sequences(stream(seed, "rules"), TEST, lag), FIRST.symbols)
                      for lag in config.lags(FILM)}
    film = made[FILM, config.lags(FILM)[-1]]
    arrays = {name: a[:, n].astype(np.float32) for name, a in film["watched"].items()}
    return dict(final=final, seconds=sum(p["seconds"] for p in made.values()),
                arrays={**arrays, "curve": film["curve"][:, n], "looks": film["looks"]},
                weights={name: a[n] for name, a in film["weights"].items()})


def headline(options):
    parts = collect(options, lambda seeds: compute(options, seeds))
    runs = [results.entry(seed, p["final"], seconds=p["seconds"]) for seed, p in zip(options.seeds, parts)]
    config = options.config
    record = results.record(options, runs, checks=checks, fitted=FITTED,
                            curves={name: {**curve._asdict(), "lags": config.lags(name),
                                           "budget": getattr(config, curve.budget)} for name, curve in CURVES.items()})
    weights = {name: np.stack([p["weights"][name] for p in parts]) for name in parts[0]["weights"]}
    results.save(options, record, traces=film_of(parts, config.lags(FILM)[-1]),
                 weights={**weights, "seeds": np.array(options.seeds)})
    report(record)


def film_of(parts, lag):
    """Arrays (looks, ...) of the first network that is solved, and of the first that is not; radius of all seeds.

    looks, radius, flow, decodable, curve; missed_looks, ... where a network is not solved; all_radius (seeds, looks),
    nan after the end, and all_looks
    """
    solved = [results.at(p["final"], FILM, lag, "sequences") is not None for p in parts]
    made = until_the_end(parts[solved.index(True) if any(solved) else 0]["arrays"])
    if any(solved) and not all(solved):
        missed = until_the_end(parts[solved.index(False)]["arrays"])
        made |= {f"missed_{name}": a for name, a in missed.items()}
    longest = max(len(p["arrays"]["radius"]) for p in parts)
    made["all_radius"] = np.stack([np.pad(row, (0, longest - len(row)), constant_values=np.nan)
                                   for row in (p["arrays"]["radius"] for p in parts)])
    made["all_looks"] = max((p["arrays"]["looks"] for p in parts), key=len)
    return made


def until_the_end(arrays):
    """The rows up to the last look at this network."""
    there = np.isfinite(arrays["radius"])
    return {name: a[there] for name, a in arrays.items()}


def report(record):
    for name, curve in CURVES.items():
        lags = record["config"]["curves"][name]["lags"]
        cells = [f"{lag}: {laws.words(laws.median(record, name, lag))}" for lag in lags]
        print(f"{curve.label:<28}{'  '.join(cells)}")


# Bounds fixed on seeds 900 to 903, before the reporting run.
def checks(record):
    """What the room claims, against what was measured."""
    made, growth = [], laws.small_growth(record)
    fits = laws.held_out(record)
    factor = np.mean([run["final"]["start"]["plain"]["factor"] for run in record["runs"]])
    made.append(results.check("small SGD, plain start: factor of the cost for one more step of lag", growth.value,
                              "interval above 1.5", growth.interval[0] > 1.5, interval=growth.interval))
    made.append(results.check("that factor times the factor of the error per step back at the start",
                              growth.value * factor, "0.67 to 1.5 (1: the cost grows as the gradient shrinks)",
                              0.67 <= growth.value * factor <= 1.5,
                              interval=tuple(v * factor for v in growth.interval)))
    made.append(results.check("held-out lags: error of the exponential's log10 / error of the power law's (root mean "
                              "square)", fits.ratio, "below 1", fits.ratio is not None and fits.ratio < 1))
    for name in ("sgd_plain", "adam_plain"):
        count = int(np.isfinite(laws.costs(record, name, 60)).sum())
        made.append(results.check(f"{CURVES[name].label}: networks that learn lag 60", count,
                                  f"at least half of {len(record['runs'])}", 2 * count >= len(record["runs"])))
    first = max(run["final"]["start"]["plain"]["first_error"] for run in record["runs"])
    made.append(results.check("plain start: log10 of the error at the first state, longest lag", first,
                              "below -45, where float32 ends", first < -45))
    return made


# ---------------------------------------------------------------- --evaluate

def evaluate(options):
    """Score the saved networks of the longest lag on fresh sequences."""
    record, weights = results.read_weights(options.out, options.make, ("W", "W_in", "W_out", "seeds"),
                                           options.experiment)
    with results.reading(options.out / "weights.npz", options.make):
        lag, net = record["config"]["curves"][FILM]["lags"][-1], FIRST.network(record["config"]["units"])
        seeds = [seed + 10_000 for seed in weights.pop("seeds").tolist()]
        right = training.test(FIRST, net, weights, seeds, lag)
        print(f"{CURVES[FILM].label}, lag {lag}: {(right >= SOLVED).sum()} of {len(right)} networks are right on at "
              f"least {SOLVED:.0%} of {TEST:,} fresh sequences   (chance: {FIRST.chance:g})")


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
