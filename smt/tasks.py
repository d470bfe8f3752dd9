"""The synthetic tasks of Supervised Memory Training, drawn a whole batch at a time.

    x, y = retrieval(stream(0, "train"), batch=32, length=64, elements=8)

Every generator takes a numpy Generator, the number of sequences B and their length T, and returns
two integer arrays of shape (B, T): the input tokens `x` and the targets `y`. The target at t is
what a memory that has already read x[t] must answer; y = -1 means that nothing is asked there.

Definitions, token ids and difficulty parameters are those of the authors' released
`my_datasets/synthetic.py` (Kumar & Isola 2026, "Pretraining Recurrent Networks without
Recurrence"), which draws sequence by sequence in places; here no loop runs over the batch.
Where their code leaves something open, the docstring says what we chose. The sizes the paper
swept have not been released, so the defaults are ours.

| task               | difficulty            | vocabulary    | what it probes                          |
|--------------------|-----------------------|---------------|-----------------------------------------|
| retrieval          | length                | elements + 1  | does the error signal survive the lag?  |
| string_copy        | length / 2 symbols    | elements + 1  | how much fits into the memory?          |
| stack_operations   | max_size              | elements + 1  | tracking a state                        |
| keys_and_values    | number of pairs       | keys + values | associative recall                      |
| modular_arithmetic | difficulty x modulus  | modulus       | learning a rule within the sequence     |
| parity             | length                | 2             | the smallest state that never forgets   |

`TASKS[name]` holds generator, vocabulary size and chance level. `RetrievalMachine`,
`parity_machine` and `stack_machine` are the tasks' own state machines: every input a task can
produce, and every answer it expects. The certificate (certificate.py) walks through them.
"""
import itertools
from typing import Callable, NamedTuple

import numpy as np

NO_TARGET = -1


def retrieval(rng, batch, length, elements=8, min_pos=0.0, max_pos=0.5, noise=0.0):
    """One symbol, announced by token 0, is asked for at the end (`NeedleDataset`).

    x: symbols 1..elements; the needle stands at pos = floor(T * U[min_pos, max_pos)) kept within
    1..T-2, token 0 right before it and as the last token. y: the needle at T-1, no target elsewhere.
    With probability `noise` the target, not the input, is replaced by a random symbol (label
    corruption; it may coincide). With max_pos = 0.5 the lag is at least about T / 2.
    """
    _check(batch=(batch, 1), length=(length, 3), elements=(elements, 1))
    _check_probability("noise", noise)
    if not 0.0 <= min_pos <= max_pos <= 1.0:
        raise ValueError(f"needle positions must satisfy 0 <= min_pos <= max_pos <= 1, got {min_pos} and {max_pos}")
    rows = np.arange(batch)
    x = rng.integers(1, elements + 1, size=(batch, length))
    position = np.floor(length * rng.uniform(min_pos, max_pos, size=batch)).astype(np.int64)
    position = np.clip(position, 1, length - 2)
    x[rows, position - 1] = 0
    x[:, -1] = 0
    y = np.full_like(x, NO_TARGET)
    y[:, -1] = _corrupt(rng, x[rows, position], noise, elements)
    return x, y


def string_copy(rng, batch, length, elements=4, noise=0.0):
    """T/2 random symbols, the delimiter 0, then the string backwards (`StringCopyDataset`).

    After the delimiter the input is the answer of the step before (teacher forcing), so
    x = s_1 .. s_L 0 s_L .. s_2 and y = - .. - s_L .. s_1 with L = T/2. The released `reverse`
    argument is ignored there (always reversed) and therefore absent here. `noise`: each target
    is replaced by a random symbol with this probability; the inputs stay clean.
    """
    _check(batch=(batch, 1), length=(length, 2), elements=(elements, 1))
    _check_probability("noise", noise)
    if length % 2:
        raise ValueError(f"string_copy needs an even length (string and answer are equally long), got {length}")
    half = length // 2
    string = rng.integers(1, elements + 1, size=(batch, half))
    answer = string[:, ::-1]
    x = np.concatenate([string, np.zeros((batch, 1), np.int64), answer[:, :-1]], axis=1)
    y = np.full_like(x, NO_TARGET)
    y[:, half:] = _corrupt(rng, answer, noise, elements)
    return x, y


def stack_operations(rng, batch, length, elements=4, max_size=10):
    """Push (tokens 1..elements) or pop (token 0); a pop must name what it removes (`StackDataset`).

    An empty stack pushes, a full one pops, any other does either with probability 1/2.
    """
    _check(batch=(batch, 1), length=(length, 1), elements=(elements, 1), max_size=(max_size, 1))
    rows = np.arange(batch)
    pushed = rng.integers(1, elements + 1, size=(length, batch))
    wants_push = rng.random(size=(length, batch)) < 0.5
    stack = np.zeros((batch, max_size + 1), np.int64)  # row: symbols from the bottom; one spare column so that
    size = np.zeros(batch, np.int64)                   # `stack[rows, size]` exists for a full stack too
    x = np.zeros((batch, length), np.int64)
    y = np.full_like(x, NO_TARGET)
    for t in range(length):
        push = (size == 0) | (wants_push[t] & (size < max_size))
        y[:, t] = np.where(push, NO_TARGET, stack[rows, size - 1])
        x[:, t] = np.where(push, pushed[t], 0)
        stack[rows, size] = pushed[t]  # what a pop writes here lies above its new top and is never read
        size += np.where(push, 1, -1)
    return x, y


def keys_and_values(rng, batch, length, keys=8, values=8, key_length=1):
    """Pairs of a key and a value, then one of the keys again: what was its value? (`AssociativeRecallDataset`)

    Keys are strings of `key_length` tokens 0..keys-1, values equally long of tokens keys..keys+values-1.
    The sequence is key value .. key value query value: T = 2 * key_length * (pairs + 1) exactly.
    y: the value's tokens, the first one at the query's last token. Keys are drawn with replacement,
    so a query is sometimes ambiguous (published definition): an irreducible error of about
    (pairs - 1) / keys**key_length, a little less because a guess may hit and values may agree.
    """
    _check(batch=(batch, 1), keys=(keys, 1), values=(values, 1), key_length=(key_length, 1))
    span = 2 * key_length
    if length % span or length < 2 * span:
        raise ValueError(f"keys_and_values needs a length that is a multiple of 2 * key_length = {span} and at least"
                         f" {2 * span} (one pair and the query), got {length}")
    pairs = length // span - 1
    x = np.empty((batch, pairs + 1, 2, key_length), np.int64)
    x[:, :pairs, 0] = rng.integers(keys, size=(batch, pairs, key_length))
    x[:, :pairs, 1] = rng.integers(keys, keys + values, size=(batch, pairs, key_length))
    x[:, pairs] = x[np.arange(batch), rng.integers(pairs, size=batch)]
    x = x.reshape(batch, length)
    y = np.full_like(x, NO_TARGET)
    y[:, -key_length - 1:-1] = x[:, -key_length:]
    return x, y


def modular_arithmetic(rng, batch, length, modulus=7, difficulty=0.5):
    """z = (w x + b) mod modulus with a w and b to be found out within each sequence (`ICLDataset`).

    w and b are drawn from 0..D-1 with D = int(difficulty * modulus), x from 0..modulus-1.
    Inputs x_1 z_1 x_2 z_2 ..; the target z_i stands at x_i, and no target at z_i. The first answer
    cannot be known. (The released `noise` argument is not implemented there and absent here.)
    """
    _check(batch=(batch, 1), length=(length, 2), modulus=(modulus, 2))
    if length % 2:
        raise ValueError(f"modular_arithmetic needs an even length (x and z alternate), got {length}")
    choices = _coefficients(modulus, difficulty)
    w, b = rng.integers(choices, size=(2, batch, 1))
    given = rng.integers(modulus, size=(batch, length // 2))
    result = (w * given + b) % modulus
    x = np.stack([given, result], axis=-1).reshape(batch, length)
    y = np.stack([result, np.full_like(result, NO_TARGET)], axis=-1).reshape(batch, length)
    return x, y


def parity(rng, batch, length):
    """Bits; the target at every step is the parity of all bits so far (`ParityDataset`)."""
    _check(batch=(batch, 1), length=(length, 1))
    x = rng.integers(2, size=(batch, length))
    return x, np.cumsum(x, axis=1) % 2


# -- vocabulary and chance ---------------------------------------------------------------------------------------------

class Task(NamedTuple):
    """A generator; its vocabulary size and chance level (accuracy of the best constant answer) by its parameters."""
    generate: Callable
    vocabulary: Callable
    chance: Callable


def _modular_chance(modulus=7, difficulty=0.5):
    """Not 1 / modulus: w = 0 has weight 1/D and answers b < D, so small results are more frequent."""
    w, b, x = np.ogrid[:_coefficients(modulus, difficulty), :_coefficients(modulus, difficulty), :modulus]
    counts = np.bincount(((w * x + b) % modulus).ravel(), minlength=modulus)
    return float(counts.max() / counts.sum())


TASKS = {
    "retrieval": Task(retrieval, lambda elements=8, **_: elements + 1, lambda elements=8, **_: 1 / elements),
    "string_copy": Task(string_copy, lambda elements=4, **_: elements + 1, lambda elements=4, **_: 1 / elements),
    "stack_operations": Task(stack_operations, lambda elements=4, **_: elements + 1,
                             lambda elements=4, **_: 1 / elements),
    "keys_and_values": Task(keys_and_values, lambda keys=8, values=8, **_: keys + values,
                            lambda values=8, **_: 1 / values),
    "modular_arithmetic": Task(modular_arithmetic, lambda modulus=7, **_: modulus, _modular_chance),
    "parity": Task(parity, lambda **_: 2, lambda **_: 1 / 2),
}


# -- the tasks as state machines ---------------------------------------------------------------------------------------
# A machine tells the certificate all inputs that can occur. Its state is a pair (key, debt): `key` is what
# has to be remembered, `debt` orders states of the same key: whatever can follow with a larger debt can follow
# with a smaller one too, so of two equal keys only the smaller debt needs to be followed.

class Moves(NamedTuple):
    """All that can happen next to n states, M rows: which state, which token, where it leads, what is asked then."""
    source: np.ndarray
    token: np.ndarray
    key: np.ndarray
    debt: np.ndarray
    target: np.ndarray


class RetrievalMachine:
    """Every input the Retrieval task can produce, at every length T >= `shortest`.

    A sequence is a fillers, token 0, the needle, b fillers, token 0, with fillers and needle any of 1..elements
    and T = a + b + 3; token 0 occurs exactly twice, and nothing follows the question. The needle's
    position a + 1 is at most T - 2 and below max_pos * T, or 1 where that leaves no room. So after a
    fillers the task owes b >= max(a needle position's shortest T, shortest) - a - 3 fillers before it can
    ask: that is the debt (for max_pos = 1/2 and shortest = 3 simply b >= a). min_pos is taken as 0, which adds
    sequences and removes none: a certificate for this machine covers every min_pos.

    keys: 0 .. patience  waiting for the identifier, having read that many fillers (the last: or more)
          then               armed (identifier read), holding 1 .. elements, asked 1 .. elements
    While the debt still falls with a (`patience` steps) waiting states are told apart by a; after that it
    grows with a, and the debt of a waiting state is a itself.
    With max_pos = 1, shortest = 3 there is no debt: every position at every length (the strictest reading).
    """

    def __init__(self, elements=8, max_pos=0.5, shortest=3):
        _check(elements=(elements, 1), shortest=(shortest, 3))
        if not 0.0 < max_pos <= 1.0:
            raise ValueError(f"max_pos must lie in (0, 1], got {max_pos}")
        self.elements, self.max_pos, self.shortest = elements, max_pos, shortest
        self.patience = next(a for a in itertools.count() if self._shortest_length(a) >= shortest)
        self.armed = self.patience + 1
        self.holding = self.armed  # holding symbol e has the key `holding + e`, e >= 1
        self.asked = self.holding + elements
        self.vocabulary = elements + 1
        self.start = (0, 0)
        self.fewest_codes = elements + 1 if elements > 1 else 1  # see certificate.py
        where = "anywhere" if max_pos == 1.0 else f"before {max_pos:g} T"
        self.scope = f"every length T >= {shortest}, needle {where}"

    def _shortest_length(self, fillers):
        """The smallest T that lets a = `fillers` symbols precede the identifier.

        The needle's position a + 1 must not exceed max(1, min(ceil(max_pos T) - 1, T - 2)).
        """
        fillers = np.asarray(fillers)
        by_fraction = np.floor((fillers + 1) / self.max_pos).astype(np.int64) + 1
        return np.where(fillers == 0, 3, np.maximum(fillers + 3, by_fraction))

    def owed(self, fillers):
        """Fillers the task must still produce between needle and question, by the number before the identifier."""
        return np.maximum(self._shortest_length(fillers), self.shortest) - fillers - 3

    def names(self, keys):
        """What each key stands for, for tables and figures."""
        def name(key):
            if key <= self.patience:
                return "waiting"
            if key == self.armed:
                return "armed"
            return f"holding {key - self.holding}" if key <= self.asked else f"asked {key - self.asked}"
        return [name(int(key)) for key in keys]

    def moves(self, key, debt):
        """Moves of n states (key (n,), debt (n,)), a symbol (1..elements) or the token 0 at a time."""
        waiting, armed = key <= self.patience, key == self.armed
        holding = (key > self.holding) & (key <= self.asked)
        parts = [self._symbols(waiting, np.minimum(key + 1, self.patience), self._waiting_debt(key, debt)),
                 self._identifier(waiting, key, debt),
                 self._needle(armed, debt),
                 self._symbols(holding, key, np.maximum(debt - 1, 0)),
                 self._question(holding & (debt == 0), key)]
        return Moves(*(np.concatenate(columns) for columns in zip(*parts)))

    def _waiting_debt(self, key, debt):
        fillers = np.where(key < self.patience, key, debt) + 1
        return np.where(fillers < self.patience, 0, fillers)

    def _symbols(self, here, next_key, next_debt):
        source = np.repeat(np.flatnonzero(here), self.elements)
        token = np.tile(np.arange(1, self.elements + 1), here.sum())
        return Moves(source, token, next_key[source], next_debt[source], np.full(len(source), NO_TARGET))

    def _identifier(self, here, key, debt):
        source = np.flatnonzero(here)
        fillers = np.where(key < self.patience, key, debt)[source]
        return Moves(source, np.zeros_like(source), np.full(len(source), self.armed), self.owed(fillers),
                     np.full(len(source), NO_TARGET))

    def _needle(self, here, debt):
        moves = self._symbols(here, np.zeros_like(debt), debt)
        return moves._replace(key=self.holding + moves.token)

    def _question(self, here, key):
        source = np.flatnonzero(here)
        needle = key[source] - self.holding
        return Moves(source, np.zeros_like(source), self.asked + needle, np.zeros_like(source), needle)


class TableMachine:
    """A finite machine from tables: following[state, token] (-1: cannot occur), target[state, token] (-1: not asked).

    Without debts: every key is a state of its own.
    """

    def __init__(self, following, target, labels, start=0, fewest_codes=None):
        self.following, self.target, self.labels = np.asarray(following), np.asarray(target), list(labels)
        self.vocabulary = self.following.shape[1]
        self.start = (start, 0)
        self.fewest_codes = fewest_codes
        self.scope = "every length"

    def names(self, keys):
        return [self.labels[int(key)] for key in keys]

    def moves(self, key, debt):
        source, token = np.nonzero(self.following[key] >= 0)
        state = key[source]
        return Moves(source, token, self.following[state, token], np.zeros_like(source), self.target[state, token])


def parity_machine():
    """Two states; the answer at every step is the new state."""
    return TableMachine([[0, 1], [1, 0]], [[0, 1], [1, 0]], ["even", "odd"], fewest_codes=2)


def stack_machine(elements=2, max_size=2):
    """One state for each stack of at most `max_size` symbols, bottom first."""
    _check(elements=(elements, 1), max_size=(max_size, 1))
    stacks = [s for size in range(max_size + 1) for s in itertools.product(range(1, elements + 1), repeat=size)]
    number = {stack: i for i, stack in enumerate(stacks)}
    following = np.full((len(stacks), elements + 1), -1)
    target = np.full_like(following, NO_TARGET)
    for stack, i in number.items():
        if stack:
            following[i, 0], target[i, 0] = number[stack[:-1]], stack[-1]
        if len(stack) < max_size:
            following[i, 1:] = [number[stack + (symbol,)] for symbol in range(1, elements + 1)]
    return TableMachine(following, target, ["".join(map(str, s)) or "empty" for s in stacks])


# -- shared by the generators ------------------------------------------------------------------------------------------

def _corrupt(rng, labels, noise, elements):
    """Each label replaced with probability `noise` by a uniform symbol of 1..elements (which may be the same)."""
    replaced = rng.random(size=labels.shape) < noise
    return np.where(replaced, rng.integers(1, elements + 1, size=labels.shape), labels)


def _coefficients(modulus, difficulty):
    """D = int(difficulty * modulus): how many values w and b can take."""
    choices = int(difficulty * modulus)
    if not 1 <= choices <= modulus:
        raise ValueError(f"difficulty {difficulty} gives int({difficulty} * {modulus}) = {choices} coefficients;"
                         f" allowed are 1 to modulus, so a difficulty from {1 / modulus:.3g} to 1")
    return choices


def _check(**sizes):
    for name, (value, least) in sizes.items():
        if int(value) != value or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")


def _check_probability(name, value):
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is a probability and must lie between 0 and 1, got {value}")
