"""Draw the figures of weight guessing and of its studies; with --tables also fill the tables of the pages.

    python3 vanishing_gradient/weight_guessing/visualize_weight_guessing.py

Reads results.json, traces.npz and studies/; guesses nothing.
"""

import sys
from math import exp, factorial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results
from common.config import run
from common.figures import ROLE, SEQUENTIAL, draw, plt
from common.tables import table
from vanishing_gradient.weight_guessing.weight_guessing import ROW, ROWS, density, density_of, interval_text

HERE = Path(__file__).resolve().parent
ARRAYS = ("plane", "plane_weights", "rain_weights", "rain_outputs")       # the others are empty without a solution
GEOMETRIC = ("latch_2", "parity_a2_no_self", "two_sequence", "parity_a1")     # rows whose trials are drawn
SHOWN_STEPS = 40


# ---------------------------------------------------------------- figures

def trials(record, arrays):
    """Trials per solution, ours with its interval, beside the published number."""
    fig, ax = plt.subplots(figsize=(8, 5.2))
    for y, row in enumerate(ROWS):
        found = density_of(record, row.name)
        low, high = found.interval
        if found.solutions:
            ax.plot([low, high], [y, y], color=ROLE["guess"], linewidth=2.5)
            ax.plot(found.trials, y, "o", color=ROLE["guess"], label="ours, 95 % interval" if y == 0 else None)
        else:
            ax.plot(low, y, ">", color=ROLE["guess"], label="ours: more than")
        face = ROLE["paper"] if row.read else "white"
        first = row.name in ("latch_1", "two_sequence")
        name = "published" if row.read else "published, read second-hand"
        ax.plot(row.paper, y, "D", color=ROLE["paper"], markerfacecolor=face, label=name if first else None)
    ax.set(xscale="log", xlabel="trials per solution (1 / share of the weights that solve the task)",
           yticks=range(len(ROWS)), yticklabels=[row.title for row in ROWS])
    ax.invert_yaxis()
    ax.legend(loc="lower left")
    return fig


def solution_plane(record, arrays):
    """Latch II: which recurrent and input weights hold a bit, and the first search of the run."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.9), width_ratios=(1.25, 1))
    share = arrays["plane"].mean()
    w = arrays["plane_weights"]
    image = left.pcolormesh(w, w, np.ma.masked_equal(arrays["plane"], 0), cmap=SEQUENTIAL, vmin=0)
    fig.colorbar(image, ax=left, label="share of the biases that work")
    left.set(xlabel="recurrent weight", ylabel="input weight", title="solutions of latch II", aspect="equal")
    right.plot(w, arrays["plane"].mean(0), color=ROLE["guess"], label="over the recurrent weight")
    right.plot(w, arrays["plane"].mean(1), "--", color=ROLE["program"], label="over the input weight")
    right.set(xlabel="weight", ylabel="share of guesses that solve", title=f"all together: 1 of {1 / share:.0f}",
              xlim=(w[0], w[-1]), ylim=(0, None))
    right.legend(loc="upper left")
    return fig


def geometric_law(record, arrays):
    """Trials until a solution: measured shares against p (1 - p)^(k - 1)."""
    fig, axes = plt.subplots(2, 2, figsize=(8, 5))
    titles = {row.name: row.title for row in ROWS}
    for ax, name in zip(axes.flat, GEOMETRIC):
        gaps, mean = arrays[f"gaps_{name}"], density_of(record, name).trials
        if not len(gaps):
            ax.set_title(f"{titles[name]}: none found", fontsize=10)
            continue
        edges = np.linspace(0, 5, 26)
        ax.hist(gaps / mean, edges, weights=np.full(len(gaps), 1 / len(gaps) / edges[1]), color=ROLE["guess"],
                alpha=0.6, label=f"{len(gaps):,} searches")
        k = np.linspace(0, 5, 200)
        law = mean * (1 / mean) * (1 - 1 / mean) ** np.maximum(k * mean - 1, 0)
        ax.plot(k, law, color=ROLE["paper"], label="geometric law")
        ax.set_title(f"{titles[name]}: 1 of {mean:,.0f}", fontsize=10)
        ax.legend()
    for ax in axes[1]:
        ax.set_xlabel("trials until a solution / their mean")
    for ax in axes[:, 0]:
        ax.set_ylabel("density")
    return fig


def guessed_machine(record, arrays):
    """A guessed parity network at work: its two units, and the machine that they are."""
    fig = plt.figure(figsize=(8, 4.8))
    if "machine_bits" not in arrays:
        fig.suptitle("no parity network was found in this run")
        return fig
    bits, units, parity = (arrays[f"machine_{name}"] for name in ("bits", "units", "parity"))
    grid = fig.add_gridspec(3, 2, width_ratios=(1.7, 1), height_ratios=(0.5, 1, 1))
    steps = np.arange(1, SHOWN_STEPS + 1)
    top = fig.add_subplot(grid[0, 0])
    top.bar(steps, bits[:SHOWN_STEPS], color="0.35", width=0.8)
    top.set(ylabel="input", yticks=(0, 1), yticklabels=("-1", "+1"), xlim=(0.3, SHOWN_STEPS + 0.7))
    for place, (name, unit) in enumerate((("hidden unit", 0), ("output unit", 1)), start=1):
        ax = fig.add_subplot(grid[place, 0], sharex=top)
        ax.step(steps, parity[:SHOWN_STEPS], where="mid", color=ROLE["paper"], linewidth=1)
        ax.plot(steps, units[:SHOWN_STEPS, unit], "o", markersize=4, color=ROLE["guess"])
        ax.set(ylabel=name, ylim=(-0.1, 1.1), yticks=(0, 1))
        ax.tick_params(labelbottom=place == 2)
    top.tick_params(labelbottom=False)
    ax.set_xlabel(f"step (of {len(bits)}); line: parity so far")
    _draw_machine(fig.add_subplot(grid[:, 1]), bits, units, parity)
    return fig


def _draw_machine(ax, bits, units, parity):
    """The states that occur (units rounded to 0 or 1), and the moves between them, by input and count."""
    states = [tuple(state) for state in units.round().astype(int)]
    for state in sorted(set(states)):
        inside = [p for s, p in zip(states, parity) if s == state]
        share = np.mean(inside)
        ax.scatter(*state, s=1500, color=ROLE["marker_x"] if share > 0.5 else ROLE["marker_y"], zorder=3)
        ax.text(*state, f"{'odd' if share > 0.5 else 'even'}\n{max(share, 1 - share):.0%}", ha="center", va="center",
                color="white", fontsize=9, zorder=4)
    moves = {}
    for before, after, bit in zip(states[:-1], states[1:], bits[1:]):
        moves.setdefault((before, after), set()).add("+1" if bit else "-1")
    for (before, after), symbols in moves.items():
        _draw_move(ax, np.array(before, float), np.array(after, float), " ".join(sorted(symbols)))
    ax.set(xlim=(-0.65, 1.65), ylim=(-0.45, 1.45), xticks=(0, 1), yticks=(0, 1), xlabel="hidden unit",
           ylabel="output unit", title="the machine it is")
    ax.grid(False)


def _draw_move(ax, before, after, label):
    box = dict(facecolor="white", edgecolor="none", pad=1)
    if (before == after).all():
        side = 1 if before[0] > 0.5 else -1
        ax.annotate("", before + (0.1 * side, 0.12), before + (0.1 * side, -0.12), arrowprops=dict(
            arrowstyle="->", connectionstyle=f"arc3,rad={1.6 * side}", shrinkA=8, shrinkB=8))
        ax.text(*(before + (0.46 * side, 0)), label, ha="center", va="center", bbox=box)
        return
    ax.annotate("", after, before, arrowprops=dict(
        arrowstyle="->", connectionstyle="arc3,rad=0.25", shrinkA=20, shrinkB=20))
    across = np.array([after[1] - before[1], before[0] - after[0]])
    ax.text(*((before + after) / 2 + 0.13 * across), label, ha="center", va="center", bbox=box)


FIGURES = (trials, solution_plane, geometric_law, guessed_machine)


# ---------------------------------------------------------------- tables of README.md

def tables(record, studies):
    """{marker: Markdown} of README.md; `claims` and `studies` are made elsewhere."""
    rows = [_row(record, row) for row in ROWS]
    header = ["task, network", "trials per solution [95 %]", "published", "solutions of guesses",
              "test accuracy", "strings one change away", "constant rule", "last-element rule"]
    trials = {row.name: density_of(record, row.name).trials for row in ROWS}
    guesses = sum(density_of(record, row.name).guesses for row in ROWS)
    solutions = results.values(record, "two_sequence_solutions")
    near = [np.mean(results.values(record, f"{row.name}_hard_accuracy")) for row in ROWS if row.hard]
    return dict(
        trials=table(header, rows), guesses=f"{guesses / 1e6:.0f} million",
        parity_a1=f"{trials['parity_a1']:,.0f}", noisy_parity=f"{trials['noisy_parity_a1']:,.0f}",
        no_self=f"{trials['parity_a2_no_self']:,.0f}",
        variance=f"{trials['two_sequence_variance'] / trials['two_sequence']:.0f}",
        **_with_output_bias(studies.get("hidden_units")),
        two_sequence_range="{:.0f} to {:.0f}".format(*np.quantile(solutions, (0, 1))),
        near=f"{min(near):.2f} to {max(near):.2f}",
        few_searches=table(["published mean", "ours", *(f"{k} search{'es' if k > 1 else ''}" for k in SEARCHES)],
                           [_few(ROW[name], trials[name]) for name in ("parity_a1", "noisy_parity_a1")]))


def _with_output_bias(record):
    """Trials of A1 when the output has a bias too, from the study of the connections."""
    made = {}
    for marker, task in (("biased_parity", "parity"), ("biased_noisy", "noisy parity")):
        made[marker] = "(not run)"
        if record:
            label = f"{task} A1, output bias added"
            found = density(*(results.values(record, f"{label}_{what}").sum() for what in ("solutions", "guesses")))
            made[marker] = f"{found.trials:,.0f} {interval_text(found.interval)}" if found.solutions else "none"
    return made


SEARCHES = (1, 3, 5, 10, 40)


def _few(row, ours):
    """How likely the mean of k searches is as far off as the published one, if ours is the true mean."""
    cells = []
    for k in SEARCHES:
        x = k * row.paper / ours                     # the sum of k exponential waiting times, in units of their mean
        below = 1 - sum(exp(-x) * x**i / factorial(i) for i in range(k))
        cells.append(f"{below if row.paper < ours else 1 - below:.1g}")
    return [f"{row.title}: {row.paper:,}", f"{ours:,.0f}", *cells]


def _row(record, row):
    found = density_of(record, row.name)
    mean = lambda metric: float(np.mean(results.values(record, f"{row.name}_{metric}")))
    ours = f"{found.trials:,.0f} {interval_text(found.interval)}" if found.solutions else \
        f"none; more than {found.interval[0]:,.0f}"
    published = f"{row.paper:,}" if row.read else f"{row.paper:,} (not read in the original)"
    accuracy = f"{mean('test_accuracy'):.3f}" if found.solutions else ""
    hard = f"{mean('hard_accuracy'):.3f}" if row.hard and found.solutions else ""
    return [row.title, ours, published, f"{found.solutions:,} of {found.guesses:,}", accuracy, hard,
            f"{mean('constant_rule'):.2f}", f"{mean('last_element_rule'):.2f}"]


# ---------------------------------------------------------------- the root README

IDEA = "no gradient: guess all weights (1996)"
TIME = "40 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    parity, noisy = (density_of(record, name).trials for name in ("parity_a2_no_self", "noisy_parity_a1"))
    return (f"parity over {record['config']['shortest']} to {record['config']['longest']} steps: one random network in "
            f"{parity:,.0f} is right (published: {ROW['parity_a2_no_self'].paper:,}); with noisy inputs one in "
            f"{noisy:,.0f} (published: {ROW['noisy_parity_a1'].paper:,})")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, FIGURES, ARRAYS, tables)))
