"""Animate the toy."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common
from common.config import run
from common.figures import plt
from common.gifs import animate

assert common
HERE = Path(__file__).resolve().parent


def film(record, arrays):
    fig, ax = plt.subplots(figsize=(2, 1))

    def draw(k):
        ax.plot(arrays["counted"][k])
        return fig

    return draw, range(len(arrays["counted"]))


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ["counted"], film)))
