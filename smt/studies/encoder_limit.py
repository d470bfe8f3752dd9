"""Where is the encoder the limit?

String Copy, Stack Operations, Keys and Values, Modular Arithmetic and Parity at growing length (smt/suite.py). SMT
cannot know more than its teacher, so the teacher is measured by itself: "encoder + readout" answers from the encoder's
memory of the question, where attention may look up the whole past; "memory, decoded" answers from one memory before
the questions (half of the sequence, or all but the query), with the inputs that follow, where it may not. Where SMT
is not solved, the limit is the encoder (the first is not solved), the memory (the second is not), or else the RNN. It
is undecided where the RNN is better than its decoded memory: then the decoder itself is what fails there. Solved: 0.95
of the ceiling, which two tasks have below 1.

SMT's teacher is one of five (`TEACHERS`, `SMALL`; each of the last four changes one thing of the second or of the one
before; bits were worse on String Copy, seed 900), and DMT follows. BPTT has the residual MLP and a GRU with chrono
gates, three rates and a smaller batch. They are chosen for each task at its second length on the choosing seeds 900 and
901 (on 900 all, on 901 the best two) and kept at the other lengths; a best rate of BPTT at the edge extends the grid
once, unless it solves the task. SMT's rate is 0.002 (twice that did not help on String Copy, seed 900), that of
self-prediction the one that study grid chose. The Transformer is an encoder by itself, with a batch of 32. All see the
same number of sequences, and a method ends after two unsolved lengths ("ended"). Seconds are processor seconds;
multiply-adds are those of the whole training, counted from the architecture (work.py).

The smaller batch came to SMT's teachers after a first run, in which only BPTT had it, and had chosen it on four tasks.
"SMT, batch of 32" is that first run: the best of the other four teachers.

What would a better teacher be? One thing is changed, on the reported seeds, and nothing is chosen:

    longer            SMT with a batch of 32 where it does not solve the second length, with so many times the sequences
                      and updates, the rate's cosine as long; BPTT too where it does not solve that length
    registers         at the first length (of three; the fourth takes too long) at which the encoder stops SMT: learned
                      tokens behind every token, and the memory is read from them (model.RegisterEncoder), which is the
                      place that the released code has
    scratch tokens    at the same lengths: as many learned tokens in front of the sequence, which attention may use and
                      where nothing is read (model.ScratchEncoder)

It would refute "the teacher is the limit" if a teacher that passes both tests had an RNN that is not solved; "SMT beats
BPTT" (the paper, all five tasks) if BPTT is ahead anywhere; and "the encoder lacks room to compute" if registers, which
multiply its rows, changed nothing. The first has happened, in one row that is not the chosen teacher's (String Copy,
trained longer). Not tried: growing lengths (study causes has them, on Retrieval), a wider teacher,
other rates, several of these changes at once.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from common import results, tables
from smt import rivals
from smt.factorial import SELF, SMT, Setting
from smt.limits import (CHANGED, LARGE, METHODS, PATIENT, REGISTERS, RNNS, ROWS, RULES, SCRATCH, bptt, cells_of,
                        crossover, get, lead, leader, lengths_of, lengths_up_to, limit, longer, longest_solved, passes)
from smt.rivals import GRU, MLP, TRANSFORMER, Teaching
from smt.suite import SUITE

SEEDS, MINUTES = range(100, 103), 55
USES = ("size", "hidden", "width", "scale", "test")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16, choosing=(900,), longest=8,
             tasks=("Keys and Values", "Parity"))

BETTER = Teaching(faster=3.0, tokens=4, heads=4)
TEACHERS = {"as in study tasks": Teaching(), "4 tokens, 4 heads, fast RNN": BETTER,
            "that, dynamics at once": BETTER._replace(at_once=True), "that, 4 blocks": BETTER._replace(depth=4)}
SMALL = {"that, 4 blocks, batch 8": BETTER._replace(depth=4, divisor=4)}
TOKENS = {REGISTERS: "registers", SCRATCH: "scratch"}
OPTIONS = {SELF: (Setting(2e-3),),
           MLP: (Setting(1e-3), Setting(3e-3), Setting(1e-2), Setting(3e-3, divisor=4)),
           GRU: tuple(Setting(rate, divisor, "chrono") for rate, divisor in
                      ((3e-3, 1), (1e-2, 1), (3e-2, 1), (1e-2, 4)))}


def run(config, seeds, part, choosing=(900, 901), tasks=tuple(SUITE), longest=64, patience=5, registers=2):
    """Short lengths first. longest: no length beyond it; patience: 0 for none of the longer training; registers: how
    many of them, or of scratch tokens (0: none)."""
    made, failed = {seed: {} for seed in seeds}, Counter()
    lengths = {name: lengths_up_to(name, longest) for name in tasks}
    choices = {name: choose_all(config, name, lengths[name][:2][-1], choosing, part) for name in tasks}

    def train(name, length, method, option, label, c=config):
        """One method at one length on all seeds, with what it costs."""
        spent = part(f"work {name} {label} {length}", lambda: {
            "multiply-adds": rivals.multiply_adds(c, SUITE[name], length, method, option)})
        kept = f"{method} {choices[name][label]['chosen']}" if label in (SMT, LARGE) else label
        for seed in seeds:
            found = part(f"{name} {kept} {length} {seed}",
                         lambda: rivals.play(c, seed, SUITE[name], length, method, option))
            made[seed][name][str(length)][label] = {**found, **spent}

    for length, name in sorted((length, name) for name, several in lengths.items() for length in several):
        for seed in seeds:
            rules = rivals.without_learning(config, seed, SUITE[name], length)
            made[seed].setdefault(name, {})[str(length)] = {RULES: rules}
        for method in METHODS:
            if failed[name, method] < 2:
                train(name, length, SMT if method == LARGE else method, choices[name][method]["option"], method)
                failed[name, method] += not rivals.is_solved([made[seed][name][str(length)][method] for seed in seeds])
    record = {"runs": [{"final": final} for final in made.values()]}
    for name in tasks:
        train_longer(config, record, name, lengths[name][:2][-1], choices[name], patience, train)
        for label in (REGISTERS, SCRATCH) if registers else ():
            option = choices[name][SMT]["option"]._replace(**{TOKENS[label]: registers})
            stopped = [length for length in lengths[name][:3] if limit(record, name, length) == "encoder"]
            for length in stopped[:1]:
                train(name, length, SMT, option, label)
    for seed in seeds:
        yield {**results.entry(seed, made[seed], seconds=seconds(made[seed])), "choices": told(choices)}


def train_longer(c, record, name, length, choices, patience, train):
    """`patience` times as many sequences for those that do not solve this length: SMT, batch of 32, and BPTT."""
    for method, label in ((LARGE, PATIENT), (MLP, longer(MLP)), (GRU, longer(GRU))):
        if patience and not passes(record, name, length, method):
            option = choices[method]["option"]
            if method == LARGE:
                train(name, length, SMT, option._replace(longer=patience), label)
            else:
                train(name, length, method, option, label, replace(c, scale=patience * c.scale))


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
    options = {SMT: TEACHERS | SMALL, LARGE: TEACHERS} | {method: {rivals.label(each): each for each in several}
                                 for method, several in OPTIONS.items()}
    chosen = {method: rivals.choose(c, name, SMT if method == LARGE else method, length, several, choosing, part)
              for method, several in options.items()}
    chosen[TRANSFORMER] = {**chosen[LARGE], "tried": {}}
    return chosen


# ---------------------------------------------------------------- claims

LIMITS = {"encoder": "the encoder", "memory": "what the memory holds", "undecided": "undecided", "RNN": "the RNN"}


def checks(record):
    """The bounds were fixed before the run."""
    names, every = record["config"]["tasks"], cells_of(record, SMT)
    both = [cell for cell in every if lead(record, *cell)[0] is not None]
    first = [cell for cell in both if leader(record, *cell) == SMT]
    failed = [cell for cell in every if limit(record, *cell)]
    taught = [cell for cell in failed if limit(record, *cell) != "RNN"]
    above = max((float(np.mean(get(record, *cell, SMT) - get(record, *cell, SMT, "encoder"))) for cell in every),
                default=None)
    behind = [name for name in names if longest_solved(record, name, (MLP, GRU)) > longest_solved(record, name, (SMT,))]
    return [
        results.check("SMT is ahead of BPTT on every task at every length to which both came (task-lengths)",
                      len(first), f"{len(both)} of {len(both)}", both and len(first) == len(both)),
        results.check("where SMT does not solve a length, its teacher does not either: encoder + readout, or the "
                      "memory, decoded (task-lengths)", len(taught), f"{len(failed)} of {len(failed)}",
                      failed and len(taught) == len(failed)),
        results.check("no RNN of SMT is better than its encoder + readout (largest mean difference)", above, "<= 0.03",
                      above is not None and above <= 0.03),
        results.check("BPTT solves a longer length than SMT (tasks)", len(behind), f">= 3 of {len(names)}",
                      len(behind) >= 3),
        *changed_checks(record)]


def changed_checks(record):
    """What is claimed of the changed teachers, where there are any."""
    claims = []
    if cells_of(record, PATIENT):
        claims.append(results.check(
            "the teachers' limit is one of speed: trained longer, SMT solves the second length (tasks)",
            solves(record, PATIENT), ">= 2", solves(record, PATIENT) >= 2))
    if cells_of(record, REGISTERS):
        claims.append(results.check(
            "registers lift the limit: with them SMT solves a length at which its encoder stopped it (task-lengths)",
            solves(record, REGISTERS), ">= 1", solves(record, REGISTERS) >= 1))
    gains = batch_gains(record)
    if gains:
        claims.append(results.check(
            "where the smaller batch is chosen for SMT, it is better than 32 (mean difference over the task-lengths)",
            float(np.mean(gains)), "> 0", np.mean(gains) > 0))
    return claims


def batch_gains(record):
    """Accuracy of SMT minus that with a batch of 32, where both came and the teachers differ."""
    choices = record["runs"][0].get("choices", {})
    return [float(get(record, *cell, SMT).mean() - get(record, *cell, LARGE).mean()) for cell in cells_of(record, LARGE)
            if choices and choices[cell[0]][SMT]["chosen"] in SMALL and len(get(record, *cell, SMT))]


def solves(record, method):
    """How many of the task-lengths that a method came to it solves."""
    return sum(passes(record, *cell, method) for cell in cells_of(record, method))


def finding(record):
    names = record["config"]["tasks"]
    reach = "; ".join(f"{name} {longest_solved(record, name, (SMT,)) or 'none'} and "
                      f"{longest_solved(record, name, (MLP, GRU)) or 'none'}" for name in names)
    changes = {name: crossover(record, name) for name in names}
    told = [f"{name} (from {one} at {before} to {other} at {after})"
            for name, (before, one, after, other) in ((n, c) for n, c in changes.items() if c)]
    failed = Counter(what for cell in cells_of(record, SMT) if (what := limit(record, *cell)))
    stops = ", ".join(f"{word} {failed[what]}" for what, word in LIMITS.items() if failed[what])
    leaders = Counter(leader(record, name, length) for name in names for length in lengths_of(record, name))
    return (f"Longest length solved by SMT and by tuned BPTT: {reach}. BPTT is ahead on "
            f"{leaders['BPTT']} task-lengths, SMT on {leaders[SMT]}, even on {leaders['even']}; the method ahead "
            f"changes on {', '.join(told) or 'no task'}. What stops SMT on the {sum(failed.values())} that it fails: "
            f"{stops or 'nothing'} ({len(record['runs'])} seeds).{changed_told(record)}")


def changed_told(record):
    """A sentence on the changed teachers."""
    times, count = (record["config"].get(name) for name in ("patience", "registers"))
    words = {PATIENT: f"batch of 32, trained {times} times as long", REGISTERS: f"memory read at {count} registers",
             SCRATCH: f"{count} scratch tokens"}
    told = [f"{words[method]} {solves(record, method)} of {len(tried)}" for method in CHANGED
            if (tried := cells_of(record, method))]
    missed = [f"{name}, T = {length} ({method.removeprefix('SMT, ')})" for method in CHANGED
              for name, length in cells_of(record, method) if limit(record, name, length, method) == "RNN"]
    alone = f" The teacher passes both tests and the RNN fails on: {'; '.join(missed)}." if missed else ""
    if not told:
        return ""
    return f" With one thing changed, of task-lengths that it had failed SMT solves: {', '.join(told)}.{alone}"


# ---------------------------------------------------------------- tables

PLACES = ("1st length", "2nd", "3rd", "4th")


def table(record):
    names = record["config"]["tasks"]
    made = {"Who is ahead: SMT minus BPTT (better updater by validation), mean and interval over the seeds":
            (["task", *PLACES, "crossover"], [lead_row(record, name) for name in names]),
            "What stops SMT (first that is not solved)":
            (["task", *PLACES], [limit_row(record, name) for name in names])}
    for name in names:
        made[f"{name}: accuracy, mean (worst seed); what a network's training takes, length by length"] = task_table(
            record, name)
    if any(cells_of(record, method) for method in CHANGED):
        made["One thing changed where SMT fails: accuracy, mean (worst seed)"] = changed_table(record)
    made["SMT's teachers: validation accuracy at the second length, seed 900 (901: the best two)"] = (
        ["task", *TEACHERS, *SMALL, "chosen"], [teacher_row(record, name) for name in names])
    made["The settings chosen for the others"] = (["task", *RNNS[1:]], [choice_row(record, name) for name in names])
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


def filled(row, width):
    return row + ["–"] * (width - len(row))


SPENT = ("updates", "seconds", "multiply-adds")


def task_table(record, name):
    """(header, rows) of one task: what was learned and what it took, then what needs no learning."""
    lengths = lengths_of(record, name)
    rules = list(results.at(record["runs"][0]["final"], name, lengths[0], RULES))
    shown = lambda *path: [cell_text(results.values(record, name, length, *path)) for length in lengths]
    taken = lambda method, what: ["as SMT"] * 3 if what != "accuracy" else spent_cells(record, name, lengths, method)
    return (["row", *(f"T = {length}" for length in lengths), "updates", "seconds", "multiply-adds, 10⁹"],
            [*([label, *shown(method, what), *taken(method, what)] for label, method, what in ROWS),
             *([rule, *shown(RULES, rule), *["–"] * 3] for rule in rules)])


def spent_cells(record, name, lengths, method):
    """Updates, processor seconds and multiply-adds of a training, '5.1 / 7.9 / 14' over the lengths."""
    cells = []
    for what in SPENT:
        means = [get(record, name, length, method, what) for length in lengths]
        texts = [spent_text(what, found.mean()) for found in means if len(found)]
        same = what == "updates" and len(set(texts)) == 1
        cells.append(texts[0] if same else " / ".join(texts) or "–")
    return cells


def spent_text(what, value):
    if what == "updates":
        return f"{value:,.0f}"
    value = value / 1e9 if what == "multiply-adds" else value
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def cell_text(values):
    if not len(values):
        return "ended"
    return f"{values.mean():.3f}" + (f" ({values.min():.3f})" if values.min() < values.max() else "")


def changed_table(record):
    """(header, rows): for every task-length the chosen teacher, the changed ones, BPTT and the best rule."""
    cells = sorted({cell for method in CHANGED for cell in cells_of(record, method)})
    order = {name: place for place, name in enumerate(record["config"]["tasks"])}
    return (["task", "T", "training", "accuracy", "encoder + readout", "memory, decoded", "what stops it", "updates",
             "seconds", "multiply-adds, 10⁹"],
            [row for cell in sorted(cells, key=lambda cell: (order[cell[0]], cell[1]))
             for row in changed_rows(record, *cell)])


def changed_rows(record, name, length):
    own = lambda method, what: cell_text(get(record, name, length, method, what))
    taken = lambda method: spent_cells(record, name, [length], method)
    taught = [[name, length, "SMT, chosen teacher" if method == SMT else method,
               *(own(method, what) for what in ("accuracy", "encoder", "held")),
               limit(record, name, length, method) or "solved", *taken(method)]
              for method in (SMT, LARGE, *CHANGED) if len(get(record, name, length, method))]
    other = [[name, length, method, own(method, "accuracy"), "–", "–", "–", *taken(method)]
             for method in (bptt(record, name, length), longer(MLP), longer(GRU))
             if method and len(get(record, name, length, method))]
    rules = {rule: results.values(record, name, length, RULES, rule) for rule in (*rivals.TABLES, "ceiling")}
    best = max(rivals.TABLES, key=lambda rule: rules[rule].mean())
    return [*taught, *other, *([name, length, label, cell_text(rules[rule]), *["–"] * 6]
                               for label, rule in ((f"no learning: {best}", best), ("ceiling", "ceiling")))]


def teacher_row(record, name):
    made = record["runs"][0]["choices"][name]
    tried = {teacher: max((made[who]["tried"].get(teacher, []) for who in (SMT, LARGE) if who in made), key=len)
             for teacher in (*TEACHERS, *SMALL)}
    scores = lambda found: " (".join(f"{score:.3f}" for score in found) + ")" * (len(found) - 1)
    return [name, *map(scores, tried.values()), made[SMT]["chosen"]]


def choice_row(record, name):
    made = record["runs"][0]["choices"][name]
    return [name, *(f"{made[method]['chosen']} ({len(made[method]['tried']) or 'not'} tried)" for method in RNNS[1:])]


def figure(record, arrays):
    """One panel a task: accuracy against length."""
    from smt.limit_pictures import panels
    return panels(record)
