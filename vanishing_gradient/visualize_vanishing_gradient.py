"""Draw the figures of the vanishing gradient, and of every study that has a result, from saved data.

    python3 vanishing_gradient/visualize_vanishing_gradient.py              figures into viz/
    python3 vanishing_gradient/visualize_vanishing_gradient.py --tables     and the tables of the READMEs

Trains nothing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401
import numpy as np
from common.config import run
from common.figures import DIVERGING, LABEL, ROLE, draw, plt
from common.tables import mean_spread, table
from vanishing_gradient.pictures import back_in_time, powers_of_ten

HERE = Path(__file__).resolve().parent
RNN_KINDS = ("logistic", "tanh", "linear", "relu")
KINDS = (*RNN_KINDS, "lstm", "lstm_forget")
SHOWN = ("logistic", "tanh", "linear", "lstm", "lstm_forget")     # in error_flow; factor_per_step shows all
TITLE = {"logistic": "logistic", "tanh": "tanh", "linear": "linear", "relu": "ReLU", "lstm": LABEL["lstm"],
         "lstm_forget": LABEL["lstm_forget"]}
LOW, MEDIAN, HIGH = 0, 2, 4                  # rows of every array of quantiles: 5, 50, 95 %
SCALES = {0.25: "1/4", 0.5: "1/2", 1: "1", 2: "2", 4: "4", 8: "8"}
LINES = {"-": "64 units", "--": "16", ":": "4"}
BOUND_STYLES = {"logistic": "-", "tanh": "--", "linear": "-.", "relu": ":"}
ARRAYS = ("gain", "stage", "each_tanh", "flow_lstm_truncated", *(f"flow_{kind}" for kind in KINDS),
          *(f"bound_{kind}" for kind in RNN_KINDS))


def sizes(record, kind):
    return record["config"]["lstm_sizes" if "lstm" in kind else "rnn_sizes"]


def gain_colour(gain):
    """Blue below the critical scale, red above, grey at it."""
    if abs(np.log2(gain)) < 0.1:
        return "0.45"
    place = np.clip(np.log2(gain) / 6 + 0.5, 0, 1)
    return plt.get_cmap(DIVERGING)(0.5 + 1.15 * (place - 0.5))


def networks_and_seeds(record):
    """'100 random networks a seed, 5 seeds'."""
    n = len(record["runs"])
    return f"{record['config']['networks']} random networks a seed, {n} seed{'s' if n > 1 else ''}"


# ---------------------------------------------------------------- the error on its way back

def error_flow(record, arrays):
    """The error against the steps it travelled back, five kinds; and how near any flow came to its bound."""
    fig, axes = plt.subplots(2, 3, figsize=(8, 5.7))
    panels, lags = dict(zip(SHOWN, axes.flat)), arrays["flow_tanh"].shape[-1] - 1
    for kind, ax in panels.items():
        for k, gain in enumerate(arrays["stage"]):
            flow_line(ax, arrays, kind, k, gain, label="lstm" not in kind)
        what = "cells" if "lstm" in kind else "units"
        ax.set(ylim=(-80, 60), title=f"{TITLE[kind]}, {max(sizes(record, kind))} {what}")
        powers_of_ten(ax.yaxis)
        back_in_time(ax, 1.17 * lags, label="steps back from the end" if "lstm" in kind else "")
    every_network(panels["tanh"], arrays, lags)
    about_lstms(record, arrays, panels["lstm"], panels["lstm_forget"])
    bound_lines(axes[1, 2], record, arrays)
    for ax in (axes[0, 0], axes[1, 0]):
        ax.set_ylabel("error that arrives")
    fig.suptitle("The error flows to the left. Straight lines: it vanishes or explodes exponentially", fontsize=12)
    fig.supxlabel("Numbers: recurrent scale (1: critical for units at net = 0). Band: 5 to 95 % of the networks; tanh: "
                  "a dot each.\nDashed colours: bound (f'max |W|)^q. Black dots: spectral radius^q. "
                  f"{networks_and_seeds(record)}.\n"
                  "Last panel: logistic solid, tanh dashed, linear dash-dotted, ReLU dotted", fontsize=9)
    return fig


def every_network(ax, arrays, lags):
    """A dot for every network, the whole way back; sideways at random places of a narrow strip, so that they show."""
    for k, gain in enumerate(arrays["stage"]):
        ends = arrays["each_tanh"][k]
        ax.plot(lags * np.linspace(1.01, 1.04, len(ends)), ends, ".", color=gain_colour(gain), markersize=0.8)


def about_lstms(record, arrays, full, forget):
    """What the two panels of the LSTMs show, in numbers."""
    s = record["summary"]
    full.plot(arrays["flow_lstm_truncated"][MEDIAN, 0], "k--", linewidth=1.2)
    full.text(0.97, 0.06, f"every scale: median factor\n{s['lstm_smallest_median']['min']:.3f} to "
              f"{s['lstm_largest_median']['max']:.3f} (full gradient);\ndashed: exactly 1 (truncated)",
              transform=full.transAxes, fontsize=9, ha="right")
    forget.text(0.97, 0.06, "up to scale 1: median factor\n"
                f"{s['lstm_forget_smallest_median']['min']:.2f} to {s['lstm_forget_largest_median']['max']:.2f},\n"
                "the error vanishes, slowly", transform=forget.transAxes, fontsize=9, ha="right")


def bound_lines(ax, record, arrays):
    """The largest local flow of any network against its bound, by lag: on the line at the top the bound is reached."""
    for kind, style in BOUND_STYLES.items():
        for n, shade in zip(record["config"]["bound_sizes"], ("0.1", "0.45", "0.7")):
            closest = arrays[f"closest_{kind}_{n}"]
            ax.plot(1 + np.arange(len(closest)), closest, color=shade, linestyle=style, linewidth=1.2)
    ax.axhline(0, color="0.3", linewidth=0.8)
    back_in_time(ax, len(closest))
    broken = record["summary"]["local_violations"]["max"]
    ax.set(ylabel="largest error / bound", title=f"above the bound: {broken:.0f}", ylim=(-6.5, 0.6))
    powers_of_ten(ax.yaxis)
    for n, level in zip(record["config"]["bound_sizes"], (0.1, -0.5, -1.5)):
        ax.text(len(closest) - 1, level, f"n = {n}", fontsize=8.5)


def flow_line(ax, arrays, kind, k, gain, label):
    """Median and band of one kind at one scale, with its bound below critical and the theory of linear networks."""
    flow, colour = arrays[f"flow_{kind}"][:, k], gain_colour(gain)
    lag = np.arange(flow.shape[1])
    ax.plot(lag, flow[MEDIAN], color=colour)
    ax.fill_between(lag, flow[LOW], flow[HIGH], color=colour, alpha=0.25, linewidth=0)
    if kind in RNN_KINDS and gain <= 1:
        log_norm = arrays[f"bound_{kind}"][MEDIAN, np.abs(np.log(arrays["gain"] / gain)).argmin()]
        ax.plot(lag, lag * log_norm, color=colour, linestyle="--", linewidth=1)
    if kind == "linear":
        ax.plot(lag[::12], lag[::12] * np.log10(gain), "k.", markersize=2.5)
    if label:
        inside = np.flatnonzero((flow[MEDIAN] > -74) & (flow[MEDIAN] < 52))
        end = inside[-1] if len(inside) else 0
        beside = 1.06 * end if kind == "tanh" and end == len(lag) - 1 else end         # left of every network's dot
        ax.text(beside, flow[MEDIAN][end], f"{SCALES[float(gain)]} ", color=colour, fontsize=9, ha="right", va="center")


def factor_per_step(record, arrays):
    """Growth of the error per step against the recurrent scale: medians by size, band of the largest."""
    gain = arrays["gain"]
    fig, axes = plt.subplots(2, 3, figsize=(10, 6.2), sharex=True, sharey=True)
    for ax, kind in zip(axes.flat, KINDS):
        factor_lines(ax, record, arrays, kind)
        if kind in RNN_KINDS:
            must_vanish = gain[0] / 10 ** arrays[f"bound_{kind}"][MEDIAN, 0]
            ax.axvspan(gain[0], must_vanish, color="0.93", zorder=0)
        ax.axhline(1, color="0.3", linewidth=0.8)
        ax.axvline(1, color="0.3", linewidth=0.8)
        ax.set(xscale="log", yscale="log", ylim=(0.12, 9), title=factor_title(record, kind))
        ax.set_xticks(list(SCALES), SCALES.values())
        ax.set_yticks(list(SCALES), SCALES.values())
        ax.minorticks_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("factor per step")
    for ax in axes[1]:
        ax.set_xlabel("recurrent scale (1: critical)")
    axes[0, 0].text(gain[0] * 1.05, 0.135, "must\nvanish", fontsize=9, color="0.35")
    handle = lambda **style: plt.Line2D([], [], **style)
    handles = [*(handle(color="0.3", linestyle=style) for style in LINES), handle(color="k", marker="+", linestyle=""),
               handle(color="k", marker="x", linestyle="")]
    fig.legend(handles, [*LINES.values(), "mean-field prediction, 64 units", "standing slopes, 4 units"],
               loc="outside lower center", ncols=5, title=f"{networks_and_seeds(record)}; band: 5 to 95 % of the "
               "largest (LSTMs: 16 and 4 cells)")
    return fig


def factor_lines(ax, record, arrays, kind):
    gain, shown, largest = arrays["gain"], sizes(record, kind), max(sizes(record, kind))
    colour = ROLE[kind if "lstm" in kind else "rnn"]
    for n, style in zip(sorted(shown, reverse=True), ("-", "--", ":")):
        factor = np.maximum(arrays[f"factor_{kind}_{n}"], 1e-3)           # a dead ReLU network's 0 at the lower edge
        ax.plot(gain, factor[MEDIAN], color=colour, linestyle=style)
        if n == largest:
            ax.fill_between(gain, factor[LOW], factor[HIGH], color=colour, alpha=0.25, linewidth=0)
    if kind in RNN_KINDS and kind != "linear":
        every = slice(None, None, 2)
        ax.plot(gain[every], arrays[f"field_{kind}_{largest}"][MEDIAN, every], "k+", markersize=5)
        standing = np.maximum(arrays[f"frozen_{kind}_{min(shown)}"][MEDIAN, every], 1e-3)
        ax.plot(gain[every], standing, "kx", markersize=3.5)


def factor_title(record, kind):
    s = record["summary"]
    if kind in RNN_KINDS:
        crossing = s[f"{kind}_{max(sizes(record, kind))}_crossing"]
        return f"{TITLE[kind]}: 64 units cross 1 at " + ("none" if crossing["n"] == 0 else f"{crossing['mean']:.2f}")
    low, high = s[f"{kind}_smallest_median"]["min"], s[f"{kind}_largest_median"]["max"]
    if kind == "lstm":
        return f"LSTM (1997): {low:.3f} to {high:.3f}"
    return f"forget gate: {low:.2f} to {high:.2f} up to 1"


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    """{marker: Markdown} of README.md."""
    s, runs = record["summary"], len(record["runs"])
    total = lambda name: f"{sum(run['final'][name] for run in record['runs']):,}"
    return dict(
        local_flows=total("local_flows"), norm_flows=total("norm_flows"), crossings=crossings_table(s, runs),
        half_grid=f"{100 * half_grid_shift(record):.1f} %",
        lstm_full=f"{s['lstm_smallest_median']['min']:.3f} to {s['lstm_largest_median']['max']:.3f}",
        lstm_forget=f"{s['lstm_forget_smallest_median']['min']:.2f} to {s['lstm_forget_largest_median']['max']:.2f}",
        tanh_4=f"{100 * s['tanh_4_share_beyond_1']['mean']:.0f} %",
        logistic_4=f"{100 * s['logistic_4_share_beyond_1']['mean']:.0f} %")


def crossings_table(s, runs):
    """Where networks cross 1, where two predictions put it, and how far off the predicted factors are."""
    header = ["networks", "units", "networks beyond 1 at any scale", "median factor crosses 1 at scale",
              "mean-field prediction of it", "standing-slopes prediction", "error of the factor: mean field",
              "standing slopes"]
    rows = []
    for name, kind, n in [(f"{kind}_{n}", kind, n) for kind in RNN_KINDS for n in (4, 16, 64)]:
        where = [crossing(s[f"{name}_{what}"], runs) for what in ("crossing", "crossing_field", "crossing_frozen")]
        errors = [percent(s[f"{name}_{what}"]) for what in ("field_error", "frozen_error")]
        rows.append([TITLE[kind], n, f"{100 * s[f'{name}_share_beyond_1']['mean']:.0f} %", *where, *errors])
    return table(header, rows)


def crossing(entry, runs):
    if entry["n"] == 0:
        return "not up to 8"
    if entry["n"] < runs:
        return f"{entry['mean']:.2f} ({entry['n']} of {runs} seeds)"
    alike = f"{entry['min']:.2f}" == f"{entry['max']:.2f}"
    return f"{entry['mean']:.2f}" if alike else mean_spread(entry, 2)


def percent(entry):
    return "none" if entry["n"] == 0 else f"{100 * entry['median']:.1f} %"


def half_grid_shift(record):
    """By how much, relatively, any crossing of any seed moves when every second scale is left out."""
    pairs = [(final[name], final[f"{name}_half_grid"]) for final in (run["final"] for run in record["runs"])
             for name in final if name.endswith("_crossing")]
    return max((abs(half / full - 1) for full, half in pairs if full and half), default=0.0)


# ---------------------------------------------------------------- the root README

IDEA = "the problem: an error that is sent back vanishes or explodes (1991)"
TIME = "20 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    s = record["summary"]
    flows = (s["local_flows"]["mean"] + s["norm_flows"]["mean"]) * len(record["runs"])
    return (f"{flows / 1e6:.1f} million measured errors, none above its bound; linear networks keep their error at "
            f"scale {s['linear_threshold_measured']['mean']:.2f} only; in the LSTM of 1997 it changes by at most "
            f"{100 * (s['lstm_largest_median']['max'] - 1):.1f} % a step")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, (error_flow, factor_per_step), ARRAYS, tables)))
