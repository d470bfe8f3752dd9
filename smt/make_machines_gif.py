"""GIF: the words of a language flock together while self-prediction learns, until the machine is proved.

    python3 smt/make_machines_gif.py            # from the record of the study `machines`

Every dot is a word of at most five letters, in the colour of the state that the minimal automaton is in after it. A dot
stands where the network treats its word: at the corner of the state whose answers to all continuations of at most three
letters the network gives, in between where it mixes several. Words with one and the same code share one disc.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import common  # noqa: F401  before numpy
import numpy as np

from common import results
from common.config import make_command, parse_drawing, run
from common.figures import CELLS, plt
from common.gifs import write_gif
from smt.languages import LANGUAGES, all_words
from smt.machine_graphs import around

HERE = Path(__file__).resolve().parent
LETTERS, AHEAD = 5, 3           # letters of the words drawn; letters of the continuations that are compared
SLOW = 1                        # frames for each snapshot


def main():
    out = parse_drawing(__doc__, HERE).out
    make = make_command(HERE, out, "machines")
    record = results.read(out / "studies" / "machines.json", make, "smt")
    arrays = results.read_arrays(out / "studies" / "machines.npz", make, record["run_id"])
    task = record["config"]["film"][0]
    with results.reading(out / "studies" / "machines.npz", make):
        film = {name: arrays[f"film of {task}: {name}"][0] for name in
                ("update", "answers", "codes", "reachable", "merged", "certified")}
    scene = Scene(LANGUAGES[task], film, record["config"]["seeds"][0])
    print(write_gif(out / "machines.gif", scene.draw, scene.frames(), fps=8).name)


def behaviour(answers, letters, ahead):
    """Rows (words, continuations): the answers to every continuation of every word of a two-letter alphabet.

    answers (2^(letters + ahead + 1) - 1,) of all words in order of length.
    """
    rows = []
    for length in range(letters + 1):
        number = np.arange(2 ** length)[:, None]
        columns = [2 ** (length + more) - 1 + number * 2 ** more + np.arange(2 ** more) for more in range(ahead + 1)]
        rows.append(answers[np.concatenate(columns, axis=1)])
    return np.concatenate(rows)


def mixture(given, wanted, sharpness=1.5):
    """Weights (words, S): how much the answers of a word look like those of each state."""
    distance = (given[:, None] != wanted[None]).sum(-1)
    weight = np.exp(-sharpness * distance)
    return weight / weight.sum(1, keepdims=True)


class Scene:
    """One film: where every dot is in every snapshot, and one figure that is updated."""

    def __init__(self, language, film, seed):
        self.language, self.film, self.seed = language, film, seed
        words = [all_words(language, length) for length in range(LETTERS + AHEAD + 1)]
        state = np.concatenate([language.run(some)[:, -1] for some in words[:LETTERS + 1]])
        right = np.concatenate([language.answers(some)[:, -1] for some in words])
        truth = behaviour(right, LETTERS, AHEAD)
        wanted = np.array([truth[np.argmax(state == s)] for s in range(language.states)])
        self.state, centres = state, around(language.states)
        self.places = [mixture(behaviour(answers, LETTERS, AHEAD), wanted) @ centres + self.spread(codes)
                       for answers, codes in zip(film["answers"], film["codes"])]
        self.codes = [len(np.unique(codes, axis=0)) for codes in film["codes"]]
        self.kinds = [len(np.unique(behaviour(answers, LETTERS, AHEAD), axis=0)) for answers in film["answers"]]
        self.fig, self.ax, self.curves = self.stage(centres)

    def spread(self, codes):
        """A small offset for each distinct code (words, 2), so that words with one code share a place."""
        number = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
        radius = 0.025 * np.sqrt(number)
        return np.column_stack([radius * np.cos(2.4 * number), radius * np.sin(2.4 * number)])

    def frames(self):
        """Numbers of snapshots, with steps in between."""
        return np.linspace(0, len(self.places) - 1, SLOW * (len(self.places) - 1) + 1)

    def stage(self, centres):
        fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5), dpi=100, width_ratios=(1, 1.1))
        left.set_axis_off()
        left.set_aspect("equal")
        left.set_xlim(-1.5, 1.5)
        left.set_ylim(-1.5, 1.5)
        for s, (x, y) in enumerate(1.32 * centres):
            left.text(x, y, f"q{s}", ha="center", va="center", color=CELLS[s], fontsize=11)
        self.dots = left.scatter(*self.places[0].T, s=34, c=[CELLS[s] for s in self.state], alpha=0.75, linewidths=0)
        self.title = left.set_title("", fontsize=10)
        update = self.film["update"]
        right.plot(update, self.codes, color="#999999", label=f"codes of the {len(self.state)} words")
        right.plot(update, self.kinds, color="#222222", label="kinds of behaviour")
        right.axhline(self.language.states, color="#222222", linestyle=":", linewidth=1)
        right.text(update[-1], self.language.states - 0.6, f"minimal automaton: {self.language.states} states",
                   ha="right", va="top", fontsize=9)
        right.set_xlabel("updates")
        right.set_ylim(0, None)
        right.set_title("how many are distinct", fontsize=10)
        right.legend(loc="upper right", fontsize=9)
        return fig, left, right.axvline(update[0], color="#D55E00", linewidth=1.2)

    def draw(self, at):
        low, high = int(np.floor(at)), int(np.ceil(at))
        share = at - low
        self.dots.set_offsets((1 - share) * self.places[low] + share * self.places[high])
        update = (1 - share) * self.film["update"][low] + share * self.film["update"][high]
        self.curves.set_xdata([update, update])
        self.title.set_text(self.caption(high if share else low, int(update)))
        return self.fig

    def caption(self, snapshot, update):
        if self.film["certified"][snapshot]:
            return (f"{self.language.name}, update {update}: proved for every word\n{self.film['reachable'][snapshot]} "
                    f"codes merge to {self.film['merged'][snapshot]} states (seed {self.seed})")
        return f"{self.language.name}, update {update}: not proved\n(self-prediction, seed {self.seed})"


if __name__ == "__main__":
    sys.exit(run(main))
