"""What changes when the filler, the question or the number of symbols does?

The same methods on four other versions of the task, at fewer lags and with a third of the budget: two
symbols and random filler; two symbols and cycling filler, where there are only two sequences; the
question at a random step of the second half; distractors from the same eight symbols, so that only its
place marks the first one. The settings are those of the main experiment; for the last version they
were chosen anew, at lag 30. "Only the lag counts" would be refuted by a version that is much harder at
the same lag.
"""

from dataclasses import replace

import numpy as np
from common import results, tables
from common.randomness import stream
from common.tasks.first_symbol import RULES, TITLES, VARIANTS, rules, sequences

from vanishing_gradient.shootout.racers import ALIKE, GATED, RACERS, SETTINGS
from vanishing_gradient.shootout.shootout import lags_run, race, solved, until_goal

SEEDS, MINUTES = range(8), 4
USES = ("budget", "steps")
QUICK = dict(lags=(10,), lags_alike=(10,), budget=1300)
OTHERS = ("two", "cycle", "asked", "alike")


def run(config, seeds, part, lags=(10, 100, 300), lags_alike=(10, 30, 100), share=0.3):
    config = replace(config, budget=max(1, round(share * config.budget)))
    finals, seconds = [{} for _ in seeds], [0.0] * len(seeds)
    for variant in OTHERS:
        K, form = VARIANTS[variant]
        tried, settings = (lags_alike, ALIKE) if variant == "alike" else (lags, SETTINGS)
        for n, seed in enumerate(seeds):
            finals[n][variant] = trivial(seed, tried, K, form)
        for name in RACERS:
            made = race(replace(config, symbols=K), name, seeds, keep_variant(part, variant), tried, form, settings)
            for n, seed in enumerate(seeds):
                finals[n][variant][name] = {str(lag): row["final"] for lag, row in made[seed].items()}
                seconds[n] += sum(row["final"]["seconds"] for row in made[seed].values())
    return [results.entry(seed, final, seconds=s) for seed, final, s in zip(seeds, finals, seconds)]


def keep_variant(part, variant):
    """Finished rows under the variant's name: two variants may share a form."""
    return lambda name, make: part(f"{variant} {name}", make)


def trivial(seed, lags, K, form):
    """{rule: {lag: {"accuracy"}}} of the rules that learn nothing."""
    made = {rule: {} for rule in RULES}
    for lag in lags:
        x, answers = sequences(stream(seed, f"rules {lag}"), 1000, lag, K, form)
        for rule, right in rules(x, answers, K).items():
            made[rule][str(lag)] = dict(accuracy=right)
    return made


def checks(record):
    n = len(record["runs"])
    hard = [solved(record, name, 100, "alike")[0] for name in GATED]
    easy = [solved(record, name, 100, "asked")[0] for name in GATED]
    return [results.check("distractors from the same symbols, lag 100: seeds that the gated networks solve, all three",
                          sum(hard), f"at most half of {3 * n}", 2 * sum(hard) <= 3 * n,
                          interval=tables.wilson(sum(hard), 3 * n)),
            results.check("asked at a random time, lag 100: seeds that the gated networks solve, all three", sum(easy),
                          f"at least {3 * n - 2} of {3 * n}", sum(easy) >= 3 * n - 2,
                          interval=tables.wilson(sum(easy), 3 * n))]


def finding(record):
    n = len(record["runs"])
    said = []
    for variant in OTHERS:
        k = sum(solved(record, name, 100, variant)[0] for name in GATED)
        said.append(f"{TITLES[variant]}: {k} of {3 * n}")
    return f"At lag 100 the three gated networks together solve, {n} seeds each: {'; '.join(said)}."


def table(record):
    shown = {}
    for variant in OTHERS:
        lags = lags_run(record, "rnn", variant)
        rows = [[racer.label, racer.year, *(cell(record, name, lag, variant) for lag in lags)]
                for name, racer in RACERS.items()]
        rows += [[RULES[rule], "", *(f"{share(record, rule, lag, variant):.3f}" for lag in lags)] for rule in RULES]
        shown[TITLES[variant]] = ["method", "year", *(f"lag {lag:,}" for lag in lags)], rows
    return shown


def cell(record, name, lag, variant):
    """'8 of 8, 1,280' seeds solved and the median of the sequences until 99 %."""
    if lag not in lags_run(record, name, variant):
        return "ended"
    k, n = solved(record, name, lag, variant)
    median = np.median(until_goal(record, name, lag, variant))
    return f"{k} of {n}" + (f", {median:,.0f}" if np.isfinite(median) else "")


def share(record, rule, lag, variant):
    return float(np.mean([results.at(run_["final"], variant, rule, lag, "accuracy") for run_ in record["runs"]]))


def figure(record, arrays):
    from common.figures import ROLE, SYMBOL_MARKERS, plt
    fig, axes = plt.subplots(1, len(OTHERS), figsize=(10, 4), sharey=True)
    for ax, variant in zip(axes, OTHERS):
        for k, (name, racer) in enumerate(RACERS.items()):
            lags = lags_run(record, name, variant)
            cost = [np.median(until_goal(record, name, lag, variant)) for lag in lags]
            ax.loglog(lags, cost, SYMBOL_MARKERS[k] + "-", color=ROLE[name], label=f"{racer.label} ({racer.year})")
        ax.set(xlabel="lag", xlim=(7, 450), title=TITLES[variant].replace(", ", ",\n").replace(" from", "\nfrom"))
    axes[0].set(ylabel="sequences until 99 %, median")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
