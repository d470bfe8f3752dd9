"""Can evolved cells keep one of eight symbols, and over which lags?

Evolino's part of the shootout (vanishing_gradient/shootout/): the first symbol is the answer, distractors
follow. Eight LSTM cells with forget gates read one symbol at a time; a chromosome holds all incoming
weights of a cell, a column for each symbol among them. Every network runs on the same 96 sequences: least
squares on the last states of one half gives the readout, the error on the other half is what the search
sees. A new best network is looked at on 256 validation sequences; with 99 % the search ends, and 1,000
fresh sequences decide. `sequences` counts one for each network and sequence that it ran on. A search only
runs forward, a third of the work of a gradient, so its budget is 300,000 sequences, or 3 10^8 symbols,
where the networks trained by gradients have 100,000 (10^8). With cycling filler there are two symbols, and
only two sequences: any trace of the first one is enough. A seed ends after two lags unsolved. The scales
of first genes and mutation, the number of sequences, cells, members and the patience were chosen on the
seeds 900 to 904 (19 settings, lags 10 and 30, not a full grid). That evolution does not feel the lag
would be refuted by a cost that grows with it.
"""

import time

import numpy as np
from common import lstm, results, tables
from common.layers import lookup
from common.progress import Progress
from common.randomness import stream
from common.tasks.first_symbol import TITLES, VARIANTS, alphabet, sequences
from common.tasks.lags import SOLVED, along, lags_run, measured, solved

from vanishing_gradient.evolino.subpopulations import Subpopulations
from vanishing_gradient.evolino.two_phase import SETS

SEEDS, MINUTES = range(8), 1.1
USES = ("members", "trials", "patience")
QUICK = dict(lags=(4,), budget=1000, steps=10_000, members=4)
NAME, GOAL = "evolino", 0.99
VALIDATION, TESTED = 256, 1000
VARIANT = ("random", "cycle")                # of the task, as the shootout names them


def run(config, seeds, lags=(10, 30, 100, 300), cells=8, init=0.3, mutation=0.05, training=96, budget=300_000,
        steps=300_000_000):
    recipe = config.recipe._replace(mutation=mutation)
    for seed in seeds:
        final = {variant: {NAME: along(lags, lambda lag: at_lag(recipe, seed, variant, lag, cells, init, training,
                                                                min(budget, steps // (lag + 1))))}
                 for variant in VARIANT}
        seconds = sum(row["seconds"] for methods in final.values() for row in methods[NAME].values())
        yield results.entry(seed, final, seconds=seconds)


def at_lag(recipe, seed, variant, lag, cells, init, training, budget):
    """One search until GOAL or the end of the budget; the best network on fresh sequences, and what it took."""
    K, form = VARIANTS[variant]
    drawn = {what: sequences(stream(seed, f"{what} {variant} {lag}"), B, lag, K, form)
             for what, B in (("train", training), ("validation", VALIDATION), ("test", TESTED))}
    rng, started = stream(seed, f"evolution {variant} {lag}"), time.process_time()
    first = rng.uniform(-init, init, (cells, recipe.members, SETS * (cells + alphabet(form, K) + 1)))
    search, seen, right = Subpopulations(first, rng, recipe), 0, 0.0
    progress = Progress(f"evolution, seed {seed}, {variant}, lag {lag}", budget)
    while seen < budget and right < GOAL:
        networks = search.networks()
        search.learn(networks, scored(networks, *drawn["train"], K)[0])
        seen += len(networks) * training
        if search.champion.generation == search.generation:
            right = tested(search.champion.genes, drawn["train"], drawn["validation"], K)
        progress.update(min(seen, budget), right=right)
    progress.close()
    return dict(sequences=float(seen) if right >= GOAL else None, seen=float(seen), generations=search.generation,
                accuracy=tested(search.champion.genes, drawn["train"], drawn["test"], K),
                multiply_adds=float(seen) * ((lag + 1) * SETS * cells * cells + K * (cells + 1)),
                seconds=time.process_time() - started)


# ---------------------------------------------------------------- one network

def last_outputs(genes, x):
    """Cell outputs and a constant 1 (N, B, H + 1) after the symbols x (T, B); genes (N, H, 4 (H + symbols + 1))."""
    N, H, _ = genes.shape
    sets = genes.reshape(N, H, SETS, -1).swapaxes(1, 2).reshape(N, SETS * H, -1).astype(np.float32)
    columns = sets[..., H:-1] + sets[..., -1:]                           # the bias is there at every step
    drive = lookup(np.ascontiguousarray(columns), np.broadcast_to(x[:, None], (len(x), N, x.shape[1])))
    y = lstm.forward(lstm.Cell(H, forget_gate=True), drive, np.ascontiguousarray(sets[..., :H])).y[-1]
    return np.concatenate([y, np.ones((N, 1, y.shape[-1]), y.dtype)], axis=1).swapaxes(1, 2).astype(float)


def scored(genes, x, answers, K):
    """(error (N,), readout (N, H + 1, K)): fitted on one half of the sequences, the error is that on the other."""
    half, features, wanted = len(answers) // 2, last_outputs(genes, x), np.eye(K)[answers]
    readout = np.linalg.pinv(features[:, :half]) @ wanted[:half]
    wrong = features[:, half:] @ readout - wanted[half:]
    return np.sqrt((wrong * wrong).mean((1, 2)) / wanted.var()) + 1e-9, readout


def tested(genes, training, sequences_, K):
    """Share of the sequences that one network, genes (H, ...), answers with the readout fitted in training."""
    (x, answers), genes = sequences_, genes[None]
    return float(((last_outputs(genes, x) @ scored(genes, *training, K)[1])[0].argmax(-1) == answers).mean())


# ---------------------------------------------------------------- what it says

def checks(record):
    """Bounds fixed before the run."""
    n, first, longest = len(record["runs"]), min(record["config"]["lags"]), max(record["config"]["lags"])
    few, far = solved(record, "random", NAME, first), solved(record, "random", NAME, longest)
    return [results.check(f"{TITLES['random']}, lag {first}: seeds that evolution solves", few, f"at least 2 of {n}",
                          few >= 2, interval=tables.wilson(few, n)),
            results.check(f"{TITLES['random']}, lag {longest:,}: seeds that evolution solves", far,
                          f"at most 2 of {n}", far <= 2, interval=tables.wilson(far, n))]


def finding(record):
    n, said = len(record["runs"]), []
    for variant in VARIANT:
        lags = lags_run(record, variant, NAME)
        each = ", ".join(f"{solved(record, variant, NAME, lag)} at lag {lag:,}" for lag in lags)
        first = all((measured(record, variant, NAME, lag, "generations") == 1).all() for lag in lags)
        said.append(f"{TITLES[variant]}: {each}{', always in its first, random generation' * first}")
    return f"Seeds of {n} that evolution solves: {'; '.join(said)}."


def table(record):
    rows = []
    for variant in VARIANT:
        for lag in lags_run(record, variant, NAME):
            cost = {what: np.median(measured(record, variant, NAME, lag, what))
                    for what in ("accuracy", "seen", "generations", "multiply_adds", "seconds")}
            right = tables.share(solved(record, variant, NAME, lag), len(record["runs"]))
            rows.append([TITLES[variant], f"{lag:,}", right, f"{1 / VARIANTS[variant][0]:g}", f"{cost['accuracy']:.2f}",
                         f"{cost['seen']:,.0f}", f"{cost['generations']:,.0f}", f"{cost['multiply_adds']:.1e}",
                         f"{cost['seconds']:.1f}"])
    return ["task", "lag", "solved", "chance", "accuracy, median of those that ran", "sequences run", "generations",
            "multiply-adds", "processor seconds"], rows


def figure(record, arrays):
    from common.figures import SYMBOL_MARKERS, chance_line, plt
    fig, axes = plt.subplots(1, len(VARIANT), figsize=(8, 3.6), sharey=True)
    for ax, variant in zip(axes, VARIANT):
        lags = lags_run(record, variant, NAME)
        for k, lag in enumerate(lags):
            found = np.sort(measured(record, variant, NAME, lag, "accuracy"))
            ax.plot(np.full(len(found), lag) * np.linspace(0.9, 1.1, len(found)), found, SYMBOL_MARKERS[k],
                    color="0.2", markersize=6)
        chance_line(ax, 1 / VARIANTS[variant][0])
        ax.axhline(SOLVED, color="0.6", linestyle=":", linewidth=1.5, label=f"solved: {SOLVED} or more")
        ax.set(xscale="log", xlabel="lag", title=TITLES[variant], ylim=(0, 1.05))
        ax.set_xticks(lags, [f"{lag:,}" for lag in lags])
        ax.minorticks_off()
    axes[0].set(ylabel="accuracy of each seed")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
