"""Filler that is a Markov chain instead of a cycle, for the studies (m = 0). Layout: common/__init__.py.

With probability `noise` the next filler symbol is any of the five. What noise must do to the number
of surprises is known: task.expected_surprises.
"""

import numpy as np

from chunker_very_deep_1200.chunker_very_deep_1200 import (automatizer, chunker, chunker_loss,
                                                           init_chunker, recipe, train_automatizer)
from chunker_very_deep_1200.surprises import chunker_answer, compress
from chunker_very_deep_1200.task import CYCLE, LETTERS, alphabet, right, trigger_recall
from common.networks import stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import streams

WALKED_TOGETHER = 16                         # updates of C for each walk of A over fresh sequences


def noisy_sequences(rngs, B, T, noise):
    """Symbols (T, N, B); noise 0 is the cycle of the main experiment."""
    N = len(rngs)
    symbols = trigger_recall(np.stack([rng.integers(0, LETTERS, B) for rng in rngs]), T)
    steps = np.ones((T, N, B), np.int64)
    for n, rng in enumerate(rngs):
        anywhere = rng.random((T, B)) < noise
        steps[:, n][anywhere] = rng.integers(0, CYCLE, int(anywhere.sum()))
    steps[:2] = 0                                      # the first filler symbol is always "1"
    symbols[1:-1] = LETTERS + np.cumsum(steps[1:-1], axis=0) % CYCLE
    return symbols


def noisy_batches(seeds, purpose, B, T, noise):
    rngs = streams(seeds, purpose)
    while True:
        yield noisy_sequences(rngs, B, T, noise)


def trained_automatizer(seeds, config, noise):
    """A and its parameters {name: (N, ...)} after the main experiment's number of updates."""
    A = automatizer(config)
    p = stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")])
    batches = noisy_batches(seeds, "train A", config.automatizer_batch, config.length, noise)
    train_automatizer(A, p, batches, config, f"A, noise {noise:g}")
    return A, p


def recall_after(seeds, config, A, p, noise, tolerance, updates, test=100):
    """Train a C on what A does not predict and score it on fresh sequences: {metric: (N,)}.

    Every update has fresh sequences, config.chunker_batch of them.
    """
    T, B, how = config.length, config.chunker_batch, recipe(config, 0)
    C = chunker(how, alphabet(0), T)
    c, rngs = init_chunker(C, how, seeds), streams(seeds, "train C")
    optimizer = Adam(c)
    for start in range(0, updates, WALKED_TOGETHER):
        found = compress(A, p, noisy_sequences(rngs, WALKED_TOGETHER * B, T, noise), tolerance)
        for k in range(min(WALKED_TOGETHER, updates - start)):
            _, g, _ = chunker_loss(C, c, found.part(slice(k * B, (k + 1) * B)))
            clip_by_global_norm(g, config.clip, networks=True)
            optimizer.step(g, how.lr)
    symbols = noisy_sequences(streams(seeds, "test"), test, T, noise)
    found = compress(A, p, symbols, tolerance)
    recall, _ = right(chunker_answer(C, c, found, T), symbols[-1])
    k = found.count.mean(-1)
    return dict(recall=recall, surprises=k, reduction=(T - 1) / np.maximum(k, 1e-9))
