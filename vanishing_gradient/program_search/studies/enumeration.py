"""What does Levin's own order find, and how long does it take?

The random search draws the simple programs again and again; the systematic search meets each once a phase. In
phase 1, 2, 3, ... every program gets 2^phase steps times its space probability, so a program of cost
Kt = bits + log2(steps) halts in phase ceil(Kt). Both tasks of the paper, one-argument write. Beside it the order of
Jankowski (1995, cited by Schmidhuber 1997): all programs up to a length, each with the same number of steps. Nothing
is drawn; the seed changes nothing.
Steps of one program are capped: a loop that never ends would use its whole share one instruction at a time. What this
can hide: a program that needs more steps than the cap; what Levin's search would have spent on the capped runs is
not counted. Refuted if the first fit comes in another phase than the cost of the hand-written program says.
Sources: 1997, sections 3 and 4; the enumerations by length of two re-implementations (read second-hand).
"""

import time

import numpy as np

from common import results
from common.progress import Progress
from vanishing_gradient.program_search import machine, search
from vanishing_gradient.program_search.problems import BY_HAND, COUNTING, POSITIONS, UNSEEN

SEEDS, MINUTES = range(1), 1.5
USES = ()
QUICK = dict(phases=19, longest=(4, 4))
PAD = 255                                        # beyond the end of a program, when programs are put in order


def run(config, seeds, phases=32, most=1024, longest=(4, 8), steps=320):
    """Levin's phases, at most `most` steps a program; then, per task, all programs up to `longest` cells."""
    started = time.perf_counter()
    final, curves = levin_order(phases, most)
    for task, cells in zip((COUNTING, POSITIONS), longest):
        final |= by_length(task, cells, steps)
    return [results.entry(seeds[0], final, curves, time.perf_counter() - started)]


def levin_order(phases, most):
    """Programs, steps and fits of every phase; the phase, cost and scores of the first fits."""
    either = lambda weights: COUNTING.accept(weights) | POSITIONS.accept(weights)
    final, curves = {}, {name: [] for name in ("phase", "programs", "steps", "capped", "counting", "positions")}
    progress = Progress("Levin's phases", phases)
    for phase in range(1, phases + 1):
        fits, effort = search.enumerate_programs(search.levin(phase, most), either)
        weights = np.array([fit.weights for fit in fits]).reshape(len(fits), machine.WEIGHTS)
        accepted = {task.name: task.accept(weights) for task in (COUNTING, POSITIONS)}
        row = dict(phase=phase, programs=effort.runs, steps=effort.steps, capped=effort.cut,
                   **{name: int(hits.sum()) for name, hits in accepted.items()})
        for name, value in row.items():
            curves[name].append(value)
        for task in (COUNTING, POSITIONS):
            if accepted[task.name].any() and f"{task.name}_phase" not in final:
                final |= first_fits(task, phase, [fit for fit, hit in zip(fits, accepted[task.name]) if hit], curves)
        progress.update(phase, steps=effort.steps)
    progress.close()
    return final, curves


def first_fits(task, phase, fits, curves):
    """What the first phase with a fit brought."""
    fits = sorted(fits, key=lambda fit: fit.bits + np.log2(fit.steps))
    best = fits[0]
    return {f"{task.name}_{name}": value for name, value in dict(
        phase=phase, kt=best.bits + np.log2(best.steps), steps_in_all=sum(curves["steps"]),
        programs_in_all=sum(curves["programs"]), first_fits=len(fits),
        generalise=sum(task.unseen_right(fit.weights) == len(UNSEEN) for fit in fits)).items()}


def by_length(task, longest, steps):
    """All programs up to a length, in alphabetical order: how many, how many fit, after how many the first."""
    ended = []
    fits, effort = search.enumerate_programs(search.by_length(longest, steps), task.accept, each=lambda batch, rows:
                                             ended.append(keys(batch.cells[rows, machine.WORK:], batch.high[rows])))
    order = np.sort(np.concatenate(ended))
    first = [int(np.searchsorted(order, key_of(fit.program))) + 1 for fit in fits]
    return {f"{task.name}_by_length_{name}": value for name, value in dict(
        longest=longest, programs=effort.runs, steps=effort.steps, fits=len(fits), first=min(first, default=None),
        generalise=sum(task.unseen_right(fit.weights) == len(UNSEEN) for fit in fits)).items()}


def keys(tapes, high):
    """(n,) uint64 that sort programs of at most eight cells alphabetically."""
    cells = np.where(np.arange(8) <= high[:, None], tapes[:, :8] + 100, PAD).astype(np.uint64)
    return (cells << np.arange(56, -8, -8, dtype=np.uint64)).sum(1, dtype=np.uint64)


def key_of(program):
    tape = np.array([program + [0] * (8 - len(program))])
    return keys(tape, np.array([len(program) - 1]))[0]


# ---------------------------------------------------------------- what it shows

def final_of(record):
    return record["runs"][0]["final"]


def checks(record):
    final, made = final_of(record), []
    for task in (COUNTING, POSITIONS):
        outcome = machine.run(BY_HAND[task.name], 8192)
        expected = int(np.ceil(outcome.kt))
        phase, first = final.get(f"{task.name}_phase"), final.get(f"{task.name}_by_length_first")
        made += [results.check(f"{task.name}: phase in which Levin's order finds the first fit", phase,
                               f"{expected}, the cost of the hand-written program is {outcome.kt:.2f}",
                               phase == expected),
                 results.check(f"{task.name}: all programs up to {len(BY_HAND[task.name])} cells: the first fit after",
                               first, "found", first is not None)]
    return made


def finding(record):
    final = final_of(record)
    if final.get("positions_phase") is None:
        return "These phases do not reach adding positions."
    return (f"Levin's order finds counting in phase {final['counting_phase']} after {final['counting_steps_in_all']:,} "
            f"steps in all and adding positions in phase {final['positions_phase']} after "
            f"{final['positions_steps_in_all']:,}; {final['positions_generalise']} of the "
            f"{final['positions_first_fits']} fits of that phase are right on every unseen pattern.")


def table(record):
    final = final_of(record)
    shown = lambda value: "not reached" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
    levin = [[task] + [shown(final.get(f"{task}_{name}")) for name in (
        "phase", "kt", "programs_in_all", "steps_in_all", "first_fits", "generalise")]
        for task in ("counting", "positions")]
    length = [[task] + [shown(final.get(f"{task}_by_length_{name}")) for name in (
        "longest", "programs", "steps", "fits", "generalise", "first")] for task in ("counting", "positions")]
    return {"Levin's order": (["task", "phase of the first fit", "lowest Kt", "programs, all phases",
                               "steps, all phases", "fits in that phase", "right on all unseen"], levin),
            "By length": (["task", "cells at most", "programs", "steps", "fits", "right on all unseen",
                           "first fit is program number"], length)}


def figure(record, arrays):
    from common.figures import ROLE, plt
    curves, final = record["runs"][0]["curves"], final_of(record)
    fig, ax = plt.subplots()
    phase = np.array(curves["phase"])
    ax.semilogy(phase, np.maximum(curves["steps"], 0.5), color=ROLE["program"], label="steps spent in the phase")
    ax.semilogy(phase, np.maximum(curves["programs"], 0.5), color=ROLE["program"], linestyle=":",
                label="programs that ended or were cut")
    ax.semilogy(phase, 2.0 ** phase, color=ROLE["trivial"], linestyle="--", linewidth=1, label="$2^{phase}$, the most")
    for task in ("counting", "positions"):
        at = final.get(f"{task}_phase")
        if at is not None:
            height = curves["steps"][at - 1]
            ax.plot(at, height, "o", color=ROLE["paper"])
            ax.annotate(f"{task} found", (at, height), (-12, -3), textcoords="offset points", ha="right",
                        fontsize=10, bbox=dict(facecolor="white", edgecolor="none", pad=1))
    ax.set(xlabel="phase of Levin's search", ylabel="number", ylim=(0.5, None))
    ax.legend(loc="upper left")
    return fig
