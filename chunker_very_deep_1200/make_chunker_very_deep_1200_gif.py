"""Animate the compression: 1200 symbols go by, A is surprised by six of them, and C needs no more to answer.

    python3 chunker_very_deep_1200/make_chunker_very_deep_1200_gif.py

Reads results.json and traces.npz (m = 3, first seed); trains nothing. Colours as in the figures.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common                                # noqa: F401  before numpy
import numpy as np

from chunker_very_deep_1200.task import CYCLE, LETTERS, MARK, SYMBOLS
from chunker_very_deep_1200.visualize_chunker_very_deep_1200 import ARRAYS, HERE, KINDS, SOLVED
from common import results
from common.config import run
from common.figures import ROLE, plt
from common.gifs import animate

ROWS, READING, FPS = 5, 30, 8                # rows of the strip, frames of reading
PALE = 0.35                                  # what A has read and expected fades to this
LETTER_COLORS = (ROLE["marker_x"], ROLE["marker_y"])


def rgb(name):
    return np.array([int(name[k:k + 2], 16) / 255 for k in (1, 3, 5)])


def strip(symbols, read, surprises):
    """The picture (ROWS, columns, 3) of the stream; filler in greys, letters and the mark in colour."""
    greys = [np.full(3, 0.55 + 0.08 * k) for k in range(CYCLE)]
    colors = np.array([*map(rgb, LETTER_COLORS), *greys, np.zeros(3)])
    picture = colors[symbols]
    faded = (np.arange(len(symbols)) < read) & ~np.isin(np.arange(len(symbols)), surprises)
    picture[faded] = 1 - PALE * (1 - picture[faded])
    columns = -(-len(symbols) // ROWS)
    whole = np.ones((ROWS * columns, 3))
    whole[:len(symbols)] = picture
    return whole.reshape(ROWS, columns, 3)


class Scene:
    """The strip above, the compressed stream below."""

    def __init__(self, record, arrays):
        self.symbols = arrays["symbols_m3"][:, 0].astype(int)
        self.times = arrays["surprise_times_m3"][:, 0][arrays["surprise_real_m3"][:, 0]]
        self.expects = arrays["chunker_expects_m3"][..., 0]
        self.record, self.T = record, len(self.symbols)
        self.columns = -(-self.T // ROWS)
        self.fig, (self.above, self.below) = plt.subplots(2, 1, figsize=(7.6, 4.6), height_ratios=(1.25, 1), dpi=80)

    def draw(self, frame):
        """frame: (symbols that A has read, steps that C's error has gone back)"""
        read, back = frame
        seen = self.times[self.times < read]
        self.draw_strip(read, seen)
        self.draw_compressed(seen, back)
        return self.fig

    def draw_strip(self, read, seen):
        ax = self.above
        ax.clear()
        ax.imshow(strip(self.symbols, read, self.times), interpolation="nearest", aspect="auto")
        for t in seen:
            self.letter(ax, t)
        if 0 < read < self.T:
            row, column = divmod(read, self.columns)
            ax.plot([column, column], [row - 0.5, row + 0.5], color=ROLE["chunker"], linewidth=3)
        ax.set(xticks=[], yticks=[], xlim=(-0.5, self.columns - 0.5), ylim=(ROWS - 0.5, -0.5))
        ax.grid(False)
        first = f"{self.T:,} symbols; the letter after * comes back at the end"
        ax.set_title(f"A reads: step {read:,} of {self.T:,}" if read else first, fontsize=12)

    def letter(self, ax, t):
        row, column = divmod(int(t), self.columns)
        mark = self.symbols[t] == MARK                       # stands higher: a letter may be its neighbour
        beside = column + (-3 if mark else 3)
        ax.text(min(max(beside, 2), self.columns - 3), row - 0.3 * mark, SYMBOLS[self.symbols[t]],
                ha="center", va="center", fontsize=10, color="white", fontweight="bold",
                bbox=dict(boxstyle="round,pad=0.15", facecolor=self.color(t), edgecolor="none"))

    def color(self, t):
        return LETTER_COLORS[self.symbols[t]] if self.symbols[t] < LETTERS else "black"

    def draw_compressed(self, seen, back):
        ax, k = self.below, len(self.times)
        ax.clear()
        for j, t in enumerate(seen):
            ax.text(j, 0, SYMBOLS[self.symbols[t]], ha="center", va="center", fontsize=16, color="white",
                    bbox=dict(boxstyle="round,pad=0.45", facecolor=self.color(t), edgecolor="none"))
            ax.text(j, -0.75, f"step {t:,}", ha="center", fontsize=9)
        for j in range(k - 1, max(k - 1 - back, 0), -1):
            ax.annotate("", (j - 0.7, 0), (j - 0.3, 0),
                        arrowprops=dict(arrowstyle="-|>", color=ROLE["chunker"], linewidth=2.5))
        ax.set_title(self.words(seen, back), fontsize=12)
        ax.set(xlim=(-0.6, k - 0.4), ylim=(-1.2, 0.8), xticks=[], yticks=[])
        ax.set_axis_off()

    def words(self, seen, back):
        if len(seen) < len(self.times) or not back:
            return f"what A did not expect goes to C: {len(seen)} symbol{'s' if len(seen) != 1 else ''}"
        if back < len(self.times) - 1:
            return "C's error goes back over surprises, not over steps"
        right = self.expects[len(self.times) - 1, self.symbols[-1]]
        return f"C had given the right letter {right:.2f}. {self.result()}"

    def result(self):
        """The outcome of the main experiment at m = 3."""
        n = len(self.record["runs"])
        count = lambda name: int((results.values(self.record, f"recall_{name}_m3") >= SOLVED).sum())
        best = max(count(f"{kind}_last") for kind in KINDS)
        return f"Solved: A + C {count('chunker')} of {n} seeds, best single net {best} of {n}"


def frames(T, k):
    """First the whole strip, then A reads, then the error goes back; the last frame is the result."""
    reading = [(int(read), 0) for read in np.linspace(0, T, READING + 1)]
    return [reading[0]] * 6 + reading[1:] + [(T, 0)] * 3 + [(T, back) for back in range(1, k)]


def film(record, arrays):
    scene = Scene(record, arrays)
    return scene.draw, frames(scene.T, len(scene.times))


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ARRAYS, film, FPS)))
