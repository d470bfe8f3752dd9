"""Animate the first search of latch II: guesses rain on the plane of two weights until one holds.

    python3 vanishing_gradient/weight_guessing/make_weight_guessing_gif.py

Reads results.json and traces.npz; guesses nothing. Left: recurrent and input weight of every guess (its
bias is the third weight, not seen); the shade is the share of biases that work. Right: the unit's
output for a sequence of each class.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common.config import run
from common.figures import ROLE, plt
from common.gifs import animate
from vanishing_gradient.weight_guessing.weight_guessing import STRIDE, density_of

HERE = Path(__file__).resolve().parent
ARRAYS = ("plane", "plane_weights", "rain_weights", "rain_outputs", "rain_seed")
DROPS = (0.7, 0.3, 0.0)                      # how far above its place a guess is drawn, in its frames
SLOW = 4                                     # so many guesses at both ends are seen falling
CLASSES = (("first element -1", ROLE["marker_y"], "--"), ("first element +1", ROLE["marker_x"], "-"))


def animation(record, arrays):
    """(draw_frame, frames): a frame is (guess, how far above its place)."""
    w_in, w, bias = arrays["rain_weights"]
    outputs, grid = arrays["rain_outputs"].astype(float), arrays["plane_weights"]
    count, trials = len(w), density_of(record, "latch_2").trials
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 4), dpi=75)
    shade = np.ma.masked_equal(arrays["plane"], 0)
    left.pcolormesh(grid, grid, shade, cmap="Greens", vmin=0, vmax=1.2 * shade.max())
    fallen, = left.plot([], [], "x", color="0.45", markersize=6)
    drop, = left.plot([], [], "o", color=ROLE["paper"], markersize=8)
    left.set(xlim=(-103, 103), ylim=(-103, 118), xlabel="recurrent weight", ylabel="input weight")
    steps = 1 + STRIDE * np.arange(outputs.shape[-1])
    lines = [right.plot([], [], style, color=colour, label=label)[0] for label, colour, style in CLASSES]
    right.set(xlim=(0, steps[-1]), ylim=(-1.25, 1.25), xlabel="step", ylabel="output of the unit", yticks=(-1, 0, 1))
    for target in (-1, 1):
        right.axhspan(target - 0.1, target + 0.1, color="0.9", zorder=0)
    result = right.text(steps[-1] / 2, 0, "", ha="center", va="center", color=ROLE["guess"], linespacing=1.6)
    fig.legend(handles=lines, loc="outside lower right", ncols=2)

    def draw(frame):
        k, above = frame
        landed, holds = above == 0, k == count - 1
        fallen.set_data(w[:k], w_in[:k])
        drop.set_data([w[k]], [w_in[k] + above * (110 - w_in[k])])
        drop.set_color(ROLE["guess"] if holds and landed else ROLE["paper"])
        drop.set_marker("*" if holds and landed else "o")
        drop.set_markersize(18 if holds and landed else 8)
        for line, output in zip(lines, outputs[k]):
            line.set_data(steps, output) if landed else line.set_data([], [])
        left.set_title(f"guess {k + 1}: weights {w[k]:.0f}, {w_in[k]:.0f}, bias {bias[k]:.0f}")
        right.set_title(" " if not landed else f"guess {k + 1} holds" if holds else "wrong on a training sequence")
        result.set_text(_said(count, trials) if holds and landed else "")
        return fig

    slow = {*range(SLOW), *range(count - SLOW, count)}
    return draw, [(k, above) for k in range(count) for above in (DROPS if k in slow else DROPS[-1:])]


def _said(count, trials):
    return (f"after {count} guesses: right on\nall 100 training sequences\n\n"
            f"on average 1 of {trials:.0f} guesses holds\n(published: 1 of 22)")


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ARRAYS, animation, fps=6)))
