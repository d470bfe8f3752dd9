"""What figures and GIF share: the colours of the symbols, their key, and the picture of a learned machine."""

import numpy as np

from common.figures import CELLS, SYMBOL_MARKERS, plt
from smt.pictures import ARMED, WAITING

HELD = CELLS                            # one colour for each symbol held, and a marker where hues are close
GREY, BLACK = "#B8B8B8", "#000000"      # waiting, armed


def colour_of(label):
    """Grey: waiting; black: armed; a colour for each symbol held."""
    fixed = {WAITING: GREY, ARMED: BLACK}
    return [fixed[v] if v in fixed else HELD[(v - 1) % len(HELD)] for v in np.ravel(label).tolist()]


def marker_of(symbol):
    return SYMBOL_MARKERS[(symbol - 1) % len(SYMBOL_MARKERS)]


def scatter_held(ax, points, label, **options):
    """Dots (n, 2): small and round before the symbol was read, then the symbol's colour and marker."""
    label = np.ravel(label)
    for value in (WAITING, ARMED, *range(1, label.max() + 1)):
        here = label == value
        marker = "o" if value <= 0 else marker_of(value)
        ax.scatter(*points[here].T, c=colour_of([value]), marker=marker, linewidths=0, **options)


def key(fig, elements, **place):
    """The key of the symbols, one line at the bottom."""
    handle = lambda marker, color: plt.Line2D([], [], marker=marker, linestyle="", markersize=5, color=color)
    handles = [handle("o", GREY), handle("o", BLACK), *(handle(marker_of(e), HELD[(e - 1) % len(HELD)])
                                                        for e in range(1, elements + 1))]
    names = ["waiting", "armed", *(f"{e}" for e in range(1, elements + 1))]
    return fig.legend(handles, names, ncols=elements + 2, columnspacing=0.7, handletextpad=0.05, fontsize=9.5, **place)


# ---------------------------------------------------------------- the learned machine

NEAREST, FARTHEST = 0.78, 1.92          # radii of the states on a ray


def parts_of(role):
    """{"waiting": [], "holding": [3], ...} of a role such as 'holding 3 / waiting'."""
    found = {}
    for part in str(role).split(" / "):
        kind, *symbol = part.split(" ")
        found.setdefault(kind, []).extend(int(s) for s in symbol)
    return found


def places(graph, elements):
    """{node: (x, y)}: armed in the middle, symbol e on the ray at angle 2 pi e / elements, waiting between two rays.

    On a ray first what follows the armed state, then what holds the symbol, then what only answers. The angles are
    those of pictures.symbol_plane, so that the clusters of the memory can move to their states.
    """
    parts = [parts_of(role) for role in graph["roles"]]
    armed = next((node for node, found in enumerate(parts) if "armed" in found), None)
    first = set() if armed is None else set(graph["following"][armed].tolist())
    rays = {}
    for node, found in enumerate(parts):
        held = found.get("holding", found.get("asked", [elements + 0.5]))       # waiting: between two rays
        if node != armed:
            rays.setdefault(held[0], []).append((node not in first, "holding" not in found, node))
    spots = {} if armed is None else {armed: (0.0, 0.0)}
    for symbol, nodes in rays.items():
        angle, middle = 2 * np.pi * symbol / elements, (NEAREST + FARTHEST) / 2
        radii = np.linspace(NEAREST, FARTHEST, len(nodes)) if len(nodes) > 1 else [middle]
        for radius, (_, _, node) in zip(radii, sorted(nodes)):
            spots[node] = (radius * np.cos(angle), radius * np.sin(angle))
    return spots


def node_text(role):
    """'holds 3', 'holds and answers 3', 'waits', 'answers 3', 'armed'."""
    parts = parts_of(role)
    words = [word for kind, word in (("waiting", "waits"), ("armed", "armed")) if kind in parts]
    symbols = parts.get("holding", parts.get("asked", []))
    if symbols:
        doing = [word for kind, word in (("holding", "holds"), ("asked", "answers")) if kind in parts]
        words.append(f"{' and '.join(doing)} {'any' if len(symbols) > 1 else symbols[0]}")
    return ", ".join(words)


def draw_machine(ax, graph, elements, size, fontsize, words=True):
    """The merged machine: circles are states of the memory before the question, squares the states that answer.

    words   False: only the symbols are written into the states (small pictures)
    """
    spots, following = places(graph, elements), graph["following"]
    for source in range(len(following)):
        for target in sorted(set(following[source][following[source] >= 0].tolist()) - {source}):
            tokens = np.flatnonzero(following[source] == target)
            draw_arrow(ax, spots[source], spots[target], tokens, size, fontsize)
    for node, spot in spots.items():
        draw_node(ax, spot, graph["roles"][node], size, fontsize, words)
    ax.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
    ax.set_axis_off()


def draw_node(ax, spot, role, size, fontsize, words):
    parts = parts_of(role)
    held = set(parts.get("holding", parts.get("asked", [])))
    color = HELD[(held.pop() - 1) % len(HELD)] if len(held) == 1 else BLACK if "armed" in parts else GREY
    answers_only = set(parts) == {"asked"}
    ax.plot(*spot, "s" if answers_only else "o", markersize=size, color=color,
            markeredgecolor="black", markeredgewidth=1.0, zorder=3)
    symbol = node_text(role).split(" ")[-1]
    text = node_text(role).replace(" ", "\n") if words else symbol if symbol.isdigit() else ""
    ax.text(*spot, text, ha="center", va="center", fontsize=fontsize, zorder=4, linespacing=0.95,
            color="black" if color == GREY else "white", fontweight="bold")


def draw_arrow(ax, start, end, tokens, size, fontsize):
    """An arrow whose label names its tokens: 0, one symbol, or 'a-b' for a run of them."""
    ax.annotate("", xy=end, xytext=start, zorder=2, arrowprops=dict(
        arrowstyle="-|>", color="0.35", linewidth=1.0, shrinkA=size / 2, shrinkB=size / 2,
        connectionstyle="arc3,rad=0.08"))
    run = len(tokens) > 1 and np.all(np.diff(tokens) == 1)
    text = str(tokens[0]) if len(tokens) == 1 else f"{tokens[0]}-{tokens[-1]}" if run else f"{len(tokens)} tokens"
    x, y = 0.5 * np.array(start) + 0.5 * np.array(end)
    ax.text(x, y, text, fontsize=fontsize, color="0.15", ha="center", va="center", zorder=2,
            bbox=dict(facecolor="white", edgecolor="none", pad=0.5, alpha=0.85))
