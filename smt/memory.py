"""What a memory is: four ways to turn the numbers a network puts out (`logits`) into a memory, behind one interface.

    normalise(logits) -> memory, cache              the memory the RNN carries to the next step, (..., Z)
    normalise_backward(dmemory, cache)              gradient of the logits
    dynamics_error(logits, target) -> error, cache  how far the prediction f(m_t, x_{t+1}) is from the encoder's m_{t+1}
    dynamics_error_backward(derror, cache)          gradients of logits and target; derror (..., 1)
    perturb(rng, shape), apply(memory, noise)       the disturbance added to the updater's input while training

`SphereMemory` is the paper's; `LatticeMemory` adds its finite scalar quantisation; `BinaryMemory` is our extension;
`FreeMemory` is for ordinary recurrent networks, trained by BPTT.
"""

import numpy as np

from smt.layers import logistic_error, rms_norm, rms_norm_backward, squared_error


class SphereMemory:
    """K tokens of width Z/K, each scaled to root mean square 1 (released code, normalize_mem; no gain).

    So every token lies on a sphere of radius sqrt(Z/K), and an error of 2 between two memories means "unrelated".
    """

    carry = None                                        # the updater's skip from m_t to m_{t+1} is fixed at 1

    def __init__(self, size, tokens=1, noise=0.0):
        self.size, self.tokens, self.noise = size, tokens, noise

    def split(self, array):
        return array.reshape(*array.shape[:-1], self.tokens, self.size // self.tokens)

    def normalise(self, logits):
        unit, cache = rms_norm(self.split(logits))
        return unit.reshape(logits.shape), cache

    def normalise_backward(self, dmemory, cache):
        return rms_norm_backward(self.split(dmemory), cache).reshape(dmemory.shape)

    def dynamics_error(self, logits, target):
        """Mean squared error between the normalised prediction and the target (paper, Eq. 3)."""
        prediction, normed = self.normalise(logits)
        error, dprediction = squared_error(prediction, target)
        return error, (dprediction, normed)

    def dynamics_error_backward(self, derror, cache):
        dprediction, normed = cache
        weighted = dprediction * derror
        return self.normalise_backward(weighted, normed), -weighted

    def perturb(self, rng, shape):
        """Gaussian noise, or None when the noise level is 0."""
        return (self.noise * rng.standard_normal(shape, dtype=np.float32)) if self.noise else None

    @staticmethod
    def apply(memory, noise):
        return memory + noise

    @staticmethod
    def apply_backward(dmemory, _noise):
        return dmemory


class LatticeMemory(SphereMemory):
    """The released code's finite scalar quantisation: `step` * round(m / step), gradient straight through."""

    def __init__(self, size, tokens=1, noise=0.0, step=0.5):
        super().__init__(size, tokens, noise)
        self.step = step

    def normalise(self, logits):
        unit, cache = super().normalise(logits)
        return self.step * np.rint(unit / self.step), cache


class FreeMemory(SphereMemory):
    """The network's output as it is: how recurrent networks are ordinarily trained.

    For BPTT only: an encoder of SMT could shrink such a memory until every error is small.
    """

    def normalise(self, logits):
        return logits, None

    def normalise_backward(self, dmemory, cache):
        return dmemory


class BinaryMemory:
    """m = sign(tanh(u)) in {-1, +1}^Z; the gradient of m is passed to tanh(u) unchanged (straight-through).

    The dynamics loss works on u itself: softplus(-2 u m) per bit, so it keeps pushing until every bit is certain,
    where a squared error would stop at "nearly". `loss="squared"` is the ablation: (tanh(u) - m)^2.
    carry: the updater's skip u = carry * m + ... at the beginning of training. SMT starts from "keep the memory"
    (1.5); BPTT needs bits that can flip at first (0).
    tokens: in how many parts a Transformer block reads the bits. gain: u is this times what the updater puts out; a
    gated updater's output stays within [-1, 1], so with gain 1 the logistic loss of a right bit is never below
    softplus(-2) = 0.13 and right bits fill the worst tenth. The code itself, a sign, does not depend on it.
    """

    def __init__(self, size, noise=0.0, loss="logistic", carry=1.5, tokens=1, gain=1.0):
        self.size, self.tokens, self.noise, self.loss, self.carry = size, tokens, noise, loss, carry
        self.gain = gain

    def normalise(self, logits):
        code = np.where(logits >= 0, 1, -1).astype(logits.dtype)
        return code, np.tanh(self.gain * logits)

    def normalise_backward(self, dmemory, cache):
        return dmemory * (1 - cache * cache) * self.gain

    def dynamics_error(self, logits, target):
        error, (dlogits, dtarget) = self._error(self.gain * logits, target)
        return error, (self.gain * dlogits, dtarget)

    def _error(self, logits, target):
        if self.loss == "logistic":
            error, dlogits, dtarget = logistic_error(logits, target)
            return error, (dlogits, dtarget)
        soft = np.tanh(logits)
        error, dsoft = squared_error(soft, target)
        return error, (dsoft * (1 - soft * soft), -dsoft)

    @staticmethod
    def dynamics_error_backward(derror, cache):
        dlogits, dtarget = cache
        return dlogits * derror, dtarget * derror

    def perturb(self, rng, shape):
        """Signs: each memory draws its own flip rate uniformly from [0, 2 noise), each bit flips at that rate."""
        if not self.noise:
            return None
        rate = 2 * self.noise * rng.random((*shape[:-1], 1), dtype=np.float32)
        return np.where(rng.random(shape, dtype=np.float32) < rate, -1, 1).astype(np.float32)

    @staticmethod
    def apply(memory, signs):
        return memory * signs

    @staticmethod
    def apply_backward(dmemory, signs):
        return dmemory * signs


class SoftBits(BinaryMemory):
    """tanh(u) instead of its sign: the function whose derivative the straight-through gradient is.

    Only for gradient checks: the sign itself has no derivative that could be compared with.
    """

    def normalise(self, logits):
        soft = np.tanh(self.gain * logits)
        return soft, soft
