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
from vanishing_gradient.shootout.parts import EVERY, asked_later, exponent, missing, read_parts, rows, why_not
from vanishing_gradient.shootout.racers import GATED, RACERS
from vanishing_gradient.shootout.shootout import TRAINED, Config

HERE = Path(__file__).resolve().parent
MAIN, BESIDE = "random", "cycle"
SHARE = {MAIN: 1.0, BESIDE: 0.3}             # of the budget: study `variants` has less
MARKER = dict(zip(EVERY, SYMBOL_MARKERS * 2))
COLOR = {**ROLE, "self": ROLE["smt_dmt"]}


def every_record(record):
    """This record, the committed studies that go on from it, and the parts of the other rooms."""
    own = [HERE / "studies" / f"{name}.json" for name in ("variants", "farthest")]
    return [record, *(results.read(path, "git checkout") for path in own if path.exists()), *read_parts().values()]


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
    fig, axes = plt.subplots(len(shown), 1, figsize=(8, 0.42 * sum(heights) + 2), height_ratios=heights, squeeze=False)
    lags = sorted({lag for found in shown.values() for by_lag in found.values() for lag in by_lag})
    for ax, (variant, found) in zip(axes[:, 0], shown.items()):
        image = matrix(ax, found, lags, variant)
    axes[-1, 0].set(xlabel="lag: steps between the first symbol and the answer\n"
                           "*: a smaller budget, for its time")
    fig.colorbar(image, ax=axes[:, 0], label="share of the seeds that solve it", shrink=0.6)
    return fig


def matrix(ax, found, lags, variant):
    """One picture of names by lags; a lag that was not run is left white."""
    names, centred = by_year(found), dict(ha="center", va="center")
    share, budget = np.full((len(names), len(lags)), np.nan), SHARE[variant]
    for i, name in enumerate(names):
        for j, lag in enumerate(lags):
            row = found[name].get(lag)
            if row:
                share[i, j] = row.solved / row.seeds
                dark, star = share[i, j] < 0.6, "*" * row.cut_short(lag, budget)
                ax.text(j, i, f"{row.solved}/{row.seeds}{star}", **centred, fontsize=9,
                        color="white" if dark else "black")
            else:
                ax.text(j, i, why_not(found[name], lag, budget), **centred, fontsize=8, color="0.5")
    ax.grid(False)
    ax.set(xticks=range(len(lags)), xticklabels=[f"{lag:,}" for lag in lags], yticks=range(len(names)),
           yticklabels=[f"{EVERY[name].label} ({EVERY[name].year})" for name in names], title=TITLES[variant])
    return ax.imshow(np.ma.masked_invalid(share), cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")


def cost(record, arrays):
    """Until 99 %, log-log against the lag: sequences, and multiplications with addition."""
    found = rows(every_record(record), MAIN)
    fig, axes = plt.subplots(1, 2, figsize=(9, 5.4))
    for ax, what, title in zip(axes, (sequences_of, work_of), ("training sequences", "multiply-adds")):
        for name in by_year(found):
            line_of(ax, name, found[name], what)
        ax.set(xscale="log", yscale="log", xlabel="lag", title=f"{title} until 99 %")
    for style, label in (("o", "not reached by half of the seeds"), (".", "dot inside: with a smaller budget")):
        axes[0].plot([], [], style, fillstyle="none", color="0.3", markersize=9, label=label)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    counts = sorted({row.seeds for by_lag in found.values() for row in by_lag.values()})
    fig.suptitle(f"{TITLES[MAIN].capitalize()}: medians, n = {' or '.join(map(str, counts))} seeds", fontsize=11)
    return fig


def sequences_of(row):
    """The median; where half of the seeds did not get there, all that a seed was given."""
    return float(np.median(row.sequences)) if row.reached else row.seen


def work_of(row):
    return row.multiply_adds


def line_of(ax, name, by_lag, what):
    """One method: filled where half of the seeds reached 99 %, open where not, a dot inside with a smaller budget."""
    lags, color = sorted(by_lag), COLOR[name]
    ax.plot(lags, [what(by_lag[lag]) for lag in lags], "-", color=color, linewidth=1.3)
    for lag in lags:
        row = by_lag[lag]
        fill, size = ("full", 6) if row.reached else ("none", 9)
        ax.plot(lag, what(row), MARKER[name], color=color, fillstyle=fill, markersize=size)
        if not row.reached and row.cut_short(lag):
            ax.plot(lag, what(row), ".", color=color, markersize=5)
    ax.plot([], [], MARKER[name], color=color, label=f"{EVERY[name].label} ({EVERY[name].year})")


def later(record, arrays):
    """Trained at lag 100, asked later: accuracy against the lag at which the answer is asked."""
    fig, ax = plt.subplots(figsize=(8, 4.8))
    found = {}
    for one in (record, *read_parts().values()):
        found |= asked_later(one)
    for k, name in enumerate(by_year(found)):
        lags = sorted(found[name])
        mean, low, high = (np.array([at(found[name][lag]) for lag in lags]) for at in (np.mean, np.min, np.max))
        beside = np.array(lags) * 1.06 ** (k - len(found) / 2)
        ax.errorbar(beside, mean, (mean - low, high - mean), fmt=MARKER[name] + "-", color=COLOR[name],
                    elinewidth=0.8, capsize=2,
                    label=f"{EVERY[name].label} ({EVERY[name].year}), {how_many(found[name])}")
    chance_line(ax, 1 / record["config"]["symbols"])
    ax.set(xscale="log", xlabel="lag at which the answer is asked (side by side: the same lag)",
           ylabel="accuracy: mean and range of the networks", ylim=(-0.02, 1.03),
           title=f"Trained at lag {TRAINED} only, asked later")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return fig


def how_many(by_lag):
    """'n = 8', or 'n = 8, from lag 100,000 on 6' where not all networks were asked."""
    counts = {lag: len(by_lag[lag]) for lag in sorted(by_lag)}
    first, fewer = counts[min(counts)], [lag for lag, n in counts.items() if n < counts[min(counts)]]
    return f"n = {first}, from lag {fewer[0]:,} on {counts[fewer[0]]}" if fewer else f"n = {first}"


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    return {"solved": solved_table(record), "costs": costs_table(record), "lines": words(record),
            "missing": left_out(), "surprises": surprises(record, studies)}


def solved_table(record):
    """Seeds solved, and the median of the sequences until 99 %, by method and lag; the rules that learn nothing."""
    found = rows(every_record(record), MAIN)
    lags = sorted({lag for by_lag in found.values() for lag in by_lag})
    made = [[EVERY[name].label, EVERY[name].year, *(solved_cell(found[name], lag) for lag in lags),
             *(power_of(exponent(found[name], what)) for what in (sequences_of, work_of))] for name in by_year(found)]
    made += [[words_, "", *(rule_share(record, rule, lag) for lag in lags), "", ""]
             for rule, words_ in RULES.items()]
    return text.table(["method", "year", *(f"lag {lag:,}" for lag in lags), "sequences grow as",
                       "multiply-adds grow as"], made)


def power_of(found):
    return "" if found is None else f"lag^{found:.2f}"


def solved_cell(by_lag, lag):
    """'8/8, 1,280'; a lag that was not run says how long its whole budget would take for all seeds."""
    if lag in by_lag:
        row = by_lag[lag]
        cost_ = f"{sequences_of(row):,.0f}" if row.reached else f"> {row.seen:,.0f}"
        return f"{row.solved}/{row.seeds}{'*' * row.cut_short(lag)}, {cost_}"
    if why_not(by_lag, lag) == "ended":
        return "ended"
    last = by_lag[max(by_lag)]
    a_symbol = last.seconds / (last.seen * (max(by_lag) + 1))
    minutes = Config().budget_of(lag) * (lag + 1) * a_symbol * last.seeds / 60
    more = "over " if last.short or last.solved else ""    # attention costs more with the lag; solved seeds end early
    return f"not run ({more}{minutes:,.0f} min)"


def rule_share(record, rule, lag):
    found = [results.at(run_["final"], MAIN, rule, lag, "accuracy") for run_ in record["runs"]]
    return "" if None in found else f"{np.mean(found):.2f} right"


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
    """3.1·10^9 as text."""
    digits, exponent_ = f"{value:.1e}".split("e")
    return f"{digits}·10^{int(exponent_)}"


def left_out():
    """Which methods of other rooms have no part."""
    parts = list(read_parts().values())
    none = [label for label in missing(parts, MAIN) if label in missing(parts, BESIDE)]
    return f"Not in the pictures, because their rooms have not run the task: {'; '.join(none)}." if none else \
        "Every room has run its part."


def words(record):
    """The sentences with the numbers: how far each method gets, and what its sequences grow with."""
    found = rows(every_record(record), MAIN)
    far = {name: longest_solved(found[name]) for name in by_year(found)}
    said = [f"{EVERY[name].label} {lag:,} ({found[name][lag].solved} of {found[name][lag].seeds}"
            f"{', the longest it was run at' if lag == max(found[name]) else ''})"
            for name, lag in sorted(far.items(), key=lambda item: -item[1]) if lag]
    none = [EVERY[name].label for name, lag in far.items() if not lag]
    more = f" None: {', '.join(none)}." if none else ""
    return f"The longest lag that at least half of the seeds solve: {'; '.join(said)}.{more}\n"


def longest_solved(by_lag):
    """The longest lag that at least half of the seeds solve, 0 for none."""
    return max((lag for lag, row in by_lag.items() if 2 * row.solved >= row.seeds), default=0)


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
    said += later_words(record, studies)
    alike = rows(records, "alike")
    if alike:
        far = max(alike["gru"])
        solved, seeds = np.sum([(alike[name][far].solved, alike[name][far].seeds) for name in GATED], axis=0)
        said.append(f"**What the distractors are counts more than how many.** If they are the same eight symbols, so "
                    f"that only its place marks the first, the gated networks solve {solved} of {seeds} at lag {far}, "
                    "with a third of the budget (study `variants`).")
    if "settings" in studies:
        said.append(f"**The scale of the first weights matters to a tanh-RNN.** Orthogonal, lag 100, "
                    f"networks of the grid of rates and batches that solve it: {by_scale(studies['settings'])}.")
    return "\n".join(f"- {sentence}" for sentence in said) + "\n"


def later_words(record, studies):
    """What the networks of lag 100 answer later: forgotten, kept in an attractor, turned."""
    found = {}
    for one in (record, *read_parts().values()):
        found |= asked_later(one)
    if not found or max(found["rnn"]) == TRAINED:
        return []
    mean = lambda name, lag: f"{np.mean(found[name][lag]):.2f}"
    ends = "; ".join(f"{EVERY[name].label} {mean(name, max(found[name]))} at {max(found[name]):,} "
                     f"({how_many(found[name])})"
                     for name in (*GATED, "smt", "binary", "transformer") if name in found)
    last, rnn = max(found["rnn"]), found["rnn"]
    same = int(np.sum(np.equal(rnn[TRAINED], rnn[last])))
    turning = wrong_later(studies) or found["tuned_rnn"]
    lowest = min(turning, key=lambda lag: np.mean(turning[lag]))
    chance = f"{1 / record['config']['symbols']:g}"
    return [f"**To learn a lag is not to remember for ever.** Trained at lag {TRAINED} and asked later, mean accuracy "
            f"(chance {chance}): {ends}.",
            f"**What a plain tanh-RNN still tells apart, it keeps.** It is right on {mean('rnn', TRAINED)} at lag "
            f"{TRAINED} and on {mean('rnn', last)} at {last:,}, on exactly the same share in {same} of "
            f"{len(rnn[last])} seeds{steady(studies)}.",
            f"**An orthogonal one turns.** At its worst lag, {lowest:,}, it is right on {np.mean(turning[lowest]):.2f}"
            f"{turned(studies, lowest)}.{untimed(rows(every_record(record), 'asked'))}"]


def wrong_later(studies):
    """{lag: accuracy of each seed} of the orthogonal tanh-RNN in the study `afterwards`, beyond the trained lag."""
    found = {}
    for run_ in studies["afterwards"]["runs"] if "afterwards" in studies else ():
        for lag, cell in run_["final"]["tuned_rnn"].items():
            if int(lag) > TRAINED:
                found.setdefault(int(lag), []).append(cell["accuracy"])
    return found


def steady(studies):
    """How many plain tanh-RNNs are right on the same share at every lag asked, from the study `afterwards`."""
    if "afterwards" not in studies:
        return ""
    runs = studies["afterwards"]["runs"]
    same = sum(len({cell["accuracy"] for cell in run_["final"]["rnn"].values()}) == 1 for run_ in runs)
    return f" (study `afterwards`: at every lag asked in {same} of {len(runs)})"


def turned(studies, lag):
    """How consistent the wrong answers are, from the study `afterwards`."""
    if "afterwards" not in studies:
        return ""
    cells = [run_["final"]["tuned_rnn"][str(lag)] for run_ in studies["afterwards"]["runs"]]
    same = np.mean([cell["consistent"] for cell in cells])
    return f"; it gives the same other answer to the same symbol in {same:.2f} (study `afterwards`): a clock, misread"


def untimed(asked):
    """The orthogonal tanh-RNN where the answer is asked at a random time, from the study `variants`."""
    if TRAINED not in asked.get("tuned_rnn", {}):
        return ""
    row = asked["tuned_rnn"][TRAINED]
    return f" Where the answer is asked at a random time it solves {row.solved} of {row.seeds} at lag {TRAINED}."


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


# ---------------------------------------------------------------- the root README

IDEA = "every remedy on one axis: how far, and at what cost? (1986 to 2026)"
TIME = "20 s"  # processor seconds of one seed, lags up to 100


def one_line(record):
    """What the root README says about the record."""
    found, longest = rows([record], MAIN), max(record["config"]["lags"])
    shown = [f"{RACERS[name].label.split(',')[0]} {found[name][longest].solved}" for name in GATED
             if longest in found[name]]
    return f"seeds of {len(record['runs'])} that solve lag {longest:,}: {', '.join(shown)}"


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, figures=(success, cost, later), make_tables=tables)))
