"""Does the recipe of 1997 reproduce Experiment 6a?

Nothing is changed (Hochreiter & Schmidhuber 1997, section 5.6, tables 9 to 11): start symbol E, end symbol B,
length 100 to 110, the two symbols at t1 in 10..20 and t2 in 50..60, two blocks of two cells in which every cell
and gate sees inputs, cells and gates of the previous step (156 weights, asserted), logistic outputs, squared
error at the end, truncated gradient, one sequence per update, plain SGD at 0.5, input-gate biases -2 and -4. A
trial is solved when 2,000 sequences in a row are right (every output within 0.3 of its target) and their mean
error is below 0.1. The solution type is found by cutting: a path matters if fewer than 90 % of the answers
survive its removal. Type 1 needs the weights from the cells to the input gates, type 2 those from the cells to
the cell inputs (the paper describes both).
"""

from temporal_order_3bit import paper_1997, paper_1997_report
from temporal_order_3bit.paper_1997 import PAPER_6A

SEEDS, MINUTES = range(100), 10
USES = ()
QUICK = dict(cap=30)
PAPER = paper_1997_report.published(PAPER_6A)


def run(config, seeds, part, cap=200_000):
    return paper_1997.run_trials(PAPER_6A, seeds, cap, part)


def checks(record):
    return paper_1997_report.checks(record, PAPER_6A)


def finding(record):
    return paper_1997_report.finding(record, PAPER_6A)


def table(record):
    return paper_1997_report.table(record, PAPER_6A)


def figure(record, arrays):
    return paper_1997_report.figure(record, PAPER_6A)
