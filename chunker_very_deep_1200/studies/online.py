"""Must A be finished before C begins?

C gets one update after each pass of A: from the first pass on, or only after A has had some passes
alone. In both schedules A never stops learning, and C sees what the A of the moment did not predict.
Sequences are counted until C gives the right letter a probability of 0.9 for good.
"""

import time

import numpy as np

from chunker_very_deep_1200.chunker_very_deep_1200 import (automatizer, chunker, chunker_loss,
                                                           init_chunker, recipe)
from chunker_very_deep_1200.predictor import read_from
from chunker_very_deep_1200.surprises import chunker_answer, compress, gather
from chunker_very_deep_1200.task import alphabet, both_sequences, supply
from common import results
from common.layers import probability_of, softmax
from common.networks import stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import streams
from common.tables import mean_spread, share

SEEDS, MINUTES = range(10), 0.5
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_batch", "automatizer_lr", "tolerance",
        "chunker_hidden", "chunker_lr", "clip")
QUICK = dict(length=60, passes=4, alone=2)
SURE = 0.9


def run(config, seeds, passes=60, alone=12):
    final, curves, started = {}, {}, time.perf_counter()
    for name, wait in (("online", 0), ("sequential", alone)):
        k, sure = one_schedule(seeds, config, passes, wait)
        for_good = np.cumsum((sure < SURE)[::-1], axis=0)[::-1] == 0           # sure from here to the end
        first = np.where(for_good.any(0), (1 + for_good.argmax(0)) * config.automatizer_batch, np.nan)
        final |= {f"{name}_sequences_to_solve": first, f"{name}_sure": sure[-1], f"{name}_surprises": k[-1]}
        curves |= {f"{name}_sure": sure, f"{name}_surprises": k}
    return results.entries(seeds, final, curves, time.perf_counter() - started)


def one_schedule(seeds, config, passes, wait):
    """After every pass: surprises per sequence, and the probability C gives the right letter in the worse
    of the two sequences. Two arrays (passes, N)."""
    T, how = config.length, recipe(config, 0)
    A, C = automatizer(config), chunker(how, alphabet(0), config.length)
    a, c = stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")]), init_chunker(C, how, seeds)
    batches, optimizers = supply(seeds, "online", config.automatizer_batch, T), (Adam(a), Adam(c))
    both, counts, sure = both_sequences(len(seeds), T), [], []
    for number in range(passes):
        found = learn_and_compress(A, a, next(batches), optimizers[0], config)
        if number >= wait:
            _, g, _ = chunker_loss(C, c, found)
            clip_by_global_norm(g, config.clip, networks=True)
            optimizers[1].step(g, how.lr)
        seen = compress(A, a, both, config.tolerance)
        sure.append(probability_of(softmax(chunker_answer(C, c, seen, T)), both[-1]).min(-1))
        counts.append(seen.count.mean(-1))
    return np.array(counts), np.array(sure)


def learn_and_compress(A, p, symbols, optimizer, config):
    """One pass of A over a batch; a surprise is what it failed to predict while it was learning."""
    state, inputs, found, w = (), read_from(symbols, A.classes), [], config.automatizer_window
    for t in range(0, len(symbols), w):
        targets = symbols[t:t + w]
        weight = np.full(targets.shape, 1 / targets[:, 0].size, np.float32)
        _, g, seen = A.gradients_at_every_step(p, inputs[t:t + w], targets, weight, state)
        mass = probability_of(softmax(A.logits(p, seen.y[1:])), targets)
        step, n, b = np.nonzero(mass < 1 - config.tolerance)
        found.append((t + step, n, b, targets[step, n, b]))
        clip_by_global_norm(g, config.clip, networks=True)
        optimizer.step(g, config.automatizer_lr)
        state = seen.state
    return gather(*(np.concatenate(parts) for parts in zip(*found)), *symbols.shape[1:])


def checks(record):
    solved = record["summary"]["online_sequences_to_solve"]["n"]
    return [results.check("together from the start: seeds solved", solved, f"{len(record['runs'])} of "
                          f"{len(record['runs'])}", solved == len(record["runs"]))]


def finding(record):
    together, apart = (record["summary"][f"{name}_sequences_to_solve"] for name in ("online", "sequential"))
    if not together["n"] or not apart["n"]:
        return "At least one of the schedules does not get there."
    return (f"No: together C is ready after {together['mean']:.0f} sequences, after {apart['mean']:.0f} if A begins "
            f"alone ({together['n']} and {apart['n']} of {len(record['runs'])} seeds).")


def table(record):
    s, rows, n = record["summary"], [], len(record["runs"])
    alone = record["config"]["alone"] * record["config"]["automatizer_batch"]
    for name, text in (("online", "together from the start"),
                       ("sequential", f"A alone for {alone} sequences, then both")):
        ready = s[f"{name}_sequences_to_solve"]
        rows.append([text, mean_spread(ready, 0), share(ready["n"], n), f"{s[f'{name}_surprises']['mean']:.2f}"])
    header = ["schedule", f"sequences until C gives the right letter {SURE} for good", "seeds", "surprises at the end"]
    return header, rows
