"""Does the LSTM add two marked numbers 500 steps later?

Experiment 4 (section 5.4, table 7), T = 500, in the one reading that comes out at T = 100 (`first_pair`): a linear
output, a marked first pair does not show its mark. Unsolved trials stop at 1.4 times the paper's mean.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import ADDING_500
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 17
USES = ()
QUICK = dict(caps=(5,))
ROWS = (ADDING_500,)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(300_000,)):
    return run_rows(ROWS, seeds, caps, part)
