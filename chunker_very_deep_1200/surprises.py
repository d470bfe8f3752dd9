"""What A did not predict: the compressed history of a sequence. Layout: common/__init__.py.

Found from A's probabilities alone. No position is flagged by hand and none is filled in: if A fails
to notice something, it is missing here.
"""

from typing import NamedTuple

import numpy as np

from chunker_very_deep_1200.predictor import predictions
from common.layers import probability_of, softmax


class Surprises(NamedTuple):
    """The compressed history of N x B sequences; k is the largest number of surprises."""
    symbols: np.ndarray                  # (k, N, B)
    times: np.ndarray                    # (k, N, B), time stamps
    real: np.ndarray                     # (k, N, B) bool; the shorter histories are padded

    @property
    def count(self):
        return self.real.sum(0)

    def before(self, t):
        """How many surprises came before time t: (N, B)."""
        return (self.real & (self.times < t)).sum(0)

    def at(self, t):
        """Was the symbol at time t, a number or (N, B), a surprise? bool (N, B)"""
        return (self.real & (self.times == t)).any(0)

    def part(self, which):
        """Some of the sequences, without padding that none of them needs."""
        longest = self.count[..., which].max(initial=0)
        return Surprises(*(a[:longest, :, which] for a in self))


def compress(net, p, symbols, tolerance):
    """Walk A over the stream and keep what it did not predict.

    tolerance  a symbol is expected if A gave it at least 1 - tolerance; None: if A gave none more
    symbols    (T, N, B), -1 after the end of a shorter sequence
    returns    Surprises
    """
    found = []
    for t, logits, _ in predictions(net, p, symbols):
        came = symbols[t:t + len(logits)]
        if tolerance is None:
            surprise = logits.argmax(-2) != came
        else:
            surprise = probability_of(softmax(logits), came) < 1 - tolerance
        step, n, b = np.nonzero(surprise & (came >= 0))
        found.append((t + step, n, b, came[step, n, b]))
    return gather(*(np.concatenate(parts) for parts in zip(*found)), *symbols.shape[1:])


def gather(t, n, b, symbol, N, B):
    """Lists of surprises (in the order of time) become Surprises, padded at the end."""
    sequence = n * B + b
    order = np.argsort(sequence, kind="stable")
    count = np.bincount(sequence, minlength=N * B)
    rank = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    symbols, times = (np.zeros((count.max(initial=0), N * B), np.int64) for _ in range(2))
    symbols[rank, sequence[order]], times[rank, sequence[order]] = symbol[order], t[order]
    real = np.arange(len(symbols))[:, None] < count
    return Surprises(*(a.reshape(-1, N, B) for a in (symbols, times, real)))


# ---------------------------------------------------------------- what C reads

def stamp_bits(T):
    """Length of a time stamp in binary."""
    return max(1, int(T - 1).bit_length())


def chunker_reads(found, bits, K):
    """C's inputs: "start" and then every surprise with its time stamp in binary.

    bits      length of a time stamp; 0: without stamps
    returns   symbols (k+1, N, B), stamps (k+1, N, bits, B) or None
    """
    start = np.full_like(found.count, K)[None]
    symbols = np.concatenate([start, found.symbols])
    if not bits:
        return symbols, None
    times = np.concatenate([np.zeros_like(start), found.times])
    stamps = (times[..., None, :] >> np.arange(bits)[:, None]) & 1
    return symbols, stamps.astype(np.float32)


def next_surprise(logits, found, t):
    """C's prediction (N, K, B) of the next surprise as it stands just before time t, from all its logits."""
    row = found.before(t)[None, :, None, :]
    return np.take_along_axis(logits, row, axis=0)[0]


def chunker_answer(net, p, found, T):
    """C's prediction (N, K, B) of the last symbol: of the next surprise, as it stands before the last step."""
    inputs, stamps = chunker_reads(found, net.reals, net.classes)
    return next_surprise(net.logits(p, net.forward(p, inputs, extra=stamps).y[1:]), found, T - 1)
