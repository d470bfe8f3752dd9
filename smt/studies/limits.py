"""Where does the recipe end?

Two steps beyond the main experiment, nothing tuned: bits trained directly at T = 256 (twice its longest), and twelve
symbols instead of eight at T = 64 with the continuous memory, where SMT, SMT + DMT and SMT with as many extra updates
are set side by side. If both were solved on every seed, the recipe's end would lie further out.
"""

from dataclasses import replace

import numpy as np

from common import results
from common.randomness import stream
from smt import scores
from smt.comparison import BINARY_WEIGHTS, CONTINUOUS, plan, smt_on_sphere, task_of, tests
from smt.memory import BinaryMemory
from smt.model import RNN, Teacher
from smt.scores import DMT, ENCODER, MORE, SMT
from smt.training import Recipe, encoder_accuracy, rollout_scores, train_smt

SEEDS, MINUTES = range(100, 103), 8
USES = ("length", "size", "bits", "hidden", "width", "heads", "scale", "test", "longest")
QUICK = dict(length=16, size=16, bits=8, hidden=16, width=16, scale=0.01, test=16, longest=256, long_length=24)
LONG, MANY = "bits, T = 256", "12 symbols, T = 64"


def run(config, seeds, long_length=256, elements=12):
    for seed in seeds:
        longer, more = replace(config, long_length=long_length), replace(config, elements=elements)
        final = {scores.cell(LONG, metric): value for metric, value in bits_directly(longer, seed).items()}
        found = smt_on_sphere(more, seed, "direct")["final"]
        first = tests(more, "direct", CONTINUOUS)[0]
        final |= {scores.cell(MANY, method): found[scores.name("direct", method, first)]
                  for method in (SMT, MORE, DMT, ENCODER)}
        yield results.entry(seed, final)


def bits_directly(c, seed):
    """SMT with bits at the long length: accuracy, encoder + readout, decoding loss, when the dynamics began."""
    rng, memory = stream(seed, "init"), BinaryMemory(c.bits, noise=0.02)
    teacher = Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads)
    rnn = RNN(rng, c.elements + 1, memory, hidden=c.hidden)
    recipe = Recipe(plan(c, "smt", "long"), BINARY_WEIGHTS["long"])
    curves = train_smt(teacher, rnn, task_of(c), stream(seed, "train"), recipe)
    x, y = task_of(c)(stream(seed, "test"), min(c.test, 256), c.long_length)
    return {SMT: rollout_scores(rnn, x, y)["accuracy"], ENCODER: encoder_accuracy(teacher, rnn, x, y),
            "decoding loss, last 20 updates": float(np.mean(curves["dec"][-20:])), "dynamics on at": curves["on"]}


def solved(record, variant, method):
    return sum(v >= 0.95 for v in scores.cells(record, variant, method))


def checks(record):
    n = len(record["runs"])
    return [results.check(f"{LONG}: the recipe solves it (seeds)", solved(record, LONG, SMT), f"{n} of {n}",
                          solved(record, LONG, SMT) == n),
            results.check(f"{MANY}: SMT without DMT solves it (seeds)", solved(record, MANY, SMT), f"{n} of {n}",
                          solved(record, MANY, SMT) == n),
            results.check(f"{MANY}: SMT + DMT solves more seeds than the same number of extra SMT updates (difference)",
                          solved(record, MANY, DMT) - solved(record, MANY, MORE), "> 0",
                          solved(record, MANY, DMT) > solved(record, MANY, MORE))]


def finding(record):
    n = len(record["runs"])
    losses = scores.cells(record, LONG, "decoding loss, last 20 updates")
    many = ", ".join(f"{name} {solved(record, MANY, method)}" for name, method in (
        ("SMT", SMT), ("SMT with extra updates", MORE), ("SMT + DMT", DMT)))
    return (f"With bits at T = 256 the recipe solves {solved(record, LONG, SMT)} of {n} seeds (decoding loss at last "
            f"{min(losses):.2f} to {max(losses):.2f}; ln 8 = 2.08: nothing found). With 12 symbols at T = 64, seeds "
            f"solved of {n}: {many}.")


def table(record):
    rows = []
    for variant in (LONG, MANY):
        for method in (SMT, MORE, DMT, ENCODER):
            found = scores.cells(record, variant, method)
            if found:
                rows.append([variant, method, f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})",
                             "0.125" if variant == LONG else f"{1 / record['config']['elements']:.3f}"])
    return ["step", "method", "accuracy: mean (range)", "chance"], rows
