"""How many further letters can C stand, and what helps it?

The main experiment's task with m = 10 and 30: a sequence leaves m + 3 surprises, of which only the
last can be known, by carrying the marked letter over up to m + 1 others. Three C's read the same
compressed histories: the main experiment's tanh-RNN; an LSTM with forget gates in its place; the same
LSTM with the loss of the last surprise only (half of the single nets have that help too). Beside them
the single LSTMs, last symbol only, at the rate and batch size chosen for m = 3, and the rules that
learn nothing. C's settings were chosen on seeds 900 to 902. It would be the wrong place to look for
the difficulty if C failed with the last loss as well.
"""

import time

import numpy as np

from chunker_very_deep_1200 import single_nets
from chunker_very_deep_1200.chunker_very_deep_1200 import (Recipe, automatizer, chunker, init_chunker, recipe,
                                                           solved, train_automatizer, train_chunker)
from chunker_very_deep_1200.surprises import chunker_answer, compress
from chunker_very_deep_1200.task import RULES, alphabet, right, rules, supply, twins
from common import results
from common.networks import chosen, stack
from common.randomness import streams
from common.tables import share

SEEDS, MINUTES = range(5), 6
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch",
        "automatizer_lr", "tolerance", "chunker_updates", "chunker_batch", "marked_hidden", "marked_batch",
        "marked_passes", "marked_lr", "cells", "clip", "pairs")
QUICK = dict(length=120, automatizer_windows=100, chunker_updates=1, marked_passes=1, pairs=3, others=(10,),
             passes=(1,))
CHUNKERS = dict(tanh="C, tanh-RNN", gated="C, LSTM", gated_last="C, LSTM, last surprise only")
KINDS = ("lstm", "lstm_forget")


def run(config, seeds, *, part, others=(10, 30), passes=(8, 24), cells=32):
    started, final, name = time.perf_counter(), {}, "-".join(map(str, seeds))
    for m, times in zip(others, passes):
        final |= part(f"C-{m}-{name}", lambda: chunkers(seeds, config, m, times, cells))
    for kind in KINDS:
        final |= part(f"{kind}-{name}", lambda: single(kind, seeds, config, others))
    return results.entries(seeds, final, seconds=time.perf_counter() - started)


def chunkers(seeds, config, m, passes, cells):
    """{metric: (N,)} of the three C's on the surprises of one A, and of the rules."""
    T, K, A = config.length, alphabet(m), automatizer(config, m)
    a = stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")])
    train_automatizer(A, a, supply(seeds, "train A", config.automatizer_batch, T, m), config, f"A, m = {m}")
    symbols = next(supply(seeds, "train C", config.chunker_updates * config.chunker_batch, T, m))
    found = compress(A, a, symbols, config.tolerance)
    test = twins(seeds, "test", config.pairs, T, m)
    seen = compress(A, a, test.symbols, config.tolerance)
    final = {f"surprises_m{m}": seen.count.mean(-1)}
    final |= {f"rule_{rule}_m{m}": a for rule, a in rules(test).items()}
    gated = Recipe(cells, config.marked_batch, config.marked_lr, passes, std=0.1, gated=True, longest=m + 4)
    hows = dict(tanh=recipe(config, m)._replace(passes=passes), gated=gated, gated_last=gated._replace(last_only=True))
    for name, how in hows.items():
        C = chunker(how, K, T)
        c = init_chunker(C, how, seeds)
        train_chunker(C, c, found, how, config.clip)
        final[f"recall_{name}_m{m}"], _ = right(chunker_answer(C, c, seen, T), test.recall)
    return final


def single(kind, seeds, config, others):
    """{metric: (N,)} of a single net, last symbol only."""
    jobs = [single_nets.Job("last", m, single_nets.RATE[f"{kind}_last", 3]) for m in others]
    net, _, p, curves, alive = single_nets.train(kind, jobs, seeds, config, single_nets.BATCH[kind])
    final = {f"updates_{kind}": np.full(len(seeds), len(curves["loss"]))}
    for j, job in enumerate(jobs):
        own = slice(j * len(seeds), (j + 1) * len(seeds))
        scores, _ = single_nets.measure(net, chosen(p, own), twins(seeds, "test", config.pairs, config.length, job.m))
        final[f"recall_{kind}_m{job.m}"] = np.where(alive[own], scores["recall"], np.nan)
    return final


def checks(record):
    n, made = len(record["runs"]), []
    for m in record["config"]["others"]:
        gated, plain = (solved(record, name, m) for name in ("gated_last", "tanh"))
        made += [results.check(f"m = {m}: C, LSTM, last surprise only: seeds solved", gated, f"at least half of {n}",
                               2 * gated >= n),
                 results.check(f"m = {m}: C, tanh-RNN, every surprise: seeds solved", plain, f"0 of {n}", plain == 0)]
    return made


def finding(record):
    n, others = len(record["runs"]), record["config"]["others"]
    counts = [f"{text} {' and '.join(str(solved(record, name, m)) for m in others)}" for name, text in CHUNKERS.items()]
    return f"Of {n} seeds solve m = {' and '.join(map(str, others))}: {'; '.join(counts)}."


def table(record):
    s, n, rows = record["summary"], len(record["runs"]), []
    names = {**CHUNKERS, **{kind: single_nets.label(f"{kind}_last") for kind in KINDS}}
    for m in record["config"]["others"]:
        for name, text in names.items():
            e = s[f"recall_{name}_m{m}"]
            rows.append([m, text, share(solved(record, name, m), n),
                         f"{e['mean']:.2f} ({e['min']:.2f} to {e['max']:.2f})" if e["n"] else "diverged"])
        rows += [[m, f"rule: {text}", "", f"{s[f'rule_{rule}_m{m}']['mean']:.2f}"] for rule, text in RULES.items()]
        rows.append([m, "surprises per sequence", "", f"{s[f'surprises_m{m}']['mean']:.1f}"])
    return ["m", "method", "seeds solved", "recall (chance 0.50)"], rows
