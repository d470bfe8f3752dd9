"""Draw the figures of the long lags and of their studies; with --tables also fill the tables of the pages.

    python3 vanishing_gradient/long_lags/visualize_long_lags.py

Reads results.json, traces.npz and studies/; trains nothing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results, study
from common.config import make_command, parse_drawing, run
from common.figures import CELLS, ROLE, draw, plt
from common.tables import table
from vanishing_gradient.long_lags.long_lags import SMALL_NOISE
from vanishing_gradient.long_lags.report import HEADER, compared, count, line, ratios
from vanishing_gradient.long_lags.rows import ADDING, ADDING_HIDDEN, CHUNKER, HOURS, LINES, NOISE
from vanishing_gradient.long_lags.studies import open_choices

HERE = Path(__file__).resolve().parent
ARRAYS = ("x", "target", "output", "states", "input_gates", "seen")
CLASSES = ("marker_x", "marker_y")           # +1 and -1


# ---------------------------------------------------------------- figures

def carousel(record, arrays):
    """Before and after: the cell states of two sequences, one of each class, and the output on forty."""
    fig, axes = plt.subplots(3, 2, figsize=(8, 5.6), sharex=True, sharey="row")
    steps = np.arange(1, arrays["x"].shape[0] + 1)
    for column, picture in zip(axes.T, (0, -1)):
        column[0].set_title(f"after {arrays['seen'][picture]:,} sequences")
        for n, role in enumerate(CLASSES):
            column[0].plot(steps, arrays["x"][:, n], color=ROLE[role], linewidth=1, label=("+1 first", "-1 first")[n])
        for cell in range(arrays["states"].shape[2]):
            for n, style in enumerate(("-", "--")):
                column[1].plot(steps, arrays["states"][picture, :, cell, n], style, color=CELLS[cell],
                               label=f"cell {cell + 1}" if n == 0 else None)
        for target, role in zip((1, 0), CLASSES):
            column[2].plot(steps, arrays["output"][picture][:, arrays["target"] == target], color=ROLE[role],
                           linewidth=0.6, alpha=0.6)
        column[2].set(xlabel="step", ylim=(-0.05, 1.05))
    for ax, label in zip(axes[:, 0], ("input", "cell states", "output, 40 sequences")):
        ax.set_ylabel(label)
    axes[0, 0].legend(loc="upper right", ncols=2)
    axes[1, 0].legend(loc="upper left", ncols=3, fontsize=8)
    axes[1, 1].text(0.02, 0.95, "solid: +1 first, dashed: -1 first", transform=axes[1, 1].transAxes, va="top",
                    fontsize=9)
    return fig


def trials_of(row, saved):
    """Compared of a row in the study that ran it, None if none did."""
    return next(filter(None, (compared(record, row.name) for record in saved.values())), None)


def lines_of(saved):
    """[(row, Compared or None)] of every line of the paper, with the trials of the study that ran it."""
    return [(row, trials_of(row, saved) if row.name else None) for row in LINES]


def ours_over_the_papers(record, arrays):
    """The mean number of sequences of every line, over the paper's; lines that were not run with their hours."""
    out = parse_drawing(__doc__, HERE).out
    saved = study.read_all(HERE, out, lambda name: make_command(HERE, out, name))
    lines = lines_of({name: made for name, (made, _) in saved.items()})
    if not saved:                                # a run without studies has the line of the main experiment
        lines = [(SMALL_NOISE, compared(record, SMALL_NOISE.name))]
    fig, ax = plt.subplots(figsize=(8, 1.4 + 0.23 * len(lines)))
    ratios(ax, lines)
    counted = count(lines)
    ax.set_title(f"{counted.out} of {counted.judged} lines come out: within a factor of two (grey); "
                 f"{counted.run - counted.judged} stopped too early to say", fontsize=10)
    return fig


FIGURES = (carousel, ours_over_the_papers)


# ---------------------------------------------------------------- tables of README.md

def said(row, saved):
    """'10 of 10, 1.2 times' of a line: trials solved, and the mean number of sequences over the paper's."""
    found = trials_of(row, saved)
    if found is None:
        return "not run"
    ratio = f"{'at least ' if found.bound else ''}{found.mean / row.paper.sequences:.2g}"
    return f"{found.solved} of {found.trials}, {ratio} times"


def tables(record, studies):
    """{marker: Markdown} of README.md; `claims` and `studies` are made elsewhere."""
    lines = lines_of(studies)
    counted = count(lines)
    small = compared(record, SMALL_NOISE.name)
    st1, cut = (results.values(record, SMALL_NOISE.name, metric) for metric in ("st1", "wrong_without_latch"))
    tried = {row.name: said(row, studies) for row in open_choices.ROWS if row.name != "2b_end_only"}
    hours = sum(HOURS[row.name] for row, found in lines if found is None and row.name)
    return dict(shown=said(ADDING, studies), hidden=said(ADDING_HIDDEN, studies), chunker=said(CHUNKER, studies),
                **tried, night=f"{hours:.0f}",
                cut=f"{np.median(cut):,.0f}" if len(cut) else "none",
                lines=table(HEADER, [line(*each) for each in lines]),
                run=str(counted.run), all=str(len({row.paper for row in LINES})), within=str(counted.out),
                judged=str(counted.judged), early=str(counted.run - counted.judged),
                small=f"{small.mean:,.0f}", small_st1=f"{st1.mean():,.0f}" if len(st1) else "none",
                small_paper=f"{NOISE['3a_T100_N3'].paper.sequences:,}")


# ---------------------------------------------------------------- the root README

IDEA = "a cell whose error does not decay (1997)"
TIME = "15 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    found = compared(record, SMALL_NOISE.name)
    return (f"LSTM, Experiment 3a of 1997 with weaker noise: {found.solved} of {found.trials} trials keep the first "
            f"three of 100 steps, {found.mean:,.0f} sequences on average")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, FIGURES, ARRAYS, tables)))
