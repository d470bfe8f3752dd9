"""Looked at after every update: does the error come back before the state holds the symbol?

Study `mechanism` looks at its networks every 64 sequences or later, and often finds a state that holds the symbol
before it has seen an error at the first state. Here the same start and lag, Adam with that study's rate and batch and
with those of the main experiment, looked at after every single update; each also with training errors that go back
ten steps only, while what a whole error would do is measured as before. Noted: the error of the answer at the first
state (the largest of 32 sequences: the gradient is their mean), whether the state holds the symbol, when the network
is done. "The gradient through all steps learns the lag" is refuted by states that come to hold the symbol although
no error above 10^-6 has come back before; "the lag's own gradient is what makes W grow" by errors that would come
back where only ten steps are used.
"""

import numpy as np

from common import results
from common.networks import stack
from vanishing_gradient.compute import training
from vanishing_gradient.compute.studies.mechanism import FEW, HELD
from vanishing_gradient.compute.training import FIRST, SOLVED, Recipe

SEEDS, MINUTES = range(8), 1.2
USES = ("units",)
QUICK = dict(lag=10, updates=8)
# Rate and batch, of the study mechanism and of the main experiment, and the steps that errors go back (0: all).
ROWS = {"large": (0.1, 4, 0), "chosen": (0.03, 16, 0), "large_cut": (0.1, 4, 10), "chosen_cut": (0.03, 16, 10)}
WHOLE = ("large", "chosen")
NAME = {name: f"Adam, rate {rate:g}, batch {batch}" + (f", {steps} steps back only" if steps else "")
        for name, (rate, batch, steps) in ROWS.items()}
THERE = -6                                   # log10 of an error that counts as having come back
TICKS = (-60, -40, -20, 0)
NAMES = ("radius", "error", "held")


def run(config, seeds, part, lag=100, updates=600):
    """Every row with all seeds; each is kept."""
    finals, arrays = {seed: {} for seed in seeds}, {seed: {} for seed in seeds}
    for name in ROWS:
        made = part(f"{name} {min(seeds)}-{max(seeds)}", lambda: row(config.units, seeds, name, lag, updates))
        for n, seed in enumerate(seeds):
            finals[seed][name] = made["finals"][n]
            arrays[seed] |= {f"{name}_{what}": made[what][:, n] for what in NAMES}
    return [results.entry(seed, finals[seed], arrays=arrays[seed]) for seed in seeds]


def row(units, seeds, name, lag, updates):
    """{finals: [...], what: (looks, seeds)} of one rate and batch; nan after a network is done."""
    (rate, batch, steps), net = ROWS[name], FIRST.network(units)
    p = stack([training.start("plain", seed, net) for seed in seeds])
    x, answers = training.labelled(FIRST, seeds, "held", 2 * training.VALIDATION, lag)

    def watch(p, active):
        few = x[:, active, :FEW], answers[active, :FEW]
        return dict(radius=training.spectral_radius(p["W"]), error=training.error_flow(net, p, *few, np.max)[lag],
                    held=training.decodable(net, p, x[:, active], answers[active]))

    made = training.train(FIRST, net, p, seeds, np.full(len(seeds), rate), lag,
                          Recipe("adam", batch, steps=steps), updates * batch, watch=watch, every=batch, growth=1)
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
    made, n = [], len(record["runs"])
    for name in WHOLE:
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
    for name in (name for name in ROWS if name not in WHOLE):
        holds, misses = groups(record, name)
        back = came(holds) + came(misses)
        made.append(results.check(f"{NAME[name]}: networks to which a whole error would come back", back,
                                  f"at least three quarters of {n}: ten steps make W grow", 4 * back >= 3 * n))
        made.append(results.check(f"{NAME[name]}: networks that come to hold the symbol", len(holds), "none",
                                  not holds))
    return made


def finding(record):
    parts, cut = [], []
    for name, (rate, batch, steps) in ROWS.items():
        holds, misses = groups(record, name)
        if steps:
            cut.append(f"{came(holds) + came(misses)} of {len(record['runs'])} and {len(holds)} hold it")
        else:
            parts.append(f"{came(holds)} of the {len(holds)} networks that come to hold the symbol and {came(misses)} "
                         f"of the {len(misses)} that do not (rate {rate:g}, batch {batch})")
    return (f"An error above 10^{THERE} comes back first to {'; '.join(parts)}. Trained through ten steps only, it "
            f"would come back to {'; to '.join(cut)}.")


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
    fig, axes = plt.subplots(2, 2, figsize=(8, 5), sharex="col", sharey=True)
    lag, n = record["config"]["lag"], len(record["runs"])
    for ax, name in zip(axes.flat, ROWS):
        holds, _ = groups(record, name)
        for k, run in enumerate(record["runs"]):
            at, error = run["final"][name]["holds_at"], np.maximum(arrays[f"{name}_error"][k], TICKS[0])
            ax.plot(error, color="0.75" if at is None else ROLE["tuned_rnn"], linewidth=0.7 if at is None else 1.0)
            if at is not None:
                ax.plot(at, error[int(at)], "o", color=ROLE["lstm"], markersize=5, zorder=3)
        ax.axhline(THERE, color="0.4", linestyle="--", linewidth=1)
        ax.set(ylim=(TICKS[0] - 2, 8), xscale="log", xlim=(3, None), yticks=TICKS,
               yticklabels=[f"10$^{{{v}}}$" for v in TICKS])
        what = NAME[name].removeprefix("Adam, ") if name in WHOLE else f"errors of {ROWS[name][2]} steps"
        ax.set_title(f"{what}: {len(holds)} of {n} hold it", fontsize=10)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"error {lag} steps back")
    for ax in axes[1]:
        ax.set_xlabel("updates")
    marks = [axes[0, 1].plot([], [], *kind, **style)[0] for kind, style in (
        (["o"], dict(color=ROLE["lstm"])), ([], dict(color="0.75")), (["--"], dict(color="0.4", linewidth=1)))]
    fig.legend(marks, ["from here the state holds the symbol", "never holds it", "above: the error is back"],
               loc="outside lower center", ncols=3, fontsize=9)
    return fig
