"""The collapsing 2-net of 1992: A also learns to predict C's state, and ends up doing the task alone.

Schmidhuber (1992), sections 4 to 7. The stream has no marked episodes: strings "a b1 ... b20" and
"x b1 ... b20" follow each other at random. After each string a teacher says whether it began with
a (1) or x (0); the target becomes part of the next input.

    A   sees every symbol; predicts the next one, the target, and C's state; error goes back 3 steps
    C   sees only what A failed to predict (with the target, if there is one); before it takes such an
        input in, it learns to predict it from its own state; error goes back 3 of its steps

Opponents: the same A without C, error going back 3 steps, or through the whole string.
"""

import time

import numpy as np

from chunker_very_deep_1200.predictor import Predictor, probabilities, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, require_finite
from common.randomness import streams

K, STEPS = 22, 21                            # a, x, b1 ... b20; symbols of one string
TARGET = K                                   # row of the target unit among the outputs
RIGHT, IN_A_ROW = 0.3, 100                   # solved: so many strings in a row with a target error below RIGHT
EXPECTED = 0.1                               # tolerance of a surprise
LR_A, LR_C, HIDDEN_A, HIDDEN_C = 0.01, 0.02, 24, 6


def logistic(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


class Chunker:
    """N independent C's, each clocked by the surprises of its own A. Remembers its last three inputs."""

    def __init__(self, rngs, window=3):
        N = len(rngs)
        self.net = Predictor(K + 1, HIDDEN_C, extra=2)
        self.p = stack([self.net.init(rng, std=0.3) for rng in rngs])
        self.optimizer = Adam(self.p)
        self.before = np.zeros((N, HIDDEN_C, 1), np.float32)             # the state before those inputs
        self.symbols = np.full((window, N, 1), K + 1)
        self.teacher = np.zeros((window, N, 2, 1), np.float32)
        self.states = HIDDEN_C + K + 1
        self.read()

    def read(self):
        self.seen = self.net.forward(self.p, self.symbols, (self.before,), self.teacher)

    @property
    def state(self):
        """What A has to predict: hidden units, and outputs as probabilities (N, states, 1)."""
        logits = self.seen.logits[-1]
        return np.concatenate([self.seen.y[-1], probabilities(logits[:, :K]), logistic(logits[:, K:])], axis=1)

    def surprise(self, who, symbol, teacher):
        """Learn to predict an unexpected input, then take it in; only the networks `who` (N,)."""
        dlogits = np.zeros_like(self.seen.logits)
        dlogits[-1, :, :K] = probabilities(self.seen.logits[-1, :, :K]) - (np.arange(K)[:, None] == symbol[:, None])
        given = teacher.sum(1)                                           # (N, 1): is there a target?
        dlogits[-1, :, K] = given * (logistic(self.seen.logits[-1, :, K]) - teacher[:, 0])
        dlogits *= who[:, None, None]
        g, _ = self.net.backward(self.p, self.symbols, self.seen, dlogits, self.teacher)
        clip_by_global_norm(g, 1.0, networks=True)
        self.optimizer.step(g, LR_C * who)
        moved = who[:, None]
        self.before = np.where(moved[:, None], self.seen.y[1], self.before)
        for memory, new in ((self.symbols, symbol), (self.teacher, teacher)):
            shifted = np.concatenate([memory[1:], new[None]])
            memory[...] = np.where(who.reshape(-1, *[1] * (new.ndim - 1)), shifted, memory)
        self.read()


def one_run(seeds, cap, window=3, with_C=True, label="", at_least=0):
    """All runs together until each has solved the task, for `at_least` strings, but no more than `cap`.

    returns   strings until solved (N,), NaN if not; inputs C took in per string (strings, N); target errors (strings, N)
    """
    N, letters = len(seeds), streams(seeds, "letters")
    C = Chunker(streams(seeds, "init C")) if with_C else None
    A = Predictor(K + 1 + (C.states if C else 0), HIDDEN_A, extra=2)
    p = stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")])
    optimizer, progress = Adam(p), Progress(label, cap)
    solved, row, used, errors = np.full(N, np.nan), np.zeros(N, int), [], []
    state, mass, given = (), np.zeros((N, 1)), np.zeros((N, 2, 1), np.float32)
    letter = draw(letters)
    for string in range(cap):
        following = draw(letters)
        symbols = np.concatenate([letter[None], np.broadcast_to(np.arange(2, K)[:, None, None], (K - 2, N, 1)), following[None]])
        teacher = np.zeros((STEPS, N, 2, 1), np.float32)
        teacher[0] = given
        taken = np.zeros(N)
        for t in range(0, STEPS, window):
            inputs, extra = symbols[t:t + window], teacher[t:t + window]
            seen = A.forward(p, inputs, state, extra)
            dlogits, masses = prediction_errors(seen.logits, symbols[t + 1:t + window + 1])
            if t + window == STEPS:
                error = logistic(seen.logits[-1, :, TARGET]) - (letter == 0)
                dlogits[-1, :, TARGET] = error
            if C:
                for k in range(window):
                    who = mass[:, 0] < 1 - EXPECTED
                    if who.any():
                        C.surprise(who, inputs[k], extra[k])
                        taken += who
                    dlogits[k, :, K + 1:] = seen.logits[k, :, K + 1:] - C.state
                    mass = masses[k]
            g, _ = A.backward(p, inputs, seen, dlogits, extra)
            clip_by_global_norm(g, 1.0, networks=True)
            optimizer.step(g, LR_A)
            state = seen.state
        error = np.abs(error[:, 0])
        require_finite(error, string + 1, LR_A)
        mass = np.where(error[:, None] > EXPECTED, 0.0, mass)            # an unpredicted target is a surprise too
        given = np.stack([letter == 0, letter == 1], axis=1).astype(np.float32)
        letter = following
        row = np.where(error < RIGHT, row + 1, 0)
        solved[np.isnan(solved) & (row == IN_A_ROW)] = string + 1
        used.append(taken)
        errors.append(error)
        progress.update(string + 1, solved=np.isfinite(solved).sum(), error=error.mean())
        if np.isfinite(solved).all() and string + 1 >= at_least:
            break
    progress.close()
    return solved, np.array(used), np.array(errors)


def draw(rngs):
    return np.stack([rng.integers(0, 2, 1) for rng in rngs])


def prediction_errors(logits, following):
    """dL/dlogits of the next symbol (zero for all other outputs), and the mass it got: (w, N, 1)."""
    dlogits, p = np.zeros_like(logits), probabilities(logits[:, :, :K])
    hit = np.arange(K)[:, None] == following[:, :, None, :]
    dlogits[:, :, :K] = p - hit
    return dlogits, (p * hit).sum(-2)


def collapse(seeds, config, cap=35_000, opponents=35_000, at_least=5000):
    """Strings until A alone solves the task; the conventional nets beside it."""
    values, curves, begun = {}, {}, time.perf_counter()
    for name, window, with_C, most in (("two_nets", 3, True, cap), ("conventional_3_steps", 3, False, opponents),
                                       ("conventional_full", STEPS, False, opponents)):
        solved, used, errors = one_run(seeds, most, window, with_C, name, at_least)
        values |= {f"{name}_sequences": solved, f"{name}_within_5000": (solved <= 5000).astype(float),
                   f"{name}_within_35000": (solved <= 35_000).astype(float),
                   f"{name}_right": (errors[-IN_A_ROW:] < RIGHT).mean(0)}
        if with_C:
            values |= dict(inputs_of_C_first_string=used[0], inputs_of_C_last_strings=used[-IN_A_ROW:].mean(0))
            curves["inputs_of_C"] = used
        curves[f"{name}_error"] = errors
        values[f"{name}_strings"] = np.full(len(seeds), len(errors))
    return [dict(seed=seed, final={key: a[n] for key, a in values.items()}, seconds=(time.perf_counter() - begun) / len(seeds),
                 curves={key: [part.mean() for part in np.array_split(a[:, n], min(60, len(a)))] for key, a in curves.items()})
            for n, seed in enumerate(seeds)]
