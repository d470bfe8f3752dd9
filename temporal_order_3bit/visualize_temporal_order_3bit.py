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
from common.figures import CELLS, LABEL, ROLE, chance_line, draw, plt
from temporal_order_3bit import reporting
from temporal_order_3bit.reporting import CHANCE

HERE = Path(__file__).resolve().parent
NETWORKS = ("lstm", "rnn", "tuned_rnn")
CLASSES, SYMBOLS, X = ("XX", "XY", "YX", "YY"), "abcdXYBE", 4
ARRAYS = ("example_tokens", "snapshot_updates", "snapshot_cells", "cell_states", "outputs", "input_gates")
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
                title="the two symbols, asked apart: LSTM")
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


# ---------------------------------------------------------------- the task, and inside one LSTM

def inside_one_lstm(record, arrays):
    """One sequence per class (columns): its symbols, the largest input gate, cell states and cell outputs."""
    fig, axes = plt.subplots(4, 4, figsize=(10, 8.2), sharex=True, sharey="row")
    for k, column in enumerate(axes.T):
        tokens = arrays["example_tokens"][:, k]
        column[0].imshow(tokens == np.arange(len(SYMBOLS))[:, None], cmap="Greys", vmax=1.4)
        column[0].grid(False)
        colours = [marker_colour(x, "0.65") for x in tokens]
        column[1].bar(range(len(tokens)), arrays["input_gates"][:, :, k].max(1), width=0.85, color=colours)
        for ax, key in zip(column[2:], ("cell_states", "outputs")):
            for cell in range(arrays[key].shape[1]):
                ax.plot(arrays[key][:, cell, k], color=CELLS[cell % 4], linestyle=CELL_LINES[cell % 4], linewidth=1.5,
                        label=f"cell {cell + 1}")
        for row, ax in enumerate(column):
            mark(ax, tokens, letters=row == 0, line=row != 1)
        column[0].set_title(f"class {CLASSES[k]}", loc="left", pad=16)
        column[-1].set_xlabel("time step")
    axes[0, 0].set(yticks=range(len(SYMBOLS)), yticklabels=SYMBOLS)
    axes[1, 0].set_ylim(0, 1)
    for ax, label in zip(axes[:, 0], ("symbol", "largest input gate", "cell state s", "cell output y")):
        ax.set_ylabel(label)
    fig.legend(*axes[2, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    fig.suptitle(f"one sequence of each class ({shown_seed(record)})", fontsize=12)
    return fig


def shown_seed(record):
    return f"LSTM of seed {record['runs'][0]['seed']}"


def mark(ax, tokens, letters=True, line=True):
    """A line where X and Y stand, and their letters above the axis."""
    for t in np.flatnonzero((tokens == X) | (tokens == X + 1)):
        colour = marker_colour(tokens[t])
        if line:
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
    return dict(headline=table(reporting.HEADER, rows), grid=table(*grid(record)), plateau=plateau_text(record),
                symbols=symbols_text(record))


def plateau_text(record):
    """What is right about the LSTM's answers while its validation accuracy is between 0.45 and 0.55."""
    accuracy = curves_of(record, "lstm_accuracy")
    there = (accuracy > 0.45) & (accuracy < 0.55)
    first, second = (curves_of(record, f"lstm_{name}")[there].mean() for name in ("first_right", "second_right"))
    return (f"{100 * first:.0f} % of its answers have the first symbol right and {100 * second:.0f} % the second "
            f"({there.any(1).sum()} of {len(accuracy)} seeds pass such a plateau)")


def symbols_text(record):
    """What is right about the tuned RNN's answers at the end, on validation sequences."""
    first, second = (100 * curves_of(record, f"tuned_rnn_{which}_right")[:, -1].mean() for which in ("first", "second"))
    return f"{first:.1f} % of its answers have the first symbol right and {second:.1f} % the second"


def grid(record):
    """(header, rows) of the tuned RNN's learning rates."""
    s, chosen = record["summary"], [run_["final"]["tuned_rnn_lr"] for run_ in record["runs"]]
    return (["learning rate", "validation accuracy of the tuned RNN", "seeds that choose it"],
            [[f"{rate:g}", mean_spread(s[f"tuned_rnn_validation_lr_{rate:g}"]), chosen.count(rate)]
             for rate in record["config"]["tuned_rates"]])


FIGURES = (training_curves, inside_one_lstm)

if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, FIGURES, ARRAYS, tables)))
