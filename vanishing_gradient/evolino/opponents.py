"""What stands beside Evolino: trivial rules, linear autoregression, echo-state networks.

All get the same points: the washout, the points of the fitness, and then their own output.
"""

import numpy as np

from vanishing_gradient.evolino.two_phase import Networks


def echo_state_networks(rng, count, units, radius, feedback, bias=0.0):
    """`count` random networks of tanh units whose recurrent weights have spectral radius `radius` (Jaeger 2001).

    W dense, uniform; input weights uniform in +-feedback, biases in +-bias
    """
    W = rng.uniform(-1, 1, (count, units, units))
    W *= radius / np.abs(np.linalg.eigvals(W)).max(-1)[:, None, None]
    W_in, b = rng.uniform(-1, 1, (2, count, units, 1))
    return Networks(W, feedback * W_in, bias * b)


def windows(series, order):
    """(len(series) - order, order): the `order` values before each value, the latest last."""
    return np.lib.stride_tricks.sliding_window_view(series[:-1], order)


def linear_autoregression(seen, order):
    """(order,) least squares weights: u[t] = sum_k a[k] u[t - order + k]."""
    return np.linalg.lstsq(windows(seen, order), seen[order:], rcond=None)[0]


def continue_linearly(weights, history, steps):
    """(steps, ...) the autoregression on its own output after `history` (at least order, ...)."""
    order = len(weights)
    values = np.concatenate([history[-order:], np.empty((steps, *history.shape[1:]))])
    for t in range(steps):
        values[order + t] = np.tensordot(weights, values[t:t + order], 1)
    return values[order:]


def last_value(seen, steps):
    """(steps,) the last value seen, repeated."""
    return np.full(steps, seen[-1])
