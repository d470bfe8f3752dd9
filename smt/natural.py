"""Real sequences for next-token modelling: splits, what can be said without a network, and samples.

Pictures (MNIST) are read line by line, one sequence each; a text is cut into windows. The first eight tenths of the
pictures (nine of the text) are for training, the next part for choosing settings, the last for reporting. A network
knows nothing before the first token of a sequence; the tables below do not either.

The trivial rules are tables of contexts: the tokens nearest to the next one, in a picture those that lie nearest to it
and were already read, in a text the last ones. Longer contexts are mixed with shorter ones as Witten & Bell (1991) do:

    p_k(s) = (count of s in this context + kinds p_{k-1}(s)) / (count of the context + kinds)

with `kinds` the number of different tokens that were seen in this context, and p_{-1} = 1 / V.
"""

from typing import NamedTuple

import numpy as np

from common.randomness import stream
from smt.data import images, stand_ins, text
from smt.density import Task, asked

CHOOSE, REPORT = "choosing", "reporting"


class Data(NamedTuple):
    """Sequences (n, T) of tokens 0 .. V-1 in three parts; `near` (T, K): the places whose tokens lie nearest to each
    place among those before it, -1 for none; files {name: SHA-256}; side: of a picture (0: a text)."""
    train: np.ndarray
    choosing: np.ndarray
    report: np.ndarray
    vocabulary: int
    near: np.ndarray
    side: int
    name: str
    files: dict
    order: np.ndarray = None
    alphabet: str = ""
    stream: np.ndarray = None

    def decode(self, codes):
        """The characters of codes (n,)."""
        return "".join(self.alphabet[code] for code in codes)


def pictures(folder, coding="grey", count=10_000, permuted=False):
    """MNIST, or the stand-in, 14 x 14 tokens: "grey" (4 levels of 2 x 2 means) or "patches" (2 x 2 black or white).

    permuted   the places are read in one fixed random order, the same for every picture and seed
    """
    if folder is None:
        drawn = images.Images(*stand_ins.digits(count), f"digits drawn here, {count:,} (stand-in)", {}, True)
    found = images.load(folder, "mnist") if folder else drawn
    sequences, vocabulary = {"grey": lambda: (images.tokens(found.pixels, 14, 4), 4),
                             "patches": lambda: (images.patches(found.pixels), 16)}[coding]()
    order = stream(0, "order of the pixels").permutation(196) if permuted else np.arange(196)
    parts = images.split(sequences[:, order])
    return Data(*parts, vocabulary, nearest(order, 14), 14, found.name, found.files, order)


def characters(folder, length, context=8, most=None):
    """A text, or its first `most` characters, in windows of `length`; for training they begin anywhere (`task`)."""
    found = text.load(folder)
    train, *held = text.split(found.codes[:most].astype(np.int32))
    cut = lambda codes: codes[:len(codes) // length * length].reshape(-1, length)
    near = np.arange(length)[:, None] - 1 - np.arange(context)
    return Data(cut(train), *map(cut, held), len(found.alphabet), np.maximum(near, -1), 0, found.name, found.files,
                alphabet=found.alphabet, stream=train)


def nearest(order, side, count=10):
    """(T, count): for each place of the sequence the earlier places whose pixels lie nearest, -1 where none is left."""
    row, column = np.divmod(order, side)
    distance = np.hypot(row[:, None] - row, column[:, None] - column)
    earlier = np.tril(np.ones((len(order), len(order)), bool), -1)
    ranked = np.argsort(np.where(earlier, distance, np.inf), axis=1, kind="stable")[:, :count]
    return np.where(np.take_along_axis(earlier, ranked, axis=1), ranked, -1)


def task(data, part, most=None):
    """density.Task: draws from the training part, held out is `part` (CHOOSE or REPORT), at most so many sequences."""
    held_out = (data.choosing if part == CHOOSE else data.report)[:most]
    length = held_out.shape[1]

    def draw(rng, batch):
        if data.stream is None:
            return asked(data.train[rng.integers(0, len(data.train), batch)], data.vocabulary)
        starts = rng.integers(0, len(data.stream) - length + 1, batch)
        return asked(data.stream[starts[:, None] + np.arange(length)], data.vocabulary)

    return Task(draw, held_out, data.vocabulary)


# ---------------------------------------------------------------- what needs no network

def floors(data, part, by_place=True):
    """{rule: nats per token}: chance ln V, and the context tables with 0, 1, .. nearest tokens.

    The tables are counted on the whole training part. Where a picture's place is known, with it too.
    """
    held_out = data.choosing if part == CHOOSE else data.report
    found = {"chance": float(np.log(data.vocabulary))}
    for k, nats in enumerate(table_nats(data.train, held_out, data.near, data.vocabulary)):
        found[named(k)] = nats
    if by_place and data.side:
        for k, nats in enumerate(table_nats(data.train, held_out, data.near, data.vocabulary, by_place=True)):
            found[named(k) + ", place"] = nats
    return found


def named(k):
    return "unigram" if k == 0 else f"table of {k} nearest"


def table_nats(train, held_out, near, vocabulary, by_place=False):
    """[nats per token with 0, 1, .. K nearest tokens as the context]; by_place: the place in the sequence as well."""
    parts = (train, held_out)
    codes = [np.tile(np.arange(part.shape[1]) * by_place, len(part)) for part in parts]
    probability = mixed(*parts, *codes, np.full(held_out.size, 1 / vocabulary), vocabulary)
    found = [nats_of(probability)]
    for places in near.T:
        codes = compact(*(code * (vocabulary + 1) + context(part, places, vocabulary)
                          for code, part in zip(codes, parts)))
        probability = mixed(*parts, *codes, probability, vocabulary)
        found.append(nats_of(probability))
    return found


def nats_of(probability):
    return float(-np.log(probability).mean())


def context(sequences, places, outside):
    """(n T,): for every token of sequences (n, T) the token at its place of `places` (T,), `outside` for -1."""
    return np.where(places >= 0, sequences[:, places], outside).ravel().astype(np.int64)


def compact(*codes):
    """The same codes as small numbers."""
    ends = np.cumsum([len(code) for code in codes])
    small = np.unique(np.concatenate(codes), return_inverse=True)[1].ravel()
    return np.split(small, ends[:-1])


def mixed(train, held_out, codes, tested, shorter, vocabulary):
    """Witten & Bell's p of every held-out token (n T,); contexts `codes`, `tested`; `shorter`: p of shorter ones."""
    pairs, counts = np.unique(codes * vocabulary + train.ravel(), return_counts=True)
    size = max(codes.max(), tested.max()) + 1
    total, kinds = np.bincount(codes, minlength=size), np.bincount(pairs // vocabulary, minlength=size)
    wanted = tested * vocabulary + held_out.ravel()
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    count = np.where(pairs[place] == wanted, counts[place], 0)
    weight = np.maximum(total[tested] + kinds[tested], 1)
    return np.where(total[tested] == 0, shorter, (count + kinds[tested] * shorter) / weight)


# ---------------------------------------------------------------- samples

def rnn_samples(rnn, rng, count, length, vocabulary):
    """Sequences (count, T) drawn from the RNN, one token after the other."""
    memory, token, drawn = rnn.initial(count), np.full(count, vocabulary), []
    for _ in range(length):
        memory = rnn.step(memory, token)
        token = draw(rng, rnn.readout.forward(memory)[0][:, :vocabulary])
        drawn.append(token)
    return np.stack(drawn, axis=1)


def transformer_samples(baseline, rng, count, length, vocabulary):
    """The same of the Transformer, which reads everything again for every token."""
    tokens = np.full((count, 1), vocabulary)
    for _ in range(length):
        logits = baseline.forward(tokens)[0][:, -1, :vocabulary]
        tokens = np.concatenate([tokens, draw(rng, logits)[:, None]], axis=1)
    return tokens[:, 1:]


def draw(rng, logits):
    """A token (n,) of each row of logits (n, V)."""
    return (logits + rng.gumbel(size=logits.shape)).argmax(-1)


def as_pictures(data, sequences, coding):
    """Pictures (n, side, side) uint8 of sequences in the order of `data`."""
    lines = np.empty_like(sequences)
    lines[:, data.order] = sequences
    return images.from_patches(lines) if coding == "patches" else images.from_tokens(lines)
