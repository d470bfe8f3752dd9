"""What moving data costs: scalar programs, every read priced by its depth in one stack of memory.

All memory is a stack ordered by last use. Reading a byte at depth d (topmost 1) costs sqrt(d), rounded
up: the distance on a chip that is laid out in two dimensions (Ding & Smith 2022, Data Movement Distance,
arXiv 2203.02536; in the form of the public project ByteDMD). Computing and writing are free.

    tape = Tape()
    a, b, c = tape.arguments(1.0, 2.0, 3.0)      on the stack from the start, the first argument on top
    tape.results((a + b) + c)                    results stay on the stack to the end
    cost = price(tape).sum()                     6: reads at depths 1 and 2, then 1 and 2

The rules: all inputs of an instruction are priced before any of them moves; an input named twice is
charged twice, at the same depth; then the inputs move to the top in reading order, then the output is
pushed. A value that is never read again leaves at once and the rest closes up (an optimal compiler),
so a program is first recorded, then replayed. Literal constants lie on the stack from their first use.
"""

import math
from typing import NamedTuple

import numpy as np


class Instruction(NamedTuple):
    """One scalar operation: which values it reads, which it writes, and the label it was recorded under."""
    reads: tuple
    output: int
    label: tuple


class Value:
    """A scalar on the tape: its place `id`, its number, and how the error goes back to what it was made of.

    error    list of (input Value, function of the output's error that records instructions), or None: no error
             is wanted here
    """
    __slots__ = ("tape", "id", "number", "error")

    def __init__(self, tape, id, number, error):
        self.tape, self.id, self.number, self.error = tape, id, number, error

    def __add__(self, other):
        return self.tape.record(self.number + _number(other), (self, other), (lambda d: d, lambda d: d))

    def __sub__(self, other):
        return self.tape.record(self.number - _number(other), (self, other), (lambda d: d, lambda d: -d))

    def __mul__(self, other):
        return self.tape.record(self.number * _number(other), (self, other), (lambda d: d * other, lambda d: d * self))

    def __truediv__(self, other):
        y = self.tape.record(self.number / _number(other), (self, other),
                             (lambda d: d / other, lambda d: -(d * y) / other))
        return y

    def __gt__(self, other):
        return self.tape.record(float(self.number > _number(other)), (self, other), (None, None))

    def __neg__(self):
        return self.tape.record(-self.number, (self,), (lambda d: -d,))

    def tanh(self):
        y = self.tape.record(math.tanh(self.number), (self,), (lambda d: d * (self.tape.constant(1.0) - y * y),))
        return y

    def logistic(self):
        y = self.tape.record(1 / (1 + math.exp(-self.number)), (self,),
                             (lambda d: d * (y * (self.tape.constant(1.0) - y)),))
        return y

    def exp(self):
        y = self.tape.record(math.exp(self.number), (self,), (lambda d: d * y,))
        return y

    def cut(self):
        """The same scalar, through which no error goes back."""
        return Value(self.tape, self.id, self.number, None)


class Tape:
    """A scalar program while it is written down."""

    def __init__(self):
        self.start, self.instructions, self.kept, self.label = [], [], set(), ()
        self.constants, self.history, self.count = {}, [], 0

    def arguments(self, *numbers, error=False, below=()):
        """Values for numbers or nested lists of them; call it once, the first argument ends on top of the stack.

        error   True: errors may be sent back to them
        below   further numbers or nested lists, below the others, to which no error goes
        """
        layout = [self._place(number, error) for number in numbers] + [self._place(number, False) for number in below]
        self.start = [value.id for nested in reversed(layout) for value in flat(nested)]
        return layout[0] if len(layout) == 1 else layout

    def _place(self, number, error):
        if isinstance(number, (list, tuple, np.ndarray)):
            return [self._place(one, error) for one in number]
        return self._value(float(number), [] if error else None)

    def _value(self, number, error):
        self.count += 1
        return Value(self, self.count - 1, number, error)

    def constant(self, number):
        """A literal: one value for each number, on the stack from its first use."""
        if number not in self.constants:
            self.constants[number] = self._value(number, None)
        return self.constants[number]

    def record(self, number, inputs, errors):
        """One instruction; `errors` say how its error goes to each input. Returns its output."""
        inputs = [one if isinstance(one, Value) else self.constant(float(one)) for one in inputs]
        ways = [(one, way) for one, way in zip(inputs, errors) if one.error is not None and way]
        output = self._value(number, ways or None)
        self.instructions.append(Instruction(tuple(one.id for one in inputs), output.id, self.label))
        if ways:
            self.history.append((output, self.label))
        return output

    def results(self, *nested):
        """These values are the program's results: they stay on the stack."""
        self.kept |= {value.id for value in flat(list(nested))}

    def backward(self, seeds, sums):
        """Send errors back, as instructions, through all that was recorded since the last call.

        seeds   [(value, its error, a Value)]
        sums    {id of an argument: its error so far}, added to in place

        An instruction of the backward pass is labelled ("backward", *rest) after the (phase, *rest) it belongs to.
        """
        history = self.history
        for value, error in seeds:
            _add(sums, value, error)
        for value, label in reversed(history):
            error = sums.pop(value.id, None)
            if error is not None:
                self.label = ("backward", *label[1:])
                for one, way in value.error:
                    _add(sums, one, way(error))
        self.history = []                            # an error's own error is not wanted


def _add(sums, value, error):
    sums[value.id] = (sums[value.id] + error if value.id in sums else error).cut()


def _number(value):
    return value.number if isinstance(value, Value) else float(value)


def flat(nested):
    """The values of nested lists, in order."""
    return [value for one in nested for value in flat(one)] if isinstance(nested, list) else [nested]


# ---------------------------------------------------------------- prices

class Stack:
    """Values ordered by last use; depths in logarithmic time (a Fenwick tree over places in time)."""

    def __init__(self, bottom_first):
        self._lay(list(bottom_first))

    def _lay(self, values):
        """Put the values at the places 1, 2, ... of a tree with room for as many moves again."""
        self.live = len(values)
        self.size, self.top = 2 * self.live + 64, self.live
        self.place = {value: k for k, value in enumerate(values, start=1)}
        self.tree = [0] * (self.size + 1)
        for k in range(1, self.size + 1):            # the tree of ones at 1 .. live
            self.tree[k] = max(0, min(k, self.live) - (k - (k & -k)))

    def depth(self, value):
        """1 for the topmost value."""
        k, below = self.place[value], 0
        while k:
            below += self.tree[k]
            k &= k - 1
        return self.live - below + 1

    def _change(self, k, by):
        while k <= self.size:
            self.tree[k] += by
            k += k & -k

    def remove(self, value):
        self._change(self.place.pop(value), -1)
        self.live -= 1

    def push(self, value):
        if self.top == self.size:                    # no room: close up, in the same order
            self._lay(sorted(self.place, key=self.place.get))
        self.top += 1
        self.place[value] = self.top
        self._change(self.top, 1)
        self.live += 1

    def __contains__(self, value):
        return value in self.place


def price(tape, size=1, closes_up=True):
    """(instructions,) cost of each instruction's reads.

    size       bytes of a scalar
    closes_up  False: what is never read again stays on the stack, as if nobody knew
    """
    last = {}
    for at, instruction in enumerate(tape.instructions):
        for value in instruction.reads:
            last[value] = at
    kept = tape.kept if closes_up else [*last, *(one.output for one in tape.instructions)]
    last |= {value: math.inf for value in kept}
    constants = {value.id for value in tape.constants.values()}
    stack, costs = Stack(value for value in tape.start if value in last), np.zeros(len(tape.instructions), np.int64)
    for at, (reads, output, _) in enumerate(tape.instructions):
        for value in reads:
            if value in constants and value not in stack:
                stack.push(value)
        costs[at] = sum(read_cost(stack.depth(value), size) for value in reads)
        for value in dict.fromkeys(reads):
            stack.remove(value)
            if last[value] > at:
                stack.push(value)
        if last.get(output, -1) > at:
            stack.push(output)
    return costs


def read_cost(depth, size=1):
    """Sum over the bytes of a scalar at this depth of the square root of each byte's depth, rounded up."""
    first = (depth - 1) * size
    return sum(math.isqrt(byte) + 1 for byte in range(first, first + size))      # ceil(sqrt(byte + 1))
