"""History compression: two small nets do credit assignment over 1200 steps.

Schmidhuber (1992), Learning complex, extended sequences using the principle of history compression,
Neural Computation 4(2):234-242, and his Habilitationsschrift (TUM, 1993).

    python3 chunker_very_deep_1200/chunker_very_deep_1200.py --seed 0        one seed, about 15 s
    python3 chunker_very_deep_1200/chunker_very_deep_1200.py --seeds 0-9     the committed headline
    python3 chunker_very_deep_1200/chunker_very_deep_1200.py --gradcheck

The stream is  trigger 1 2 3 4 5 1 2 ... trigger: A or B, 1198 symbols of filler, the same letter again.

    automatizer A   predicts the next symbol of the raw stream; truncated BPTT over 6 steps
    surprise        a symbol to which A gave less than 1 - tolerance of its probability mass
    chunker C       receives only surprises, each with its time stamp, and predicts the next surprise

Four single nets learn from as many sequences as A and C saw together, by BPTT through all steps:
once with A's objective (predict every symbol), once *told* that only the last symbol counts.
Writes results.json, traces.npz and weights.npz; ends with one line per method, as in

    chunker A + C                recall 1.000 of A/B   1.000 of all 7   effective depth    2   surprises 2.00
    plain tanh-RNN               recall 0.500 of A/B   0.000 of all 7   effective depth    3
    chance                       recall 0.500 of A/B   0.143 of all 7
"""

import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401  one BLAS thread, before numpy
import numpy as np  # noqa: E402
from chunker_very_deep_1200.predictor import (Predictor, effective_depth, last_logits, log10, predictions,  # noqa: E402
                                              probabilities, probability_of, read_from, stack, state_gradient)
from chunker_very_deep_1200.single_nets import GRID, SINGLE, single_net, single_net_results  # noqa: E402
from chunker_very_deep_1200.task import CHANCE_2WAY, CHANCE_7WAY, K, batches, both_sequences, recall  # noqa: E402
from common import gradcheck, results  # noqa: E402
from common.config import parse, run, setting  # noqa: E402
from common.optimizers import Adam, clip_by_global_norm  # noqa: E402
from common.progress import Progress, require_finite  # noqa: E402
from common.randomness import stream, streams  # noqa: E402

HERE = Path(__file__).resolve().parent
STUDIES = ("depth", "stochastic_filler", "threshold", "lossless", "online", "cost", "single_nets",
           "recursive", "automaton", "collapse_1992", "rtrl")
FRESH = 100                                  # sequences of --evaluate


@dataclass(frozen=True)
class Config:
    length: int = setting(1200, "sequence length T", paper="about 1200", minimum=8)
    automatizer_hidden: int = setting(16, "hidden units of A", minimum=1)
    automatizer_window: int = setting(6, "steps through which A's error goes back", paper=3, minimum=1)
    automatizer_windows: int = setting(2400, "updates of A, one per window", minimum=1)
    automatizer_batch: int = setting(8, "sequences A reads side by side", paper=1, minimum=1)
    automatizer_lr: float = setting(0.01, "learning rate of A (Adam)", above=0)
    tolerance: float = setting(0.1, "a symbol is expected if A gave it at least 1 - tolerance", above=0, below=0.5)
    chunker_hidden: int = setting(8, "hidden units of C", minimum=1)
    chunker_updates: int = setting(48, "updates of C", minimum=1)
    chunker_batch: int = setting(16, "sequences per update of C", paper=1, minimum=1)
    chunker_lr: float = setting(0.05, "learning rate of C (Adam)", above=0)
    hidden: int = setting(16, "hidden units of the single tanh-RNNs", minimum=1)
    cells: int = setting(8, "cells of the LSTMs (8 cells have as many recurrent weights as 16 units)", minimum=1)
    batch: int = setting(16, "sequences per update of the single nets", minimum=1)
    clip: float = setting(1.0, "global gradient norm is clipped to this (all but the plain RNN)", above=0)
    validation: int = setting(64, "sequences that choose the learning rates of the single nets", minimum=1)

    @property
    def sequences(self):
        """How many sequences A and C see together; the single nets get as many."""
        passes = -(-self.automatizer_windows // -(-self.length // self.automatizer_window))
        return passes * self.automatizer_batch + self.chunker_updates * self.chunker_batch


QUICK = dict(length=60, automatizer_windows=300, chunker_updates=40, validation=20)


# ---------------------------------------------------------------- automatizer A

def automatizer(config):
    return Predictor(K, config.automatizer_hidden)


def train_automatizer(net, p, supply, config, label="automatizer A"):
    """Truncated BPTT: each window of a few steps starts from the state the last one left.

    p         {name: (N, ...)}, changed in place
    supply    iterator of batches (T, N, B); every position is a target, the first one too, but not
              one with symbol -1 (a shorter sequence has ended)
    returns   loss (updates, N), nats per symbol
    """
    optimizer, w, losses = Adam(p), config.automatizer_window, []
    progress = Progress(label, config.automatizer_windows)
    while len(losses) < config.automatizer_windows:
        symbols = next(supply)
        inputs, state = read_from(symbols, net.K), ()
        for t in range(0, min(len(symbols), w * (config.automatizer_windows - len(losses))), w):
            targets = symbols[t:t + w]
            weight = (targets >= 0) * np.float32(1 / (len(targets) * targets.shape[-1]))
            loss, g, seen = net.gradients(p, inputs[t:t + w], targets, weight, state)
            clip_by_global_norm(g, config.clip, networks=True)
            optimizer.step(g, config.automatizer_lr)
            state = seen.state
            losses.append(loss)
        require_finite(loss, len(losses), config.automatizer_lr)
        progress.update(len(losses), loss=np.mean(losses[-(len(symbols) // w):]))
    progress.close()
    return np.array(losses)


# ---------------------------------------------------------------- surprises

class Surprises(NamedTuple):
    """The compressed history of N x B sequences; k is the largest number of surprises."""
    symbols: np.ndarray                  # (k, N, B)
    times: np.ndarray                    # (k, N, B), time stamps
    real: np.ndarray                     # (k, N, B) bool; the shorter histories are padded

    @property
    def count(self):
        return self.real.sum(0)

    def before(self, t):
        """How many surprises came before time t: (N, B)."""
        return (self.real & (self.times < t)).sum(0)


def compress(net, p, symbols, tolerance):
    """What A did not predict, found from its probabilities alone.

    tolerance  a symbol is expected if A gave it at least 1 - tolerance; None: if A gave none more
    symbols (T, N, B), -1 after the end of a shorter sequence   ->   Surprises
    """
    found = []
    for t, seen in predictions(net, p, symbols):
        came = symbols[t:t + len(seen.logits)]
        if tolerance is None:
            surprise = seen.logits.argmax(-2) != came
        else:
            surprise = probability_of(probabilities(seen.logits), came) < 1 - tolerance
        step, n, b = np.nonzero(surprise & (came >= 0))
        found.append((t + step, n, b, came[step, n, b]))
    return collect(*(np.concatenate(parts) for parts in zip(*found)), *symbols.shape[1:])


def collect(t, n, b, symbol, N, B):
    """Lists of surprises (in the order of time) become Surprises, padded at the end."""
    sequence = n * B + b
    order = np.argsort(sequence, kind="stable")
    count = np.bincount(sequence, minlength=N * B)
    rank = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    symbols, times = (np.zeros((count.max(initial=0), N * B), np.int64) for _ in range(2))
    symbols[rank, sequence[order]], times[rank, sequence[order]] = symbol[order], t[order]
    real = np.arange(len(symbols))[:, None] < count
    return Surprises(*(a.reshape(-1, N, B) for a in (symbols, times, real)))


# ---------------------------------------------------------------- chunker C

def chunker(config):
    return Predictor(K, config.chunker_hidden, extra=clock_bits(config.length))


def clock_bits(T):
    return max(1, int(T - 1).bit_length())


def chunker_reads(found, bits, symbols=K):
    """C's inputs: "start" and then every surprise with its time stamp in binary.

    returns   inputs (k+1, N, B), clock (k+1, N, bits, B)
    """
    start = np.full_like(found.count, symbols)[None]
    times = np.concatenate([np.zeros_like(start), found.times])
    clock = (times[..., None, :] >> np.arange(bits)[:, None]) & 1
    return np.concatenate([start, found.symbols]), clock.astype(np.float32)


def chunker_loss(net, p, found):
    """C predicts each surprise from the ones before: mean nats per surprise (N,), gradients, Pass."""
    inputs, clock = chunker_reads(found, net.extra, net.K)
    weight = np.zeros(inputs.shape, clock.dtype)
    weight[:-1] = found.real / np.maximum(found.count.sum(-1), 1)[:, None]
    targets = np.concatenate([found.symbols, inputs[:1] * 0])
    return net.gradients(p, inputs, targets, weight, extra=clock)


def train_chunker(net, p, found, config, watch=lambda logits, part: None):
    """Full BPTT through the compressed history.

    found     Surprises of updates * batch fresh sequences (N, updates * batch)
    watch     called before each update with C's logits and the batch's slice
    returns   loss (updates, N)
    """
    optimizer, B, losses = Adam(p), config.chunker_batch, []
    for update in range(config.chunker_updates):
        part = slice(update * B, (update + 1) * B)
        loss, g, seen = chunker_loss(net, p, Surprises(*(a[..., part] for a in found)))
        watch(seen.logits, part)
        require_finite(loss, update + 1, config.chunker_lr, "loss of C")
        clip_by_global_norm(g, config.clip, networks=True)
        optimizer.step(g, config.chunker_lr)
        losses.append(loss)
    return np.array(losses)


def next_surprise(logits, found, t):
    """C's prediction (N, K, B) of the next surprise as it stands just before time t."""
    row = found.before(t)[None, :, None, :]
    return np.take_along_axis(logits, row, axis=0)[0]


# ---------------------------------------------------------------- evaluation

def chunker_gradient(net, p, found, config):
    """How far the error of C's recall goes back. C's state stands still between surprises, so each of
    its states belongs to many steps of the raw stream.

    found     Surprises of `both_sequences`
    returns   norms (T+1, N), effective depth in C's own steps (N,), and in steps of the raw stream (N,)
    """
    T = config.length
    inputs, clock = chunker_reads(found, net.extra)
    row = found.before(T - 1)
    norms = state_gradient(net, p, inputs, both_sequences(len(row), T)[-1], row, clock)
    depth, N, B = np.empty(row.shape), *row.shape
    for n, b in np.ndindex(N, B):
        depth[n, b] = effective_depth(norms[:row[n, b] + 2, n, b])
    state = np.stack([np.zeros_like(row)] + [1 + found.before(t) for t in range(T)])
    raw = np.take_along_axis(norms, state, axis=0)
    return raw.mean(-1), depth.mean(-1), effective_depth(raw).mean(-1)


# ---------------------------------------------------------------- main

def train_chunker_pair(seeds, config):
    """A, then C on what A did not predict.

    returns   nets and parameters {"A": ..., "C": ...}, curves of both
    """
    A, C, T = automatizer(config), chunker(config), config.length
    p = dict(A=stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")]),
             C=stack([C.init(rng, std=0.3) for rng in streams(seeds, "init C")]))
    loss_A = train_automatizer(A, p["A"], batches(seeds, "train A", config.automatizer_batch, T), config)
    symbols = next(batches(seeds, "train C", config.chunker_updates * config.chunker_batch, T))
    found, recalls = compress(A, p["A"], symbols, config.tolerance), []

    def watch(logits, part):
        seen = Surprises(*(a[..., part] for a in found))
        recalls.append(recall(next_surprise(logits, seen, T - 1), symbols[-1][..., part])[0])

    loss_C = train_chunker(C, p["C"], found, config, watch)
    return dict(A=A, C=C), p, dict(A=loss_A, C=loss_C, recall=np.array(recalls))


def score_chunker(nets, p, symbols, config):
    """{metric: (N,)} of A and C on sequences (T, N, B)."""
    T, found = config.length, compress(nets["A"], p["A"], symbols, config.tolerance)
    inputs, clock = chunker_reads(found, nets["C"].extra)
    logits = nets["C"].forward(p["C"], inputs, extra=clock).logits
    two, seven = recall(next_surprise(logits, found, T - 1), symbols[-1])
    alone, _ = recall(last_logits(nets["A"], p["A"], symbols), symbols[-1])
    at = lambda t: (found.real & (found.times == t)).any(0)  # noqa: E731
    k = found.count.mean(-1)
    return dict(chunker_recall_accuracy=two, chunker_recall_accuracy_7way=seven, automatizer_recall_accuracy=alone,
                surprises_per_sequence=k, trigger_found=at(0).mean(-1), recall_found=at(T - 1).mean(-1),
                other_surprises=(found.count - at(0) - at(T - 1)).mean(-1),
                depth_reduction=np.divide(T - 1, k, out=np.full(len(k), np.nan), where=k > 0))


def headline(options):
    """Train A, C and the four single nets at every seed; write results.json, traces.npz and weights.npz."""
    config, seeds, started = options.config, options.seeds, time.time()
    final, shown, arrays, weights = chunker_results(seeds, config)
    for name in GRID:
        for part, more in zip((final, shown, arrays, weights), single_net_results(name, seeds, config)):
            part.update(more)
    for key in ("recall_accuracy_2way", "recall_accuracy_7way"):
        final[f"baseline_{key}"] = final[f"rnn_{key}"]
    final["effective_depth_baseline"] = final["effective_depth_rnn"]
    total = (time.time() - started) / len(seeds)
    runs = [dict(seed=seed, curves={key: thin(a[:, n]) for key, a in shown.items()},
                 final={key: a[n] for key, a in final.items()}, seconds=total) for n, seed in enumerate(seeds)]
    record = results.record("chunker_very_deep_1200", options, runs, started=started, config={
        **vars(config), "grid": GRID, "seeds": seeds, "sequences": config.sequences})
    record["checks"] = checks(record["summary"], config)
    results.write_arrays(options.out / "traces.npz", seeds=np.array(seeds), **arrays)
    results.write_arrays(options.out / "weights.npz", seeds=np.array(seeds), **weights)
    results.write(options.out / "results.json", record)
    report(record["summary"])


def chunker_results(seeds, config):
    """Train and measure A and C: dictionaries of metrics (N,), curves (updates, N), arrays to draw, weights."""
    started, N = time.time(), len(seeds)
    nets, p, curves = train_chunker_pair(seeds, config)
    symbols = both_sequences(N, config.length)
    final = score_chunker(nets, p, symbols, config)
    found = compress(nets["A"], p["A"], symbols, config.tolerance)
    gradient, own, raw = chunker_gradient(nets["C"], p["C"], found, config)
    final |= dict(effective_depth_chunker=own, effective_reach_chunker=raw,
                  seconds_chunker=np.full(N, (time.time() - started) / N))
    mass = probability_of(probabilities(nets["A"].forward(p["A"], read_from(symbols, K)).logits), symbols)
    arrays = dict(symbols=symbols[:, 0], mass=mass[:, 0], surprise_times=found.times[:, 0],
                  surprise_real=found.real[:, 0], gradient_chunker=log10(gradient))
    weights = {f"{name}.{key}": a for name in p for key, a in p[name].items()}
    return final, dict(automatizer_loss=curves["A"], chunker_loss=curves["C"], chunker_recall=curves["recall"]), arrays, weights


def thin(curve, points=80):
    """Means of equal parts: at most `points` values of a longer curve."""
    return [part.mean() for part in np.array_split(curve, min(points, len(curve)))]


def checks(summary, config):
    """What the experiment claims, set against what was measured. Any of them can fail."""
    T, low, high = config.length, {}, {}
    for key, s in summary.items():
        low[key], high[key] = s["min"], s["max"]
    claim = results.check
    best = max(high[f"{name}_recall_accuracy_2way"] for name in GRID)
    return [
        claim("recall of A + C among A and B, worst seed", low["chunker_recall_accuracy"], "1.000",
              low["chunker_recall_accuracy"] == 1, paper="solved"),
        claim("surprises per sequence, worst seed", high["surprises_per_sequence"], "2.00",
              low["surprises_per_sequence"] == high["surprises_per_sequence"] == 2),
        claim("both surprises found at their places, worst seed", min(low["trigger_found"], low["recall_found"]),
              "1.000", low["trigger_found"] == low["recall_found"] == 1 and high["other_surprises"] == 0),
        claim("depth reduction (T - 1) / k, worst seed", low["depth_reduction"], f"{(T - 1) / 2:.1f}",
              low["depth_reduction"] == results.finite((T - 1) / 2)),
        claim("C's gradient reaches the trigger, worst seed, raw steps", low["effective_reach_chunker"],
              f"at least {T - 1}", low["effective_reach_chunker"] >= T - 1),
        claim("plain RNN among A and B, best seed", high["baseline_recall_accuracy_2way"],
              "chance 0.500, below 0.75", high["baseline_recall_accuracy_2way"] < 0.75, paper="fails"),
        claim("the four single nets with A's objective among A and B, best seed", best, "chance 0.500, below 0.75", best < 0.75),
        claim("plain RNN, effective depth, best seed", high["effective_depth_baseline"], "below 50 steps",
              high["effective_depth_baseline"] < 50),
    ]


def report(summary):
    """The lines the docstring promises."""
    mean = {key: s["mean"] for key, s in summary.items()}
    for name in ("chunker", *SINGLE):
        two = mean["chunker_recall_accuracy" if name == "chunker" else f"{name}_recall_accuracy_2way"]
        extra = f"   surprises {mean['surprises_per_sequence']:.2f}" if name == "chunker" else ""
        print(f"{label(name):<28} recall {two:.3f} of A/B   {mean[f'{name}_recall_accuracy_7way']:.3f} of all 7   "
              f"effective depth {mean[f'effective_depth_{name}']:4.0f}{extra}")
    print(f"{'chance':<28} recall {CHANCE_2WAY:.3f} of A/B   {CHANCE_7WAY:.3f} of all 7")


def label(name):
    from common.figures import LABEL         # imports matplotlib, which training does not need
    return "chunker A + C" if name == "chunker" else LABEL[name.removesuffix("_told")] + ", told" * name.endswith("_told")


def check_gradients(config):
    """Relative errors of the full losses of A, C and both LSTMs in float64; returns the largest."""
    config, rng, worst = replace(config, length=min(config.length, 24)), stream(0, "gradcheck"), 0.0
    symbols = next(batches([0], "gradcheck", 3, config.length))
    found = collect(np.array([0, 0, 0, 5, 9]), np.zeros(5, int), np.array([0, 1, 2, 1, 1]),
                    np.array([0, 1, 0, 4, 1]), 1, 3)         # histories of unequal length
    weight = rng.uniform(size=symbols.shape) / config.length
    nets = dict(A=automatizer(config), C=chunker(config), lstm=single_net("lstm", config)[0],
                lstm_forget=single_net("lstm_forget", config)[0])
    for name, net in nets.items():
        p = stack([net.init(rng, std=0.5, dtype=np.float64)])

        def gradients(net=net, p=p, name=name):
            return (chunker_loss(net, p, found) if name == "C"
                    else net.gradients(p, read_from(symbols, K), symbols, weight))
        g = gradients()[1]
        error = max(gradcheck.directional_error(lambda: float(gradients()[0][0]), p, g, rng)  # noqa: B023
                    for _ in range(10))
        print(f"{name:<12} max relative error {error:.1e}")
        worst = max(worst, error)
    return worst


def evaluate():
    """Score the committed weights, in their committed setting, on fresh sequences."""
    make = "python3 chunker_very_deep_1200/chunker_very_deep_1200.py --seeds 0-9"
    recorded = results.read(HERE / "results.json", make)["config"]
    config = Config(**{f.name: recorded[f.name] for f in fields(Config)})
    saved = results.read_arrays(HERE / "weights.npz", ["seeds", *(f"{name}.U" for name in ("A", "C", *SINGLE))], make)
    p = {name: {key.split(".")[1]: a for key, a in saved.items() if key.startswith(name + ".")}
         for name in ("A", "C", *SINGLE)}
    symbols = next(batches(saved["seeds"].tolist(), "evaluate", FRESH, config.length))
    score = score_chunker(dict(A=automatizer(config), C=chunker(config)), p, symbols, config)
    two = {"chunker": score["chunker_recall_accuracy"]}
    for name in SINGLE:
        net, _ = single_net(name.removesuffix("_told"), config)
        two[name] = recall(last_logits(net, p[name], symbols), symbols[-1])[0]
    for name, a in two.items():
        print(f"{label(name):<28} recall among A and B, {FRESH} fresh sequences, {len(a)} seeds: "
              f"mean {a.mean():.3f}, worst {a.min():.3f}   (chance {CHANCE_2WAY:.3f})")


def main():
    options = parse(Config, __doc__, QUICK, STUDIES)
    if options.gradcheck:
        return check_gradients(options.config)
    if options.evaluate:
        return evaluate()
    if options.study:
        from chunker_very_deep_1200 import chunker_studies
        return chunker_studies.run(options)
    return headline(options)


if __name__ == "__main__":
    with np.errstate(over="ignore", invalid="ignore"):       # a run that diverges says so itself
        sys.exit(run(main))
