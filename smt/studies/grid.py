"""What does it take to learn Retrieval: the training, the memory or the updater?

Three factors, one at a time. Training: SMT, SMT + DMT and its control (as many further SMT updates), BPTT,
self-prediction. Memory: on the sphere, free (BPTT only), bits (SMT: logistic dynamics loss; BPTT and self-prediction:
straight-through, the residual MLP's skip 0 at first). Updater: residual MLP, GRU, LSTM, Transformer block, tanh-RNN;
64 numbers or bits in all (LSTM: 32 outputs and 32 cells). The full cross at T = 16 and 64; what is solved at 64 on the
first two seeds goes on to 128 with them, and what is solved there to 256. Seeds 100 to 102 are those of earlier runs.

BPTT's settings (rates, batch sizes, initial weights) and self-prediction's two rates are tried on the choosing seeds
900 and 901; the best (accuracy at T and 16 T, then loss) is reported. A best rate of BPTT at the edge extends the grid,
twice at most, unless it solves the task or all is chance. Settings at chance (below 0.25) on 900 are not tried on 901;
if all are, the two with the lowest loss are. A cell at chance with every setting keeps its T = 16 setting at T = 64 and
is reported on two seeds; so does self-prediction. SMT has one setting for each memory and updater, from trials on seeds
20 to 31 and 900. With bits the LSTM's memory is its cell alone. DMT: on the sphere only.
It would refute "SMT with bits needs no gates" if some updater stayed below T = 64, or if BPTT brought it there too.
"""

import numpy as np

from common import results, tables
from common.networks import best_rate
from smt import factorial
from smt.factorial import (AT_CHANCE, BITS, BPTT, DMT, FREE, GATED, MORE, SELF, SMT, SOLVED, SPHERE, UPDATERS, Cell,
                           Setting)

SEEDS, MINUTES = range(100, 105), 100
USES = ("elements", "size", "hidden", "width", "heads", "scale", "test", "longest")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16, longest=64, choosing=(900,), lengths=(16,), far=(),
             updaters=("GRU", "tanh-RNN"), few=(100,))

MEMORIES = {SMT: (SPHERE, BITS), BPTT: (SPHERE, FREE, BITS), SELF: (SPHERE, BITS)}
METHODS = {SMT: (SMT, DMT, MORE), BPTT: (BPTT,), SELF: (SELF,)}
TRAINED_BY = {method: training for training, methods in METHODS.items() for method in methods}


def run(config, seeds, part, choosing=(900, 901), lengths=(16, 64), far=(128, 256), updaters=tuple(UPDATERS),
        few=(100, 101), extensions=2):
    """lengths: the full cross; far: lengths for what is solved before; few: the seeds that cells at chance and `far`
    are reported on, the only ones tested at T = 1,048,576; extensions: of a grid whose best rate is at its edge."""
    cells = [Cell(training, memory, updater) for training, memories in MEMORIES.items() for memory in memories
             for updater in updaters]
    choices, made = {}, {seed: {} for seed in seeds}
    for length in (*lengths, *far):
        for cell in cells:
            if length in lengths:
                choices[length, cell] = choose(config, cell, length, choices, lengths, choosing, extensions, part)
            for seed in seeds:
                merge(made[seed], cell, length, one_cell(config, seed, cell, length, choices, lengths, far, few, part))
    for seed in seeds:
        final = made[seed] | {"trivial": {str(length): factorial.untrained(config, seed, length)
                                          for length in lengths}}
        seconds = sum(leaf["seconds"] for leaf in leaves(made[seed]) if leaf.get("seconds"))
        yield {**results.entry(seed, final, seconds=seconds), "choices": told_choices(choices)}


def merge(tree, cell, length, final):
    for method, found in final.items():
        tree.setdefault(str(length), {}).setdefault(method, {}).setdefault(cell.memory, {})[cell.updater] = found


def leaves(tree):
    """All that was measured of single networks."""
    return [leaf for methods in tree.values() for memories in methods.values() for updaters in memories.values()
            for leaf in updaters.values()]


# ---------------------------------------------------------------- which settings

def settings(cell):
    """What is tried."""
    small = "small table" if cell.updater in (*GATED, "tanh-RNN") else ""
    gain = 4.0 if cell.memory == BITS and cell.updater in GATED else 1.0
    uniformity = 0.05 if cell.memory == BITS or small else 0.02
    if cell.training == SMT:
        return (Setting(2e-3, start=small, faster=3.0, uniformity=uniformity, gain=gain),)
    if cell.training == SELF:
        return Setting(2e-3), Setting(6e-3)
    rates, more = BPTT_GRID[cell.updater]
    start = "chrono" if cell.updater in GATED and cell.memory != BITS else ""
    return (*(Setting(rate, start=start) for rate in rates), Setting(rates[1], divisor=4, start=start), *more)


# {updater: (rates, further settings)}; the middle rate is also tried with a quarter of the batch
BPTT_GRID = {
    "residual MLP": ((1e-3, 3e-3, 1e-2), (Setting(3e-3, start="small"),)),
    "GRU": ((3e-3, 1e-2, 3e-2), (Setting(1e-2), Setting(1e-2, start="chrono"))),
    "LSTM": ((3e-3, 1e-2, 3e-2), (Setting(1e-2), Setting(1e-2, start="chrono"))),
    "Transformer block": ((3e-4, 1e-3, 3e-3), (Setting(1e-3, start="small"),)),
    "tanh-RNN": ((1e-3, 3e-3, 1e-2), (Setting(1e-3, start="identity"), Setting(1e-3, start="orthogonal")))}


def choose(c, cell, length, choices, lengths, choosing, extensions, part):
    """{"setting", "tried": [(setting, [score of each choosing seed])], "seeds": "all" or "few"}."""
    if cell.training == SMT:
        return {"setting": settings(cell)[0], "tried": [], "seeds": "all"}
    if length != lengths[0]:
        first = choices[lengths[0], cell]
        if cell.training == SELF:
            return {**first, "tried": [], "seeds": "few"}
        if first["seeds"] == "few":
            return {**first, "tried": []}
    tried = {}
    for extension in range(extensions + 1):
        score = lambda setting, seed: part(f"choose {length} {label(cell)} {describe(setting)} {seed}",
                                           lambda: factorial.validated(c, seed, cell, setting, length))
        added = {s: [score(s, choosing[0])] for s in dict.fromkeys(beyond(tried) if extension else settings(cell))}
        for setting in promising(added):
            added[setting] += [score(setting, seed) for seed in choosing[1:]]
        tried |= added
        if cell.training != BPTT or not beyond(tried):
            break
    return {"setting": best(tried), "seeds": "few" if highest(tried) < AT_CHANCE else "all",
            "tried": [(setting, [score["score"] for score in scores]) for setting, scores in tried.items()]}


def promising(tried):
    """The settings that are tried on the other choosing seeds: those above chance; without any, the two best."""
    above = [setting for setting, (score,) in tried.items() if score["accuracy"] >= AT_CHANCE]
    return above or sorted(tried, key=lambda setting: tried[setting][0]["loss"])[:2]


def best(tried):
    mean = lambda what: [np.mean([score[what] for score in scores]) for scores in tried.values()]
    return list(tried)[int(best_rate(mean("score"), mean("loss")))]


def highest(tried):
    return max(score["accuracy"] for scores in tried.values() for score in scores)


def lowest(scores):
    return min(score["accuracy"] for score in scores)


def beyond(tried):
    """The settings that extend the grid where its best rate is at the edge; none if it solves the task or all is
    chance."""
    top = best(tried)
    rates = [s.lr for s in tried if s._replace(lr=top.lr) == top]
    if highest(tried) < AT_CHANCE or lowest(tried[top]) >= SOLVED:
        return []
    ends = [(min(rates), 1 / 3), (max(rates), 3)]
    return [top._replace(lr=float(f"{rate * factor:.1g}")) for rate, factor in ends if rate == top.lr]


def label(cell):
    return ", ".join(cell)


def describe(setting):
    """For people: what differs from the defaults."""
    fields = list(zip(setting._fields, setting, Setting(0.0)))[1:]
    changed = [f"{name} {value}" for name, value, default in fields if value != default]
    words = [f"rate {setting.lr:g}", *changed]
    return ", ".join(word.replace("divisor", "batch over").replace("start ", "") for word in words)


def told_choices(choices):
    """The same as a tree for the record."""
    tree = {}
    for (length, cell), choice in choices.items():
        made = {"setting": describe(choice["setting"]), "seeds": choice["seeds"],
                "tried": {describe(setting): scores for setting, scores in choice["tried"]}}
        merge(tree, cell, length, {cell.training: made})
    return tree


# ---------------------------------------------------------------- one cell of the report

def one_cell(c, seed, cell, length, choices, lengths, far, few, part):
    """{method: measured}, or nothing where the cell is not run on this seed."""
    if length in lengths:
        run_on = choices[length, cell]["seeds"]
        wanted = run_on == "all" or run_on == "few" and seed in few
        return cell_at(c, seed, cell, length, choices[length, cell], few, part) if wanted else {}
    choice, order = choices[lengths[-1], cell], (lengths[-1], *far)
    if seed not in few or choice["seeds"] != "all":
        return {}
    for before in order[:order.index(length)]:                   # one way of training it has to solve them on all
        found = [cell_at(c, other, cell, before, choice, few, part) for other in few]
        if not any(all((made[method]["accuracy"][str(before)] or 0.0) >= SOLVED for made in found)
                   for method in set.intersection(*map(set, found))):
            return {}
    return cell_at(c, seed, cell, length, choice, few, part)


def cell_at(c, seed, cell, length, choice, few, part):
    longest = c.longest if seed in few else factorial.comparison.CONTINUOUS
    more = (cell.training, cell.memory) == (SMT, SPHERE)
    return part(f"{length} {label(cell)} {seed}",
                lambda: factorial.reported(c, seed, cell, choice["setting"], length, longest, more))


# ---------------------------------------------------------------- reading a record

def get(record, length, method, memory, updater, *what):
    """The values over the seeds that report them."""
    return results.values(record, length, method, memory, updater, *what)


def accuracy(record, length, method, memory, updater, at=None):
    """Of every seed that was run; 0 where the network was lost before that test length."""
    found = [results.at(run["final"], length, method, memory, updater, "accuracy") for run in record["runs"]]
    return np.array([each.get(str(at or length)) or 0.0 for each in found if each], dtype=float)


def solved(record, length, method, memory, updaters=tuple(UPDATERS), at=None):
    """(networks solved, networks)."""
    every = np.concatenate([accuracy(record, length, method, memory, updater, at) for updater in updaters])
    return int((every >= SOLVED).sum()), len(every)


def rows_of(record):
    """[(method, memory)] that were run at all."""
    return [(method, memory) for method, training in TRAINED_BY.items() for memory in MEMORIES[training]
            if any(results.at(run["final"], length, method, memory)
                   for run in record["runs"] for length in lengths_of(record))]


def lengths_of(record):
    return [length for length in (*record["config"]["lengths"], *record["config"]["far"])
            if any(str(length) in run["final"] for run in record["runs"])]


def certified(record, length, method):
    """(networks with bits that are certified, networks with bits)."""
    every = np.concatenate([get(record, length, method, BITS, updater, "certified") for updater in UPDATERS])
    return int(every.sum()), len(every)


def best_cell(record, length, at):
    """(mean accuracy, memory, updater) of BPTT's best cell at a test length."""
    cells = [(float(np.mean(found)), memory, updater) for memory in MEMORIES[BPTT] for updater in UPDATERS
             if len(found := accuracy(record, length, BPTT, memory, updater, at))]
    return max(cells, default=(None, None, None))


OTHERS = tuple(updater for updater in UPDATERS if updater not in GATED)


def checks(record):
    """The bounds were fixed before the run: two for the shortest length, the others for the longest of several.

    What the record shows beyond that is in the finding and the tables, which claim nothing beforehand.
    """
    short, *longer = record["config"]["lengths"]
    return [
        every(f"SMT with bits, trained at T = {short}, is certified with every updater (networks)",
              *certified(record, short, SMT)),
        every(f"self-prediction with bits and the residual MLP solves T = {short} (networks)",
              *solved(record, short, SELF, BITS, ("residual MLP",))),
        *(long_claims(record, longer[-1]) if longer else [])]


def long_claims(record, long, far=4096):
    """What was claimed of the longest length."""
    ungated = np.sum([solved(record, long, BPTT, memory, OTHERS) for memory in MEMORIES[BPTT]], axis=0)
    smt = [v for updater in UPDATERS for v in accuracy(record, long, SMT, BITS, updater, far)]
    opponent = best_cell(record, long, far)[0]
    ahead = float(np.mean(smt)) - opponent if smt and opponent is not None else None
    return [
        every(f"SMT with bits solves T = {long} with every updater (networks)", *solved(record, long, SMT, BITS)),
        every(f"and they are right at T = {far:,} too", *solved(record, long, SMT, BITS, at=far)),
        every(f"SMT + DMT on the sphere solves T = {long} with residual MLP, GRU and Transformer block (networks)",
              *solved(record, long, DMT, SPHERE, ("residual MLP", "GRU", "Transformer block"))),
        every(f"BPTT with a free memory solves T = {long} with GRU and LSTM (networks)",
              *solved(record, long, BPTT, FREE, GATED)),
        none(f"BPTT solves T = {long} with no updater that has no gates, whatever the memory (networks)", *ungated),
        none(f"BPTT through bits solves T = {long} with no updater (networks)", *solved(record, long, BPTT, BITS)),
        results.check(f"trained at T = {long}, tested at {far:,}: SMT with bits (all updaters) is ahead of BPTT's best "
                      "cell (mean difference)", ahead, "> 0", ahead is not None and ahead > 0),
        none(f"self-prediction solves T = {long} with no updater (networks)",
             *np.sum([solved(record, long, SELF, memory) for memory in MEMORIES[SELF]], axis=0))]


def every(claim, k, n):
    return results.check(claim, int(k), f"{n} of {n}", n > 0 and k == n, interval=tables.wilson(int(k), int(n)))


def none(claim, k, n):
    return results.check(claim, int(k), f"0 of {n}", n > 0 and k == 0, interval=tables.wilson(int(k), int(n)))


def finding(record):
    length = record["config"]["lengths"][-1]
    told, rows = [], (("SMT with bits", SMT, BITS), ("SMT on the sphere", SMT, SPHERE),
                      ("SMT + DMT on the sphere", DMT, SPHERE), ("BPTT on the sphere", BPTT, SPHERE),
                      ("BPTT, free memory", BPTT, FREE), ("BPTT through bits", BPTT, BITS),
                      ("self-prediction with bits", SELF, BITS))
    for label, method, memory in rows:
        near, n = solved(record, length, method, memory)
        far, _ = solved(record, length, method, memory, at=4096)
        told.append(f"{label} {near} and {far} of {n}")
    return (f"Networks of the five updaters that solve T = {length}, and T = 4,096 without more training: "
            f"{'; '.join(told)}.")


# ---------------------------------------------------------------- tables and picture

def table(record):
    made = {}
    for length in lengths_of(record):
        header = ["training", "memory", *UPDATERS]
        made[f"Trained at T = {length}: seeds solved; mean accuracy there, at T = 4,096 (0 where lost before)"] = (
            header, [row(record, length, method, memory) for method, memory in rows_of(record)
                     if any(cell_text(record, length, method, memory, updater) != "–" for updater in UPDATERS)])
    made["With bits: certified networks, reachable codes"] = (
        ["trained at", "training", *UPDATERS], [proof_row(record, length, method) for length in lengths_of(record)
                                               for method, memory in rows_of(record) if memory == BITS])
    made["BPTT and self-prediction: the chosen setting (settings tried, updates)"] = (
        ["trained at", "training", "memory", *UPDATERS],
        [choice_row(record, length, training, memory) for length in record["config"]["lengths"]
         for training in (BPTT, SELF) for memory in MEMORIES[training]])
    rows = list(dict.fromkeys(name for run in record["runs"] for found in run["final"]["trivial"].values()
                              for name in found))
    lengths = record["config"]["lengths"]
    made["Without learning: accuracy (mean)"] = (["row", *(f"T = {length}" for length in lengths)], [
        [name, *(f"{results.values(record, 'trivial', length, name).mean():.3f}" for length in lengths)]
        for name in rows])
    return made


def row(record, length, method, memory):
    return [method, memory, *(cell_text(record, length, method, memory, updater) for updater in UPDATERS)]


def cell_text(record, length, method, memory, updater):
    near, far = (accuracy(record, length, method, memory, updater, at) for at in (length, 4096))
    if not len(near):
        return "–"
    there = f", {far.mean():.2f}" if near.mean() >= AT_CHANCE else ""
    return f"{tables.share((near >= SOLVED).sum(), len(near))}; {near.mean():.2f}{there}"


def proof_row(record, length, method):
    return [f"T = {length}", method, *(proof_text(record, length, method, updater) for updater in UPDATERS)]


def proof_text(record, length, method, updater):
    proofs = get(record, length, method, BITS, updater, "certified")
    codes = get(record, length, method, BITS, updater, "codes")
    if not len(proofs):
        return "–"
    span = f"; {codes.min():.0f} to {codes.max():.0f}" if len(codes) and proofs.any() else ""
    return f"{tables.share(proofs.sum(), len(proofs))}{span}"


def choice_row(record, length, training, memory):
    return [f"T = {length}", training, memory,
            *(choice_text(record, length, training, memory, updater) for updater in UPDATERS)]


def choice_text(record, length, training, memory, updater):
    made = results.at(record["runs"][0].get("choices", {}), length, training, memory, updater)
    updates = get(record, length, training, memory, updater, "updates")
    if made is None:
        return "–"
    tried = f"{len(made['tried'])} tried" if made["tried"] else "as at T = 16"
    return f"{made['setting']} ({tried}; {updates.max():,.0f})" if len(updates) else f"{made['setting']} ({tried})"


SHORT = {"residual MLP": "residual\nMLP", "Transformer block": "Transf.\nblock"}


def figure(record, arrays):
    """Tiles: colour is the mean accuracy, the number how many seeds solve it."""
    from common.figures import SEQUENTIAL, plt
    lengths, rows = lengths_of(record), rows_of(record)
    last = record["config"]["lengths"][-1]
    panels = [(length, length, f"trained and tested at T = {length}") for length in lengths]
    panels.insert(lengths.index(last) + 1, (last, 4096, f"trained at {last}, tested at 4,096"))
    across = min(3, len(panels))
    fig, axes = plt.subplots(-(-len(panels) // across), across, figsize=(10, 4 * -(-len(panels) // across)),
                             sharey=True, squeeze=False, layout="constrained")
    for ax, (length, at, title) in zip(axes.flat, panels):
        values = np.array([[mean_or_nan(accuracy(record, length, method, memory, updater, at)) for updater in UPDATERS]
                           for method, memory in rows])
        shown = ax.imshow(values, cmap=SEQUENTIAL, vmin=0.1, vmax=1, aspect="auto")
        ax.set_title(title, fontsize=10)
        ax.grid(visible=False)
        write_counts(ax, record, rows, length, at, values)
        ax.set_xticks(range(len(UPDATERS)), [SHORT.get(name, name) for name in UPDATERS], fontsize=8)
        ax.set_yticks(range(len(rows)), [f"{method} · {memory}" for method, memory in rows], fontsize=9)
    for ax in axes.flat[len(panels):]:
        ax.set_visible(False)
    fig.suptitle(f"Retrieval: seeds that solve it (accuracy of {SOLVED} or more); empty: not run", fontsize=11)
    fig.colorbar(shown, ax=axes, shrink=0.6, label="mean accuracy (chance 0.125)")
    return fig


def mean_or_nan(found):
    return found.mean() if len(found) else np.nan


def write_counts(ax, record, rows, length, at, values):
    for i, (method, memory) in enumerate(rows):
        for j, updater in enumerate(UPDATERS):
            found = accuracy(record, length, method, memory, updater, at)
            if len(found):
                ax.text(j, i, f"{(found >= SOLVED).sum()}/{len(found)}", ha="center", va="center", fontsize=8,
                        color="black" if values[i, j] > 0.6 else "white")
