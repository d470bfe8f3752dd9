"""Does the chunker with one hidden unit bridge 100 steps in a third of its trials?

Experiment 2a (section 5.2, table 2), p = 100: an automatizer and a chunker, each with one hidden unit between 101
inputs and 101 outputs, and one output more, which predicts the chunker's hidden unit (two_nets.py). The paper has 33 %
of 18 trials solved, after 32,400 sequences on average. A constant answer at the end is wrong by 0.5. On choosing
seeds 0 of 18 trials were solved by 40,000 sequences, at rates 0.1 and 1, with initial weights in [-0.2, 0.2] and
[-1, 1], with an output wrong by a quarter or by a half as an event, with the chunker's hidden unit predicted at ten
times the rate, and with p = 10.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import CHUNKER
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(18), 2
USES = ()
QUICK = dict(caps=(20,))
ROWS = (CHUNKER,)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(33_000,)):
    return run_rows(ROWS, seeds, caps, part)
