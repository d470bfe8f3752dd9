"""Does the LSTM multiply two marked numbers as fast as published?

Experiment 5 (section 5.5, table 8), T = 100: values in [0, 1], rate 0.1, random input-gate biases, logistic output. A
trial is solved when fewer than n = 140, or 13, of the last 2,000 training sequences have an error above 0.04; unsolved
trials stop a little after the paper's mean. The mean of all answers is wrong by 0.18 on average.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import MULTIPLICATION
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 27
USES = ()
QUICK = dict(caps=(20, 20))
ROWS = MULTIPLICATION
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(500_000, 1_273_000)):
    return run_rows(ROWS, seeds, caps, part)
