"""Animate the toy."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common
from common import results
from common.config import make_command, parse_drawing, run
from common.figures import plt
from common.gifs import write_gif

assert common
HERE = Path(__file__).resolve().parent


def main():
    out = parse_drawing(__doc__, HERE).out
    _, arrays = results.read_unit(out, make_command(HERE, out), ["counted"])
    fig, ax = plt.subplots(figsize=(2, 1))

    def draw(k):
        ax.plot(arrays["counted"][k])
        return fig

    print(write_gif(out / "toy.gif", draw, range(len(arrays["counted"]))).name)


if __name__ == "__main__":
    sys.exit(run(main))
