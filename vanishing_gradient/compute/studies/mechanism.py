"""Why does Adam learn a lag over which no error comes back at first?

From the plain start (spectral radius 0.4) an error of size 1 comes back over 100 steps as about 10^-40. One change at
a time: float64; Adam's epsilon far above such gradients; recurrent weights fixed, or scaled back after every step to
the spectral radius of the start; an error that goes back ten steps only; labels that have nothing to do with the
sequences; Gaussian noise for the gradients of all recurrent and input weights (the readout is still trained); SGD
with the whole gradient, or every single weight's, brought to one size; plain SGD, from the same start and from one
with spectral radius 2. Noted: the sequences until 99 % are right; those until the last state *holds* the symbol, so
that a linear readout (least squares) gets 95 %, whatever the network's own readout makes of it; the spectral radius;
the error at the first state. Rates: the best for each row, on seeds 900 to 903. "The steps are blind luck" is refuted
if noise does as well; "the labels lead the way" if random ones do as well.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import FIRST, SOLVED, Recipe

SEEDS, MINUTES = range(8), 6
USES = ("units",)
QUICK = dict(lags=(8,), long_rows=(), budget=128, choosing=(900,))
LEARNED = ("W", "W_in", "b")                 # all that makes the state
ROWS = {"adam": ("Adam", {}),
        "float64": ("Adam in float64", {}),
        "epsilon": ("Adam, epsilon 0.01 in place of 1e-8", dict(eps=1e-2)),
        "frozen": ("Adam, recurrent weights fixed", dict(frozen=("W",))),
        "held": ("Adam, spectral radius held at the start's", dict(held=True)),
        "ten_steps": ("Adam, error through the last ten steps only", dict(steps=10)),
        "random_labels": ("Adam, random labels", dict(random_labels=True)),
        "ten_random": ("the same, through the last ten steps only", dict(steps=10, random_labels=True)),
        "noise": ("Adam, noise for the gradients of W, W_in, b", dict(noise=LEARNED)),
        "sign": ("SGD, sign of each weight's gradient", dict(optimizer="sign")),
        "normalised": ("SGD, whole gradient of one size", dict(optimizer="normalised")),
        "sgd": ("plain SGD", dict(optimizer="sgd")),
        "opened": ("plain SGD, W starts at spectral radius 2", dict(optimizer="sgd"))}
RATES = {"sgd": (0.1, 0.3, 1.0, 3.0), "adam": (0.01, 0.03, 0.1)}
HELD = 0.95                                  # accuracy of a linear readout from which the state holds the symbol
KIND, OPENED = "plain", 2.0
DRAWN = ("adam", "held")
FEW = 32                                     # sequences on which the error at the first state is measured


def run(config, seeds, part, lags=(100, 300), long_rows=("adam", "float64", "random_labels", "noise", "sgd"), batch=4,
        budget=6000, choosing=(900, 901, 902, 903)):
    """Every row and lag is one call with all seeds; each is kept. The longer lag has the rows that matter there."""
    finals, curves = {seed: {} for seed in seeds}, {seed: {} for seed in seeds}
    for lag in lags:
        for name in ROWS if lag == lags[0] else long_rows:
            made = part(f"{name} {lag} {min(seeds)}-{max(seeds)}",
                        lambda: row(config.units, seeds, name, lag, batch, budget, choosing))
            for seed, final, curve in zip(seeds, made["finals"], made["curves"]):
                finals[seed].setdefault(name, {})[str(lag)] = final
                if name in DRAWN and lag == lags[0]:
                    curves[seed] |= {f"{name} {what}": values for what, values in curve.items()}
    return [results.entry(seed, finals[seed], curves[seed]) for seed in seeds]


def row(units, seeds, name, lag, batch, budget, choosing):
    """One row as a part: its rate is chosen on seeds of their own, then the reporting seeds run."""
    rates = RATES["sgd" if ROWS[name][1].get("optimizer") == "sgd" else "adam"]
    tried = [middle_cost(raced(units, choosing, name, lag, batch, rate, budget)) for rate in rates]
    rate = rates[int(np.argmin(tried))]
    finals = raced(units, seeds, name, lag, batch, rate, budget)
    return dict(finals=[{**final, "rate": rate} for final, _ in finals], curves=[curve for _, curve in finals])


def middle_cost(raced):
    """What a rate is judged by: the lower median of the sequences until the state holds the symbol, then how many."""
    needed = np.array([np.inf if final["holds_at"] is None else final["holds_at"] for final, _ in raced])
    median = float(laws.middle(needed))
    return median if np.isfinite(median) else 1e12 - np.isfinite(needed).sum()


def raced(units, seeds, name, lag, batch, rate, budget):
    """[(final, curves)] of one row at one rate."""
    changes = dict(ROWS[name][1])
    dtype = np.float64 if name == "float64" else np.float32
    net, recipe = FIRST.network(units), Recipe(changes.pop("optimizer", "adam"), batch, **changes)
    p = stack([training.start(KIND, seed, net, dtype) for seed in seeds])
    if name == "opened":
        p["W"] *= (OPENED / training.spectral_radius(p["W"]))[:, None, None].astype(dtype)
    x, answers = training.labelled(FIRST, seeds, "held", 2 * training.VALIDATION, lag)

    def watch(p, active):
        few = x[:, active, :FEW], answers[active, :FEW]
        return dict(radius=training.spectral_radius(p["W"]), error=training.error_flow(net, p, *few)[lag],
                    held=training.decodable(net, p, x[:, active], answers[active]))

    goal = 2.0 if recipe.random_labels else training.GOAL      # a readout of random labels cannot be right but by luck
    made = training.train(FIRST, net, p, list(seeds), np.full(len(seeds), rate), lag, recipe, budget, goal, watch)
    right = training.test(FIRST, net, made.p, list(seeds), lag)
    return [(numbers(made, n, right[n]), along(made, n)) for n in range(len(seeds))]


def along(made, n):
    """{what: values at the looks until network n left}."""
    there = np.isfinite(made.watched["radius"][:, n])
    return {"looks": made.looks[there]} | {what: made.watched[what][there, n] for what in ("radius", "error", "held")}


def numbers(made, n, right):
    """What is reported of network n."""
    held, radius, error = (made.watched[what][:, n] for what in ("held", "radius", "error"))
    there = np.isfinite(radius)
    at = np.flatnonzero(held >= HELD)                # nan, after a network left, is not
    return dict(sequences=float(made.sequences[n]) if right >= SOLVED and np.isfinite(made.sequences[n]) else None,
                accuracy=float(right), holds_at=float(made.looks[at[0]]) if len(at) else None,
                radius_start=float(radius[0]), radius_end=float(radius[there][-1]),
                radius_held=float(radius[at[0]]) if len(at) else None, error_start=float(error[0]),
                error_held=float(error[at[0]]) if len(at) else None,
                error_peak=float(error[:at[0] + 1].max()) if len(at) else None)


# ---------------------------------------------------------------- what it shows

def count(record, name, lag, what):
    """Seeds for which the row has the number, and the lower median with the others as infinite."""
    needed = np.array([np.inf if (v := results.at(run["final"], name, lag, what)) is None else v
                       for run in record["runs"]])
    return int(np.isfinite(needed).sum()), float(laws.middle(needed))


def rows_at(record, lag):
    return [name for name in ROWS if results.at(record["runs"][0]["final"], name, lag)]


# Bounds fixed on seeds 900 to 903.
def checks(record):
    lag, n = record["config"]["lags"][0], len(record["runs"])
    held = {name: count(record, name, lag, "holds_at")[0] for name in ROWS}
    solved = {name: count(record, name, lag, "sequences")[0] for name in ROWS}
    claim = lambda text, value, expected, holds: results.check(f"lag {lag}: {text}", value, expected, holds)
    start, peak = (middle_of(record, "adam", lag, what) for what in ("error_start", "error_peak"))
    return [claim("networks that Adam solves", solved["adam"], f"at least 3 of {n}", solved["adam"] >= 3),
            claim("float64: solved networks minus those in float32", solved["float64"] - solved["adam"], "-3 to 3",
                  abs(solved["float64"] - solved["adam"]) <= 3),
            claim("recurrent weights fixed: networks that are solved", solved["frozen"], "none", solved["frozen"] == 0),
            claim("spectral radius held: networks whose state comes to hold the symbol", held["held"], "none",
                  held["held"] == 0),
            claim("noise for the recurrent gradients: networks whose state comes to hold the symbol", held["noise"],
                  "at most 1", held["noise"] <= 1),
            claim("random labels: networks whose state comes to hold the symbol", held["random_labels"],
                  f"at least half of {n}", 2 * held["random_labels"] >= n),
            claim("error through ten steps only: solved networks minus those with the whole error",
                  solved["ten_steps"] - solved["adam"], "below 0", solved["ten_steps"] < solved["adam"]),
            claim("plain SGD from spectral radius 2: networks that are solved", solved["opened"],
                  f"at least three quarters of {n}", 4 * solved["opened"] >= 3 * n),
            claim("Adam: log10 of the error at the first state, median: at the start", start, "below -30",
                  start is not None and start < -30),
            claim("Adam: the same, its largest before the state holds the symbol", peak, "above -6",
                  peak is not None and peak > -6)]


def middle_of(record, name, lag, what):
    """Median over the seeds that have the number; None without any."""
    values = [v for run in record["runs"] if (v := results.at(run["final"], name, lag, what)) is not None]
    return float(np.median(values)) if values else None


def beyond(record, name, lag):
    """Networks whose W ends with a spectral radius above 1."""
    return sum(results.at(run["final"], name, lag, "radius_end") > 1 for run in record["runs"])


def power(value):
    return "–" if value is None else f"10^{value:.1f}"


def finding(record):
    lag, n = record["config"]["lags"][0], len(record["runs"])
    solved = {name: count(record, name, lag, "sequences")[0] for name in ROWS}
    held = {name: count(record, name, lag, "holds_at")[0] for name in ROWS}
    return (f"Solved at lag {lag}, of {n}: Adam {solved['adam']}; spectral radius held {solved['held']}; error through "
            f"ten steps only {solved['ten_steps']}, though W's radius ends above 1 in "
            f"{beyond(record, 'ten_steps', lag)}; noise for the recurrent gradients {solved['noise']}; plain SGD "
            f"{solved['sgd']}, from spectral radius 2 {solved['opened']}. With random labels the state comes to hold "
            f"the symbol in {held['random_labels']}.")


def table(record):
    made, n = {}, len(record["runs"])
    header = ["row", "rate", "solved", "median sequences", "state holds the symbol", "median sequences until then",
              "spectral radius then", "at the end (beyond 1)",
              "error at the first state: start, largest until then, then"]
    for lag in record["config"]["lags"]:
        rows = [cells(record, name, lag, n) for name in ROWS if results.at(record["runs"][0]["final"], name, lag)]
        made[f"Lag {lag}, plain start, batch {record['config']['batch']}, at most {record['config']['budget']:,} "
             "sequences"] = (header, rows)
    return made


def cells(record, name, lag, n):
    """One row of the table."""
    (solved, needed), (held, at) = (count(record, name, lag, what) for what in ("sequences", "holds_at"))
    random = ROWS[name][1].get("random_labels")
    radius = middle_of(record, name, lag, "radius_held")
    errors = ", ".join(power(middle_of(record, name, lag, f"error_{when}")) for when in ("start", "peak", "held"))
    return [ROWS[name][0], f"{results.at(record['runs'][0]['final'], name, lag, 'rate'):g}",
            "not asked" if random else f"{solved} of {n}", "" if random else laws.words(needed), f"{held} of {n}",
            laws.words(at), "–" if radius is None else f"{radius:.2f}",
            f"{middle_of(record, name, lag, 'radius_end'):.2f} ({beyond(record, name, lag)})", errors]


def figure(record, arrays):
    from common.figures import CELLS, plt
    lag, n = record["config"]["lags"][0], len(record["runs"])
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=(1.3, 1))
    names = [name for name in ROWS if results.at(record["runs"][0]["final"], name, lag)]
    for k, name in enumerate(reversed(names)):
        values = [results.at(run["final"], name, lag, "holds_at") for run in record["runs"]]
        there = [max(v, 32) for v in values if v is not None]
        left.plot(there, [k] * len(there), "o", color=CELLS[0], markersize=5, alpha=0.6)
        left.text(record["config"]["budget"] * 1.2, k, f"{len(there)} of {n}", fontsize=9, va="center")
    left.set(xscale="log", xlim=(25, record["config"]["budget"] * 3), yticks=range(len(names)),
             yticklabels=[ROWS[name][0] for name in reversed(names)], xlabel="training sequences",
             title=f"lag {lag}: when the state comes to hold the symbol")
    left.tick_params(axis="y", labelsize=9)
    for colour, name in zip((CELLS[0], "0.6"), DRAWN):
        for k, run in enumerate(record["runs"]):
            looks, error = (np.array(run["curves"][f"{name} {what}"], float) for what in ("looks", "error"))
            right.plot(np.maximum(looks, 32), error, color=colour, linewidth=0.9, alpha=0.8,
                       label=ROWS[name][0] if k == 0 else None)
    powers = (-90, -60, -30, 0)
    right.set(xscale="log", ylim=(-100, 32), xlabel="training sequences", yticks=powers,
              yticklabels=[f"10$^{{{v}}}$" for v in powers], title=f"the error at the first state, {n} seeds")
    right.legend(fontsize=8.5, loc="upper right")
    return fig
