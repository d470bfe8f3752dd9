"""Does the truncated gradient of 1997 suffice?

It lets no error through the recurrent weights (appendix A.1); the full gradient lets all of it through. All else
as in the main experiment.
"""

from temporal_order_3bit import reporting
from temporal_order_3bit.temporal_order_3bit import compare, lstm_of

SEEDS, MINUTES = range(30), 1
USES = ("length", "batch", "updates", "hidden", "lr", "clip", "input_gate_bias", "init_std", "validation", "test",
        "eval_every")
QUICK = dict(updates=20, validation=64, test=64)
LABELS = dict(full="full gradient", truncated="truncated gradient")


def run(config, seeds):
    return compare(dict(full=(lstm_of(config), None), truncated=(lstm_of(config, truncated=True), None)),
                   seeds, config)


def checks(record):
    return []


def finding(record):
    return reporting.variants_finding(record, LABELS)


def table(record):
    return reporting.variants_table(record, LABELS)
