"""Who models a text best, character by character, in the same time?

Windows of 64 characters of a real text, each from an empty memory; nats per character on its last 5 %. The first 90 %
are for training, the next 5 % for choosing. Every method has about the same processor seconds on one core; its rate,
batch and form are chosen with a third of the updates on seeds 900 and 901 (all settings on both, lowest mean). A best
rate at the edge, and for SMT a best weight of a loss, extends the grid until it lies inside, four times at most. The
coding is that of the paper's TinyStories (ASCII; here only the characters that occur). Without --data-dir the help
topics of Python stand in. "Far" is the mean over the characters 513 to 1,024 of windows of 1,024: the networks run on
where no training window has been. The tables are counted on all of the training part, with contexts inside the window,
as the networks have them; which one is shown is chosen as rates are.

What did not change since an earlier run of the same code was read back from its record: scores of seed 900, and the
methods whose chosen setting stayed (self-prediction, BPTT with the residual MLP, the Transformer).

"SMT + DMT needs no more data than BPTT" (the paper, TinyStories on a GPU) would be refuted here if BPTT had fewer nats
at equal sequences.
"""

import numpy as np

from common import results
from smt import modelling, natural
from smt.density import BPTT, DMT, GRU, SELF, SMT, TRANSFORMER, TRUNCATED
from smt.modelling import Contest, Setting, nats

SEEDS, MINUTES = range(100, 103), 15
USES = ("size", "hidden", "width", "heads", "scale", "data_dir")
QUICK = dict(size=16, hidden=16, width=16, scale=0.005, samples=1, far=128, most=20_000,
             choosing=(900,), extensions=0, first_only=True)

FREE_GRU = dict(memory="free", updater="gru")
CHRONO = dict(FREE_GRU, start="chrono")
GRIDS = {
    DMT: (Setting(2e-3, 8), Setting(2e-3, 8, dynamics=5.0), Setting(4e-3, 8, dynamics=5.0), Setting(2e-3, 32),
          Setting(2e-3, 8, uniformity=0.005), Setting(1e-2, 8, dynamics=5.0), Setting(1e-2, 8),
          Setting(1e-2, 8, dynamics=0.5)),
    SELF: (Setting(1e-3, 8), Setting(3e-3, 8), Setting(1e-2, 8), Setting(3e-3, 8, horizon=3),
           Setting(3e-3, 8, **FREE_GRU), Setting(1e-2, 8, **FREE_GRU)),
    BPTT: (Setting(1e-3, 8), Setting(3e-3, 8), Setting(1e-2, 8), Setting(3e-3, 32),
           Setting(1e-3, 8, memory="free", start="small"), Setting(3e-3, 8, memory="free", start="small")),
    TRUNCATED: (Setting(3e-3, 8, window=8), Setting(3e-3, 8, window=32), Setting(1e-2, 8, window=8, **CHRONO),
                Setting(1e-2, 8, window=32, **CHRONO)),
    GRU: (Setting(3e-3, 8, **CHRONO), Setting(1e-2, 8, **CHRONO), Setting(3e-2, 8, **CHRONO),
          Setting(1e-2, 32, **CHRONO), Setting(1e-2, 8, **FREE_GRU)),
    TRANSFORMER: (Setting(1e-3, 8), Setting(3e-3, 8), Setting(1e-2, 8), Setting(3e-3, 32))}
PACE = {SMT: {("mlp", 8): 55, ("mlp", 32): 17}, DMT: {("mlp", 8): 102, ("mlp", 32): 33},
        SELF: {("mlp", 8): 78, ("gru", 8): 100}, BPTT: {("mlp", 8): 130, ("mlp", 32): 61},
        TRUNCATED: {("mlp", 8): 150, ("gru", 8): 220}, GRU: {("gru", 8): 180, ("gru", 32): 89},
        TRANSFORMER: {("mlp", 8): 106, ("mlp", 32): 30}}
CONTEST = Contest(GRIDS, PACE)
LENGTH = 64


def run(config, seeds, part, seconds=16, choosing=(900, 901), extensions=4, samples=2, far=1024, most=None,
        first_only=False):
    """seconds: of each method, about, on one core; a third of it in choosing. extensions: of a grid whose best rate is
    at its edge. samples: lines that each method of the first seed makes up. far: length of the long windows. most:
    characters of the text that are used. first_only: only the first setting of each grid (--quick)."""
    data, long = (natural.characters(config.data_dir, length, most=most) for length in (LENGTH, far))
    grids = {method: grid[:1] for method, grid in GRIDS.items()} if first_only else GRIDS
    choices = modelling.choose(config, data, Contest(grids, PACE), seconds / 3, choosing, part, extensions)
    floors = part("floors", lambda: modelling.floor(data))
    for seed in seeds:
        wanted = samples if seed == seeds[0] else 0
        task = natural.task(data, natural.REPORT)
        found = modelling.report(config, seed, task, CONTEST, choices, tuple(choices), seconds, part, "", wanted,
                                 long.report)
        final = {"text": found["final"] | {"tables": floors}}
        written = {row: [data.decode(line) for line in np.asarray(drawn)] for row, drawn in found["samples"].items()}
        yield {**results.entry(seed, final, {"text": found["curves"]}, modelling.spent(final)),
               "choices": modelling.told(choices), "data": data.files, "data set": data.name, "written": written}


# ---------------------------------------------------------------- reading the record

def checks(record):
    best = modelling.best_bptt(record, "text")
    curve = lambda row: modelling.at_marks(record, ("text",), row, 1, sequences(record))
    behind = nats(record, "text", DMT) - nats(record, "text", best)
    earlier = curve(DMT) - curve(best)
    table = modelling.best_table(record, "text") - nats(record, "text", best)
    where = "(text; nats per character, mean difference)"
    return [results.check(f"BPTT has fewer nats than SMT + DMT after the same seconds {where}", behind.mean(), "> 0",
                          behind.mean() > 0, interval=results.interval(behind)),
            results.check(f"BPTT has fewer nats than SMT + DMT after the same sequences {where}", earlier.mean(), "> 0",
                          earlier.mean() > 0, interval=results.interval(earlier)),
            results.check(f"BPTT has fewer nats than the best table of contexts {where}", table.mean(), "> 0",
                          table.mean() > 0, interval=results.interval(table))]


def sequences(record):
    """That SMT + DMT and BPTT have both seen."""
    rows = (DMT, modelling.best_bptt(record, "text"))
    return modelling.fewest_sequences(record, ("text",), rows)


def finding(record):
    rows = [row for row in (BPTT, GRU, DMT, SELF, TRANSFORMER) if len(nats(record, "text", row))]
    shown = ", ".join(f"{row} {nats(record, 'text', row).mean():.2f} "
                      f"({results.values(record, 'text', row, 'far').mean():.2f})" for row in rows)
    return (f"Nats per character within the trained length, and far beyond it ({len(record['runs'])} seeds): {shown}; "
            f"the best table of contexts has {modelling.best_table(record, 'text'):.2f}.")


def table(record):
    header, rows = modelling.score_table(record, "text")
    far = [results.values(record, "text", row[0], "far") for row in rows]
    return {"Nats per character on the last 5 % of the text (*: on its first 20,000 characters)": (
                [*header, "far"], [[*row, f"{found.mean():.3f}" if len(found) else "–"]
                                   for row, found in zip(rows, far)]),
            "Without a network: nats per character": (["table", "nats"], [
                [rule, f"{value:.3f}"] for rule, value in record["runs"][0]["final"]["text"]["tables"].items()]),
            "Chosen settings, and what was tried: nats on the choosing part": modelling.choice_table(record),
            f"What each of them writes (seed {record['runs'][0]['seed']}, from nothing)": (["method", "text"], [
                [row, " / ".join(code(line) for line in lines)]
                for row, lines in record["runs"][0]["written"].items()])}


def code(line):
    """A line of text for a table cell."""
    return "`" + line.replace("\n", "⏎").replace("`", "'").replace("|", "¦") + "`"


def figure(record, arrays):
    """Nats per character against processor seconds, and against training sequences."""
    from common.figures import plt
    from smt.modelling_pictures import loss_curves
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for ax, axis in zip(axes, (2, 1)):
        loss_curves(ax, record, ("text",), modelling.best_table(record, "text"), axis)
    axes[0].set_ylabel("nats per character, held out")
    fig.suptitle(f"A text, character by character ({len(record['runs'])} seeds, a line each)", fontsize=11)
    return fig
