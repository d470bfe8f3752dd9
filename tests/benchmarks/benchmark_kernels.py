"""Time a full training step (data, forward, backward, update) of temporal order, T = 50, B = 32.

    python3 -m pip install -r tests/benchmarks/requirements.txt     for the PyTorch and JAX rows
    python3 tests/benchmarks/benchmark_kernels.py

Ours against the textbook step, PyTorch eager (hand-written cell, and nn.LSTM with its forget
gate) and JAX (jit + scan; vmap for N = 30), in float32 with one thread, in one process, in
turn; the textbook step keeps numpy's float64. Prints ratios of medians and writes kernel_step.json
beside this file.
"""

import dataclasses
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import results
from common.networks import stack
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream, streams
from temporal_order_3bit import temporal_order_3bit as experiment
from tests.benchmarks import textbook_training as textbook

try:
    import torch
    torch.set_num_threads(1)
except ImportError:
    torch = None
try:
    import jax
    import jax.numpy as jnp
except ImportError:
    jax = None

T, B, LR, BLOCK = 50, 32, 0.02, experiment.BLOCK
CONFIG = experiment.Config()


def contestant(H):
    """The experiment's LSTM with H cells."""
    return experiment.lstm_of(dataclasses.replace(CONFIG, hidden=H))


# ---------------------------------------------------------------- contenders: each returns step(), N

def ours(H, N):
    network = contestant(H).network
    p = stack([contestant(H).init(rng, CONFIG) for rng in streams(range(N), "init")])
    generators, optimizer, drawn = streams(range(N), "train"), Adam(p), []

    def step():
        if not drawn:
            drawn.extend(zip(*experiment.sequences_per_seed(generators, BLOCK, T, B)))
        _, g = network.gradients_at_end(p, *drawn.pop())
        clip_by_global_norm(g, 1.0, networks=True)
        optimizer.step(g, LR)
    return step


def ours_data(N):
    generators = streams(range(N), "train")
    return lambda: experiment.sequences_per_seed(generators, BLOCK, T, B)


def textbook_step(H):
    p = textbook.from_ours(contestant(H).init(stream(0, "init"), CONFIG, np.float64))
    adam, rng = textbook.Adam(p), stream(0, "train")
    return lambda: adam.step(p, textbook.gradients(p, *textbook.batch(rng, B, T, experiment.windows(T)))[1], LR)


def data(rng):
    """Our generator feeds the other libraries too: one-hot (T, B, 8) and classes."""
    tokens, targets = experiment.sequences(rng, 1, T, B)
    return np.eye(8, dtype=np.float32)[tokens[0]], targets[0]


def torch_cell(H):
    p = contestant(H).init(stream(0, "init"), CONFIG)
    p = {name: torch.tensor(a, requires_grad=True) for name, a in p.items()}
    optimizer, rng = torch.optim.Adam(p.values(), LR), stream(0, "train")

    def step():
        x, y = data(rng)
        drive = torch.from_numpy(x) @ p["W_in"].T + p["b"]
        h, s = torch.zeros(B, H), torch.zeros(B, H)
        for t in range(T):
            net = drive[t] + h @ p["W"].T
            gates, candidate = torch.sigmoid(net[:, :2 * H]), torch.tanh(net[:, 2 * H:])
            s = s + gates[:, :H] * candidate
            h = gates[:, H:] * torch.tanh(s)
        loss = torch.nn.functional.cross_entropy(h @ p["W_out"].T + p["b_out"], torch.from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(p.values(), 1.0)
        optimizer.step()
    return step


def torch_nn(H):
    net, out = torch.nn.LSTM(8, H), torch.nn.Linear(H, 4)
    parameters, rng = [*net.parameters(), *out.parameters()], stream(0, "train")
    optimizer = torch.optim.Adam(parameters, LR)

    def step():
        x, y = data(rng)
        loss = torch.nn.functional.cross_entropy(out(net(torch.from_numpy(x))[0][-1]), torch.from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return step


def jax_step(H, N):
    """jit of one network (N = 1) or of vmap over N; our generator draws the sequences."""
    def loss_of(p, x, y):
        drive = x @ p["W_in"].T + p["b"]

        def cell(state, d):
            h, s = state
            net = d + h @ p["W"].T
            gates, candidate = jax.nn.sigmoid(net[:, :2 * H]), jnp.tanh(net[:, 2 * H:])
            s = s + gates[:, :H] * candidate
            return (gates[:, H:] * jnp.tanh(s), s), None
        (h, _), _ = jax.lax.scan(cell, (jnp.zeros((B, H)), jnp.zeros((B, H))), drive)
        log_p = jax.nn.log_softmax(h @ p["W_out"].T + p["b_out"])
        return -log_p[jnp.arange(B), y].mean()

    def update(state, tokens, y):
        p, m, v, n = state
        g = jax.grad(loss_of)(p, jax.nn.one_hot(tokens, 8), y)
        norm = jnp.sqrt(sum((a * a).sum() for a in jax.tree_util.tree_leaves(g)))
        g = jax.tree_util.tree_map(lambda a: a * jnp.minimum(1, 1 / norm), g)
        m = jax.tree_util.tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree_util.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        n = n + 1
        step = lambda m, v: LR * (m / (1 - 0.9**n)) / (jnp.sqrt(v / (1 - 0.999**n)) + 1e-8)
        p = jax.tree_util.tree_map(lambda p, m, v: p - step(m, v), p, m, v)
        return p, m, v, n

    p = stack([contestant(H).init(rng, CONFIG) for rng in streams(range(N), "init")])
    zeros = {name: np.zeros_like(a) for name, a in p.items()}
    state = (p, zeros, zeros, np.zeros(N, np.float32))
    run = jax.jit(jax.vmap(update, in_axes=(0, 1, 0)))
    if N == 1:
        state, run = jax.tree_util.tree_map(lambda a: a[0], state), jax.jit(update)
    box, generators, drawn = [state], streams(range(N), "train"), []

    def step():
        if not drawn:
            drawn.extend(zip(*experiment.sequences_per_seed(generators, BLOCK, T, B)))
        tokens, targets = drawn.pop()
        box[0] = run(box[0], *((tokens[:, 0], targets[0]) if N == 1 else (tokens, targets)))
        jax.block_until_ready(box[0])
    return step


# ---------------------------------------------------------------- measuring

def measure(contenders, rounds=15, seconds=0.1):
    """Median milliseconds per step of each contender; they take turns, so a slow moment hits all."""
    times, repeats = {name: [] for name in contenders}, {}
    for name, step in contenders.items():
        step(), step()
        started = time.perf_counter()
        step()
        repeats[name] = max(1, int(seconds / max(time.perf_counter() - started, 1e-6)))
    for _ in range(rounds):
        for name, step in contenders.items():
            started = time.perf_counter()
            for _ in range(repeats[name]):
                step()
            times[name].append((time.perf_counter() - started) / repeats[name] * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    small = dict(ours=ours(4, 1), textbook=textbook_step(4))
    large = dict(ours=ours(64, 1), textbook=textbook_step(64))
    thirty = dict(ours=ours(4, 30))
    if torch:
        small |= dict(torch_cell=torch_cell(4), torch_nn_lstm=torch_nn(4))
        large |= dict(torch_cell=torch_cell(64), torch_nn_lstm=torch_nn(64))
    if jax:
        small |= dict(jax_jit=jax_step(4, 1))
        large |= dict(jax_jit=jax_step(64, 1))
        thirty |= dict(jax_jit_one_network=jax_step(4, 1), jax_jit_vmap_30=jax_step(4, 30))
    for library, name in ((torch, "PyTorch"), (jax, "JAX")):
        if library is None:
            print(f"{name} is not installed: its rows are left out")
    report = {}
    for title, contenders, networks in (("H=4", small, {}), ("H=64", large, {}),
                                        ("H=4, N=30, per network", thirty, dict(ours=30, jax_jit_vmap_30=30))):
        median = {name: ms / networks.get(name, 1) for name, ms in measure(contenders).items()}
        report[title] = dict(milliseconds=median,
                             times_ours={name: ms / median["ours"] for name, ms in median.items()})
        print(f"\n{title}")
        for name, ms in median.items():
            print(f"  {name:<22}{ms:9.3f} ms   {ms / median['ours']:6.2f} times ours")
    generator = measure(dict(data=ours_data(1)))["data"] / BLOCK
    report["data"] = dict(milliseconds=generator, share_of_step=generator / report["H=4"]["milliseconds"]["ours"])
    print(f"\ndata generator: {generator:.4f} ms a batch, {report['data']['share_of_step']:.1%} of the step at H=4")
    versions = dict(torch=torch and torch.__version__, jax=jax and jax.__version__)
    made = dict(command="python3 tests/benchmarks/benchmark_kernels.py", environment=results.environment() | versions)
    results.write_json(Path(__file__).with_name("kernel_step.json"), {**made, **report})


if __name__ == "__main__":
    main()
