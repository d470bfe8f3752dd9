"""Does the LSTM remember one symbol past 50 to 1,000 random distractors?

Experiment 2c (section 5.2, table 3), the lines that take minutes: as many kinds of distractors as distractors, 50 to
500, and 1,000 distractors of 500 kinds. One update a sequence, rate 0.01, weights uniform in [-0.2, 0.2], no biases. A
trial is solved when both outputs were within 0.2 of their targets 10,000 times in a row, and those sequences are
counted; unsolved trials stop at the paper's mean (q = 1,000), at twice that (q = 100 to 500) or three times (q = 50). A
constant answer is wrong by 0.5.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import TABLE_3
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(20), 17
USES = ()
QUICK = dict(caps=(20,) * 3 + (5,) * 2)
ROWS = (*TABLE_3[:4], TABLE_3[5])
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(100_000, 60_000, 66_000, 76_000, 49_000)):
    return run_rows(ROWS, seeds, caps, part)
