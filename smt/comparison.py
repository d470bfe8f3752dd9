"""What the main experiment trains and measures: one function per kind of method, each an independent job.

    smt_on_sphere    the paper's memory: SMT; then DMT, or as many updates of SMT more (the control)
    smt_with_bits    a binary memory (ours), with the certificate
    bptt             the opponents: a grid of learning rates and batch sizes, chosen by validation
    transformer      no memory at all

A job returns {"final": {trained: {method: {what: number}}}} (the axes of scores.py) and perhaps "curves" with the same
axes, "arrays", "weights", "notes". The lengths it trains on are a key of scores.TRAINED; what each of them means in
updates and batches is in `plan`.
"""

from typing import NamedTuple

import numpy as np

from common.networks import best_rate
from common.progress import Diverged
from common.randomness import stream
from smt import pictures, players, scores
from smt.certificate import certify, margin
from smt.losses import Weights
from smt.memory import BinaryMemory, FreeMemory, SphereMemory
from smt.model import RNN, Network, Teacher, TransformerBaseline
from smt.tasks import RetrievalMachine, retrieval
from smt.training import (Recipe, encoder_accuracy, rollout_scores, train_bptt, train_dmt, train_smt, train_transformer,
                          transformer_accuracy)

TESTS = (64, 256, 1024, 4096, 1048576)  # test lengths beyond the training length
CONTINUOUS = 4096                       # longest test of a network that has to be run step by step
LOST = 0.5                              # a network below this is not tested on longer sequences
AS_LONG = 16                            # BPTT is chosen by validation at the training length and at 16 times that

CONTINUOUS_WEIGHTS = Weights(dynamics=3.0, uniformity=0.2)
# with less uniformity two symbols may share a code at T = 128 (1 of 10 trials, seeds 10-19); at T = 16 less is enough
BINARY_WEIGHTS = {"long": Weights(dynamics=3.0, uniformity=0.2), "short": Weights(dynamics=3.0, uniformity=0.05)}


# ---------------------------------------------------------------- the task, the lengths, the plans

def task_of(c):
    """(rng, batch, length) -> (x, y); token 0 is the identifier and the question, y = -1: nothing is asked."""
    return lambda rng, batch, length: retrieval(rng, batch, length, elements=c.elements)


def plans(c):
    """{"method, trained": ((length or (shortest, longest), batch, updates), ...)}. All steps and batches are ours.

    SMT's first phase ends when the dynamics are switched on (training.Recipe). BPTT at `direct` has 1,600 updates: one
    SMT update takes 3.8 times as long as one of BPTT (47 and 12 ms, T = 64, B = 32, measured once, seed 900), so that
    is as many seconds as SMT and DMT take, and twice as many sequences. The GRU has as many sequences as they have.
    """
    s, both = c.short_length, (scores.shortest(c.short_length), 2 * c.short_length)
    phases = {
        "smt, direct": ((c.length, 32, 400), (c.length, 16, 400)),
        "smt, long": ((c.long_length, 24, 500), (c.long_length, 8, 500)),
        "smt, short": ((s, 64, 300), (s, 32, 300)),
        "smt, curriculum": ((s, 64, 300), (2 * s, 32, 300)),
        "smt, random": ((both, 64, 300), (both, 32, 300)),
        "dmt, direct": ((c.length, 32, 150),), "dmt, short": ((s, 64, 150),),
        "dmt, curriculum": ((2 * s, 32, 150),), "dmt, random": ((2 * s, 32, 150),),
        "bptt, direct": ((c.length, 32, 1600),), "bptt, short": ((s, 64, 500),),
        "bptt, curriculum": ((s, 64, 400), (2 * s, 64, 300)), "bptt, random": ((both, 64, 700),),
        "gru, direct": ((c.length, 32, 800),), "gru, long": ((c.long_length, 24, 700),),
        "transformer, direct": ((c.length, 32, 400),), "transformer, short": ((s, 64, 400),)}
    return {name: tuple((length, batch, max(2, round(updates * c.scale))) for length, batch, updates in plan)
            for name, plan in phases.items()}


def plan(c, method, trained):
    """The phases of one method; a GRU on short sequences has BPTT's."""
    every = plans(c)
    return every.get(f"{method}, {trained}") or every[f"bptt, {trained}"]


def longest_trained(c, trained):
    return {"direct": c.length, "long": c.long_length, "short": c.short_length}.get(trained, 2 * c.short_length)


def tests(c, trained, longest):
    """The lengths at which networks trained in that way are tested: the training length and those of TESTS beyond."""
    first = {"direct": c.length, "long": c.long_length}.get(trained, c.short_length)
    return [first] + [n for n in TESTS if first < n <= min(longest, c.longest)]


def sequences(c, length):
    """How many test sequences a seed has: 512 up to T = 1,024, 256 at 4,096, 8 beyond."""
    return min(c.test, 512 if length <= 1024 else 256 if length <= 4096 else 8)


def long_scores(c, seed, trained, player, longest=CONTINUOUS):
    """{test length: accuracy}; not run (None) once the accuracy at a shorter length was below LOST."""
    found, accuracy = {}, 1.0
    for length in tests(c, trained, longest):
        if accuracy is not None and accuracy >= LOST:
            accuracy = players.play(player, *task_of(c)(stream(seed, f"test {length}"), sequences(c, length), length))
        else:
            accuracy = None
        found[str(length)] = accuracy
    return found


# ---------------------------------------------------------------- SMT on the sphere, and what DMT adds

def smt_on_sphere(c, seed, trained):
    """SMT with the paper's memory; then two ways on with the same number of updates: DMT, or more SMT (the control)."""
    task, memory, train = task_of(c), SphereMemory(c.size, noise=0.15), stream(seed, "train")
    teacher, rnn = pair(c, seed, memory)
    watch = watcher(c, seed, trained, teacher, rnn)
    curves = train_smt(teacher, rnn, task, train, Recipe(plan(c, "smt", trained), CONTINUOUS_WEIGHTS), watch=watch)
    measured = Measured(c, seed, trained, teacher)
    measured.add(scores.SMT, rnn, curves["seconds"])
    if trained == "short":
        measured.arrays = {**watch.arrays(), **pictures.memory_space(teacher, rnn, c.elements, c.short_length)}
    if trained == "direct":
        measured.curves[scores.SMT] |= training_curves(curves, watch)
    pulled, (more,) = copy_of(c, seed, rnn), plan(c, "dmt", trained)
    dmt = train_dmt(teacher, pulled, task, train, *more)
    measured.add(scores.DMT, pulled, dmt["seconds"])
    control = Recipe((plan(c, "smt", trained)[-1][:2] + more[2:],), CONTINUOUS_WEIGHTS, lr=1e-3, start=-10**6)
    extra = train_smt(teacher, rnn, task, train, control, label="SMT, extra updates")
    measured.add(scores.MORE, rnn, extra["seconds"])
    return measured.job()


class Measured:
    """Collects what is measured of the networks of one job."""

    def __init__(self, c, seed, trained, teacher):
        self.c, self.seed, self.trained, self.teacher = c, seed, trained, teacher
        self.final, self.curves, self.arrays, self.weights = {}, {}, {}, {}
        self.length = tests(c, trained, CONTINUOUS)[0]
        self.test = task_of(c)(stream(seed, "test"), c.test, self.length)

    def add(self, method, rnn, seconds):
        """Accuracy at all test lengths, drift at the training length, weights; `seconds` its training took."""
        drift = rollout_scores(rnn, *self.test, self.teacher.encoder.forward(self.test[0])[0])["drift"]
        self.final[method] = {"accuracy": long_scores(self.c, self.seed, self.trained, players.stepper(rnn)),
                              "drift": drift.mean(), "seconds": seconds}
        self.weights |= named(f"{self.trained}, {method}", players.saved(rnn, "sphere"))
        if self.trained == "direct":
            self.curves[method] = {"drift": drift}
        if method == scores.SMT:
            right = encoder_accuracy(self.teacher, rnn, *self.test)
            self.final[scores.ENCODER] = {"accuracy": {str(self.length): right}}

    def job(self):
        return {"final": {self.trained: self.final}, "curves": {self.trained: self.curves}, "arrays": self.arrays,
                "weights": self.weights}


def watcher(c, seed, trained, teacher, rnn):
    """What is looked at while SMT trains: the rollout's accuracy, or snapshots for the GIF, or nothing."""
    if trained == "direct":
        sequences = task_of(c)(stream(seed, "validation"), 128, c.length)
        return pictures.Watch(teacher, rnn, sequences, every=20)
    return pictures.Movie(teacher, rnn, c.elements, c.short_length, every=8) if trained == "short" else None


def training_curves(curves, watch):
    losses = {name: curves[name] for name in ("dec", "dyn", "unif")}
    return {**losses, "accuracy": watch.accuracy, "watched at": watch.steps}


def pair(c, seed, memory):
    """A fresh teacher and RNN."""
    rng = stream(seed, "init")
    return (Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads),
            RNN(rng, c.elements + 1, memory, hidden=c.hidden))


def copy_of(c, seed, rnn):
    """Another RNN with the same weights."""
    other = RNN(stream(seed, "init"), c.elements + 1, rnn.memory, hidden=c.hidden)
    other.flat[:] = rnn.flat
    return other


def named(name, arrays):
    return {f"{name}/{key}": array for key, array in arrays.items()}


# ---------------------------------------------------------------- SMT with bits, and the certificate

def smt_with_bits(c, seed, trained):
    """SMT with a binary memory, no DMT; its states enumerated, every answer checked."""
    teacher, rnn = pair(c, seed, BinaryMemory(c.bits, noise=0.02))
    recipe = Recipe(plan(c, "smt", trained), BINARY_WEIGHTS.get(trained, BINARY_WEIGHTS["short"]))
    curves = train_smt(teacher, rnn, task_of(c), stream(seed, "train"), recipe)
    first = tests(c, trained, CONTINUOUS)[0]
    proof, any_length = (certified(c, rnn, shortest) for shortest in (first, 3))
    player = players.machine_stepper(proof) if proof.closed else players.stepper(rnn)
    right = long_scores(c, seed, trained, player, TESTS[-1] if proof.closed else CONTINUOUS)
    x, y = task_of(c)(stream(seed, "test"), c.test, first)
    found = {"accuracy": right, "certified": proof.certified, "certified from T = 3": any_length.certified,
             "codes": len(proof.codes),
             "states": proof.groups, "seconds": curves["seconds"], "dynamics on at": curves["on"],
             "drift": rollout_scores(rnn, x, y, teacher.encoder.forward(x)[0])["drift"].mean()}
    if proof.closed:
        found["margin"] = margin(logits_of(rnn), proof)
    final = {scores.BITS: found}
    if trained == "long":                                # the other encoders are those of smt_on_sphere
        final[scores.ENCODER] = {"accuracy": {str(first): encoder_accuracy(teacher, rnn, x, y)}}
    return {"final": {trained: final}, "weights": named(f"{trained}, {scores.BITS}", players.saved(rnn, "bits")),
            "arrays": proof.arrays("machine_") if trained == "short" else {},
            "notes": {scores.label(vars(c), trained): proof.statement}}


def certified(c, rnn, shortest):
    """The certificate for every length T >= shortest."""
    return certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(c.elements, shortest=shortest))


def logits_of(rnn):
    """(codes, tokens) -> u, the numbers whose signs are the next code."""
    def logits(codes, tokens):
        tape = rnn.updater.tape(1, len(codes), backward=False)
        return rnn.updater.step(codes, rnn.updater.drive(tokens), tape, 0)
    return logits


# ---------------------------------------------------------------- opponents

class Opponent(NamedTuple):
    """A network trained by BPTT: what its memory is, its updater, and the settings that are tried."""
    memory: str                         # a key of players.MEMORIES
    grid: tuple                         # (learning rate, divisor of the plan's batch; updates are multiplied by it)
    carry: float = 1.5                  # of bits
    second: float = 1.0                 # factor of the residual MLP's second layer at first
    updater: str = "mlp"


RATES = ((1e-3, 1), (3e-3, 1), (1e-2, 1))
OPPONENTS = {
    scores.BPTT: Opponent("sphere", RATES), scores.SMALL: Opponent("sphere", ((1e-3, 1), (3e-3, 1)), second=0.1),
    scores.BPTT_BITS: Opponent("bits", RATES, carry=0.0), scores.KEPT: Opponent("bits", RATES, carry=1.5),
    scores.GRU: Opponent("free", ((1e-2, 1), (3e-2, 1), (1e-1, 1), (1e-2, 4)), updater="gru")}


def bptt(c, seed, trained, method):
    """Every setting of the opponent's grid; the one with the best validation accuracy is reported.

    Validation: the mean of the accuracies at the training length and at 16 times that; a selection in BPTT's favour
    that SMT does not get. `highest` is the highest test accuracy at the training length of any setting.
    """
    opponent, validation = OPPONENTS[method], stream(seed, "validation")
    near, far = (task_of(c)(validation, 256, n * tests(c, trained, CONTINUOUS)[0]) for n in (1, AS_LONG))
    test = task_of(c)(stream(seed, "test"), c.test, near[0].shape[1])
    tried = [one_setting(c, seed, trained, opponent, setting, near, far, test) for setting in opponent.grid]
    best = int(best_rate([t["accuracy"] for t in tried], [t["loss"] for t in tried]))
    rate, divisor = opponent.grid[best]
    (_, batch, _), *_ = divided(opponent_plan(c, trained, opponent), divisor)
    final = {"rate": rate, "batch": batch, "updates": tried[best]["updates"], "seconds": tried[best]["seconds"],
             "settings tried": len(tried), "highest": max(t["test"] for t in tried),
             "accuracy": long_scores(c, seed, trained, players.stepper(tried[best]["rnn"]))}
    curves = {f"{r:g}": t["curve"] for (r, d), t in zip(opponent.grid, tried) if d == 1}
    weights = players.saved(tried[best]["rnn"], opponent.memory, opponent.updater)
    return {"final": {trained: {method: final}},
            "curves": {trained: {method: {"loss at rate": curves}}} if trained == "direct" else {},
            "weights": named(f"{trained}, {method}", weights)}


def one_setting(c, seed, trained, opponent, setting, near, far, test):
    """Train one opponent once. A rate that diverges has accuracy 0 and infinite loss: it is never chosen."""
    rate, divisor = setting
    rnn = opponent_rnn(c, seed, trained, opponent)
    phases = divided(opponent_plan(c, trained, opponent), divisor)
    done = {"rnn": rnn, "updates": sum(updates for _, _, updates in phases), "curve": [], "seconds": None,
            "accuracy": 0.0, "loss": np.inf, "test": 0.0}
    try:
        trained_by = train_bptt(rnn, task_of(c), stream(seed, "train"), phases, rate)
    except Diverged:
        return done
    close, distant = rollout_scores(rnn, *near), players.play(players.stepper(rnn), *far)
    return done | {"curve": trained_by["loss"], "seconds": trained_by["seconds"], "loss": close["loss"],
                   "accuracy": (close["accuracy"] + distant) / 2, "test": rollout_scores(rnn, *test)["accuracy"]}


def opponent_rnn(c, seed, trained, opponent):
    """A fresh network; a GRU's update gates are chrono-initialised for the longest training length."""
    if opponent.memory == "bits":
        memory = BinaryMemory(c.bits, carry=opponent.carry)
    else:
        memory = {"sphere": SphereMemory, "free": FreeMemory}[opponent.memory](c.size)
    options = {"hidden": c.hidden} if opponent.updater == "mlp" else {"longest": longest_trained(c, trained)}
    rnn = RNN(stream(seed, "init"), c.elements + 1, memory, opponent.updater, **options)
    if opponent.updater == "mlp":
        rnn.arrays()["updater/w2"] *= opponent.second
    return rnn


def opponent_plan(c, trained, opponent):
    """BPTT's plan; the slower GRU, and the small second layer, have half of the updates at T = 64."""
    return plan(c, "bptt" if opponent.second == 1 and opponent.updater == "mlp" else "gru", trained)


def divided(phases, divisor):
    """The same sequences in smaller batches."""
    return tuple((length, max(1, batch // divisor), updates * divisor) for length, batch, updates in phases)


def transformer(c, seed, trained):
    """The Transformer without a memory, at the lengths where its T x T attention fits."""
    baseline = TransformerBaseline(stream(seed, "init"), c.elements + 1, width=c.width, heads=c.heads)
    network = Network({"transformer": baseline})
    train_transformer(network, baseline, task_of(c), stream(seed, "train"), plan(c, "transformer", trained))
    found, accuracy = {}, 1.0
    for length in tests(c, trained, 1024):
        if accuracy >= LOST:
            x, y = task_of(c)(stream(seed, f"test {length}"), sequences(c, length), length)
            rows = max(1, 2 ** 18 // (length * length))          # so many sequences fit at a time
            parts = [slice(first, first + rows) for first in range(0, len(x), rows)]
            accuracy = float(np.average([transformer_accuracy(baseline, x[p], y[p]) for p in parts],
                                        weights=[len(x[p]) for p in parts]))
            found[str(length)] = accuracy
    return {"final": {trained: {scores.TRANSFORMER: {"accuracy": found}}}}


# ---------------------------------------------------------------- one updater on one task, for studies

def compare(c, seed, task, length, vocabulary, kind, recipe, dmt_updates, opponents, tokens=1, clean=None):
    """{metric: value} of SMT, SMT + DMT and BPTT with one updater, all on their own memory from the empty past.

    task, clean   (rng, batch, length) -> (x, y) to train on, and (default: the same) to test on
    kind, tokens  a key of updaters.UPDATERS, and the tokens of the memory
    opponents     {label: (memory class, options of the updater, rates)}; BPTT has as many sequences as SMT and DMT
                  together; the rate is chosen by validation, `highest` is the best of all
    """
    options = {"mlp": {"hidden": c.hidden}, "transformer": {"heads": 1}}.get(kind, {})
    fresh = lambda memory, more: RNN(stream(seed, "init"), vocabulary, memory, kind, **options, **more)
    memory, train = SphereMemory(c.size, tokens=tokens, noise=0.15), stream(seed, "train")
    teacher = Teacher(stream(seed, "init teacher"), vocabulary, memory, width=c.width, heads=c.heads)
    rnn, test = fresh(memory, {}), (clean or task)(stream(seed, "test"), c.test, length)
    smt = train_smt(teacher, rnn, task, train, recipe)
    memories = teacher.encoder.forward(test[0])[0]
    final = {"SMT": rollout_scores(rnn, *test)["accuracy"], "encoder + readout": encoder_accuracy(teacher, rnn, *test),
             "drift after SMT": rollout_scores(rnn, *test, memories)["drift"].mean(), "dynamics on at": smt["on"]}
    dmt = train_dmt(teacher, rnn, task, train, length, 32, dmt_updates)
    scored = rollout_scores(rnn, *test, memories)
    final |= {"SMT + DMT": scored["accuracy"], "drift after DMT": scored["drift"].mean()}
    phases = ((length, 32, (smt["sequences"] + dmt["sequences"]) // 32),)
    validation = task(stream(seed, "validation"), 256, length)
    for label, (kept, more, rates) in opponents.items():
        tried = [bptt_at_rate(fresh(kept(c.size, tokens=tokens), more), task, seed, phases, rate, validation, test)
                 for rate in rates]
        best = int(best_rate([t[0] for t in tried], [t[1] for t in tried]))
        final |= {label: tried[best][2], f"{label}, rate": rates[best], f"{label}, highest": max(t[2] for t in tried)}
    return final


def bptt_at_rate(rnn, task, seed, phases, rate, validation, test):
    """Validation accuracy and loss, test accuracy; 0, infinity, 0 for a rate that diverges."""
    try:
        train_bptt(rnn, task, stream(seed, "train"), phases, rate)
    except Diverged:
        return 0.0, np.inf, 0.0
    scored = rollout_scores(rnn, *validation)
    return scored["accuracy"], scored["loss"], rollout_scores(rnn, *test)["accuracy"]
