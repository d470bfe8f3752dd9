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


# ---------------------------------------------------------------- what noise in the filler must do

def entropy(noise):
    """Of the filler's next symbol given the present one, in nats: 0 to ln 5."""
    likely, other = 1 - noise + noise / CYCLE, noise / CYCLE
    terms = [likely] + [other] * (CYCLE - 1)
    return sum(-x * np.log(x) for x in terms if x > 0) + 0.0            # + 0.0: no minus zero


def expected_surprises(noise, T, tolerance):
    """Surprises per sequence of an A that knows the true probabilities.

    The trigger and the recall always; of the T - 3 random filler steps, those that do not go the likely way;
    all of them if even the likely symbol has less than 1 - tolerance of the mass.
    """
    likely = 1 - noise + noise / CYCLE
    unpredictable = tolerance is not None and likely < 1 - tolerance
    return 2 + (T - 3) * (1 if unpredictable else 1 - likely)
