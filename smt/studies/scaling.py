"""Does the order of the methods turn with the memory's size, the context, the width or the time?

The text of the study `text`, one axis at a time: numbers in the memory, characters in a window, width of everything
else (encoder, decoder, Transformer; the updater's hidden layer is four times as wide), and updates (so many times as
many), at 64 characters and at 256. Settings as chosen there, used everywhere. "Once" is about `seconds` processor
seconds of training at the middle size, and the same number of characters elsewhere. Once gives SMT 33 updates at 256
characters, fewer than its warm-up: that cell says that it is slow, not how it ends. So the contexts are compared at
four times the updates too, and 256 characters at 16 times. Nats per character from an empty memory, on the last 5 %.
SMT and BPTT train the same residual MLP, self-prediction a GRU. A Transformer has no memory whose size could change.
More than once: SMT + DMT and BPTT only. Tables: as in `text`.

Self-prediction, the Transformer and most cells of BPTT were read back from an earlier run of the same code; all of SMT
was run again when study `text` had found it a better setting.

"Longer context, smaller memory, more width or more time lets SMT + DMT overtake BPTT" would be shown by one cell in
which it has fewer nats.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from common import results
from smt import modelling, natural
from smt.density import BPTT, DMT, ENCODER, SELF, SMT, TRANSFORMER
from smt.modelling import Contest, Setting, nats
from smt.studies.text import PACE

SEEDS, MINUTES = range(100, 103), 17
USES = ("size", "hidden", "width", "heads", "scale", "data_dir")
QUICK = dict(scale=0.003, most=20_000, axes=("memory",), methods=(DMT, BPTT))


class Cell(NamedTuple):
    """One size of everything; updates: so many times those of "once"."""
    memory: int = 64
    context: int = 64
    width: int = 64
    updates: int = 1


class Axis(NamedTuple):
    title: str
    rest: Cell                  # the other sizes
    name: str                   # of the size that changes
    values: tuple

    def cell(self, value):
        return self.rest._replace(**{self.name: value})


MIDDLE, LONG = Cell(), 256
AXES = {"memory": Axis("numbers in the memory", MIDDLE, "memory", (16, 64, 256)),
        "context": Axis("characters in a window", MIDDLE, "context", (16, 64, LONG)),
        "context, longer": Axis("characters in a window, 4 times the updates", Cell(updates=4), "context",
                                (16, 64, LONG)),
        "width": Axis("width", MIDDLE, "width", (32, 64, 128)),
        "updates": Axis("times the updates", MIDDLE, "updates", (1, 4)),
        "updates, long": Axis(f"times the updates, {LONG} characters", Cell(context=LONG), "updates", (1, 4, 16))}
FOLLOWED = ("memory", "width", "updates")       # how closely the RNN follows its encoder is claimed for these
SETTINGS = {DMT: Setting(1e-2, 8, dynamics=0.2, uniformity=0.2), SELF: Setting(3e-2, 8, memory="free", updater="gru"),
            BPTT: Setting(1e-2, 8), TRANSFORMER: Setting(1e-2, 8)}                 # those that the study text chose
ROWS = (SMT, DMT, ENCODER, SELF, BPTT, TRANSFORMER)
FLOORS = ("best table", "table of 1 nearest", "unigram", "chance")


def run(config, seeds, part, seconds=4, axes=tuple(AXES), methods=tuple(SETTINGS), most=None):
    """seconds: of each training, about, at the middle size. most: characters of the text that are used."""
    cells = list(dict.fromkeys(AXES[axis].cell(value) for axis in axes for value in AXES[axis].values))
    data = {context: natural.characters(config.data_dir, context, most=most) for _, context, _, _ in cells}
    tables = {context: part(f"floors {context}", lambda: modelling.floor(each)) for context, each in data.items()}
    for seed in seeds:
        found = {cell: one_cell(config, seed, cell, data[cell.context], methods, seconds, part) for cell in cells}
        final = {axis: {str(value): {**found[cell], "tables": tables[cell.context]}
                        for value in AXES[axis].values for cell in [AXES[axis].cell(value)]} for axis in axes}
        used = next(iter(data.values()))
        yield {**results.entry(seed, final, seconds=modelling.spent(found)), "data": used.files,
               "data set": used.name}


def one_cell(c, seed, cell, data, methods, seconds, part):
    """{row: numbers} of one cell; the number of characters does not depend on the context."""
    scale = c.scale * cell.updates * MIDDLE.context / cell.context
    sized = replace(c, size=cell.memory, width=cell.width, hidden=4 * cell.width, scale=scale)
    choices = {method: {"setting": SETTINGS[method]} for method in methods if belongs(method, cell)}
    return modelling.report(sized, seed, natural.task(data, natural.REPORT), Contest({}, PACE), choices,
                            tuple(choices), seconds, part, f"{tuple(cell)}")["final"]


def belongs(method, cell):
    """Is the method run in that cell?"""
    return (method != TRANSFORMER or cell.memory == MIDDLE.memory) and (method in (DMT, BPTT) or cell.updates == 1)


# ---------------------------------------------------------------- reading the record

def cells(record):
    """{cell: (axis, value)} of every cell, where it comes first."""
    found = {}
    for axis in record["config"]["axes"]:
        for value in AXES[axis].values:
            found.setdefault(AXES[axis].cell(value), (axis, value))
    return found


def overtaken(record):
    """Cells in which SMT + DMT has fewer nats than BPTT (means; infinite where every seed diverged)."""
    return [(axis, value) for axis, value in cells(record).values()
            if mean(record, axis, value, DMT) < mean(record, axis, value, BPTT)]


def mean(record, *path):
    found = modelling.mean(record, *path)
    return np.inf if found is None else found


def behind(record, axis, value, row, other):
    """Nats of one row minus those of another, each seed; NaN where one of them diverged."""
    found = [[results.at(run["final"], axis, value, name, "nats") for name in (row, other)] for run in record["runs"]]
    return np.subtract(*np.array(found, dtype=float).T)


def change(record, axis, row, other):
    """Of that difference from the smallest to the largest value, each seed."""
    first, *_, last = AXES[axis].values
    return behind(record, axis, last, row, other) - behind(record, axis, first, row, other)


def checks(record):
    ahead, axes = overtaken(record), record["config"]["axes"]
    made = [results.check("SMT + DMT has more nats than BPTT at every memory, context, width and time (cells)",
                          f"{len(cells(record)) - len(ahead)}", f"{len(cells(record))}", not ahead)]
    for axis in (axis for axis in axes if axis in FOLLOWED):
        made.append(positive(f"the RNN of SMT + DMT follows its encoder more closely with more {axis} (fall of the "
                             "difference in nats, smallest to largest)", -change(record, axis, DMT, ENCODER)))
    if "context, longer" in axes:
        made.append(positive(f"SMT + DMT is further behind BPTT with windows of {LONG} characters than with 16, after "
                             "as many characters in all (4 times the updates; rise of the difference in nats)",
                             change(record, "context, longer", DMT, BPTT)))
    if "updates, long" in axes:
        made.append(learned(record, AXES["updates, long"].values[-1]))
    return made


def learned(record, times):
    """Does SMT learn anything at the longest windows?"""
    where = "updates, long", times
    rule = results.values(record, *where, "tables", "table of 1 nearest")[0]
    return positive(f"at {LONG} characters and {times} times the updates SMT + DMT has fewer nats than a table of one "
                    "character (difference)", rule - nats(record, *where, DMT))


def positive(claim, values):
    """A check that the mean is above zero; false without values."""
    values = values[np.isfinite(values)]
    return results.check(claim, float(values.mean()) if len(values) else None, "> 0", values.sum() > 0,
                         interval=results.interval(values))


def finding(record):
    ahead = "; ".join(f"{AXES[axis].title} {value}" for axis, value in overtaken(record)) or "none"
    parts = []
    for axis in record["config"]["axes"]:
        shown = ", ".join(f"{mean(record, axis, value, DMT):.2f} against {mean(record, axis, value, BPTT):.2f}"
                          for value in AXES[axis].values)
        parts.append(f"{AXES[axis].title} ({', '.join(map(str, AXES[axis].values))}): {shown}")
    return (f"Of {len(cells(record))} cells SMT + DMT has fewer nats than BPTT in: {ahead} ({len(record['runs'])} "
            f"seeds). SMT + DMT against BPTT, {'; '.join(parts)}.")


def table(record):
    """Of every axis the nats, with what needs no network, and what was spent."""
    made = {}
    for axis in record["config"]["axes"]:
        title, values = AXES[axis].title, AXES[axis].values
        rows = [row for row in ROWS if any(len(nats(record, axis, value, row)) for value in values)]
        floors = [[rule, *(f"{results.values(record, axis, value, 'tables', rule)[0]:.3f}" for value in values)]
                  for rule in FLOORS]
        made[f"{title}: nats per character, mean ± std"] = (["method", *map(str, values)], [
            [row, *(score(nats(record, axis, value, row)) for value in values)] for row in rows] + floors)
        made[f"{title}: updates, seconds, 10⁹ multiply-adds"] = (["method", *map(str, values)], [
            [row, *(spent(record, axis, value, row) for value in values)] for row in rows if row != ENCODER])
    return made


def score(found):
    if not len(found):
        return "–"
    return f"{found.mean():.3f}" + (f" ± {found.std(ddof=1):.3f}" if len(found) > 1 else "")


def spent(record, *path):
    if not len(nats(record, *path)):
        return "–"
    updates, seconds, work = (results.values(record, *path, what).mean()
                              for what in ("updates", "seconds", "multiply-adds"))
    return f"{updates:,.0f}, {seconds:.0f} s, {work / 1e9:,.0f}"


def figure(record, arrays):
    """Nats against size, a panel for each axis; a mark for each seed."""
    from common.figures import ROLE, plt
    from smt.modelling_pictures import COLOUR
    axes = record["config"]["axes"]
    columns = min(3, len(axes))
    fig, panels = plt.subplots(-(-len(axes) // columns), columns, figsize=(9, 1 + 2.8 * -(-len(axes) // columns)),
                               squeeze=False, sharey=True, layout="constrained")
    for ax, axis in zip(panels.flat, axes):
        values = AXES[axis].values
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
        ax.set_xlabel(AXES[axis].title.replace(", ", ",\n"))
    for ax in panels[:, 0]:
        ax.set_ylabel("nats per character, held out")
    fig.legend(*panels[0][min(1, columns - 1)].get_legend_handles_labels(), loc="outside lower center", ncols=6,
               fontsize=8)
    fig.suptitle(f"SMT + DMT has fewer nats than BPTT in {len(overtaken(record))} of {len(cells(record))} cells "
                 f"({len(record['runs'])} seeds, a mark each)", fontsize=11)
    return fig
