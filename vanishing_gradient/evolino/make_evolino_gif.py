"""Make evolino.gif from saved data: the population's best prediction of five sines growing longer.

    python3 vanishing_gradient/evolino/make_evolino_gif.py [--out DIR]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common.config import run
from common.figures import ROLE, plt
from common.gifs import animate
from vanishing_gradient.evolino.evolino import CELLS, LEAVES
from vanishing_gradient.evolino.series import sines

HERE = Path(__file__).resolve().parent
MOST = max(CELLS)
NAMES = ("champion_generation", "champion_horizon", "champion_envelope", "champion_output", "envelope_step")
SHOWN = 300                                  # steps of the closed loop in the upper picture
ENLARGED = 1000                              # there; or the eye sees no error at all


class Film:
    """One figure, updated for every champion."""

    def __init__(self, record, arrays):
        self.arrays, config = arrays, record["config"]
        self.evaluations, self.seen = config["members"] * config["trials"], config["seen"]
        first = config["washout"]
        series = sines(MOST, first + SHOWN, config["start"])
        self.steps = np.arange(first, first + SHOWN)
        self.fig, (self.top, self.low) = plt.subplots(2, 1, figsize=(7.2, 5), dpi=80)
        self.top.plot(np.arange(first + SHOWN), series, color="0.75", linewidth=4, label="five sines")
        self.line, = self.top.plot([], [], color=ROLE["evolino"], linewidth=1.4,
                                   label=f"on its own output, error {ENLARGED:,} times enlarged")
        self.series = series[first:]
        self.top.axvspan(0, first, color="0.93", zorder=0)
        self.top.text(first / 2, 7, "teacher", ha="center", color="0.4")
        self.top.set(xlim=(0, first + SHOWN), ylim=(-6.5, 9.5), xlabel="step")
        self.top.legend(loc="upper right", ncols=2, fontsize=8)
        self.low.axhline(LEAVES, color="0.4", linestyle="--", linewidth=1)
        self.low.text(1.1, LEAVES * 1.5, "within 1 %", color="0.4")
        self.low.set(xscale="log", yscale="log", xlim=(1, arrays["envelope_step"][-1]), ylim=(1e-6, 10),
                     xlabel="steps alone", ylabel="|error| / s.d.")
        self.error, = self.low.plot([], [], color=ROLE["evolino"])
        self.reach = self.low.axvline(1, color=ROLE["evolino"], linestyle=":")

    def frame(self, k):
        """Champion k; the last one once more with the result."""
        arrays, last = self.arrays, k == len(self.arrays["champion_horizon"])
        k = min(k, len(arrays["champion_horizon"]) - 1)
        generation, steps = int(arrays["champion_generation"][k]), int(arrays["champion_horizon"][k])
        error = arrays["champion_output"][:SHOWN, k] - self.series
        self.line.set_data(self.steps, np.clip(self.series + ENLARGED * error, -6, 6))
        self.low.plot(*self.error.get_data(), color="0.85", linewidth=0.8, zorder=1)
        self.error.set_data(arrays["envelope_step"], arrays["champion_envelope"][:, k])
        self.reach.set_xdata([max(steps, 1)] * 2)
        title = f"generation {generation}, {generation * self.evaluations:,} networks: within 1 % for {steps:,} steps"
        if last:
            title = f"It saw {self.seen} values, then kept within 1 % for {steps:,} steps. No gradient."
        self.top.set_title(title)
        return self.fig


def film(record, arrays):
    return Film(record, arrays).frame, range(len(arrays["champion_horizon"]) + 1)


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, NAMES, film, fps=3)))
