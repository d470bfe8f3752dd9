"""Looked at after every update: does the error come back before the state holds the symbol?

Study `mechanism` looks at its networks every 64 sequences or later, and often finds a state that holds the symbol
before it has seen an error at the first state. Here the same start and lag, Adam with that study's rate and batch and
with those of the main experiment, looked at after every single update. Noted: the error of the answer at the first
state (the largest of 32 sequences: the gradient is their mean), whether the state holds the symbol, when the network
is done. "The gradient through all steps learns the lag" is refuted by states that come to hold the symbol although
no error above 10^-6 has come back before.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import training
from vanishing_gradient.compute.studies.mechanism import FEW, HELD
from vanishing_gradient.compute.training import FIRST, SOLVED, Recipe

SEEDS, MINUTES = range(8), 1
USES = ("units",)
QUICK = dict(lag=10, updates=20)
ROWS = {"large": (0.1, 4), "chosen": (0.03, 16)}         # rate and batch of the study mechanism, of the main experiment
NAME = {name: f"Adam, rate {rate:g}, batch {batch}" for name, (rate, batch) in ROWS.items()}
THERE = -6                                   # log10 of an error that counts as having come back
TICKS = (-60, -40, -20, 0)
NAMES = ("radius", "error", "held")


def run(config, seeds, part, lag=100, updates=600):
    """Both rows with all seeds; each is kept."""
    finals, arrays = {seed: {} for seed in seeds}, {seed: {} for seed in seeds}
    for name in ROWS:
        made = part(f"{name} {min(seeds)}-{max(seeds)}", lambda: row(config.units, seeds, name, lag, updates))
        for n, seed in enumerate(seeds):
            finals[seed][name] = made["finals"][n]
            arrays[seed] |= {f"{name}_{what}": made[what][:, n] for what in NAMES}
    return [results.entry(seed, finals[seed], arrays=arrays[seed]) for seed in seeds]


def row(units, seeds, name, lag, updates):
    """{finals: [...], what: (looks, seeds)} of one rate and batch; nan after a network is done."""
    (rate, batch), net = ROWS[name], FIRST.network(units)
    p = stack([training.start("plain", seed, net) for seed in seeds])
    x, answers = training.labelled(FIRST, seeds, "held", 2 * training.VALIDATION, lag)

    def watch(p, active):
        few = x[:, active, :FEW], answers[active, :FEW]
        return dict(radius=training.spectral_radius(p["W"]), error=training.error_flow(net, p, *few, np.max)[lag],
                    held=training.decodable(net, p, x[:, active], answers[active]))

    made = training.train(FIRST, net, p, seeds, np.full(len(seeds), rate), lag, Recipe("adam", batch),
                          updates * batch, watch=watch, every=batch, growth=1)
    right = training.test(FIRST, net, made.p, seeds, lag)
    finals = [numbers(made.watched["error"][:, n], made.watched["held"][:, n], made.sequences[n], right[n])
              for n in range(len(seeds))]
    whole = updates + 1 - len(made.looks)            # looks that nobody needed: all networks were done
    return dict(finals=finals) | {what: np.pad(made.watched[what], ((0, whole), (0, 0)), constant_values=np.nan
                                               ).astype(np.float32) for what in NAMES}


def numbers(error, held, sequences, right):
    """What is reported of one network, from its looks (nan after it was done)."""
    at = np.flatnonzero(held >= HELD)
    until = error[:at[0] + 1] if len(at) else error[np.isfinite(error)]
    return dict(updates=float(np.isfinite(error).sum() - 1), accuracy=float(right),
                sequences=float(sequences) if np.isfinite(sequences) and right >= SOLVED else None,
                holds_at=float(at[0]) if len(at) else None, largest=float(until.max()),
                there=float((until > THERE).sum()), last=float(error[np.isfinite(error)][-1]))


# ---------------------------------------------------------------- what it shows

def of(record, name, what):
    return [run["final"][name][what] for run in record["runs"]]


def groups(record, name):
    """(finals of the networks that come to hold the symbol, of the others)."""
    finals = [run["final"][name] for run in record["runs"]]
    return [[f for f in finals if (f["holds_at"] is not None) == holds] for holds in (True, False)]


def came(finals):
    """How many have seen the error come back."""
    return sum(f["largest"] > THERE for f in finals)


def shares(finals):
    """Share of the looks until the state holds the symbol at which the error was there."""
    return [f["there"] / (f["holds_at"] + 1) for f in finals]


# Bounds fixed on seeds 900 to 903.
def checks(record):
    made = []
    for name in ROWS:
        holds, misses = groups(record, name)
        made.append(results.check(f"{NAME[name]}: networks that come to hold the symbol and to which an error above "
                                  f"10^{THERE} came back before", came(holds), f"all {len(holds)} that hold it but one "
                                  "at most", len(holds) > 2 and came(holds) >= len(holds) - 1))
        made.append(results.check(f"{NAME[name]}: networks to which it came back, without their holding the symbol",
                                  came(misses), "at least 1: the moment can be missed", came(misses) >= 1))
        share = float(np.median(shares(holds))) if holds else None
        made.append(results.check(f"{NAME[name]}: share of the looks until then at which it was there, median", share,
                                  "below 0.25: a short moment", share is not None and share < 0.25))
        done = [f for f in holds if f["sequences"] is not None]
        gone = sum(f["last"] < THERE for f in done)
        made.append(results.check(f"{NAME[name]}: solved networks whose error is gone again when they are done", gone,
                                  f"at least three quarters of {len(done)}", bool(done) and 4 * gone >= 3 * len(done)))
    return made


def finding(record):
    parts = []
    for name, (rate, batch) in ROWS.items():
        holds, misses = groups(record, name)
        parts.append(f"{came(holds)} of the {len(holds)} networks that come to hold the symbol and {came(misses)} of "
                     f"the {len(misses)} that do not (rate {rate:g}, batch {batch})")
    return f"An error above 10^{THERE} comes back first to {'; '.join(parts)}."


def table(record):
    header = ["row", "state", "networks", "an error above 10^-6 came back before", "at how many looks, of how many",
              "its largest", "solved", "the error is gone when done"]
    rows = []
    for name in ROWS:
        for finals, state in zip(groups(record, name), ("comes to hold the symbol", "does not")):
            if not finals:
                continue
            counts = ", ".join(f"{f['there']:.0f} of {1 + f['updates' if f['holds_at'] is None else 'holds_at']:.0f}"
                               for f in finals)
            done = [f for f in finals if f["sequences"] is not None]
            rows.append([NAME[name], state, len(finals), came(finals), counts,
                         f"10^{np.median([f['largest'] for f in finals]):.1f}", len(done),
                         f"{sum(f['last'] < THERE for f in done)} of {len(done)}"])
    return header, rows


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, axes = plt.subplots(2, 2, figsize=(10, 5.4), sharex="col", height_ratios=(1.5, 1))
    lag, n = record["config"]["lag"], len(record["runs"])
    for column, name in zip(axes.T, ROWS):
        holds, misses = groups(record, name)
        for k, run in enumerate(record["runs"]):
            at = run["final"][name]["holds_at"]
            colour, width = (ROLE["tuned_rnn"], 1.0) if at is not None else ("0.75", 0.7)
            column[0].plot(np.maximum(arrays[f"{name}_error"][k], -60), color=colour, linewidth=width)
            column[1].plot(arrays[f"{name}_radius"][k], color=colour, linewidth=width)
            if at is not None:
                column[0].plot(at, max(arrays[f"{name}_error"][k][int(at)], -60), "o", color=ROLE["lstm"], ms=5)
        column[0].axhline(THERE, color="0.4", linestyle="--", linewidth=1)
        column[0].set(title=f"{NAME[name]}: {len(holds)} of {n} hold the symbol", ylim=(-62, 8), yticks=TICKS,
                      yticklabels=[f"10$^{{{v}}}$" for v in TICKS])
        column[1].set(xscale="log", xlabel="updates", xlim=(5, None))
    axes[0, 0].set_ylabel(f"error {lag} steps back")
    axes[1, 0].set_ylabel("spectral radius")
    axes[0, 1].plot([], [], "o", color=ROLE["lstm"], label="from here the state holds the symbol")
    axes[0, 1].plot([], [], color="0.75", label="never holds it")
    axes[0, 1].legend(fontsize=8.5, loc="upper left")
    return fig
