"""One training step of Supervised Memory Training: this repository's numpy against PyTorch eager.

    python3 tests/benchmarks/benchmark_smt.py                 # about a minute; needs PyTorch, else says so and ends
    python3 tests/benchmarks/benchmark_smt.py --rounds 3      # quicker, noisier

The headline's size: Retrieval with 8 elements, T = 64, B = 32, memory of 64 numbers on the sphere, residual MLP with
256 hidden units, causal encoder of 2 blocks and decoder of 1 block of width 64. A step is: all four losses, all
gradients, clipping each network, AdamW. Not in it, for either: drawing the batch and the random choices.

Fairness: the same weights, batches, cuts and noise on both sides; the gradients are compared before anything is timed, so
both compute the same thing. float32, one thread each, the same process, taking turns round by round; processor
time, not wall time. PyTorch is the fastest of three eager versions (fused attention; written out; all decoder
positions instead of the asked ones), with its fused AdamW. Not torch.compile.

The share of the machine's own matrix-product rate uses the step's operations as PyTorch's FlopCounterMode counts
them (matrix products only; written-out attention, full T x T; the decoder's last block at asked positions, as both
compute it) against two rates timed in the same rounds: two 1024 x 1024 matrices, the best the machine can do,
and the step's own most frequent shape, (B (T + 1) x 64) times (64 x 256).
Writes smt_step.json next to this file and prints (the committed run):

    numpy 47.7 ms   PyTorch 55.1 ms   ratio 1.17 (1.11 to 1.20)   42.6 GFLOP/s = 30 % of sgemm
"""
import argparse
import sys
import time
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

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("skipped: PyTorch is not installed (tests/benchmarks/requirements.txt)")
    raise SystemExit(0) from None

LENGTH, BATCH, ELEMENTS, SIZE = 64, 32, 8, 64
WEIGHTS = Weights(dynamics=2.0, uniformity=0.2)
NOISE, HEADS, LR = 0.15, 4, 1e-3
POOL = 8  # batches per round: their cuts differ, and the decoder's cost with them


# -- PyTorch, eager ----------------------------------------------------------------------------------------------------

class TorchSMT:
    """The same teacher, RNN, losses and optimiser, from the numpy networks' weights.

    fused: PyTorch's own attention kernel. asked_only: the decoder's last block ends at the positions that are asked,
    the saving that smt/ makes too; False computes all positions, as the released code does.
    """

    def __init__(self, networks, fused=True, asked_only=True):
        self.fused, self.asked_only = fused, asked_only
        self.networks = {n: {name: torch.tensor(_to_torch(name, a), requires_grad=True) for name, a in network.arrays().items()}
                         for n, network in networks.items()}
        self.p = {name: p for parameters in self.networks.values() for name, p in parameters.items()}
        self.adam = torch.optim.AdamW(self.p.values(), lr=LR, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.01, fused=True)
        angle = torch.arange(LENGTH + 1)[:, None] * 10000.0 ** (-2.0 * torch.arange(SIZE // HEADS // 2) / (SIZE // HEADS))
        self.turn = torch.polar(torch.ones_like(angle), angle)[:, None]
        self.mask = torch.full((LENGTH + 1, LENGTH + 1), -1e9).triu(1)

    def step(self, batch):
        self.adam.zero_grad(set_to_none=True)
        losses = self.losses(*batch)
        losses["total"].backward()
        for parameters in self.networks.values():
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        self.adam.step()
        return losses

    def losses(self, x, y, choices):
        targets = F.pad(y, (1, 0), value=-1)
        memories = self.encoder(x)
        losses = {"dec": self.decoding(memories, x, targets, choices.cuts), "read": self.reading(memories, targets),
                  "dyn": self.dynamics(memories, x, choices.noise), "unif": self.uniformity(memories, choices.compared)}
        losses["total"] = (losses["dec"] + WEIGHTS.read * losses["read"] + WEIGHTS.dynamics * losses["dyn"]
                           + WEIGHTS.uniformity * losses["unif"])
        return losses

    def decoding(self, memories, x, targets, cuts):
        groups = np.array_split(np.arange(len(x)), len(cuts))
        total = count = 0
        for group, cut in zip(groups, cuts.tolist()):
            rows, asked = slice(group[0], group[-1] + 1), targets[group[0]:group[-1] + 1, cut:]
            places = torch.nonzero(asked >= 0, as_tuple=True)
            logits = self.decoder(memories[rows, cut], x[rows, cut:], places if self.asked_only else None)
            total = total + F.cross_entropy(logits if self.asked_only else logits[places], asked[places], reduction="sum")
            count += len(places[0])
        return total / count

    def reading(self, memories, targets):
        asked = targets >= 0
        hidden = F.gelu(self.linear(memories[asked], "readout/w1", "readout/b1"), approximate="tanh")
        return F.cross_entropy(self.linear(hidden, "readout/w2", "readout/b2"), targets[asked])

    def dynamics(self, memories, x, noise):
        given = memories[:, :-1] + noise
        hidden = self.linear(given, "updater/w1", "updater/b1") + F.embedding(x, self.p["updater/table"])
        logits = given + self.linear(F.gelu(hidden, approximate="tanh"), "updater/w2", "updater/b2")
        error = (self.normed(logits) - memories[:, 1:]).square().mean(-1).flatten()
        worst = torch.topk(error, max(1, round(WEIGHTS.top * len(error))), sorted=False).values
        return 0.5 * error.mean() + 0.5 * worst.mean()

    def uniformity(self, memories, compared):
        unit = F.normalize(memories.flatten(0, 1)[compared], dim=-1)
        pairs = (4 * (unit @ unit.T) - 4).exp()
        n = len(unit)
        return torch.log((pairs.sum() - pairs.diagonal().sum()) / (n * (n - 1)))

    def encoder(self, x):
        tokens = F.pad(x, (1, 0), value=ELEMENTS + 1)
        stream = F.embedding(tokens, self.p["encoder/table"])
        stream = stream + F.pad(F.embedding(tokens[:, :-1], self.p["encoder/previous"]), (0, 0, 1, 0))
        return self.normed(self.linear(self.stack(stream, "encoder", 2), "encoder/out", "encoder/bias"))

    def decoder(self, memory, future, kept=None):
        first = self.linear(memory, "decoder/project")[:, None]
        ahead = F.embedding(future, self.p["decoder/table"])
        if future.shape[1] > 1:
            ahead = ahead + F.pad(F.embedding(future[:, :-1], self.p["decoder/previous"]), (0, 0, 1, 0))
        return self.linear(self.stack(torch.cat([first, ahead], 1), "decoder", 1, kept), "decoder/out", "decoder/bias")

    def stack(self, stream, part, depth, kept=None):
        for layer in range(depth):
            name = f"{part}/block{layer}."
            mixed = self.attention(self.normed(stream, name + "norm1"), name)
            if kept is not None and layer == depth - 1:
                mixed, stream = mixed[kept], stream[kept]
            stream = stream + self.linear(mixed, name + "project")
            hidden = self.linear(self.normed(stream, name + "norm2"), name + "w1", name + "b1")
            stream = stream + self.linear(F.gelu(hidden, approximate="tanh"), name + "w2", name + "b2")
        return self.normed(stream, f"{part}/norm")

    def attention(self, x, name):
        batch, length, _ = x.shape
        query, key, value = self.linear(x, name + "qkv").view(batch, length, 3, HEADS, -1).unbind(2)
        query, key = self.rotated(query).transpose(1, 2), self.rotated(key).transpose(1, 2)
        value = value.transpose(1, 2)
        if self.fused:
            result = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + self.mask[:length, :length]
            result = scores.softmax(-1) @ value
        return result.transpose(1, 2).reshape(x.shape)

    def rotated(self, heads):
        pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * self.turn[:heads.shape[1]]).flatten(-2)

    def linear(self, x, weight, bias=None):
        return F.linear(x, self.p[weight], None if bias is None else self.p[bias])

    def normed(self, x, gain=None):
        return F.rms_norm(x, x.shape[-1:], None if gain is None else 1 + self.p[gain], torch.finfo(torch.float32).eps)

    def gradient(self):
        """{name: gradient} in the layout of the numpy networks."""
        return {name: _to_torch(name, p.grad.numpy()) for name, p in self.p.items() if p.grad is not None}


def _to_torch(name, array):
    """Weights are (from, to) in smt/ and (to, from) in PyTorch; lookup tables are the same in both."""
    return np.ascontiguousarray(array.T) if array.ndim == 2 and "table" not in name and "previous" not in name else array.copy()


# -- both sides ----------------------------------------------------------------------------------------------------------

def numpy_networks():
    rng, memory = stream(0, "init"), SphereMemory(SIZE, noise=NOISE)
    return {"teacher": Teacher(rng, ELEMENTS + 1, memory), "rnn": RNN(rng, ELEMENTS + 1, memory)}


def draw_pool(networks):
    """POOL batches with all their random choices, once as arrays and once as tensors."""
    rng, pool = stream(0, "train"), []
    for _ in range(POOL):
        x, y = retrieval(rng, BATCH, LENGTH, ELEMENTS)
        pool.append((x, y, draw_choices(rng, BATCH, LENGTH, networks["rnn"].memory)))
    tensors = [(torch.tensor(x), torch.tensor(y), c._replace(compared=torch.tensor(c.compared), noise=torch.tensor(c.noise)))
               for x, y, c in pool]
    return pool, tensors


def numpy_step(networks, trainer, batch):
    losses = smt_loss(networks["teacher"], networks["rnn"], *batch, WEIGHTS)
    trainer.step(LR)
    return losses


def agreement(networks, sides, pool, tensors):
    """Largest relative difference of a gradient (per array) and of the losses over POOL steps of training."""
    smt_loss(networks["teacher"], networks["rnn"], *pool[0], WEIGHTS)
    ours = {k: a for n in networks.values() for k, a in n.arrays(n.gradient).items()}
    gradients = []
    for side in sides.values():
        side.losses(*tensors[0])["total"].backward()
        theirs = side.gradient()
        gradients += [np.linalg.norm(theirs[k] - ours[k]) / (np.linalg.norm(ours[k]) + 1e-9) for k in theirs]
    trainer, losses = Trainer(**networks), []
    for batch, tensor in zip(pool, tensors):
        ours = numpy_step(networks, trainer, batch)
        for side in sides.values():
            theirs = side.step(tensor)
            losses += [abs(float(theirs[name].detach()) / ours[name] - 1) for name in ours]
    return max(gradients), max(losses)


def useful_operations(side, tensors):
    """Floating-point operations of matrix products per step, mean over the pool (forward and backward)."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        for batch in tensors:
            side.losses(*batch)["total"].backward()
    return counter.get_total_flops() / len(tensors)


# -- timing --------------------------------------------------------------------------------------------------------------

def cpu_seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(rounds):
    """{name: seconds per step or per product, one entry per round}, useful operations, agreement."""
    networks = numpy_networks()
    sides = {"torch_fused_attention": TorchSMT(networks), "torch_plain_attention": TorchSMT(networks, fused=False),
             "torch_all_positions": TorchSMT(networks, asked_only=False)}
    pool, tensors = draw_pool(networks)
    differences = agreement(networks, sides, pool, tensors)
    operations = useful_operations(sides["torch_plain_attention"], tensors)
    trainer = Trainer(**networks)
    square = np.random.default_rng(0).standard_normal((2, 1024, 1024), dtype=np.float32)
    tall, wide = np.ones((BATCH * (LENGTH + 1), SIZE), np.float32), np.ones((SIZE, 4 * SIZE), np.float32)
    product, hidden = np.empty_like(square[0]), np.empty((len(tall), 4 * SIZE), np.float32)
    work = {"numpy": lambda: [numpy_step(networks, trainer, batch) for batch in pool],
            **{name: (lambda side=side: [side.step(batch) for batch in tensors]) for name, side in sides.items()},
            "sgemm_square": lambda: [np.matmul(*square, out=product) for _ in range(POOL)],
            "sgemm_mlp": lambda: [np.matmul(tall, wide, out=hidden) for _ in range(20 * POOL)]}
    for name in work:
        work[name]()
    seconds = {name: [] for name in work}
    for turn in range(rounds):
        names = list(work) if turn % 2 == 0 else list(work)[::-1]  # nobody always goes first
        for name in names:
            seconds[name].append(cpu_seconds(work[name]) / POOL)
    seconds["sgemm_mlp"] = [s / 20 for s in seconds["sgemm_mlp"]]
    return {name: np.array(s) for name, s in seconds.items()}, operations, differences, hidden.size * SIZE * 2


def report(rounds):
    seconds, operations, (gradient, loss), mlp_operations = measure(rounds)
    torch_names = [name for name in seconds if name.startswith("torch")]
    torch_name = min(torch_names, key=lambda name: np.median(seconds[name]))
    ratio = seconds[torch_name] / seconds["numpy"]
    rate = operations / seconds["numpy"]
    square = 2 * 1024 ** 3 / seconds["sgemm_square"]
    own_shape = mlp_operations / seconds["sgemm_mlp"]
    spread = lambda x, unit=1.0: results.spread(list(np.asarray(x) * unit))  # noqa: E731
    return {
        "benchmark": "smt_step", "command": "python3 tests/benchmarks/benchmark_smt.py" + f" --rounds {rounds}" * (rounds != 15),
        "environment": {**results.environment(), "torch": torch.__version__, "torch_threads": torch.get_num_threads()},
        "size": {"length": LENGTH, "batch": BATCH, "elements": ELEMENTS, "memory": SIZE, "weights": WEIGHTS._asdict(),
                 "noise": NOISE, "batches_per_round": POOL, "rounds": rounds},
        "milliseconds": {name: spread(seconds[name], 1e3) for name in ("numpy", *torch_names)},
        "faster_torch": torch_name, "ratio": spread(ratio), "gflop_per_step": operations / 1e9,
        "gflops": {"numpy": spread(rate, 1e-9), "torch": spread(operations / seconds[torch_name], 1e-9),
                   "sgemm_1024": spread(square, 1e-9), "sgemm_mlp_shape": spread(own_shape, 1e-9)},
        "share_of_sgemm": {"sgemm_1024": spread(rate / square), "sgemm_mlp_shape": spread(rate / own_shape)},
        "largest_relative_difference": {"gradient": gradient, "losses_over_8_steps": loss},
        "checks": [
            results.check("both sides compute the same gradients", gradient, "<= 1e-4 per array (float32)", gradient <= 1e-4),
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
    torch.set_num_threads(1)
    record = report(options.rounds)
    results.write(options.out / "smt_step.json", record)
    ms, ratio, share = record["milliseconds"], record["ratio"], record["share_of_sgemm"]["sgemm_1024"]["median"]
    print(f"numpy {ms['numpy']['median']:.1f} ms   PyTorch {ms[record['faster_torch']]['median']:.1f} ms"
          f"   ratio {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
          f"   {record['gflops']['numpy']['median']:.1f} GFLOP/s = {100 * share:.0f} % of sgemm")
    for check in record["checks"]:
        print(f"{'holds' if check['holds'] else 'FAILS'}   {check['claim']}: {check['measured']:.3g} ({check['expected']})")


if __name__ == "__main__":
    main()
