"""Does the LSTM remember one symbol past 1,000 distractors of only 50 to 500 kinds?

Experiment 2c (section 5.2, table 3), the lines with q = 1,000 and fewer kinds of distractors, so that each comes more
often: the paper needs up to four times the sequences. Everything else as in `table_3`; unsolved trials stop at the
paper's mean number of sequences.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import TABLE_3
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(20), 60
USES = ()
QUICK = dict(caps=(5,) * 4)
ROWS = TABLE_3[5:]
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(49_000, 75_000, 135_000, 203_000)):
    return run_rows(ROWS, seeds, caps, part)
