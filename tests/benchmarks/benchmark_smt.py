"""Training steps of smt/: this repository's numpy against PyTorch eager.

    python3 tests/benchmarks/benchmark_smt.py                 # two minutes; needs PyTorch, else says so and ends
    python3 tests/benchmarks/benchmark_smt.py --rounds 3      # quicker, noisier

Three rows (smt_steps.py). SMT, with the residual MLP of 256 hidden units and with the GRU as updater, at the headline's
size: Retrieval with 8 elements, T = 64, B = 32, memory of 64 numbers on the sphere, causal encoder of 2 blocks and
decoder of 1 block of width 64, one head. A step is: all four losses, all gradients, clipping each network, AdamW.
Self-prediction, at the size of the studies of proved machines: parity, 128 words of up to 16 letters with one answer at
the end, 64 bits, residual MLP, 256 places, horizon 8. A step is: rollout, all three losses, gradients of one update,
clipping, AdamW. Not in any of them, on either side: drawing the batch and the random choices.

Fairness: the same weights, batches, cuts, places and noise on both sides; the gradients are compared before anything is
timed, so both compute the same thing. float32, one thread each, a process for each library, taking turns round by
round; processor time, not wall time. PyTorch (torch_smt.py) is the fastest of three eager versions (fused attention;
written out; all decoder positions instead of the asked ones), with its fused AdamW. Not torch.compile.

The share of the machine's own matrix-product rate uses the step's operations as PyTorch's FlopCounterMode counts
them (matrix products only; written-out attention, full T x T; the decoder's last block at asked positions, as both
compute it) against two rates timed in the same rounds: two 1024 x 1024 matrices, the best the machine can do,
and the step's own most frequent shape, (rows x 64) times (64 x 256).
Writes smt_step.json next to this file and prints (the committed run):

    SMT, residual MLP   numpy 44.3 ms   PyTorch 61.8 ms   ratio 1.39 (1.27 to 1.50)   45.9 GFLOP/s = 35 % of sgemm
    SMT, GRU            numpy 41.7 ms   PyTorch 57.3 ms   ratio 1.39 (1.29 to 1.51)   42.7 GFLOP/s = 33 % of sgemm
    self-prediction     numpy 11.3 ms   PyTorch 17.4 ms   ratio 1.54 (1.13 to 1.73)   36.1 GFLOP/s = 27 % of sgemm
"""
import argparse
import importlib.util
import sys
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np

from common import results
from smt_steps import POOL, SIZE, SelfPredictionStep, SMTStep

ROWS = {"SMT, residual MLP": partial(SMTStep, "mlp"), "SMT, GRU": partial(SMTStep, "gru"),
        "self-prediction": SelfPredictionStep}
FASTER = 1.3        # at least so many times PyTorch's speed


# -- timing: each library in a process of its own, as it is used, taking turns ----------------------------------------

def numpy_work(row):
    """{name: what to time}, and the size of the step."""
    ours = ROWS[row]()
    square = np.random.default_rng(0).standard_normal((2, 1024, 1024), dtype=np.float32)
    tall, wide = np.ones((ours.rows, SIZE), np.float32), np.ones((SIZE, 4 * SIZE), np.float32)
    product, hidden = np.empty_like(square[0]), np.empty((len(tall), 4 * SIZE), np.float32)
    return {"numpy": lambda: [ours.step(batch) for batch in ours.pool],
            "sgemm_square": lambda: [np.matmul(*square, out=product) for _ in range(POOL)],
            "sgemm_mlp": lambda: [np.matmul(tall, wide, out=hidden) for _ in range(20 * POOL)]}, ours.size()


def torch_work(row):
    """{name: what to time}, and {operations per step, largest differences of gradients and losses, version}."""
    import torch_smt
    torch_smt.torch.set_num_threads(1)
    ours = ROWS[row]()
    tensors, sides = torch_smt.as_tensors(ours.pool), torch_smt.sides(ours)
    gradient, loss = torch_smt.agreement(ours, sides, tensors)
    operations = torch_smt.useful_operations(sides["torch_plain_attention"], tensors)
    work = {name: (lambda side=side: [side.step(batch) for batch in tensors]) for name, side in sides.items()}
    return work, {"operations": operations, "gradient": gradient, "loss": loss,
                  "torch": torch_smt.torch.__version__, "torch_threads": torch_smt.torch.get_num_threads()}


def serve(make, row, pipe):
    """In a worker: send what there is to report and the names, then the processor seconds of the work asked for."""
    work, facts = make(row)
    for run in work.values():
        run()
    pipe.send((list(work), facts))
    while (name := pipe.recv()) is not None:
        start = time.process_time()
        work[name]()
        pipe.send(time.process_time() - start)


def measure(row, rounds):
    """{name: seconds per step or per product, one entry per round}, the step's size, and what torch_work reports."""
    context, pipes, seconds, facts = get_context("spawn"), {}, {}, []
    for make in (numpy_work, torch_work):
        ours, theirs = context.Pipe()
        context.Process(target=serve, args=(make, row, theirs), daemon=True).start()
        names, reported = ours.recv()
        facts.append(reported)
        pipes.update({name: ours for name in names})
    for turn in range(rounds):
        for name in list(pipes)[::1 if turn % 2 == 0 else -1]:  # nobody always goes first
            pipes[name].send(name)
            seconds.setdefault(name, []).append(pipes[name].recv() / POOL)
    for pipe in set(pipes.values()):
        pipe.send(None)
    seconds["sgemm_mlp"] = [s / 20 for s in seconds["sgemm_mlp"]]
    return {name: np.array(seconds[name]) for name in pipes}, *facts


# -- what is reported --------------------------------------------------------------------------------------------------

def spread(values, unit=1.0):
    return results.spread(list(np.asarray(values) * unit))


def report_row(row, rounds):
    """One row of smt_step.json, and the versions of the other side."""
    seconds, size, facts = measure(row, rounds)
    torch_names = [name for name in seconds if name.startswith("torch")]
    fastest = min(torch_names, key=lambda name: np.median(seconds[name]))
    rate, best = facts["operations"] / seconds["numpy"], best_rates(seconds, size["rows"])
    return {
        "size": size, "milliseconds": {name: spread(seconds[name], 1e3) for name in ("numpy", *torch_names)},
        "fastest_torch": fastest, "ratio": spread(seconds[fastest] / seconds["numpy"]),
        "gflop_per_step": facts["operations"] / 1e9,
        "gflops": {"numpy": spread(rate, 1e-9), "torch": spread(facts["operations"] / seconds[fastest], 1e-9),
                   **{name: spread(of, 1e-9) for name, of in best.items()}},
        "share_of_sgemm": {name: spread(rate / of) for name, of in best.items()},
        "largest_relative_difference": {"gradient": facts["gradient"], "losses_over_8_steps": facts["loss"]},
    }, {name: facts[name] for name in ("torch", "torch_threads")}


def best_rates(seconds, rows):
    """Operations per second of two matrix products, one entry per round."""
    return {"sgemm_1024": 2 * 1024 ** 3 / seconds["sgemm_square"],
            "sgemm_mlp_shape": 2 * rows * SIZE * 4 * SIZE / seconds["sgemm_mlp"]}


def report(rounds):
    rows, versions = {}, {}
    for row in ROWS:
        rows[row], versions = report_row(row, rounds)
    return {"benchmark": "smt_step", "command": f"python3 tests/benchmarks/benchmark_smt.py --rounds {rounds}",
            "environment": {**results.environment(), **versions},
            "batches_per_round": POOL, "rounds": rounds, "rows": rows,
            "checks": [check for row in rows for check in checks(row, rows[row])] + shares(rows["SMT, residual MLP"])}


def checks(row, measured):
    difference, ratio = measured["largest_relative_difference"], measured["ratio"]["median"]
    return [results.check(f"{row}: both sides compute the same gradients", difference["gradient"],
                          "<= 1e-4 per array (float32)", difference["gradient"] <= 1e-4),
            results.check(f"{row}: and train alike: losses of 8 steps", difference["losses_over_8_steps"], "<= 1e-3",
                          difference["losses_over_8_steps"] <= 1e-3),
            results.check(f"{row}: times the speed of PyTorch eager, one thread each", ratio, f">= {FASTER}",
                          ratio >= FASTER)]


def shares(measured):
    made = []
    for name, title in (("sgemm_1024", "1024 x 1024"), ("sgemm_mlp_shape", "the step's own shape")):
        share = measured["share_of_sgemm"][name]["median"]
        claim = f"SMT, residual MLP: share of the machine's own sgemm rate ({title})"
        made.append(results.check(claim, share, ">= 0.4", share >= 0.4))
    return made


def line(row, measured):
    """One printed line."""
    ms = {name: times["median"] for name, times in measured["milliseconds"].items()}
    ratio, share = measured["ratio"], measured["share_of_sgemm"]["sgemm_1024"]["median"]
    return (f"{row:17s}   numpy {ms['numpy']:4.1f} ms   PyTorch {ms[measured['fastest_torch']]:4.1f} ms"
            f"   ratio {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
            f"   {measured['gflops']['numpy']['median']:.1f} GFLOP/s = {100 * share:.0f} % of sgemm")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds of %d steps on each side (default 15)" % POOL)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for smt_step.json")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    if importlib.util.find_spec("torch") is None:
        print("skipped: PyTorch is not installed (tests/benchmarks/requirements.txt)")
        return
    record = report(options.rounds)
    results.write_json(options.out / "smt_step.json", record)
    for row, measured in record["rows"].items():
        print(line(row, measured))
    for check in record["checks"]:
        verdict = "holds" if check["holds"] else "FAILS"
        print(f"{verdict}   {check['claim']}: {check['measured']:.3g} ({check['expected']})")


if __name__ == "__main__":
    main()
