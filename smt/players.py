"""Two ways to play a trained network on long sequences: step by step, or by the table of its enumerated machine.

A player maps (x (B, T), times) to its answers (times, B). Also: the saved networks of weights.npz.
"""

import numpy as np

from smt.memory import BinaryMemory, FreeMemory, SphereMemory
from smt.model import RNN

MEMORIES = {"sphere": SphereMemory, "bits": BinaryMemory, "free": FreeMemory}


def play(player, x, y):
    """Accuracy of a player on sequences x (B, T) at all targets y >= 0."""
    times = np.flatnonzero((y >= 0).any(0))
    asked = y[:, times].T >= 0
    return float((player(x, times)[asked] == y[:, times].T[asked]).mean())


def stepper(rnn):
    """Play by running the network, a step at a time, from its empty memory."""
    def player(x, times):
        state, tape = rnn.initial(len(x)), rnn.updater.tape(1, len(x), backward=False)
        asked, answers, block = set(times.tolist()), [], max(1, 2 ** 15 // len(x))
        for first in range(0, x.shape[1], block):        # a block of drives at a time: a million would not fit
            drive = rnn.updater.drive(np.ascontiguousarray(x[:, first:first + block].T))
            for t in range(len(drive)):
                state = rnn.memory.normalise(rnn.updater.step(state, drive[t], tape, 0))[0]
                if first + t in asked:
                    answers.append(rnn.answer(state))
        return np.array(answers)
    return player


def machine_stepper(proof):
    """Play by looking up the transitions of the enumerated network (certificate.py had the network compute each).

    The same function as `stepper` on every input the enumeration covers, a hundred times faster; an input outside
    would end in a sink state, which is refused.
    """
    codes, vocabulary = proof.following.shape
    sink = np.full((1, vocabulary), codes)
    table = np.vstack([np.where(proof.following < 0, codes, proof.following), sink]) * vocabulary
    answer_of = np.append(proof.answers, -1)

    def player(x, times):
        flat, tokens, asked, answers = table.ravel(), np.ascontiguousarray(x.T), set(times.tolist()), []
        state = np.zeros(len(x), np.int64)               # row of the table, times the vocabulary
        for t in range(len(tokens)):
            state = flat.take(state + tokens[t])
            if t in asked:
                if (state == codes * vocabulary).any():
                    raise ValueError("a sequence left the enumerated states: the task machine does not cover the task")
                answers.append(answer_of[state // vocabulary])
        return np.array(answers)
    return player


# ---------------------------------------------------------------- saved networks

def saved(network, memory, updater="mlp"):
    """{"memory,updater/module/weight": array}: one network for weights.npz; `memory` is a key of MEMORIES."""
    return {f"{memory},{updater}/{key}": array.copy() for key, array in network.arrays().items()}


def load(weights, name, c):
    """The RNN called `name` from the arrays of weights.npz, {"name/memory,updater/module/weight": array}.

    c        the recorded config, a dictionary
    raises   KeyError, ValueError if a weight is missing or has another shape
    """
    own = {key.removeprefix(name + "/"): a for key, a in weights.items() if key.startswith(name + "/")}
    memory, updater = next(iter(own)).split("/")[0].split(",")
    arrays = {key.split("/", 1)[1]: a for key, a in own.items()}
    size = c["bits"] if memory == "bits" else c["size"]
    options = {"hidden": c["hidden"]} if updater == "mlp" else {}
    rnn = RNN(np.random.default_rng(0), c["elements"] + 1, MEMORIES[memory](size), updater, **options)
    for key, view in rnn.arrays().items():
        view[...] = arrays[key]
    return rnn
