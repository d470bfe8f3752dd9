"""Does the order of the methods turn with the memory's size, the context, the width or the time?

The text of the study `text`, one axis at a time around its sizes: numbers in the memory, characters in a window, width
of everything else (encoder, decoder, Transformer; the updater's hidden layer is four times as wide), and updates (so
many times as many; SMT + DMT and BPTT only). Settings as chosen there, at the middle size, and used everywhere; but
for the last axis every cell of a method sees the same number of characters, about `seconds` processor seconds of
training at the middle size. Nats per character from an empty memory, on the last 5 %. SMT and BPTT train the same
residual MLP, self-prediction a GRU. A Transformer has no memory whose size could change. Tables: as in `text`.
At 256 characters SMT has 33 updates, fewer than its warm-up: that cell says that it is slow, not how it ends, and how
closely the RNN follows its encoder is no claim for the context.

"Longer context, smaller memory, more width or more time lets SMT + DMT overtake BPTT" would be shown by one cell in
which it has fewer nats.
"""

from dataclasses import replace

import numpy as np

from common import results
from smt import modelling, natural
from smt.density import BPTT, DMT, ENCODER, SELF, SMT, TRANSFORMER
from smt.modelling import Contest, Setting, nats
from smt.studies.text import PACE

SEEDS, MINUTES = range(100, 103), 8
USES = ("size", "hidden", "width", "heads", "scale", "data_dir")
QUICK = dict(scale=0.003, most=20_000, axes=("memory",), methods=(DMT, BPTT))

AXES = {"memory": (16, 64, 256), "context": (16, 64, 256), "width": (32, 64, 128), "updates": (1, 4)}
MIDDLE = {"memory": 64, "context": 64, "width": 64, "updates": 1}
TITLES = {"memory": "numbers in the memory", "context": "characters in a window", "width": "width",
          "updates": "times the updates"}
SETTINGS = {DMT: Setting(1e-2, 8, dynamics=5.0), SELF: Setting(3e-2, 8, memory="free", updater="gru"),
            BPTT: Setting(1e-2, 8), TRANSFORMER: Setting(1e-2, 8)}                 # those that the study text chose
ROWS = (SMT, DMT, ENCODER, SELF, BPTT, TRANSFORMER)


def run(config, seeds, part, seconds=4, axes=tuple(AXES), methods=tuple(SETTINGS), most=None):
    """seconds: of each training, about, at the middle size. most: characters of the text that are used."""
    cells = list(dict.fromkeys(sizes(axis, value) for axis in axes for value in AXES[axis]))
    data = {context: natural.characters(config.data_dir, context, most=most) for _, context, _, _ in cells}
    tables = {context: part(f"floors {context}", lambda: modelling.floor(each)) for context, each in data.items()}
    for seed in seeds:
        found = {cell: one_cell(config, seed, cell, data[cell[1]], methods, seconds, part) for cell in cells}
        final = {axis: {str(value): {**found[sizes(axis, value)], "tables": tables[sizes(axis, value)[1]]}
                        for value in AXES[axis]} for axis in axes}
        used = next(iter(data.values()))
        yield {**results.entry(seed, final, seconds=modelling.spent(found)), "data": used.files,
               "data set": used.name}


def sizes(axis, value):
    """(memory, context, width, updates) of a cell."""
    return tuple({**MIDDLE, axis: value}.values())


def one_cell(c, seed, cell, data, methods, seconds, part):
    """{row: numbers} of one cell; the number of characters does not depend on the context."""
    memory, context, width, longer = cell
    scale = c.scale * longer * MIDDLE["context"] / context
    sized = replace(c, size=memory, width=width, hidden=4 * width, scale=scale)
    choices = {method: {"setting": SETTINGS[method]} for method in methods
               if (method != TRANSFORMER or memory == MIDDLE["memory"]) and (method in (DMT, BPTT) or longer == 1)}
    return modelling.report(sized, seed, natural.task(data, natural.REPORT), Contest({}, PACE), choices,
                            tuple(choices), seconds, part, f"{cell}")["final"]


# ---------------------------------------------------------------- reading the record

def cells(record):
    """(axis, value) of every cell; the middle one is a cell of every axis."""
    return [(axis, value) for axis in record["config"]["axes"] for value in AXES[axis]]


def overtaken(record):
    """Cells in which SMT + DMT has fewer nats than BPTT (means; infinite where every seed diverged)."""
    return [(axis, value) for axis, value in cells(record)
            if mean(record, axis, value, DMT) < mean(record, axis, value, BPTT)]


def mean(record, *path):
    found = modelling.mean(record, *path)
    return np.inf if found is None else found


def gaps(record, axis):
    """Nats of SMT + DMT minus those of encoder + readout, at every value."""
    return [float((nats(record, axis, value, DMT) - nats(record, axis, value, ENCODER)).mean())
            for value in AXES[axis]]


def checks(record):
    ahead = overtaken(record)
    made = [results.check("SMT + DMT has more nats than BPTT at every memory, context, width and time (cells)",
                          f"{len(cells(record)) - len(ahead)}", f"{len(cells(record))}", not ahead)]
    for axis in (axis for axis in record["config"]["axes"] if axis != "context"):
        first, *_, last = gaps(record, axis)
        made.append(results.check(f"the RNN of SMT + DMT follows its encoder more closely with more {axis} (change of "
                                  "the difference in nats, smallest to largest)", last - first, "< 0", last < first))
    return made


def finding(record):
    where = "; ".join(f"{TITLES[axis]} {value}" for axis, value in overtaken(record)) or "no cell"
    parts = []
    for axis in record["config"]["axes"]:
        shown = ", ".join(f"{mean(record, axis, value, DMT):.2f} against {mean(record, axis, value, BPTT):.2f}"
                          for value in AXES[axis])
        parts.append(f"{TITLES[axis]} {AXES[axis]}: {shown}")
    return (f"SMT + DMT has fewer nats than BPTT in {where} ({len(record['runs'])} seeds). SMT + DMT against BPTT, "
            f"{'; '.join(parts)}.")


def table(record):
    made = {}
    for axis in record["config"]["axes"]:
        rows = [[row, *(text(record, axis, value, row) for value in AXES[axis])] for row in ROWS]
        floor = ["best table", *(f"{modelling.best_table(record, axis, value):.3f}" for value in AXES[axis])]
        chance = ["chance", *(f"{results.values(record, axis, value, 'tables', 'chance')[0]:.3f}"
                              for value in AXES[axis])]
        made[f"{TITLES[axis]}: nats per character, mean ± std (seconds)"] = (
            ["method", *map(str, AXES[axis])], [row for row in rows if set(row[1:]) != {"–"}] + [floor, chance])
    return made


def text(record, axis, value, row):
    found = nats(record, axis, value, row)
    if not len(found):
        return "–"
    spread = f" ± {found.std(ddof=1):.3f}" if len(found) > 1 else ""
    return f"{found.mean():.3f}{spread} ({results.values(record, axis, value, row, 'seconds').mean():.0f} s)"


def figure(record, arrays):
    """Nats against size, a panel for each axis; a mark for each seed."""
    from common.figures import ROLE, plt
    from smt.modelling_pictures import COLOUR
    axes = record["config"]["axes"]
    fig, panels = plt.subplots(1, len(axes), figsize=(1 + 2.4 * len(axes), 3.9), squeeze=False, sharey=True,
                               layout="constrained")
    for ax, axis in zip(panels[0], axes):
        values = AXES[axis]
        for row, marker in zip((DMT, ENCODER, SELF, BPTT, TRANSFORMER), "os^vX"):
            colour = COLOUR.get(row, ROLE["transformer"])
            known = [value for value in values if len(nats(record, axis, value, row))]
            for value in known:
                found = nats(record, axis, value, row)
                ax.plot([value] * len(found), found, marker, color=colour, markersize=3.5, alpha=0.7)
            ax.plot(known, [nats(record, axis, value, row).mean() for value in known], color=colour, label=row,
                    linewidth=1.2, linestyle="--" if row == ENCODER else "-")
        ax.plot(values, [modelling.best_table(record, axis, value) for value in values], ":", color=ROLE["trivial"],
                label="best table")
        ax.set_xscale("log", base=2)
        ax.set_xticks(values, map(str, values))
        ax.set_xlabel(TITLES[axis])
    panels[0][0].set_ylabel("nats per character, held out")
    fig.legend(*panels[0][len(axes) // 2].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    fig.suptitle(f"One size at a time ({len(record['runs'])} seeds, a mark each)", fontsize=11)
    return fig
