"""Does guessing cost more the longer the lag, with two and with eight symbols?

Weight guessing's part of the shootout (vanishing_gradient/shootout/). Two symbols: one tanh unit that
sees its last output, the symbol and a bias, the network of latch II. Eight symbols: eight such units,
one an answer, that see one another. A guess is accepted if every output is within 0.1 of its target on
100 training sequences (with cycling filler there are only two sequences); the first accepted one is
scored on 1,000 fresh sequences, and the search ends. `sequences` counts every training sequence that a
guess was run on: most guesses fall at the first or second. A seed ends after two lags unsolved. That
guessing does not feel the lag would be refuted by a cost that grows with it.
"""

import time
from functools import partial

import numpy as np

from common import results, tables
from common.layers import accuracy
from common.progress import Progress
from common.randomness import stream
from common.tasks.first_symbol import TITLES, VARIANTS, alphabet, sequences
from common.tasks.lags import along, lags_run, measured, solved
from vanishing_gradient.weight_guessing.networks import Network, draw, final_outputs
from vanishing_gradient.weight_guessing.tasks import Data
from vanishing_gradient.weight_guessing.weight_guessing import right

SEEDS, MINUTES = range(8), 0.2
USES = ("interval", "training", "tolerance")
QUICK = dict(most=1024, lags=(10, 30))
NAME, TESTED = "guess", 1000
VARIANT = ("cycle", "two", "random")         # of the task, as the shootout names them
CHUNK = 512                                  # guesses side by side


def run(config, seeds, most=131_072, lags=(10, 30, 100, 300, 1000)):
    for seed in seeds:
        final = {variant: {NAME: along(lags, partial(at_lag, config, seed, variant, most=most))}
                 for variant in VARIANT}
        seconds = sum(row["seconds"] for methods in final.values() for row in methods[NAME].values())
        yield results.entry(seed, final, seconds=seconds)


def network_of(variant):
    """A layer of tanh units that are hidden state and answer at once; every symbol has its own input."""
    K, form = VARIANTS[variant]
    return Network(0, squash="tanh", inputs=alphabet(form, K), outputs=1 if K == 2 else K, output_bias=True)


def data_of(variant, rng, B, lag):
    """B sequences as the room's Data; with two symbols one output, positive for the second."""
    K, form = VARIANTS[variant]
    x, answers = sequences(rng, B, lag, K, form)
    one_hot = np.eye(K, dtype=int)[answers]
    return Data(x.astype(np.intp), np.full(B, lag + 1), one_hot[:, 1:] if K == 2 else one_hot)


def at_lag(config, seed, variant, lag, most):
    """Guess until a network is accepted or `most` guesses are made; what it cost, how it answers fresh sequences."""
    started, network = time.process_time(), network_of(variant)
    training = data_of(variant, stream(seed, f"train {variant} {lag}"), config.training, lag)
    rng, seen, made, w = stream(seed, f"guess {variant} {lag}"), 0, 0, np.zeros((network.weights, 0))
    progress = Progress(f"guessing, seed {seed}, {variant}, lag {lag}", most)
    while made < most and not w.shape[1]:
        drawn = draw(rng, network, min(CHUNK, most - made), config.interval)
        left, looked = survivors(network, drawn, training, 1 - config.tolerance)
        w, used = drawn[:, left[:1]], left[0] + 1 if len(left) else drawn.shape[1]
        made, seen = made + used, seen + looked[:used].sum()
        progress.update(made)
    progress.close()
    fresh, found = data_of(variant, stream(seed, f"test {variant} {lag}"), TESTED, lag), w.shape[1] == 1
    return dict(sequences=float(seen) if found else None, seen=float(seen), guesses=float(made),
                accuracy=tested(network, w, fresh) if found else 0.0,
                multiply_adds=float(seen) * (lag + 1) * network.outputs * network.outputs,
                seconds=time.process_time() - started)


def survivors(network, w, data, least):
    """Networks of w (P, N) that are right on every sequence, and how many sequences each was run on (N,).

    Where few networks are left several sequences run side by side; a network counts those up to its first mistake.
    """
    left, looked, done = np.arange(w.shape[1]), np.zeros(w.shape[1], int), 0
    while len(left) and done < len(data.lengths):
        several = max(1, CHUNK // (4 * len(left)))
        answers = right(network, w[:, left], data.part(slice(done, done + several)), least)
        looked[left] += np.where(answers.all(0), len(answers), answers.argmin(0) + 1)
        left, done = left[answers.all(0)], done + several
    return left, looked


def tested(network, w, data):
    """Share of the sequences that the one network of w answers: the largest output, or the sign of the only one."""
    u = final_outputs(network, w, data.x, data.lengths)[..., 0]
    if network.outputs == 1:
        return float(((u[:, 0] > 0) == data.targets[:, 0]).mean())
    return float(accuracy(u.T, data.targets.argmax(1)))


# ---------------------------------------------------------------- what it says

def checks(record):
    n, lags = len(record["runs"]), record["config"]["lags"]
    few, many = solved(record, "cycle", NAME, max(lags)), solved(record, "random", NAME, min(lags))
    return [results.check(f"{TITLES['cycle']}, lag {max(lags):,}: seeds solved by guessing", few,
                          f"at least {n - 1} of {n}", few >= n - 1, interval=tables.wilson(few, n)),
            results.check(f"{TITLES['random']}, lag {min(lags)}: seeds solved by guessing", many, "0", many == 0,
                          interval=tables.wilson(many, n))]


def finding(record):
    n, said = len(record["runs"]), []
    for variant in VARIANT:
        lag = max(lags_run(record, variant, NAME))
        guesses = np.median(measured(record, variant, NAME, lag, "guesses"))
        said.append(f"{TITLES[variant]}: {solved(record, variant, NAME, lag)} of {n} seeds at lag {lag:,}, median "
                    f"{guesses:,.0f} guesses")
    return "; ".join(said).capitalize() + "."


def table(record):
    rows = []
    for variant in VARIANT:
        for lag in lags_run(record, variant, NAME):
            cost = {what: np.median(measured(record, variant, NAME, lag, what))
                    for what in ("guesses", "seen", "seconds")}
            right = tables.share(solved(record, variant, NAME, lag), len(record["runs"]))
            rows.append([TITLES[variant], f"{lag:,}", right, f"{1 / VARIANTS[variant][0]:g}",
                         f"{cost['guesses']:,.0f}", f"{cost['seen']:,.0f}", f"{cost['seconds']:.2f}"])
    return ["task", "lag", "solved", "chance", "guesses, median", "sequences run, median", "processor seconds"], rows
