"""The benchmark tasks that weight guessing solves: two classes of long sequences, told apart at the end.

Schmidhuber, Hochreiter & Bengio (2001), Evaluating benchmark problems by random guessing, sections
3 to 5 (Schmidhuber & Hochreiter 1996, IDSIA-19-96); the tasks are those of Bengio, Simard & Frasconi
(1994) and Tomita (1982). Every generator takes a random Generator, the number of sequences B and the
smallest and largest length, and returns `Data`. The classes alternate, so that any two neighbours
are one of each.
"""

from typing import NamedTuple

import numpy as np

PAPER_NOISE = float(np.sqrt(0.2))  # "Gaussian noise with variance 0.2"
READ_NOISE = 0.2                   # the reading that agrees with the published counts: standard deviation 0.2
INPUT_NOISE = 0.2                  # noisy parity: uniform in [-0.2, 0.2]


class Data(NamedTuple):
    """x (T, B) symbols or real inputs, or (T, D, B); lengths (B,); targets (B, K) of 0 and 1.

    Steps after the end of a sequence are padding.
    """
    x: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray

    def part(self, which):
        return Data(self.x[..., which], self.lengths[which], self.targets[which])


def _frame(rng, B, shortest, longest):
    """Lengths (B,) uniform from shortest to longest, and alternating classes (B,)."""
    return rng.integers(shortest, longest + 1, B), np.arange(B) % 2


def two_sequence(rng, B, shortest, longest, noise=READ_NOISE):
    """The first element is +1 (class 1) or -1 (class 0), the others are Gaussian noise."""
    lengths, classes = _frame(rng, B, shortest, longest)
    x = rng.standard_normal((lengths.max(), B), dtype=np.float32)
    x *= noise
    x[0] = 2 * classes - 1
    return Data(x, lengths, classes[:, None])


def latch_1(rng, B, shortest, longest, noise=READ_NOISE):
    """The same noise; the first element is not given, it is a weight (one for each class)."""
    data = two_sequence(rng, B, shortest, longest, noise)
    data.x[0] = 0
    return data


def parity(rng, B, shortest, longest):
    """Random symbols 0 and 1 (inputs -1 and +1); class 1 if the number of 1s is odd."""
    lengths, classes = _frame(rng, B, shortest, longest)
    x = rng.integers(0, 2, (lengths.max(), B), dtype=np.int8)
    inside = np.arange(len(x))[:, None] < lengths
    wrong = (x * inside).sum(0) % 2 != classes
    flipped, column = rng.integers(0, lengths), np.arange(B)
    x[flipped, column] ^= wrong.astype(np.int8)
    return Data(x, lengths, classes[:, None])


def noisy_parity(rng, B, shortest, longest):
    """Parity whose inputs -1 and +1 carry uniform noise in [-0.2, 0.2]."""
    data = parity(rng, B, shortest, longest)
    noise = rng.uniform(-INPUT_NOISE, INPUT_NOISE, data.x.shape)
    return data._replace(x=(2 * data.x - 1 + noise).astype(np.float32))


# ---------------------------------------------------------------- Tomita's grammars

def _members_1(rng, T, B):
    return np.ones((T, B), np.int8)


def _members_2(rng, T, B):
    return np.tile(np.array([[1], [0]], np.int8), (T // 2 + 1, B))[:T]


def _members_4(rng, T, B):
    x = rng.integers(0, 2, (T, B), dtype=np.int8)
    for t in range(2, T):
        x[t] |= (x[t - 1] | x[t - 2]) == 0
    return x


def in_tomita_1(x):
    """Only 1s."""
    return (x == 1).all(0)


def in_tomita_2(x):
    """1 0 repeated: a string that starts with 1, alternates and ends with 0."""
    return (x[0] == 1) & (x[-1] == 0) & (np.diff(x, axis=0) != 0).all(0)


def in_tomita_4(x):
    """No three 0s in a row."""
    return ~((x[2:] == 0) & (x[1:-1] == 0) & (x[:-2] == 0)).any(0)


GRAMMARS = {1: (_members_1, in_tomita_1), 2: (_members_2, in_tomita_2), 4: (_members_4, in_tomita_4)}


def tomita(rng, B, shortest, longest, grammar, near=False):
    """Class 1: strings of the grammar. Class 0: random strings that are not in it.

    near     class 0 are strings of the grammar with one symbol changed so that they leave it
    raises   ValueError if a string is too short to leave the grammar by one symbol
    """
    if shortest < 4:
        raise ValueError(f"Tomita strings of this task have at least 4 symbols, got {shortest}")
    lengths, classes = _frame(rng, B, shortest, longest)
    if grammar == 2:
        lengths -= (lengths % 2) * (lengths > shortest)          # strings of grammar 2 have even length
        lengths += lengths % 2
    members, _ = GRAMMARS[grammar]
    x = members(rng, lengths.max(), B)
    outside = _changed(rng, x, lengths, grammar) if near else _random_strings(rng, lengths, grammar)
    return Data(np.where(classes == 1, x, outside), lengths, classes[:, None])


def _random_strings(rng, lengths, grammar):
    x = rng.integers(0, 2, (lengths.max(), len(lengths)), dtype=np.int8)
    for b, length in enumerate(lengths):
        while GRAMMARS[grammar][1](x[:length, b:b + 1])[0]:
            x[:, b] = rng.integers(0, 2, len(x))
    return x


def _changed(rng, members, lengths, grammar):
    """Strings of the grammar with one symbol changed; the place is drawn until the string has left it."""
    x, member = members.copy(), GRAMMARS[grammar][1]
    for b, length in enumerate(lengths):
        while member(x[:length, b:b + 1])[0]:
            x[:, b] = members[:, b]
            place = rng.integers(length)
            x[place, b] = 1 - x[place, b]
            if grammar == 4 and place + 1 < length:              # three 0s in a row need two neighbours: make a run
                x[max(0, place - 1):place + 2, b] = 0
    return x


# ---------------------------------------------------------------- what scores without learning

def constant_rule(data):
    """Accuracy of the better constant answer."""
    share = data.targets.mean(0).min()
    return float(max(share, 1 - share))


def last_element_rule(data):
    """Accuracy of the better answer that looks at the sign of the last element only."""
    last = data.x[data.lengths - 1, np.arange(len(data.lengths))]
    right = ((last > 0) == data.targets[:, 0]).mean()
    return float(max(right, 1 - right))
