"""Supervised Memory Training (Kumar & Isola 2026): train a recurrent network without ever unrolling it.

A Transformer encoder learns *what to remember*: a memory m_t of the past from which a decoder can answer all later
questions. The RNN learns *how to update*, one step at a time, by supervised learning. One SMT update
(training.train_smt, losses.smt_loss) is, for sequences x (B, T) and their targets y:

    m_0 .. m_T = encoder(x)                        all memories in one causal pass; m_t has read x_1 .. x_t
    L_dec      = - log p(y_t' | m_t, x_t+1 .. x_t')  decoder: answers all later targets from m_t, at random cuts t
    L_read     = - log p(y_t | m_t)                readout: answers from m_t alone
    L_dyn      = |f(m_t + noise, x_t+1) - m_t+1|^2   all T transitions at once, trains f and the encoder
    L_unif     = log mean exp(-2 |m - m'|^2)       keeps memories apart
    one AdamW step on L_dec + L_read + w L_dyn + u L_unif

No error ever travels through more than one update f. DAgger Memory Training (DMT, losses.dmt_loss) then rolls the RNN
out and pulls its own trajectory back to the encoder's. The opponent is back-propagation through time (BPTT).

The task is Retrieval: 8 symbols, one of them follows the identifier 0; at the end, 0 asks for it (chance 12.5 %). The
RNN is always scored on its own memory from the empty past.

    direct      trained at T = 64          SMT, SMT + DMT, BPTT (residual MLP on the sphere; GRU), Transformer
    long        trained at T = 128         SMT with a binary memory (ours), BPTT (GRU)
    short       trained at T = 16          the same and BPTT through bits; tested up to T = 4,096, bits to 1,048,576
    curriculum  trained at 16, then 32     both methods with the same lengths
    random      lengths from 4 to 32       both methods with the same lengths

    python3 smt/smt.py                    seed 100, minutes, two processes; writes results.json, traces.npz, weights.npz
    python3 smt/smt.py --quick            tiny settings, seconds
    python3 smt/smt.py --study reach      how far back does the error reach; the others: --help

It prints every check with what was measured. Seeds 100 to 104 are reported; recipes were chosen on 0 and 1, 10 to 31
and 900 to 901.
"""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np

from common import gradcheck, results, study
from common.config import folder, make_command, parse, run, setting
from common.progress import Progress, collect
from common.randomness import stream
from smt import comparison, players, scores
from smt.gradients import gradient_errors, gradient_norms
from smt.jobs import run_jobs
from smt.scores import BITS, BPTT, BPTT_BITS, DMT, GRU, KEPT, MORE, SMALL, SMT

HERE = Path(__file__).resolve().parent
SEEDS = range(100, 105)


# ---------------------------------------------------------------- configuration

@dataclass(frozen=True)
class Config:
    elements: int = setting(8, "symbols of the Retrieval task; chance is one in so many", minimum=2, maximum=64)
    length: int = setting(64, "direct training: length T", minimum=16, maximum=1024)
    long_length: int = setting(128, "direct training with bits: length T", minimum=16, maximum=1024)
    short_length: int = setting(16, "training on short sequences: length T", minimum=8, maximum=256)
    size: int = setting(64, "numbers in a continuous memory (Z)", paper="4096 in its natural-data runs", minimum=8,
                        maximum=4096)
    bits: int = setting(32, "bits in a binary memory", minimum=4, maximum=4096)
    hidden: int = setting(256, "hidden units of the updater", minimum=4, maximum=4096)
    width: int = setting(64, "width of encoder and decoder", paper="256 in its natural-data runs", minimum=8,
                         maximum=1024)
    heads: int = setting(1, "attention heads of encoder, decoder and Transformer", paper="8 in its natural-data runs",
                         minimum=1, maximum=64)
    scale: float = setting(1.0, "all numbers of training updates are multiplied by this", above=0, maximum=100)
    test: int = setting(512, "test sequences at lengths up to 1,024; fewer beyond", minimum=16, maximum=100_000)
    longest: int = setting(1048576, "longest test length", minimum=64, maximum=2**24)
    processes: int = setting(2, "independent jobs run in so many processes", minimum=1, maximum=64)
    data_dir: Path = folder("folder with MNIST's files, or with those of TinyStories or another text (studies that say "
                            "so; without it stand-ins made offline)")

    def __post_init__(self):
        if self.width % (2 * self.heads):
            raise ValueError(f"--width {self.width} is not allowed: a multiple of {2 * self.heads} (an even width for "
                             "each of --heads)")
        if self.size % 4:
            raise ValueError(f"--size {self.size} is not allowed: a multiple of 4 (two tokens of even width)")
        for flag, length in (("--length", self.length), ("--short-length", self.short_length)):
            if length & (length - 1):
                raise ValueError(f"{flag} {length} is not allowed: a power of two (DMT's windows divide it)")


QUICK = dict(length=16, long_length=20, short_length=8, size=16, bits=8, hidden=16, width=16, scale=0.01, test=16,
             longest=256, processes=1)
AT_CHANCE = 0.25                        # twice chance for 8 symbols: at most this counts as "near chance"
SOLVED = 0.95                           # the house's criterion: final test accuracy
SAVED = ("direct, SMT + DMT", "direct, BPTT, GRU", "long, SMT, bits", "short, SMT", "short, SMT + DMT",
         "short, SMT, bits", "random, BPTT")                                     # networks kept in weights.npz


# ---------------------------------------------------------------- the jobs of one seed

def jobs(c, seed):
    """{what: (function, arguments)}, independent of each other, the longest first."""
    bptt = {scores.BPTT: ("direct", "short", "curriculum", "random"), GRU: ("long", "direct", "short", "random"),
            SMALL: ("direct",), BPTT_BITS: ("short", "random"), KEPT: ("short",)}
    found = {f"{method}, {trained}": (comparison.bptt, (c, seed, trained, method))
             for method, lengths in bptt.items() for trained in lengths}
    for trained in ("direct", "short", "curriculum", "random"):
        found[f"SMT and DMT, {trained}"] = (comparison.smt_on_sphere, (c, seed, trained))
    for trained in ("long", "short", "curriculum", "random"):
        found[f"SMT with bits, {trained}"] = (comparison.smt_with_bits, (c, seed, trained))
    for trained in ("direct", "short"):
        found[f"Transformer, {trained}"] = (comparison.transformer, (c, seed, trained))
    found["gradients of untrained networks"] = (gradients_job, (c, seed))
    return found


def gradients_job(c, seed):
    return {"arrays": gradient_norms(c, seed)}


def seed_parts(c, seeds):
    """Yields (seed, everything its jobs found)."""
    for seed in seeds:
        part = {"final": {}, "curves": {}, "arrays": {}, "weights": {}, "notes": {}}
        work, started = jobs(c, seed), time.time()
        progress = Progress(f"seed {seed}, jobs", len(work))
        for n, (_, found) in enumerate(run_jobs(work, c.processes), start=1):
            for what, values in found.items():
                scores.merge(part[what], values)
            progress.update(n)
        progress.close()
        print(f"seed {seed}: {time.time() - started:.0f} s", flush=True)
        yield seed, {**part, "curves": thin(part["curves"]), "seconds": time.time() - started}


def thin(curve, points=120):
    """At most about `points` of a curve, evenly spaced; of a tree of curves: of each of them."""
    if isinstance(curve, dict):
        return {name: thin(values, points) for name, values in curve.items()}
    return [float(v) for v in curve[::max(1, len(curve) // points)]]


def headline(options):
    c = options.config
    # the number of processes changes no number: a part computed with one is that computed with two
    settings = {name: value for name, value in asdict(c).items() if name not in ("processes", "data_dir")}
    parts = collect(options, lambda seeds: seed_parts(c, seeds), settings=settings)
    runs = [{**results.entry(seed, part["final"], part["curves"], part["seconds"]), "notes": part["notes"]}
            for seed, part in zip(options.seeds, parts)]
    record = results.record(options, runs, checks=checks, plans=comparison.plans(c), grids=grids())
    record["seconds"] = round(sum(part["seconds"] for part in parts), 1)      # of all parts, also of resumed ones
    kept = {name: a for name, a in parts[0]["weights"].items() if name.split("/")[0] in SAVED}
    results.save(options, record, traces=parts[0]["arrays"], weights=kept)     # of the first seed
    report(record)


def grids():
    return {method: opponent.grid for method, opponent in comparison.OPPONENTS.items()}


# ---------------------------------------------------------------- the claims

def checks(record):
    """The claims, each with its measurement; any of them can come out false. Bounds were fixed before the run."""
    return [*direct_claims(record), *bits_claims(record), *length_claims(record)]


def direct_claims(record):
    """Trained at T = 64 and 128, tested there."""
    c, at = record["config"], lambda *where: scores.values(record, *where)
    direct, long = c["length"], c["long_length"]
    stays = f"stays near chance at T = {direct}: highest of every rate and seed"
    drifts = [mean(at("direct", method, "drift")) for method in (MORE, DMT)]
    ratio = drifts[0] / drifts[1] if drifts[1] else None
    return [solved(f"SMT + DMT, continuous memory, solves T = {direct} (seeds)", at("direct", DMT, direct)),
            at_most(f"BPTT with the same updater on the sphere {stays}", at("direct", BPTT, "highest"), AT_CHANCE),
            at_most(f"BPTT with a small second layer, through which the gradient passes, {stays}",
                    at("direct", SMALL, "highest"), AT_CHANCE),
            solved(f"BPTT with a GRU and chrono gates solves T = {direct} (seeds)", at("direct", GRU, direct)),
            solved(f"BPTT with a GRU and chrono gates solves T = {long} (seeds)", at("long", GRU, long)),
            solved(f"SMT with bits solves T = {long} (seeds)", at("long", BITS, long)),
            results.check(f"DMT leaves less drift than the same number of extra SMT updates, T = {direct} (ratio)",
                          ratio, "> 1.2", ratio is not None and ratio > 1.2)]


def bits_claims(record):
    """Trained on short sequences with bits."""
    at = lambda *where: scores.values(record, *where)
    short, furthest = record["config"]["short_length"], scores.lengths(record, "short", BITS)[-1]
    proofs = [v for trained in ("short", "curriculum", "random") for v in at(trained, BITS, "certified")]
    margins = [v for trained in scores.TRAINED[1:] for v in at(trained, BITS, "margin") if v is not None]
    return [solved(f"SMT with bits, trained at T = {short}, is right at T = {furthest:,} (seeds)",
                   at("short", BITS, furthest)),
            results.check("every binary memory trained on short sequences is certified at every length (networks)",
                          sum(proofs), f"{len(proofs)} of {len(proofs)}", all(proofs)),
            results.check("no bit of an enumerated machine is decided by rounding (smallest |u|)",
                          min(margins, default=None), ">= 0.001", min(margins, default=0) >= 1e-3),
            at_most(f"BPTT through the same bits does not learn T = {short}: highest of every rate, start and seed",
                    at("short", BPTT_BITS, "highest") + at("short", KEPT, "highest"), AT_CHANCE)]


def length_claims(record):
    """Continuous memories, tested beyond the training length; a network that was lost before counts as 0 there."""
    short, far = record["config"]["short_length"], scores.lengths(record, "short", SMT)[-1]
    at = lambda trained, method: [v or 0.0 for v in scores.values(record, trained, method, far)]
    dmt = mean(at("short", DMT)) - mean(at("short", MORE))
    both = f"with lengths from {scores.shortest(short)} to {2 * short}"
    smt = mean(at("random", DMT)) - mean(at("random", BPTT))
    return [at_most(f"the GRU, trained by BPTT at T = {short}, is lost at T = {far:,}: highest of the seeds",
                    at("short", GRU), comparison.LOST),
            results.check(f"trained at T = {short}, DMT beats the same number of extra SMT updates at T = {far:,} "
                          "(mean difference)", dmt, "> 0", dmt > 0),
            results.check(f"{both}, continuous SMT + DMT beats BPTT with the same updater at T = {far:,} "
                          "(mean difference)", smt, "> 0", smt > 0)]


def solved(claim, values):
    count = sum(v is not None and v >= SOLVED for v in values)
    return results.check(claim, count, f"{len(values)} of {len(values)}", count == len(values))


def at_most(claim, values, bound):
    highest = max((v for v in values if v is not None), default=None)
    return results.check(claim, highest, f"<= {bound}", highest is not None and highest <= bound)


def mean(values):
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def report(record):
    for item in record["checks"]:
        verdict = "holds" if item["holds"] else "FAILS"
        print(f"{verdict}: {item['claim']}: {item['measured']} (expected {item['expected']})")


# ---------------------------------------------------------------- main

def evaluate(options):
    """Score saved RNNs on fresh sequences, without training, with the recorded settings."""
    record, weights = results.read_weights(options.out, make_command(HERE, options.out), experiment="smt")
    c = record["config"]
    with results.reading(options.out / "weights.npz", make_command(HERE, options.out)):
        for name in dict.fromkeys(key.split("/")[0] for key in weights):
            rnn, trained = players.load(weights, name, c), name.split(", ")[0]
            length = {"direct": c["length"], "long": c["long_length"]}.get(trained, c["short_length"])
            for seed in options.seeds:
                near, far = (players.play(players.stepper(rnn), *comparison.retrieval(
                    stream(seed, f"fresh {n}"), 256, n, elements=c["elements"])) for n in (length, 16 * length))
                print(f"{name:36s} seed {seed}: accuracy {near:.3f} at T = {length}, {far:.3f} at T = {16 * length}"
                      f"   (chance {1 / c['elements']:.3f})")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(gradient_errors(stream(0, "gradcheck")))
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
