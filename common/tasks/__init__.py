"""Sequence tasks that at least two experiments use; lags.py: one method at growing lags."""
