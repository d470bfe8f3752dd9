"""The machine on cases worked out by hand: every primitive, every reason to halt, code on the work tape."""

import random

import pytest

from vanishing_gradient.program_search import machine
from vanishing_gradient.program_search.machine import (
    ONE_ARGUMENT, TWO_ARGUMENT, WEIGHTS, WORK, Halt, Machine, listing, read, run)


def state(program, steps=100, dialect=ONE_ARGUMENT, inputs=()):
    """The machine after a program, to look into its cells."""
    m = Machine(read(program), dialect, inputs)
    m.run(steps)
    return m


# ---------------------------------------------------------------- primitives

def test_an_empty_program_asks_and_costs_nothing():
    outcome = run([], 10)
    assert (outcome.halt, outcome.steps, outcome.bits, outcome.weights) == (Halt.ASKS, 0, 0.0, [0] * WEIGHTS)


def test_stop_ends_the_run_after_one_step():
    assert run([3], 10)[1:3] == (1, Halt.STOP)


def test_allocate_takes_a_number_and_makes_cells_of_zero():
    m = state([7, 3, 3])
    assert (m.low, m.high, [m[-1], m[-2], m[-3]]) == (-3, 2, [0, 0, 0])


def test_increment_and_decrement_change_a_work_cell_by_one():
    m = state([7, 2, 8, -1, 8, -1, 9, -2, 3])
    assert (m[-1], m[-2]) == (2, -1)


def test_move_copies_a_cell_of_code():
    assert state([7, 1, 6, 0, -1, 3])[-1] == 7


def test_add_writes_the_sum_to_its_third_address():
    assert state([7, 1, 4, 0, 2, -1, 3])[-1] == 7 + 4


def test_subtract_takes_the_first_from_the_second():
    assert state([7, 1, 10, 0, 2, -1, 3])[-1] == 10 - 7


def test_multiply_writes_the_product():
    assert state([7, 1, 11, 0, 2, -1, 3])[-1] == 7 * 11


@pytest.mark.parametrize("first, second, jumps", [(-2, -1, True), (-1, -2, False), (-1, -1, True)])
def test_jumpleq_jumps_when_the_first_content_is_at_most_the_second(first, second, jumps):
    m = state([7, 2, 8, -1, 0, first, second, 0, 3], steps=4)       # c(-1) = 1, c(-2) = 0; a jump allocates again
    assert (m.low, m.halt) == ((-4, Halt.TIME) if jumps else (-2, Halt.STOP))


def test_jump_goes_to_its_address_and_may_skip_what_was_never_asked():
    assert run([2, 2, 3], 10)[1:3] == (2, Halt.STOP)
    assert run([2, 0], 10)[1:3] == (10, Halt.TIME)


def test_free_takes_back_the_cells_allocated_last():
    m = state([7, 3, 8, -3, 12, 2, 7, 2, 3])
    assert (m.low, m[-3]) == (-3, 0)                                 # freed, allocated again: zero again


def test_get_input_reads_by_the_content_of_its_first_address():
    assert state([7, 1, 5, -1, -1, 3], inputs=(42, 43))[-1] == 42
    assert state([7, 1, 8, -1, 5, -1, -1, 3], inputs=(42, 43))[-1] == 43


def test_get_input_without_inputs_is_illegal():
    assert run([7, 1, 5, -1, -1, 3], 10)[1:3] == (2, Halt.ILLEGAL)


def test_write_weight_fills_the_weights_in_order():
    assert run([1, 0, 1, 1, 7, 1, 1, 0, 3], 10).weights[:4] == [1, 0, 1, 0]


def test_two_argument_write_addresses_the_weight_and_does_not_advance():
    weights = run([7, 1, 8, -1, 1, 0, -1, 1, 2, -1, 3], 10, TWO_ARGUMENT).weights
    assert weights[:3] == [0, 8, 0]                                  # w[c(-1)] = c(2), twice the same place


def test_read_weight_writes_to_the_address_found_at_its_first_argument():
    program = [7, 2, 9, -1, 1, 0, -2, 5, -1, -2, 3]                  # c(-1) = -1, so w[0] = 7 goes to address -1
    assert state(program, dialect=TWO_ARGUMENT)[-1] == 7


def test_read_weight_into_code_is_illegal():
    assert run([7, 1, 5, 1, -1, 3], 10, TWO_ARGUMENT)[1:3] == (2, Halt.ILLEGAL)     # c(1) = 1 is a program address


# ---------------------------------------------------------------- the end of a run

def test_a_number_that_is_no_primitive_is_illegal():
    assert run([7, 1, 9, -1, 2, -1, 3], 10)[1:3] == (4, Halt.ILLEGAL)               # jumps into a cell that holds -1


@pytest.mark.parametrize("program", [[8, 0], [7, 1, 8, 0], [7, 1, 8, -2], [1, 2], [2, 3], [2, -1], [7, 0], [7, 6],
                                     [12, 1], [7, 2, 12, 3], [7, 1, 4, 0, 0, 1], [7, 1, 6, 0, 0]])
def test_an_illegal_argument_ends_the_run(program):
    assert run(program, 10).halt == Halt.ILLEGAL


def test_a_primitive_without_its_arguments_is_illegal():
    assert run([8], 10)[1:3] == (1, Halt.ILLEGAL)
    assert run([1, 0, 2, 1], 10)[1:3] == (3, Halt.ILLEGAL)                          # cell 1 is 0: Jumpleq at the end


def test_a_hundredth_and_first_weight_ends_the_run_and_costs_a_step():
    outcome = run([1, 0, 2, 0], 1000)
    assert (outcome.steps, outcome.halt, set(outcome.weights)) == (201, Halt.NO_WEIGHT, {1})


def test_a_result_beyond_ten_thousand_ends_the_run():
    doubling = [7, 1, 8, -1, 4, -1, -1, -1, 2, 4]
    m = state(doubling)
    assert (m[-1], m.halt) == (8192, Halt.OVERFLOW)
    falling = state([7, 1, 9, -1, 2, 2], steps=10**6)
    assert (falling[-1], falling.halt) == (-10_000, Halt.OVERFLOW)


def test_the_work_tape_ends_at_a_hundred_cells():
    m = state([7, 5, 2, 0], steps=1000)
    assert (m.low, m.halt, m.steps) == (-WORK, Halt.ILLEGAL, 41)


def test_the_program_tape_ends_at_a_hundred_cells():
    outcome = run([1, 0] * 60, 1000)
    assert outcome.halt == Halt.ILLEGAL and len(outcome.program) + machine.LONGEST > machine.PROGRAM


def test_the_limit_cuts_a_run_after_exactly_so_many_steps():
    assert run([1, 0, 2, 0], 200)[1:3] == (200, Halt.TIME)
    assert run([1, 0, 2, 0], 201)[1:3] == (201, Halt.NO_WEIGHT)


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        run([3], 0)


# ---------------------------------------------------------------- programs that write code

def test_a_program_executes_code_that_it_wrote_on_the_work_tape():
    """Stop (3) is built at address -1 by three increments, then jumped to."""
    outcome = run([7, 1, 8, -1, 8, -1, 8, -1, 2, -1], 10)
    assert (outcome.steps, outcome.halt) == (6, Halt.STOP)


def test_code_on_the_work_tape_takes_its_argument_from_the_program_tape_and_runs_on_into_it():
    """c(-1) = 1 is WriteWeight with argument c(0) = 7: w[1] = c(7) = -1. Then cell 1 is run; c(2) = 8 is no address."""
    outcome = run([7, 1, 8, -1, 1, 1, 2, -1], 20)
    assert outcome.weights[:3] == [1, -1, 0] and (outcome.steps, outcome.halt) == (6, Halt.ILLEGAL)


# ---------------------------------------------------------------- published programs and costs

def test_the_published_two_argument_program_takes_399_steps_and_has_the_published_probability():
    """Schmidhuber 1997, table 5: 399 of 1024 steps, 100 work cells at the end, space probability 9.95e-9."""
    outcome = run([7, 1, 8, -1, 1, -1, -1, 2, 0], 1024, TWO_ARGUMENT)
    assert outcome.weights == list(range(WEIGHTS)) and outcome.steps == 399
    assert outcome.low == -100 and round(2 ** -outcome.bits * 1e9, 2) == 9.95


def test_the_two_known_programs_have_the_costs_worked_out_by_hand():
    counting, positions = run([1, 0, 2, 0], 8192), run([7, 1, 1, -1, 8, -1, 2, 2], 8192)
    assert 2 ** counting.bits == pytest.approx(13 * 2 * 13 * 5)
    assert 2 ** positions.bits == pytest.approx(13 * 5 * 13 * 5 * 13 * 1 * 13 * 10)
    assert positions.weights == list(range(WEIGHTS)) and positions.steps == 1 + 3 * 100 + 1
    assert counting.kt == pytest.approx(18.374, abs=1e-3)


def test_what_is_drawn_is_all_that_is_legal_once_the_instruction_itself_is_counted():
    oracle, low, high = machine.draw(random.Random(0)), -3, 4
    drawn = [oracle(ONE_ARGUMENT, low, high) for _ in range(5000)]
    first = {name: {answer[1] for answer in drawn if ONE_ARGUMENT[answer[0]].name == name}
             for name in ("WriteWeight", "Increment", "Jump", "Allocate", "Free")}
    assert first == dict(WriteWeight={*range(low, high + 3)}, Increment={-3, -2, -1}, Jump={*range(low, high + 4)},
                         Allocate={1, 2, 3, 4, 5}, Free={1, 2, 3})


def test_a_drawn_program_replays_to_the_same_outcome():
    rng = random.Random(0)
    for dialect in (ONE_ARGUMENT, TWO_ARGUMENT):
        for _ in range(300):
            drawn = machine.guess(rng, 64, dialect)
            assert run(drawn.program, 64, dialect) == drawn


def test_time_limits_follow_their_law():
    rng = random.Random(0)
    limits = [machine.time_limit(rng, 8) for _ in range(4000)]
    assert min(limits) == 64 and max(limits) == 8192
    assert abs(limits.count(64) / 4000 - 0.5) < 0.03 and abs(limits.count(128) / 4000 - 0.25) < 0.03


def test_a_listing_names_addresses_primitives_and_arguments():
    assert listing([7, 1, 1, -1, 8, -1, 2, 2]) == "0 Allocate 1 | 2 WriteWeight -1 | 4 Increment -1 | 6 Jump 2"
