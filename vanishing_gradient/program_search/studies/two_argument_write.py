"""What does it cost when WriteWeight must also say which weight it writes?

Adding positions with the second set of primitives (1997, section 5.4): WriteWeight(a, b) writes c(a) to weight
number c(b), ReadWeight(a, b) takes the place of GetInput, no weight pointer advances by itself. A successful loop
must now guess one argument more and keep an index as well as a value, and both can be the same cell. Kept: machine,
time limits, training examples; 4e7 runs, four tenths of the paper's. Refuted if fits are as frequent as with one
argument, or if they do not generalise. The published program (table 5) is run too: it must take 399 steps, fill 100
work cells and have the published space probability.
"""

import time

import numpy as np

from common import results
from common.tables import between, wilson
from vanishing_gradient.program_search import machine
from vanishing_gradient.program_search.machine import TWO_ARGUMENT
from vanishing_gradient.program_search.pool import for_each, totals
from vanishing_gradient.program_search.problems import POSITIONS, UNSEEN
from vanishing_gradient.program_search.program_search import searched

SEEDS, MINUTES = range(10), 2
USES = ("largest_limit",)
QUICK = dict(runs=2000, largest_limit=4)
PAPER = {"runs_per_fit": 1e8 / 3, "space_probability": 9.95e-9, "published_steps": 399}
PUBLISHED = [7, 1, 8, -1, 1, -1, -1, 2, 0]


def run(config, seeds, runs=4_000_000):
    """`runs` random programs per seed."""
    for seed in seeds:
        started = time.perf_counter()
        part = searched(POSITIONS, seed, runs, config.largest_limit, TWO_ARGUMENT)
        programs = [machine.listing(p[:n].tolist(), TWO_ARGUMENT) for p, n in zip(part["program"], part["length"])]
        final = dict(runs=part["runs"], steps=part["steps"], fits=len(programs),
                     generalise=int((part["unseen"] == len(UNSEEN)).sum()), programs=programs,
                     bits=part["bits"].tolist(), used=part["used"].tolist(), unseen=part["unseen"].tolist())
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def per_fit(record):
    """Runs per fit and its interval."""
    return for_each(totals(record, "runs"), totals(record, "fits"))


def checks(record):
    fits, good = totals(record, "fits"), totals(record, "generalise")
    measured, interval = per_fit(record)
    published = machine.run(PUBLISHED, 1024, TWO_ARGUMENT)
    right = published.weights == POSITIONS.truth.tolist()
    return [
        results.check("programs found that fit the three examples", fits, "at least 3", fits >= 3, paper=3),
        results.check("runs per fit", measured, "within a factor of 2 of the published", measured is not None and
                      0.5 <= measured / PAPER["runs_per_fit"] <= 2, paper=PAPER["runs_per_fit"],
                      interval=interval if measured else None),
        results.check("share of fits right on all 161,697 unseen patterns", good / fits if fits else None,
                      "interval meets that of 3 of 3", fits and wilson(good, fits)[1] >= wilson(3, 3)[0], paper=1.0,
                      interval=wilson(good, fits)),
        results.check("the published program: steps until it ends, all weights right", published.steps, "399",
                      right and published.steps == 399, paper=399),
        results.check("the published program: space probability", 2.0 ** -published.bits, "9.95e-9",
                      round(2.0 ** -published.bits * 1e11) == 995, paper=9.95e-9),
    ]


def finding(record):
    measured, interval = per_fit(record)
    fits, good = totals(record, "fits"), totals(record, "generalise")
    if not fits:
        return f"No fit in {totals(record, 'runs'):,} runs."
    return (f"{fits} fits in {totals(record, 'runs'):,} runs, one per {measured:,.0f} {between(interval)} "
            f"(published: 3 in 100,000,000); {good} of {fits} are right on every unseen pattern.")


def table(record):
    rows = []
    for run_ in record["runs"]:
        final = run_["final"]
        rows += [[run_["seed"], f"`{program}`", f"{bits:.1f}", f"{steps:,}", f"{bits + np.log2(steps):.1f}",
                  f"{unseen:,}"] for program, bits, steps, unseen in zip(final["programs"], final["bits"],
                                                                         final["used"], final["unseen"])]
    rows.sort(key=lambda row: float(row[4]))
    published = machine.run(PUBLISHED, 1024, TWO_ARGUMENT)
    rows.append(["paper", f"`{machine.listing(PUBLISHED, TWO_ARGUMENT)}`", f"{published.bits:.1f}", published.steps,
                 f"{published.kt:.1f}", f"{len(UNSEEN):,}"])
    return ["seed", "program", "bits", "steps", "Kt", "unseen patterns right"], rows
