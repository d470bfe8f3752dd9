"""Figures without a screen, in one style, with one meaning per colour across the house."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

plt.style.use(Path(__file__).with_name("paper.mplstyle"))

# Okabe & Ito's palette: distinguishable with any colour vision.
ROLE = {
    "lstm": "#0072B2",            # blue
    "lstm_forget": "#56B4E9",     # sky blue: LSTM with forget gate
    "rnn": "#E69F00",             # orange: plain tanh-RNN, BPTT
    "tuned_rnn": "#D55E00",       # vermilion: the fair opponent
    "chunker": "#009E73",         # green: history compression
    "smt": "#CC79A7",             # pink: supervised memory training
    "smt_dmt": "#882255",         # wine: SMT followed by DMT
    "binary": "#332288",          # indigo: SMT with a binary memory
    "transformer": "#8C6D1F",     # brown: attention, the encoder
    "guess": "#117733",           # dark green: search without gradient
    "chance": "#7F7F7F",          # grey, dashed
    "paper": "#000000",           # black: a published value
    "marker_x": "#009E73",        # the informative symbol X
    "marker_y": "#D55E00",        # the informative symbol Y
}
LABEL = {"lstm": "LSTM (1997)", "lstm_forget": "LSTM with forget gate", "rnn": "plain tanh-RNN",
         "tuned_rnn": "tuned tanh-RNN", "chunker": "chunker", "smt": "SMT", "smt_dmt": "SMT + DMT",
         "binary": "SMT, binary memory", "transformer": "Transformer", "chance": "chance"}
DIVERGING = "RdBu_r"              # signed values, symmetric about 0
SEQUENTIAL = "cividis"            # magnitudes


def chance_line(ax, level, label="chance", horizontal=True):
    """Draw the chance level the same way everywhere."""
    draw = ax.axhline if horizontal else ax.axvline
    return draw(level, color=ROLE["chance"], linestyle="--", linewidth=1, label=label, zorder=1)


def save(fig, path):
    """Write a PNG, make its folder, close the figure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)
    plt.close(fig)
    return path
