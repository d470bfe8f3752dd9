"""How long may the sequences be?

T = 50 to 1,000 with the positions of the two symbols in proportion; 1,500 updates of 32 sequences at every length.
Compared: the LSTM with an initial input-gate bias of -1 and of -4, the plain and the tuned tanh-RNN (best of three
rates). Validated on 128 sequences every 50 updates: these runs are long. The budget is the same at every length,
so a network that fails here might learn with more updates.
"""

from dataclasses import replace

import numpy as np

from temporal_order_3bit import reporting
from temporal_order_3bit.paper_1997 import seeds_key
from temporal_order_3bit.temporal_order_3bit import compare, lstm_of, plain_rnn, tuned_rnn

SEEDS, MINUTES = range(10), 82
USES = ("batch", "updates", "hidden", "tuned_hidden", "lr", "clip", "input_gate_bias", "init_std", "test")
QUICK = dict(updates=20, test=64, tuned_hidden=8, lengths=(20,))
LABELS = dict(lstm="LSTM, input-gate bias -1", lstm_closed="LSTM, input-gate bias -4", rnn="plain tanh-RNN",
              tuned_rnn="tuned tanh-RNN")


def run(config, seeds, part, lengths=(50, 100, 200, 500, 1000), closed=-4.0, validation=128, eval_every=50):
    runs = None
    for T in lengths:
        at_T = replace(config, length=T, validation=validation, eval_every=eval_every)
        more = part(f"{seeds_key(seeds)}_T{T}", lambda: dict(runs=at_length(at_T, seeds, closed)))
        runs = more["runs"] if runs is None else [join(a, b) for a, b in zip(runs, more["runs"])]
    return runs


def at_length(config, seeds, closed):
    """The entries of one length; metrics end with the length."""
    T = config.length
    closed_gates = replace(config, input_gate_bias=closed)
    those = {f"lstm_T{T}": (lstm_of(config), None), f"lstm_closed_T{T}": (lstm_of(config), closed_gates),
             f"rnn_T{T}": (plain_rnn(config), None), f"tuned_rnn_T{T}": (tuned_rnn(config), None)}
    return compare(those, seeds, config)


def join(a, b):
    return {**a, "final": {**a["final"], **b["final"]}, "seconds": a["seconds"] + b["seconds"]}


def lengths_of(record):
    return [int(name.split("_T")[1].split("_")[0]) for name in record["summary"]
            if name.startswith("rnn_T") and name.endswith("_accuracy")]


def checks(record):
    return []


def longest_solved(record, name):
    """The longest T at which at least 95 % of the seeds solve the task, or None."""
    all_solved = [T for T in lengths_of(record)
                  if reporting.solved_count(record, f"{name}_T{T}")[0] >= 0.95 * len(record["runs"])]
    return max(all_solved, default=None)


def finding(record):
    n, last = len(record["runs"]), max(lengths_of(record))

    def told(name):
        T = longest_solved(record, name)
        return f"{f'up to T = {T}' if T else 'at no length'} ({LABELS[name]})"

    k = reporting.solved_count(record, f"lstm_closed_T{last}")[0]
    return (f"All {n} seeds learn within {record['config']['updates']:,} updates {', '.join(map(told, LABELS))}; "
            f"at T = {last:,} bias -4 learns at {k} of {n} seeds.")


def table(record):
    def cell(name, T):
        accuracy = record["summary"][f"{name}_T{T}_accuracy"]["mean"]
        return f"{reporting.solved_count(record, f'{name}_T{T}')[0]} ({accuracy:.2f})"
    Ts, n = lengths_of(record), len(record["runs"])
    rows = [[label, *(cell(name, T) for T in Ts)] for name, label in LABELS.items()]
    rows += [["rule: knows one of the two symbols only", *["0 (0.50)"] * len(Ts)],
             ["chance", *[f"0 ({reporting.CHANCE:.2f})"] * len(Ts)]]
    return {f"Seeds solved, of {n} (mean test accuracy)": (["network", *(f"T = {T:,}" for T in Ts)], rows)}


def carried(record):
    """How far closed input gates carry the LSTM, in words."""
    T = longest_solved(record, "lstm_closed")
    return f"closed input gates carry the LSTM to T = {T}" if T else "closed input gates: not every seed, at any length"


def delayed(record):
    """The median of the updates of the LSTM with closed gates, at the shortest and at the longest length it solves."""
    ends = dict.fromkeys((min(lengths_of(record)), longest_solved(record, "lstm_closed")))
    known = {T: reporting.updates_of_solved(record, f"lstm_closed_T{T}") for T in ends if T}
    said = ", ".join(f"{np.median(updates):.0f} (T = {T})" for T, updates in known.items() if updates)
    return f"closed gates: {said}" if said else "closed gates: no seed solved"


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.0))
    Ts, n, budget = lengths_of(record), len(record["runs"]), record["config"]["updates"]
    looks = dict(lstm=("lstm", "o", "-"), lstm_closed=("lstm", "s", "--"), rnn=("rnn", "v", ":"),
                 tuned_rnn=("tuned_rnn", "^", "-."))
    for k, (name, (role, marker, line)) in enumerate(looks.items()):
        x = np.array(Ts) * 1.06 ** (k - 1.5)             # side by side where they coincide
        accuracy = [record["summary"][f"{name}_T{T}_accuracy"]["mean"] for T in Ts]
        left.plot(x, accuracy, marker=marker, linestyle=line, color=ROLE[role], label=LABELS[name])
        for at, T in zip(x, Ts):
            known = reporting.updates_of_solved(record, f"{name}_T{T}")
            right.scatter([at] * len(known), known, marker=marker, s=16, color=ROLE[role], alpha=0.7)
            unsolved = n - reporting.solved_count(record, f"{name}_T{T}")[0]
            if unsolved:
                right.text(T, 1.2 ** (k + 1) * budget, str(unsolved), ha="center", va="center", fontsize=8,
                           color=ROLE[role])
    chance_line(left, reporting.CHANCE)
    left.set(ylabel=f"test accuracy, mean of {n} seeds", ylim=(0, 1.05),
             title=carried(record))
    right.axhline(budget, color="0.4", linestyle=":", linewidth=1)
    right.text(0.02, 0.97, f"seeds of {n} not solved within {budget:,} updates:", fontsize=8, color="0.3",
               transform=right.transAxes, va="center")
    right.set(ylabel="updates to 95 % (a mark a solved seed)", yscale="log", ylim=(80, 3 * budget),
              title=delayed(record))
    for ax in (left, right):
        ax.set(xscale="log", xlabel="sequence length T")
        ax.set_xticks(Ts, [f"{T:,}" for T in Ts])
        ax.minorticks_off()
    right.set_yticks([100, 200, 500, 1000], ["100", "200", "500", "1,000"])
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
