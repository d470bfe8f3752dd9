"""Make program_search.gif: a program that the search has found writes the 100 weights, step by step.

    python3 vanishing_gradient/program_search/make_program_search_gif.py [--out DIR]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common.config import run
from common.figures import ROLE, plt
from common.gifs import animate
from vanishing_gradient.program_search.machine import ONE_ARGUMENT

HERE = Path(__file__).resolve().parent
ARRAYS = ("shown_program", "shown_pointer", "shown_written", "shown_low", "shown_work", "shown_weights",
          "shown_unseen")
SLOW = 16                        # steps shown one by one; then ever more steps a frame


def instructions(program):
    """[(address, text)] of a program tape."""
    found, address = [], 0
    while address < len(program):
        primitive = ONE_ARGUMENT[program[address]]
        size = 1 + len(primitive.arguments)
        found.append((address, " ".join([primitive.name, *map(str, program[address + 1:address + size])])))
        address += size
    return found


def frames_of(steps):
    """Step numbers to draw: the first ones all, then about forty more, then the end."""
    later = np.unique(np.linspace(SLOW, steps, 44).astype(int))
    return [*range(min(SLOW, steps)), *later.tolist()]


def animation(record, arrays):
    """(draw function of a step number, the step numbers)."""
    program, pointer = arrays["shown_program"].tolist(), arrays["shown_pointer"]
    written, weights, work = arrays["shown_written"], arrays["shown_weights"], arrays["shown_work"]
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.9), width_ratios=(1, 1.7))
    lines = write_program(left, instructions(program))
    cells = left.text(0.02, 0.06, "", family="monospace", fontsize=10)
    bars = right.bar(np.arange(len(weights)), np.zeros(len(weights)), width=1.0, color=ROLE["program"])
    right.set(xlim=(-1, len(weights)), ylim=(min(0, weights.min()) * 1.05, max(1, weights.max()) * 1.05),
              xlabel="weight", ylabel="value")
    verdict = right.text(0.04, 0.94, "", transform=right.transAxes, va="top", color=ROLE["tuned_rnn"],
                         bbox=dict(facecolor="white", edgecolor="none", alpha=0.9))

    result = f"halted: right on the 3 examples\nand on {arrays['shown_unseen'][0]:,} of\n161,697 unseen patterns"

    def draw(step):
        last, at = step == len(pointer), min(step, len(pointer) - 1)
        for address, text in lines.items():
            here = not last and address == pointer[at]
            text.set(color=ROLE["tuned_rnn"] if here else "black", fontweight="bold" if here else "normal",
                     alpha=1.0 if address <= pointer[:at + 1].max() else 0.0)
        done = len(weights) if last else written[at]
        for k, bar in enumerate(bars):
            bar.set_height(weights[k] if k < done else 0)
        shown = [f"c({-len(work[at]) + k}) = {value}" for k, value in enumerate(work[at])
                 if len(work[at]) - k <= -arrays["shown_low"][at]]
        cells.set_text("work tape: " + (", ".join(shown) if shown else "empty"))
        right.set_title(f"step {step} of {len(pointer)}")
        verdict.set(text=result, visible=last)
        return fig

    return draw, frames_of(len(pointer))


def write_program(ax, rows):
    """{address: text}: the listing, top down."""
    ax.set_axis_off()
    ax.set_title("the program as it is asked for", loc="left")
    spacing = min(0.11, 0.8 / max(len(rows), 1))
    return {address: ax.text(0.02, 0.9 - k * spacing, f"{address:>2}  {text}", family="monospace", fontsize=11)
            for k, (address, text) in enumerate(rows)}


if __name__ == "__main__":
    sys.exit(run(lambda: animate(__doc__, HERE, ARRAYS, animation, fps=6)))
