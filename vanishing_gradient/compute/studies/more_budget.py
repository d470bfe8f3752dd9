"""Do networks that do not learn a long lag only need more sequences?

The budget of the main experiment's long lags is 20,000 sequences. Here: 60,000, from the plain start, for Adam and
for plain SGD on small batches as chosen there. One row more: Adam at a third of its rate. The rates were chosen at
lag 60 with 3,000 sequences, which favours fast ones; a slower one could be late rather than lost. "More sequences
are all that is missing" is refuted if most networks that miss the smaller budget miss the larger one too; "Adam pays
an exponential too" if the power law, fitted to the lags up to 30, errs less at the longer ones.
"""

import numpy as np

from common import results
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.compute import CURVES
from vanishing_gradient.compute.studies.small_steps import KIND, NAME, word

SEEDS, MINUTES = range(8), 1.5
USES = ("units",)
QUICK = dict(short_lags=(4, 8), long_lags=(), short_budget=64, budget=128)
SHORTER = 0.01                               # the rate of the row "Adam, slower"
RECIPES = {"adam": CURVES["adam_plain"], "slower": CURVES["adam_plain"]._replace(
               label=f"Adam, plain start, rate {SHORTER:g}", rate=SHORTER),
           "sgd": CURVES["sgd_plain"]}
SHORT = {"adam": "Adam as chosen", "slower": f"Adam at rate {SHORTER:g}", "sgd": "SGD"}
FITTED = 30                                  # the last lag that the laws are fitted to


def run(config, seeds, part, short_lags=(4, 8, 14, 22, 30), long_lags=(60, 100), short_budget=20_000,
        budget=60_000):
    """Every task, recipe and lag is one call with all seeds; each is kept. `short_budget` only counts."""
    finals = {seed: {} for seed in seeds}
    for task, name, lag in points(short_lags, long_lags):
        made = part(f"{task} {name} {lag} {min(seeds)}-{max(seeds)}",
                    lambda: dict(finals=training.race(KIND[task], RECIPES[name], seeds, lag, budget, config.units)))
        for seed, final in zip(seeds, made["finals"]):
            finals[seed].setdefault(task, {}).setdefault(name, {})[str(lag)] = final
    return [results.entry(seed, finals[seed]) for seed in seeds]


def points(short_lags, long_lags):
    """[(task, recipe, lag)] of the study."""
    return [("latch", name, lag) for name in RECIPES for lag in (*short_lags, *long_lags)]


# ---------------------------------------------------------------- what it shows

def cost(record, task, name, lag):
    """(seeds,) sequences; infinite where the network is not solved."""
    found = [results.at(run["final"], task, name, lag, "sequences") for run in record["runs"]]
    return np.array([np.inf if v is None else v for v in found], float)


def lags_of(record, task, name):
    c = record["config"]
    return [lag for t, n, lag in points(c["short_lags"], c["long_lags"]) if (t, n) == (task, name)]


def counts(record, task, name, lag):
    """(solved within the main experiment's budget, within the larger one)."""
    needed = cost(record, task, name, lag)
    return int((needed <= record["config"]["short_budget"]).sum()), int(np.isfinite(needed).sum())


def missed(record, name):
    """(networks that miss the smaller budget on the latch's long lags, those of them that the larger one finds)."""
    pairs = [counts(record, "latch", name, lag) for lag in record["config"]["long_lags"]
             if lag in lags_of(record, "latch", name)]
    return sum(len(record["runs"]) - short for short, _ in pairs), sum(long - short for short, long in pairs)


def held(record, name):
    """Both laws on the latch, fitted to the lags up to FITTED and asked for the longer ones."""
    medians = {lag: float(laws.middle(cost(record, "latch", name, lag))) for lag in lags_of(record, "latch", name)}
    return laws.compared(medians, [lag for lag in medians if lag <= FITTED and np.isfinite(medians[lag])],
                         [lag for lag in medians if lag > FITTED])


# Bounds fixed before the reporting run, on seeds 900 to 905.
def checks(record):
    n, c, made = len(record["runs"]), record["config"], []
    (lost, found), long = missed(record, "adam"), (c["long_lags"] or c["short_lags"])[-1]
    made.append(results.check("latch, Adam as chosen, long lags: share solved of the networks that missed the smaller "
                              "budget", found / lost if lost else None, "below 0.5: most of them stay lost",
                              bool(lost) and found / lost < 0.5))
    short, all_found = counts(record, "latch", "slower", long)
    made.append(results.check(f"latch, lag {long}, Adam at rate {SHORTER:g}: networks solved within the larger budget",
                              all_found, f"at least three quarters of {n}", 4 * all_found >= 3 * n))
    made.append(results.check(f"latch, lag {long}, Adam at rate {SHORTER:g}: of these, only with the larger budget",
                              all_found - short, "at least 1", all_found > short))
    for name in RECIPES:
        ratio = held(record, name).ratio
        claim = f"{SHORT[name]}, fitted up to lag {FITTED}, longer lags: error of the exponential's log10 / power law's"
        made.append(results.check(claim, ratio, "above 1: not exponential", ratio is not None and ratio > 1))
    return made


def finding(record):
    c, n = record["config"], len(record["runs"])
    long = (c["long_lags"] or c["short_lags"])[-1]
    parts = []
    for name, label in SHORT.items():
        lost, found = missed(record, name)
        parts.append(f"{label} {found} of {lost}")
    within = "{} → {}".format(*counts(record, "latch", "slower", long))
    return (f"Networks that miss {c['short_budget']:,} sequences at long lags and are solved within {c['budget']:,}: "
            f"{', '.join(parts)}. Lag {long} at rate {SHORTER:g}: {within} of {n}.")


def table(record):
    c, n, made = record["config"], len(record["runs"]), {}
    for task in ("latch",):
        names = [name for name in RECIPES if lags_of(record, task, name)]
        every, rows = sorted({lag for name in names for lag in lags_of(record, task, name)}), []
        for name in names:
            cells = [cell(record, task, name, lag) if lag in lags_of(record, task, name) else "" for lag in every]
            rows.append([RECIPES[name].label, f"{RECIPES[name].rate:g}, {RECIPES[name].batch}", *cells])
        title = f"{NAME[task]}: median sequences (solved of {n} within {c['short_budget']:,} → {c['budget']:,})"
        made[title] = ["recipe", "rate, batch", *(f"lag {lag:,}" for lag in every)], rows
    return made | {f"Latch: laws fitted to the lags up to {FITTED}": _laws(record)}


def cell(record, task, name, lag):
    """Median, and how many were solved within each budget."""
    median, (short, long) = laws.middle(cost(record, task, name, lag)), counts(record, task, name, lag)
    return f"{laws.words(median)} ({short} → {long})"


def _laws(record):
    """For each recipe and longer lag: measured median, what both laws predict; then the ratio of their errors."""
    rows = []
    for name in RECIPES:
        both = held(record, name)
        cells = [f"{lag}: {laws.words(measured)}, {exponential:.3g}, {power:,.0f}"
                 for lag, measured, exponential, power in both.rows]
        rows.append([RECIPES[name].label, " · ".join(cells), word(both.ratio)])
    return ["recipe", "lag: measured, exponential, power law", "error of log10, exponential / power law"], rows


COLOURS = {"adam": ("tuned_rnn", "-"), "slower": ("tuned_rnn", ":"), "sgd": ("rnn", "-")}


def figure(record, arrays):
    from common.figures import ROLE, plt
    c, n = record["config"], len(record["runs"])
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(1.2, 1))
    long = (c["long_lags"] or c["short_lags"])[-1]
    for name, (role, style) in COLOURS.items():
        lags = lags_of(record, "latch", name)
        medians = [float(laws.middle(cost(record, "latch", name, lag))) for lag in lags]
        seen = np.isfinite(medians)
        left.plot(np.array(lags)[seen], np.array(medians)[seen], style, color=ROLE[role], marker="o", markersize=4,
                  label=RECIPES[name].label)
        for lag in np.array(lags)[~seen]:
            left.plot(lag, c["budget"], "^", color=ROLE[role], fillstyle="none")
        last = min(long, lags[-1])
        needed = np.sort(cost(record, "latch", name, last))
        needed = needed[np.isfinite(needed)]
        right.step([10, *needed, c["budget"]], [0, *range(1, len(needed) + 1), len(needed)], style, where="post",
                   color=ROLE[role], label=f"{RECIPES[name].label}, lag {last}")
    left.axhline(c["short_budget"], color="0.5", linestyle="--", linewidth=1)
    left.text(4, c["short_budget"] * 1.1, "budget of the main experiment", fontsize=8.5, color="0.4")
    left.plot([], [], "^", color="0.3", fillstyle="none", label="most seeds censored (at the budget)")
    left.set(xscale="log", yscale="log", xlabel="lag", ylabel="training sequences until 99 %",
             title=f"latch, median of {n} seeds")
    left.legend(fontsize=8, handlelength=3)
    right.axvline(c["short_budget"], color="0.5", linestyle="--", linewidth=1)
    right.set(xscale="log", xlim=(50, c["budget"] * 1.1), ylim=(0, n + 2.6), yticks=range(n + 1),
              xlabel="training sequences", ylabel="networks solved", title="longest lags: who is late, who is lost")
    right.legend(fontsize=8, handlelength=3, loc="upper left")
    return fig
