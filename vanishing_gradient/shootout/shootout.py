"""The shootout: every remedy on one axis, the lag between the first symbol and the answer.

One of eight symbols comes first, then random distractors, then the question which it was
(common/tasks/first_symbol.py). The lag grows from 10 to 3,000. This script trains the networks that
learn by gradients: a tanh-RNN, plain and orthogonal, the LSTM of 1997 with input gates nearly closed,
the LSTM with forget gates and the GRU with chrono initialisation. The rooms of the other remedies run
their own part (`--study shootout`); the figures read them (parts.py).

    python3 vanishing_gradient/shootout/shootout.py --seed 0      one seed, lags up to 100, 20 s
    python3 vanishing_gradient/shootout/shootout.py --commit      the committed record: seeds 0 to 7, to lag 3,000
    python3 vanishing_gradient/shootout/shootout.py --gradcheck   the gradients of every method

Every method has the same sequences and the same budget: 100,000 sequences of a seed and lag
(4 * 10^8 symbols, if these are fewer: from lag 4,000 on). A seed of a method ends after two lags
unsolved. Ends with seeds solved:

    lag                                   10      30     100     300   1,000   3,000
    tanh-RNN                             8/8     4/8     0/8     0/8       -       -
    orthogonal tanh-RNN                  8/8     7/8     6/8     7/8     3/8     0/8
    LSTM, closed input gates             8/8     8/8     8/8     8/8     8/8     8/8
    LSTM with forget gate, chrono        8/8     8/8     8/8     6/8     8/8     8/8
    GRU, chrono                          8/8     8/8     8/8     8/8     8/8     8/8
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, results, study, tables
from common.config import parse, run, setting
from common.progress import Parts, Progress, collect
from common.randomness import stream
from common.tasks.first_symbol import RULES, rules, sequences
from common.tasks.lags import PATIENCE, SOLVED
from vanishing_gradient.shootout.racers import RACERS, SETTINGS, Task, setting_for
from vanishing_gradient.shootout.training import asked_later, gradient_errors, looks, score_fresh, train

HERE = Path(__file__).resolve().parent
SEEDS = range(8)                             # the committed seeds; settings were chosen on 900 to 902
LAGS = (10, 30, 100, 300, 1000, 3000)         # 10,000: study `farthest`
TRAINED, LATER = 100, (100, 1000, 10_000, 100_000)                # trained at this lag, asked at those
TOGETHER = 32                                # sequences of a seed that are asked later


@dataclass(frozen=True)
class Config:
    symbols: int = setting(8, "symbols K, one of which comes first", minimum=2, maximum=64)
    budget: int = setting(100_000, "training sequences of a seed, method and lag", minimum=1, maximum=10_000_000)
    steps: int = setting(400_000_000, "the same in symbols read: the smaller of the two counts", minimum=1,
                         maximum=10**12)
    longest: int = setting(0, "longest lag; 0: 3,000 with the committed seeds, 100 with fewer", minimum=0,
                           maximum=3000)
    later: int = setting(0, "longest lag asked without training; 0: all", minimum=0, maximum=100_000)

    def budget_of(self, lag):
        return min(self.budget, self.steps // (lag + 1))


QUICK = dict(budget=1300, longest=10, later=1000)


# ---------------------------------------------------------------- one method along the axis

def race(config, name, seeds, part, lags, form="random", settings=SETTINGS):
    """One method at growing lags: {seed: {lag: row}}; a row has final numbers, the curve and the parameters.

    part   function (name, make) that keeps finished rows (progress.Parts.get)
    """
    made, unsolved = {seed: {} for seed in seeds}, dict.fromkeys(seeds, 0)
    for lag in lags:
        running = [seed for seed in seeds if unsolved[seed] < PATIENCE]
        if not running:
            break
        task = Task(lag, config.symbols, form)
        rows = part(f"{form} {name} {lag} {of(running)}", lambda: rows_of(config, name, task, running, settings))
        for seed, row in zip(running, rows):
            made[seed][lag] = row
            unsolved[seed] = 0 if row["final"]["accuracy"] >= SOLVED else unsolved[seed] + 1
    return made


def rows_of(config, name, task, seeds, settings):
    """[row] of the seeds: one lag, all seeds side by side."""
    started, racer, budget = time.process_time(), RACERS[name], config.budget_of(task.lag)
    rate, B, std = setting_for(settings[name], task.lag)
    progress = Progress(f"{racer.label}, {task.form}, lag {task.lag:,}", budget)
    trained = train(racer, task, seeds, [rate] * len(seeds), B, std, budget,
                    lambda seen, right: progress.update(seen, running=len(right), best=right.max()))
    progress.close()
    accuracy = score_fresh(racer, task, trained.p, seeds)
    seconds = (time.process_time() - started) / len(seeds)
    return [dict(final=dict(sequences=trained.sequences[n], seen=trained.seen[n], accuracy=accuracy[n], seconds=seconds,
                            multiply_adds=trained.seen[n] * racer.multiply_adds(task)),
                 curve=np.array(trained.curves[n], np.float32), p={key: a[n] for key, a in trained.p.items()})
            for n in range(len(seeds))]


def of(seeds):
    """Seeds in the name of a part."""
    return "-".join(map(str, seeds))


def rules_of(config, seed, lags):
    """{rule: {lag: {"accuracy"}}} of the rules that learn nothing, on 1,000 sequences."""
    made = {rule: {} for rule in RULES}
    for lag in lags:
        for rule, share in rules(*sequences(stream(seed, f"rules {lag}"), 1000, lag, config.symbols),
                                 config.symbols).items():
            made[rule][str(lag)] = dict(accuracy=share)
    return made


# ---------------------------------------------------------------- all methods, seed by seed

def lags_of(config, whole):
    longest = config.longest or (max(LAGS) if whole else 100)
    return [lag for lag in LAGS if lag <= longest]


def later_of(config):
    longest = config.later or max(LATER)
    return [lag for lag in LATER if lag <= longest]


def compute(config, seeds, part, lags, later):
    """(seed, part) of every seed; all of them share the axis N."""
    made = {name: race(config, name, seeds, part, lags) for name in RACERS}
    asked = {name: part(f"later {name} {of(seeds)}", lambda: ask(made[name], name, seeds, later, config))
             for name in RACERS if all(TRAINED in made[name][seed] for seed in seeds)}
    for n, seed in enumerate(seeds):
        rows = {name: made[name][seed] for name in RACERS}
        final = {name: {str(lag): row["final"] for lag, row in by_lag.items()} for name, by_lag in rows.items()}
        final = {"random": final | rules_of(config, seed, lags)}
        if asked:
            final["later"] = {name: {str(lag): a[n] for lag, a in zip(later, found)} for name, found in asked.items()}
        yield seed, dict(
            final=final,
            curves={f"{name}_{lag}": row["curve"] for name, by_lag in rows.items() for lag, row in by_lag.items()},
            weights={f"{name}_{key}": a for name, by_lag in rows.items() if TRAINED in by_lag
                     for key, a in by_lag[TRAINED]["p"].items()},
            seconds=sum(row["final"]["seconds"] for by_lag in rows.values() for row in by_lag.values()))


def ask(made, name, seeds, later, config):
    """Accuracy (lags, seeds) of the networks trained at the lag TRAINED."""
    p = {key: np.stack([made[seed][TRAINED]["p"][key] for seed in seeds]) for key in made[seeds[0]][TRAINED]["p"]}
    return asked_later(RACERS[name], Task(TRAINED, config.symbols), p, seeds, later, TOGETHER)


def headline(options):
    config, whole = options.config, options.part or options.seeds == list(SEEDS)
    lags, later = lags_of(config, whole), later_of(config)
    settings = {**vars(config), "lags": lags, "asked": later}
    finer = Parts(options, {**settings, "finer": True})
    parts = collect(options, lambda seeds: compute(config, seeds, finer.get, lags, later), settings=settings)
    runs = [results.entry(seed, part["final"], seconds=part["seconds"]) for seed, part in zip(options.seeds, parts)]
    chosen = {name: {str(lag): setting_for(SETTINGS[name], lag)._asdict() for lag in lags} for name in RACERS}
    record = results.record(options, runs, checks=checks, lags=lags, asked=later, settings=chosen)
    results.save(options, record, traces=curves(config, lags, parts),
                 weights=stacked([part["weights"] for part in parts], options.seeds))
    report(record)


def curves(config, lags, parts):
    """Arrays for the GIF: validation accuracy (seeds, looks), held after a network stopped, and the sequences seen."""
    made = {}
    for name in RACERS:
        for lag in lags:
            found = [part["curves"].get(f"{name}_{lag}") for part in parts]
            if any(curve is not None for curve in found):
                B = setting_for(SETTINGS[name], lag).batch
                seen = np.array(looks(config.budget_of(lag), B)) * B
                made[f"looks_{name}_{lag}"] = seen
                made[f"curve_{name}_{lag}"] = np.stack([held(curve, len(seen)) for curve in found])
    return made


def held(curve, length):
    """A curve with its last value to the end; nan where nothing ran."""
    if curve is None:
        return np.full(length, np.nan, np.float32)
    return np.concatenate([curve, np.full(length - len(curve), curve[-1], np.float32)])


def stacked(weights, seeds):
    """{name: (seeds, ...)} of what every seed has."""
    names = [name for name in weights[0] if all(name in w for w in weights)]
    return {**{name: np.stack([w[name] for w in weights]) for name in names}, "seeds": np.array(seeds)}


# ---------------------------------------------------------------- reading a record

def solved(record, name, lag, form="random"):
    """(seeds solved, seeds); a seed that had ended before this lag is not solved."""
    found = [results.at(run_["final"], form, name, lag, "accuracy") for run_ in record["runs"]]
    return sum(a is not None and a >= SOLVED for a in found), len(found)


def until_goal(record, name, lag, form="random"):
    """Sequences until 99 %, one for each seed; infinity where it was not reached (or not run)."""
    found = [results.at(run_["final"], form, name, lag, "sequences") for run_ in record["runs"]]
    return np.array([np.inf if s is None else s for s in found])


def lags_run(record, name, form="random"):
    """The lags at which at least one seed of a method ran."""
    return sorted({int(lag) for run_ in record["runs"] for lag in run_["final"].get(form, {}).get(name, {})})


# ---------------------------------------------------------------- claims

def checks(record):
    """Bounds fixed before the reporting run. Claims about lags that were not run are left out."""
    lags, n = record["config"]["lags"], len(record["runs"])
    made = [some_solve(record, "rnn", 100, 0, 1), some_solve(record, "tuned_rnn", 1000, 0, 1),
            some_solve(record, "lstm_forget", 1000, n - 2, n)]
    for name in ("lstm", "gru"):
        made += [some_solve(record, name, 1000, n - 1, n), some_solve(record, name, max(LAGS), n - 1, n)]
        if max(LAGS) in lags:
            made.append(growth(record, name))
    if 100 in lags:
        best = max(np.mean([results.at(run_["final"], "random", rule, 100, "accuracy") for run_ in record["runs"]])
                   for rule in RULES)
        made.append(results.check("random filler, lag 100: the best rule that learns nothing, accuracy", best,
                                  "at most 0.2", best <= 0.2))
    found = [results.at(run_["final"], "later", "gru", 100_000) for run_ in record["runs"]]
    if None not in found:
        k = sum(a >= SOLVED for a in found)
        made.append(results.check(f"GRU trained at lag {TRAINED}, asked at 100,000: seeds still right", k,
                                  f"at most 1 of {n}", k <= 1, interval=tables.wilson(k, n)))
    return [check for check in made if check]


def some_solve(record, name, lag, least, most):
    """The claim that between `least` and `most` seeds solve a lag, or None if it was not run."""
    if lag not in record["config"]["lags"]:
        return None
    k, n = solved(record, name, lag)
    expected = f"at least {least} of {n}" if most >= n else f"at most {most} of {n}"
    return results.check(f"random filler, lag {lag:,}: seeds that the {RACERS[name].label} solves", k, expected,
                         least <= k <= most, interval=tables.wilson(k, n))


def growth(record, name):
    """The claim that three hundred times the lag costs at most five times the sequences."""
    first, last = (until_goal(record, name, lag) for lag in (min(LAGS), max(LAGS)))
    ratio = float(np.median(last) / np.median(first))
    return results.check(f"{RACERS[name].label}: sequences until 99 % at lag {max(LAGS):,} over those at {min(LAGS)}, "
                         "medians", ratio, "at most 5", ratio <= 5)


def report(record):
    """Seeds solved by method and lag."""
    lags = record["config"]["lags"]
    print(f"{'lag':<32}" + "".join(f"{lag:>8,}" for lag in lags))
    for name, racer in RACERS.items():
        cells = [f"{solved(record, name, lag)[0]}/{len(record['runs'])}" if lag in lags_run(record, name) else "-"
                 for lag in lags]
        print(f"{racer.label:<32}" + "".join(f"{cell:>8}" for cell in cells))


# ---------------------------------------------------------------- --evaluate

def evaluate(options):
    """Score the saved networks, trained at lag 100, on sequences that they have not seen."""
    record, weights = results.read_weights(options.out, options.make, ("seeds",), options.experiment)
    task, seeds = Task(TRAINED, record["config"]["symbols"]), weights["seeds"].tolist()
    for name, racer in RACERS.items():
        if f"{name}_W" in weights:
            p = {key: weights[f"{name}_{key}"] for key in ("W_in", "W", "b", "W_out", "b_out")}
            right = score_fresh(racer, task, p, seeds, purpose="evaluate")
            print(f"{racer.label:<32} lag {TRAINED}: {right.mean():.3f} ({right.min():.3f} to {right.max():.3f}), "
                  f"{len(seeds)} networks")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(gradient_errors())
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
