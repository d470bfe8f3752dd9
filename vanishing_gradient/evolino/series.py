"""The series that are predicted: numbers, one after the other."""

import numpy as np

LAMBDAS = (0.2, 0.311, 0.42, 0.51, 0.63)      # frequencies of the superimposed sines, in radians a step


def sines(count, steps, start=0.0):
    """(steps,) the sum of the first `count` sines, f(x) = sum sin(lambda x), x = start, start + 1, ..."""
    x = start + np.arange(steps)
    return np.sin(x[:, None] * np.array(LAMBDAS[:count])).sum(1)


def product(steps, start=0.0):
    """(steps,) sin(0.2 x) sin(0.311 x): it looks nonlinear, but it is half the difference of two cosines."""
    x = start + np.arange(steps)
    return np.sin(LAMBDAS[0] * x) * np.sin(LAMBDAS[1] * x)


def swept(steps, start=0.0):
    """(steps,) a chirp that goes up and comes back: sin(0.42 x + sin(0.05 x)), frequencies 0.37 to 0.47.

    A chirp that only goes up has another law at every step: no network without a clock continues it.
    """
    x = start + np.arange(steps)
    return np.sin(0.42 * x + np.sin(0.05 * x))


def squashed(steps, start=0.0):
    """(steps,) tanh(sin 0.2 x + sin 0.311 x): two sines, and every odd combination of them."""
    return np.tanh(sines(2, steps, start))


def mackey_glass(steps, rng, tau=17.0, h=0.1, skip=500):
    """(steps,) dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x, one value a unit of time (Mackey & Glass 1977).

    Runge-Kutta steps of `h`; between two steps the delayed value is their mean. The first `skip`
    units are dropped. The history before t = 0 is constant, its value drawn from `rng`.
    """
    per_unit, delay = round(1 / h), round(tau / h)
    n = (steps + skip) * per_unit
    x = np.empty(n + delay + 1)
    x[:delay + 1] = rng.uniform(0.6, 1.2)

    def pull(old):
        return 0.2 * old / (1 + old**10)

    for i in range(delay, delay + n):
        first, last = pull(x[i - delay]), pull(x[i - delay + 1])
        middle = pull((x[i - delay] + x[i - delay + 1]) / 2)
        k1 = first - 0.1 * x[i]
        k2 = middle - 0.1 * (x[i] + h / 2 * k1)
        k3 = middle - 0.1 * (x[i] + h / 2 * k2)
        k4 = last - 0.1 * (x[i] + h * k3)
        x[i + 1] = x[i] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x[delay + 1:].reshape(-1, per_unit)[skip:, -1].copy()
