"""Which tasks of this repository fall to guessing?

The authors' own reading of their result: guessing tests the benchmark. So the repository's tasks are
tested: trigger recall and its marked version (chunker_very_deep_1200/task.py), the marked bit
(vanishing_gradient/marked_bit.py), Retrieval with two symbols (smt/tasks.py) and temporal order
(temporal_order_3bit), with the symbols of those tasks one-hot. Networks A1 with one to three hidden
units get up to 10^7 guesses, A2 with ten units 10^6, all seeds together; a search stops early once it has found
enough. Accepted: right on 100 training sequences, error below 0.1, for temporal order below 0.3 (its
own criterion) with two outputs, one for each of the two symbols. The test sequences are fresh. Two seeds,
two training sets: they share the guesses, so more seeds would not make more guesses.
"""

import numpy as np

from common import results
from common.randomness import stream
from vanishing_gradient.weight_guessing.networks import A1, A2
from vanishing_gradient.weight_guessing.tasks import Data
from vanishing_gradient.weight_guessing.weight_guessing import density, interval_text, right, search_until

SEEDS, MINUTES = range(2), 5
USES = ("interval",)
QUICK = dict(most=600, most_ten=200, training=20, wanted=2)
NETWORKS = {"A1, 1 hidden": A1(1), "A1, 2 hidden": A1(2), "A1, 3 hidden": A1(3), "A2, 10 hidden": A2()}


# ---------------------------------------------------------------- the tasks, small

def _data(x, targets):
    B = x.shape[-1]
    return Data(x, np.full(B, len(x)), np.asarray(targets).reshape(B, -1))


def trigger_recall(rng, B, T):
    """Letter A or B, then filler 1 2 3 4 5 1 2 ... to the end: which letter was it?"""
    letters = np.arange(B) % 2
    x = np.broadcast_to((2 + (np.arange(T) - 1) % 5)[:, None], (T, B)).astype(np.int8)
    x[0] = letters
    return _data(x, letters)


def marked_recall(rng, B, T):
    """Four letters among the filler, the first at the beginning, a mark before one of them, which is asked for."""
    x = np.empty((T, B), np.int8)
    answers = np.arange(B) % 2
    for b in range(B):
        letters = rng.integers(0, 2, 4)
        marked = rng.integers(4)
        letters[marked] = answers[b]
        places = np.sort(rng.choice((T - 6) // 4, 3, replace=False)) * 4 + 4
        x[:, b] = _with_letters(T, [0, *places], letters, marked)
    return _data(x, answers)


def _with_letters(T, places, letters, marked):
    """One string: the filler begins again with 1 after every letter; 7 marks the letter that follows."""
    start = 1 if marked == 0 else 0                      # the first letter's mark stands before it
    string = np.zeros(T, np.int8)
    for place, end, letter in zip(places, [*places[1:], T], letters):
        place += start if place == 0 else 0
        string[place] = letter
        string[place + 1:end] = 2 + np.arange(end - place - 1) % 5
    string[places[marked] - (0 if marked == 0 else 1)] = 7
    return string


def marked_bit(rng, B, T):
    """Bits -1 and +1; one of the first ten carries a mark on a second input: which bit was it?"""
    answers, column = np.arange(B) % 2, np.arange(B)
    bits, at = rng.integers(0, 2, (T, B)), rng.integers(0, 10, B)
    bits[at, column] = answers
    x = np.zeros((T, 2, B), np.float32)
    x[:, 0] = 2 * bits - 1
    x[at, 1, column] = 1
    return _data(x, answers)


def retrieval(rng, B, T):
    """Random symbols 1 and 2; the token 0 announces the one that is asked for, and stands at the end."""
    answers, column = np.arange(B) % 2, np.arange(B)
    x = rng.integers(1, 3, (T, B), dtype=np.int8)
    place = np.clip(np.floor(T * rng.uniform(0, 0.5, B)).astype(int), 1, T - 2)
    x[place, column] = 1 + answers
    x[place - 1, column] = 0
    x[-1] = 0
    return _data(x, answers)


def temporal_order(rng, B, T):
    """X or Y at two places among four distractors, between a begin and an end symbol: which two, in which order?"""
    x = rng.integers(0, 4, (T, B), dtype=np.int8)
    both = np.stack([np.arange(B) // 2 % 2, np.arange(B) % 2], axis=1)
    windows = [[round(T * place / 50) for place in window] for window in ((3, 12), (25, 40))]
    for (first, last), symbol in zip(windows, both.T):
        x[rng.integers(first, last + 1, B), np.arange(B)] = 4 + symbol
    x[0], x[-1] = 6, 7
    return _data(x, both)


# label: (generator, steps, inputs, outputs, margin)
TASKS = {
    "trigger recall, 50 steps": (trigger_recall, 50, 7, 1, 0.8),
    "trigger recall, 1,200 steps": (trigger_recall, 1_200, 7, 1, 0.8),
    "marked recall (m = 3), 60 steps": (marked_recall, 60, 8, 1, 0.8),
    "marked bit, 20 steps": (marked_bit, 20, 2, 1, 0.8),
    "marked bit, 60 steps": (marked_bit, 60, 2, 1, 0.8),
    "Retrieval with 2 symbols, 16 steps": (retrieval, 16, 3, 1, 0.8),
    "Retrieval with 2 symbols, 64 steps": (retrieval, 64, 3, 1, 0.8),
    "temporal order, 10 steps": (temporal_order, 10, 8, 2, 0.4),
    "temporal order, 50 steps": (temporal_order, 50, 8, 2, 0.4),
}


def run(config, seeds, wanted=20, most=5_000_000, most_ten=500_000, training=100):
    for seed in seeds:
        final = {}
        for label, (task, steps, inputs, outputs, least) in TASKS.items():
            data, test = (task(stream(seed, f"{purpose} {label}"), count, steps)
                          for purpose, count in (("train", training), ("test", 1_000)))
            final[f"{label}_last"] = _last_symbol_rule(data, test)
            for name, network in NETWORKS.items():
                network = network._replace(inputs=inputs, outputs=outputs)
                guesses, w = search_until(network, data, least, stream(seed, f"guess {label} {name}"), wanted,
                                          most if network.hidden < 10 else most_ten, config.interval)
                answers = right(network, w[:, :20], test, least)
                final |= {f"{label}, {name}_{what}": value for what, value in dict(
                    guesses=guesses, solutions=w.shape[1], test=answers.mean() if w.shape[1] else None).items()}
        yield results.entry(seed, final)


def _last_symbol_rule(data, test):
    """Test accuracy of the most frequent training class after each value of the last input."""
    def last(d):
        return [tuple(np.atleast_1d(column)) for column in d.x[-1].T]
    classes = {}
    for seen, target in zip(last(data), map(tuple, data.targets)):
        classes.setdefault(seen, []).append(target)
    answer = {seen: max(set(targets), key=targets.count) for seen, targets in classes.items()}
    return float(np.mean([answer.get(seen) == tuple(target) for seen, target in zip(last(test), test.targets)]))


def _density(record, label, name):
    return density(*(results.values(record, f"{label}, {name}_{what}").sum() for what in ("solutions", "guesses")))


def _best(record, label):
    """The network with the most solutions per guess, and its density."""
    found = {name: _density(record, label, name) for name in NETWORKS}
    name = max(found, key=lambda name: found[name].solutions / found[name].guesses)
    return name, found[name]


def checks(record):
    """What the authors say of temporal order: it resists guessing on every architecture tried."""
    k = sum(_density(record, "temporal order, 50 steps", name).solutions for name in NETWORKS)
    made = [results.check("temporal order, 50 steps: solutions of all networks", k, "0", k == 0, 0)]
    for label in TASKS:
        tests = [v for name in NETWORKS for v in results.values(record, f"{label}, {name}_test")]
        if tests:
            made.append(results.check(f"{label}: lowest test accuracy of the accepted networks", min(tests),
                                      "at least 0.95", min(tests) >= 0.95))
    return made


def finding(record):
    fall, hard = {}, {}
    for label in TASKS:
        found = _best(record, label)[1]
        base = label.split(",")[0]
        if found.solutions:
            fall[base] = min(found.trials, fall.get(base, np.inf))
        else:
            hard[base] = max(found.guesses, hard.get(base, 0))
    easy = ", ".join(f"{base} (1 of {trials:,.0f})" for base, trials in fall.items())
    return f"Yes: {easy or 'none'}. No: {', '.join(f'{base} (none of {n:,})' for base, n in hard.items()) or 'none'}."


def table(record):
    rows = []
    for label, (_, _, _, outputs, _) in TASKS.items():
        cells = [_cell(_density(record, label, name)) for name in NETWORKS]
        tests = [v for name in NETWORKS for v in results.values(record, f"{label}, {name}_test")]
        rule = results.values(record, f"{label}_last").mean()
        rows.append([label, *cells, f"{min(tests):.3f}" if tests else "", f"{1 / 2**outputs:.2f}", f"{rule:.2f}"])
    return ["trials per solution [95 %]", *NETWORKS, "lowest test accuracy", "chance", "last-symbol rule"], rows


def _cell(found):
    if not found.solutions:
        return f"none of {found.guesses:,}"
    return f"{found.trials:,.0f} {interval_text(found.interval)}"


def figure(record, arrays):
    from common.figures import CELLS, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4.4))
    for k, name in enumerate(NETWORKS):
        for y, label in enumerate(TASKS):
            found, place = _density(record, label, name), y + 0.15 * (k - 1.5)
            low, high = found.interval
            if found.solutions:
                ax.plot([low, high], [place, place], color=CELLS[k], linewidth=1.5)
                ax.plot(found.trials, place, SYMBOL_MARKERS[k], color=CELLS[k], markersize=5)
            else:
                ax.plot(low, place, ">", color=CELLS[k], markerfacecolor="white", markersize=5)
        ax.plot([], [], SYMBOL_MARKERS[k], color=CELLS[k], label=name)
    ax.plot([], [], ">", color="0.4", markerfacecolor="white", label="none found: more than")
    ax.set(xscale="log", xlabel="trials per solution", yticks=range(len(TASKS)), yticklabels=list(TASKS))
    ax.invert_yaxis()
    fig.legend(loc="outside upper center", ncols=5, fontsize=8.5, handletextpad=0.2, columnspacing=1)
    return fig
