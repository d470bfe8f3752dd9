"""Who models handwritten digits best, pixel by pixel, in the same time?

MNIST as 14 x 14 = 196 tokens in three ways: four grey levels read line by line; the same pixels in one fixed random
order (no local structure: what belongs together lies anywhere); and 28 x 28 black or white pixels as 2 x 2 patches,
16 tokens, the coding the paper uses for Sketchy. Nats per token on pictures that nobody trained on, all 196 tokens,
from an empty memory. Every method has about the same processor seconds on one core; its rate, batch and form are chosen
on the grey pixels, with a third of the updates, on seeds 900 and 901 and other pictures (all settings on both, lowest
mean), and used in all three; a best rate at the edge, and for SMT a best weight of a loss, extends the grid until it
lies inside, four times at most. Pictures: the first 8,000 for training, the next 1,000 for choosing, the last 1,000 for
reporting. Without --data-dir drawn digits stand in for MNIST. The tables are counted on all training pictures; which
one is shown is chosen as rates are.

"SMT + DMT models pixels better than BPTT" (the paper, on a GPU) would be refuted here if BPTT has fewer nats. It would
turn with the order of the pixels if BPTT lived from local structure only. In random order no RNN learns much more than
the unigram in that time, which shows nothing; so SMT + DMT and BPTT are run there with four times the seconds too.

The paper's own form, 28 x 28 pixels at 256 levels, was not run: four times the tokens, attention over them sixteen
times the work, and 64 times the answers; as many updates with the same choosing would take hours, not half an hour.

What did not change since an earlier run of the same code was read back from its record: scores of seed 900, and the
methods whose chosen setting stayed (all but SMT + DMT and truncated BPTT).
"""

import numpy as np

from common import results
from smt import modelling, natural
from smt.modelling import Contest, Setting, nats
from smt.density import BPTT, DMT, GRU, SELF, SMT, TRANSFORMER, TRUNCATED

SEEDS, MINUTES = range(100, 103), 28
USES = ("size", "hidden", "width", "heads", "scale", "data_dir")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, count=150, codings=("grey",), choosing=(900,), extensions=0,
             samples=1, first_only=True)

LONGER = "permuted, longer"
CODINGS = {"grey": dict(), "permuted": dict(permuted=True), LONGER: dict(permuted=True),
           "patches": dict(coding="patches")}
TIMES = {LONGER: 4}                                         # the seconds; in all other codings once
TITLES = {"grey": "4 grey levels, line by line", "permuted": "4 grey levels, fixed random order",
          LONGER: "4 grey levels, fixed random order, 4 times the seconds",
          "patches": "2 x 2 black or white patches, line by line"}
EVERYWHERE = (DMT, SELF, BPTT, GRU, TRANSFORMER)            # the methods that are run in every coding but the longer
LONG = (DMT, BPTT, GRU)
FREE_GRU = dict(memory="free", updater="gru")
CHRONO = dict(FREE_GRU, start="chrono")
GRIDS = {
    DMT: (Setting(2e-3, 4), Setting(2e-3, 4, dynamics=5.0), Setting(4e-3, 4, dynamics=5.0), Setting(2e-3, 8),
          Setting(2e-3, 4, uniformity=0.005), Setting(2e-3, 4, dynamics=0.5)),
    SELF: (Setting(1e-3, 4, horizon=16), Setting(3e-3, 4, horizon=16), Setting(3e-3, 4),
           Setting(3e-3, 4, horizon=16, **FREE_GRU), Setting(1e-2, 4, horizon=16, **FREE_GRU)),
    BPTT: (Setting(1e-3, 8), Setting(3e-3, 8), Setting(1e-2, 8), Setting(3e-3, 32),
           Setting(1e-3, 8, memory="free", start="small"), Setting(3e-3, 8, memory="free", start="small")),
    TRUNCATED: (Setting(3e-3, 8, window=28), Setting(3e-3, 8, window=98), Setting(1e-2, 8, window=28, **CHRONO),
                Setting(1e-2, 8, window=98, **CHRONO)),
    GRU: (Setting(3e-3, 8, **CHRONO), Setting(1e-2, 8, **CHRONO), Setting(3e-2, 8, **CHRONO),
          Setting(1e-2, 32, **CHRONO), Setting(1e-2, 8, **FREE_GRU)),
    TRANSFORMER: (Setting(1e-3, 8), Setting(3e-3, 8), Setting(1e-2, 8), Setting(3e-3, 4))}
PACE = {SMT: {("mlp", 4): 34, ("mlp", 8): 18}, DMT: {("mlp", 4): 42, ("mlp", 8): 31},
        SELF: {("mlp", 4): 45, ("gru", 4): 58}, BPTT: {("mlp", 8): 42, ("mlp", 32): 17},
        TRUNCATED: {("mlp", 8): 46, ("gru", 8): 55}, GRU: {("gru", 8): 63, ("gru", 32): 31},
        TRANSFORMER: {("mlp", 4): 52, ("mlp", 8): 29}}
CONTEST = Contest(GRIDS, PACE)


def run(config, seeds, part, codings=tuple(CODINGS), seconds=16, choosing=(900, 901), extensions=4, samples=8,
        count=10_000, first_only=False):
    """seconds: of each method, about, on one core; a third of it in choosing. extensions: of a grid whose best rate is
    at its edge. samples: pictures that each method of the first seed makes up. count: of drawn digits. first_only: only
    the first setting of each grid (--quick)."""
    data = {coding: natural.pictures(config.data_dir, count=count, **CODINGS[coding]) for coding in codings}
    grids = {method: grid[:1] for method, grid in GRIDS.items()} if first_only else GRIDS
    choices = modelling.choose(config, data["grey"], Contest(grids, PACE), seconds / 3, choosing, part,
                               extensions)
    floors = {coding: part(f"floors {coding.split(',')[0]}", lambda: modelling.floor(each))
              for coding, each in data.items()}
    for seed in seeds:
        wanted = samples if seed == seeds[0] else 0
        yield entry(config, seed, data, choices, floors, seconds, part, wanted)


def entry(c, seed, data, choices, floors, seconds, part, samples):
    """One seed: every coding, every method."""
    made, curves, arrays = {}, {}, {}
    for coding, each in data.items():
        task = natural.task(each, natural.REPORT)
        methods = {"grey": tuple(choices), LONGER: LONG}.get(coding, EVERYWHERE)
        found = modelling.report(c, seed, task, CONTEST, choices, methods, TIMES.get(coding, 1) * seconds, part, coding,
                                 samples)
        made[coding], curves[coding] = found["final"] | {"tables": floors[coding]}, found["curves"]
        for row, drawn in found["samples"].items():
            arrays[f"{coding}, {row}"] = natural.as_pictures(each, np.asarray(drawn), coding)
        if samples:
            arrays[f"{coding}, MNIST"] = natural.as_pictures(each, task.held_out[:samples], coding)
    used = next(iter(data.values()))
    return {**results.entry(seed, made, curves, modelling.spent(made), arrays if samples else None),
            "choices": modelling.told(choices), "data": used.files, "data set": used.name}


# ---------------------------------------------------------------- reading the record

def codings_of(record):
    return [coding for coding in record["config"]["codings"]]


def checks(record):
    return [claim for coding in codings_of(record) for claim in claims(record, coding)]


def claims(record, coding):
    """Differences of seeds in nats per token."""
    other = modelling.best_bptt(record, coding)
    behind = nats(record, coding, DMT) - nats(record, coding, other)
    table = modelling.best_table(record, coding) - nats(record, coding, DMT)
    where = f"({TITLES[coding]}; nats per token, mean difference)"
    return [results.check(f"BPTT has fewer nats than SMT + DMT after the same seconds {where}", behind.mean(), "> 0",
                          behind.mean() > 0, interval=results.interval(behind)),
            results.check(f"SMT + DMT has fewer nats than the best table of contexts {where}", table.mean(), "> 0",
                          table.mean() > 0, interval=results.interval(table))]


def finding(record):
    codings = codings_of(record)
    bptt = [modelling.mean(record, coding, modelling.best_bptt(record, coding)) for coding in codings]
    told = lambda row: in_turn(modelling.mean(record, coding, row) for coding in codings)
    floor = lambda rule: in_turn(results.values(record, coding, "tables", rule)[0] for coding in codings)
    return (f"Nats per token ({' / '.join(codings)}; "
            f"{len(record['runs'])} seeds): BPTT {in_turn(bptt)}, SMT + DMT {told(DMT)}, self-prediction {told(SELF)}, "
            f"Transformer {told(TRANSFORMER)}, a table of contexts {floor('best table')}, unigram {floor('unigram')}.")


def in_turn(values):
    return " / ".join("–" if value is None else f"{value:.3f}" for value in values)


def table(record):
    made = {}
    for coding in codings_of(record):
        title = f"{TITLES[coding]}: nats per token on the last 1,000 pictures (*: on the first 102 of them)"
        made[title] = modelling.score_table(record, coding, marks=[TIMES.get(coding, 1) * mark for mark in (5, 10)])
    once = [coding for coding in codings_of(record) if coding not in TIMES]
    made["Without a network: nats per token"] = (["table", *(TITLES[coding] for coding in once)], [
        [rule, *(f"{results.values(record, coding, 'tables', rule)[0]:.3f}" for coding in once)]
        for rule in record["runs"][0]["final"][once[0]]["tables"]])
    made["Chosen settings, and what was tried: nats on the choosing pictures"] = modelling.choice_table(record)
    return made


def with_longer(tree):
    """{coding: rows} with the longer run of a method instead of its shorter one."""
    return {**tree, **({"permuted": tree["permuted"] | tree[LONGER]} if LONGER in tree else {})}


def figure(record, arrays):
    """Above: nats against seconds in every coding. Below: what the methods make up, first seed."""
    from common.figures import plt
    from smt.modelling_pictures import loss_curves, made_up
    codings = [coding for coding in codings_of(record) if coding not in TIMES]
    record = {**record, "runs": [{**run, **{what: with_longer(run[what]) for what in ("final", "curves")}}
                                 for run in record["runs"]]}
    arrays = {**arrays, **{name.replace(LONGER, "permuted"): array for name, array in arrays.items() if LONGER in name}}
    fig, axes = plt.subplots(2, len(codings), figsize=(3.4 * len(codings), 6.2), squeeze=False, layout="constrained",
                             height_ratios=(1, 1.1))
    for (above, below), coding in zip(axes.T, codings):
        loss_curves(above, record, (coding,), modelling.best_table(record, coding))
        longer = ", to 4 times the seconds" * (coding == "permuted" and LONGER in codings_of(record))
        above.set_title(TITLES[coding].replace(", ", ",\n", 1) + longer, fontsize=10)
        made_up(below, arrays, coding, EVERYWHERE, "real")
    axes[0][0].set_ylabel("nats per token, held out")
    seeds = record["config"]["seeds"]
    fig.suptitle(f"Digits, token by token: {len(seeds)} seeds, a line each; below, what seed {seeds[0]} makes up",
                 fontsize=11)
    return fig
