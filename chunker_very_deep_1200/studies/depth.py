"""Is A's walk stable over 1,200,000 steps?

A and C are trained and scored anew at each T with the main experiment's number of updates. What is
tested is the stability of A's walk: one wrong step would be a surprise more. A learns from the first
1,200 symbols of fresh sequences, so that its budget covers as many beginnings at each length (it
never meets a recall in the longer ones); C learns from 64 whole sequences. C's problem is the same
at every T: two surprises. The walk carries one state; its memory stops growing where a chunk is full.
One net on the whole stream with BPTT would have to store 1,200,000 states; it is not run.
"""

import time
import tracemalloc
from dataclasses import replace

from chunker_very_deep_1200.chunker_very_deep_1200 import (automatizer, chunker, init_chunker, recipe,
                                                           train_automatizer, train_chunker)
from chunker_very_deep_1200.surprises import chunker_answer, compress
from chunker_very_deep_1200.task import alphabet, both_sequences, right, supply
from common import results
from common.networks import stack
from common.randomness import stream

SEEDS, MINUTES = range(3), 3.6
USES = ("automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch", "automatizer_lr",
        "tolerance", "chunker_hidden", "chunker_updates", "chunker_batch", "chunker_lr", "clip")
QUICK = dict(lengths=(60, 240), automatizer_windows=300, distinct=16)


def run(config, seeds, lengths=(120, 1_200, 12_000, 120_000, 1_200_000), distinct=64, prefix=1200):
    for seed in seeds:
        final, started = {}, time.perf_counter()
        for T in lengths:
            measured = at_length(seed, replace(config, length=T), distinct, prefix)
            final |= {f"{key}_T{T}": value for key, value in measured.items()}
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def at_length(seed, config, distinct, prefix):
    """{metric: value} at T = config.length."""
    begun, T = time.process_time(), config.length      # of this process: other programs do not count
    how = recipe(config, 0)._replace(passes=-(-config.chunker_updates * config.chunker_batch // distinct))
    A, C = automatizer(config), chunker(how, alphabet(0), T)
    a, c = stack([A.init(stream(seed, "init A"), std=0.3)]), init_chunker(C, how, [seed])
    beginnings = (symbols[:prefix] for symbols in supply([seed], "train A", config.automatizer_batch, T))
    train_automatizer(A, a, beginnings, config, f"A at T = {T:,}")
    found = compress(A, a, next(supply([seed], "train C", distinct, T)), config.tolerance)
    train_chunker(C, c, found, how, config.clip)
    symbols = both_sequences(1, T)
    seen = compress(A, a, symbols, config.tolerance)
    recall, _ = right(chunker_answer(C, c, seen, T), symbols[-1])
    k, seconds = seen.count.mean(), time.process_time() - begun
    return dict(recall=recall[0], surprises=k, reduction=(T - 1) / k if k else None, seconds=seconds,
                walk_megabytes=memory_of_walk(A, a, symbols, config), stream_megabytes=symbols.nbytes / 2**20)


def memory_of_walk(A, p, symbols, config):
    """Largest memory in MB while A walks over the stream (apart from the clock: it slows the walk down)."""
    tracemalloc.start()
    compress(A, p, symbols, config.tolerance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def checks(record):
    T, s = max(record["config"]["lengths"]), record["summary"]
    recall, seconds, k = s[f"recall_T{T}"]["min"], s[f"seconds_T{T}"]["max"], s[f"surprises_T{T}"]["max"]
    return [results.check(f"recall at T = {T:,}, worst seed", recall, "1", recall == 1),
            results.check(f"surprises at T = {T:,}, worst seed", k, "2", k == 2),
            results.check(f"processor seconds at T = {T:,}, worst seed", seconds, "at most 60", seconds <= 60)]


def finding(record):
    T, s = max(record["config"]["lengths"]), record["summary"]
    return (f"At T = {T:,} it is surprised {s[f'surprises_T{T}']['mean']:g} times and recall is "
            f"{s[f'recall_T{T}']['mean']:g} ({len(record['runs'])} seeds).")


def table(record):
    s, rows = record["summary"], []
    for T in record["config"]["lengths"]:
        k = s[f"surprises_T{T}"]
        rows.append([f"{T:,}", f"{s[f'recall_T{T}']['mean']:g}", f"{k['mean']:g} ({k['min']:g} to {k['max']:g})",
                     f"{s[f'reduction_T{T}']['mean']:,.0f}", f"{s[f'seconds_T{T}']['mean']:.1f}",
                     f"{s[f'walk_megabytes_T{T}']['mean']:.1f}", f"{s[f'stream_megabytes_T{T}']['mean']:.2f}"])
    return ["T", "recall (chance 0.50)", "surprises k", "(T - 1) / k", "processor seconds", "memory of the walk (MB)",
            "stream (MB)"], rows
