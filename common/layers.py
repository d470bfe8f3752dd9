"""What stands before and after a recurrent kernel. Axis glossary and layout: common/__init__.py."""

import numpy as np


def logistic(x, out=None):
    """1 / (1 + exp(-x)) as (1 + tanh(x/2)) / 2: never overflows, and np.tanh is several times as fast as np.exp."""
    out = np.asarray(np.multiply(x, 0.5, out=out))
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out


def affine(W, b, x):
    """y = W x + b.

    W ([N,] F, D)   b ([N,] F)   x (..., [N,] D, B)   ->   y (..., [N,] F, B)
    """
    return W @ x + b[..., None]


def lookup(W, tokens):
    """One-hot vectors times matrix, without the one-hot vectors: column x of W for every symbol x.

    W ([N,] F, D)   tokens (T, [N,] B) integers in 0..D-1   ->   drive (T, [N,] F, B)
    """
    if W.ndim == 2:
        return np.take(W, tokens, axis=1).swapaxes(0, 1)
    N, F, D = W.shape
    columns = W.swapaxes(0, 1).reshape(F, N * D)
    return np.take(columns, tokens + D * np.arange(N)[:, None], axis=1).transpose(1, 2, 0, 3)


def lookup_backward(ddrive, tokens, D):
    """dW of `lookup`: the drive's gradient summed over the steps at which each symbol stood."""
    onehot = np.take(np.eye(D, dtype=ddrive.dtype), tokens, axis=0)      # ten times faster than comparing
    return outer_sum(ddrive, onehot.swapaxes(-1, -2))


def outer_sum(d, y):
    """sum_t d[t] y[t]^T, the gradient of a weight matrix shared by all steps.

    d (T, [N,] F, B)   y (T, [N,] H, B)   ->   ([N,] F, H)
    """
    if d.shape[-1] >= 4:
        return (d @ y.swapaxes(-1, -2)).sum(0)
    # few sequences: T tiny products would cost more than laying time beside them, once
    steps_last = [np.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], -1) for a in (d, y)]
    return steps_last[0] @ steps_last[1].swapaxes(-1, -2)


def softmax_cross_entropy(logits, targets):
    """Mean cross-entropy over the batch, one value per network, and its gradient.

        p = softmax(logits),   L = -mean_b log p[target_b],   dL/dlogits = (p - onehot) / B

    logits ([N,] K, B)   targets ([N,] B) integers   ->   loss ([N,]), dlogits ([N,] K, B)
    """
    p = softmax(logits)
    hit = np.arange(logits.shape[-2])[:, None] == targets[..., None, :]
    loss = -np.log(np.maximum((p * hit).sum(-2), np.finfo(p.dtype).tiny)).mean(-1)
    p -= hit
    p /= logits.shape[-1]
    return loss, p


def softmax(logits):
    """Probabilities over the classes of logits (..., K, B)."""
    p = np.exp(logits - logits.max(-2, keepdims=True))
    p /= p.sum(-2, keepdims=True)
    return p


def probability_of(p, targets):
    """The probability that p (..., K, B) gives to the targets (..., B)."""
    return np.take_along_axis(p, targets[..., None, :].astype(np.intp), axis=-2)[..., 0, :]


def weighted_cross_entropy(logits, targets, weight):
    """loss = -sum_t,b weight log p[target], one value per network, and its gradient.

    logits (T, [N,] K, B)   targets, weight (T, [N,] B)   ->   loss ([N]), dlogits (T, [N,] K, B)
    """
    p = softmax(logits)
    came = np.maximum(probability_of(p, targets), np.finfo(p.dtype).tiny)
    loss = -(weight * np.log(came)).sum((0, -1))
    p -= np.arange(logits.shape[-2])[:, None] == targets[..., None, :]
    p *= weight[..., None, :]
    return loss, p


def accuracy(logits, targets):
    """Share of the batch whose largest logit is the target, one value per network."""
    return (logits.argmax(-2) == targets).mean(-1)
