"""Every hand-written backward pass of smt/layers.py against finite differences, in float64, to 1e-7."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
import pytest

from common.gradcheck import directional_error
from smt import layers as L

B, T, D, HEADS = 3, 6, 8, 2


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def check(arrays, forward, backward, rng):
    """arrays: inputs and weights by name; forward() -> (y, cache); backward(dy, cache) -> {name: gradient}.

    The loss is a random weighted sum of all outputs, so every output is touched.
    """
    y, cache = forward()
    mix = rng.standard_normal(y.shape)
    gradients = backward(mix.copy(), cache)
    return directional_error(lambda: float(np.vdot(mix, forward()[0])), arrays, gradients, rng)


def block_arrays(rng):
    sizes = {"D": D, "3D": 3 * D, "4D": 4 * D}
    return {name: 0.5 * rng.standard_normal([sizes[a] for a in axes]) for name, axes in L.BLOCK_SHAPES.items()}


def test_linear(rng):
    a = {"x": rng.standard_normal((B, T, D)), "w": rng.standard_normal((D, 5)), "b": rng.standard_normal(5)}
    g = {name: np.zeros_like(v) for name, v in a.items()}

    def backward(dy, _):
        g["x"] = L.linear_backward(dy, a["x"], a["w"], g["w"], g["b"])
        return g
    assert check(a, lambda: (L.linear(a["x"], a["w"], a["b"]), None), backward, rng) < 1e-7


def test_embedding_with_repeated_tokens(rng):
    a, tokens = {"table": rng.standard_normal((4, D))}, rng.integers(4, size=(B, T))
    g = {"table": np.zeros((4, D))}

    def backward(dy, _):
        L.embedding_backward(dy, tokens, g["table"])
        return g
    assert check(a, lambda: (L.embedding(tokens, a["table"]), None), backward, rng) < 1e-7
    expected = np.zeros((4, D))
    np.add.at(expected, tokens, np.ones((B, T, D)))
    got = np.zeros((4, D))
    L.embedding_backward(np.ones((B, T, D)), tokens, got)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("with_gain", [True, False])
def test_rms_norm(rng, with_gain):
    a = {"x": rng.standard_normal((B, T, D))}
    if with_gain:
        a["gain"] = rng.standard_normal(D)
    g = {name: np.zeros_like(v) for name, v in a.items()}

    def backward(dy, cache):
        g["x"] = L.rms_norm_backward(dy, cache, a.get("gain"), g.get("gain"))
        return g
    assert check(a, lambda: L.rms_norm(a["x"], a.get("gain")), backward, rng) < 1e-7


def test_gelu_slope(rng):
    a = {"x": 2 * rng.standard_normal((300, D))}                 # more rows than one cache block

    def forward():
        y, slope = np.empty_like(a["x"]), np.empty_like(a["x"])
        L.gelu(a["x"], y, slope)
        return y, slope
    assert check(a, forward, lambda dy, slope: {"x": dy * slope}, rng) < 1e-7


def test_gelu_is_the_formula_in_the_docstring(rng):
    x = rng.standard_normal((7, D))
    y = np.empty_like(x)
    L.gelu(x, y)
    assert np.allclose(y, x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x))) / 2, atol=1e-15)


def test_no_token_is_zeros_and_learns_nothing(rng):
    table, tokens = rng.standard_normal((4, D)), np.array([[1, -1, 3], [-1, -1, 0]])
    rows = L.embedding_or_none(tokens, table)
    assert np.array_equal(rows[tokens >= 0], table[[1, 3, 0]]) and not rows[tokens < 0].any()
    dtable = np.zeros((4, D))
    L.embedding_backward(np.ones((2, 3, D)), tokens, dtable)
    assert np.array_equal(dtable, np.array([1, 1, 0, 1])[:, None] * np.ones(D))


@pytest.mark.parametrize("rotated", [4, 2])
def test_rotation_backward_is_its_transpose(rng, rotated):
    turn = L.rotation(np.arange(T), HEADS, D // HEADS, rotated, np.float64)
    x, y = rng.standard_normal((2, B, T, 3 * D))
    turned, back = x.copy(), y.copy()
    L.rotate(turned, turn)
    L.rotate(back, turn.conj())
    assert np.isclose(np.vdot(turned, y), np.vdot(x, back), rtol=1e-13)
    before, after = (v.reshape(B, T, 3, HEADS, -1) for v in (x, turned))
    assert np.array_equal(after[:, :, 2], before[:, :, 2])                           # values stay
    assert np.array_equal(after[:, :, 1, :, rotated:], before[:, :, 1, :, rotated:])  # and what is not to be turned
    assert np.allclose(np.linalg.norm(after[:, :, 0], axis=-1),                      # the scale is the queries' only
                       np.linalg.norm(before[:, :, 0], axis=-1) / np.sqrt(D // HEADS), rtol=1e-13)


def test_rotary_scores_depend_on_the_distance_only(rng):
    query, key = rng.standard_normal((2, 4))
    def score(i, j):
        a, b = np.concatenate([query, key, key])[None], np.concatenate([query, key, key])[None]
        L.rotate(a, L.rotation([i], 1, 4, 4, np.float64))
        L.rotate(b, L.rotation([j], 1, 4, 4, np.float64))
        return a[0, :4] @ b[0, 4:8]
    assert np.isclose(score(9, 4), score(105, 100), rtol=1e-12)
    assert not np.isclose(score(9, 4), score(9, 5), rtol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_softmax_with_small_and_with_large_scores(rng, scale):
    """Below a bound no row is shifted; above it exp would overflow without."""
    scores, mask = scale * rng.standard_normal((3, 4, 4)), L.causal_mask(4, np.float32)
    expected = np.exp((scores + mask) - (scores + mask).max(-1, keepdims=True))
    got = L.softmax_inplace(scores.astype(np.float32), mask)
    assert np.allclose(got, expected / expected.sum(-1, keepdims=True), atol=1e-5)


def test_softmax_of_very_small_scores_alone():
    assert np.allclose(L.softmax_inplace(np.array([[-500.0, -501.0]])), np.exp([[0, -1]]) / (1 + np.exp(-1)))


def groups(masks, shapes=((B, T),)):
    turns = {length: L.rotation(np.arange(length), HEADS, D // HEADS, D // HEADS, np.float64) for _, length in shapes}
    ends = np.cumsum([b * t for b, t in shapes])
    return [L.Group(slice(end - b * t, end), (b, t), HEADS, turns[t], mask)
            for end, (b, t), mask in zip(ends, shapes, masks)]


def folded_block_backward(dy, cache, p, g):
    """block_backward with the gradients of the unfolded weights."""
    dfolded = L.folded_gradient(g)
    dx = L.block_backward(dy, cache, L.fold_gains(p), dfolded)
    L.unfold_gains(dfolded, p, g)
    return dx


@pytest.mark.parametrize("mask", ["none", "causal", "padding"])
def test_block(rng, mask):
    a = {"x": rng.standard_normal((B * T, D)), **block_arrays(rng)}
    masks = {"none": None, "causal": L.causal_mask(T, np.float64),
             "padding": np.where(np.arange(T) < np.array([0, 2, 4])[:, None], -1e9, 0.0)[:, None, None]}
    g = {name: np.zeros_like(v) for name, v in a.items()}

    def backward(dy, cache):
        g["x"] = folded_block_backward(dy, cache, a, g)
        return g
    assert check(a, lambda: L.block(a["x"], L.fold_gains(a), groups([masks[mask]])), backward, rng) < 1e-7


@pytest.mark.parametrize("kept", [None, np.array([0, 7, 9, 12])])
def test_block_with_groups_of_different_lengths(rng, kept):
    """One stream of rows is the same as one block for each group; kept rows are those of the whole output."""
    shapes = ((2, 4), (1, 5))
    a = {"x": rng.standard_normal((13, D)), **block_arrays(rng)}
    masks = [L.causal_mask(length, np.float64) for _, length in shapes]
    g = {name: np.zeros_like(v) for name, v in a.items()}

    def backward(dy, cache):
        g["x"] = folded_block_backward(dy, cache, a, g)
        return g
    forward = lambda: L.block(a["x"], L.fold_gains(a), groups(masks, shapes), kept)
    assert check(a, forward, backward, rng) < 1e-7
    apart = np.concatenate([L.block(a["x"][rows], L.fold_gains(a), groups([m], [shape]))[0]
                            for rows, m, shape in zip((slice(0, 8), slice(8, 13)), masks, shapes)])
    assert np.allclose(forward()[0], apart if kept is None else apart[kept], atol=1e-12)


def test_folding_the_gains_changes_nothing(rng):
    """RMSNorm with a gain, then a matrix = RMSNorm without, then the matrix with scaled rows."""
    p, x = block_arrays(rng), rng.standard_normal((5, D))
    assert np.allclose(L.rms_norm(x, p["norm1"])[0] @ p["qkv"], L.rms_norm(x)[0] @ L.fold_gains(p)["qkv"], atol=1e-13)
    assert np.allclose(L.rms_norm(x, p["norm2"])[0] @ p["w1"], L.rms_norm(x)[0] @ L.fold_gains(p)["w1"], atol=1e-13)


def test_causal_block_does_not_see_the_future(rng):
    p, x = L.fold_gains(block_arrays(rng)), rng.standard_normal((B, T, D))
    changed = x.copy()
    changed[:, 4:] += 1
    before, after = (L.block(v.reshape(-1, D), p, groups([L.causal_mask(T, np.float64)]))[0].reshape(B, T, D)
                     for v in (x, changed))
    assert np.array_equal(before[:, :4], after[:, :4])
    assert not np.allclose(before[:, 4:], after[:, 4:])


def test_cross_entropy_ignores_missing_targets(rng):
    a, targets = {"l": rng.standard_normal((B, T, 5))}, rng.integers(-1, 5, size=(B, T))
    loss, gradient = L.cross_entropy(a["l"], targets)
    assert directional_error(lambda: L.cross_entropy(a["l"], targets)[0], a, {"l": gradient}, rng) < 1e-7
    assert not gradient[targets < 0].any()
    kept = a["l"][targets >= 0]
    by_hand = [np.log(np.exp(row).sum()) - row[t] for row, t in zip(kept, targets[targets >= 0])]
    assert np.isclose(loss, np.mean(by_hand), rtol=1e-12)


@pytest.mark.parametrize("error", [L.squared_error, L.logistic_error])
def test_dynamics_errors(rng, error):
    a = {"u": rng.standard_normal((B, D)), "m": rng.standard_normal((B, D))}
    mix = rng.standard_normal(B)
    if error is L.squared_error:
        _, du = error(a["u"], a["m"])
        dm = -du
    else:
        _, du, dm = error(a["u"], a["m"])
    gradients = {"u": mix[:, None] * du, "m": mix[:, None] * dm}
    assert directional_error(lambda: float(mix @ error(a["u"], a["m"])[0]), a, gradients, rng) < 1e-7


def test_top_k_selects_the_largest_and_only_reweights(rng):
    error = rng.random((4, 25))
    weights = L.top_k_weights(error, 0.1)
    largest = np.sort(error.ravel())[-10:]
    assert np.isclose(np.vdot(weights, error), 0.5 * error.mean() + 0.5 * largest.mean(), rtol=1e-12)
    assert np.allclose(L.top_k_weights(error, 0), 1 / 100)


def test_uniformity(rng):
    a = {"v": rng.standard_normal((9, D))}
    _, gradient = L.uniformity(a["v"])
    assert directional_error(lambda: L.uniformity(a["v"])[0], a, {"v": gradient}, rng) < 1e-7
    assert np.isclose(L.uniformity(np.ones((5, D)))[0], 0, atol=1e-12)
    assert np.isclose(L.uniformity(np.eye(5))[0], -4, atol=1e-12)
