"""Draw the figures of the shootout and of its studies from saved data into viz/; fill the READMEs with --tables.

    python3 vanishing_gradient/shootout/visualize_shootout.py             the committed record
    python3 vanishing_gradient/shootout/visualize_shootout.py --out DIR   another one

The parts of the other rooms are those that are committed (parts.py).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results
from common import tables as text
from common.config import run
from common.figures import ROLE, SEQUENTIAL, SYMBOL_MARKERS, chance_line, draw, plt
from common.tasks.first_symbol import RULES, TITLES
from vanishing_gradient.shootout.parts import EVERY, missing, read_parts, rows
from vanishing_gradient.shootout.racers import GATED, RACERS
from vanishing_gradient.shootout.shootout import LAGS, PATIENCE, TRAINED, Config

HERE = Path(__file__).resolve().parent
MAIN, BESIDE = "random", "cycle"
MARKER = dict(zip(EVERY, SYMBOL_MARKERS * 2))


def every_record(record):
    """This record, the committed study of the variants, and the parts of the other rooms."""
    path = HERE / "studies" / "variants.json"
    own = [results.read(path, "git checkout")] if path.exists() else []
    return [record, *own, *read_parts().values()]


def by_year(found):
    return sorted(found, key=lambda name: (EVERY[name].year, list(EVERY).index(name)))


# ---------------------------------------------------------------- figures

def success(record, arrays):
    """Seeds solved by method and lag: random filler above, predictable filler below."""
    records, shown = every_record(record), {}
    for variant in (MAIN, BESIDE):
        found = rows(records, variant)
        if found:
            shown[variant] = found
    heights = [len(found) for found in shown.values()]
    fig, axes = plt.subplots(len(shown), 1, figsize=(8, 0.42 * sum(heights) + 1.7), height_ratios=heights,
                             squeeze=False)
    lags = [lag for lag in LAGS if any(lag in by_lag for found in shown.values() for by_lag in found.values())]
    for ax, (variant, found) in zip(axes[:, 0], shown.items()):
        image = matrix(ax, found, lags, variant)
    axes[-1, 0].set(xlabel="lag: steps between the first symbol and the answer")
    fig.colorbar(image, ax=axes[:, 0], label="share of the seeds that solve it", shrink=0.6)
    return fig


def matrix(ax, found, lags, variant):
    """One picture of names by lags; a lag that was not run is left white."""
    names, centred = by_year(found), dict(ha="center", va="center")
    share = np.full((len(names), len(lags)), np.nan)
    for i, name in enumerate(names):
        for j, lag in enumerate(lags):
            row = found[name].get(lag)
            if row:
                share[i, j] = row.solved / row.seeds
                dark = share[i, j] < 0.6
                ax.text(j, i, f"{row.solved}/{row.seeds}", **centred, fontsize=9, color="white" if dark else "black")
            else:
                ax.text(j, i, why_not(found[name], lag), **centred, fontsize=8, color="0.5")
    ax.grid(False)
    ax.set(xticks=range(len(lags)), xticklabels=[f"{lag:,}" for lag in lags], yticks=range(len(names)),
           yticklabels=[f"{EVERY[name].label} ({EVERY[name].year})" for name in names], title=TITLES[variant])
    return ax.imshow(np.ma.masked_invalid(share), cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")


def why_not(by_lag, lag):
    """A method that solved nothing at its last two lags has ended; else the lag was only not run."""
    last = sorted(by_lag)[-PATIENCE:]
    return "ended" if lag > max(last) and not any(by_lag[at].solved for at in last) else "not run"


def cost(record, arrays):
    """Sequences until 99 % against the lag, log-log; what was not reached stands at the budget, open."""
    found = rows([record, *read_parts().values()], MAIN)
    fig, ax = plt.subplots(figsize=(8, 4.6))
    for name in by_year(found):
        lags = sorted(found[name])
        middle = np.array([np.median(found[name][lag].sequences) for lag in lags])
        reached = np.isfinite(middle)
        kept = np.where(reached, middle, [found[name][lag].seen for lag in lags])
        ax.plot(lags, kept, "-", color=ROLE[name], linewidth=1.4)
        ax.plot(np.array(lags)[reached], kept[reached], MARKER[name], color=ROLE[name],
                label=f"{EVERY[name].label} ({EVERY[name].year})")
        ax.plot(np.array(lags)[~reached], kept[~reached], MARKER[name], color=ROLE[name], fillstyle="none",
                markersize=9)
    ax.plot([], [], "o", fillstyle="none", color="0.3", markersize=9, label="not reached by half of the seeds")
    seeds = len(record["runs"])
    ax.set(xscale="log", yscale="log", xlabel="lag", ylabel="training sequences until 99 %",
           title=f"{TITLES[MAIN].capitalize()}: median of {seeds} seed{'s' * (seeds > 1)}")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def later(record, arrays):
    """Trained at lag 100, asked later: accuracy against the lag at which the answer is asked."""
    fig, ax = plt.subplots(figsize=(8, 4.2))
    names = [name for name in RACERS if results.at(record["runs"][0]["final"], "later", name)]
    for name in names:
        lags = [int(lag) for lag in record["runs"][0]["final"]["later"][name]]
        right = np.array([[run_["final"]["later"][name][str(lag)] for lag in lags] for run_ in record["runs"]])
        ax.semilogx(lags, right.mean(0), MARKER[name] + "-", color=ROLE[name],
                    label=f"{RACERS[name].label} ({RACERS[name].year})")
        ax.fill_between(lags, right.min(0), right.max(0), color=ROLE[name], alpha=0.15, linewidth=0)
    chance_line(ax, 1 / record["config"]["symbols"])
    ax.set(xlabel="lag at which the answer is asked", ylabel="accuracy", ylim=(0, 1.03),
           title=f"Trained at lag {TRAINED} only ({len(record['runs'])} seeds: mean, range)")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    return {"solved": solved_table(record), "costs": costs_table(record), "lines": words(record),
            "missing": left_out(), "surprises": surprises(record, studies)}


def solved_table(record):
    """Seeds solved, and the median of the sequences until 99 %, by method and lag; the rules that learn nothing."""
    found, lags = rows([record, *read_parts().values()], MAIN), record["config"]["lags"]
    made = [[EVERY[name].label, EVERY[name].year, *(solved_cell(found[name], lag) for lag in lags)]
            for name in by_year(found)]
    made += [[words_, "", *(f"{rule_share(record, rule, lag):.2f} right" for lag in lags)]
             for rule, words_ in RULES.items()]
    return text.table(["method", "year", *(f"lag {lag:,}" for lag in lags)], made)


def solved_cell(by_lag, lag):
    """'8/8, 1,280'; a lag that was not run says how long its whole budget would take for all seeds."""
    if lag in by_lag:
        row, median = by_lag[lag], np.median(by_lag[lag].sequences)
        return f"{row.solved}/{row.seeds}" + (f", {median:,.0f}" if np.isfinite(median) else f", > {row.seen:,.0f}")
    last = by_lag[max(by_lag)]
    a_symbol = last.seconds / (last.seen * (max(by_lag) + 1))
    minutes = Config().budget_of(lag) * (lag + 1) * a_symbol * last.seeds / 60
    return f"not run ({minutes:,.0f} min)"


def rule_share(record, rule, lag):
    return np.mean([results.at(run_["final"], MAIN, rule, lag, "accuracy") for run_ in record["runs"]])


def costs_table(record):
    """What one seed costs at lag 100 and at the longest lag that most seeds solve, with the settings used."""
    found, made = rows([record], MAIN), []
    for name in by_year(found):
        solved = [lag for lag in found[name] if 2 * found[name][lag].solved > found[name][lag].seeds]
        for lag in dict.fromkeys([100, max(solved, default=100)]):
            row = found[name].get(lag)
            if row:
                setting = record["config"]["settings"][name][str(lag)]
                made.append([EVERY[name].label, f"{lag:,}", f"{row.solved}/{row.seeds}", f"{setting['rate']:g}",
                             setting["batch"], f"{setting['std']:g}", power(row.multiply_adds), f"{row.seconds:.1f}"])
    return text.table(["method", "lag", "solved", "rate", "batch", "initial scale", "multiply-adds", "seconds"], made)


def power(value):
    """3.1·10⁹ as text."""
    exponent = int(np.floor(np.log10(value)))
    return f"{value / 10.0**exponent:.1f}·10^{exponent}"


def left_out():
    """Which methods of other rooms have no part."""
    parts = list(read_parts().values())
    none = [label for label in missing(parts, MAIN) if label in missing(parts, BESIDE)]
    return f"Not in the pictures, because their rooms have not run the task: {', '.join(none)}." if none else \
        "Every room has run its part."


def words(record):
    """The sentence with the headline's numbers."""
    found, seeds = rows([record], MAIN), len(record["runs"])
    longest = max(record["config"]["lags"])
    gated = {name: found[name] for name in GATED if longest in found[name]}
    said = "; ".join(f"{RACERS[name].label} {by_lag[longest].solved} of {seeds}" for name, by_lag in gated.items())
    stops = [f"{RACERS[name].label}: no seed from lag {first:,} on" for name in ("rnn", "tuned_rnn")
             if (first := first_unsolved(found[name])) is not None]
    return f"Solved at lag {longest:,}: {said or 'nothing that was run'}. {'; '.join(stops)}.\n"


def surprises(record, studies):
    """What the numbers say that nobody asked: guessing's cost, the chunker's short lag, answers asked later."""
    said, records = [], every_record(record)
    two, cycle = rows(records, "two"), rows(records, "cycle")
    if "guess" in two:
        said.append(guessing(two, rows(records, MAIN)))
    failed = [lag for lag, row in cycle.get("chunker", {}).items() if not row.solved]
    if failed:
        said.append(f"**The chunker fails at a short lag.** With cycling filler no seed solves lag "
                    f"{', '.join(map(str, failed))}, and every seed lag {max(cycle['chunker']):,}: its study says why.")
    asked = {name: [results.at(run_["final"], "later", name, max(record["config"]["asked"]))
                    for run_ in record["runs"]] for name in GATED}
    shown = [f"{RACERS[name].label} {np.mean(right):.2f}" for name, right in asked.items() if None not in right]
    if shown:
        said.append(f"**To learn a lag is not to remember for ever.** Trained at lag {TRAINED}, asked at lag "
                    f"{max(record['config']['asked']):,}, the mean accuracy is: {', '.join(shown)} (chance "
                    f"{1 / record['config']['symbols']:g}).")
    if "settings" in studies:
        said.append(f"**The scale of the first weights decides how far a tanh-RNN gets.** Orthogonal, lag 100, "
                    f"networks of the grid of rates and batches that solve it: {by_scale(studies['settings'])}.")
    return "\n".join(f"- {sentence}" for sentence in said) + "\n"


def guessing(two, eight):
    """Weight guessing with two symbols: how many seeds, at what cost, beside the gated networks; and with eight."""
    found = two["guess"]
    near, far = min(found), max(found)
    cost = {lag: f"{np.median(found[lag].sequences):,.0f}" for lag in (near, far)}
    beside = [f"{EVERY[name].label} {np.median(by_lag[100].sequences):,.0f}" for name, by_lag in two.items()
              if name in GATED and 100 in by_lag]
    compared = f" (by gradients at lag 100: {', '.join(beside)})" if beside else ""
    return (f"**With two symbols, guessing is enough.** {found[far].solved} of {found[far].seeds} seeds guess a "
            f"network at lag {far:,}. Sequences run until then, median: {cost[near]} at lag {near}, {cost[far]} at "
            f"lag {far:,}{compared}. With eight symbols {eight['guess'][near].solved} of {eight['guess'][near].seeds} "
            f"find one at lag {near}.")


def by_scale(record):
    """'15 of 30 at scale 0.03, ...' of the orthogonal tanh-RNN at lag 100 in the study of the settings."""
    right = {}
    for run_ in record["runs"]:
        for scales in run_["final"]["random"]["tuned_rnn"]["100"].values():
            for scale, cells in scales.items():
                right.setdefault(float(scale), []).extend(c["sequences"] is not None for c in cells.values())
    return ", ".join(f"{sum(found)} of {len(found)} at scale {scale:g}" for scale, found in sorted(right.items()))


def first_unsolved(by_lag):
    """The first lag from which on no seed solved the task, None if the last lag was solved by one."""
    empty = [lag for lag in by_lag if by_lag[lag].solved == 0 and all(by_lag[k].solved == 0 for k in by_lag if k > lag)]
    return min(empty, default=None)


# ---------------------------------------------------------------- the root README

IDEA = "every remedy on one axis: how far, and at what cost? (1986 to 2026)"
TIME = "30 s"  # of one seed, measured on free cores


def one_line(record):
    """What the root README says about the record."""
    found, longest = rows([record], MAIN), max(record["config"]["lags"])
    shown = [f"{RACERS[name].label.split(',')[0]} {found[name][longest].solved}" for name in GATED
             if longest in found[name]]
    return f"seeds of {len(record['runs'])} that solve lag {longest:,}: {', '.join(shown)}"


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, figures=(success, cost, later), make_tables=tables)))
