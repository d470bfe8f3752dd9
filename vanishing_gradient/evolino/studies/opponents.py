"""Do gradients, or a large random network, do better on the sines than evolved cells?

The same points, the same closed loop, the same choice by the error on the points seen. *Gradient
LSTM*: forget gates, the same number of cells, BPTT through all 400 steps with Adam; every rate and
every scale of the first weights trains, the best checkpoint of all is kept: with its own readout,
and with the pseudo-inverse's (evolution's readout on cells that a gradient shaped). *Echo-state
networks* of 100 and 1,000 units: the best of all radii, feedback scales and biases. A gradient LSTM
that reached Evolino's error would say that evolution is not needed; an echo-state network that did
would say that nothing has to be learned at all (Jaeger 2001; Koryakin, Lohmann & Butz 2012).
"""

import itertools
import time

import numpy as np
from common import results
from common.progress import Progress
from common.randomness import stream
from common.tables import number

from vanishing_gradient.evolino import gradient_lstm
from vanishing_gradient.evolino.evolino import CELLS, task, unseen_error
from vanishing_gradient.evolino.opponents import echo_state_networks
from vanishing_gradient.evolino.two_phase import best_of, score

SEEDS, MINUTES = range(3), 6
USES = ("start", "washout", "seen", "end")
QUICK = dict(updates=2, every=1, rates=(0.01,), scales=(0.1,), units=(30,), radii=(0.8,), draws=(2,))
ROWS = {"gradient": "gradient LSTM", "gradient_pinv": "gradient LSTM, pseudo-inverse readout"}


def run(config, seeds, rates=(0.001, 0.003, 0.01, 0.03), scales=(0.1, 0.3), updates=1000, every=50,
        units=(100, 1000), draws=(20, 1), radii=(0.8, 0.97), feedbacks=(1e-7, 1e-3), biases=(0.0, 1.0)):
    started, finals = time.perf_counter(), [{} for _ in seeds]
    for count, cells in CELLS.items():
        series, _ = task(config, count)
        closed = gradient_lstm.trained(series, config.seen, config.washout, cells, seeds, rates, scales, updates, every)
        for name in ("", "_pinv"):
            error = getattr(closed, "error" + name).reshape(len(seeds), -1)
            test = getattr(closed, "test" + name).reshape(len(seeds), -1)
            for n, best in enumerate(error.argmin(1)):
                finals[n] |= {f"gradient{name}_{count}": test[n, best],
                              f"gradient{name}_rate_{count}": rates[best // len(scales)]}
    progress = Progress("echo-state networks", len(seeds) * len(CELLS))
    for done, (n, count) in enumerate(itertools.product(range(len(seeds)), CELLS), 1):
        for size, number_of_draws in zip(units, draws):
            rng = stream(seeds[n], f"large echo {size} {count}")
            grid = list(itertools.product(radii, feedbacks, biases))
            finals[n][f"echo_{size}_{count}"] = echo(config, rng, count, size, number_of_draws, grid)
        progress.update(done)
    progress.close()
    seconds = (time.perf_counter() - started) / len(seeds)
    return [results.entry(seed, final, seconds=seconds) for seed, final in zip(seeds, finals)]


def echo(config, rng, count, units, draws, grid):
    """Test NRMSE of the best of `draws` networks at every point of the grid, by the error on the points seen."""
    series, seen = task(config, count)
    bests = [best_of(lambda: echo_state_networks(rng, 1, units, *setting),
                     lambda networks: score(networks, seen, config.washout), draws)[0] for setting in grid]
    return unseen_error(min(bests, key=lambda best: best.error[0]), series, config)[0]


def labels(record):
    config = record["config"]
    networks = {n: d * len(config["radii"]) * len(config["feedbacks"]) * len(config["biases"])
                for n, d in zip(config["units"], config["draws"])}
    trained = len(config["rates"]) * len(config["scales"])
    return ({name: f"{label}, {trained} × {config['updates']:,} updates" for name, label in ROWS.items()}
            | {f"echo_{n}": f"echo-state network, {n:,} units, best of {k}" for n, k in networks.items()})


def table(record):
    rows = [[label, *(number(record["summary"][f"{name}_{count}"]["median"], 2) for count in CELLS)]
            for name, label in labels(record).items()]
    return ["test NRMSE, median", *(f"{count} sines" for count in CELLS)], rows


def checks(record):
    made = []
    for count in CELLS:
        gradient = np.concatenate([results.values(record, f"{name}_{count}") for name in ROWS])
        made.append(results.check(f"{count} sines: the gradient LSTM's best seed and readout stays above 0.001",
                                  gradient.min(), "above 0.001", gradient.min() > 1e-3))
    return made


def finding(record):
    s = record["summary"]
    values = [s[f"{name}_{count}"]["median"] for name in ROWS for count in CELLS]
    size = record["config"]["units"][0]
    return (f"Gradient LSTMs stay between {number(min(values), 2)} and {number(max(values), 2)}; an echo-state network "
            f"of {size} units reaches {number(s[f'echo_{size}_2']['median'], 2)} on two sines and "
            f"{number(s[f'echo_{size}_5']['median'], 2)} on five. Random units are enough; gradients, in "
            f"{record['config']['updates']:,} updates of Adam, are not.")


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, ax = plt.subplots(figsize=(8, 4))
    for style, (name, label) in zip(("o-", "s--", "^-", "v:"), labels(record).items()):
        errors = [record["summary"][f"{name}_{count}"]["median"] for count in CELLS]
        ax.semilogy(list(CELLS), errors, style, label=label, color=ROLE["echo" if "echo" in name else "lstm_forget"])
    ax.set(xlabel="sines", ylabel="test NRMSE, median", xticks=list(CELLS), title="The mean of the series scores 1")
    fig.legend(loc="outside lower center", ncols=2)
    return fig
