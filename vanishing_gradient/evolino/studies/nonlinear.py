"""What happens on series that are not a sum of a few sines?

Three series on the same steps as the main experiment. *Product*: two sines multiplied; it looks
nonlinear and is not, it is two cosines. *Squashed*: tanh of two sines. *Chirp*: a frequency that
goes up and comes back. The last two have many spectral lines: a linear rule needs a long memory.
Twenty cells with the recipe of the main experiment; as many random LSTMs; as many echo-state
networks of 20 units, and 40 of 100; gradient LSTMs as in the study `opponents` (BPTT and Adam,
every rate and scale of the first weights, the best checkpoint on the points seen, with its own
readout and with the pseudo-inverse's); linear autoregression with as many numbers as a closed loop
has states (40), and of the best of six orders on the points seen. If evolution made
use of the cells' nonlinearity, it would beat the linear rule of its own size on the last two.
"""

import time
from dataclasses import replace

import numpy as np
from common import results
from common.randomness import stream
from common.tables import number

from vanishing_gradient.evolino import gradient_lstm, opponents, series
from vanishing_gradient.evolino.evolino import echo_states, evolved, random_lstms, unseen_error
from vanishing_gradient.evolino.opponents import echo_state_networks
from vanishing_gradient.evolino.two_phase import best_of, nrmse, score

SEEDS, MINUTES = range(5), 5
USES = ("members", "trials", "mutation", "patience", "init", "feedback", "random_init", "random_feedback",
        "echo_radius", "echo_feedback", "start", "washout", "seen", "end")
QUICK = dict(generations=2, members=4, cells=5, large=20, rates=(0.01,), scales=(0.1,), updates=2, every=1)
SERIES = {"product": (series.product, "product of two sines"), "squashed": (series.squashed, "tanh of two sines"),
          "swept": (series.swept, "chirp, up and back")}
ROWS = {"evolino": "Evolino, 20 cells", "random": "random LSTM, as many",
        "echo": "echo-state network, 20 units, as many", "echo_large": "echo-state network, 100 units, best of 40",
        "gradient": "gradient LSTM, 20 cells", "gradient_pinv": "the same, pseudo-inverse readout",
        "linear_own": "linear autoregression, order 40", "linear": "linear autoregression, best of six orders",
        "last": "the last value", "mean": "the mean"}
OWN = 40
SAID = ("evolino", "gradient", "linear")


def run(config, seeds, generations=60, cells=20, large=100, orders=(4, 10, 20, 40, 80, 120),
        rates=(0.001, 0.003, 0.01, 0.03), scales=(0.1, 0.3), updates=1000, every=50):
    started, config = time.perf_counter(), replace(config, generations=generations)
    trained = {name: gradient(config, make(config.end, config.start), cells, seeds, rates, scales, updates, every)
               for name, (make, _) in SERIES.items()}
    shared = (time.perf_counter() - started) / len(seeds)
    for n, seed in enumerate(seeds):
        started, final, arrays = time.perf_counter(), {}, {}
        for name, (make, _) in SERIES.items():
            whole = make(config.end, config.start)
            found, output = one_series(config, seed, name, whole, cells, large, orders)
            final |= {f"{method}_{name}": error for method, error in {**found, **trained[name][n]}.items()}
            arrays |= {f"series_{name}": whole[config.washout:], f"output_{name}": output}
        yield results.entry(seed, final, seconds=round(time.perf_counter() - started + shared, 2), arrays=arrays)


def gradient(config, whole, cells, seeds, rates, scales, updates, every):
    """[{method: test NRMSE, and the rate}] for each seed: the best rate, scale and checkpoint on the points seen."""
    closed = gradient_lstm.trained(whole, config.seen, config.washout, cells, seeds, rates, scales, updates, every)
    made = [{} for _ in seeds]
    for name in ("", "_pinv"):
        error, test = (getattr(closed, what + name).reshape(len(seeds), -1) for what in ("error", "test"))
        for one, best, tests in zip(made, error.argmin(1), test):
            one |= {f"gradient{name}": tests[best], f"gradient{name}_rate": rates[best // len(scales)]}
    return made


def one_series(config, seed, name, whole, cells, large, orders):
    """{method: test NRMSE} and the closed loop (steps,) of the evolved network."""
    seen, tested = whole[:config.seen], whole[config.seen:]
    bred = evolved(config, seen, cells, stream(seed, f"evolution {name}")).scored.only(-1)
    rng = stream(seed, f"large echo {name}")
    draw = lambda: echo_state_networks(rng, config.at_once, large, config.echo_radius, config.echo_feedback)
    networks = {"evolino": bred, "random": random_lstms(config, seen, cells, stream(seed, f"random {name}"))[0],
                "echo": echo_states(config, seen, cells, stream(seed, f"echo {name}"))[0],
                "echo_large": best_of(draw, lambda n: score(n, seen, config.washout), 1)[0]}
    errors = {method: unseen_error(one, whole, config)[0] for method, one in networks.items()}
    errors |= {"linear_own": linear(config, whole, OWN)[1], "linear": best_linear(config, whole, orders),
               "last": nrmse(opponents.last_value(seen, len(tested)), tested), "mean": 1.0}
    return errors, bred.free_run(config.end - config.washout)[:, 0]


def linear(config, whole, order):
    """(NRMSE on the points seen, on the test) of an autoregression that goes on alone after the washout."""
    first = max(config.washout, order)
    weights = opponents.linear_autoregression(whole[:config.seen], order)
    output = opponents.continue_linearly(weights, whole[:first], config.end - first)
    cut = config.seen - first
    return nrmse(output[:cut], whole[first:config.seen]), nrmse(output[cut:], whole[config.seen:])


def best_linear(config, whole, orders):
    return min(linear(config, whole, order) for order in orders)[1]


def median(record, method, name):
    return record["summary"][f"{method}_{name}"]["median"]


def checks(record):
    error = median(record, "evolino", "product")
    made = [results.check("the product of two sines is no harder than a sum: Evolino's median NRMSE", error,
                          "at most 1e-6", error <= 1e-6)]
    for name in ("squashed", "swept"):
        ours, own = median(record, "evolino", name), median(record, "linear_own", name)
        made.append(results.check(f"{SERIES[name][1]}: Evolino's median NRMSE over that of the linear rule of its size",
                                  ours / own, "below 1: the nonlinearity is used", ours < own))
    return made


def finding(record):
    words = [f"{label} {' / '.join(number(median(record, method, name), 2) for method in SAID)}"
             for name, (_, label) in SERIES.items()]
    return (f"Test NRMSE (median of {len(record['runs'])} seeds) of Evolino / gradient LSTM / the best linear rule: "
            f"{'; '.join(words)}.")


def table(record):
    config = record["config"]
    trained = len(config["rates"]) * len(config["scales"])
    labels = {**ROWS, "gradient": f"{ROWS['gradient']}, {trained} × {config['updates']:,} updates"}
    return (["test NRMSE, median", *(label for _, label in SERIES.values())],
            [[labels[method], *(number(median(record, method, name), 2) for name in SERIES)] for method in ROWS])


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, axes = plt.subplots(len(SERIES), 1, figsize=(8, 5.5), sharex=True)
    first, seen, end = (record["config"][name] for name in ("washout", "seen", "end"))
    for ax, (name, (_, label)) in zip(axes, SERIES.items()):
        steps = np.arange(first, end)
        ax.plot(steps, arrays[f"series_{name}"][0], color=ROLE["trivial"], linewidth=1, label="series")
        ax.plot(steps, np.clip(arrays[f"output_{name}"][0], -2, 2), color=ROLE["evolino"], label="Evolino, closed loop")
        ax.axvline(seen, color="0.6", linestyle="--", linewidth=1)
        ax.set_title(f"{label}: test NRMSE {number(record['runs'][0]['final'][f'evolino_{name}'], 2)}", loc="left")
    axes[-1].set(xlabel="step (left of the dashed line: seen by the search)", xlim=(first, end))
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
