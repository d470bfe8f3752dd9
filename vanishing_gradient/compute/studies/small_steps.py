"""Does the exponential go on with six times the budget, and does it hold on other tasks?

Small SGD of the main experiment (rate 1, batch 64, plain start) on the latch (the main experiment's task, with six
times its budget), on two-sequence, and on the marked bit (mark at one of the first three steps). An exponential and a
power law of the lag are fitted to the medians of the shorter lags and asked for the longer ones; the latch also
with all lags that the main experiment has, asked for those that only the larger budget reaches. "The cost is
exponential" is refuted where the power law errs less. What a million times the multiply-adds would buy is then
extrapolated by both laws, fitted to all lags; the interval draws the seeds again. How far to trust it: the lag that
each law, fitted to the shorter lags, gave for the cost of the longest one.
"""

import numpy as np

from common import results
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.compute import CURVES
from vanishing_gradient.compute.laws import KINDS
from vanishing_gradient.compute.training import FIRST, MARKED, TASKS

SEEDS, MINUTES = range(8), 15
USES = ("units",)
QUICK = dict(latch_lags=(4, 5, 6), two_lags=(3, 4, 5), marked_lags=(4,), latch_budget=6000, budget=3000)
KIND = {"latch": FIRST, "two": TASKS["two_sequence"], "marked": MARKED}
NAME = {"latch": "latch", "two": "two-sequence", "marked": "marked bit"}
SPLITS = (("latch", 8), ("latch", 11), ("two", 7), ("marked", 7))      # the last lag that the laws are fitted to
MILLION = 1e6


def run(config, seeds, part, latch_lags=(4, 5, 6, 7, 8, 9, 10, 11, 12, 13), two_lags=(3, 4, 5, 6, 7, 8, 9, 10, 11),
        marked_lags=(4, 5, 6, 7, 8, 9, 10), latch_budget=24_000_000, budget=4_000_000):
    """Every task and lag is one call with all seeds; each is kept."""
    finals, lags = {seed: {} for seed in seeds}, dict(latch=latch_lags, two=two_lags, marked=marked_lags)
    for task in KIND:
        for lag in lags[task]:
            most = latch_budget if task == "latch" else budget
            made = part(f"{task} {lag} {min(seeds)}-{max(seeds)}", lambda: dict(
                finals=training.race(KIND[task], CURVES[laws.SMALL], seeds, lag, most, config.units)))
            for seed, final in zip(seeds, made["finals"]):
                finals[seed].setdefault(task, {})[str(lag)] = final
    return [results.entry(seed, finals[seed]) for seed in seeds]


# ---------------------------------------------------------------- what it shows

def lags_of(record, task):
    return record["config"][f"{task}_lags"]


def budget_of(record, task):
    return record["config"]["latch_budget" if task == "latch" else "budget"]


def there(record, task):
    """Lags whose median is not censored."""
    return [lag for lag in lags_of(record, task) if np.isfinite(laws.median(record, task, lag))]


def split(record, task, last):
    """Both laws fitted to the lags up to `last`, and asked for the later ones."""
    medians = {lag: laws.median(record, task, lag) for lag in lags_of(record, task)}
    short = [lag for lag in there(record, task) if lag <= last]
    return laws.compared(medians, short, [lag for lag in medians if lag > last])


def errors(held):
    """(exponential's, power law's) root mean square error of log10 of the cost at the held-out lags, or nan."""
    rows = [np.log10([law / measured for law in predicted]) for _, measured, *predicted in held.rows
            if np.isfinite(measured)]
    return np.sqrt((np.array(rows) ** 2).mean(0)) if rows else np.full(2, np.nan)


def bought(record, task):
    """{law: (steps, interval)}: what a million times the multiply-adds buys beyond the longest lag that was learned.

    Fitted to all lags whose median is not censored; {} with fewer than two.
    """
    lags, made = there(record, task), {}
    if len(lags) < 2:
        return {}
    table = np.array([laws.costs(record, task, lag, "multiply_adds") for lag in lags])
    for kind in KINDS:
        slope = laws.fit(kind, lags, laws.middle(table, 1)).b
        ends = np.nanquantile(laws.resampled(kind, lags, table), (0.975, 0.025))         # the steeper, the fewer steps
        steps = [more(kind, b, lags[-1]) for b in (slope, *ends)]
        made[kind] = steps[0], tuple(steps[1:])
    return made


def more(kind, slope, lag):
    """Steps beyond `lag` for a million-fold, of a law with that slope."""
    return laws.steps_for(MILLION, 10**slope) if kind == KINDS[0] else laws.steps_by_power(MILLION, slope, lag)


# Bounds fixed before the reporting run, on seeds 900 to 903 (two-sequence, marked bit) and on the main record (latch).
def checks(record):
    reached = max(there(record, "latch"), default=0)
    made = [results.check("latch: longest lag that the median network learns", reached,
                          "at least 12 (11 in the main experiment; six times the budget: 1.8 steps more)",
                          reached >= 12)]
    for task, last in SPLITS:
        ratio = split(record, task, last).ratio
        claim = f"{NAME[task]}, fitted up to lag {last}, longer lags: error of the exponential's log10 / power law's"
        made.append(results.check(claim, ratio, "below 1", ratio is not None and ratio < 1))
    off = missed_by(record)
    made.append(results.check("latch: lag that the exponential, fitted up to 8, gives for what the longest one costs, "
                              "minus that lag", off, "-1.5 to 1.5", off is not None and abs(off) <= 1.5))
    steps = bought(record, "latch").get(KINDS[0])
    made.append(results.check("latch: steps that a million times the multiply-adds buy if the exponential goes on",
                              steps and steps[0], "interval below 20", bool(steps) and steps[1][1] < 20,
                              interval=steps and steps[1]))
    return made


def missed_by(record, kind=0):
    """By how many steps a law fitted up to lag 8 misses the longest lag of the latch, asked with its cost."""
    held = split(record, "latch", SPLITS[0][1])
    measured = [row for row in held.rows if np.isfinite(row[1])]
    return held.laws[kind].reached(measured[-1][1]) - measured[-1][0] if measured else None


def finding(record):
    steps = bought(record, "latch")
    if not steps:
        return "Nothing to compare."
    ratios = ", ".join(f"{NAME[task]} (fitted up to {last}) {word(split(record, task, last).ratio)}"
                       for task, last in SPLITS)
    said = {kind: f"{value:.0f} [{low:.0f}, {high:.0f}]" for kind, (value, (low, high)) in steps.items()}
    return (f"The latch's median network learns lag {there(record, 'latch')[-1]} within "
            f"{budget_of(record, 'latch'):,} sequences. Error at held-out lags, exponential / power law: {ratios}. A "
            f"million times the multiply-adds would buy {said[KINDS[0]]} steps more by the exponential, "
            f"{said[KINDS[1]]} by the power law.")


def word(value, digits=2):
    return "–" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def table(record):
    return {f"Median sequences, solved of {len(record['runs'])}": _costs(record), "The laws": _laws(record)}


def _costs(record):
    every, rows = sorted({lag for task in KIND for lag in lags_of(record, task)}), []
    for task in KIND:
        cells = []
        for lag in every:
            solved = int(np.isfinite(laws.costs(record, task, lag)).sum()) if lag in lags_of(record, task) else None
            cells.append("" if solved is None else f"{laws.words(laws.median(record, task, lag))} ({solved})")
        rows.append([NAME[task], f"{budget_of(record, task):,}", *cells])
    return ["task", "at most", *(f"lag {lag}" for lag in every)], rows


def _laws(record):
    rows = []
    for task, last in SPLITS:
        held, steps = split(record, task, last), bought(record, task)
        for k, law in enumerate(held.laws):
            asked = [row for row in held.rows if np.isfinite(row[1])]
            lag = f"{law.reached(asked[-1][1]):.1f} for {asked[-1][0]}" if asked else "–"
            value, (low, high) = steps[law.kind]
            slope = f"× {10**law.b:.2f} a step" if k == 0 else f"lag^{law.b:.1f}"
            rows.append([NAME[task], last, law.kind, slope, word(errors(held)[k]), lag,
                         f"{value:.1f} [{low:.1f}, {high:.1f}]"])
    return ["task", "fitted up to lag", "law", "cost", "error of log10, longer lags",
            "lag it gives for the cost of the longest", "a million times buys (fitted to all lags), steps"], rows


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, width_ratios=(1.3, 1, 1))
    for ax, (task, last) in zip(axes, (SPLITS[0], *SPLITS[2:])):
        lags, held = lags_of(record, task), split(record, task, last)
        for lag in lags:
            cost = laws.costs(record, task, lag)
            found = cost[np.isfinite(cost)]
            ax.plot([lag] * len(found), found, "o", color="0.65", markersize=4)
            if len(found) < len(cost):
                ax.plot(lag, budget_of(record, task), "^", color="0.4", fillstyle="none")
                ax.text(lag, budget_of(record, task) * 1.35, len(cost) - len(found), ha="center", fontsize=8)
        x = np.linspace(lags[0], lags[-1], 100)
        for law, style, role in zip(held.laws, ("-", ":"), ("tuned_rnn", "linear")):
            ax.plot(x, law.predict(x), style, color=ROLE[role], label=law.kind)
        ax.axvspan(last + 0.5, lags[-1] + 0.5, color="0.93", zorder=0)
        ratio = held.ratio
        ax.set(yscale="log", xlabel="lag", title=f"{NAME[task]}: errors {word(ratio)} : 1", xticks=lags[::2])
    axes[0].set_ylabel(f"training sequences until 99 %, {len(record['runs'])} seeds")
    note = "errors: exponential : power law\ngrey: held out\ntriangles: so many censored"
    axes[0].text(0.98, 0.03, note, ha="right", color="0.4", fontsize=8.5, transform=axes[0].transAxes)
    axes[0].legend(loc="upper left")
    return fig
