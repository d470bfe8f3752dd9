"""Can a classifier that sees only surprises bridge a minimal lag above 1200?

The stochastic automaton of the ZiF chapter: a...a, then b or e, then c...c d; was it b or e? Each letter
is repeated r times, which adds steps and no information: the surprises are the same letters for every
r > 1. The predictor (5 letters in, 5 out, no hidden units) learns from 100 sequences and is frozen; a
letter is a surprise if it was not the predictor's most probable one. The first letter is predicted
too, from a start symbol, so nothing is flagged by hand. The classifier (5 hidden units) sees the
surprises and the time since the last one. Criterion: 100 of 100 validation sequences right (class 1
above 0.9, class 2 below 0.1). Opponent: the same classifier on the raw stream, orthogonal recurrent
weights, back-propagation through time (BPTT) over the whole sequence. Both have the same learning
rates; each r shows the best of them, chosen on the reported seeds, which favours both. Where an
outermost rate is best no further one was tried. The raw net's budget shrinks with r, because its cost
grows.
"""

import time

import numpy as np

from common import results
from common.layers import logistic, weighted_cross_entropy
from common.networks import Network, stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream
from common.tables import share

SEEDS, MINUTES = range(5), 4
USES = ()
QUICK = dict(repeats=(5,), caps=(160,), raw_caps=(80,))
LETTERS, HIDDEN, BATCH = 5, 5, 8             # a, b, e, c, d
START = LETTERS


def run(config, seeds, repeats=(1, 5, 20, 100, 405), caps=(10_000,) * 5, raw_caps=(10_000, 10_000, 10_000, 2_000, 400),
        rates=(0.005, 0.02, 0.05)):
    for seed in seeds:
        final, started = {}, time.perf_counter()
        for r, cap, raw_cap in zip(repeats, caps, raw_caps):
            table = train_letter_predictor(seed, r)
            compressed = lambda symbols: unexpected_letters(table, symbols)
            symbols, _ = automaton_sequences(stream(seed, "test"), 200, r)
            found, _ = compressed(symbols)
            final |= {f"minimal_lag_r{r}": 3 * r - 1, f"mean_length_r{r}": (symbols >= 0).sum(0).mean(),
                      f"surprises_r{r}": (found[1:] >= 0).sum(0).mean()}
            for name, view, most in (("compressed", compressed, cap), ("raw", raw_view, raw_cap)):
                used, accuracy = learn_classifier(seed, r, view, most, rates, orthogonal=name == "raw")
                for rate, sequences, share_right in zip(rates, used, accuracy):
                    final |= {f"{name}_sequences_r{r}_rate{rate:g}": sequences,
                              f"{name}_accuracy_r{r}_rate{rate:g}": share_right}
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def automaton_sequences(rng, B, r):
    """Sequences a^i (b | e) c^j d, every letter r times; the class is the first letter that is not a.

    i, j are geometric: from state 1 the letters a, b, e are equally likely, from state 2 or 3 c and d.
    returns   symbols (T, 1, B) with -1 after the end, class (B,): 1 for b, 0 for e
    """
    i, j, label = rng.geometric(2 / 3, B), rng.geometric(1 / 2, B), rng.integers(0, 2, B)
    T = int((i + j).max() + 2) * r
    block = np.arange(T)[:, None] // r
    symbols = np.select([block < i, block == i, block < i + 1 + j, block == i + 1 + j],
                        [np.zeros_like(block), np.where(label == 1, 1, 2)[None], np.full_like(block, 3),
                         np.full_like(block, 4)], -1)
    return symbols[:, None], label


def train_letter_predictor(seed, r, sequences=100, lr=0.1):
    """The predictor: logits (5 letters) = a row of a table (start or letter); trained on 100 sequences, then frozen."""
    table, rng = dict(table=np.zeros((LETTERS, LETTERS + 1))), stream(seed, "predictor")
    optimizer = Adam(table)
    for _ in range(sequences):
        x = automaton_sequences(rng, 1, r)[0][:, 0, 0]
        before = np.concatenate([[START], x[:-1]])
        _, d = weighted_cross_entropy(table["table"].T[before, :, None], x[:, None], np.full((len(x), 1), 1 / len(x)))
        gradient = np.zeros_like(table["table"])
        np.add.at(gradient.T, before, d[..., 0])
        optimizer.step(dict(table=gradient), lr)
    return table["table"]


def unexpected_letters(table, symbols, decay=0.9):
    """The classifier's view: "start", then the letters that the table did not predict, and the time between them.

    A letter is predicted if no other got more probability (the paper: the legal vector nearest to the output).
    symbols (T, 1, B)   ->   letters (k+1, 1, B) with -1 after the end, elapsed (k+1, 1, 1, B) = decay^steps
    """
    before = np.concatenate([np.full_like(symbols[:1], START), symbols[:-1]])
    surprise = (table.argmax(0)[before] != symbols) & (symbols >= 0)
    count = surprise[:, 0].sum(0)
    letters = np.full((count.max() + 1, 1, symbols.shape[-1]), -1)
    elapsed = np.zeros((len(letters), 1, 1, symbols.shape[-1]), np.float32)
    letters[0], elapsed[0] = START, 1
    b, t = np.nonzero(surprise[:, 0].T)                    # sequence by sequence, in the order of time
    rank = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    letters[rank + 1, 0, b] = symbols[t, 0, b]
    elapsed[rank + 1, 0, 0, b] = decay ** np.where(rank == 0, t, np.diff(t, prepend=0))
    return letters, elapsed


def raw_view(symbols):
    """The classifier on the raw stream: every letter, no elapsed time."""
    start = np.full_like(symbols[:1], START)
    letters = np.concatenate([start, symbols])
    return letters, np.zeros((len(letters), 1, 1, symbols.shape[-1]), np.float32)


def classifier():
    """Reads letters and elapsed time: 7 inputs, one logistic output."""
    return Network(HIDDEN, 1, symbols=LETTERS + 1, reals=1, bias=False)


def classifier_step(net, p, letters, elapsed, label):
    """One logistic output after the last letter, cross-entropy.

    letters (k, N or 1, B), label (B,)   ->   losses (N,), gradients, probability of class 1 (N, B)
    """
    N = len(p["W"])
    inputs = np.repeat(np.where(letters >= 0, letters, START), N // letters.shape[1], axis=1)
    run = net.forward(p, inputs, extra=elapsed)
    logits = net.logits(p, run.y[1:])
    last = np.broadcast_to((letters >= 0).sum(0)[None, :, None, :] - 1, (1, N, 1, letters.shape[-1]))
    probability = logistic(np.take_along_axis(logits, last, axis=0)[0, :, 0])
    dlogits = np.zeros_like(logits)
    np.put_along_axis(dlogits, last, ((probability - label) / len(label))[None, :, None], axis=0)
    loss = -np.log(np.maximum(np.where(label == 1, probability, 1 - probability), 1e-12)).mean(-1)
    readout, dy = net.backward_readout(p, run, dlogits, 1)
    spread = np.broadcast_to(elapsed, (len(elapsed), N, 1, letters.shape[-1]))
    return loss, {**net.backward(p, inputs, run, dy, spread)[0], **readout}, probability


def right(probability, label):
    """The paper's criterion: above 0.9 for class 1, below 0.1 for class 2."""
    return np.where(label == 1, probability > 0.9, probability < 0.1)


def learn_classifier(seed, r, view, cap, rates, orthogonal):
    """Train one classifier a rate, all on the same sequences, until each has 100 validation sequences right.

    view      function of symbols that gives letters and elapsed, as the classifier sees them
    returns   sequences used by each rate (NaN: not within the cap), test accuracy of each
    """
    train, check, net = stream(seed, "train"), stream(seed, "validation"), classifier()
    recurrent = "orthogonal" if orthogonal else "normal"
    p = stack([net.init(stream(seed, "init"), 0.3, recurrent) for _ in rates])
    optimizer, used = Adam(p), np.full(len(rates), np.nan)
    for update in range(1, cap // BATCH + 1):
        learning = np.isnan(used)                      # who has met the criterion is left as it is
        symbols, label = automaton_sequences(train, BATCH, r)
        _, g, _ = classifier_step(net, p, *view(symbols), label)
        clip_by_global_norm(g, 1.0, networks=True)
        optimizer.step(g, np.array(rates), active=learning)
        if update % 10 == 0:
            symbols, label = automaton_sequences(check, 100, r)
            passed = right(classifier_step(net, p, *view(symbols), label)[2], label).all(-1)
            used[learning & passed] = update * BATCH
            if not np.isnan(used).any():
                break
    symbols, label = automaton_sequences(stream(seed, "test"), 200, r)
    probability = classifier_step(net, p, *view(symbols), label)[2]
    return used, ((probability > 0.5) == label).mean(-1)


# ---------------------------------------------------------------- what is claimed and shown

def best(record, view, r):
    """(rate, summary of the sequences, summary of the accuracy) of the best rate: most seeds solved, then fastest."""
    s = record["summary"]

    def order(rate):
        used, accuracy = s[f"{view}_sequences_r{r}_rate{rate:g}"], s[f"{view}_accuracy_r{r}_rate{rate:g}"]
        return used["n"], -(used["mean"] or 0), accuracy["mean"]
    rate = max(record["config"]["rates"], key=order)
    return rate, s[f"{view}_sequences_r{r}_rate{rate:g}"], s[f"{view}_accuracy_r{r}_rate{rate:g}"]


def checks(record):
    r, n = max(record["config"]["repeats"]), len(record["runs"])
    _, used, _ = best(record, "compressed", r)
    _, raw, _ = best(record, "raw", r)
    lag = 3 * r - 1
    return [results.check(f"minimal lag {lag:,}: sequences to 100 %, worst seed", used["max"], "below 10,000",
                          used["n"] == n and used["max"] < 10_000, paper="below 10,000"),
            results.check(f"minimal lag {lag:,}: raw nets that meet the criterion within their budget", raw["n"],
                          f"0 of {n}", raw["n"] == 0, paper="fail")]


def finding(record):
    n, repeats = len(record["runs"]), record["config"]["repeats"]
    r = max(repeats)
    raw = [q for q in repeats if best(record, "raw", q)[1]["n"] == n]
    _, used, _ = best(record, "compressed", r)
    if not used["n"]:
        return f"No: at a minimal lag of {3 * r - 1:,} no seed meets the criterion."
    reach = f"up to a lag of {3 * max(raw) - 1:,}" if raw else "at no lag"
    return (f"Yes: a minimal lag of {3 * r - 1:,} after {used['mean']:,.0f} sequences ({share(used['n'], n)} seeds); "
            f"all raw nets get there {reach}.")


def table(record):
    s, n, rows = record["summary"], len(record["runs"]), []
    caps = dict(zip(record["config"]["repeats"], record["config"]["raw_caps"]))
    for r in record["config"]["repeats"]:
        row = [r, *(f"{s[f'{key}_r{r}']['mean']:,.0f}" for key in ("minimal_lag", "mean_length")),
               f"{s[f'surprises_r{r}']['mean']:.1f}"]
        for view in ("compressed", "raw"):
            rate, used, accuracy = best(record, view, r)
            row.append(f"{used['mean']:,.0f} ({share(used['n'], n)} seeds, rate {rate:g})" if used["n"] else "never")
            row.append(f"{accuracy['mean']:.2f}")
        rows.append([*row, f"{caps[r]:,}"])
    return ["letters repeated", "minimal lag", "mean length", "surprises", "sequences to 100 %, compressed",
            "accuracy (chance 0.50)", "sequences to 100 %, raw stream", "accuracy (chance 0.50)",
            "budget of the raw net"], rows
