"""Tests import the checkout they lie in, with one BLAS thread."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import common  # noqa: F401  before numpy
