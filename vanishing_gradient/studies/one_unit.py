"""At which weight does one unit neither lose nor blow up the error?

Measured with the ordinary forward and backward pass; theory enters only where a measurement is compared with
it: the factor per step |f'(net) w| is 1 at w = 1/f'max if the unit sits at net = 0 (logistic 4, tanh 1). A unit
whose source has the constant activation y has one best weight, w = coth(net/2) / y (Hochreiter & Schmidhuber
1997, section 3.1; for tanh the same derivation gives coth(net) / (2 y)): beyond it the unit saturates and larger
weights make the error smaller. No seed enters: nothing is random here.
"""

import numpy as np

from common import results, tanh_rnn

SEEDS, MINUTES = range(1), 0.02
USES = ()
QUICK = dict(weights=41)
THEORY = {"logistic": 4.0, "tanh": 1.0}
PAPER = {f"{kind}_threshold": value for kind, value in THEORY.items()}

# Where the slope along w of w f'(w y) is zero, as w y = net
RIDGE_EQUATION = {"logistic": lambda net: net * np.tanh(net / 2) - 1,
                  "tanh": lambda net: 2 * net * np.tanh(net) - 1}


def run(config, seeds, weights=161, sources=99, lowest_source=0.02, widest=4.0):
    """Threshold, map of the factor over (w, y) up to `widest` times the threshold, and its ridge."""
    final, arrays = {}, {}
    for kind, theory in THEORY.items():
        w, y = np.linspace(0, widest * theory, weights), np.linspace(lowest_source, 1, sources)
        factors = factor_map(kind, w, y)
        final |= {f"{kind}_threshold": threshold(kind), f"{kind}_ridge_error": ridge_error(kind, w, factors, y),
                  f"{kind}_largest_left_of_threshold": factors[:, w <= theory].max()}
        arrays |= {f"{kind}_factor": factors.astype(np.float32), f"{kind}_weights": w, f"{kind}_sources": y}
    return [results.entry(seed, final, arrays=arrays) for seed in seeds]


# ---------------------------------------------------------------- the threshold

def units(values):
    """One value per one-unit network as (N, H=1, B=1)."""
    return np.asarray(values, float).reshape(-1, 1, 1)


def factor_at_rest(activation, weights, steps=20):
    """Measured factor per step, |dh[0] / dh[T]|^(1/T), of units held at net = 0.

    The unit sits at h = f(0) and a constant drive -w f(0) keeps its net input at zero.

    weights (N,)   ->   (N,)
    """
    W = units(weights)
    rest = tanh_rnn.forward(np.zeros((1, 1, 1)), np.zeros((1, 1)), activation=activation)[-1, 0, 0]
    h = tanh_rnn.forward(np.broadcast_to(-W * rest, (steps, *W.shape)), W, np.full_like(W, rest), activation)
    dh = np.zeros_like(h)
    dh[-1] = 1
    return np.abs(tanh_rnn.backward(dh, h, W, activation, weights=False).h[0, :, 0, 0]) ** (1 / steps)


def threshold(activation, low=0.1, high=20.0, tolerance=1e-9):
    """The weight at which the measured factor per step crosses 1, by bisection.

    raises   ValueError if the factor does not cross 1 between low and high
    """
    below = lambda w: factor_at_rest(activation, [w])[0] < 1
    if not below(low) or below(high):
        raise ValueError(f"{activation}: the factor does not cross 1 between w = {low} and {high}")
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


# ---------------------------------------------------------------- the factor over (w, y)

def factor_map(activation, weights, sources):
    """Measured |f'(net) w| for a unit whose net input is net = w y: one step, one backward pass.

    weights (Nw,), sources y (Ny,)   ->   (Ny, Nw)
    """
    y, w = (units(a) for a in np.meshgrid(sources, weights, indexing="ij"))
    h = tanh_rnn.forward(np.zeros((1, *w.shape)), w, y, activation)
    dh = np.zeros_like(h)
    dh[-1] = 1
    factors = tanh_rnn.backward(dh, h, w, activation, weights=False).h[0]
    return np.abs(factors).reshape(len(sources), len(weights))


def ridge(activation):
    """The product w y at which theory puts the largest factor: the root of RIDGE_EQUATION."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if RIDGE_EQUATION[activation](middle) < 0 else (low, middle)
    return middle


def ridge_error(activation, weights, factors, sources):
    """Largest |measured - predicted| best weight over the sources whose ridge lies inside the map, in grid steps."""
    predicted = ridge(activation) / sources
    inside = predicted < weights[-1]
    measured = weights[factors.argmax(1)]
    return float(np.max(np.abs(measured - predicted)[inside]) / (weights[1] - weights[0]))


# ---------------------------------------------------------------- what it shows

def checks(record):
    made = []
    for kind, theory in THEORY.items():
        value = record["summary"][f"{kind}_threshold"]["mean"]
        made.append(results.check(f"one {kind} unit at net = 0: weight at which the factor per step is 1", value,
                                  f"{theory:g} within 1e-6", abs(value - theory) <= 1e-6 * theory, paper=theory))
    for kind in THEORY:
        value = record["summary"][f"{kind}_ridge_error"]["mean"]
        made.append(results.check(f"one {kind} unit: best weight for every source, farthest from the coth curve, "
                                  "in steps of the grid", value, "at most 1", value <= 1))
    return made


def finding(record):
    s = record["summary"]
    return (f"A logistic unit needs w = {s['logistic_threshold']['mean']:.3f}, a tanh unit "
            f"w = {s['tanh_threshold']['mean']:.3f}, at net = 0; elsewhere there is a best weight, and larger ones "
            "shrink the error.")


def table(record):
    s = record["summary"]
    rows = [[kind, f"{theory:g}", f"{s[f'{kind}_threshold']['mean']:.6f}", f"{s[f'{kind}_ridge_error']['mean']:.2f}",
             f"{s[f'{kind}_largest_left_of_threshold']['mean']:.4f}"] for kind, theory in THEORY.items()]
    return ["unit", "threshold, theory", "measured", "distance from the coth curve, grid steps",
            "largest factor up to the threshold, any source"], rows


def figure(record, arrays):
    from common.figures import DIVERGING, ROLE, plt
    fig, axes = plt.subplots(1, 2, figsize=(9, 4))
    for ax, kind in zip(axes, THEORY):
        w, y, factor = (arrays[f"{kind}_{what}"][0] for what in ("weights", "sources", "factor"))
        shown = np.log2(np.maximum(factor, 2.0**-6))
        image = ax.pcolormesh(w, y, shown, cmap=DIVERGING, vmin=-3, vmax=3, rasterized=True)
        ax.contour(w, y, factor, levels=[1], colors="k", linewidths=1.6)
        inside = ridge(kind) / y <= w[-1]
        ax.plot((ridge(kind) / y)[inside], y[inside], "k--", linewidth=1.4)
        ax.plot(w[factor.argmax(1)][inside][::4], y[inside][::4], "o", color="k", markersize=2.5)
        ax.axvline(THEORY[kind], color=ROLE["rnn"], linewidth=1.6)
        ax.set(xlabel="recurrent weight w", title=f"{kind} unit: nothing above 1 left of w = {THEORY[kind]:g}")
        ax.grid(False)
    axes[0].set_ylabel("activation y of the source")
    bar = fig.colorbar(image, ax=axes, label="factor per step")
    bar.set_ticks([-3, -2, -1, 0, 1, 2, 3], labels=["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    line = lambda **style: plt.Line2D([], [], **style)
    handles = [line(color="k"), line(color="k", linestyle="--"),
               line(color="k", marker="o", markersize=3, linestyle=""), line(color=ROLE["rnn"])]
    fig.legend(handles, ["factor = 1", "best w, theory (coth)", "best w, measured", "1 / f'max"],
               loc="outside lower center", ncols=4)
    return fig
