"""Learned machines as graphs: the codes of a binary memory beside the minimal automaton they merge to.

    sheet(tasks, arrays)      all of them on one sheet (study machines)

Arrays are those the study saves for each task: "following" (C, V), "answers" (C,), "group" (C,).
"""

import numpy as np

from common.figures import CELLS, plt
from smt.languages import LANGUAGES

MOST, MOST_EDGES = 30, 150      # larger automata are drawn in grey, more edges not at all
INK, PALE, FAINT = "#333333", "#AAAAAA", "#D5D5D5"


def sheet(tasks, arrays):
    """One panel a language: the learned codes on the left, the minimal automaton on the right."""
    columns = 5 if len(tasks) <= 15 else 6
    rows = -(-len(tasks) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(7.7, 5.6 / columns * rows + 0.35), layout="constrained",
                             squeeze=False)
    for ax in axes.ravel():
        ax.set_axis_off()
    for ax, task in zip(axes.ravel(), tasks):
        panel(ax, LANGUAGES[task], machine_of(task, arrays))
    fig.suptitle("What self-prediction learned (the first seed that is certified): reachable codes → states after "
                 "merging.\nLeft: the codes, in the colour of the state they merge to. Right: the minimal automaton.",
                 fontsize=8)
    return fig


def machine_of(task, arrays):
    """The saved machine, None if none was certified."""
    if f"{task}: group" not in arrays:
        return None
    return {name: arrays[f"{task}: {name}"][0] for name in ("following", "answers", "group")}


def panel(ax, language, machine):
    """Codes and automaton of one language."""
    ax.set_xlim(-1.35, 3.75)
    ax.set_ylim(-1.3, 1.3)
    ax.set_aspect("equal")
    automaton, places = language.automaton, around(language.states) + np.array([2.4, 0])
    draw_edges(ax, places, automaton.following, INK if language.states <= MOST else PALE)
    draw_states(ax, places, np.arange(language.states), automaton.answer, 28 if language.states <= 9 else 8)
    if machine is None:
        ax.text(-0.2, 0, "certified\non no seed", ha="center", va="center", fontsize=7, color=INK)
        title = f"{language.name}: {language.states}"
    else:
        spots = clustered(machine["group"], language.states)
        draw_edges(ax, spots, machine["following"], PALE)
        draw_states(ax, spots, machine["group"], machine["answers"], 6 if len(spots) <= 60 else 2)
        title = f"{language.name}: {len(spots)} → {machine['group'].max() + 1}"
    ax.set_title(title, fontsize=7.5, pad=1)


def around(count, radius=1.0):
    """Places (count, 2) on a circle, the first on the left, then clockwise."""
    angle = np.pi - 2 * np.pi * np.arange(count) / count
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def clustered(group, states):
    """Places (C, 2) of codes: those of one group in a sunflower around the group's place on the circle."""
    centres, places = around(states), np.empty((len(group), 2))
    reach = min(0.3, 2.4 / max(states, 1))
    for state in range(states):
        members = np.flatnonzero(group == state)
        k = np.arange(len(members))
        radius = reach * np.sqrt(k / max(len(members), 2))
        places[members] = centres[state] + np.column_stack([radius * np.cos(2.4 * k), radius * np.sin(2.4 * k)])
    return places


def draw_edges(ax, places, following, colour):
    """A curved line from every place to each that follows it; loops are left out."""
    source = np.repeat(np.arange(len(following)), following.shape[1])
    target = following.ravel()
    pairs = np.unique(np.column_stack([source, target])[source != target], axis=0)
    start, end = places[pairs[:, 0]], places[pairs[:, 1]]
    normal = np.column_stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]])
    middle = (start + end) / 2 + 0.12 * normal
    t = np.linspace(0, 1, 9)[:, None, None]
    curves = (1 - t) * (1 - t) * start + 2 * t * (1 - t) * middle + t * t * end
    if len(pairs) > MOST_EDGES:
        return                                              # a grey disc would say nothing
    few = len(pairs) <= 40
    ax.plot(curves[..., 0], curves[..., 1], color=colour if few else FAINT, linewidth=0.7 if few else 0.3, zorder=1)


def draw_states(ax, places, group, answers, size):
    """Dots in the colour of their state; a ring where the answer is not 0; the first one is the empty word's."""
    ax.scatter(*places.T, s=size, c=colours(group), edgecolors=np.where(answers > 0, INK, "none"), linewidths=0.5,
               zorder=2)
    ax.scatter(*places[0], s=2.2 * size, marker="s", facecolors="none", edgecolors=INK, linewidths=0.8, zorder=3)


def colours(group):
    """One colour a state: the house's for up to eight, a colour wheel for more."""
    states = int(group.max()) + 1
    if states <= len(CELLS):
        return [CELLS[g] for g in group]
    return plt.get_cmap("hsv")(np.asarray(group) / states)
