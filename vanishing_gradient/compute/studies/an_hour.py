"""How far do the recipes get on each of three tasks, with more sequences and a choice of their own?

The main experiment gives a network 20,000 sequences of one task, with rates chosen at lag 60 on 3,000: that favours
fast recipes. Here every task (latch, two-sequence, marked bit) has a choice of its own, rate and batch, for plain SGD
and for Adam, from both starts, on seeds 900 to 903 at two lags together with 10,000 sequences; and then 100,000
sequences, 30,000 at lag 1,000. With the main experiment and `small_steps` this is what an hour of one core allows (not
all of it is used). Chosen is what solves most networks, then what needs fewest sequences (an unsolved network counts
with the budget); a best rate at the edge of the grid extends it by a factor of three, once. Both laws are fitted to the
medians up to lag 100 and asked for the longer lags. A recipe ends after a lag that none of its networks learns. Chance
is 0.5. What a rule gets that adds up all inputs (the sign of their sum in two-sequence, the majority of the bits in
marked bit) stands in the tables, computed exactly: two-sequence is easy for it up to lag 100. The scores of the choice
are not saved, only what was chosen.
"""

import math
from typing import NamedTuple

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.compute import Curve
from vanishing_gradient.compute.studies.small_steps import KIND, NAME, word
from vanishing_gradient.compute.training import LABEL, SIGNS, STARTS, Recipe

SEEDS, MINUTES = range(8), 20
USES = ("units",)
QUICK = dict(lags=(4, 6), budgets=(300, 300), choosing_lags=(4,), choosing_budget=64, choosing_seeds=(900,),
             sgd_rates=(1.0,), adam_rates=(0.03,), batches=(16,))
OPTIMIZER = {"sgd": "SGD", "adam": "Adam"}
FITTED = 100                                 # the last lag that the laws are fitted to
EDGE = 3.0                                   # the factor by which a grid is extended


class Setting(NamedTuple):
    """A recipe with its rate and batch."""
    optimizer: str
    start: str
    rate: float
    batch: int

    @property
    def label(self):
        return f"{OPTIMIZER[self.optimizer]}, {LABEL[self.start]}"


def run(config, seeds, part, lags=(10, 30, 100, 300, 1000), budgets=(100_000, 100_000, 100_000, 100_000, 30_000),
        choosing_lags=(30, 100), choosing_budget=10_000, choosing_seeds=(900, 901, 902, 903),
        sgd_rates=(0.1, 0.3, 1.0, 3.0), adam_rates=(0.001, 0.003, 0.01, 0.03, 0.1), batches=(4, 16, 64)):
    """Every task, recipe and lag is one call with all seeds; each is kept, also what was chosen."""
    finals, rates = {seed: {} for seed in seeds}, {"sgd": sgd_rates, "adam": adam_rates}
    for task in KIND:
        for optimizer in OPTIMIZER:
            choose = Choice(config.units, task, optimizer, choosing_seeds, choosing_lags, choosing_budget)
            scores = part(f"choosing {task} {optimizer}", lambda: choose.grid(rates[optimizer], batches))
            for start in STARTS:
                chosen = best(scores, start)
                name = f"{optimizer}_{start}"
                for seed in seeds:
                    finals[seed].setdefault(task, {})[name] = dict(rate=chosen.rate, batch=chosen.batch, lags={})
                for lag, budget in zip(lags, budgets):
                    made = part(f"{task} {name} {lag} {min(seeds)}-{max(seeds)}", lambda: dict(
                        finals=raced(KIND[task], chosen, seeds, lag, budget, config.units)))
                    for seed, final in zip(seeds, made["finals"]):
                        finals[seed][task][name]["lags"][str(lag)] = final
                    if not any(final["sequences"] for final in made["finals"]):
                        break
    return [results.entry(seed, finals[seed]) for seed in seeds]


def raced(task, chosen, seeds, lag, budget, units):
    curve = Curve(chosen.label, chosen.optimizer, chosen.start, chosen.rate, chosen.batch, "")
    return training.race(task, curve, seeds, lag, budget, units)


# ---------------------------------------------------------------- choosing

class Choice(NamedTuple):
    """The grid of one task and optimiser, both starts, on the choosing seeds."""
    units: int
    task: str
    optimizer: str
    seeds: tuple
    lags: tuple
    budget: int

    def grid(self, rates, batches):
        """{setting as text: [solved networks, their sequences]}; a best rate at an edge brings one rate more."""
        scores = {}
        for B in batches:
            scores |= self.column(rates, B)
        more = {best(scores, start).rate for start in STARTS} & {min(rates), max(rates)} if len(rates) > 1 else ()
        for rate in more:
            for B in batches:
                scores |= self.column([rate * EDGE if rate == max(rates) else rate / EDGE], B)
        return scores

    def column(self, rates, B):
        """Of one batch size: all starts, rates and seeds side by side, one call for each lag."""
        axis = [(start, float(f"{rate:.3g}"), seed) for start in STARTS for rate in rates for seed in self.seeds]
        net, task = KIND[self.task].network(self.units), KIND[self.task]
        scores = {}
        for lag in self.lags:
            p = stack([training.start(start, seed, net) for start, _, seed in axis])
            made = training.train(task, net, p, [seed for *_, seed in axis], [rate for _, rate, _ in axis], lag,
                                  Recipe(self.optimizer, B), self.budget)
            for (start, rate, _), needed in zip(axis, made.sequences):
                solved, total = scores.get(key(self.optimizer, start, rate, B), (0, 0.0))
                found = bool(np.isfinite(needed))
                scores[key(self.optimizer, start, rate, B)] = [solved + found,
                                                               total + (float(needed) if found else self.budget)]
        return scores


def key(optimizer, start, rate, batch):
    return f"{optimizer} {start} {rate:g} {batch}"


def best(scores, start):
    """The Setting of a start with the most solved networks, then the fewest sequences."""
    settings = [Setting(o, s, float(rate), int(B)) for o, s, rate, B in map(str.split, scores)]
    mine = [setting for setting in settings if setting.start == start]
    return min(mine, key=lambda s: (-scores[key(*s)][0], scores[key(*s)][1]))


# ---------------------------------------------------------------- what it shows

RECIPES = [f"{optimizer}_{start}" for optimizer in OPTIMIZER for start in STARTS]


def setting_of(record, task, name):
    optimizer, start = name.split("_")
    made = record["runs"][0]["final"][task][name]
    return Setting(optimizer, start, made["rate"], made["batch"])


def lags_of(record, task, name):
    """The lags that were run."""
    return [int(lag) for lag in record["runs"][0]["final"][task][name]["lags"]]


def cost(record, task, name, lag, what="sequences"):
    """(seeds,) cost; infinite where the network is not solved."""
    found = [results.at(run["final"], task, name, "lags", lag, what) for run in record["runs"]]
    return np.array([np.inf if v is None else v for v in found], float)


def reached(record, task):
    """The longest lag at which the best recipe solves at least half of the networks, 0 if there is none."""
    n = len(record["runs"])
    return max((lag for name in RECIPES for lag in lags_of(record, task, name)
                if 2 * np.isfinite(cost(record, task, name, lag)).sum() >= n), default=0)


def held(record, task, name):
    """Both laws fitted to the lags up to FITTED and asked for the longer ones."""
    medians = {lag: float(laws.middle(cost(record, task, name, lag))) for lag in lags_of(record, task, name)}
    return laws.compared(medians, [lag for lag in medians if lag <= FITTED and 0 < medians[lag] < np.inf],
                         [lag for lag in medians if lag > FITTED])


# Bounds fixed before the reporting run, from the main experiment (latch to lag 300) and the study `tasks`.
def checks(record):
    n, made = len(record["runs"]), []
    for task in KIND:
        lag = reached(record, task)
        made.append(results.check(f"{NAME[task]}: longest lag that half of the {n} networks of some recipe learn", lag,
                                  "at least 300" if task == "latch" else "at least 100",
                                  lag >= (300 if task == "latch" else 100)))
    ratios = [held(record, task, name).ratio for task in KIND for name in RECIPES]
    ratios = [ratio for ratio in ratios if ratio is not None]
    above = sum(ratio > 1 for ratio in ratios)
    made.append(results.check("share of the recipes and tasks whose exponential errs more than the power law at the "
                              "longer lags", above / len(ratios) if ratios else None, "more than half",
                              bool(ratios) and above > len(ratios) / 2))
    return made


def finding(record):
    return f"Longest lag that half of the networks of some recipe learn: {farthest(record)}."


def farthest(record):
    """'latch 300 (SGD, plain start: 5 of 8, median 900 sequences); ...', each task's best recipe at that lag."""
    n, words = len(record["runs"]), []
    for task in KIND:
        lag = reached(record, task)
        if not lag:
            words.append(f"{NAME[task]} none")
            continue
        solved = {name: int(np.isfinite(cost(record, task, name, lag)).sum()) for name in RECIPES
                  if lag in lags_of(record, task, name)}
        name = max(solved, key=solved.get)
        words.append(f"{NAME[task]} {lag:,} ({setting_of(record, task, name).label}: {solved[name]} of {n}, median "
                     f"{laws.words(float(laws.middle(cost(record, task, name, lag))))} sequences)")
    return "; ".join(words)


def table(record):
    return {f"{NAME[task]}: median sequences; multiply-adds (solved of {len(record['runs'])})": _costs(record, task)
            for task in KIND} | {f"Laws fitted to the medians up to lag {FITTED}": _laws(record)}


def _costs(record, task):
    rows, lags = [], record["config"]["lags"]
    for name in RECIPES:
        setting, cells = setting_of(record, task, name), []
        for lag in lags:
            if lag not in lags_of(record, task, name):
                cells.append("not run")
                continue
            median, work = (float(laws.middle(cost(record, task, name, lag, what)))
                            for what in ("sequences", "multiply_adds"))
            solved = int(np.isfinite(cost(record, task, name, lag)).sum())
            cells.append(f"{laws.words(median)}{f'; {work:.1e}' if np.isfinite(work) else ''} ({solved})")
        rows.append([setting.label, f"{setting.rate:g}, {setting.batch}", *cells])
    rows.append([f"rule: {RULES[task][0]}", "", *(f"{RULES[task][1](lag):.2f} right" for lag in lags)])
    return ["recipe", "rate, batch", *(f"lag {lag:,}, at most {budget:,}"
                                       for lag, budget in zip(lags, record["config"]["budgets"]))], rows


def _laws(record):
    rows = []
    for task in KIND:
        for name in RECIPES:
            both = held(record, task, name)
            asked = [row for row in both.rows if np.isfinite(row[1])]
            if asked:
                cells = [f"{lag:,}: {measured:,.0f}, {exponential:.2g}, {power:,.0f}"
                         for lag, measured, exponential, power in asked]
                rows.append([NAME[task], setting_of(record, task, name).label, " · ".join(cells), word(both.ratio)])
    return ["task", "recipe", "lag: measured, exponential, power law",
            "error of log10, exponential / power law"], rows


def sign_of_the_sum(lag, noise=0.2):
    """Share of two-sequence that the sign of all inputs' sum gets: SIGNS equal ones and `lag` numbers of noise."""
    return 0.5 * (1 + math.erf(SIGNS / (noise * math.sqrt(2 * lag))))


def majority(lag):
    """Share of marked bit that the majority of all lag + 1 bits gets (a tie: the toss of a coin)."""
    others = lag                                         # the marked bit is right unless the others outvote it
    return sum(math.comb(others, k) * (1 if 2 * k + 2 > lag + 1 else 0.5 if 2 * k + 2 == lag + 1 else 0)
               for k in range(others + 1)) / 2**others


RULES = {"latch": ("the last symbol", lambda lag: 0.5), "two": ("the sign of the sum", sign_of_the_sum),
         "marked": ("the majority of the bits", majority)}
COLOURS = {"sgd_plain": ("rnn", "-"), "sgd_orthogonal": ("rnn", ":"), "adam_plain": ("tuned_rnn", "-"),
           "adam_orthogonal": ("tuned_rnn", ":")}


def figure(record, arrays):
    from common.figures import ROLE, plt
    lags, budgets = record["config"]["lags"], record["config"]["budgets"]
    fig, axes = plt.subplots(1, 3, figsize=(10, 4), sharey=True)
    for ax, task in zip(axes, KIND):
        for place, (name, (role, style)) in enumerate(COLOURS.items()):
            mine = lags_of(record, task, name)
            medians = np.array([float(laws.middle(cost(record, task, name, lag))) for lag in mine])
            seen = np.isfinite(medians)
            ax.plot(np.array(mine)[seen], medians[seen], style, color=ROLE[role], marker="o", markersize=4,
                    label=setting_of(record, task, name).label)
            for lag in np.array(mine)[~seen]:
                ax.plot(lag * 1.06 ** place, budgets[lags.index(lag)], "^", color=ROLE[role], fillstyle="none")
        ax.plot(lags, budgets, "--", color="0.5", linewidth=1)
        ax.set(xscale="log", yscale="log", xlabel="lag", title=NAME[task])
    axes[0].set_ylabel(f"training sequences until 99 %, median of {len(record['runs'])}")
    axes[0].legend(fontsize=8, handlelength=3)
    axes[-1].plot([], [], "^", color="0.3", fillstyle="none", label="more than half censored")
    axes[-1].plot([], [], "--", color="0.5", linewidth=1, label="budget")
    axes[-1].legend(handles=axes[-1].lines[-2:], fontsize=8)
    return fig
