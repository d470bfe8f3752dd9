"""Does the recipe of 1997 reproduce Experiment 6b?

Three symbols, eight classes: three blocks of two cells, 308 weights, rate 0.1, input-gate biases -2, -4 and -6;
everything else as in study `paper_1997` (Hochreiter & Schmidhuber 1997, section 5.6, tables 9 to 11). The paper
reports 571,100 sequences as the mean of 10 trials. A trial that is not solved after `cap` sequences ends unsolved, and
counts with the cap in the mean, which is then a lower bound. The cap is 1.75 times the paper's mean: a longer run was
stopped there, because no trial had been solved after the first 400,000 sequences. Running trials are kept every 50,000
sequences.
"""

from temporal_order_3bit import paper_1997, paper_1997_report
from temporal_order_3bit.paper_1997 import PAPER_6B

SEEDS, MINUTES = range(20), 45
USES = ()
QUICK = dict(cap=30)
PAPER = paper_1997_report.published(PAPER_6B)


def run(config, seeds, part, cap=1_000_000):
    return paper_1997.run_trials(PAPER_6B, seeds, cap, part)


def checks(record):
    return paper_1997_report.checks(record, PAPER_6B)


def finding(record):
    return paper_1997_report.finding(record, PAPER_6B)


def table(record):
    return paper_1997_report.table(record, PAPER_6B)


def figure(record, arrays):
    return paper_1997_report.figure(record, PAPER_6B)
