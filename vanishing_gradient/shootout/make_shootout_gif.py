"""Animate the race: at every lag the methods learn side by side, and the table of who solved it fills in.

    python3 vanishing_gradient/shootout/make_shootout_gif.py

Reads results.json and traces.npz; trains nothing. Left: validation accuracy of each method (mean of the
seeds) against the sequences seen, at one lag after the other. Right: seeds solved, lag by lag.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
import numpy as np
from common.config import run
from common.figures import ROLE, SYMBOL_MARKERS, chance_line, plt
from common.gifs import animate
from vanishing_gradient.shootout.racers import RACERS
from vanishing_gradient.shootout.shootout import lags_run, solved

HERE = Path(__file__).resolve().parent
FRAMES = 8                                   # of one lag
PAUSE = 1                                    # further frames in which a finished lag stays


class Film:
    """The figure, updated frame by frame; a frame is (place of the lag, how far the race has come, 0 to 1)."""

    def __init__(self, record, arrays):
        self.record, self.arrays, self.lags = record, arrays, record["config"]["lags"]
        self.most = max(float(a.max()) for name, a in arrays.items() if name.startswith("looks_"))
        self.fig, (self.left, self.right) = plt.subplots(1, 2, figsize=(8.4, 4.2), dpi=75)
        self.curves = {name: self.left.plot([], [], color=ROLE[name], label=f"{racer.label} ({racer.year})")[0]
                       for name, racer in RACERS.items()}
        self.shares = {name: self.right.plot([], [], SYMBOL_MARKERS[k] + "-", color=ROLE[name], markersize=7)[0]
                       for k, name in enumerate(RACERS)}
        chance_line(self.left, 1 / record["config"]["symbols"])
        self.left.set(xscale="log", xlim=(200, 1.1 * self.most), ylim=(0, 1.03), xlabel="training sequences",
                      ylabel="accuracy, mean of the seeds")
        self.right.set(xscale="log", xlim=(7, 1.5 * max(self.lags)), ylim=(-0.05, 1.1), xlabel="lag",
                       ylabel="share of the seeds that solve it", title="who gets how far")
        self.fig.legend(handles=[*self.curves.values()], loc="outside lower center", ncols=2)

    def frame(self, frame):
        place, share = frame
        lag, now = self.lags[place], 300 * (self.most / 300) ** share
        for name, line in self.curves.items():
            line.set_data(*self.part(name, lag, now))
        self.left.set_title(f"lag {lag:,}: one of {self.record['config']['symbols']} symbols to be remembered")
        for k, (name, line) in enumerate(self.shares.items()):
            known = [at for at in lags_run(self.record, name) if at <= lag][:place + (share >= 1)]
            rate = [solved(self.record, name, at)[0] / len(self.record["runs"]) for at in known]
            line.set_data(np.array(known) * 1.04 ** (k - 2), np.array(rate) + 0.012 * (k - 2))
        return self.fig

    def part(self, name, lag, now):
        """The curve up to `now` sequences; nothing where the method did not run."""
        looks, curve = (self.arrays.get(f"{what}_{name}_{lag}") for what in ("looks", "curve"))
        if looks is None:
            return [], []
        right = np.nan_to_num(curve, nan=1 / self.record["config"]["symbols"]).mean(0)
        return looks[looks <= now], right[looks <= now]


def film(record, arrays):
    shown, shares = Film(record, arrays), [*np.linspace(0.1, 1, FRAMES), *[1] * PAUSE]
    return shown.frame, [(place, share) for place in range(len(shown.lags)) for share in shares]


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, (), film, fps=8)))
