"""Do three and four levels work, and is each of them needed?

Cycles within cycles (Habilitationsschrift 1993, multi-level hierarchy): every 20th symbol belongs to a
slower cycle with symbols of its own, every 20th of those to a still slower one; the letter stands at
both ends. Each level of automatizers is trained on the surprises of the level below and then frozen.
The upper automatizers get the symbols without time stamps; only C gets stamps. The tolerance is 0.3,
because with a slower symbol in every 20th place no level can be surer than 0.95. Control: one level
fewer, C reads what the last but one level leaves, with the same number of updates.
"""

import time
from dataclasses import replace
from itertools import repeat

import numpy as np

from chunker_very_deep_1200.chunker_very_deep_1200 import (chunker, init_chunker, recipe,
                                                           train_automatizer, train_chunker)
from chunker_very_deep_1200.predictor import predictor
from chunker_very_deep_1200.surprises import Surprises, chunker_answer, compress
from chunker_very_deep_1200.task import CYCLE, LETTERS, right
from common import results
from common.networks import stack
from common.randomness import stream

SEEDS, MINUTES = range(3), 4
USES = ("automatizer_window", "automatizer_batch", "automatizer_lr", "chunker_hidden", "chunker_batch", "chunker_lr",
        "clip")
QUICK = dict(shapes=((8, 2),), windows=300)
PASSES = 150                                 # a level sees its (ever shorter) stream at most so often


def run(config, seeds, shapes=((20, 3), (20, 4)), windows=8000, hidden=32, tolerance=0.3, updates=144, distinct=32):
    config = replace(config, automatizer_hidden=hidden, automatizer_windows=windows, tolerance=tolerance,
                     chunker_updates=updates)
    for seed in seeds:
        final, started = {}, time.perf_counter()
        for F, L in shapes:
            levels = hierarchy(seed, config, F, L, distinct)
            final |= {f"length_levels{L}_at{j}": level.count.mean() for j, level in enumerate(levels)}
            for name, level in ((f"levels{L}", levels[-1]), (f"levels{L}_one_fewer", levels[-2])):
                final[f"recall_{name}"] = recall_of_C(seed, config, level, F**L + 1, L, distinct)
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def nested_sequences(triggers, F, L):
    """Cycles within cycles: every F-th symbol is one of the next slower level, and so on for L levels.

    Each level cycles through five symbols of its own. A level cannot foresee the slower ones without
    counting to F; to the next level they are all there is. The trigger comes first and last.

    triggers (N, B)   ->   symbols (F^L + 1, N, B)
    """
    T = F**L + 1
    t = np.arange(T)
    symbols = np.zeros(T, np.int8)
    for level in range(L):
        at = (t % F**level == 0)
        count = t // F**level - t // F**(level + 1) - 1                  # how many of this level came before
        symbols[at] = (LETTERS + CYCLE * level + count % CYCLE)[at]
    symbols = np.broadcast_to(symbols[:, None, None], (T, *triggers.shape)).copy()
    symbols[0] = symbols[-1] = triggers
    return symbols


def compress_again(net, p, below, tolerance):
    """The surprises among the surprises of the level below, with time stamps of the raw stream."""
    found = compress(net, p, np.where(below.real, below.symbols, -1), tolerance)
    times = np.take_along_axis(below.times, found.times, axis=0) if len(below.times) else found.times
    return Surprises(found.symbols, times, found.real)


def hierarchy(seed, config, F, L, distinct):
    """L levels of automatizers, trained one after another, each frozen before the next.

    returns   [Surprises of each level], the raw stream first; the last two sequences are the test
    """
    raw = nested_sequences(np.arange(distinct + 2)[None] % LETTERS, F, L)
    times = np.broadcast_to(np.arange(len(raw))[:, None, None], raw.shape)
    levels = [Surprises(raw, times, np.ones(raw.shape, bool))]
    for number in range(L):
        A, below = predictor(config.automatizer_hidden, LETTERS + CYCLE * L), levels[-1]
        p = stack([A.init(stream(seed, f"init level {number}"), std=0.3)])
        stretch = np.where(below.real, below.symbols, -1)[..., :config.automatizer_batch]
        windows = min(config.automatizer_windows, PASSES * -(-len(stretch) // config.automatizer_window))
        train_automatizer(A, p, repeat(stretch), replace(config, automatizer_windows=windows),
                          f"{L} levels, level {number + 1}")
        levels.append(compress_again(A, p, below, config.tolerance))
    return levels


def recall_of_C(seed, config, level, T, L, distinct):
    """Train a C on a level's surprises; share of the two test sequences that it recalls."""
    how = recipe(config, 0)._replace(passes=-(-config.chunker_updates * config.chunker_batch // distinct))
    C = chunker(how, LETTERS + CYCLE * L, T)
    c = init_chunker(C, how, [seed])
    train_chunker(C, c, level.part(slice(distinct)), how, config.clip)
    test = level.part(slice(distinct, None))
    answer = np.arange(distinct, distinct + 2)[None] % LETTERS
    return right(chunker_answer(C, c, test, T), answer)[0][0]


def checks(record):
    s, made = record["summary"], []
    for F, L in record["config"]["shapes"]:
        full, fewer = s[f"recall_levels{L}"], s[f"recall_levels{L}_one_fewer"]
        made += [results.check(f"recall through {L} levels, {F**L:,} steps, worst seed", full["min"], "1",
                               full["min"] == 1),
                 results.check("recall with one level fewer, best seed", fewer["max"], "below 1", fewer["max"] < 1)]
    return made


def finding(record):
    s, parts = record["summary"], []
    for F, L in record["config"]["shapes"]:
        parts.append(f"{L} levels recall {s[f'recall_levels{L}']['mean']:.2f} over {F**L:,} steps, "
                     f"one level fewer {s[f'recall_levels{L}_one_fewer']['mean']:.2f}")
    return f"{'; '.join(parts)} ({len(record['runs'])} seeds)."


def table(record):
    s, rows = record["summary"], []
    for F, L in record["config"]["shapes"]:
        lengths = " → ".join(f"{s[f'length_levels{L}_at{j}']['mean']:,.0f}" for j in range(L + 1))
        rows.append([L, f"{F**L:,}", lengths, f"{s[f'recall_levels{L}']['mean']:.2f}",
                     f"{s[f'recall_levels{L}_one_fewer']['mean']:.2f}"])
    header = ["levels", "lag", "symbols at each level (mean)", "recall (chance 0.50)", "recall with one level fewer"]
    return header, rows
