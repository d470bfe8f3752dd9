"""What does one large gradient do to gradient descent, and does clipping help?

One logistic unit, h[t+1] = logistic(w h[t] + b), 50 steps, squared error of h[50] to 0.7 (Pascanu, Mikolov &
Bengio 2013, figure 6; settings second-hand). Its error surface over (w, b) has a cliff. Varied: whether the
gradient's norm is clipped. Kept: 200 random starts per seed around the cliff, rate, number of updates.
"""

import numpy as np

from common import gradcheck, results, tanh_rnn
from common.layers import logistic
from common.optimizers import SGD, clip_by_global_norm
from common.randomness import stream

SEEDS, MINUTES = range(5), 0.1
USES = ()
QUICK = dict(starts=5, updates=20)
NAMES = {"free": "as it is", "clipped": "clipped"}


def run(config, seeds, starts=200, rate=0.3, updates=100, clip=0.1, box=((4.5, -3.0), (6.5, -1.5)), first=(5.0, -1.8),
        steps=50, target=0.7):
    """Starts uniform in the box of (w, b); the first start of every seed is the one that is drawn."""
    w, b = np.linspace(3.5, 6.5, 121), np.linspace(-3.5, 0.0, 121)
    surface = cliff_loss(*np.meshgrid(w, b), steps, target).reshape(len(b), len(w))
    for seed in seeds:
        points = stream(seed, "cliff").uniform(*box, (starts, 2))
        points[0] = first
        final, arrays = {}, dict(w=w, b=b, surface=surface.astype(np.float32))
        for name, limit in (("free", np.inf), ("clipped", clip)):
            path, loss, norm = descend(points, rate, updates, limit, steps, target)
            jump = np.linalg.norm(np.diff(path, axis=0), axis=-1)
            final |= {f"{name}_loss": np.median(loss[-1]), f"{name}_longest_step": jump.max(),
                      f"{name}_largest_norm": norm.max(), f"{name}_ends_lower": (loss[-1] < loss[0]).mean()}
            arrays |= {f"{name}_path": path[:, 0], f"{name}_losses": loss[:, 0]}
        yield results.entry(seed, final, arrays=arrays)


def cliff_loss(w, b, steps=50, target=0.7, with_gradient=False):
    """(h[steps] - target)^2 of h[t+1] = logistic(w h[t] + b), h[0] = logistic(0.5), and its gradient.

    w, b (N,)   ->   loss (N,), or (loss, dw, db)
    """
    W = np.reshape(w, (-1, 1, 1))
    h = tanh_rnn.forward(np.broadcast_to(np.reshape(b, W.shape), (steps, *W.shape)), W,
                         logistic(np.full_like(W, 0.5)), "logistic")
    miss = h[-1, :, 0, 0] - target
    if not with_gradient:
        return miss * miss
    dh = np.zeros_like(h)
    dh[-1, :, 0, 0] = 2 * miss
    g = tanh_rnn.backward(dh, h, W, "logistic")
    return miss * miss, g.W[:, 0, 0], g.drive.sum(0)[:, 0, 0]


def descend(starts, rate, updates, clip, steps=50, target=0.7):
    """Gradient descent from N points (w, b), with each gradient's norm clipped to `clip`.

    starts (N, 2)   ->   path (updates+1, N, 2), losses and gradient norms before clipping (updates+1, N)
    """
    p = dict(w=np.array(starts[:, 0]), b=np.array(starts[:, 1]))
    optimizer, path, losses, norms = SGD(p), [], [], []
    for _ in range(updates + 1):
        loss, dw, db = cliff_loss(p["w"], p["b"], steps, target, with_gradient=True)
        g = dict(w=dw, b=db)
        path.append(np.stack([p["w"], p["b"]], axis=-1))
        losses.append(loss)
        norms.append(clip_by_global_norm(g, clip, networks=True))
        optimizer.step(g, rate)
    return np.array(path), np.array(losses), np.array(norms)


def gradient_errors():
    """The cliff's loss against finite differences, for --gradcheck."""
    a = dict(w=np.array([5.0, 4.2]), b=np.array([-1.8, -1.0]))
    _, dw, db = cliff_loss(a["w"], a["b"], with_gradient=True)
    loss = lambda: float(cliff_loss(a["w"], a["b"]).sum())
    return {"cliff, squared error": gradcheck.largest_error(loss, a, dict(w=dw, b=db), stream(0, "gradcheck cliff"))}


# ---------------------------------------------------------------- what it shows

def checks(record):
    s = record["summary"]
    free, clipped = (s[f"{name}_loss"] for name in NAMES)
    return [results.check("clipping lowers the median loss at the end, at its worst seed", clipped["max"],
                          f"below {free['min']:.3g}, the best seed without", clipped["max"] < free["min"])]


def finding(record):
    s = record["summary"]
    return (f"One step reaches {s['free_longest_step']['max']:,.0f} in (w, b); the median loss ends at "
            f"{s['free_loss']['mean']:.3f}, clipped at {s['clipped_loss']['mean']:.3f}.")


def table(record):
    s = record["summary"]
    rows = [[label, f"{s[f'{name}_loss']['mean']:.3f}", f"{100 * s[f'{name}_ends_lower']['mean']:.0f} %",
             f"{s[f'{name}_longest_step']['max']:,.2f}", f"{s[f'{name}_largest_norm']['max']:,.0f}"]
            for name, label in NAMES.items()]
    return ["gradient", "median loss at the end, mean of the seeds", "starts that end lower than they began",
            "longest step", "largest gradient norm met"], rows


def figure(record, arrays):
    from common.figures import ROLE, SEQUENTIAL, plt
    w, b = arrays["w"][0], arrays["b"][0]
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(5, 4))
    image = left.pcolormesh(w, b, arrays["surface"][0], cmap=SEQUENTIAL, rasterized=True)
    fig.colorbar(image, ax=left, label=f"squared error after {record['config']['steps']} steps")
    for name, on_map, beside, marker, height in (("free", ROLE["rnn"], ROLE["rnn"], "o", 0.86),
                                                 ("clipped", "white", "0.25", "s", 0.08)):
        left.plot(*arrays[f"{name}_path"][0].T, color=on_map, marker=marker, markersize=2.5, linewidth=1)
        right.plot(arrays[f"{name}_losses"][0], color=beside, linewidth=1)
        right.text(0.98, height, NAMES[name], color=beside, ha="right", transform=right.transAxes)
    left.plot(*arrays["free_path"][0][0], "*", color="white", markeredgecolor="k", markersize=12)
    left.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="recurrent weight w", ylabel="bias b",
             title="two descents from the star, at the cliff")
    left.grid(False)
    right.set(xlabel="update", ylabel="squared error", yscale="log", title="the same two descents (one start)")
    return fig
