"""The same machine for N programs at once: one numpy step executes one instruction of each.

    runs = Batch(16384, limits)
    while runs.running.any():
        runs.step(draw(rng))

machine.py is the definition; tests replay what is drawn here there, step for step. Rows are
programs. All cells of a program are one row of `cells` (addresses -100 .. 99 at columns 0 .. 199), and
the legal ranges of machine.legal are kept per program as two tables, `first` and `last`, with one
column per kind of argument, because they change only when a program grows or resizes its work tape.
"""

import numpy as np

from vanishing_gradient.program_search.machine import (
    LARGEST, LONGEST, MOST, ONE_ARGUMENT, PROGRAM, WEIGHTS, WORK, Halt)

KINDS = ("read", "write", "jump", "allocate", "free", "none")
READ, WRITE, JUMP_TO, ALLOCATED, FREED, NONE = range(len(KINDS))
WIDTH = WORK + PROGRAM + 4                  # three columns more: arguments are fetched before they are checked
PER_PROGRAM = ("cells", "weights", "pointer", "next_weight", "low", "high", "steps", "limit", "halt", "bits",
               "only_jumped", "first", "last")


def table_of_kinds(dialect):
    """(primitives, 3) the kind of every argument, NONE where there is none."""
    kinds = [[KINDS.index(kind) for kind in primitive.arguments] for primitive in dialect]
    return np.array([row + [NONE] * (3 - len(row)) for row in kinds])


def draw(rng):
    """An oracle for N programs: primitives uniform, every argument uniform among the legal ones."""
    def oracle(batch, rows):
        count = len(rows)
        number = rng.integers(len(batch.dialect), size=count)
        batch.append_primitive(rows, number)
        kinds = batch.kinds[number]
        first, last = batch.range_of(rows[:, None], kinds)
        choices = last - first + 1
        values = first + (rng.random((count, 3)) * choices).astype(np.int64)
        batch.append_arguments(rows, number, values, choices)
    return oracle


class Batch:
    """N runs side by side. A row that has halted stays as it is until reset."""

    def __init__(self, N, limits, dialect=ONE_ARGUMENT, inputs=()):
        self.dialect, self.inputs = dialect, np.array(inputs, np.int64)
        self.kinds = table_of_kinds(dialect)
        self.arity = np.array([len(primitive.arguments) for primitive in dialect])
        self.effects = [getattr(self, "do_" + primitive.name) for primitive in dialect]
        self.cells = np.zeros((N, WIDTH), np.int16)
        self.weights = np.zeros((N, WEIGHTS), np.int16)
        self.jumps = np.array([primitive.name.startswith("Jump") for primitive in dialect])
        self.pointer, self.next_weight, self.low, self.high, self.steps, self.limit = np.zeros((6, N), np.int64)
        self.only_jumped = np.zeros(N, np.int64)            # steps since anything but a jump was executed
        self.halt = np.zeros(N, np.int8)
        self.bits = np.zeros(N)
        self.first, self.last = np.zeros((2, N, len(KINDS)), np.int64)
        self.reset(np.arange(N), limits)

    @property
    def running(self):
        """(N,) bool"""
        return self.halt == Halt.RUNNING

    def reset(self, rows, limits):
        """Start new, empty programs in these rows. Cells need no clearing: nothing beyond low .. high is ever read."""
        written = rows[self.next_weight[rows] > 0]
        self.weights[written] = 0
        for column in (self.next_weight, self.pointer, self.low, self.steps, self.bits, self.only_jumped):
            column[rows] = 0
        self.high[rows] = -1
        self.limit[rows] = limits
        self.halt[rows] = Halt.RUNNING
        self.first[rows] = (0, 0, 0, 1, 1, 0)
        self.last[rows] = (-1, -1, 0, MOST, 0, 0)

    def copy(self, rows):
        """A new batch of these rows, repeated as often as they occur."""
        new = object.__new__(Batch)
        new.__dict__.update(self.__dict__)
        for name in PER_PROGRAM:
            setattr(new, name, getattr(self, name)[rows])
        new.effects = [getattr(new, "do_" + primitive.name) for primitive in self.dialect]
        return new

    @staticmethod
    def join(batches):
        """One batch of all rows of several."""
        new = batches[0].copy(slice(None))
        for name in PER_PROGRAM:
            setattr(new, name, np.concatenate([getattr(batch, name) for batch in batches]))
        return new

    def program(self, row):
        """The program tape of one row, a list of cells."""
        return self.cells[row, WORK:WORK + self.high[row] + 1].tolist()

    # -- asking ----------------------------------------------------------------------------------------

    def append_primitive(self, rows, number):
        """The asked primitive; the ranges of its arguments count the whole instruction."""
        high = self.high[rows] + 1
        self.cells[rows, WORK + high] = number
        self.set_high(rows, high + self.arity[number])
        self.bits[rows] += np.log2(len(self.dialect))

    def append_arguments(self, rows, number, values, choices):
        """values, choices (n, 3); a primitive without legal arguments stays alone and will be illegal."""
        arity = self.arity[number]
        possible = (choices > 0).all(1)
        alone = ~possible
        self.set_high(rows[alone], self.high[rows[alone]] - arity[alone])
        start = WORK + self.high[rows] - arity + 1
        for k in range(3):
            has = possible & (arity > k)
            self.cells[rows[has], start[has] + k] = values[has, k]
        self.bits[rows[possible]] += np.log2(choices[possible]).sum(1)

    def range_of(self, rows, kinds):
        """machine.legal for arrays of rows and kinds."""
        return self.first[rows, kinds], self.last[rows, kinds]

    def set_high(self, rows, high):
        self.high[rows] = high
        self.last[rows, READ] = high
        self.last[rows, JUMP_TO] = high + 1

    def set_low(self, rows, low):
        self.low[rows] = low
        self.first[rows, READ] = self.first[rows, WRITE] = self.first[rows, JUMP_TO] = low
        self.last[rows, ALLOCATED] = np.minimum(MOST, WORK + low)
        self.last[rows, FREED] = np.minimum(MOST, -low)

    # -- running ---------------------------------------------------------------------------------------

    def step(self, oracle):
        """One step of every running program; `oracle(batch, rows)` appends what is asked for.

        A program that has only jumped, more often than it has cells, has been at some address twice with nothing
        changed in between: it will jump for ever. Such a row sleeps, its steps are counted and not executed.
        """
        asking = np.flatnonzero((self.pointer > self.high) & self.running)
        if asking.size:
            full = self.high[asking] + LONGEST >= PROGRAM
            self.halt[asking[full]] = Halt.ILLEGAL
            oracle(self, asking[~full])
        running = self.running
        self.steps += running
        awake = np.flatnonzero(running & (self.only_jumped <= self.high - self.low))
        number, arguments, is_legal = self.fetch(awake)
        self.halt[awake[~is_legal]] = Halt.ILLEGAL
        self.only_jumped[awake] = np.where(self.jumps[number], self.only_jumped[awake] + 1, 0)
        number[~is_legal] = -1
        order = np.argsort(number.astype(np.int8), kind="stable")       # rows with the same primitive together
        starts = np.searchsorted(number[order], np.arange(len(self.effects) + 1))
        for value, effect in enumerate(self.effects):
            chosen = order[starts[value]:starts[value + 1]]
            if chosen.size:
                rows = awake[chosen]
                self.pointer[rows] += 1 + self.arity[value]
                effect(rows, *arguments[:self.arity[value], chosen])
        self.halt[self.running & (self.steps >= self.limit)] = Halt.TIME

    def fetch(self, rows):
        """The instructions under the pointers of some rows (n,): number (n,), arguments (3, n), is_legal (n,) bool."""
        pointer = self.pointer[rows]
        at = rows * WIDTH + WORK + np.maximum(pointer, -WORK)
        number = self.cells.take(at).astype(np.int64)
        is_legal = (pointer >= self.low[rows]) & (number >= 0) & (number < len(self.dialect))
        number[~is_legal] = 0
        is_legal &= pointer + self.arity[number] <= self.high[rows]
        arguments = np.stack([self.cells.take(at + k, mode="clip") for k in (1, 2, 3)]).astype(np.int64)
        for k in range(3):
            kind = self.kinds[number, k]
            first, last = self.range_of(rows, kind)
            is_legal &= (kind == NONE) | ((arguments[k] >= first) & (arguments[k] <= last))
        return number, arguments, is_legal

    def content(self, rows, address):
        return self.cells[rows, WORK + address].astype(np.int64)

    def put(self, rows, address, value):
        fits = np.abs(value) <= LARGEST
        self.halt[rows[~fits]] = Halt.OVERFLOW
        self.cells[rows[fits], WORK + address[fits]] = value[fits]

    # -- the primitives, in the order and the words of machine.py --------------------------------------

    def do_Jumpleq(self, rows, a, b, c):
        leq = self.content(rows, a) <= self.content(rows, b)
        self.pointer[rows[leq]] = c[leq]

    def do_Jump(self, rows, a):
        self.pointer[rows] = a

    def do_Stop(self, rows):
        self.halt[rows] = Halt.STOP

    def do_Add(self, rows, a, b, c):
        self.put(rows, c, self.content(rows, a) + self.content(rows, b))

    def do_Subtract(self, rows, a, b, c):
        self.put(rows, c, self.content(rows, b) - self.content(rows, a))

    def do_Multiply(self, rows, a, b, c):
        self.put(rows, c, self.content(rows, a) * self.content(rows, b))

    def do_Move(self, rows, a, b):
        self.put(rows, b, self.content(rows, a))

    def do_Increment(self, rows, a):
        self.put(rows, a, self.content(rows, a) + 1)

    def do_Decrement(self, rows, a):
        self.put(rows, a, self.content(rows, a) - 1)

    def do_Allocate(self, rows, a):
        low = self.low[rows] - a
        for k in range(MOST):
            new = a > k
            self.cells[rows[new], WORK + low[new] + k] = 0
        self.set_low(rows, low)

    def do_Free(self, rows, a):
        self.set_low(rows, self.low[rows] + a)

    def do_GetInput(self, rows, a, b):
        place = self.content(rows, a)
        exists = (place >= 0) & (place < len(self.inputs))
        self.halt[rows[~exists]] = Halt.ILLEGAL
        self.put(rows[exists], b[exists], self.inputs[place[exists]])

    def do_WriteWeight(self, rows, a, b=None):
        place = self.next_weight[rows] if b is None else self.content(rows, b)
        self.next_weight[rows] += 1
        exists = (place >= 0) & (place < WEIGHTS)
        self.halt[rows[~exists]] = Halt.NO_WEIGHT
        rows, place = rows[exists], place[exists]
        self.weights[rows, place] = self.cells[rows, WORK + a[exists]]

    def do_ReadWeight(self, rows, a, b):
        place, address = self.content(rows, b), self.content(rows, a)
        exists = (place >= 0) & (place < WEIGHTS)
        self.halt[rows[~exists]] = Halt.NO_WEIGHT
        writable = (address >= self.low[rows]) & (address <= -1)
        self.halt[rows[exists & ~writable]] = Halt.ILLEGAL
        good = exists & writable
        self.put(rows[good], address[good], self.weights[rows[good], place[good]].astype(np.int64))
