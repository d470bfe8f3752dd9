"""Tests import the checkout they lie in, with one BLAS thread."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import common  # noqa: E402, F401  before numpy
import pytest  # noqa: E402

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that: they would not stop.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def figures_are_closed():
    """A test that draws leaves no figure behind."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
