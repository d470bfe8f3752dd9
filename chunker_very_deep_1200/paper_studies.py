"""Four experiments of the papers, called by chunker_studies.py.

    recursive       three and four levels on nested time scales (Habilitationsschrift 1993, multi-level hierarchy)
    automaton       each letter of a stochastic automaton repeated up to a lag above 1200 (ZiF chapter)
    collapse_1992   A takes over what C knows: collapse_1992.py
    rtrl            real-time recurrent learning, the algorithm of 1992, against BPTT
"""

import time
from dataclasses import replace
from itertools import repeat

import numpy as np

from chunker_very_deep_1200 import collapse_1992
from chunker_very_deep_1200.chunker_very_deep_1200 import Surprises, compress, train_automatizer, train_chunker
from chunker_very_deep_1200.chunker_very_deep_1200 import chunker_reads, clock_bits, next_surprise
from chunker_very_deep_1200.predictor import Predictor, cross_entropy, probabilities, read_from, stack
from chunker_very_deep_1200.task import CYCLE, TRIGGERS, recall
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream
from common.results import check


# ---------------------------------------------------------------- recursive

def nested_sequences(triggers, F, L):
    """Cycles within cycles: every F-th symbol is one of the next slower level, and so on for L levels.

    Each level cycles through five symbols of its own. A level cannot foresee the slower ones without
    counting to F; to the next level they are all there is. The trigger comes first and last.

    triggers (N, B)   ->   symbols (F^L + 1, N, B)
    """
    T = F**L + 1
    t = np.arange(T)
    symbols = np.zeros(T, np.int8)
    for level in range(L):
        at = (t % F**level == 0)
        count = t // F**level - t // F**(level + 1) - 1                  # how many of this level came before
        symbols[at] = (TRIGGERS + CYCLE * level + count % CYCLE)[at]
    symbols = np.broadcast_to(symbols[:, None, None], (T, *triggers.shape)).copy()
    symbols[0] = symbols[-1] = triggers
    return symbols


def compress_again(net, p, below, tolerance):
    """The surprises among the surprises of the level below, with time stamps of the raw stream."""
    found = compress(net, p, np.where(below.real, below.symbols, -1), tolerance)
    times = np.take_along_axis(below.times, found.times, axis=0) if len(below.times) else found.times
    return Surprises(found.symbols, times, found.real)


def hierarchy(seed, config, F, L, distinct=32, passes=150):
    """L levels of automatizers, trained one after another, each frozen before the next; then C.

    A level sees its (ever shorter) stream at most `passes` times.
    returns   stream length at each level (L+1,), recall of both sequences
    """
    K = TRIGGERS + CYCLE * L
    raw = nested_sequences(np.arange(distinct + 2)[None] % TRIGGERS, F, L)       # the last two are the test
    level = Surprises(raw, np.broadcast_to(np.arange(len(raw))[:, None, None], raw.shape), np.ones(raw.shape, bool))
    lengths = [len(raw)]
    for number in range(L):
        A = Predictor(K, config.automatizer_hidden)
        p = stack([A.init(stream(seed, f"init level {number}"), std=0.3)])
        stretch = np.where(level.real, level.symbols, -1)[..., :config.automatizer_batch]
        windows = min(config.automatizer_windows, passes * -(-len(stretch) // config.automatizer_window))
        train_automatizer(A, p, repeat(stretch), replace(config, automatizer_windows=windows), f"{L} levels, level {number + 1}")
        level = compress_again(A, p, level, config.tolerance)
        lengths.append(level.count.mean())
    C = Predictor(K, config.chunker_hidden, extra=clock_bits(len(raw)))
    c = stack([C.init(stream(seed, "init C"), std=0.3)])
    copies = -(-config.chunker_updates * config.chunker_batch // distinct)
    train_chunker(C, c, Surprises(*(np.concatenate([x[..., :distinct]] * copies, -1) for x in level)), config)
    test = Surprises(*(x[..., distinct:] for x in level))
    inputs, clock = chunker_reads(test, C.extra, K)
    logits = next_surprise(C.forward(c, inputs, extra=clock).logits, test, len(raw) - 1)
    return np.array(lengths), recall(logits, raw[-1, :, distinct:])[0][0]


def recursive(seeds, config, shapes=((20, 3), (20, 4)), windows=8000):
    """With a slower symbol in every 20th place no level can be surer than 0.95: the tolerance is 0.3 here."""
    config = replace(config, automatizer_hidden=32, automatizer_windows=windows, tolerance=0.3, chunker_updates=144)
    runs = []
    for seed in seeds:
        final, begun = {}, time.perf_counter()
        for F, L in shapes:
            lengths, right = hierarchy(seed, config, F, L)
            name = f"levels{L}"
            final |= {f"length_{name}_at{j}": n for j, n in enumerate(lengths)}
            final |= {f"ratio_{name}_at{j + 1}": a / b for j, (a, b) in enumerate(zip(lengths[:-1], lengths[1:])) if b > 0}
            final |= {f"ratio_{name}_product": (lengths[0] - 1) / lengths[-1] if lengths[-1] else None,
                      f"ratio_{name}_expected": F**L / 2, f"recall_{name}": right}
        runs.append(dict(seed=seed, curves={}, final=final, seconds=time.perf_counter() - begun))
    return runs


# ---------------------------------------------------------------- automaton

LETTERS = 5                                  # a, b, e, c, d


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
    """The predictor without hidden units, 5 in, 5 out: logits = row of a table; trained on 100 sequences, then frozen."""
    table, rng = dict(table=np.zeros((LETTERS, LETTERS))), stream(seed, "predictor")
    optimizer = Adam(table)
    for _ in range(sequences):
        x = automaton_sequences(rng, 1, r)[0][:, 0, 0]
        logits = table["table"].T[x[:-1], :, None]
        _, d = cross_entropy(logits, x[1:, None], np.full((len(x) - 1, 1), 1 / (len(x) - 1)))
        gradient = np.zeros((LETTERS, LETTERS))
        np.add.at(gradient.T, x[:-1], d[..., 0])
        optimizer.step(dict(table=gradient), lr)
    return table["table"]


def unexpected_letters(table, symbols, decay=0.9):
    """The classifier's view: the letters that the table did not predict, and the time since the last one.

    A letter is predicted if no other got more probability (the paper: the legal vector nearest to the output).
    symbols (T, 1, B)   ->   letters (k, 1, B) with -1 after the end, elapsed (k, 1, 1, B) = decay^steps
    """
    expected = table.argmax(0)[symbols[:-1]]
    surprise = np.concatenate([np.ones_like(symbols[:1], bool), expected != symbols[1:]]) & (symbols >= 0)
    count = surprise[:, 0].sum(0)
    letters = np.full((count.max(), 1, symbols.shape[-1]), -1)
    elapsed = np.zeros((len(letters), 1, 1, symbols.shape[-1]), np.float32)
    for b in range(symbols.shape[-1]):
        times = np.flatnonzero(surprise[:, 0, b])
        letters[:len(times), 0, b] = symbols[times, 0, b]
        elapsed[:len(times), 0, 0, b] = decay ** np.diff(times, prepend=times[:1])
    return letters, elapsed


def classifier_step(net, p, letters, elapsed, label):
    """One logistic output after the last letter, cross-entropy. Loss, gradients, probability of class 1 (B,)."""
    inputs = np.where(letters >= 0, letters, net.K)                      # what follows the end is not read: see `last`
    seen = net.forward(p, inputs, extra=elapsed)
    last = (letters >= 0).sum(0)[None, :, None, :] - 1
    z = np.take_along_axis(seen.logits, last, axis=0)[0, 0, 0]
    probability = 0.5 + 0.5 * np.tanh(0.5 * z)
    dlogits = np.zeros_like(seen.logits)
    np.put_along_axis(dlogits[:, :, :1], last, ((probability - label) / len(label))[None, None, None], axis=0)
    loss = -np.log(np.maximum(np.where(label == 1, probability, 1 - probability), 1e-12)).mean()
    return loss, net.backward(p, inputs, seen, dlogits, elapsed)[0], probability


def right(probability, label):
    """The paper's criterion: above 0.9 for class 1, below 0.1 for class 2."""
    return np.where(label == 1, probability > 0.9, probability < 0.1)


class Letters(Predictor):
    """A classifier that reads letters (and elapsed time): 6 inputs, one output."""

    def __init__(self, H, extra):
        super().__init__(LETTERS, H, extra=extra)

    def init(self, rng, std):
        return super().init(rng, std) | dict(V=rng.normal(0, std, (1, self.H)).astype(np.float32), c=np.zeros(1, np.float32))


def learn_classifier(seed, r, view, H, cap, B=8, lr=0.02):
    """Train until 100 validation sequences are all right; sequences used (NaN: not within the cap) and test accuracy.

    view   function of symbols that gives letters and elapsed, as the classifier sees them
    """
    train, check = stream(seed, "train"), stream(seed, "validation")
    net = Letters(H, extra=1)
    p = stack([net.init(stream(seed, "init"), 0.3)])
    optimizer, used = Adam(p), np.nan
    for update in range(1, cap // B + 1):
        symbols, label = automaton_sequences(train, B, r)
        _, g, _ = classifier_step(net, p, *view(symbols), label)
        clip_by_global_norm(g, 1.0, networks=True)
        optimizer.step(g, lr)
        if update % 10 == 0:
            symbols, label = automaton_sequences(check, 100, r)
            if right(classifier_step(net, p, *view(symbols), label)[2], label).all():
                used = update * B
                break
    symbols, label = automaton_sequences(stream(seed, "test"), 200, r)
    probability = classifier_step(net, p, *view(symbols), label)[2]
    return used, right(probability, label).mean(), ((probability > 0.5) == label).mean()


def raw_view(symbols):
    return symbols, np.zeros((*symbols.shape[:2], 1, symbols.shape[-1]), np.float32)


def automaton(seeds, config, repeats=(1, 5, 20, 100, 405), cap=10_000, raw_caps=(10_000, 10_000, 10_000, 2_000, 400)):
    """Sequences until all of 100 are right: classifier on the surprises, and the same net on the raw stream."""
    runs = []
    for seed in seeds:
        final, begun = {}, time.perf_counter()
        for r, raw_cap in zip(repeats, raw_caps):
            table = train_letter_predictor(seed, r)
            view = lambda symbols: unexpected_letters(table, symbols)  # noqa: B023,E731  used at once
            symbols, _ = automaton_sequences(stream(seed, "test"), 200, r)
            final |= {f"minimal_lag_r{r}": 3 * r - 1, f"mean_length_r{r}": (symbols >= 0).sum(0).mean(),
                      f"surprises_r{r}": (view(symbols)[0] >= 0).sum(0).mean(), f"raw_cap_r{r}": raw_cap}
            for name, seen, H, most in (("compressed", view, 5, cap), ("raw", raw_view, 5, raw_cap)):
                used, strict, two = learn_classifier(seed, r, seen, H, most)
                final |= {f"{name}_sequences_r{r}": used, f"{name}_right_r{r}": strict, f"{name}_accuracy_r{r}": two}
            print(f"automaton: seed {seed}, r = {r}, {time.perf_counter() - begun:.0f} s", flush=True)
        runs.append(dict(seed=seed, curves={}, final=final, seconds=time.perf_counter() - begun))
    return runs


# ---------------------------------------------------------------- RTRL

def rtrl_gradients(p, inputs, targets, weight):
    """Real-time recurrent learning (Williams & Zipser 1989) for one tanh-RNN and one sequence.

    Carries dh/dW and dh/dU forward and needs no memory of the past:

        P[t+1] = diag(1 - h[t+1]^2) (W P[t] + direct)      direct: h[t] for W, the one-hot input for U

    p without the axis N; inputs, targets, weight (T,)   ->   {name: gradient}
    """
    H, D = p["U"].shape
    h, P = np.zeros(H), np.zeros((H, H, H + D))              # P[k, i, :]: dh_k / d(row i of [W U])
    g = {name: np.zeros_like(a) for name, a in p.items()}
    both, unit = np.zeros((H, H + D)), np.arange(H)
    for t, x in enumerate(inputs):
        source = np.concatenate([h, np.zeros(D)])
        source[H + x] = 1
        h = np.tanh(p["W"] @ h + p["U"][:, x])
        P = (p["W"] @ P.reshape(H, -1)).reshape(P.shape)
        P[unit, unit] += source
        P *= (1 - h * h)[:, None, None]
        d = probabilities((p["V"] @ h + p["c"])[:, None])[:, 0]
        d[targets[t]] -= 1
        d *= weight[t]
        g["V"] += np.outer(d, h)
        g["c"] += d
        both += np.tensordot(p["V"].T @ d, P, axes=1)
    g["W"], g["U"] = both[:, :H], both[:, H:]
    return g


def fastest(call, times=3):
    """The shortest of a few runs in seconds, and the result."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def rtrl(seeds, config, sizes=(4, 8, 16, 32, 64), T=200):
    """Relative difference of the gradients on whole episodes, and microseconds per step of both."""
    runs = []
    for seed in seeds:
        final, begun = {}, time.perf_counter()
        for H in sizes:
            net, rng = Predictor(TRIGGERS + CYCLE, H), stream(seed, "rtrl")
            p = net.init(rng, std=1 / np.sqrt(H), dtype=np.float64)
            symbols = rng.integers(0, net.K, (T, 1))
            inputs, weight = read_from(symbols, net.K), np.full((T, 1), 1 / T)
            bptt_seconds, (_, backward, _) = fastest(lambda: net.gradients(p, inputs, symbols, weight))  # noqa: B023
            rtrl_seconds, forward = fastest(lambda: rtrl_gradients(p, inputs[:, 0], symbols[:, 0], weight[:, 0]))  # noqa: B023
            final |= {f"difference_H{H}": max(np.abs(backward[k] - forward[k]).max() / np.abs(backward[k]).max() for k in p),
                      f"bptt_us_H{H}": 1e6 * bptt_seconds / T, f"rtrl_us_H{H}": 1e6 * rtrl_seconds / T,
                      f"bptt_stored_H{H}": 2 * T * H, f"rtrl_stored_H{H}": H * H * (H + net.K + 1)}
        runs.append(dict(seed=seed, curves={}, final=final, seconds=time.perf_counter() - begun))
    return runs


# name: (function, committed seeds, what --quick changes)
STUDIES = {
    "recursive": (recursive, range(3), dict(shapes=((8, 2),), windows=300)),
    "automaton": (automaton, range(5), dict(repeats=(5,), cap=160, raw_caps=(80,))),
    "collapse_1992": (collapse_1992.collapse, range(17), dict(cap=20, opponents=20)),
    "rtrl": (rtrl, range(5), dict(sizes=(4, 8), T=30)),
}
PAPER = {"collapse_1992": dict(two_nets_within_5000=13 / 17, two_nets_within_35000=1.0)}


def claims(study, s):
    """What a study claims, set against its summary; the paper's word beside it where there is one."""
    if study == "collapse_1992":
        within, all_of, plain = (s[name]["mean"] for name in ("two_nets_within_5000", "two_nets_within_35000",
                                                                   "conventional_3_steps_within_35000"))
        return [check("share of runs solved within 5,000 strings by A alone", within, "at least 13 of 17 = 0.76",
                      within >= 13 / 17, paper="13 of 17"),
                check("share of runs solved within 35,000 strings", all_of, "1.00", all_of == 1, paper="17 of 17"),
                check("conventional net, 3 steps: share solved within 35,000", plain, "0.00", plain == 0,
                      paper="none within 1,000,000")]
    if study == "recursive":
        right = min(e["min"] for name, e in s.items() if name.startswith("recall"))
        return [check("recall through three and four levels, worst seed", right, "1.000", right == 1)]
    if study == "automaton":
        lag = int(max(e["max"] for name, e in s.items() if name.startswith("minimal_lag")))
        last = s[f"compressed_sequences_r{(lag + 1) // 3}"]
        return [check(f"minimal lag {lag:,}: sequences to 100 %, worst seed", last["max"], "below 10,000",
                      last["n"] == s["compressed_right_r1"]["n"] and last["max"] < 10_000, paper="below 10,000")]
    if study == "rtrl":
        difference = max(e["max"] for name, e in s.items() if name.startswith("difference"))
        return [check("RTRL against BPTT, largest relative difference", difference, "below 1e-12", difference < 1e-12)]
    return []
