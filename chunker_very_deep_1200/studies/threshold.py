"""How does recall depend on the tolerance?

The tolerance of the mass criterion is swept, with the cycle and with a little noise in the filler;
everything else is the main experiment's, C has 200 updates. Too small, and A's own imprecision is
sent up; too large, and the letter itself (mass 0.4 to 0.6) passes as expected. The last row is a bar
of 1.40 nats: under it the first letter is never a surprise unless it is flagged by hand.
"""

import time

import numpy as np

from chunker_very_deep_1200.noisy_filler import recall_after, trained_automatizer
from chunker_very_deep_1200.studies.stochastic_filler import cell
from common import results

SEEDS, MINUTES = range(3), 2.6
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch",
        "automatizer_lr", "chunker_hidden", "chunker_batch", "chunker_lr", "clip")
QUICK = dict(length=60, automatizer_windows=300, noises=(0.0,), tolerances=(0.01, 0.3), updates=16)


def run(config, seeds, noises=(0.0, 0.002), tolerances=(1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.753),
        updates=200):
    final, started = {}, time.perf_counter()
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        for tolerance in tolerances:
            measured = recall_after(seeds, config, A, p, noise, tolerance, updates)
            for key in ("recall", "surprises"):
                final[f"{key}_noise{noise:g}_tolerance{tolerance:g}"] = measured[key]
    return results.entries(seeds, final, seconds=time.perf_counter() - started)


def safe(record, noise):
    """The tolerances with which every seed recalls at least 0.95."""
    s = record["summary"]
    return [t for t in record["config"]["tolerances"] if s[f"recall_noise{noise:g}_tolerance{t:g}"]["min"] >= 0.95]


def checks(record):
    default = 0.1
    return [results.check(f"tolerance {default:g} recalls at least 0.95 at every seed, noise {noise:g}",
                          record["summary"][f"recall_noise{noise:g}_tolerance{default:g}"]["min"], "at least 0.95",
                          default in safe(record, noise))
            for noise in record["config"]["noises"] if default in record["config"]["tolerances"]]


def finding(record):
    parts = []
    for noise in record["config"]["noises"]:
        good = safe(record, noise)
        found = f"from {min(good):g} to {max(good):g}" if good else "none of those tried"
        parts.append(f"{found} with {f'noise {noise:g}' if noise else 'the cycle'}")
    return f"Every seed solves the task {', '.join(parts)} ({len(record['runs'])} seeds)."


def table(record):
    s, noises, rows = record["summary"], record["config"]["noises"], []
    for t in record["config"]["tolerances"]:
        measured = [cell(s[f"{key}_noise{noise:g}_tolerance{t:g}"], digits)
                    for noise in noises for key, digits in (("surprises", 1), ("recall", 2))]
        rows.append([f"{t:g}", f"{-np.log(1 - t):.4f}", *measured])
    head = [f"{column}, {f'noise {noise:g}' if noise else 'cycle'}" for noise in noises for column in ("k", "recall")]
    return ["tolerance", "as a loss (nats)", *head], [*rows, ["chance", "", *["", "0.50"] * len(noises)]]
