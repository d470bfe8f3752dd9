"""Draw the toy.

    python3 tests/toy/visualize_toy.py --out DIR
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common
from common.config import run
from common.figures import draw, plt

assert common
HERE = Path(__file__).resolve().parent


def counting(record, arrays):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot(arrays["counted"].T)
    ax.set_title(f"n = {len(record['runs'])}")
    return fig


def tables(record, studies):
    return dict(last=f"{record['summary']['last']['mean']:.2f}")


if __name__ == "__main__":
    sys.exit(run(lambda: draw(__doc__, HERE, (counting,), ("counted",), tables)))
