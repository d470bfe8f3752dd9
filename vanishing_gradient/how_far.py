"""How far back does the error reach? One picture over all experiments, from their committed results.

    python3 vanishing_gradient/how_far.py              viz/how_far.png

One strip of 1,200 time steps per method; the answer is asked for at the right end. Colour is the
size of the error (norm of the gradient) that arrives at a step, relative to the largest of its strip.
Nothing is trained here, and no experiment is imported: only what they saved is read.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  before numpy
import numpy as np
from common import results
from common.config import parse_drawing, run
from common.figures import ROLE, plt, save
from common.files import ROOT

HERE = Path(__file__).resolve().parent
CHUNKER, SMT = ROOT / "chunker_very_deep_1200", ROOT / "smt"
DARKEST = -12                        # log10: what is smaller is drawn as nothing
NOTHING = "#1A1A1A"

# strip: (title, what it is, role colour)
STRIPS = {
    "rnn": ("tanh-RNN", "back-propagation through time, untrained", "rnn"),
    "lstm_forget": ("LSTM with forget gate", "gates opened for 1,200 steps, untrained", "lstm_forget"),
    "lstm": ("LSTM (1997)", "no forget gate, untrained", "lstm"),
    "lstm_trained": ("LSTM (1997)", "the same after learning", "lstm"),
    "chunker": ("chunker", "the error visits the surprises only", "chunker"),
    "dynamics": ("SMT, dynamics loss", "one step, and there is no other", "smt"),
    "decoding": ("SMT, decoding loss", "any distance in one step of attention", "smt_dmt"),
}


def read_strips():
    """{strip: log10 of the error at steps 1 .. T, relative to its largest; -inf where none arrives}, surprise times."""
    make = "python3 chunker_very_deep_1200/chunker_very_deep_1200.py --commit"
    record, arrays = results.read_unit(CHUNKER, make)
    made = "python3 smt/smt.py --study reach --commit"
    reach_record = results.read(SMT / "studies" / "reach.json", made)
    reach = results.read_arrays(SMT / "studies" / "reach.npz", made, reach_record["run_id"])
    with results.reading(CHUNKER / "traces.npz", make):
        strips = {name: arrays[f"gradient_{key}_m0"][0] for name, key in dict(
            rnn="untrained_rnn_last", lstm_forget="untrained_lstm_forget_last", lstm="untrained_lstm_last",
            lstm_trained="lstm_last", chunker="chunker").items()}
        times = arrays["surprise_times_m0"][..., 0][arrays["surprise_real_m0"][..., 0]]
    with results.reading(SMT / "studies" / "reach.npz", made):
        strips |= {name: reach[f"log10_{name}"][0] for name in ("dynamics", "decoding")}
    return {name: relative(strip) for name, strip in strips.items()}, np.unique(times)


def relative(log10):
    """(T,): the state before the first step is left out; not a number becomes -inf."""
    strip = np.where(np.isfinite(log10), log10, -np.inf)[1:].astype(float)
    return strip - strip.max()


def how_far(strips, times):
    """The picture."""
    fig, axes = plt.subplots(len(strips), 1, figsize=(9, 5.9), sharex=True)
    colours = plt.get_cmap("inferno").copy()
    colours.set_bad(NOTHING)
    for ax, (name, strip) in zip(axes, strips.items()):
        T = len(strip)
        shown = np.where(strip < DARKEST, np.nan, strip)
        if name == "chunker":
            shown = wide_marks(shown, times)
        if name == "dynamics":
            shown = wide_marks(shown, [T - 1])
        image = ax.imshow(shown[None], cmap=colours, vmin=DARKEST, vmax=0, extent=(0.5, T + 0.5, 0, 1), aspect="auto")
        ax.set(yticks=[], xlim=(0.5, T + 0.5))
        ax.grid(False)
        title, about, role = STRIPS[name]
        ax.text(0, 1.08, title, transform=ax.transAxes, fontsize=10.5, fontweight="bold", color=ROLE[role])
        ax.text(0.26, 1.08, about, transform=ax.transAxes, fontsize=10, color="0.25")
        ax.text(1.0, 1.08, reach_text(name, strip, times), transform=ax.transAxes, fontsize=10, ha="right")
    arc(axes[list(strips).index("chunker")], times)
    axes[-1].set_xlabel("time step (the answer is asked for at the right end; the error flows to the left)\n"
                        "tanh-RNN to chunker: recall of the first symbol, seed 0; SMT: Retrieval, seed 100, untrained")
    bar = fig.colorbar(image, ax=axes, shrink=0.7, pad=0.02)
    bar.set_ticks([-12, -9, -6, -3, 0], labels=["$10^{-12}$", "$10^{-9}$", "$10^{-6}$", "$10^{-3}$", "1"])
    bar.set_label("error that arrives, relative")
    fig.suptitle("How far back does the error reach?", fontsize=14, fontweight="bold")
    return fig


def wide_marks(strip, times, width=9):
    """The strip with nothing but marks, wide enough to be seen: the surprises of C, or the last update."""
    lit = np.full_like(strip, np.nan)
    for t in times:
        first = int(np.clip(t - width, 0, len(strip) - 2 * width))
        lit[first:first + 2 * width] = strip[min(t, len(strip) - 1)]
    return lit


def arc(ax, times):
    """One step of C across the filler."""
    ax.annotate("", (times[0] + 14, 0.5), (times[-1] - 14, 0.5), arrowprops=dict(
        arrowstyle="-|>", color=ROLE["chunker"], linewidth=1.6, connectionstyle="arc3,rad=0.045"))


def reach_text(name, strip, times):
    """How many steps back at least a thousandth of the largest error arrives."""
    if name == "chunker":
        return f"{len(times)} surprises, {times[-1] - times[0]:,} steps apart"
    felt = np.flatnonzero(strip >= -3)
    steps = len(strip) - 1 - int(felt.min())
    return f"1/1000 of it reaches {steps:,} step{'s' if steps != 1 else ''} back"


def main():
    out = parse_drawing(__doc__, HERE).out
    print(save(how_far(*read_strips()), out / "viz" / "how_far.png").name)


if __name__ == "__main__":
    sys.exit(run(main))
