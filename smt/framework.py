"""The method as a picture: what feeds what, where the error flows, where it stops. No data is needed.

    framework(record, arrays)     viz/framework.png; both arguments are ignored (visualize_smt.py passes them)
"""

from common.figures import ROLE, plt

ERROR, STOP, FROZEN = ROLE["smt"], ROLE["tuned_rnn"], "#9A9A9A"
FILL = {"token": "#F2F2F2", "teacher": "#EFE7D3", "memory": "#FFFFFF", "rnn": "#E7DDF0", "loss": "#FBEAF3"}
WIDTH, HEIGHT = 16.0, 12.6              # of the drawing, in its own units: half an inch each


def framework(record=None, arrays=None):
    """Above: one SMT step. Below: three steps of DMT. Black: forward; pink: the error; a bar: it stops."""
    fig, ax = plt.subplots(figsize=(8, 6.3))
    ax.set(xlim=(0, WIDTH), ylim=(0, HEIGHT), aspect="equal")
    ax.set_axis_off()
    memory_training(ax)
    ax.plot([0.2, WIDTH - 0.2], [5.05, 5.05], color="0.8", linewidth=1)
    dagger_training(ax)
    legend(ax)
    return fig


# ---------------------------------------------------------------- the two panels

def memory_training(ax):
    """Supervised Memory Training: the encoder says what to remember, the updater learns one step."""
    heading(ax, 12.25, "SMT", "learn what to remember, and one update at a time; nothing is unrolled")
    times = {1.2: "1", 5.0: "t", 11.6: "t+1", 14.8: "T"}
    for x, t in times.items():
        token(ax, x, 5.75, f"$x_{{{t}}}$")
        arrow(ax, (x, 6.1), (x, 6.45))
        arrow(ax, (x - 0.12, 7.25), (x - 0.12, 7.72))
        memory(ax, x, 8.2, f"$m_{{{t}}}$")
    for x in (3.1, 13.2):
        for y in (5.75, 8.2):
            ax.text(x, y, "…", ha="center", va="center", fontsize=13)
    box(ax, (0.5, 6.45), (15.1, 0.8), "encoder (Transformer): all memories in one pass", "teacher")
    answers(ax)
    one_update(ax)


def answers(ax):
    """Decoder and readout answer from m_t; their errors reach the encoder without crossing an update."""
    box(ax, (3.4, 10.5), (7.9, 0.8), "decoder: all later answers, from $m_t$ and $x_{t+1}$ …", "teacher")
    box(ax, (0.3, 9.35), (2.9, 0.8), "readout of $m_t$", "rnn")
    arrow(ax, (4.85, 8.68), (4.85, 10.48))
    ax.plot([4.68, 3.6], [8.62, 9.75], color="black", linewidth=1.1)
    arrow(ax, (3.6, 9.75), (3.22, 9.75))
    loss(ax, 12.35, 10.9, r"$L_{\mathrm{dec}}$")
    loss(ax, 1.7, 10.9, r"$L_{\mathrm{read}}$")
    arrow(ax, (11.3, 11.0), (11.78, 11.0))
    error(ax, (11.78, 10.78), (11.3, 10.78))
    arrow(ax, (1.6, 10.15), (1.6, 10.52))
    error(ax, (1.85, 10.52), (1.85, 10.15))
    error(ax, (3.25, 9.5), (4.5, 8.5))
    error(ax, (5.15, 10.48), (5.15, 8.68))
    error(ax, (5.15, 7.7), (5.15, 7.27))
    note(ax, 5.35, 9.95, "any distance: one step of attention")


def one_update(ax):
    """f(m_t, x_t+1) against m_t+1: the only error that touches an update crosses exactly one."""
    box(ax, (6.2, 7.75), (1.5, 0.9), "updater\n$f$", "rnn")
    token(ax, 6.95, 9.25, "$x_{t+1}$")
    arrow(ax, (6.95, 8.95), (6.95, 8.67))
    arrow(ax, (5.48, 8.3), (6.18, 8.3))
    arrow(ax, (7.7, 8.3), (8.22, 8.3))
    memory(ax, 8.7, 8.2, r"$\hat m_{t+1}$")
    loss(ax, 10.15, 8.2, r"$L_{\mathrm{dyn}}$")
    error(ax, (9.6, 8.2), (9.18, 8.2))
    error(ax, (8.24, 8.08), (7.72, 8.08))
    error(ax, (6.18, 8.08), (5.48, 8.08))
    error(ax, (10.7, 8.2), (11.12, 8.2))
    error(ax, (11.75, 7.72), (11.75, 7.27))
    note(ax, 7.75, 9.25, "the error crosses one update, into both memories")


def dagger_training(ax):
    """DAgger Memory Training: the RNN runs on its own memory and is pulled back, step by step."""
    heading(ax, 4.6, "DMT", "run the RNN on its own memory, pull it back to the frozen encoder's")
    for x, t in ((2.0, "t"), (6.2, "t+1"), (10.4, "t+2"), (14.6, "t+3")):
        memory(ax, x, 3.6, f"$m_{{{t}}}$", frozen=True)
        memory(ax, x, 1.45, "$m_t$" if t == "t" else rf"$\hat m_{{{t}}}$", frozen=t == "t")
    arrow(ax, (2.0, 3.1), (2.0, 1.95), color=FROZEN)
    ax.text(2.2, 2.52, "start", fontsize=9, color="0.4", va="center")
    for x, t in ((4.1, "t+1"), (8.3, "t+2"), (12.5, "t+3")):
        token(ax, x, 0.4, f"$x_{{{t}}}$")
        arrow(ax, (x, 0.7), (x, 1.03))
        one_pull(ax, x)


def one_pull(ax, x):
    """One step of the rollout: the error of its loss trains this update and goes no further."""
    box(ax, (x - 0.6, 1.05), (1.2, 0.8), "$f$", "rnn")
    arrow(ax, (x - 1.62, 1.55), (x - 0.62, 1.55))
    arrow(ax, (x + 0.62, 1.55), (x + 1.62, 1.55))
    error(ax, (x + 1.62, 1.33), (x + 0.62, 1.33))
    error(ax, (x - 0.62, 1.33), (x - 1.05, 1.33), head=False)
    bar(ax, x - 1.1, 1.33, vertical=True)
    loss(ax, x + 2.1, 2.52, r"$L_{\mathrm{dmt}}$")
    error(ax, (x + 2.1, 2.14), (x + 2.1, 1.93))
    error(ax, (x + 2.1, 2.9), (x + 2.1, 2.98), head=False)
    bar(ax, x + 2.1, 3.02, vertical=False)


def legend(ax):
    """The key, in the empty corner at the upper right."""
    arrow(ax, (13.2, 11.5), (13.9, 11.5))
    ax.text(14.1, 11.5, "forward", va="center", fontsize=10)
    error(ax, (13.9, 10.95), (13.2, 10.95))
    ax.text(14.1, 10.95, "error", va="center", fontsize=10)
    bar(ax, 13.55, 10.4, vertical=True)
    ax.text(14.1, 10.4, "stops here", va="center", fontsize=10)


# ---------------------------------------------------------------- what they are drawn with

def heading(ax, y, name, text):
    ax.text(0.2, y, name, fontsize=13, fontweight="bold", va="center")
    ax.text(1.6, y, text, fontsize=10.5, va="center", color="0.25")


def box(ax, corner, size, text, kind):
    """A module: a rectangle with its name."""
    ax.add_patch(plt.Rectangle(corner, *size, facecolor=FILL[kind], edgecolor="black", linewidth=1.1, zorder=2))
    ax.text(corner[0] + size[0] / 2, corner[1] + size[1] / 2, text, ha="center", va="center", fontsize=10, zorder=3,
            linespacing=0.95)


def token(ax, x, y, text):
    ax.add_patch(plt.Rectangle((x - 0.5, y - 0.28), 1.0, 0.58, facecolor=FILL["token"], edgecolor="0.5", linewidth=0.8,
                               zorder=2))
    ax.text(x, y, text, ha="center", va="center", fontsize=10, zorder=3)


def memory(ax, x, y, text, frozen=False):
    """A circle; grey where the encoder is frozen."""
    color = FROZEN if frozen else "black"
    ax.add_patch(plt.Circle((x, y), 0.47, facecolor=FILL["memory"], edgecolor=color, linewidth=1.4, zorder=2))
    ax.text(x, y, text, ha="center", va="center", fontsize=9.5, zorder=3, color="0.4" if frozen else "black")


def loss(ax, x, y, text):
    ax.add_patch(plt.Rectangle((x - 0.55, y - 0.38), 1.1, 0.76, facecolor=FILL["loss"], edgecolor=ERROR, linewidth=1.2,
                               zorder=2))
    ax.text(x, y, text, ha="center", va="center", fontsize=10.5, zorder=3)


def arrow(ax, start, end, color="black", head=True):
    ax.annotate("", xy=end, xytext=start, zorder=4, arrowprops=dict(
        arrowstyle="-|>" if head else "-", color=color, linewidth=1.1, shrinkA=0, shrinkB=0, mutation_scale=9))


def error(ax, start, end, head=True):
    """The way of the error, against the forward arrows."""
    ax.annotate("", xy=end, xytext=start, zorder=4, arrowprops=dict(
        arrowstyle="-|>" if head else "-", color=ERROR, linewidth=1.8, linestyle=(0, (2, 1)), shrinkA=0, shrinkB=0,
        mutation_scale=10))


def bar(ax, x, y, vertical):
    """Where the error stops."""
    dx, dy = (0.0, 0.24) if vertical else (0.24, 0.0)
    ax.plot([x - dx, x + dx], [y - dy, y + dy], color=STOP, linewidth=3, solid_capstyle="butt", zorder=5)


def note(ax, x, y, text):
    ax.text(x, y, text, fontsize=9, va="center", color=ROLE["smt_dmt"])
