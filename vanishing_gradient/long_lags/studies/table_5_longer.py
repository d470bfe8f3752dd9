"""Does the LSTM tell one noisy element from noise 1,000 steps later?

Experiment 3b (section 5.3, table 5), T = 1,000, N = 1: the signal itself has the noise of variance 0.2, so that nobody
has fewer than 1.27 % of the answers wrong (`tables_4_5`). Unsolved trials stop at about twice the paper's mean.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import NOISE
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 40
USES = ()
QUICK = dict(caps=(5,))
ROWS = (NOISE["3b_T1000_N1"],)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(970_000,)):
    return run_rows(ROWS, seeds, caps, part)
