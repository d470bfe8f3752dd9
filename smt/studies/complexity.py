"""What do training and use cost as sequences grow, measured?

The paper's complexity table with numbers instead of orders. One update is one forward and backward pass (4 sequences,
every step asked); all networks have the sizes of the main experiment, untrained: nothing is learned here, so there is
no accuracy, chance or floor. Measured at every length T:

    path         calls in a row (of the updater, of a Transformer block) that the error of the last answer passes:
                 those that receive a gradient other than 0 when only that answer is asked
    reach        inputs at which this error arrives (each input has a token of its own)
    calls        calls of updaters and blocks in one update, one after the other
    multiply-adds    of one update, or of one token in use: counted from the calls and the architecture (work.py), so
                 without elementwise work and the optimiser
    bytes        most that one update had allocated at the same time, per sequence
    seconds      processor seconds of one update on one core, the fastest of some, the methods taking turns
    in use       bytes kept between two tokens, seconds for one token and its answer; the Transformer keeps its keys and
                 values
    ratio        an update of SMT over one of BPTT with the residual MLP, for other batches and a wider updater (the
                 encoder stays): few rows a step and large weights are what BPTT's loop is slow at. Beside the ratio of
                 the times that of the multiply-adds: where the first is lower, SMT's take less time each

A block counts 1 however long the sequence is: only hardware that computes all places at once makes it one step, and
seconds show what one core makes of it. An update of one method is not worth an update of another: what is learned in
how many seconds is in the other studies. Orders are slopes of log(value) over log(T) at the three longest lengths. The
paper's orders are given as secondary sources have them; its printed table was not read. Two of ours should differ from
them: the paper labels one memory a sequence, ours all; and attention is computed here by storing its T x T weights.
The clock was read in one run; the multiply-adds, which need no clock, were counted later for the same networks.
Refuted if the path or the calls of SMT grew with T, or if anything kept by the RNN in use did.
"""

import time
from dataclasses import replace

import numpy as np

from common import results
from common.randomness import stream
from smt import cost, work

SEEDS, MINUTES = range(100, 105), 3
USES = ("elements", "size", "hidden", "width", "heads")
QUICK = dict(size=16, hidden=16, width=16, lengths=(16, 32, 64), contexts=(16, 32, 64), repeats=1, compared=16)
POWERS = {0: "⁰", 3: "³", 6: "⁶", 9: "⁹"}
SHORTEST_FIT = 3                        # of so many longest lengths the slope is taken
TOKENS = 60                             # tokens timed in use, the fastest counts
TRAINING = {"path": "credit path", "calls": "calls in a row", "multiply-adds": "multiply-adds an update",
            "bytes": "activation memory", "seconds": "time an update"}
USE = {"bytes in use": "memory in use", "multiply-adds in use": "multiply-adds a token",
       "seconds in use": "time a token"}
RNN, GRU, TRUNCATED = "BPTT, residual MLP", "BPTT, GRU", "BPTT, truncated"
RATIO, WORK_RATIO = "SMT over BPTT", "SMT over BPTT, multiply-adds"
USED_AS = {"SMT": RNN, "DMT": RNN, "self-prediction": RNN, TRUNCATED: RNN}       # the same network in use
ORDERS = {                              # the paper's, by quantity; a method it does not have, or not known: none
    "SMT": {"path": "1", "calls": "1", "bytes": "T", "bytes in use": "1", "seconds in use": "1"},
    "DMT": {"path": "1", "calls": "T", "bytes in use": "1", "seconds in use": "1"},
    RNN: {"path": "T", "calls": "T", "bytes": "T", "bytes in use": "1", "seconds in use": "1"},
    GRU: {"path": "T", "calls": "T", "bytes": "T", "bytes in use": "1", "seconds in use": "1"},
    "Transformer": {"path": "1", "calls": "1", "bytes": "T", "bytes in use": "T", "seconds in use": "T"}}


# ---------------------------------------------------------------- the run

def run(config, seeds, lengths=(64, 128, 256, 512, 1024, 2048), contexts=(1024, 4096, 16384, 65536), batch=4,
        repeats=3, compared=256, batches=(1, 4, 32), wider=(1, 4)):
    for seed in seeds:
        started, final = time.time(), {name: {} for name in cost.METHODS}
        for length in lengths:
            for name, found in training(config, seed, length, batch, repeats).items():
                put(final[name], length, found)
        for length in contexts:
            for name, found in use(config, seed, length, repeats).items():
                put(final[name], length, found)
        for found in final.values():
            found["order"] = {what: slope(values) for what, values in found.items()}
        for name, of in ((RATIO, seconds_of), (WORK_RATIO, work_of)):
            final[name] = {str(times): {str(rows): compare(of, config, seed, compared, rows, times, repeats)
                                        for rows in batches} for times in wider}
        yield results.entry(seed, final, seconds=time.time() - started)


def training(c, seed, length, batch, repeats):
    """{method: {quantity: number}} of one update at one length."""
    rng = stream(seed, f"sequences {length}")
    x, y = (rng.integers(0, c.elements + 1, (batch, length)) for _ in range(2))
    methods = {name: make(c, seed, c.elements + 1, length) for name, make in cost.METHODS.items()}
    multiplied = work_of(methods, x, y)
    found = {name: counted(c, seed, name, method, x, y) | {"multiply-adds": multiplied[name]}
             for name, method in methods.items()}
    for name, seconds in seconds_of(methods, x, y, repeats).items():
        found[name]["seconds"] = seconds
    return found


def counted(c, seed, name, method, x, y):
    """What needs no clock. The path is measured in float64, where a vanishing error is still other than 0."""
    length = x.shape[1]
    exact = cost.METHODS[name](c, seed, length, length, np.float64)
    path, reach = cost.path_and_reach(exact, np.arange(length)[None])
    calls = cost.calls_of_update(method, x, y)          # also warms up what is kept from one update to the next
    return {"path": path, "reach": reach, "calls": calls, "bytes": cost.peak(lambda: method.update(x, y)) / len(x)}


def use(c, seed, length, repeats):
    """{method: {quantity: number}} of one token after `length` tokens."""
    networks = {name: make(cost.METHODS[name](c, seed, c.elements + 1, length), length)
                for name, make in cost.IN_USE.items()}
    return {name: {"bytes in use": network.bytes, "multiply-adds in use": network.multiply_adds,
                   "seconds in use": cost.fastest({name: network.token}, repeats * TOKENS)[name]}
            for name, network in networks.items()}      # one after the other: what stays in cache is a network's own


def compare(of, c, seed, length, batch, times, repeats):
    """What an update of SMT takes over that of BPTT, with `times` as many numbers and hidden units in the updater.

    of   seconds_of or work_of
    """
    c, rng = replace(c, size=times * c.size, hidden=times * c.hidden), stream(seed, "sequences compared")
    x, y = (rng.integers(0, c.elements + 1, (batch, length)) for _ in range(2))
    methods = {name: cost.METHODS[name](c, seed, c.elements + 1, length) for name in ("SMT", RNN)}
    found = of(methods, x, y, repeats)
    return found["SMT"] / found[RNN]


def seconds_of(methods, x, y, repeats):
    """{method: seconds of an update}"""
    updates = {name: lambda method=method: method.update(x, y) for name, method in methods.items()}
    return cost.fastest(updates, repeats)


def work_of(methods, x, y, _repeats=None):
    """{method: multiply-adds of an update}"""
    return {name: work.of_update(method.networks.values(), lambda: method.update(x, y))
            for name, method in methods.items()}


def put(tree, length, found):
    for what, value in found.items():
        tree.setdefault(what, {})[str(length)] = value


def slope(values):
    """Order of growth at the longest lengths of {T: value}."""
    last = list(values.items())[-SHORTEST_FIT:]
    return cost.exponent([int(length) for length, _ in last], [value for _, value in last])


# ---------------------------------------------------------------- what is claimed

def checks(record):
    at = lambda *path: results.values(record, *path)
    T, far = record["config"]["lengths"][-1], record["config"]["contexts"][-1]
    path, calls = every(record, "SMT", "path"), every(record, "SMT", "calls")
    near = [name for name in cost.METHODS if max(at(name, "path", T)) <= 16 and min(at(name, "reach", T)) == T]
    return [results.check("the calls that an error of SMT passes, the same at every T (most)", max(path), "3",
                          set(path) == {3}),
            results.check("the calls in a row in one update of SMT, the same at every T (most)", max(calls), "8",
                          set(calls) == {8}),
            results.check(f"the updates that an error of BPTT passes at T = {T:,}", max(at(RNN, "path", T)), f"{T}",
                          set(at(RNN, "path", T)) == {T}),
            results.check(f"methods whose error reaches all {T:,} inputs over at most 16 calls (SMT, Transformer)",
                          len(near), "2", near == ["SMT", "Transformer"]),
            between(record, f"BPTT's activation memory grows like T (slope to T = {T:,})", (RNN, "bytes"), 0.9, 1.1),
            between(record, "that of truncated BPTT does not grow", (TRUNCATED, "bytes"), -0.1, 0.1),
            between(record, "SMT's activation memory grows faster than T, because T x T attention weights are kept",
                    ("SMT", "bytes"), 1.2, 2.1, paper="1"),
            between(record, f"the time of the RNN's next token does not grow (slope to {far:,} tokens)",
                    (RNN, "seconds in use"), -0.15, 0.15, paper="0"),
            between(record, "the memory of the Transformer in use grows like T", ("Transformer", "bytes in use"), 0.95,
                    1.05, paper="1"),
            between(record, "the time of its next token grows (slope)", ("Transformer", "seconds in use"), 0.5, 1.3,
                    paper="1"),
            dearer(record, T), cheaper(record)]


def every(record, name, what):
    """The values of all lengths and seeds."""
    return [value for run in record["runs"] for value in run["final"][name][what].values()]


def between(record, claim, path, low, high, paper=None):
    """The mean order of growth over the seeds lies between two bounds."""
    found = results.values(record, path[0], "order", path[1])
    mean = round(float(found.mean()), 4) if len(found) else None
    return results.check(claim, mean, f"{low} to {high}", mean is not None and low <= mean <= high, paper,
                         rounded(results.interval(found)))


def rounded(interval):
    return interval and tuple(round(end, 4) for end in interval)


def dearer(record, length):
    found, batch = ratio(record, "seconds", length), record["config"]["batch"]
    claim = f"on one core an update of SMT takes longer than one of BPTT, T = {length:,}, {batch} sequences (ratio)"
    return results.check(claim, float(found.mean()), "> 1", found.mean() > 1, interval=results.interval(found))


def cheaper(record):
    """The corner of the comparison that is kindest to SMT."""
    times, batch, length = record["config"]["wider"][-1], record["config"]["batches"][0], record["config"]["compared"]
    found = results.values(record, RATIO, times, batch)
    claim = f"with an updater {times} times as wide and a batch of {batch} it takes less, T = {length} (ratio)"
    return results.check(claim, float(found.mean()), "< 1", found.mean() < 1, interval=results.interval(found))


def ratio(record, what, length):
    """SMT over BPTT with the residual MLP, seed by seed."""
    return results.values(record, "SMT", what, length) / results.values(record, RNN, what, length)


def finding(record):
    c, T, at = record["config"], record["config"]["lengths"][-1], lambda *path: results.values(record, *path).mean()
    batch, times = c["batches"][0], c["wider"][-1]
    return (f"At T = {T:,} an error of SMT passes {at('SMT', 'path', T):.0f} calls (BPTT's {at(RNN, 'path', T):,.0f}), "
            f"an update makes {at('SMT', 'calls', T):.0f} calls in a row (BPTT's {at(RNN, 'calls', T):,.0f}); on one "
            f"core it takes {ratio(record, 'seconds', T).mean():.1f} times as long as BPTT's for "
            f"{ratio(record, 'multiply-adds', T).mean():.0f} times the multiply-adds (batch of {c['batch']}, "
            f"n = {len(record['runs'])}), at T = {c['compared']} with a batch of {batch} and a {times} times wider "
            f"updater {at(RATIO, times, batch):.2f} times.")


# ---------------------------------------------------------------- tables and figure

def table(record):
    last, far = record["config"]["lengths"][-1], record["config"]["contexts"][-1]
    return {"Order of growth with T: the paper's → measured slope [95 % interval]": orders(record),
            f"One update at T = {last:,}; one token after {far:,} tokens": amounts(record, last, far),
            f"An update at T = {record['config']['compared']}, SMT over BPTT: time [95 % interval]; multiply-adds":
            ratios(record)}


def orders(record):
    names = {**TRAINING, **USE}
    rows = [[name, *(order(record, name, what) for what in names)] for name in cost.METHODS]
    return ["method", *names.values()], rows


def order(record, name, what):
    """'T → 1.00 [0.99, 1.01]'"""
    paper = ORDERS.get(name, {}).get(what, "–")
    found = results.values(record, USED_AS.get(name, name) if what in USE else name, "order", what)
    spread = " [{:.2f}, {:.2f}]".format(*results.interval(found)) if len(found) > 1 and np.ptp(found) >= 0.01 else ""
    return f"{paper} → {found.mean():.2f}{spread}".replace("-0.00", "0.00")


def amounts(record, length, far):
    mean = lambda name, what, T: amount(what, results.values(record, name, what, T).mean())
    rows = [[name, *(mean(name, what, length) for what in ("path", "reach", *list(TRAINING)[1:])),
             *(mean(USED_AS.get(name, name), what, far) for what in USE)] for name in cost.METHODS]
    return ["method", "path", "inputs reached", "calls in a row", "multiply-adds an update", "memory a sequence",
            "time an update", "kept in use", "multiply-adds a token", "time a token"], rows


def ratios(record):
    c = record["config"]
    rows = [[f"{times * c['size']} and {times * c['hidden']}",
             *(ratio_text(record, times, batch) for batch in c["batches"])] for times in c["wider"]]
    return ["numbers in the memory and hidden units", *(f"batch of {batch}" for batch in c["batches"])], rows


def ratio_text(record, times, batch):
    """'1.91 [1.83, 1.97]; 5.1'"""
    found, multiplied = (results.values(record, name, times, batch) for name in (RATIO, WORK_RATIO))
    spread = " [{:.2f}, {:.2f}]".format(*results.interval(found)) if len(found) > 1 else ""
    return f"{found.mean():.2f}{spread}; {multiplied.mean():.2g}"


def amount(what, value):
    """A number with its unit."""
    if what.startswith("multiply-adds"):
        power = min(max(0, 3 * int(np.log10(value) // 3)), 9)
        return f"{value / 10 ** power:.3g} · 10{POWERS[power]}"
    if what.startswith("bytes"):
        return f"{value / 1e6:.3g} MB" if value >= 1e5 else f"{value:.0f} B"
    if what.startswith("seconds"):
        return f"{1e3 * value:.3g} ms"
    return f"{value:,.0f}"


def figure(record, arrays):
    """Six panels over T, both axes logarithmic; the grey lines grow like T and T^2.

    Where methods agree, the marker of the earlier one is a rim around that of the later one.
    """
    from common.figures import ROLE, plt
    looks = {"SMT": ("smt", "o", "-"), "DMT": ("smt_dmt", "s", "-"), "self-prediction": ("binary", "D", "-"),
             RNN: ("mlp", "^", "-"), GRU: ("gru", "v", "--"), TRUNCATED: ("tuned_rnn", "P", ":"),
             "Transformer": ("transformer", "X", "-")}
    titles = {"path": "calls an error passes", "calls": "calls in a row, one update",
              "bytes": "MB a sequence, one update", "seconds": "ms on one core, one update",
              "bytes in use": "in use: MB kept", "seconds in use": "in use: ms for the next token"}
    units = {"bytes": 1e-6, "seconds": 1e3, "bytes in use": 1e-6, "seconds in use": 1e3}
    fig, axes = plt.subplots(2, 3, figsize=(9.5, 6.2))
    for ax, (what, title) in zip(axes.flat, titles.items()):
        for place, name in enumerate(cost.METHODS):
            if what in record["summary"][name]:
                colour, marker, line = looks[name]
                curve(ax, record["summary"][name][what], units.get(what, 1), color=ROLE[colour], marker=marker,
                      linestyle=line, label=name, markersize=9 - place)
        ax.set(xscale="log", yscale="log", title=title, xlabel="T")
        slopes(ax)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4)
    last = record["config"]["lengths"][-1]
    times = ratio(record, "seconds", last).mean()
    fig.suptitle(f"An error of SMT passes {max(every(record, 'SMT', 'path'))} calls at every T; at T = {last:,} its "
                 f"update takes {times:.1f} times as long as BPTT's\n(residual MLP, one core, "
                 f"{record['config']['batch']} sequences, n = {len(record['runs'])}; in use, all RNNs but the GRU are "
                 "the same network)", fontsize=10)
    return fig


def curve(ax, summary, unit, **look):
    lengths = [int(length) for length in summary]
    ax.plot(lengths, [unit * s["mean"] for s in summary.values()], linewidth=1.4, **look)


def slopes(ax):
    """Lines of order T and T^2 through the lower left corner."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for power, name in ((1, "T"), (2, "T²")):
        ax.plot([left, right], [low, low * (right / left) ** power], color="0.8", linewidth=0.8, zorder=0)
        end = min(right, left * (high / low) ** (1 / power))
        ax.annotate(name, (end, low * (end / left) ** power), xytext=(3, 0), textcoords="offset points", ha="left",
                    va="center" if end == right else "top", fontsize=9, color="0.5", annotation_clip=False)
    ax.set(xlim=(left, right), ylim=(low, high))
