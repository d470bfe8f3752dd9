"""Animate the cell states of one held-out sequence per class while the LSTM learns.

    python3 temporal_order_3bit/make_temporal_order_3bit_gif.py

Reads results.json and traces.npz; trains nothing. Colours and markers as in the figures.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401
import numpy as np  # noqa: E402
from common import results  # noqa: E402
from common.config import parse_drawing, run  # noqa: E402
from common.gifs import write_gif  # noqa: E402
from temporal_order_3bit.visualize_temporal_order_3bit import ARRAYS, CHANCE, HERE, MAKE, cell_heatmaps  # noqa: E402


def main():
    out = parse_drawing(__doc__, HERE).out
    record = results.read(out / "results.json", MAKE)
    arrays = results.read_arrays(out / "traces.npz", ARRAYS, MAKE)
    steps, cells = arrays["snapshot_steps"], arrays["snapshot_cells"].astype(float)
    curves = record["runs"][0]["curves"]
    accuracy = dict(zip(curves["lstm_step"], curves["lstm_accuracy"]))
    fig, images = cell_heatmaps(cells[0], arrays["example_tokens"], limit=np.abs(cells).max())
    fig.set_dpi(80)

    def draw(k):
        for image, states in zip(images, cells[k].transpose(2, 1, 0)):
            image.set_data(states)
        at = accuracy.get(int(steps[k]))
        shown = "before training" if at is None else f"validation accuracy {at:.2f}"
        fig.suptitle(f"update {steps[k]}: {shown}  (chance {CHANCE:.2f})", fontsize=11)
        return fig

    print(write_gif(out / "temporal_order_3bit.gif", draw, range(len(steps)), fps=8).name)


if __name__ == "__main__":
    sys.exit(run(main))
