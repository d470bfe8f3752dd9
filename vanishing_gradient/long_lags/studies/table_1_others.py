"""Do an Elman net and RTRL learn the embedded Reber grammar, and how fast?

Experiment 1 (section 5.1, table 1), the lines without memory cells, which the paper takes from others: an Elman net
of 15 hidden units, and fully recurrent nets of 3 and 12 units and 7 outputs with RTRL (Smith & Zipser 1989). Weights
change after every string; the criterion and the sets of strings are those of `table_1`, ten trials each, stopped at the
paper's number of strings, the net of 12 units at 60,000. Not stated in the table: the Elman net's rate (here 0.3, of
0.1, 0.3 and 1 the best on choosing seeds) and the initial weights (here in [-0.2, 0.2]).
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import ELMAN, SMITH_ZIPSER_3, SMITH_ZIPSER_12
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 3
USES = ()
QUICK = dict(caps=(20,) * 3)
ROWS = (SMITH_ZIPSER_3, SMITH_ZIPSER_12, ELMAN)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(173_000, 60_000, 200_000)):
    return run_rows(ROWS, seeds, caps, part)

