"""The fundamental deep learning problem: back-propagated errors vanish or explode. Measured.

Hochreiter (1991), Untersuchungen zu dynamischen neuronalen Netzen, diploma thesis, TU Munich;
in English: Hochreiter & Schmidhuber (1997), Long Short-Term Memory, section 3.1, and Hochreiter,
Bengio, Frasconi & Schmidhuber (2001), Gradient flow in recurrent nets.

    python3 vanishing_gradient/vanishing_gradient.py --seed 0        one seed, about 20 seconds
    python3 vanishing_gradient/vanishing_gradient.py --seeds 0-4     the committed headline
    python3 vanishing_gradient/vanishing_gradient.py --gradcheck

An error of length 1 is put on the last state of 100 random networks of every kind and size, and
the ordinary backward pass carries it 200 steps back, |dL/dh[T-q]|, q = 0..200, while the
recurrent weights grow from far below to far above the critical scale. Around this sweep: what one
unit shows (one_unit.py), and an LSTM and an RNN before and after learning (trained.py). Writes
results.json, traces.npz and weights.npz; ends with

    logistic threshold    4.000   theory 4
    tanh threshold        1.000   theory 1
    linear threshold      1.001   theory: spectral radius 1
    decay rate error      0.001   median |fitted - predicted| / predicted, linear networks
    bound violations          0   of 26,826,000 measured flows
    LSTM carousel factor  1.000   truncated gradient, the factor farthest from 1
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: E402,F401  one BLAS thread, before numpy
import numpy as np  # noqa: E402
from common import gradcheck, lstm, results, tanh_rnn  # noqa: E402
from common.config import parse, run, setting  # noqa: E402
from common.progress import Progress  # noqa: E402
from common.randomness import stream  # noqa: E402
from vanishing_gradient import one_unit, trained  # noqa: E402
from vanishing_gradient.error_flow import factor_per_step, lstm_flow, rnn_flow  # noqa: E402

STUDIES = ("lengths",)
HERE = Path(__file__).resolve().parent
MAKE = "python3 vanishing_gradient/vanishing_gradient.py --seeds 0-4"
STEEPEST = {"logistic": 0.25, "tanh": 1.0, "linear": 1.0, "relu": 1.0}     # f'max
LSTM_KINDS = ("lstm_truncated", "lstm", "lstm_forget")
RNN_SIZES, LSTM_SIZES = (4, 16, 64), (4, 16)
BURN_IN = 25                                 # steps before the error's path, so that the state is a typical one
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FROZEN = 25                                  # of the largest networks, those whose eigenvalues are computed at every gain
TOLERANCE = 1e-9                             # of log10, for rounding: a bound that is reached is not exceeded
BOUND_SIZES, BOUND_LAGS = (1, 3, 8), 50


@dataclass(frozen=True)
class Config:
    networks: int = setting(100, "random networks per kind, size and scale", minimum=2)
    lags: int = setting(200, "steps the error travels back", minimum=40)
    points: int = setting(21, "recurrent scales, from 1/4 to 8 times critical; 5k+1 hits 1/4, 1/2, 1, 2, 4, 8", minimum=6)
    input_std: float = setting(0.1, "standard deviation of the noise every unit receives", minimum=0)
    forget_bias: float = setting(1.0, "forget gate bias of the LSTM with forget gate")
    bound_networks: int = setting(500, "networks per kind and size that try to break the bound", minimum=1)
    latch_steps: int = setting(100, "steps a one-unit latch must keep its bit", minimum=1)
    latch_noise: float = setting(0.2, "standard deviation of the noise at the latch", minimum=0)
    cliff_starts: int = setting(200, "descents on the error surface with the cliff", minimum=1)
    hidden: int = setting(8, "units of the trained RNN, cells of the trained LSTM", minimum=1)
    length: int = setting(60, "sequence length of the learned task", minimum=trained.WINDOW + 1)
    updates: int = setting(400, "updates of the trained networks", minimum=1)
    batch: int = setting(32, "sequences per update", paper=1, minimum=1)


QUICK = dict(networks=6, lags=40, points=6, bound_networks=20, latch_steps=30, cliff_starts=5, length=20, updates=40)


def gains(config):
    """Recurrent scales in units of the critical one: gain = f'max * spectral radius, 1 is critical at net = 0."""
    return np.geomspace(0.25, 8, config.points)


# ---------------------------------------------------------------- random networks

class Sweep(NamedTuple):
    """One kind of network at one size, all gains; networks on the last axis."""
    flow: np.ndarray             # (gains, lags+1, N)   log10 error relative to the one put in
    factor: np.ndarray           # (gains, N)           fitted growth per step
    bound: np.ndarray            # (gains, N)           log10 (f'max * largest singular value); nan for LSTM
    field: np.ndarray            # (gains, N)           factor predicted by the operating point, large restless networks
    frozen: np.ndarray           # (gains, N or FROZEN) the same for networks whose slopes stand still
    state_factors: np.ndarray    # (2,)                 smallest and largest single step factor of the carousel


def random_matrices(rng, networks, n):
    """(N, n, n) Gaussian matrices with spectral radius exactly 1."""
    W = rng.standard_normal((networks, n, n))
    return W / np.abs(np.linalg.eigvals(W)).max(-1)[:, None, None]


def unit_errors(rng, networks, n):
    e = rng.standard_normal((networks, n, 1))
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def first_fitted_lag(config):
    """The fit of the factor leaves the first tenth to the transients of non-normal matrices."""
    return config.lags // 10


def sweep_rnn(activation, n, config, rng):
    """The same random networks, noise and errors at every gain."""
    N, T, steepest = config.networks, config.lags + BURN_IN, STEEPEST[activation]
    W_1, error = random_matrices(rng, N, n), unit_errors(rng, N, n)
    drive = config.input_std * rng.standard_normal((T, N, n, 1))
    singular = np.linalg.norm(W_1, 2, axis=(1, 2))
    rows = []
    for gain in gains(config):
        W = W_1 * (gain / steepest)
        h = tanh_rnn.forward(drive, W, activation=activation)
        flow = rnn_flow(activation, W, h, error, config.lags)[..., 0]
        rows.append((flow, factor_per_step(flow, first_fitted_lag(config)), np.log10(gain * singular),
                     *factors_at_operating_point(activation, W, gain / steepest, h[BURN_IN + 1:])))
    return Sweep(*(np.array(row) for row in zip(*rows)), np.full(2, np.nan))


def factors_at_operating_point(activation, W, radius, h):
    """What the measured slopes f' lead one to expect of the factor per step, two ways.

    W (N, n, n), all of spectral radius `radius`   h (T, N, n, 1), the states on the error's path
    returns   field (N,)        radius * sqrt(mean f'^2): many independent units (mean field)
              frozen (N or FROZEN,)  spectral radius(W diag(mean f')): exact if the slopes stand still
    """
    slope = tanh_rnn.ACTIVATIONS[activation][1](h)[..., 0]
    some = slice(FROZEN if W.shape[-1] == max(RNN_SIZES) else None)      # eigenvalues are slow
    frozen = W[some] * slope[:, some].mean(0)[:, None, :]
    return radius * np.sqrt((slope * slope).mean((0, 2))), np.abs(np.linalg.eigvals(frozen)).max(-1)


def sweep_lstm(kind, n, config, rng):
    """Every gate's and candidate's recurrent matrix has the spectral radius `gain`; the error enters at the cell states."""
    N, T = config.networks, config.lags + BURN_IN
    cell = lstm.Cell(n, forget_gate=True) if kind == "lstm_forget" else lstm.Cell(n, squash="1997")
    W_1 = np.concatenate([random_matrices(rng, N, n) for _ in range(cell.features // n)], axis=1)
    error, drive = unit_errors(rng, N, n), config.input_std * rng.standard_normal((T, N, cell.features, 1))
    if cell.forget_gate:
        drive[:, :, cell.gate_rows("forget")] += config.forget_bias
    rows, ratios = [], []
    for gain in gains(config):
        trace = lstm.forward(cell, drive, W_1 * gain)
        flow = lstm_flow(cell, W_1 * gain, trace, np.zeros((N, n, 1)), error, config.lags, kind == "lstm_truncated")[..., 0]
        rows.append((flow, factor_per_step(flow, first_fitted_lag(config)), *np.full((3, N), np.nan)))
        if kind == "lstm_truncated":
            ratios.append(carousel_ratios(cell, trace, W_1 * gain, error))
    return Sweep(*(np.array(row) for row in zip(*rows)), np.array([np.min(ratios), np.max(ratios)] if ratios else [np.nan] * 2))


def carousel_ratios(cell, trace, W, error):
    """Smallest and largest dL/ds[t] / dL/ds[t+1] of single cells and steps, truncated gradient."""
    ds = lstm.backward(cell, trace, W, np.zeros_like(trace.y), error, truncated=True).s
    ratio = ds[:-1] / ds[1:]
    return ratio.min(), ratio.max()


def sweeps(config, seed):
    """{(kind, size): Sweep} of all kinds of networks."""
    parts = [(k, n, sweep_rnn) for k in STEEPEST for n in RNN_SIZES] + [(k, n, sweep_lstm) for k in LSTM_KINDS for n in LSTM_SIZES]
    progress, done = Progress(f"seed {seed}, random networks", len(parts)), {}
    for kind, n, sweep in parts:
        done[kind, n] = sweep(kind, n, config, stream(seed, f"{kind} {n}"))
        progress.update(len(done))
    progress.close()
    return done


def crossing(gain, factor):
    """The gain at which the factor first rises through 1, by interpolation on log axes; None if it never does."""
    up = np.flatnonzero((factor[:-1] < 1) & (factor[1:] >= 1))
    if len(up) == 0:
        return None
    k = up[0]
    x, y = np.log(gain[k:k + 2]), np.log(np.maximum(factor[k:k + 2], 1e-12))
    return float(np.exp(x[0] - y[0] * (x[1] - x[0]) / (y[1] - y[0])))


def log_ratio(predicted, measured):
    """Median |ln predicted / measured| over all gains and networks whose error did not become zero."""
    alive = (measured > 0) & (predicted > 0)
    return float(np.median(np.abs(np.log(predicted[alive] / measured[alive])))) if alive.any() else None


def decay_rate_error(sweep, gain):
    """Median |fitted - predicted| / |predicted| of the rate log(factor); a linear network's is log(spectral radius)."""
    off_critical = np.abs(np.log(gain)) > 1e-9           # at the critical point the predicted rate is 0
    fitted, predicted = np.log(sweep.factor[off_critical]), np.log(gain[off_critical])[:, None]
    return float(np.median(np.abs(fitted - predicted) / np.abs(predicted)))


# ---------------------------------------------------------------- the bound

def norm_bound_excess(sweep):
    """log10 of error / (f'max |W|)^q for every network, gain and lag: above 0 would break the bound."""
    lag = np.arange(sweep.flow.shape[1])[None, :, None]
    return sweep.flow - lag * sweep.bound[:, None, :]


def local_flow_excess(activation, n, networks, rng):
    """log10 of |dtheta_v(t-q)/dtheta_u(t)| / (n (f'max |W|)^q), the largest over u and v.

    theta is the error at the net input (`ddrive` in common/tanh_rnn.py); one backward pass with n
    errors, one at each unit u. Weights of mixed sign and size, some nearly all positive (their
    paths add up), half a decade around critical and far beyond; |W| is the smaller of the
    spectral and the maximum row sum norm, so one bound stands for both.

    returns   (BOUND_LAGS, N), q = 1..BOUND_LAGS; -inf where no error arrives
    """
    scale = np.exp(rng.uniform(np.log(0.1), np.log(8), networks)) / (STEEPEST[activation] * np.sqrt(n))
    shift = rng.uniform(-2, 2, networks)
    W = scale[:, None, None] * (rng.standard_normal((networks, n, n)) + shift[:, None, None])
    T = BOUND_LAGS + 1
    drive = np.broadcast_to(rng.standard_normal((T, networks, n, 1)), (T, networks, n, n))
    h = tanh_rnn.forward(drive, W, activation=activation)
    dh = np.zeros_like(h)
    dh[-1] = np.eye(n)
    theta = np.abs(tanh_rnn.backward(dh, h, W, activation).drive)
    start = np.einsum("kuu->ku", theta[-1])[None, :, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        flow = np.log10(np.where(start > 0, theta[-2::-1] / start, 0).max((2, 3)))
        norm = np.minimum(np.linalg.norm(W, 2, axis=(1, 2)), np.linalg.norm(W, np.inf, axis=(1, 2)))
    q = np.arange(1, BOUND_LAGS + 1)[:, None]
    return flow - np.log10(n) - q * np.log10(STEEPEST[activation] * norm)


def try_to_break_the_bound(config, seed, swept):
    """All measured flows against their bounds: counts, and the closest approach by lag."""
    excess = {(a, n): local_flow_excess(a, n, config.bound_networks, stream(seed, f"bound {a} {n}"))
              for a in STEEPEST for n in BOUND_SIZES}
    everything = [*excess.values(), *(norm_bound_excess(s) for (kind, _), s in swept.items() if kind in STEEPEST)]
    return dict(violations=int(sum((e > TOLERANCE).sum() for e in everything)), flows=sum(e.size for e in everything),
                closest={f"closest_{a}_{n}": e.max(1) for (a, n), e in excess.items()})


# ---------------------------------------------------------------- one unit

def one_unit_pictures(config, seed):
    """Arrays for the figures, and the measured numbers, of everything in one_unit.py."""
    arrays, final = {}, {}
    for activation, widest, theory in (("logistic", 16.0, 4.0), ("tanh", 4.0, 1.0)):
        weights, sources = np.linspace(0, widest, 161), np.linspace(0.02, 1, 99)
        factors = one_unit.factor_map(activation, weights, sources)
        arrays |= {f"map_{activation}": factors.astype(np.float32), f"map_{activation}_weights": weights,
                   f"map_{activation}_sources": sources, f"map_{activation}_ridge": one_unit.ridge(activation)}
        final |= {f"{activation}_threshold_measured": one_unit.threshold(activation),
                  f"{activation}_ridge_error": one_unit.ridge_error(activation, weights, factors, sources)}

    latch = one_unit.latch(np.linspace(0, 3, 121), config.latch_steps, config.latch_noise, 400, stream(seed, "latch"))
    keeps = latch.kept >= 0.95
    final |= {"latch_first_weight": latch.weights[keeps].min() if keeps.any() else None,
              "latch_largest_error": latch.error[1, keeps].max() if keeps.any() else None,
              "latch_best_error_anywhere": latch.error[1].max()}
    arrays |= {f"latch_{name}": value for name, value in latch._asdict().items()}

    starts = stream(seed, "cliff").uniform([4.5, -3.0], [6.5, -1.5], (config.cliff_starts, 2))
    starts[0] = 5.0, -1.8                                # the one that is drawn
    w, b = np.linspace(3.5, 6.5, 121), np.linspace(-3.5, 0.0, 121)
    arrays |= dict(cliff_w=w, cliff_b=b, cliff_loss=one_unit.cliff_loss(*np.meshgrid(w, b)).reshape(len(b), len(w)).astype(np.float32))
    for name, clip in (("free", np.inf), ("clipped", 0.1)):
        path, loss, norm = one_unit.descend(starts, 0.3, 100, clip)
        jump = np.linalg.norm(np.diff(path, axis=0), axis=-1).max(0)
        final |= {f"cliff_{name}_loss": np.median(loss[-1]), f"cliff_{name}_longest_step": jump.max(),
                  f"cliff_{name}_best_loss": np.median(loss.min(0)), f"cliff_{name}_norm": norm.max()}
        arrays |= {f"cliff_{name}_path": path[:, 0], f"cliff_{name}_losses": loss[:, 0]}
    return arrays, final


# ---------------------------------------------------------------- before and after learning

def before_and_after(config, seed):
    """Train the LSTM and the RNN; error flow and share of the gradient by lag, before and after."""
    arrays, curves, final, weights = {}, {}, {}, {}
    x, classes = trained.sequences(stream(seed, "test"), config.length, 512)
    for name, model in trained.models(config.hidden).items():
        learned = trained.train(name, model, seed, config.length, config.batch, config.updates)
        curves |= {f"{name}_steps": learned.steps, f"{name}_validation": learned.validation}
        final |= {f"{name}_accuracy": trained.score(model, learned.after, x, classes)[0], f"{name}_lr": learned.lr}
        final |= {f"{name}_validation_lr_{rate:g}": value for rate, value in zip(trained.RATES, learned.grid)}
        weights |= {f"{name}.{key}": a for key, a in learned.after.items()}
        for moment, p in (("before", learned.before), ("after", learned.after)):
            for path in ("full", "truncated") if name == "lstm" else ("full",):
                flow = trained.error_flow(model, p, x, classes, path == "truncated")
                share = trained.share_by_lag(model, p, x, classes, path == "truncated")
                key = f"{name}_{path}_{moment}"
                arrays |= {f"learned_{key}": flow, f"share_{key}": share[:, None]}
                final |= {f"{key}_factor": np.median(factor_per_step(flow, 1)), f"{key}_share_last_10": share[:10].sum(),
                          f"{key}_share_mark": share[-trained.WINDOW:].sum()}
    return arrays, curves, final, weights


# ---------------------------------------------------------------- main

def one_seed(config, seed):
    """Everything at one seed: the run's entry in results.json, and arrays with networks or sequences last."""
    started = time.perf_counter()
    swept = sweeps(config, seed)
    bound = try_to_break_the_bound(config, seed, swept)
    arrays, curves, final = sweep_numbers(swept, gains(config))
    pictures, one_unit_final = one_unit_pictures(config, seed)
    learned_arrays, learned_curves, learned_final, weights = before_and_after(config, seed)
    final = one_unit_final | final | learned_final | {"bound_violations": bound["violations"], "bound_flows": bound["flows"]}
    entry = dict(seed=seed, curves=curves | learned_curves, final=final, seconds=round(time.perf_counter() - started, 2))
    return entry, arrays | learned_arrays, pictures | bound["closest"], weights


def sweep_numbers(swept, gain):
    """Arrays for the figures, median curves and single numbers of all sweeps."""
    arrays, curves, linear = {}, {"gain": gain}, swept["linear", max(RNN_SIZES)]
    ratios = np.concatenate([swept["lstm_truncated", n].state_factors for n in LSTM_SIZES])
    must_vanish = np.concatenate([s.factor[s.bound < 0] for s in swept.values()])          # f'max |W| < 1
    final = {"linear_threshold_measured": crossing(gain, np.median(linear.factor, axis=1)),
             "decay_rate_error": decay_rate_error(linear, gain),
             "largest_factor_below_norm_1": must_vanish.max(initial=0),
             "lstm_carousel_factor": ratios[np.abs(ratios - 1).argmax()]}
    for (kind, n), s in swept.items():
        name = f"{kind}_{n}"
        curves[f"factor_{name}"] = np.median(s.factor, axis=1)
        arrays |= {f"flow_{name}": s.flow[:, ::4], f"factor_{name}": s.factor}
        if kind in STEEPEST:
            arrays |= {f"bound_{name}": s.bound, f"field_{name}": s.field, f"frozen_{name}": s.frozen}
            final |= {f"{name}_crossing": crossing(gain, np.median(s.factor, axis=1)),
                      f"{name}_crossing_field": crossing(gain, np.median(s.field, axis=1)),
                      f"{name}_frozen_error": log_ratio(s.frozen, s.factor[:, :s.frozen.shape[1]]),
                      f"{name}_field_error": log_ratio(s.field, s.factor)}
    return arrays, curves, final


def pooled(seeds_arrays):
    """Quantiles over the networks (or sequences) of all seeds together, and what the figures need whole."""
    together = {name: np.concatenate([a[name] for a in seeds_arrays], axis=-1) for name in seeds_arrays[0]}
    # "nearest": no interpolation between a number and -inf
    saved = {name: np.quantile(a, QUANTILES, axis=-1, method="nearest").astype(np.float32) for name, a in together.items()}
    return saved | {"each_tanh_64": together["flow_tanh_64"][:, -1].astype(np.float32)}


def headline(options):
    """Run every seed; write results.json, traces.npz and weights.npz."""
    started = time.time()
    runs, arrays, others, weights = zip(*(one_seed(options.config, seed) for seed in options.seeds))
    closest = {name: np.max([o[name] for o in others], axis=0) for name in others[0] if name.startswith("closest")}
    record = results.record("vanishing_gradient", options, list(runs), started=started,
                            paper=dict(logistic_threshold_measured=4.0, tanh_threshold_measured=1.0,
                                       linear_threshold_measured=1.0, bound_violations=0, lstm_carousel_factor=1.0),
                            config={**vars(options.config), "rnn_sizes": RNN_SIZES, "lstm_sizes": LSTM_SIZES,
                                    "rates": trained.RATES, "clip": trained.CLIP, "seeds": options.seeds})
    record["checks"] = checks(record["summary"])
    results.write_arrays(options.out / "traces.npz", gain=gains(options.config), lag=np.arange(options.config.lags + 1)[::4],
                         **pooled(arrays), **{**others[0], **closest})
    results.write_arrays(options.out / "weights.npz", seeds=np.array(options.seeds),
                         **{name: np.concatenate([w[name] for w in weights]) for name in weights[0]})
    results.write(options.out / "results.json", record)
    report(record["summary"])


def checks(summary):
    """What the experiment claims, set against what was measured. Any of them can fail."""
    s = summary
    near = lambda key, theory: s[key]["n"] and abs(s[key]["mean"] - theory) <= 1e-6 * theory  # noqa: E731
    return [
        results.check("one logistic unit: weight at which the error neither vanishes nor explodes",
                      s["logistic_threshold_measured"]["mean"], "4.0", near("logistic_threshold_measured", 4), paper=4.0),
        results.check("one tanh unit: the same", s["tanh_threshold_measured"]["mean"], "1.0",
                      near("tanh_threshold_measured", 1), paper=1.0),
        results.check("linear networks: the same, spectral radius", s["linear_threshold_measured"]["mean"], "1.0 within 1 %",
                      s["linear_threshold_measured"]["n"] and abs(s["linear_threshold_measured"]["mean"] - 1) < 0.01),
        results.check("decay is exponential at the predicted rate: median relative error", s["decay_rate_error"]["max"],
                      "at most 0.05", s["decay_rate_error"]["n"] and s["decay_rate_error"]["max"] <= 0.05),
        results.check("random networks with f'max |W| < 1, |W| the largest singular value: largest factor per step",
                      s["largest_factor_below_norm_1"]["max"], "below 1",
                      s["largest_factor_below_norm_1"]["n"] and s["largest_factor_below_norm_1"]["max"] < 1),
        results.check("measured flows above the bound n (f'max |W|)^q", s["bound_violations"]["max"], "0",
                      s["bound_violations"]["max"] == 0, paper=0),
        results.check("LSTM, truncated gradient: factor per step at the cell state", s["lstm_carousel_factor"]["mean"], "1.0",
                      s["lstm_carousel_factor"]["min"] == s["lstm_carousel_factor"]["max"] == 1.0, paper=1.0),
        results.check("one-unit latch: largest log10 error over 100 steps where the bit is kept", s["latch_largest_error"]["max"],
                      "below -6", s["latch_largest_error"]["n"] and s["latch_largest_error"]["max"] < -6),
    ]


def report(summary):
    """The lines the docstring promises."""
    for label, key, theory in (("logistic threshold", "logistic_threshold_measured", "theory 4"),
                               ("tanh threshold", "tanh_threshold_measured", "theory 1"),
                               ("linear threshold", "linear_threshold_measured", "theory: spectral radius 1"),
                               ("decay rate error", "decay_rate_error", "median |fitted - predicted| / predicted, linear networks")):
        value = summary[key]["mean"]
        print(f"{label:<21} {'none' if value is None else format(value, '.3f')}   {theory}")
    flows = summary["bound_flows"]["mean"] * summary["bound_flows"]["n"]
    print(f"{'bound violations':<21} {summary['bound_violations']['max']:>5.0f}   of {flows:,.0f} measured flows")
    print(f"{'LSTM carousel factor':<21} {summary['lstm_carousel_factor']['mean']:.3f}   truncated gradient, the factor farthest from 1")


def check_gradients(config):
    """Relative error of the full losses of both trained networks, and of the error flow, in float64."""
    worst = 0.0
    for name, model in trained.models(config.hidden).items():
        rng = stream(0, "gradcheck")
        p = trained.init(model, rng, 2)
        x, classes = trained.sequences(rng, config.length, 3)
        _, g = trained.gradients(model, p, x, classes)
        loss = lambda: float(trained.gradients(model, p, x, classes)[0].sum())  # noqa: B023,E731  used at once
        error = max(gradcheck.directional_error(loss, p, g, rng, step=2e-4) for _ in range(10))
        print(f"{name:<10} max relative error {error:.1e}")
        worst = max(worst, error)
    return worst


def evaluate(config):
    """Score the committed weights on fresh sequences."""
    models = trained.models(config.hidden)
    saved = results.read_arrays(HERE / "weights.npz", ["seeds", *(f"{m}.{key}" for m in models for key in trained.NAMES)], MAKE)
    x, classes = trained.sequences(stream(int(saved["seeds"][0]), "evaluate"), config.length, 2000)
    for name, model in models.items():
        correct = trained.score(model, {key: saved[f"{name}.{key}"] for key in trained.NAMES}, x, classes)
        print(f"{name:<5} accuracy on {len(classes)} fresh sequences, {len(correct)} seeds: "
              f"mean {correct.mean():.3f}, worst {correct.min():.3f}   (chance {trained.CHANCE:.3f})")


def main():
    options = parse(Config, __doc__, QUICK, STUDIES)
    if options.gradcheck:
        return check_gradients(options.config)
    if options.evaluate:
        return evaluate(options.config)
    if options.study:
        from vanishing_gradient import vanishing_gradient_studies
        return vanishing_gradient_studies.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
