"""Does the LSTM learn from targets that are mostly noise?

Experiment 3c (section 5.3, table 6), T = 100: the targets are 0.2 and 0.8, and Gaussian noise of variance 0.1 is added
to them in training. The signal itself has no noise, or the published share of wrong answers could not be below 1.27 %
with N = 1. Wrong is a distance of more than 0.1 from the target without noise.
Unsolved trials stop at twice the paper's mean (N = 3) and at the paper's mean (N = 1).
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import NOISE
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 13
USES = ()
QUICK = dict(caps=(20, 20))
ROWS = (NOISE["3c_T100_N3"], NOISE["3c_T100_N1"])
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(540_000, 565_640)):
    return run_rows(ROWS, seeds, caps, part)
