"""All figures of this folder, from results.json, traces.npz (and studies/*.json for the README) alone; nothing is trained.

    python3 smt/visualize_smt.py [--out DIR]      DIR holds results.json and traces.npz; figures go to DIR/viz

It prints the path of every figure it writes. With --tables it also fills the tables of README.md in that folder.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401, E402
import numpy as np  # noqa: E402

from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import LABEL, ROLE, chance_line, plt, save  # noqa: E402
from smt.certificate import merged_machine  # noqa: E402
from smt.readme import MAKE, tables, update  # noqa: E402, F401

ARRAYS = ("movie_encoder", "space_plane", "gradient_bptt", "machine_codes")
HERE = Path(__file__).resolve().parent
HELD = plt.get_cmap("tab10").colors[:8]                 # one colour for each symbol held


# ---------------------------------------------------------------- training curves

def curve(ax, record, name, end, color, label):
    """One line per seed, the first one labelled; the stored points lie evenly between 0 and the metric `end`."""
    for i, seed_run in enumerate(record["runs"]):
        values = np.array(seed_run["curves"].get(name) or [], float)
        values[values == 0] = np.nan                        # a loss that is not switched on yet
        x = np.linspace(0, seed_run["final"][end], len(values))
        ax.plot(x, values, color=color, alpha=0.75, linewidth=1, label=label if i == 0 else None)


def draw_training(record):
    """Part 1: the losses and the accuracy of the RNN's own rollout while SMT trains; BPTT beside it."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.6))
    curve(left, record, "direct_dec", "smt_steps", ROLE["transformer"], "decoding $L_{dec}$: what to remember")
    curve(left, record, "direct_dyn", "smt_steps", ROLE["smt"], "dynamics $L_{dyn}$: how to update")
    left.set(yscale="log", xlabel="SMT training step", ylabel="loss (all seeds)", title="SMT learns two things")
    left.legend(loc="upper right", fontsize=8)
    left.set_ylim(top=40)
    for seed_run in record["runs"]:
        c = seed_run["curves"]
        middle.plot(c["direct_watched_at"], c["direct_accuracy"], color=ROLE["smt"], linewidth=1, alpha=0.8)
    chance_line(middle, 1 / record["config"]["elements"])
    middle.set(ylim=(0, 1.03), xlabel="SMT training step", ylabel="accuracy, own rollout", title="the RNN was never unrolled")
    middle.legend(loc="upper left")
    for i, rate in enumerate(record["config"]["rates"]):
        curve(right, record, f"bptt_same_sequences_lr{rate:g}", "smt_dmt_sequences", plt.get_cmap("YlOrBr")(0.4 + 0.17 * i), f"rate {rate:g}")
    right.axhline(np.log(record["config"]["elements"]), color=ROLE["chance"], linestyle="--", linewidth=1, label="chance (ln 8)")
    right.set(xlabel="training sequences", ylabel="loss (all seeds)", title="BPTT, as many sequences")
    right.legend(fontsize=8, loc="upper right")
    return fig


# ---------------------------------------------------------------- accuracy of parts 1 and 2

def draw_accuracy(record):
    """Every seed a dot, the mean a bar, chance dashed."""
    c = record["config"]
    panels = [(f"trained and tested at T = {c['length']}, continuous memory",
               [("SMT", "smt_accuracy", "smt"), ("SMT, as many\nsteps more", "smt_more_accuracy", "smt"),
                ("SMT + DMT", "smt_dmt_accuracy", "smt_dmt"), ("BPTT, same\nsequences", "bptt_same_sequences", "rnn"),
                ("BPTT, same\nseconds", "bptt_same_seconds", "rnn"), ("Transformer", "transformer_accuracy", "transformer"),
                ("encoder\n(ceiling)", "encoder_accuracy", "transformer")]),
              (f"T = {c['binary_length']}, binary memory",
               [("SMT", "binary_accuracy_t128", "binary"), ("BPTT, same\nsequences", "bptt_t128_same_sequences", "rnn"),
                ("BPTT, same\nseconds", "bptt_t128_same_seconds", "rnn")])]
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), width_ratios=[7, 3.2], sharey=True)
    for ax, (title, bars) in zip(axes, panels):
        for i, (label, metric, role) in enumerate(bars):
            values = [r["final"].get(metric) for r in record["runs"]]
            values = np.array([v for v in values if v is not None], float)
            ax.bar(i, values.mean() if len(values) else 0, color=ROLE[role], alpha=0.55, width=0.65)
            ax.plot(i + np.linspace(-0.18, 0.18, len(values)), values, "o", color=ROLE[role], markersize=4.5,
                    markeredgecolor="black", markeredgewidth=0.5)
        chance_line(ax, 1 / c["elements"])
        ax.set_xticks(range(len(bars)), [b[0] for b in bars], fontsize=8)
        ax.set(title=title, ylim=(0, 1.06))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("accuracy (dots: seeds)")
    axes[1].legend(loc="upper right")
    return fig


# ---------------------------------------------------------------- length

def draw_lengths(record):
    """Accuracy against test length, trained short: every seed a dot, a line for the mean as long as all seeds are rolled out;
    right: the fair opponents, given the same lengths."""
    c = record["config"]
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), sharey=True)
    left = [("binary", "binary", "-", "SMT, binary memory"), ("smt_dmt", "smt_dmt", "-", "SMT + DMT"), ("smt", "smt", "-", "SMT"),
            ("transformer", "transformer", "-", "Transformer"), ("bptt", "rnn", "-", "BPTT")]
    right = [("binary_curriculum", "binary", "-", "SMT binary, 16 then 32"), ("binary_random", "binary", ":", "SMT binary, 4 to 32"),
             ("bptt_curriculum", "rnn", "-", "BPTT, 16 then 32"), ("bptt_random", "tuned_rnn", ":", "BPTT, 4 to 32")]
    for ax, lines, title in ((axes[0], left, f"trained at T = {c['short_length']} only"),
                             (axes[1], right, f"trained up to T = {2 * c['short_length']}")):
        for name, role, style, label in lines:
            draw_length_line(ax, record, name, ROLE[role], style, label)
        chance_line(ax, 1 / c["elements"])
        ax.set(xscale="log", xlabel="test length T (steps)", title=title, ylim=(0, 1.05))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8.5, ncol=3 if ax is axes[0] else 2)
    axes[0].set_ylabel("accuracy: mean, dots: seeds")
    return fig


def draw_length_line(ax, record, name, color, style, label):
    lengths = sorted(int(k.rsplit("_t", 1)[1]) for k in record["summary"] if k.startswith(f"short_{name}_t")
                     and k.rsplit("_t", 1)[1].isdigit())
    entries = [record["summary"][f"short_{name}_t{n}"] for n in lengths]
    shown = [(n, e["mean"]) for n, e in zip(lengths, entries) if e["n"] == len(record["runs"])]    # a mean of all seeds or none
    ax.plot([n for n, _ in shown], [v for _, v in shown], style, color=color, label=label, marker="o", markersize=3)
    for seed_run in record["runs"]:
        points = [(n, seed_run["final"].get(f"short_{name}_t{n}")) for n in lengths]
        points = [(n, v) for n, v in points if v is not None]
        ax.plot(*zip(*points), "o", color=color, alpha=0.35, markersize=3.5)


# ---------------------------------------------------------------- drift

def draw_drift(record):
    """Distance between the RNN's own trajectory and the encoder's, before and after DMT."""
    fig, ax = plt.subplots(figsize=(8, 3.6))
    for key, role, label in (("drift_smt_t", "smt", "SMT"), ("drift_smt_more_t", "chance", "SMT, as many steps more"),
                             ("drift_dmt_t", "smt_dmt", "SMT + DMT")):
        curves = np.array([r["curves"][key] for r in record["runs"]])
        for values in curves:
            ax.plot(np.arange(1, len(values)), values[1:], color=ROLE[role], alpha=0.35, linewidth=0.8)
        ax.plot(np.arange(1, curves.shape[1]), curves.mean(0)[1:], color=ROLE[role], label=label)
    ax.set(yscale="log", xlabel="time step t", ylabel="drift (mean squared error)",
           title="distance of the RNN's own memory from the encoder's (2: unrelated; thin: seeds)")
    ax.legend(ncol=3, loc="upper left")
    ax.set_ylim(top=3 * ax.get_ylim()[1])
    return fig


# ---------------------------------------------------------------- gradients

def draw_gradients(arrays):
    """||dL/dm_t|| over t at initialisation, for BPTT and SMT, four updaters, three sizes of the initial weights."""
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.9), sharey=True)
    updaters = (("Transformer", ROLE["transformer"]), ("GRU", ROLE["lstm"]), ("tanh", ROLE["rnn"]), ("residual MLP", ROLE["chunker"]))
    for ax, key, title in ((axes[0], "gradient_bptt", "BPTT: through every step"), (axes[1], "gradient_smt", "SMT: through one step")):
        for (name, color), scales in zip(updaters, arrays[key]):
            for values, style, scale in zip(scales, (":", "-", "--"), ("0.5", "1", "2")):
                values = np.where(values > 0, values, np.nan)
                ax.plot(values, style, color=color, linewidth=1.4, label=name if scale == "1" else None)
        ax.set(yscale="log", xlabel="time step t", title=title, ylim=(1e-20, 1e4))
    for style, scale in ((":", "0.5"), ("-", "1"), ("--", "2")):
        axes[1].plot([], [], style, color="black", label=f"initial weights × {scale}")
    axes[0].set_ylabel(r"$\|\partial L/\partial m_t\|$ (per sequence)")
    axes[1].legend(loc="lower center", ncol=2)
    return fig


# ---------------------------------------------------------------- memory space

def colour_of(label):
    """Grey: waiting; black: armed; a colour for each symbol held."""
    return np.array([(0.72, 0.72, 0.72) if v == 0 else (0, 0, 0) if v < 0 else HELD[(v - 1) % 8] for v in np.ravel(label)])


def draw_space(arrays):
    """The encoder's memories: principal components, coloured by time; the plane of the symbols; one step of the RNN in it."""
    fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.9))
    shown = axes[0].scatter(*arrays["space_components"].T, c=arrays["space_time"], cmap="cividis", s=7, linewidths=0)
    fig.colorbar(shown, ax=axes[0], location="bottom", label="time step t", shrink=0.8)
    axes[0].set(xlabel="component 1", ylabel="component 2", title="principal components\nshow time")
    axes[1].scatter(*arrays["space_plane"].T, c=colour_of(arrays["space_label"]), s=7, linewidths=0)
    axes[1].set_title("the plane of the symbols:\na cluster for each one held")
    kept = arrays["space_field_label"] >= 0                 # an armed memory should not stay: it takes the symbol up
    start, end = arrays["space_from"][kept], arrays["space_to"][kept]
    axes[2].quiver(start[:, 0], start[:, 1], *(end - start).T, color=colour_of(arrays["space_field_label"][kept]),
                   angles="xy", scale_units="xy", scale=1, width=0.004, alpha=0.8)
    axes[2].set_title("one RNN step on a filler\nrepairs disturbed memories")
    for ax in axes[1:]:
        ax.set(aspect="equal", xlim=(-1.45, 1.45), ylim=(-1.45, 1.45), xlabel="symbol plane, axis 1")
        ax.set_ylabel("axis 2")
    handles = [plt.Line2D([], [], marker="o", linestyle="", markersize=4, color=c) for c in ((0.72, 0.72, 0.72), (0, 0, 0), *HELD)]
    fig.legend(handles, ["waiting", "armed", *map(str, range(1, 9))], loc="outside lower right", ncols=10, columnspacing=0.8,
               handletextpad=0.1, fontsize=8.5)
    return fig


# ---------------------------------------------------------------- the learned machine

def draw_machine(arrays, record):
    """Left: the codes of the enumerated memory. Right: the machine they form, codes that behave alike drawn as one node."""
    machine = SimpleNamespace(**{k.removeprefix("machine_"): v for k, v in arrays.items() if k.startswith("machine_")})
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 5.2), width_ratios=[1, 1.5])
    order = sorted(range(len(machine.codes)), key=lambda i: role_rank(str(machine.roles[i])))
    left.imshow(machine.codes[order], cmap="Greys", aspect="auto", interpolation="nearest", vmin=-1, vmax=1.6)
    left.set_yticks(range(len(order)), [short_role(str(machine.roles[i])) for i in order], fontsize=7)
    left.set(xlabel="bit", title=f"all {len(order)} codes that can occur")
    left.grid(visible=False)
    draw_graph(right, merged_machine(machine))
    statement = record["runs"][0].get("statement", {}).get("short", "")
    right.set_title("the machine they form" + ("\n(certified: exact for every length)" if statement.startswith("exact") else ""))
    return fig


def role_rank(role):
    """Waiting, armed, holding 1.., asked 1.."""
    first = role.split(" / ")[-1] if "holding" in role else role
    kinds = ["waiting", "armed", "holding", "asked"]
    return next((i for i, kind in enumerate(kinds) if kind in first), 9), first, role


def short_role(role):
    """'holding 3 / waiting' -> 'waiting, holds 3'; long lists of 'asked' are cut."""
    parts = [p.replace("holding", "holds") for p in role.split(" / ")]
    parts.sort(key=lambda p: ("waiting", "armed", "holds", "asked").index(p.split(" ")[0]))
    return ", ".join(parts[:2]) + (" …" if len(parts) > 2 else "")


def draw_graph(ax, graph):
    """Nodes by what they hold: waiting at the left, armed in the middle, one ray for each symbol; arrows are tokens."""
    places = node_places(graph)
    following = graph["following"]
    for source in range(len(following)):
        for target in sorted(set(following[source][following[source] >= 0].tolist()) - {source}):
            tokens = np.flatnonzero(following[source] == target)
            draw_arrow(ax, places[source], places[target], tokens)
    for node, (x, y) in places.items():
        role = str(graph["roles"][node])
        held = [int(p.split(" ")[1]) for p in role.split(" / ") if p.startswith(("holding", "asked"))]
        color = HELD[(held[0] - 1) % 8] if len(set(held)) == 1 else "white"
        ax.plot(x, y, "o", markersize=19, color=color, markeredgecolor="black", markeredgewidth=1.0, zorder=3)
        ax.text(x, y, node_text(role), ha="center", va="center", fontsize=7, zorder=4,
                color="white" if len(set(held)) == 1 else "black")
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.margins(0.08)


def node_text(role):
    kinds = role.split(" / ")
    held = sorted({p.split(" ")[1] for p in kinds if p.startswith("holding")})
    asked = sorted({p.split(" ")[1] for p in kinds if p.startswith("asked")})
    words = ["wait"] * ("waiting" in kinds) + ["arm"] * ("armed" in kinds) + ["".join(held)] * bool(held)
    return "\n".join(words) if words else "→" + ("any" if len(asked) > 1 else asked[0])


def node_places(graph):
    """Positions of the groups: all that hold k, then its answers, one behind the other on the ray of k; the others near
    the middle."""
    places, on_ray, waiting = {}, {}, 0
    roles = [str(role).split(" / ") for role in graph["roles"]]
    for node in sorted(range(len(roles)), key=lambda node: "holding" not in graph["roles"][node]):
        held, asked = ([int(part.split(" ")[1]) for part in roles[node] if part.startswith(kind)] for kind in ("holding", "asked"))
        if "armed" in roles[node]:
            places[node] = (0.0, 0.0)
        elif len(set(held or asked)) == 1:
            symbol = (held or asked)[0]
            on_ray[symbol] = on_ray.get(symbol, -1) + 1
            radius, angle = 2.0 + 1.25 * on_ray[symbol], np.pi * (0.62 - 1.24 * (symbol - 1) / 7)
            places[node] = (radius * np.cos(angle), radius * np.sin(angle))
        else:
            places[node], waiting = (-2.2, 0.8 * waiting), waiting + 1
    return places


def draw_arrow(ax, start, end, tokens):
    """An arrow whose label names its tokens: 0, one symbol, or 'a-b' for a run of them."""
    ax.annotate("", xy=end, xytext=start, zorder=2, arrowprops=dict(
        arrowstyle="-|>", color="0.45", linewidth=0.8, shrinkA=10, shrinkB=10, connectionstyle="arc3,rad=0.12"))
    text = str(tokens[0]) if len(tokens) == 1 else f"{tokens[0]}-{tokens[-1]}" if np.all(np.diff(tokens) == 1) else f"{len(tokens)} symbols"
    x, y = 0.62 * np.array(start) + 0.38 * np.array(end)
    ax.text(x, y, text, fontsize=6, color="0.25", ha="center", va="center",
            bbox=dict(facecolor="white", edgecolor="none", pad=0.4, alpha=0.8), zorder=2)


# ---------------------------------------------------------------- main

def main():
    options = parse_drawing(__doc__, HERE)
    folder = options.out
    record = results.read(folder / "results.json", MAKE)
    arrays = results.read_arrays(folder / "traces.npz", ARRAYS, MAKE)
    for name, fig in (("training", draw_training(record)), ("accuracy", draw_accuracy(record)), ("lengths", draw_lengths(record)),
                      ("drift", draw_drift(record)), ("gradients", draw_gradients(arrays)), ("memory_space", draw_space(arrays)),
                      ("machine", draw_machine(arrays, record))):
        print(save(fig, folder / "viz" / f"{name}.png"))
    if options.tables:
        update(record, folder)


if __name__ == "__main__":
    sys.exit(run(main))
