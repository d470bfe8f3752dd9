"""Which recurrent networks become automata that are proved right?

Formal languages (smt/languages.py), words of at most 16 letters, an answer after the last letter only or after every
letter. Self-prediction (our variant: gradients cross one update), BPTT through the same bits and SMT with its
Transformer encoder give a binary memory, whose reachable codes are enumerated together with the automaton, for every
word over the alphabet; BPTT with continuous memories and a Transformer cannot be proved and are scored. Networks with
bits that are not SMT stop at the certificate, which uses the true automaton (study self_prediction: without). The
100,000 shortest words are tried besides (brute force). Accuracy: words of exactly 16 or 1,024 letters, a third free, a
third aimed at an answer drawn uniformly, a third of those with one letter replaced. Five stages (`rows_of`): the 14
languages of the first claim, one answer at the end, with bits; SMT on them; the harder languages; an answer after every
letter; the methods without bits. The first two on all seeds, the others on the first `few` (`stages`: how many run).

"Reber" is two languages: whole words from B to E (9 states), on which nothing was certified in the first run, and
"inner reber", what stands between B and E (7 states), which came after that run.

It would refute "exactness comes from the bits, not from how they are trained" if BPTT through the same bits certified
clearly less than self-prediction; and "a Transformer as teacher certifies exactly the star-free languages" if SMT
certified one that counts modulo a number, or missed one that is star-free.
"""

import numpy as np

from common import results, tables
from common.progress import Diverged
from common.randomness import stream
from smt.automata import brute_force, prove, reachable
from smt.languages import LANGUAGES, all_words, trivial_rules
from smt.learners import LEARNERS, WITH_BITS, Budget, Lesson, accuracy, by_self_prediction
from smt.self_prediction import roll

SEEDS, MINUTES = range(100, 105), 60
USES = ()
ALL = tuple(LANGUAGES)
TRIED = ("tomita 1", "tomita 2", "tomita 3", "tomita 4", "tomita 5", "tomita 6", "tomita 7", "parity", "mod 3", "mod 5",
         "flip-flop", "S3", "S4", "reber")              # the languages of the first claim, fixed before the run
SCORED = ("tomita 1", "tomita 3", "tomita 5", "tomita 7", "parity", "mod 5", "flip-flop", "S3")
STEPWISE = ("tomita 3", "tomita 5", "tomita 6", "parity", "mod 5", "flip-flop", "dyck-1", "dyck-2", "reber", "S3", "S4",
            "S5")
QUICK = dict(tasks=("parity",), every=(), unproved=(), updates=50, smt_updates=2, words=50, tests=(16, 2), limit=300,
             film=())
OWN, BPTT, SMT = "self-prediction", "BPTT, bits", "SMT, encoder"
UNPROVED = ("BPTT, MLP", "BPTT, GRU", "Transformer")
END, EVERY = "at the end", "after every letter"
RULES = "trivial rules"
LOST = {"accuracy": {"16": 0.0, "1024": 0.0}, "certified": False, "minimal": False}               # a run that diverged


def run(config, seeds, part, stages=5, few=3, tasks=ALL, every=STEPWISE, unproved=SCORED, updates=1500,
        bptt_updates=1000, smt_updates=400, continuous_updates=600, words=100_000, tests=(512, 64), limit=20_000,
        film=("tomita 7",)):
    """stages: how many of `rows_of` are run; few: on how many seeds the last three are; tasks, every: languages with
    one answer at the end, after every letter; unproved: languages for the methods without bits; words: for brute
    force; tests: how many words of 16 and of 1,024 letters; limit: pairs after which an enumeration gives up; film:
    languages that are filmed."""
    budget = Budget(updates=updates, bptt_updates=bptt_updates, smt_updates=smt_updates,
                    continuous_updates=continuous_updates)
    made = {seed: {} for seed in seeds}
    for stage in range(stages):                             # the rows that carry the claims first, on all seeds
        for seed in seeds[:few] if stage > 1 else seeds:
            for row in rows_of(stage, tasks, every, unproved):
                name = " ".join([str(seed), *row])
                made[seed][row] = part(name, lambda: trial(*row, seed, budget, words, tests, limit))
    drawn = set()
    for seed in seeds:
        films = film if seed == seeds[0] else ()
        filmed_ones = [part(f"{seed} film {task}", lambda: filmed(task, seed, budget)) for task in films]
        yield entry_of(seed, made[seed], filmed_ones, drawn)


def rows_of(stage, tasks, every, unproved):
    """[(language, answers, method)] of one stage."""
    main = [task for task in TRIED if task in tasks]
    rest = [task for task in tasks if task not in main]
    both = (OWN, BPTT)
    return [[(task, END, method) for task in main for method in both],
            [(task, END, SMT) for task in main],
            [(task, END, method) for task in rest for method in (*both, SMT)],
            [(task, EVERY, method) for task in every for method in both],
            [(task, END, method) for task in unproved for method in UNPROVED]][stage]


def entry_of(seed, made, films, drawn):
    """The entry of one seed. It carries its films, and the certified machines of languages that are not `drawn` yet."""
    final = {task: {RULES: trivial_rules(LANGUAGES[task], stream(seed, "rules"))} for task, _, _ in made}
    arrays = {name: array for film in films for name, array in film.items()}
    for (task, labels, method), each in made.items():
        final[task].setdefault(labels, {})[method] = each["final"]
        if method == OWN and labels == END and each["arrays"] and task not in drawn:
            drawn.add(task)
            arrays |= {f"{task}: {name}": array for name, array in each["arrays"].items()}
    return results.entry(seed, final, {}, sum(each["seconds"] for each in made.values()), arrays or None)


def trial(task, labels, method, seed, budget, words, tests, limit):
    """One network: trained, scored, and proved if it has bits."""
    language = LANGUAGES[task]
    print(f"seed {seed}: {task}, {labels}, {method}", flush=True)
    try:
        made = LEARNERS[method](Lesson(language, labels == END), seed, budget)
    except Diverged as error:
        print(error, flush=True)
        return {"final": {**LOST, "words wrong": words}, "arrays": {}, "seconds": 0.0}
    final = {"seconds": made.seconds, "updates": made.updates,
             "accuracy": {"16": accuracy(made.answers, language, seed, 16, tests[0]),
                          "1024": accuracy(made.answers, language, seed, 1024, tests[1], chunk=16)}}
    if made.encoder is not None:
        final["encoder's accuracy"] = {"16": accuracy(made.encoder, language, seed, 16, tests[0])}
    arrays = {}
    if made.rnn is not None:
        tried = brute_force(made.rnn, language, words)
        final |= {"words tried": tried.words, "words wrong": tried.wrong}
    if method in WITH_BITS:
        verdict = prove(made.rnn, language, limit)
        final |= reachable(verdict)
        final["shortest wrong word"] = None if verdict.counterexample is None else len(verdict.counterexample)
        arrays = {"codes": np.packbits(verdict.codes > 0, axis=1), "following": verdict.following,
                  "answers": verdict.answers, "group": verdict.group} if verdict.certified else {}
    return {"final": final, "arrays": arrays, "seconds": made.seconds}


# ---------------------------------------------------------------- the film: words flock together while it learns

def filmed(task, seed, budget, every=5, drawn=5, longest=8):
    """Self-prediction once more, with snapshots: the codes of all words of at most `drawn` letters, the network's
    answers to all words of at most `longest`, and what the enumeration says."""
    language, frames = LANGUAGES[task], []

    def watch(rnn):
        def look(update):
            if update % every == 0 or update == 1:
                frames.append(snapshot(rnn, language, update, drawn, longest))
            return False
        return look

    by_self_prediction(Lesson(language, at_end=True), seed, budget, watch)
    return {f"film of {task}: {name}": np.stack([frame[name] for frame in frames]) for name in frames[0]}


def snapshot(rnn, language, update, drawn, longest):
    """What the film shows of one moment."""
    answers, codes = [], []
    for length in range(longest + 1):
        words = all_words(language, length)
        x = np.column_stack([np.full(len(words), language.begin), words])
        memories = roll(rnn, x)[-1]
        answers.append(rnn.answer(memories))
        if length <= drawn:
            codes.append(np.packbits(memories > 0, axis=1))
    verdict = prove(rnn, language, limit=2000)
    return {"update": update, "answers": np.concatenate(answers).astype(np.int8), "codes": np.concatenate(codes),
            "reachable": len(verdict.codes) if verdict.closed else -1, "merged": verdict.merged,
            "certified": verdict.certified}


# ---------------------------------------------------------------- reading a record

def get(record, task, labels, method, *what):
    """The values over the seeds that ran it."""
    return results.values(record, task, labels, method, *what)


def share(record, tasks, labels, method):
    """(certified, all) of all runs of those tasks."""
    every = np.concatenate([get(record, task, labels, method, "certified") for task in tasks] or [np.zeros(0)])
    return int(every.sum()), len(every)


def tasks_of(record, labels, method=OWN):
    """The languages that were run that way."""
    return [task for task in record["config"]["tasks"] if len(get(record, task, labels, method, "accuracy", 16))]


def checks(record):
    """The bounds were fixed before the run."""
    ran = tasks_of(record, END)
    tried = [task for task in TRIED if task in ran]
    own, n = share(record, tried, END, OWN)
    bptt, _ = share(record, tried, END, BPTT)
    taught = tasks_of(record, END, SMT)
    groups, stars = ([task for task in taught if LANGUAGES[task].star_free == free] for free in (False, True))
    counted, n_counted = share(record, groups, END, SMT)
    free, n_free = share(record, stars, END, SMT)
    contradicted, proved = contradictions(record)
    check = results.check
    return [
        check("self-prediction is certified on 14 languages (Tomita 1 to 7, parity, mod 3, mod 5, flip-flop, S3, S4, "
              "Reber), one answer at the end", own, f">= 95 % of {n} runs", n and own >= 0.95 * n,
              interval=tables.wilson(own, n)),
        check("BPTT through the same bits is certified there as well", bptt, f">= 95 % of {n} runs",
              n and bptt >= 0.95 * n, interval=tables.wilson(bptt, n)),
        check(f"no certified network ({proved}) merges to another automaton or errs on one of the shortest words",
              contradicted, "0", proved and contradicted == 0),
        check("SMT with a Transformer encoder certifies no language that counts or tracks a group", counted,
              f"0 of {n_counted} runs", n_counted and counted == 0),
        check("SMT with a Transformer encoder certifies every star-free language", free, f"{n_free} of {n_free} runs",
              n_free and free == n_free)]


def contradictions(record):
    """Certified runs that brute force or the merged automaton contradicts, and the number of certified runs."""
    every = [found for entry in record["runs"] for answers in entry["final"].values()
             for labels, methods in answers.items() if labels != RULES for found in methods.values()]
    proved = [found for found in every if found.get("certified")]
    return sum(bool(found["words wrong"] or not found["minimal"]) for found in proved), len(proved)


def finding(record):
    (own, n), (bptt, m), (smt, k) = (share(record, tasks_of(record, END, method), END, method)
                                     for method in (OWN, BPTT, SMT))
    return (f"Proved for every word: self-prediction {own} of {n} runs, BPTT through the same bits {bptt} of {m}, SMT "
            f"with its Transformer encoder {smt} of {k} (one answer, at the end of at most 16 letters).")


def table(record):
    made = {"One answer, at the end: certified runs, reachable codes, states after merging, processor seconds (mean)":
            (PROVED_HEADER, [proved_row(record, task, END) for task in tasks_of(record, END)]),
            "Teacher and student: SMT with a Transformer encoder (accuracy at 16 letters, mean)":
            (["language", "star-free", "encoder", "RNN", "certified"],
             [teacher_row(record, task) for task in tasks_of(record, END, SMT)])}
    if tasks_of(record, EVERY):
        made["An answer after every letter"] = (PROVED_HEADER, [proved_row(record, task, EVERY)
                                                                for task in tasks_of(record, EVERY)])
    made["Accuracy (mean) at 16 / 1,024 letters"] = (
        ["language", "chance", "most frequent answer", "best table of the last letter", *LEARNERS],
        [scored_row(record, task) for task in tasks_of(record, END)])
    return made


PROVED_HEADER = ["language", "minimal states", "H", "self-prediction", "codes", "merged", "s", "BPTT, bits", "codes",
                 "merged", "s"]


def proved_row(record, task, labels):
    language = LANGUAGES[task]
    return [task, language.states, language.horizon, *proved_cells(record, task, labels, OWN),
            *proved_cells(record, task, labels, BPTT)]


def proved_cells(record, task, labels, method):
    certified = get(record, task, labels, method, "certified")
    row = [get(record, task, labels, method, what) for what in ("codes", "merged", "seconds")]
    return [tables.share(certified.sum(), len(certified)), span(row[0]), span(row[1]), f"{row[2].mean():.1f}"]


def span(values):
    """'7 to 12', or '-' where no enumeration ended."""
    if not len(values):
        return "-"
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def teacher_row(record, task):
    measures = (("encoder's accuracy", 16), ("accuracy", 16), ("certified",))
    encoder, rnn, certified = (get(record, task, END, SMT, *what) for what in measures)
    star_free = "yes" if LANGUAGES[task].star_free else "no"
    means = [f"{accuracy.mean():.2f}" for accuracy in (encoder, rnn)]
    return [task, star_free, *means, tables.share(certified.sum(), len(certified))]


def scored_row(record, task):
    rules = [results.values(record, task, RULES, rule).mean() for rule in ("chance", "majority", "last letter")]
    return [task, *(f"{value:.2f}" for value in rules), *(scored_cell(record, task, method) for method in LEARNERS)]


def scored_cell(record, task, method):
    short, long = (get(record, task, END, method, "accuracy", length) for length in (16, 1024))
    return f"{short.mean():.2f} / {long.mean():.2f}" if len(short) else "-"


def figure(record, arrays):
    """The learned machines as graphs, codes coloured by the state they merge to, beside the minimal automata."""
    from smt.machine_graphs import sheet
    return sheet(tasks_of(record, END), arrays)
