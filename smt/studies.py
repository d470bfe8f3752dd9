"""Studies beside the headline (python3 smt/smt.py --study NAME); each writes studies/<NAME>.json.

    ablation   the binary recipe at T = 16 with one change at a time, and the continuous memory with the binary recipe
    updaters   Retrieval at T = 64 with five kinds of updater, by SMT, DMT and BPTT (also without the memory's norm)
    tasks      the other tasks of the paper's suite at small sizes: SMT, DMT and BPTT
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
from smt.memory import BinaryMemory, FreeMemory, LatticeMemory, SphereMemory
from smt.model import RNN, Teacher
from smt.tasks import TASKS, RetrievalMachine, retrieval
from smt.training import Recipe, bptt_scores, encoder_accuracy, rollout_scores, train_dmt, train_smt

STUDIES = ("ablation", "updaters", "tasks")
RATES = (3e-4, 1e-3, 3e-3, 1e-2)                      # BPTT's learning rates, those of the headline
BINARY, CONTINUOUS = Weights(dynamics=3.0, uniformity=0.05), Weights(dynamics=3.0, uniformity=0.2)

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
    "continuous memory, its own recipe": (lambda c: SphereMemory(c.size, noise=0.15), CONTINUOUS, None, True),
}

# name: (key of updaters.UPDATERS, memory tokens, options)
UPDATERS = {"residual MLP": ("mlp", 1, {}), "Transformer block": ("transformer", 2, {"heads": 1}), "GRU": ("gru", 1, {}),
            "LSTM": ("lstm", 1, {}), "tanh RNN": ("tanh", 1, {})}

# name: (key of TASKS, length, parameters); lengths are powers of two because the windows of DMT divide them
TASK_SIZES = {
    "Retrieval": ("retrieval", 32, {"elements": 8}),
    "Retrieval, 10 % wrong labels": ("retrieval", 32, {"elements": 8, "noise": 0.1}),
    "String Copy": ("string_copy", 16, {"elements": 4}),
    "Stack Operations": ("stack_operations", 32, {"elements": 4, "max_size": 8}),
    "Keys and Values": ("keys_and_values", 8, {"keys": 8, "values": 8}),
    "Modular Arithmetic": ("modular_arithmetic", 32, {"modulus": 7, "difficulty": 0.5}),
    "Parity": ("parity", 32, {}),
}


def run(options):
    """Train every variant for every seed, write studies/<name>.json, print the table."""
    started, c, study = time.time(), options.config, options.study
    variants, train = {"ablation": (ABLATION, ablation), "updaters": (UPDATERS, updaters), "tasks": (TASK_SIZES, other_tasks)}[study]
    jobs = {(seed, name): (train, (c, seed, name)) for seed in options.seeds for name in variants}
    parts = run_jobs(jobs, c.processes)
    runs = [{"seed": seed, "curves": {}, "seconds": sum(p["seconds"] for k, p in parts.items() if k[0] == seed),
             "final": results.finite({f"{name}: {metric}": value for (s, name), part in parts.items() if s == seed
                                      for metric, value in part["final"].items()})} for seed in options.seeds]
    record = results.record("smt", options, runs, study=study, started=started, config=asdict(c))
    results.write(options.out / "studies" / f"{study}.json", record)
    print(table(record))


def task_of(generate, **parameters):
    """(rng, batch, length) -> (x, y)."""
    return lambda rng, batch, length: generate(rng, batch, length, **parameters)


def steps(c, n):
    """So many training steps at scale 1."""
    return max(2, int(round(n * c.scale)))


def ablation(c, seed, name):
    """Train one variant at the short length; accuracy there, at 16 and 256 times the length, wrong transitions, certificate."""
    make, weights, start, shift = ABLATION[name]
    task = task_of(retrieval, elements=c.elements)
    rng, memory, s = stream(seed, "init"), make(c), c.short_length
    teacher = Teacher(rng, c.elements + 1, memory, width=c.width, heads=c.heads, shift=shift)
    rnn = RNN(rng, c.elements + 1, memory, hidden=c.hidden)
    plan = ((s, 64, steps(c, 300)), (s, 32, steps(c, 300))) if start is None else ((s, 64, steps(c, 120)), (s, 32, steps(c, 300)))
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


def updaters(c, seed, name):
    """One updater at T = c.length: SMT and DMT as in the headline, and BPTT with as many sequences."""
    kind, tokens, options = UPDATERS[name]
    options = {**options, "hidden": c.hidden} if kind == "mlp" else options
    task = task_of(retrieval, elements=c.elements)
    plan = ((c.length, 32, steps(c, 400)), (c.length, 16, steps(c, 400)))
    return {"final": compare(c, seed, task, c.length, c.elements + 1, (kind, tokens, options), Recipe(plan, CONTINUOUS),
                             steps(c, 150), free=True)}


def other_tasks(c, seed, name):
    """One task with the headline's networks. The dynamics start at step 100: no threshold fits all decoding losses."""
    key, length, parameters = TASK_SIZES[name]
    generate = TASKS[key].generate
    recipe = Recipe(((length, 32, steps(c, 800)),), CONTINUOUS, start=steps(c, 100))
    clean = {k: v for k, v in parameters.items() if k != "noise"}
    final = compare(c, seed, task_of(generate, **parameters), length, TASKS[key].vocabulary(**parameters),
                    ("mlp", 1, {"hidden": c.hidden}), recipe, steps(c, 150), task_of(generate, **clean))
    return {"final": {**final, "chance": TASKS[key].chance(**parameters)}}


def compare(c, seed, task, length, vocabulary, updater, recipe, dmt_steps, clean=None, free=False):
    """{method: accuracy} of SMT, SMT + DMT and BPTT, all on their own memory from the empty past; tested on `clean`
    sequences if given. BPTT is the rate of RATES with the lowest validation loss, with as many sequences as SMT and DMT;
    with `free` also with a memory that is not scaled to a sphere, as such networks are ordinarily trained."""
    kind, tokens, options = updater
    fresh = lambda memory: RNN(stream(seed, "init"), vocabulary, memory, kind, **options)  # noqa: E731
    memory = SphereMemory(c.size, tokens=tokens, noise=0.15)
    teacher = Teacher(stream(seed, "init teacher"), vocabulary, memory, width=c.width, heads=c.heads)
    rnn, train = fresh(memory), stream(seed, "train")
    test, validation = (clean or task)(stream(seed, "test"), c.test, length), task(stream(seed, "validation"), 256, length)
    memories = teacher.encoder.forward
    smt = train_smt(teacher, rnn, task, train, recipe)
    scores = rollout_scores(rnn, *test, memories(test[0])[0])
    final = {"SMT": scores["accuracy"], "drift after SMT": scores["drift"].mean(), "encoder": encoder_accuracy(teacher, rnn, *test)}
    dmt = train_dmt(teacher, rnn, task, train, length, 32, dmt_steps)
    scores = rollout_scores(rnn, *test, memories(test[0])[0])
    final.update({"SMT + DMT": scores["accuracy"], "drift after DMT": scores["drift"].mean()})
    plan = ((length, 32, (smt["sequences"] + dmt["sequences"]) // 32),)
    for label, kept in (("BPTT", SphereMemory(c.size, tokens=tokens)), ("BPTT, free memory", FreeMemory(c.size, tokens=tokens))):
        if label == "BPTT" or free:
            runs = [bptt_scores(fresh(kept), task, stream(seed, "train"), plan, rate, test, validation) for rate in RATES]
            best = min(range(len(RATES)), key=lambda i: runs[i][1])
            final.update({label: runs[best][0], f"{label}: rate": RATES[best], f"{label}: highest": max(r[0] for r in runs)})
    return {k: float(v) for k, v in final.items()}


def table(record):
    """A study as a Markdown table: mean over seeds (worst seed)."""
    return {"ablation": ablation_table, "updaters": comparison_table, "tasks": comparison_table}[record["study"]](record)


def comparison_table(record):
    """Rows: variants. Columns: accuracies, mean (worst seed); for BPTT also the highest of all rates and seeds."""
    summary = record["summary"]
    names = list(dict.fromkeys(key.split(": ")[0] for key in summary))
    shown = lambda entry: "–" if entry is None else f"{entry['mean']:.3f} ({entry['min']:.3f})"  # noqa: E731
    rows = []
    for name in names:
        entry = lambda metric: summary.get(f"{name}: {metric}")  # noqa: E731, B023
        cells = [shown(entry(metric)) for metric in ("SMT", "SMT + DMT", "encoder")]
        for label in ("BPTT", "BPTT, free memory"):
            if entry(label):
                cells.append(f"{shown(entry(label))}, highest {entry(f'{label}: highest')['max']:.3f}")
        chance = entry("chance")["mean"] if entry("chance") else 1 / record["config"]["elements"]
        rows.append([name, *cells, f"{chance:.3f}"])
    methods = ["SMT", "SMT + DMT", "encoder (ceiling)", "BPTT, best rate", "BPTT, free memory"][:len(rows[0]) - 2]
    return results.table([{"updaters": "updater", "tasks": "task"}[record["study"]], *methods, "chance"], rows)


def ablation_table(record):
    """The ablation as a Markdown table: mean over seeds, for accuracies also the worst seed."""
    metrics = list(dict.fromkeys(key.split(": ")[1] for key in record["summary"]))
    rows = []
    for name in ABLATION:
        entry = lambda metric: record["summary"].get(f"{name}: {metric}")  # noqa: E731, B023
        cells = ["–" if entry(m) is None else f"{entry(m)['mean']:.3g} (worst {entry(m)['min']:.3g})" if m.startswith("accuracy")
                 else f"{entry(m)['mean']:.2g}" for m in metrics]
        rows.append([name, *cells])
    return results.table(["variant", *metrics], rows)
