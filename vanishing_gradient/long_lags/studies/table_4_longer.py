"""Does the LSTM tell a signal of three elements from noise 1,000 steps later?

Experiment 3a (section 5.3, table 4), T = 1,000, N = 3: ten times the lag of `tables_4_5`, everything else the same.
Unsolved trials stop at about twice the paper's mean. A constant answer is wrong by 0.5 half of the time.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import NOISE
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 70
USES = ()
QUICK = dict(caps=(5,))
ROWS = (NOISE["3a_T1000_N3"],)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(900_000,)):
    return run_rows(ROWS, seeds, caps, part)
