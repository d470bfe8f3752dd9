"""Optimisers on a dictionary of arrays, in place.

With N independent networks every array has a leading axis N. All updates are elementwise, so N
networks trained together get the numbers they get alone; a learning rate may be an array (N,).
"""

import numpy as np


class SGD:
    """Stochastic gradient descent with momentum:  v = momentum v - lr g,  p = p + v."""

    def __init__(self, parameters, momentum=0.0):
        self.parameters, self.momentum = parameters, momentum
        self.velocity = {name: np.zeros_like(p) for name, p in parameters.items()}

    def step(self, gradients, lr):
        for name, p in self.parameters.items():
            v = self.velocity[name]
            v *= self.momentum
            v -= _rate(lr, p) * gradients[name]
            p += v


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1); with weight decay, AdamW (Loshchilov & Hutter 2019).

        m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g g
        p = p - lr decay p - lr (m / (1 - b1^n)) / (sqrt(v / (1 - b2^n)) + eps)
    """

    def __init__(self, parameters, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.parameters, self.betas, self.eps, self.weight_decay = parameters, betas, eps, weight_decay
        self.mean = {name: np.zeros_like(p) for name, p in parameters.items()}
        self.square = {name: np.zeros_like(p) for name, p in parameters.items()}
        self.scratch = {name: np.empty_like(p) for name, p in parameters.items()}
        self.steps = 0

    def step(self, gradients, lr, active=None):
        """One update from {name: gradient}; parameters without a gradient are left alone.

        active   (N,) bool: only these networks take the step; moments and step counts of the others stand still
        """
        if active is not None and not np.all(active):
            self._step_some(gradients, lr, np.flatnonzero(active))
            return
        self.steps = self.steps + 1
        b1, b2 = self.betas
        mean_correction, square_correction = 1 - b1**self.steps, 1 - b2**self.steps
        for name, g in gradients.items():
            p, m, v, x = self.parameters[name], self.mean[name], self.square[name], self.scratch[name]
            rate = _rate(lr, p)
            m *= b1
            m += np.multiply(g, 1 - b1, out=x)
            v *= b2
            np.multiply(g, g, out=x)
            x *= 1 - b2
            v += x
            if self.weight_decay:
                p -= np.multiply(p, rate * self.weight_decay, out=x)
            np.sqrt(np.multiply(v, _rate(1 / square_correction, p), out=x), out=x)
            x += self.eps
            np.divide(m, x, out=x)
            x *= rate / _rate(mean_correction, p)
            p -= x

    def _step_some(self, gradients, lr, networks):
        """The step of some of the networks: as if they were alone."""
        N = len(next(iter(self.parameters.values())))
        self.steps = np.broadcast_to(self.steps, N).copy()
        every = {name: (self.parameters[name], self.mean[name], self.square[name]) for name in gradients}
        alone = Adam({name: p[networks] for name, (p, _, _) in every.items()}, self.betas, self.eps, self.weight_decay)
        alone.steps = self.steps[networks]
        for name, (_, m, v) in every.items():
            alone.mean[name][...], alone.square[name][...] = m[networks], v[networks]
        alone.step({name: g[networks] for name, g in gradients.items()}, np.broadcast_to(lr, N)[networks])
        self.steps[networks] = alone.steps
        for name, (p, m, v) in every.items():
            p[networks], m[networks], v[networks] = alone.parameters[name], alone.mean[name], alone.square[name]


def clip_by_global_norm(gradients, limit, networks=False):
    """Scale all gradients together so that their common norm is at most `limit`, in place.

    gradients  {name: array}
    networks   True: the leading axis of every array is N and each network has its own norm
    returns    the norm(s) before clipping, a float or (N,)
    """
    def squares(g):
        if not networks:
            return np.vdot(g, g)
        rows = g.reshape(len(g), -1)
        return np.einsum("ni,ni->n", rows, rows)

    norm = np.sqrt(sum(squares(g) for g in gradients.values()))
    factor = np.minimum(1.0, limit / (norm + 1e-12))
    if np.all(factor == 1.0):
        return norm
    for g in gradients.values():
        g *= _rate(factor, g)
    return norm


def _rate(lr, p):
    """A rate per network, shaped to multiply the array `p`, whose leading axis is N."""
    lr = np.asarray(lr, dtype=p.dtype)
    return lr.reshape(lr.shape + (1,) * (p.ndim - lr.ndim))
