"""Draw the figures of temporal order from saved data.

    python3 temporal_order_3bit/visualize_temporal_order_3bit.py              figures into viz/
    python3 temporal_order_3bit/visualize_temporal_order_3bit.py --tables     and the tables of the README

Reads results.json, traces.npz and, where present, studies/*.json; trains nothing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import DIVERGING, LABEL, ROLE, SEQUENTIAL, chance_line, plt, save  # noqa: E402
from common.results import mean_spread, table  # noqa: E402

HERE = Path(__file__).resolve().parent
MAKE = "python3 temporal_order_3bit/temporal_order_3bit.py --seeds 0-29"
NETWORKS = ("lstm", "rnn", "tuned_rnn")
CLASSES, SYMBOLS, X = ("XX", "XY", "YX", "YY"), "abcdXYBE", 4
CHANCE = 1 / len(CLASSES)
ARRAYS = ("example_tokens", "snapshot_steps", "snapshot_cells", "cell_states", "outputs", "input_gates",
          *(f"{name}_confusion" for name in NETWORKS))
CELL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
CELL_LINES = ("-", "--", "-.", ":")


# ---------------------------------------------------------------- figures

def training_curves(record, arrays):
    """Loss and validation accuracy: the median seed, the middle half, the worst."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    for name in NETWORKS:
        step = record["runs"][0]["curves"][f"{name}_step"]
        for ax, key in ((left, "loss"), (right, "accuracy")):
            curves = np.array([run_["curves"][f"{name}_{key}"] for run_ in record["runs"]])
            low, middle, high = np.quantile(curves, [0.25, 0.5, 0.75], axis=0)
            ax.plot(step, middle, color=ROLE[name], label=LABEL[name])
            ax.fill_between(step, low, high, color=ROLE[name], alpha=0.2, linewidth=0)
            if key == "accuracy" and len(curves) > 1:
                ax.plot(step, curves.min(0), color=ROLE[name], linewidth=0.8, linestyle=":")
    chance_line(left, np.log(len(CLASSES)))
    chance_line(right, CHANCE)
    left.set(xlabel="update", ylabel="cross-entropy of the batch (nats)", yscale="log", title="training loss")
    right.set(xlabel="update", ylabel="validation accuracy", ylim=(0, 1.05),
              title="accuracy (dotted: worst seed)")
    handles, labels = right.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4)
    return fig


def confusion_matrix(record, arrays):
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.9))
    for ax, name in zip(axes, NETWORKS):
        counts = arrays[f"{name}_confusion"]
        ax.imshow(counts / counts.sum(1, keepdims=True), cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="equal")
        for (row, column), count in np.ndenumerate(counts):
            dark = count < 0.6 * counts[row].sum()
            ax.text(column, row, count, ha="center", va="center", color="white" if dark else "black", fontsize=11)
        ax.set(xticks=range(4), yticks=range(4), xticklabels=CLASSES, yticklabels=CLASSES, xlabel="answer",
               title=f"{LABEL[name]}: {np.trace(counts) / counts.sum():.3f}")
        ax.grid(False)
    axes[0].set_ylabel("true class")
    fig.suptitle(f"test sequences of seed {record['runs'][0]['seed']} (accuracy by chance {CHANCE:.2f})", fontsize=11)
    return fig


def example_sequences(record, arrays):
    fig, axes = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True, sharey=True)
    for k, ax in enumerate(axes.flat):
        tokens = arrays["example_tokens"][:, k]
        ax.imshow(tokens == np.arange(len(SYMBOLS))[:, None], cmap="Greys", vmax=1.4)
        mark(ax, tokens, lines=True)
        ax.set(yticks=range(len(SYMBOLS)), yticklabels=SYMBOLS)
        ax.set_title(f"class {CLASSES[k]}", loc="left")
        ax.grid(False)
    for ax in axes[1]:
        ax.set_xlabel("time step")
    for ax in axes[:, 0]:
        ax.set_ylabel("symbol")
    return fig


def input_gate_activity(record, arrays):
    fig, axes = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True, sharey=True)
    for k, ax in enumerate(axes.flat):
        gate = arrays["input_gates"][:, :, k].max(1)
        tokens = arrays["example_tokens"][:, k]
        ax.bar(range(len(gate)), gate, width=0.85, color=[marker_colour(x, "0.65") for x in tokens])
        mark(ax, tokens)
        ax.set_title(f"class {CLASSES[k]}", loc="left")
        ax.set_ylim(0, 1)
    for ax in axes[1]:
        ax.set_xlabel("time step")
    for ax in axes[:, 0]:
        ax.set_ylabel("largest input gate")
    return fig


def hidden_trajectories(record, arrays):
    fig, axes = plt.subplots(2, 4, figsize=(11, 4.8), sharex=True, sharey="row")
    for k in range(4):
        for row, (key, label) in enumerate((("cell_states", "cell state s"), ("outputs", "cell output y"))):
            ax = axes[row, k]
            for cell in range(arrays[key].shape[1]):
                ax.plot(arrays[key][:, cell, k], color=CELL_COLOURS[cell % 4], linestyle=CELL_LINES[cell % 4],
                        linewidth=1.5, label=f"cell {cell + 1}")
            mark(ax, arrays["example_tokens"][:, k], lines=True, letters=row == 0)
            if k == 0:
                ax.set_ylabel(label)
        axes[0, k].set_title(CLASSES[k], loc="left")
        axes[1, k].set_xlabel("time step")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return fig


def cell_state_heatmap(record, arrays):
    return cell_heatmaps(arrays["cell_states"], arrays["example_tokens"])[0]


def cell_heatmaps(states, tokens, limit=None):
    """One (cell x time) heat map per class; returns figure and images, which the GIF updates."""
    fig, axes = plt.subplots(4, 1, figsize=(8, 5.2), sharex=True)
    limit = np.abs(states).max() if limit is None else limit
    images = []
    for k, ax in enumerate(axes):
        images.append(ax.imshow(states[:, :, k].T, cmap=DIVERGING, vmin=-limit, vmax=limit))
        mark(ax, tokens[:, k])
        ax.set(yticks=range(states.shape[1]), yticklabels=range(1, states.shape[1] + 1), ylabel=f"{CLASSES[k]}\ncell")
        ax.grid(False)
    axes[-1].set_xlabel("time step")
    fig.colorbar(images[0], ax=axes, label="cell state s", shrink=0.8)
    return fig, images


def paper_1997(study):
    """Sequences to the paper's criterion, beside the paper's mean."""
    fig, ax = plt.subplots(figsize=(8, 3.6))
    solved = [run_["final"]["sequences"] for run_ in study["runs"] if run_["final"]["sequences"] is not None]
    ax.hist(solved, bins=np.geomspace(min(solved) * 0.95, max(solved) * 1.05, 36), color=ROLE["lstm"])
    ax.axvline(study["summary"]["sequences"]["paper"], color=ROLE["paper"], linestyle="--", label="paper: mean of its trials")
    ax.axvline(np.median(solved), color=ROLE["tuned_rnn"], label="ours: median of the solved trials")
    ax.set(xscale="log", xlabel="training sequences until 2,000 in a row are right", ylabel="trials",
           title=f"{len(solved)} of {len(study['runs'])} trials solved")
    ticks = [t for t in (15e3, 20e3, 30e3, 50e3, 100e3, 200e3, 400e3, 800e3) if min(solved) * 0.9 <= t <= max(solved) * 1.2]
    ax.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
    ax.minorticks_off()
    ax.legend()
    return fig


def drift(study):
    """Fraction of seeds that learn, and how fast, against the initial input-gate bias."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    biases = sorted({float(name.split("_")[1]) for name in study["summary"] if name.startswith("bias_")})
    solved = [study["summary"][f"bias_{b:g}_solved"]["mean"] for b in biases]
    steps = [[r["final"][f"bias_{b:g}_steps_to_95"] for r in study["runs"]] for b in biases]
    x = [0 - b for b in biases]
    left.plot(x, solved, "o-", color=ROLE["lstm"])
    left.set(xlabel="initial bias of the input gates", ylabel="fraction of seeds solved", ylim=(0, 1.05),
             title=f"solved: test accuracy at least 0.95 (chance {CHANCE})")
    right.boxplot([[s for s in group if s is not None] for group in steps], positions=x, widths=0.5,
                  medianprops=dict(color=ROLE["tuned_rnn"]))
    right.set(xlabel="initial bias of the input gates", ylabel="updates to 95 % (solved seeds)", yscale="log")
    right.set_xticks(x, [f"{b:g}" for b in x])
    for ax in (left, right):
        ax.invert_xaxis()
    left.set_xticks(x)
    return fig


def lengths(study):
    """Success rate and steps to 95 % against T."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9))
    Ts = sorted({int(name.split("_T")[1].split("_")[0]) for name in study["summary"]})
    shown = (("lstm", "lstm", "o-", "LSTM, input-gate bias -1"), ("lstm_closed", "lstm", "s--", "LSTM, input-gate bias -4"),
             ("rnn", "rnn", "v-", LABEL["rnn"]), ("tuned_rnn", "tuned_rnn", "^-", LABEL["tuned_rnn"]))
    for k, (name, role, line, label) in enumerate(shown):
        x = np.array(Ts) * 1.03 ** (k - 1.5)             # side by side where they coincide
        left.plot(x, [study["summary"][f"{name}_T{T}_accuracy"]["mean"] for T in Ts], line, color=ROLE[role], label=label)
        steps = [study["summary"][f"{name}_T{T}_steps_to_95"]["median"] for T in Ts]
        right.plot(x, [np.nan if s is None else s for s in steps], line, color=ROLE[role])
    chance_line(left, CHANCE)
    left.set(ylabel="test accuracy, mean of the seeds", ylim=(0, 1.05))
    right.set(ylabel="updates to 95 % (median)", title="solved seeds only")
    for ax in (left, right):
        ax.set(xscale="log", xlabel="sequence length T")
        ax.set_xticks(Ts, Ts)
        ax.minorticks_off()
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def mark(ax, tokens, lines=False, letters=True):
    """Letters above the axis, and lines if asked, where X and Y stand."""
    for t in np.flatnonzero((tokens == X) | (tokens == X + 1)):
        colour = marker_colour(tokens[t])
        if lines:
            ax.axvline(t, color=colour, linewidth=1.2, alpha=0.8, zorder=0.5)
        if letters:
            ax.annotate(SYMBOLS[tokens[t]], (t, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                        textcoords="offset points", ha="center", color=colour, fontsize=10, fontweight="bold")


def marker_colour(token, otherwise=None):
    return {X: ROLE["marker_x"], X + 1: ROLE["marker_y"]}.get(int(token), otherwise)


FIGURES = (training_curves, confusion_matrix, example_sequences, input_gate_activity, hidden_trajectories,
           cell_state_heatmap)
STUDY_FIGURES = dict(paper_1997=paper_1997, drift=drift, lengths=lengths)


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    """{marker: Markdown} from results.json and {study: record}."""
    s = record["summary"]
    rows = [[LABEL[name], mean_spread(s[f"{name}_accuracy"]), solved_of(s, name), steps_of(s, name)] for name in NETWORKS]
    made = dict(
        headline=table(["network", "test accuracy", "seeds at 95 % or better", "updates to 95 %"],
                       [*rows, ["chance", f"{CHANCE:.3f}", "", ""]]),
        checks=table(["claim", "paper", "measured", "expected", "holds"],
                     [[c["claim"], c["paper"] or "", f"{c['measured']:g}", c["expected"], "yes" if c["holds"] else "no"]
                      for c in record["checks"]]),
        grid=table(["learning rate", "validation accuracy of the tuned RNN"],
                   [[name.rsplit("_", 1)[1], mean_spread(s[name])] for name in s if "_validation_lr_" in name]))
    for name, study in studies.items():
        made[name] = (paper_table if name.startswith("paper") else variants_table)(study)
    if "drift" in studies:
        made["saturation"] = saturation_table(studies["drift"])
    return made


def solved_of(s, name):
    return f"{s[f'{name}_steps_to_95']['n']} of {s[f'{name}_accuracy']['n']}"


def steps_of(s, name):
    e = s[f"{name}_steps_to_95"]
    return "never" if e["n"] == 0 else f"median {e['median']:.0f} ({e['min']:.0f} to {e['max']:.0f})"


def variants_table(study):
    s = study["summary"]
    names = [name.removesuffix("_accuracy") for name in s if name.endswith("_accuracy")]
    return table(["variant", "test accuracy", "seeds solved", "updates to 95 % (solved seeds)"],
                 [[name, mean_spread(s[f"{name}_accuracy"]), solved_of(s, name), steps_of(s, name)] for name in names]
                 + [["chance", f"{CHANCE:.3f}", "", ""]])


def saturation_table(study):
    """The slope h'(s) early in training, of the seeds that solved the task later and of those that did not."""
    s = study["summary"]
    names = [name.removesuffix("_accuracy") for name in s if name.endswith("_accuracy")]
    absent = dict(n=0)
    return table(["variant", "mean slope h'(s), seeds that solve it", "seeds that do not"],
                 [[name, *(mean_spread(s.get(f"{name}_early_slope_{kind}", absent)) for kind in ("solved", "unsolved"))]
                  for name in names])


def paper_table(study):
    s = study["summary"]
    q, wrong, error = s["sequences"], s["wrong_of_2560"], s["mean_error"]
    n = len(study["runs"])
    none = "none"
    rows = [["trials", {"paper_1997": 20, "paper_1997_6b": 10}[study["study"]], n],
            ["solved", "all", q["n"]],
            ["sequences, mean", f"{q['paper']:,}", f"{q['mean']:,.0f}" if q["n"] else none],
            ["sequences, median", "", f"{q['median']:,.0f}" if q["n"] else none],
            ["sequences, range", "", f"{q['min']:,.0f} to {q['max']:,.0f}" if q["n"] else none],
            ["wrong of 2,560 test sequences, mean", wrong["paper"], f"{wrong['mean']:.2f}" if q["n"] else none],
            ["wrong of 2,560 test sequences, worst", "3" if study["study"] == "paper_1997" else "",
             f"{wrong['max']:.0f}" if q["n"] else none],
            ["mean absolute test error", "below 0.1", f"{error['mean']:.3f}" if q["n"] else none]]
    kinds = dict((("1", "an input gate reads the cells"), ("2", "cells feed the cell inputs"), ("both", "both needed"),
                  ("neither", "neither needed")))
    rows += [[f"solution type {kind} ({text})", "", f"{s[f'type_{kind}']['mean'] * q['n']:.0f} of {q['n']}"]
             for kind, text in kinds.items() if q["n"]]
    chance = 1 / (4 if study["study"] == "paper_1997" else 8)
    return table(["", "paper", "ours"], rows + [["accuracy by chance", f"{chance:.3f}", f"{chance:.3f}"]])


# ---------------------------------------------------------------- main

def main():
    options = parse_drawing(__doc__, HERE)
    record = results.read(options.out / "results.json", MAKE)
    arrays = results.read_arrays(options.out / "traces.npz", ARRAYS, MAKE)
    studies = results.read_studies(options.out, "temporal_order_3bit/temporal_order_3bit.py")
    for figure in FIGURES:
        print(save(figure(record, arrays), options.out / "viz" / f"{figure.__name__}.png").name)
    for name, figure in STUDY_FIGURES.items():
        if name in studies:
            print(save(figure(studies[name]), options.out / "viz" / f"{name}.png").name)
    if options.tables:
        results.update_readme(options.out / "README.md", tables(record, studies))


if __name__ == "__main__":
    sys.exit(run(main))
