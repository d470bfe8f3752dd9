"""Does the recipe train other updaters, and can BPTT?

Retrieval at T = 64, continuous memory of 64 numbers (LSTM: 32 cells and 32 outputs), the recipe of the main experiment
for all, nothing tuned for any of them. BPTT has as many sequences as SMT and DMT together, four rates, the memory on
the sphere or free (as such networks are ordinarily trained), and default gates: with gates that begin by keeping
(chrono) a GRU learns T = 64 on every seed of the main experiment. "One recipe fits all" is refuted by any updater whose
encoder is right and whose RNN is not.
"""

import numpy as np

from common import results
from smt import scores
from smt.comparison import CONTINUOUS_WEIGHTS, compare, plan, task_of
from smt.memory import FreeMemory, SphereMemory
from smt.training import Recipe

SEEDS, MINUTES = range(100, 103), 25
USES = ("elements", "length", "size", "hidden", "width", "heads", "scale", "test")
QUICK = dict(length=16, size=16, hidden=16, width=16, scale=0.01, test=16)

# name: (key of updaters.UPDATERS, memory tokens)
UPDATERS = {"residual MLP": ("mlp", 1), "Transformer block": ("transformer", 2), "GRU": ("gru", 1), "LSTM": ("lstm", 1),
            "tanh-RNN": ("tanh", 1)}
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
METHODS = ("SMT", "SMT + DMT", "encoder + readout", "BPTT, sphere", "BPTT, free")


def run(config, seeds, updaters=tuple(UPDATERS)):
    for seed in seeds:
        yield results.entry(seed, {name: one_updater(config, seed, name) for name in updaters})


def one_updater(c, seed, name):
    kind, tokens = UPDATERS[name]
    opponents = {"BPTT, sphere": (SphereMemory, {}, RATES), "BPTT, free": (FreeMemory, {}, RATES)}
    (_, _, dmt_updates), = plan(c, "dmt", "direct")
    return compare(c, seed, task_of(c), c.length, c.elements + 1, kind,
                   Recipe(plan(c, "smt", "direct"), CONTINUOUS_WEIGHTS), dmt_updates, opponents, tokens)


def checks(record):
    worst = {name: min(scores.cells(record, name, "SMT + DMT"), default=0.0) for name in UPDATERS}
    encoders = [v for name in UPDATERS for v in scores.cells(record, name, "encoder + readout")]
    gated = [v for method in METHODS[3:] for v in scores.cells(record, "GRU", method)]
    return [results.check("one recipe trains every updater by SMT + DMT (worst seed of the worst updater)",
                          min(worst.values()), ">= 0.95", min(worst.values()) >= 0.95),
            results.check("every encoder is right (worst seed of all)", min(encoders, default=None), ">= 0.95",
                          min(encoders, default=0) >= 0.95),
            results.check("BPTT trains a GRU with default gates on some seed (best of both memories)",
                          max(gated, default=None), ">= 0.95", max(gated, default=0) >= 0.95)]


def finding(record):
    def solved(method):
        found = {name: scores.cells(record, name, method) for name in UPDATERS}
        return ", ".join(f"{name} {sum(v >= 0.95 for v in values)} of {len(values)}"
                         for name, values in found.items() if any(v >= 0.95 for v in values)) or "none"
    return (f"Seeds solved at T = {record['config']['length']}, nothing tuned: SMT + DMT: {solved('SMT + DMT')}; BPTT, "
            f"sphere: {solved('BPTT, sphere')}; BPTT, free memory: {solved('BPTT, free')}.")


def table(record):
    return ["updater", *METHODS, "chance"], [
        [name, *(shown(record, name, method) for method in METHODS), f"{1 / record['config']['elements']:.3f}"]
        for name in UPDATERS]


def shown(record, name, method):
    """Mean (worst seed); for BPTT also the highest of all rates and seeds."""
    found, highest = (scores.cells(record, name, metric) for metric in (method, f"{method}, highest"))
    if not found:
        return "–"
    return f"{np.mean(found):.3f} ({min(found):.3f})" + (f", highest {max(highest):.3f}" if highest else "")
