"""How far back does the error reach, before and after training, with every updater?

Retrieval with the symbol at the very beginning, asked at T = 512: every memory from m_2 on has to hold it. What is the
norm of the gradient at m_t by BPTT (the answer's error, through every update between), by SMT's dynamics loss L_dyn
(all transitions; each memory is the input of one and the target of another) and by SMT's decoding loss L_dec (the
decoder starts from m_t and answers at T: T - t steps in one step of attention)? Mean norm over 16 sequences, float64.
A trained network answers right, and a right answer has no error to send; so the answer is judged by another symbol
than the one shown, before and after training alike.

The five updaters on the sphere, with the grid's settings for T = 16 (where both methods train nearly all of them);
the residual MLP by SMT at T = 64 as well. Moments: untrained; after SMT; after SMT at T = 64; before BPTT (its initial
weights: chrono gates for GRU and LSTM, the identity for tanh, small outputs for the Transformer block); after BPTT.
`trained` are the seeds on which anything is trained. It would refute "SMT's gradients do not depend on the distance"
if L_dyn were not flat, or L_dec fell exponentially, or fell at all after training.
"""

import numpy as np

from common import results
from common.randomness import stream
from smt import factorial, losses
from smt.comparison import task_of
from smt.factorial import BPTT, SMT, SPHERE, UPDATERS, Cell, Setting
from smt.gradients import decoding_norms, dynamics_norms
from smt.losses import Weights
from smt.model import RNN, Teacher
from smt.tasks import retrieval
from smt.training import Recipe, rollout_scores, train_smt

SEEDS, MINUTES = range(100, 105), 5
USES = ("elements", "size", "hidden", "width", "heads", "scale", "test")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16, steps=24, longer=16, trained=(1, 100), points=8,
             updaters=("residual MLP", "tanh-RNN"))

UNTRAINED, TAUGHT, LONGER, START, LEARNED = "untrained", "after SMT", "after SMT, longer", "before BPTT", "after BPTT"
MOMENTS = (UNTRAINED, TAUGHT, LONGER, START, LEARNED)
LOSSES = ("BPTT", "dynamics", "decoding")
NOTHING = -300.0                        # log10: below the range of float64
UPDATER = "residual MLP"                # the main experiment's
FAR, SLOPE, SPAN, BETTER = "far over near, log10", "exponent", "largest over smallest, log10", "power law fits better"
# what BPTT needs, by the grid (chosen on seeds 900 and 901)
STARTS = {"residual MLP": Setting(3e-3), "GRU": Setting(3e-2, start="chrono"), "LSTM": Setting(3e-2, start="chrono"),
          "Transformer block": Setting(1e-3, start="small"), "tanh-RNN": Setting(3e-3, start="identity")}


def run(config, seeds, part, steps=512, length=16, longer=64, sequences=16, points=24, trained=(100, 101, 102),
        updaters=tuple(UPDATERS)):
    far = distances(steps, points)
    for seed in seeds:
        final, log10 = {}, np.full((len(updaters), len(MOMENTS), len(LOSSES), len(far)), np.nan, np.float32)
        for i, updater in enumerate(updaters):
            for moment in moments_of(updater, seed in trained):
                at = longer if moment == LONGER else length
                found = part(f"{updater}, {moment}, {seed}",
                             lambda: one(config, seed, updater, moment, at, steps, sequences, far))
                log10[i, MOMENTS.index(moment), :len(found["curves"])] = found["curves"]
                final.setdefault(updater, {})[moment] = {
                    **found["scores"], **{name: shape(curve, far) for name, curve in zip(LOSSES, found["curves"])}}
        yield results.entry(seed, final, arrays={"log10": log10, "distances": far})


def distances(steps, points):
    """Distances T - t from 1 to T - 2, evenly on a logarithmic scale: m_2 is the first memory that holds the symbol."""
    return np.unique(np.round(np.geomspace(1, steps - 2, points)).astype(int))


def moments_of(updater, trained):
    if not trained:
        return UNTRAINED, START
    return tuple(moment for moment in MOMENTS if moment != LONGER or updater == UPDATER)


def one(c, seed, updater, moment, length, steps, sequences, far):
    """{"curves": log10 norms at the distances, (3, points) or BPTT's alone (1, points), "scores": accuracies}."""
    teacher, rnn, cell = networks(c, seed, updater, moment, length)
    scores = {"accuracy": rollout_scores(rnn, *task_of(c)(stream(seed, "test"), c.test, length))["accuracy"]}
    x, y = retrieval(stream(seed, "gradients"), sequences, steps, elements=c.elements, max_pos=0.0)
    exact = double(c, cell, rnn)
    norms = [losses.bptt_loss(exact, x, another(y, c.elements))[1][steps - far]]
    if teacher is not None:
        norms += [steps * dynamics_norms(teacher, exact, x)[steps - far],
                  decoding_norms(teacher, x, another(y, c.elements), steps - far)]
        scores["decoder, far"] = decoder_accuracy(teacher, x, y)
    return {"curves": np.maximum(log10_of(np.array(norms)), NOTHING), "scores": scores}


def log10_of(norms):
    with np.errstate(divide="ignore"):
        return np.log10(norms)


def another(y, elements):
    """The targets, each another symbol than the right one."""
    return np.where(y > 0, y % elements + 1, y)


def decoder_accuracy(teacher, x, y):
    """Of the answers at the end that the decoder gives from m_2 and the inputs after it."""
    memories, rows = teacher.encoder.forward(x)[0][:, 2], np.arange(len(x))
    logits, _ = teacher.decoder.forward(memories, [x[:, 2:]], [(rows, np.full(len(x), x.shape[1] - 2))])
    return float((logits.argmax(1) == y[:, -1]).mean())


# ---------------------------------------------------------------- the networks

def networks(c, seed, updater, moment, length):
    """The teacher in float64 (None for BPTT), the RNN, its cell."""
    if moment in (START, LEARNED):
        cell, setting = Cell(BPTT, SPHERE, updater), STARTS[updater]
        if moment == START:
            return None, factorial.network(c, seed, cell, setting, length), cell
        return None, factorial.train(c, seed, cell, setting, length)[0][BPTT], cell
    cell = Cell(SMT, SPHERE, updater)
    if moment == UNTRAINED:
        teacher, rnn = untrained(c, seed, cell, length, Setting(0.0))
    else:
        teacher, rnn = taught(c, seed, cell, length)
    return double_teacher(c, cell, teacher), rnn, cell


def untrained(c, seed, cell, length, setting):
    memory = factorial.memory_of(c, cell, setting)
    teacher = Teacher(stream(seed, "init teacher"), c.elements + 1, memory, width=c.width, heads=c.heads)
    return teacher, factorial.network(c, seed, cell, setting, length)


def taught(c, seed, cell, length):
    """Trained by SMT with the grid's setting."""
    small = cell.updater in ("GRU", "LSTM", "tanh-RNN")
    setting = Setting(2e-3, start="small table" if small else "", faster=3.0, uniformity=0.05 if small else 0.02)
    teacher, rnn = untrained(c, seed, cell, length, setting)
    recipe = Recipe(factorial.plan(c, SMT, length), Weights(3.0, setting.uniformity), setting.lr,
                    faster=setting.faster)
    train_smt(teacher, rnn, task_of(c), stream(seed, "train"), recipe)
    return teacher, rnn


def double(c, cell, rnn):
    """The same RNN in float64: vanishing gradients leave the range of float32."""
    options = {"mlp": {"hidden": c.hidden}, "transformer": {"heads": 1}}.get(factorial.key(cell), {})
    made = RNN(stream(0, "init"), c.elements + 1, rnn.memory, factorial.key(cell), np.float64, **options)
    made.flat[:] = rnn.flat
    return made


def double_teacher(c, cell, teacher):
    memory = factorial.memory_of(c, cell, Setting(0.0))
    made = Teacher(stream(0, "init"), c.elements + 1, memory, np.float64, width=c.width, heads=c.heads)
    made.flat[:] = teacher.flat
    return made


# ---------------------------------------------------------------- what the curves say

def shape(curve, far):
    """Of log10 norms at the distances `far`: the fall from the nearest to the farthest memory, the span, the exponent
    of a power law (least squares), and whether that fits better than an exponential."""
    exponent, off = fit(np.log10(far), curve)
    return {FAR: float(curve[-1] - curve[0]), SPAN: float(np.ptp(curve)), SLOPE: exponent,
            BETTER: bool(off < fit(far, curve)[1])}


def fit(x, y):
    """The slope of a straight line and the sum of its squared errors."""
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    errors = y - y.mean() - slope * x
    return slope, float(errors @ errors)


def get(record, updater, moment, *what):
    return results.values(record, updater, moment, *what)


def everywhere(record, moment, *what, updaters=tuple(UPDATERS)):
    """Of all updaters and seeds."""
    return np.concatenate([get(record, updater, moment, *what) for updater in updaters])


def checks(record):
    """Bounds fixed after looking at seed 900, before the run. Untrained decoders do not depend on the updater."""
    decoders = [get(record, UPDATER, UNTRAINED, "decoding", what) for what in (BETTER, SLOPE)]
    flat = [np.abs(everywhere(record, moment, "dynamics", SLOPE)) for moment in (UNTRAINED, TAUGHT)]
    farther = [updater for updater in UPDATERS if middle(record, updater, LEARNED) > middle(record, updater, TAUGHT)]
    return [
        at_most("BPTT, untrained, every updater: the error at the first memory over that at the last, log10 (largest)",
                everywhere(record, UNTRAINED, "BPTT", FAR), -2),
        at_most("L_dyn, untrained: exponent of the distance (largest, either sign)", flat[0], 0.1),
        at_most("L_dyn, after SMT: exponent of the distance (largest, either sign)", flat[1], 0.5),
        results.check("L_dec, untrained, falls as a power law, not exponentially (seeds)", int(decoders[0].sum()),
                      f"{len(decoders[0])} of {len(decoders[0])}", len(decoders[0]) > 0 and decoders[0].all()),
        at_most("L_dec, untrained: exponent of the distance (largest, either sign)", np.abs(decoders[1]), 1.5),
        at_most("L_dec, after SMT, is flat: exponent of the distance (largest, either sign)",
                np.abs(everywhere(record, TAUGHT, "decoding", SLOPE)), 0.25),
        at_most("BPTT through the networks that SMT trained: first memory over last, log10 (largest)",
                everywhere(record, TAUGHT, "BPTT", FAR), -1),
        results.check("BPTT's error reaches farther in networks that it trained itself than in those of SMT (updaters, "
                      "medians)", len(farther), f">= 4 of {len(UPDATERS)}", len(farther) >= 4)]


def middle(record, updater, moment):
    found = get(record, updater, moment, "BPTT", FAR)
    return np.median(found) if len(found) else np.nan


def at_most(claim, values, bound):
    highest = float(values.max()) if len(values) else None
    return results.check(claim, highest, f"<= {bound}", highest is not None and highest <= bound)


def finding(record):
    slope = lambda moment, loss: median(everywhere(record, moment, loss, SLOPE))
    return (f"Over {record['config']['steps']} steps, untrained: BPTT's error falls to {ends(record, UNTRAINED)}, "
            f"L_dec's as the distance to the power {slope(UNTRAINED, 'decoding')}, L_dyn's "
            f"{slope(UNTRAINED, 'dynamics')}; after SMT {slope(TAUGHT, 'decoding')} and {slope(TAUGHT, 'dynamics')}. "
            f"BPTT's falls to {ends(record, TAUGHT)} after SMT, to {ends(record, LEARNED)} after BPTT.")


def ends(record, moment):
    """The best and the worst updater of BPTT (medians over the seeds)."""
    found = {updater: get(record, updater, moment, "BPTT", FAR) for updater in record["config"]["updaters"]}
    order = sorted((updater for updater in found if len(found[updater])), key=lambda u: -np.median(found[u]))
    shown = [f"{power(found[updater])} ({updater})" for updater in dict.fromkeys([*order[:1], *order[-1:]])]
    return " to ".join(shown) or "unknown"


def median(values):
    return f"{round(float(np.median(values)), 2) + 0.0:.2f}" if len(values) else "unknown"      # no -0.00


def power(values):
    """'10^-12', the median of log10 values."""
    if not len(values):
        return "unknown"
    middle = np.median(values)
    return "below float64" if middle < NOTHING + 10 else f"10^{middle:.{0 if abs(middle) >= 9.5 else 1}f}"


def table(record):
    far, steps = {}, record["config"]["steps"]
    for updater in record["config"]["updaters"]:
        for moment in MOMENTS:
            if len(get(record, updater, moment, "accuracy")):
                far[updater, moment] = [fall(record, updater, moment, loss) for loss in LOSSES]
    shown = [[updater, told(record, moment), *cells, accuracy(record, updater, moment, "accuracy"),
              accuracy(record, updater, moment, "decoder, far")] for (updater, moment), cells in far.items()]
    return ["updater", "network", "BPTT", "L_dyn", "L_dec", "accuracy at its length",
            f"decoder from m₂, T = {steps}"], shown


def told(record, moment):
    """The moment with its length."""
    c = record["config"]
    lengths = {TAUGHT: c["length"], LONGER: c["longer"], LEARNED: c["length"]}
    name = "after SMT" if moment == LONGER else moment
    return f"{name}, T = {lengths[moment]}" if moment in lengths else moment


def fall(record, updater, moment, loss):
    """First memory over last: median of log10 (lowest to highest)."""
    found = get(record, updater, moment, loss, FAR)
    return f"{np.median(found):.1f} ({found.min():.1f} to {found.max():.1f})" if len(found) else "–"


def accuracy(record, updater, moment, what):
    found = get(record, updater, moment, what)
    return f"{found.mean():.2f} ({found.min():.2f})" if len(found) else "–"


# ---------------------------------------------------------------- picture

COLOUR = {"residual MLP": "mlp", "GRU": "gru", "LSTM": "lstm_forget", "Transformer block": "transformer",
          "tanh-RNN": "rnn"}
TITLES = ("BPTT:\nthrough every update", "SMT, $L_{dyn}$:\nthrough one update",
          "SMT, $L_{dec}$:\none step of attention")
FLOOR = 1e-14                           # of the picture


def figure(record, arrays):
    """Above: untrained; below: after training. The error flows to the left; a power law is a straight line."""
    from common.figures import ROLE, plt
    c, far, log10 = record["config"], arrays["distances"][0], arrays["log10"]
    fig, axes = plt.subplots(2, 3, figsize=(8, 6.2), sharex=True, sharey=True)
    for i, updater in enumerate(c["updaters"]):
        color = ROLE[COLOUR[updater]]
        for j in range(len(LOSSES)):
            draw_curves(axes[0, j], far, log10[:, i, MOMENTS.index(UNTRAINED), j], color)
            draw_curves(axes[1, j], far, log10[:, i, MOMENTS.index(TAUGHT), j], color)
        draw_curves(axes[1, 0], far, log10[:, i, MOMENTS.index(LEARNED), 0], color, "--")
        draw_curves(axes[1, 0], far, log10[:, i, MOMENTS.index(LONGER), 0], color, ":")
        axes[0, 0].plot([], [], color=color, label=updater)
    for style, name in (("-", f"trained by SMT, T = {c['length']}"), (":", f"by SMT, T = {c['longer']}"),
                        ("--", f"trained by BPTT, T = {c['length']}")):
        axes[0, 0].plot([], [], style, color="black", label=name)
    label_panels(axes, record)
    axes[0, 0].set(xscale="log", yscale="log", ylim=(FLOOR, 1e2), xlim=(1.3 * far[-1], 0.8))
    axes[0, 0].set_yticks([10.0 ** k for k in range(-12, 3, 4)])
    fig.legend(loc="outside lower center", ncols=3)
    fig.suptitle(f"What arrives at $m_t$ when the answer is asked at T = {c['steps']} (the error flows to the left)\n"
                 f"{len(log10)} seeds above, {len(c['trained'])} below; thin: each, thick: median", fontsize=11)
    return fig


def label_panels(axes, record):
    """Titles, axes, and the exponents."""
    for ax, title in zip(axes[0], TITLES):
        ax.set_title(title)
    for ax in axes[1]:
        ax.set_xlabel("steps to the answer, T - t")
    for ax, name in zip(axes[:, 0], ("untrained", "after training")):
        ax.set_ylabel(rf"{name}: $\|\partial L/\partial m_t\|$")
    for row, moment in zip(axes, (UNTRAINED, TAUGHT)):
        for ax, loss in zip(row[1:], LOSSES[1:]):
            exponent = median(everywhere(record, moment, loss, SLOPE))
            ax.text(0.5, 0.12, f"exponent of the\ndistance: {exponent}", transform=ax.transAxes, ha="center",
                    fontsize=10)


def draw_curves(ax, far, log10, color, style="-"):
    """Each seed thin, their median thick; what leaves the picture below is smaller than its floor."""
    known = log10[np.isfinite(log10).all(1)]
    for curve in known:
        ax.plot(far, 10.0 ** np.maximum(curve, -250), style, color=color, linewidth=0.6, alpha=0.4)
    if len(known):
        ax.plot(far, 10.0 ** np.maximum(np.median(known, axis=0), -250), style, color=color, linewidth=1.6)
