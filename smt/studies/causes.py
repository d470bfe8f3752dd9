"""Which change lets SMT train gated updaters, and what moves the wall at T = 256?

Two ladders, one change at a time. (1) From the main experiment's recipe for the sphere (RNN's rate as the teacher's,
uniformity 0.2, input table N(0, 1)) to the grid's (rate 3 times the teacher's, uniformity 0.05, table a tenth; bits of
gated updaters with gain 4), at T = 32: each change alone, and all but each. Besides accuracy: the error of one step f
from the encoder's own memory, by kind of transition: wait (before the needle is announced), arm (0 is read), store
(the needle is read), hold (after it), answer (0 again). Sphere: mean squared, 2 means unrelated; bits: share of wrong
bits. "moves" is how far the encoder's own memory goes in a hold step, in which a clean machine stays.
(2) At T = 256 the grid's recipe for bits (residual MLP) against the decoder's cuts: 4 per batch, uniform, or 2 (so 8
sequences each), 70 % of them drawn log-uniformly near the end; and against lengths that grow from 16 to 256 (which was
added when both kinds of cuts had failed on the reported seeds; its bound stood before its run).

It would refute "the updater is trained too slowly" if the faster rate changed nothing, alone and taken away; and "the
cuts are the wall" if the changed cuts did not let the decoder find the needle (L_dec below 0.3; ln 8 = 2.08).
"""

import numpy as np

from common import results, tables
from common.randomness import stream
from smt import factorial
from smt.comparison import task_of
from smt.factorial import BITS, SMT, SOLVED, SPHERE, Cell, Setting
from smt.losses import Weights
from smt.model import RNN, Teacher
from smt.training import Recipe, encoder_accuracy, rollout_scores, train_smt

SEEDS, MINUTES = range(100, 102), 10
USES = ("elements", "size", "hidden", "width", "heads", "scale", "test")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16, length=16, long=16, walls=("2 cuts",))

OLD = Setting(2e-3, uniformity=0.2)
CHANGES = {"rate x 3": dict(faster=3.0), "uniformity 0.05": dict(uniformity=0.05),
           "table x 0.1": dict(start="small table"), "gain 4": dict(gain=4.0)}
UNDONE = {"rate x 3": dict(faster=1.0), "uniformity 0.05": dict(uniformity=0.2), "table x 0.1": dict(start=""),
          "gain 4": dict(gain=1.0)}
KINDS = ("wait", "arm", "store", "hold", "answer")
DIRECT = ((1, 16, 520), (1, 6, 350))                            # (part of the length, batch, updates)
GROWING = ((1 / 16, 64, 120), (1 / 8, 32, 180), (1 / 4, 32, 120), (1 / 2, 16, 80), (1, 8, 60))
WALLS = {"4 cuts": (4, 0.0, DIRECT), "2 cuts": (2, 0.0, DIRECT), "2 cuts, late": (2, 0.7, DIRECT),
         "growing lengths": (4, 0.0, GROWING)}                  # groups, share drawn near the end, phases


def ladders():
    """{(updater, memory): {what is changed: setting}}."""
    on_sphere = ("rate x 3", "uniformity 0.05", "table x 0.1")
    return {("GRU", SPHERE): ladder(on_sphere, alone=True), ("GRU", BITS): ladder(tuple(CHANGES)),
            ("tanh-RNN", BITS): ladder(on_sphere)}


def ladder(names, alone=False):
    """No change, perhaps each alone, all, all but each."""
    whole = OLD._replace(**{field: value for name in names for field, value in CHANGES[name].items()})
    made = {"no change": OLD} | {f"{name} alone": OLD._replace(**CHANGES[name]) for name in names if alone}
    return made | {"all": whole} | {f"all but {name}": whole._replace(**UNDONE[name]) for name in names}


def run(config, seeds, part, length=32, long=256, walls=("4 cuts", "2 cuts, late", "growing lengths")):
    """length: of the ladder; long: of the wall; walls: keys of WALLS."""
    for seed in seeds:
        final = {"ladder": {}, "wall": {}}
        for (updater, memory), rungs in ladders().items():
            rows = final["ladder"].setdefault(updater, {}).setdefault(memory, {})
            for name, setting in rungs.items():
                rows[name] = part(f"{seed} {updater} {memory} {name}",
                                  lambda: rung(config, seed, Cell(SMT, memory, updater), setting, length))
        for name in walls:
            final["wall"][name] = part(f"{seed} wall {name}", lambda: wall(config, seed, long, *WALLS[name]))
        yield results.entry(seed, final, seconds=seconds(final))


def seconds(tree):
    """The sum of all numbers called seconds."""
    if "seconds" in tree:
        return tree["seconds"]
    return sum(seconds(branch) for branch in tree.values() if isinstance(branch, dict))


def rung(c, seed, cell, setting, length):
    """One network of the ladder: trained, and its one-step errors."""
    phases = scaled(c, ((length, 32, 300), (length, 16, 300)))
    return trained(c, seed, cell, setting, Recipe(phases, Weights(3.0, setting.uniformity), faster=setting.faster))


def wall(c, seed, length, groups, late, plan):
    """Bits, residual MLP, at a long length."""
    setting = Setting(2e-3, faster=3.0, uniformity=0.05)
    phases = scaled(c, [(round(part * length), batch, updates) for part, batch, updates in plan])
    recipe = Recipe(phases, Weights(3.0, setting.uniformity), faster=setting.faster, groups=groups, late=late)
    return trained(c, seed, Cell(SMT, BITS, "residual MLP"), setting, recipe)


def scaled(c, phases):
    return tuple((length, batch, max(2, round(updates * c.scale))) for length, batch, updates in phases)


def trained(c, seed, cell, setting, recipe):
    length = recipe.plan[-1][0]
    rnn = factorial.network(c, seed, cell, setting, length)
    memory = factorial.memory_of(c, cell, setting._replace(gain=1.0))
    teacher = Teacher(stream(seed, "init teacher"), c.elements + 1, memory, width=c.width, heads=c.heads)
    made = train_smt(teacher, rnn, task_of(c), stream(seed, "train"), recipe)
    x, y = task_of(c)(stream(seed, "test"), min(c.test, 256), length)
    memories = teacher.encoder.forward(x)[0]
    return {"accuracy": rollout_scores(rnn, x, y)["accuracy"], "encoder": encoder_accuracy(teacher, rnn, x, y),
            "L_dec": float(np.mean(made["dec"][-50:])), "dynamics on at": made["on"], "seconds": made["seconds"],
            "error": by_kind(one_step_errors(rnn, memories, x), x),
            "moves": by_kind(distance(rnn, memories[:, 1:], memories[:, :-1]), x)["hold"]}


# ---------------------------------------------------------------- errors of one step

def one_step_errors(rnn: RNN, memories, x):
    """(B, T): how far f(m_t-1, x_t) is from the encoder's m_t, for memories (B, T+1, Z) and tokens (B, T)."""
    batch, length = x.shape
    given = np.ascontiguousarray(memories[:, :-1]).reshape(batch * length, -1)
    return distance(rnn, rnn.step(given, x.reshape(-1)).reshape(batch, length, -1), memories[:, 1:])


def distance(rnn, a, b):
    """Share of different bits, or mean squared difference (2: unrelated), over the last axis."""
    squared = np.square(a - b).mean(-1)
    return squared / 4 if isinstance(rnn.memory, factorial.BinaryMemory) else squared


def by_kind(errors, x):
    """{kind: mean} of errors (B, T) over the transitions of each kind (see the docstring)."""
    announced = (x == 0).argmax(1)[:, None]                 # the first 0 of every sequence
    time, last = np.arange(x.shape[1])[None], x.shape[1] - 1
    masks = {"wait": time < announced, "arm": time == announced, "store": time == announced + 1,
             "hold": (time > announced + 1) & (time < last), "answer": (time == last) & (time > announced + 1)}
    return {kind: float(errors[np.broadcast_to(mask, errors.shape)].mean()) if mask.any() else None
            for kind, mask in masks.items()}


# ---------------------------------------------------------------- reading a record

def get(record, *path):
    return results.values(record, *path)


def checks(record):
    """The bounds were fixed before the run."""
    accuracy = lambda *where: mean(get(record, "ladder", *where, "accuracy"))
    gru, bits, tanh = (("GRU", SPHERE), ("GRU", BITS), ("tanh-RNN", BITS))
    length, long = record["config"]["length"], record["config"]["long"]
    late, plain = get(record, "wall", "2 cuts, late", "accuracy"), get(record, "wall", "4 cuts", "accuracy")
    errors = [mean(get(record, "ladder", *gru, "no change", "error", kind)) for kind in ("store", "hold")]
    return [
        at_least(f"all changes together solve T = {length} (lowest mean accuracy of the three ladders)",
                 min((accuracy(*where, "all") for where in (gru, bits, tanh)), key=lambda v: v or 0.0), SOLVED),
        at_most("without any change the GRU on the sphere does not learn (mean accuracy)", accuracy(*gru, "no change"),
                0.6),
        at_least("taking the faster rate away from the GRU on the sphere costs accuracy (mean difference)",
                 difference(accuracy(*gru, "all"), accuracy(*gru, "all but rate x 3")), 0.05),
        at_least("unchanged, the GRU's error of storing is a multiple of that of holding (ratio)",
                 errors[0] / errors[1] if errors[1] else None, 2.0),
        at_most(f"the grid's recipe, 4 uniform cuts, does not learn T = {long} (highest accuracy)",
                max(plain, default=None), 0.25),
        at_least("with 2 cuts, 70 % of them late, it does (lowest accuracy)", min(late, default=None), SOLVED),
        at_least(f"with lengths that grow from {long // 16} it does (lowest accuracy)",
                 min(get(record, "wall", "growing lengths", "accuracy"), default=None), SOLVED)]


def mean(values):
    return float(np.mean(values)) if len(values) else None


def difference(a, b):
    return a - b if a is not None and b is not None else None


def at_least(claim, value, bound):
    return results.check(claim, value, f">= {bound}", value is not None and value >= bound)


def at_most(claim, value, bound):
    return results.check(claim, value, f"<= {bound}", value is not None and value <= bound)


def finding(record):
    where = ("ladder", "GRU", SPHERE)
    shown = lambda value: f"{value:.2f}" if value is not None else "none"
    rungs = {name: mean(get(record, *where, name, "accuracy")) for name in ladders()["GRU", SPHERE]}
    walls = [f"{name}: {shown(mean(get(record, 'wall', name, 'accuracy')))}" for name in record["config"]["walls"]]
    told = ", ".join(f"{name} {shown(value)}" for name, value in rungs.items())
    return (f"GRU on the sphere, T = {record['config']['length']} (mean accuracy, n = {len(record['runs'])}): {told}. "
            f"Bits at T = {record['config']['long']}: {'; '.join(walls)}.")


def table(record):
    header = ["updater, memory", "changed", "accuracy", "encoder", *(f"error: {kind}" for kind in KINDS), "moves"]
    rows = [[f"{updater}, {memory}", name, *numbers(record, "ladder", updater, memory, name)]
            for (updater, memory), rungs in ladders().items() for name in rungs]
    walls = [[name, per_seed(get(record, "wall", name, "accuracy")), per_seed(get(record, "wall", name, "encoder")),
              per_seed(get(record, "wall", name, "L_dec")), on_at(record, name)] for name in record["config"]["walls"]]
    return {f"T = {record['config']['length']}: accuracy of every seed; means of the rest": (header, rows),
            f"T = {record['config']['long']}, bits, residual MLP; every seed": (
                ["cuts", "accuracy", "encoder + readout", "L_dec at the end", "dynamics on at update"], walls)}


def numbers(record, *path):
    errors = [mean(get(record, *path, "error", kind)) for kind in KINDS]
    rest = [mean(get(record, *path, "encoder")), *errors, mean(get(record, *path, "moves"))]
    return [per_seed(get(record, *path, "accuracy")), *("–" if v is None else f"{v:.3f}" for v in rest)]


def per_seed(values):
    return " / ".join(f"{value:.2f}" for value in values) or "–"


def on_at(record, name):
    found = [results.at(run["final"], "wall", name, "dynamics on at") for run in record["runs"]]
    return " / ".join("never" if value is None else tables.number(value) for value in found)
