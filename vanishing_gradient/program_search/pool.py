"""One pool of random programs tried on several problems: a program knows nothing of the problem that it may solve."""

import numpy as np

from common.progress import Progress
from common.randomness import stream
from common.tables import between, number
from vanishing_gradient.program_search import machine, search
from vanishing_gradient.program_search.problems import UNSEEN


def draw_pool(problems, seed, runs, largest, purpose):
    """One seed's numbers: for every problem the fits, how many generalise, and the cheapest of either sort."""
    progress = Progress(f"seed {seed}, {len(problems)} problems", runs)
    any_of_them = lambda weights: np.any([problem.accept(weights) for problem in problems], axis=0)
    fits, effort = search.random_search(stream(seed, f"programs {purpose}"), runs, any_of_them, largest,
                                        say=progress.update)
    progress.close()
    final = dict(runs=effort.runs, steps=effort.steps)
    weights = np.array([fit.weights for fit in fits], np.int64).reshape(len(fits), machine.WEIGHTS)
    for problem in problems:
        mine = [fits[k] for k in np.flatnonzero(problem.accept(weights))]
        right = [fit for fit in mine if (fit.weights == problem.truth).all()]
        wrong = [fit for fit in mine if not (fit.weights == problem.truth).all()]
        final |= {f"{problem.name}: fits": len(mine), f"{problem.name}: generalise": len(right),
                  f"{problem.name}: cheapest right": described(problem, right),
                  f"{problem.name}: cheapest wrong": described(problem, wrong)}
    return final


def cost(fit):
    """Levin's cost of a fit, in bits."""
    return fit.bits + np.log2(fit.steps)


def described(problem, fits):
    """The cheapest of some fits, for people and for JSON; None if there is none."""
    if not fits:
        return None
    best = min(fits, key=cost)
    return dict(program=best.program, bits=best.bits, steps=best.steps, kt=cost(best),
                unseen=problem.unseen_right(best.weights))


def cheapest(record, problem, which):
    """The cheapest fit (`right` or `wrong`) of all seeds, or None."""
    found = [run["final"][f"{problem.name}: cheapest {which}"] for run in record["runs"]]
    return min((fit for fit in found if fit), key=lambda fit: fit["kt"], default=None)


def totals(record, name):
    """The sum of one number over the seeds."""
    return sum(run["final"][name] or 0 for run in record["runs"])


def per_fit(record, problem, what="runs"):
    """Runs (or steps) for each fit of a problem, and its 95 % interval."""
    return for_each(totals(record, what), totals(record, f"{problem.name}: fits"))


def for_each(spent, fits):
    """What each fit has cost, None without a fit, and its 95 % interval (None: no upper end)."""
    low, high = poisson_interval(fits)
    return (spent / fits if fits else None), (spent / high, spent / low if low else None)


def shown_per_fit(measured, interval):
    """'1,673 [1,620, 1,730]', or 'more than 13,000,000' without a fit."""
    if measured is None:
        return f"more than {number(interval[0])}"
    return f"{number(measured)} {between(interval)}"


def score(unseen):
    return "all" if unseen == len(UNSEEN) else f"{unseen:,}"


def poisson_interval(k, level=0.95):
    """Exact interval of the mean of a Poisson count k (Garwood 1936); its lower end is 0 for k = 0."""
    def solve(events, tail):
        low, high = 0.0, 10.0 + 3 * events + 10 * events**0.5
        logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, events + 1)))])
        for _ in range(100):
            middle = (low + high) / 2
            below = np.exp(np.arange(events + 1) * np.log(max(middle, 1e-300)) - middle - logs).sum()
            low, high = (middle, high) if below > tail else (low, middle)
        return (low + high) / 2
    tail = (1 - level) / 2
    return (solve(k - 1, 1 - tail) if k else 0.0), solve(k, tail)
