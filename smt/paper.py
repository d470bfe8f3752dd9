"""What the paper claims and what a laptop sees: one table for the README, every number from the saved results.

We could not read the paper's body (only its first page, the released code and two independent notes), so its claims
are those the notes report, without their numbers. Each row names the study that answers.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from common import study
from common.tables import share, table
from smt import scores

HOME = Path(__file__).resolve().parent


def paper_table(record, studies):
    """Markdown; a row is left out while its study has no result.

    record    of the main experiment
    studies   {name: record}
    """
    rows = [[claim, here(record, studies), f"[{name}](studies/README.md#{name})" if name else "tables 2 and 3"]
            for claim, here, name in ROWS if name is None or name in studies]
    return table(["the paper (as others report it)", "here", "study"], rows)


def loaded(studies, name):
    """(module, record) of a study."""
    return study.load(HOME, name), studies[name]


def headline(found):
    """One sentence from the grid: which networks learn its longest full length, and hold far beyond it."""
    grid, long, far = study.load(HOME, "grid"), found["config"]["lengths"][-1], 4096
    bptt = np.sum([[grid.solved(found, long, grid.BPTT, memory, at=at) for memory in grid.MEMORIES[grid.BPTT]]
                   for at in (long, far)], axis=1)
    smt = [grid.solved(found, long, grid.SMT, grid.BITS, at=at) for at in (long, far)]
    return (f"Retrieval, T = {long}, five updaters: SMT with bits solves it with {share(*smt[0])} networks, tuned BPTT "
            f"(sphere, free, bits) with {share(*bptt[0])}; right at T = {far:,} are {smt[1][0]} and {bptt[1][0]}")


# ---------------------------------------------------------------- one row each

def retrieval(_record, studies):
    grid, found = loaded(studies, "grid")
    length = found["config"]["lengths"][-1]
    solved = lambda method, memory, *who: share(*grid.solved(found, length, method, memory, *who))
    gated, plain = (np.sum([grid.solved(found, length, grid.BPTT, memory, who) for memory in (grid.SPHERE, grid.FREE)],
                           axis=0) for who in (grid.GATED, grid.OTHERS))
    return (f"Retrieval, T = {length}, networks that solve it: SMT with bits {solved(grid.SMT, grid.BITS)}, SMT + DMT "
            f"{solved(grid.DMT, grid.SPHERE)}; BPTT with gates {share(*gated)}, without {share(*plain)}")


def suite(_record, studies):
    limit, found = loaded(studies, "encoder_limit")
    names = found["config"]["tasks"]
    ahead = Counter(limit.leader(found, name, length) for name in names for length in limit.lengths_of(found, name))
    return (f"{len(names)} tasks, several lengths up to {found['config']['longest']}: tuned BPTT is ahead on "
            f"{ahead['BPTT']} task-lengths, SMT + DMT on {ahead[limit.SMT]}, even on {ahead['even']}")


def recall(_record, studies):
    limit, found = loaded(studies, "encoder_limit")
    reach = [limit.longest_solved(found, "Keys and Values", who) or "no"
             for who in ((limit.SMT,), (limit.MLP, limit.GRU))]
    return f"longest length solved: SMT + DMT {reach[0]}, BPTT {reach[1]}"


def gated(_record, studies):
    grid, found = loaded(studies, "grid")
    length = found["config"]["lengths"][-1]
    return (f"SMT + DMT with a GRU solves Retrieval, T = {length}, on "
            f"{share(*grid.solved(found, length, grid.DMT, grid.SPHERE, ('GRU',)))} seeds")


def credit(_record, studies):
    norms, found = loaded(studies, "gradient_norms")
    slope = lambda moment, loss: norms.median(norms.everywhere(found, moment, loss, norms.SLOPE))
    powers = {loss: f"distance^{slope(norms.UNTRAINED, loss)} before and ^{slope(norms.TAUGHT, loss)} after training"
              for loss in ("decoding", "dynamics")}
    return (f"over {found['config']['steps']} steps L_dec goes as {powers['decoding']}, L_dyn as {powers['dynamics']}; "
            f"BPTT's error falls to {norms.ends(found, norms.UNTRAINED)} before training")


def operations(_record, studies):
    return study.load(HOME, "complexity").finding(studies["complexity"]).rstrip(".")


def space(_record, studies):
    maps, found = loaded(studies, "memory_maps")
    told = [f"{name} {maps.mean(maps.get(found, name, 'trained', 'encoder', maps.APART))} (untrained "
            f"{maps.mean(maps.get(found, name, 'untrained', 'encoder', maps.APART))}, best rule "
            f"{maps.mean(maps.best_rule(found, name))})" for name in found["config"]["tasks"]]
    return f"a memory with the same content is the nearer one (chance 0.5): {'; '.join(told)}"


def drift(record, _studies):
    smt, more, dmt = (np.mean(scores.values(record, "direct", method, "drift"))
                      for method in (scores.SMT, scores.MORE, scores.DMT))
    return f"T = {record['config']['length']}: {smt:.4f} → {dmt:.4f}; as many further SMT updates: {more:.4f}"


def longer(record, _studies):
    rnn, transformer = (np.mean([v or 0.0 for v in scores.values(record, "direct", method, 1024)])
                        for method in (scores.DMT, scores.TRANSFORMER))
    return (f"Retrieval, trained at T = {record['config']['length']}, T = 1,024: SMT + DMT {rnn:.3f}, Transformer "
            f"{transformer:.3f}")


def natural(name):
    """The study's own sentence."""
    return lambda _record, studies: study.load(HOME, name).finding(studies[name]).rstrip(".")


ROWS = (
    ("SMT → DMT beats BPTT on Retrieval, and BPTT degrades with length", retrieval, "grid"),
    ("and on the other tasks of the suite", suite, "encoder_limit"),
    ("Keys and Values stays hard for SMT", recall, "encoder_limit"),
    ("a GRU as the updater fails (its memory collapses)", gated, "grid"),
    ("BPTT's gradient vanishes or explodes, SMT's does not", credit, "gradient_norms"),
    ("constant credit path and number of sequential operations", operations, "complexity"),
    ("the memory space shows few clusters (Retrieval) and a tree of strings (String Copy)", space, "memory_maps"),
    ("DMT lowers the drift", drift, None),
    ("beyond the trained length the RNN is far better than its Transformer", longer, None),
    ("pixels: BPTT fails on long range, SMT → DMT writes recognisable digits", natural("pixels"), "pixels"),
    ("text: as data-efficient as BPTT", natural("text"), "text"))
