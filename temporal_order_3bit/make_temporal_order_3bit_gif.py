"""Animate the cell states of one held-out sequence per class while the LSTM learns.

    python3 temporal_order_3bit/make_temporal_order_3bit_gif.py

Reads results.json and traces.npz; trains nothing. A frame every 4 updates while the network
learns, then ever fewer; beside the cells the validation accuracy up to that update.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  before numpy
import numpy as np
from common.config import run
from common.figures import DIVERGING, LABEL, ROLE, chance_line, plt
from common.gifs import animate
from temporal_order_3bit.visualize_temporal_order_3bit import ARRAYS, CHANCE, CLASSES, HERE, mark

LAST = 400                               # nothing new happens after this update: one last frame


class Film:
    """One figure, updated for every frame."""

    def __init__(self, record, arrays):
        self.updates, self.cells = arrays["snapshot_updates"], arrays["snapshot_cells"].astype(float)
        curves = record["runs"][0]["curves"]
        self.curve = np.array([[0, *curves["lstm_updates"]], [np.nan, *curves["lstm_accuracy"]]], dtype=float)
        self.final, self.seed = record["runs"][0]["final"]["lstm_accuracy"], record["runs"][0]["seed"]
        self.fig = plt.figure(figsize=(9, 4.6), dpi=80)
        grid = self.fig.add_gridspec(4, 2, width_ratios=(2, 1))
        self.images = self.heat_maps([self.fig.add_subplot(grid[k, 0]) for k in range(4)], arrays["example_tokens"])
        self.line, self.dot = self.accuracy(self.fig.add_subplot(grid[:, 1]))
        self.title = self.fig.suptitle(" ", fontsize=13)

    def heat_maps(self, axes, tokens):
        """A map (cell x time) per class; colour: the cell state, on a scale that the last frame fills."""
        limit = np.quantile(np.abs(self.cells[-1]), 0.98)
        images = []
        for k, ax in enumerate(axes):
            images.append(ax.imshow(self.cells[0][:, :, k].T, cmap=DIVERGING, vmin=-limit, vmax=limit))
            mark(ax, tokens[:, k])
            ax.set(yticks=range(self.cells.shape[2]), yticklabels=[], ylabel=CLASSES[k])
            ax.tick_params(labelbottom=k == len(axes) - 1)
            ax.grid(False)
        axes[-1].set_xlabel("time step (rows: the four cells; colour: cell state)")
        return images

    def accuracy(self, ax):
        line, = ax.plot([], [], color=ROLE["lstm"])
        dot, = ax.plot([], [], "o", color=ROLE["lstm"])
        chance_line(ax, CHANCE)
        ax.axhline(2 * CHANCE, color=ROLE["trivial"], linestyle=":", linewidth=1)
        ax.text(LAST, 2 * CHANCE - 0.01, "one symbol known", ha="right", va="top", fontsize=9, color=ROLE["trivial"])
        ax.text(LAST, CHANCE - 0.01, "chance", ha="right", va="top", fontsize=9, color=ROLE["chance"])
        ax.set(xlim=(0, LAST), ylim=(0, 1.05), xlabel="update", ylabel="validation accuracy")
        return line, dot

    def frames(self):
        return [k for k, update in enumerate(self.updates) if update <= LAST] + ["end"]

    def draw(self, frame):
        """The figure at snapshot number `frame`, or the result at "end"."""
        k = len(self.updates) - 1 if frame == "end" else frame
        for image, states in zip(self.images, self.cells[k].transpose(2, 1, 0)):
            image.set_data(states)
        seen = self.curve[:, self.curve[0] <= min(self.updates[k], LAST)]
        self.line.set_data(*seen)
        self.dot.set_data(seen[0, -1:], seen[1, -1:])
        self.title.set_text(self.words(frame, self.updates[k]))
        return self.fig

    def words(self, frame, update):
        if frame == "end":
            return f"{LABEL['lstm']}, seed {self.seed}, after {update:,} updates: test accuracy {self.final:.3f}"
        if update == 0:
            return "Which two symbols came, in which order? Before training the cells hold little"
        return f"update {update}"


def film(record, arrays):
    shown = Film(record, arrays)
    return shown.draw, shown.frames()


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ARRAYS, film, fps=8)))
