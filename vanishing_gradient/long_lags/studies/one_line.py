"""How many sequences does one line of the paper's tables take?

Any line of tables 1 to 8, one command each, with the paper's number of trials (`--line NAME`; README.md lists those
that have no study of their own, with their hours). Unsolved trials stop at twice the paper's mean number of sequences
(`--times 2`). The running trials are kept every 10,000 sequences: the same command goes on after a stop. Committed is,
as an example, 2c with q = p = 200 (section 5.2, table 3; also a line of `table_3`): a symbol, at least two hundred
random distractors of two hundred kinds, the answer. A constant answer is wrong by 0.5.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import RUNNABLE
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(20), 3
USES = ("line", "times")
QUICK = dict(times=2e-5)
PAPER = report.published(RUNNABLE.values())


def run(config, seeds, part):
    row = RUNNABLE[config.line]
    return run_rows((row,), seeds, (max(1, round(config.times * row.paper.sequences)),), part)


def line(record):
    """The Row that the record is about, as `report` takes it."""
    return (RUNNABLE[record["config"]["line"]],)


def checks(record):
    return report.checks(record, line(record))


def finding(record):
    return f"{line(record)[0].title}: {report.finding(record, line(record))}"


def table(record):
    return report.table(record, line(record))


def figure(record, arrays):
    return report.figure(record, line(record))
