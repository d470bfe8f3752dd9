"""Random programs per second: the batched machine against the plain interpreter, in the same run.

    python3 tests/benchmarks/benchmark_program_search.py            about 15 seconds

Both draw programs and time limits from the same law, follow every run to its end and test the weights for counting;
the plain one (vanishing_gradient/program_search/machine.py) is Python without numpy, one program after the other.
They take turns round by round; processor time of one thread. Writes program_search_rate.json beside this file.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import results
from vanishing_gradient.program_search import machine, search
from vanishing_gradient.program_search.problems import COUNTING

ROUNDS, PLAIN_RUNS, BATCHED_RUNS = 2, 10_000, 3_000_000
LEAST = 10                       # times as fast, at least


def plain(seed):
    """Runs per second of processor time, one program after the other."""
    nine = [(5, 17, 86), (13, 55, 58), (40, 87, 94)]
    accept = lambda weights: all(sum(weights[i] for i in on) == 3 for on in nine)
    started = time.process_time()
    machine.search(seed, PLAIN_RUNS, accept)
    return PLAIN_RUNS / (time.process_time() - started)


def batched(seed):
    """The same, many programs at once."""
    started = time.process_time()
    search.random_search(np.random.default_rng(seed), BATCHED_RUNS, COUNTING.accept)
    return BATCHED_RUNS / (time.process_time() - started)


def main():
    rates = [(plain(seed), batched(seed)) for seed in range(ROUNDS)]
    ratios = [fast / slow for slow, fast in rates]
    ratio = statistics.median(ratios)
    record = {"benchmark": "program_search_rate", "command": "python3 tests/benchmarks/benchmark_program_search.py",
              "environment": results.environment(),
              "size": {"rounds": ROUNDS, "plain_runs": PLAIN_RUNS, "batched_runs": BATCHED_RUNS, "slots": search.SLOTS},
              "runs_per_second": {"plain": statistics.median(slow for slow, _ in rates),
                                  "batched": statistics.median(fast for _, fast in rates)},
              "ratio": {"median": ratio, "min": min(ratios), "max": max(ratios)},
              "checks": [results.check("programs per second, batched over one after the other", ratio,
                                       f"at least {LEAST}", ratio >= LEAST, interval=(min(ratios), max(ratios)))]}
    results.write_json(Path(__file__).with_name("program_search_rate.json"), record)
    rate = record["runs_per_second"]
    print(f"plain {rate['plain']:,.0f} runs/s   batched {rate['batched']:,.0f} runs/s   "
          f"ratio {ratio:.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
