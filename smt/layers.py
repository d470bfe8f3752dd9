"""The layers of SMT, each a forward function and, right below it, its backward function.

Rows first, as Transformers are usually written: B sequences, T positions, D features; `x` is (B, T, D) or any (..., D),
a product is `x W`. (The kernels of common/ have the features first and write `W x`; their functions have other names.)
A forward function returns what the next layer needs and a cache of what its backward needs; a backward function takes
the gradient of the output (`dy`) and returns the gradient of the input (`dx`). Gradients of weights are *added* to
the arrays passed in, because a weight is used several times in one loss (two encoder passes, many time steps).
Every pair is compared with finite differences in tests/smt/test_smt_layers.py (relative error <= 1e-7, float64).

Source: Kumar & Isola 2026 (arXiv 2606.06479); the block is the pre-norm Transformer of its released code: RMSNorm
with a unit-offset gain, rotary positions on queries and keys, GELU, no biases in attention. Two details differ: the
released code has GELU in its exact form (erf), ours is the tanh form, and it turns half of each head's features.
"""

from typing import NamedTuple

import numpy as np

from common.layers import logistic

GELU_SCALE = float(np.sqrt(2 / np.pi))
ROWS = 256          # elementwise chains run over blocks of this many rows, so that their temporaries stay in cache


# ---------------------------------------------------------------- linear map and token embedding

def as_rows(x):
    """View (..., D) as (rows, D)."""
    return x.reshape(-1, x.shape[-1])


def linear(x, weight, bias=None):
    """y = x W + b for x (..., D), W (D, E), b (E,)."""
    y = np.matmul(as_rows(x), weight)
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[1])


def linear_backward(dy, x, weight, dweight, dbias=None):
    """Return dx = dy W^T; add x^T dy to dweight and the row sum of dy to dbias."""
    dy = as_rows(dy)
    dweight += as_rows(x).T @ dy
    if dbias is not None:
        dbias += np.ones(len(dy), dy.dtype) @ dy            # a product with ones: faster than sum(0)
    return (dy @ weight.T).reshape(x.shape)


def embedding(tokens, table):
    """Rows of `table` (V, D) for integer `tokens` (...)."""
    return np.take(table, tokens, axis=0)


def embedding_or_none(tokens, table):
    """The same, with zeros where the token is -1: no token."""
    return embedding(tokens, np.concatenate([table, np.zeros((1, table.shape[1]), table.dtype)]))


def embedding_backward(dy, tokens, dtable):
    """Scatter-add of dy (..., D) into dtable (V, D), as one matrix product (np.add.at is many times slower). Token -1
    adds nothing."""
    one_hot = np.eye(len(dtable) + 1, len(dtable), dtype=dy.dtype)
    dtable += np.take(one_hot, tokens.reshape(-1), axis=0).T @ as_rows(dy)


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
    if gain is not None:
        dgain += np.einsum("ij,ij->j", as_rows(dy), as_rows(unit))
        dy = dy * (1 + gain)
    radial = np.einsum("...i,...i->...", dy, unit)
    radial /= unit.shape[-1]
    dx = unit * radial[..., None]
    np.subtract(dy, dx, out=dx)
    dx *= inverse
    return dx


# ---------------------------------------------------------------- GELU

def gelu(x, out, slope=None):
    """GELU, tanh form: y = x s with s = (1 + tanh(u)) / 2 and u = sqrt(2/pi) (x + 0.044715 x^3), written to `out`.

    `out` may be x.

    With `slope` the derivative is written there, so the backward pass is one product: since ds/dx = 2 s (1 - s) du/dx,
    dy/dx = s + q - q s with q = 2 y du/dx.
    """
    x, out = as_rows(x), as_rows(out)
    slope = None if slope is None else as_rows(slope)
    scratch = np.empty((3, min(ROWS, len(x)), x.shape[1]), x.dtype)
    for first in range(0, len(x), ROWS):
        block = slice(first, first + ROWS)
        _gelu_block(x[block], out[block], None if slope is None else slope[block], *scratch[:, :len(x[block])])


def _gelu_block(x, out, slope, s, q, qs):
    np.multiply(x, x, out=q)
    np.multiply(q, 0.044715 * GELU_SCALE, out=s)
    s += GELU_SCALE
    s *= x
    np.tanh(s, out=s)
    s *= 0.5
    s += 0.5
    np.multiply(x, s, out=out)
    if slope is not None:
        q *= 6 * 0.044715 * GELU_SCALE                      # 2 du/dx
        q += 2 * GELU_SCALE
        q *= out
        np.multiply(q, s, out=qs)
        q -= qs
        np.add(s, q, out=slope)


# ---------------------------------------------------------------- rotary positions

def rotation(positions, heads, head_width, rotated, dtype):
    """Unit complex numbers (T, 3 heads head_width/2) for queries, keys and values: feature pair i of a query or key
    turns by position * 10000^(-2i/rotated). Queries also carry the attention's 1/sqrt(head_width); values stay.

    Only the first `rotated` features of a head turn (half of them in the released code).
    """
    pair = np.arange(head_width // 2)
    angle = np.asarray(positions)[:, None] * 10000.0 ** (-2.0 * pair / rotated)
    angle[:, pair >= rotated // 2] = 0
    turn = np.ones((len(angle), 3, heads, len(pair)), np.result_type(dtype, np.complex64))
    turn[:, :2] = np.exp(1j * angle)[:, None, None]
    turn[:, 0] *= 1 / np.sqrt(head_width)
    return turn.reshape(len(angle), -1)


def rotate(qkv, turn):
    """Turn (B, T, 3 D) in place: one complex product. The backward pass is the product with the conjugate."""
    pairs = qkv.view(turn.dtype)
    pairs *= turn


# ---------------------------------------------------------------- masked softmax attention

def causal_mask(length, dtype):
    """(T, T): 0 where key <= query, a large negative number elsewhere."""
    return np.where(np.tri(length, dtype=bool), 0, -1e9).astype(dtype)


def softmax_inplace(scores, mask=None):
    """softmax(scores + mask) over the last axis, in place.

    A common shift of a row changes nothing but guards exp against overflow; it is made when a score is large enough
    to need it (finding the largest of every row takes longer than all the rest).
    """
    shift = max(scores.max(initial=0), -scores.min(initial=0)) > 30
    if mask is not None:
        scores += mask
    if shift:
        scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    total = as_rows(scores) @ np.ones(scores.shape[-1], scores.dtype)       # faster than sum(-1) for short rows
    scores *= np.reciprocal(total, out=total).reshape(*scores.shape[:-1], 1)
    return scores


class Group(NamedTuple):
    """Sequences of equal length that lie one after the other in a stream of rows (R, D)."""
    rows: slice
    shape: tuple            # (B, T)
    heads: int
    turn: np.ndarray        # of `rotation`
    mask: object            # (T, T) or (B, 1, 1, T) or None

    def by_head(self, array, parts=1):
        """View the group's rows of (R, parts * D) as (parts, B, heads, T, D / heads)."""
        return array[self.rows].reshape(*self.shape, parts, self.heads, -1).transpose(2, 0, 3, 1, 4)

    def rotate(self, qkv, turn):
        rotate(qkv[self.rows].reshape(*self.shape, -1), turn)


def attention(qkv, group, result):
    """Multi-head attention between its projections: A = softmax(Q K^T / sqrt(width) + mask), result A V.

    qkv (R, 3 D) holds queries, keys and values of all heads; the group's rows are rotated in place. Its rows of
    `result` (R, D) are written. Returns the cache.
    """
    group.rotate(qkv, group.turn)
    query, key, value = group.by_head(qkv, 3)
    weights = softmax_inplace(query @ key.swapaxes(2, 3), group.mask)
    result = group.by_head(result)[0]
    np.matmul(weights, value, out=result)
    return query, key, value, weights, result


def attention_backward(dresult, cache, group, dqkv):
    """dV = A^T dO; dA = dO V^T; dS = A (dA - sum(dA A)) where sum(dA A) = sum(dO O); dQ = dS K, dK = dS^T Q.

    Queries and keys are then turned back. Writes the group's rows of dqkv (R, 3 D)."""
    query, key, value, weights, result = cache
    dquery, dkey, dvalue = group.by_head(dqkv, 3)
    dresult = group.by_head(dresult)[0]
    np.matmul(weights.swapaxes(2, 3), dresult, out=dvalue)
    dscores = dresult @ value.swapaxes(2, 3)
    dscores -= np.einsum("bhqd,bhqd->bhq", dresult, result)[..., None]
    dscores *= weights
    np.matmul(dscores, key, out=dquery)
    np.matmul(dscores.swapaxes(2, 3), query, out=dkey)
    group.rotate(dqkv, group.turn.conj())


# ---------------------------------------------------------------- one Transformer block

BLOCK_SHAPES = {"norm1": ("D",), "qkv": ("D", "3D"), "project": ("D", "D"), "norm2": ("D",),
                "w1": ("D", "4D"), "b1": ("4D",), "w2": ("4D", "D"), "b2": ("D",)}


def fold_gains(p):
    """The weights of a block with the gains of its two RMSNorms multiplied into the rows of the matrices that follow
    them, S = (1 + gain) W: nothing is left to do for every position. `block` works on these."""
    return {**p, "qkv": p["qkv"] * (1 + p["norm1"])[:, None], "w1": p["w1"] * (1 + p["norm2"])[:, None]}


def folded_gradient(g):
    """Where `block_backward` adds its gradients: zeros for the two folded matrices, g itself for the rest."""
    return {**g, "qkv": np.zeros_like(g["qkv"]), "w1": np.zeros_like(g["w1"])}


def unfold_gains(dfolded, p, g):
    """dW = (1 + gain) dS and dgain = sum over columns of dS W, added to g."""
    for gain, name in (("norm1", "qkv"), ("norm2", "w1")):
        g[gain] += np.einsum("ij,ij->i", dfolded[name], p[name])
        g[name] += dfolded[name] * (1 + p[gain])[:, None]


def block(x, p, groups, kept=None):
    """x + Attention(RMSNorm(x)), then + MLP(RMSNorm(.)), with the weights p of `fold_gains`.

    x (R, D) is a stream of rows; `groups` says which rows are a sequence. kept (N,): after the attention only these
    rows are computed and returned, (N, D): a decoder that is asked at few places needs no more of its last block.
    """
    unit, norm1 = rms_norm(x)
    qkv, mixed = linear(unit, p["qkv"]), np.empty_like(x)
    attended = [attention(qkv, group, mixed) for group in groups]
    if kept is not None:
        mixed, x = mixed[kept], x[kept]
    middle = linear(mixed, p["project"])
    middle += x
    unit, norm2 = rms_norm(middle)
    hidden = linear(unit, p["w1"], p["b1"])
    slope = np.empty_like(hidden)
    gelu(hidden, hidden, slope)
    y = linear(hidden, p["w2"], p["b2"])
    y += middle
    return y, (norm1, groups, attended, mixed, norm2, hidden, slope, kept)


def block_backward(dy, cache, p, g):
    """Backward of `block`; adds the weight gradients to the dictionary g of `folded_gradient`."""
    norm1, groups, attended, mixed, norm2, hidden, slope, kept = cache
    dhidden = linear_backward(dy, hidden, p["w2"], g["w2"], g["b2"])
    dhidden *= slope
    dmiddle = rms_norm_backward(linear_backward(dhidden, norm2[0], p["w1"], g["w1"], g["b1"]), norm2)
    dmiddle += dy
    dmixed = linear_backward(dmiddle, mixed, p["project"], g["project"])
    unit = norm1[0]
    if kept is not None:
        dmixed, dmiddle = scatter(dmixed, kept, len(unit)), scatter(dmiddle, kept, len(unit))
    dqkv = np.empty((len(unit), 3 * unit.shape[1]), unit.dtype)
    for group, attention_cache in zip(groups, attended):
        attention_backward(dmixed, attention_cache, group, dqkv)
    dx = rms_norm_backward(linear_backward(dqkv, unit, p["qkv"], g["qkv"]), norm1)
    dx += dmiddle
    return dx


def scatter(rows, kept, count):
    """(count, D) zeros with `rows` (N, D) at the places `kept` (each at most once)."""
    full = np.zeros((count, rows.shape[1]), rows.dtype)
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
    with P(m_z = 1) = logistic(2 u_z). Returns the error (...), d/du and d/dm."""
    bits = logits.shape[-1]
    inner = -2 * logits * code
    error = np.logaddexp(0, inner).mean(-1)
    weight = (-2 / bits) * logistic(inner)
    return error, weight * code, weight * logits


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
