"""Draw the figures of Evolino and of its studies from saved data into viz/; fill the READMEs with --tables.

    python3 vanishing_gradient/evolino/visualize_evolino.py             the committed record
    python3 vanishing_gradient/evolino/visualize_evolino.py --out DIR   another one
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results
from common import tables as text
from common.config import run
from common.figures import CELLS as COLORS
from common.figures import ROLE, chance_line, draw, plt
from vanishing_gradient.evolino.evolino import CELLS, LEAVES, PUBLISHED
from vanishing_gradient.evolino.series import LAMBDAS, sines

HERE = Path(__file__).resolve().parent
MOST = max(CELLS)
STYLE = {"evolino": ("Evolino", ROLE["evolino"], "o"), "random": ("random LSTM", ROLE["guess"], "s"),
         "echo": ("echo-state network", ROLE["echo"], "^"), "linear": ("linear autoregression", ROLE["linear"], "D"),
         "last": ("the last value", ROLE["trivial"], "x")}


def closed_loop(record, arrays):
    """Five sines, first seed: the network leaves its teacher after the washout; its error below."""
    config = record["config"]
    washout, seen, end = (config[name] for name in ("washout", "seen", "end"))
    series, steps = sines(MOST, end, config["start"]), np.arange(washout, end)
    fig, (top, low) = plt.subplots(2, 1, figsize=(8, 5), sharex=True)
    top.plot(np.arange(washout + 1), series[:washout + 1], color=ROLE["trivial"], label="teacher")
    top.plot(steps, series[washout:], color="0.75", linewidth=4, label="the series, hidden from the network")
    top.plot(steps, arrays[f"output_{MOST}"][0], color=ROLE["evolino"], linewidth=1.2,
             label="Evolino on its own output")
    top.set(ylabel="five sines", ylim=(-5.2, 8))
    top.legend(loc="upper center", ncols=3)
    for name, key in (("evolino", "output"), ("random", "random_output")):
        error = np.abs(arrays[f"{key}_{MOST}"][0] - series[washout:]) / series.std()
        low.semilogy(steps, error, color=STYLE[name][1], linewidth=1, label=STYLE[name][0])
    for ax in (top, low):
        ax.axvspan(0, washout, color="0.93", zorder=0)
        ax.axvline(seen, ymax=0.87, color="0.5", linestyle="--", linewidth=1)
    low.text(washout / 2, 2e-1, "washout", ha="center", color="0.4")
    low.text((washout + seen) / 2, 2e-1, "seen by the search", ha="center", color="0.4")
    low.text((seen + end) / 2, 2e-1, "test: never seen", ha="center", color="0.4")
    low.set(xlabel="step", ylabel="|error| / standard deviation", xlim=(0, end), ylim=(1e-8, 1))
    low.legend(loc="lower right", ncols=2)
    return fig


def cells(record, arrays):
    """Five sines, first seed: what the evolved cells do, where their gates rest, how the closed loop rings."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.6, 4), width_ratios=(1.5, 0.8, 1.2))
    activity = arrays[f"activity_{MOST}"][0]
    washout = record["config"]["washout"]
    left.imshow((activity / np.abs(activity).max(0)).T, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest",
                extent=(washout, washout + len(activity), activity.shape[1] + 0.5, 0.5))
    left.grid(False)
    middle.set_yticks((1, 5, 10, 15, 20))
    left.set(xlabel="step of the closed loop", ylabel="cell", yticks=(1, 5, 10, 15, 20),
             title=f"output minus rest, at most {np.abs(activity).max():.0e}")
    for row, (name, color) in enumerate(zip(("input gate", "output gate", "forget gate"), COLORS)):
        middle.plot(arrays[f"resting_gates_{MOST}"][0][row], np.arange(1, activity.shape[1] + 1), "osD"[row],
                    color=color, markersize=4, label=name)
    moved = record["runs"][0]["final"][f"gates_move_{MOST}"]
    middle.set(xlabel="gate", xlim=(0, 1), ylim=(activity.shape[1] + 0.5, 0.5), title=f"gates move {moved:.0e}")
    middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)
    eigenvalues, angle = arrays[f"eigenvalues_{MOST}"][0], np.linspace(0, np.pi, 200)
    right.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=1)
    right.plot(np.cos(LAMBDAS[:MOST]), np.sin(LAMBDAS[:MOST]), "o", markersize=11, fillstyle="none",
               color=ROLE["paper"], label="exp(iλ): the five sines")
    upper = eigenvalues[eigenvalues.imag > -1e-9]
    right.plot(upper.real, upper.imag, ".", color=ROLE["evolino"], label="eigenvalues, closed loop")
    right.set(xlabel="real", ylabel="imaginary", title="its linear step", xlim=(-0.6, 1.15), ylim=(-0.1, 1.15))
    right.set_aspect("equal")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32))
    return fig


def generations(record, arrays):
    """NRMSE of the leader by generation, median and range of the seeds; the other methods beside it."""
    fig, axes = plt.subplots(1, len(CELLS), figsize=(9, 4), sharey=True)
    for ax, count in zip(axes, CELLS):
        for name, style in (("evolino_seen", "-"), ("evolino_test", ":"), ("random_seen", "-")):
            method, where = name.split("_")
            curves = np.array([run_["curves"][f"{name}_{count}"] for run_ in record["runs"]])
            x = np.arange(1, curves.shape[1] + 1)
            where = {"seen": "points seen", "test": "test"}[where]
            ax.loglog(x, np.median(curves, axis=0), style, color=STYLE[method][1], label=f"{STYLE[method][0]}, {where}")
            if style == "-":
                ax.fill_between(x, curves.min(0), curves.max(0), color=STYLE[method][1], alpha=0.2, linewidth=0)
        for method in ("linear", "echo"):
            ax.axhline(record["summary"][f"{method}_{count}"]["median"], color=STYLE[method][1], linestyle="--",
                       linewidth=1.2, label=f"{STYLE[method][0]}, test")
        ax.axhline(PUBLISHED[count], color=ROLE["paper"], linestyle="-.", linewidth=1,
                   label="published, test (not read in the original)")
        chance_line(ax, 1, "the mean")
        ax.set(title=f"{count} sines", xlabel="generation")
    axes[0].set(ylabel="NRMSE", ylim=(1e-13, 20))
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    return {"methods": methods(record, studies), "lines": words(record)}


def methods(record, studies):
    """Every method on every sum of sines: test NRMSE, median over the seeds."""
    config, s = record["config"], record["summary"]
    tried, each = config["tried"], f"{config['evaluations']:,}"
    rows = [["**Evolino**", each, tried["evolino"], *errors(s, "evolino")],
            ["random LSTM, same readout", each, tried["random"], *errors(s, "random")],
            ["echo-state network, same size, no biases", each, tried["echo"], *errors(s, "echo")]]
    if "opponents" in studies:
        rows += opponents(studies["opponents"])
    rows += [["linear autoregression, order 2 a sine", 1, tried["linear"], *errors(s, "linear")],
             ["the last value", 0, 0, *errors(s, "last")], ["the mean", 0, 0, *["1"] * len(CELLS)],
             ["published (not read in the original)", "", "", *(text.number(PUBLISHED[count], 3) for count in CELLS)]]
    header = ["method", "networks scored", "settings tried before", *(f"{count} sines" for count in CELLS)]
    return text.table(header, rows)


def opponents(record):
    """The rows of the study of that name: it tunes on the points seen, in the run itself."""
    config, s = record["config"], record["summary"]
    grid = len(config["rates"]) * len(config["scales"])
    labels = {"gradient": "gradient LSTM, BPTT", "gradient_pinv": "the same, pseudo-inverse readout"}
    rows = [[label, f"{grid} × {config['updates']:,} updates", grid, *errors(s, name)]
            for name, label in labels.items()]
    settings = len(config["radii"]) * len(config["feedbacks"]) * len(config["biases"])
    return rows + [[f"echo-state network, {units:,} units", settings * draws, settings, *errors(s, f"echo_{units}")]
                   for units, draws in zip(config["units"], config["draws"])]


def errors(summary, method):
    return [text.number(summary[f"{method}_{count}"]["median"], 2) for count in CELLS]


def words(record):
    """The sentences of the README that hold numbers."""
    s, seeds = record["summary"], len(record["runs"])
    gain = [10 ** np.mean(np.log10(results.values(record, f"random_{c}") / results.values(record, f"evolino_{c}")))
            for c in CELLS]
    larger = [PUBLISHED[c] / s[f"evolino_{c}"]["median"] for c in CELLS]
    return (f"With {record['config']['evaluations']:,} networks each, evolution is {min(gain):.0f} to {max(gain):.0f} "
            f"times better than random LSTMs (geometric means of {seeds} seeds; smallest for two sines, largest for "
            f"five). On five sines the evolved network stays within {100 * LEAVES:g} % of the series for "
            f"{s['horizon_5']['median']:,.0f} steps of its own (median; {s['horizon_5']['min']:,.0f} to "
            f"{s['horizon_5']['max']:,.0f}); it saw {record['config']['seen']} values. None of its gates moves by more "
            f"than {s['gates_move_5']['max']:.0e}. The published errors (not read in the original) are "
            f"{min(larger):,.0f} to {max(larger):,.0f} times larger than ours.\n")


# ---------------------------------------------------------------- the root README

IDEA = "no gradient: evolve the cells, compute the readout (2007)"
TIME = "50 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    shown = {name: f"{record['summary'][f'{name}_5']['median']:.0e}" for name in ("evolino", "random", "linear")}
    return (f"five sines, error of its own continuation: {shown['evolino']} evolved, {shown['random']} random search, "
            f"{shown['linear']} linear regression")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, figures=(closed_loop, cells, generations), make_tables=tables)))
