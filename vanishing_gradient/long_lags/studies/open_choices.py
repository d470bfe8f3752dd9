"""What the paper leaves open, or says otherwise: which choice decides whether a line comes out?

Lines that do not come out as written, with one thing changed: 2c with initial weights in [-0.05, 0.05]; 1 with direct
connections from the inputs to the outputs and without recurrent connections from the gates, as in Gers, Schmidhuber &
Cummins (2000); 2b with an error at the end only. And one that does, as a control: 3a with noise of standard deviation
0.2 in place of variance 0.2 is in the main experiment.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import CELL_2B, REBER, TABLE_3
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 2
USES = ()
QUICK = dict(caps=(20, 20, 20))
SMALL_WEIGHTS = TABLE_3[0]._replace(name="2c_small_weights", title="2c, q = 50, weights in ±0.05",
                                    net=TABLE_3[0].net._replace(init=0.05))
GERS = REBER[4]._replace(name="1_shortcuts", title="1, 3x2, rate 0.5, shortcuts, no gate sources",
                         net=REBER[4].net._replace(shortcut=True, gate_sources=False))
AT_END = CELL_2B._replace(name="2b_end_only", title="2b, error at the end only",
                          task=CELL_2B.task._replace(error_at_end_only=True))
ROWS = (SMALL_WEIGHTS, GERS, AT_END)
PAPER = report.published(ROWS)


def run(config, seeds, part, caps=(60_000, 30_000, 15_000)):
    return run_rows(ROWS, seeds, caps, part)


def checks(record):
    return report.checks(record, ROWS)


def finding(record):
    return report.finding(record, ROWS)


def table(record):
    return report.table(record, ROWS)


def figure(record, arrays):
    return report.figure(record, ROWS)
