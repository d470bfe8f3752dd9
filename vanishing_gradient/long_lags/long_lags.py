"""Remedy II, the memory cell, on the long time lags of its own paper: Experiments 1 to 5.

Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8):1735-1780, section 5.
Experiment 6 has a room of its own (temporal_order_3bit). Every line of tables 1 to 8 is a `Row` in rows.py;
the tables that were run are studies, with all their trials. This script runs three cheap lines and films one:

    python3 vanishing_gradient/long_lags/long_lags.py                 one seed, 15 s
    python3 vanishing_gradient/long_lags/long_lags.py --commit        the committed record, ten seeds, 20 s
    python3 vanishing_gradient/long_lags/long_lags.py --study NAME    a table of the paper, all its trials

tasks.py draws the sequences, wiring.py and one_unit.py are the two networks, criteria.py says when a trial is
solved, trials.py trains. Ends with (seeds 0 to 9):

    2a, p = 4                                    10 of 10 solved, mean 1,018 sequences
    2a, p = 10                                   10 of 10 solved, mean 1,962 sequences
    3a, N = 3, noise of standard deviation 0.2   10 of 10 solved, mean 8,290 sequences
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
from common.progress import Progress, collect
from common.randomness import stream, streams
from common.tables import wilson
from vanishing_gradient.long_lags import one_unit, ordinary, two_nets, wiring
from vanishing_gradient.long_lags.one_unit import OneUnit
from vanishing_gradient.long_lags.report import compared, published
from vanishing_gradient.long_lags.rows import (
    ADDING, CELL_P4, CELL_P10, ELMAN, NOISE, REBER, RUNNABLE, SMITH_ZIPSER_3, ST1, TABLE_3)
from vanishing_gradient.long_lags.tasks import Distractors, Marked, Reber, SignalAndNoise, TwoSequences
from vanishing_gradient.long_lags.two_nets import TwoNets
from vanishing_gradient.long_lags.trials import TEST, Trials, metrics, test, train

HERE = Path(__file__).resolve().parent
SEEDS = range(10)
SMALL_NOISE = NOISE["3a_T100_N3"]._replace(
    name="3a_std", title="3a, N = 3, noise of standard deviation 0.2", task=SignalAndNoise(100, 3, std=0.2))
CHEAP = (CELL_P4, CELL_P10, SMALL_NOISE)
FILMED_LENGTH, FILMED = 104, 40              # steps and sequences that are looked at in every picture
LONGER = 1000                                # --evaluate: lags beyond training


@dataclass(frozen=True)
class Config:
    cap: int = setting(40_000, "sequences after which an unsolved trial is stopped", minimum=1, maximum=10_000_000)
    film: int = setting(12_000, "sequences during which Experiment 3a is filmed", minimum=10, maximum=10_000_000)
    frames: int = setting(36, "pictures taken meanwhile", minimum=2, maximum=500)
    line: str = setting("2c_q200_p200", "study one_line: a line of the paper's tables", choices=tuple(RUNNABLE),
                        studies_only=True)
    times: float = setting(2.0, "study one_line: unsolved trials stop at so many times the paper's mean", above=0,
                           maximum=100, studies_only=True)


QUICK = dict(cap=100, film=60, frames=4)


# ---------------------------------------------------------------- two cheap rows, and one that is filmed

def cheap_rows(config, seeds):
    """{seed: {row: metrics}} of Experiment 2a with short lags, all seeds side by side."""
    finals = {seed: {} for seed in seeds}
    for row in CHEAP[:2]:
        for trial, rng in zip(train(row, seeds, config.cap)[0], streams(seeds, "test")):
            finals[trial["seed"]][row.name] = metrics(row, trial, rng)
    return finals


def film_times(config):
    """Sequences seen at each picture: 0, then ever farther apart up to the end."""
    later = np.geomspace(max(1, min(config.film // 4, 500)), config.film, config.frames - 1).round().astype(int)
    return np.unique([0, *later])


def filmed_sequences(seed):
    """FILMED sequences of one length, the two classes in turn; the last step is the 104th."""
    drawn = SMALL_NOISE.task.draw(stream(seed, "film"), 40 * FILMED)
    one, two = (np.flatnonzero((drawn.lengths == FILMED_LENGTH) & (drawn.target[0] == target)) for target in (1, 0))
    pick = np.stack([one[:FILMED // 2], two[:FILMED // 2]], 1).ravel()
    return drawn.x[:FILMED_LENGTH, :, pick], drawn.target[0, pick]


def film(config, seeds):
    """Experiment 3a with small noise to its criterion, all seeds side by side; a trial that is solved learns no more.

    returns   pictures {name: (pictures, N, ...)}, sequences {name: (N, ...)}, trials as `train` returns them
    """
    trials, kept = Trials(SMALL_NOISE, seeds), []
    x, targets = (np.stack(a, axis) for a, axis in zip(zip(*map(filmed_sequences, seeds)), (1, 0)))
    progress = Progress("3a, filmed", config.film)
    for until in film_times(config):
        trials.run(int(until), progress)
        now = trials.now()
        kept.append({**look_inside(stack([trial["p"] for trial in now]), x),
                     "seen": np.array([trial["seen"] for trial in now])})
    trials.run(config.cap, progress)
    progress.close()
    pictures = {name: np.stack([picture[name] for picture in kept]) for name in kept[0]}
    return pictures, dict(x=x[:, :, 0].transpose(1, 0, 2), target=targets), trials.now()


def look_inside(p, x):
    """After every step of x (T, N, 1, B): output (N, T, B); of the first two, states and gates (N, T, cells, 2)."""
    cell = SMALL_NOISE.net.cell
    passed = wiring.forward(SMALL_NOISE.net, p, x, None, every_step=True)
    trace = passed.run.trace
    gates = trace.act[:, :, cell.gate_rows("input"), :2]
    return dict(output=passed.output[:, :, 0].swapaxes(0, 1), states=trace.s[1:, ..., :2].swapaxes(0, 1),
                input_gates=gates.swapaxes(0, 1))


def wrong_without_latch(p, rng):
    """Wrong answers of 2,560 when the weights from the cells to the cell inputs are cut: does the state only hold?"""
    cell, W = SMALL_NOISE.net.cell, p["W"].copy()
    W[cell.candidate_rows, :cell.cells] = 0
    return test(SMALL_NOISE, {**p, "W": W}, rng)["wrong_of_2560"]


# ---------------------------------------------------------------- the record

def compute(config, seeds):
    """(seed, part) of every seed; all share the axis N."""
    started = time.perf_counter()
    finals = cheap_rows(config, seeds)
    pictures, sequences, trials = film(config, seeds)
    seconds = (time.perf_counter() - started) / len(seeds)
    for n, (seed, trial, rng) in enumerate(zip(seeds, trials, streams(seeds, "test"))):
        cut = wrong_without_latch(trial["p"], stream(seed, "cut")) if trial["solved"] else None
        finals[seed][SMALL_NOISE.name] = {**metrics(SMALL_NOISE, trial, rng), "wrong_without_latch": cut}
        own = {name: a[:, n] for name, a in pictures.items()} | {name: a[n] for name, a in sequences.items()}
        yield seed, dict(final=finals[seed], film=own, weights=trial["p"], seconds=seconds)


def headline(options):
    parts = collect(options, lambda seeds: compute(options.config, seeds))
    runs = [results.entry(seed, part["final"], seconds=part["seconds"]) for seed, part in zip(options.seeds, parts)]
    record = results.record(options, runs, published(CHEAP), checks)
    weights = {name: np.stack([part["weights"][name] for part in parts]) for name in parts[0]["weights"]}
    results.save(options, record, traces=parts[0]["film"], weights={**weights, "seeds": np.array(options.seeds)})
    show(record)


def checks(record):
    """Bounds fixed before the reporting run."""
    made, small = [], SMALL_NOISE.name
    for row in CHEAP:
        solved = [run["final"][row.name]["solved"] for run in record["runs"]]
        made.append(results.check(f"{row.title}: share of the trials solved", float(np.mean(solved)), "1",
                                  all(solved), interval=wilson(sum(solved), len(solved))))
    st1, wrong = (results.values(record, small, metric) for metric in ("st1", "wrong_of_2560"))
    ratio = float(st1.mean()) / ST1["3a_T100_N3"] if len(st1) else None
    made.append(results.check(f"{SMALL_NOISE.title}: mean sequences to ST1 / the paper's", ratio,
                              "below 0.5: this is not the noise of the paper", len(st1) and ratio < 0.5, paper=1,
                              interval=results.interval(st1 / ST1["3a_T100_N3"]) if len(st1) else None))
    made.append(results.check(f"{SMALL_NOISE.title}: wrong of {TEST} fresh sequences, mean",
                              float(wrong.mean()) if len(wrong) else None, "at most 2; a constant answer: half",
                              len(wrong) and wrong.mean() <= 2, paper=0.5, interval=results.interval(wrong)))
    cut = results.values(record, small, "wrong_without_latch")
    made.append(results.check(f"{SMALL_NOISE.title}: wrong without the weights from cells to cell inputs, median",
                              float(np.median(cut)) if len(cut) else None, "at least 256: the cell is a latch",
                              len(cut) and np.median(cut) >= 256))
    return made


def show(record):
    """The lines that the docstring ends with."""
    for row in CHEAP:
        found = compared(record, row.name)
        print(f"{row.title:<44} {found.solved} of {found.trials} solved, mean {found.mean:,.0f} sequences")


# ---------------------------------------------------------------- --evaluate and --gradcheck

def evaluate(options):
    """The filmed networks on fresh sequences, of the trained length and ten times as long."""
    names = ("W_in", "W", "b", "W_out", "b_out", "seeds")
    _, weights = results.read_weights(options.out, options.make, names, options.experiment)
    with results.reading(options.out / "weights.npz", options.make):
        for n, seed in enumerate(weights["seeds"]):
            p = {name: a[n] for name, a in weights.items() if name != "seeds"}
            print(f"seed {seed}: {SMALL_NOISE.title}, wrong of {TEST:,} fresh sequences:", end="")
            for T in (SMALL_NOISE.task.T, LONGER):
                row = SMALL_NOISE._replace(task=SMALL_NOISE.task._replace(T=T))
                print(f"  {test(row, p, stream(int(seed), 'evaluate'))['wrong_of_2560']} at T = {T}", end="")
            print()


def gradient_errors():
    """Every network and loss of the room, small tasks, double precision."""
    small, net = Distractors(6, 8), TABLE_3[0].net._replace(symbols=10)
    shortcut = REBER[0].net._replace(shortcut=True, gate_sources=False)
    return {
        "Reber, 3 blocks of 2, error at every step": wiring.gradient_error(REBER[4].net, Reber()),
        "Reber, 4 blocks of 1": wiring.gradient_error(REBER[0].net, Reber()),
        "Reber, shortcuts, no gate sources": wiring.gradient_error(shortcut, Reber()),
        "Reber, Elman net": ordinary.gradient_error(ELMAN.net, Reber()),
        "Reber, RTRL": ordinary.gradient_error(SMITH_ZIPSER_3.net, Reber()),
        "distractors, 2 blocks of 1": wiring.gradient_error(net, small),
        "signal and noise, 3 blocks of 1": wiring.gradient_error(SMALL_NOISE.net, SignalAndNoise(20, 3)),
        "adding, linear output": wiring.gradient_error(ADDING.net, Marked(30)),
        "adding, logistic output": wiring.gradient_error(ADDING.net._replace(linear=False), Marked(30)),
        "2a, memory cell": one_unit.gradient_error(OneUnit(9), TwoSequences(8)),
        "2b, memory cell": one_unit.gradient_error(OneUnit(9), TwoSequences(8, random=True)),
        "2a, ordinary unit": one_unit.gradient_error(OneUnit(9, cell=False), TwoSequences(8)),
        "2a, chunker": two_nets.gradient_error(TwoNets(13), TwoSequences(12)),
    }


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
