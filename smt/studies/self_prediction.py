"""What does one-step self-prediction need, and what does it not need?

Self-prediction (smt/self_prediction.py), one change at a time, words of at most 16 letters with one answer at the end:
the decoder's horizon h (0 is truncated BPTT over one step), a continuous memory instead of bits, words of exactly 16
letters, letters that are equally frequent, no stopping at the certificate; and BPTT through the same bits. Scored by
the certificate; networks with a continuous memory by the 100,000 shortest words (none wrong).

The derivation says: nothing asks for a distinction that no continuation of h letters shows, so h below the language's
H (computed from its automaton: parity and S3 0, Tomita 2 1, Tomita 3 2, Tomita 7 3) is expected to fail and h of at
least H to do. It would refute it if h = 0 were certified as often as h = 8 where H is above 0.
"""

from itertools import product

import numpy as np

from common import results, tables
from common.randomness import stream
from smt.automata import brute_force, prove
from smt.languages import LANGUAGES, trivial_rules
from smt.learners import Budget, Lesson, accuracy, by_bptt_bits, by_self_prediction
from smt.memory import SphereMemory

SEEDS, MINUTES = range(100, 105), 25
USES = ()
TASKS = ("parity", "S3", "tomita 2", "tomita 3", "tomita 7")
SHOWN = {"as it is": "h = 8, as it is", "h = 0": "h = 0: no look ahead", "h = 1": "h = 1", "h = 2": "h = 2",
         "h = 3": "h = 3", "continuous": "continuous memory (sphere)", "fixed": "words of exactly 16 letters",
         "uniform": "letters equally frequent", "no stop": "no stopping at the certificate",
         "BPTT": "BPTT through the same bits", "BPTT fixed": "BPTT, words of exactly 16 letters"}
RULES, RULE = "trivial rules", {"chance": "chance", "majority": "most frequent answer",
                                "last letter": "best table of the last letter"}
QUICK = dict(tasks=("parity",), variants=("as it is", "continuous"), updates=50, words=50, tests=(16, 2), limit=300)


def run(config, seeds, part, tasks=TASKS, variants=tuple(SHOWN), updates=800, words=100_000, tests=(512, 64),
        limit=20_000):
    """words: for brute force; tests: how many words of 16 and of 1,024 letters; limit: as in `machines`."""
    for seed in seeds:
        made = {}
        for task, name in product(tasks, variants):
            made[task, name] = part(f"{seed} {task} {name}",
                                    lambda: trial(task, name, seed, updates, words, tests, limit))
        final = {task: {name: made[task, name] for name in variants}
                 | {RULES: trivial_rules(LANGUAGES[task], stream(seed, "rules"))} for task in tasks}
        yield results.entry(seed, final, {}, sum(each["seconds"] for each in made.values()))


def trial(task, name, seed, updates, words, tests, limit):
    """One network with one change."""
    print(f"seed {seed}: {task}, {name}", flush=True)
    language, budget = LANGUAGES[task], Budget(updates=updates, bptt_updates=updates)
    made = learn(name, Lesson(language, at_end=True), seed, budget)
    wrong = brute_force(made.rnn, language, words).wrong
    proved = None if name == "continuous" else prove(made.rnn, language, limit).certified
    return {"certified": proved, "exact": wrong == 0 if proved is None else proved, "words wrong": wrong,
            "updates": made.updates, "seconds": made.seconds,
            "accuracy": {"16": accuracy(made.answers, language, seed, 16, tests[0]),
                         "1024": accuracy(made.answers, language, seed, 1024, tests[1], chunk=16)}}


def learn(name, lesson, seed, budget):
    """learners.Learned of one variant."""
    if name.startswith("h = "):
        return by_self_prediction(lesson, seed, budget._replace(horizon=int(name[4:])))
    if name == "continuous":
        return by_self_prediction(lesson, seed, budget, memory=SphereMemory(budget.bits, noise=budget.sphere_noise))
    if name == "no stop":
        return by_self_prediction(lesson, seed, budget._replace(stop=False))
    if name.startswith("BPTT"):
        return by_bptt_bits(fixed(lesson) if "fixed" in name else lesson, seed, budget)
    lesson = {"fixed": fixed(lesson), "uniform": lesson._replace(uniform=True)}.get(name, lesson)
    return by_self_prediction(lesson, seed, budget)


def fixed(lesson):
    return lesson._replace(shortest=lesson.longest)


def get(record, task, name, *what):
    return results.values(record, task, name, *(what or ("exact",)))


def count(record, name, tasks):
    """(k, n) over tasks and seeds."""
    values = np.concatenate([get(record, task, name) for task in tasks] or [np.zeros(0)])
    return int(values.sum()), len(values)


def checks(record):
    """The bounds were fixed before the run."""
    ran = record["config"]["tasks"]
    blind, seen = ([task for task in ran if (LANGUAGES[task].horizon > 0) == hidden] for hidden in (True, False))
    (whole, n), (zero, m), (shown, k) = (count(record, "as it is", ran), count(record, "h = 0", blind),
                                         count(record, "h = 0", seen))
    (stopless, _), (even, _), (bptt, _) = (count(record, name, ran) for name in ("no stop", "uniform", "BPTT"))
    check = results.check
    return [check("with h = 8 it is certified", whole, f"{n} of {n}", n and whole == n),
            check("without look-ahead (h = 0) it fails where one answer hides the state (H > 0)", zero,
                  f"<= a third of {m}", m and zero <= m / 3),
            check("without look-ahead it is enough where the answer is the state (H = 0)", shown, f"{k} of {k}",
                  k and shown == k),
            check("without stopping at the certificate most networks end certified", stopless, f">= 80 % of {n}",
                  n and stopless >= 0.8 * n),
            check("uniform letters are enough", even, f">= 80 % of {n}", n and even >= 0.8 * n),
            check("BPTT through the same bits is certified as often", bptt, f">= {whole}", n and bptt >= whole)]


def finding(record):
    tasks = record["config"]["tasks"]
    blind = [task for task in tasks if LANGUAGES[task].horizon > 0]
    (whole, n), (bptt, _), (loose, _), (zero, m) = (count(record, "as it is", tasks), count(record, "BPTT", tasks),
                                                    count(record, "continuous", tasks), count(record, "h = 0", blind))
    return (f"Self-prediction is certified in {whole} of {n} runs, BPTT through the same bits in {bptt}; with a "
            f"continuous memory {loose} of {n} answer the 100,000 shortest words without an error; without look-ahead "
            f"{zero} of {m} are certified where one answer hides the state.")


def table(record):
    tasks, variants = record["config"]["tasks"], record["config"]["variants"]
    header = ["one change at a time", *(f"{task} (H = {LANGUAGES[task].horizon})" for task in tasks)]
    rules = [[label, *(f"{get(record, task, RULES, rule).mean():.2f}" for task in tasks)]
             for rule, label in RULE.items()]
    return {"Runs that are certified (continuous memory: no error in the 100,000 shortest words)":
            ([*header, "updates, mean", "s, mean"], [row(record, name, tasks) for name in variants]),
            "Accuracy (mean) at 16 / 1,024 letters (rules: at 16)":
            (header, [*([SHOWN[name], *(scored(record, task, name) for task in tasks)] for name in variants), *rules])}


def row(record, name, tasks):
    cells = [tables.share(get(record, task, name).sum(), len(get(record, task, name))) for task in tasks]
    updates, seconds = (np.concatenate([get(record, task, name, what) for task in tasks])
                        for what in ("updates", "seconds"))
    return [SHOWN[name], *cells, f"{updates.mean():.0f}", f"{seconds.mean():.1f}"]


def scored(record, task, name):
    return " / ".join(f"{get(record, task, name, 'accuracy', length).mean():.2f}" for length in (16, 1024))


def figure(record, _arrays):
    """Tiles: share of certified seeds for every change and language."""
    from common.figures import SEQUENTIAL, plt
    tasks, variants = record["config"]["tasks"], record["config"]["variants"]
    shares = np.array([[get(record, task, name).mean() for task in tasks] for name in variants])
    fig, ax = plt.subplots(figsize=(7.2, 0.36 * len(variants) + 1.3), layout="constrained")
    ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(tasks)), [f"{task}\nH = {LANGUAGES[task].horizon}" for task in tasks])
    ax.set_yticks(range(len(variants)), [SHOWN[name] for name in variants])
    ax.tick_params(length=0)
    for i, name in enumerate(variants):
        for j, task in enumerate(tasks):
            values = get(record, task, name)
            ax.text(j, i, tables.share(values.sum(), len(values)), ha="center", va="center", fontsize=8,
                    color="black" if shares[i, j] > 0.5 else "white")
    ax.grid(visible=False)
    fig.suptitle(f"Runs proved right for every word (seeds {seeds_of(record)});\n"
                 "continuous memory: right on the 100,000 shortest words", fontsize=9)
    return fig


def seeds_of(record):
    seeds = record["config"]["seeds"]
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
