"""Figures and tables of the chunker's studies, from studies/*.json alone."""

import numpy as np

from chunker_very_deep_1200.task import entropy, expected_surprises
from common.figures import LABEL, ROLE, chance_line, plt
from common.results import mean_spread, table

CHANCE = "chance 0.500"


def levels_of(summary, prefix):
    """The numbers that follow a prefix in the names of the metrics, in order."""
    return sorted({float(name[len(prefix):]) for name in summary if name.startswith(prefix)})


def mean_range(s, digits=3):
    """mean (min to max)."""
    return "none" if s["n"] == 0 else f"{s['mean']:,.{digits}f} ({s['min']:,.{digits}f} to {s['max']:,.{digits}f})"


def mean(s, digits=0):
    return f"{s['mean']:,.{digits}f}"


def share(s, study):
    """'k of n' from a metric that is 1 or 0 for each run."""
    return f"{s['mean'] * s['n']:.0f} of {len(study['runs'])}"


# ---------------------------------------------------------------- figures

def stochastic_filler(study):
    """Measured surprises on the theoretical curve, and where recall breaks down."""
    s, T, tolerance = study["summary"], study["config"]["length"], study["config"]["tolerance"]
    noises = levels_of(s, "surprises_tolerance_noise")
    x, fine = [entropy(noise) / np.log(2) for noise in noises], np.geomspace(1e-4, 1, 4000)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4))
    for rule, color, bound, text in (("tolerance", ROLE["chunker"], tolerance, f"less than {1 - tolerance:g} of the mass"),
                                     ("argmax", ROLE["tuned_rnn"], None, "not A's most probable symbol")):
        k = [s[f"surprises_{rule}_noise{noise:g}"] for noise in noises]
        recall = [s[f"recall_{rule}_noise{noise:g}"] for noise in noises]
        left.plot([entropy(noise) / np.log(2) for noise in fine], [expected_surprises(noise, T, bound) for noise in fine],
                  color=color, linewidth=1, label=f"theory: {text}")
        bars = np.abs([[e["mean"] - e["min"], e["max"] - e["mean"]] for e in k]).T
        left.errorbar(x, [e["mean"] for e in k], bars, fmt="o", color=color, markersize=5, capsize=2)
        bars = np.abs([[e["mean"] - e["min"], e["max"] - e["mean"]] for e in recall]).T
        right.errorbar([e["mean"] for e in k], [e["mean"] for e in recall], bars, fmt="o-", color=color, linewidth=1,
                       markersize=5, capsize=2, label=f"surprise: {text}")
    left.plot(x, [2 + T * bits for bits in x], ":", color="0.3", label="bits in the filler (source card)")
    left.set(xscale="symlog", yscale="log", xlabel="entropy of the filler (bits per symbol)", ylabel="surprises per sequence k")
    left.set_xscale("symlog", linthresh=0.01)
    left.set_xlim(-0.001, 3)
    chance_line(right, 0.5)
    right.set(xscale="log", xlabel="surprises per sequence k", ylabel="recall among A and B", ylim=(0.3, 1.05))
    left.legend(fontsize=8.5, loc="upper left")
    right.legend(fontsize=8.5)
    return fig


def recursive(study):
    """Length of the stream at each level."""
    s, fig, ax = study["summary"], *plt.subplots(figsize=(7.5, 3.8))
    for L, marker, color in ((3, "o", ROLE["chunker"]), (4, "s", ROLE["lstm"])):
        lengths = [s[f"length_levels{L}_at{j}"] for j in range(L + 1)]
        bars = np.abs([[e["mean"] - e["min"], e["max"] - e["mean"]] for e in lengths]).T
        ax.errorbar(range(L + 1), [e["mean"] for e in lengths], bars, marker=marker, color=color, capsize=3,
                    label=f"{L} levels of automatizers")
        ideal = [20**L / 20**j + 1 for j in range(L)] + [2]
        ax.plot(range(L + 1), ideal, ":", color=color,
                label="if the slower symbols and nothing else surprised" if L == 4 else None)
    ax.set(yscale="log", xticks=range(5), xlabel="level (0 is the raw stream)", ylabel="symbols per sequence")
    ax.legend(fontsize=9)
    return fig


def collapse_1992(study):
    """A's target error over training, and how much C still receives."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
    runs = study["runs"]
    for name, color, text in (("two_nets", ROLE["chunker"], "A of the two nets"),
                              ("conventional_3_steps", ROLE["rnn"], "conventional, 3 steps"),
                              ("conventional_full", ROLE["tuned_rnn"], "conventional, full BPTT")):
        curves = np.array([run_["curves"][f"{name}_error"] for run_ in runs])
        total = study["summary"][f"{name}_strings"]["mean"]
        x = total * (np.arange(curves.shape[1]) + 0.5) / curves.shape[1]
        left.fill_between(x, curves.min(0), curves.max(0), color=color, alpha=0.2, linewidth=0)
        left.plot(x, np.median(curves, 0), color=color, label=text)
    chance_line(left, 0.5)
    left.set(xscale="log", xlabel="strings", ylabel="mean target error", ylim=(0, 0.8),
             title=f"{len(runs)} runs: median and range")
    left.legend(fontsize=9)
    taken = np.array([run_["curves"]["inputs_of_C"] for run_ in runs])
    x = study["summary"]["two_nets_strings"]["mean"] * (np.arange(taken.shape[1]) + 0.5) / taken.shape[1]
    right.fill_between(x, taken.min(0), taken.max(0), color=ROLE["chunker"], alpha=0.2, linewidth=0)
    right.plot(x, np.median(taken, 0), color=ROLE["chunker"])
    right.set(xlabel="strings", ylabel="inputs of C per string of 21", title="C is used less and less", ylim=(0, 21))
    return fig


FIGURES = {"stochastic_filler": stochastic_filler, "recursive": recursive, "collapse_1992": collapse_1992}


# ---------------------------------------------------------------- tables

def depth_table(study):
    s = study["summary"]
    rows = [[f"{T:,}", mean_range(s[f"recall_T{T}"]), mean_range(s[f"surprises_T{T}"], 1), mean(s[f"reduction_T{T}"]),
             mean(s[f"seconds_T{T}"], 1), mean(s[f"walk_megabytes_T{T}"], 1), mean(s[f"stream_megabytes_T{T}"], 2)]
            for T in map(int, levels_of(s, "recall_T"))]
    return table(["T", f"recall ({CHANCE})", "surprises k", "(T - 1) / k", "processor seconds", "memory of the walk (MB)",
                  "stream (MB)"], rows)


def stochastic_table(study):
    s, T, tolerance = study["summary"], study["config"]["length"], study["config"]["tolerance"]
    rows = []
    for noise in levels_of(s, "recall_argmax_noise"):
        rows.append([f"{noise:g}", f"{entropy(noise) / np.log(2):.3f}"])
        for rule, bound in (("tolerance", tolerance), ("argmax", None)):
            rows[-1] += [f"{expected_surprises(noise, T, bound):,.1f}", mean_range(s[f"surprises_{rule}_noise{noise:g}"], 1),
                         mean_range(s[f"recall_{rule}_noise{noise:g}"], 2)]
    head = [f"{column}, {rule}" for rule in ("tolerance", "argmax") for column in ("k expected", "k measured", "recall")]
    return table(["noise", "entropy (bits)", *head], rows + [["chance", "", "", "", "0.50", "", "", "0.50"]])


def threshold_table(study):
    s, rows = study["summary"], []
    for t in levels_of(s, "recall_noise0_tolerance"):
        measured = [mean_range(s[f"{key}_noise{noise}_tolerance{t:g}"], digits)
                    for noise in ("0", "0.002") for key, digits in (("surprises", 1), ("recall", 2))]
        rows.append([f"{t:g}", f"{-np.log(1 - t):.4f}", *measured])
    return table(["tolerance", "as a loss (nats)", "k, cycle", "recall, cycle", "k, noise 0.002", "recall, noise 0.002"],
                 rows + [["chance", "", "", "0.50", "", "0.50"]])


def lossless_table(study):
    s = study["summary"]
    rows = [[f"{noise:g}", rule, *(mean_range(s[f"{key}_{rule}_noise{noise:g}"], digits)
                                   for key, digits in (("rebuilt", 3), ("surprises", 1))),
             mean(s[f"bits_ratio_{rule}_noise{noise:g}"], 3)]
            for noise in levels_of(s, "rebuilt_tolerance_noise") for rule in ("tolerance", "argmax")]
    return table(["noise", "surprise by", "sequences rebuilt exactly", "surprises", "bits sent / bits of the stream"], rows)


def online_table(study):
    s, rows = study["summary"], []
    for name, text in (("online", "together from the start"), ("sequential", "A alone for 96 sequences, then both")):
        solved = s[f"{name}_sequences_to_solve"]
        rows.append([text, mean_spread(solved, 0), f"{solved['n']} of {len(study['runs'])}", mean(s[f"{name}_surprises"], 2)])
    return table(["schedule", "sequences until C gives the right letter 0.9 for good", "solved", "surprises at the end"], rows)


def cost_table(study):
    names = dict(rnn="tanh-RNN, 16 units", lstm="LSTM (1997), 8 cells", lstm_forget="LSTM with forget gate, 8 cells",
                 chunker_training_A="A while it learns", chunker_training_C="A frozen, C learns")
    keys = ("forward_steps", "gradient_steps", "longest_path", "multiply_adds", "bytes_moved", "stored_bytes")
    rows = [[text, *(mean(study["summary"][f"{name}_{key}"]) for key in keys)] for name, text in names.items()]
    return table(["per training sequence", "forward steps", "steps that carry an error", "longest error path",
                  "multiply-adds", "bytes moved", "bytes stored for the way back"], rows)


def single_nets_table(study):
    s, rows = study["summary"], []
    for kind in ("tuned_rnn", "lstm", "lstm_forget"):
        for name, text in ((kind, LABEL[kind]), (f"{kind}_told", f"{LABEL[kind]}, told")):
            bridged = s[f"{name}_sequences_to_bridge"]
            rows.append([text, mean_range(s[f"{name}_recall_accuracy"]), share(s[f"{name}_solved"], study),
                         f"{mean_range(bridged, 0)}, {bridged['n']} seeds" if bridged["n"] else "never",
                         mean_range(s[f"effective_depth_{name}"], 0)])
    return table(["net", f"recall ({CHANCE})", "seeds solved at the end", "sequences until 80 in a row are right",
                  "effective depth"], rows)


def recursive_table(study):
    s, rows = study["summary"], []
    for L in (3, 4):
        lengths = " → ".join(mean(s[f"length_levels{L}_at{j}"]) for j in range(L + 1))
        ratios = " · ".join(mean(s[f"ratio_levels{L}_at{j}"], 1) for j in range(1, L + 1))
        rows.append([L, lengths, ratios, mean_range(s[f"ratio_levels{L}_product"], 0),
                     mean(s[f"ratio_levels{L}_expected"]), mean_range(s[f"recall_levels{L}"], 2)])
    return table(["levels", "symbols at each level (mean)", "ratio of each level", "whole ratio",
                  "ratio if nothing else surprises", f"recall ({CHANCE})"], rows)


def automaton_table(study):
    s, rows = study["summary"], []
    for r in levels_of(s, "minimal_lag_r"):
        row = [f"{r:g}", *(mean(s[f"{key}_r{r:g}"]) for key in ("minimal_lag", "mean_length", "surprises"))]
        for view in ("compressed", "raw"):
            used = s[f"{view}_sequences_r{r:g}"]
            row += [f"{mean_range(used, 0)}, {used['n']} of {len(study['runs'])} seeds" if used["n"] else "never",
                    mean_range(s[f"{view}_accuracy_r{r:g}"])]
        rows.append([*row, mean(s[f"raw_cap_r{r:g}"])])
    return table(["letters repeated", "minimal lag", "mean length", "surprises", "sequences to 100 %, compressed",
                  f"accuracy ({CHANCE})", "sequences to 100 %, raw stream", f"accuracy ({CHANCE})",
                  "budget of the raw net"], rows)


def collapse_table(study):
    s, rows = study["summary"], []
    for name, text, paper in (("two_nets", "A of the two nets, error back 3 steps", ("13 of 17", "17 of 17")),
                              ("conventional_3_steps", "conventional net, 3 steps", ("", "0 within 1,000,000")),
                              ("conventional_full", "conventional net, full BPTT", ("", "0 within 1,000,000"))):
        solved = s[f"{name}_sequences"]
        rows.append([text, paper[0], share(s[f"{name}_within_5000"], study), paper[1], share(s[f"{name}_within_35000"], study),
                     f"median {solved['median']:,.0f} ({solved['min']:,.0f} to {solved['max']:,.0f})" if solved["n"] else "never",
                     mean_range(s[f"{name}_right"], 2)])
    return table(["net", "paper: within 5,000", "ours", "paper: within 35,000", "ours", "strings to the criterion",
                  "right in the last 100"], rows)


def rtrl_table(study):
    s = study["summary"]
    keys = ("bptt_us", "rtrl_us", "bptt_stored", "rtrl_stored")
    rows = [[f"{H:g}", f"{s[f'difference_H{H:g}']['max']:.0e}", *(f"{s[f'{key}_H{H:g}']['median']:,.0f}" for key in keys)]
            for H in levels_of(s, "difference_H")]
    return table(["hidden units", "largest relative difference", "BPTT (µs per step)", "RTRL (µs per step)",
                  "BPTT: numbers kept (T = 200)", "RTRL: numbers kept"], rows)


TABLES = dict(depth=depth_table, stochastic_filler=stochastic_table, threshold=threshold_table, lossless=lossless_table,
              online=online_table, cost=cost_table, single_nets=single_nets_table, recursive=recursive_table,
              automaton=automaton_table, collapse_1992=collapse_table, rtrl=rtrl_table)
