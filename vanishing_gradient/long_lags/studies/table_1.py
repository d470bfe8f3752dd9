"""Does the LSTM of 1997 learn the embedded Reber grammar as fast as published?

Experiment 1 (Hochreiter & Schmidhuber 1997, section 5.1, table 1), the five lines of the LSTM: 256 training and 256
other test strings, one pair of sets for each trial (the paper: three pairs, ten nets each), squared error at every
step, weights changed after every string, output-gate biases -1, -2, -3 (-4), no other biases but the random ones of
the input gates. A trial is solved when in all 512 strings the possible successors are the most active outputs, looked
at every 250 sequences. The trivial rule, the same answer at the end whatever the outer symbol was, gets half of the
strings.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import REBER
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(30), 4
USES = ()
QUICK = dict(caps=(20,) * 5)
ROWS = REBER
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(40_000,) + (30_000,) * 4):
    return run_rows(ROWS, seeds, caps, part)
