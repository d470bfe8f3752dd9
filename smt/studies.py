"""Studies beside the headline (python3 smt/smt.py --study NAME); each writes studies/<NAME>.json.

    ablation   the binary recipe at T = 16 with one change at a time, and the continuous memory with the binary recipe
"""

import time
from dataclasses import asdict

import numpy as np

from common import results
from common.randomness import stream
from smt import probes
from smt.certificate import certify
from smt.jobs import run_jobs
from smt.losses import Weights
from smt.memory import BinaryMemory, LatticeMemory, SphereMemory
from smt.model import RNN, Teacher
from smt.tasks import RetrievalMachine, retrieval
from smt.training import Recipe, rollout_scores, train_smt

STUDIES = ("ablation",)
BINARY = Weights(dynamics=3.0, uniformity=0.05)

# name: (memory, weights, fixed start of the dynamics or None, token shift)
ABLATION = {
    "full recipe": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY, None, True),
    "squared instead of logistic loss": (lambda c: BinaryMemory(c.bits, noise=0.02, loss="squared"), BINARY, None, True),
    "no bit flips": (lambda c: BinaryMemory(c.bits), BINARY, None, True),
    "plain schedule (dynamics from step 100)": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY, 100, True),
    "dynamics from step 0": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY, 0, True),
    "no top-10 % term": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY._replace(top=0.0), None, True),
    "no uniformity": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY._replace(uniformity=0.0), None, True),
    "dynamics detached from the encoder": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY._replace(detach=True), None, True),
    "no token shift": (lambda c: BinaryMemory(c.bits, noise=0.02), BINARY, None, False),
    "lattice memory (step 1)": (lambda c: LatticeMemory(c.bits, noise=0.15, step=1.0), BINARY, None, True),
    "continuous memory, same size": (lambda c: SphereMemory(c.bits, noise=0.15), BINARY, None, True),
    "continuous memory, its own recipe": (lambda c: SphereMemory(c.size, noise=0.15), Weights(2.0, 0.2), None, True),
}


def run(options):
    """Train every variant for every seed, write studies/ablation.json, print the table."""
    started, c = time.time(), options.config
    jobs = {(seed, name): (ablation, (c, seed, name)) for seed in options.seeds for name in ABLATION}
    parts = run_jobs(jobs, c.processes)
    runs = [{"seed": seed, "curves": {}, "seconds": sum(p["seconds"] for k, p in parts.items() if k[0] == seed),
             "final": results.finite({f"{name}: {metric}": value for (s, name), part in parts.items() if s == seed
                                      for metric, value in part["final"].items()})} for seed in options.seeds]
    record = results.record("smt", options, runs, study="ablation", started=started, config=asdict(c))
    results.write(options.out / "studies" / "ablation.json", record)
    print(table(record))


def ablation(c, seed, name):
    """Train one variant at the short length; accuracy there, at 16 and 256 times the length, wrong transitions, certificate."""
    make, weights, start, shift = ABLATION[name]
    steps = lambda n: max(2, int(round(n * c.scale)))  # noqa: E731
    task = lambda rng, batch, length: retrieval(rng, batch, length, elements=c.elements)  # noqa: E731
    rng, memory, s = stream(seed, "init"), make(c), c.short_length
    teacher = Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads, shift=shift)
    rnn = RNN(rng, c.elements + 1, memory, hidden=c.hidden)
    plan = ((s, 64, steps(300)), (s, 32, steps(300))) if start is None else ((s, 64, steps(120)), (s, 32, steps(300)))
    train_smt(teacher, rnn, task, stream(seed, "train"), Recipe(plan, weights, start=start))
    final = {}
    for times in (1, 16, 256):
        x, y = task(stream(seed, f"test {times}"), 256, s * times)
        final[f"accuracy at T = {s * times}"] = probes.play(probes.stepper(rnn), x, y)
    x, y = task(stream(seed, "test"), 256, s)
    memories = teacher.encoder.forward(x)[0]
    final["drift"] = rollout_scores(rnn, x, y, memories)["drift"].mean()
    if isinstance(memory, BinaryMemory):
        next_codes = rnn.step(memories[:, :-1].reshape(-1, memory.size), x.reshape(-1))
        final["wrong transitions"] = np.mean((next_codes != memories[:, 1:].reshape(-1, memory.size)).any(-1))
        final["certified"] = certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(c.elements, shortest=s)).certified
    return {"final": {k: float(v) for k, v in final.items()}}


def table(record):
    """The ablation as a Markdown table: mean over seeds, and the worst seed's accuracy at the longest length."""
    metrics = list(dict.fromkeys(key.split(": ")[1] for key in record["summary"]))
    rows = []
    for name in ABLATION:
        entry = lambda metric: record["summary"].get(f"{name}: {metric}")  # noqa: E731, B023
        cells = ["–" if entry(m) is None else f"{entry(m)['mean']:.3g} (worst {entry(m)['min']:.3g})" if m.startswith("accuracy")
                 else f"{entry(m)['mean']:.2g}" for m in metrics]
        rows.append([name, *cells])
    return results.table(["variant", *metrics], rows)
