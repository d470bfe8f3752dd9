"""Animate credit assignment: the recall's error flows backward through 1200 steps, and through 2.

    python3 chunker_very_deep_1200/make_chunker_very_deep_1200_gif.py

Reads results.json and traces.npz (seed of the first run); trains nothing. Colours as in the figures.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from chunker_very_deep_1200.visualize_chunker_very_deep_1200 import HERE, KINDS, SYMBOLS, load  # noqa: E402
from common.config import run  # noqa: E402
from common.figures import LABEL, ROLE, plt  # noqa: E402
from common.gifs import write_gif  # noqa: E402

FRAMES, FLOOR = 48, -12


def distances(T, frames):
    """How far the error has come at each frame: one step at a time at first, then ever faster."""
    return np.unique(np.round(np.geomspace(1, T, frames)).astype(int))


def scene(record, arrays):
    """The empty picture: the raw stream above, the compressed one below."""
    T = record["config"]["length"]
    fig, (raw, compressed) = plt.subplots(2, 1, figsize=(7.6, 4.9), height_ratios=(2.1, 1), dpi=80)
    lines = {name: raw.plot([], [], color=ROLE[name], label=LABEL[name])[0] for name in (*KINDS, "chunker")}
    front = raw.axvline(T, color="0.5", linewidth=1)
    raw.axhline(-2, color=ROLE["paper"], linestyle=":", linewidth=1)
    raw.text(5, -1.8, "1 %", fontsize=9)
    raw.set(xlim=(0, T), ylim=(FLOOR, 0.8), xlabel="time step of the raw stream (the recall is at the right end)",
            ylabel="log$_{10}$ gradient, relative")
    raw.legend(loc="lower center", ncols=3, fontsize=8.5)
    return fig, raw, compressed, lines, front


def draw_compressed(ax, arrays, T, distance):
    """The surprises as C sees them; those that the error has reached are filled."""
    ax.clear()
    real = arrays["surprise_real"][:, 0]
    times, letters = arrays["surprise_times"][real, 0], arrays["symbols"][:, 0]
    for j, t in enumerate(times):
        reached = T - 1 - t < distance
        ax.text(j, 0, SYMBOLS[letters[t]], ha="center", va="center", fontsize=15, color="white" if reached else "black",
                bbox=dict(boxstyle="round,pad=0.5", facecolor=ROLE["chunker"] if reached else "white", edgecolor=ROLE["chunker"]))
        ax.text(j, -0.75, f"t = {t:,}", ha="center", fontsize=9)
        if j and T - 1 - times[j - 1] < distance:
            ax.annotate("", (j - 0.88, 0), (j - 0.12, 0), arrowprops=dict(arrowstyle="-|>", color=ROLE["chunker"], linewidth=2))
    ax.text((len(times) - 1) / 2, 0.55, f"what C sees: {len(times)} surprises", ha="center", fontsize=10)
    ax.set(xlim=(-0.5, max(len(times), 2) - 0.5), ylim=(-1, 1), xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="folder with results.json; the GIF goes there")
    out = parser.parse_args().out
    record, arrays = load(out)
    T = record["config"]["length"]
    fig, raw, compressed, lines, front = scene(record, arrays)
    gradient = {name: arrays[f"gradient_{name}"][1:, 0].astype(float) for name in lines}     # states 1..T of the first seed

    def draw(distance):
        t = np.arange(T - distance, T)
        for name, line in lines.items():
            line.set_data(t, np.maximum(gradient[name][t] - gradient[name][-1], FLOOR - 1))
        front.set_xdata([T - distance] * 2)
        raw.set_title(f"the error has gone back {distance:,} of {T:,} steps   (seed {arrays['seeds'][0]})", fontsize=11)
        draw_compressed(compressed, arrays, T, distance)
        return fig

    print(write_gif(out / "chunker_very_deep_1200.gif", draw, distances(T, FRAMES), fps=8).name)


if __name__ == "__main__":
    sys.exit(run(main))
