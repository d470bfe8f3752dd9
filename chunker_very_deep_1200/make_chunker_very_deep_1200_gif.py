"""Animate credit assignment: the recall's error flows backward through 1200 steps, and through 2.

    python3 chunker_very_deep_1200/make_chunker_very_deep_1200_gif.py

Reads results.json and traces.npz (seed of the first run); trains nothing. Colours as in the figures.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from chunker_very_deep_1200.visualize_chunker_very_deep_1200 import HERE, KINDS, SYMBOLS, load  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
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
    front = raw.axvline(1, color="0.5", linewidth=1)
    raw.axhline(-2, color=ROLE["paper"], linestyle=":", linewidth=1)
    raw.text(1.1 * T, -1.8, "1 %", fontsize=9)
    raw.set(xscale="log", xlim=(1.2 * T, 1), ylim=(FLOOR, 0.8), xlabel="steps before the recall (the error flows to the left)",
            ylabel="log$_{10}$ gradient, relative")
    raw.legend(loc="lower left", fontsize=8.5)
    return fig, raw, compressed, lines, front


def draw_compressed(ax, arrays, distance):
    """The surprises as C sees them; its error goes back one of them at each of its steps."""
    ax.clear()
    real = arrays["surprise_real"][:, 0]
    times, letters = arrays["surprise_times"][real, 0], arrays["symbols"][:, 0]
    for j, t in enumerate(times):
        reached = len(times) - j <= distance
        ax.text(j, 0, SYMBOLS[letters[t]], ha="center", va="center", fontsize=15, color="white" if reached else "black",
                bbox=dict(boxstyle="round,pad=0.5", facecolor=ROLE["chunker"] if reached else "white", edgecolor=ROLE["chunker"]))
        ax.text(j, -0.75, f"t = {t:,}", ha="center", fontsize=9)
        if j and len(times) - j < distance:
            ax.annotate("", (j - 0.92, 0), (j - 0.08, 0), arrowprops=dict(arrowstyle="-|>", color=ROLE["chunker"], linewidth=2))
    ax.text((len(times) - 1) / 2, 0.55, f"what C sees: {len(times)} surprises", ha="center", fontsize=10)
    ax.set(xlim=(-0.5, max(len(times), 2) - 0.5), ylim=(-1, 1), xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(False)


def chunker_reach(arrays, T, steps):
    """Steps of the raw stream behind C's error after so many of its own: back to the surprise it has come to."""
    times = arrays["surprise_times"][arrays["surprise_real"][:, 0], 0]
    before = times[times < T - 1]
    return 1 if steps == 1 or not len(before) else T - before[max(len(before) - steps + 1, 0)]


def main():
    out = parse_drawing(__doc__, HERE).out
    record, arrays = load(out)
    T = record["config"]["length"]
    fig, raw, compressed, lines, front = scene(record, arrays)
    gradient = {name: arrays[f"gradient_{name}"][1:, 0].astype(float) for name in lines}     # states 1..T of the first seed

    def draw(distance):
        for name, line in lines.items():
            gone = chunker_reach(arrays, T, distance) if name == "chunker" else distance
            relative = gradient[name][::-1][:gone] - gradient[name][-1]
            line.set_data(np.arange(1, gone + 1), np.maximum(relative, FLOOR - 1))
        front.set_xdata([distance] * 2)
        raw.set_title(f"after {distance:,} step{'s' if distance > 1 else ''} backward   "
                      f"(T = {T:,}, seed {arrays['seeds'][0]})", fontsize=11)
        draw_compressed(compressed, arrays, distance)
        return fig

    print(write_gif(out / "chunker_very_deep_1200.gif", draw, distances(T, FRAMES), fps=8).name)


if __name__ == "__main__":
    sys.exit(run(main))
