"""Draw the figures of compute and of its studies from saved data; fill the pages with --tables.

    python3 vanishing_gradient/compute/visualize_compute.py [--out DIR] [--tables]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results, tables as text
from common.config import run
from common.figures import ROLE, draw, plt
from vanishing_gradient.compute import laws
from vanishing_gradient.compute.laws import costs, median, words
from vanishing_gradient.compute.studies import (an_hour, every_update, gradient_flow, mechanism, small_steps,
                                                strong_symbol, weak_filler)

HERE = Path(__file__).resolve().parent
ARRAYS = ("radius", "flow", "decodable", "curve", "looks", "all_radius", "all_looks")
STYLE = {"small_plain": ("0.45", "-"), "small_orthogonal": ("0.45", "--"), "sgd_plain": (ROLE["rnn"], "-"),
         "sgd_orthogonal": (ROLE["rnn"], "--"), "adam_plain": (ROLE["tuned_rnn"], "-"),
         "adam_orthogonal": (ROLE["tuned_rnn"], "--")}


# ---------------------------------------------------------------- figures

def cost_against_lag(record, arrays):
    """Left, small steps: an exponential, with the held-out lags. Right: all six ways to pay."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
    _laws(left, record)
    for name, (colour, style) in STYLE.items():
        curve = record["config"]["curves"][name]
        lags = [lag for lag in curve["lags"] if np.isfinite(median(record, name, lag))]
        right.plot(lags, [median(record, name, lag) for lag in lags], style, color=colour, linewidth=1.4, marker="o",
                   markersize=4, label=curve["label"])
        censored = [lag for lag in curve["lags"] if lag not in lags]
        right.plot(censored, [curve["budget"]] * len(censored), "^", color=colour, fillstyle="none", markersize=6)
    right.plot([], [], "^", color="0.3", fillstyle="none", label="most seeds censored (at the budget)")
    right.set(xscale="log", yscale="log", xlabel="lag", title=f"six ways to pay, median of {len(record['runs'])} seeds")
    right.legend(fontsize=8, handlelength=3)
    return fig


def _laws(ax, record):
    """Small SGD from the plain start: every seed, both laws, the lags they were not fitted to."""
    lags, held = record["config"]["curves"][laws.SMALL]["lags"], laws.held_out(record)
    for lag in lags:
        cost = costs(record, laws.SMALL, lag)
        there = cost[np.isfinite(cost)]
        ax.plot([lag] * len(there), there, "o", color="0.6", markersize=4)
        if len(there) < len(cost):
            budget = record["config"]["curves"][laws.SMALL]["budget"]
            ax.plot(lag, budget, "^", color="0.4", fillstyle="none")
            ax.text(lag, budget * 1.25, f"{len(cost) - len(there)} of {len(cost)}", ha="center", fontsize=8)
    x = np.linspace(lags[0], lags[-1], 100)
    for law, style in zip(held.laws, ("-", ":")):
        ax.plot(x, law.predict(x), style, color=ROLE["tuned_rnn" if style == "-" else "linear"], label=law.kind)
    ax.axvspan(record["config"]["fitted"][1] + 0.5, lags[-1] + 0.5, color="0.93", zorder=0)
    ax.text(0.99, 0.02, "grey: held out; triangles: censored", ha="right", color="0.4", fontsize=9,
            transform=ax.transAxes)
    growth = laws.small_growth(record)
    ax.set(yscale="log", xlabel="lag", ylabel="training sequences until 99 %", xticks=lags[::2],
           title=f"small SGD, plain start: × {growth.value:.1f} a step")
    if held.laws:
        ax.legend(loc="upper left")


def error_returns(record, arrays):
    """Adam at the longest lag: W grows, the error comes back, the state holds the symbol; or the moment is missed."""
    lag, n = arrays["flow"].shape[1] - 2, len(record["runs"])
    rows = ["", "missed_"] if "missed_flow" in arrays else [""]
    fig, axes = plt.subplots(1 + len(rows), 1, figsize=(8, 2.6 + 2.2 * len(rows)), sharex=True)
    for row in arrays["all_radius"]:
        axes[0].plot(np.maximum(arrays["all_looks"], 32), row, color="0.7", linewidth=0.8)
    for prefix, colour in zip(rows, (ROLE["tuned_rnn"], ROLE["lstm"])):
        axes[0].plot(np.maximum(arrays[f"{prefix}looks"], 32), arrays[f"{prefix}radius"], color=colour,
                     label="missed" if prefix else "solved")
    axes[0].axhline(1, color="0.4", linestyle="--", linewidth=1)
    axes[0].set(title=f"Adam, lag {lag}: W leaves the region where errors vanish ({n} seeds)", ylabel="spectral radius")
    axes[0].legend()
    titles = {"": f"solved after {arrays['looks'][-1]:,.0f} sequences: how far back the error reaches",
              "missed_": "missed: the error has come and gone, the symbol is not held"}
    for ax, prefix in zip(axes[1:], rows):
        picture = ax.pcolormesh(np.maximum(arrays[f"{prefix}looks"], 32), np.arange(lag + 2),
                                np.clip(arrays[f"{prefix}flow"].T, -45, 5), cmap="cividis", shading="nearest",
                                vmin=-45, vmax=5)
        ax.set(title=titles[prefix], ylabel="steps back")
    fig.colorbar(picture, ax=axes[1:], label="log10 of the error")
    axes[-1].set(xscale="log", xlim=(32, None), xlabel="training sequences")
    return fig


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    growth, held = laws.small_growth(record), laws.held_out(record)
    factor = np.mean([run["final"]["start"]["plain"]["factor"] for run in record["runs"]])
    curve, longest = record["config"]["curves"], record["config"]["curves"]["adam_plain"]["lags"][-1]
    rules = [results.at(run["final"], "rules", longest, "last") for run in record["runs"]]
    ready = [results.at(run["final"], "start", kind, "decodable", longest) for run in record["runs"]
             for kind in ("plain", "orthogonal")]
    return dict(
        costs=_costs(record), held=_held(held),
        growth=f"{growth.value:.2f} [{growth.interval[0]:.2f}, {growth.interval[1]:.2f}]",
        factor=f"{factor:.2f}", inverse=f"{1 / factor:.2f}",
        first=f"10^{np.mean([run['final']['start']['plain']['first_error'] for run in record['runs']]):.0f}",
        rules=f"{np.mean(rules):.2f}", untrained=f"{np.mean(ready):.2f}",
        small_budget=f"{curve['small_plain']['budget']:,}", budget=f"{curve['adam_plain']['budget']:,}",
        tried=_tried(studies), **_from_studies(studies))


def _from_studies(studies):
    """What the README quotes from studies, or that they were not run."""
    made = {}
    for name, words_of in (("small_steps", _million), ("gradient_flow", _small),
                           ("every_update", _returned), ("mechanism", _beyond), ("strong_symbol", _strong),
                           ("weak_filler", _lucky), ("an_hour", _hour)):
        there = studies.get(name)
        made |= words_of(there) if there else {}
    return {name: made.get(name, "(not run)") for name in QUOTED}


QUOTED = ("million", "million_power", "farthest", "farthest_budget", "ratios", "flow_growth", "flow_way",
          "returned", "would_return", "beyond", "strong", "lucky", "hour", "hour_budget",
          "hour_rule")


def _hour(record):
    """How far every task gets with a choice of its own, the budget of a network, what a rule gets of two-sequence."""
    return dict(hour=an_hour.farthest(record), hour_budget=f"{record['config']['budgets'][0]:,}",
                hour_rule=f"{an_hour.sign_of_the_sum(100):.2f}")


def _million(record):
    """What six times the budget reaches, which law errs less, and what a million times the compute would buy."""
    steps = {kind: f"{value:.0f} [{low:.0f}, {high:.0f}]"
             for kind, (value, (low, high)) in small_steps.bought(record, "latch").items()}
    ratios = [small_steps.word(small_steps.split(record, *split).ratio) for split in small_steps.SPLITS]
    return dict(million=steps[laws.KINDS[0]], million_power=steps[laws.KINDS[1]],
                farthest=f"{small_steps.there(record, 'latch')[-1]}",
                farthest_budget=f"{small_steps.budget_of(record, 'latch'):,}",
                ratios=f"{', '.join(ratios[:-1])} and {ratios[-1]}")


def _small(record):
    """Growth of the cost and length of the way when rate or batch change."""
    growths = [gradient_flow.growth(record, name) for name in gradient_flow.ROWS]
    ways = [gradient_flow.length(record, name) for name in gradient_flow.ROWS]
    return dict(flow_growth=f"{min(growths):.2f} to {max(growths):.2f}", flow_way=f"{min(ways):.2f} to {max(ways):.2f}")


def _returned(record):
    """Whether the error came back before the state held the symbol, and whether it would have, had it been cut."""
    whole = [every_update.groups(record, name) for name in every_update.WHOLE]
    cut = [every_update.groups(record, name) for name in every_update.ROWS if name not in every_update.WHOLE]
    holds = sum(len(group[0]) for group in whole)
    return dict(returned=f"{sum(every_update.came(group[0]) for group in whole)} of {holds}",
                would_return=f"{sum(every_update.came(one) for group in cut for one in group)} of "
                             f"{sum(len(one) for group in cut for one in group)}")


def _beyond(record):
    """How often W's radius ends above 1 with errors of ten steps only."""
    return dict(beyond=f"{mechanism.beyond(record, 'ten_steps', record['config']['lags'][0])} of {len(record['runs'])}")


def _tried(studies):
    """How many settings were tried, from the study of that name."""
    if "choosing" not in studies:
        return "(not run)"
    c = studies["choosing"]["config"]
    sgd, adam = (len(c[f"{o}_rates"]) * len(c[f"{o}_batches"]) for o in ("sgd", "adam"))
    return f"{sgd} settings of SGD and {adam} of Adam, each from both starts, on {len(c['seeds'])} seeds"


def _costs(record):
    """Median sequences and solved seeds of every curve at every lag."""
    curves, n = record["config"]["curves"], len(record["runs"])
    lags = sorted({lag for curve in curves.values() for lag in curve["lags"]})
    rows = []
    for name, curve in curves.items():
        cells = []
        for lag in lags:
            solved = np.isfinite(costs(record, name, lag)).sum()
            cells.append(f"{words(median(record, name, lag))} ({solved})" if lag in curve["lags"] else "")
        rows.append([curve["label"], f"{curve['rate']:g}, {curve['batch']}", *cells])
    return text.table([f"median sequences (solved of {n})", "rate, batch", *(f"lag {lag}" for lag in lags)], rows)


def _held(held):
    """The lags that the laws were not fitted to."""
    rows = [[lag, words(measured), *(words(value) for value in predicted)] for lag, measured, *predicted in held.rows]
    return text.table(["held-out lag", "measured", "exponential predicts", "power law predicts"], rows)


def _strong(record):
    """How many hold the symbol with errors of ten steps when it is written strongly."""
    return dict(strong=f"{strong_symbol.count(record, 'cut_strong', 'holds_at')} of {len(record['runs'])}")


def _lucky(record):
    """How many random networks hold the symbol when the filler writes weakly."""
    return dict(lucky="{} of {}".format(*weak_filler.best(record, "filler weak")))


# ---------------------------------------------------------------- the root README

IDEA = "pay: the same network, more steps"
TIME = "40 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    growth, n = laws.small_growth(record), len(record["runs"])
    longest = record["config"]["curves"]["adam_plain"]["lags"][-1]
    counts = [int(np.isfinite(costs(record, name, longest)).sum()) for name in ("adam_plain", "adam_orthogonal")]
    return (f"small steps of SGD: every step of lag costs {growth.value:.1f} times as much; Adam solves lag {longest} "
            f"with {counts[0]} of {n} plain and {counts[1]} of {n} orthogonal networks")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, (cost_against_lag, error_returns), ARRAYS, tables)))
