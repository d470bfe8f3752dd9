"""Animate an error that travels back through time, in four networks one after the other.

    python3 vanishing_gradient/make_vanishing_gradient_gif.py

Reads results.json and traces.npz; trains nothing. A strip and a curve show the same number: the error
that arrives at a step, median of the random networks. The LSTM's is the full gradient; the gradient of
1997, which cuts the paths through the gates, would be exactly 1 everywhere.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401
import numpy as np
from common.config import run
from common.figures import DIVERGING, ROLE, plt
from common.gifs import animate
from vanishing_gradient.pictures import back_in_time, powers_of_ten
from vanishing_gradient.visualize_vanishing_gradient import ARRAYS, HERE, MEDIAN, gain_colour

STAGES = (("flow_tanh", 0.5, "tanh-RNN, scale 1/2"), ("flow_tanh", 1, "tanh-RNN, scale 1"),
          ("flow_tanh", 4, "tanh-RNN, scale 4"), ("flow_lstm", 1, "LSTM (1997), scale 1\nfull gradient"))
TRAVEL, REST, FPS = 12, 5, 5               # frames on the way, frames with the verdict, frames a second
LIMIT = 40                                   # log10 of the error at both ends of the colours and of the axis


def verdict(power):
    """What happened to an error whose log10 is `power` at the end of its way."""
    words = "vanishes" if power < -3 else "explodes" if power > 3 else "arrives"
    return rf"{words}: $10^{{{power:.1f}}}$"


def animation(record, arrays):
    """(draw_frame, frames): a frame is (index of the stage, steps the error has travelled)."""
    rows = [int(np.abs(arrays["stage"] - gain).argmin()) for _, gain, _ in STAGES]
    flows = np.array([arrays[name][MEDIAN, row] for (name, *_), row in zip(STAGES, rows)])      # (stages, lags+1)
    lags = flows.shape[1] - 1
    fig, (strip, curves) = plt.subplots(2, 1, figsize=(7.6, 5.4), height_ratios=(3, 4), sharex=True, dpi=80)
    image, lines, words = canvas(strip, curves, flows)
    fig.colorbar(image, ax=strip, format=lambda value, _: rf"$10^{{{value:g}}}$")

    def draw(frame):
        stage, front = frame
        seen = np.where(np.arange(len(STAGES)) < stage, lags, -1)
        seen[stage] = front
        image.set_data(np.where(np.arange(lags + 1) <= seen[:, None], flows, np.nan))
        for line, flow, end in zip(lines, flows, seen):
            line.set_data(np.arange(end + 1), flow[:end + 1])
        for text, end in zip(words, seen):
            text.set_visible(end == lags)
        strip.set_title(headline(stage, front, flows))
        return fig

    draw((len(STAGES) - 1, lags)).canvas.draw()
    way = [round(lags * (k + 1) / TRAVEL) for k in range(TRAVEL)] + [lags] * REST
    return draw, [(stage, front) for stage in range(len(STAGES)) for front in way]


def canvas(strip, curves, flows):
    """What every frame shares; returns the image, one line and one hidden verdict per stage."""
    lags = flows.shape[1] - 1
    image = strip.imshow(flows, cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT,
                         extent=(-0.5, lags + 0.5, len(STAGES) - 0.5, -0.5))
    strip.set(yticks=range(len(STAGES)), yticklabels=[label for *_, label in STAGES])
    strip.grid(False)
    strip.set_facecolor("0.85")                  # where the error has not yet been
    lines, words = [], []
    for row, ((name, gain, _), flow) in enumerate(zip(STAGES, flows)):
        colour = ROLE["lstm"] if name == "flow_lstm" else gain_colour(gain)
        lines.append(curves.plot([], [], color=colour, linewidth=2.5)[0])
        words.append(strip.text(lags * 0.97, row, verdict(flow[-1]), va="center", fontsize=11,
                                bbox=dict(facecolor="white", edgecolor="none", alpha=0.85, pad=2)))
    back_in_time(curves, lags, "steps back from the end (the error starts at the right)")
    curves.set(ylim=(-LIMIT, LIMIT), ylabel="error that arrives")
    powers_of_ten(curves.yaxis)
    return image, lines, words


def headline(stage, front, flows):
    """The line above a frame: what is on its way, and at the end the result."""
    lags = flows.shape[1] - 1
    if stage == len(STAGES) - 1 and front == lags:
        arriving = [row for row, flow in enumerate(flows) if abs(flow[-1]) <= 3]
        alone = arriving == [stage]
        who = "Only the LSTM's error arrives" if alone else f"{len(arriving)} of {len(flows)} errors arrive"
        return f"{who} after {lags} steps (its truncated gradient: exactly 1)"
    return f"An error of size 1 travels back: {front} of {lags} steps"


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ARRAYS, animation, FPS)))
