"""Draw the figures of the chunker from saved data; nothing is trained here.

    python3 chunker_very_deep_1200/visualize_chunker_very_deep_1200.py             viz/*.png
    python3 chunker_very_deep_1200/visualize_chunker_very_deep_1200.py --tables    also the tables of README.md

Reads results.json, traces.npz and studies/*.json of the folder `--out` (default: the script's own).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401  before numpy
import numpy as np  # noqa: E402
from chunker_very_deep_1200 import visualize_studies  # noqa: E402
from common import figures, results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import LABEL, ROLE, plt  # noqa: E402

HERE = Path(__file__).resolve().parent
MAKE = "python3 chunker_very_deep_1200/chunker_very_deep_1200.py --seeds 0-9"
KINDS = ("rnn", "tuned_rnn", "lstm", "lstm_forget")
SINGLE = tuple(kind + told for kind in KINDS for told in ("", "_told"))
SYMBOLS = "AB12345"
ARRAYS = ["seeds", "symbols", "mass", "surprise_times", "surprise_real", "gradient_chunker",
          *(f"gradient_{name}" for name in SINGLE)]


def load(folder):
    """The headline's record and arrays of a folder, validated."""
    return results.read(folder / "results.json", MAKE), results.read_arrays(folder / "traces.npz", ARRAYS, MAKE)


def curves(record, name):
    """A curve of every seed: (seeds, points)."""
    return np.array([run_["curves"][name] for run_ in record["runs"]], dtype=float)


def label(name):
    return LABEL[name.removesuffix("_told")] + ", told" * name.endswith("_told")


def band(ax, x, y, color, label=None, **style):
    """Median over the seeds, and everything between the lowest and the highest seed."""
    ax.fill_between(x, y.min(0), y.max(0), color=color, alpha=0.2, linewidth=0)
    ax.plot(x, np.median(y, 0), color=color, label=label, **style)


# ---------------------------------------------------------------- headline

def training_curves(record):
    """What A learns, what C learns, and what the single nets do not learn on as many sequences."""
    config, n = record["config"], len(record["runs"])
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 4))
    loss = curves(record, "automatizer_loss")
    updates = np.linspace(0, config["automatizer_windows"], loss.shape[1] + 1)[1:]
    band(left, updates, loss, ROLE["chunker"])
    left.text(0.97, 0.95, "each peak: the recall of one sequence\nand the trigger of the next", transform=left.transAxes,
              ha="right", va="top", fontsize=9)
    left.set(yscale="log", xlabel="updates (windows of 6 steps)", ylabel="loss (nats per symbol)",
             title="A predicts the raw stream")

    C_loss, C_recall = curves(record, "chunker_loss"), curves(record, "chunker_recall")
    seen = config["chunker_batch"] * np.arange(1, C_loss.shape[1] + 1)
    band(middle, seen, C_loss, ROLE["paper"], "loss (nats per surprise)", linewidth=1.2)
    band(middle, seen, C_recall, ROLE["chunker"], "recall among A and B")
    middle.axhline(np.log(2) / 2, color=ROLE["paper"], linestyle=":", linewidth=1, label="least loss: ln 2 for the trigger")
    figures.chance_line(middle, 0.5)
    middle.set(xlabel="sequences", ylim=(0, 2.1), title="C predicts the surprises")
    middle.legend(loc="upper right")

    for name in SINGLE:
        y = curves(record, f"{name}_recall").mean(0)
        right.plot(config["sequences"] * np.arange(1, len(y) + 1) / len(y), y, color=ROLE[name.removesuffix("_told")],
                   linestyle="--" if name.endswith("_told") else "-", linewidth=1.1, label=label(name))
    figures.chance_line(right, 0.5)
    right.set(xlabel="sequences", ylim=(0, 2.1), yticks=(0, 0.5, 1), ylabel="recall among A and B (mean of seeds)",
              title="single nets, full BPTT")
    right.legend(loc="upper right", fontsize=8.5)
    fig.suptitle(f"T = {config['length']:,}, {n} seed{'s' * (n > 1)}: median and range; every batch is fresh", fontsize=10.5)
    return fig


def surprise_pattern(record, arrays):
    """How many bits each symbol costs A: the beginning, the whole, the end."""
    T, tolerance = record["config"]["length"], record["config"]["tolerance"]
    edge = min(12, T // 2)
    fig, rows = plt.subplots(2, 3, figsize=(10, 4.6), sharey=True, width_ratios=(1, 2, 1))
    for b, row in enumerate(rows):
        bits = -np.log2(arrays["mass"][:, b].astype(float))
        times = arrays["surprise_times"][:, b][arrays["surprise_real"][:, b]]
        for ax, (first, last) in zip(row, ((0, edge), (0, T), (T - edge, T))):
            t, found = np.arange(first, last), times[(times >= first) & (times < last)]
            ax.vlines(t, 1e-4, bits[first:last], color=ROLE["chance"], linewidth=2 if last - first > edge else 5)
            ax.vlines(found, 1e-4, bits[found], color=ROLE["chunker"], linewidth=2 if last - first > edge else 5)
            ax.plot(found, bits[found], "v", color=ROLE["chunker"], markersize=8, label="surprise: goes to C")
            ax.axhline(-np.log2(1 - tolerance), color=ROLE["paper"], linestyle="--", linewidth=1,
                       label=f"tolerance: {1 - tolerance:g} of the mass")
            ax.set(yscale="log", ylim=(1e-4, 60), xlim=(first - 0.03 * (last - first) - 0.4, last + 0.03 * (last - first)))
            if last - first == edge:
                ax.set_xticks(t, [SYMBOLS[s] for s in arrays["symbols"][first:last, b]])
        row[0].set_ylabel("bits A pays")
        row[1].set_title(f"sequence {'AB'[b]} 1 2 3 … {'AB'[b]}: {len(times)} surprises in {T:,} symbols", fontsize=11)
    rows[1][1].set_xlabel("time step")
    rows[1][0].set_xlabel("first symbols")
    rows[1][2].set_xlabel("last symbols")
    rows[0][1].legend(loc="upper center", bbox_to_anchor=(0.5, 0.93), fontsize=9)
    return fig


def gradient_vs_depth(record, arrays):
    """How much of the recall's gradient is left at each distance from the end."""
    T = record["config"]["length"]
    fig, ax = plt.subplots(figsize=(8.5, 4.8))
    for name in (*SINGLE, "chunker"):
        log10 = arrays[f"gradient_{name}"][::-1].T.astype(float)                 # (seeds, distance)
        relative, color, told = log10 - log10[:, :1], ROLE[name.removesuffix("_told")], name.endswith("_told")
        ax.plot(1 + np.arange(T + 1), np.median(relative, 0), color=color, label=label(name),
                linestyle="--" if told else "-", linewidth=3 if name == "chunker" else 1.8)
    ax.axhline(-2, color=ROLE["paper"], linestyle=":", linewidth=1, label="1 %: effective depth")
    ax.set(xscale="log", ylim=(-20, 1), xlim=(1, T + 1), xlabel="1 + distance from the recall (steps of the raw stream)",
           ylabel=r"log$_{10}$  $\|\partial L_{recall}/\partial h\|$  relative to the end")
    ax.set_title("C's state stands still between surprises: its error crosses the filler in one step (medians)", fontsize=11)
    ax.legend(loc="lower left", fontsize=8.5)
    return fig


def depth_reduction(record):
    """Steps between trigger and recall, and steps that a gradient survives."""
    T, s = record["config"]["length"], record["summary"]
    bars = [("raw stream: steps to cross, T - 1", T - 1, ROLE["chance"])]
    bars += [(f"{label(name)}: 1 % survives", s[f"effective_depth_{name}"]["mean"], ROLE[name.removesuffix("_told")])
             for name in SINGLE]
    bars += [("compressed stream: surprises k", s["surprises_per_sequence"]["mean"], ROLE["chunker"]),
             ("C: 1 % survives, its own steps", s["effective_depth_chunker"]["mean"], ROLE["chunker"]),
             ("C: the same in raw steps", s["effective_reach_chunker"]["mean"], ROLE["chunker"])]
    fig, ax = plt.subplots(figsize=(8.5, 4.6))
    for row, (_, value, color) in enumerate(bars):
        ax.barh(row, value, color=color, left=0, height=0.65)
        ax.text(value * 1.06, row, f"{value:,.0f}" if value >= 10 else f"{value:.1f}", va="center", fontsize=10)
    ax.set(xscale="log", xlim=(0.5, 6 * T), xlabel="steps (mean over the seeds)")
    ax.set_yticks(range(len(bars)), [text for text, _, _ in bars])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_title(f"depth reduction (T - 1) / k = {s['depth_reduction']['mean']:.1f}")
    return fig


# ---------------------------------------------------------------- tables

def tables(record, studies):
    """Every generated table of README.md: {marker: text}."""
    return {"headline": headline_table(record), "grid": grid_table(record), "checks": checks_table(record),
            "drift": f"{record['summary']['cell_state_lstm']['median']:,.0f}",
            **{name: visualize_studies.TABLES[name](study) for name, study in studies.items()}}


def headline_table(record):
    s, spread, runs = record["summary"], results.mean_spread, record["runs"]
    solved = lambda key: f"{sum(run_['final'][key] == 1 for run_ in runs)} of {len(runs)}"  # noqa: E731
    rows = [["chunker A + C", solved("chunker_recall_accuracy"), spread(s["chunker_recall_accuracy"]),
             spread(s["chunker_recall_accuracy_7way"]),
             f"{spread(s['effective_depth_chunker'], 1)} of its own = {spread(s['effective_reach_chunker'], 0)} raw"]]
    rows += [[label(name), solved(f"{name}_recall_accuracy_2way"), spread(s[f"{name}_recall_accuracy_2way"]),
              spread(s[f"{name}_recall_accuracy_7way"]), spread(s[f"effective_depth_{name}"], 1)] for name in SINGLE]
    rows += [["A alone", solved("automatizer_recall_accuracy"), spread(s["automatizer_recall_accuracy"]), "", ""],
             ["chance", "", "0.500", f"{1 / 7:.3f}", ""]]
    return results.table(["method", "seeds solved", "recall among A and B", "recall among all 7", "effective depth (steps)"],
                         rows)


def grid_table(record):
    """Validation loss of every learning rate: ln 2 = 0.693 nats is chance."""
    rows = []
    for name in SINGLE:
        for lr in record["config"]["grid"][name.removesuffix("_told")]:
            s = record["summary"][f"{name}_validation_loss_lr_{lr:g}"]
            chosen = sum(run_["final"][f"{name}_lr"] == lr for run_ in record["runs"])
            rows.append([label(name), f"{lr:g}", f"{s['mean']:.3f} ({s['min']:.3f} to {s['max']:.3f})", f"{chosen} of {s['n']}"])
    return results.table(["net", "learning rate", "validation loss, A against B (nats; chance 0.693)", "chosen by"], rows)


def checks_table(record):
    rows = [[c["claim"], "" if c["paper"] is None else c["paper"], c["expected"],
             "none" if c["measured"] is None else f"{c['measured']:g}", "yes" if c["holds"] else "**no**"]
            for c in record["checks"]]
    return results.table(["claim", "paper", "expected", "measured", "holds"], rows)


def main():
    options = parse_drawing(__doc__, HERE)
    record, arrays = load(options.out)
    drawn = {"training_curves": training_curves(record), "surprise_pattern": surprise_pattern(record, arrays),
             "gradient_vs_depth": gradient_vs_depth(record, arrays), "depth_reduction": depth_reduction(record)}
    for name, fig in drawn.items():
        print(figures.save(fig, options.out / "viz" / f"{name}.png").name)
    studies = results.read_studies(options.out, "chunker_very_deep_1200/chunker_very_deep_1200.py")
    for name in studies.keys() & visualize_studies.FIGURES.keys():
        print(figures.save(visualize_studies.FIGURES[name](studies[name]), options.out / "viz" / f"{name}.png").name)
    if options.tables:
        results.update_readme(options.out / "README.md", tables(record, studies))


if __name__ == "__main__":
    sys.exit(run(main))
