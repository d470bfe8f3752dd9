"""The picture of study encoder_limit: accuracy against length, a panel for each task."""

import numpy as np

from common import results
from common.figures import ROLE, plt
from smt.factorial import SELF, SMT
from smt.limits import LARGE, PATIENT, REGISTERS, ROWS, RULES, leader, lengths_of, ran
from smt.rivals import GRU, MLP, TRANSFORMER


def panels(record):
    """The figure. A panel whose rules without learning are good begins a little below them."""
    names = record["config"]["tasks"]
    fig, axes = plt.subplots(2, 3, figsize=(9, 5.6), layout="constrained")
    for ax, name in zip(axes.flat, names):
        panel(ax, record, name)
    for ax in axes.flat[len(names):]:
        ax.set_axis_off()
    known = {word: handle for ax in axes.flat for handle, word in zip(*ax.get_legend_handles_labels())}
    axes.flat[-1].legend(known.values(), known, loc="center", fontsize=8, frameon=False)
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy")
    leaders = [who for name in names for length in lengths_of(record, name) if (who := leader(record, name, length))]
    fig.suptitle(f"SMT is ahead of BPTT on {leaders.count(SMT)} of {len(leaders)} task-lengths. Mean of "
                 f"{len(record['runs'])} seeds, bars: worst to best; lines end after two unsolved lengths", fontsize=9)
    return fig


def panel(ax, record, name):
    colours = {SMT: ("smt_dmt", "o-"), SELF: ("binary", "s-"), MLP: ("mlp", "v-"), GRU: ("gru", "^-"),
               TRANSFORMER: ("transformer", "d-")}
    lengths = lengths_of(record, name)
    for word, method, what in (row for row in ROWS if row[1] != LARGE):
        role, style = colours[method]
        if what != "accuracy":
            style = {"encoder": "--", "held": ":"}[what]
        draw(ax, record, name, (method, what), style, label=word, color=ROLE[role if what == "accuracy" else "smt"])
    for method, marker in ((PATIENT, "*"), (REGISTERS, "P")):
        if ran(record, name, method):
            draw(ax, record, name, (method, "accuracy"), marker, label=method, color=ROLE["smt_dmt"], markersize=9,
                 markeredgecolor="black", markeredgewidth=0.5, zorder=4)
    draw(ax, record, name, (RULES, "table of the last two"), ":", label="last two tokens", color=ROLE["trivial"])
    draw(ax, record, name, (RULES, "chance"), "--", label="chance", color=ROLE["chance"], linewidth=1)
    draw(ax, record, name, (RULES, "ceiling"), "-", label="ceiling", color=ROLE["paper"], linewidth=2.5, alpha=0.3,
         zorder=1)
    ax.set_xscale("log", base=2)
    ax.set_xticks(lengths, [f"{length}" for length in lengths])
    ax.set_xlabel("length T")
    least = min(results.values(record, name, length, RULES, "table of the last two").mean() for length in lengths)
    if least > 0.6:
        ax.set_ylim(least - 0.05, 1.02)
        ax.text(lengths[0], least - 0.04, "chance: below", fontsize=7.5, color=ROLE["chance"])
    else:
        ax.set_ylim(0, 1.04)
    ax.set_title(name, fontsize=10)


def draw(ax, record, name, path, style, **look):
    """Mean of the seeds at every length, with bars from the worst to the best."""
    found = {length: results.values(record, name, length, *path) for length in lengths_of(record, name)}
    found = {length: values for length, values in found.items() if len(values)}
    mean = np.array([values.mean() for values in found.values()])
    spread = [mean - [values.min() for values in found.values()], [values.max() for values in found.values()] - mean]
    ax.errorbar(list(found), mean, np.abs(spread), fmt=style, elinewidth=0.8, **{"markersize": 4, **look})
