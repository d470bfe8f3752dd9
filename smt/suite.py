"""The five tasks beside Retrieval at growing length: what is drawn, the ceiling, the rules that need no learning.

    game = SUITE["String Copy"]
    x, y = game.draw(stream(0, "test"), batch=512, length=16)
    ideal_accuracy(game, x)           what the best possible predictor scores on these sequences

Two tasks cannot be answered without errors, so their ceiling is below 1: Keys and Values repeats keys (a query is then
ambiguous), and Modular Arithmetic asks before the rule can be known. *Solved* means SOLVED of the ceiling.
"""

from typing import NamedTuple

import numpy as np

from smt.tasks import NO_TARGET, TASKS

SOLVED = 0.95       # of the ceiling


class Game(NamedTuple):
    """A key of tasks.TASKS with its parameters, and the lengths it is played at."""
    task: str
    parameters: dict
    lengths: tuple = (8, 16, 32, 64)

    @property
    def vocabulary(self):
        return TASKS[self.task].vocabulary(**self.parameters)

    @property
    def chance(self):
        """Accuracy of the best constant answer."""
        return TASKS[self.task].chance(**self.parameters)

    def draw(self, rng, batch, length):
        """x, y (B, T); y = -1 where nothing is asked."""
        return TASKS[self.task].generate(rng, batch, length, **self.parameters)

    def cut(self, length):
        """How much has been read where the memory must hold what is asked later: before the query or half of it."""
        return length - 2 if self.task == "keys_and_values" else length // 2


# Keys and Values: 1, 3, 7 and 15 pairs
SUITE = {"String Copy": Game("string_copy", {"elements": 4}),
         "Stack Operations": Game("stack_operations", {"elements": 4, "max_size": 8}),
         "Keys and Values": Game("keys_and_values", {"keys": 8, "values": 8}, (4, 8, 16, 32)),
         "Modular Arithmetic": Game("modular_arithmetic", {"modulus": 7, "difficulty": 0.5}),
         "Parity": Game("parity", {})}


# ---------------------------------------------------------------- the best possible predictor

def ideal_accuracy(game, x, after=0):
    """The expected accuracy of a predictor that knows how the task draws, on the questions of x (B, T) that come after
    `after` tokens: no method can do better."""
    if game.task == "keys_and_values":
        return float(ideal_recall(x, **game.parameters).mean())
    if game.task == "modular_arithmetic":
        return float(ideal_arithmetic(x, **game.parameters)[:, after // 2:].mean())
    return 1.0


def ideal_recall(x, keys, values):
    """(B,) the share of the queried key's pairs that have its most frequent value. One token a key."""
    given, answer = x[:, 0:-2:2], x[:, 1:-2:2] - keys
    same = given == x[:, -2:-1]
    counts = np.stack([(same & (answer == value)).sum(1) for value in range(values)])
    return counts.max(0) / same.sum(1)


def ideal_arithmetic(x, modulus, difficulty):
    """(B, T/2) the probability of the best answer, all (w, b) that fit the pairs so far being equally likely."""
    choices = int(difficulty * modulus)
    given, result = x[:, ::2], x[:, 1::2]
    w, b = (axis.ravel() for axis in np.indices((choices, choices)))
    answer = (w * given[..., None] + b) % modulus                       # (B, T/2, hypotheses)
    fits = np.cumprod(answer == result[..., None], axis=1)
    possible = np.concatenate([np.ones_like(fits[:, :1]), fits[:, :-1]], axis=1)
    counts = np.stack([(possible * (answer == value)).sum(-1) for value in range(modulus)])
    return counts.max(0) / possible.sum(-1)


# ---------------------------------------------------------------- rules without learning

def table_accuracy(game, seen, test, last):
    """Accuracy on `test` of the best table from the `last` most recent tokens, counted on the sequences `seen`.

    seen, test   (x, y), each (B, T); last = 0 is the most frequent answer
    """
    counts = np.zeros(((game.vocabulary + 1) ** last, game.vocabulary))
    context, answer = contexts(game, *seen, last)
    np.add.at(counts, (context, answer), 1)
    context, answer = contexts(game, *test, last)
    return float((counts.argmax(1)[context] == answer).mean())


def contexts(game, x, y, last):
    """The last tokens before each answer as one number, and the answer; a place before the beginning is a token too."""
    number, latest = np.zeros_like(x), x
    for _ in range(last):
        number = number * (game.vocabulary + 1) + latest
        latest = np.concatenate([np.full((len(x), 1), game.vocabulary), latest[:, :-1]], axis=1)
    asked = y != NO_TARGET
    return number[asked], y[asked]
