"""Do gradients find on parity and two-sequence what guessing finds?

A tanh-RNN and an LSTM with forget gate, ten units each (as A2), trained by BPTT with Adam and clipped
gradients. Good initialisations (recurrent matrix orthogonal or the identity; chrono gate biases or a forget
bias of 1), eight rates and two batch sizes: 32 settings for each network, task and length, chosen by
validation accuracy on seeds 900 and 901. With short sequences all train in full. At 500 to 600 steps the
choice takes two rounds: all settings 300 updates (seed 900), the best four 1,000 updates (both seeds). The
chosen one then trains 3,000 updates on the reported seeds. Short sequences stand beside, so that what fails
at 500 steps is seen to work where the lag is short, or not to work at all. Guessing: the first network that
is accepted (parity A2 without self-connections, two-sequence A1), by the same test accuracy: the output's
side on fresh sequences. Not tried: more units, sequences that grow during training. What would refute that
parity of 500 steps resists the gradient: one reported seed with an accuracy above 0.6.
"""

import time

import numpy as np

from common import results
from common.randomness import stream
from vanishing_gradient.weight_guessing import opponents
from vanishing_gradient.weight_guessing.weight_guessing import ROW, margin, right, search

SEEDS, MINUTES = range(5), 16
USES = ("interval", "training", "tolerance")
QUICK = dict(lengths=((6, 8),), updates=3, rounds=(((2, 1, 3), (3, 2, 1)),), rates=(0.003, 0.01), batches=(4,),
             test=20, training=20)
FULL, HALVING = ((3_000, 2, 1),), ((300, 1, 4), (1_000, 2, 1))        # opponents.Round: updates, choosing seeds, left
SOLVED, MOST = 0.95, 0.8               # of the accuracy; of the seeds
GUESSED = {"parity": "parity_a2_no_self", "two_sequence": "two_sequence"}
NAMES = {"rnn": "tanh-RNN, BPTT", "lstm": "LSTM, BPTT", "guess": "weight guessing"}


def run(config, seeds, part, lengths=((3, 6), (10, 15), (500, 600)), updates=3_000, rounds=(FULL, FULL, HALVING),
        rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), batches=(4, 16), choosing=(900, 901), units=10,
        test=250):
    cells, curves = {}, {}
    for span, steps in zip(lengths, rounds):
        for task in GUESSED:
            for kind in opponents.STARTS:
                key = "{} {}-{} {}".format(task, *span, kind)
                choice = part(f"{key} choice", lambda kind=kind, task=task, span=span, steps=steps: _chosen(
                    kind, task, choosing, rates, batches, steps, span, units, test))
                curves |= {f"{key}_{what}": choice.pop(what) for what in ("by_rate", "by_rate_last")}
                cells[key] = part(f"{key} {list(seeds)}", lambda kind=kind, task=task, span=span, choice=choice:
                                  _trained(kind, task, seeds, choice, updates, span, units, test))
            cells["{} {}-{} guess".format(task, *span)] = [_guessed(config, task, seed, span, test) for seed in seeds]
    finals = [{f"{key}_{what}": value for key, made in cells.items() for what, value in made[n].items()}
              for n in range(len(seeds))]
    return [results.entry(seed, final, curves, sum(made[n]["seconds"] for made in cells.values()))
            for n, (seed, final) in enumerate(zip(seeds, finals))]


def _chosen(kind, task, choosing, rates, batches, rounds, span, units, test):
    """What the choice has found: the setting, how many were tried, and the best accuracy of every rate."""
    best, first, last = opponents.choose(kind, task, list(choosing), rates, batches, rounds, *span, units, test)
    by_rate, by_rate_last = ([_best_of_rate(found, rate) for rate in rates] for found in (first, last))
    return dict(start=best.start, rate=best.rate, batch=best.batch, settings=len(first), validation=last[best][0],
                edge=best.rate in (min(rates), max(rates)), by_rate=by_rate, by_rate_last=by_rate_last)


def _best_of_rate(found, rate):
    """Validation accuracy of the rate's best setting; None if all diverged or none was in this round."""
    values = [accuracy for one, (accuracy, _) in found.items() if one.rate == rate and np.isfinite(accuracy)]
    return max(values, default=None)


def _trained(kind, task, seeds, choice, updates, span, units, test):
    """One dictionary of metrics for each seed."""
    started = time.perf_counter()
    setting = opponents.Candidate(choice["start"], choice["rate"], choice["batch"])
    net, p = opponents.train(kind, task, list(seeds), [setting], updates, *span, units)
    accuracy, _ = opponents.score(net, p, task, list(seeds), 1, "test", *span, test)
    seconds = (time.perf_counter() - started) / len(seeds)
    return [dict(accuracy=float(a), updates=updates, seconds=seconds, **choice) for a in accuracy]


def _guessed(config, task, seed, span, test, chunk=4_096, most=1_000_000):
    """The first accepted network of one seed."""
    row, started = ROW[GUESSED[task]], time.perf_counter()
    data = row.task(stream(seed, "train"), config.training, *span)
    rng, least, done = stream(seed, "guess"), margin(row, config.tolerance), 0
    while done < most:
        found, w = search(row.network, data, least, rng, chunk, config.interval)
        if len(found):
            fresh = row.task(stream(seed, "test"), 4 * test, *span)
            accuracy = float(right(row.network, w[:, :1], fresh, 0.0).mean())
            return dict(accuracy=accuracy, guesses=int(done + found[0] + 1), seconds=time.perf_counter() - started)
        done += chunk
    return dict(accuracy=0.5, guesses=done, seconds=time.perf_counter() - started)


def _keys(record):
    return [f"{task} {a}-{b} {kind}" for a, b in record["config"]["lengths"] for task in GUESSED for kind in NAMES]


def _accuracy(record, key):
    return results.values(record, f"{key}_accuracy")


def checks(record):
    a, b = record["config"]["lengths"][-1]
    made = []
    for task in GUESSED:
        solved = (_accuracy(record, f"{task} {a}-{b} guess") >= SOLVED).sum()
        claim = f"{task.replace('_', '-')}, {a} to {b} steps: seeds that guessing solves"
        everyone = len(record["runs"])
        made.append(results.check(claim, int(solved), f"all {everyone}", solved == everyone))
    trained = max(_accuracy(record, f"parity {a}-{b} {kind}").max() for kind in opponents.STARTS)
    made.append(results.check(f"parity, {a} to {b} steps: best test accuracy of a network trained by BPTT",
                              float(trained), "below 0.6 (chance 0.5)", trained < 0.6))
    solved = (_accuracy(record, f"two_sequence {a}-{b} lstm") >= SOLVED).sum()
    made.append(results.check(f"two-sequence, {a} to {b} steps: seeds that the LSTM solves", int(solved),
                              f"at least {MOST:.0%}: a memory cell needs no guessing", solved >= MOST * everyone))
    return made


def finding(record):
    a, b = record["config"]["lengths"][-1]
    n, said = len(record["runs"]), []
    for task in GUESSED:
        counts = [int((_accuracy(record, f"{task} {a}-{b} {kind}") >= SOLVED).sum())
                  for kind in ("guess", "lstm", "rnn")]
        said.append("{}: guessing {}, LSTM {}, tanh-RNN {}".format(task.replace("_", "-"), *counts))
    return (f"Of {n} seeds at {a} to {b} steps solve {'; '.join(said)} ({record['config']['updates']:,} updates, "
            "tuned).")


def table(record):
    rows = []
    for key in _keys(record):
        task, span, kind = key.split(" ")
        accuracy, first = _accuracy(record, key), record["runs"][0]["final"]
        rows.append([task.replace("_", "-"), span.replace("-", " to "), NAMES[kind],
                     f"{(accuracy >= SOLVED).sum()} of {len(accuracy)}",
                     f"{accuracy.mean():.3f} ({accuracy.min():.3f} to {accuracy.max():.3f})",
                     _effort(record, key, kind, first)])
        if kind == "guess":
            rows.append([task.replace("_", "-"), span.replace("-", " to "), "chance", "", "0.500", ""])
    return ["task", "steps", "method", "seeds solved", "test accuracy (range)", "effort"], rows


def _effort(record, key, kind, first):
    if kind == "guess":
        guesses = results.values(record, f"{key}_guesses")
        return f"{guesses.mean():,.0f} guesses ({guesses.min():,.0f} to {guesses.max():,.0f})"
    updates, batch = first[f"{key}_updates"], first[f"{key}_batch"]
    setting = f"{first[f'{key}_start']}, rate {first[f'{key}_rate']:g}"
    edge = " (edge of the grid)" if first[f"{key}_edge"] else ""
    return (f"{updates:,} updates of {batch} = {updates * batch:,} sequences; {setting}{edge}, best of "
            f"{first[f'{key}_settings']} (validation {first[f'{key}_validation']:.2f})")


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    spans = record["config"]["lengths"]
    fig, axes = plt.subplots(1, 2 * len(spans), figsize=(8, 3.4), sharey=True)
    colours = dict(rnn=ROLE["tuned_rnn"], lstm=ROLE["lstm_forget"], guess=ROLE["guess"])
    panels = [(task, a, b) for task in GUESSED for a, b in spans]
    for ax, (task, a, b) in zip(axes, panels):
        for k, (kind, marker) in enumerate(zip(NAMES, "sDo")):
            accuracy = _accuracy(record, f"{task} {a}-{b} {kind}")
            ax.plot(k + 0.08 * (np.arange(len(accuracy)) - (len(accuracy) - 1) / 2), accuracy, marker, linestyle="",
                    color=colours[kind], label=NAMES[kind])
        chance_line(ax, 0.5)
        ax.set_title(f"{task.replace('_', '-')}\n{a} to {b} steps", fontsize=9.5)
        ax.set(xticks=(), xlim=(-0.6, 2.6), ylim=(0.4, 1.03))
    axes[0].set_ylabel("test accuracy")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig
