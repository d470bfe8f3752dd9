"""Does the algorithm of 1992 give our gradient, and at what price?

Real-time recurrent learning (Williams & Zipser 1989) carries the derivatives of all states forward
instead of going back. It is compared with back-propagation through time on whole sequences of random
symbols, in float64. Another gradient than BPTT's would refute our use of BPTT in its place. Numbers
kept: the states of all steps for BPTT, the derivatives of the states for RTRL.
"""

import time

import numpy as np

from chunker_very_deep_1200.predictor import predictor, read_from
from common import results
from common.layers import softmax
from common.randomness import stream

SEEDS, MINUTES = range(5), 0.4
USES = ()
QUICK = dict(sizes=(4, 8), T=30)
SYMBOLS = 7


def run(config, seeds, sizes=(4, 8, 16, 32, 64), T=200):
    for seed in seeds:
        final, started = {}, time.perf_counter()
        for H in sizes:
            final |= {f"{key}_H{H}": value for key, value in compared(seed, H, T).items()}
        yield results.entry(seed, final, seconds=time.perf_counter() - started)


def compared(seed, H, T):
    """Both gradients on one sequence: their difference, the time and the memory of each."""
    net, rng = predictor(H, SYMBOLS), stream(seed, "rtrl")
    p = net.init(rng, std=1 / np.sqrt(H), dtype=np.float64)
    symbols, weight = rng.integers(0, SYMBOLS, (T, 1)), np.full((T, 1), 1 / T)
    inputs = read_from(symbols, SYMBOLS)
    bptt_seconds, (_, back, seen) = fastest(lambda: net.gradients_at_every_step(p, inputs, symbols, weight))
    rtrl_seconds, (forward, kept) = fastest(lambda: rtrl_gradients(p, inputs[:, 0], symbols[:, 0], weight[:, 0]))
    difference = max(np.abs(back[name] - forward[name]).max() / np.abs(back[name]).max() for name in p)
    return dict(difference=difference, bptt_us=1e6 * bptt_seconds / T, rtrl_us=1e6 * rtrl_seconds / T,
                bptt_stored=seen.y[1:].size, rtrl_stored=kept.size)


def rtrl_gradients(p, inputs, targets, weight):
    """Real-time recurrent learning for one tanh-RNN and one sequence.

    Carries dh/dW and dh/dW_in forward and needs no memory of the past:

        P[t+1] = diag(1 - h[t+1]^2) (W P[t] + direct)      direct: h[t] for W, the one-hot input for W_in

    p without the axis N; inputs, targets, weight (T,)   ->   {name: gradient}, P
    """
    H, D = p["W_in"].shape
    h, P = np.zeros(H), np.zeros((H, H, H + D))              # P[k, i, :]: dh_k / d(row i of [W W_in])
    g = {name: np.zeros_like(a) for name, a in p.items()}
    both, unit = np.zeros((H, H + D)), np.arange(H)
    for t, x in enumerate(inputs):
        source = np.concatenate([h, np.zeros(D)])
        source[H + x] = 1
        h = np.tanh(p["W"] @ h + p["W_in"][:, x])
        P = (p["W"] @ P.reshape(H, -1)).reshape(P.shape)
        P[unit, unit] += source
        P *= (1 - h * h)[:, None, None]
        d = softmax((p["W_out"] @ h + p["b_out"])[:, None])[:, 0]
        d[targets[t]] -= 1
        d *= weight[t]
        g["W_out"] += np.outer(d, h)
        g["b_out"] += d
        both += np.tensordot(p["W_out"].T @ d, P, axes=1)
    g["W"], g["W_in"] = both[:, :H], both[:, H:]
    return g, P


def fastest(call, times=3):
    """The shortest of a few runs in seconds, and the result."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def checks(record):
    difference = max(e["max"] for name, e in record["summary"].items() if name.startswith("difference"))
    return [results.check("RTRL against BPTT, largest relative difference", difference, "below 1e-12",
                          difference < 1e-12)]


def finding(record):
    s, H = record["summary"], max(record["config"]["sizes"])
    return (f"The same to rounding ({record['checks'][0]['measured']:.0e}), at "
            f"{s[f'rtrl_us_H{H}']['median'] / s[f'bptt_us_H{H}']['median']:.0f} times the time with {H} units.")


def table(record):
    s = record["summary"]
    keys = ("bptt_us", "rtrl_us", "bptt_stored", "rtrl_stored")
    rows = [[H, f"{s[f'difference_H{H}']['max']:.0e}", *(f"{s[f'{key}_H{H}']['median']:,.0f}" for key in keys)]
            for H in record["config"]["sizes"]]
    T = record["config"]["T"]
    return ["hidden units", "largest relative difference", "BPTT (µs per step)", "RTRL (µs per step)",
            f"BPTT: numbers kept (T = {T})", "RTRL: numbers kept"], rows
