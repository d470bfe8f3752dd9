"""Does the LSTM add two marked numbers as fast as published?

Experiment 4 (section 5.4, table 7), T = 100. The paper does not say what kind the output unit is; both are run. A
marked first pair counts as 0, whichever of the two marks it has: if only its first mark did, 2 % of the sequences had
no answer that can be known, and no trial could ever be right 2,000 times in a row. The mean of all answers is wrong by
0.167 on average.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import ADDING, ADDING_LOGISTIC
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 10
USES = ()
QUICK = dict(caps=(20, 20))
ROWS = (ADDING, ADDING_LOGISTIC)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(200_000, 100_000)):
    return run_rows(ROWS, seeds, caps, part)
