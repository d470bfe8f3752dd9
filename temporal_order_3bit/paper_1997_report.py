"""What studies `paper_1997` and `paper_1997_6b` report: the paper's column, ours, one histogram."""

import numpy as np

from common import results
from temporal_order_3bit.paper_1997 import KINDS, MEAN_ERROR, TEST_SEQUENCES, WORST_TEST


def published(experiment):
    """The paper's numbers, set beside ours in the summary."""
    return dict(sequences=experiment.mean_sequences, solved=1.0, wrong_of_2560=experiment.wrong_of_2560)


def sequences_at_least(record):
    """Sequences seen by every trial: those to the criterion, or the cap of an unsolved one."""
    return np.array([run["final"]["sequences"] or record["config"]["cap"] for run in record["runs"]], dtype=float)


def checks(record, experiment):
    """The paper's claims about 6a or 6b, set against our trials.

    An unsolved trial counts with its cap: the mean is then a lower bound, and cannot hold what is claimed of the mean.
    """
    solved, wrong = record["summary"]["solved"], record["summary"]["wrong_of_2560"]
    seen, published_mean = sequences_at_least(record), experiment.mean_sequences
    return [
        results.check("fraction of trials solved", solved["mean"], "1.00", solved["mean"] == 1.0,
                      paper=f"{experiment.trials} of {experiment.trials}"),
        results.check("sequences to the criterion, mean of all trials", float(seen.mean()),
                      f"{published_mean:,} ± 50 %, all trials solved",
                      solved["mean"] == 1.0 and abs(seen.mean() / published_mean - 1) < 0.5,
                      paper=f"{published_mean:,}", interval=results.interval(seen)),
        results.check(f"wrong test sequences of {TEST_SEQUENCES}, worst solved trial", wrong["max"],
                      f"at most {WORST_TEST}", wrong["n"] > 0 and wrong["max"] <= WORST_TEST,
                      paper="never more than 3"),
    ]


def table(record, experiment):
    """(header, rows) of one experiment: the paper's column, ours."""
    s, n, cap = record["summary"], len(record["runs"]), record["config"]["cap"]
    q, seen = s["sequences"], sequences_at_least(record)
    low, high = results.interval(seen) or (seen[0], seen[0])
    rows = [["trials", experiment.trials, n],
            ["solved", "all", f"{q['n']} of {n}, within {cap:,} sequences"],
            ["sequences, mean (an unsolved trial counts with its cap)", f"{experiment.mean_sequences:,}",
             f"{seen.mean():,.0f}, 95 % interval {low:,.0f} to {high:,.0f}"]]
    if q["n"]:
        rows += rows_of_solved(s, experiment)
    if q["n"] < n:
        rows += rows_of_unsolved(record)
    return ["", "paper", "ours"], [*rows, ["accuracy by chance", *[f"{1 / experiment.classes:.3f}"] * 2]]


def rows_of_solved(s, experiment):
    """What only solved trials have."""
    q, wrong, error = s["sequences"], s["wrong_of_2560"], s["mean_error"]
    rows = [["sequences of the solved trials, median", "", f"{q['median']:,.0f}"],
            ["sequences of the solved trials, range", "", f"{q['min']:,.0f} to {q['max']:,.0f}"],
            ["wrong of 2,560 test sequences, mean", experiment.wrong_of_2560, f"{wrong['mean']:.2f}"],
            ["wrong of 2,560 test sequences, worst", WORST_TEST, f"{wrong['max']:.0f}"],
            ["mean absolute test error", f"below {MEAN_ERROR}", f"{error['mean']:.3f}"]]
    return rows + [[f"solution type {kind} ({text})", "", f"{s[f'type_{kind}']['mean'] * q['n']:.0f} of {q['n']}"]
                   for kind, text in KINDS.items()]


def rows_of_unsolved(record):
    """How far the unsolved trials were when they were stopped."""
    finals = [run["final"] for run in record["runs"] if run["final"]["sequences"] is None]
    wrong, streak = ([final[name] for final in finals] for name in ("wrong_of_last_2000", "best_streak"))
    return [["unsolved trials: wrong of their last 2,000 sequences", "", f"{min(wrong):,} to {max(wrong):,}"],
            ["unsolved trials: longest streak of right sequences", "", f"{min(streak):,} to {max(streak):,}"]]


def finding(record, experiment):
    """One sentence from the numbers."""
    q, n, seen = record["summary"]["sequences"], len(record["runs"]), sequences_at_least(record)
    within = f"{q['n']} of {n} trials are solved within {record['config']['cap']:,} sequences"
    if not q["n"]:
        return f"{within}."
    low, high = results.interval(seen) or (seen[0], seen[0])
    bound, how = ("", "") if q["n"] == n else ("at least ", "unsolved trials count with the cap; ")
    return (f"{within}; the mean is {bound}{seen.mean():,.0f} sequences ({how}95 % interval {low:,.0f} to {high:,.0f}; "
            f"paper: {experiment.mean_sequences:,}), the median {np.median(seen):,.0f}.")


def figure(record, experiment):
    """Sequences to the criterion of every trial; the paper's mean beside our mean."""
    from common.figures import ROLE, plt
    seen, cap = sequences_at_least(record), record["config"]["cap"]
    open_ = np.array([run["final"]["sequences"] is None for run in record["runs"]])
    n, unsolved = len(seen), int(open_.sum())
    fig, ax = plt.subplots(figsize=(8, 3.6))
    bins = np.geomspace(0.9 * seen.min(), 1.1 * seen.max(), 36)
    top = max(ax.hist(seen[~open_], bins=bins, color=ROLE["lstm"], alpha=0.75)[0].max(),
              ax.hist(seen[open_], bins=bins, color="white", edgecolor=ROLE["lstm"], hatch="////")[0].max())
    mean, interval = seen.mean(), results.interval(seen) or (seen[0], seen[0])
    ax.axvspan(*interval, color=ROLE["lstm"], alpha=0.2, linewidth=0)
    ax.axvline(mean, color=ROLE["lstm"], linewidth=2)
    ax.axvline(experiment.mean_sequences, color=ROLE["paper"], linestyle="--", linewidth=2)
    at_least, low, high = "at least " if unsolved else "", *interval
    label(ax, f"our mean: {at_least}{mean:,.0f}\n95 %: {low:,.0f} to {high:,.0f}", mean, top,
          mean < experiment.mean_sequences, ROLE["lstm"])
    label(ax, f"paper's mean of {experiment.trials}:\n{experiment.mean_sequences:,}", experiment.mean_sequences, top,
          mean >= experiment.mean_sequences, ROLE["paper"])
    rest = f"; {unsolved} unsolved, hatched, count with the cap of {cap:,}" if unsolved else ""
    ax.set(xscale="log", xlim=(bins[0], max(bins[-1], 1.6 * experiment.mean_sequences)), ylim=(0, 1.4 * top),
           ylabel=f"trials of {n}",
           xlabel="training sequences until 2,000 in a row are right",
           title=f"{n - unsolved} of {n} trials solved{rest}")
    ticks = [t for t in (15e3, 20e3, 30e3, 50e3, 1e5, 2e5, 4e5, 8e5, 1.2e6) if bins[0] <= t <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
    ax.minorticks_off()
    return fig


def label(ax, text, x, top, left, colour):
    """A line's name beside its upper end."""
    ax.annotate(text, (x, 1.08 * top), xytext=(-6 if left else 6, 0), textcoords="offset points", color=colour,
                ha="right" if left else "left", va="bottom")
