"""Does it matter whether the marked first pair of the adding problem shows its mark?

In the paper the first pair has marker -1, and a marked first pair counts as 0. Either its marker becomes 1, and the
network must learn to ignore that value (`table_7`), or it stays -1, and there is nothing to ignore: here. Everything
else as in table 7, linear output. On two choosing seeds the second reading took half as many sequences.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import ADDING_HIDDEN
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 4
USES = ()
QUICK = dict(caps=(20,))
ROWS = (ADDING_HIDDEN,)
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(200_000,)):
    return run_rows(ROWS, seeds, caps, part)
