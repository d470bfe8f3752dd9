"""Does 2^Kt predict how long the search takes?

Levin's search spends at most about 2^(Kt + 1) steps in all before the program of cost Kt has halted, where
Kt = min over programs that fit of bits + log2(steps). The random search draws that program with probability 2^-bits
and gives it enough time with probability of about 50 / steps: so about 2^Kt steps again, if it were the only program
that fits. Eleven problems with the same three patterns, from counting (Kt 18) to squares (by hand 45).
Kt is exact (up to the cap of 1,024 steps a program) where the enumeration reaches it, phase 32; beyond, the cheapest
fit known, by hand or found, an upper bound. Measured: steps per fit of the random search, and steps of Levin's
search up to the end of the phase with the first fit. Refuted if the slope of log2(effort) against Kt is not 1, or if
problems of equal Kt differ by more than their intervals. Problems without a fit give a lower bound and are not
fitted; this leaves out the hard ones that were unlucky, so the slope is biased towards less. They are written beside.
"""

import time

import numpy as np

from common import results
from common.progress import Progress
from vanishing_gradient.program_search import machine, pool, search
from vanishing_gradient.program_search.problems import BY_HAND, LADDER

SEEDS, MINUTES = range(8), 3
USES = ("largest_limit",)
QUICK = dict(runs=2000, largest_limit=4, phases=20)


def run(config, seeds, part, runs=5_000_000, phases=32, most=1024):
    """`runs` random programs per seed; Levin's phases once (nothing in them is drawn)."""
    levin = part("levin", lambda: levin_phases(phases, most))
    for seed in seeds:
        started = time.perf_counter()
        final = pool.draw_pool(LADDER, seed, runs, config.largest_limit, "ladder")
        yield results.entry(seed, {**final, "levin": levin}, seconds=time.perf_counter() - started)


def levin_phases(phases, most):
    """{problem: cost of its cheapest fit, steps of all phases up to its first fit}; nothing for what is not reached."""
    any_of_them = lambda weights: np.any([problem.accept(weights) for problem in LADDER], axis=0)
    found, spent, progress = {}, 0, Progress("Levin's phases", phases)
    for phase in range(1, phases + 1):
        fits, effort = search.enumerate_programs(search.levin(phase, most), any_of_them)
        spent += effort.steps
        weights = np.array([fit.weights for fit in fits], np.int64).reshape(len(fits), machine.WEIGHTS)
        for problem in LADDER:
            mine = [fits[k] for k in np.flatnonzero(problem.accept(weights))]
            if mine and problem.name not in found:
                found[problem.name] = {**pool.described(problem, mine), "spent": spent, "phase": phase}
        progress.update(phase, steps=effort.steps)
    progress.close()
    return found


# ---------------------------------------------------------------- what it shows

def ladder(record):
    """[{name, kt, exact, random steps per fit and interval, Levin's steps, generalise}] in the order of Kt."""
    levin, rows = record["runs"][0]["final"]["levin"], []
    for problem in LADDER:
        hand = machine.run(BY_HAND[problem.name], 8192).kt
        drawn = [pool.cheapest(record, problem, which) for which in ("right", "wrong")]
        reached = levin.get(problem.name)
        kt = reached["kt"] if reached else min([hand] + [fit["kt"] for fit in drawn if fit])
        measured, interval = pool.per_fit(record, problem, "steps")
        rows.append(dict(name=problem.name, hand=hand, kt=kt, exact=reached is not None, effort=measured,
                         interval=interval, levin=reached and reached["spent"],
                         program=reached and reached["program"], unseen=reached and reached["unseen"],
                         fits=pool.totals(record, f"{problem.name}: fits"),
                         generalise=pool.totals(record, f"{problem.name}: generalise")))
    return sorted(rows, key=lambda row: row["kt"])


def share_of_cheapest(record, row):
    """Share of the drawn fits that the cheapest program alone should make up: its probability times the runs."""
    if not row["program"] or not row["fits"]:
        return None
    outcome = machine.run(row["program"], 8192)
    k = max(1, int(np.ceil(np.log2(outcome.steps / 32))))            # the first limit 32 * 2^k that is long enough
    return 2.0 ** (1 - k - outcome.bits) * pool.totals(record, "runs") / row["fits"]


def slope(rows):
    """Slope of log2(steps per fit) against Kt, its interval from resampled problems, and the residuals' spread."""
    points = np.array([(row["kt"], np.log2(row["effort"])) for row in rows if row["effort"]])
    if len(np.unique(points[:, 0] if len(points) else points)) < 3:
        return None, None, None
    line = np.polyfit(*points.T, 1)
    rng, slopes = np.random.default_rng(0), []
    while len(slopes) < 2000:
        picked = points[rng.integers(0, len(points), len(points))]
        if len(np.unique(picked[:, 0])) >= 3:
            slopes.append(np.polyfit(*picked.T, 1)[0])
    residuals = points[:, 1] - np.polyval(line, points[:, 0])
    return line, tuple(np.quantile(slopes, [0.025, 0.975])), float(residuals.std(ddof=2))


def factors(rows):
    """Measured steps per fit divided by 2^Kt, of the problems that have a fit."""
    return [row["effort"] / 2.0 ** row["kt"] for row in rows if row["effort"]]


def checks(record):
    rows = ladder(record)
    line, interval, _ = slope(rows)
    bound = [row["levin"] / 2.0 ** (row["kt"] + 2) for row in rows if row["levin"]]
    span = max(factors(rows)) / min(factors(rows)) if factors(rows) else None
    return [
        results.check("Levin's search: steps until the first fit over 2^(Kt + 2), largest of all problems",
                      max(bound, default=None), "at most 1", bound and max(bound) <= 1),
        results.check("random search: slope of log2(steps per fit) against Kt", None if line is None else line[0],
                      "interval holds 1", line is not None and interval[0] <= 1 <= interval[1], interval=interval),
        results.check("random search: steps per fit over 2^Kt, largest over smallest of the problems", span,
                      "at most 4", span is not None and span <= 4),
    ]


def finding(record):
    rows = ladder(record)
    line, interval, spread = slope(rows)
    if line is None:
        return "Too few problems were solved to say."
    return (f"Over {len(factors(rows))} problems log2(steps per fit) rises by {line[0]:.2f} [{interval[0]:.2f}, "
            f"{interval[1]:.2f}] per bit of Kt; steps per fit are {min(factors(rows)):.3f} to "
            f"{max(factors(rows)):.3f} times 2^Kt: many dearer programs fit too, so the cheapest one alone "
            f"overestimates the search.")


def table(record):
    rows = [[row["name"], f"{row['hand']:.1f}", f"{row['kt']:.2f}" if row["exact"] else f"≤ {row['kt']:.1f}",
             f"`{machine.listing(row['program'])}`" if row["program"] else "",
             pool.score(row["unseen"]) if row["program"] else "", f"{row['fits']:,}", f"{row['generalise']:,}",
             pool.shown_per_fit(row["effort"], row["interval"]),
             f"{row['effort'] / 2.0 ** row['kt']:.3f}" if row["effort"] else "",
             as_percent(share_of_cheapest(record, row)),
             f"{row['levin']:,}" if row["levin"] else "not reached"] for row in ladder(record)]
    return ["problem", "Kt by hand", "Kt", "cheapest fit (enumeration)", "unseen patterns it gets right", "fits drawn",
            "right everywhere", "steps per fit, random", "over 2^Kt", "the cheapest program's share of the fits",
            "steps, Levin's order"], rows


def as_percent(share):
    return "" if share is None else f"{100 * share:.0f} %"


LABELS_AT = {"1 and 0 in turn": (6, 8), "first half": (7, -4), "alternating signs": (9, 8),         # points
             "positions from 1": (17, -3), "positions": (32, -9), "minus positions": (32, -19), "squares": (-7, 3)}


def figure(record, arrays):
    from common.figures import ROLE, plt
    rows = ladder(record)
    line, interval, _ = slope(rows)
    fig, ax = plt.subplots(figsize=(8, 4.6))
    kt = np.array([row["kt"] for row in rows])
    ax.semilogy(kt, 2.0 ** kt, color=ROLE["trivial"], linestyle=":", label="$2^{Kt}$")
    solved = [row for row in rows if row["effort"]]
    x, y = [row["kt"] for row in solved], np.array([row["effort"] for row in solved])
    low, high = (np.array([row["interval"][k] for row in solved]) for k in (0, 1))
    ax.errorbar(x, y, [y - low, high - y], fmt="o", color=ROLE["program"], label="random search, steps per fit (95 %)")
    missed = [row for row in rows if not row["effort"]]
    ax.plot([row["kt"] for row in missed], [row["interval"][0] for row in missed], "^", color=ROLE["program"],
            markerfacecolor="none", label="no fit: more than this")
    reached = [row for row in rows if row["levin"]]
    ax.plot([row["kt"] for row in reached], [row["levin"] for row in reached], "s", color=ROLE["paper"],
            markersize=4, label="Levin's order, all phases")
    if line is not None:
        ends = np.array([min(x), max(x)])
        ax.plot(ends, 2.0 ** np.polyval(line, ends), color=ROLE["program"], linewidth=1,
                label=f"slope {line[0]:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]")
    for row in rows:
        shift = LABELS_AT.get(row["name"], (7, -11))
        ax.annotate(row["name"], (row["kt"], row["effort"] or row["interval"][0]), shift, fontsize=8,
                    textcoords="offset points", ha="right" if shift[0] < 0 else "left")
    ax.set(xlabel="Kt of the cheapest fit [bits]", ylabel="steps", ylim=(1e4, 1e12))
    ax.legend(loc="upper left")
    return fig
