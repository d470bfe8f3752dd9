"""One independent random stream per purpose, all from one seed."""

import zlib

import numpy as np


def stream(seed, purpose):
    """The random generator for one purpose ("init", "train", "validation", "test", ...).

    Streams of different purposes never touch: a longer training run, or one evaluation more,
    leaves every other stream as it was.

    seed      non-negative integer
    purpose   any string
    raises    ValueError if the seed is negative
    """
    if seed < 0:
        raise ValueError(f"a seed must not be negative, got {seed}")
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def streams(seeds, purpose):
    """One generator for each of several seeds (the N axis)."""
    return [stream(seed, purpose) for seed in seeds]
