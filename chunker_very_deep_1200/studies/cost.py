"""What does each method compute and store?

Nothing is trained here. Multiply-adds are counted from the weight matrices (a backward step costs two
forward steps: the error of the states and that of the weights); the bytes stored for the way back are
those of the arrays that a forward pass keeps, float32, one sequence of T steps. C's number of
surprises is the least possible one: 2 with m = 0 and m + 3 with m further letters. The last column
is the whole training of the main experiment, C's many passes included.
"""

import numpy as np

from chunker_very_deep_1200 import single_nets
from chunker_very_deep_1200.chunker_very_deep_1200 import automatizer, chunker, recipe
from chunker_very_deep_1200.task import alphabet
from common import results
from common.networks import stack
from common.randomness import stream

SEEDS, MINUTES = range(1), 0.02
USES = ("length", "automatizer_hidden", "automatizer_window", "automatizer_windows", "automatizer_batch",
        "chunker_hidden", "chunker_updates", "chunker_batch", "marked_hidden", "marked_passes", "hidden", "cells")
QUICK = dict(length=60)
WEIGHTS = ("W", "W_out", "W_extra")          # a one-hot input only picks a column of W_in
TEXT = dict(rnn="tanh-RNN, 16 units", lstm="LSTM (1997), 8 cells", lstm_forget="LSTM with forget gate, 8 cells",
            A_learns="A while it learns", A_walks="A frozen, walking", C_m0="C, m = 0: 2 surprises",
            C_m3="C, m = 3: 6 surprises")


def run(config, seeds, others=3):
    T, final, totals = config.length, {}, {}
    for kind in ("rnn", "lstm", "lstm_forget"):
        net, _ = single_nets.single_net(kind, config)
        final |= {f"{kind}_{key}": value for key, value in counted(net, T, T).items()}
        totals[kind] = config.sequences * final[f"{kind}_multiply_adds"]
    A = automatizer(config)
    final |= {f"A_learns_{key}": value for key, value in counted(A, T, config.automatizer_window).items()}
    final |= {f"A_walks_{key}": value for key, value in walking(A, T).items()}
    for_A = config.automatizer_passes * config.automatizer_batch
    for_C = config.sequences - for_A
    totals["A_learns"] = for_A * final["A_learns_multiply_adds"]
    totals["A_walks"] = for_C * final["A_walks_multiply_adds"]
    for m, k in ((0, 2), (others, others + 3)):
        how = recipe(config, m)
        C = chunker(how, alphabet(m), T)
        final |= {f"C_m{m}_{key}": value for key, value in counted(C, k + 1, k + 1).items()}
        totals[f"C_m{m}"] = how.passes * for_C * final[f"C_m{m}_multiply_adds"]
    final |= {f"{name}_training": total for name, total in totals.items()}
    return [results.entry(seed, final) for seed in seeds]


def counted(net, steps, path):
    """Of one sequence: forward and backward over `steps`, errors that go back at most `path` steps."""
    p = stack([net.init(stream(0, "cost"))])
    return dict(forward_steps=steps, gradient_steps=steps, longest_path=path,
                multiply_adds=3 * steps * multiply_adds(p), stored_bytes=stored_bytes(net, p, path))


def walking(net, steps):
    """A trained A only walks: no error, nothing stored but its state."""
    p = stack([net.init(stream(0, "cost"))])
    return dict(forward_steps=steps, gradient_steps=0, longest_path=0, multiply_adds=steps * multiply_adds(p),
                stored_bytes=net.forward(p, np.zeros((1, 1, 1), np.int8)).state[0].nbytes)


def multiply_adds(p):
    """Of one forward step of one sequence."""
    return sum(p[name].shape[-1] * p[name].shape[-2] for name in WEIGHTS if name in p)


def stored_bytes(net, p, steps):
    """Bytes of the arrays that a forward pass over `steps` keeps for the backward pass."""
    extra = np.zeros((steps, 1, net.reals, 1), np.float32) if net.reals else None
    run = net.forward(p, np.zeros((steps, 1, 1), np.int8), extra=extra)
    kept = run.trace if net.cell else (run.y,)
    return sum(a.nbytes for a in kept)


def ratio(record, m):
    """Multiply-adds of the whole training of A and C against those of the cheapest single net."""
    s = record["summary"]
    ours = sum(s[f"{name}_training"]["mean"] for name in ("A_learns", "A_walks", f"C_m{m}"))
    return ours / min(s[f"{kind}_training"]["mean"] for kind in ("rnn", "lstm", "lstm_forget"))


def checks(record):
    return [results.check(f"m = {m}: multiply-adds of A and C together against the cheapest single net",
                          ratio(record, m), "below 1", ratio(record, m) < 1) for m in (0, record["config"]["others"])]


def finding(record):
    s, m = record["summary"], record["config"]["others"]
    stored = {name: s[f"{name}_stored_bytes"]["mean"] for name in ("rnn", "A_learns", f"C_m{m}")}
    return (f"For the way back a tanh-RNN stores {stored['rnn']:,.0f} bytes a sequence, A {stored['A_learns']:,.0f}, C "
            f"{stored[f'C_m{m}']:,.0f} (m = {m}). Training A and C takes {ratio(record, 0):.2f} (m = 0) and "
            f"{ratio(record, m):.2f} (m = {m}) times the multiply-adds of the cheapest single net.")


def table(record):
    s = record["summary"]
    keys = ("forward_steps", "gradient_steps", "longest_path", "multiply_adds", "stored_bytes")
    rows = [[text, *(f"{s[f'{name}_{key}']['mean']:,.0f}" for key in keys), f"{s[f'{name}_training']['mean']:.2g}"]
            for name, text in TEXT.items() if f"{name}_training" in s]
    return ["per sequence", "forward steps", "steps that carry an error", "longest error path", "multiply-adds",
            "bytes stored for the way back", "multiply-adds, whole training"], rows
