"""Count to a number. The smallest experiment of the house, for tests.

    python3 tests/toy/toy.py
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common
import numpy as np
from common import gradcheck, results, study
from common.config import parse, run, setting
from common.progress import collect

assert common
HERE = Path(__file__).resolve().parent
SEEDS = range(3)
print("toy starts")                          # a test counts how often the file is run


@dataclass(frozen=True)
class Config:
    length: int = setting(5, "how far to count", paper="100..110", minimum=2, maximum=1000)
    pause: float = setting(0.0, "seconds to sleep before each seed", minimum=0.0, maximum=10.0)
    wrong: float = setting(0.0, "error of the gradient check", minimum=0.0, maximum=1.0)


QUICK = dict(length=3)


def count(seed, length):
    return np.arange(length) + seed / 3


def parts(config, seeds):
    for seed in seeds:
        time.sleep(config.pause)
        print(f"computing {seed}", flush=True)
        yield seed, dict(last=count(seed, config.length)[-1], counted=count(seed, config.length))


def headline(options):
    made = collect(options, lambda seeds: parts(options.config, seeds))
    runs = [results.entry(seed, dict(last=part["last"], absent=None), dict(counted=part["counted"]))
            for seed, part in zip(options.seeds, made)]
    record = results.record(options, runs, dict(last=4.0), checks, wrong_setting=3)
    results.save(options, record, dict(counted=np.stack([part["counted"] for part in made])), dict(W=np.ones(2)))


def checks(record):
    last = record["summary"]["last"]["max"]
    return [results.check("the last number", last, "above 4", last > 4, paper=4.0)]


def evaluate(options):
    record, weights = results.read_weights(options.out, options.make, ["W"], options.experiment)
    print(f"length {record['config']['length']}, sum {weights['W'].sum():g}")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict({"the count": 0.0})
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
