"""The first of K symbols is the answer, a lag later: one task, one axis of difficulty.

    step      0     1    2    3         lag-1   lag
    random    c     5    0    c   ...     2      7   ?     distractors from the same K symbols, uniform
    cycle     c     f1   f2   f3  ...    f1     f2   ?     filler that repeats, K + CYCLE symbols in all

`lag` steps lie between the first symbol and the answer, which is read after the last step. Only the
place of the first symbol says that it matters: a distractor that is kept is a wrong answer. In the
third form ("asked") the distractors are random and each batch ends at a random step, from half of
the lag on, so that an answer cannot be computed for one step only.

(A latch in the sense of Bengio, Simard & Frasconi 1994, with the distractors of Hochreiter &
Schmidhuber 1997, task 2, drawn from the symbols that matter. With `cycle` there are only K sequences.)

Layout: symbols (T, B), T = lag + 1, answers (B,). Glossary: common/__init__.py.
"""

import numpy as np

CYCLE = 5                                    # filler symbols, as in the chunker's task
FORMS = ("random", "cycle", "asked")


def alphabet(form, K):
    """Number of different inputs."""
    return K + CYCLE if form == "cycle" else K


def sequences(rng, B, lag, K=8, form="random"):
    """Symbols (lag + 1, B) and answers (B,), both int64. In the form "asked", `lag` is the length already drawn.

    raises   ValueError for an unknown form
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r}: one of {', '.join(FORMS)}")
    if form == "cycle":
        x = np.empty((lag + 1, B), np.int64)
        x[:] = K + (np.arange(-1, lag) % CYCLE)[:, None]
        x[0] = rng.integers(0, K, B)
    else:
        x = rng.integers(0, K, (lag + 1, B))
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
    counts = (x[..., None] == np.arange(K)).sum(0)                       # (B, K)
    best = counts == counts.max(-1, keepdims=True)
    frequent = np.take_along_axis(best, answers[:, None], -1)[:, 0] / best.sum(-1)
    last = np.where(x[-1] < K, x[-1] == answers, 1 / K)
    return dict(chance=1 / K, last=float(last.mean()), frequent=float(frequent.mean()))
