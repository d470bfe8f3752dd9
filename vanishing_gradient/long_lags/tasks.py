"""The sequences of Experiments 1 to 5 (Hochreiter & Schmidhuber 1997, sections 5.1 to 5.5), and parity (section 6).

Every task draws `Sequences`: inputs padded to the longest, lengths, targets. Symbols are numbers,
one per step; real inputs have an axis of inputs. `clean` is what an answer is compared with: the
target itself, except where the training targets carry noise (3c).
"""

from typing import NamedTuple

import numpy as np


class Sequences(NamedTuple):
    x: np.ndarray                        # (longest, count) symbols, or (longest, D, count) reals
    lengths: np.ndarray                  # (count,) steps that the network reads
    target: np.ndarray                   # (K, count) after the last step, or (longest, K, count) after every step
    clean: np.ndarray                    # as target, without noise
    legal: np.ndarray = None             # (longest, K, count) which outputs are possible (Reber), else None


# ---------------------------------------------------------------- Experiment 1: embedded Reber strings

SYMBOLS = "BTPSXVE"
B, T, P, S, X, V, E = range(7)
GRAMMAR = (((T, 1), (P, 2)), ((S, 1), (X, 3)), ((T, 2), (V, 4)), ((X, 2), (S, 5)), ((P, 3), (V, 5)), ((E, 6), (E, 6)))
LONGEST_STRING = 100                     # nobody draws a longer one (less than one in 10^11)


def reber_string(rng):
    """(symbols, sets of possible successors): B, T or P, a Reber string from B to E, the same T or P, E."""
    outer = T + int(rng.integers(2))
    symbols, after, node = [B, outer, B], [{T, P}, {B}], 0
    while node < 6:
        after.append({symbol for symbol, _ in GRAMMAR[node]})
        symbol, node = GRAMMAR[node][int(rng.integers(2))]
        symbols.append(symbol)
    return symbols + [outer, E], after + [{outer}, {E}]


class Reber(NamedTuple):
    """256 strings for training, 256 others for the test; every next symbol is to be predicted (section 5.1)."""
    strings: int = 256
    every_step = True
    symbols = len(SYMBOLS)
    reals, outputs = 0, len(SYMBOLS)

    def sets(self, rng):
        """Training and test Sequences. A training string may occur twice; no test string is a training string."""
        train = [reber_string(rng) for _ in range(self.strings)]
        known, test = {tuple(symbols) for symbols, _ in train}, []
        while len(test) < self.strings:
            string = reber_string(rng)
            if tuple(string[0]) not in known:
                test.append(string)
        return self._packed(train), self._packed(test)

    def _packed(self, strings):
        longest, K = max(len(symbols) for symbols, _ in strings) - 1, self.outputs
        x, target = np.zeros((longest, len(strings)), int), np.zeros((longest, K, len(strings)), np.float32)
        legal = np.zeros((longest, K, len(strings)), bool)
        for n, (symbols, after) in enumerate(strings):
            x[:len(symbols) - 1, n] = symbols[:-1]
            target[np.arange(len(symbols) - 1), symbols[1:], n] = 1
            for t, possible in enumerate(after):
                legal[t, sorted(possible), n] = True
        lengths = np.array([len(symbols) - 1 for symbols, _ in strings])
        return Sequences(x, lengths, target, target, legal)


# ---------------------------------------------------------------- Experiments 2a and 2b: two classes of sequences

class TwoSequences(NamedTuple):
    """(x, a_1 .. a_p-1, x) or (y, a_1 .. a_p-1, y); in 2b the middle is random (section 5.2)."""
    p: int
    random: bool = False
    error_at_end_only: bool = False      # not the paper's

    @property
    def symbols(self):
        return self.p + 1

    def draw(self, rng, count):
        """(p + 1, count) symbols; the network reads the first p and predicts the last p."""
        first = self.p - 1 + rng.integers(0, 2, count)
        middle = (rng.integers(0, self.p - 1, (self.p - 1, count)) if self.random
                  else np.broadcast_to(np.arange(self.p - 1)[:, None], (self.p - 1, count)))
        return np.concatenate([first[None], middle, first[None]])


# ---------------------------------------------------------------- Experiment 2c: distractors

class Distractors(NamedTuple):
    """b, then x or y, at least q distractors of p kinds, the trigger e; the answer is the second symbol.

    After q distractors another one follows with probability 9/10, else the trigger: with the answer a mean
    length of 4 + q + 9 (printed: q + 14), minimal lag q + 1.
    """
    p: int
    q: int
    reals, outputs, every_step = 0, 2, False

    @property
    def symbols(self):
        return self.p + 4

    def draw(self, rng, count):
        trigger, begin, first = self.p, self.p + 1, self.p + 2
        more = rng.geometric(0.1, count) - 1
        lengths = self.q + 3 + more
        x = rng.integers(0, self.p, (lengths.max(), count))
        answer = rng.integers(0, 2, count)
        x[0], x[1] = begin, first + answer
        x[np.arange(len(x))[:, None] >= lengths - 1] = trigger
        target = (np.arange(2)[:, None] == answer).astype(np.float32)
        return Sequences(x, lengths, target, target)


# ---------------------------------------------------------------- Experiment 3: signal and noise on one line

class SignalAndNoise(NamedTuple):
    """The first N elements are +1 (class 1) or -1 (class 2), the others Gaussian (section 5.3).

    std            of the noise; the paper gives its variance, 0.2
    noisy_signal   3b: the same noise on the first N elements too
    targets        of class 2 and class 1
    target_std     3c: of the noise on the training targets (variance 0.1)
    """
    T: int
    N: int
    std: float = 0.2 ** 0.5
    noisy_signal: bool = False
    targets: tuple = (0.0, 1.0)
    target_std: float = 0.0
    symbols, reals, outputs, every_step = 0, 1, 1, False

    def draw(self, rng, count):
        lengths = rng.integers(self.T, self.T + self.T // 10 + 1, count)
        longest, one = self.T + self.T // 10, rng.integers(0, 2, count)
        x = rng.normal(0, self.std, (longest, 1, count)).astype(np.float32)
        signal = (2 * one - 1).astype(np.float32)
        x[:self.N] = signal + (x[:self.N] if self.noisy_signal else 0)
        clean = np.array(self.targets, np.float32)[one][None]
        noise = rng.normal(0, self.target_std, clean.shape).astype(np.float32) if self.target_std else 0
        return Sequences(x, lengths, clean + noise, clean)


# ---------------------------------------------------------------- Experiments 4 and 5: adding, multiplication

class Marked(NamedTuple):
    """Pairs (value, marker); two are marked; the answer is their scaled sum or their product.

    4: values in [-1, 1], target 0.5 + (X1 + X2) / 4. 5: values in [0, 1], target X1 X2.
    The first mark is one of the first ten pairs, the second one of the first T/2 - 1 pairs that are not marked.
    The first and the last pair have marker -1 unless marked. A marked first pair counts as 0 (5: as 1).

    first_hidden              the first pair keeps its marker -1 when it is marked: the network cannot see the mark
    first_counts_only_as_X1   not the paper's: as the second mark the first pair keeps its value, but shows no marker
    """
    T: int
    product: bool = False
    first_counts_only_as_X1: bool = False
    first_hidden: bool = False
    symbols, reals, outputs, every_step = 0, 2, 1, False

    def marks(self, rng, count):
        """(2, count) positions of the two marks, from 0."""
        first = rng.integers(0, 10, count)
        second = rng.integers(0, self.T // 2 - 2, count)
        return np.stack([first, second + (second >= first)])

    def draw(self, rng, count):
        lengths = rng.integers(self.T, self.T + self.T // 10 + 1, count)
        longest, column = self.T + self.T // 10, np.arange(count)
        x = np.zeros((longest, 2, count), np.float32)
        x[:, 0] = rng.uniform(0 if self.product else -1, 1, (longest, count))
        x[0, 1], x[lengths - 1, 1, column] = -1, -1
        first, second = self.marks(rng, count)
        x[first, 1, column], x[second, 1, column] = 1, 1
        neutral = 1 if self.product else 0
        X1 = np.where(first == 0, neutral, x[first, 0, column])
        X2 = np.where(second == 0, neutral, x[second, 0, column])
        if self.first_counts_only_as_X1:
            X2 = x[second, 0, column]
        if self.first_counts_only_as_X1 or self.first_hidden:
            x[0, 1] = -1
        target = (X1 * X2 if self.product else 0.5 + (X1 + X2) / 4).astype(np.float32)[None]
        return Sequences(x, lengths, target, target)


# ---------------------------------------------------------------- section 6: what the authors concede

class Parity(NamedTuple):
    """Is the number of +1 among the bits odd? One bit is +1 or -1; `gap` zeros stand between a bit and the next.

    Two bits are the exclusive or: to store one of them alone is worth nothing (section 6).
    """
    bits: int                            # and up to a tenth more
    gap: int = 0
    symbols, reals, outputs, every_step = 0, 1, 1, False

    def draw(self, rng, count):
        many, every = rng.integers(self.bits, self.bits + self.bits // 10 + 1, count), self.gap + 1
        bits = 2 * rng.integers(0, 2, (self.bits + self.bits // 10, count)) - 1
        bits[np.arange(len(bits))[:, None] >= many] = 0
        x = np.zeros(((len(bits) - 1) * every + 1, 1, count), np.float32)
        x[::every, 0] = bits
        odd = ((bits == 1).sum(0) % 2).astype(np.float32)[None]
        return Sequences(x, (many - 1) * every + 1, odd, odd)
