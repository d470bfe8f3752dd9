"""Does it matter that the cells of a block share gates?

Two blocks of two cells, as in 1997, against four cells with gates of their own; all else as in the main experiment.
"""

from common import lstm
from temporal_order_3bit import reporting
from temporal_order_3bit.temporal_order_3bit import Contestant, compare, lstm_of, reads_symbols

SEEDS, MINUTES = range(30), 1
USES = ("length", "batch", "updates", "lr", "clip", "input_gate_bias", "init_std", "validation", "test", "eval_every")
QUICK = dict(updates=20, validation=64, test=64)
LABELS = dict(cells_4x1="four cells, gates of their own", blocks_2x2="two blocks of two cells")


def run(config, seeds):
    shared = Contestant(reads_symbols(lstm.Cell(2, 2)), (config.lr,))
    return compare(dict(cells_4x1=(lstm_of(config), None), blocks_2x2=(shared, None)), seeds, config)


def checks(record):
    return []


def finding(record):
    return reporting.variants_finding(record, LABELS)


def table(record):
    return reporting.variants_table(record, LABELS)
