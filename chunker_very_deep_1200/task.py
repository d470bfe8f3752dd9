"""The task: a letter is to be remembered across filler that repeats without end. Layout: common/__init__.py.

    m = 0    A 1 2 3 4 5 1 2 3 ...                        ... 4 A     the only letter comes back
    m = 1    A 1 2 3 4 * B 1 2 3 4 5 1 ...                ... 2 B     the marked letter comes back
    m = 3    A 1 2 3 B 1 2 ... 5 A 1 2 3 * B 1 2 ...      ... 3 B

One letter stands at the beginning, m more at random places; with m > 0 a mark "*" stands before one
of all the letters, each being as likely. The letters are A or B at random, and after each of them
the filler begins again with 1, so that it can be predicted without knowing the place of any letter.
"""

from typing import NamedTuple

import numpy as np

from common.randomness import streams

SYMBOLS = "AB12345*"                         # 2 letters, 5 filler symbols, the mark
LETTERS, CYCLE, MARK = 2, 5, 7
SPACING = 4                                  # a letter or its mark comes at least so long after the last letter
CHANCE = 1 / LETTERS


class Sequences(NamedTuple):
    """Sequences and what a rule may want to know about them."""
    symbols: np.ndarray                      # (T, N, B) indices into SYMBOLS
    letters: np.ndarray                      # (m+1, N, B) in {0, 1}, in the order of time
    places: np.ndarray                       # (m+1, N, B) time steps of the letters
    marked: np.ndarray                       # (N, B) which of the letters is to be recalled

    @property
    def recall(self):
        """What the last symbol is: (N, B) in {0, 1}."""
        return self.symbols[-1]

    @property
    def lag(self):
        """Steps from the marked letter to the recall (N, B)."""
        return len(self.symbols) - 1 - np.take_along_axis(self.places, self.marked[None], axis=0)[0]


def alphabet(m):
    """Number of symbols K: the mark exists only if there is something to choose from."""
    return len(SYMBOLS) if m else len(SYMBOLS) - 1


def shortest(m):
    """The shortest sequence with m further letters."""
    return (m + 1) * (SPACING + 1) + 3


def trigger_recall(triggers, T):
    """The sequences that begin and end with the given letters, the filler cycling between (m = 0).

    triggers (..., B) in {0, 1}   ->   symbols (T, ..., B)
    """
    filler = LETTERS + (np.arange(T) - 1) % CYCLE
    symbols = np.empty((T, *triggers.shape), np.int8)
    symbols[...] = filler.reshape(-1, *[1] * triggers.ndim)
    symbols[0] = symbols[-1] = triggers
    return symbols


def draw(rngs, B, T, m):
    """B fresh Sequences for each generator."""
    letters = np.stack([rng.integers(0, LETTERS, (m + 1, B)) for rng in rngs], axis=1)
    places, marked = np.zeros(letters.shape, int), np.zeros(letters.shape[1:], int)
    if m:
        free = T - 2 - (m + 1) * SPACING                    # places that remain when the spacings are taken out
        for n, rng in enumerate(rngs):
            order = rng.random((B, free)).argsort(-1)[:, :m]
            places[1:, n] = np.sort(order, -1).T + SPACING * np.arange(1, m + 1)[:, None]
            marked[n] = rng.integers(0, m + 1, B)
        places[0] = marked == 0                             # its mark stands before it, at step 0
    return written(letters, places, marked, T)


def written(letters, places, marked, T):
    """Sequences from what is in them."""
    steps, (m, N, B) = np.arange(T)[:, None, None], np.subtract(letters.shape, (1, 0, 0))
    since = np.zeros((T, N, B), int)                        # the step of the last letter
    n, b = np.ogrid[:N, :B]
    since[places, n, b] = places
    np.maximum.accumulate(since, axis=0, out=since)
    symbols = (LETTERS + (steps - since - 1) % CYCLE).astype(np.int8)
    if m:
        symbols[places[marked, n, b] - 1, n, b] = MARK
    symbols[places, n, b] = letters
    symbols[-1] = letters[marked, n, b]
    return Sequences(symbols, letters, places, marked)


def batches(seeds, purpose, B, T, m=0):
    """An endless supply of fresh Sequences, one stream of randomness per seed."""
    generators = streams(seeds, purpose)
    while True:
        yield draw(generators, B, T, m)


def supply(seeds, purpose, B, T, m=0):
    """As `batches`, the symbols (T, N, B) alone."""
    return (sequences.symbols for sequences in batches(seeds, purpose, B, T, m))


def twins(seeds, purpose, pairs, T, m):
    """Fresh Sequences in pairs: the first half with the marked letter A, the second the same ones with B.

    With m = 0 the only two sequences that there are, whatever `pairs` says.
    """
    first = draw(streams(seeds, purpose), pairs if m else 1, T, m)
    n, b = np.ogrid[:len(seeds), :first.marked.shape[-1]]
    halves = []
    for letter in range(LETTERS):
        letters = first.letters.copy()
        letters[first.marked, n, b] = letter
        halves.append(written(letters, first.places, first.marked, T))
    return Sequences(*(np.concatenate(parts, -1) for parts in zip(*halves)))


def both_sequences(N, T):
    """The only two sequences that the task has with m = 0, for N networks: (T, N, 2)."""
    return trigger_recall(np.tile([0, 1], (N, 1)), T)


def right(logits, recall):
    """Share of right answers, asked for A or B and asked for any symbol: two (N,) arrays."""
    return (logits[..., :LETTERS, :].argmax(-2) == recall).mean(-1), (logits.argmax(-2) == recall).mean(-1)


# ---------------------------------------------------------------- rules that learn nothing

RULES = dict(first="repeat the first letter", last="repeat the last surprise", majority="the more frequent letter")

def rules(sequences):
    """{rule: share of sequences (N,) that it gets right}; a tie of the majority counts one half."""
    letters, answer = sequences.letters, sequences.recall
    balance = 2 * letters.sum(0) - len(letters)
    majority = np.where(balance == 0, 0.5, (balance > 0) == answer)
    return dict(first=(letters[0] == answer).mean(-1), last=(letters[-1] == answer).mean(-1),
                majority=majority.mean(-1))


# ---------------------------------------------------------------- what noise in the filler must do

def entropy(noise):
    """Of the filler's next symbol given the present one, in nats: 0 to ln 5."""
    likely, other = 1 - noise + noise / CYCLE, noise / CYCLE
    terms = [likely] + [other] * (CYCLE - 1)
    return sum(-x * np.log(x) for x in terms if x > 0) + 0.0            # + 0.0: no minus zero


def expected_surprises(noise, T, tolerance):
    """Surprises per sequence of an A that knows the true probabilities.

    tolerance   a symbol is expected if it has at least 1 - tolerance of the mass; None: if none has more

    The recall always. The trigger always with a tolerance; without one only half of the time, because
    one of the two letters is A's first choice. Of the T - 3 random filler steps those that do not go
    the likely way; all of them if even the likely symbol has less than 1 - tolerance of the mass.
    """
    likely = 1 - noise + noise / CYCLE
    unpredictable = tolerance is not None and likely < 1 - tolerance
    trigger = 0.5 if tolerance is None else 1
    return 1 + trigger + (T - 3) * (1 if unpredictable else 1 - likely)
