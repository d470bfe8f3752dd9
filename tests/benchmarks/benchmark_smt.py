"""One training step of Supervised Memory Training: this repository's numpy against PyTorch eager.

    python3 tests/benchmarks/benchmark_smt.py                 # about a minute; needs PyTorch, else says so and ends
    python3 tests/benchmarks/benchmark_smt.py --rounds 3      # quicker, noisier

The headline's size: Retrieval with 8 elements, T = 64, B = 32, memory of 64 numbers on the sphere, residual MLP with
256 hidden units, causal encoder of 2 blocks and decoder of 1 block of width 64, one head. A step is: all four losses,
all gradients, clipping each network, AdamW. Not in it, for either: drawing the batch and the random choices.

Fairness: the same weights, batches, cuts and noise on both sides; the gradients are compared before anything is timed,
so both compute the same thing. float32, one thread each, a process for each library, taking turns round by round;
processor time, not wall time. PyTorch (torch_smt.py) is the fastest of three eager versions (fused attention; written
out; all decoder positions instead of the asked ones), with its fused AdamW. Not torch.compile.

The share of the machine's own matrix-product rate uses the step's operations as PyTorch's FlopCounterMode counts
them (matrix products only; written-out attention, full T x T; the decoder's last block at asked positions, as both
compute it) against two rates timed in the same rounds: two 1024 x 1024 matrices, the best the machine can do,
and the step's own most frequent shape, (B (T + 1) x 64) times (64 x 256).
Writes smt_step.json next to this file and prints (the committed run):

    numpy 36.0 ms   PyTorch 50.2 ms   ratio 1.39 (1.19 to 1.56)   56.4 GFLOP/s = 39 % of sgemm
"""
import argparse
import importlib.util
import sys
import time
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np

from common import results
from common.randomness import stream
from smt.losses import Weights, draw_choices, smt_loss
from smt.memory import SphereMemory
from smt.model import RNN, Teacher
from smt.tasks import retrieval
from smt.training import Trainer

LENGTH, BATCH, ELEMENTS, SIZE = 64, 32, 8, 64
WEIGHTS = Weights(dynamics=2.0, uniformity=0.2)
NOISE, HEADS, LR = 0.15, 1, 1e-3
POOL = 8  # batches per round: their cuts differ, and the decoder's cost with them


# -- both sides --------------------------------------------------------------------------------------------------------

def numpy_networks():
    rng, memory = stream(0, "init"), SphereMemory(SIZE, noise=NOISE)
    return {"teacher": Teacher(rng, ELEMENTS + 1, memory, heads=HEADS), "rnn": RNN(rng, ELEMENTS + 1, memory)}


def draw_pool(networks):
    """POOL batches with all their random choices."""
    rng, pool = stream(0, "train"), []
    for _ in range(POOL):
        x, y = retrieval(rng, BATCH, LENGTH, ELEMENTS)
        pool.append((x, y, draw_choices(rng, BATCH, LENGTH, networks["rnn"].memory)))
    return pool


def numpy_step(networks, trainer, batch):
    losses = smt_loss(networks["teacher"], networks["rnn"], *batch, WEIGHTS)
    trainer.step(LR)
    return losses


# -- timing: each library in a process of its own, as it is used, taking turns ----------------------------------------

def numpy_work():
    """{name: what to time}, and nothing to report."""
    networks = numpy_networks()
    pool, trainer = draw_pool(networks), Trainer(**networks)
    square = np.random.default_rng(0).standard_normal((2, 1024, 1024), dtype=np.float32)
    tall, wide = np.ones((BATCH * (LENGTH + 1), SIZE), np.float32), np.ones((SIZE, 4 * SIZE), np.float32)
    product, hidden = np.empty_like(square[0]), np.empty((len(tall), 4 * SIZE), np.float32)
    return {"numpy": lambda: [numpy_step(networks, trainer, batch) for batch in pool],
            "sgemm_square": lambda: [np.matmul(*square, out=product) for _ in range(POOL)],
            "sgemm_mlp": lambda: [np.matmul(tall, wide, out=hidden) for _ in range(20 * POOL)]}, None


def torch_work():
    """{name: what to time}, and (operations per step, largest differences of gradients and losses)."""
    import torch_smt
    torch_smt.torch.set_num_threads(1)
    networks = numpy_networks()
    pool = draw_pool(networks)
    tensors, sides = torch_smt.as_tensors(pool), torch_smt.sides(networks)
    differences = torch_smt.agreement(networks, sides, pool, tensors)
    operations = torch_smt.useful_operations(sides["torch_plain_attention"], tensors)
    work = {name: (lambda side=side: [side.step(batch) for batch in tensors]) for name, side in sides.items()}
    return work, (operations, differences, torch_smt.torch.__version__, torch_smt.torch.get_num_threads())


def serve(make, pipe):
    """In a worker: send what there is to report and the names, then the processor seconds of the work asked for."""
    work, facts = make()
    for run in work.values():
        run()
    pipe.send((list(work), facts))
    while (name := pipe.recv()) is not None:
        start = time.process_time()
        work[name]()
        pipe.send(time.process_time() - start)


def measure(rounds):
    """{name: seconds per step or per product, one entry per round}, and what torch_work reports."""
    context, pipes, seconds = get_context("spawn"), {}, {}
    for make in (numpy_work, torch_work):
        ours, theirs = context.Pipe()
        context.Process(target=serve, args=(make, theirs), daemon=True).start()
        names, facts = ours.recv()                              # the last one's facts stay
        pipes.update({name: ours for name in names})
    for turn in range(rounds):
        for name in list(pipes)[::1 if turn % 2 == 0 else -1]:  # nobody always goes first
            pipes[name].send(name)
            seconds.setdefault(name, []).append(pipes[name].recv() / POOL)
    for pipe in set(pipes.values()):
        pipe.send(None)
    seconds["sgemm_mlp"] = [s / 20 for s in seconds["sgemm_mlp"]]
    return {name: np.array(seconds[name]) for name in pipes}, facts


def report(rounds):
    seconds, (operations, (gradient, loss), version, threads) = measure(rounds)
    mlp_operations = 2 * BATCH * (LENGTH + 1) * SIZE * 4 * SIZE
    torch_names = [name for name in seconds if name.startswith("torch")]
    torch_name = min(torch_names, key=lambda name: np.median(seconds[name]))
    ratio = seconds[torch_name] / seconds["numpy"]
    rate = operations / seconds["numpy"]
    square = 2 * 1024 ** 3 / seconds["sgemm_square"]
    own_shape = mlp_operations / seconds["sgemm_mlp"]
    spread = lambda x, unit=1.0: results.spread(list(np.asarray(x) * unit))
    return {
        "benchmark": "smt_step", "command": f"python3 tests/benchmarks/benchmark_smt.py --rounds {rounds}",
        "environment": {**results.environment(), "torch": version, "torch_threads": threads},
        "size": {"length": LENGTH, "batch": BATCH, "elements": ELEMENTS, "memory": SIZE, "heads": HEADS,
                 "weights": WEIGHTS._asdict(), "noise": NOISE, "batches_per_round": POOL, "rounds": rounds},
        "milliseconds": {name: spread(seconds[name], 1e3) for name in ("numpy", *torch_names)},
        "faster_torch": torch_name, "ratio": spread(ratio), "gflop_per_step": operations / 1e9,
        "gflops": {"numpy": spread(rate, 1e-9), "torch": spread(operations / seconds[torch_name], 1e-9),
                   "sgemm_1024": spread(square, 1e-9), "sgemm_mlp_shape": spread(own_shape, 1e-9)},
        "share_of_sgemm": {"sgemm_1024": spread(rate / square), "sgemm_mlp_shape": spread(rate / own_shape)},
        "largest_relative_difference": {"gradient": gradient, "losses_over_8_steps": loss},
        "checks": [
            results.check("both sides compute the same gradients", gradient, "<= 1e-4 per array (float32)",
                          gradient <= 1e-4),
            results.check("and train alike: losses of 8 steps", loss, "<= 1e-3", loss <= 1e-3),
            results.check("at least as fast as PyTorch eager, one thread each", float(np.median(ratio)), ">= 1.0",
                          np.median(ratio) >= 1),
            *(results.check(f"share of the machine's own sgemm rate ({name})", float(np.median(rate / best)), ">= 0.4",
                            np.median(rate / best) >= 0.4)
              for name, best in (("1024 x 1024", square), ("the step's own shape", own_shape)))]}


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
    ms, ratio, share = record["milliseconds"], record["ratio"], record["share_of_sgemm"]["sgemm_1024"]["median"]
    print(f"numpy {ms['numpy']['median']:.1f} ms   PyTorch {ms[record['faster_torch']]['median']:.1f} ms"
          f"   ratio {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
          f"   {record['gflops']['numpy']['median']:.1f} GFLOP/s = {100 * share:.0f} % of sgemm")
    for check in record["checks"]:
        verdict = "holds" if check["holds"] else "FAILS"
        print(f"{verdict}   {check['claim']}: {check['measured']:.3g} ({check['expected']})")


if __name__ == "__main__":
    main()
