"""The task: a letter, filler that repeats without end, the same letter again. Layout: common/__init__.py."""

import numpy as np

from common.randomness import streams

SYMBOLS = "AB12345"                          # 2 triggers, 5 filler symbols
K, TRIGGERS, CYCLE = len(SYMBOLS), 2, 5
CHANCE_2WAY, CHANCE_7WAY = 1 / TRIGGERS, 1 / K


def trigger_recall(triggers, T):
    """The sequences that begin and end with the given triggers, the filler cycling between.

    triggers (..., B) in {0, 1}   ->   symbols (T, ..., B), indices into SYMBOLS
    """
    filler = TRIGGERS + (np.arange(T) - 1) % CYCLE
    symbols = np.empty((T, *triggers.shape), np.int8)
    symbols[...] = filler.reshape(-1, *[1] * triggers.ndim)
    symbols[0] = symbols[-1] = triggers
    return symbols


def batches(seeds, purpose, B, T):
    """An endless supply of fresh batches (T, N, B), one stream of randomness per seed."""
    generators = streams(seeds, purpose)
    while True:
        yield trigger_recall(np.stack([rng.integers(0, TRIGGERS, B) for rng in generators]), T)


def both_sequences(N, T):
    """The only two sequences that the task has, for N networks: (T, N, 2)."""
    return trigger_recall(np.tile([0, 1], (N, 1)), T)


def recall(logits, triggers):
    """Share of right answers, asked for A or B and asked for any of the 7 symbols: two (N,) arrays."""
    return (logits[..., :TRIGGERS, :].argmax(-2) == triggers).mean(-1), (logits.argmax(-2) == triggers).mean(-1)
