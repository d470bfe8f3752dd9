"""Draw the figures of the program search, and with --tables fill the tables of README.md.

    python3 vanishing_gradient/program_search/visualize_program_search.py [--out DIR] [--tables]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import results
from common.config import run
from common.figures import ROLE, draw, plt
from common.tables import number, table, wilson
from matplotlib.collections import PatchCollection
from matplotlib.patches import Patch, Rectangle
from vanishing_gradient.program_search import pool
from vanishing_gradient.program_search.machine import listing
from vanishing_gradient.program_search.problems import COUNTING, POSITION, POSITIONS, TRAINING, UNSEEN
from vanishing_gradient.program_search.program_search import runs_per_fit
from vanishing_gradient.program_search.studies import effort_against_kt

HERE = Path(__file__).resolve().parent
ARRAYS = ("tree_left", "tree_span", "tree_depth", "tree_first", "tree_fate", "shown_program", "shown_pointer",
          "shown_written", "shown_work", "shown_weights", "least_squares")
PHASES = (8, 12, 16, 19)                          # of the tree's panels; the last is that of the first fit
FATES = (("asks for the next instruction", "#BBDDD7"), ("ends: Stop, or illegal", "#999999"),
         ("cut: its time is up", "#E8C98F"), ("fits the three examples", ROLE["tuned_rnn"]))


# ---------------------------------------------------------------- figures

def growing_tree(record, arrays):
    """The prefixes that Levin's search has followed; each is divided among its continuations as its time is."""
    last = record["config"]["phases"]
    phases = [phase for phase in PHASES if phase < last] + [last]
    fig, axes = plt.subplots(len(phases), sharex=True, sharey=True, figsize=(8, 1.5 * len(phases) + 0.9))
    for ax, phase in zip(np.atleast_1d(axes), phases):
        shown = arrays["tree_first"] <= phase
        for fate, (_, colour) in enumerate(FATES):
            rows = np.flatnonzero(shown & (arrays["tree_fate"] == fate))
            ax.add_collection(rectangles(arrays, rows, colour, fate))
        fits = np.flatnonzero(shown & (arrays["tree_fate"] == 3))
        ax.set_title(f"phase {phase}: {shown.sum():,} prefixes followed", loc="right", fontsize=10, pad=2)
        for row in fits[:1]:
            point_at(ax, arrays["tree_left"][row], arrays["tree_depth"][row] + 1)
    depth = arrays["tree_depth"][arrays["tree_first"] <= last].max(initial=0) + 1
    ax.set(xlim=(0, 1), ylim=(depth + 0.1, 0), yticks=np.arange(depth) + 0.5,
           yticklabels=[f"{k + 1:.0f}" for k in range(int(depth))], xlabel="first instruction, with its arguments")
    ax.set_xticks((np.arange(5) + 0.5) / 5, labels=FIRST)
    for panel in np.atleast_1d(axes):
        panel.grid(False)
    fig.supylabel("instructions in the prefix")
    fig.legend(handles=[Patch(color=colour, label=name) for name, colour in FATES], loc="outside upper center", ncols=2)
    return fig


FIRST = ("Jumpleq", "WriteWeight", "Jump", "Stop", "Allocate")      # the others have no legal argument at the start


def rectangles(arrays, rows, colour, fate):
    """One patch for each of these prefixes."""
    patches = [Rectangle((arrays["tree_left"][row], arrays["tree_depth"][row] + 0.04), arrays["tree_span"][row], 0.92)
               for row in rows]
    edge = colour if fate == 3 else "white"
    return PatchCollection(patches, facecolor=colour, edgecolor=edge, linewidth=1.5 if fate == 3 else 0.15)


def point_at(ax, x, y):
    ax.annotate("WriteWeight, Jump 0", (x, y - 0.1), (x + 0.2, y + 0.5), color=FATES[3][1], fontsize=9,
                arrowprops=dict(arrowstyle="->", color=FATES[3][1]), va="center")


def fits_by_cost(record, arrays):
    """Every fit of the random search: bits against steps, right or wrong on the unseen patterns."""
    fig, axes = plt.subplots(1, 2, sharey=True)
    for ax, task in zip(axes, (COUNTING, POSITIONS)):
        bits, used, unseen = (arrays[f"{task.name}_{name}"] for name in ("bits", "used", "unseen"))
        right = unseen == len(UNSEEN)
        ax.scatter(bits[right], used[right], s=16, color=ROLE["program"], alpha=0.6,
                   label=f"{right.sum()} right on all unseen patterns")
        ax.scatter(bits[~right], used[~right], s=34, marker="x", color=ROLE["tuned_rnn"],
                   label=f"{(~right).sum()} wrong on some")
        ax.set(title=task.name, xlabel="bits of the program", yscale="log", ylim=(130, 1400))
        ax.set_yticks((150, 200, 300, 400, 500, 700), labels=("150", "200", "300", "400", "500", "700"))
        ax.minorticks_off()
        ax.legend(loc="upper right", fontsize=8.5)
    axes[0].set_ylabel("steps until it halts")
    return fig


def weights_found(record, arrays):
    """What three examples leave to the gradient, and what a program does with them."""
    fig, ax = plt.subplots()
    ax.plot(POSITION, arrays["shown_weights"], "o", markersize=3.5, color=ROLE["program"], label="written by a program")
    ax.plot(POSITION, arrays["least_squares"], "s", markersize=4, color=ROLE["linear"],
            label="least squares, gradient descent from zero")
    for k, position in enumerate(np.sort(TRAINING.ravel())):
        ax.axvline(position, color="0.8", zorder=0, label="inputs that are on in some example" if k == 0 else None)
    ax.set(xlabel="input", ylabel="weight", title="adding positions: weight i should be i")
    ax.legend(loc="upper left", frameon=True, framealpha=1, edgecolor="none")
    return fig


# ---------------------------------------------------------------- tables of README.md

def tables(record, studies):
    return {"results": search_table(record, studies), "rows": rows_table(record), "programs": programs_table(record),
            **sentences(record), **found_by_the_studies(studies)}


def search_table(record, studies):
    """Both tasks and the two-argument write beside the published numbers."""
    rows = []
    published = {"counting": ("not retrieved", "not retrieved"), "positions": ("5,500,000 (10 fits)", "8 of 10")}
    for task in (COUNTING, POSITIONS):
        fits, good = (pool.totals(record, f"{task.name}_{what}") for what in ("fits", "generalise"))
        rows.append(result_row(task.name, pool.totals(record, f"{task.name}_runs"), fits, good,
                               runs_per_fit(record, task.name), published[task.name]))
    if "two_argument_write" in studies:
        two = studies["two_argument_write"]
        runs, fits, good = (pool.totals(two, what) for what in ("runs", "fits", "generalise"))
        rows.append(result_row("positions, two-argument write", runs, fits, good, pool.for_each(runs, fits),
                               ("33,300,000 (3 fits)", "3 of 3")))
    return table(["task", "random programs", "fits", "runs per fit", "paper", "right on all unseen", "paper"], rows)


def result_row(name, runs, fits, good, per_fit, paper):
    low, high = wilson(good, fits)
    share = f"{good} of {fits} [{low:.2f}, {high:.2f}]" if fits else "none"
    return [name, f"{runs:,}", fits, pool.shown_per_fit(*per_fit), paper[0], share, paper[1]]


def rows_table(record):
    """Unseen patterns right for every row beside the search."""
    compared, names = record["config"]["compared"], {
        "chance": "chance: random weights within ±10,000 (mean)", "random fit": "random integers that fit (mean)",
        "mean target": "trivial: always the mean target", "all weights 1": "trivial: all weights 1",
        "least squares": "least squares, shortest weights",
        "gradient descent from 0": "gradient descent from 0, best rate",
        "gradient descent, best": "gradient descent, best of all starts, chosen on these patterns"}
    rows = [[label] + [share_right(compared[task.name][name]) for task in (COUNTING, POSITIONS)]
            for name, label in names.items()]
    rows.append(["cheapest program found"] + [share_right(record["config"]["cheapest"][task.name]["unseen"])
                                              if record["config"]["cheapest"][task.name] else "none"
                                              for task in (COUNTING, POSITIONS)])
    return table(["row", "counting: unseen patterns right", "positions: unseen patterns right"], rows)


def share_right(count):
    if count == len(UNSEEN):
        return "161,697 (100 %)"
    return f"{count:,.0f} ({100 * count / len(UNSEEN):.2g} %)"


def programs_table(record):
    """The cheapest programs, and the fits that fail elsewhere with the reason."""
    rows = []
    for task in (COUNTING, POSITIONS):
        best = record["config"]["cheapest"][task.name]
        if best:
            rows.append(program_row(task.name, best, "cheapest"))
        rows += [program_row(task.name, fit, fit["why"]) for fit in record["config"]["not_generalising"][task.name][:5]]
    return table(["task", "program", "bits", "steps", "Kt", "unseen right", "why"], rows)


def program_row(name, fit, why):
    kt = fit["bits"] + np.log2(fit["steps"])
    return [name, f"`{fit['listing']}`", f"{fit['bits']:.1f}", fit["steps"], f"{kt:.1f}",
            pool.score(fit["unseen"]), why]


def sentences(record):
    """Single numbers inside sentences."""
    compared = record["config"]["compared"]["counting"]
    per_fit, _ = runs_per_fit(record, "positions")
    return {"steps_per_run": f"{pool.totals(record, 'positions_steps') / pool.totals(record, 'positions_runs'):.1f}",
            "easier": "none" if per_fit is None else f"{5.5e6 / per_fit:.1f}",
            "cut_fits": number(pool.totals(record, "positions_cut_fits")),
            "descents": f"{compared['descents']:,} descents of {compared['updates']:,} updates, "
                        f"{compared['descents that fit']:,} of which fit the examples"}


def found_by_the_studies(studies):
    """What the enumeration found for two further problems, for the list of surprises."""
    if "effort_against_kt" not in studies:
        return {name: "not run" for name in ("signs_hand", "signs_kt", "signs_program", "half_program")}
    rows = {row["name"]: row for row in effort_against_kt.ladder(studies["effort_against_kt"])}
    signs, half = rows["alternating signs"], rows["first half"]
    return {"signs_hand": f"{signs['hand']:.1f}", "signs_kt": f"{signs['kt']:.1f}",
            "signs_program": f"`{listing(signs['program'])}`", "half_program": f"`{listing(half['program'])}`"}


# ---------------------------------------------------------------- the root README

IDEA = "no gradient: search for a program that writes the weights (1995/97)"
TIME = "15 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    fits, good = (sum(results.values(record, f"positions_{what}")) for what in ("fits", "generalise"))
    return (f"{fits:.0f} programs found that add positions on three examples; {good:.0f} are right on all "
            f"{len(UNSEEN):,} other patterns (published: 8 of 10)")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, (growing_tree, fits_by_cost, weights_found), ARRAYS, tables)))
