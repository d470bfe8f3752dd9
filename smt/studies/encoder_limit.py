"""Where is the encoder the limit?

String Copy, Stack Operations, Keys and Values, Modular Arithmetic and Parity at growing length (smt/suite.py). SMT
cannot know more than its teacher, so the teacher is measured by itself: "encoder + readout" answers from the encoder's
memory of the question, where attention may look up the whole past; "memory, decoded" answers from one memory before
the questions (half of the sequence, or all but the query), with the inputs that follow, where it may not. Where SMT
is not solved, the limit is the encoder (the first is not solved), the memory (the second is not), or else the RNN. It
is undecided where the RNN is better than its decoded memory: then the decoder itself is what fails there. Solved: 0.95
of the ceiling, which two tasks have below 1.

SMT's teacher is one of four (`TEACHERS`; bits were worse on String Copy, seed 900), and DMT follows. BPTT has the
residual MLP and a GRU with chrono gates, three rates and a smaller batch. They are chosen for each task at its second
length on the choosing seeds 900 and 901 (on 900 all, on 901 the best two) and kept at the other lengths; a best rate
of BPTT at the edge extends the grid once, unless it solves the task. Self-prediction has the rate that study grid
chose. The Transformer is the chosen teacher's encoder by itself. All see the same number of sequences, and a method
ends after two unsolved lengths. Not tried: registers of the encoder's own, curricula, a wider teacher.

Is the limit one of kind or of speed? With `patience` SMT is trained once more where it does not solve the second
length, with so many times the sequences (nobody else). In a trial on seed 900, T = 16, five times as many were enough
for Modular Arithmetic and Stack Operations, and not for String Copy: at that size it is speed.

It would refute "the teacher is the limit" if a teacher that passes both tests had an RNN that is not solved; and "SMT
beats BPTT" (the paper, all five tasks) if BPTT is ahead anywhere.
"""

from collections import Counter

import numpy as np

from common import results, tables
from smt import rivals
from smt.factorial import SELF, SMT, Setting
from smt.rivals import GRU, MLP, TRANSFORMER, Teaching
from smt.suite import SOLVED, SUITE

SEEDS, MINUTES = range(100, 103), 36
USES = ("size", "hidden", "width", "scale", "test")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16, choosing=(900,), longest=8)

BETTER = Teaching(faster=3.0, tokens=4, heads=4)
TEACHERS = {"as in the study tasks": Teaching(), "4 tokens, 4 heads, fast RNN": BETTER,
            "the same, dynamics at once": BETTER._replace(at_once=True),
            "the same, 4 blocks": BETTER._replace(depth=4)}
OPTIONS = {SELF: (Setting(2e-3),),
           MLP: (Setting(1e-3), Setting(3e-3), Setting(1e-2), Setting(3e-3, divisor=4)),
           GRU: tuple(Setting(rate, divisor, "chrono") for rate, divisor in
                      ((3e-3, 1), (1e-2, 1), (3e-2, 1), (1e-2, 4)))}
RNNS = (SMT, SELF, MLP, GRU)
METHODS = (*RNNS, TRANSFORMER)
PATIENT = "SMT, longer"
AHEAD = 0.02                            # means closer than this are not told apart


def run(config, seeds, part, choosing=(900, 901), tasks=tuple(SUITE), longest=64, patience=5):
    """Short lengths first. longest: no length beyond it; patience: 0 for none of the longer training."""
    made, failed = {seed: {} for seed in seeds}, Counter()
    lengths = {name: lengths_up_to(name, longest) for name in tasks}
    choices = {name: choose_all(config, name, lengths[name][:2][-1], choosing, part) for name in tasks}
    for length, name in sorted((length, name) for name, several in lengths.items() for length in several):
        for seed in seeds:
            rules = rivals.without_learning(config, seed, SUITE[name], length)
            made[seed].setdefault(name, {})[str(length)] = {RULES: rules}
        for method in METHODS:
            if failed[name, method] == 2:
                continue
            option = choices[name][method]["option"]
            found = {seed: part(f"{name} {method} {length} {seed}", lambda: rivals.play(
                config, seed, SUITE[name], length, method, option)) for seed in seeds}
            for seed in seeds:
                made[seed][name][str(length)][method] = found[seed]
            failed[name, method] += not rivals.is_solved(found.values())
    for name in tasks:
        add_patient(config, name, lengths[name][:2][-1], choices[name][SMT]["option"], patience, made, part)
    for seed in seeds:
        yield {**results.entry(seed, made[seed], seconds=seconds(made[seed])), "choices": told(choices)}


def add_patient(c, name, length, option, patience, made, part):
    """SMT with `patience` times as much training, at a length that it does not solve."""
    if not patience or rivals.is_solved([final[name][str(length)][SMT] for final in made.values()]):
        return
    taught = option._replace(longer=patience)
    for seed, final in made.items():
        final[name][str(length)][PATIENT] = part(
            f"{name} {PATIENT} {length} {seed}", lambda: rivals.play(c, seed, SUITE[name], length, SMT, taught))


def lengths_up_to(name, longest):
    return [length for length in SUITE[name].lengths if length <= longest]


RULES = "without learning"


def seconds(tree):
    """The sum of all numbers called seconds."""
    if "seconds" in tree:
        return tree["seconds"]
    return sum(seconds(branch) for branch in tree.values() if isinstance(branch, dict))


def told(choices):
    """The choices without their options, for the record."""
    return {name: {method: {"chosen": choice["chosen"], "tried": choice["tried"]} for method, choice in methods.items()}
            for name, methods in choices.items()}


# ---------------------------------------------------------------- which settings

def choose_all(c, name, length, choosing, part):
    """{method: {"option", "chosen": its label, "tried": {label: [validation accuracy of each choosing seed]}}}."""
    options = {SMT: TEACHERS} | {method: {rivals.label(each): each for each in several}
                                 for method, several in OPTIONS.items()}
    chosen = {method: rivals.choose(c, name, method, length, several, choosing, part)
              for method, several in options.items()}
    chosen[TRANSFORMER] = {**chosen[SMT], "tried": {}}
    return chosen


# ---------------------------------------------------------------- reading a record

def get(record, name, length, method, what="accuracy"):
    """The values over the seeds that ran it."""
    return results.values(record, name, length, method, what)


def ran(record, name, method):
    """The lengths a method came to."""
    return [length for length in lengths_of(record, name) if len(get(record, name, length, method))]


def lengths_of(record, name):
    return lengths_up_to(name, record["config"]["longest"])


def solved(record, name, length, method, what="accuracy", most="ceiling"):
    """(seeds that solve it, seeds)."""
    found, ceiling = (get(record, name, length, method, each) for each in (what, most))
    return int((found >= SOLVED * ceiling).sum()), len(found)


def passes(record, name, length, method, what="accuracy", most="ceiling"):
    """The mean over the seeds is solved; False where the method had ended before."""
    found, ceiling = (get(record, name, length, method, each) for each in (what, most))
    return bool(len(found)) and found.mean() >= SOLVED * ceiling.mean()


def limit(record, name, length, method=SMT):
    """What keeps SMT from solving it: "" (nothing), "encoder", "memory", "undecided" or "RNN"; None: it was not run."""
    if not len(get(record, name, length, method)):
        return None
    if passes(record, name, length, method):
        return ""
    if not passes(record, name, length, method, "encoder"):
        return "encoder"
    if passes(record, name, length, method, "held", "held at most"):
        return "RNN"
    better = (get(record, name, length, method) - get(record, name, length, method, "held")).mean() > AHEAD
    return "undecided" if better else "memory"


def patient(record):
    """[(task, length)] at which SMT was trained longer."""
    return [(name, length) for name in record["config"]["tasks"] for length in ran(record, name, PATIENT)]


def cells(record):
    """[(task, length)] that SMT came to."""
    return [(name, length) for name in record["config"]["tasks"] for length in ran(record, name, SMT)]


def bptt(record, name, length):
    """BPTT with the updater that has the higher mean validation accuracy at this length; None where both had ended."""
    means = {method: get(record, name, length, method, "validation") for method in (MLP, GRU)}
    return max((method for method in means if len(means[method])), key=lambda m: means[m].mean(), default=None)


def lead(record, name, length, one=SMT):
    """Accuracy of `one` minus BPTT's, seed by seed, and the interval of its mean; None where one of them had ended."""
    other = bptt(record, name, length)
    own = get(record, name, length, one)
    if other is None or not len(own):
        return None, None
    gaps = own - get(record, name, length, other)
    return gaps, results.interval(gaps) or (gaps.mean(), gaps.mean())


def leader(record, name, length, one=SMT):
    """`one`, "BPTT", "even", or None: neither solves a length to which only one of them came."""
    gaps, interval = lead(record, name, length, one)
    if gaps is None:
        other = bptt(record, name, length)
        left = [each for each in (one, other) if each and passes(record, name, length, each)]
        return None if not left else one if left == [one] else "BPTT"
    if interval[0] > AHEAD:
        return one
    return "BPTT" if interval[1] < -AHEAD else "even"


def crossover(record, name, one=SMT):
    """(last length of the first leader, the leader, first length of the next, the next), or None without a change."""
    leaders = [(length, leader(record, name, length, one)) for length in lengths_of(record, name)]
    leaders = [each for each in leaders if each[1] in (one, "BPTT")]
    for (before, first), (after, second) in zip(leaders, leaders[1:]):
        if first != second:
            return before, first, after, second
    return None


def longest_solved(record, name, methods):
    """The longest length that the mean of one of the methods solves, 0 without any."""
    return max((length for length in lengths_of(record, name) for method in methods
                if passes(record, name, length, method)), default=0)


# ---------------------------------------------------------------- claims

LIMITS = {"encoder": "the encoder", "memory": "what the memory holds", "undecided": "undecided", "RNN": "the RNN"}


def checks(record):
    """The bounds were fixed before the run."""
    names, every = record["config"]["tasks"], cells(record)
    both = [cell for cell in every if lead(record, *cell)[0] is not None]
    first = [cell for cell in both if leader(record, *cell) == SMT]
    failed = [cell for cell in every if limit(record, *cell)]
    taught = [cell for cell in failed if limit(record, *cell) != "RNN"]
    above = max((float(np.mean(get(record, *cell, SMT) - get(record, *cell, SMT, "encoder"))) for cell in every),
                default=None)
    longer = [name for name in names if longest_solved(record, name, (MLP, GRU)) > longest_solved(record, name, (SMT,))]
    return [
        results.check("SMT is ahead of BPTT on every task at every length to which both came (task-lengths)",
                      len(first), f"{len(both)} of {len(both)}", both and len(first) == len(both)),
        results.check("where SMT does not solve a length, its teacher does not either: encoder + readout, or the "
                      "memory, decoded (task-lengths)", len(taught), f"{len(failed)} of {len(failed)}",
                      failed and len(taught) == len(failed)),
        results.check("no RNN of SMT is better than its encoder + readout (largest mean difference)", above, "<= 0.03",
                      above is not None and above <= 0.03),
        results.check("BPTT solves a longer length than SMT (tasks)", len(longer), f">= 3 of {len(names)}",
                      len(longer) >= 3),
        *patience_checks(record)]


def patience_checks(record):
    """What is claimed of the longer training, where there is any."""
    later = [limit(record, *cell, PATIENT) for cell in patient(record)]
    return [results.check("the teachers' limit is one of speed: trained longer, SMT solves the second length (tasks)",
                          later.count(""), ">= 2", later.count("") >= 2)] if later else []


def finding(record):
    names = record["config"]["tasks"]
    reach = "; ".join(f"{name} {longest_solved(record, name, (SMT,)) or 'none'} and "
                      f"{longest_solved(record, name, (MLP, GRU)) or 'none'}" for name in names)
    changes = {name: crossover(record, name) for name in names}
    told = [f"{name} (from {one} at {before} to {other} at {after})"
            for name, (before, one, after, other) in ((n, c) for n, c in changes.items() if c)]
    failed = Counter(what for cell in cells(record) if (what := limit(record, *cell)))
    stops = ", ".join(f"{word} {failed[what]}" for what, word in LIMITS.items() if failed[what])
    leaders = Counter(leader(record, name, length) for name in names for length in lengths_of(record, name))
    later = [limit(record, *cell, PATIENT) for cell in patient(record)]
    patience = (f" Trained {record['config']['patience']} times as long, SMT solves {later.count('')} of the "
                f"{len(later)} second lengths that it had failed.") if later else ""
    return (f"Longest length solved by SMT and by tuned BPTT: {reach}. BPTT is ahead on "
            f"{leaders['BPTT']} task-lengths, SMT on {leaders[SMT]}, even on {leaders['even']}; the method ahead "
            f"changes on {', '.join(told) or 'no task'}. What stops SMT on the {sum(failed.values())} that it fails: "
            f"{stops or 'nothing'} ({len(record['runs'])} seeds).{patience}")


# ---------------------------------------------------------------- tables and picture

def table(record):
    names = record["config"]["tasks"]
    made = {"Who is ahead: SMT minus BPTT (better updater by validation), mean and interval over the seeds":
            (["task", "1st length", "2nd", "3rd", "4th", "crossover"], [lead_row(record, name) for name in names]),
            "What stops SMT (first that is not solved)":
            (["task", "1st length", "2nd", "3rd", "4th"], [limit_row(record, name) for name in names])}
    for name in names:
        lengths = lengths_of(record, name)
        made[f"{name}: accuracy, mean (worst seed)"] = (["row", *(f"T = {length}" for length in lengths)],
                                                       task_rows(record, name, lengths))
    if patient(record):
        made[f"SMT trained {record['config']['patience']} times as long as all others: accuracy, mean (worst seed)"] = (
            ["task", "T", "SMT", "encoder + readout", "memory, decoded", "what stops it", "updates", "seconds"],
            [patient_row(record, *cell) for cell in patient(record)])
    made["The chosen settings"] = (["task", *METHODS[:-1]],
                                                    [choice_row(record, name) for name in names])
    made["Spent per network: updates, sequences, processor seconds (mean over tasks and seeds)"] = (
        ["method", *(f"{place} length" for place in ("1st", "2nd", "3rd", "4th"))],
        [spent_row(record, method) for method in METHODS])
    return made


def lead_row(record, name):
    lengths = lengths_of(record, name)
    changed = crossover(record, name)
    where = f"{changed[1]} at T = {changed[0]}, {changed[3]} at T = {changed[2]}" if changed else "none found"
    return filled([name, *(lead_text(record, name, length) for length in lengths)], 5) + [where]


def lead_text(record, name, length):
    gaps, interval = lead(record, name, length)
    if gaps is None:
        alone = leader(record, name, length)
        return f"T = {length}: {alone} alone" if alone else f"T = {length}: both ended"
    return f"T = {length}: {gaps.mean():+.2f} {tables.between(interval, 2)}"


def limit_row(record, name):
    words = {None: "ended", "": "solved"}
    return filled([name, *(words.get(what := limit(record, name, length), what)
                           for length in lengths_of(record, name))], 5)


def patient_row(record, name, length):
    found = [get(record, name, length, PATIENT, what) for what in ("accuracy", "encoder", "held")]
    updates, spent = (get(record, name, length, PATIENT, what).mean() for what in ("updates", "seconds"))
    return [name, length, *(cell_text(values) for values in found), limit(record, name, length, PATIENT) or "solved",
            f"{updates:,.0f}", f"{spent:.0f}"]


def filled(row, width):
    return row + ["–"] * (width - len(row))


ROWS = (("encoder + readout", SMT, "encoder"), ("memory, decoded", SMT, "held"), ("SMT", SMT, "accuracy"),
        ("self-prediction", SELF, "accuracy"), (MLP, MLP, "accuracy"), (GRU, GRU, "accuracy"),
        ("Transformer, no memory", TRANSFORMER, "accuracy"))


def task_rows(record, name, lengths):
    rules = list(results.at(record["runs"][0]["final"], name, lengths[0], RULES))
    shown = lambda *path: cell_text(results.values(record, name, *path))
    return [*([label, *(shown(length, method, what) for length in lengths)] for label, method, what in ROWS),
            *([rule, *(shown(length, RULES, rule) for length in lengths)] for rule in rules)]


def cell_text(values):
    if not len(values):
        return "ended"
    return f"{values.mean():.3f}" + (f" ({values.min():.3f})" if values.min() < values.max() else "")


def choice_row(record, name):
    made = record["runs"][0]["choices"][name]
    return [name, *(f"{made[method]['chosen']} ({len(made[method]['tried']) or 'not'} tried)" for method in RNNS)]


def spent_row(record, method):
    row = []
    for place in range(4):
        found = [results.at(run["final"], name, lengths[place], method) for run in record["runs"]
                 for name in record["config"]["tasks"] if len(lengths := lengths_of(record, name)) > place]
        row.append(spent_text([each for each in found if each and "seconds" in each]))
    return [method, *row]


def spent_text(leaves):
    if not leaves:
        return "–"
    counts = [sorted({leaf[what] for leaf in leaves}) for what in ("updates", "sequences")]
    ranges = [f"{low[0]:,}" + (f" to {low[-1]:,}" if len(low) > 1 else "") for low in counts]
    return "; ".join([*ranges, f"{np.mean([leaf['seconds'] for leaf in leaves]):.1f} s"])


def figure(record, arrays):
    """One panel a task: accuracy against length."""
    from common.figures import plt
    names = record["config"]["tasks"]
    fig, axes = plt.subplots(2, 3, figsize=(9, 5.6), sharey=True, layout="constrained")
    for ax, name in zip(axes.flat, names):
        panel(ax, record, name)
    for ax in axes.flat[len(names):]:
        ax.set_axis_off()
    handles, words = axes.flat[0].get_legend_handles_labels()
    axes.flat[-1].legend(handles, words, loc="center", fontsize=8, frameon=False)
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy")
    leaders = [who for name in names for length in lengths_of(record, name) if (who := leader(record, name, length))]
    fig.suptitle(f"SMT is ahead of BPTT on {leaders.count(SMT)} of {len(leaders)} task-lengths. Mean of "
                 f"{len(record['runs'])} seeds, bars: worst to best; lines end after two unsolved lengths", fontsize=9)
    return fig


def panel(ax, record, name):
    from common.figures import ROLE
    colours = {SMT: ("smt_dmt", "o-"), SELF: ("binary", "s-"), MLP: ("mlp", "v-"), GRU: ("gru", "^-"),
               TRANSFORMER: ("transformer", "d-")}
    lengths = lengths_of(record, name)
    for word, method, what in ROWS:
        role, style = colours[method]
        if what != "accuracy":
            style = {"encoder": "--", "held": ":"}[what]
        draw(ax, record, name, (method, what), style, label=word, color=ROLE[role if what == "accuracy" else "smt"])
    if ran(record, name, PATIENT):
        draw(ax, record, name, (PATIENT, "accuracy"), "*", label="SMT, longer", color=ROLE["smt_dmt"],
             markersize=8)
    draw(ax, record, name, (RULES, "table of the last two"), ":", label="last two tokens", color=ROLE["trivial"])
    draw(ax, record, name, (RULES, "chance"), "--", label="chance", color=ROLE["chance"], linewidth=1)
    draw(ax, record, name, (RULES, "ceiling"), "-", label="ceiling", color=ROLE["paper"], linewidth=0.7)
    ax.set_xscale("log", base=2)
    ax.set_xticks(lengths, [f"{length}" for length in lengths])
    ax.set_xlabel("length T")
    ax.set_ylim(0, 1.04)
    ax.set_title(name, fontsize=10)


def draw(ax, record, name, path, style, **look):
    """Mean of the seeds at every length, with bars from the worst to the best."""
    found = {length: results.values(record, name, length, *path) for length in lengths_of(record, name)}
    found = {length: values for length, values in found.items() if len(values)}
    mean = np.array([values.mean() for values in found.values()])
    spread = [mean - [values.min() for values in found.values()], [values.max() for values in found.values()] - mean]
    ax.errorbar(list(found), mean, np.abs(spread), fmt=style, elinewidth=0.8, **{"markersize": 4, **look})
