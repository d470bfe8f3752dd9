"""Draw the figures of the vanishing gradient from saved data.

    python3 vanishing_gradient/visualize_vanishing_gradient.py              figures into viz/
    python3 vanishing_gradient/visualize_vanishing_gradient.py --tables     and the tables of the README

Reads results.json and traces.npz and, where present, studies/*.json; trains nothing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import DIVERGING, LABEL, ROLE, SEQUENTIAL, chance_line, plt, save  # noqa: E402
from common.results import mean_spread, table  # noqa: E402

HERE = Path(__file__).resolve().parent
MAKE = "python3 vanishing_gradient/vanishing_gradient.py --seeds 0-4"
RNN_KINDS = ("logistic", "tanh", "linear", "relu")
SIZES = {**{kind: (4, 16, 64) for kind in RNN_KINDS}, "lstm": (4, 16), "lstm_forget": (4, 16)}
TITLE = {"logistic": "logistic", "tanh": "tanh", "linear": "linear", "relu": "ReLU", "lstm": "LSTM (1997)",
         "lstm_forget": "LSTM with forget gate"}
LOW, Q1, MEDIAN, Q3, HIGH = range(5)         # rows of every array of quantiles: 5, 25, 50, 75, 95 %
ERROR = "log10 of the error"
LEARNED = ("rnn_full", "lstm_full", "lstm_truncated")
ARRAYS = ("gain", "lag", "each_tanh_64", "latch_weights", "latch_attractors", "latch_kept", "latch_error", "cliff_w", "cliff_b",
          "cliff_loss", "cliff_free_path", "cliff_clipped_path", "cliff_free_losses", "cliff_clipped_losses",
          *(f"{what}_{kind}_{n}" for kind in SIZES for n in SIZES[kind] for what in ("flow", "factor")),
          *(f"{what}_{kind}_{n}" for kind in RNN_KINDS for n in SIZES[kind] for what in ("field", "frozen", "bound")),
          *(f"closest_{kind}_{n}" for kind in RNN_KINDS for n in (1, 3, 8)), "flow_lstm_truncated_16",
          *(f"map_{kind}{part}" for kind in ("logistic", "tanh") for part in ("", "_weights", "_sources", "_ridge")),
          *(f"{what}_{key}_{moment}" for what in ("learned", "share") for key in LEARNED for moment in ("before", "after")))


def gain_colour(gain):
    """Blue below the critical scale, red above, grey at it."""
    place = np.clip(np.log2(gain) / 6 + 0.5, 0, 1)
    return "0.45" if abs(np.log2(gain)) < 0.1 else plt.get_cmap(DIVERGING)(0.5 + 1.15 * (place - 0.5))


def at_gains(gain, wanted):
    """Indices of the gains closest to the wanted ones, each once."""
    return list(dict.fromkeys(int(np.abs(np.log(gain / w)).argmin()) for w in wanted))


# ---------------------------------------------------------------- random networks

def error_flow(record, arrays):
    """The error against the steps it travelled back; vanishing, critical and exploding in one panel."""
    gain, lag = arrays["gain"], arrays["lag"]
    fig, axes = plt.subplots(2, 3, figsize=(10, 6.4), sharex=True, sharey=True)
    for ax, kind in zip(axes.flat, SIZES):
        n = SIZES[kind][-1]
        for k in at_gains(gain, (1 / 4, 1 / 2, 1, 2, 4, 8)):
            flow = arrays[f"flow_{kind}_{n}"][:, k]
            colour = gain_colour(gain[k])
            ax.plot(lag, flow[MEDIAN], color=colour, label=f"{gain[k]:g}")
            ax.fill_between(lag, flow[LOW], flow[HIGH], color=colour, alpha=0.25, linewidth=0)
            if kind in RNN_KINDS and gain[k] <= 1:
                ax.plot(lag, lag * arrays[f"bound_{kind}_{n}"][MEDIAN, k], color=colour, linestyle="--", linewidth=1.1)
        if kind == "linear":
            for k in at_gains(gain, (1 / 4, 1 / 2, 1, 2, 4, 8)):
                ax.plot(lag[::3], lag[::3] * np.log10(gain[k]), "k.", markersize=2.5)
        if kind == "lstm":
            ax.plot(lag, arrays[f"flow_lstm_truncated_{n}"][MEDIAN, 0], "k--", linewidth=1.2)
            ax.annotate("truncated gradient:\n0 at every scale", (110, 0), (70, -55), fontsize=10,
                        arrowprops=dict(arrowstyle="->", color="0.3"))
        ax.set_title(f"{TITLE[kind]}, {n} {'cells' if 'lstm' in kind else 'units'}")
    axes[0, 0].set_ylim(-80, 60)
    for ax in axes[:, 0]:
        ax.set_ylabel(ERROR)
    for ax in axes[1]:
        ax.set_xlabel("steps back, q")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles += [plt.Line2D([], [], color="0.3", linestyle="--", linewidth=1.1), plt.Line2D([], [], color="k", marker=".", linestyle="")]
    fig.legend(handles, [*labels, "bound (f'max |W|)^q", "spectral radius^q"], loc="outside lower center", ncols=8,
               title="recurrent scale (1: critical for a unit at net = 0)", columnspacing=1.2, handlelength=1.4)
    return fig


def factor_per_step(record, arrays):
    """Growth of the error per step against the recurrent scale: medians by size, quantiles of the largest."""
    gain = arrays["gain"]
    fig, axes = plt.subplots(2, 3, figsize=(10, 6.2), sharex=True, sharey=True)
    styles = {4: (":", 1.5), 16: ("--", 1.5), 64: ("-", 2)}
    for ax, kind in zip(axes.flat, SIZES):
        colour, largest = ROLE[kind if "lstm" in kind else "rnn"], SIZES[kind][-1]
        for n in SIZES[kind]:
            factor = np.maximum(arrays[f"factor_{kind}_{n}"], 1e-3)       # a dead ReLU network's 0 at the lower edge
            ax.plot(gain, factor[MEDIAN], color=colour, linestyle=styles[n][0], linewidth=styles[n][1])
            if n == largest:
                ax.fill_between(gain, factor[LOW], factor[HIGH], color=colour, alpha=0.25, linewidth=0)
        if kind in RNN_KINDS:
            must_vanish = gain[0] / 10 ** arrays[f"bound_{kind}_{largest}"][MEDIAN, 0]
            ax.axvspan(gain[0], must_vanish, color="0.93", zorder=0)
            if kind != "linear":
                ax.plot(gain[::2], arrays[f"field_{kind}_{largest}"][MEDIAN, ::2], "k+", markersize=6)
                ax.plot(gain[::2], np.maximum(arrays[f"frozen_{kind}_4"][MEDIAN, ::2], 1e-3), "kx", markersize=4)
        ax.axhline(1, color="0.3", linewidth=0.8)
        ax.axvline(1, color="0.3", linewidth=0.8)
        ax.set(xscale="log", yscale="log", ylim=(0.12, 9), title=TITLE[kind])
        ax.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
        ax.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
        ax.minorticks_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("factor per step")
    for ax in axes[1]:
        ax.set_xlabel("recurrent scale (1: critical)")
    line = lambda style, width=1.5: plt.Line2D([], [], color="0.3", linestyle=style, linewidth=width)  # noqa: E731
    cross = lambda marker: plt.Line2D([], [], color="k", marker=marker, linestyle="")  # noqa: E731
    fig.legend([line(":"), line("--"), line("-", 2), cross("+"), cross("x"), plt.Rectangle((0, 0), 1, 1, color="0.9")],
               ["4 units", "16 units", "64 units (band: 5 to 95 %)", "predicted, 64 units: radius x rms f'",
                "predicted, 4 units: radius of W diag f'", "f'max |W| < 1: must vanish"], loc="outside lower center", ncols=3)
    return fig


def distribution(record, arrays):
    """Not one network but all of them; and how near any flow came to its bound."""
    gain, lag = arrays["gain"], arrays["lag"]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 4.1))
    chosen = at_gains(gain, (0.5, 1, 4))
    for k in chosen:
        flow, colour = arrays["flow_tanh_64"][:, k], gain_colour(gain[k])
        for low, high, alpha in ((LOW, HIGH, 0.22), (Q1, Q3, 0.35)):
            left.fill_between(lag, flow[low], flow[high], color=colour, alpha=alpha, linewidth=0)
        left.plot(lag, flow[MEDIAN], color=colour)
        middle.hist(arrays["each_tanh_64"][k], bins=25, color=colour, alpha=0.85, label=f"scale {gain[k]:g}")
    left.set(xlabel="steps back, q", ylabel=ERROR, title="tanh, 64 units: quantiles")
    middle.set(xlabel=f"{ERROR} after {lag[-1]} steps", ylabel="random networks", title="every network")
    middle.set_ylim(0, 1.45 * middle.get_ylim()[1])
    middle.legend(loc="upper center")
    for kind, style in zip(RNN_KINDS, ("-", "--", "-.", ":")):
        for n, colour in ((1, "0.1"), (3, "0.45"), (8, "0.7")):
            closest = arrays[f"closest_{kind}_{n}"]
            right.plot(1 + np.arange(len(closest)), closest, color=colour, linestyle=style, linewidth=1.4,
                       label=TITLE[kind] if n == 1 else None)
    for n, colour in ((1, "0.1"), (3, "0.45"), (8, "0.7")):
        right.plot([], [], color=colour, label=f"n = {n}")
    right.axhline(0, color=ROLE["tuned_rnn"], linewidth=1.2)
    right.set(xlabel="steps back, q", ylabel="log10 of error / bound", title="closest to the bound", ylim=(-6, 0.4))
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=7, title="right panel: n units")
    return fig


# ---------------------------------------------------------------- one unit

def factor_map(record, arrays):
    """|f'(net) w| of one unit whose source has the constant activation y."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 4))
    for ax, kind, theory in zip(axes, ("logistic", "tanh"), (4, 1)):
        w, y, factor = arrays[f"map_{kind}_weights"], arrays[f"map_{kind}_sources"], arrays[f"map_{kind}"]
        image = ax.pcolormesh(w, y, np.log2(np.maximum(factor, 2.0**-6)), cmap=DIVERGING, vmin=-3, vmax=3, rasterized=True)
        ax.contour(w, y, factor, levels=[1], colors="k", linewidths=1.6)
        ridge = arrays[f"map_{kind}_ridge"] / y
        ax.plot(ridge[ridge <= w[-1]], y[ridge <= w[-1]], "k--", linewidth=1.4)
        ax.plot(w[factor.argmax(1)][ridge <= w[-1]][::4], y[ridge <= w[-1]][::4], "o", color="k", markersize=2.5)
        ax.axvline(theory, color=ROLE["rnn"], linewidth=1.6)
        ax.set(xlabel="recurrent weight w", title=f"{TITLE[kind]} unit")
        ax.grid(False)
    axes[0].set_ylabel("activation y of the source")
    bar = fig.colorbar(image, ax=axes, label="factor per step")
    bar.set_ticks([-3, -2, -1, 0, 1, 2, 3], labels=["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    handles = [plt.Line2D([], [], color="k"), plt.Line2D([], [], color="k", linestyle="--"),
               plt.Line2D([], [], color="k", marker="o", markersize=3, linestyle=""), plt.Line2D([], [], color=ROLE["rnn"])]
    fig.legend(handles, ["factor = 1", "best w, theory (coth)", "best w, measured", "1 / f'max: 4 and 1"], loc="outside lower center", ncols=4)
    return fig


def latch(record, arrays):
    """Attractors, storage and gradient of one tanh unit on one axis."""
    w, (low, median, high) = arrays["latch_weights"], arrays["latch_error"]
    steps, noise = record["config"]["latch_steps"], record["config"]["latch_noise"]
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 6), sharex=True, height_ratios=(2, 3))
    for branch in arrays["latch_attractors"]:
        top.plot(w, branch, color=ROLE["rnn"])
    top.set(ylabel="attractor", title="one tanh unit: where the state settles without input")
    bottom.plot(w, arrays["latch_kept"], color=ROLE["rnn"], label="bits kept (left)")
    chance_line(bottom, 0.5, "chance (left)")
    bottom.set(xlabel="recurrent weight w", ylabel=f"bits kept over {steps} steps", ylim=(0, 1.05),
               title=f"storage against noise of s.d. {noise:g}, and the error that returns")
    error = bottom.twinx()
    error.spines.right.set_visible(True)
    error.plot(w, median, color=ROLE["tuned_rnn"], linestyle="--", label=f"error {steps} steps back (right)")
    error.fill_between(w, low, high, color=ROLE["tuned_rnn"], alpha=0.2, linewidth=0)
    error.set(ylabel=ERROR, ylim=(-60, 3))
    error.grid(False)
    keeps = w[arrays["latch_kept"] >= 0.95]
    for ax in (top, bottom):
        ax.axvline(1, color="0.3", linewidth=0.8)
        if len(keeps):
            ax.axvspan(keeps.min(), w[-1], color="0.93", zorder=0)
    if len(keeps):
        top.text((keeps.min() + w[-1]) / 2, 0, "keeps 95 % of the bits", ha="center", va="center", fontsize=11)
    handles, labels = (a + b for a, b in zip(bottom.get_legend_handles_labels(), error.get_legend_handles_labels()))
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig


def cliff(record, arrays):
    """The error surface of one unit over 50 steps, and gradient descent across its cliff."""
    w, b = arrays["cliff_w"], arrays["cliff_b"]
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), width_ratios=(5, 4))
    image = left.pcolormesh(w, b, arrays["cliff_loss"], cmap=SEQUENTIAL, rasterized=True)
    fig.colorbar(image, ax=left, label="squared error after 50 steps")
    for name, colour, marker, label in (("free", ROLE["rnn"], "o", "gradient as it is"), ("clipped", "white", "s", "norm clipped to 0.1")):
        path = arrays[f"cliff_{name}_path"]
        left.plot(*path.T, color=colour, marker=marker, markersize=2.5, linewidth=1, label=label)
        right.plot(arrays[f"cliff_{name}_losses"], color=ROLE["rnn"] if name == "free" else "0.25",
                   linestyle="-" if name == "free" else "--", label=label)
    left.plot(*arrays["cliff_free_path"][0], "*", color="white", markeredgecolor="k", markersize=12)
    left.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="recurrent weight w", ylabel="bias b", title="one logistic unit")
    left.legend(loc="upper right", facecolor="0.35", frameon=True, labelcolor="white")
    left.grid(False)
    right.set(xlabel="update", ylabel="squared error", yscale="log", title="the same two descents")
    right.legend()
    return fig


# ---------------------------------------------------------------- before and after learning

LEGEND = {"rnn": "tanh-RNN", "lstm": LABEL["lstm"]}
SHOWN = (("rnn_full", "rnn", "-", "tanh-RNN, dL/dh"), ("lstm_full", "lstm", "-", "LSTM (1997), dL/ds, full gradient"),
         ("lstm_truncated", "lstm", "--", "LSTM (1997), dL/ds, truncated gradient"))


def lstm_against_rnn(record, arrays):
    """Error flow before and after learning, and how well both learn."""
    fig, axes = plt.subplots(1, 3, figsize=(10, 4.2))
    for ax, moment in zip(axes, ("before", "after")):
        for key, role, style, label in SHOWN:
            flow = arrays[f"learned_{key}_{moment}"]
            ax.plot(flow[MEDIAN], color=ROLE[role], linestyle=style, label=label)
            if key != "lstm_truncated":
                ax.fill_between(range(flow.shape[1]), flow[LOW], flow[HIGH], color=ROLE[role], alpha=0.2, linewidth=0)
        ax.set(xlabel="steps back, q", title=f"{moment} learning")
        ax.set_ylim(-14, 2)                              # a seed whose RNN has saturated leaves the axis
    axes[0].set_ylabel(ERROR)
    for name in ("lstm", "rnn"):
        curves = [run_["curves"][f"{name}_validation"] for run_ in record["runs"]]
        steps = record["runs"][0]["curves"][f"{name}_steps"]
        axes[2].plot(steps, np.median(curves, axis=0), color=ROLE[name])
        axes[2].fill_between(steps, np.min(curves, axis=0), np.max(curves, axis=0), color=ROLE[name], alpha=0.2, linewidth=0)
    chance_line(axes[2], 0.5)
    axes[2].legend(loc="lower right")
    axes[2].set(xlabel="update", ylabel="validation accuracy", ylim=(0, 1.05), title="learning (band: all seeds)")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def gradient_share(record, arrays):
    """Which steps the gradient of the recurrent weights comes from."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
    for ax, moment in zip(axes, ("before", "after")):
        for key, role, style, label in SHOWN:
            share = arrays[f"share_{key}_{moment}"]
            ax.plot(share[MEDIAN], color=ROLE[role], linestyle=style, label=label.replace(", dL/dh", "").replace(", dL/ds", ""))
            ax.fill_between(range(share.shape[1]), share[LOW], share[HIGH], color=ROLE[role], alpha=0.15, linewidth=0)
        T = share.shape[1]
        ax.axhline(1 / T, color="0.5", linewidth=1, linestyle=":", label="the same from every step")
        ax.axvspan(T - 10, T - 1, color="0.93", zorder=0)
        ax.text(T - 5.5, 3e-9, "the mark\nis here", ha="center", fontsize=10)
        ax.set(yscale="log", ylim=(1e-9, 2), xlabel="lag q", title=f"{moment} learning")
    axes[0].set_ylabel("share of the weight gradient")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def lengths(study):
    """Up to which length either network learns, and after how many updates."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9))
    for name, marker in (("lstm", "o-"), ("rnn", "s-")):
        found = [study["summary"][f"{name}_T{T}_updates"] for T in study["config"]["lengths"]]
        left.plot(study["config"]["lengths"], [e["n"] / len(study["runs"]) for e in found], marker, color=ROLE[name], label=LEGEND[name])
        for T, e in zip(study["config"]["lengths"], found):
            if e["n"]:
                right.plot([T, T], [e["min"], e["max"]], color=ROLE[name], linewidth=1)
        right.plot(study["config"]["lengths"], [np.nan if e["n"] == 0 else e["median"] for e in found], marker, color=ROLE[name])
    left.set(ylabel="seeds that reach 95 %", ylim=(-0.03, 1.05))
    left.axhline(-1, color="0.5", linestyle=":", linewidth=1, label="budget (right)")
    right.axhline(study["config"]["updates"], color="0.5", linestyle=":", linewidth=1)
    right.set(ylabel="updates to 95 % (median, range)", yscale="log")
    for ax in (left, right):
        ax.set(xlabel="sequence length (the mark: first ten steps)", xlim=(8, 63))
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


STUDY_FIGURES = dict(lengths=lengths)
FIGURES = (error_flow, factor_per_step, distribution, factor_map, latch, cliff, lstm_against_rnn, gradient_share)


# ---------------------------------------------------------------- tables of the README

def tables(record, studies):
    """{marker: Markdown} from results.json and {study: record}."""
    s = record["summary"]
    return {f"study_{name}": lengths_table(study) for name, study in studies.items()} | dict(
        checks=table(["claim", "paper", "measured", "expected", "holds"],
                     [[c["claim"], "" if c["paper"] is None else f"{c['paper']:g}",
                       "none" if c["measured"] is None else f"{c['measured']:.4g}", c["expected"], "yes" if c["holds"] else "no"]
                      for c in record["checks"]]),
        flows=f"{s['bound_flows']['mean'] * s['bound_flows']['n']:,.0f}",
        crossings=table(["networks", "units", "factor crosses 1 at scale", "large-network prediction of it",
                         "error of the factor: large-network", "standing-slopes prediction"],
                        [[TITLE[kind], n, crossing(s[f"{kind}_{n}_crossing"]), crossing(s[f"{kind}_{n}_crossing_field"]),
                          percent(s[f"{kind}_{n}_field_error"]), percent(s[f"{kind}_{n}_frozen_error"])]
                         for kind in RNN_KINDS for n in SIZES[kind]]),
        latch=table(["one tanh unit", "measured"],
                    [["smallest w that keeps 95 % of the bits", mean_spread(s["latch_first_weight"])],
                     ["largest median error that returns where it does, log10", mean_spread(s["latch_largest_error"], 1)],
                     ["largest anywhere, log10", mean_spread(s["latch_best_error_anywhere"], 1)]]),
        cliff=table(["gradient", "median loss at the end", "longest step", "largest gradient norm met"],
                    [[label, mean_spread(s[f"cliff_{name}_loss"]), f"{s[f'cliff_{name}_longest_step']['max']:,.2f}",
                      f"{s[f'cliff_{name}_norm']['max']:,.0f}"] for name, label in (("free", "as it is"), ("clipped", "norm clipped to 0.1"))]),
        learned=table(["network, gradient", "test accuracy", "factor per step before learning", "after",
                       "share of the last 10 lags before", "after"],
                      [[label, mean_spread(s[f"{key.split('_')[0]}_accuracy"]),
                        *(mean_spread(s[f"{key}_{moment}_factor"]) for moment in ("before", "after")),
                        *(percent(s[f"{key}_{moment}_share_last_10"], "mean") for moment in ("before", "after"))]
                       for key, _, _, label in SHOWN] + [["chance", "0.500", "", "", "", ""]]),
        grid=table(["learning rate", LABEL["lstm"], "tanh-RNN"],
                   [[name.rsplit("_", 1)[1], mean_spread(s[name]), mean_spread(s[name.replace("lstm", "rnn", 1)])]
                    for name in s if name.startswith("lstm_validation_lr_")]))


def lengths_table(study):
    s, n = study["summary"], len(study["runs"])
    cells = lambda name, T: [f"{s[f'{name}_T{T}_updates']['n']} of {n}", f"{s[f'{name}_T{T}_accuracy']['mean']:.3f}",  # noqa: E731
                             "never" if s[f"{name}_T{T}_updates"]["n"] == 0 else f"{s[f'{name}_T{T}_updates']['median']:,.0f}"]
    header = [f"{LEGEND[name]}: {what}" for name in LEGEND for what in ("seeds solved", "test accuracy", "updates, median of solved")]
    return table(["length", *header], [[T, *cells("rnn", T), *cells("lstm", T)] for T in study["config"]["lengths"]
                                       if f"rnn_T{T}_updates" in s] + [["chance", "", "0.500", "", "", "0.500", ""]])


def crossing(entry):
    return "never" if entry["n"] == 0 else mean_spread(entry, 2)


def percent(entry, what="median"):
    return "none" if entry["n"] == 0 else f"{100 * entry[what]:.1f} %"


# ---------------------------------------------------------------- main

def main():
    options = parse_drawing(__doc__, HERE)
    record = results.read(options.out / "results.json", MAKE)
    arrays = results.read_arrays(options.out / "traces.npz", ARRAYS, MAKE)
    for figure in FIGURES:
        print(save(figure(record, arrays), options.out / "viz" / f"{figure.__name__}.png").name)
    studies = results.read_studies(options.out, "vanishing_gradient/vanishing_gradient.py")
    for name, figure in STUDY_FIGURES.items():
        if name in studies:
            print(save(figure(studies[name]), options.out / "viz" / f"{name}.png").name)
    if options.tables:
        results.update_readme(options.out / "README.md", tables(record, studies))


if __name__ == "__main__":
    sys.exit(run(main))
