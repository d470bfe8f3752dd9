"""Make long_lags.gif from saved data: how a memory cell learns to hold what it has seen in the first three steps.

    python3 vanishing_gradient/long_lags/make_long_lags_gif.py [--out DIR]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results
from common.config import make_command, parse_drawing, run
from common.figures import CELLS, ROLE, plt
from common.gifs import write_gif

HERE = Path(__file__).resolve().parent
NAMES = ("x", "target", "output", "states", "seen")
CLASSES = ("marker_x", "marker_y")


class Film:
    """One figure, updated for every picture."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.fig, (top, middle, low) = plt.subplots(3, 1, figsize=(7.2, 5.4), dpi=80, sharex=True)
        steps = np.arange(1, len(arrays["x"]) + 1)
        for n, role in enumerate(CLASSES):
            top.plot(steps, arrays["x"][:, n], color=ROLE[role], linewidth=1, label=f"class {n + 1}")
        top.axvspan(0.5, 3.5, color="0.9", zorder=0)
        top.legend(loc="upper right", ncols=2, fontsize=8)
        top.set(ylabel="input", xlim=(0, steps[-1] + 1))
        cells, reach = range(arrays["states"].shape[2]), 1.1 * np.abs(arrays["states"]).max() + 1e-6
        self.states = [[middle.plot(steps, 0 * steps, style, color=CELLS[cell],
                                    label=f"cell {cell + 1}" if style == "-" else None)[0]
                        for style in ("-", "--")] for cell in cells]
        middle.set(ylabel="cell states", ylim=(-reach, reach))
        middle.legend(loc="upper left", ncols=3, fontsize=8)
        middle.text(0.01, 0.05, "solid: class 1, dashed: class 2", transform=middle.transAxes, fontsize=8)
        colours = [ROLE[CLASSES[0] if target == 1 else CLASSES[1]] for target in arrays["target"]]
        self.outputs = [low.plot(steps, 0 * steps, color=colour, linewidth=0.6, alpha=0.6)[0] for colour in colours]
        low.axhspan(0.8, 1.05, color=ROLE[CLASSES[0]], alpha=0.12, linewidth=0)
        low.axhspan(-0.05, 0.2, color=ROLE[CLASSES[1]], alpha=0.12, linewidth=0)
        low.set(ylabel="output, 40 sequences", xlabel="step", ylim=(-0.05, 1.05))
        self.top = top

    def frame(self, k):
        """Picture k."""
        arrays = self.arrays
        for cell, lines in enumerate(self.states):
            for n, shown in enumerate(lines):
                shown.set_ydata(arrays["states"][k, :, cell, n])
        for n, shown in enumerate(self.outputs):
            shown.set_ydata(arrays["output"][k, :, n])
        last = arrays["output"][k, -1]
        right = int((np.abs(last - arrays["target"]) < 0.2).sum())
        self.top.set_title(f"after {arrays['seen'][k]:,} sequences: {right} of {len(last)} answers right")
        return self.fig


def main():
    out = parse_drawing(__doc__, HERE).out
    make = make_command(HERE, out)
    _, arrays = results.read_unit(out, make, NAMES, HERE.relative_to(results.files.ROOT).as_posix())
    with results.reading(out / "traces.npz", make):
        film = Film(arrays)
        print(write_gif(out / "long_lags.gif", film.frame, range(len(arrays["seen"])), fps=5, hold=4.0).name)


if __name__ == "__main__":
    sys.exit(run(main))
