"""Draw the figures of the chunker and of its studies from saved data; nothing is trained here.

    python3 chunker_very_deep_1200/visualize_chunker_very_deep_1200.py             viz/*.png
    python3 chunker_very_deep_1200/visualize_chunker_very_deep_1200.py --tables    also README.md, studies/README.md

Reads results.json, traces.npz and studies/ of the folder `--out` (default: the script's own).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                                # noqa: F401  before numpy
import numpy as np

from chunker_very_deep_1200.single_nets import KINDS, NAMES, label
from chunker_very_deep_1200.task import RULES, SYMBOLS
from common import results
from common.config import run
from common.figures import ROLE, chance_line, draw, plt
from common.tables import table

HERE = Path(__file__).resolve().parent
OTHERS, SOLVED = (0, 1, 3), 0.95
LAST = [f"{kind}_last" for kind in KINDS]
MARKER = dict(chunker="o", no_recurrence="P", rnn="v", tuned_rnn="^", lstm="s", lstm_forget="D")
ARRAYS = ("symbols_m0", "mass_m0", "surprise_times_m0", "surprise_real_m0", "symbols_m3", "mass_m3",
          "surprise_times_m3", "surprise_real_m3", "chunker_expects_m3", "lag_m3", "right_chunker_m3",
          *(f"right_{name}_m3" for name in LAST))


def color(name):
    """The colour of a method, of a single net with either objective."""
    return ROLE["chunker" if name in ("chunker", "no_recurrence") else name.rsplit("_", 1)[0]]


def marker(name):
    return MARKER.get(name) or MARKER[name.rsplit("_", 1)[0]]


def text_of(name):
    return dict(chunker="chunker A + C", no_recurrence="C without recurrence").get(name) or label(name)


def seeds_of(record):
    return f"{len(record['runs'])} seed{'s' if len(record['runs']) > 1 else ''}"


# ---------------------------------------------------------------- figures

def surprise_pattern(record, arrays):
    """What each symbol costs A in one sequence with m = 0 and one with m = 3."""
    config, (fig, rows) = record["config"], plt.subplots(2, 1, figsize=(9, 4.8), sharex=True)
    T = config["length"]
    for m, ax in zip((0, 3), rows):
        symbols, mass = arrays[f"symbols_m{m}"][:, 0], arrays[f"mass_m{m}"][:, 0].astype(float)
        times = arrays[f"surprise_times_m{m}"][:, 0][arrays[f"surprise_real_m{m}"][:, 0]]
        bits = np.maximum(-np.log2(np.maximum(mass, 1e-30)), 1e-4)
        ax.vlines(np.arange(T), 1e-4, bits, color=ROLE["chance"], linewidth=0.6)
        ax.vlines(times, 1e-4, bits[times], color=ROLE["chunker"], linewidth=2)
        for height, t in zip(stagger(times, T), times):
            ax.text(t, height, SYMBOLS[symbols[t]], ha="center", color=ROLE["chunker"], fontweight="bold")
        ax.axhline(-np.log2(1 - config["tolerance"]), color=ROLE["paper"], linestyle="--", linewidth=1)
        ax.text(T, -np.log2(1 - config["tolerance"]), f"above: less than {1 - config['tolerance']:g} of the mass ",
                ha="right", va="bottom", fontsize=9.5)
        ax.set(yscale="log", ylim=(1e-4, 2e5), yticks=(1e-4, 1e-2, 1), ylabel="bits A pays",
               title=f"m = {m}: {len(times)} surprises in {T:,} symbols")
    rows[1].set_xlabel(f"time step (seed {config['seeds'][0]})")
    return fig


def stagger(times, T):
    """Heights of the letters over the bars: those of close neighbours stand one above the other."""
    heights, last = [], -T
    for t in times:
        heights.append(heights[-1] * 15 if t - last < T / 60 else 40)
        last = t
    return heights


def swing(record, arrays):
    """Who knows the letter: the log-odds' change when it is swapped, every net, every seed; and recall by distance."""
    fig, axes = plt.subplots(1, 3, figsize=(10.5, 4.4), width_ratios=(1, 1, 1.1))
    names = ["chunker", "no_recurrence", *NAMES]
    for m, ax in zip((0, 3), axes):
        for row, name in enumerate(names):
            swing_of(ax, record, name, m, row)
        ax.axvline(2 * np.log(SOLVED / (1 - SOLVED)), color=ROLE["paper"], linestyle=":", linewidth=1)
        ax.set_xscale("symlog", linthresh=0.1, linscale=0.4)
        ax.set(xticks=(-1, 0, 1, 10), xticklabels=("-1", "0", "1", "10"), title=f"m = {m}", xlim=(-3, 60),
               xlabel="log-odds move by (nats)", ylim=(len(names) - 0.5, -0.5))
    axes[0].set_yticks(range(len(names)), [text_of(name) for name in names])
    axes[1].set_yticks(range(len(names)), [""] * len(names))
    recall_by_distance(axes[2], record, arrays)
    fig.suptitle(f"who knows the letter ({seeds_of(record)}; hollow: untrained; dotted: 0.95 for the right letter)",
                 fontsize=11.5)
    return fig


def swing_of(ax, record, name, m, row):
    """One net's seeds, before and after training, on one row."""
    before = "swing_untrained_chunker" if name == "chunker" else f"swing_untrained_{name}"
    for metric, face in ((before, "white"), (f"swing_{name}", color(name))):
        values = results.values(record, f"{metric}_m{m}") if f"{metric}_m{m}" in record["summary"] else []
        ax.plot(values, row + np.linspace(-0.25, 0.25, len(values)), marker(name), color=color(name),
                markerfacecolor=face, markersize=4.5)
    if f"swing_{name}_m{m}" not in record["summary"]:
        ax.text(0, row, "not run", ha="center", va="center", fontsize=9.5, color=ROLE["chance"])


def recall_by_distance(ax, record, arrays, bins=6):
    """Share of right answers against the distance of the marked letter, m = 3, nets trained on the last symbol."""
    lag, T = arrays["lag_m3"], record["config"]["length"]
    edges = np.linspace(0, T, bins + 1)
    for name in ("chunker", *LAST):
        answered = arrays[f"right_{name}_m3"]
        inside = [(lag > low) & (lag <= high) for low, high in zip(edges[:-1], edges[1:])]
        share = [answered[where].mean() if where.any() else np.nan for where in inside]
        ax.plot((edges[:-1] + edges[1:]) / 2, share, marker=marker(name), color=color(name), markersize=5)
    chance_line(ax, 0.5)
    ax.set(ylim=(0, 1.05), xlim=(T, 0), xlabel="steps, letter to recall", ylabel="share of right answers",
           title="m = 3, by distance")


# ---------------------------------------------------------------- tables

def tables(record, studies):
    return {"headline": headline_table(record), "drift": drift(record)}


def solved(record, metric):
    e, n, count = record["summary"][metric], len(record["runs"]), int((results.values(record, metric) >= SOLVED).sum())
    lost = f"; {n - e['n']} diverged" if e["n"] < n else ""
    return f"{count} of {n} ({e['mean']:.2f}{lost})" if e["n"] else "diverged"


def headline_table(record):
    """Seeds solved and mean recall (of those that did not diverge) of every method at every m."""
    s, config, rows = record["summary"], record["config"], []
    in_all = lambda metric, m: f"{metric}_m{m}" in s
    one_pass, many = config["chunker_updates"], config["marked_passes"] * (
        config["chunker_updates"] * config["chunker_batch"] // config["marked_batch"])
    for name in ("chunker", "no_recurrence", *NAMES):
        cells = [solved(record, f"recall_{name}_m{m}") if in_all(f"recall_{name}", m) else "not run" for m in OTHERS]
        updates = f"{one_pass:,}; {many:,} with m > 0"
        if name in NAMES:
            updates = f"{s[f'updates_{name}_m0']['mean']:,.0f}"
        swings = [s[f"{metric}_m{m}"]["mean"] for metric, m in ((f"swing_{name}", 0), (f"swing_{name}", 3))
                  if in_all(metric, m)]
        shown = " / ".join(f"{round(v, 1) + 0:.1f}" for v in swings)         # + 0: no -0.0
        rows.append([text_of(name), updates, *cells, shown])
    for rule, text in RULES.items():
        rows.append([f"rule: {text}", "", *(f"{s[f'rule_{rule}_m{m}']['mean']:.2f}" for m in OTHERS), ""])
    rows.append(["chance", "", "0.50", "0.50", "0.50", "0"])
    return table(["method", "updates", *(f"m = {m}: seeds solved (mean recall)" for m in OTHERS),
                  "log-odds swing in nats, m = 0 / 3"], rows)


def drift(record):
    """Median size of the cell states of the LSTM of 1997, last symbol only, at solved and at unsolved seeds, each m."""
    return "; ".join(f"m = {m}: {drift_at(record, m)}" for m in OTHERS)


def drift_at(record, m):
    """'7 to 372 (9 solved), 1,104 (1 not)'"""
    finals, parts = [run_["final"] for run_ in record["runs"]], []
    for text, want in (("solved", True), ("not", False)):
        sizes = [f[f"cell_state_lstm_last_m{m}"] for f in finals if f[f"cell_state_lstm_last_m{m}"] is not None
                 and ((f[f"recall_lstm_last_m{m}"] or 0) >= SOLVED) == want]
        if sizes:
            ends = dict.fromkeys(f"{size:,.0f}" for size in (min(sizes), max(sizes)))        # one number if they agree
            parts.append(f"{' to '.join(ends)} ({len(sizes)} {text})")
    return ", ".join(parts)


FIGURES = (surprise_pattern, swing)

# ---------------------------------------------------------------- the root README

IDEA = "compress the history: learn only from what is not predicted (1992/93)"
TIME = "50 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    def solved(name, m):
        return int((results.values(record, f"recall_{name}_m{m}") >= SOLVED).sum())

    best = {m: max(solved(name, m) for name in LAST) for m in (0, 3)}
    return (f"recall across {record['config']['length']:,} steps: solved by the chunker at {solved('chunker', 0)} of "
            f"{len(record['runs'])} seeds, and at {solved('chunker', 3)} when one of four letters is marked; by the "
            f"best single net at {best[0]} and {best[3]}")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, FIGURES, ARRAYS, tables)))
