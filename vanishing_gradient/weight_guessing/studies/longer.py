"""Do guessed networks hold at lengths they were not accepted at?

The networks are accepted on 100 sequences of 500 to 600 steps, as in the main experiment. Then each
answers four fresh sequences, two of each class, of 10^3 to 10^6 steps; it holds if all four answers
are right (error below 0.1). A network that stores its state in saturated units should hold for ever,
one that only survives the noise for a while should not. Trivial answers hold with probability 1/16.
The 25 networks of a seed meet the same four sequences, so an unlucky sequence fails many at once: the
intervals are too narrow where sequences are noisy. Two seeds only, and with noise they differ: each takes
two minutes, nearly all of it for a million steps one after the other.
"""

import numpy as np

from common import results, tables
from common.randomness import stream
from vanishing_gradient.weight_guessing.weight_guessing import ROW, margin, right, search_until, sequences

SEEDS, MINUTES = range(2), 4
USES = ("interval", "shortest", "longest", "training", "tolerance")
QUICK = dict(shortest=40, longest=50, training=20, networks=2, lengths=(100, 200),
             rows=("latch_2", "two_sequence", "parity_a2_no_self"))
HELD = 0.9                              # bound of the claims, fixed before the run


def run(config, seeds, networks=25, count=4, lengths=(1_000, 10_000, 100_000, 1_000_000),
        rows=("latch_2", "two_sequence", "two_sequence_variance", "parity_a1", "parity_a2", "parity_a2_no_self",
              "noisy_parity_a1", "tomita_1_a1", "tomita_2_a2"), most=2_000_000):
    for seed in seeds:
        final = {}
        for name in rows:
            row = ROW[name]
            data = sequences(row, config, seed, "train", config.training)
            _, w = search_until(row.network, data, margin(row, config.tolerance), stream(seed, f"longer {name}"),
                                networks, most, config.interval, chunk=8_192)
            w = w[:, :networks]
            for length in lengths:
                fresh = row.task(stream(seed, f"longer {name} {length}"), count, length, length)
                held = right(row.network, w, fresh, margin(row, config.tolerance)).all(0)
                final |= {f"{name}_{length}_held": int(held.sum()), f"{name}_{length}_networks": len(held)}
        yield results.entry(seed, final)


def _rows(record):
    return [name for name in ROW if f"{name}_{record['config']['lengths'][0]}_held" in record["summary"]]


def _held(record, name, length):
    """(networks that hold, networks) over all seeds."""
    return tuple(int(results.values(record, f"{name}_{length}_{what}").sum()) for what in ("held", "networks"))


def checks(record):
    made, longest = [], record["config"]["lengths"][-1]
    for name in _rows(record):
        if "parity" in name:
            k, n = _held(record, name, longest)
            made.append(results.check(f"{ROW[name].title}: share that still answers at {longest:,} steps",
                                      k / n if n else None, f"at least {HELD}", n > 0 and k / n >= HELD, None,
                                      tables.wilson(k, n)))
    return made


def finding(record):
    longest = record["config"]["lengths"][-1]
    kinds = {"parity without noise": [n for n in _rows(record) if n.startswith("parity")],
             "two-sequence": [n for n in _rows(record) if n.startswith("two_sequence")]}
    said = [f"{kind} {tables.share(*np.sum([_held(record, n, longest) for n in names], axis=0))}"
            for kind, names in kinds.items() if names]
    return f"At {longest:,} steps still right: {'; '.join(said)}."


def table(record):
    lengths = record["config"]["lengths"]
    rows = []
    for name in _rows(record):
        cells = []
        for length in lengths:
            k, n = _held(record, name, length)
            low, high = tables.wilson(k, n)
            cells.append(f"{k} of {n} [{low:.2f}, {high:.2f}]")
        rows.append([ROW[name].title, *cells])
    return ["accepted at 500 to 600 steps", *(f"{length:,} steps" for length in lengths)], \
        [*rows, ["a coin", *(f"1 of {2 ** record['config']['count']}" for _ in lengths)]]


def figure(record, arrays):
    from common.figures import CELLS, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4))
    lengths = np.array(record["config"]["lengths"])
    for k, name in enumerate(_rows(record)):
        shares = [np.divide(*_held(record, name, length)) for length in lengths]
        spread = 1.03 ** (k - len(_rows(record)) / 2)
        ax.plot(lengths * spread, shares, color=CELLS[k % len(CELLS)], label=ROW[name].title,
                marker=SYMBOL_MARKERS[k % len(SYMBOL_MARKERS)], linestyle="-" if k < len(CELLS) else "--")
    ax.axhline(1 / 2 ** record["config"]["count"], color="0.5", linestyle=":", label="a coin")
    ax.set(xscale="log", xlabel="steps", ylabel="share right on all four sequences", ylim=(-0.03, 1.05))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
