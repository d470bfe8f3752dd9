"""Layers, optimisers, random streams, gradient check, progress, figures and GIFs."""

import io
from types import SimpleNamespace

import imageio.v3 as imageio
import numpy as np
import pytest

from common import figures, gifs, gradcheck, layers, optimizers, progress
from common.randomness import stream, streams


# ---------------------------------------------------------------- layers

@pytest.mark.parametrize("N", [(), (3,)])
@pytest.mark.parametrize("B", [1, 5])
def test_lookup_is_one_hot_times_matrix(N, B):
    rng = np.random.default_rng(0)
    W, tokens = rng.normal(size=(*N, 6, 4)), rng.integers(0, 4, size=(7, *N, B))
    onehot = (tokens[..., None, :] == np.arange(4)[:, None]).astype(float)
    np.testing.assert_allclose(layers.lookup(W, tokens), W @ onehot)
    ddrive = rng.normal(size=(7, *N, 6, B))
    np.testing.assert_allclose(layers.lookup_backward(ddrive, tokens, 4), (ddrive @ onehot.swapaxes(-1, -2)).sum(0))


@pytest.mark.parametrize("N", [(), (3,)])
@pytest.mark.parametrize("B", [1, 3, 8])
def test_outer_sum_adds_the_products_of_all_steps(N, B):
    rng = np.random.default_rng(0)
    d, y = rng.normal(size=(5, *N, 6, B)), rng.normal(size=(5, *N, 4, B))
    np.testing.assert_allclose(layers.outer_sum(d, y), sum(d[t] @ y[t].swapaxes(-1, -2) for t in range(5)))


@pytest.mark.parametrize("N", [(), (3,)])
def test_the_gradient_of_softmax_cross_entropy(N):
    rng = np.random.default_rng(1)
    a, targets = dict(logits=rng.normal(size=(*N, 4, 6))), rng.integers(0, 4, size=(*N, 6))
    loss = lambda: layers.softmax_cross_entropy(a["logits"], targets)[0].sum()
    _, dlogits = layers.softmax_cross_entropy(a["logits"], targets)
    assert gradcheck.directional_error(loss, a, dict(logits=dlogits), rng) <= 1e-7


def test_the_loss_is_in_nats_a_mean_over_the_batch_and_accuracy_a_share_of_it():
    logits = np.log(np.array([[0.2, 0.5], [0.3, 0.25], [0.5, 0.25]]))           # (classes, batch), probabilities
    loss, _ = layers.softmax_cross_entropy(logits, np.array([2, 1]))
    np.testing.assert_allclose(loss, -(np.log(0.5) + np.log(0.25)) / 2)
    assert layers.accuracy(logits, np.array([2, 1])) == 0.5
    assert layers.accuracy(np.stack([logits, -logits]), np.array([[2, 0], [0, 0]])).tolist() == [1.0, 0.5]


def test_a_hopeless_logit_gives_a_large_finite_loss():
    loss, _ = layers.softmax_cross_entropy(np.array([[0.0], [1e4]], np.float32), np.array([0]))
    assert np.isfinite(loss) and loss > 80


# ---------------------------------------------------------------- optimisers

def test_the_first_adam_step_by_hand():
    """m / (1 - b1) = g and v / (1 - b2) = g^2, so the first step is lr g / (|g| + eps)."""
    p = dict(w=np.array([1.0, -2.0]))
    optimizers.Adam(p).step(dict(w=np.array([0.5, -0.1])), 0.01)
    np.testing.assert_allclose(p["w"], [1 - 0.01 * 0.5 / (0.5 + 1e-8), -2 + 0.01 * 0.1 / (0.1 + 1e-8)])


def test_adam_follows_the_algorithm_of_the_paper_for_five_steps():
    rng = np.random.default_rng(0)
    p, m, v = 3.0, 0.0, 0.0
    ours = dict(w=np.array([3.0]))
    adam = optimizers.Adam(ours, betas=(0.8, 0.95), weight_decay=0.1)
    for n in range(1, 6):
        g = rng.normal()
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        p = p - 0.05 * 0.1 * p - 0.05 * (m / (1 - 0.8**n)) / (np.sqrt(v / (1 - 0.95**n)) + 1e-8)
        adam.step(dict(w=np.array([g])), 0.05)
    np.testing.assert_allclose(ours["w"], [p], rtol=1e-12)


def test_momentum_by_hand():
    p = dict(w=np.array([1.0]))
    sgd = optimizers.SGD(p, momentum=0.5)
    sgd.step(dict(w=np.array([1.0])), 0.1)
    sgd.step(dict(w=np.array([1.0])), 0.1)
    np.testing.assert_allclose(p["w"], [1 - 0.1 - (0.05 + 0.1)])


def test_networks_together_take_the_steps_they_take_alone():
    rng = np.random.default_rng(0)
    start, grads, lr = rng.normal(size=(3, 2, 2)), rng.normal(size=(4, 3, 2, 2)), np.array([0.1, 0.01, 0.5])
    together = dict(w=start.copy())
    adam = optimizers.Adam(together)
    for g in grads:
        g = dict(w=g.copy())
        optimizers.clip_by_global_norm(g, 1.0, networks=True)
        adam.step(g, lr)
    for n in range(3):
        alone = dict(w=start[n].copy())
        adam = optimizers.Adam(alone)
        for g in grads:
            g = dict(w=g[n].copy())
            optimizers.clip_by_global_norm(g, 1.0)
            adam.step(g, lr[n])
        np.testing.assert_allclose(together["w"][n], alone["w"], rtol=1e-12)


def test_clipping_bounds_the_common_norm_and_leaves_small_gradients_alone():
    g = dict(a=np.array([3.0]), b=np.array([[4.0]]))
    assert optimizers.clip_by_global_norm(g, 1.0) == 5.0
    np.testing.assert_allclose(np.hypot(g["a"][0], g["b"][0, 0]), 1.0)
    assert optimizers.clip_by_global_norm(g, 2.0) == pytest.approx(1.0) and g["a"][0] == pytest.approx(0.6)


# ---------------------------------------------------------------- randomness, gradient check, progress

def test_streams_are_repeatable_and_differ_by_seed_and_purpose():
    draw = lambda seed, purpose: stream(seed, purpose).random(4).tolist()
    assert draw(0, "init") == draw(0, "init")
    assert len({tuple(draw(s, p)) for s in (0, 1) for p in ("init", "train", "test")}) == 6
    assert streams([0, 1], "init")[1].random() == stream(1, "init").random()


def test_a_stream_is_pinned():
    assert stream(0, "train").integers(0, 100, 5).tolist() == PINNED


PINNED = [42, 11, 49, 15, 68]


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match="negative"):
        stream(-1, "init")


def test_the_gradient_check_finds_a_wrong_gradient():
    a = dict(x=np.array([1.0, 2.0]))
    loss = lambda: float((a["x"] ** 2).sum())
    rng = np.random.default_rng(0)
    right, wrong = dict(x=2 * a["x"]), dict(x=2 * a["x"] * [1, 1.001])
    assert gradcheck.directional_error(loss, a, right, rng) < 1e-10
    assert gradcheck.directional_error(loss, a, wrong, rng) > 1e-5
    assert gradcheck.elementwise_error(loss, a, right)["x"] < 1e-10
    assert gradcheck.elementwise_error(loss, a, wrong)["x"] > 1e-4
    np.testing.assert_array_equal(a["x"], [1.0, 2.0])


def test_gradients_are_checked_in_float64_only():
    with pytest.raises(TypeError, match="float64"):
        gradcheck.directional_error(float, dict(x=np.zeros(2, np.float32)), {}, np.random.default_rng(0))


def test_a_loss_that_is_not_finite_names_step_and_learning_rate():
    progress.require_finite(np.array([1.0, 2.0]), 3, 0.1)
    with pytest.raises(progress.Diverged, match="step 7 with learning rate 0.5"):
        progress.require_finite(np.array([1.0, np.nan]), 7, 0.5)


class Clock:
    """A clock that a test sets forward."""
    now = 0.0

    def __call__(self):
        return self.now


def test_progress_is_sparse_when_piped_and_updates_in_place_on_a_terminal(monkeypatch):
    clock, piped = Clock(), io.StringIO()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    monkeypatch.setattr(progress.Progress, "printed", 0)
    for _ in range(20):                               # twenty parts of twenty minutes
        p = progress.Progress("x", 1000, piped)
        for step in range(1, 1001):
            clock.now += 1.2
            p.update(step, loss=1.0)
        p.close()
    assert 5 <= len(piped.getvalue().splitlines()) <= progress.Progress.LINES

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    p = progress.Progress("x", 3, terminal)
    clock.now += 1
    p.update(2, loss=1.0)
    p.close()
    assert terminal.getvalue().startswith("\r") and "2/3" in terminal.getvalue()


def test_the_parts_of_a_run_survive_the_file(tmp_path):
    part = dict(a=np.arange(3.0), nested=dict(b=[1, dict(c=np.float32(0.1))], none=None), text="ä")
    options = SimpleNamespace(partial=tmp_path, experiment="x", study=None, home=tmp_path)
    parts = progress.Parts(options, dict(lr=0.1))
    parts.write(3, part)
    read = progress.Parts(options, dict(lr=0.1)).read(3)
    np.testing.assert_array_equal(read.pop("a"), np.arange(3.0))
    assert read == dict(nested=dict(b=[1, dict(c=float(np.float32(0.1)))], none=None), text="ä")
    assert progress.Parts(options, dict(lr=0.2)).read(3) is None, "another setting, another part"
    (parts.folder / "3.npz").write_bytes(b"half")
    assert parts.read(3) is None, "a damaged part is computed again"
    assert parts.get(4, lambda: dict(x=1)) == dict(x=1) and parts.read(4) == dict(x=1)


def test_a_gradient_above_the_bound_or_none_at_all_ends_the_check(capsys):
    gradcheck.verdict(dict(a=1e-9, b=gradcheck.BOUND))
    assert "2 gradients agree" in capsys.readouterr().out
    for errors in (dict(a=1e-9, b=2e-7), dict(a=float("nan")), {}):
        with pytest.raises(gradcheck.WrongGradient):
            gradcheck.verdict(errors)
    assert gradcheck.BOUND == 1e-7


def test_networks_that_stand_still_keep_their_moments_and_their_count():
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(3, 2)), rng.normal(size=(6, 3, 2))
    active = rng.random((6, 3)) < 0.5
    active[0], active[1] = True, False
    together = dict(w=start.copy())
    adam = optimizers.Adam(together, weight_decay=0.1)
    for g, who in zip(grads, active):
        adam.step(dict(w=g.copy()), 0.1, active=who)
    for n in range(3):
        alone = dict(w=start[n:n + 1].copy())
        adam = optimizers.Adam(alone, weight_decay=0.1)
        for g in grads[active[:, n], n]:
            adam.step(dict(w=g[None].copy()), 0.1)
        np.testing.assert_array_equal(together["w"][n], alone["w"][0])


def test_the_logistic_function_never_overflows():
    x = np.array([-1e4, -2.0, 0.0, 3.0, 1e4])
    with np.errstate(all="raise"):
        y = layers.logistic(x)
    np.testing.assert_allclose(y[1:4], 1 / (1 + np.exp(-x[1:4])), rtol=1e-14)
    assert y[0] == 0 and y[4] == 1


# ---------------------------------------------------------------- figures and GIFs

def test_role_colours_differ():
    roles = {name: colour for name, colour in figures.ROLE.items() if not name.startswith("marker")}
    assert len(set(roles.values())) == len(roles)


def test_a_gif_has_its_frames_and_holds_the_last(tmp_path):
    fig, ax = figures.plt.subplots(figsize=(2, 1))
    bar = ax.bar([0], [1])[0]

    def draw(height):
        bar.set_height(height)
        return fig

    path = gifs.write_gif(tmp_path / "x.gif", draw, [0.2, 0.5, 0.9], fps=5, hold=1.5)
    assert imageio.imread(path, index=None).shape[0] == 3
    durations = [imageio.immeta(path, index=k)["duration"] for k in range(3)]
    assert durations == [200, 200, 1500]


def test_a_gif_without_frames_or_over_the_limit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="frame"):
        gifs.write_gif(tmp_path / "x.gif", None, [])
    with pytest.raises(ValueError, match="limit"):
        gifs.write_gif(tmp_path / "x.gif", lambda _: figures.plt.figure(figsize=(1, 1)), [0], limit=10)
    assert not (tmp_path / "x.gif").exists()
