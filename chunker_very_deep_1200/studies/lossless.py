"""Does the compressed history lose anything?

The raw stream is rebuilt from A, the surprises and their time stamps (A's most probable symbol where
there is no surprise) and compared symbol by symbol. The paper: nothing is lost. A surprise costs
log2 7 + log2 T bits with its stamp, so with a noisy filler the description stays exact and is no
longer short. One sequence that differs would refute it.
"""

import time

import numpy as np

from chunker_very_deep_1200.noisy_filler import noisy_sequences, trained_automatizer
from chunker_very_deep_1200.studies.stochastic_filler import RULES, cell
from chunker_very_deep_1200.surprises import compress
from common import results
from common.randomness import streams

SEEDS, MINUTES = range(5), 0.4
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch",
        "automatizer_lr", "tolerance", "clip")
QUICK = dict(length=60, automatizer_windows=300, noises=(0.0, 0.5), sequences=3)


def run(config, seeds, noises=(0.0, 0.1, 0.5, 1.0), sequences=50):
    final, started, T = {}, time.perf_counter(), config.length
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        symbols = noisy_sequences(streams(seeds, "test"), sequences, T, noise)
        for rule, tolerance in zip(RULES, (config.tolerance, None)):
            found, where = compress(A, p, symbols, tolerance), f"{rule}_noise{noise:g}"
            bits = found.count.mean(-1) * (np.log2(A.classes) + np.log2(T))
            final |= {f"rebuilt_{where}": (rebuild(A, p, found, T) == symbols).all(0).mean(-1),
                      f"surprises_{where}": found.count.mean(-1),
                      f"bits_ratio_{where}": bits / (T * np.log2(A.classes))}
    return results.entries(seeds, final, seconds=time.perf_counter() - started)


def rebuild(A, p, found, T):
    """The raw stream (T, N, B) from A, the surprises and their time stamps."""
    N, B = found.count.shape
    symbols, step, state = np.empty((T, N, B), np.int64), np.full((1, N, B), A.classes), ()
    surprise = np.full((T, N, B), -1)
    rank, n, b = np.nonzero(found.real)
    surprise[found.times[rank, n, b], n, b] = found.symbols[rank, n, b]
    for t in range(T):
        seen = A.forward(p, step, state)
        expected = A.logits(p, seen.y[1]).argmax(-2)
        symbols[t] = np.where(surprise[t] >= 0, surprise[t], expected)
        step, state = symbols[t:t + 1], seen.state
    return symbols


def checks(record):
    rebuilt = min(e["min"] for name, e in record["summary"].items() if name.startswith("rebuilt"))
    return [results.check("share of streams rebuilt exactly from A and the surprises, worst seed and noise", rebuilt,
                          "1", rebuilt == 1, paper="nothing is lost")]


def finding(record):
    s, config = record["summary"], record["config"]
    rebuilt = min(e["min"] for name, e in s.items() if name.startswith("rebuilt"))
    answer = "No: every stream" if rebuilt == 1 else f"Yes: a share of {rebuilt:g} of the streams"
    return (f"{answer} is rebuilt exactly ({len(record['runs'])} seeds, {len(config['noises'])} noise levels, both "
            "criteria).")


def table(record):
    s = record["summary"]
    rows = [[f"{noise:g}", "mass" if rule == "tolerance" else rule, cell(s[f"rebuilt_{rule}_noise{noise:g}"], 3),
             cell(s[f"surprises_{rule}_noise{noise:g}"], 1), f"{s[f'bits_ratio_{rule}_noise{noise:g}']['mean']:.3f}"]
            for noise in record["config"]["noises"] for rule in RULES]
    return ["noise", "criterion", "sequences rebuilt exactly", "surprises", "bits sent / bits of the stream"], rows
