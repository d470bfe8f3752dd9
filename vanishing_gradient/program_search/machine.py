"""The machine of 1995: 13 primitives, one array of cells, programs that decide their own size.

Schmidhuber (1997), Discovering neural nets with low Kolmogorov complexity and high generalization
capability, Neural Networks 10(5):857-873, sections 4 and 5 (ICML 1995, section 3).

    print(run([1, 0, 2, 0], limit=256).weights)     # WriteWeight(0), Jump(0): all 100 weights are 1

Storage is one array of integers. Addresses low .. -1 are the work tape, which the program makes
longer (Allocate) or shorter (Free); addresses 0 .. high are the program tape. A run starts with
nothing at all. Whenever the instruction pointer reaches the address after the last used cell, the
machine *asks*: an oracle answers with one instruction, which is appended to the program tape. The
oracle may draw it (search) or read it from a given program (replay). So a program grows while it
runs, and a jump back into what is there already asks for nothing.

What an argument may be depends on the storage in use at that moment, counted with the asked
instruction itself (low, high):

    read       an address low .. high                    any cell, code as well as data
    write      an address low .. -1                      the work tape only
    jump       an address low .. high + 1                high + 1 asks again
    allocate   a number 1 .. 5, within 100 work cells    not an address
    free       a number 1 .. 5, within the work tape

Each is drawn with equal probability, the primitive with 1/13. The product over the program is its
*space probability*; its bits are -log2 of it. These ranges are ours where the text is silent, and
they give the published 9.95e-9 for the published program (machine tests). An executed instruction
costs one step, also the one that ends the run. A run ends by Stop, by an illegal instruction or
argument, by a result beyond +-10000, by writing a weight that does not exist, or at its time limit.
"""

import random
from enum import IntEnum
from math import log2
from typing import NamedTuple

WEIGHTS = 100                       # of the network that is programmed; all are 0 at first
WORK, PROGRAM = 100, 100            # longest work tape, longest program tape
LARGEST = 10_000                    # every cell and weight is within +-LARGEST
MOST = 5                            # cells that one Allocate or Free may move
LONGEST = 4                         # cells of the longest instruction; the program tape is full when it does not fit


class Halt(IntEnum):
    """Why a run ended."""
    RUNNING = 0
    STOP = 1                        # the primitive Stop
    ILLEGAL = 2                     # no such primitive, address or number
    OVERFLOW = 3                    # a result beyond +-LARGEST
    NO_WEIGHT = 4                   # the weight to be written or read does not exist: how successful loops end
    TIME = 5                        # the limit was reached: such a run never counts as a fit
    ASKS = 6                        # replay only: the given program is used up


class Primitive(NamedTuple):
    name: str
    arguments: tuple                # what each argument is: read, write, jump, allocate, free


WRITE_WEIGHT, INPUT = 1, 5          # the two primitives that differ between the dialects

# One-argument write: a weight pointer advances by itself. c(a) is the content of the cell with address a.
ONE_ARGUMENT = (
    Primitive("Jumpleq", ("read", "read", "jump")),         # if c(a) <= c(b) go to address c
    Primitive("WriteWeight", ("read",)),                    # next weight = c(a)
    Primitive("Jump", ("jump",)),
    Primitive("Stop", ()),
    Primitive("Add", ("read", "read", "write")),            # c(c) = c(a) + c(b)
    Primitive("GetInput", ("read", "write")),               # c(b) = input number c(a)
    Primitive("Move", ("read", "write")),                   # c(b) = c(a)
    Primitive("Allocate", ("allocate",)),                   # this many new cells below low, each 0
    Primitive("Increment", ("write",)),
    Primitive("Decrement", ("write",)),
    Primitive("Subtract", ("read", "read", "write")),       # c(c) = c(b) - c(a)
    Primitive("Multiply", ("read", "read", "write")),       # c(c) = c(a) * c(b)
    Primitive("Free", ("free",)),                           # the cells allocated last go
)
# Two-argument write (1997, section 5.4): weights are addressed, nothing advances by itself.
TWO_ARGUMENT = tuple({WRITE_WEIGHT: Primitive("WriteWeight", ("read", "read")),     # weight number c(b) = c(a)
                      INPUT: Primitive("ReadWeight", ("read", "read")),             # c(c(a)) = weight number c(b)
                      }.get(number, primitive) for number, primitive in enumerate(ONE_ARGUMENT))


def legal(kind, low, high):
    """(first, last) value that an argument may have with storage low .. high in use; first > last: none."""
    if kind == "read":
        return low, high
    if kind == "write":
        return low, -1
    if kind == "jump":
        return low, high + 1
    return 1, min(MOST, WORK + low if kind == "allocate" else -low)


def draw(rng):
    """An oracle that draws every instruction. rng: random.Random. A primitive without legal arguments comes alone."""
    def oracle(dialect, low, high):
        number = rng.randrange(len(dialect))
        kinds = dialect[number].arguments
        ranges = [legal(kind, low, high + 1 + len(kinds)) for kind in kinds]
        if any(first > last for first, last in ranges):
            return [number]
        return [number] + [rng.randint(first, last) for first, last in ranges]
    return oracle


def read(program):
    """An oracle that reads its answers from a program, a list of cells; at its end it has no answer."""
    def oracle(dialect, low, high):
        start = high + 1
        size = 1 + len(dialect[program[start]].arguments) if start < len(program) else 0
        return list(program[start:start + size])
    return oracle


class Outcome(NamedTuple):
    """What one run leaves behind."""
    weights: list                   # WEIGHTS integers
    steps: int
    halt: Halt
    program: list                   # cells 0 .. high, instruction after instruction
    bits: float                     # -log2 of the space probability
    low: int                        # - cells of the work tape

    @property
    def kt(self):
        """Levin's cost l(p) + log2 t(p) of this program, in bits."""
        return self.bits + log2(self.steps)


def run(program, limit, dialect=ONE_ARGUMENT, inputs=(), watch=None):
    """The outcome of one program (a list of cells) within `limit` steps.

    inputs   integers that GetInput can read; none while weights are set
    watch    called with the machine before every step
    Raises ValueError if the limit is not positive or an answer's primitive does not exist.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1 step, got {limit}")
    return Machine(read(program), dialect, inputs).run(limit, watch)


def guess(rng, limit, dialect=ONE_ARGUMENT, inputs=()):
    """The outcome of a program drawn while it runs."""
    return Machine(draw(rng), dialect, inputs).run(limit)


def time_limit(rng, largest):
    """A limit of 32 * 2^k steps with probability 2^-k, k = 1 .. largest; what is left over goes to the last."""
    k = 1
    while k < largest and rng.random() < 0.5:
        k += 1
    return 32 * 2 ** k


class Machine:
    """One program, one instruction after the other: the definition of correct."""

    def __init__(self, oracle, dialect=ONE_ARGUMENT, inputs=()):
        self.oracle, self.dialect, self.inputs = oracle, dialect, inputs
        self.cells = [0] * (WORK + PROGRAM)             # address a is at WORK + a
        self.low, self.high, self.pointer = 0, -1, 0    # used storage (Min, Max), instruction pointer
        self.weights, self.next_weight = [0] * WEIGHTS, 0
        self.steps, self.bits, self.halt = 0, 0.0, Halt.RUNNING
        self.effects = [getattr(self, "do_" + primitive.name) for primitive in dialect]

    def run(self, limit, watch=None):
        """The outcome after at most `limit` steps."""
        while self.halt == Halt.RUNNING:
            if self.steps == limit:
                self.halt = Halt.TIME
                break
            if watch:
                watch(self)
            self.step()
        return Outcome(self.weights, self.steps, self.halt, self.cells[WORK:WORK + self.high + 1], self.bits, self.low)

    def step(self):
        """Execute the instruction under the pointer; ask for it first if it lies beyond the used storage."""
        if self.pointer == self.high + 1 and not self.ask():
            return
        self.steps += 1
        number = self[self.pointer]
        if self.pointer < self.low or not 0 <= number < len(self.dialect):
            self.halt = Halt.ILLEGAL
            return
        kinds = self.dialect[number].arguments
        following = self.pointer + 1 + len(kinds)
        if following > self.high + 1:
            self.halt = Halt.ILLEGAL                    # its arguments are not there
            return
        arguments = [self[address] for address in range(self.pointer + 1, following)]
        for kind, argument in zip(kinds, arguments):
            first, last = legal(kind, self.low, self.high)
            if not first <= argument <= last:
                self.halt = Halt.ILLEGAL
                return
        self.pointer = following
        self.effects[number](*arguments)

    def ask(self):
        """Append the oracle's answer to the program tape; False if the run ends here."""
        if self.high + LONGEST >= PROGRAM:
            self.halt = Halt.ILLEGAL                    # the program tape is full
            return False
        answer = self.oracle(self.dialect, self.low, self.high)
        if not answer:
            self.halt = Halt.ASKS
            return False
        kinds = self.dialect[answer[0]].arguments
        for cell in answer:
            self.high += 1
            self.cells[WORK + self.high] = cell
        self.bits += log2(len(self.dialect))
        for kind in kinds[:len(answer) - 1]:
            first, last = legal(kind, self.low, self.high)
            self.bits += log2(max(last - first + 1, 1))
        return True

    def __getitem__(self, address):
        return self.cells[WORK + address]

    def put(self, address, value):
        """Write a result to a work cell."""
        if abs(value) > LARGEST:
            self.halt = Halt.OVERFLOW
        else:
            self.cells[WORK + address] = value

    # -- the primitives; arguments are legal here --------------------------------------------------

    def do_Jumpleq(self, a, b, c):
        if self[a] <= self[b]:
            self.pointer = c

    def do_Jump(self, a):
        self.pointer = a

    def do_Stop(self):
        self.halt = Halt.STOP

    def do_Add(self, a, b, c):
        self.put(c, self[a] + self[b])

    def do_Subtract(self, a, b, c):
        self.put(c, self[b] - self[a])

    def do_Multiply(self, a, b, c):
        self.put(c, self[a] * self[b])

    def do_Move(self, a, b):
        self.put(b, self[a])

    def do_Increment(self, a):
        self.put(a, self[a] + 1)

    def do_Decrement(self, a):
        self.put(a, self[a] - 1)

    def do_Allocate(self, a):
        for _ in range(a):
            self.low -= 1
            self.cells[WORK + self.low] = 0

    def do_Free(self, a):
        self.low += a

    def do_GetInput(self, a, b):
        if 0 <= self[a] < len(self.inputs):
            self.put(b, self.inputs[self[a]])
        else:
            self.halt = Halt.ILLEGAL

    def do_WriteWeight(self, a, b=None):
        place = self.next_weight if b is None else self[b]
        self.next_weight += 1
        if 0 <= place < WEIGHTS:
            self.weights[place] = self[a]
        else:
            self.halt = Halt.NO_WEIGHT

    def do_ReadWeight(self, a, b):
        if not 0 <= self[b] < WEIGHTS:
            self.halt = Halt.NO_WEIGHT
        elif not self.low <= self[a] <= -1:
            self.halt = Halt.ILLEGAL
        else:
            self.put(self[a], self.weights[self[b]])


# -- reading programs ------------------------------------------------------------------------------

def listing(program, dialect=ONE_ARGUMENT):
    """The program as text, `0 Allocate 1 | 2 WriteWeight -1 | ...`: address, primitive, arguments."""
    parts, address = [], 0
    while address < len(program):
        primitive = dialect[program[address]]
        size = 1 + len(primitive.arguments)
        parts.append(" ".join(map(str, [address, primitive.name, *program[address + 1:address + size]])))
        address += size
    return " | ".join(parts)


def search(seed, runs, accept, largest=8, dialect=ONE_ARGUMENT):
    """Probabilistic search, one run after the other: the outcomes among `runs` for which accept(weights) holds."""
    rng, found = random.Random(seed), []
    for _ in range(runs):
        outcome = guess(rng, time_limit(rng, largest), dialect)
        if outcome.halt != Halt.TIME and accept(outcome.weights):
            found.append(outcome)
    return found
