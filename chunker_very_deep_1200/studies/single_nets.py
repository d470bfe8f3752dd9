"""Which learning rates and batch sizes do the single nets need?

The grid from which the main experiment takes the settings of its opponents, on seeds of its own that
are reported nowhere else. Every setting reads the same 864 sequences once: batches of 2 are 432
updates, batches of 16 are 54; single sequences were not tried. The recall is validated on pairs of
sequences that differ in the letter to be recalled, so that both letters count the same. A rate that
diverges is the worst of its row. The opponents would be under-tuned if the best rate lay at an edge
of the grid. The plain tanh-RNN is the untuned control: it has no grid.
"""

import time

import numpy as np

from chunker_very_deep_1200 import single_nets
from chunker_very_deep_1200.single_nets import ASKED, Job, label
from chunker_very_deep_1200.task import twins
from common import results
from common.networks import best_rate, chosen

SEEDS, MINUTES = range(900, 903), 11
USES = ("length", "automatizer_window", "automatizer_windows", "automatizer_batch", "chunker_updates", "chunker_batch",
        "hidden", "cells", "clip")
QUICK = dict(length=60, automatizer_windows=20, chunker_updates=2, batches=(2, 16), pairs=2)
RATES = (("lstm", (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)), ("lstm_forget", (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
         ("tuned_rnn", (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)))
LEARNED = 0.6                                # mean recall in validation above which a setting counts as learning


def run(config, seeds, *, part, batches=(2, 4, 16), rates=RATES, pairs=32):
    for seed in seeds:
        started, final = time.perf_counter(), {}
        for kind, kind_rates in rates:
            for batch in batches:
                make = lambda: grid(kind, kind_rates, batch, [seed], config, pairs)
                final |= part(f"{kind}-{batch}-{seed}", make)
        yield results.entry(seed, {name: a[0] for name, a in final.items()}, seconds=time.perf_counter() - started)


def grid(kind, rates, batch, seeds, config, pairs):
    """{metric: (S,)}: recall and its loss in validation for every job and rate at one batch size."""
    jobs = [Job(objective, m, rate) for objective, m in ASKED for rate in rates]
    net, _, p, curves, alive = single_nets.train(kind, jobs, seeds, config, batch, label=f"{kind}, batch {batch}")
    final = {f"updates_batch{batch}": np.full(len(seeds), len(curves["loss"]))}
    for j, job in enumerate(jobs):
        own = slice(j * len(seeds), (j + 1) * len(seeds))
        test = twins(seeds, "validation", pairs, config.length, job.m)
        scores, _ = single_nets.measure(net, chosen(p, own), test)
        where = setting_name(f"{kind}_{job.objective}", job.m, batch, job.rate)
        final |= {f"{key}_{where}": np.where(alive[own], scores[key], np.nan) for key in ("recall", "loss")}
    return final


def setting_name(name, m, batch, rate):
    return f"{name}_m{m}_batch{batch}_rate{rate:g}"


def means(record, metric, name, m, batch, rates):
    """Means over the seeds (R,), NaN if any seed diverged."""
    values = [record["summary"][f"{metric}_{setting_name(name, m, batch, rate)}"] for rate in rates]
    return np.array([v["mean"] if v["n"] == len(record["runs"]) else np.nan for v in values], dtype=float)


def choice(record):
    """What the main experiment takes: {kind: batch size}, {(name, m): rate}.

    A task chooses among the settings that recall more than 0.6. The batch size of a kind is the one
    with the largest mean recall of its best rates, the smallest (most updates) if they are equal. A
    task at which every rate stays at chance has nothing to choose from: single_nets.USUAL.
    """
    batch_of, rate_of = {}, {}
    for kind, rates in record["config"]["rates"]:
        names = [(f"{kind}_{objective}", m) for objective, m in ASKED]
        score = {batch: np.mean([np.nanmax(means(record, "recall", *name, batch, rates)) for name in names])
                 for batch in record["config"]["batches"]}
        batch = batch_of[kind] = max(score, key=lambda size: (score[size], -size))
        for name in names:
            recall, loss = (means(record, metric, *name, batch, rates) for metric in ("recall", "loss"))
            learned = np.nanmax(recall) > LEARNED
            rate_of[name] = rates[int(best_rate(recall, loss))] if learned else single_nets.USUAL[name[0]]
    return batch_of, rate_of


def checks(record):
    batch_of, rate_of = choice(record)
    of_kind = dict(record["config"]["rates"])
    edge = sum(rate in (of_kind[name.rsplit("_", 1)[0]][0], of_kind[name.rsplit("_", 1)[0]][-1])
               for (name, _), rate in rate_of.items() if name.endswith("last"))
    small = sum(batch == min(record["config"]["batches"]) for batch in batch_of.values())
    return [results.check("chosen rates of the last symbol's nets that lie at an edge of the grid", edge, "0",
                          edge == 0),
            results.check("kinds of net for which the smallest batches are best", small, f"all {len(batch_of)}",
                          small == len(batch_of))]


def finding(record):
    batch_of, rate_of = choice(record)
    rates = sorted({rate for (name, _), rate in rate_of.items() if name in ("lstm_last", "lstm_forget_last")})
    n = len(record["runs"])
    tanh = max(e["mean"] for name, e in record["summary"].items()
               if name.startswith("recall_tuned_rnn") and e["n"] == n)
    batches = " or ".join(map(str, sorted(set(batch_of.values()))))
    return (f"Batches of {batches}; the LSTMs, last symbol only, a rate of "
            f"{' or '.join(f'{rate:g}' for rate in rates)}; the tanh-RNN's best setting recalls {tanh:.2f} "
            f"(mean of {n} seeds).")


def table(record):
    rows = []
    for kind, rates in record["config"]["rates"]:
        for objective, m in ASKED:
            name = f"{kind}_{objective}"
            for batch in record["config"]["batches"]:
                recall = means(record, "recall", name, m, batch, rates)
                loss = means(record, "loss", name, m, batch, rates)
                cells = [f"{rate:g}: {a:.2f} ({b:.2f})" if np.isfinite(a) else f"{rate:g}: diverged"
                         for rate, a, b in zip(rates, recall, loss)]
                updates = record["summary"][f"updates_batch{batch}"]["mean"]
                rows.append([label(name), m, batch, f"{updates:.0f}", *cells])
    most = max(len(rates) for _, rates in record["config"]["rates"])
    rows.append(["chance", "", "", "", "0.50 (0.69)"])
    header = ["net", "m", "batch", "updates", *["rate: recall (loss in nats)"] * most]
    return header, [row + [""] * (len(header) - len(row)) for row in rows]
