"""Which learning rates and batch sizes does the main experiment use?

The grid for plain SGD and for Adam, both starts, on the choosing seeds, at one lag. The best setting solves most
seeds; among equals, it has the smallest median of the sequences, networks that do not get there being infinitely
slow. The main experiment takes the best with a batch of at least 4: single sequences cost several times as much time.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import laws, training
from vanishing_gradient.compute.training import FIRST, STARTS, Recipe

SEEDS, MINUTES = range(900, 906), 0.5
USES = ("units",)
LEAST = 4                                    # smallest batch that the main experiment may use
QUICK = dict(lag=4, sgd_batches=(16,), adam_batches=(16,), budget=1000)


def run(config, seeds, part, lag=60, sgd_rates=(0.1, 0.3, 1, 3), sgd_batches=(1, 4, 16, 64),
        adam_rates=(0.003, 0.01, 0.03, 0.1, 0.3), adam_batches=(1, 4, 16, 64), budget=3000):
    """Every optimiser and batch size is one call with all starts, seeds and rates on the axis N; each is kept."""
    grids = {"sgd": (sgd_rates, sgd_batches), "adam": (adam_rates, adam_batches)}
    finals = {seed: {} for seed in seeds}
    for optimizer, (rates, batches) in grids.items():
        for B in batches:
            made = part(f"{optimizer} {B} {min(seeds)}-{max(seeds)}",
                        lambda: grid(config.units, seeds, optimizer, lag, rates, B, budget))
            for seed, final in zip(seeds, made["finals"]):
                finals[seed] |= final
    return [results.entry(seed, finals[seed]) for seed in seeds]


def grid(units, seeds, optimizer, lag, rates, B, budget):
    """{finals: [{setting: sequences or None}] for each seed} of one optimiser and batch size."""
    axis = [(kind, seed, rate) for kind in STARTS for rate in rates for seed in seeds]
    net = FIRST.network(units)
    p = stack([training.start(kind, seed, net) for kind, seed, _ in axis])
    made = training.train(FIRST, net, p, [seed for _, seed, _ in axis], [rate for *_, rate in axis], lag,
                          Recipe(optimizer, B), budget)
    finals = {seed: {} for seed in seeds}
    for (kind, seed, rate), needed in zip(axis, made.sequences):
        finals[seed][name(optimizer, kind, rate, B)] = float(needed) if np.isfinite(needed) else None
    return dict(finals=[finals[seed] for seed in seeds])


def name(optimizer, kind, rate, B):
    return f"{optimizer} {kind}, rate {rate:g}, batch {B}"


# ---------------------------------------------------------------- what it shows

def settings(record, optimizer, kind):
    """{(rate, batch): (median with the unsolved as infinite, solved)}."""
    c, found = record["config"], {}
    for rate in c[f"{optimizer}_rates"]:
        for B in c[f"{optimizer}_batches"]:
            needed = [run["final"][name(optimizer, kind, rate, B)] for run in record["runs"]]
            needed = [np.inf if v is None else v for v in needed]
            found[rate, B] = float(laws.middle(needed)), int(np.isfinite(needed).sum())
    return found


def best(record, optimizer, kind):
    """(rate, batch) with the most solved seeds, then the smallest median; batches of at least 4."""
    found = settings(record, optimizer, kind)
    return min((s for s in found if s[1] >= LEAST), key=lambda setting: (-found[setting][1], found[setting][0]))


def pairs():
    return [(optimizer, kind) for optimizer in ("sgd", "adam") for kind in STARTS]


def checks(record):
    return []


def finding(record):
    words = {"sgd": "SGD", "adam": "Adam"}
    chosen = ["{}, {} start: rate {:g}, batch {}".format(words[o], k, *best(record, o, k)) for o, k in pairs()]
    count = {o: len(settings(record, o, "plain")) for o in words}
    return f"Of {count['sgd']} settings of SGD and {count['adam']} of Adam: {'; '.join(chosen)}."


def table(record):
    c, tables = record["config"], {}
    for optimizer, kind in pairs():
        found, batches = settings(record, optimizer, kind), c[f"{optimizer}_batches"]
        cell = lambda value: f"{value[0]:,.0f} ({value[1]} of {len(record['runs'])})" if np.isfinite(value[0]) else \
            f"– ({value[1]} of {len(record['runs'])})"
        rows = [[f"{rate:g}", *(cell(found[rate, B]) for B in batches)] for rate in c[f"{optimizer}_rates"]]
        title = f"{'SGD' if optimizer == 'sgd' else 'Adam'}, {kind} start, lag {c['lag']}: median " \
                f"sequences (solved within {c['budget']:,})"
        tables[title] = (["rate", *(f"batch {B}" for B in batches)], rows)
    return tables
