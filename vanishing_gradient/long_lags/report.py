"""Ours beside the paper's: comparison of one row, table lines, checks, one sentence. Reads records only."""

from typing import NamedTuple

import numpy as np

from common import results
from common.tables import number, wilson
from vanishing_gradient.long_lags.rows import HOURS, Untried

HEADER = ["line of the paper", "table", "weights", "paper: solved", "paper: mean sequences", "ours: solved",
          "ours: mean sequences [95 %]", "ours / paper [95 %]", "wrong of 2,560: paper, ours"]


class Compared(NamedTuple):
    """One row's trials; an unsolved trial counts with the sequences that it has seen, so the mean is a lower bound."""
    solved: int
    trials: int
    seen: np.ndarray                     # (trials,)
    mean: float
    interval: tuple                      # 95 % of the mean, (mean, mean) for one trial
    wrong: float                         # mean of the solved trials, None without any
    done: np.ndarray                     # (trials,) which are solved

    @property
    def bound(self):
        return self.solved < self.trials


def compared(record, name):
    """Compared of the row `name` of a record, None if the record has no trial of it."""
    finals = [run["final"][name] for run in record["runs"] if name in run["final"]]
    if not finals:
        return None
    seen = np.array([f["sequences"] if f["solved"] else f["seen"] for f in finals], dtype=float)
    wrong = [f["wrong_of_2560"] for f in finals if f.get("wrong_of_2560") is not None]
    interval = results.interval(seen) or (seen[0], seen[0])
    done = np.array([f["solved"] == 1 for f in finals])
    return Compared(int(done.sum()), len(finals), seen, float(seen.mean()), interval,
                    float(np.mean(wrong)) if wrong else None, done)


def line(row, found):
    """Cells of a row of the table; `found` None: not run."""
    paper = row.paper
    published = [paper.table, number(paper.weights) if paper.weights else "", share_of(paper.solved, paper.trials),
                 f"{paper.sequences:,}"]
    if found is None:
        return [row.title, *published, not_run(row), "", "", wrong_of(paper.wrong_of_2560, None)]
    least, low, high = "at least " if found.bound else "", *found.interval
    ratio = [v / paper.sequences for v in (found.mean, low, high)]
    return [row.title, *published, f"{found.solved} of {found.trials}",
            f"{least}{found.mean:,.0f} [{low:,.0f}, {high:,.0f}]",
            f"{least}{ratio[0]:.2g} [{ratio[1]:.2g}, {ratio[2]:.2g}]", wrong_of(paper.wrong_of_2560, found.wrong)]


def not_run(row):
    """What stands in the table for a line without trials: hours and the end of the command, or why there is none."""
    if isinstance(row, Untried):
        return f"not run: {row.why}"
    if row.name not in HOURS:                    # a line with something changed
        return "not run"
    return f"not run: {HOURS[row.name]:g} h, `--line {row.name}`"


def share_of(share, trials):
    if share is None:
        return "some"
    return f"{share:.0%}" + (f" of {trials}" if trials else "")


def wrong_of(paper, ours):
    """'paper, ours'; - for a number that there is not."""
    if paper is None and ours is None:
        return ""
    return ", ".join("-" if wrong is None else f"{wrong:.2g}" if wrong < 10 else f"{wrong:.0f}"
                     for wrong in (paper, ours))


def table(record, rows):
    """The table of a study: as in README.md, and median and range of ours."""
    return [*HEADER, "ours: median", "ours: range"], [
        [*line(row, found), *spread(found)] for row in rows for found in [compared(record, row.name)]]


def spread(found):
    """Median and range in words; an unsolved trial counts with the sequences that it has seen."""
    if found is None:
        return ["", ""]
    least, most = found.seen.min(), found.seen.max()
    return [f"{np.median(found.seen):,.0f}", f"{least:,.0f} to {most:,.0f}{' (stopped)' if found.bound else ''}"]


def checks(record, rows):
    """Two claims a row: as large a share solved, and the mean number of sequences within a factor of two."""
    made = []
    for row in rows:
        found, paper = compared(record, row.name), row.paper
        if found is None:
            continue
        low, high = wilson(found.solved, found.trials)
        if paper.solved is not None:
            made.append(results.check(f"{row.title}: share of the trials solved", found.solved / found.trials,
                                      f"its interval reaches {paper.solved:.2g}", low <= paper.solved <= high + 1e-9,
                                      paper=paper.solved, interval=(low, high)))
        if paper.solved == 0:
            continue
        made.append(results.check(f"{row.title}: our mean number of sequences / the paper's",
                                  found.mean / paper.sequences, "0.5 to 2, no more trials unsolved than in the paper",
                                  comes_out(row, found), paper=1,
                                  interval=tuple(v / paper.sequences for v in found.interval)))
    return made


def finding(record, rows):
    """One sentence: how many lines came out (see comes_out), and the means."""
    lines = [(row, found) for row in rows if (found := compared(record, row.name)) is not None]
    counted = count(lines)
    solved, trials = (sum(getattr(found, what) for _, found in lines) for what in ("solved", "trials"))
    ratios = sorted(found.mean / row.paper.sequences for row, found in lines)
    least, most = f"{ratios[0]:.2g}", f"{ratios[-1]:.2g}"
    times = least if least == most else f"{least} to {most}"
    early = f" ({counted.run - counted.judged} more stopped before)" if counted.judged < counted.run else ""
    return (f"{counted.out} of {counted.judged} {'line' if counted.judged == 1 else 'lines'} came out"
            f"{early}; {solved} of {trials} trials solved, {times} times the paper's sequences"
            f"{' (unsolved: the cap)' if solved < trials else ''}.")


def comes_out(row, found):
    """No more trials unsolved than in the paper, and the mean within a factor of two of the paper's.

    A line that the paper never solved comes out when nobody solves it here by the same number of sequences.
    """
    if row.paper.solved == 0:
        return found.solved == 0 and not stopped_early(row, found)
    as_many = found.solved >= round((row.paper.solved or 0) * found.trials)
    return found.solved > 0 and as_many and 0.5 <= found.mean / row.paper.sequences <= 2


def stopped_early(row, found):
    """Unsolved trials were stopped before the paper's mean: the line says nothing of the published number."""
    return found.bound and found.seen[~found.done].max() < row.paper.sequences


class Counted(NamedTuple):
    """Lines of the paper; one with several readings counts once."""
    run: int
    judged: int                          # run, and not stopped before the published mean
    out: int                             # as published (comes_out), in at least one reading


def count(lines):
    """Counted of [(row, Compared or None)]."""
    run = {row.paper for row, found in lines if found}
    judged = {row.paper for row, found in lines if found and not stopped_early(row, found)}
    return Counted(len(run), len(judged), len({row.paper for row, found in lines if found and comes_out(row, found)}))


def told(rows):
    """checks, finding, table and figure of a study that shows these lines of the paper, as functions of its record."""
    return (lambda record: checks(record, rows), lambda record: finding(record, rows),
            lambda record: table(record, rows), lambda record, arrays: figure(record, rows))


def published(rows):
    """{row: {metric: the paper's value}} for a record's summary."""
    return {row.name: dict(sequences=row.paper.sequences, solved=row.paper.solved,
                           wrong_of_2560=row.paper.wrong_of_2560) for row in rows if row.paper}


def figure(record, rows):
    """Our mean number of sequences over the paper's, row by row, with its interval."""
    from common.figures import plt
    fig, ax = plt.subplots(figsize=(8, 1.2 + 0.42 * len(rows)))
    ratios(ax, [(row, compared(record, row.name)) for row in rows])
    return fig


def ratios(ax, lines):
    """One line of the picture for each (row, Compared); None instead of Compared: not run, with its hours."""
    from common.figures import ROLE
    ax.axvspan(0.5, 2, color=ROLE["paper"], alpha=0.08, linewidth=0)
    ax.axvline(1, color=ROLE["paper"], linestyle="--", linewidth=1)
    for y, (row, found) in enumerate(lines):
        if found is None:
            beside(ax, y, not_run(row).partition(",")[0].partition(": another")[0], ROLE["chance"])
            continue
        low, high = (v / row.paper.sequences for v in found.interval)
        ax.plot([low, high], [y, y], color=ROLE["lstm"], linewidth=2.5)
        ax.plot(found.mean / row.paper.sequences, y, ">" if found.bound else "o", color=ROLE["lstm"],
                markerfacecolor="white" if found.bound else ROLE["lstm"])
        beside(ax, y, f"{found.solved} of {found.trials}", ROLE["paper"])
    ax.set(xscale="log", yticks=range(len(lines)), yticklabels=[row.title for row, _ in lines],
           xlabel="our mean sequences / the paper's (arrow: at least)")
    label_axis(ax, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20))
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.tick_params(axis="y", labelsize=8)


def beside(ax, y, text, color):
    """Text on the right of the axes, at the height of a line."""
    ax.annotate(text, (1, y), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=8, color=color)


def label_axis(ax, ticks):
    """Only these ticks, as far as they lie inside, in plain numbers."""
    low, high = ax.get_xlim()
    inside = [tick for tick in ticks if low <= tick <= high]
    ax.set_xticks(inside, [f"{tick:,g}" for tick in inside])
    ax.minorticks_off()


def trials(lines, label, log=True):
    """Every trial of each (title, Compared) as a dot at its sequences; an arrow where it was stopped unsolved."""
    from common.figures import ROLE, plt
    fig, ax = plt.subplots(figsize=(8, 1.2 + 0.3 * len(lines)))
    for y, (_, found) in enumerate(lines):
        for marker, which, fill in (("o", found.done, ROLE["lstm"]), (">", ~found.done, "white")):
            ax.plot(found.seen[which], np.full(which.sum(), y), marker, color=ROLE["lstm"], markerfacecolor=fill,
                    alpha=0.6)
        beside(ax, y, f"{found.solved} of {found.trials}", ROLE["paper"])
    ax.set(xscale="log" if log else "linear", yticks=range(len(lines)), yticklabels=[title for title, _ in lines],
           xlabel=label, ylim=(len(lines) - 0.4, -0.6))
    if log:
        label_axis(ax, (10, 100, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000))
    return fig
