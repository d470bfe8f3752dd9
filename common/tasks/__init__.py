"""Sequence tasks that at least two experiments use."""
