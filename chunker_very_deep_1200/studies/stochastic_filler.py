"""What if the filler is not quite predictable?

The filler is a Markov chain: with probability `noise` the next symbol is any of the five. Two ways
to decide what a surprise is: the mass criterion of the main experiment (less than 0.9 of A's
probability), and the argmax criterion of 1993 (the symbol that came is not A's most probable one).
The number k of surprises must lie on the theory's line; recall is asked of a C with 400 updates at
the main experiment's rate. The limit is the paper's own: performance decays with noise.

* k is not the number of bits in the filler: with a likely symbol of mass q it is
  2 + (T - 3)(1 - q), below the entropy, because each surprise is worth more than one bit. By the mass
  criterion k jumps to T once q < 0.9: then every symbol is a surprise although it is predicted right
  nine times of ten. Near the jump (noise 0.1, q = 0.92) a learned A wavers across the bar.
* By the argmax criterion one of the two letters, the one that A happens to favour, is no surprise at
  the beginning: k is half a surprise lower. Nothing is lost (study lossless), but C, which does not
  see time pass, cannot distinguish "not yet" from "as expected".
* The original problem returns in the compressed stream: C must carry the letter across the filler's
  surprises, and only one of its k predictions rewards that.
"""

import time

import numpy as np

from chunker_very_deep_1200.noisy_filler import recall_after, trained_automatizer
from chunker_very_deep_1200.task import CHANCE, entropy, expected_surprises
from common import results
from common.tables import number

SEEDS, MINUTES = range(3), 7.5
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch",
        "automatizer_lr", "tolerance", "chunker_hidden", "chunker_batch", "chunker_lr", "clip")
QUICK = dict(length=60, automatizer_windows=300, noises=(0.0, 0.3), updates=16)
RULES = ("tolerance", "argmax")


def run(config, seeds, noises=(0.0, 0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0), updates=400):
    final, started = {}, time.perf_counter()
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        for rule, tolerance in zip(RULES, (config.tolerance, None)):
            measured = recall_after(seeds, config, A, p, noise, tolerance, updates)
            final |= {f"{key}_{rule}_noise{noise:g}": a for key, a in measured.items()}
    return results.entries(seeds, final, seconds=time.perf_counter() - started)


def checks(record):
    s, noises, T = record["summary"], record["config"]["noises"], record["config"]["length"]
    off = max(abs(s[f"surprises_argmax_noise{noise:g}"]["mean"] - expected_surprises(noise, T, None))
              for noise in noises)
    return [results.check("argmax criterion: surprises against the theory, largest difference of means", off,
                          "at most 2", off <= 2)]


def breakdown(record, rule):
    """(noise, k) of the smallest noise from which on not one seed recalls 0.95, or None."""
    s, broken = record["summary"], None
    for noise in reversed(record["config"]["noises"]):
        if s[f"recall_{rule}_noise{noise:g}"]["max"] >= 0.95:
            break
        broken = noise, s[f"surprises_{rule}_noise{noise:g}"]["mean"]
    return broken


def finding(record):
    parts = []
    for rule, name in zip(RULES, ("mass", "argmax")):
        broken = breakdown(record, rule)
        parts.append(f"noise {broken[0]:g} on ({number(broken[1], 3)} surprises, {name} criterion)" if broken
                     else f"no noise on ({name} criterion)")
    return f"k follows the theory; no seed recalls from {' or from '.join(parts)} ({len(record['runs'])} seeds)."


def cell(s, digits):
    return f"{s['mean']:,.{digits}f} ({s['min']:,.{digits}f} to {s['max']:,.{digits}f})"


def table(record):
    s, T, rows = record["summary"], record["config"]["length"], []
    for noise in record["config"]["noises"]:
        row = [f"{noise:g}", f"{entropy(noise) / np.log(2):.3f}"]
        for rule, bar in zip(RULES, (record["config"]["tolerance"], None)):
            row += [f"{expected_surprises(noise, T, bar):,.1f}", cell(s[f"surprises_{rule}_noise{noise:g}"], 1),
                    cell(s[f"recall_{rule}_noise{noise:g}"], 2)]
        rows.append(row)
    head = [f"{column}, {rule}" for rule in ("mass", "argmax") for column in ("k expected", "k measured", "recall")]
    return ["noise", "entropy (bits)", *head], [*rows, ["chance", "", "", "", "0.50", "", "", "0.50"]]


def figure(record, arrays):
    from common.figures import ROLE, chance_line, plt
    s, config = record["summary"], record["config"]
    x = [entropy(noise) / np.log(2) for noise in config["noises"]]
    fine = np.geomspace(1e-4, 1, 4000)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4))
    color = ROLE["chunker"]
    for rule, face, marker, bar, name in (("tolerance", color, "o", config["tolerance"], "mass"),
                                          ("argmax", "white", "s", None, "argmax")):
        k, recall = ([s[f"{key}_{rule}_noise{noise:g}"] for noise in config["noises"]]
                     for key in ("surprises", "recall"))
        left.plot([entropy(noise) / np.log(2) for noise in fine],
                  [expected_surprises(noise, config["length"], bar) for noise in fine], color=color, linewidth=1)
        left.errorbar(x, [e["mean"] for e in k], spread(k), fmt=marker, color=color, markerfacecolor=face, markersize=5,
                      capsize=2, label=f"{name} criterion; line: theory")
        right.errorbar([e["mean"] for e in k], [e["mean"] for e in recall], spread(recall), fmt=f"{marker}-",
                       color=color, markerfacecolor=face, linewidth=1, markersize=5, capsize=2,
                       label=f"{name} criterion")
    left.set(yscale="log", xlabel="entropy of the filler (bits per symbol)", ylabel="surprises per sequence k",
             title="surprises against the entropy of the filler")
    left.set_xscale("symlog", linthresh=0.01)
    left.set_xlim(-0.001, 3)
    left.legend(loc="upper left")
    chance_line(right, CHANCE)
    right.set(xscale="log", xlabel="surprises per sequence k", ylabel="recall among A and B", ylim=(0.3, 1.05),
              title=f"recall of C, {record['config']['updates']} updates ({len(record['runs'])} seeds, range)")
    right.legend()
    return fig


def spread(summaries):
    """Error bars from the lowest to the highest seed."""
    return np.abs([[e["mean"] - e["min"], e["max"] - e["mean"]] for e in summaries]).T
