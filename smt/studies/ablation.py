"""Which change made the binary memory work?

The binary recipe of the main experiment at T = 16, one change at a time; then the same recipe with a memory that is not
binary. The bits would not be what carries the length if a continuous or lattice memory held at T = 4,096 as well, or if
one of the other changes lost it. Five seeds on which nothing was chosen. The first phase ends after 300 updates at the
latest, so "not learned" means: not within that budget. Not tried: the loss weights of the released code.
"""

import numpy as np

from common import results
from common.randomness import stream
from common.tables import share
from smt import players, scores
from smt.comparison import BINARY_WEIGHTS, CONTINUOUS_WEIGHTS, certified, task_of
from smt.memory import BinaryMemory, LatticeMemory, SphereMemory
from smt.model import RNN, Teacher
from smt.training import Recipe, rollout_scores, train_smt

SEEDS, MINUTES = range(100, 105), 8
USES = ("elements", "short_length", "size", "bits", "hidden", "width", "heads", "scale")
QUICK = dict(short_length=8, size=16, bits=8, hidden=16, width=16, scale=0.01,
             variants=("full recipe", "no bit flips", "lattice memory (step 1)"))

BINARY = BINARY_WEIGHTS["short"]
bits = lambda c, **changes: BinaryMemory(c.bits, **{"noise": 0.02, **changes})
# name: (memory, weights, update at which the dynamics start, None: when L_dec < 0.3; token shift)
VARIANTS = {
    "full recipe": (bits, BINARY, None, True),
    "squared instead of logistic loss": (lambda c: bits(c, loss="squared"), BINARY, None, True),
    "no bit flips": (lambda c: bits(c, noise=0.0), BINARY, None, True),
    "dynamics from update 100": (bits, BINARY, 100, True),
    "dynamics from update 0": (bits, BINARY, 0, True),
    "no worst-tenth term": (bits, BINARY._replace(top=0.0), None, True),
    "no uniformity": (bits, BINARY._replace(uniformity=0.0), None, True),
    "dynamics loss does not train the encoder": (bits, BINARY._replace(detach=True), None, True),
    "no token shift": (bits, BINARY, None, False),
    "lattice memory (step 1)": (lambda c: LatticeMemory(c.bits, noise=0.15, step=1.0), BINARY, None, True),
    "continuous memory, same size": (lambda c: SphereMemory(c.bits, noise=0.15), BINARY, None, True),
    "continuous memory, its own recipe": (lambda c: SphereMemory(c.size, noise=0.15), CONTINUOUS_WEIGHTS, None, True)}
TIMES = (1, 16, 256)                                     # test lengths, in training lengths
TESTED = 256                                             # sequences


def run(config, seeds, variants=tuple(VARIANTS)):
    for seed in seeds:
        yield results.entry(seed, {name: one_variant(config, seed, name) for name in variants})


def one_variant(c, seed, name):
    """Accuracy at three lengths, drift, wrong one-step transitions, certificate."""
    make, weights, start, shift = VARIANTS[name]
    rng, memory, s = stream(seed, "init"), make(c), c.short_length
    teacher = Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads, shift=shift)
    rnn = RNN(rng, c.elements + 1, memory, hidden=c.hidden)
    first = 300 if start is None else 120
    plan = tuple((s, batch, max(2, round(n * c.scale))) for batch, n in ((64, first), (32, 300)))
    curves = train_smt(teacher, rnn, task_of(c), stream(seed, "train"), Recipe(plan, weights, start=start))
    x, y = task_of(c)(stream(seed, "test"), TESTED, s)
    memories = teacher.encoder.forward(x)[0]
    final = {"drift": rollout_scores(rnn, x, y, memories)["drift"].mean(), "dynamics on at": curves["on"]}
    player = players.stepper(rnn)
    if isinstance(memory, BinaryMemory):
        codes = rnn.step(memories[:, :-1].reshape(-1, memory.size), x.reshape(-1))
        final["wrong transitions"] = np.mean((codes != memories[:, 1:].reshape(-1, memory.size)).any(-1))
        proof = certified(c, rnn, s)
        final["certified"] = proof.certified
        player = players.machine_stepper(proof) if proof.closed else player
    tested = {times: task_of(c)(stream(seed, f"test {times}"), TESTED, s * times) for times in TIMES}
    return {"accuracy": {str(s * times): players.play(player, *words) for times, words in tested.items()}, **final}


def checks(record):
    length = TIMES[-1] * record["config"]["short_length"]
    far, held = f"T = {length}", lambda *names: [v for name in names for v in accuracy(record, name, length)]
    kept = [name for name in VARIANTS if name.startswith(("squared", "no bit", "dynamics from", "no worst", "no unif"))]
    whole = held("full recipe")
    return [results.check(f"the full recipe is right at {far} (worst seed)", min(whole, default=None), ">= 0.95",
                          min(whole, default=0) >= 0.95),
            results.check(f"loss, flips, schedule, worst tenth, uniformity can each go: right at {far} (worst of all)",
                          min(held(*kept), default=None), ">= 0.95", min(held(*kept), default=0) >= 0.95),
            results.check(f"without bits the length is lost: mean at {far}, continuous memory of the same size",
                          mean(held("continuous memory, same size")), "< 0.95",
                          (mean(held("continuous memory, same size")) or 1) < 0.95),
            results.check(f"the dynamics loss must train the encoder too: mean at {far} without",
                          mean(held("dynamics loss does not train the encoder")), "< 0.5",
                          (mean(held("dynamics loss does not train the encoder")) or 1) < 0.5)]


def accuracy(record, name, length):
    """The accuracies of a variant at a test length, one a seed."""
    return scores.cells(record, name, "accuracy", length)


def mean(numbers):
    return float(np.mean(numbers)) if numbers else None


def finding(record):
    short, far = (times * record["config"]["short_length"] for times in (TIMES[0], TIMES[-1]))
    at = lambda name, length: accuracy(record, name, length)
    there = [name for name in VARIANTS if at(name, short)]
    held = [name for name in there if min(at(name, far)) >= 0.95]
    lost = [name for name in there if min(at(name, short)) >= 0.95 > min(at(name, far))]
    never = [name for name in there if min(at(name, short)) < 0.95]
    return (f"{len(held)} of {len(there)} variants are right at T = {far:,} on every seed (n = {len(record['runs'])}). "
            f"Lost before that: {'; '.join(lost) or 'none'}. "
            f"Not learned at T = {short}: {'; '.join(never) or 'none'}.")


def table(record):
    lengths, metrics = [times * record["config"]["short_length"] for times in TIMES], ("drift", "wrong transitions")
    rows = []
    for name in VARIANTS:
        if accuracy(record, name, lengths[0]):
            proved = scores.cells(record, name, "certified")
            rows.append([name, *(mean_and_worst(accuracy(record, name, length)) for length in lengths),
                         *(short_mean(scores.cells(record, name, metric)) for metric in metrics),
                         share(sum(proved), len(proved)) if proved else "–"])
    return ["variant", *(f"T = {length}" for length in lengths), *metrics, "certified"], rows


def mean_and_worst(found):
    return f"{np.mean(found):.3f} ({min(found):.3f})"


def short_mean(found):
    return f"{np.mean(found):.2g}" if found else "–"
