"""How far back does the error reach?

One sequence of T = 1,200 steps, asked at its end; untrained networks in float64. How large is what arrives at the
memory m_t, t = 0 .. T? By BPTT through the residual MLP, GRU and tanh updater, the error of the answer has to pass
every update between. By SMT's dynamics loss, the error of the last transition reaches its own two memories: exactly 0
elsewhere. By SMT's decoding loss, the decoder that starts from m_t answers at the end: T - t steps are one step of
attention. Arrays (seeds, T+1), log10 of the norm, not a number where it is 0: log10_bptt_mlp, log10_bptt_gru,
log10_bptt_tanh, log10_dynamics, log10_decoding (the last has no entry at m_T, where nothing is left to decode).
They are drawn in vanishing_gradient/viz/how_far.png. Refuted if the decoding loss fell exponentially with distance, or
if the dynamics loss reached further.
"""

import numpy as np

from common import results
from common.randomness import stream
from smt import losses
from smt.comparison import task_of
from smt.gradients import decoding_norms, untrained

SEEDS, MINUTES = range(100, 103), 4
USES = ("elements", "size", "width", "heads")
QUICK = dict(size=16, width=16, steps=24)
BPTT = ("mlp", "gru", "tanh")
REACHED, SMALLEST = "memories reached", "smallest over largest, log10"
FIRST = "first over last, log10"


def run(config, seeds, steps=1200):
    for seed in seeds:
        arrays, decoding = norms(config, seed, steps)
        final = {name.removeprefix("log10_"): {REACHED: float(np.isfinite(a).sum())} for name, a in arrays.items()}
        final["decoding"][SMALLEST] = float(np.nanmin(decoding) - np.nanmax(decoding))
        for name in BPTT:
            final[f"bptt_{name}"][FIRST] = first_over_last(arrays[f"log10_bptt_{name}"])
        yield results.entry(seed, final, arrays=arrays)


def norms(c, seed, steps):
    """{array: (T+1,)} and the decoding array once more."""
    x, y = task_of(c)(stream(seed, "reach"), 1, steps)
    arrays = {}
    for name in BPTT:
        _, rnn = untrained(c, seed, name)
        arrays[f"log10_bptt_{name}"] = log10(losses.bptt_loss(rnn, x, y)[1])
    teacher, rnn = untrained(c, seed, "mlp")
    arrays["log10_dynamics"] = log10(last_transition(teacher, rnn, x))
    arrays["log10_decoding"] = log10(np.append(decoding_norms(teacher, x, y, range(steps)), 0.0))
    return arrays, arrays["log10_decoding"]


def last_transition(teacher, rnn, x):
    """||dL/dm_t|| (T+1,) where L is the dynamics error of the transition from m_T-1 to m_T alone."""
    memories = teacher.encoder.forward(x)[0]
    dmemories = np.zeros_like(memories)
    weights = losses.Weights(1.0, 0.0, top=0.0)
    losses.dynamics_loss(rnn, memories[:, -2:], x[:, -1:], None, weights, dmemories[:, -2:])
    return np.linalg.norm(dmemories[0], axis=-1)


def log10(norms):
    with np.errstate(divide="ignore"):
        found = np.log10(norms)
    return np.where(np.isfinite(found), found, np.nan)


def first_over_last(log_norms):
    """log10 of what arrives at m_0 against what arrives at m_T; None where nothing arrives (below float64)."""
    ratio = log_norms[0] - log_norms[-1]
    return float(ratio) if np.isfinite(ratio) else None


def checks(record):
    at = lambda *path: results.values(record, *path)
    T = record["config"]["steps"]
    worst = min(at("decoding", SMALLEST), default=None)
    return [results.check("the dynamics error of one transition reaches so many memories",
                          max(at("dynamics", REACHED), default=None), "2", set(at("dynamics", REACHED)) == {2.0}),
            results.check(f"the decoding loss reaches all of the {T:,} memories before the end",
                          min(at("decoding", REACHED), default=None), f"{T}",
                          set(at("decoding", REACHED)) == {float(T)}),
            results.check("its smallest gradient is within 10^-5 of its largest (log10)", worst, ">= -5",
                          worst is not None and worst >= -5)]


def finding(record):
    def shown(*path):
        found = results.values(record, *path)
        return f"10^{np.median(found):.1f}" if len(found) else "below float64"
    ends = [shown(f"bptt_{name}", FIRST) for name in BPTT]
    return (f"Over {record['config']['steps']:,} steps (untrained, median of {len(record['runs'])} seeds) BPTT's error "
            f"falls to {ends[0]} (residual MLP), {ends[1]} (GRU), {ends[2]} (tanh-RNN); a dynamics error reaches 2 "
            f"memories; the decoding loss reaches all, falling to {shown('decoding', SMALLEST)}.")


def table(record):
    return ["loss", "what", "median", "min", "max"], [
        [loss, what, *(f"{spread[k]:.4g}" if spread["n"] else "none" for k in ("median", "min", "max"))]
        for loss, found in record["summary"].items() for what, spread in found.items()]
