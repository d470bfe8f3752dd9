"""Do Cauchy noise and burst mutation matter?

Evolino on four and five sines with the recipe of the main experiment, and with one thing changed: Gaussian
noise of the same scale and of ten times the scale (Cauchy noise has no variance; its far tail makes
large steps), no burst mutation, no mutation at all (crossover only). What would refute the recipe:
a changed one that is as good or better on all seeds.
"""

import time

import numpy as np
from common import results
from common.randomness import stream
from common.tables import number

from vanishing_gradient.evolino.evolino import CELLS, task, unseen_error
from vanishing_gradient.evolino.subpopulations import evolve
from vanishing_gradient.evolino.two_phase import lstm_networks, random_genes, score

SEEDS, MINUTES = range(5), 3
USES = ("members", "trials", "mutation", "patience", "init", "feedback", "start", "washout", "seen", "end")
QUICK = dict(generations=3, members=4, tasks=(2,))
RECIPES = {"cauchy": ("Cauchy noise, bursts", {}),
           "gaussian": ("Gaussian noise, same scale", dict(noise="gaussian")),
           "gaussian_10": ("Gaussian noise, ten times the scale", dict(noise="gaussian", factor=10)),
           "no_burst": ("Cauchy noise, no bursts", dict(patience=0)),
           "crossover": ("no noise: crossover only", dict(factor=0, patience=0))}


def run(config, seeds, generations=60, tasks=(4, 5)):
    for seed in seeds:
        started, final, curves = time.perf_counter(), {}, {}
        for count in tasks:
            for recipe in RECIPES:
                final[f"{recipe}_{count}"], curves[f"{recipe}_{count}"] = one(config, seed, count, recipe, generations)
        yield results.entry(seed, final, curves, round(time.perf_counter() - started, 2))


def one(config, seed, count, recipe, generations):
    """(test NRMSE, curve of the error on the points seen) with one recipe; all start from the same chromosomes."""
    changes = dict(RECIPES[recipe][1])
    bred = config.recipe._replace(mutation=config.mutation * changes.pop("factor", 1), **changes)
    series, seen = task(config, count)
    rng, cells = stream(seed, f"mutation {count}"), CELLS[count]
    scored = lambda genes: score(lstm_networks(genes, config.feedback), seen, config.washout)
    champions, curve, _ = evolve(random_genes(rng, (cells, bred.members), cells, config.init), rng, bred, generations,
                                 lambda genes: scored(genes).error)
    return unseen_error(scored(champions[-1].genes[None]), series, config)[0], curve


def gains(record, recipe, count):
    """log10 of the changed recipe's error over the main one's, seed by seed."""
    return np.log10(results.values(record, f"{recipe}_{count}") / results.values(record, f"cauchy_{count}"))


def checks(record):
    made = []
    for count in record["config"]["tasks"]:
        for recipe in list(RECIPES)[1:]:
            gain = gains(record, recipe, count)
            span = results.interval(gain)
            made.append(results.check(f"{count} sines: '{RECIPES[recipe][0]}' is worse: log10 of the ratio of errors",
                                      gain.mean(), "interval above 0", span is not None and span[0] > 0, interval=span))
    return made


def finding(record):
    worse = [c for c in record["checks"] if c["holds"]]
    tasks = record["config"]["tasks"]
    same = all((gains(record, "no_burst", count) == 0).all() for count in tasks)
    return (f"{len(worse)} of {len(record['checks'])} comparisons find the changed recipe worse "
            f"({len(record['runs'])} seeds)" + ("; no search stood still long enough for a burst." if same else "."))


def table(record):
    tasks = record["config"]["tasks"]
    return (["recipe", *(f"{count} sines: median (best to worst)" for count in tasks)],
            [[label, *(spread(record["summary"][f"{recipe}_{count}"]) for count in tasks)]
             for recipe, (label, _) in RECIPES.items()])


def spread(s):
    return f"{number(s['median'], 2)} ({number(s['min'], 2)} to {number(s['max'], 2)})"


def figure(record, arrays):
    from common.figures import CELLS as COLORS, plt
    tasks = record["config"]["tasks"]
    fig, axes = plt.subplots(1, len(tasks), figsize=(8, 4), sharey=True, squeeze=False)
    for ax, count in zip(axes[0], tasks):
        for color, (recipe, (label, _)) in zip(COLORS, RECIPES.items()):
            curve = np.median([run["curves"][f"{recipe}_{count}"] for run in record["runs"]], axis=0)
            style = ":" if recipe == "no_burst" else "-"
            ax.semilogy(np.arange(1, len(curve) + 1), curve, style, color=color, label=label)
        ax.set(title=f"{count} sines", xlabel="generation")
    axes[0, 0].set_ylabel("NRMSE on the points seen")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
