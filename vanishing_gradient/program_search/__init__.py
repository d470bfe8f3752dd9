"""Remedy IV b: programs that write weights, found by Levin search."""
