"""The layers of SMT, each a forward function and, right below it, its backward function.

Batch first, as Transformers are usually written: B sequences, T positions, D features: `x` is (B, T, D) or any (..., D).
A forward function returns what the next layer needs and a cache of what its backward needs; a backward function takes
the gradient of the output (`dy`) and returns the gradient of the input (`dx`). Gradients of weights are *added* to
the arrays passed in, because a weight is used several times in one loss (two encoder passes, many time steps).
Every pair is compared with finite differences in tests/smt/test_layers.py (relative error <= 1e-7 in float64).

Source: Kumar & Isola 2026 (arXiv 2606.06479); the block is the pre-norm Transformer of its released code: RMSNorm with
a unit-offset gain, rotary positions on queries and keys, GELU, no biases in attention.
"""

import numpy as np

GELU_SCALE = float(np.sqrt(2 / np.pi))
ROWS = 128          # elementwise chains run over blocks of this many rows, so that their temporaries stay in cache


# ---------------------------------------------------------------- affine map and token embedding

def as_rows(x):
    """View (..., D) as (rows, D)."""
    return x.reshape(-1, x.shape[-1])


def affine(x, weight, bias=None):
    """y = x W + b for x (..., D), W (D, E), b (E,)."""
    y = np.matmul(as_rows(x), weight)
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[1])


def affine_backward(dy, x, weight, dweight, dbias=None):
    """Return dx = dy W^T; add x^T dy to dweight and the row sum of dy to dbias."""
    dy = as_rows(dy)
    dweight += as_rows(x).T @ dy
    if dbias is not None:
        dbias += np.ones(len(dy), dy.dtype) @ dy            # a product with ones: faster than sum(0)
    return (dy @ weight.T).reshape(x.shape)


def embedding(tokens, table):
    """Rows of `table` (V, D) for integer `tokens` (...)."""
    return np.take(table, tokens, axis=0)


def embedding_backward(dy, tokens, dtable):
    """Scatter-add of dy (..., D) into dtable (V, D), as one matrix product (np.add.at is many times slower)."""
    one_hot = np.arange(len(dtable))[:, None] == tokens.reshape(-1)
    dtable += one_hot.astype(dy.dtype) @ as_rows(dy)


# ---------------------------------------------------------------- RMSNorm

def rms_norm(x, gain=None):
    """y = x / sqrt(mean(x^2) + eps) * (1 + gain) over the last axis; without a gain this normalises a memory, so that
    every memory token has Euclidean norm sqrt(D)."""
    eps = np.finfo(x.dtype).eps
    inverse = np.einsum("...i,...i->...", x, x)[..., None]
    inverse /= x.shape[-1]
    inverse += eps
    np.sqrt(inverse, out=inverse)
    np.reciprocal(inverse, out=inverse)
    unit = x * inverse
    return (unit if gain is None else unit * (1 + gain)), (unit, inverse)


def rms_norm_backward(dy, cache, gain=None, dgain=None):
    """dx = (dunit - unit mean(dunit unit)) / rms: the radial part of the gradient is removed."""
    unit, inverse = cache
    width = unit.shape[-1]
    product = as_rows(dy) * as_rows(unit)                       # gives both sums below as matrix-vector products
    if gain is None:
        radial = product @ np.full(width, 1 / width, unit.dtype)
    else:
        dgain += np.ones(len(product), unit.dtype) @ product
        radial = product @ ((1 + gain) / width)
        dy = dy * (1 + gain)
    dx = np.multiply(unit, radial.reshape(inverse.shape), out=product.reshape(unit.shape))
    np.subtract(dy, dx, out=dx)
    dx *= inverse
    return dx


# ---------------------------------------------------------------- GELU

def gelu(x, out, slope=None):
    """GELU, tanh form: y = x (1 + tanh(u)) / 2 with u = sqrt(2/pi) (x + 0.044715 x^3), written to `out` (may be x).

    With `slope` the derivative is written there, so the backward pass is one product:
    dy/dx = (1 + tanh u)/2 + x (1 - tanh^2 u)/2 * du/dx.
    """
    x, out = as_rows(x), as_rows(out)
    slope = None if slope is None else as_rows(slope)
    for first in range(0, len(x), ROWS):
        block = slice(first, first + ROWS)
        _gelu_block(x[block], out[block], None if slope is None else slope[block])


def _gelu_block(x, out, slope):
    square = x * x
    inner = square * (0.044715 * GELU_SCALE)
    inner += GELU_SCALE
    inner *= x
    np.tanh(inner, out=inner)
    if slope is not None:                                   # (1 - tanh^2)(x/2)(du/dx), then + (1 + tanh)/2
        square *= 3 * 0.044715 * GELU_SCALE / 2
        square += GELU_SCALE / 2
        square *= x
        np.multiply(inner, inner, out=slope)
        np.subtract(1, slope, out=slope)
        slope *= square
    inner *= 0.5
    inner += 0.5
    if slope is not None:
        slope += inner
    np.multiply(x, inner, out=out)


def gelu_layer(x, weight, bias):
    """GELU(x W + b) and its slope, for use between two affine maps."""
    hidden = affine(x, weight, bias)
    slope = np.empty_like(hidden)
    gelu(hidden, hidden, slope)
    return hidden, slope


# ---------------------------------------------------------------- rotary positions

def rotation(positions, head_width, rotated, dtype):
    """Unit complex numbers (T, head_width/2): feature pair i of a head turns by position * 10000^(-2i/rotated).

    Only the first `rotated` features turn (half of them in the released code); the rest are multiplied by 1.
    """
    pair = np.arange(head_width // 2)
    angle = np.asarray(positions)[:, None] * 10000.0 ** (-2.0 * pair / rotated)
    angle[:, pair >= rotated // 2] = 0
    return np.exp(1j * angle).astype(np.result_type(dtype, np.complex64))


def rotate(heads, turn):
    """Turn (..., T, any, H, head_width) in place by `turn` (T, head_width/2), as one complex product.
    The backward pass is the rotation by the conjugate."""
    pairs = heads.view(turn.dtype)
    pairs *= turn[:, None, None, :]


# ---------------------------------------------------------------- masked softmax attention

def causal_mask(length, dtype):
    """(T, T): 0 where key <= query, a large negative number elsewhere."""
    return np.where(np.tri(length, dtype=bool), 0, -1e9).astype(dtype)


def softmax_inplace(scores):
    """Softmax over the last axis, in place."""
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    total = as_rows(scores) @ np.ones(scores.shape[-1], scores.dtype)       # faster than sum(-1) for short rows
    scores *= np.reciprocal(total, out=total).reshape(*scores.shape[:-1], 1)
    return scores


def attention(x, qkv, heads, turn, mask):
    """Multi-head attention before the output projection: A = softmax(Q K^T / sqrt(width) + mask), result A V.

    x (B, T, D), qkv (D, 3 D): all three projections in one product; turn from `rotation`; mask (T, T) or (B, 1, 1, T)
    or None. Returns (B, T, D) and the cache.
    """
    batch, length, width = x.shape
    parts = affine(x, qkv).reshape(batch, length, 3, heads, width // heads)
    rotate(parts[:, :, :2], turn)
    parts[:, :, 0] *= float(1 / np.sqrt(width // heads))            # the scale, applied to the smallest array
    query, key, value = parts.transpose(2, 0, 3, 1, 4)              # views (B, heads, T, head width)
    weights = query @ key.swapaxes(2, 3)
    if mask is not None:
        weights += mask
    softmax_inplace(weights)
    result = np.empty_like(x)
    np.matmul(weights, value, out=result.reshape(batch, length, heads, -1).transpose(0, 2, 1, 3))
    return result, (x, parts, weights, turn, result)


def attention_backward(dresult, cache, qkv, dqkv):
    """dV = A^T dO; dA = dO V^T; dS = A (dA - sum(dA A)) where sum(dA A) = sum(dO O); dQ = dS K, dK = dS^T Q; rotate back."""
    x, parts, weights, turn, result = cache
    batch, length, _, heads, head_width = parts.shape
    query, key, value = parts.transpose(2, 0, 3, 1, 4)
    dparts = np.empty_like(parts)
    dquery, dkey, dvalue = dparts.transpose(2, 0, 3, 1, 4)
    dresult = dresult.reshape(batch, length, heads, head_width)
    inner = np.einsum("bqhd,bqhd->bhq", dresult, result.reshape(dresult.shape))
    dresult = dresult.transpose(0, 2, 1, 3)
    np.matmul(weights.swapaxes(2, 3), dresult, out=dvalue)
    dscores = dresult @ value.swapaxes(2, 3)
    dscores -= inner[..., None]
    dscores *= weights
    np.matmul(dscores, key, out=dquery)
    np.matmul(dscores.swapaxes(2, 3), query, out=dkey)
    dparts[:, :, 0] *= float(1 / np.sqrt(head_width))
    rotate(dparts[:, :, :2], turn.conj())
    return affine_backward(dparts.reshape(batch, length, -1), x, qkv, dqkv)


# ---------------------------------------------------------------- one Transformer block

BLOCK_SHAPES = {"norm1": ("D",), "qkv": ("D", "3D"), "project": ("D", "D"), "norm2": ("D",),
                "w1": ("D", "4D"), "b1": ("4D",), "w2": ("4D", "D"), "b2": ("D",)}


def block(x, p, heads, turn, mask, kept=None):
    """x + Attention(RMSNorm(x)), then + MLP(RMSNorm(.)), with the weights in the dictionary p (names of BLOCK_SHAPES).

    kept = (sequence indices, positions): after the attention only these N positions are computed and returned, as
    (N, D). A decoder that is asked at few positions needs nothing else from its last block.
    """
    normed, norm1 = rms_norm(x, p["norm1"])
    mixed, attended = attention(normed, p["qkv"], heads, turn, mask)
    if kept is not None:
        mixed, x = mixed[kept], x[kept]
    middle = affine(mixed, p["project"])
    middle += x
    normed, norm2 = rms_norm(middle, p["norm2"])
    hidden, slope = gelu_layer(normed, p["w1"], p["b1"])
    y = affine(hidden, p["w2"], p["b2"])
    y += middle
    return y, (norm1, attended, mixed, norm2, normed, hidden, slope, kept)


def block_backward(dy, cache, p, g):
    """Backward of `block`; adds the weight gradients to the dictionary g."""
    norm1, attended, mixed, norm2, normed, hidden, slope, kept = cache
    dhidden = affine_backward(dy, hidden, p["w2"], g["w2"], g["b2"])
    dhidden *= slope
    dmiddle = affine_backward(dhidden, normed, p["w1"], g["w1"], g["b1"])
    dmiddle = rms_norm_backward(dmiddle, norm2, p["norm2"], g["norm2"])
    dmiddle += dy
    dmixed = affine_backward(dmiddle, mixed, p["project"], g["project"])
    if kept is not None:
        dmixed, dmiddle = (scatter(d, kept, attended[0].shape) for d in (dmixed, dmiddle))
    dx = attention_backward(dmixed, attended, p["qkv"], g["qkv"])
    dx = rms_norm_backward(dx, norm1, p["norm1"], g["norm1"])
    dx += dmiddle
    return dx


def scatter(rows, kept, shape):
    """Zeros of `shape` with `rows` at the positions `kept` (each at most once)."""
    full = np.zeros(shape, rows.dtype)
    full[kept] = rows
    return full


# ---------------------------------------------------------------- losses on arrays

def cross_entropy(logits, targets, count=None):
    """Mean of -log softmax(logits)[target] over targets >= 0, and its gradient; target -1 means "nothing to predict".

    logits (..., V), targets (...) integer. `count` replaces the number of targets as the divisor, for losses that are
    assembled from several groups.
    """
    rows, targets = as_rows(logits), targets.reshape(-1)
    probability = softmax_inplace(rows.copy())
    kept = np.flatnonzero(targets >= 0)
    count = max(len(kept), 1) if count is None else count
    chosen = probability[kept, targets[kept]]
    probability[kept, targets[kept]] -= 1
    probability *= ((targets >= 0) / count).astype(rows.dtype)[:, None]
    return float(-np.log(np.maximum(chosen, 1e-30)).sum() / count), probability.reshape(logits.shape)


def squared_error(prediction, target):
    """Mean over the last axis of (prediction - target)^2, and d/dprediction (minus that is d/dtarget). Shape (...)."""
    difference = prediction - target
    error = np.einsum("...i,...i->...", difference, difference) / prediction.shape[-1]
    difference *= 2 / prediction.shape[-1]
    return error, difference


def logistic_error(logits, code):
    """Mean over bits of softplus(-2 u m): minus the log-likelihood of the code m in {-1, 1}^Z under independent bits
    with P(m_z = 1) = sigmoid(2 u_z). Returns the error (...), d/du and d/dm."""
    bits = logits.shape[-1]
    inner = -2 * logits * code
    error = np.logaddexp(0, inner).mean(-1)
    weight = (-2 / bits) * sigmoid(inner)
    return error, weight * code, weight * logits


def sigmoid(x):
    """1 / (1 + exp(-x)), written with tanh so that it cannot overflow."""
    y = np.tanh(0.5 * x)
    y *= 0.5
    y += 0.5
    return y


def top_k_weights(error, share):
    """Weights (same shape as error) of 0.5 mean + 0.5 mean of the largest `share` of the entries (share 0: the mean).

    The loss sum(weights * error) keeps rare transitions (reading the needle) from drowning in the mean over time.
    """
    flat = error.reshape(-1)
    if share == 0:
        return np.full(error.shape, 1 / flat.size, error.dtype)
    largest = max(1, int(round(share * flat.size)))
    weights = np.full(flat.size, 0.5 / flat.size, error.dtype)
    weights[np.argpartition(flat, flat.size - largest)[-largest:]] += 0.5 / largest
    return weights.reshape(error.shape)


def uniformity(vectors):
    """log mean over pairs i < j of exp(-2 |u_i - u_j|^2) with u = v / |v| (Wang & Isola 2020), and its gradient.

    vectors (n, D). 0 when all are equal, about -4 when they are orthogonal. Paper, Eq. 4, in the form of the released
    code (on the unit sphere).
    """
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    unit = vectors / length
    pairs = unit @ unit.T
    pairs *= 4
    pairs -= 4                                              # -2 |u_i - u_j|^2 = 4 u_i.u_j - 4
    np.exp(pairs, out=pairs)
    np.fill_diagonal(pairs, 0)
    total = pairs.sum()
    pairs *= 8 / total                                      # d log(sum) / du_i = 8 sum_j w_ij u_j, tangential part
    dunit = pairs @ unit
    dunit -= unit * np.einsum("ij,ij->i", dunit, unit)[:, None]
    dunit /= length
    return float(np.log(total / (len(vectors) * (len(vectors) - 1)))), dunit
