"""Remedy II: the LSTM of 1997 on the experiments of its paper."""
