"""Does an ordinary recurrent unit with the full gradient bridge 100 steps?

Experiment 2a (section 5.2, table 2), p = 100, the line of RTRL and BPTT: one recurrent unit between 101 inputs and 101
outputs, the full gradient (both methods compute the same one), weights changed after the sequence. The paper stopped
after five million sequences, here one per cent of that is run. A constant answer is wrong by 0.5.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import RTRL_P100
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(18), 2
USES = ()
QUICK = dict(caps=(5,))
ROWS = (RTRL_P100,)
PAPER = report.published(ROWS)
_, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(50_000,)):
    return run_rows(ROWS, seeds, caps, part)


def checks(record):
    """None: the trials are stopped long before the paper's five million."""
    return []
