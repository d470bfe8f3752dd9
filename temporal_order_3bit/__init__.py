"""Temporal order: Experiment 6a of Hochreiter & Schmidhuber (1997)."""
