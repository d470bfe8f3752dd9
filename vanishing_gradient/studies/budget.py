"""Is the length at which the tanh-RNN stops set by the lag, or by the budget?

Varied: the lag and the number of training sequences, up to ten times that of study `lengths` for the marked bit
(the mark at one of the first ten steps). Beside it an easier task: the mark always at the first step, the bit to
be recalled over 60 or 100 steps. Kept: the tuned tanh-RNN with 8 orthogonal units, Adam, four rates, batch 32.
"The lag alone decides" is refuted by a seed that fails within the short budget and solves it with the long one.
"""

from common import results
from common.randomness import stream
from vanishing_gradient import marked_bit
from vanishing_gradient.marked_bit import LABEL, MARKED, NETWORKS, SOLVED, TEST

SEEDS, MINUTES = range(5), 6
USES = ()
QUICK = dict(marked_lengths=(15,), first_lengths=(15,), long_budget=1280, short_budget=640)
NAME = "tuned_8"


def run(config, seeds, part, marked_lengths=(30, 40, 60), first_lengths=(61, 101), short_budget=96_000,
        long_budget=960_000, batch=32, rates=(0.0003, 0.001, 0.003, 0.01), stop_at=0.98):
    """All seeds of one task and length together; every such part is kept. `short_budget` only counts."""
    finals, curves = {seed: {} for seed in seeds}, {seed: {} for seed in seeds}
    for T, marked in [(T, MARKED) for T in marked_lengths] + [(T, 1) for T in first_lengths]:
        done = part(f"{T} {marked} {min(seeds)}-{max(seeds)}",
                    lambda: scores(seeds, T, marked, long_budget, batch, rates, stop_at))
        for seed, (final, curve) in zip(seeds, done["runs"]):
            finals[seed] |= final
            curves[seed] |= curve
    return [results.entry(seed, finals[seed], curves[seed]) for seed in seeds]


def scores(seeds, T, marked, budget, batch, rates, stop_at):
    """{runs: [(final, curves) per seed]} of one task."""
    runs, key = [], f"marked_{marked}_length_{T}"
    for seed, learned in zip(seeds, marked_bit.train(NAME, seeds, T, budget, (batch,), rates, stop_at, marked)):
        x, classes = marked_bit.sequences(stream(seed, "test"), T, TEST, marked)
        right = float(marked_bit.validate(NETWORKS[NAME], learned.after, x, classes)[0][0])
        runs.append(({f"{key}_accuracy": right, f"{key}_rate": learned.rate,
                      f"{key}_sequences": learned.seen if right >= SOLVED else None},
                     {f"{key}_validation": learned.curve}))
    return dict(runs=runs)


def tasks(record):
    """(name of the metrics, words, length) of every task and length."""
    c = record["config"]
    return ([(f"marked_{MARKED}_length_{T}", "marked bit", T) for T in c["marked_lengths"]]
            + [(f"marked_1_length_{T}", "first bit", T) for T in c["first_lengths"]])


def solved_within(record, key, budget):
    needed = [run["final"][f"{key}_sequences"] for run in record["runs"]]
    return sum(v is not None and v <= budget for v in needed)


def totals(record):
    """Seeds and tasks solved within the short and within the long budget."""
    return [sum(solved_within(record, key, record["config"][name]) for key, _, _ in tasks(record))
            for name in ("short_budget", "long_budget")]


def checks(record):
    short, long = totals(record)
    return [results.check("seeds and tasks that the tuned tanh-RNN solves only with the longer budget", long - short,
                          "more than 0", long > short)]


def finding(record):
    c, words = record["config"], {}
    for key, task, T in tasks(record):
        short, long = (solved_within(record, key, c[name]) for name in ("short_budget", "long_budget"))
        words.setdefault(task, []).append(f"length {T}: {short} → {long}")
    return (f"Seeds of {len(record['runs'])} that the {LABEL[NAME]}, solves within {c['short_budget']:,} → "
            f"{c['long_budget']:,} sequences: {'; '.join(f'{t}, ' + ', '.join(w) for t, w in words.items())}.")


def table(record):
    c, n = record["config"], len(record["runs"])
    header = ["task", "length", f"solved within {c['short_budget']:,}", f"within {c['long_budget']:,}",
              "mean test accuracy", "sequences, each solved seed"]
    rows = []
    for key, words, T in tasks(record):
        needed = sorted(v for v in (run["final"][f"{key}_sequences"] for run in record["runs"]) if v is not None)
        counts = [f"{solved_within(record, key, c[name])} of {n}" for name in ("short_budget", "long_budget")]
        rows.append([words, T, *counts, f"{record['summary'][f'{key}_accuracy']['mean']:.3f}",
                     " · ".join(f"{v:,}" for v in needed) or "–"])
    return header, [*rows, ["chance", "", "", "", "0.500", ""]]
