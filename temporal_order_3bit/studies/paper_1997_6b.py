"""Does the recipe of 1997 also solve Experiment 6b, three symbols and eight classes?

Three blocks of two cells, 308 weights, rate 0.1, input-gate biases -2, -4 and -6; everything else as in
study `paper_1997` (Hochreiter & Schmidhuber 1997, section 5.6, tables 9 to 11). The paper reports 571,100
sequences as the mean of 10 trials. A trial that is not solved after `cap` sequences ends unsolved, and counts
with the cap in the mean, which is then a lower bound. Running trials are kept every 50,000 sequences.
"""

import numpy as np

from temporal_order_3bit import paper_1997
from temporal_order_3bit.paper_1997 import PAPER_6B

SEEDS, MINUTES = range(20), 50
USES = ()
QUICK = dict(cap=30)
PAPER = paper_1997.published(PAPER_6B)


def run(config, seeds, part, cap=1_200_000):
    return paper_1997.run_trials(PAPER_6B, seeds, cap, part)


def checks(record):
    return paper_1997.checks(record, PAPER_6B)


def finding(record):
    q, n, seen = record["summary"]["sequences"], len(record["runs"]), paper_1997.sequences_at_least(record)
    if not q["n"]:
        return f"None of {n} trials was solved within {record['config']['cap']:,} sequences."
    bound = "" if q["n"] == n else "at least "
    return (f"{q['n']} of {n} trials are solved within {record['config']['cap']:,} sequences; the mean is {bound}"
            f"{seen.mean():,.0f} sequences (paper: {PAPER_6B.mean_sequences:,}), the median {np.median(seen):,.0f}.")


def table(record):
    return paper_1997.table(record, PAPER_6B)
