"""What the other rooms ran on the same task: the records of their studies named `shootout`, as far as they exist.

A part is a record whose runs hold final[variant][method][lag][metric] with the metrics of this room's own
runs: accuracy, sequences (until 99 %, absent if not reached), seen, multiply_adds, seconds. Nothing is
imported from the other rooms; a room without a part is left out and named.
"""

from typing import NamedTuple

import numpy as np
from common import files, results
from common.tasks.first_symbol import RULES

from vanishing_gradient.shootout.racers import RACERS
from vanishing_gradient.shootout.shootout import SOLVED


class Method(NamedTuple):
    """A method of another room."""
    label: str
    year: int
    room: str


OTHERS = {
    "guess": Method("weight guessing", 1996, "vanishing_gradient/weight_guessing"),
    "evolino": Method("Evolino", 2005, "vanishing_gradient/evolino"),
    "chunker": Method("chunker", 1991, "chunker_very_deep_1200"),
    "smt": Method("SMT, continuous memory", 2026, "smt"),
    "binary": Method("SMT, binary memory", 2026, "smt"),
    "transformer": Method("Transformer", 2017, "smt")}
EVERY = {**RACERS, **OTHERS}


def read_parts():
    """{room: record} of the committed parts of the other rooms."""
    found = {}
    for room in sorted({method.room for method in OTHERS.values()}):
        path = files.ROOT / room / "studies" / "shootout.json"
        if path.exists():
            found[room] = results.read(path, f"git checkout {path.relative_to(files.ROOT).as_posix()}", room)
    return found


class Row(NamedTuple):
    """One method at one lag, all seeds of its record."""
    accuracy: list               # of the seeds that ran
    sequences: np.ndarray        # (seeds,) until 99 %; infinity: not reached, or the seed had ended before
    seen: float                  # the largest number of sequences that a seed was given
    multiply_adds: float         # median of the seeds that ran
    seconds: float               # median processor seconds of a seed
    seeds: int

    @property
    def solved(self):
        return sum(a >= SOLVED for a in self.accuracy)


def rows(records, variant):
    """{method: {lag: Row}} of every record that has this variant of the task, the methods in the order of EVERY."""
    made = {}
    for record in records:
        names = dict.fromkeys(name for run in record["runs"] for name in run["final"].get(variant, {}))
        for name in names:
            if name not in RULES:
                made[name] = of_method(record, variant, name)
    return {name: made[name] for name in EVERY if name in made}


def of_method(record, variant, name):
    """{lag: Row}, the lags that at least one seed ran."""
    lags = sorted({int(lag) for run in record["runs"] for lag in run["final"].get(variant, {}).get(name, {})})
    return {lag: row_of([results.at(run["final"], variant, name, lag) for run in record["runs"]]) for lag in lags}


def row_of(cells):
    """The Row of one cell per seed; None for a seed that had ended before."""
    ran = [cell for cell in cells if cell]
    reached = [cell.get("sequences") if cell else None for cell in cells]
    median = lambda metric: float(np.median([cell[metric] for cell in ran]))
    return Row([cell["accuracy"] for cell in ran], np.array([np.inf if s is None else s for s in reached]),
               max(cell["seen"] for cell in ran), median("multiply_adds"), median("seconds"), len(cells))


def missing(records, variant):
    """Labels of the methods of other rooms that have no part for this variant."""
    found = rows(records, variant)
    return [method.label for name, method in OTHERS.items() if name not in found]
