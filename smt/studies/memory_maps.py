"""What does the memory look like, and is the picture evidence?

Retrieval (8 symbols, T = 16), String Copy (2 symbols, 5 letters) and Stack Operations (2 symbols, at most 3): residual
MLP, 64 numbers on the sphere, 600 updates of SMT. The picture is that of the paper: the encoder's memories of fresh
sequences in their first two principal components, in the colour of what has to be remembered, and the RNN's update f
as arrows, at points around the memories, for one input. The control is the same picture of the same networks before
training: what it shows too is no evidence.

So there is a number. Take three memories at the same time step, after the same last two tokens: two that have to hold
the same, by different histories, and one that has to hold something else. How often are the two that agree the nearer
pair? 0.5 is chance. It is measured in all 64 numbers and in the plane of the picture, for the encoder and for the RNN
on its own memory, and for four memories that nobody trained (`RULES`): all inputs, all inputs with the oldest counting
most, the number of each token, the number of symbols less that of zeros (on a stack its depth). Three of these rules
came after a first run of these seeds, whose numbers they explain; the bounds are the first run's. Counted are memories
that hold a symbol (Retrieval), that have answered at least one letter (String Copy: before that the same content means
the same inputs, so the tree of strings that the picture shows has no such test), all (Stack). "Training makes the
memory forget what need not be told apart" is refuted by a task on which the number is no higher than untrained, or
than by a rule.
"""

import itertools

import numpy as np

from common import results
from common.randomness import stream
from smt.losses import Weights, unroll
from smt.memory import SphereMemory
from smt.model import RNN, Teacher
from smt.pictures import labels, principal_components
from smt.tasks import TASKS
from smt.training import Recipe, encoder_accuracy, rollout_scores, set_start, train_smt

SEEDS, MINUTES = range(100, 103), 3
USES = ("size", "hidden", "width", "heads", "scale")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, sequences=40, shown=10)

# name: (key of TASKS, length, parameters, the token of the arrows, what it does)
SIZES = {"Retrieval": ("retrieval", 16, {"elements": 8}, 1, "a filler"),
         "String Copy": ("string_copy", 10, {"elements": 2}, 1, "append 1"),
         "Stack Operations": ("stack_operations", 16, {"elements": 2, "max_size": 3}, 0, "pop")}
MOMENTS, WHO = ("trained", "untrained"), ("encoder", "RNN")
APART, PLANE, RULE = "told apart", "told apart in the plane", "rules"
GRID, NEAR, AT_ONCE = 13, 0.09, 60      # arrows each way; how near a memory they are; memories compared at once
BASE = 3                                # a stack or string of symbols 1 and 2 as a number, its top the last digit


def run(config, seeds, part, sequences=400, shown=60, tasks=tuple(SIZES)):
    for seed in seeds:
        final, arrays = {}, {}
        for name in tasks:
            found = part(f"{name}, {seed}", lambda: one_task(config, seed, name, sequences, shown))
            final[name] = found["final"]
            arrays |= {f"{key(name)}_{what}": a for what, a in found["arrays"].items()}
        yield results.entry(seed, final, arrays=arrays)


def key(name):
    return SIZES[name][0]


def one_task(c, seed, name, sequences, shown):
    x, y = generate(name, stream(seed, f"{name}, test"), sequences)
    final, arrays = {RULE: {rule: told_apart(name, x, memory(one_hot(x))) for rule, memory in RULES.items()}}, {}
    for moment in MOMENTS:
        teacher, rnn = networks(c, seed, name, moment == "trained")
        memories = {"encoder": teacher.encoder.forward(x)[0],
                    "RNN": unroll(rnn, rnn.initial(len(x)), np.ascontiguousarray(x.T)).states.swapaxes(0, 1)}
        scores = {"encoder": encoder_accuracy(teacher, rnn, x, y), "RNN": rollout_scores(rnn, x, y)["accuracy"]}
        final[moment] = {who: {"accuracy": scores[who], APART: told_apart(name, x, memories[who]),
                               PLANE: told_apart(name, x, in_plane(memories[who]))} for who in WHO}
        arrays |= {f"{moment}_{what}": a for what, a in picture(name, teacher, rnn, x[:shown]).items()}
    return {"final": final, "arrays": arrays}


def generate(name, rng, batch):
    task, length, parameters, _, _ = SIZES[name]
    return TASKS[task].generate(rng, batch, length, **parameters)


def networks(c, seed, name, trained):
    """Teacher and RNN; the untrained RNN starts from the untrained encoder's memory of the empty past too."""
    task, length, parameters, _, _ = SIZES[name]
    vocabulary, memory = TASKS[task].vocabulary(**parameters), SphereMemory(c.size, noise=0.15)
    teacher = Teacher(stream(seed, "init teacher"), vocabulary, memory, width=c.width, heads=c.heads)
    rnn = RNN(stream(seed, "init"), vocabulary, memory, hidden=c.hidden)
    set_start(teacher, rnn)
    if trained:
        updates = lambda n: max(2, round(n * c.scale))
        recipe = Recipe(((length, 64, updates(300)), (length, 32, updates(300))), Weights(3.0, 0.02),
                        start=updates(100), faster=3.0)
        train_smt(teacher, rnn, lambda rng, batch, _: generate(name, rng, batch), stream(seed, "train"), recipe)
    return teacher, rnn


# ---------------------------------------------------------------- what has to be remembered

def contents(name, x):
    """What m_t has to hold (B, T+1). Retrieval: pictures.labels. Else the symbols that can still be asked for, as a
    number to the base 3 whose last digit is asked first."""
    if name == "Retrieval":
        return labels(x)
    held, half = np.zeros((len(x), x.shape[1] + 1), np.int64), x.shape[1] // 2
    for t, token in enumerate(x.T):
        pushed, popped = held[:, t] * BASE + token, held[:, t] // BASE
        if name == "String Copy":
            held[:, t + 1] = pushed if t < half else held[:, t] if t == half else popped
        else:
            held[:, t + 1] = np.where(token > 0, pushed, popped)
    return held


def counted(name, x, held):
    """Which memories (B, T+1) take part."""
    time = np.arange(held.shape[1])
    if name == "Retrieval":
        return (held > 0) & (time < x.shape[1])
    return np.broadcast_to(time >= x.shape[1] // 2 + 2 if name == "String Copy" else time >= 0, held.shape)


def told_apart(name, x, memories):
    """How often, of three memories at the same time after the same two tokens, the two that agree are the nearer ones.

    memories (B, T+1, D). The two that agree have different histories. Ties count one half.
    """
    held, wins, triples = contents(name, x), 0.0, 0
    takes_part = counted(name, x, held)
    for t in range(2, x.shape[1] + 1):
        history = np.unique(x[:, :t], axis=0, return_inverse=True)[1].reshape(-1)
        for recent in np.unique(x[:, t - 2:t], axis=0):
            rows = np.flatnonzero(np.all(x[:, t - 2:t] == recent, axis=1) & takes_part[:, t])[:AT_ONCE]
            won, n = compared(memories[rows, t].astype(float), held[rows, t], history[rows])
            wins, triples = wins + won, triples + n
    return float(wins / triples) if triples else None


def compared(memories, held, history):
    """(wins, triples) among memories (n, D)."""
    same = held[:, None] == held
    agree, differ = same & (history[:, None] != history), ~same
    squares = (memories * memories).sum(1)
    distance = np.round(squares[:, None] + squares - 2 * memories @ memories.T, 9)
    nearer = distance[:, :, None] - distance[:, None, :]            # anchor, agrees, differs
    counts = agree[:, :, None] & differ[:, None, :]
    return float(((nearer < 0) & counts).sum() + 0.5 * ((nearer == 0) & counts).sum()), int(counts.sum())


def one_hot(x):
    """(B, T+1, T, V): all inputs read so far, the rest 0."""
    read = np.tri(x.shape[1] + 1, x.shape[1], -1)
    return np.eye(x.max() + 1)[x][:, None] * read[None, :, :, None]


def flat(inputs):
    return inputs.reshape(*inputs.shape[:2], -1)


def oldest_first(inputs):
    """Each input counts 1.4 times as much as the one after it."""
    return flat(inputs * 1.4 ** -np.arange(inputs.shape[2])[:, None])


def balance(inputs):
    """(B, T+1, 1): symbols less zeros."""
    counts = inputs.sum(2)
    return counts[..., 1:].sum(-1, keepdims=True) - counts[..., :1]


# memories that need no training: {name: function of one_hot(x)}
RULES = {"all inputs": flat, "all inputs, the oldest count most": oldest_first,
         "number of each token": lambda inputs: inputs.sum(2), "symbols less zeros": balance}


def in_plane(memories):
    """(B, T+1, 2): the first two principal components."""
    flat = memories.reshape(-1, memories.shape[-1]).astype(float)
    mean, plane = principal_components(flat, 2)
    return ((flat - mean) @ plane).reshape(*memories.shape[:2], 2)


# ---------------------------------------------------------------- the picture's arrays

def picture(name, teacher, rnn, x):
    """points (n, 2) and what they hold (n,); arrows (GRID^2, 4): where from, how far; not a number: none is drawn.

    String Copy: all strings before the delimiter, in the order of `prefixes`.
    """
    if name == "String Copy":
        strings = np.array(list(itertools.product((1, 2), repeat=SIZES[name][1] // 2)))
        memories, held = teacher.encoder.forward(strings)[0], contents(name, np.pad(strings, ((0, 0), (0, 5))))
        held = held[:, :memories.shape[1]]
        _, first = np.unique(held, return_index=True)
        memories, held = memories.reshape(-1, memories.shape[-1])[first], held.ravel()[first]
        allowed = held < BASE ** (strings.shape[1] - 1)
    else:
        before = slice(0, x.shape[1])                       # the last memory of Retrieval has been asked
        memories, held = teacher.encoder.forward(x)[0][:, before], contents(name, x)[:, before].ravel()
        memories = memories.reshape(-1, memories.shape[-1])
        allowed = held > 0 if name == "Stack Operations" else np.ones(len(held), bool)
    mean, plane = principal_components(memories.astype(float), 2)
    points = (memories - mean) @ plane
    return {"points": points.astype(np.float16), "held": held.astype(np.int16),
            "arrows": arrows(rnn, memories, points, allowed, mean, plane, SIZES[name][3]).astype(np.float16)}


def arrows(rnn, memories, points, allowed, mean, plane, token):
    """One update from points on a grid around the memories, each lifted to the memory that is nearest in the plane."""
    low, high = points.min(0), points.max(0)
    grid = np.stack(np.meshgrid(*np.linspace(low, high, GRID).T, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = ((grid[:, None] - points) ** 2).sum(-1)
    nearest = distance.argmin(1)
    lifted = memories[nearest] + (grid - points[nearest]) @ plane.T
    start = rnn.memory.normalise(lifted.astype(memories.dtype))[0]
    moved = (rnn.step(start, np.full(len(grid), token)) - mean) @ plane - grid
    drawn = allowed[nearest] & (distance.min(1) < (NEAR * np.linalg.norm(high - low)) ** 2)
    return np.where(drawn[:, None], np.concatenate([grid, moved], axis=1), np.nan)


# ---------------------------------------------------------------- reading a record

def get(record, name, moment, who, what):
    return results.values(record, name, moment, who, what)


def checks(record):
    """Bounds fixed after looking at seed 900, before the run."""
    made = []
    for name in ("Retrieval", "String Copy"):
        found = get(record, name, "trained", "encoder", APART)
        made.append(at_least(f"{name}: the trained encoder tells apart what has to be, and only that (lowest)", found,
                             0.95))
    for name in SIZES:
        gain = get(record, name, "trained", "encoder", APART) - get(record, name, "untrained", "encoder", APART)
        made.append(at_least(f"{name}: more than the same encoder untrained (smallest difference)", gain, 0.05))
    for name in SIZES:
        gain = get(record, name, "trained", "encoder", APART) - best_rule(record, name)
        made.append(at_least(f"{name}: more than the best memory without training (smallest difference)", gain, 0.05))
    return made


def best_rule(record, name):
    """Of every seed."""
    return np.max([results.values(record, name, RULE, rule) for rule in RULES], axis=0)


def at_least(claim, values, bound):
    lowest = float(values.min()) if len(values) else None
    return results.check(claim, lowest, f">= {bound}", lowest is not None and lowest >= bound)


def finding(record):
    told = []
    for name in record["config"]["tasks"]:
        encoder, rnn = (mean(get(record, name, "trained", who, APART)) for who in WHO)
        before = mean(get(record, name, "untrained", "encoder", APART))
        told.append(f"{name} {encoder}, {rnn} ({before}, {mean(best_rule(record, name))})")
    return (f"A memory that holds the same is nearer than one that does not (chance 0.5), encoder and RNN after SMT "
            f"(encoder untrained, best rule): {'; '.join(told)} (n = {len(record['runs'])}).")


def mean(values):
    return f"{values.mean():.2f}" if len(values) else "unknown"


def table(record):
    rows = []
    for name in record["config"]["tasks"]:
        for who in WHO:
            cells = [spread(get(record, name, moment, who, what)) for what in (APART, PLANE) for moment in MOMENTS]
            rows.append([name, who, *cells, spread(get(record, name, "trained", who, "accuracy"))])
        rows += [[name, f"no training: {rule}", "", spread(results.values(record, name, RULE, rule)), *[""] * 3]
                 for rule in RULES]
    return ["task", "memory", "told apart, trained", "untrained", "in the plane, trained", "untrained",
            "accuracy, trained"], rows


def spread(values):
    return f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})" if len(values) else "–"


# ---------------------------------------------------------------- picture

def figure(record, arrays):
    """A column for each task; above after training, below before. Arrows are half as long as the step.

    String Copy shows the strings before the delimiter as a tree; its number is that of the memories after it.
    """
    from common.figures import plt
    tasks = record["config"]["tasks"]
    fig, axes = plt.subplots(2, len(tasks), figsize=(8, 5.6), squeeze=False)
    for column, name in zip(axes.T, tasks):
        for ax, moment in zip(column, MOMENTS):
            points, held, moved = (arrays[f"{key(name)}_{moment}_{what}"][0].astype(float)
                                   for what in ("points", "held", "arrows"))
            if name == "String Copy":
                draw_tree(ax, points, held)
            draw_points(ax, name, points, held.astype(int))
            every_other = moved[::2].T                              # a chequerboard: GRID is odd
            ax.quiver(*every_other, angles="xy", scale_units="xy", scale=2, width=0.007, color="0.6", zorder=0)
            seed = record["runs"][0]["final"][name][moment]["encoder"]
            rule = f", rule {best_rule(record, name)[0]:.2f}" if moment == "trained" else ""
            ax.set(xticks=[], yticks=[])
            ax.set_xlabel(f"apart {seed[APART]:.2f} (plane {seed[PLANE]:.2f}{rule})", fontsize=10)
        column[0].set_title(f"{name}\narrows: {SIZES[name][4]}", fontsize=11)
    for ax, moment in zip(axes[:, 0], MOMENTS):
        ax.set_ylabel(moment)
    fig.suptitle(f"The encoder's memories in two principal components, and the RNN's update (seed "
                 f"{record['runs'][0]['seed']})\napart: how often what has to agree is nearer (chance 0.5; "
                 "plane: in two components; rule: without training)", fontsize=10)
    keys(fig)
    return fig


def draw_points(ax, name, points, held):
    """Retrieval: the symbol held. Else the two symbols that are asked first."""
    from smt.drawing import HELD, scatter_held
    if name != "String Copy":                                       # a third of the sequences: a smaller file
        points, held = points[:len(points) // 3], held[:len(held) // 3]
    if name == "Retrieval":
        scatter_held(ax, points, held, s=9, zorder=2)
        return
    top = held % (BASE * BASE)
    sizes = np.where(held < BASE * BASE, 30, 9) if name == "String Copy" else 9
    colours = [TOP_TWO[int(v)] for v in top]
    ax.scatter(*points.T, c=[HELD[i] if i is not None else "black" for i in colours], s=sizes, linewidths=0, zorder=2)


TOP_TWO = {0: None, 1: 0, 2: 1, 4: 2, 5: 3, 7: 4, 8: 5}       # base 3: (second, top); the number of a colour


def draw_tree(ax, points, held):
    """An edge from each string to the one without its last letter."""
    place = dict(zip(held.astype(int).tolist(), points))
    for string, point in place.items():
        if string:
            ax.plot(*zip(point, place[string // BASE]), color="0.4", linewidth=0.6, zorder=1)


def keys(fig):
    """The key of the two symbols that are asked first; Retrieval's symbols need none: each has its own colour."""
    from common.figures import plt
    from smt.drawing import HELD
    names = {0: "nothing", 1: "1", 2: "2", 4: "1 1", 5: "2 1", 7: "1 2", 8: "2 2"}
    handles = [plt.Line2D([], [], linestyle="", marker="o", markersize=5, label=names[v],
                          color="black" if i is None else HELD[i]) for v, i in TOP_TWO.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=7, handletextpad=0.1, columnspacing=1.0,
               title="String Copy and Stack: asked next, and after that (Retrieval: a colour for each symbol held)",
               title_fontsize=9.5)
