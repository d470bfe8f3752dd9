"""Up to which sequence length is the marked bit learned?

Varied: the length (the mark stands at one of the first ten steps) and the network. The tanh-RNNs are tried
as well as we could: at the critical spectral radius, and with orthogonal weights and 8 or 32 units, each at
four learning rates (LSTM: six) and two batch sizes. Kept: sequences, their number, Adam, clipping at 1;
validation chooses.
A network stops at 98 % of its validation sequences; solved means a test accuracy of 0.95 or more. Rates beyond
the largest were not tried: where it is chosen, a seed solves the task anyway or stays near chance (second table).
"Lag, not network or training" would be refuted by an RNN that solves every length within the same budget.
"""

import numpy as np

from common import results
from common.randomness import stream
from vanishing_gradient import marked_bit
from vanishing_gradient.marked_bit import CHANCE, COLOUR, LABEL, NETWORKS, SOLVED, TEST

SEEDS, MINUTES = range(5), 8
USES = ()
QUICK = dict(lengths=(11, 15), budget=640, batches=(32,))
RNN_RATES, LSTM_RATES = (0.0003, 0.001, 0.003, 0.01), (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def run(config, seeds, part, lengths=(11, 20, 25, 30, 40), budget=96_000, batches=(8, 32), rnn_rates=RNN_RATES,
        lstm_rates=LSTM_RATES, stop_at=0.98):
    """All seeds of one network and length together; every such part is kept."""
    finals = {seed: {} for seed in seeds}
    for T in lengths:
        for name in NETWORKS:
            rates = lstm_rates if name == "lstm" else rnn_rates
            done = part(f"{name} {T} {min(seeds)}-{max(seeds)}",
                        lambda: scores(name, seeds, T, budget, batches, rates, stop_at))
            for seed, final in zip(seeds, done["runs"]):
                finals[seed] |= final
    return [results.entry(seed, finals[seed]) for seed in seeds]


def scores(name, seeds, T, budget, batches, rates, stop_at):
    """{runs: [test accuracy, sequences until it stopped, if solved; and what validation chose, per seed]}"""
    runs = []
    for seed, learned in zip(seeds, marked_bit.train(name, seeds, T, budget, batches, rates, stop_at)):
        x, classes = marked_bit.sequences(stream(seed, "test"), T, TEST)
        right = float(marked_bit.validate(NETWORKS[name], learned.after, x, classes)[0][0])
        key = f"{name}_{T}"
        runs.append({f"{key}_accuracy": right, f"{key}_rate": learned.rate, f"{key}_batch": learned.batch,
                     f"{key}_sequences": learned.seen if right >= SOLVED else None,
                     f"last_bit_{T}_accuracy": marked_bit.last_bit_accuracy(x, classes)})
    return dict(runs=runs)


def solved(record, name, T):
    return record["summary"][f"{name}_{T}_sequences"]["n"]


def longest(record, name):
    """The longest length at which most seeds solve the task, None without any."""
    n = len(record["runs"])
    return max((T for T in record["config"]["lengths"] if 2 * solved(record, name, T) > n), default=None)


def checks(record):
    n, last = len(record["runs"]), max(record["config"]["lengths"])
    rnn = max(solved(record, name, last) for name in NETWORKS if name != "lstm")
    lstm = min(solved(record, "lstm", T) for T in record["config"]["lengths"])
    made = [results.check(f"LSTM of 1997: seeds solved (of {n}) at its worst length", lstm, f"{n}", lstm == n)]
    if last >= 40:                           # the claim is about lags that the RNNs do not reach
        made.append(results.check(f"best tanh-RNN at length {last}: seeds solved (of {n}) within "
                                  f"{record['config']['budget']:,} sequences", rnn, "0", rnn == 0))
    return made


def finding(record):
    reach = {name: longest(record, name) for name in NETWORKS}
    short = dict(rnn="plain RNN", tuned_8="tuned, 8 units", tuned_32="tuned, 32 units", lstm="LSTM")
    words = [f"{reach[name] or 'none'} ({label})" for name, label in short.items()]
    return (f"Within {record['config']['budget']:,} sequences most of {len(record['runs'])} seeds solve up to length "
            f"{', '.join(words)}.")


def table(record):
    s, n = record["summary"], len(record["runs"])
    columns = [f"{LABEL[name]}: solved · accuracy · sequences" for name in NETWORKS]
    header = ["length", *columns, "answer the last bit"]
    rows = []
    for T in record["config"]["lengths"]:
        cells = []
        for name in NETWORKS:
            needed = s[f"{name}_{T}_sequences"]
            median = f"{needed['median']:,.0f}" if needed["n"] else "–"
            cells.append(f"{needed['n']} of {n} · {s[f'{name}_{T}_accuracy']['mean']:.3f} · {median}")
        rows.append([T, *cells, f"{s[f'last_bit_{T}_accuracy']['mean']:.3f}"])
    rows.append(["chance", *[f"{CHANCE:.3f}"] * len(NETWORKS), f"{CHANCE:.3f}"])
    return {"Seeds solved, mean test accuracy, median sequences of the solved seeds": (header, rows),
            "What validation chose": chosen_settings(record)}


def chosen_settings(record):
    """How often each rate and batch size was chosen, and how the seeds with the largest rate fared."""
    rows = []
    for name in NETWORKS:
        finals = [(run["final"], T) for run in record["runs"] for T in record["config"]["lengths"]]
        rates = [final[f"{name}_{T}_rate"] for final, T in finals]
        batches = [final[f"{name}_{T}_batch"] for final, T in finals]
        count = lambda values: " · ".join(f"{v:g}: {values.count(v)}" for v in sorted(set(values)))
        largest = max(record["config"]["lstm_rates" if name == "lstm" else "rnn_rates"])
        fared = [final[f"{name}_{T}_accuracy"] for final, T in finals if final[f"{name}_{T}_rate"] == largest]
        failed = [right for right in fared if right < SOLVED]
        edge = f"{len(fared) - len(failed)} of {len(fared)}" + (f" ({np.mean(failed):.2f})" if failed else "")
        rows.append([LABEL[name], count(rates), count(batches), len(finals), edge])
    return ["network", "rates chosen", "batch sizes chosen", "of",
            "with the largest rate: solved (mean accuracy of the others)"], rows


def figure(record, arrays):
    from common.figures import ROLE, plt
    budget, lengths = record["config"]["budget"], record["config"]["lengths"]
    fig, axes = plt.subplots(1, 4, figsize=(10, 3.6), sharey=True)
    for ax, name in zip(axes, ("rnn", "tuned_8", "tuned_32", "lstm")):
        for place, T in enumerate(lengths):
            needed = [run["final"][f"{name}_{T}_sequences"] for run in record["runs"]]
            shift = np.linspace(-0.25, 0.25, len(needed))        # seeds side by side
            done = [(place + dx, v) for dx, v in zip(shift, needed) if v is not None]
            open_ = [place + dx for dx, v in zip(shift, needed) if v is None]
            ax.plot(*np.reshape(done, (-1, 2)).T, "o", color=ROLE[COLOUR[name]], markersize=4)
            ax.plot(open_, [1.3 * budget] * len(open_), "x", color="0.3", markersize=4)
        ax.axhline(budget, color="0.5", linestyle=":", linewidth=1)
        ax.set_xticks(range(len(lengths)), lengths)
        ax.set(yscale="log", title=LABEL[name].replace(", ", "\n"), xlabel="sequence length")
    axes[0].set_ylabel("training sequences until solved")
    axes[0].text(-0.3, 0.8 * budget, "budget", fontsize=9, va="top", color="0.3")
    fig.suptitle(f"One dot a seed ({len(record['runs'])} seeds); x: not solved within {budget:,} sequences",
                 fontsize=11)
    return fig
