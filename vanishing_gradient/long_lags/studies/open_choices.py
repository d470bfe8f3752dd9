"""What the paper leaves open, or says otherwise: which choice decides whether a line comes out?

Lines that do not come out as written, changed in what looked best on seeds 900 and above: 1 with direct connections
from the inputs to the outputs (as Gers, Schmidhuber & Cummins 2000 have them), and with the full gradient in place of
the truncated one, at the paper's largest rate; 2a with an input gate that starts closed, at -5, and at -3 with four
times the rate; 2b with an error at the end only, and then also with that gate and that rate; 2c with smaller initial
weights. The adding problem's choices, output unit and marked first pair, are in `table_7` and `first_pair`, the
variance of 3a's noise is in the main experiment. Lines within a factor of two here are not the paper's, but say where
to look.
"""

from vanishing_gradient.long_lags import report
from vanishing_gradient.long_lags.rows import CELL_2B, CELL_P100, REBER, TABLE_3
from vanishing_gradient.long_lags.trials import run_rows

SEEDS, MINUTES = range(10), 4
USES = ()
QUICK = dict(caps=(20,) * 9)


def changed(row, name, what, task=None, lr=None, **net):
    """The row with another net (or task, or rate)."""
    return row._replace(name=name, title=f"{row.title}: {what}", task=task or row.task, lr=lr or row.lr,
                        net=row.net._replace(**net))


AT_END = CELL_2B.task._replace(error_at_end_only=True)
ROWS = (changed(REBER[1], "1_shortcuts", "shortcuts", shortcut=True),
        changed(REBER[3], "1_full_4x1", "full gradient", truncated=False),
        changed(REBER[4], "1_full_3x2", "full gradient", truncated=False),
        changed(CELL_P100, "2a_closed", "closed gate", gate=-5.0),
        changed(CELL_P100, "2a_closed_faster", "closed gate, rate 4", lr=4.0, gate=-3.0),
        changed(CELL_2B, "2b_end_only", "error at the end", task=AT_END),
        changed(CELL_2B, "2b_end_closed_faster", "error at the end, closed gate, rate 4", AT_END, lr=4.0, gate=-3.0),
        changed(TABLE_3[0], "2c_q50_small", "weights in ±0.05", init=0.05),
        changed(TABLE_3[1], "2c_q100_small", "weights in ±0.02", init=0.02))
PAPER = report.published(ROWS)
checks, finding, table, figure = report.told(ROWS)


def run(config, seeds, part, caps=(50_000, 30_000, 30_000, 50_000, 12_000, 15_000, 40_000, 60_000, 60_000)):
    return run_rows(ROWS, seeds, caps, part)
