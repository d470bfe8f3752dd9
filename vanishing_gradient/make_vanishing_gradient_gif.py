"""Animate an error that travels back through time while the recurrent scale grows.

    python3 vanishing_gradient/make_vanishing_gradient_gif.py

Reads results.json and traces.npz; trains nothing. Each row of the strip is one kind of network
(median of the random networks); the curves below show the same numbers.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.figures import DIVERGING, ROLE, plt  # noqa: E402
from common.gifs import write_gif  # noqa: E402
from vanishing_gradient.visualize_vanishing_gradient import ARRAYS, ERROR, HERE, MAKE, MEDIAN  # noqa: E402

ROWS = (("logistic_64", "logistic", ROLE["rnn"], "--"), ("tanh_64", "tanh", ROLE["rnn"], "-"),
        ("linear_64", "linear", "0.3", "-."), ("lstm_truncated_16", "LSTM (1997)", ROLE["lstm"], "-"))
STRIDES = 6                                  # frames from q = 0 to the last lag
LIMIT = 40                                   # log10 of the error at both ends of the colours and of the axis


def animation(arrays):
    """(draw_frame, frames): a frame is (index of the gain, lags the error has travelled)."""
    lag, gain = arrays["lag"], arrays["gain"]
    flows = np.array([arrays[f"flow_{name}"][MEDIAN] for name, *_ in ROWS])       # (rows, gains, lags)
    fig, (strip, curves) = plt.subplots(2, 1, figsize=(7.6, 5), height_ratios=(2, 3), sharex=True, dpi=80)
    half = (lag[1] - lag[0]) / 2
    image = strip.imshow(np.full(flows[:, 0].shape, np.nan), cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT,
                         extent=(-half, lag[-1] + half, len(ROWS) - 0.5, -0.5))
    strip.set(yticks=range(len(ROWS)), yticklabels=[label for _, label, *_ in ROWS])
    strip.grid(False)
    strip.set_facecolor("0.8")                   # where the error has not yet been
    fig.colorbar(image, ax=strip, label=ERROR)
    lines = [curves.plot([], [], color=colour, linestyle=style, label=label)[0] for _, label, colour, style in ROWS]
    curves.set(xlim=(lag[-1] + half, -half), ylim=(-LIMIT, LIMIT), xlabel="steps before the end, q  (the error starts at the right)",
               ylabel=ERROR)
    fig.legend(handles=lines, loc="outside lower center", ncols=4)

    def draw(frame):
        k, front = frame
        shown = lag <= front
        image.set_data(np.where(shown, flows[:, k], np.nan))
        for line, flow in zip(lines, flows[:, k]):
            line.set_data(lag[shown], flow[shown])
        strip.set_title(f"recurrent scale {gain[k]:.2f} times critical")
        return fig

    draw((0, 0)).canvas.draw()
    fig.set_layout_engine("none")                # laid out once, with a title, not at every frame
    return draw, [(k, lag[-1] * (step + 1) / STRIDES) for k in range(0, len(gain), max(1, len(gain) // 10)) for step in range(STRIDES)]


def main():
    out = parse_drawing(__doc__, HERE).out
    results.read(out / "results.json", MAKE)
    arrays = results.read_arrays(out / "traces.npz", ARRAYS, MAKE)
    print(write_gif(out / "vanishing_gradient.gif", *animation(arrays), fps=12).name)


if __name__ == "__main__":
    sys.exit(run(main))
