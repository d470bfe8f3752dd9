"""What does the density of solutions look like against the interval of the weights?

The source guesses in [-100, 100] and says that success depends on the interval. Varied: the interval,
0.1 to 1000, everything else as in the main experiment. Small weights cannot store a bit (a logistic
unit needs a self-weight above 4, a tanh unit above 1), so there must be a threshold; at large
intervals only directions count, so the density should no longer change.
"""

import numpy as np

from common import results
from common.randomness import stream
from vanishing_gradient.weight_guessing.weight_guessing import (
    ROW, density, interval_text, margin, search, sequences)

SEEDS, MINUTES = range(3), 1.2
USES = ("shortest", "longest", "training", "tolerance")
QUICK = dict(shortest=40, longest=50, training=20, guesses=(2_000, 2_000), rows=("latch_2", "parity_a2_no_self"),
             intervals=(1, 100))
FLAT = 2                                # bound: the densities at 300 and 1000 differ by less than this factor


def run(config, seeds, intervals=(0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000),
        rows=("latch_2", "two_sequence", "parity_a1", "parity_a2_no_self"), guesses=(8_192, 131_072, 262_144, 32_768)):
    for seed in seeds:
        final = {}
        for name, count in zip(rows, guesses):
            row = ROW[name]
            data = sequences(row, config, seed, "train", config.training)
            for interval in intervals:
                found, _ = search(row.network, data, margin(row, config.tolerance),
                                  stream(seed, f"interval {interval} {name}"), count, interval)
                final |= {f"{name}_{interval}_solutions": len(found), f"{name}_{interval}_guesses": count}
        yield results.entry(seed, final)


def _density(record, name, interval):
    return density(*(results.values(record, f"{name}_{interval}_{what}").sum() for what in ("solutions", "guesses")))


def checks(record):
    made, intervals = [], record["config"]["intervals"]
    for name in record["config"]["rows"]:
        last, before = (_density(record, name, interval).trials for interval in (intervals[-1], intervals[-2]))
        ratio = before / last if last and before else None
        made.append(results.check(f"{ROW[name].title}: trials at {intervals[-2]} / at {intervals[-1]}", ratio,
                                  f"between 1/{FLAT} and {FLAT}", ratio is not None and 1 / FLAT < ratio < FLAT))
        small = sum(_density(record, name, interval).solutions for interval in intervals if interval <= 1)
        made.append(results.check(f"{ROW[name].title}: solutions with all weights within 1", small, "0", small == 0))
    return made


def finding(record):
    first = {}
    for name in record["config"]["rows"]:
        solved = [i for i in record["config"]["intervals"] if _density(record, name, i).solutions]
        first[ROW[name].title] = f"{solved[0]:g}" if solved else "none"
    return ("A threshold, then a plateau. Smallest interval with a solution: "
            f"{'; '.join(f'{title} {value}' for title, value in first.items())}.")


def table(record):
    intervals = record["config"]["intervals"]
    rows = [[f"{interval:g}", *(_cell(_density(record, name, interval)) for name in record["config"]["rows"])]
            for interval in intervals]
    return ["weights within", *(ROW[name].title for name in record["config"]["rows"])], rows


def _cell(found):
    if not found.solutions:
        return f"none of {found.guesses:,}"
    return f"{found.trials:,.0f} {interval_text(found.interval)}"


def figure(record, arrays):
    from common.figures import CELLS, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4))
    for k, name in enumerate(record["config"]["rows"]):
        found = {i: _density(record, name, i) for i in record["config"]["intervals"]}
        solved = {i: d for i, d in found.items() if d.solutions}
        x, y = np.array(list(solved)), np.array([1 / d.trials for d in solved.values()])
        ends = np.array([[1 / d.interval[1], 1 / d.interval[0]] for d in solved.values()]).T
        if solved:
            ax.errorbar(x, y, np.abs(ends - y), color=CELLS[k], marker=SYMBOL_MARKERS[k], capsize=3,
                        label=ROW[name].title)
        none = [(i, d) for i, d in found.items() if not d.solutions]
        ax.plot([i for i, _ in none], [1 / d.interval[0] for _, d in none], "v", color=CELLS[k], markerfacecolor="w")
    ax.plot([], [], "v", color="0.4", markerfacecolor="w", label="none found: 95 % upper end")
    ax.set(xscale="log", yscale="log", xlabel="weights uniform in plus or minus", ylabel="share of guesses that solve")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
