"""Memories organising themselves, then the machine they become with bits: the GIF, from saved data alone.

    python3 smt/make_smt_gif.py [--out DIR]      DIR holds results.json and traces.npz; writes DIR/smt.gif

Left, while SMT trains at T = 16: the encoder's memories of 16 sequences (two for each symbol) after every token, grey
before the symbol was read, then in its colour and marker; crosses: where the RNN is before the question when it runs on
its own memory. All frames are in the same plane (pictures.symbol_plane). Right: accuracy of that rollout. At the end
the clusters move to the states of the machine that the same RNN with a binary memory learned.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  before numpy
import numpy as np

from common.config import run
from common.figures import ROLE, chance_line, plt
from common.gifs import animate
from smt import scores
from smt.certificate import merged_machine
from smt.drawing import colour_of, draw_machine, key, marker_of, parts_of, places

HERE = Path(__file__).resolve().parent
ARRAYS = ("movie_encoder", "movie_rolled", "movie_accuracy", "movie_label", "movie_steps", "machine_codes")
MORPH = 14                              # frames in which the clusters become states
EDGE = 1.85                             # of the plane; a dot farther out is drawn at the edge


def main():
    animate(__doc__, HERE, ARRAYS, film, fps=8)


def film(record, arrays):
    """The function that draws a frame, and all frames."""
    return Film(record, arrays).frame, range(len(arrays["movie_steps"]) + MORPH + 1)


class Film:
    """One figure, updated for every frame."""

    def __init__(self, record, arrays):
        self.record, self.arrays = record, arrays
        self.elements = record["config"]["elements"]
        self.machine = SimpleNamespace(**{n.removeprefix("machine_"): a for n, a in arrays.items() if "machine_" in n})
        self.label = arrays["movie_label"]
        self.fig, (self.left, self.right) = plt.subplots(1, 2, figsize=(8, 4.6), dpi=90, width_ratios=[1.45, 1])
        self.dots = [self.scatter(value) for value in (0, -1, *range(1, self.elements + 1))]
        self.crosses = self.left.scatter([], [], s=60, marker="x", linewidths=1.8, c="black")
        limits = (-EDGE - 0.1, EDGE + 0.1)
        self.left.set(xlim=limits, ylim=limits, xticks=[], yticks=[], aspect="equal")
        self.line, = self.right.plot([], [], color=ROLE["smt"])
        chance_line(self.right, 1 / self.elements)
        self.right.text(0.02, 1 / self.elements + 0.02, "chance", color=ROLE["chance"],
                        transform=self.right.get_yaxis_transform())
        self.right.set(xlim=(0, arrays["movie_steps"][-1]), ylim=(0, 1.05), xlabel="SMT update",
                       title="accuracy on its own memory")
        key(self.fig, self.elements, loc="outside lower center")
        self.title = self.fig.suptitle("step")

    def scatter(self, value):
        """The dots of one label; offsets come with the frames."""
        marker = marker_of(value) if value > 0 else "o"
        return value, self.left.scatter([], [], c=colour_of([value]), marker=marker, s=20, linewidths=0)

    def frame(self, k):
        last = len(self.arrays["movie_steps"]) - 1
        self.points(self.inside(self.arrays["movie_encoder"][min(k, last)]))
        rolled = self.inside(self.arrays["movie_rolled"][min(k, last)][:, -2])
        self.crosses.set_offsets(rolled if k <= last else np.empty((0, 2)))
        self.line.set_data(self.arrays["movie_steps"][:k + 1], self.arrays["movie_accuracy"][:k + 1])
        if k <= last:
            self.title.set_text(f"update {self.arrays['movie_steps'][k]}: dots: the encoder's memories, "
                                "crosses: the RNN on its own")
        elif k < last + MORPH:
            self.morph((k - last) / (MORPH - 1))
            self.title.set_text(f"the same with {self.bits()} bits: clusters become states")
        else:
            self.result()
        return self.fig

    def bits(self):
        return str(self.machine.codes.shape[1])

    def inside(self, points):
        """Points as they are, those outside of the picture at its edge."""
        return np.clip(points.astype(float), -EDGE, EDGE)

    def points(self, frame):
        flat, label = frame.reshape(-1, 2), self.label.reshape(-1)
        for value, dots in self.dots:
            dots.set_offsets(flat[label == value])

    def morph(self, share):
        """Every cluster on its way to the state that holds its symbol."""
        graph = merged_machine(self.machine)
        spots = places(graph, self.elements)
        target = {}
        for node, role in enumerate(graph["roles"]):
            parts = parts_of(role)
            for symbol in parts.get("holding", []):
                target.setdefault(symbol, spots[node])
            for kind, value in (("armed", -1), ("waiting", 0)):
                if kind in parts:
                    target.setdefault(value, spots[node])
        start = self.inside(self.arrays["movie_encoder"][-1])
        goal = np.array([target.get(v, (0.0, 0.0)) for v in self.label.ravel().tolist()]).reshape(start.shape)
        self.points((1 - share) * start + share * goal)

    def result(self):
        """The last frame: the machine, and what is known about it."""
        for _, dots in self.dots:
            dots.set_offsets(np.empty((0, 2)))
        graph, short = merged_machine(self.machine), self.record["config"]["short_length"]
        draw_machine(self.left, graph, self.elements, size=24, fontsize=9, words=False)
        self.left.set_title("circles hold a symbol, squares answer it", fontsize=10)
        statement = self.record["runs"][0]["notes"].get(scores.label(self.record["config"], "short"), "")
        verdict = "proved right at every length" if statement.startswith("exact") else "not certified"
        self.title.set_text(f"trained at T = {short} with {self.bits()} bits: a machine of {len(graph['sizes'])} "
                            f"states, {verdict}")
        accuracy = self.arrays["movie_accuracy"][-1]
        self.right.text(0.7, 0.5, f"never unrolled:\n{accuracy:.2f} at T = {short}\n(continuous)",
                        transform=self.right.transAxes, ha="center", va="center", fontsize=10)


if __name__ == "__main__":
    sys.exit(run(main))
