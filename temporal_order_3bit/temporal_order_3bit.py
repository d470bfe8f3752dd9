"""Temporal order: an LSTM recalls the order of two symbols across a stream of distractors.

Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8):1735-1780,
Experiment 6a, at T = 50 with a modern optimiser; the paper's own setting is `--study paper_1997`.

    python3 temporal_order_3bit/temporal_order_3bit.py                  seed 0, seconds
    python3 temporal_order_3bit/temporal_order_3bit.py --commit         the committed run, 30 seeds
    python3 temporal_order_3bit/temporal_order_3bit.py --gradcheck

Three networks see the same sequences: the LSTM of 1997 (4 cells, no forget gate), a plain
tanh-RNN of the same size, and a tuned tanh-RNN (32 units, orthogonal recurrent weights, best of
three learning rates). The networks of all seeds train together on the leading axis N. *Solved*
is a final test accuracy of at least 0.95. Ends with one line per network, for all 30 seeds

    LSTM (1997)      accuracy 0.948   (worst seed 0.250)   solved 27 of 30, their median 170 updates to 95 %
    plain tanh-RNN   accuracy 0.255   (worst seed 0.223)   solved 0 of 30
    tuned tanh-RNN   accuracy 0.926   (worst seed 0.568)   solved 22 of 30, their median 975 updates to 95 %
    chance           accuracy 0.250
"""

import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, lstm, results, study
from common.config import parse, run, setting
from common.layers import accuracy, softmax_cross_entropy
from common.networks import Network, best_rate, chosen, parameter_count, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, collect, require_finite
from common.randomness import stream, streams
from temporal_order_3bit import paper_1997
from temporal_order_3bit.reporting import CHANCE, SOLVED, median_update, solved_count, updates_of_solved

HERE = Path(__file__).resolve().parent
SEEDS = range(30)
SYMBOLS = "abcdXYBE"                         # 4 distractors, 2 informative symbols, begin, end
X, Y, BEGIN, END = 4, 5, 6, 7
CLASSES = ("XX", "XY", "YX", "YY")
assert CHANCE == 1 / len(CLASSES)
TUNED_RATES = (1e-3, 3e-3, 1e-2)             # the tuned RNN's grid
BLOCK = 10                                   # batches drawn at a time


@dataclass(frozen=True)
class Config:
    length: int = setting(50, "sequence length T; the marker windows scale with it", paper="100..110",
                          minimum=1, maximum=10_000)
    batch: int = setting(32, "sequences per update", paper=1, minimum=1, maximum=10_000)
    updates: int = setting(1500, "updates of the weights", minimum=1, maximum=10_000_000)
    hidden: int = setting(4, "LSTM cells, and units of the plain RNN", paper="2 blocks of 2", minimum=1, maximum=1000)
    tuned_hidden: int = setting(32, "units of the tuned RNN", minimum=1, maximum=1000)
    lr: float = setting(0.02, "learning rate (Adam)", paper="0.5, plain SGD", above=0, maximum=1e38)
    clip: float = setting(1.0, "global gradient norm is clipped to this", paper="none", above=0, maximum=1e9)
    input_gate_bias: float = setting(-1.0, "initial bias of the input gates", paper="-2, -4", minimum=-100, maximum=100)
    init_std: float = setting(0.1, "standard deviation of the other initial weights", paper="uniform in ±0.1",
                              above=0, maximum=100)
    validation: int = setting(512, "sequences that decide updates to 95 % and the tuned RNN's rate",
                              minimum=1, maximum=100_000)
    test: int = setting(512, "sequences of the final accuracy, used once", paper=2560, minimum=1, maximum=100_000)
    eval_every: int = setting(10, "updates between evaluations", minimum=1, maximum=10_000_000)

    def __post_init__(self):
        windows(self.length)


QUICK = dict(updates=40, validation=64, test=64, tuned_hidden=8)


# ---------------------------------------------------------------- task

def windows(T):
    """Where the two informative symbols may stand: (first, last) of t1 and of t2, inclusive.

    3..12 and 25..40 at T = 50; for other T in proportion, so that the lag grows with T.
    raises   ValueError if they do not stay apart and between the begin and end symbols
    """
    (a, b), (c, d) = [[round(T * position / 50) for position in window] for window in ((3, 12), (25, 40))]
    if not 1 <= a <= b < c <= d <= T - 2:
        raise ValueError(f"--length {T}: the marker windows do not fit; at least 9 is needed")
    return (a, b), (c, d)


def sequences(rng, batches, T, B):
    """Random sequences with their classes, all at once.

    returns   tokens (batches, T, B) indices into SYMBOLS, targets (batches, B) indices into CLASSES
    """
    first_window, second_window = windows(T)
    tokens = rng.integers(0, X, size=(batches, T, B))
    first, second = rng.integers(0, 2, size=(2, batches, B))
    batch, column = np.ogrid[:batches, :B]
    for window, symbol in ((first_window, first), (second_window, second)):
        position = rng.integers(window[0], window[1] + 1, size=(batches, B))
        tokens[batch, position, column] = X + symbol
    tokens[:, 0], tokens[:, -1] = BEGIN, END
    return tokens, 2 * first + second


def sequences_per_seed(generators, batches, T, B):
    """`sequences` of several seeds side by side: tokens (batches, T, N, B), targets (batches, N, B)."""
    tokens, targets = zip(*(sequences(rng, batches, T, B) for rng in generators))
    return np.stack(tokens, axis=2), np.stack(targets, axis=1)


def one_set(seeds, config, purpose, count):
    """`count` sequences per seed for one purpose: tokens (T, N, count), targets (N, count)."""
    tokens, targets = sequences_per_seed(streams(seeds, purpose), 1, config.length, count)
    return tokens[0], targets[0]


def one_symbol_rule(targets):
    """What the trivial rule scores that knows one symbol and takes the other one to be the same (N,).

    It answers XX or YY, so it makes no difference which of the two symbols it knows.
    """
    return (3 * (targets // 2) == targets).mean(-1)


# ---------------------------------------------------------------- networks

class Contestant(NamedTuple):
    """A network with the learning rates it may choose from and its initial recurrent weights."""
    network: Network
    rates: tuple
    recurrent: str = "normal"

    def init(self, rng, config, dtype=np.float32):
        """The parameters of one network, without the axis N."""
        cell = self.network.cell
        gates = {"input": config.input_gate_bias} if cell else {}
        if cell and cell.forget_gate:
            gates["forget"] = 1.0                            # begin by remembering (Gers et al. 2000)
        return self.network.init(rng, config.init_std, self.recurrent, gates, dtype)


def reads_symbols(cell, truncated=False):
    """The network that reads our symbols and answers with a class; cell as in common.networks.Network."""
    return Network(cell, len(CLASSES), symbols=len(SYMBOLS), truncated=truncated)


def lstm_of(config, truncated=False, **kind):
    """The LSTM at the configured learning rate; kind: see lstm.Cell."""
    return Contestant(reads_symbols(lstm.Cell(config.hidden, **kind), truncated), (config.lr,))


def plain_rnn(config):
    return Contestant(reads_symbols(config.hidden), (config.lr,))


def tuned_rnn(config):
    return Contestant(reads_symbols(config.tuned_hidden), TUNED_RATES, "orthogonal")


def contestants(config):
    """The three networks of the main experiment."""
    return dict(lstm=lstm_of(config), rnn=plain_rnn(config), tuned_rnn=tuned_rnn(config))


# The paper's 6a has 156 weights (study paper_1997). Four cells without blocks, with a softmax layer:
#   LSTM  3 * 4 * (8 + 4 + 1) + 4 * (4 + 1) = 176        RNN  4 * (8 + 4 + 1) + 4 * (4 + 1) = 72
# 184 and 68, which a description of this setting prints, are not what its matrices and biases add up to.
assert parameter_count(lstm_of(Config()).init(stream(0, "init"), Config())) == 176
assert parameter_count(plain_rnn(Config()).init(stream(0, "init"), Config())) == 72


# ---------------------------------------------------------------- training

CURVES = ("updates", "loss", "accuracy", "first_right", "second_right", "validation_loss")


def train(contestant, seeds, config, label="", watch=lambda update, p: None):
    """Train one network per seed and learning rate, all together.

    N = len(seeds) * len(rates), rates fastest; the networks of one seed start from the same
    weights and see the same sequences.

    watch     called with (update, parameters) before the first update and after each
    returns   parameters {name: (N, ...)}, curves {"updates": (E,), others: (E, N)}; on the validation sequences
              all but "loss", that of the batch
    raises    common.progress.Diverged if every rate of a seed diverges
    """
    network, R = contestant.network, len(contestant.rates)
    p = stack([copy for rng in streams(seeds, "init") for copy in [contestant.init(rng, config)] * R])
    lr = np.tile(contestant.rates, len(seeds))
    check_tokens, check_targets = (np.repeat(a, R, axis=-2) for a in one_set(seeds, config, "validation",
                                                                            config.validation))
    training, optimizer = streams(seeds, "train"), Adam(p)
    curves, progress = {name: [] for name in CURVES}, Progress(label, config.updates)
    watch(0, p)
    for update in range(1, config.updates + 1):
        k = (update - 1) % BLOCK
        if k == 0:
            tokens, targets = (np.repeat(a, R, axis=-2)
                               for a in sequences_per_seed(training, BLOCK, config.length, config.batch))
        loss, g = network.gradients_at_end(p, tokens[k], targets[k])
        require_a_finite_rate(loss, update, contestant.rates)
        clip_by_global_norm(g, config.clip, networks=True)
        optimizer.step(g, lr)
        watch(update, p)
        if update % config.eval_every == 0 or update == config.updates:
            made = dict(updates=update, loss=loss, **judged(network.answer(p, check_tokens), check_targets))
            for name, value in made.items():
                curves[name].append(value)
            progress.update(update, loss=np.nanmean(loss), accuracy=made["accuracy"].mean())
    progress.close()
    return p, {name: np.array(values) for name, values in curves.items()}


def judged(logits, targets):
    """Accuracy, the shares of answers in which the first and the second symbol are right, and loss, each (N,)."""
    answers = logits.argmax(-2)
    (first, second), (true_first, true_second) = np.divmod(answers, 2), np.divmod(targets, 2)
    return dict(accuracy=(answers == targets).mean(-1), first_right=(first == true_first).mean(-1),
                second_right=(second == true_second).mean(-1),
                validation_loss=softmax_cross_entropy(logits, targets)[0])


def require_a_finite_rate(loss, update, rates):
    """A rate that diverges is a result of that rate; a seed at which all of them do ends the run."""
    if not np.isfinite(loss).all():
        per_seed = loss.reshape(-1, len(rates))
        alive = np.isfinite(per_seed).any(1)
        require_finite(np.where(alive, 0, np.nan), update, min(rates))


def updates_to(curves, level=SOLVED):
    """The first evaluated update at which each network's validation accuracy reaches the level (N,), or nan."""
    reached = curves["accuracy"] >= level
    return np.where(reached.any(0), curves["updates"][reached.argmax(0)], np.nan)


# ---------------------------------------------------------------- evaluation

class Score(NamedTuple):
    """One contestant at every seed, with the rate that its validation sequences chose."""
    p: dict                              # {name: (N, ...)}
    curves: dict                         # {"updates": (E,), others: (E, N)}
    final: dict                          # {metric: (N,)}


def score(contestant, seeds, config, label="", watch=lambda update, p: None):
    """Train, choose each seed's learning rate on validation sequences, test once."""
    R = len(contestant.rates)
    p, curves = train(contestant, seeds, config, label, watch)
    by_rate = {name: curves[name][-1].reshape(-1, R) for name in ("accuracy", "validation_loss")}
    best = best_rate(by_rate["accuracy"], by_rate["validation_loss"])
    index = best + R * np.arange(len(seeds))
    p = chosen(p, index)
    curves = {name: a if a.ndim == 1 else a[:, index] for name, a in curves.items()}
    tokens, targets = one_set(seeds, config, "test", config.test)
    correct = accuracy(contestant.network.answer(p, tokens), targets)
    final = dict(accuracy=correct, solved=correct >= SOLVED, updates_to_95=updates_to(curves),
                 lr=np.array(contestant.rates)[best])
    if R > 1:
        final |= {f"validation_lr_{rate:g}": by_rate["accuracy"][:, r] for r, rate in enumerate(contestant.rates)}
    return Score(p, curves, {name: a.astype(float) for name, a in final.items()})


def compare(those, seeds, config, watch=lambda name, update, p: None):
    """Score each contestant at all seeds with the same sequences; the entries of a study's record.

    those      {name: (Contestant, Config or None for `config`)}
    watch      called with (name, update, parameters)
    """
    begun, final = time.perf_counter(), {}
    for name, (contestant, own) in those.items():
        made = score(contestant, seeds, own or config, name, lambda update, p: watch(name, update, p))
        final |= {f"{name}_{metric}": a for metric, a in made.final.items()}
    return results.entries(seeds, final, seconds=time.perf_counter() - begun)


def examples(seed, T):
    """One held-out sequence per class: tokens (T, 4)."""
    tokens, targets = sequences(stream(seed, "examples"), 1, T, 64)
    return tokens[0][:, [np.flatnonzero(targets[0] == k)[0] for k in range(len(CLASSES))]]


class Snapshots:
    """Cell states of every seed's LSTM on its example sequences, while it learns."""

    def __init__(self, network, seeds, config):
        self.network, self.at, self.cells = network, [], []
        self.tokens = np.stack([examples(seed, config.length) for seed in seeds], axis=1)   # (T, N, 4)

    def __call__(self, update, p):
        every = 4 if update <= 200 else 20 if update <= 400 else 100
        if update % every == 0:
            self.at.append(update)
            self.cells.append(self.network.forward(p, self.tokens).trace.s[1:].astype(np.float16))

    def arrays(self, p, n):
        """What the figures show of the network of seed number n, whose final parameters are p[n]."""
        trace, cell = self.network.forward(chosen(p, n), self.tokens[:, n]).trace, self.network.cell
        return dict(example_tokens=self.tokens[:, n], snapshot_updates=np.array(self.at),
                    snapshot_cells=np.array(self.cells)[:, :, n], cell_states=trace.s[1:], outputs=trace.y[1:],
                    input_gates=trace.act[:, cell.gate_rows("input")])


# ---------------------------------------------------------------- main

def headline(options):
    """Train the three networks at every seed and save the run."""
    parts = collect(options, lambda seeds: parts_of(seeds, options.config))
    runs = [results.entry(seed, part["final"], part["curves"], part["seconds"])
            for seed, part in zip(options.seeds, parts)]
    weights = {name: np.stack([part["weights"][name] for part in parts]) for name in parts[0]["weights"]}
    record = results.record(options, runs, checks=checks, tuned_rates=TUNED_RATES, solved=SOLVED)
    results.save(options, record, traces=parts[0]["arrays"],              # the first seed's LSTM is drawn
                 weights={"seeds": np.array(options.seeds), **weights})
    print("\n".join(report(record)))


def parts_of(seeds, config):
    """(seed, what that seed's three networks leave) for every seed; they train together."""
    begun = time.perf_counter()
    those = contestants(config)
    snapshots = Snapshots(those["lstm"].network, seeds, config)
    # the opponents' updates to 95 % need not be known as finely, and validation costs time
    rarely = replace(config, eval_every=5 * config.eval_every)
    scores = dict(lstm=score(those["lstm"], seeds, config, "lstm", snapshots),
                  rnn=score(those["rnn"], seeds, rarely, "rnn"),
                  tuned_rnn=score(those["tuned_rnn"], seeds, rarely, "tuned_rnn"))
    _, targets = one_set(seeds, config, "test", config.test)
    rule, seconds = one_symbol_rule(targets), (time.perf_counter() - begun) / len(seeds)
    for n, seed in enumerate(seeds):
        part = part_of_seed(scores, n)
        part["final"]["one_symbol_accuracy"] = rule[n]
        yield seed, {**part, "arrays": snapshots.arrays(scores["lstm"].p, n), "seconds": seconds}


def part_of_seed(scores, n):
    """Metrics, curves and weights of seed number n."""
    final, curves, weights = {}, {}, {}
    for name, made in scores.items():
        final |= {f"{name}_{metric}": a[n] for metric, a in made.final.items()}
        curves |= {f"{name}_{curve}": a if a.ndim == 1 else a[:, n] for curve, a in made.curves.items()}
        weights |= {f"{name}.{key}": a[n] for key, a in made.p.items()}
    return dict(final=final, curves=curves, weights=weights)


def checks(record):
    """What the experiment claims, set against what was measured. Any of them can fail."""
    rnn = results.values(record, "rnn_accuracy")
    lstm_median, tuned_median = (median_update(record, name) for name in ("lstm", "tuned_rnn"))
    worst = float(results.values(record, "lstm_accuracy").min())
    return [
        results.check("LSTM accuracy, worst seed", worst, "1.000", worst == 1.0, paper="at most 3 of 2560 wrong"),
        results.check("LSTM updates to 95 %, median of all seeds", lstm_median, "at most 200", lstm_median <= 200,
                      paper="31,390 sequences (other criterion)"),
        results.check("plain RNN accuracy, mean", float(rnn.mean()), "chance: 0.250 ± 0.03",
                      abs(rnn.mean() - CHANCE) <= 0.03, interval=results.interval(rnn)),
        results.check("the LSTM's median of updates to 95 % against the tuned RNN's", lstm_median,
                      f"below {tuned_median:g}" if np.isfinite(tuned_median) else "reached at all",
                      lstm_median < tuned_median),
    ]


def report(record):
    """The lines the docstring promises."""
    lines, s = [], record["summary"]
    for name, label in (("lstm", "LSTM (1997)"), ("rnn", "plain tanh-RNN"), ("tuned_rnn", "tuned tanh-RNN")):
        a, updates = s[f"{name}_accuracy"], updates_of_solved(record, name)
        typical = f", their median {np.median(updates):.0f} updates to 95 %" if updates else ""
        lines.append(f"{label:<16} accuracy {a['mean']:.3f}   (worst seed {a['min']:.3f})   "
                     f"solved {solved_count(record, name)[0]} of {a['n']}{typical}")
    return [*lines, f"{'chance':<16} accuracy {CHANCE:.3f}"]


# ---------------------------------------------------------------- --gradcheck and --evaluate

def gradient_errors(config=None):
    """{loss: relative error} of every loss that is trained here or in a study, in float64."""
    config = replace(config or Config(), length=20, batch=3, init_std=0.5)
    checked = {"LSTM": lstm_of(config), "plain RNN": plain_rnn(config), "tuned RNN": tuned_rnn(config),
               "LSTM with forget gate": lstm_of(config, forget_gate=True),
               "LSTM, two blocks of two cells": Contestant(reads_symbols(lstm.Cell(2, 2)), (config.lr,)),
               "LSTM, truncated": lstm_of(config, truncated=True)}
    errors = {name: gradient_error(contestant, config) for name, contestant in checked.items()}
    return errors | {"Experiment 6a (1997), truncated": paper_1997.gradient_error(paper_1997.PAPER_6A),
                     "Experiment 6b (1997), truncated": paper_1997.gradient_error(paper_1997.PAPER_6B)}


def gradient_error(contestant, config):
    """Relative error of one network's loss; a truncated gradient is that of the network cut at its sources."""
    network, rng = contestant.network, stream(0, "gradcheck")
    p = contestant.init(rng, config, np.float64)
    tokens, targets = (a[0] for a in sequences(rng, 1, config.length, config.batch))
    _, g = network.gradients_at_end(p, tokens, targets)
    sources = network.forward(p, tokens).y[:-1].copy()

    def loss():
        y = paper_1997.cut(network, p, tokens, sources) if network.truncated else network.forward(p, tokens).y
        return float(softmax_cross_entropy(network.logits(p, y[-1]), targets)[0])

    return gradcheck.largest_error(loss, p, g, rng, step=2e-4)


def evaluate(options):
    """Score the saved weights on fresh sequences, with the settings they were trained with."""
    keys = [f"{name}.{key}" for name in contestants(Config()) for key in ("W_in", "W", "b", "W_out", "b_out")]
    record, saved = results.read_weights(options.out, options.make, ["seeds", *keys], options.experiment)
    with results.reading(options.out / "weights.npz", options.make):
        config = Config(**{f.name: record["config"][f.name] for f in fields(Config)})
        tokens, targets = one_set(saved["seeds"].tolist(), config, "evaluate", config.test)
        for name, contestant in contestants(config).items():
            p = {key.split(".")[1]: a for key, a in saved.items() if key.startswith(name + ".")}
            correct = accuracy(contestant.network.answer(p, tokens), targets)
            print(f"{name:<10} accuracy on {config.test} fresh sequences, {len(correct)} seeds: mean "
                  f"{correct.mean():.3f}, worst {correct.min():.3f}, solved {(correct >= SOLVED).sum()} "
                  f"  (chance {CHANCE:.3f})")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(gradient_errors())
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    with np.errstate(over="ignore", invalid="ignore"):       # a run that diverges says so itself
        sys.exit(run(main))
