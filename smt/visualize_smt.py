"""All figures of this folder and of its studies, from saved data alone; nothing is trained.

    python3 smt/visualize_smt.py [--out DIR] [--tables]

DIR holds results.json and traces.npz; figures go to DIR/viz. --tables also fills README.md and studies/README.md.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  before numpy
import numpy as np

from common import results
from common.config import run, seed_range
from common.figures import ROLE, SEQUENTIAL, chance_line, draw, plt
from common.tables import share, table
from smt import scores
from smt.certificate import merged_machine
from smt.drawing import draw_machine, key, node_text, scatter_held
from smt.framework import framework
from smt.gradients import EVERY, SCALES
from smt.paper import headline, paper_table
from smt.scores import BITS, BPTT, BPTT_BITS, DMT, ENCODER, GRU, KEPT, MORE, SMALL, SMT, TRANSFORMER

HERE = Path(__file__).resolve().parent
ARRAYS = ("movie_encoder", "space_plane", "space_before", "gradient_bptt", "gradient_decoding", "machine_codes")
IDEA = "never send the error back through time: learn what to remember, then one update"
TIME = "5 min, two cores"  # of one seed, measured on free cores
COLOUR = {BITS: ROLE["binary"], SMT: ROLE["smt"], MORE: ROLE["paper"], DMT: ROLE["smt_dmt"], BPTT: ROLE["mlp"],
          GRU: ROLE["gru"], TRANSFORMER: ROLE["transformer"]}
STYLE = {MORE: ":", BPTT: "--", GRU: "-.", TRANSFORMER: (0, (1, 1))}
NAMES = {BITS: "SMT, bits (ours)", SMT: "SMT", MORE: "SMT, extra updates (control)", DMT: "SMT + DMT",
         BPTT: "BPTT, same updater", SMALL: "BPTT, same updater, small W₂", BPTT_BITS: "BPTT, bits, skip 0 at first",
         KEPT: "BPTT, bits, skip 1.5 at first", GRU: "BPTT, GRU with chrono gates",
         TRANSFORMER: "Transformer, no memory", ENCODER: "encoder + readout, no RNN"}


def seeds_of(record):
    return f"{len(record['runs'])} seeds" if len(record["runs"]) > 1 else "1 seed"


# ---------------------------------------------------------------- training curves

def training(record, arrays):
    """Trained at T = 64: SMT's two losses, the accuracy of the rollout, and BPTT's loss with both updaters."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.3))
    steps = max(updates_of(seed_run) for seed_run in record["runs"])
    for name, color, label, height in (("dec", ROLE["transformer"], "decoding", 0.93),
                                       ("dyn", ROLE["smt"], "dynamics", 0.84)):
        for seed_run in record["runs"]:
            values = np.array(seed_run["curves"]["direct"][SMT][name], float)
            values[values == 0] = np.nan                     # a loss that is not switched on yet
            left.plot(np.linspace(0, updates_of(seed_run), len(values)), values, color=color, linewidth=0.9, alpha=0.8)
        left.text(0.97, height, label, color=color, transform=left.transAxes, ha="right")
    left.set(yscale="log", xlabel="SMT update", title="loss: SMT learns two things", xlim=(0, steps))
    for seed_run in record["runs"]:
        curves = seed_run["curves"]["direct"][SMT]
        middle.plot(curves["watched at"], curves["accuracy"], color=ROLE["smt"], linewidth=1, alpha=0.8)
    chance_line(middle, 1 / record["config"]["elements"])
    middle.set(ylim=(0, 1.03), xlabel="SMT update", title="accuracy of its own rollout", xlim=(0, steps))
    bptt_losses(right, record)
    fig.suptitle(f"Trained at T = {record['config']['length']}, {seeds_of(record)}, a line each", fontsize=11)
    return fig


def updates_of(seed_run):
    """The last update at which the accuracy was watched (1 if there were too few)."""
    return max([1, *seed_run["curves"]["direct"][SMT]["watched at"]])


def bptt_losses(ax, record):
    """BPTT's loss at every rate: the residual MLP stays at ln 8, the GRU leaves it."""
    c = record["config"]
    for method, label, height in ((BPTT, "residual MLP", 0.93), (GRU, "GRU, chrono gates", 0.62)):
        updates = {BPTT: c["plans"]["bptt, direct"], GRU: c["plans"]["gru, direct"]}[method][0][2]
        for seed_run in record["runs"]:
            for values in seed_run["curves"]["direct"][method]["loss at rate"].values():
                if values:
                    ax.plot(np.linspace(0, updates, len(values)), values, color=COLOUR[method], linewidth=0.7,
                            alpha=0.7)
        ax.text(0.97, height, label, color=COLOUR[method], transform=ax.transAxes, ha="right")
    ax.axhline(np.log(c["elements"]), color=ROLE["chance"], linestyle="--", linewidth=1)
    ax.set(xlabel="BPTT update", title="loss of BPTT, all rates", ylim=(0, 3))


# ---------------------------------------------------------------- length

def lengths(record, arrays):
    """Accuracy against test length, a panel for each way of training."""
    shown = {"short": (BITS, DMT, MORE, SMT, TRANSFORMER, GRU, BPTT), "curriculum": (BITS, DMT, MORE, SMT, BPTT),
             "random": (BITS, DMT, MORE, SMT, GRU, BPTT), "direct": (DMT, MORE, SMT, GRU, TRANSFORMER)}
    fig, axes = plt.subplots(2, 2, figsize=(8, 6.2), sharey=True)
    for ax, (trained, methods) in zip(axes.flat, shown.items()):
        for method in methods:
            length_lines(ax, record, trained, method)
        chance_line(ax, 1 / record["config"]["elements"])
        ax.set(xscale="log", title=f"trained at {scores.label(record['config'], trained)}", ylim=(0, 1.04))
    for ax in axes[1]:
        ax.set_xlabel("test length T (steps)")
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy")
    handles = [plt.Line2D([], [], color=COLOUR[m], linestyle=STYLE.get(m, "-"), label=NAMES[m]) for m in shown["short"]]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    fig.suptitle(f"Bits are right at every length tested; continuous memories drift\n(thin: {seeds_of(record)}; thick: "
                 "their mean; ×: below one half, not tested further)", fontsize=11)
    return fig


def length_lines(ax, record, trained, method):
    """Each seed a thin line that ends with a cross where the network is lost; the mean as long as all are tested."""
    found = scores.accuracies(record, trained).get(method, {})
    tested = sorted(found)
    color, style = COLOUR[method], STYLE.get(method, "-")
    for seed in [seed_run["seed"] for seed_run in record["runs"]]:
        own = [(n, found[n][seed]) for n in tested if seed in found[n]]
        if own:
            ax.plot(*zip(*own), color=color, alpha=0.35, linewidth=0.8, linestyle=style)
            if own[-1][1] < 0.5:
                ax.plot(*own[-1], "x", color=color, markersize=5)
    whole = [n for n in tested if len(found[n]) == len(record["runs"])]
    ax.plot(whole, [np.mean(list(found[n].values())) for n in whole], color=color, linestyle=style, linewidth=2)


# ---------------------------------------------------------------- drift

def drift(record, arrays):
    """Distance between the RNN's own trajectory and the encoder's: SMT, SMT + DMT and its control."""
    fig, ax = plt.subplots(figsize=(8, 3.8))
    means = {}
    for method in (SMT, MORE, DMT):
        curves = np.array([seed_run["curves"]["direct"][method]["drift"] for seed_run in record["runs"]])[:, 1:]
        time = np.arange(1, curves.shape[1] + 1) * record["config"]["length"] / curves.shape[1]
        ax.plot(time, curves.T, color=COLOUR[method], alpha=0.3, linewidth=0.8)
        ax.plot(time, curves.mean(0), color=COLOUR[method], linestyle=STYLE.get(method, "-"))
        means[method] = np.mean(scores.values(record, "direct", method, "drift"))
        ax.plot([], [], color=COLOUR[method], linestyle=STYLE.get(method, "-"),
                label=f"{NAMES[method]}: {means[method]:.4f}")
    ax.set(yscale="log", xlabel="rollout time t (the question comes last)", ylabel="mean squared distance to\nthe "
           "encoder's memory (2: unrelated)")
    ax.set_title(f"Drift: after DMT the squared distance is {means[SMT] / means[DMT]:.1f} times smaller than after SMT,"
                 f"\n{means[MORE] / means[DMT]:.1f} times smaller than after as many extra SMT updates (thin: "
                 f"{seeds_of(record)}; thick: mean)", fontsize=11)
    ax.legend(loc="upper left", title="mean over the rollout", alignment="left")
    return fig


# ---------------------------------------------------------------- gradients

UPDATER_COLOUR = {"Transformer": ROLE["transformer"], "GRU": ROLE["gru"], "tanh": ROLE["rnn"],
                  "residual MLP": ROLE["mlp"], "residual MLP, small W₂": ROLE["smt"]}


def gradients(record, arrays):
    """||dL/dm_t|| of untrained networks by three different losses; the error flows to the left."""
    fig, axes = plt.subplots(1, 3, figsize=(8, 4.3), sharey=True)
    for ax, name, title in ((axes[0], "gradient_bptt", "BPTT: the answer,\nthrough every update"),
                            (axes[1], "gradient_dynamics", "SMT, dynamics loss:\nthrough one update")):
        for color, scales in zip(UPDATER_COLOUR.values(), arrays[name]):
            for values, style in zip(scales, (":", "-", "--")):
                ax.plot(np.where(values > 0, values, np.nan), style, color=color, linewidth=1.3)
        ax.set_title(title)
    length = arrays["gradient_bptt"].shape[-1] - 1
    axes[2].plot(np.arange(0, length, EVERY), arrays["gradient_decoding"], color=ROLE["paper"])
    axes[2].set_title("SMT, decoding loss:\none step of attention")
    for ax in axes:
        ax.set(yscale="log", xlabel="t (error flows to the left)", ylim=(1e-20, 1e4), xlim=(0, length + 1))
        ax.set_yticks([10.0 ** k for k in range(-20, 5, 4)])
    axes[0].set_ylabel(r"$\|\partial L/\partial m_t\|$ per sequence")
    lines = [plt.Line2D([], [], color=color, label=name) for name, color in UPDATER_COLOUR.items()]
    lines += [plt.Line2D([], [], color="black", linestyle=style, label=f"weights × {scale:g}")
              for style, scale in zip((":", "-", "--"), SCALES)]
    fig.legend(handles=lines, loc="outside lower center", ncols=4)
    first = record["runs"][0]["seed"]
    fig.suptitle(f"Untrained networks, seed {first}, asked at T = {length}: what arrives at $m_t$", fontsize=11)
    return fig


# ---------------------------------------------------------------- memory space

def memory_space(record, arrays):
    """The encoder's memories in two planes; how far disturbed memories are off before and after one step of the RNN."""
    fig, axes = plt.subplots(1, 3, figsize=(8, 3.3))
    shown = axes[0].scatter(*arrays["space_components"].T, c=arrays["space_time"], cmap=SEQUENTIAL, s=6, linewidths=0)
    fig.colorbar(shown, ax=axes[0], location="left", label="time step t", shrink=0.85)
    axes[0].set(title="two principal\ncomponents", xticks=[], yticks=[])
    scatter_held(axes[1], arrays["space_plane"], arrays["space_label"], s=9)
    axes[1].set(title="the plane of the symbols\nshows what is held", xticks=[], yticks=[], aspect="equal",
                xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    before, after = arrays["space_before"], arrays["space_after"]
    axes[2].plot(before, after, ".", color=ROLE["smt"], markersize=4)
    largest = 1.1 * max(before.max(), after.max())
    axes[2].plot([0, largest], [0, largest], color=ROLE["chance"], linewidth=1, linestyle="--")
    axes[2].set(title=f"one update repairs:\n{np.sum(after < before)} of {len(before)} come nearer",
                xticks=[0, 0.04, 0.08], yticks=[0, 0.04, 0.08],
                xlabel=f"before (mean {before.mean():.3f})", ylabel=f"after (mean {after.mean():.3f})",
                xlim=(0, largest), ylim=(0, largest), aspect="equal")
    key(fig, record["config"]["elements"], loc="outside lower center")
    return fig


# ---------------------------------------------------------------- the learned machine

def machine(record, arrays):
    """The machine that the bits form, codes that behave alike as one node; below: all codes that can occur."""
    found = SimpleNamespace(**{name.removeprefix("machine_"): a for name, a in arrays.items() if "machine_" in name})
    elements, graph = record["config"]["elements"], merged_machine(found)
    fig, (top, below) = plt.subplots(2, 1, figsize=(8, 10), height_ratios=[3.3, 1])
    draw_machine(top, graph, elements, size=43, fontsize=8.5)
    statement = record["runs"][0]["notes"].get(scores.label(record["config"], "short"), "")
    verdict = "certified exact at every length" if statement.startswith("exact") else "not certified"
    top.set_title(f"What an RNN with {found.codes.shape[1]} bits learned: a machine of {len(graph['sizes'])} states, "
                  f"{verdict}\n(seed {record['runs'][0]['seed']}; arrows are tokens, a token without an arrow changes "
                  "nothing)")
    order = sorted(range(len(found.codes)), key=lambda i: role_rank(str(found.roles[i])))
    below.imshow(found.codes[order].T, cmap="Greys", aspect="auto", vmin=-1, vmax=1.6)
    below.set_xticks(range(len(order)), [node_text(found.roles[i]) for i in order], fontsize=8.5,
                     rotation=60, ha="right", rotation_mode="anchor")
    below.set(ylabel="bit", title=f"all {len(order)} codes that can occur")
    below.grid(visible=False)
    return fig


def role_rank(role):
    """Waiting, armed, holding 1 .., asked 1 .."""
    kinds = ("waiting", "armed", "holding", "asked")
    parts = sorted(role.split(" / "), key=lambda part: kinds.index(part.split(" ")[0]))
    first = next((part for part in parts if part.startswith("holding")), parts[0])
    return kinds.index(first.split(" ")[0]), first


# ---------------------------------------------------------------- tables

DIRECT = (("direct", SMT), ("direct", MORE), ("direct", DMT), ("direct", BPTT), ("direct", SMALL), ("direct", GRU),
          ("direct", TRANSFORMER), ("direct", ENCODER), ("long", BITS), ("long", GRU), ("long", ENCODER))
SHORT = (("short", BITS), ("short", SMT), ("short", MORE), ("short", DMT), ("short", BPTT), ("short", BPTT_BITS),
         ("short", KEPT), ("short", GRU), ("short", TRANSFORMER), ("curriculum", BITS), ("curriculum", SMT),
         ("curriculum", MORE), ("curriculum", DMT), ("curriculum", BPTT), ("random", BITS), ("random", SMT),
         ("random", MORE), ("random", DMT), ("random", BPTT), ("random", BPTT_BITS), ("random", GRU))


def tables(record, studies):
    """{marker: text} of README.md; `claims` and `studies` are filled elsewhere."""
    c, environment = record["config"], record["environment"]
    seeds = [seed_run["seed"] for seed_run in record["runs"]]
    return {"direct": length_table(record, DIRECT, ("at T", 256, 1024, 4096), tried=True),
            "short": length_table(record, SHORT, (c["short_length"], 64, 256, 1024, 4096, 1048576)),
            "run": f"`{record['command']}`: seeds {seed_range(seeds)}, numpy {environment['numpy']}, "
                   f"{environment['cpu']}",
            "proofs": proofs(record), "paper": paper_table(record, studies), **sentences(record)}


def length_table(record, rows, columns, tried=False):
    """Mean accuracy (worst seed) by test length; counts of sequences where there are 8 of them."""
    lines = []
    for trained, method in rows:
        first = scores.lengths(record, trained, method)[0]
        cells = [cell(record, trained, method, first if at == "at T" else at) for at in columns]
        settings = [settings_tried(record, trained, method)] if tried else []
        lines.append([scores.label(record["config"], trained), NAMES[method], *cells, *settings])
    chance = f"{1 / record['config']['elements']:.3f}"
    lines.append(["", "chance, and the best rule without a memory", *[chance] * len(columns), *[""] * tried])
    header = [at if isinstance(at, str) else f"T = {at:,}" for at in columns]
    return table(["trained at", "method", *header, *["settings × updates"] * tried], lines)


def cell(record, trained, method, length):
    if length not in scores.lengths(record, trained, method):
        return "–"
    values, n = scores.values(record, trained, method, length), len(record["runs"])
    left = [v for v in values if v is not None]
    if not left:
        return "lost before"
    if length > 4096:
        count = min(record["config"]["test"], 8)
        return share(round(sum(left) * count), len(left) * count)
    if len(left) == n:
        return "1" if min(left) == 1 else f"{np.mean(left):.3f} ({min(left):.3f})"
    return f"{np.mean(left):.3f}, {n - len(left)} of {n} lost before"


def settings_tried(record, trained, method):
    """Settings tried, and the updates of the chosen one: '4 × 800'; SMT's are an upper limit, it may begin earlier."""
    plans = record["config"]["plans"]
    total = lambda name: sum(updates for _, _, updates in plans.get(f"{name}, {trained}", ()))
    tried = [v for v in scores.values(record, trained, method, "settings tried") if v is not None]
    if tried:
        updates = sorted({v for v in scores.values(record, trained, method, "updates") if v is not None})
        return f"{tried[0]} × {' or '.join(f'{u:,}' for u in updates)}"
    if method == ENCODER:
        return ""
    if method == TRANSFORMER:
        return f"1 × {total('transformer'):,}"
    extra = f" + {total('dmt'):,}" if method in (MORE, DMT) else ""
    return f"1 × at most {total('smt'):,}{extra}"


def proofs(record):
    """How many networks with bits are certified, how large they are, how near to zero a bit of theirs is decided."""
    at = lambda what, *where: [v for trained in where for v in scores.values(record, trained, BITS, what)]
    short, long = ("short", "curriculum", "random"), ("long",)
    certified = lambda *where: share(sum(at("certified", *where)), len(at("certified", *where)))

    def nearest(*where):
        """The smallest number that decides a bit in any certified machine."""
        found = [m for m, proved in zip(at("margin", *where), at("certified", *where)) if proved]
        return f"{min(found):.2g}" if found else "none"
    codes = at("codes", *short)
    return (f"{certified(*short)} networks trained on short sequences are certified. They have {min(codes):.0f} to "
            f"{max(codes):.0f} codes; the smallest number that decides a bit is {nearest(*short)}. Of "
            f"those trained at T = {record['config']['long_length']}, {certified(*long)} are "
            f"(smallest number {nearest(*long)})")


def tested_not_proved(record):
    """Networks trained at T = 128 that were right on every test sequence and are not certified: '1 of 5'."""
    longest = scores.lengths(record, "long", BITS)
    tested = [all(v in (None, 1.0) for v in column) and column[0] == 1.0
              for column in zip(*(scores.values(record, "long", BITS, n) for n in longest))]
    proved = scores.values(record, "long", BITS, "certified")
    return share(sum(right and not proof for right, proof in zip(tested, proved)), len(proved))


def sentences(record):
    """Numbers inside sentences of README.md; a network that was lost before a length counts as 0 there."""
    far, n = scores.lengths(record, "short", SMT)[-1], len(record["runs"])
    mean = lambda trained, method, what: np.mean([v or 0.0 for v in scores.values(record, trained, method, what)])
    highest = lambda *where: f"{max(v for v in scores.values(record, *where, 'highest') if v is not None):.2f}"

    def solved(trained, method):
        first = scores.lengths(record, trained, method)[0]
        return share(sum((v or 0.0) >= 0.95 for v in scores.values(record, trained, method, first)), n)
    made = {"gru_solved": solved("direct", GRU), "gru_long_solved": solved("long", GRU),
            "bptt_highest": highest("direct", BPTT), "small_highest": highest("direct", SMALL),
            "bits_highest": max(highest("short", BPTT_BITS), highest("short", KEPT))}
    for name, method in (("smt", SMT), ("more", MORE), ("dmt", DMT)):
        made[f"direct_{name}"] = f"{mean('direct', method, far):.2f}"
        made[f"random_{name}"] = f"{mean('random', method, far):.2f}"
    for name, method in (("smt", SMT), ("bptt", BPTT)):
        made[f"curriculum_{name}"] = f"{mean('curriculum', method, far):.2f}"
    made["tested_not_proved"] = tested_not_proved(record)
    return {**made, "random_bptt": f"{mean('random', BPTT, far):.2f}", "random_gru": f"{mean('random', GRU, far):.2f}"}


def one_line(record):
    """What we measured, for the table of the root README: the grid, then the lengths of the main experiment."""
    n, short = len(record["runs"]), record["config"]["short_length"]
    far = scores.lengths(record, "short", BITS)[-1]
    right = sum((v or 0.0) >= 0.95 for v in scores.values(record, "short", BITS, far))
    grid = results.read(HERE / "studies" / "grid.json", "git checkout", "smt")
    return (f"{headline(grid)}. Trained at T = {short}, bits are right at T = {far:,} on {share(right, n)} seeds, and "
            "proved for every length")


def main():
    draw(__doc__, HERE, (framework, training, lengths, drift, gradients, memory_space, machine), ARRAYS, tables)


if __name__ == "__main__":
    sys.exit(run(main))
