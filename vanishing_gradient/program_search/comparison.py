"""What the three examples give without a search for programs: the rows to compare with."""

import numpy as np

from common import gradcheck
from common.randomness import stream
from vanishing_gradient.program_search.machine import LARGEST, WEIGHTS
from vanishing_gradient.program_search.problems import POSITIONS, TRAINING

RATES, INITIAL_SPREADS, BATCHES = (0.003, 0.01, 0.03, 0.1, 0.3), (0.0, 0.1, 1.0), (1, 3)
SETTINGS = np.array([(rate, spread, batch) for rate in RATES for spread in INITIAL_SPREADS for batch in BATCHES])


def least_squares(task):
    """(WEIGHTS,) the shortest real weights that fit the three examples."""
    x = np.zeros((len(TRAINING), WEIGHTS))
    x[np.arange(len(TRAINING))[:, None], TRAINING] = 1
    return np.linalg.lstsq(x, task.targets.astype(float), rcond=None)[0]


def squared_loss(w, on, targets):
    """0.5 * mean squared error (N,) of linear units w (N, WEIGHTS) on patterns `on` (B, 3), and its gradient like w."""
    error = w[:, on].sum(2) - targets
    gradient = np.zeros_like(w)
    for example, positions in enumerate(on):
        gradient[:, positions] += error[:, [example]] / len(on)
    return 0.5 * (error * error).mean(1), gradient


def gradient_descent(task, seed, updates):
    """Weights (N, WEIGHTS) after gradient descent with every one of the N = len(SETTINGS) settings, and losses (N,).

    A batch of 1 takes the examples in turn, a batch of 3 all of them.
    """
    rate, spread, batch = SETTINGS.T[:, :, None]
    w = spread * stream(seed, f"descent {task.name}").standard_normal(WEIGHTS)
    for update in range(updates):
        one = [update % len(TRAINING)]
        of_one = squared_loss(w, TRAINING[one], task.targets[one])[1]
        w = w - rate * np.where(batch == 1, of_one, squared_loss(w, TRAINING, task.targets)[1])
    return w, squared_loss(w, TRAINING, task.targets)[0]


def random_fit(task, rng):
    """Weights drawn from all integers within +-10000, except that three of them make the examples fit exactly."""
    while True:
        w = rng.integers(-LARGEST, LARGEST + 1, WEIGHTS)
        last = TRAINING[:, 2]
        w[last] += task.targets - w[TRAINING].sum(1)
        if np.abs(w[last]).max() <= LARGEST:
            return w


def rows(task, seeds, updates):
    """{row: unseen patterns right}, and what gradient descent was given; random rows are means over the seeds."""
    drawn = [stream(seed, "chance").integers(-LARGEST, LARGEST + 1, WEIGHTS) for seed in seeds]
    fitted = [random_fit(task, stream(seed, f"random fit {task.name}")) for seed in seeds]
    descents = [gradient_descent(task, seed, updates) for seed in seeds]
    right = np.array([[task.unseen_right(w) for w in weights] for weights, _ in descents])
    losses = np.array([loss for _, loss in descents])
    return {"chance": np.mean([task.unseen_right(w) for w in drawn]),
            "random fit": np.mean([task.unseen_right(w) for w in fitted]),
            "mean target": task.outputs_right(task.targets.mean()),
            "all weights 1": task.unseen_right(np.ones(WEIGHTS, np.int64)),
            "least squares": task.unseen_right(least_squares(task)),
            "gradient descent from 0": int(right[:, SETTINGS[:, 1] == 0].max()),
            "gradient descent, best": int(right.max()),
            "descents": int(losses.size), "descents that fit": int((losses < 1e-3).sum()), "updates": updates}


def gradient_errors():
    """{loss: relative error} of the one gradient that is used here."""
    rng = stream(0, "gradcheck")
    arrays = {"w": rng.standard_normal((1, WEIGHTS))}
    gradient = {"w": squared_loss(arrays["w"], TRAINING, POSITIONS.targets)[1]}
    loss = lambda: squared_loss(arrays["w"], TRAINING, POSITIONS.targets)[0][0]
    return {"linear unit, squared error": gradcheck.largest_error(loss, arrays, gradient, rng)}
