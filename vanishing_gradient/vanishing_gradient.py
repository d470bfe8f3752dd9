"""The fundamental deep learning problem: back-propagated errors vanish or explode. Measured.

Hochreiter (1991), Untersuchungen zu dynamischen neuronalen Netzen, diploma thesis, TU Munich;
in English: Hochreiter & Schmidhuber (1997), Long Short-Term Memory, section 3.1, and Hochreiter,
Bengio, Frasconi & Schmidhuber (2001), Gradient flow in recurrent nets.

    python3 vanishing_gradient/vanishing_gradient.py --seed 0        one seed, about 20 seconds
    python3 vanishing_gradient/vanishing_gradient.py --seeds 0-4     the committed seeds, about 2 minutes
    python3 vanishing_gradient/vanishing_gradient.py --gradcheck

An error of length 1 is put on the last state of 100 random networks of every kind and size, and
the ordinary backward pass carries it 200 steps back, |dL/dh[T-q]|, q = 0..200, while the recurrent
weights grow from far below to far above the critical scale. Nothing is trained here: the studies do
that. Writes results.json and traces.npz; ends with

    linear threshold          1.001   theory: spectral radius 1
    decay rate error          0.001   linear networks, relative to the predicted rate
    above n (f'max |W|)^q     0   of 1,500,000 measured flows
    above (f'max |W|)^q       0   of 37,200,000 measured flows
    LSTM, truncated gradient  1.000   exactly: no path through the gates
    LSTM, full gradient       1.000 to 1.015   median factor per step over all scales
    LSTM with forget gate     0.773 to 0.942   the same, scales up to 1
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, lstm, results, study, tanh_rnn
from common.config import parse, run, setting
from common.progress import Progress, collect
from common.randomness import stream
from vanishing_gradient import bound
from vanishing_gradient.bound import STEEPEST
from vanishing_gradient.error_flow import factor_per_step, lstm_flow, rnn_flow

HERE = Path(__file__).resolve().parent
SEEDS = range(5)
LSTM_KINDS = ("lstm_truncated", "lstm", "lstm_forget")
RNN_SIZES, LSTM_SIZES = (4, 16, 64), (4, 16)
LARGEST = {**dict.fromkeys(STEEPEST, max(RNN_SIZES)), **dict.fromkeys(LSTM_KINDS, max(LSTM_SIZES))}
STAGES = (0.25, 0.5, 1, 2, 4, 8)             # scales whose error flow is saved
BURN_IN = 25                                 # steps before the error's path, so that the state is a typical one
GROUP = 25                                   # networks at a time: their weights stay in the cache, twice as fast
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Config:
    networks: int = setting(100, "random networks per kind, size and scale", minimum=2, maximum=10_000)
    lags: int = setting(200, "steps the error travels back", minimum=40, maximum=2000)
    coarse: int = setting(2, "scales per doubling from 1/4 to 1 and from 4 to 8", minimum=1, maximum=100)
    fine: int = setting(12, "scales per doubling from 1 to 4, where networks cross 1", minimum=1, maximum=100)
    input_std: float = setting(0.1, "standard deviation of the noise every unit receives", minimum=0, maximum=10)
    forget_bias: float = setting(1.0, "forget gate bias of the LSTM with forget gate", minimum=-10, maximum=10)
    bound_networks: int = setting(500, "networks per kind and size that try to break the bound", minimum=1,
                                  maximum=100_000)


QUICK = dict(networks=6, lags=40, coarse=1, fine=2, bound_networks=20)


def gains(config):
    """Recurrent scales in units of the critical one: gain = f'max * spectral radius, 1 is critical at net = 0."""
    exponents = [np.linspace(-2, 0, 2 * config.coarse, endpoint=False),
                 np.linspace(0, 2, 2 * config.fine, endpoint=False),
                 np.linspace(2, 3, config.coarse + 1)]
    return 2 ** np.concatenate(exponents)


def index_of(gain, wanted):
    """Index of the scale closest to the wanted one."""
    return int(np.abs(np.log(gain / wanted)).argmin())


def stages(gain):
    """Indices of STAGES among the scales."""
    return [index_of(gain, wanted) for wanted in STAGES]


# ---------------------------------------------------------------- random networks

def random_matrices(rng, networks, n):
    """(N, n, n) Gaussian matrices with spectral radius exactly 1."""
    W = rng.standard_normal((networks, n, n))
    return W / spectral_radius(W)[:, None, None]


def spectral_radius(W):
    return np.abs(np.linalg.eigvals(W)).max(-1)


def unit_errors(rng, networks, n):
    """(N, n, 1) random errors of length 1."""
    e = rng.standard_normal((networks, n, 1))
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def first_fitted_lag(config):
    """The fit of the factor skips the first tenth of the lags: the transients of non-normal matrices."""
    return config.lags // 10


def sweep_rnn(activation, n, config, rng):
    """Simple recurrent networks of one kind and size: the same networks, noise and errors at every scale.

    returns   {flow (gains, lags+1, N)  log10 of the error, relative to the one put in
               factor (gains, N)        fitted growth per step
               bound (gains, N)         log10 of f'max |W|_2
               field (gains, N)         predicted factor, many independent units: radius * sqrt(mean f'^2)
               frozen (gains, N or GROUP)  predicted factor, exact if the slopes stood still: radius of W diag(mean f')}
    """
    N = config.networks
    W, error = random_matrices(rng, N, n), unit_errors(rng, N, n)
    drive = config.input_std * rng.standard_normal((config.lags + BURN_IN, N, n, 1))
    rows = []
    for first in range(0, N, GROUP):
        some = slice(first, first + GROUP)
        rows.append(sweep_group(activation, config, W[some], drive[:, some], error[some]))
    flow, field, slope = (np.concatenate(parts, axis=-1) for parts in zip(*rows))
    asked = slice(GROUP if n == max(RNN_SIZES) else None)             # eigenvalues of large matrices are slow
    gain, radius = gains(config)[:, None], np.linalg.norm(W, 2, axis=(1, 2))
    frozen = [spectral_radius(W[asked] * g / STEEPEST[activation] * f.T[asked, None, :])
              for g, f in zip(gains(config), slope)]
    return dict(flow=flow, factor=factors(flow, config), bound=np.log10(gain * radius), field=field,
                frozen=np.array(frozen))


def sweep_group(activation, config, W_1, drive, error):
    """Some networks of spectral radius 1 at every scale: flow, prediction `field`, mean slope of every unit.

    returns   (gains, lags+1, N), (gains, N), (gains, n, N)
    """
    flows, fields, slopes = [], [], []
    for gain in gains(config):
        radius = gain / STEEPEST[activation]
        h = tanh_rnn.forward(drive, W_1 * radius, activation=activation)
        flows.append(rnn_flow(activation, W_1 * radius, h, error, config.lags)[..., 0])
        slope = tanh_rnn.ACTIVATIONS[activation][1](h[BURN_IN + 1:])[..., 0]
        fields.append(radius * np.sqrt((slope * slope).mean((0, 2))))
        slopes.append(slope.mean(0).T)
    return np.array(flows), np.array(fields), np.array(slopes)


def factors(flow, config):
    """Factor per step (gains, N) of flow (gains, lags+1, N)."""
    return factor_per_step(flow.swapaxes(0, 1), first_fitted_lag(config))


def sweep_lstm(kind, n, config, rng):
    """LSTMs: every gate's and candidate's recurrent matrix has the spectral radius `gain`.

    The error enters at the cell states. `lstm` and `lstm_truncated` are the cell of 1997 without forget
    gate: the full gradient, and the one of 1997 that cuts every path through W.

    returns   {flow, factor, and for the truncated gradient `steps` (2,): the smallest and the largest
               factor of any single cell and step}
    """
    N, T = config.networks, config.lags + BURN_IN
    cell = lstm.Cell(n, forget_gate=True) if kind == "lstm_forget" else lstm.Cell(n, squash="1997")
    W_1 = np.concatenate([random_matrices(rng, N, n) for _ in range(cell.features // n)], axis=1)
    error, drive = unit_errors(rng, N, n), config.input_std * rng.standard_normal((T, N, cell.features, 1))
    if cell.forget_gate:
        drive[:, :, cell.gate_rows("forget")] += config.forget_bias
    truncated, flows, steps = kind == "lstm_truncated", [], []
    for gain in gains(config):
        trace = lstm.forward(cell, drive, W_1 * gain)
        nothing = np.zeros((N, n, 1))
        flows.append(lstm_flow(cell, W_1 * gain, trace, nothing, error, config.lags, truncated)[..., 0])
        if truncated:
            steps.append(carousel_factors(cell, trace, W_1 * gain, error))
    swept = dict(flow=np.array(flows), factor=factors(np.array(flows), config))
    return {**swept, "steps": np.array([np.min(steps), np.max(steps)])} if truncated else swept


def carousel_factors(cell, trace, W, error):
    """Smallest and largest dL/ds[t] / dL/ds[t+1] of single cells and steps, truncated gradient."""
    ds = lstm.backward(cell, trace, W, np.zeros_like(trace.y), error, truncated=True, weights=False).s
    ratio = ds[:-1] / ds[1:]
    return ratio.min(), ratio.max()


def sweeps(config, seed):
    """{(kind, size): sweep} of all kinds of networks."""
    todo = [(kind, n, sweep_rnn) for kind in STEEPEST for n in RNN_SIZES]
    todo += [(kind, n, sweep_lstm) for kind in LSTM_KINDS for n in LSTM_SIZES]
    progress, done = Progress(f"seed {seed}, random networks", len(todo)), {}
    for kind, n, sweep in todo:
        done[kind, n] = sweep(kind, n, config, stream(seed, f"{kind} {n}"))
        progress.update(len(done))
    progress.close()
    return done


# ---------------------------------------------------------------- numbers

def crossing(gain, factor):
    """The scale at which the factor first rises through 1, interpolated on log axes; None if it never does."""
    up = np.flatnonzero((factor[:-1] < 1) & (factor[1:] >= 1))
    if len(up) == 0:
        return None
    k = up[0]
    x, y = np.log(gain[k:k + 2]), np.log(np.maximum(factor[k:k + 2], 1e-12))
    return float(np.exp(x[0] - y[0] * (x[1] - x[0]) / (y[1] - y[0])))


def log_ratio(predicted, measured):
    """Median |ln predicted / measured| over all scales and networks whose error did not become zero."""
    alive = (measured > 0) & (predicted > 0)
    return float(np.median(np.abs(np.log(predicted[alive] / measured[alive])))) if alive.any() else None


def decay_rate_error(sweep, gain):
    """Median |fitted - predicted| / |predicted| of the rate log(factor); a linear network's is log(spectral radius)."""
    off_critical = np.abs(np.log(gain)) > 1e-9           # at the critical point the predicted rate is 0
    fitted, predicted = np.log(sweep["factor"][off_critical]), np.log(gain[off_critical])[:, None]
    return float(np.median(np.abs(fitted - predicted) / np.abs(predicted)))


def rnn_numbers(name, sweep, gain):
    """Where one kind and size crosses 1, where the predictions put it, and how far off they are."""
    middle = {key: np.median(sweep[key], axis=1) for key in ("factor", "field", "frozen")}
    return {f"{name}_crossing": crossing(gain, middle["factor"]),
            f"{name}_crossing_half_grid": crossing(gain[::2], middle["factor"][::2]),
            f"{name}_crossing_field": crossing(gain, middle["field"]),
            f"{name}_crossing_frozen": crossing(gain, middle["frozen"]),
            f"{name}_share_beyond_1": float((sweep["factor"].max(0) > 1).mean()),
            f"{name}_field_error": log_ratio(sweep["field"], sweep["factor"]),
            f"{name}_frozen_error": log_ratio(sweep["frozen"], sweep["factor"][:, :sweep["frozen"].shape[1]])}


def lstm_numbers(swept, gain):
    """Factors per step of the LSTMs, medians over the networks, both sizes together."""
    middle = {kind: np.array([np.median(swept[kind, n]["factor"], axis=1) for n in LSTM_SIZES]) for kind in LSTM_KINDS}
    single = np.concatenate([swept["lstm_truncated", n]["steps"] for n in LSTM_SIZES])
    up_to_critical = middle["lstm_forget"][:, gain <= 1 + 1e-9]
    return {"lstm_truncated_farthest_from_1": single[np.abs(single - 1).argmax()],
            "lstm_smallest_median": middle["lstm"].min(), "lstm_largest_median": middle["lstm"].max(),
            "lstm_forget_smallest_median": up_to_critical.min(), "lstm_forget_largest_median": up_to_critical.max()}


def bound_numbers(config, seed, swept):
    """Counts of flows above the two bounds, counted apart; and the closest approach by lag, {closest_...: (lags,)}."""
    local = {(kind, n): bound.local_excess(kind, *bound.challengers(kind, n, config.bound_networks,
                                                                    stream(seed, f"bound {kind} {n}")))
             for kind in STEEPEST for n in bound.SIZES}
    whole = [bound.norm_excess(s["flow"], s["bound"]) for (kind, _), s in swept.items() if kind in STEEPEST]
    broken, flows = zip(*map(bound.violations, local.values()))
    broken_whole, flows_whole = zip(*map(bound.violations, whole))
    must_vanish = np.concatenate([s["factor"][s["bound"] < 0] for s in swept.values() if "bound" in s])
    return (dict(local_violations=sum(broken), local_flows=sum(flows), norm_violations=sum(broken_whole),
                 norm_flows=sum(flows_whole), largest_factor_below_norm_1=must_vanish.max(initial=0)),
            {f"closest_{kind}_{n}": excess.max(1) for (kind, n), excess in local.items()})


# ---------------------------------------------------------------- main experiment

def one_seed(config, seed):
    """All sweeps at one seed: its numbers, curves, and arrays with the networks on the last axis."""
    started, gain = time.perf_counter(), gains(config)
    swept = sweeps(config, seed)
    counts, closest = bound_numbers(config, seed, swept)
    linear = swept["linear", max(RNN_SIZES)]
    final = {"linear_threshold_measured": crossing(gain, np.median(linear["factor"], axis=1)),
             "decay_rate_error": decay_rate_error(linear, gain), **counts, **lstm_numbers(swept, gain)}
    for (kind, n), sweep in swept.items():
        final |= rnn_numbers(f"{kind}_{n}", sweep, gain) if kind in STEEPEST else {}
    curves = {"gain": gain, **{f"factor_{kind}_{n}": np.median(s["factor"], axis=1) for (kind, n), s in swept.items()}}
    return dict(final=final, curves=curves, arrays=arrays_to_pool(swept, gain), closest=closest,
                seconds=round(time.perf_counter() - started, 2))


def arrays_to_pool(swept, gain):
    """What the figures need: every factor and prediction; flow and bound of the largest networks."""
    arrays = {}
    for (kind, n), sweep in swept.items():
        arrays |= {f"{what}_{kind}_{n}": sweep[what] for what in ("factor", "field", "frozen") if what in sweep}
        if n == LARGEST[kind]:
            arrays[f"flow_{kind}"] = sweep["flow"][stages(gain)].astype(np.float32)
            arrays |= {f"bound_{kind}": sweep["bound"]} if "bound" in sweep else {}
    return arrays


def parts(config, seeds):
    for seed in seeds:
        yield seed, one_seed(config, seed)


def pooled(made):
    """Quantiles over the networks of all seeds together; one number per network at the largest lag for tanh."""
    together = {name: np.concatenate([part["arrays"][name] for part in made], axis=-1) for name in made[0]["arrays"]}
    # "nearest": no interpolation between a number and -inf
    saved = {name: np.quantile(a, QUANTILES, axis=-1, method="nearest").astype(np.float32)
             for name, a in together.items()}
    closest = {name: np.max([part["closest"][name] for part in made], axis=0) for name in made[0]["closest"]}
    return {**saved, **closest, "each_tanh": together["flow_tanh"][:, -1]}


def headline(options):
    """Run every seed; write results.json and traces.npz."""
    config = options.config
    made = collect(options, lambda seeds: parts(config, seeds))
    runs = [results.entry(seed, part["final"], part["curves"], part["seconds"])
            for seed, part in zip(options.seeds, made)]
    record = results.record(
        options, runs, dict(linear_threshold_measured=1.0, local_violations=0, lstm_truncated_farthest_from_1=1.0),
        checks, rnn_sizes=RNN_SIZES, lstm_sizes=LSTM_SIZES, burn_in=BURN_IN, first_fitted_lag=first_fitted_lag(config),
        eigenvalues_of=GROUP, bound_sizes=bound.SIZES, bound_lags=bound.LAGS)
    results.save(options, record, dict(gain=gains(config), stage=gains(config)[stages(gains(config))], **pooled(made)))
    report(record["summary"])


def checks(record):
    """What is claimed, set against what was measured. Any of them can fail; the bounds were fixed before the run."""
    s = record["summary"]
    value = lambda name, key: s[name][key] if s[name]["n"] == len(record["runs"]) else None
    below = lambda x, limit: x is not None and x < limit
    threshold, decay = value("linear_threshold_measured", "mean"), value("decay_rate_error", "max")
    must_vanish, single = value("largest_factor_below_norm_1", "max"), value("lstm_truncated_farthest_from_1", "mean")
    low, high = value("lstm_smallest_median", "min"), value("lstm_largest_median", "max")
    forget = value("lstm_forget_largest_median", "max")
    restless = [value(f"{kind}_64_crossing", "min") for kind in ("logistic", "tanh")]
    broken = [value(name, "max") for name in ("local_violations", "norm_violations")]
    return [
        results.check("linear networks: scale at which the error neither vanishes nor explodes", threshold,
                      "1.0 within 1 %", threshold is not None and abs(threshold - 1) < 0.01, paper=1.0),
        results.check("linear networks decay exponentially at the predicted rate: median relative error", decay,
                      "at most 0.05", below(decay, 0.05)),
        results.check("logistic and tanh networks of 64 units: smallest scale at which the median factor crosses 1",
                      None if None in restless else min(restless), "above 1",
                      None not in restless and min(restless) > 1),
        results.check("networks with f'max |W| < 1 (spectral norm): largest factor per step", must_vanish, "below 1",
                      below(must_vanish, 1)),
        results.check("local flows above the bound n (f'max |W|)^q", broken[0], "0", broken[0] == 0, paper=0),
        results.check("whole errors above the bound (f'max |W|)^q, spectral norm", broken[1], "0", broken[1] == 0),
        results.check("LSTM of 1997, truncated gradient: factor of one cell and step, the one farthest from 1", single,
                      "exactly 1", single == 1 and s["lstm_truncated_farthest_from_1"]["std"] in (0, None), paper=1.0),
        results.check("LSTM of 1997, full gradient: median factor per step, the largest over scales and sizes", high,
                      "0.95 to 1.05, as the smallest", None not in (low, high) and 0.95 <= low <= high <= 1.05),
        results.check("LSTM with forget gate (bias 1), scales up to 1: largest median factor per step", forget,
                      "below 1: it vanishes", below(forget, 1)),
    ]


def report(summary):
    """The lines the docstring promises."""
    show = lambda name, key="mean": "none" if summary[name][key] is None else f"{summary[name][key]:.3f}"
    print(f"linear threshold          {show('linear_threshold_measured')}   theory: spectral radius 1")
    print(f"decay rate error          {show('decay_rate_error')}   linear networks, relative to the predicted rate")
    for name, formula in (("local", "n (f'max |W|)^q"), ("norm", "(f'max |W|)^q")):
        flows = summary[f"{name}_flows"]["mean"] * summary[f"{name}_flows"]["n"]
        print(f"above {formula:<20}{summary[f'{name}_violations']['max']:.0f}   of {flows:,.0f} measured flows")
    print(f"LSTM, truncated gradient  {show('lstm_truncated_farthest_from_1')}   exactly: no path through the gates")
    print(f"LSTM, full gradient       {show('lstm_smallest_median', 'min')} to {show('lstm_largest_median', 'max')}"
          "   median factor per step over all scales")
    print(f"LSTM with forget gate     {show('lstm_forget_smallest_median', 'min')} to "
          f"{show('lstm_forget_largest_median', 'max')}   the same, scales up to 1")


# ---------------------------------------------------------------- gradients, saved weights, main

def gradient_errors():
    """Relative error of every backward pass that is measured or trained, float64: the kernels' and the studies'."""
    errors = {f"error flow, {kind}": rnn_error(kind) for kind in STEEPEST}
    errors |= {f"error flow, {kind}": lstm_error(kind) for kind in LSTM_KINDS}
    for name in study.find(HERE):
        errors |= getattr(study.load(HERE, name), "gradient_errors", dict)()
    return errors


def rnn_error(kind):
    """dL/dh[0] and dL/ddrive of a random weighted sum of all states, against finite differences."""
    rng = stream(0, f"gradcheck {kind}")
    W, a = rng.standard_normal((5, 5)) / 2, dict(drive=rng.standard_normal((12, 5, 3)), h0=rng.standard_normal((5, 3)))
    weight = rng.standard_normal((13, 5, 3))
    g = tanh_rnn.backward(weight, tanh_rnn.forward(a["drive"], W, a["h0"], kind), W, kind)
    loss = lambda: float((weight * tanh_rnn.forward(a["drive"], W, a["h0"], kind)).sum())
    return gradcheck.largest_error(loss, a, dict(drive=g.drive, h0=g.h[0]), rng)


def lstm_error(kind):
    """dL/ds[0] and dL/ddrive of a random weighted sum of all outputs, against finite differences.

    The truncated gradient is the ordinary one of a network whose recurrent inputs are constants: so it is
    compared with finite differences of one that reads a recorded y.
    """
    rng, truncated = stream(0, f"gradcheck {kind}"), kind == "lstm_truncated"
    cell = lstm.Cell(4, forget_gate=True) if kind == "lstm_forget" else lstm.Cell(4, squash="1997")
    W, weight = rng.standard_normal((cell.features, 4)) / 2, rng.standard_normal((13, 4, 3))
    a = dict(drive=rng.standard_normal((12, cell.features, 3)), s0=rng.standard_normal((4, 3)))
    trace = lstm.forward(cell, a["drive"], W, s0=a["s0"])
    recorded = W @ trace.y[:-1]

    def loss():
        read = (a["drive"] + recorded, 0 * W) if truncated else (a["drive"], W)
        return float((weight[1:] * lstm.forward(cell, *read, s0=a["s0"]).y[1:]).sum())

    g = lstm.backward(cell, trace, W, weight, truncated=truncated)
    return gradcheck.largest_error(loss, a, dict(drive=g.drive, s0=g.s[0]), rng)


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(gradient_errors())
    if options.evaluate:                             # nothing is trained here; a study's networks are scored
        return study.load(HERE, "before_and_after").evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
