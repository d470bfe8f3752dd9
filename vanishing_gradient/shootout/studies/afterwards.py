"""What becomes of the symbol after the lag that was trained: is it kept, lost, or turned into another?

The saved networks of the main experiment, trained at lag 100, read on; the answer is asked at later steps. Beside the
accuracy stands how consistent the answers are: on half of the sequences the most frequent answer to each first symbol
is noted, on the other half the share of the answers that agree with it is counted. A network that lost the symbol
loses both; one that only turned it into another, always the same, is wrong and consistent. (With few answers left it
is consistent too: the number of different answers says how much it still tells apart.) Nothing is trained. This was
looked at after the main experiment's accuracies below chance were seen, so it makes no claim beforehand.
"""

import time
from pathlib import Path

import numpy as np
from common import results
from common.progress import Progress
from common.randomness import streams
from common.tasks.first_symbol import batch

from vanishing_gradient.shootout.racers import RACERS, Task
from vanishing_gradient.shootout.shootout import TRAINED
from vanishing_gradient.shootout.training import WINDOW, last_state

SEEDS, MINUTES = range(8), 0.15
USES = ()
QUICK = dict(lags=(100, 110), count=8)
HOME = Path(__file__).resolve().parents[1]
MEASURED = ("accuracy", "consistent", "answers")


def run(config, seeds, lags=(100, 300, 1000, 3000, 10_000), count=64):
    record, weights = results.read_weights(HOME, "git checkout", ("seeds",), "vanishing_gradient/shootout")
    places = [weights["seeds"].tolist().index(seed) for seed in seeds]
    finals, seconds = [{} for _ in seeds], time.process_time()
    for name in RACERS:
        p = {key: weights[f"{name}_{key}"][places] for key in ("W_in", "W", "b", "W_out", "b_out")}
        for lag, found in zip(lags, asked(name, p, seeds, lags, count, record["config"]["symbols"])):
            for n, final in enumerate(finals):
                final.setdefault(name, {})[str(lag)] = {what: float(found[what][n]) for what in MEASURED}
    seconds = time.process_time() - seconds
    return [results.entry(seed, final, seconds=seconds / len(seeds)) for seed, final in zip(seeds, finals)]


def asked(name, p, seeds, lags, count, K):
    """{what: (N,)} at each of the lags (ascending), of one stream of distractors."""
    net, rngs = RACERS[name].network(Task(TRAINED, K)), streams(seeds, "afterwards")
    progress = Progress(RACERS[name].label, max(lags))
    first, answers = batch(rngs, count, 0, K)
    state, at = last_state(net, p, first), 0
    for lag in lags:
        while at < lag:
            steps = min(WINDOW, lag - at)
            state, at = last_state(net, p, batch(rngs, count, steps, K)[0][1:], state), at + steps
            progress.update(at)
        given = net.logits(p, state[0]).argmax(1)
        yield dict(accuracy=(given == answers).mean(1), answers=[len(np.unique(one)) for one in given],
                   consistent=[consistency(*pair, K) for pair in zip(given, answers)])
    progress.close()


def consistency(given, symbols, K):
    """How often the answers (B,) of the second half are those that the first half gave most often to that symbol."""
    half = len(given) // 2
    counts = np.zeros((K, K), int)
    np.add.at(counts, (symbols[:half], given[:half]), 1)
    return float((counts.argmax(1)[symbols[half:]] == given[half:]).mean())


# ---------------------------------------------------------------- what it says

def measured(record, name, lag, what):
    return np.array([run_["final"][name][str(lag)][what] for run_ in record["runs"]])


def checks(record):
    return []


def finding(record):
    last = record["config"]["lags"][-1]
    said = [f"{racer.label} {measured(record, name, last, 'accuracy').mean():.2f}, "
            f"{measured(record, name, last, 'consistent').mean():.2f}" for name, racer in RACERS.items()]
    return f"Asked at lag {last:,} (accuracy, consistency; means of {len(record['runs'])}): {'; '.join(said)}."


def table(record):
    lags = record["config"]["lags"]
    rows = [[racer.label, *(cell(record, name, lag) for lag in lags)] for name, racer in RACERS.items()]
    return ["accuracy / consistency, different answers (means)", *(f"lag {lag:,}" for lag in lags)], rows


def cell(record, name, lag):
    right, same, answers = (measured(record, name, lag, what).mean() for what in MEASURED)
    return f"{right:.2f} / {same:.2f}, {answers:.1f}"


def figure(record, arrays):
    from common.figures import ROLE, SYMBOL_MARKERS, chance_line, plt
    lags = record["config"]["lags"]
    fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
    for ax, what, title in zip(axes, MEASURED, ("right answers", "the same answer to the same symbol")):
        for k, (name, racer) in enumerate(RACERS.items()):
            ax.semilogx(lags, [measured(record, name, lag, what).mean() for lag in lags], SYMBOL_MARKERS[k] + "-",
                        color=ROLE[name], label=f"{racer.label} ({racer.year})")
        ax.set(xlabel="lag at which the answer is asked", ylim=(0, 1.03), title=title)
    chance_line(axes[0], 1 / Task(TRAINED).K)
    axes[0].set(ylabel=f"share, mean of {len(record['runs'])} networks")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
