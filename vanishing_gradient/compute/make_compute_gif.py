"""Make compute.gif from saved data: while Adam trains at the longest lag, the error comes back, and goes again.

    python3 vanishing_gradient/compute/make_compute_gif.py [--out DIR]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common import results
from common.config import make_command, parse_drawing, run
from common.figures import ROLE, chance_line, plt
from common.gifs import write_gif

HERE = Path(__file__).resolve().parent
NAMES = ("radius", "flow", "decodable", "curve", "looks")
FLOOR = -45                                  # log10 of float32's smallest number


class Film:
    """One figure, updated for every look at the network."""

    def __init__(self, record, arrays):
        self.arrays, self.looks = arrays, np.maximum(arrays["looks"], 32)
        self.lag = arrays["flow"].shape[1] - 2
        self.fig, (self.left, right) = plt.subplots(1, 2, figsize=(8, 4), dpi=80, width_ratios=(1.3, 1))
        self.back = -np.arange(self.lag + 2)
        self.line, = self.left.plot([], [], color=ROLE["tuned_rnn"])
        self.left.axhline(FLOOR, color="0.4", linestyle="--", linewidth=1)
        self.left.text(-self.lag, FLOOR + 1.5, "float32 ends", color="0.4", fontsize=9)
        self.left.set(xlim=(-self.lag - 2, 2), ylim=(-60, 8), xlabel="steps back from the answer",
                      yticks=(-60, -45, -30, -15, 0), yticklabels=[f"10$^{{{v}}}$" for v in (-60, -45, -30, -15, 0)],
                      ylabel="error of the answer")
        self.radius, = right.plot([], [], color="0.3", label="spectral radius of W")
        self.right, = right.plot([], [], color=ROLE["tuned_rnn"], label="answers right")
        self.held, = right.plot([], [], color=ROLE["lstm"], linestyle=":", label="state holds the symbol")
        chance_line(right, 0.5, label="chance")
        right.set(xscale="log", xlim=(30, self.looks[-1] * 1.1), ylim=(0, max(2.0, 1.35 * arrays["radius"].max())),
                  xlabel="training sequences")
        right.legend(loc="upper left", fontsize=8)

    def frame(self, k):
        """Look k; the one after the last shows the result."""
        last, k = k == len(self.looks), min(k, len(self.looks) - 1)
        self.line.set_data(self.back, self.arrays["flow"][k])
        for line, name in ((self.radius, "radius"), (self.right, "curve"), (self.held, "decodable")):
            line.set_data(self.looks[:k + 1], self.arrays[name][:k + 1])
        self.left.set_title(f"Adam, lag {self.lag}: {self.arrays['looks'][k]:,.0f} sequences")
        if last:
            gone = "the error is gone again" if self.arrays["flow"][k, -2] < FLOOR else "the error still arrives"
            self.left.set_title(f"{self.arrays['curve'][k]:.0%} right; {gone}")
        return self.fig


def main():
    out = parse_drawing(__doc__, HERE).out
    make = make_command(HERE, out)
    record, arrays = results.read_unit(out, make, NAMES, HERE.relative_to(results.files.ROOT).as_posix())
    with results.reading(out / "traces.npz", make):
        film = Film(record, arrays)
        print(write_gif(out / "compute.gif", film.frame, range(len(film.looks) + 1), fps=4, hold=4.0).name)


if __name__ == "__main__":
    sys.exit(run(main))
