"""What the other rooms ran on the same task: the records of their studies named `shootout`, as far as they exist.

A part is a record whose runs hold final[variant][method][lag][metric] with the metrics of this room's own
runs: accuracy, sequences (until 99 %, absent if not reached), seen, multiply_adds, seconds; and perhaps
final["later"][method][lag], accuracy without training. Nothing is imported from the other rooms; a room
without a part is left out and named. A part may have a smaller budget than this room's, for its time: a
lag that it left unsolved then counts as not decided (`cut_short`), never as failed.
"""

from typing import NamedTuple

import numpy as np
from common import files, results
from common.tasks.first_symbol import RULES
from common.tasks.lags import PATIENCE, SOLVED

from vanishing_gradient.shootout.racers import RACERS
from vanishing_gradient.shootout.shootout import Config


class Method(NamedTuple):
    """A method of another room."""
    label: str
    year: int
    room: str
    short: bool = False          # its budget was made smaller than this room's, for its time


OTHERS = {
    "guess": Method("weight guessing", 1996, "vanishing_gradient/weight_guessing"),
    "evolino": Method("Evolino", 2007, "vanishing_gradient/evolino"),
    "chunker": Method("chunker", 1991, "chunker_very_deep_1200"),
    "smt": Method("SMT, continuous memory", 2026, "smt", short=True),
    "binary": Method("SMT, binary memory", 2026, "smt", short=True),
    "self": Method("self-prediction, binary memory", 2026, "smt", short=True),
    "transformer": Method("Transformer", 2017, "smt", short=True)}
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
    short: bool = False          # Method.short

    @property
    def solved(self):
        return sum(a >= SOLVED for a in self.accuracy)

    @property
    def reached(self):
        """Did half of the seeds reach 99 %?"""
        return bool(np.isfinite(np.median(self.sequences)))

    def cut_short(self, lag, share=1.0):
        """Did seeds end unsolved with fewer sequences than this room's methods get there (a `share` of its budget)?"""
        return self.short and self.solved < self.seeds and self.seen < SHORT * share * Config().budget_of(lag)


SHORT = 0.9                      # a budget below this share of this room's is a smaller one


def why_not(by_lag, lag, share=1.0):
    """Why a method was not run at a lag: "ended" after PATIENCE lags that no seed solved, else "not run"."""
    last = sorted(by_lag)[-PATIENCE:]
    failed = len(last) == PATIENCE and not any(by_lag[at].solved or by_lag[at].cut_short(at, share) for at in last)
    return "ended" if lag > max(last) and failed else "not run"


def exponent(by_lag, cost_of):
    """a in cost = c lag^a, least squares on the logarithms; the lags that half of the seeds reach, three at least."""
    lags = [lag for lag in sorted(by_lag) if by_lag[lag].reached]
    if len(lags) < 3:
        return None
    return float(np.polyfit(np.log(lags), np.log([cost_of(by_lag[lag]) for lag in lags]), 1)[0])


def asked_later(record):
    """{method: {lag: accuracy of each seed}} of networks that were trained at one lag only."""
    found = {}
    for run in record["runs"]:
        for name, by_lag in run["final"].get("later", {}).items():
            for lag, right in by_lag.items():
                found.setdefault(name, {}).setdefault(int(lag), []).append(right)
    return found


def rows(records, variant):
    """{method: {lag: Row}} of every record that has this variant of the task, the methods in the order of EVERY."""
    made = {}
    for record in records:
        names = dict.fromkeys(name for run in record["runs"] for name in run["final"].get(variant, {}))
        for name in names:
            if name not in RULES:
                made[name] = made.get(name, {}) | of_method(record, variant, name)
    return {name: made[name] for name in EVERY if name in made}


def of_method(record, variant, name):
    """{lag: Row}, the lags that at least one seed ran."""
    lags = sorted({int(lag) for run in record["runs"] for lag in run["final"].get(variant, {}).get(name, {})})
    short = getattr(EVERY[name], "short", False)
    return {lag: row_of([results.at(run["final"], variant, name, lag) for run in record["runs"]], short)
            for lag in lags}


def row_of(cells, short=False):
    """The Row of one cell per seed; None for a seed that had ended before."""
    ran = [cell for cell in cells if cell]
    reached = [cell.get("sequences") if cell else None for cell in cells]
    median = lambda metric: float(np.median([cell[metric] for cell in ran]))
    return Row([cell["accuracy"] for cell in ran], np.array([np.inf if s is None else s for s in reached]),
               max(cell["seen"] for cell in ran), median("multiply_adds"), median("seconds"), len(cells), short)


def missing(records, variant):
    """Labels of the methods of other rooms that have no part for this variant."""
    found = rows(records, variant)
    return [method.label for name, method in OTHERS.items() if name not in found]
