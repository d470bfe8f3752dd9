"""Can A take over what C knows, and end up doing the task alone?

The collapsing 2-net of 1992 (Schmidhuber 1992, sections 4 to 7). The stream has no marked episodes:
strings "a b1 ... b20" and "x b1 ... b20" follow each other at random. After each string a teacher says
whether it began with a (1) or x (0); the target becomes part of the next input.

    A   sees every symbol; predicts the next one, the target, and C's state; error goes back 3 steps
    C   sees only what A failed to predict (with the target, if there is one); before it takes such an
        input in, it learns to predict it from its own state; error goes back 3 of its steps

Solved: 100 strings in a row with a target error below 0.3, by A alone. Opponents: the same A without
C, error going back 3 steps or through the whole string, each at five learning rates. The paper
gave its conventional nets 1,000,000 strings, we stop at 20,000: with more strings, or with 3 steps a rate
above 0.03, they may do better than the table says. The runs are independent: networks that were not
surprised, or have diverged, take no step of the optimiser.
"""

import time
from typing import NamedTuple

import numpy as np

from chunker_very_deep_1200.chunker_very_deep_1200 import thin
from common import results
from common.layers import logistic, softmax
from common.networks import Network, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import streams
from common.tables import share

SEEDS, MINUTES = range(17), 12
USES = ()
QUICK = dict(cap=20, opponents=20, at_least=0)
PAPER = {"two_nets_within_5000": 13 / 17, "two_nets_within_35000": 1.0}

K, STEPS = 22, 21                            # a, x, b1 ... b20; symbols of one string
TARGET = K                                   # row of the target unit among the outputs
RIGHT, IN_A_ROW = 0.3, 100                   # solved: so many strings in a row with a target error below RIGHT
EXPECTED = 0.1                               # tolerance of a surprise
RATE_A, RATE_C, HIDDEN_A, HIDDEN_C = 0.01, 0.02, 24, 6
KINDS = {"conventional_3_steps": 3, "conventional_full": STEPS}     # steps through which the error goes back
RATES = (("conventional_3_steps", (0.0003, 0.001, 0.003, 0.01, 0.03)),
         ("conventional_full", (0.0001, 0.0003, 0.001, 0.003, 0.01)))


def run(config, seeds, *, part, cap=35_000, opponents=20_000, at_least=5000, rates=RATES):
    started, name = time.perf_counter(), "-".join(map(str, seeds))
    final, curves = part(f"two_nets-{name}", lambda: with_C(seeds, cap, at_least))
    for kind, window in KINDS.items():
        more = part(f"{kind}-{name}", lambda: without_C(kind, seeds, opponents, window, dict(rates)[kind]))
        final, curves = {**final, **more[0]}, {**curves, **more[1]}
    return results.entries(seeds, final, curves, time.perf_counter() - started)


def with_C(seeds, cap, at_least):
    """[final, curves] of the two nets."""
    solved, used, errors = one_run(seeds, cap, label="two nets", at_least=at_least)
    final = dict(two_nets_sequences=solved, two_nets_within_5000=(solved <= 5000).astype(float),
                 two_nets_within_35000=(solved <= 35_000).astype(float),
                 two_nets_right=(errors[-IN_A_ROW:] < RIGHT).mean(0),
                 two_nets_strings=np.full(len(seeds), len(errors)),
                 inputs_of_C_first_string=used[0], inputs_of_C_last_strings=used[-IN_A_ROW:].mean(0))
    return [final, dict(two_nets_error=thinned(errors), inputs_of_C=thinned(used))]


def without_C(kind, seeds, cap, window, rates):
    """[final, curves] of a conventional net at every rate."""
    every = [seed for seed in seeds for _ in rates]
    solved, _, errors = one_run(every, cap, window, C_too=False, rates=np.tile(rates, len(seeds)), label=kind)
    final, curves = {f"{kind}_strings": np.full(len(seeds), len(errors))}, {}
    for r, rate in enumerate(rates):
        own = slice(r, None, len(rates))
        final |= {f"{kind}_sequences_rate{rate:g}": solved[own],
                  f"{kind}_right_rate{rate:g}": (errors[-IN_A_ROW:, own] < RIGHT).mean(0)}
        curves[f"{kind}_error_rate{rate:g}"] = thinned(errors[:, own])
    return [final, curves]


def thinned(curve):
    return np.array(thin(curve)) if curve.ndim == 1 else np.array([c.mean(0) for c in np.array_split(
        curve, min(60, len(curve)))])


class Chunker:
    """N independent C's, each clocked by the surprises of its own A. Remembers its last three inputs."""

    def __init__(self, rngs, window=3):
        N = len(rngs)
        self.net = Network(HIDDEN_C, K + 1, symbols=K + 1, reals=2, bias=False)      # symbol K: nothing yet
        self.p = stack([self.net.init(rng, std=0.3) for rng in rngs])
        self.optimizer = Adam(self.p)
        self.before = np.zeros((N, HIDDEN_C, 1), np.float32)             # the state before those inputs
        self.symbols = np.full((window, N, 1), K)
        self.teacher = np.zeros((window, N, 2, 1), np.float32)
        self.states = HIDDEN_C + K + 1
        self.read()

    def read(self):
        self.seen = self.net.forward(self.p, self.symbols, (self.before,), self.teacher)
        self.logits = self.net.logits(self.p, self.seen.y[-1])

    @property
    def state(self):
        """What A has to predict: hidden units, and outputs as probabilities (N, states, 1)."""
        return np.concatenate([self.seen.y[-1], softmax(self.logits[:, :K]), logistic(self.logits[:, K:])], axis=1)

    def surprise(self, who, symbol, teacher):
        """Learn to predict an unexpected input, then take it in; only the networks `who` (N,)."""
        d = np.zeros_like(self.logits)
        d[:, :K] = softmax(self.logits[:, :K]) - (np.arange(K)[:, None] == symbol[:, None])
        given = teacher.sum(1)                                           # (N, 1): is there a target?
        d[:, K] = given * (logistic(self.logits[:, K]) - teacher[:, 0])
        readout, dy = self.net.backward_readout(self.p, self.seen, d[None], len(self.symbols))
        g = {**self.net.backward(self.p, self.symbols, self.seen, dy, self.teacher)[0], **readout}
        clip_by_global_norm(g, 1.0, networks=True)
        self.optimizer.step(g, RATE_C, active=who)
        self.before = np.where(who[:, None, None], self.seen.y[1], self.before)
        for memory, new in ((self.symbols, symbol), (self.teacher, teacher)):
            shifted = np.concatenate([memory[1:], new[None]])
            memory[...] = np.where(who.reshape(-1, *[1] * (new.ndim - 1)), shifted, memory)
        self.read()


class Automatizer:
    """N independent A's on the endless stream, with their optimiser and their carried state."""

    def __init__(self, rngs, rates, states):
        self.net = Network(HIDDEN_A, K + 1 + states, symbols=K, reals=2, bias=False)
        self.p = stack([self.net.init(rng, std=0.3) for rng in rngs])
        self.optimizer, self.rates, self.state = Adam(self.p), rates, ()
        self.alive = np.ones(len(rngs), bool)

    def read(self, inputs, teacher):
        """Logits (w, N, outputs, 1) of the next window."""
        self.inputs, self.teacher = inputs, teacher
        self.seen = self.net.forward(self.p, inputs, self.state, teacher)
        return self.net.logits(self.p, self.seen.y[1:])

    def learn(self, dlogits):
        """One update from the window that was read."""
        readout, dy = self.net.backward_readout(self.p, self.seen, dlogits, 1)
        g = {**self.net.backward(self.p, self.inputs, self.seen, dy, self.teacher)[0], **readout}
        norm = clip_by_global_norm(g, 1.0, networks=True)
        self.alive &= np.isfinite(norm)
        self.optimizer.step(g, self.rates, active=self.alive)
        self.state = self.seen.state


class Given(NamedTuple):
    """One string as the nets meet it."""
    symbols: np.ndarray                  # (22, N, 1): its 21 symbols and the first of the next string
    teacher: np.ndarray                  # (21, N, 2, 1): the target of the string before, with the first symbol
    target: np.ndarray                   # (N, 1): 1 for a, 0 for x


def strings(rngs):
    """The endless stream, string by string."""
    draw = lambda: np.stack([rng.integers(0, 2, 1) for rng in rngs])
    letter, given = draw(), np.zeros((len(rngs), 2, 1), np.float32)
    middle = np.broadcast_to(np.arange(2, K)[:, None, None], (K - 2, len(rngs), 1))
    while True:
        following = draw()
        teacher = np.zeros((STEPS, *given.shape), np.float32)
        teacher[0] = given
        yield Given(np.concatenate([letter[None], middle, following[None]]), teacher, (letter == 0).astype(float))
        given = np.stack([letter == 0, letter == 1], axis=1).astype(np.float32)
        letter = following


def one_run(seeds, cap, window=3, C_too=True, rates=RATE_A, label="", at_least=0):
    """All runs together until each has solved the task, for `at_least` strings, but no more than `cap`.

    rates     learning rate of A, one or (N,)
    returns   strings until solved (N,), NaN if not; inputs C took in per string (strings, N); target
              errors (strings, N)
    """
    N, C = len(seeds), Chunker(streams(seeds, "init C")) if C_too else None
    A = Automatizer(streams(seeds, "init A"), rates, C.states if C else 0)
    progress, stream = Progress(label, cap), strings(streams(seeds, "letters"))
    solved, row, used, errors = np.full(N, np.nan), np.zeros(N, int), [], []
    mass = np.zeros((N, 1))                  # what A gave the symbol that comes next
    for string in range(cap):
        error, mass, taken = one_string(A, C, next(stream), window, mass)
        error = np.where(A.alive, np.abs(error[:, 0]), 1.0)
        row = np.where(error < RIGHT, row + 1, 0)
        solved[np.isnan(solved) & (row == IN_A_ROW)] = string + 1
        used.append(taken)
        errors.append(error)
        progress.update(string + 1, solved=np.isfinite(solved).sum(), error=error.mean())
        if np.isfinite(solved).all() and string + 1 >= at_least:
            break
    progress.close()
    return solved, np.array(used), np.array(errors)


def one_string(A, C, given, window, mass):
    """A (and C) read a string and learn: target error (N, 1), mass of the next symbol, inputs C took in (N,)."""
    taken = np.zeros(len(given.target))
    for t in range(0, STEPS, window):
        inputs, teacher = given.symbols[t:t + window], given.teacher[t:t + window]
        logits = A.read(inputs, teacher)
        dlogits, masses = prediction_errors(logits, given.symbols[t + 1:t + window + 1])
        if t + window == STEPS:
            error = logistic(logits[-1, :, TARGET]) - given.target
            dlogits[-1, :, TARGET] = error
        if C:
            for k in range(window):
                who = mass[:, 0] < 1 - EXPECTED
                if who.any():
                    C.surprise(who, inputs[k], teacher[k])
                    taken += who
                dlogits[k, :, K + 1:] = logits[k, :, K + 1:] - C.state
                mass = masses[k]
        A.learn(dlogits)
    return error, np.where(np.abs(error) > EXPECTED, 0.0, mass), taken       # an unpredicted target surprises too


def prediction_errors(logits, following):
    """dL/dlogits of the next symbol (zero for all other outputs), and the mass it got: (w, N, 1)."""
    dlogits, p = np.zeros_like(logits), softmax(logits[:, :, :K])
    hit = np.arange(K)[:, None] == following[:, :, None, :]
    dlogits[:, :, :K] = p - hit
    return dlogits, (p * hit).sum(-2)


# ---------------------------------------------------------------- what is claimed and shown

def solved_by(record, kind, rate):
    """How many runs of a conventional net met the criterion at one rate."""
    return record["summary"][f"{kind}_sequences_rate{rate:g}"]["n"]


def best(record, kind):
    """(seeds solved, rate) of the best rate of a conventional net."""
    return max((solved_by(record, kind, rate), rate) for rate in dict(record["config"]["rates"])[kind])


def checks(record):
    s, n, cap = record["summary"], len(record["runs"]), record["config"]["opponents"]
    within, all_of = (s[f"two_nets_within_{number}"]["mean"] for number in (5000, 35000))
    short, full = best(record, "conventional_3_steps")[0], best(record, "conventional_full")[0]
    return [results.check("share of runs solved within 5,000 strings by A alone", within, "at least 13 of 17 = 0.76",
                          within >= 13 / 17, paper="13 of 17"),
            results.check("share of runs solved within 35,000 strings", all_of, "1", all_of == 1, paper="17 of 17"),
            results.check(f"conventional net, 3 steps, best rate: runs solved within {cap:,}", short, f"0 of {n}",
                          short == 0, paper="none within 1,000,000"),
            results.check(f"conventional net, full BPTT, best rate: runs solved within {cap:,}", full, f"0 of {n}",
                          full == 0, paper="none within 1,000,000")]


def finding(record):
    s, n, cap = record["summary"], len(record["runs"]), record["config"]["opponents"]
    two = s["two_nets_sequences"]
    if not two["n"]:
        return f"No: none of {n} runs is solved."
    full, short = (share(best(record, kind)[0], n) for kind in ("conventional_full", "conventional_3_steps"))
    return (f"Yes, in {share(two['n'], n)} runs, after {two['median']:,.0f} strings (median). Without C and within "
            f"{cap:,} strings full BPTT solves {full}, BPTT over 3 steps {short}.")


def table(record):
    s, n = record["summary"], len(record["runs"])
    rows = [["A of the two nets, error back 3 steps", f"{RATE_A:g}", share(s["two_nets_sequences"]["n"], n),
             median(s["two_nets_sequences"]), f"{s['two_nets_right']['mean']:.2f}",
             "13 of 17 within 5,000, all within 35,000"]]
    for kind, text in (("conventional_3_steps", "conventional net, 3 steps"),
                       ("conventional_full", "conventional net, full BPTT")):
        for rate in dict(record["config"]["rates"])[kind]:
            rows.append([text, f"{rate:g}", share(solved_by(record, kind, rate), n),
                         median(s[f"{kind}_sequences_rate{rate:g}"]), f"{s[f'{kind}_right_rate{rate:g}']['mean']:.2f}",
                         "0 within 1,000,000"])
    return ["net", "rate of A", "runs solved", "strings to the criterion", "right in the last 100", "paper"], rows


def median(s):
    return f"median {s['median']:,.0f} ({s['min']:,.0f} to {s['max']:,.0f})" if s["n"] else "never"


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
    runs, s = record["runs"], record["summary"]
    shown = [("two_nets_error", "two_nets", ROLE["chunker"], "A of the two nets")]
    for kind, color, text in (("conventional_3_steps", ROLE["rnn"], "without C, 3 steps"),
                              ("conventional_full", ROLE["tuned_rnn"], "without C, full BPTT")):
        rate = best(record, kind)[1]
        shown.append((f"{kind}_error_rate{rate:g}", kind, color, f"{text}, rate {rate:g}"))
    for name, kind, color, text in shown:
        curves = np.array([run_["curves"][name] for run_ in runs], dtype=float)
        x = s[f"{kind}_strings"]["mean"] * (np.arange(curves.shape[1]) + 0.5) / curves.shape[1]
        left.fill_between(x, curves.min(0), curves.max(0), color=color, alpha=0.2, linewidth=0)
        left.plot(x, np.median(curves, 0), color=color, label=text)
    chance_line(left, 0.5)
    left.set(xscale="log", xlabel="strings", ylabel="mean target error", ylim=(0, 0.85),
             title=f"error of A on the answer ({len(runs)} runs: median, range)")
    left.legend(loc="upper right")
    taken = np.array([run_["curves"]["inputs_of_C"] for run_ in runs], dtype=float)
    x = s["two_nets_strings"]["mean"] * (np.arange(taken.shape[1]) + 0.5) / taken.shape[1]
    right.fill_between(x, taken.min(0), taken.max(0), color=ROLE["chunker"], alpha=0.2, linewidth=0)
    right.plot(x, np.median(taken, 0), color=ROLE["chunker"])
    right.set(xlabel="strings", ylabel="inputs of C per string of 21", title="what is passed on to C", ylim=(0, 21))
    return fig
