"""Does the search also find half a vector, alternating signs, squares?

Three weight vectors of our own with the machine, the three training patterns and the time limits of the paper.
Said before any of them was searched for (programs by hand, believed shortest; problems.BY_HAND):

- *first half*: 1 on inputs 0 to 49, zero outside. 6 cells, 19.2 bits, 151 steps, Kt 26.4: no test of the index is
  needed, Allocate 2 becomes illegal when the work tape is full and so ends the loop after 50 weights. But the three
  examples do not say where the range ends (anywhere from 41 to 55 fits), so many fits are expected to be wrong.
- *alternating signs*: 1, -1, 1, -1, ... 10 cells, 30.4 bits, 153 steps, Kt 37.6: a few fits in
  4e7 runs at best, and half of that is run.
- *squares*: i * i. 12 cells, 36.0 bits, 402 steps, Kt 44.7: about 2^36 runs, not within this budget.

Refuted if squares are found, or if a fit is far cheaper than the hand-written program. The second has happened since,
in another study: the enumeration of effort_against_kt finds alternating signs with nine cells and Kt 31.8.
"""

import time

from common import results
from common.tables import wilson
from vanishing_gradient.program_search import machine, pool
from vanishing_gradient.program_search.problems import BY_HAND, FURTHER

SEEDS, MINUTES = range(8), 1
USES = ("largest_limit",)
QUICK = dict(runs=2000, largest_limit=4)


def run(config, seeds, runs=2_500_000):
    """`runs` random programs per seed, each tried on all three problems."""
    for seed in seeds:
        started = time.perf_counter()
        final = pool.draw_pool(FURTHER, seed, runs, config.largest_limit, "further")
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def by_hand(problem):
    """The outcome of the program stated beforehand."""
    return machine.run(BY_HAND[problem.name], 8192)


def checks(record):
    half, signs, squares = FURTHER
    best = {problem.name: pool.cheapest(record, problem, "right") for problem in FURTHER}
    kt = {name: fit and fit["kt"] for name, fit in best.items()}
    return [
        results.check("first half: cheapest program that is right everywhere, Kt", kt["first half"],
                      f"{by_hand(half).kt:.1f}, as by hand", kt["first half"] is not None and
                      abs(kt["first half"] - by_hand(half).kt) < 0.01),
        results.check("alternating signs: cheapest program that is right everywhere, Kt", kt["alternating signs"],
                      f"at least {by_hand(signs).kt:.1f}, by hand", kt["alternating signs"] is not None and
                      kt["alternating signs"] >= by_hand(signs).kt - 0.01),
        results.check("squares: fits", pool.totals(record, "squares: fits"), "0: far beyond this budget",
                      pool.totals(record, "squares: fits") == 0),
    ]


def finding(record):
    half, signs, squares = FURTHER
    parts = []
    for problem in (half, signs):
        fits, good = (pool.totals(record, f"{problem.name}: {what}") for what in ("fits", "generalise"))
        parts.append(f"{problem.name}: {fits} fits, {good} right everywhere")
    return (f"In {pool.totals(record, 'runs'):,} runs: {'; '.join(parts)}; squares: "
            f"{pool.totals(record, 'squares: fits')} fits.")


def table(record):
    rows = []
    for problem in FURTHER:
        fits, good = (pool.totals(record, f"{problem.name}: {what}") for what in ("fits", "generalise"))
        hand = by_hand(problem)
        share = f"{good / fits:.2f} [{wilson(good, fits)[0]:.2f}, {wilson(good, fits)[1]:.2f}]" if fits else ""
        rows.append([problem.name, f"{len(BY_HAND[problem.name])} cells, {hand.bits:.1f} bits, {hand.steps} steps",
                     f"{hand.kt:.1f}", fits, pool.shown_per_fit(*pool.per_fit(record, problem)), share])
    programs = []
    for problem in FURTHER:
        for which in ("right", "wrong"):
            fit = pool.cheapest(record, problem, which)
            if fit:
                programs.append([problem.name, which, f"`{machine.listing(fit['program'])}`", f"{fit['bits']:.1f}",
                                 fit["steps"], f"{fit['kt']:.1f}", pool.score(fit["unseen"])])
    return {"Effort": (["problem", "program by hand", "its Kt", "fits", "runs per fit",
                        "share right on all unseen"], rows),
            "The cheapest fits": (["problem", "right everywhere?", "program", "bits", "steps", "Kt",
                                   "unseen patterns right"], programs)}
