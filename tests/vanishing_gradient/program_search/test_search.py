"""The batched machine equals the plain one; the searches spend what they say and miss nothing."""

import numpy as np
import pytest

from vanishing_gradient.program_search import batch, comparison, machine, problems, search
from vanishing_gradient.program_search.machine import ONE_ARGUMENT, TWO_ARGUMENT, Halt
from vanishing_gradient.program_search.problems import COUNTING, POSITIONS, UNSEEN

EVERYTHING = lambda weights: np.ones(len(weights), bool)
NOTHING = lambda weights: np.zeros(len(weights), bool)


def drawn(count, dialect, seed, limit=256):
    """A batch of random programs, run to their ends."""
    rng = np.random.default_rng(seed)
    runs = batch.Batch(count, limit, dialect, inputs=(5, -3))
    while runs.running.any():
        runs.step(batch.draw(rng))
    return runs


def same(outcome, runs, row):
    """Is the outcome of one program that of a row of a batch, in everything that it leaves behind?"""
    return (outcome.steps, outcome.halt, outcome.low, outcome.program) == (
        runs.steps[row], runs.halt[row], runs.low[row], runs.program(row)) and \
        outcome.weights == runs.weights[row].tolist() and outcome.bits == pytest.approx(runs.bits[row])


# ---------------------------------------------------------------- batch

@pytest.mark.parametrize("dialect", [ONE_ARGUMENT, TWO_ARGUMENT], ids=["one argument", "two arguments"])
def test_a_batch_does_what_the_plain_machine_does_step_for_step(dialect):
    runs = drawn(4000, dialect, seed=1)
    seen = set(runs.halt.tolist())
    assert seen >= {Halt.STOP, Halt.ILLEGAL, Halt.TIME}
    for row in range(4000):
        assert same(machine.run(runs.program(row), 256, dialect, inputs=(5, -3)), runs, row)


def test_every_primitive_is_executed_in_the_comparison():
    runs = drawn(4000, ONE_ARGUMENT, seed=1)
    numbers = {number for row in range(4000) for number in runs.program(row)}
    assert numbers >= set(range(13))


def reading(programs):
    """An oracle for a batch that reads the answers of every row from a program of its own."""
    def oracle(runs, rows):
        rest = [programs[row][runs.high[row] + 1:] for row in rows]
        runs.halt[rows[[not cells for cells in rest]]] = Halt.ASKS
        rows, rest = rows[[bool(cells) for cells in rest]], [cells for cells in rest if cells]
        number = np.array([cells[0] for cells in rest], int)
        runs.append_primitive(rows, number)
        first, last = runs.range_of(rows[:, None], runs.kinds[number])
        arguments = [cells[1:1 + runs.arity[n]] for cells, n in zip(rest, number)]
        values = np.array([cells + [0] * (3 - len(cells)) for cells in arguments], int).reshape(len(rows), 3)
        runs.append_arguments(rows, number, values, last - first + 1)
    return oracle


def test_programs_in_one_batch_do_not_touch_each_other():
    together = drawn(300, ONE_ARGUMENT, seed=3)
    programs = [together.program(row) for row in range(300)]
    for row in range(0, 300, 10):
        alone = batch.Batch(1, 256, inputs=(5, -3))
        while alone.running.any():
            alone.step(reading(programs[row:row + 1]))
        assert alone.weights[0].tolist() == together.weights[row].tolist() and alone.steps[0] == together.steps[row]


def test_a_batch_keeps_the_limits_of_numbers_and_tapes_to_the_cell():
    """Counting down to -10000 and beyond, doubling, a full work tape, a full program tape, code on the work tape."""
    programs = [[7, 1, 9, -1, 2, 2], [7, 1, 8, -1, 2, 2], [7, 1, 8, -1, 4, -1, -1, -1, 2, 4], [7, 5, 2, 0], [1, 0] * 49,
                [7, 1, 8, -1, 1, 1, 2, -1], [7, 3, 8, -3, 12, 2, 7, 2, 3], problems.BY_HAND["squares"], [2, 0]]
    runs = batch.Batch(len(programs), 21_000)
    while runs.running.any():
        runs.step(reading(programs))
    for row, program in enumerate(programs):
        assert same(machine.run(program, 21_000), runs, row), program
    assert runs.cells[0, machine.WORK - 1] == -machine.LARGEST and runs.halt[0] == Halt.OVERFLOW


def test_a_row_that_is_started_again_remembers_nothing():
    runs = drawn(500, ONE_ARGUMENT, seed=4)
    runs.reset(np.arange(500), 256)
    rng = np.random.default_rng(5)
    while runs.running.any():
        runs.step(batch.draw(rng))
    assert all(same(machine.run(runs.program(row), 256, inputs=(5, -3)), runs, row) for row in range(500))


def test_a_joined_batch_is_its_parts():
    runs = drawn(60, ONE_ARGUMENT, seed=6)
    parts = [runs.copy(np.arange(20)), runs.copy(np.arange(20, 60))]
    assert (batch.Batch.join(parts).cells == runs.cells).all() and (batch.Batch.join(parts).steps == runs.steps).all()


# ---------------------------------------------------------------- drawing

def test_random_search_follows_every_run_to_its_end_and_counts_its_steps():
    fits, effort = search.random_search(np.random.default_rng(0), 3000, EVERYTHING, slots=256)
    assert len(fits) + effort.cut == effort.runs == 3000 and effort.cut_fits == effort.cut
    assert [fit.number for fit in fits] == sorted({fit.number for fit in fits})
    assert sum(fit.steps for fit in fits) < effort.steps


def test_long_runs_are_found_in_the_proportion_in_which_they_are_drawn():
    """Stopping when enough runs have *ended* would leave the longest out, and their mean limit would be too small."""
    _, effort = search.random_search(np.random.default_rng(0), 20_000, NOTHING, slots=4096)
    rng = np.random.default_rng(1)
    limits = search.time_limits(rng, 20_000, 8)
    assert 0.05 < effort.cut / effort.runs < 0.08
    assert effort.steps / effort.cut > 0.7 * limits.mean()


def test_a_fit_at_the_time_limit_does_not_count():
    first_weight_is_1 = lambda weights: weights[:, 0] == 1
    fits, effort = search.random_search(np.random.default_rng(0), 3000, first_weight_is_1, largest=1, slots=256)
    assert effort.cut_fits > 0 and all(machine.run(fit.program, fit.limit).halt != Halt.TIME for fit in fits)


def test_random_search_agrees_with_the_plain_search_on_how_often_counting_is_solved():
    plain = machine.search(0, 30_000, lambda weights: COUNTING.accept(np.array([weights]))[0])
    fits, _ = search.random_search(np.random.default_rng(0), 60_000, COUNTING.accept)
    assert 5 <= len(plain) <= 45 and 15 <= len(fits) <= 65           # 1,670 runs per fit: 18 and 36 expected


def test_the_same_seed_finds_the_same_programs():
    once, again = (search.random_search(np.random.default_rng(7), 4000, COUNTING.accept, largest=4, slots=512)
                   for _ in range(2))
    assert once[1] == again[1] and [fit.program for fit in once[0]] == [fit.program for fit in again[0]]


# ---------------------------------------------------------------- enumerating

def plain_enumeration(allowance, program=()):
    """Every program that may run, by recursion over the plain machine: [(program, outcome)]."""
    ended, prefix = [], machine.run(list(program), 10**6) if program else None
    low, high, bits, steps = (prefix.low, len(program) - 1, prefix.bits, prefix.steps) if program else (0, -1, 0.0, 0)
    for number, primitive in enumerate(ONE_ARGUMENT):
        kinds = primitive.arguments
        ranges = [machine.legal(kind, low, high + 1 + len(kinds)) for kind in kinds]
        counts = [last - first + 1 for first, last in ranges]
        if min(counts, default=1) <= 0:
            continue
        limit = int(allowance(bits + np.log2(13) + np.log2(counts).sum(), len(program) + 1 + len(kinds)))
        for place in np.ndindex(*counts) if limit > steps else ():
            longer = (*program, number, *(int(first + k) for (first, _), k in zip(ranges, place)))
            outcome = machine.run(list(longer), limit)
            if outcome.halt == Halt.ASKS:
                ended += plain_enumeration(allowance, longer)
            else:
                ended.append((list(longer), outcome))
    return ended


@pytest.mark.parametrize("allowance", [search.levin(16), search.by_length(4, 320)], ids=["levin", "by length"])
def test_the_enumeration_meets_exactly_the_programs_of_the_recursion(allowance):
    expected = plain_enumeration(allowance)
    fits, effort = search.enumerate_programs(allowance, EVERYTHING, slots=64)
    halted = sorted(program for program, outcome in expected if outcome.halt != Halt.TIME)
    assert sorted(fit.program for fit in fits) == halted
    assert (effort.runs, effort.steps) == (len(expected), sum(outcome.steps for _, outcome in expected))


def test_levins_order_finds_counting_in_phase_19_because_its_cost_is_18_4_bits():
    before, _ = search.enumerate_programs(search.levin(18), COUNTING.accept)
    found, _ = search.enumerate_programs(search.levin(19), COUNTING.accept)
    assert not before and sorted(fit.program for fit in found) == [[1, 0, 2, 0], [1, 1, 2, 0]]


# ---------------------------------------------------------------- problems and the rows beside

def test_there_are_161697_unseen_patterns_and_the_published_targets():
    assert len(UNSEEN) == 161_697 and not any((UNSEEN == on).all(1).any() for on in problems.TRAINING)
    assert COUNTING.targets.tolist() == [3, 3, 3] and POSITIONS.targets.tolist() == [108, 126, 221]


@pytest.mark.parametrize("problem", problems.LADDER, ids=lambda problem: problem.name)
def test_the_program_worked_out_by_hand_writes_the_weights_of_its_problem(problem):
    outcome = machine.run(problems.BY_HAND[problem.name], 2000)
    assert (np.array(outcome.weights) == problem.truth).all() and outcome.halt != Halt.TIME
    assert np.abs(problem.truth).max() <= machine.LARGEST


def test_a_fit_may_be_wrong_elsewhere_and_is_scored_on_what_it_has_not_seen():
    weights = POSITIONS.truth.copy()
    weights[95:] = 0
    assert POSITIONS.accept(weights[None])[0]
    with_a_wrong_one = (UNSEEN >= 95).any(1).sum()
    assert POSITIONS.unseen_right(weights) == len(UNSEEN) - with_a_wrong_one


def test_least_squares_gets_the_81_patterns_of_the_nine_seen_inputs():
    seen = np.unique(problems.TRAINING)
    right = COUNTING.unseen_right(comparison.least_squares(COUNTING))
    assert right == np.isin(UNSEEN, seen).all(1).sum() == 81


def test_gradient_descent_moves_the_nine_seen_weights_only_and_meets_least_squares():
    w, losses = comparison.gradient_descent(POSITIONS, 0, 3000)
    from_zero = comparison.SETTINGS[:, 1] == 0
    seen = np.isin(np.arange(100), problems.TRAINING)
    assert (w[from_zero][:, ~seen] == 0).all() and losses.max() < 1e-3
    assert np.allclose(w[from_zero], comparison.least_squares(POSITIONS), atol=0.05)
