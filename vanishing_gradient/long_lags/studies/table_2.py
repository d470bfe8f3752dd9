"""Does one memory cell bridge 100 steps where RTRL does not learn 4?

Experiments 2a and 2b (section 5.2, table 2): two sequences that differ in the first and last symbol only; in 2b all
between is random. One cell with an input gate, added when the error has stopped decreasing, against one ordinary
recurrent unit, trained with the full gradient (RTRL and BPTT are the same here, weights change after the sequence) and
stopped at the paper's mean number of sequences (p = 4), or at 1 % (p = 10) of its five million. A constant answer is
wrong by 0.5.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import CELL_2B, CELL_P100, RTRL, RTRL_P10
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(18), 7
USES = ()
QUICK = dict(caps=(20, 20, 50, 50, 50, 20))
ROWS = (CELL_P100, CELL_2B, *RTRL, RTRL_P10)
PAPER = report.published(ROWS)
_, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(80_000, 15_000, 1_043_000, 892_000, 254_000, 50_000)):
    return run_rows(ROWS, seeds, caps, part)


def checks(record):
    """Of all lines but RTRL with p = 10, whose trials are stopped long before the paper's five million."""
    return report.checks(record, (CELL_P100, CELL_2B, *RTRL))
