"""Memories organising themselves: the GIF of this folder, from results.json and traces.npz alone.

    python3 smt/make_smt_gif.py [--out DIR]      DIR holds results.json and traces.npz; writes DIR/smt.gif

Dots: the encoder's memories of 16 sequences (two for each symbol) after every token; grey before the symbol was read, then
in the symbol's colour. Crosses: where the RNN is before the question when it runs on its own memory. All frames are in the
same plane: the linear map that, on other sequences, puts each symbol's final memories nearest to a point of a circle.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401, E402

from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import ROLE, chance_line, plt  # noqa: E402
from common.gifs import write_gif  # noqa: E402
from smt.visualize_smt import ARRAYS, HERE, MAKE, colour_of  # noqa: E402


def main():
    folder = parse_drawing(__doc__, HERE).out
    record = results.read(folder / "results.json", MAKE)
    arrays = results.read_arrays(folder / "traces.npz", (*ARRAYS, "movie_rolled", "movie_accuracy"), MAKE)
    print(write_gif(folder / "smt.gif", painter(arrays, record), range(len(arrays["movie_steps"])), fps=8, hold=3))


def painter(arrays, record):
    """draw_frame(k) for write_gif: the same figure, updated."""
    encoder, rolled, label = (arrays[f"movie_{k}"] for k in ("encoder", "rolled", "label"))
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.9), dpi=90, width_ratios=[1.35, 1])
    flat = lambda frame: frame.astype(float).reshape(-1, 2)  # noqa: E731
    dots = left.scatter(*flat(encoder[0]).T, c=colour_of(label), s=14, linewidths=0)
    crosses = left.scatter(*flat(rolled[0][:, -2]).T, c=colour_of(label[:, -2]), s=70, marker="x", linewidths=1.8)
    left.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[], aspect="equal",
             xlabel="dots: encoder, crosses: RNN alone")
    line, = right.plot([], [], color=ROLE["smt"], label="RNN, own rollout")
    chance_line(right, 1 / record["config"]["elements"])
    right.set(xlim=(0, arrays["movie_steps"][-1]), ylim=(0, 1.05), xlabel="training step", ylabel="accuracy")
    right.legend(loc="center right")
    title = fig.suptitle("")

    def draw(k):
        dots.set_offsets(flat(encoder[k]))
        crosses.set_offsets(flat(rolled[k][:, -2]))
        line.set_data(arrays["movie_steps"][:k + 1], arrays["movie_accuracy"][:k + 1])
        title.set_text(f"SMT, step {arrays['movie_steps'][k]}: memories organise by symbol")
        return fig
    return draw


if __name__ == "__main__":
    sys.exit(run(main))
