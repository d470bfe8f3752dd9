"""Draw the figures of temporal order from saved data; trains nothing.

    python3 temporal_order_3bit/visualize_temporal_order_3bit.py              figures into viz/
    python3 temporal_order_3bit/visualize_temporal_order_3bit.py --tables     and the tables of the READMEs

Reads results.json, traces.npz and the studies' results.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  before numpy
import numpy as np
from common.tables import mean_spread, table
from common.config import run
from common.figures import CELLS, LABEL, ROLE, SEQUENTIAL, chance_line, draw, plt
from temporal_order_3bit import reporting
from temporal_order_3bit.reporting import CHANCE

HERE = Path(__file__).resolve().parent
NETWORKS = ("lstm", "rnn", "tuned_rnn")
CLASSES, SYMBOLS, X = ("XX", "XY", "YX", "YY"), "abcdXYBE", 4
ARRAYS = ("example_tokens", "snapshot_updates", "snapshot_cells", "cell_states", "outputs", "input_gates",
          *(f"{name}_confusion" for name in NETWORKS))
CELL_LINES = ("-", "--", "-.", ":")
SHOWN_UPDATES = 400                      # in which the LSTM learns


# ---------------------------------------------------------------- learning

def training_curves(record, arrays):
    """Loss, validation accuracy, and which symbol the LSTM knows: the median seed, the middle half, the worst."""
    fig, (left, right, symbols) = plt.subplots(1, 3, figsize=(10.5, 4.0))
    for name in NETWORKS:
        updates = record["runs"][0]["curves"][f"{name}_updates"]
        spread_of_seeds(left, updates, curves_of(record, f"{name}_loss"), name)
        accuracy = curves_of(record, f"{name}_accuracy")
        spread_of_seeds(right, updates, accuracy, name)
        right.plot(updates, accuracy.min(0), color=ROLE[name], linewidth=0.8, linestyle=":")
    chance_line(left, np.log(len(CLASSES)), label="chance")
    chance_line(right, CHANCE)
    left.set(xlabel="update", ylabel="cross-entropy of the batch (nats)", yscale="log", title="training loss")
    left.set_yticks([1e-3, 1e-2, 1e-1, 1], ["$10^{-3}$", "$10^{-2}$", "$10^{-1}$", "1"])
    right.set(xlabel="update", ylabel="validation accuracy", ylim=(0, 1.05), title=solved_title(record))
    updates = record["runs"][0]["curves"]["lstm_updates"]
    for name, line in (("first_right", "-"), ("second_right", "--")):
        spread_of_seeds(symbols, updates, curves_of(record, f"lstm_{name}"), "lstm", line)
    symbols.text(0.97, 0.08, "first symbol: solid\nsecond: dashed", color=ROLE["lstm"], transform=symbols.transAxes,
                 ha="right")
    chance_line(symbols, 2 * CHANCE)
    symbols.set(xlabel="update", ylabel="share of answers with it right", ylim=(0, 1.05), xlim=(0, SHOWN_UPDATES),
                title="the LSTM knows the first symbol first")
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4,
               title=f"{len(record['runs'])} seeds: median, middle half (band), worst seed (dotted)")
    return fig


def curves_of(record, name):
    return np.array([run_["curves"][name] for run_ in record["runs"]], dtype=float)


def spread_of_seeds(ax, x, curves, name, line="-"):
    low, middle, high = np.quantile(curves, [0.25, 0.5, 0.75], axis=0)
    ax.plot(x, middle, line, color=ROLE[name], label=LABEL[name])
    ax.fill_between(x, low, high, color=ROLE[name], alpha=0.2, linewidth=0)


def solved_title(record):
    (k, n), (tuned, _) = (reporting.solved_count(record, name) for name in ("lstm", "tuned_rnn"))
    return f"solved: LSTM {k} of {n}, tuned RNN {tuned}"


def confusion_matrix(record, arrays):
    """Which class is taken for which, over the test sequences of all seeds."""
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.9))
    for ax, name in zip(axes, NETWORKS):
        counts = arrays[f"{name}_confusion"].sum(0)
        share = counts / counts.sum(1, keepdims=True)
        ax.imshow(share, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="equal")
        for (row, column), value in np.ndenumerate(share):
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=11,
                    color="white" if value < 0.6 else "black")
        ax.set(xticks=range(4), yticks=range(4), xticklabels=CLASSES, yticklabels=CLASSES, xlabel="answer",
               title=f"{LABEL[name]}: {np.trace(counts) / counts.sum():.3f}")
        ax.grid(False)
    axes[0].set_ylabel("true class")
    fig.suptitle(f"the tuned RNN mistakes the second symbol (percent, test sequences of {len(record['runs'])} seeds)",
                 fontsize=11)
    return fig


# ---------------------------------------------------------------- the task, and inside one LSTM

def example_sequences(record, arrays):
    """One sequence per class."""
    fig, axes = four_panels(arrays, "symbol", letters=True)
    for k, ax in enumerate(axes.flat):
        tokens = arrays["example_tokens"][:, k]
        ax.imshow(tokens == np.arange(len(SYMBOLS))[:, None], cmap="Greys", vmax=1.4)
        ax.set(yticks=range(len(SYMBOLS)), yticklabels=SYMBOLS)
        ax.grid(False)
    fig.suptitle("which two symbols came, in which order? the answer is due at the end", fontsize=12)
    return fig


def input_gate_activity(record, arrays):
    """The largest of the input gates at every step."""
    fig, axes = four_panels(arrays, "largest input gate")
    for k, ax in enumerate(axes.flat):
        gate = arrays["input_gates"][:, :, k].max(1)
        colours = [marker_colour(x, "0.65") for x in arrays["example_tokens"][:, k]]
        ax.bar(range(len(gate)), gate, width=0.85, color=colours)
        ax.set_ylim(0, 1)
    fig.suptitle(f"the input gates open at X and Y, and let distractors in as well ({shown_seed(record)})", fontsize=12)
    return fig


def hidden_trajectories(record, arrays):
    """Cell states and cell outputs."""
    fig, axes = plt.subplots(2, 4, figsize=(10, 5.0), sharex=True, sharey="row")
    for k in range(4):
        for row, (key, label) in enumerate((("cell_states", "cell state s"), ("outputs", "cell output y"))):
            ax = axes[row, k]
            for cell in range(arrays[key].shape[1]):
                ax.plot(arrays[key][:, cell, k], color=CELLS[cell % 4], linestyle=CELL_LINES[cell % 4], linewidth=1.5,
                        label=f"cell {cell + 1}")
            mark(ax, arrays["example_tokens"][:, k], letters=row == 0)
            if k == 0:
                ax.set_ylabel(label)
        axes[0, k].set_title(f"class {CLASSES[k]}", loc="left", pad=16)
        axes[1, k].set_xlabel("time step")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    fig.suptitle(f"the first symbol is kept as the direction in which cells move ({shown_seed(record)})", fontsize=12)
    return fig


def four_panels(arrays, ylabel, letters=True):
    """One panel per class, with lines and letters where X and Y stand."""
    fig, axes = plt.subplots(2, 2, figsize=(9, 5.0), sharex=True, sharey=True)
    for k, ax in enumerate(axes.flat):
        mark(ax, arrays["example_tokens"][:, k], letters=letters)
        ax.set_title(f"class {CLASSES[k]}", loc="left", pad=15)
    for ax in axes[1]:
        ax.set_xlabel("time step")
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    return fig, axes


def shown_seed(record):
    return f"LSTM of seed {record['runs'][0]['seed']}"


def mark(ax, tokens, letters=True):
    """A line where X and Y stand, and their letters above the axis."""
    for t in np.flatnonzero((tokens == X) | (tokens == X + 1)):
        colour = marker_colour(tokens[t])
        ax.axvline(t, color=colour, linewidth=1.2, alpha=0.8, zorder=0.5)
        if letters:
            ax.annotate(SYMBOLS[tokens[t]], (t, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                        textcoords="offset points", ha="center", color=colour, fontsize=11, fontweight="bold")


def marker_colour(token, otherwise=None):
    return {X: ROLE["marker_x"], X + 1: ROLE["marker_y"]}.get(int(token), otherwise)


# ---------------------------------------------------------------- tables of the READMEs

IDEA = "a cell that keeps the error alive (LSTM, 1997)"
TIME = "5 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    solved = {name: reporting.solved_count(record, name)[0] for name in NETWORKS}
    return (f"order of two symbols, T = {record['config']['length']}: solved by the LSTM at {solved['lstm']} of "
            f"{len(record['runs'])} seeds, by a tuned tanh-RNN at {solved['tuned_rnn']}, by one of the LSTM's size at "
            f"{solved['rnn']}")


def tables(record, studies):
    """{marker: Markdown} from results.json and {study: record}."""
    rule = [reporting.ONE_SYMBOL_ROW[0], mean_spread(record["summary"]["one_symbol_accuracy"]), "", ""]
    rows = [*(reporting.row(record, name, LABEL[name]) for name in NETWORKS), rule, reporting.CHANCE_ROW]
    return dict(headline=table(reporting.HEADER, rows), grid=table(*grid(record)), plateau=plateau_text(record))


def plateau_text(record):
    """What is right about the LSTM's answers while its validation accuracy is between 0.45 and 0.55."""
    accuracy = curves_of(record, "lstm_accuracy")
    there = (accuracy > 0.45) & (accuracy < 0.55)
    first, second = (curves_of(record, f"lstm_{name}")[there].mean() for name in ("first_right", "second_right"))
    return (f"{100 * first:.0f} % of its answers have the first symbol right and {100 * second:.0f} % the second "
            f"({there.any(1).sum()} of {len(accuracy)} seeds pass such a plateau)")


def grid(record):
    """(header, rows) of the tuned RNN's learning rates."""
    s, chosen = record["summary"], [run_["final"]["tuned_rnn_lr"] for run_ in record["runs"]]
    return (["learning rate", "validation accuracy of the tuned RNN", "seeds that choose it"],
            [[f"{rate:g}", mean_spread(s[f"tuned_rnn_validation_lr_{rate:g}"]), chosen.count(rate)]
             for rate in record["config"]["tuned_rates"]])


FIGURES = (training_curves, confusion_matrix, example_sequences, input_gate_activity, hidden_trajectories)

if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, FIGURES, ARRAYS, tables)))
