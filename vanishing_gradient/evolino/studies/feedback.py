"""What does the scale of the feedback decide, and do the cells need biases?

The series enters the cells times a factor, `feedback`. With a small factor the cells stay near
their resting state and are a linear filter; with factor 1 they are nonlinear. Without biases the
resting state is 0, so that no digit is lost to it. The same networks, the same number of each,
at every factor: evolved LSTMs, random LSTMs, echo-state networks of the same size, each with and
without biases. If evolution or the memory cells were what solves the sines, the scale should matter
little, and a random linear filter should fail.
"""

import time

import numpy as np
from common import results
from common.randomness import stream
from common.tables import number

from vanishing_gradient.evolino.evolino import CELLS, task, unseen_error
from vanishing_gradient.evolino.opponents import echo_state_networks
from vanishing_gradient.evolino.subpopulations import evolve
from vanishing_gradient.evolino.two_phase import best_of, lstm_networks, random_genes, score

SEEDS, MINUTES = range(3), 3
USES = ("members", "trials", "mutation", "patience", "init", "random_init", "echo_radius", "start", "washout", "seen",
        "end")
QUICK = dict(generations=2, members=4, scales=(1.0, 1e-7), tasks=(2,))
METHODS = {"evolino": "Evolino", "random": "random LSTM", "echo": "echo-state network"}


def run(config, seeds, generations=15, scales=(1.0, 1e-1, 1e-2, 1e-3, 1e-5, 1e-7, 1e-10), tasks=(2, 5)):
    for seed in seeds:
        started, final = time.perf_counter(), {}
        for count in tasks:
            series, seen = task(config, count)
            for index, scale in enumerate(scales):
                for bias in (True, False):
                    for method, search in (("evolino", evolved), ("random", random_lstms), ("echo", echo_states)):
                        rng = stream(seed, f"feedback {method} {count}")
                        best = search(config, seen, CELLS[count], rng, generations, scale, bias)
                        final[f"{method}_{name(bias)}_{count}_{index}"] = unseen_error(best, series, config)[0]
        yield results.entry(seed, final, seconds=round(time.perf_counter() - started, 2))


def name(bias):
    return "biases" if bias else "free"


def networks_of(genes, scale, bias):
    networks = lstm_networks(genes, scale)
    return networks if bias else networks._replace(b=np.zeros_like(networks.b))


def evolved(config, seen, cells, rng, generations, scale, bias):
    scored = lambda genes: score(networks_of(genes, scale, bias), seen, config.washout)
    first = random_genes(rng, (cells, config.members), cells, config.init)
    champions, _, _ = evolve(first, rng, config.recipe, generations, lambda genes: scored(genes).error)
    return scored(champions[-1].genes[None])


def random_lstms(config, seen, cells, rng, generations, scale, bias):
    draw = lambda: networks_of(random_genes(rng, (config.at_once, cells), cells, config.random_init), scale, bias)
    return best_of(draw, lambda networks: score(networks, seen, config.washout), generations)[0]


def echo_states(config, seen, cells, rng, generations, scale, bias):
    draw = lambda: echo_state_networks(rng, config.at_once, cells, config.echo_radius, scale, float(bias))
    return best_of(draw, lambda networks: score(networks, seen, config.washout), generations)[0]


def medians(record, method, bias, count):
    return [record["summary"][f"{method}_{bias}_{count}_{i}"]["median"] for i in range(len(record["config"]["scales"]))]


def checks(record):
    made = []
    for count in record["config"]["tasks"]:
        for bias in ("biases", "free"):
            error = medians(record, "evolino", bias, count)
            made.append(results.check(f"{count} sines, {bias}: Evolino's NRMSE at feedback 1 over its best",
                                      error[0] / min(error), "at least 1,000", error[0] >= 1000 * min(error)))
        free, bred = min(medians(record, "random", "free", count)), min(medians(record, "evolino", "biases", count))
        made.append(results.check(f"{count} sines: best random LSTM without biases over best evolved with them",
                                  free / bred, "below 1", free < bred))
    return made


def finding(record):
    count = max(record["config"]["tasks"])
    with_biases, free = medians(record, "evolino", "biases", count), medians(record, "random", "free", count)
    return (f"On {count} sines the feedback scale moves Evolino from {number(with_biases[0], 2)} (factor 1) to "
            f"{number(min(with_biases), 2)}; without biases, random LSTMs that nobody evolved reach "
            f"{number(min(free), 2)}: what helps is being linear to the last digit.")


def table(record):
    header = ["network", *(f"{scale:g}" for scale in record["config"]["scales"])]
    return {f"{count} sines: test NRMSE (median) against the feedback scale":
            (header, [[f"{label}, {'with' if bias == 'biases' else 'no'} biases",
                       *(number(v, 2) for v in medians(record, method, bias, count))]
                      for method, label in METHODS.items() for bias in ("biases", "free")])
            for count in record["config"]["tasks"]}


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    color = {"evolino": ROLE["evolino"], "random": ROLE["guess"], "echo": ROLE["echo"]}
    tasks, scales = record["config"]["tasks"], record["config"]["scales"]
    fig, axes = plt.subplots(1, len(tasks), figsize=(8, 4.2), sharey=True, squeeze=False)
    for ax, count in zip(axes[0], tasks):
        for method, label in METHODS.items():
            for bias, style in (("biases", "o-"), ("free", "s:")):
                ax.loglog(scales, medians(record, method, bias, count), style, color=color[method], markersize=4,
                          label=f"{label}, {'biases' if bias == 'biases' else 'no biases'}")
        chance_line(ax, 1, "the mean")
        ax.set(xlabel="feedback scale", title=f"{count} sines", ylim=(1e-13, 100))
    axes[0, 0].set_ylabel("test NRMSE, median")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
