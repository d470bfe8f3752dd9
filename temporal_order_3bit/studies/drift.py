"""Does the initial bias of the input gates decide whether the LSTM learns?

Internal state drift (Hochreiter & Schmidhuber 1997, section 4): input gates that are open from the start let the
cell states run away; where the state is large, h(s) is saturated and no error passes from the outputs to the
cells. The paper's remedy is a more negative initial bias. Varied: that bias, from 0 to -4; all else as in the main
experiment. Also kept: the mean slope h'(s) = 1 - h(s)^2 at the last step after 100 updates, over cells and 64
sequences. If saturation decided, the saturated networks would be those that fail; the 2 x 2 counts show whether.
"""

from dataclasses import replace

import numpy as np

from common import results, tables
from common.randomness import streams
from temporal_order_3bit import reporting
from temporal_order_3bit.temporal_order_3bit import compare, lstm_of, sequences_per_seed

SEEDS, MINUTES = range(100), 19
USES = ("length", "batch", "updates", "hidden", "lr", "clip", "init_std", "validation", "test", "eval_every")
QUICK = dict(updates=20, validation=64, test=64, biases=(-1, -4))
SATURATED = 0.01                             # a mean slope below this passes less than a hundredth of an error


def run(config, seeds, biases=(0, -1, -2, -3, -4), early=100):
    slopes, network = {}, lstm_of(config).network
    tokens = sequences_per_seed(streams(seeds, "saturation"), 1, config.length, 64)[0][0]

    def watch(name, update, p):
        if update == min(early, config.updates):
            h = network.forward(p, tokens).trace.hs[-1]
            slopes[name] = (1 - h * h).mean((-1, -2))

    those = {name_of(bias): (lstm_of(config), replace(config, input_gate_bias=float(bias))) for bias in biases}
    runs = compare(those, seeds, config, watch)
    for n, run_ in enumerate(runs):
        run_["final"] |= {f"{name}_early_slope": float(slope[n]) for name, slope in slopes.items()}
    return runs


def name_of(bias):
    return f"bias_{abs(bias):g}"


def biases_of(record):
    return [0 - float(name.split("_")[1]) for name in record["summary"] if name.endswith("_accuracy")]


def counts(record, bias):
    """2 x 2 counts {(saturated early?, solved?): seeds}."""
    slope, solved = (results.values(record, f"{name_of(bias)}_{metric}") for metric in ("early_slope", "solved"))
    return {(early, late): int(((slope < SATURATED) == early)[solved == late].sum())
            for early in (True, False) for late in (True, False)}


def checks(record):
    biases = biases_of(record)
    solved = [reporting.solved_count(record, name_of(bias))[0] / len(record["runs"]) for bias in biases]
    return [results.check("share of seeds that learn, most closed against most open input gates",
                          solved[-1] - solved[0], "above 0", solved[-1] > solved[0])]


def finding(record):
    biases, c = biases_of(record), counts(record, -1)
    solved = ", ".join(str(reporting.solved_count(record, name_of(bias))[0]) for bias in biases)
    varied = ", ".join(f"{bias:g}" for bias in biases)
    return (f"{solved} of {len(record['runs'])} seeds learn with biases of {varied}. Saturation goes with failure and "
            f"does not decide it: at -1, {c[True, False]} of {c[True, True] + c[True, False]} early saturated networks "
            f"fail, and {c[False, False]} of {c[False, True] + c[False, False]} others.")


def table(record):
    biases = biases_of(record)
    learned = reporting.variants_table(record, {name_of(bias): f"initial bias {bias:g}" for bias in biases})
    return {"": learned, f"Saturated (mean slope h'(s) below {SATURATED:g}) after 100 updates, and solved at the end: "
            "counts of seeds": (["initial bias", "saturated, solved", "saturated, not solved", "not saturated, solved",
                                 "not saturated, not solved"], [[f"{bias:g}", *counts(record, bias).values()]
                                                                for bias in biases])}


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    biases, n = biases_of(record), len(record["runs"])
    for bias in biases:
        k, _ = reporting.solved_count(record, name_of(bias))
        low, high = tables.wilson(k, n)
        reach = [[max(0, k / n - low)], [max(0, high - k / n)]]
        left.errorbar(bias, k / n, reach, fmt="o", color=ROLE["lstm"], capsize=3)
        left.annotate(str(k), (bias, k / n), xytext=(7, -12), textcoords="offset points", color=ROLE["lstm"])
        slopes(right, record, bias)
    left.set(xlabel="initial bias of the input gates", ylabel=f"share of {n} seeds solved",
             ylim=(0, 1.05), title=f"bias {biases[-1]:g}: {k} of {n} seeds learn (95 % intervals)", xticks=biases)
    learned, failed = (sum(counts(record, bias)[True, solved] for bias in biases) for solved in (True, False))
    right.axvline(SATURATED, color="0.4", linestyle=":", linewidth=1)
    right.set(xscale="log", xlabel="mean slope h'(s) after 100 updates", ylabel="initial bias", yticks=biases,
              ylim=(min(biases) - 0.5, max(biases) + 1.2),
              title=f"{learned} of {learned + failed} saturated networks learn")
    right.text(0.02, 1.0, "● solved", color=ROLE["lstm"], transform=right.transAxes, va="top")
    right.text(0.02, 0.93, "✕ not solved", color=ROLE["tuned_rnn"], transform=right.transAxes, va="top")
    left.invert_xaxis()
    return fig


def slopes(ax, record, bias):
    """A row of dots, one a seed; crosses for those that do not learn."""
    from common.figures import ROLE
    floor = 1e-6                             # slopes of exactly 0 have to stand somewhere
    slope, solved = (results.values(record, f"{name_of(bias)}_{metric}") for metric in ("early_slope", "solved"))
    spread = bias + np.linspace(-0.3, 0.3, len(slope))
    for which, marker, role, size in ((solved == 1, "o", "lstm", 10), (solved == 0, "x", "tuned_rnn", 28)):
        ax.scatter(np.maximum(slope[which], floor), spread[which], s=size, marker=marker, color=ROLE[role], alpha=0.8)
