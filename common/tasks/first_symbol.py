"""The first symbol is the answer, a lag later: one task, one axis of difficulty.

    step      0     1    2    3         lag-1   lag
    random    c     f4   f1   f4  ...   f2      f5    ?    distractors: FILLER other symbols, uniform
    cycle     c     f1   f2   f3  ...   f1      f2    ?    the same symbols in turn, without end
    alike     c     5    0    c   ...   2       7     ?    distractors: the K symbols themselves, uniform

c is one of K symbols. The answer is read after the last step, `lag` steps after the first symbol. With
`alike` only its place says that the first symbol matters; with `cycle` there are only K sequences. A
fourth form, "asked", is `random` with each batch ending at a random step, from half of the lag on:
an answer cannot be made ready for one step only.

(A latch in the sense of Bengio, Simard & Frasconi 1994; distractors as in Hochreiter & Schmidhuber
1997, task 2c.) Layout: symbols (T, B), T = lag + 1, answers (B,). Glossary: common/__init__.py.
"""

import numpy as np

FILLER = 5                                   # other symbols, as many as in the chunker's task
FORMS = ("random", "cycle", "alike", "asked")

# The points of the shootout: name -> (K, form).
VARIANTS = {"random": (8, "random"), "two": (2, "random"), "cycle": (2, "cycle"), "asked": (8, "asked"),
            "alike": (8, "alike")}
TITLES = {"random": "eight symbols, random filler", "two": "two symbols, random filler",
          "cycle": "two symbols, cycling filler", "asked": "eight symbols, random filler, asked at a random time",
          "alike": "eight symbols, distractors from the same eight"}


def alphabet(form, K):
    """Number of different inputs."""
    return K if form == "alike" else K + FILLER


def sequences(rng, B, lag, K=8, form="random"):
    """Symbols (lag + 1, B) and answers (B,), both int8. In the form "asked", `lag` is the length already drawn.

    raises   ValueError for an unknown form
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r}: one of {', '.join(FORMS)}")
    if form == "alike":
        x = rng.integers(0, K, (lag + 1, B), dtype=np.int8)
    elif form == "cycle":
        x = np.repeat((K + np.arange(-1, lag) % FILLER).astype(np.int8)[:, None], B, axis=1)
    else:
        x = rng.integers(K, K + FILLER, (lag + 1, B), dtype=np.int8)
    x[0] = rng.integers(0, K, B)
    return x, x[0].copy()


def asked_lag(rng, lag, form):
    """The lag of one batch: from half of it on in the form "asked", else the whole."""
    return int(rng.integers((lag + 1) // 2, lag + 1)) if form == "asked" else lag


def batch(rngs, B, lag, K=8, form="random"):
    """One batch per generator: symbols (lag + 1, N, B), answers (N, B)."""
    drawn = [sequences(rng, B, lag, K, form) for rng in rngs]
    return np.stack([x for x, _ in drawn], axis=1), np.stack([answer for _, answer in drawn])


# ---------------------------------------------------------------- rules that learn nothing

RULES = {"chance": "one of the K at random", "last": "the last symbol", "frequent": "the most frequent symbol"}


def rules(x, answers, K):
    """{rule: share of the sequences that it gets right}; a tie of the most frequent counts its part.

    x (T, B), answers (B,); a symbol that is no answer (filler) is right as often as chance
    """
    counts = (x[..., None] == np.arange(x.max() + 1)).sum(0)             # (B, symbols)
    best = counts == counts.max(-1, keepdims=True)
    worth = np.arange(best.shape[-1]) == answers[:, None]
    worth = np.where(np.arange(best.shape[-1]) < K, worth, 1 / K)
    frequent = (best * worth).sum(-1) / best.sum(-1)
    last = np.where(x[-1] < K, x[-1] == answers, 1 / K)
    return dict(chance=1 / K, last=float(last.mean()), frequent=float(frequent.mean()))
