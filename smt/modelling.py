"""A contest of ways to train on the same sequences: settings chosen on other seeds, then everything reported.

What is the same for all: the sequences, about the same processor seconds (numbers of updates are fixed, from one
measurement of the pace), the sizes of memory, updater and Transformer. What each method may choose, on the choosing
seeds and the choosing part of the data and with fewer updates: rate, batch, and what else its grid lists. The setting
with the lowest mean over the choosing seeds is taken. While its rate (SMT: or a weight of its losses) is the smallest
or the largest that was tried with everything else the same, the next one is tried too, up to a bound; what is still at
an edge then is marked so.
"""

from typing import NamedTuple

import numpy as np

from common import results, tables
from common.networks import best_rate
from common.progress import Diverged
from common.randomness import stream
from smt import density, natural
from smt.density import BPTT, DMT, ENCODER, GRU, SELF, SMT, TRANSFORMER, TRUNCATED, Setting, asked

ROWS = (SMT, DMT, ENCODER, SELF, BPTT, TRUNCATED, GRU, TRANSFORMER)
IN_USE = tuple(row for row in ROWS if row != ENCODER)       # models that need no teacher when training is over
UNROLLED = (BPTT, TRUNCATED, GRU)
EXTENDED = {DMT: ("lr", "dynamics", "uniformity")}          # what is tried beyond the edge of a grid; others: the rate
CHOSEN_ON = 200                                             # choosing sequences that a setting is scored on


class Contest(NamedTuple):
    """One comparison.

    grids      {method: settings to try}; SMT and its two other rows are the method DMT
    pace       {method: {(updater, batch): updates per second}}, measured once on one core; SMT has its own
    """
    grids: dict
    pace: dict


# ---------------------------------------------------------------- one training

def train(c, seed, task, contest, method, setting, seconds):
    """{row: density.Trained} of a method that is given about so many processor seconds. Raises Diverged."""
    def updates(kind, share=1.0):
        return max(2, round(contest.pace[kind][setting.updater, setting.batch] * share * seconds * c.scale))
    if method == DMT:
        pulling = density.DMT_SHARE
        return density.by_smt(c, seed, task, setting, updates(SMT, 1 - pulling), updates(DMT, pulling))
    by = {SELF: density.by_self_prediction, TRANSFORMER: density.by_transformer}.get(method, density.by_bptt)
    with np.errstate(over="ignore", invalid="ignore"):      # a rate that diverges says so by itself
        return {method: by(c, seed, task, setting, updates(method))}


def scored(task, trained, most=None):
    """Nats per token at every place (T,) on the held-out sequences."""
    return trained.score(*asked(task.held_out[:most], task.vocabulary))


# ---------------------------------------------------------------- choosing

def choose(c, data, contest, seconds, seeds, part, extensions, name=""):
    """{method: {"setting", "tried": {setting: [nats of each choosing seed]}}}; None for what diverged.

    extensions   of a grid whose best rate is at its edge (or what EXTENDED names), at most
    """
    task = natural.task(data, natural.CHOOSE)
    choices = {}
    for method, grid in contest.grids.items():
        def scores(setting):
            return [part(f"{name} choose {method} {describe(setting)} {seed}",
                         lambda: {"nats": validated(c, seed, task, contest, method, setting, seconds)})["nats"]
                    for seed in seeds]
        tried = {setting: scores(setting) for setting in grid}
        for _ in range(extensions):
            tried |= {setting: scores(setting) for setting in beyond(tried, method)}
        choices[method] = {"setting": best(tried), "tried": tried}
    return choices


def validated(c, seed, task, contest, method, setting, seconds):
    """Nats per token; None for a setting that diverges."""
    try:
        trained = train(c, seed, task, contest, method, setting, seconds)[method]
    except Diverged:
        return None
    return float(scored(task, trained, CHOSEN_ON).mean())


def best(tried):
    """The setting with the lowest mean; one that diverged on any seed is never chosen, unless all did."""
    means = [np.inf if None in found else float(np.mean(found)) for found in tried.values()]
    return list(tried)[int(best_rate([0.0] * len(means), means))]


def beyond(tried, method):
    """The settings that extend a grid where the best value of a field is the smallest or the largest (or the only one)
    with everything else the same."""
    top, found = best(tried), []
    for field in EXTENDED.get(method, ("lr",)):
        value = getattr(top, field)
        values = [getattr(setting, field) for setting in tried if setting._replace(**{field: value}) == top]
        found += [top._replace(**{field: float(f"{value * factor:.1g}")})
                  for end, factor in ((min(values), 1 / 3), (max(values), 3)) if end == value]
    return found


def describe(setting):
    """For people: the rate, the batch and what differs from the defaults."""
    changed = [f"{name} {value}" for name, value in setting._asdict().items()
               if name not in ("lr", "batch") and value != getattr(Setting(0.0), name)]
    return ", ".join([f"rate {setting.lr:g}", f"batch {setting.batch}", *changed]).replace("start ", "")


def told(choices):
    """The same for the record; "edge": what is chosen is at the edge of what was tried."""
    return {method: {"setting": describe(choice["setting"]), "edge": bool(beyond(choice["tried"], method)),
                     "tried": {describe(setting): found for setting, found in choice["tried"].items()}}
            for method, choice in choices.items()}


# ---------------------------------------------------------------- reporting

def report(c, seed, task, contest, choices, methods, seconds, part, name, samples=0, long=None):
    """{"final": {row: numbers}, "curves": {row: [...]}, "samples": {row: tokens}} of the chosen settings.

    samples, long   sequences that each model makes up; longer sequences (n, T') for `far`
    """
    made = {"final": {}, "curves": {}, "samples": {}}
    for method in methods:
        found = part(f"{name} {method} {seed}",
                     lambda: one(c, seed, task, contest, method, choices[method]["setting"], seconds, samples, long))
        for what in made:
            made[what] |= found[what]
    return made


def one(c, seed, task, contest, method, setting, seconds, samples=0, long=None):
    """A method on a reporting seed. One that diverges has no number."""
    try:
        rows = train(c, seed, task, contest, method, setting, seconds)
    except Diverged:
        return {"final": {method: {"nats": None, "diverged": True}}, "curves": {}, "samples": {}}
    return {"final": {row: numbers(task, trained, long) for row, trained in rows.items()},
            "curves": {row: trained.curve for row, trained in rows.items() if row != ENCODER},
            "samples": {row: drawn(row, seed, task, trained, samples) for row, trained in rows.items()
                        if samples and row != ENCODER}}


def spent(tree):
    """Processor seconds of all trainings of one seed, {name: {row: numbers}}; SMT's are among those of SMT + DMT."""
    return sum(found.get("seconds") or 0 for rows in tree.values() for row, found in rows.items()
               if row in IN_USE and row != SMT)


def numbers(task, trained, long=None):
    """What the record holds of one trained model; "far": nats at the second half of longer sequences."""
    found = scored(task, trained)
    updates, sequences, seconds, _ = trained.curve[-1]
    made = {"nats": float(found.mean()), "first quarter": float(found[:len(found) // 4].mean()),
            "last quarter": float(found[-(len(found) // 4):].mean()), "updates": updates, "sequences": sequences,
            "seconds": seconds, "multiply-adds": trained.work}
    if long is not None:
        made["far"] = float(trained.score(*asked(long, task.vocabulary))[long.shape[1] // 2:].mean())
    return made


def drawn(row, seed, task, trained, count):
    """Sequences (count, T) that a trained model makes up."""
    make = natural.transformer_samples if row == TRANSFORMER else natural.rnn_samples
    return make(trained.network, stream(seed, "samples"), count, task.length, task.vocabulary)


# ---------------------------------------------------------------- reading a record

def nats(record, *path):
    """Nats per token of every seed that has them."""
    return results.values(record, *path, "nats")


def mean(record, *path):
    """The mean over the seeds, None without any."""
    found = nats(record, *path)
    return float(found.mean()) if len(found) else None


def at_mark(curve, axis, mark):
    """A curve's nats at a mark of its axis (1 sequences, 2 seconds), between looks on a line; None beyond its end."""
    places = [look[axis] for look in curve]
    if not len(places) or mark > places[-1] * 1.02 or mark < places[0]:
        return None
    return float(np.interp(mark, places, [look[3] for look in curve]))


def curves_of(record, path, row):
    """The curve (looks, 4) of every seed that has one, moved to end at the nats of all held-out sequences.

    A curve is measured on the first of them only (density.AT_ONCE tokens), which may be harder than the rest.
    """
    found = [(results.at(run["curves"], *path, row), results.at(run["final"], *path, row, "nats"))
             for run in record["runs"]]
    return [np.array([[*look[:3], look[3] + end - curve[-1][3]] for look in curve], dtype=float)
            for curve, end in found if curve and end is not None]


def at_marks(record, path, row, axis, mark):
    """at_mark of every seed, on the sequences that the curve was measured on."""
    curves = [results.at(run["curves"], *path, row) for run in record["runs"]]
    found = [at_mark(curve, axis, mark) for curve in curves if curve]
    return np.array([v for v in found if v is not None], dtype=float)


def floor(data):
    """{rule: nats on the reporting part}, and "best table", the one that is best on the choosing part."""
    chosen, found = (natural.floors(data, part) for part in (natural.CHOOSE, natural.REPORT))
    found["best table"] = found[min(chosen, key=chosen.get)]
    return found


def best_table(record, *path):
    return float(results.values(record, *path, "tables", "best table")[0])


def best_bptt(record, *path):
    """The row of full BPTT (residual MLP or GRU) with the lower mean."""
    means = {row: mean(record, *path, row) for row in (BPTT, GRU)}
    return min((row for row, value in means.items() if value is not None), key=means.get)


# ---------------------------------------------------------------- tables

def score_table(record, *path, marks=(5, 10)):
    """(header, rows) of one comparison: at the end, at equal seconds, at equal sequences; what was spent."""
    rows = [row for row in ROWS if results.at(record["runs"][0]["final"], *path, row)]
    common = fewest_sequences(record, path, rows)
    header = ["method", "nats, mean ± std (lowest to highest)", *(f"after {mark} s*" for mark in marks),
              f"after {common:,.0f} sequences*", "first, last quarter", "updates", "sequences", "seconds",
              "multiply-adds, 10⁹"]
    return header, [score_row(record, path, row, marks, common) for row in rows]


def score_row(record, path, row, marks, common):
    found = nats(record, *path, row)
    if not len(found):
        return [row, "diverged", *["–"] * (len(marks) + 6)]
    what = lambda name, digits=0: f"{results.values(record, *path, row, name).mean():,.{digits}f}"
    curves = [shown(at_marks(record, path, row, 2, mark)) for mark in marks]
    return [row, tables.mean_spread(results.spread(found)), *curves, shown(at_marks(record, path, row, 1, common)),
            f"{what('first quarter', 3)}, {what('last quarter', 3)}", what("updates"), what("sequences"),
            what("seconds", 1), f"{results.values(record, *path, row, 'multiply-adds').mean() / 1e9:,.0f}"]


def shown(found):
    return f"{found.mean():.3f}" if len(found) else "–"


def fewest_sequences(record, path, rows):
    """The number of sequences that every method in use has seen at its end."""
    counts = [results.values(record, *path, row, "sequences") for row in rows if row in IN_USE and row != SMT]
    return min(float(found.min()) for found in counts if len(found))


def choice_table(record):
    """(header, rows): the chosen setting of every method, then everything that was tried."""
    choices = record["runs"][0]["choices"]
    return (["method", "chosen", "settings", "tried: nats on each choosing seed"],
            [[method, choice["setting"] + " (at the edge)" * choice["edge"], len(choice["tried"]),
              "; ".join(f"{setting}: {told_scores(found)}" for setting, found in choice["tried"].items())]
             for method, choice in choices.items()])


def told_scores(found):
    return ", ".join("diverged" if value is None else f"{value:.3f}" for value in found)
