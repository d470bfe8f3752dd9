"""Does a forget gate help here?

The LSTM of 1997 against the same cell with a forget gate (Gers, Schmidhuber & Cummins 2000) whose bias starts
at 1; all else as in the main experiment.
"""

from temporal_order_3bit import reporting
from temporal_order_3bit.temporal_order_3bit import compare, lstm_of

SEEDS, MINUTES = range(30), 1
USES = ("length", "batch", "updates", "hidden", "lr", "clip", "input_gate_bias", "init_std", "validation", "test",
        "eval_every")
QUICK = dict(updates=20, validation=64, test=64)
LABELS = {"without": "without a forget gate", "with": "with one"}


def run(config, seeds):
    return compare({"without": (lstm_of(config), None), "with": (lstm_of(config, forget_gate=True), None)},
                   seeds, config)


def checks(record):
    return []


def finding(record):
    return reporting.variants_finding(record, LABELS)


def table(record):
    return reporting.variants_table(record, LABELS)
