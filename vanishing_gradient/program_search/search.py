"""Two ways through the space of programs: draw them, or enumerate them in Levin's order.

Schmidhuber (1997), sections 3 and 4. Both spend, in the long run, a share 2^-bits of all steps on
a program of so many bits, and both know nothing of the problem but `accept(weights)`.

    random_search   every run draws its time limit, 32 * 2^k steps with probability 2^-k, and then its
                    program while it runs. Simple programs are drawn again and again.
    phase           Levin's universal search: phase 1, 2, 3, ... gives every program 2^phase steps times
                    its space probability. A program is met once a phase, and a prefix that ends the run
                    ends all its continuations: only legal prefixes that ask for more are continued.
"""

from typing import NamedTuple

import numpy as np

from vanishing_gradient.program_search.batch import JUMP_TO, READ, Batch, draw
from vanishing_gradient.program_search.machine import ONE_ARGUMENT, Halt

SLOTS = 16_384                  # programs side by side
FINISHED = -1                   # number of a row that is empty because all runs have been started
PARENTS = 512                   # prefixes continued at once


class Fit(NamedTuple):
    """A program that halted with accepted weights."""
    number: int                 # of the run, in the order in which runs were started (0 in an enumeration)
    program: list
    steps: int
    limit: int
    bits: float                 # -log2 of its space probability
    weights: np.ndarray         # (WEIGHTS,) int


class Effort(NamedTuple):
    """What a search has spent."""
    runs: int
    steps: int
    cut: int                    # runs stopped at their limit
    cut_fits: int               # of these, accepted at that moment: not counted as fits


def time_limits(rng, size, largest):
    """(size,) limits of 32 * 2^k steps with probability 2^-k, k = 1 .. largest; what is left over goes to the last."""
    return 32 * 2 ** np.minimum(rng.geometric(0.5, size), largest)


def fits_of(batch, rows, numbers, accept):
    """The Fits among finished rows, and how many were accepted when they were cut."""
    rows = rows[accept(batch.weights[rows])]
    cut = batch.halt[rows] == Halt.TIME
    return [Fit(int(numbers[row]), batch.program(row), int(batch.steps[row]), int(batch.limit[row]),
                float(batch.bits[row]), batch.weights[row].astype(np.int64)) for row in rows[~cut]], int(cut.sum())


# ---------------------------------------------------------------- drawing

def random_search(rng, runs, accept, largest=8, dialect=ONE_ARGUMENT, slots=SLOTS, say=None):
    """Exactly `runs` random programs, each followed to its end.

    Finished rows start the next run at once; when all have been started the rest is followed to the
    end, so that long runs count in the proportion in which they were drawn.

    accept   (n, WEIGHTS) -> (n,) bool       say   called with the number of runs started so far
    returns  [Fit], Effort
    """
    started = min(slots, runs)
    batch, oracle = Batch(started, time_limits(rng, started, largest), dialect), draw(rng)
    numbers, fits, steps, cut, cut_fits = np.arange(started), [], 0, 0, 0
    while len(numbers):
        batch.step(oracle)
        rows = np.flatnonzero((batch.halt != Halt.RUNNING) & (numbers >= 0))
        found, cut_found = fits_of(batch, rows, numbers, accept)
        fits += found
        cut_fits += cut_found
        cut += int((batch.halt[rows] == Halt.TIME).sum())
        steps += int(batch.steps[rows].sum())
        fresh = rows[:runs - started]
        batch.reset(fresh, time_limits(rng, len(fresh), largest))
        numbers[fresh] = started + np.arange(len(fresh))
        started += len(fresh)
        numbers[rows[len(fresh):]] = FINISHED
        if (numbers < 0).mean() > 0.25:
            left = np.flatnonzero(numbers >= 0)
            batch, numbers = batch.copy(left), numbers[left]
        if say:
            say(started)
    return sorted(fits, key=lambda fit: fit.number), Effort(runs, steps, cut, cut_fits)


# ---------------------------------------------------------------- enumerating

def levin(phase, most=1024):
    """Allowance of steps in Levin's phase: 2^(phase - bits), none above `most`."""
    return lambda bits, length: np.minimum(np.floor(2.0 ** (phase - bits) + 1e-9), most)


def by_length(longest, steps):
    """Allowance of steps by length alone: the same for every program of at most `longest` cells."""
    return lambda bits, length: np.where(length <= longest, steps, 0)


def enumerate_programs(allowance, accept, dialect=ONE_ARGUMENT, slots=SLOTS, each=None):
    """Every program that the allowance lets run, depth first, many at a time; each prefix is executed once.

    allowance   (bits (n,), length in cells (n,)) -> steps (n,); a program that has used them up is left out
    each        called with a batch and the rows of programs that ended in it
    returns     [Fit], Effort; the steps are those of every program run from its start
    """
    root = Batch(1, 1, dialect)
    waiting, fits, runs, steps, cut, cut_fits = [root], [], 0, 0, 0, 0
    while waiting:
        parents = next_parents(waiting)
        for children in continuations(parents, allowance, slots):
            for ended in in_groups(children):
                asks = ended.halt == Halt.ASKS
                rows = np.flatnonzero(~asks)
                if each:
                    each(ended, rows)
                found, cut_found = fits_of(ended, rows, np.zeros(len(asks), int), accept)
                fits += found
                cut_fits += cut_found
                runs += len(rows)
                steps += int(ended.steps[rows].sum())
                cut += int((ended.halt == Halt.TIME).sum())
                shortest = allowance(ended.bits + np.log2(len(dialect)), ended.high + 2)     # with Stop, the cheapest
                going_on = np.flatnonzero(asks & (shortest > ended.steps))
                if going_on.size:
                    waiting.append(ended.copy(going_on))
    return fits, Effort(runs, steps, cut, cut_fits)


def next_parents(waiting):
    """The prefixes on top of the stack, at most PARENTS."""
    taken, size = [], 0
    while waiting and size < PARENTS:
        top = waiting.pop()
        if size + len(top.halt) > PARENTS:
            room = PARENTS - size
            waiting.append(top.copy(np.arange(room, len(top.halt))))
            top = top.copy(np.arange(room))
        taken.append(top)
        size += len(top.halt)
    return Batch.join(taken)


def continuations(parents, allowance, slots):
    """Batches of at most `slots` children: each parent with every instruction that it may still pay for."""
    rows, numbers, values, choices = [], [], [], []
    for number in range(len(parents.dialect)):
        first, count = choices_of(parents, number)
        bits = parents.bits + np.log2(len(parents.dialect)) + np.log2(np.maximum(count, 1)).sum(1)
        length = parents.high + 2 + parents.arity[number]
        pays = (count > 0).all(1) & (allowance(bits, length) > parents.steps)
        row, value = every_choice(np.flatnonzero(pays), first, count)
        rows.append(row)
        numbers.append(np.full(len(row), number))
        values.append(value)
        choices.append(count[row])
    rows, numbers, values, choices = (np.concatenate(part) for part in (rows, numbers, values, choices))
    for start in range(0, len(rows), slots):
        part = slice(start, start + slots)
        yield child_batch(parents, rows[part], numbers[part], values[part], choices[part], allowance)


def child_batch(parents, rows, numbers, values, choices, allowance):
    """Copies of the parents with one instruction more and their limits."""
    children = parents.copy(rows)
    everyone = np.arange(len(rows))
    children.halt[:] = Halt.RUNNING
    children.append_primitive(everyone, numbers)
    children.append_arguments(everyone, numbers, values, choices)
    children.limit = allowance(children.bits, children.high + 1).astype(np.int64)
    return children


def choices_of(parents, number):
    """First legal value and number of legal values of every argument: (n, 3) and (n, 3); 0 and 1 for no argument."""
    kinds = parents.kinds[number]
    grows = np.isin(kinds, (READ, JUMP_TO)) * (1 + parents.arity[number])
    first = parents.first[:, kinds]
    return first, parents.last[:, kinds] + grows - first + 1


def every_choice(rows, first, count):
    """Row numbers (m,) and argument values (m, 3): all combinations for each of the rows."""
    sizes = count[rows].prod(1)
    row = np.repeat(rows, sizes)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    digits = np.empty((len(row), 3), np.int64)
    for k in (2, 1, 0):
        rank, digits[:, k] = np.divmod(rank, count[row, k])
    return row, first[row] + digits


def stop_where_it_asks(batch, rows):
    """An oracle without answers: the enumeration continues these prefixes itself."""
    batch.halt[rows] = Halt.ASKS


def in_groups(batch):
    """Run a batch to its end; finished rows leave in groups, so that the long runs do not carry them along."""
    while len(batch.halt):
        batch.step(stop_where_it_asks)
        ended = batch.halt != Halt.RUNNING
        if ended.mean() >= 0.25:
            yield batch.copy(np.flatnonzero(ended))
            batch = batch.copy(np.flatnonzero(~ended))
