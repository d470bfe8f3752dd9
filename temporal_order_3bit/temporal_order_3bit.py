"""Temporal order: an LSTM recalls the order of two symbols across a stream of distractors.

Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8):1735-1780,
Experiment 6a, at T = 50 with a modern optimiser; the paper's own setting is `--study paper_1997`.

    python3 temporal_order_3bit/temporal_order_3bit.py --seed 0         one seed, seconds
    python3 temporal_order_3bit/temporal_order_3bit.py --seeds 0-29     the committed headline
    python3 temporal_order_3bit/temporal_order_3bit.py --gradcheck

Three networks see the same sequences: the LSTM of 1997 (4 cells, no forget gate), a plain
tanh-RNN of the same size, and a tuned tanh-RNN (32 orthogonal hidden units, best of three
learning rates). The networks of all seeds train together on the leading axis N. Writes
results.json, traces.npz and weights.npz; ends with one line per network, for --seeds 0-29

    LSTM (1997)      accuracy 0.948   (worst seed 0.250)   steps to 95 %: 28 of 30 seeds
    plain tanh-RNN   accuracy 0.255   (worst seed 0.223)   steps to 95 %: never
    tuned tanh-RNN   accuracy 0.926   (worst seed 0.568)   steps to 95 %: 24 of 30 seeds
    chance           accuracy 0.250
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401  one BLAS thread, before numpy
import numpy as np  # noqa: E402
from common import gradcheck, lstm, results, tanh_rnn  # noqa: E402
from common.config import parse, run, setting  # noqa: E402
from common.layers import (accuracy, affine, affine_backward, lookup, lookup_backward,  # noqa: E402
                           softmax_cross_entropy)
from common.optimizers import Adam, clip_by_global_norm  # noqa: E402
from common.progress import Progress, require_finite  # noqa: E402
from common.randomness import stream, streams  # noqa: E402

HERE = Path(__file__).resolve().parent
STUDIES = ("paper_1997", "paper_1997_6b", "blocks", "forget_gate", "truncation", "drift", "lengths")
SYMBOLS = "abcdXYBE"                         # 4 distractors, 2 informative symbols, begin, end
X, Y, BEGIN, END = 4, 5, 6, 7
CLASSES = ("XX", "XY", "YX", "YY")
CHANCE = 1 / len(CLASSES)
TUNED_RATES = (1e-3, 3e-3, 1e-2)             # the tuned RNN's grid
BLOCK = 10                                   # batches drawn at a time


@dataclass(frozen=True)
class Config:
    length: int = setting(50, "sequence length T; the marker windows scale with it", paper="100..110", minimum=1)
    batch: int = setting(32, "sequences per update", paper=1, minimum=1)
    steps: int = setting(1500, "updates", minimum=1)
    hidden: int = setting(4, "LSTM cells, and units of the plain RNN", paper="2 blocks of 2", minimum=1)
    tuned_hidden: int = setting(32, "units of the tuned RNN", minimum=1)
    lr: float = setting(0.02, "learning rate (Adam)", paper="0.5, plain SGD", above=0)
    clip: float = setting(1.0, "global gradient norm is clipped to this", paper="none", above=0)
    input_gate_bias: float = setting(-1.0, "initial bias of the input gates", paper="-2, -4")
    init_std: float = setting(0.1, "standard deviation of the other initial weights", paper="uniform in ±0.1", above=0)
    validation: int = setting(512, "sequences that decide steps to 95 % and the tuned RNN's rate", minimum=1)
    test: int = setting(512, "sequences of the final accuracy, used once", paper=2560, minimum=1)
    eval_every: int = setting(10, "updates between evaluations", minimum=1)

    def __post_init__(self):
        windows(self.length)


QUICK = dict(steps=40, validation=64, test=64, tuned_hidden=8)


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


# ---------------------------------------------------------------- models

class LSTM:
    """The LSTM and a softmax layer that reads the cells after the last symbol."""

    def __init__(self, cell, truncated=False):
        self.cell, self.truncated = cell, truncated

    def init(self, rng, config, dtype=np.float32):
        """The parameters of one network: {name: array}, shapes without the axis N."""
        F, normal = self.cell.features, lambda *shape: rng.normal(0, config.init_std, shape).astype(dtype)
        p = dict(W_in=normal(F, len(SYMBOLS)), W=normal(F, self.cell.sources), b=np.zeros(F, dtype),
                 W_out=normal(len(CLASSES), self.cell.cells), b_out=np.zeros(len(CLASSES), dtype))
        p["b"][self.cell.gate_rows("input")] = config.input_gate_bias
        if self.cell.forget_gate:
            p["b"][self.cell.gate_rows("forget")] = 1.0      # begin by remembering (Gers et al. 2000)
        return p

    def forward(self, p, tokens):
        """Logits ([N,] K, B) after the last step, and the trace of all steps."""
        drive = lookup(p["W_in"] + p["b"][..., None], tokens)
        trace = lstm.forward(self.cell, drive, p["W"])
        return affine(p["W_out"], p["b_out"], self._cells(trace.y[-1])), trace

    def gradients(self, p, tokens, targets):
        """Mean loss over the batch ([N,]) and {name: gradient}."""
        logits, trace = self.forward(p, tokens)
        loss, dlogits = softmax_cross_entropy(logits, targets)
        dy = np.zeros_like(trace.y)
        dW_out, db_out, dy[-1, ..., :self.cell.cells, :] = affine_backward(dlogits, p["W_out"], self._cells(trace.y[-1]))
        g = lstm.backward(self.cell, trace, p["W"], dy, truncated=self.truncated)
        return loss, _named(g, tokens, dW_out, db_out)

    def _cells(self, y):
        return y[..., :self.cell.cells, :]


class RNN:
    """A tanh-RNN with the same inputs and outputs."""

    def __init__(self, hidden, orthogonal=False):
        self.hidden, self.orthogonal = hidden, orthogonal

    def init(self, rng, config, dtype=np.float32):
        H, normal = self.hidden, lambda *shape: rng.normal(0, config.init_std, shape).astype(dtype)
        p = dict(W_in=normal(H, len(SYMBOLS)), W=normal(H, H), b=np.zeros(H, dtype),
                 W_out=normal(len(CLASSES), H), b_out=np.zeros(len(CLASSES), dtype))
        if self.orthogonal:                                  # every singular value 1: neither decay nor explosion
            p["W"] = np.linalg.qr(rng.normal(size=(H, H)))[0].astype(dtype)
        return p

    def forward(self, p, tokens):
        h = tanh_rnn.forward(lookup(p["W_in"] + p["b"][..., None], tokens), p["W"])
        return affine(p["W_out"], p["b_out"], h[-1]), h

    def gradients(self, p, tokens, targets):
        logits, h = self.forward(p, tokens)
        loss, dlogits = softmax_cross_entropy(logits, targets)
        dh = np.zeros_like(h)
        dW_out, db_out, dh[-1] = affine_backward(dlogits, p["W_out"], h[-1])
        return loss, _named(tanh_rnn.backward(dh, h, p["W"]), tokens, dW_out, db_out)


def _named(g, tokens, dW_out, db_out):
    dW_in = lookup_backward(g.drive, tokens, len(SYMBOLS))
    return dict(W_in=dW_in, W=g.W, b=dW_in.sum(-1), W_out=dW_out, b_out=db_out)   # every step has one symbol


def stack(networks):
    """The parameters of N networks on one leading axis."""
    return {name: np.stack([p[name] for p in networks]) for name in networks[0]}


def parameter_count(p):
    """Trainable parameters of one network: p without the axis N."""
    return sum(a.size for a in p.values())


def headline_networks(config):
    """The three opponents, with the learning rates each may choose from."""
    return dict(lstm=(LSTM(lstm.Cell(config.hidden)), (config.lr,)),
                rnn=(RNN(config.hidden), (config.lr,)),
                tuned_rnn=(RNN(config.tuned_hidden, orthogonal=True), TUNED_RATES))


# The paper's 6a has 156 weights (study paper_1997). Four cells without blocks, with a softmax layer:
#   LSTM  3 * 4 * (8 + 4 + 1) + 4 * (4 + 1) = 176        RNN  4 * (8 + 4 + 1) + 4 * (4 + 1) = 72
# The source card prints 184 and 68, which its own list of matrices and biases does not add up to.
_parts = headline_networks(Config())
assert parameter_count(_parts["lstm"][0].init(stream(0, "init"), Config())) == 176
assert parameter_count(_parts["rnn"][0].init(stream(0, "init"), Config())) == 72


# ---------------------------------------------------------------- training

def train(network, seeds, rates, config, label="", watch=lambda step, p: None):
    """Train one network per seed and learning rate, all together.

    N = len(seeds) * len(rates), rates fastest; the networks of one seed start from the same
    weights and see the same sequences.

    watch     called with (step, parameters) before the first update and after each evaluation
    returns   parameters {name: (N, ...)}, curves {"step": (E,), "loss": (E, N), "accuracy": (E, N)}
    raises    common.progress.Diverged
    """
    T, R = config.length, len(rates)
    p = stack([copy for rng in streams(seeds, "init") for copy in [network.init(rng, config)] * R])
    lr = np.tile(rates, len(seeds))
    validation = sequences_per_seed(streams(seeds, "validation"), 1, T, config.validation)
    check_tokens, check_targets = (np.repeat(a[0], R, axis=-2) for a in validation)
    training, optimizer = streams(seeds, "train"), Adam(p)
    curves, progress = dict(step=[], loss=[], accuracy=[]), Progress(label, config.steps)
    watch(0, p)
    for step in range(1, config.steps + 1):
        k = (step - 1) % BLOCK
        if k == 0:
            tokens, targets = (np.repeat(a, R, axis=-2) for a in sequences_per_seed(training, BLOCK, T, config.batch))
        loss, g = network.gradients(p, tokens[k], targets[k])
        require_finite(loss, step, max(rates))
        clip_by_global_norm(g, config.clip, networks=True)
        optimizer.step(g, lr)
        if step % config.eval_every == 0 or step == config.steps:
            correct = accuracy(network.forward(p, check_tokens)[0], check_targets)
            for name, value in zip(curves, (step, loss, correct)):
                curves[name].append(value)
            watch(step, p)
            progress.update(step, loss=loss.mean(), accuracy=correct.mean())
    progress.close()
    return p, {name: np.array(values) for name, values in curves.items()}


def best_rate(curves, R):
    """Index of each seed's best learning rate on the validation set: accuracy, then training loss."""
    last = curves["accuracy"][-1] - 1e-6 * curves["loss"][-1]
    return last.reshape(-1, R).argmax(1)


def steps_to(curves, n, level=0.95):
    """The first evaluated step at which network n's validation accuracy reaches the level, or None."""
    reached = np.flatnonzero(curves["accuracy"][:, n] >= level)
    return int(curves["step"][reached[0]]) if len(reached) else None


# ---------------------------------------------------------------- evaluation

def test_set(seeds, config, purpose="test"):
    tokens, targets = sequences_per_seed(streams(seeds, purpose), 1, config.length, config.test)
    return tokens[0], targets[0]


def confusion(logits, targets):
    """Counts (N, K, K): row the true class, column the answer."""
    K = logits.shape[-2]
    pairs = (K * targets + logits.argmax(-2)).reshape(len(targets), -1)
    return np.stack([np.bincount(row, minlength=K * K).reshape(K, K) for row in pairs])


def examples(seed, T):
    """One held-out sequence per class: tokens (T, 4)."""
    tokens, targets = sequences(stream(seed, "examples"), 1, T, 64)
    return tokens[0][:, [np.flatnonzero(targets[0] == k)[0] for k in range(len(CLASSES))]]


class Snapshots:
    """Cell states of the first seed's LSTM on the example sequences, while it learns."""

    def __init__(self, network, seed, config):
        self.network, self.tokens, self.steps, self.cells = network, examples(seed, config.length), [], []

    def __call__(self, step, p):
        if step % 100 == 0 or step <= 400:
            self.steps.append(step)
            self.cells.append(self.trace(p).s[1:])

    def trace(self, p):
        return self.network.forward({name: a[0] for name, a in p.items()}, self.tokens)[1]

    def arrays(self, p):
        trace, cell = self.trace(p), self.network.cell
        return dict(example_tokens=self.tokens, snapshot_steps=np.array(self.steps),
                    snapshot_cells=np.array(self.cells, np.float16), cell_states=trace.s[1:], outputs=trace.y[1:],
                    input_gates=trace.act[:, cell.gate_rows("input")])


# ---------------------------------------------------------------- main

def headline(options):
    """Train the three networks at every seed and write results.json, traces.npz and weights.npz."""
    config, seeds, started = options.config, options.seeds, time.time()
    networks = headline_networks(config)
    snapshots = Snapshots(networks["lstm"][0], seeds[0], config)
    tokens, targets = test_set(seeds, config)
    runs = [dict(seed=seed, curves={}, final={}, seconds=0.0) for seed in seeds]
    weights, arrays = {}, {}
    for name, (network, rates) in networks.items():
        begun = time.perf_counter()
        # the opponents are not asked for their steps to 95 % as finely, and validation costs time
        often = config if name == "lstm" else replace(config, eval_every=5 * config.eval_every)
        p, curves = train(network, seeds, rates, often, name, *[snapshots] * (name == "lstm"))
        chosen = best_rate(curves, len(rates)) + len(rates) * np.arange(len(seeds))
        grid = curves["accuracy"][-1].reshape(len(seeds), len(rates))
        p = {key: a[chosen] for key, a in p.items()}
        logits, _ = network.forward(p, tokens)
        correct = accuracy(logits, targets)
        for n, run_ in enumerate(runs):
            k = chosen[n]
            run_["curves"] |= {f"{name}_{key}": a if a.ndim == 1 else a[:, k] for key, a in curves.items()}
            run_["final"] |= {f"{name}_accuracy": correct[n], f"{name}_best_accuracy": curves["accuracy"][:, k].max(),
                              f"{name}_steps_to_95": steps_to(curves, k), f"{name}_lr": np.tile(rates, len(seeds))[k]}
            if len(rates) > 1:
                run_["final"] |= {f"{name}_validation_lr_{rate:g}": grid[n, r] for r, rate in enumerate(rates)}
            run_["seconds"] += (time.perf_counter() - begun) / len(seeds)
        weights |= {f"{name}.{key}": a for key, a in p.items()}
        arrays[f"{name}_confusion"] = confusion(logits, targets)[0]
        if name == "lstm":
            arrays |= snapshots.arrays(p)
    record = results.record("temporal_order_3bit", options, runs, checks=(), started=started,
                            config={**vars(config), "tuned_rates": TUNED_RATES, "seeds": seeds})
    record["checks"] = checks(runs)
    results.write_arrays(options.out / "traces.npz", **arrays)
    results.write_arrays(options.out / "weights.npz", seeds=np.array(seeds), **weights)
    results.write(options.out / "results.json", record)
    report(record["summary"])


def checks(runs):
    """What the experiment claims, set against what was measured. Any of them can fail."""
    def over_seeds(metric, missing=np.nan):
        return np.array([missing if run_["final"][metric] is None else run_["final"][metric] for run_ in runs])

    worst, rnn = over_seeds("lstm_accuracy").min(), over_seeds("rnn_accuracy").mean()
    steps, tuned = (np.median(over_seeds(f"{name}_steps_to_95", np.inf)) for name in ("lstm", "tuned_rnn"))
    return [
        results.check("LSTM accuracy, worst seed", worst, "1.000", worst == 1.0, paper="at most 3 of 2560 wrong"),
        results.check("LSTM steps to 95 %, median of all seeds", steps, "at most 200", steps <= 200,
                      paper="31,390 sequences (other criterion)"),
        results.check("plain RNN accuracy, mean", rnn, "chance: 0.250 ± 0.03", abs(rnn - CHANCE) <= 0.03),
        results.check("LSTM learns in fewer steps than the tuned RNN: its median", steps,
                      f"below {tuned:g}" if np.isfinite(tuned) else "reached at all", steps < tuned),
    ]


def report(summary):
    """The lines the docstring promises."""
    for name, label in (("lstm", "LSTM (1997)"), ("rnn", "plain tanh-RNN"), ("tuned_rnn", "tuned tanh-RNN")):
        a, s = summary[f"{name}_accuracy"], summary[f"{name}_steps_to_95"]
        steps = f"{s['median']:.0f}" if s["n"] == a["n"] else f"{s['n']} of {a['n']} seeds" if s["n"] else "never"
        print(f"{label:<16} accuracy {a['mean']:.3f}   (worst seed {a['min']:.3f})   steps to 95 %: {steps}")
    print(f"{'chance':<16} accuracy {CHANCE:.3f}")


def check_gradients(config):
    """Maximum relative error of the full losses of all three networks, in float64."""
    config = replace(config, batch=3)
    worst = 0.0
    for name, (network, _) in headline_networks(config).items():
        rng = stream(0, "gradcheck")
        p = network.init(rng, replace(config, init_std=0.5), np.float64)
        tokens, targets = (a[0] for a in sequences(rng, 1, config.length, config.batch))
        _, g = network.gradients(p, tokens, targets)
        loss = lambda: float(network.gradients(p, tokens, targets)[0])  # noqa: B023,E731  used at once
        error = max(gradcheck.directional_error(loss, p, g, rng, step=2e-4) for _ in range(10))
        if parameter_count(p) < 500:
            error = max(error, *gradcheck.elementwise_error(loss, p, g, step=2e-4).values())
        print(f"{name:<10} max relative error {error:.1e}")
        worst = max(worst, error)
    return worst


def evaluate(config):
    """Score the committed weights on fresh sequences."""
    make = "python3 temporal_order_3bit/temporal_order_3bit.py --seeds 0-29"
    networks = headline_networks(config)
    names = [f"{name}.{key}" for name in networks for key in ("W_in", "W", "b", "W_out", "b_out")]
    saved = results.read_arrays(HERE / "weights.npz", ["seeds", *names], make)
    tokens, targets = test_set(saved["seeds"].tolist(), config, "evaluate")
    for name, (network, _) in networks.items():
        p = {key.split(".")[1]: a for key, a in saved.items() if key.startswith(name + ".")}
        correct = accuracy(network.forward(p, tokens)[0], targets)
        print(f"{name:<10} accuracy on {config.test} fresh sequences, {len(correct)} seeds: "
              f"mean {correct.mean():.3f}, worst {correct.min():.3f}   (chance {CHANCE:.3f})")


def main():
    options = parse(Config, __doc__, QUICK, STUDIES)
    if options.gradcheck:
        return check_gradients(options.config)
    if options.evaluate:
        return evaluate(options.config)
    if options.study:
        from temporal_order_3bit import temporal_order_studies
        return temporal_order_studies.run(options)
    return headline(options)


if __name__ == "__main__":
    with np.errstate(over="ignore", invalid="ignore"):       # a run that diverges says so itself
        sys.exit(run(main))
