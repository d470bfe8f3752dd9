"""What happens on the other tasks of the paper's suite?

Small sizes (T = 32; String Copy 16, Keys and Values 8), the networks of the main experiment, one recipe for all and
nothing tuned for any of them; the dynamics start at update 100, because no threshold fits all decoding losses. BPTT has
the residual MLP on the sphere, four rates, as many sequences as SMT and DMT together; the rate is chosen on validation
sequences. The trivial rule is the best constant answer (chance). "SMT beats BPTT" would be refuted by a task on which
BPTT is the better one. Five of these tasks with a better teacher and a tuned opponent: study encoder_limit.
"""

import numpy as np

from common import results
from smt import scores
from smt.comparison import CONTINUOUS_WEIGHTS, compare
from smt.memory import SphereMemory
from smt.tasks import TASKS
from smt.training import Recipe

SEEDS, MINUTES = range(100, 103), 15
USES = ("size", "hidden", "width", "heads", "scale", "test")
QUICK = dict(size=16, hidden=16, width=16, scale=0.01, test=16)

# name: (key of TASKS, length, parameters); lengths are powers of two because the windows of DMT divide them
SIZES = {
    "Retrieval": ("retrieval", 32, {"elements": 8}),
    "Retrieval, 10 % wrong labels": ("retrieval", 32, {"elements": 8, "noise": 0.1}),
    "String Copy": ("string_copy", 16, {"elements": 4}),
    "Stack Operations": ("stack_operations", 32, {"elements": 4, "max_size": 8}),
    "Keys and Values": ("keys_and_values", 8, {"keys": 8, "values": 8}),
    "Modular Arithmetic": ("modular_arithmetic", 32, {"modulus": 7, "difficulty": 0.5}),
    "Parity": ("parity", 32, {})}
OPPONENTS = {"BPTT": (SphereMemory, {}, (3e-4, 1e-3, 3e-3, 1e-2))}
METHODS = ("SMT", "SMT + DMT", "encoder + readout", "BPTT")


def run(config, seeds, tasks=tuple(SIZES)):
    for seed in seeds:
        yield results.entry(seed, {name: one_task(config, seed, name) for name in tasks})


def one_task(c, seed, name):
    key, length, parameters = SIZES[name]
    task = TASKS[key]
    updates = lambda n: max(2, round(n * c.scale))
    clean = {k: v for k, v in parameters.items() if k != "noise"}            # wrong labels are for training only
    recipe = Recipe(((length, 32, updates(800)),), CONTINUOUS_WEIGHTS, start=updates(100))
    final = compare(c, seed, generator(task, parameters), length, task.vocabulary(**parameters), "mlp", recipe,
                    updates(150), OPPONENTS, clean=generator(task, clean))
    return {**final, "chance": task.chance(**parameters)}


def generator(task, parameters):
    """(rng, batch, length) -> (x, y)."""
    return lambda rng, batch, length: task.generate(rng, batch, length, **parameters)


def mean(record, name, method):
    found = scores.cells(record, name, method)
    return float(np.mean(found)) if found else None


def ahead(record):
    """The tasks on which SMT + DMT has the higher mean, and those on which BPTT has, by more than 0.02."""
    gap = {name: mean(record, name, "SMT + DMT") - mean(record, name, "BPTT") for name in SIZES
           if mean(record, name, "BPTT") is not None}
    return [name for name, by in gap.items() if by > 0.02], [name for name, by in gap.items() if by < -0.02]


def checks(record):
    smt, _ = ahead(record)
    return [results.check("SMT + DMT beats BPTT by more than 0.02 on every task (tasks)", len(smt), f"{len(SIZES)}",
                          len(smt) == len(SIZES))]


def finding(record):
    smt, bptt = ahead(record)
    return (f"Nothing tuned, one batch size: SMT + DMT is ahead on {'; '.join(smt) or 'no task'}, BPTT on "
            f"{'; '.join(bptt) or 'no task'} ({len(record['runs'])} seeds, means more than 0.02 apart).")


def table(record):
    rows = []
    for name in SIZES:
        cells = [scores.cells(record, name, method) for method in METHODS]
        rows.append([name, *(f"{np.mean(v):.3f} ({min(v):.3f})" if v else "–" for v in cells),
                     f"{(mean(record, name, 'chance') or 0):.3f}"])
    return ["task", "SMT", "SMT + DMT", "encoder + readout", "BPTT, best rate", "chance"], rows
