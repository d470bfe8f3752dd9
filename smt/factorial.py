"""One cell of the grid "training x memory x updater" on Retrieval: a network trained, tested, and proved if it can be.

    SMT               an encoder teaches the updates (training.train_smt)
    SMT + DMT         then it is pulled back to the encoder's memories (training.train_dmt)
    SMT, more SMT     the control: as many further updates of SMT
    BPTT              the ordinary way: unrolled (training.train_bptt)
    self-prediction   our variant, no teacher: gradients cross one update (self_prediction.py)

Everything that one cell may differ in from another is in `Cell` (the three factors) and `Setting` (how it is trained;
what is tried is a tuple of settings). All sizes are those of the main experiment, with 64 bits.
"""

import time
from typing import NamedTuple

import numpy as np

from common.progress import Diverged
from common.randomness import stream
from smt import comparison, players
from smt.certificate import certify
from smt.losses import Weights
from smt.memory import BinaryMemory, FreeMemory, SphereMemory
from smt.model import RNN, Teacher
from smt.self_prediction import Predictor, train_self_prediction
from smt.self_prediction import Recipe as SelfRecipe
from smt.tasks import RetrievalMachine
from smt.training import Recipe, encoder_accuracy, rollout_scores, train_bptt, train_dmt, train_smt

SMT, DMT, MORE, BPTT, SELF = "SMT", "SMT + DMT", "SMT, more SMT", "BPTT", "self-prediction"
SPHERE, FREE, BITS = "sphere", "free", "bits"
UPDATERS = {"residual MLP": "mlp", "GRU": "gru", "LSTM": "lstm", "Transformer block": "transformer",
            "tanh-RNN": "tanh"}
GATED = ("GRU", "LSTM")
SOLVED, AT_CHANCE = 0.95, 0.25


class Cell(NamedTuple):
    """The three factors; training is SMT (with its two ways on), BPTT or SELF."""
    training: str
    memory: str
    updater: str


class Setting(NamedTuple):
    """One way to train a cell.

    lr          learning rate (of the teacher, where there is one)
    divisor     of the batch; the number of updates is multiplied by it, the sequences stay the same
    start       initial weights: "" as everywhere, "chrono" gates, "small" second layer or outputs (a tenth),
                "identity" or "orthogonal" recurrent matrix, "small table" (a tenth)
    faster      the RNN's rate over the teacher's
    uniformity  weight of L_unif
    gain        of bits (memory.BinaryMemory)
    noise       on the updater's input while it is trained; None: what is usual for that training (memory_of)
    """
    lr: float
    divisor: int = 1
    start: str = ""
    faster: float = 1.0
    uniformity: float = 0.0
    gain: float = 1.0
    noise: float | None = None


# ---------------------------------------------------------------- the network of a cell

def network(c, seed, cell, setting, length, vocabulary=None):
    """A fresh RNN; `vocabulary` of another task than Retrieval."""
    updater, memory = key(cell), memory_of(c, cell, setting)
    options = {"mlp": {"hidden": c.hidden}, "transformer": {"heads": 1}}.get(updater, {})
    if setting.start == "chrono":
        options["longest"] = length
    if updater == "tanh" and cell.memory == BITS:
        options["squashed"] = False
    rnn = RNN(stream(seed, "init"), vocabulary or c.elements + 1, memory, updater, **options)
    restart(rnn, setting.start, stream(seed, "orthogonal"))
    return rnn


def key(cell):
    """The cell's key of updaters.UPDATERS. With bits the LSTM's memory is its cell alone."""
    updater = UPDATERS[cell.updater]
    return "cell" if updater == "lstm" and cell.memory == BITS else updater


def memory_of(c, cell, setting):
    """Two tokens for the Transformer block, and for the LSTM on the sphere (h and c on a sphere each)."""
    tokens = 2 if key(cell) in ("transformer", "lstm") else 1
    noise = usual_noise(cell) if setting.noise is None else setting.noise
    if cell.memory == BITS:
        carry = 0.0 if cell.training != SMT else 1.5
        return BinaryMemory(c.size, noise=noise, carry=carry, tokens=tokens, gain=setting.gain)
    made = {SPHERE: SphereMemory, FREE: FreeMemory}[cell.memory]
    return made(c.size, tokens=tokens, noise=noise)


def usual_noise(cell):
    """Share of flipped bits, or standard deviation. BPTT's memory is not disturbed, whatever stands here."""
    if cell.memory == BITS:
        return 0.02
    return 0.0 if cell.training == BPTT else 0.15


def restart(rnn, start, rng):
    """Change the initial weights (Setting.start)."""
    arrays = {name.removeprefix("updater/"): array for name, array in rnn.arrays().items()}
    if start == "small table":
        arrays["table"] *= 0.1
    elif start == "small":
        for name, array in arrays.items():
            if name.split(".")[-1] in ("w2", "project"):
                array *= 0.1
    elif start == "identity":
        arrays["w"][...] = np.eye(len(arrays["w"]))
    elif start == "orthogonal":
        arrays["w"][...] = np.linalg.qr(rng.standard_normal(arrays["w"].shape))[0]


# ---------------------------------------------------------------- training

def plan(c, training, length):
    """The phases (length, batch, updates). BPTT has as many sequences as SMT and DMT have at most together; from
    T = 128 on as many as the GRU of the main experiment."""
    if training == SMT:
        phases = {16: ((64, 300), (32, 300)), 64: ((32, 400), (16, 400))}.get(length, ((24, 500), (8, 500)))
    elif training == DMT:
        phases = ((64 if length == 16 else 32, 150),)
    else:
        phases = {16: ((64, 600),), 64: ((32, 750),)}.get(length, ((24, 700),))
    return tuple((length, batch, max(2, round(updates * c.scale))) for batch, updates in phases)


def train(c, seed, cell, setting, length, more=False):
    """{method: trained network}, {method: what it took}. SMT gives three methods with `more`, else one.

    raises   Diverged
    """
    rnn, rng = network(c, seed, cell, setting, length), stream(seed, "train")
    if cell.training == SMT:
        return by_smt(c, seed, cell, setting, length, rnn, rng, more)
    if cell.training == BPTT:
        phases = comparison.divided(plan(c, BPTT, length), setting.divisor)
        took = train_bptt(rnn, comparison.task_of(c), rng, phases, setting.lr, disturbed=bool(setting.noise))
        return {BPTT: rnn}, {BPTT: {"updates": len(took["loss"]), "seconds": took["seconds"]}}
    (_, batch, updates), = plan(c, SELF, length)
    made = by_self_prediction(c, seed, rnn, comparison.task_of(c), (length, batch, updates), setting.lr, rng)
    return {SELF: rnn}, {SELF: made}


def by_smt(c, seed, cell, setting, length, rnn, rng, more):
    """SMT; with `more` also DMT, and as many further updates of SMT. The teacher's bits have gain 1."""
    task = comparison.task_of(c)
    teacher = Teacher(stream(seed, "init teacher"), c.elements + 1, memory_of(c, cell, setting._replace(gain=1.0)),
                      width=c.width, heads=c.heads)
    weights, phases = Weights(dynamics=3.0, uniformity=setting.uniformity), plan(c, SMT, length)
    made = train_smt(teacher, rnn, task, rng, Recipe(phases, weights, setting.lr, faster=setting.faster))
    x, y = task(stream(seed, "test"), c.test, length)
    encoder = encoder_accuracy(teacher, rnn, x, y)
    took = {SMT: {"updates": len(made["dec"]), "seconds": made["seconds"], "dynamics on at": made["on"],
                  "encoder": encoder}}
    if not more:
        return {SMT: rnn}, took
    (_, batch, updates), = plan(c, DMT, length)
    pulled, longer = copy_of(c, seed, cell, setting, length, rnn), copy_of(c, seed, cell, setting, length, rnn)
    dmt = train_dmt(teacher, pulled, task, rng, length, batch, updates)
    control = Recipe(((length, phases[-1][1], updates),), weights, setting.lr / 2, start=-10**6, faster=setting.faster)
    extra = train_smt(teacher, longer, task, rng, control, label=MORE)
    took |= {method: {"updates": len(made["dec"]) + updates, "seconds": added["seconds"]}      # of its own part
             for method, added in ((DMT, dmt), (MORE, extra))}
    return {SMT: rnn, DMT: pulled, MORE: longer}, took


def copy_of(c, seed, cell, setting, length, rnn):
    """Another network with the same weights."""
    other = network(c, seed, cell, setting, length)
    other.flat[:] = rnn.flat
    return other


def by_self_prediction(c, seed, rnn, task, phase, lr, rng):
    """What it took to train `rnn` on a phase (length, batch, updates) of a task (rng, batch, length) -> (x, y).

    The decoder sees all that is left of the sequence: with one length only nothing shorter is ever asked.
    """
    length, batch, updates = phase
    predictor, recipe = predictor_and_recipe(c, seed, rnn, length, updates, lr)
    started = time.process_time()
    made = train_self_prediction(rnn, predictor, lambda rng: task(rng, batch, length), rng, recipe)
    return {"updates": made["updates"], "seconds": time.process_time() - started}


def predictor_and_recipe(c, seed, rnn, length, updates, lr):
    """What self-prediction needs besides the network."""
    predictor = Predictor(stream(seed, "init teacher"), rnn.vocabulary, rnn.memory, width=c.width)
    return predictor, SelfRecipe(updates=updates, lr=lr, horizon=length, places=max(32, 2048 // length), threshold=0.3)


# ---------------------------------------------------------------- what is measured

def validated(c, seed, cell, setting, length):
    """Validation accuracy (mean of T and 16 T), the one at T, and the loss at T: what a setting is chosen by."""
    task = comparison.task_of(c)
    try:
        (rnn,), _ = (list(made.values()) for made in train(c, seed, cell, setting, length))
    except Diverged:
        return {"score": 0.0, "accuracy": 0.0, "loss": np.inf}
    near = rollout_scores(rnn, *task(stream(seed, "validation"), min(c.test, 256), length))
    distant = comparison.AS_LONG * length
    far = players.play(players.stepper(rnn), *task(stream(seed, "validation, long"), min(c.test, 128), distant))
    return {"score": (near["accuracy"] + far) / 2, "accuracy": near["accuracy"], "loss": near["loss"]}


def tests(c, length, longest):
    """{test length: sequences}: the training length and those beyond."""
    counts = {length: 512, 64: 512, 256: 256, 1024: 128, 4096: 64, 1048576: 8}
    return {n: min(c.test, count) for n, count in counts.items() if length <= n <= min(longest, c.longest)}


def measured(c, seed, rnn, length, longest):
    """Accuracy at all test lengths, and for bits the certificate. A network below one half is lost: nothing more is
    asked of it (None), and it cannot be certified."""
    scored = lambda player, n, count: players.play(
        player, *comparison.task_of(c)(stream(seed, f"test {n}"), count, n))
    player, bits = players.stepper(rnn), isinstance(rnn.memory, BinaryMemory)
    counts = tests(c, length, longest)
    final = {"accuracy": {str(length): scored(player, length, counts.pop(length))}}
    latest = final["accuracy"][str(length)]
    if bits:
        final |= {"certified": False, "codes": None}
    if bits and latest >= comparison.LOST:
        machine = RetrievalMachine(c.elements, shortest=length)
        proof = certify(rnn.step, rnn.answer, rnn.initial(1)[0], machine, limit=20_000)
        final |= {"certified": proof.certified, "codes": len(proof.codes) if proof.closed else None}
        player = players.machine_stepper(proof) if proof.closed else player
    for n, count in counts.items():
        if n > comparison.CONTINUOUS and not final.get("codes"):
            break
        latest = scored(player, n, count) if latest is not None and latest >= comparison.LOST else None
        final["accuracy"][str(n)] = latest
    return final


def reported(c, seed, cell, setting, length, longest=4096, more=False):
    """{method: everything measured of one cell on one seed}. A run that diverges has accuracy 0."""
    try:
        networks, took = train(c, seed, cell, setting, length, more)
    except Diverged:
        return {cell.training: {"accuracy": {str(length): 0.0}, "diverged": True}}
    return {method: {**took[method], **measured(c, seed, rnn, length, longest)} for method, rnn in networks.items()}


def untrained(c, seed, length):
    """The trivial rows at the training length: the most frequent answer, an untrained encoder, untrained RNNs."""
    task = comparison.task_of(c)
    (_, seen), (x, y) = (task(stream(seed, name), c.test, length) for name in ("train", "test"))
    frequent = np.bincount(seen[seen >= 0]).argmax()
    setting, memory = Setting(0.0), SphereMemory(c.size)
    teacher = Teacher(stream(seed, "init teacher"), c.elements + 1, memory, width=c.width, heads=c.heads)
    fresh = {updater: network(c, seed, Cell(BPTT, SPHERE, updater), setting, length) for updater in UPDATERS}
    scored = {f"untrained {updater}": rollout_scores(rnn, x, y)["accuracy"] for updater, rnn in fresh.items()}
    return {"chance": 1 / c.elements, "most frequent answer": float((y[y >= 0] == frequent).mean()),
            "untrained encoder": encoder_accuracy(teacher, fresh["residual MLP"], x, y), **scored}
