"""Supervised Memory Training (Kumar & Isola 2026): train a recurrent network without ever unrolling it.

A Transformer encoder learns *what to remember*: a memory m_t of the past from which a decoder can answer all later
questions. The RNN learns *how to update*, one step at a time, by supervised learning: f(m_t, x_{t+1}) -> m_{t+1}.
No error ever travels through more than one update. DAgger Memory Training (DMT) then rolls the RNN out and pulls its own
trajectory back to the encoder's.

The task is Retrieval: 8 symbols, one of them follows the identifier 0; at the end, 0 asks for it (chance 12.5 %). The RNN
is always scored on its own memory from the empty past. All methods use the same updater and readout.

    part 1  trained at T = 64, the paper's continuous memory: SMT, SMT + DMT, SMT for as many steps more, BPTT, Transformer
    part 2  trained at T = 128, a binary memory (ours): SMT and BPTT
    part 3  trained at T = 16 (or up to 32), tested up to T = 1,048,576
    part 4  the binary memory of part 3 as a finite-state machine: enumerate its states, check every answer
    part 5  how large is dL/dm_t for an untrained network, by BPTT and by SMT?

    python3 smt/smt.py                    seed 0, five minutes, two processes; writes results.json, traces.npz, weights.npz
    python3 smt/smt.py --seeds 0-4        the committed run
    python3 smt/smt.py --quick            tiny settings, seconds
    python3 smt/smt.py --study ablation   which change made the binary memory work; also: updaters, tasks

It prints one line for every finished job and, at the end, one line for every check with what was measured.
"""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401, E402  one BLAS thread, before numpy
import numpy as np  # noqa: E402

from common import results  # noqa: E402
from common.config import parse, run, setting  # noqa: E402
from common.progress import Diverged  # noqa: E402
from common.randomness import stream  # noqa: E402
from smt import probes, studies  # noqa: E402
from smt.certificate import certify  # noqa: E402
from smt.jobs import run_jobs  # noqa: E402
from smt.losses import Weights  # noqa: E402
from smt.memory import BinaryMemory, SphereMemory  # noqa: E402
from smt.model import RNN, Network, Teacher, TransformerBaseline  # noqa: E402
from smt.tasks import RetrievalMachine, retrieval  # noqa: E402
from smt.training import (Recipe, bptt_scores, encoder_accuracy, rollout_scores, train_bptt, train_dmt,  # noqa: E402
                          train_smt, train_transformer, transformer_accuracy)

MAKE = "python3 smt/smt.py --seeds 0-4"


# ---------------------------------------------------------------- configuration

@dataclass(frozen=True)
class Config:
    elements: int = setting(8, "symbols of the Retrieval task; chance is one in so many", minimum=2, maximum=64)
    length: int = setting(64, "part 1: training length T", minimum=16)
    binary_length: int = setting(128, "part 2: training length T", minimum=16)
    short_length: int = setting(16, "part 3: training length T", minimum=8)
    size: int = setting(64, "numbers in a continuous memory (Z)", paper="4096 in its natural-data runs", minimum=8)
    bits: int = setting(32, "bits in a binary memory", minimum=4)
    hidden: int = setting(256, "hidden units of the updater", minimum=4)
    width: int = setting(64, "width of encoder and decoder", paper="256 in its natural-data runs", minimum=8)
    heads: int = setting(1, "attention heads of encoder, decoder and Transformer", paper="8 in its natural-data runs", minimum=1)
    scale: float = setting(1.0, "all numbers of training steps are multiplied by this", above=0)
    test: int = setting(512, "test sequences at lengths up to 1,024; fewer beyond", minimum=16)
    longest: int = setting(1048576, "part 3: longest test length", minimum=64)
    processes: int = setting(2, "independent jobs run in so many processes", minimum=1, maximum=64)

    def __post_init__(self):
        if self.width % (2 * self.heads):
            raise ValueError(f"--width {self.width} is not allowed: a multiple of {2 * self.heads} (--heads, even width each)")
        if self.length & (self.length - 1) or self.short_length & (self.short_length - 1):
            raise ValueError("--length and --short-length must be powers of two (DMT windows divide them)")


QUICK = dict(length=16, binary_length=16, short_length=8, size=16, bits=8, hidden=16, width=16, scale=0.02, test=16,
             longest=256, processes=1)
RATES = (3e-4, 1e-3, 3e-3, 1e-2)                      # BPTT's learning rates
LENGTHS = (16, 64, 256, 1024, 4096, 65536, 1048576)   # part 3
AT_CHANCE = 0.25                                      # twice chance for 8 symbols: at most this counts as "near chance"
LOST = 0.5                                            # a network below this is not rolled out to longer sequences
TRANSFORMER_FITS = 4096                               # T x T attention weights: longer does not fit


def recipes(c):
    """How each part trains. Steps, batches and weights found in trials on seeds 0 and 1 before this code was written; the
    number of heads and part 2's uniformity on seeds 10 to 19."""
    steps = lambda n: max(2, int(round(n * c.scale)))  # noqa: E731
    s, both = c.short_length, (max(3, c.short_length // 4), 2 * c.short_length)
    continuous, binary = Weights(dynamics=3.0, uniformity=0.2), Weights(dynamics=3.0, uniformity=0.05)
    return {
        "direct": Recipe(((c.length, 32, steps(400)), (c.length, 16, steps(400))), continuous),
        "dmt steps": steps(150),
        # with the weaker uniformity two symbols may share a code at this length: 1 of 10 trials (seeds 10-19)
        "binary": Recipe(((c.binary_length, 24, steps(500)), (c.binary_length, 8, steps(500))), continuous),
        "short continuous": Recipe(((s, 64, steps(300)), (s, 32, steps(300))), continuous),
        "short binary": Recipe(((s, 64, steps(300)), (s, 32, steps(300))), binary),
        "curriculum binary": Recipe(((s, 64, steps(300)), (2 * s, 32, steps(300))), binary),
        "random binary": Recipe(((both, 64, steps(300)), (both, 32, steps(300))), binary),
        "bptt": {"short": ((s, 64, steps(500)),), "curriculum": ((s, 64, steps(400)), (2 * s, 64, steps(300))),
                 "random": ((both, 64, steps(700)),)},
        "transformer": ((c.length, 32, steps(400)),), "short transformer": ((s, 64, steps(400)),)}


# ---------------------------------------------------------------- task and models

def task_of(c):
    """(rng, batch, length) -> (x, y); token 0 is the identifier and the question, y = -1: nothing is asked."""
    return lambda rng, batch, length: retrieval(rng, batch, length, elements=c.elements)


def pair(c, seed, memory):
    """A fresh teacher and RNN."""
    rng = stream(seed, "init")
    return (Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads),
            RNN(rng, c.elements + 1, memory, hidden=c.hidden))


def copy_of(c, seed, memory, rnn):
    """Another RNN with the same weights."""
    other = RNN(stream(seed, "init"), c.elements + 1, memory, hidden=c.hidden)
    other.flat[:] = rnn.flat
    return other


def named(name, rnn):
    """{"name/module/weight": array} for weights.npz."""
    return {f"{name}/{key}": array.copy() for key, array in rnn.arrays().items()}


# ---------------------------------------------------------------- part 1: direct training, the paper's memory

def direct(c, seed):
    """SMT, then three ways on: DMT, as many steps of SMT more (the control), nothing. And the Transformer."""
    task, how = task_of(c), recipes(c)
    memory = SphereMemory(c.size, noise=0.15)
    teacher, rnn = pair(c, seed, memory)
    x, y = task(stream(seed, "test"), c.test, c.length)
    watched = probes.Watch(teacher, rnn, task(stream(seed, "validation"), 128, c.length), every=20)
    train = stream(seed, "train")
    curves = train_smt(teacher, rnn, task, train, how["direct"], watch=watched)
    smt = rollout_scores(rnn, x, y, teacher.encoder.forward(x)[0])
    ceiling = encoder_accuracy(teacher, rnn, x, y)
    pulled = copy_of(c, seed, memory, rnn)
    dmt_curves = train_dmt(teacher, pulled, task, train, c.length, 32, how["dmt steps"])
    dmt = rollout_scores(pulled, x, y, teacher.encoder.forward(x)[0])
    weights = {**named("smt_direct", rnn), **named("smt_dmt_direct", pulled)}
    train_smt(teacher, rnn, task, train, more_steps(c.length, 32, how, "direct"), label="SMT more")
    more = rollout_scores(rnn, x, y, teacher.encoder.forward(x)[0])
    final = {"smt_accuracy": smt["accuracy"], "smt_more_accuracy": more["accuracy"], "smt_dmt_accuracy": dmt["accuracy"],
             "encoder_accuracy": ceiling, "drift_smt": smt["drift"].mean(), "drift_smt_more": more["drift"].mean(),
             "drift_dmt": dmt["drift"].mean(), "smt_seconds": curves["seconds"], "dmt_seconds": dmt_curves["seconds"],
             "smt_steps": len(curves["dec"]), "smt_dmt_sequences": curves["sequences"] + dmt_curves["sequences"]}
    final["transformer_accuracy"] = transformer(c, seed, how["transformer"], (x, y))[0]
    return {"final": final, "weights": weights,
            "curves": {**{f"direct_{k}": curves[k] for k in ("dec", "dyn", "unif")}, "direct_dmt_dyn": dmt_curves["dyn"],
                       "direct_accuracy": watched.accuracy, "direct_watched_at": watched.steps,
                       "drift_smt_t": smt["drift"], "drift_smt_more_t": more["drift"], "drift_dmt_t": dmt["drift"]}}


def more_steps(length, batch, how, recipe):
    """The control for DMT: SMT goes on for as many steps, at DMT's learning rate, with the dynamics fully on."""
    return Recipe(((length, batch, how["dmt steps"]),), how[recipe].weights, lr=1e-3, start=-10**6)


def transformer(c, seed, plan, test):
    """Train the Transformer baseline; its accuracy on the test sequences and the network."""
    baseline = TransformerBaseline(stream(seed, "init"), c.elements + 1, width=c.width, heads=c.heads)
    train_transformer(Network({"transformer": baseline}), baseline, task_of(c), stream(seed, "train"), plan)
    return transformer_accuracy(baseline, *test), baseline


# ---------------------------------------------------------------- part 2: direct training at twice the length, binary

def direct_binary(c, seed):
    """SMT with a binary memory; no DMT."""
    task = task_of(c)
    teacher, rnn = pair(c, seed, BinaryMemory(c.bits, noise=0.02))
    curves = train_smt(teacher, rnn, task, stream(seed, "train"), recipes(c)["binary"])
    x, y = task(stream(seed, "test"), c.test, c.binary_length)
    scores = rollout_scores(rnn, x, y, teacher.encoder.forward(x)[0])
    return {"final": {"binary_accuracy_t128": scores["accuracy"], "binary_drift_t128": scores["drift"].mean(),
                      "binary_encoder_accuracy_t128": encoder_accuracy(teacher, rnn, x, y),
                      "binary_seconds": curves["seconds"], "binary_sequences": curves["sequences"],
                      "binary_dynamics_on": curves["on"]},
            "curves": {f"binary_{k}": curves[k] for k in ("dec", "dyn")}, "weights": named("binary_direct", rnn)}


def direct_bptt(c, seed, length, batch, sequences, seconds, name):
    """BPTT for parts 1 and 2, continuous memory, at every rate: as many sequences as SMT saw or, with `seconds`, for as
    long as SMT took. The rate with the lowest validation loss is reported under `name`, and the highest of all."""
    task, final, curves, losses = task_of(c), {}, {}, {}
    test, validation = task(stream(seed, "test"), c.test, length), task(stream(seed, "validation"), 256, length)
    plan = ((length, batch, max(1, sequences // batch)),)
    for rate in RATES:
        rnn = RNN(stream(seed, "init"), c.elements + 1, SphereMemory(c.size), hidden=c.hidden)
        accuracy, losses[rate], curve = bptt_scores(rnn, task, stream(seed, "train"), plan, rate, test, validation, seconds)
        final[f"{name}_lr{rate:g}"] = accuracy
        if seconds is None:
            curves[f"{name}_lr{rate:g}"] = curve
    best = min(losses, key=losses.get)
    final.update({name: final[f"{name}_lr{best:g}"], f"{name}_best_lr": best, f"{name}_highest": max(final.values())})
    return {"final": final, "curves": curves}


def both_budgets(final):
    """{`bptt_accuracy`: the better of the two budgets, `bptt_highest`: the best of all runs, which nobody selected}."""
    return {f"{what}{t}": max(final[f"bptt{t}_same_{budget}{end}"] for budget in ("sequences", "seconds"))
            for t in ("", "_t128") for what, end in (("bptt_accuracy", ""), ("bptt_highest", "_highest"))}


# ---------------------------------------------------------------- part 3: train short, test long; part 4: certificate

def short_smt(c, seed):
    """Continuous SMT at the short length, with the pictures of the memory space while it trains; then DMT, or as many
    steps of SMT more."""
    task, how = task_of(c), recipes(c)
    teacher, rnn = pair(c, seed, SphereMemory(c.size, noise=0.15))
    train, movie = stream(seed, "train"), probes.Movie(teacher, rnn, c.elements, c.short_length, every=8)
    curves = train_smt(teacher, rnn, task, train, how["short continuous"], watch=movie)
    final = long_scores(c, seed, "smt", probes.stepper(rnn))
    weights, arrays = named("smt_short", rnn), {**movie.arrays(), **probes.memory_space(teacher, rnn, c.elements, c.short_length)}
    pulled = copy_of(c, seed, rnn.memory, rnn)
    train_dmt(teacher, pulled, task, train, c.short_length, 64, how["dmt steps"])
    train_smt(teacher, rnn, task, train, more_steps(c.short_length, 64, how, "short continuous"), label="SMT more")
    final.update(long_scores(c, seed, "smt_dmt", probes.stepper(pulled)), **long_scores(c, seed, "smt_more", probes.stepper(rnn)),
                 short_smt_seconds=curves["seconds"])
    return {"final": final, "weights": {**weights, **named("smt_dmt_short", pulled)}, "arrays": arrays,
            "curves": {f"short_{k}": curves[k] for k in ("dec", "dyn", "unif")}}


def short_binary(c, seed, kind):
    """Binary SMT; `kind` is "short" (one length), "curriculum" (16, then 32) or "random" (lengths 4 to 32)."""
    teacher, rnn = pair(c, seed, BinaryMemory(c.bits, noise=0.02))
    curves = train_smt(teacher, rnn, task_of(c), stream(seed, "train"), recipes(c)[f"{kind} binary"])
    proof = certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(c.elements, shortest=c.short_length))
    strictest = certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(c.elements, shortest=3))
    name = "binary" if kind == "short" else f"binary_{kind}"
    final = long_scores(c, seed, name, probes.machine_stepper(proof) if proof.closed else probes.stepper(rnn))
    certificate = {"certified": proof.certified, "certified_states": len(proof.codes) if proof.certified else None,
                   "certified_groups": proof.groups if proof.certified else None,
                   "certified_from_t3": strictest.certified}
    final.update({k if kind == "short" else f"{k}_{kind}": v for k, v in certificate.items()})
    final[f"short_{name}_seconds"] = curves["seconds"]
    keep = kind == "short"
    return {"final": final, "weights": named(f"{name}_short", rnn), "statement": {kind: proof.statement, f"{kind}, T >= 3": strictest.statement},
            "curves": {f"short_binary_{k}": curves[k] for k in ("dec", "dyn")} if keep else {},
            "arrays": proof.arrays("machine_") if keep else {}}


def short_bptt(c, seed, kind):
    """BPTT with the same lengths. Of the rates, the one with the best sum of accuracies at the short length and at 16
    times that (validation sequences) is reported: a selection in BPTT's favour that SMT does not get."""
    task, plan, validation = task_of(c), recipes(c)["bptt"][kind], stream(seed, "validation")
    far_and_near = [task(validation, 256, length) for length in (16 * c.short_length, c.short_length)]
    best = (-1.0, None, None)
    for rate in RATES:
        rnn = RNN(stream(seed, "init"), c.elements + 1, SphereMemory(c.size), hidden=c.hidden)
        try:
            train_bptt(rnn, task, stream(seed, "train"), plan, rate)
        except Diverged:
            continue
        score = sum(rollout_scores(rnn, *sequences)["accuracy"] for sequences in far_and_near)
        best = max(best, (score, rate, rnn), key=lambda b: b[0])
    name = "bptt" if kind == "short" else f"bptt_{kind}"
    return {"final": {**long_scores(c, seed, name, probes.stepper(best[2])), f"short_{name}_lr": best[1]},
            "weights": named(f"{name}_short", best[2])}


def short_transformer(c, seed):
    """The Transformer at the lengths where T x T attention fits."""
    _, baseline = transformer(c, seed, recipes(c)["short transformer"], test_set(c, seed, c.short_length))
    final = {}
    for length in lengths(c):
        if length <= TRANSFORMER_FITS:
            x, y = test_set(c, seed, length)
            rows = max(1, 2 ** 18 // length ** 2)
            x, y = (x[:16], y[:16]) if length > 1024 else (x, y)
            parts = [transformer_accuracy(baseline, x[i:i + rows], y[i:i + rows]) for i in range(0, len(x), rows)]
            final[f"short_transformer_t{length}"] = float(np.average(parts, weights=[len(x[i:i + rows]) for i in range(0, len(x), rows)]))
    return {"final": final}


def lengths(c):
    return [c.short_length] + [n for n in LENGTHS if c.short_length < n <= c.longest]


def test_set(c, seed, length):
    """Test sequences of one length: c.test up to T = 1,024, fewer beyond (at least 8)."""
    count = c.test if length <= 1024 else max(8, min(c.test, 2 ** 21 // length))
    return task_of(c)(stream(seed, f"test {length}"), count, length)


def long_scores(c, seed, name, player):
    """{"short_<name>_t<length>": accuracy}; not run (None) once the accuracy at a shorter length was below LOST."""
    final, accuracy = {}, 1.0
    for length in lengths(c):
        accuracy = probes.play(player, *test_set(c, seed, length)) if accuracy is not None and accuracy >= LOST else None
        final[f"short_{name}_t{length}"] = accuracy
    return final


# ---------------------------------------------------------------- all parts of one seed

def first_jobs(c, seed):
    """(name, function, arguments) of the jobs that depend on nothing."""
    return [("binary direct", direct_binary, (c, seed)), ("direct", direct, (c, seed)), ("short SMT", short_smt, (c, seed)),
            *[(f"binary {kind}", short_binary, (c, seed, kind)) for kind in ("short", "curriculum", "random")],
            *[(f"BPTT {kind}", short_bptt, (c, seed, kind)) for kind in ("short", "curriculum", "random")],
            ("short transformer", short_transformer, (c, seed)), ("gradients", probes.gradient_norms, (c, seed))]


def second_jobs(c, seed, final):
    """BPTT with the sequences and, apart from that, the seconds that SMT turned out to need."""
    parts = (("_t128", c.binary_length, 24, final["binary_sequences"], final["binary_seconds"]),
             ("", c.length, 32, final["smt_dmt_sequences"], final["smt_seconds"] + final["dmt_seconds"]))
    return [(f"bptt{t}_same_{budget}", direct_bptt,
             (c, seed, length, batch, sequences, seconds if budget == "seconds" else None, f"bptt{t}_same_{budget}"))
            for t, length, batch, sequences, seconds in parts for budget in ("sequences", "seconds")]


def headline(options):
    """All parts, seed by seed. results.json is written anew after every seed; traces.npz and weights.npz after the first."""
    started, c, runs = time.time(), options.config, []
    config = {**asdict(c), "rates": RATES, "plans": {k: str(v) for k, v in recipes(c).items()}}
    for seed in options.seeds:
        parts = run_jobs({(seed, job[0]): job[1:] for job in first_jobs(c, seed)}, c.processes)
        parts.update(run_jobs({(seed, job[0]): job[1:] for job in second_jobs(c, seed, merge(parts, "final"))}, c.processes))
        final = merge(parts, "final")
        runs.append({"seed": seed, "curves": {k: thin(v) for k, v in merge(parts, "curves").items()},
                     "final": results.finite({**final, **both_budgets(final)}), "statement": merge(parts, "statement"),
                     "seconds": sum(p["seconds"] for p in parts.values())})
        record = results.record("smt", options, runs, started=started, config=config)
        record["checks"] = checks(record["summary"], c)
        results.write(options.out / "results.json", record)
        if len(runs) == 1:
            results.write_arrays(options.out / "traces.npz", **merge(parts, "arrays"))
            results.write_arrays(options.out / "weights.npz", **merge(parts, "weights"))
    report(record)


def merge(parts, what):
    """One dictionary from all jobs; two jobs must not report the same name."""
    merged = [(k, v) for part in parts.values() for k, v in part.get(what, {}).items()]
    if len(dict(merged)) < len(merged):
        raise KeyError(f"two jobs report the same {what}")
    return dict(merged)


def thin(values, points=120):
    """At most about `points` of a curve, evenly spaced."""
    return list(values)[::max(1, len(values) // points)]


def checks(s, c):
    """The claims, each with its measurement; any of them can come out false."""
    low, high = (lambda k: s.get(k, {}).get("min")), (lambda k: s.get(k, {}).get("max"))
    mean = lambda k: s.get(k, {}).get("mean")  # noqa: E731
    far = lengths(c)[-1]
    at_least = lambda claim, v, bound: results.check(claim, v, f">= {bound}", v is not None and v >= bound)  # noqa: E731
    at_most = lambda claim, v, bound: results.check(claim, v, f"<= {bound}", v is not None and v <= bound)   # noqa: E731
    ratio = mean("drift_smt") / mean("drift_dmt") if mean("drift_dmt") else None
    gain = mean("smt_dmt_accuracy") - mean("smt_more_accuracy")
    return [at_least(f"part 1: SMT + DMT solves T = {c.length} on every seed", low("smt_dmt_accuracy"), 0.99),
            at_most(f"part 1: BPTT stays near chance at T = {c.length}, at every rate, seed and budget", high("bptt_highest"), AT_CHANCE),
            at_least("part 1: DMT lowers the drift", ratio, 2.0),
            results.check("part 1: DMT is better than as many steps more of SMT (accuracy, mean difference)", gain, "> 0", gain > 0),
            at_least(f"part 2: binary SMT solves T = {c.binary_length} on every seed", low("binary_accuracy_t128"), 0.99),
            at_most(f"part 2: BPTT stays near chance at T = {c.binary_length}, at every rate, seed and budget",
                    high("bptt_highest_t128"), AT_CHANCE),
            at_least(f"part 3: binary SMT trained at T = {c.short_length} is right at T = {far:,} on every seed", low(f"short_binary_t{far}"), 0.99),
            at_most(f"part 3: BPTT trained at T = {c.short_length} is below one half by 16 times the length, on every seed",
                    last_measured(s, "bptt", [n for n in lengths(c) if n <= 16 * c.short_length]), LOST),
            at_least("part 4: the binary memory is certified exact for every length on every seed", low("certified"), 1.0)]


def last_measured(summary, name, at):
    """The highest accuracy over seeds at the last of the lengths `at` that any seed was rolled out to. Seeds that stopped
    earlier were below LOST there."""
    measured = [summary[f"short_{name}_t{n}"]["max"] for n in at if summary.get(f"short_{name}_t{n}", {}).get("n")]
    return measured[-1] if measured else None


def report(record):
    """The lines printed at the end."""
    print("\nmeasured (mean over seeds):")
    for name in ("smt_accuracy", "smt_more_accuracy", "smt_dmt_accuracy", "bptt_accuracy", "transformer_accuracy",
                 "drift_smt", "drift_dmt", "binary_accuracy_t128", "bptt_accuracy_t128", "certified", "certified_states"):
        print(f"  {name:24s} {results.mean_spread(record['summary'][name])}")
    for item in record["checks"]:
        print(f"{'holds' if item['holds'] else 'FAILS'}: {item['claim']}: {item['measured']} (expected {item['expected']})")


# ---------------------------------------------------------------- main

def main():
    options = parse(Config, __doc__, quick=QUICK, studies=studies.STUDIES)
    if options.gradcheck:
        probes.gradcheck(stream(options.seeds[0], "gradcheck"))
    elif options.evaluate:
        probes.evaluate(options, results.read(Path(__file__).with_name("results.json"), MAKE),
                        results.read_arrays(Path(__file__).with_name("weights.npz"), (), MAKE))
    elif options.study:
        studies.run(options)
    else:
        headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
