"""Pictures of a contest (modelling.py): held-out loss against seconds, and what the models make up."""

import numpy as np

from common.figures import ROLE
from smt.density import BPTT, DMT, GRU, SELF, SMT, TRANSFORMER, TRUNCATED
from smt.modelling import curves_of

COLOUR = {SMT: ROLE["smt"], DMT: ROLE["smt_dmt"], SELF: ROLE["binary"], BPTT: ROLE["mlp"], TRUNCATED: ROLE["tuned_rnn"],
          GRU: ROLE["gru"], TRANSFORMER: ROLE["transformer"]}
STYLE = {DMT: "-", SELF: "-", BPTT: "--", TRUNCATED: ":", GRU: "-.", TRANSFORMER: (0, (1, 1))}

WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.3}
AXES = {2: "processor seconds", 1: "training sequences"}


def loss_curves(ax, record, path, table, axis=2):
    """Nats per token, a thin line for each seed, against an axis of the curves; the best table as a level."""
    ends = {}
    for row, style in STYLE.items():
        curves = curves_of(record, path, row)
        for curve in curves:
            ax.plot(curve[:, axis], curve[:, 3], linestyle=style, color=COLOUR[row], linewidth=1.1, alpha=0.8)
        if curves:
            ends[row] = np.mean([curve[-1][[axis, 3]] for curve in curves], axis=0)
    ax.axhline(table, color=ROLE["trivial"], linestyle=":", linewidth=1)
    ax.text(1, table, "best table", color=ROLE["trivial"], fontsize=8, ha="right", va="center",
            transform=ax.get_yaxis_transform(), bbox=dict(WHITE))
    ax.set_xlabel(AXES[axis])
    top = max(value for _, value in ends.values())
    ax.set_ylim(min([table, *(value for _, value in ends.values())]) * 0.93, max(1.35 * top, 1.1 * table))
    name_ends(ax, ends)


def name_ends(ax, ends):
    """The names at the ends of the lines, moved apart where they would overlap."""
    low, high = ax.get_ylim()
    step, height = 0.055 * (high - low), -np.inf
    right = max(seconds for seconds, _ in ends.values())
    ax.set_xlim(0, right * 1.9)
    for row, (_, value) in sorted(ends.items(), key=lambda item: item[1][1]):
        height = max(value, height + step)
        ax.text(right * 1.04, height, f"{row} {value:.2f}", color=COLOUR[row], fontsize=7.5, va="center",
                bbox=dict(WHITE))


def made_up(ax, arrays, coding, rows, real, count=8):
    """Pictures in lines: real ones first, then those of each method."""
    wanted = [(real, f"{coding}, MNIST"), *((row, f"{coding}, {row}") for row in rows)]
    shown = [(name, arrays[key][0][:count]) for name, key in wanted if key in arrays]
    lines = [np.concatenate([np.pad(picture, 1, constant_values=128) for picture in pictures], axis=1)
             for _, pictures in shown]
    wall = np.concatenate(lines)
    ax.imshow(wall, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
    side = len(wall) / len(lines)
    ax.set_yticks([(n + 0.5) * side for n in range(len(lines))], [name for name, _ in shown], fontsize=7.5)
    ax.set_xticks([])
    ax.grid(visible=False)
