"""A hand-written gradient against finite differences, in float64.

The central difference of fourth order,

    L'(0) = [8 (L(e) - L(-e)) - (L(2e) - L(-2e))] / 12 e  +  O(e^4),

is accurate to about 1e-11 at e = 1e-3, so a disagreement of 1e-7 is a mistake in the gradient.
"""

import numpy as np

STEP = 1e-3
BOUND = 1e-7                                 # the house's: every loss that is trained anywhere stays below it


class WrongGradient(RuntimeError):
    """A hand-written gradient disagrees with the finite difference."""


def verdict(errors):
    """What `--gradcheck` prints; the only place that says which error is too large.

    errors   {what was checked: relative error}
    raises   WrongGradient (exit status 1) if an error is above BOUND, is not a number, or nothing was checked
    """
    wrong = [what for what, error in errors.items() if not error <= BOUND]
    for what, error in errors.items():
        print(f"{what:<44} relative error {error:.1e}   {'WRONG' if what in wrong else 'ok'}")
    if wrong or not errors:
        raise WrongGradient(f"gradient wrong (relative error above {BOUND:g}): {', '.join(wrong) or 'nothing checked'}")
    print(f"{len(errors)} gradients agree with finite differences (bound {BOUND:g})")


def largest_error(loss, arrays, gradients, rng, directions=5, step=STEP):
    """The largest `directional_error` over some random directions."""
    return max(directional_error(loss, arrays, gradients, rng, step) for _ in range(directions))


def directional_error(loss, arrays, gradients, rng, step=STEP):
    """Relative error of the whole gradient along one random direction: four evaluations, any size.

    loss       function of nothing that reads `arrays` in place and returns a float
    arrays     {name: float64 array}; restored before returning
    gradients  {name: array}, d loss / d arrays
    rng        numpy Generator that draws the direction
    returns    |analytic - numeric| / max(|analytic|, |numeric|)
    raises     TypeError if an array is not float64, KeyError if a gradient is missing
    """
    _require_float64(arrays)
    direction = {name: rng.standard_normal(a.shape) for name, a in arrays.items()}
    length = np.sqrt(sum(np.vdot(d, d) for d in direction.values()))
    saved = {name: a.copy() for name, a in arrays.items()}

    def loss_at(distance):
        for name, a in arrays.items():
            a[...] = saved[name] + (distance / length) * direction[name]
        return loss()

    numeric = _derivative(loss_at, step)
    for name, a in arrays.items():
        a[...] = saved[name]
    analytic = sum(np.vdot(gradients[name], direction[name]) for name in arrays) / length
    return _relative(analytic, numeric)


def elementwise_error(loss, arrays, gradients, step=STEP):
    """Largest relative error of each array's gradient, element by element (for small networks).

    Arguments and errors as `directional_error`. An element is compared relative to its own size
    or to 1e-3 of the array's largest gradient, whichever is larger: below that the finite
    difference itself has no digits left.

    returns    {name: largest relative error}
    """
    _require_float64(arrays)
    errors = {}
    for name, a in arrays.items():
        analytic = np.asarray(gradients[name], dtype=float)
        numeric = np.array([_element_derivative(loss, a, i, step) for i in np.ndindex(a.shape)]).reshape(a.shape)
        size = np.maximum(np.abs(analytic), np.abs(numeric))
        errors[name] = float(np.max(np.abs(analytic - numeric) / np.maximum(size, 1e-3 * size.max() + 1e-300)))
    return errors


def _element_derivative(loss, a, index, step):
    value = a[index]

    def loss_at(distance):
        a[index] = value + distance
        return loss()

    derivative = _derivative(loss_at, step)
    a[index] = value
    return derivative


def _derivative(loss_at, e):
    near = loss_at(e) - loss_at(-e)
    far = loss_at(2 * e) - loss_at(-2 * e)
    return (8 * near - far) / (12 * e)


def _relative(analytic, numeric):
    return float(abs(analytic - numeric) / max(abs(analytic), abs(numeric), 1e-300))


def _require_float64(arrays):
    for name, a in arrays.items():
        if a.dtype != np.float64:
            raise TypeError(f"gradients are checked in float64, {name} is {a.dtype}")
