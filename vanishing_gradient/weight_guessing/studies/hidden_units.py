"""What does the density of solutions look like against the hidden units and the connections?

Varied: the number of hidden units, the connections the source leaves open (input to output, output
bias, output to itself), and the order of the update. The rest is as in the main experiment. More
units mean more weights to get right, but also more ways to be right.
"""

from common import results
from common.randomness import stream
from vanishing_gradient.weight_guessing.networks import A1, A2
from vanishing_gradient.weight_guessing.weight_guessing import (
    ROW, density, interval_text, margin, search, sequences)

SEEDS, MINUTES = range(3), 3
USES = ("interval", "shortest", "longest", "training", "tolerance")
QUICK = dict(shortest=40, longest=50, training=20, budget=0.02)
NO_SELF = dict(self_connections=False)
# label: (row whose task it is, network, guesses of one seed)
SIZES = {
    **{f"parity A2 without self-connections, {n} hidden": ("parity_a2_no_self", A2(n, **NO_SELF), guesses)
       for n, guesses in ((1, 262_144), (2, 131_072), (4, 65_536), (10, 32_768), (20, 16_384), (40, 8_192))},
    **{f"parity A1, {n} hidden": ("parity_a1", A1(n), guesses)
       for n, guesses in ((1, 262_144), (2, 131_072), (3, 131_072), (5, 131_072))},
    **{f"two-sequence A1, {n} hidden": ("two_sequence", A1(n), guesses)
       for n, guesses in ((1, 131_072), (2, 65_536), (3, 65_536), (5, 65_536))},
}
CONNECTIONS = {
    "parity A1, output bias added": ("parity_a1", A1(1, output_bias=True), 262_144),
    "parity A1 without input to output": ("parity_a1", A1(1, input_to_output=False), 262_144),
    "parity A1 without output to itself": ("parity_a1", A1(1, output_lateral=False), 262_144),
    "parity A1, all units at once": ("parity_a1", A1(1, hidden_first=False), 262_144),
    "noisy parity A1, output bias added": ("noisy_parity_a1", A1(1, output_bias=True), 524_288),
    "noisy parity A1, 2 hidden": ("noisy_parity_a1", A1(2), 262_144),
    "parity A2 without self-connections and input to output":
        ("parity_a2_no_self", A2(input_to_output=False, **NO_SELF), 32_768),
    "parity A2 without self-connections, all units at once":
        ("parity_a2_no_self", A2(hidden_first=False, **NO_SELF), 65_536),
    "two-sequence A1 without input to output": ("two_sequence", A1(1, input_to_output=False), 65_536),
}
NONE = ("parity A1 without input to output", "parity A1 without output to itself", "parity A1, all units at once",
        "parity A2 without self-connections, all units at once", "parity A2 without self-connections, 1 hidden")


def run(config, seeds, budget=1.0):
    for seed in seeds:
        final = {}
        for label, (name, network, guesses) in {**SIZES, **CONNECTIONS}.items():
            row, count = ROW[name], int(guesses * budget)
            data = sequences(row, config, seed, "train", config.training)
            found, _ = search(network, data, margin(row, config.tolerance), stream(seed, f"guess {label}"), count,
                              config.interval)
            final |= {f"{label}_solutions": len(found), f"{label}_guesses": count}
        yield results.entry(seed, final)


def _density(record, label):
    return density(*(results.values(record, f"{label}_{what}").sum() for what in ("solutions", "guesses")))


def checks(record):
    made = []
    for label in NONE:
        k = _density(record, label).solutions
        made.append(results.check(f"{label}: solutions", k, "0", k == 0))
    two, twenty = (_density(record, f"parity A2 without self-connections, {n} hidden").trials for n in (2, 20))
    ratio = two / twenty if two and twenty else None
    made.append(results.check("parity A2 without self-connections: trials with 2 hidden units / with 20", ratio,
                              "at least 5", ratio is not None and ratio >= 5))
    noisy = _density(record, "noisy parity A1, output bias added")
    made.append(results.check("noisy parity A1, output bias added: trials per solution", noisy.trials,
                              "20,700 to 82,800", noisy.solutions > 0 and 20_700 <= noisy.trials <= 82_800, 41_400,
                              noisy.interval if noisy.solutions else None))
    return made


def finding(record):
    few, many = (_density(record, f"parity A2 without self-connections, {n} hidden").trials for n in (2, 40))
    biased = _density(record, "noisy parity A1, output bias added").trials
    at_once = sum(_density(record, label).solutions for label in CONNECTIONS if "at once" in label)
    units = f"Parity A2: 1 of {few:,.0f} with 2 units, 1 of {many:,.0f} with 40. " if few and many else ""
    bias = f" Noisy parity with an output bias: {biased:,.0f} (published: 41,400)." if biased else ""
    return f"{units}All units updated at once: {at_once or 'no'} solutions.{bias}"


def table(record):
    header = ["network", "weights", "trials per solution [95 %]", "solutions of guesses"]
    return {title: (header, [_line(record, label, group[label][1]) for label in group])
            for title, group in (("Hidden units", SIZES), ("Connections and order", CONNECTIONS))}


def _line(record, label, network):
    found = _density(record, label)
    ours = (f"{found.trials:,.0f} {interval_text(found.interval)}" if found.solutions
            else f"more than {found.interval[0]:,.0f}")
    return [label, network.weights, ours, f"{found.solutions:,} of {found.guesses:,}"]


def figure(record, arrays):
    from common.figures import CELLS, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4))
    kinds = list(dict.fromkeys(label.rsplit(",", 1)[0] for label in SIZES))
    for k, kind in enumerate(kinds):
        sizes = {network.hidden: _density(record, label) for label, (_, network, _) in SIZES.items()
                 if label.startswith(kind + ",")}
        solved = {n: d for n, d in sizes.items() if d.solutions}
        y = [1 / d.trials for d in solved.values()]
        ends = [[v - 1 / d.interval[1] for v, d in zip(y, solved.values())],
                [1 / d.interval[0] - v for v, d in zip(y, solved.values())]]
        if solved:
            ax.errorbar(list(solved), y, ends, color=CELLS[k], marker=SYMBOL_MARKERS[k], capsize=3, label=kind)
        none = {n: d for n, d in sizes.items() if not d.solutions}
        ax.plot(list(none), [1 / d.interval[0] for d in none.values()], "v", color=CELLS[k], markerfacecolor="w")
    ax.plot([], [], "v", color="0.4", markerfacecolor="w", label="none found: 95 % upper end")
    ax.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="share of guesses that solve",
           xticks=(1, 2, 3, 5, 10, 20, 40), xticklabels=(1, 2, 3, 5, 10, 20, 40))
    ax.minorticks_off()
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=2)
    return fig
