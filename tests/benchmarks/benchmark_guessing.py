"""Guesses per second, thousands side by side against one network at a time with the same kernels.

    python3 tests/benchmarks/benchmark_guessing.py

Rows: parity A1, parity A2 without self-connections, two-sequence A1. Both sides draw weights, run the
sequences one after the other until one is answered wrongly and keep who is left; one side on the
axis N (`accepted` of the experiment, 65,536 at a time), the other with N = 1. The two take turns; medians
of five rounds. Writes guessing.json beside this file.
"""

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401
from common import results
from common.files import write_text
from common.randomness import stream
from vanishing_gradient.weight_guessing import weight_guessing as experiment
from vanishing_gradient.weight_guessing.networks import draw

ROWS = ("parity_a1", "parity_a2_no_self", "two_sequence")
TOGETHER, ALONE, ROUNDS = experiment.CHUNK, 60, 5
AT_LEAST = 20


def rate(row, data, rng, guesses, side_by_side):
    """Guesses per second."""
    started, least = time.perf_counter(), experiment.margin(row, 0.1)
    for _ in range(guesses // side_by_side):
        experiment.accepted(row.network, draw(rng, row.network, side_by_side, 100.0), data, least)
    return guesses / (time.perf_counter() - started)


def measure(name, rounds=ROUNDS, together=TOGETHER, alone=ALONE):
    """Guesses per second side by side and alone, and their ratio."""
    row, rng = experiment.ROW[name], stream(0, "benchmark")
    data = experiment.sequences(row, experiment.Config(), 0, "train", 100)
    rates = dict(together=[], alone=[])
    for _ in range(rounds):
        rates["together"].append(rate(row, data, rng, together, together))
        rates["alone"].append(rate(row, data, rng, alone, 1))
    median = {side: statistics.median(values) for side, values in rates.items()}
    return dict(guesses_per_second=median, ratio=median["together"] / median["alone"])


def main():
    report = {}
    for name in ROWS:
        report[name] = measure(name)
        median = report[name]["guesses_per_second"]
        print(f"{name:<20} side by side {median['together']:9,.0f}   alone {median['alone']:6,.0f} guesses a second   "
              f"{report[name]['ratio']:6,.0f} times{'' if report[name]['ratio'] >= AT_LEAST else '   TOO FEW'}")
    record = dict(command="python3 tests/benchmarks/benchmark_guessing.py", environment=results.environment(),
                  at_least=AT_LEAST, rows=report)
    write_text(Path(__file__).with_name("guessing.json"), json.dumps(results.finite(record), indent=1) + "\n")


if __name__ == "__main__":
    main()
