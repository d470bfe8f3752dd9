"""History compression: what a net cannot predict is all that a second net has to learn from.

Schmidhuber (1992), Learning complex, extended sequences using the principle of history compression,
Neural Computation 4(2):234-242, and his Habilitationsschrift (TUM, 1993).

    python3 chunker_very_deep_1200/chunker_very_deep_1200.py                 seed 0, 50 s
    python3 chunker_very_deep_1200/chunker_very_deep_1200.py --seeds 0-9     as committed, about 7 minutes

A stream of 1200 symbols: a letter, filler, the same letter again (m = 0). With m = 1 or 3 further
letters at random places, one of all is marked, and the marked one comes back (task.py). The task
with m = 0 shows compression, 1200 symbols to two; those with m > 0 ask for credit assignment too.

    automatizer A   predicts the next symbol of the raw stream; truncated BPTT over 6 steps
    surprise        a symbol to which A gave less than 1 - tolerance of its probability mass
    chunker C       receives only surprises, each with its time stamp, and predicts the next surprise

Beside them: rules that learn nothing; C with its recurrent weights held at 0; four single nets that
learn from the same sequences by BPTT through all steps (single_nets.py), once with A's objective
(predict every symbol), once with the last symbol's loss only. The run ends with lines such as

    chunker A + C                             m = 0: 1.00   m = 1: 1.00   m = 3: 0.99
    C without recurrence                      m = 0: 1.00   m = 1: 0.73   m = 3: 0.55
    LSTM (1997), last symbol only             m = 0: 0.95   m = 1: 0.90   m = 3: 0.79
    rule: repeat the last surprise            m = 0: 1.00   m = 1: 0.76   m = 3: 0.62
    chance                                    m = 0: 0.50   m = 1: 0.50   m = 3: 0.50
"""

import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                                # noqa: F401  before numpy (one BLAS thread)
import numpy as np

from chunker_very_deep_1200 import single_nets
from chunker_very_deep_1200.predictor import last_logits, log10, log_odds_swing, predictor, read_from, state_gradient
from chunker_very_deep_1200.surprises import (chunker_answer, chunker_reads, compress, gather, next_surprise,
                                              stamp_bits)
from chunker_very_deep_1200.task import CHANCE, RULES, alphabet, both_sequences, right, rules, shortest, supply, twins
from common import gradcheck, lstm, results, study
from common.config import parse, run, setting
from common.layers import probability_of, softmax
from common.networks import chrono, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, collect, require_finite
from common.randomness import stream, streams

HERE = Path(__file__).resolve().parent
SEEDS = range(10)
OTHERS = (0, 1, 3)                           # further letters m of the main experiment
SOLVED = 0.95                                # test accuracy, as everywhere in the house


@dataclass(frozen=True)
class Config:
    length: int = setting(1200, "sequence length T", paper="about 1200", minimum=shortest(max(OTHERS)),
                          maximum=2_000_000)
    automatizer_hidden: int = setting(16, "hidden units of A", minimum=1, maximum=1000)
    automatizer_window: int = setting(6, "steps through which A's error goes back", paper=3, minimum=1, maximum=10_000)
    automatizer_windows: int = setting(2400, "updates of A, one per window", minimum=1, maximum=10_000_000)
    automatizer_batch: int = setting(8, "sequences A reads side by side", paper=1, minimum=1, maximum=1000)
    automatizer_lr: float = setting(0.01, "learning rate of A (Adam)", above=0, maximum=1e38)
    tolerance: float = setting(0.1, "a symbol is expected if A gave it at least 1 - tolerance", above=0, below=0.5)
    chunker_hidden: int = setting(8, "hidden units of C, m = 0", minimum=1, maximum=1000)
    chunker_updates: int = setting(48, "updates of C, m = 0", minimum=1, maximum=100_000)
    chunker_batch: int = setting(16, "sequences per update of C, m = 0", paper=1, minimum=1, maximum=10_000)
    chunker_lr: float = setting(0.05, "learning rate of C (Adam), m = 0", above=0, maximum=1e38)
    marked_hidden: int = setting(32, "hidden units of C, m > 0", minimum=1, maximum=1000)
    marked_batch: int = setting(4, "sequences per update of C, m > 0", paper=1, minimum=1, maximum=10_000)
    marked_passes: int = setting(16, "how often C reads its sequences, m > 0", minimum=1, maximum=10_000)
    marked_lr: float = setting(0.01, "learning rate of C (Adam), m > 0", above=0, maximum=1e38)
    hidden: int = setting(16, "hidden units of the single tanh-RNNs", minimum=1, maximum=1000)
    cells: int = setting(8, "cells of the LSTMs (8 cells have as many recurrent weights as 16 units)", minimum=1,
                         maximum=1000)
    clip: float = setting(1.0, "global gradient norm is clipped to this (all but the plain RNN)", above=0, maximum=1e9)
    pairs: int = setting(50, "pairs of test sequences, m > 0", minimum=1, maximum=10_000)

    @property
    def automatizer_passes(self):
        """How many batches of sequences A reads."""
        return -(-self.automatizer_windows // -(-self.length // self.automatizer_window))

    @property
    def sequences(self):
        """How many sequences A and C see together; the single nets get the same ones."""
        return self.automatizer_passes * self.automatizer_batch + self.chunker_updates * self.chunker_batch


QUICK = dict(length=60, automatizer_windows=300, chunker_updates=40, chunker_batch=4,
             marked_passes=1, pairs=4)


# ---------------------------------------------------------------- automatizer A

def automatizer(config, m=0):
    return predictor(config.automatizer_hidden, alphabet(m))


def train_automatizer(net, p, batches, config, label="automatizer A"):
    """Truncated BPTT: each window of a few steps starts from the state the last one left.

    p         {name: (N, ...)}, changed in place
    batches   iterator of symbols (T, N, B); every position is a target, the first one too, but not
              one with symbol -1 (a shorter sequence has ended)
    returns   loss (updates, N), nats per symbol
    """
    optimizer, w, losses = Adam(p), config.automatizer_window, []
    progress = Progress(label, config.automatizer_windows)
    while len(losses) < config.automatizer_windows:
        symbols = next(batches)
        inputs, state = read_from(symbols, net.classes), ()
        for t in range(0, min(len(symbols), w * (config.automatizer_windows - len(losses))), w):
            targets = symbols[t:t + w]
            weight = (targets >= 0) * np.float32(1 / (len(targets) * targets.shape[-1]))
            loss, g, seen = net.gradients_at_every_step(p, inputs[t:t + w], targets, weight, state)
            clip_by_global_norm(g, config.clip, networks=True)
            optimizer.step(g, config.automatizer_lr)
            state = seen.state
            losses.append(loss)
        require_finite(loss, len(losses), config.automatizer_lr, f"loss of {label}")
        progress.update(len(losses), loss=np.mean(losses[-(len(symbols) // w):]))
    progress.close()
    return np.array(losses)


# ---------------------------------------------------------------- chunker C

class Recipe(NamedTuple):
    """How C is made and trained."""
    hidden: int
    batch: int
    lr: float
    passes: int = 1                      # a pass over the compressed histories costs k steps a sequence, not T
    std: float = 0.3
    recurrent: str = "normal"
    recurrence: bool = True              # False: the recurrent weights stay 0
    gated: bool = False                  # an LSTM with forget gates instead of a tanh-RNN
    longest: int = 3                     # its life times at the start go up to so many surprises
    last_only: bool = False              # the loss of the last surprise only, as for half of the single nets


def recipe(config, m):
    """C's recipe, chosen on seeds 900 to 904: m = 0 needs one pass, with more letters it needs many."""
    if m == 0:
        return Recipe(config.chunker_hidden, config.chunker_batch, config.chunker_lr)
    return Recipe(config.marked_hidden, config.marked_batch, config.marked_lr, config.marked_passes, 0.1, "orthogonal")


def chunker(how, K, T):
    return predictor(lstm.Cell(how.hidden, forget_gate=True) if how.gated else how.hidden, K, stamps=stamp_bits(T))


def init_chunker(net, how, seeds):
    """{name: (N, ...)} of untrained C's."""
    gates = lambda rng: chrono(rng, how.hidden, how.longest) if how.gated else None
    p = stack([net.init(rng, how.std, how.recurrent, gates(rng)) for rng in streams(seeds, "init C")])
    if not how.recurrence:
        p["W"][...] = 0
    return p


def chunker_loss(net, p, found, last_only=False):
    """C predicts each surprise from the ones before: mean nats per surprise (N,), gradients, logits (k+1, N, K, B)."""
    inputs, stamps = chunker_reads(found, net.reals, net.classes)
    asked = found.real
    if last_only:
        asked = asked & (np.arange(len(asked))[:, None, None] == found.count - 1)
    weight = np.zeros(inputs.shape, np.float32)
    weight[:-1] = asked / np.maximum(asked.sum((0, -1)), 1)[:, None]
    targets = np.concatenate([found.symbols, inputs[:1] * 0])
    loss, g, seen = net.gradients_at_every_step(p, inputs, targets, weight, extra=stamps)
    return loss, g, net.logits(p, seen.y[1:])


def train_chunker(net, p, found, how, clip, watch=lambda logits, batch: None):
    """Full BPTT through the compressed history.

    found     Surprises of the sequences that C learns from, (k, N, sequences)
    how       Recipe
    watch     called before each update with C's logits and the batch's slice
    returns   loss (updates, N)
    """
    optimizer, losses, per_pass = Adam(p), [], found.real.shape[-1] // how.batch
    batches = [found.part(slice(k * how.batch, (k + 1) * how.batch)) for k in range(per_pass)]
    for update in range(per_pass * how.passes):
        k = update % per_pass
        loss, g, logits = chunker_loss(net, p, batches[k], how.last_only)
        watch(logits, slice(k * how.batch, (k + 1) * how.batch))
        require_finite(loss, update + 1, how.lr, "loss of C")
        clip_by_global_norm(g, clip, networks=True)
        if not how.recurrence:
            g["W"][...] = 0
        optimizer.step(g, how.lr)
        losses.append(loss)
    return np.array(losses)


# ---------------------------------------------------------------- the main experiment: A and C

def train_chunker_pair(seeds, config, m=0):
    """A, then C on what A does not predict, then C once more without recurrence.

    returns   nets {"A", "C"}, parameters {"A", "C", "C untrained", "C without recurrence"},
              curves {"A", "C", "recall"} (updates, N)
    """
    T, K, how = config.length, alphabet(m), recipe(config, m)
    nets = dict(A=automatizer(config, m), C=chunker(how, K, T))
    p = dict(A=stack([nets["A"].init(rng, std=0.3) for rng in streams(seeds, "init A")]))
    batches = supply(seeds, "train A", config.automatizer_batch, T, m)
    loss_A = train_automatizer(nets["A"], p["A"], batches, config, f"A, m = {m}")
    symbols = next(supply(seeds, "train C", config.chunker_updates * config.chunker_batch, T, m))
    found, recalls = compress(nets["A"], p["A"], symbols, config.tolerance), []

    def watch(logits, batch):
        answer = next_surprise(logits, found.part(batch), T - 1)
        recalls.append(right(answer, symbols[-1][..., batch])[0])

    p["C untrained"], p["C"] = init_chunker(nets["C"], how, seeds), init_chunker(nets["C"], how, seeds)
    loss_C = train_chunker(nets["C"], p["C"], found, how, config.clip, watch)
    without = how._replace(recurrence=False)
    p["C without recurrence"] = init_chunker(nets["C"], without, seeds)
    train_chunker(nets["C"], p["C without recurrence"], found, without, config.clip)
    return nets, p, dict(A=loss_A, C=loss_C, recall=np.array(recalls))


def score_chunker(nets, p, sequences, config):
    """{metric: (N,)} of A and C on Sequences that are twins, and what C answered: bool (N, B)."""
    T, symbols = config.length, sequences.symbols
    found = compress(nets["A"], p["A"], symbols, config.tolerance)
    final, answers = {}, {}
    for name, key in dict(chunker="C", no_recurrence="C without recurrence", untrained_chunker="C untrained").items():
        answers[name] = chunker_answer(nets["C"], p[key], found, T)
        final[f"recall_{name}"], final[f"recall_all_{name}"] = right(answers[name], symbols[-1])
        final[f"swing_{name}"] = log_odds_swing(answers[name])
    final["recall_automatizer"], _ = right(last_logits(nets["A"], p["A"], symbols), symbols[-1])
    k = found.count.mean(-1)
    final |= dict(surprises=k, recall_found=found.at(T - 1).mean(-1),
                  letters_found=np.mean([found.at(t).mean(-1) for t in sequences.places], axis=0),
                  depth_reduction=np.divide(T - 1, k, out=np.full(len(k), np.nan), where=k > 0))
    return final, answers["chunker"][:, :2].argmax(-2) == symbols[-1]


def chunker_gradient(net, p, found, T):
    """Norm of the gradient of C's recall (m = 0) at each step of the raw stream (T+1, N), mean over the sequences.

    C's state stands still between surprises, so each of its states belongs to many steps.
    """
    inputs, stamps = chunker_reads(found, net.reals, net.classes)
    row = found.before(T - 1)
    norms = state_gradient(net, p, inputs, both_sequences(len(row), T)[-1], row, stamps)
    state = np.stack([np.zeros_like(row)] + [1 + found.before(t) for t in range(T)])
    return np.take_along_axis(norms, state, axis=0).mean(-1)


def chunker_results(seeds, config, m):
    """Train and measure A and C: metrics (N,), curves (updates, N), arrays (N, ...), weights (N, ...)."""
    started, T = time.process_time(), config.length
    nets, p, curves = train_chunker_pair(seeds, config, m)
    test = twins(seeds, "test", config.pairs, T, m)
    final, answered = score_chunker(nets, p, test, config)
    final |= {f"rule_{name}": share for name, share in rules(test).items()}
    final["seconds_chunker"] = np.full(len(seeds), (time.process_time() - started) / len(seeds))
    half = test.symbols.shape[-1] // 2
    shown = test.symbols[..., [0, half]]                 # one pair of twins, to draw
    found = compress(nets["A"], p["A"], shown, config.tolerance)
    mass = probability_of(softmax(nets["A"].logits(p["A"], nets["A"].forward(p["A"], read_from(
        shown, alphabet(m))).y[1:])), shown)
    inputs, stamps = chunker_reads(found, nets["C"].reals, alphabet(m))
    expects = softmax(nets["C"].logits(p["C"], nets["C"].forward(p["C"], inputs, extra=stamps).y[1:]))
    arrays = dict(symbols=shown, mass=mass, surprise_times=found.times, surprise_real=found.real,
                  chunker_expects=expects, lag=test.lag[None], right_chunker=answered[None])
    if m == 0:
        arrays["gradient_chunker"] = log10(chunker_gradient(nets["C"], p["C"], found, T))
    weights = {f"{name}.{key}": a for name in ("A", "C", "C without recurrence") for key, a in p[name].items()}
    return final, dict(automatizer_loss=curves["A"], chunker_loss=curves["C"], chunker_recall=curves["recall"]), \
        arrays, weights


def headline(options):
    """Train A, C and the four single nets for every m at every seed; write the three files."""
    config = options.config
    parts = collect(options, lambda seeds: everything(seeds, config))
    runs = [results.entry(seed, part["final"], part["curves"], part["seconds"])
            for seed, part in zip(options.seeds, parts)]
    record = results.record(options, runs, checks=checks, others=OTHERS, sequences=config.sequences,
                            batch=single_nets.BATCH,
                            rates={f"{name}_m{m}": rate for (name, m), rate in single_nets.RATE.items()})
    results.save(options, record, traces=together([part["arrays"] for part in parts]),
                 weights=stack([part["weights"] for part in parts]))
    report(record["summary"])


def everything(seeds, config):
    """Yields (seed, part); a part has final metrics, curves, arrays, weights and seconds of one seed."""
    started, N = time.time(), len(seeds)
    parts = [dict(final={}, curves={}, arrays={}, weights={}) for _ in seeds]
    made = [(m, chunker_results(seeds, config, m)) for m in OTHERS]
    for kind in single_nets.KINDS:
        made += [(m, four) for (_, m), four in single_nets.single_net_results(kind, seeds, config).items()]
    for m, (final, curves, arrays, weights) in made:
        for n, part in enumerate(parts):
            part["final"] |= {f"{key}_m{m}": a[n] for key, a in final.items()}
            part["curves"] |= {f"{key}_m{m}": thin(a[:, n]) for key, a in curves.items()}
            part["arrays"] |= {f"{key}_m{m}": a[:, n] for key, a in arrays.items()}
            part["weights"] |= {f"m{m}.{key}": a[n] for key, a in weights.items()}
    for seed, part in zip(seeds, parts):
        yield seed, part | dict(seconds=(time.time() - started) / N)


ONE_SEED = ("symbols", "mass", "surprise_times", "surprise_real", "chunker_expects")     # drawn for the first seed


def together(arrays):
    """Traces: what is drawn for one seed from the first seed, everything else with a leading axis of seeds."""
    return {key: a if key.startswith(ONE_SEED) else np.stack([one[key] for one in arrays])
            for key, a in arrays[0].items()}


def thin(curve, points=60):
    """Means of equal parts: at most `points` values of a longer curve."""
    return [part.mean() for part in np.array_split(curve, min(points, len(curve)))]


# ---------------------------------------------------------------- claims and report

def checks(record):
    """What the experiment claims, set against what was measured. Any of them can fail."""
    s, T, n = record["summary"], record["config"]["length"], len(record["runs"])
    claim, made = results.check, []
    for m in OTHERS:
        worst = s[f"recall_chunker_m{m}"]["min"]
        made.append(claim(f"m = {m}: recall of A + C, worst seed", worst, f"solved: at least {SOLVED}", worst >= SOLVED,
                          paper="solved" if m == 0 else None))
    k = s["surprises_m0"]
    made.append(claim("m = 0: surprises per sequence, every seed", k["max"], "2", k["min"] == k["max"] == 2))
    made.append(claim("m = 0: steps per surprise (T - 1) / k, worst seed", s["depth_reduction_m0"]["min"],
                      f"{(T - 1) / 2:.1f}", s["depth_reduction_m0"]["min"] == results.finite((T - 1) / 2)))
    for m in OTHERS[1:]:
        k = s[f"surprises_m{m}"]
        made.append(claim(f"m = {m}: surprises per sequence, mean", k["mean"], f"{m + 3}, within 0.5",
                          abs(k["mean"] - (m + 3)) <= 0.5))
    m = OTHERS[-1]
    without, rule = s[f"recall_no_recurrence_m{m}"]["max"], max(s[f"rule_{name}_m{m}"]["max"]
                                                                 for name in ("first", "last", "majority"))
    made.append(claim(f"m = {m}: C without recurrence, best seed", without, "below 0.8: recurrence is needed",
                      without < 0.8))
    made.append(claim(f"m = {m}: best rule that learns nothing, best seed", rule, "below 0.8", rule < 0.8))
    swing, before = (s[f"swing_{name}_m{m}"] for name in ("chunker", "untrained_chunker"))
    made.append(claim(f"m = {m}: log-odds of C's recall move with the marked letter, worst seed (nats)", swing["min"],
                      "at least 5.9: 0.95 for the right letter", swing["min"] >= 5.9))
    made.append(claim(f"m = {m}: the same for untrained C's, largest size (nats)",
                      max(abs(before["min"]), abs(before["max"])), "below 1", max(-before["min"], before["max"]) < 1))
    every = max(solved(record, f"{kind}_every", 0) for kind in single_nets.KINDS)
    made.append(claim("m = 0: single nets that predict every symbol: most seeds solved", every, f"0 of {n}", every == 0,
                      paper="fails"))
    last = solved(record, "lstm_last", 0)
    made.append(claim("m = 0: LSTM (1997), last symbol only: seeds solved", last, f"at least half of {n}",
                      2 * last >= n))
    hardest = max(solved(record, f"{kind}_last", m) for kind in single_nets.KINDS)
    made.append(claim(f"m = {m}: single nets, last symbol only: most seeds solved", hardest, f"0 of {n}", hardest == 0))
    return made


def solved(record, name, m):
    """How many seeds recall with at least SOLVED of the test sequences right; a run that diverged has not."""
    return int((results.values(record, f"recall_{name}_m{m}") >= SOLVED).sum())


def report(summary):
    """The lines the docstring promises."""
    rows = [("chunker A + C", "recall_chunker"), ("C without recurrence", "recall_no_recurrence")]
    rows += [(single_nets.label(name), f"recall_{name}") for name in single_nets.NAMES]
    rows += [(f"rule: {text}", f"rule_{name}") for name, text in RULES.items()]
    for text, metric in rows:
        cells = [summary.get(f"{metric}_m{m}", {}).get("mean") for m in OTHERS]
        shown = [f"m = {m}: {'   -' if mean is None else f'{mean:.2f}'}" for m, mean in zip(OTHERS, cells)]
        print(f"{text:<40}  " + "   ".join(shown))
    print(f"{'chance':<40}  " + "   ".join(f"m = {m}: {CHANCE:.2f}" for m in OTHERS))


# ---------------------------------------------------------------- gradients, evaluation

def gradient_errors():
    """{loss: relative error} of every loss that is trained here, in float64 and in small."""
    config, rng = replace(Config(), length=24), stream(0, "gradcheck")
    symbols = next(supply([0], "gradcheck", 3, config.length, 1))
    found = gather(np.array([0, 0, 0, 5, 9]), np.zeros(5, int), np.array([0, 1, 2, 1, 1]),
                   np.array([0, 1, 0, 4, 1]), 1, 3)          # histories of unequal length
    weight = rng.uniform(size=symbols.shape) / config.length
    A, C = automatizer(config, 1), chunker(recipe(config, 1), alphabet(1), config.length)
    at_every = lambda net, p: net.gradients_at_every_step(p, read_from(symbols, net.classes), symbols, weight)[:2]
    losses = {"A, every symbol": (A, at_every),
              "C, every surprise": (C, lambda net, p: chunker_loss(net, p, found)[:2]),
              "C, last surprise": (C, lambda net, p: chunker_loss(net, p, found, last_only=True)[:2])}
    state = A.init(rng, std=0.5, dtype=np.float64)["W"][None, :, :3]
    losses["A, a window from a carried state"] = A, lambda net, p: net.gradients_at_every_step(
        p, symbols[:6], symbols[1:7], weight[:6], (state,))[:2]
    losses |= {f"{kind}, every step": (single_nets.single_net(kind, config)[0], at_every)
               for kind in single_nets.KINDS}
    return {what: gradient_error(net, loss, stream(0, what)) for what, (net, loss) in losses.items()}


def gradient_error(net, loss, rng):
    """Relative error of a loss (function of net and p) at random weights."""
    p = stack([net.init(rng, std=0.3, dtype=np.float64)])
    return gradcheck.largest_error(lambda: float(loss(net, p)[0][0]), p, loss(net, p)[1], rng)


def evaluate(options):
    """Score the saved weights, in their recorded setting, on fresh sequences."""
    record, saved = results.read_weights(options.out, options.make, experiment=options.experiment)
    with results.reading(options.out / "weights.npz", options.make):
        config = Config(**{f.name: record["config"][f.name] for f in fields(Config)})
        for m in OTHERS:
            test = twins(record["config"]["seeds"], "evaluate", config.pairs, config.length, m)
            for text, share in evaluated(config, saved, test, m).items():
                print(f"m = {m}: {text:<40} recall among A and B, {len(share)} seeds: mean {share.mean():.3f}, "
                      f"worst {share.min():.3f}   (chance {CHANCE:.3f})")


def evaluated(config, saved, test, m):
    """{what: share of right answers (N,)} of saved weights on Sequences."""
    part = lambda name: {key.removeprefix(f"m{m}.{name}."): a for key, a in saved.items()
                         if key.startswith(f"m{m}.{name}.")}
    A, C = automatizer(config, m), chunker(recipe(config, m), alphabet(m), config.length)
    found = compress(A, part("A"), test.symbols, config.tolerance)
    shares = {"chunker A + C": right(chunker_answer(C, part("C"), found, config.length), test.recall)[0]}
    for name in [name for name, asked in single_nets.RATE if asked == m]:
        net, _ = single_nets.single_net(name.rsplit("_", 1)[0], config)
        shares[single_nets.label(name)] = right(last_logits(net, part(name), test.symbols), test.recall)[0]
    return shares


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
