"""The batch generators against slow, obvious ones that follow the published definitions a sequence at a time."""
from collections import Counter

import numpy as np
import pytest

from smt.tasks import (NO_TARGET, TASKS, RetrievalMachine, keys_and_values, modular_arithmetic, parity, parity_machine,
                       retrieval, stack_machine, stack_operations, string_copy)


def rng(seed=0):
    return np.random.default_rng(seed)


# -- slow and obvious: one sequence, from the definitions --------------------------------------------------------------

def slow_retrieval(r, length, elements, min_pos=0.0, max_pos=0.5, noise=0.0):
    x = [int(r.integers(1, elements + 1)) for _ in range(length)]
    position = min(max(int(length * r.uniform(min_pos, max_pos)), 1), length - 2)
    needle = int(r.integers(1, elements + 1))
    x[position - 1], x[position], x[-1] = 0, needle, 0
    if r.random() < noise:
        needle = int(r.integers(1, elements + 1))
    return x, [NO_TARGET] * (length - 1) + [needle]


def slow_string_copy(r, length, elements, noise=0.0):
    string = [int(r.integers(1, elements + 1)) for _ in range(length // 2)]
    answer = string[::-1]
    labels = [int(r.integers(1, elements + 1)) if r.random() < noise else symbol for symbol in answer]
    return string + [0] + answer[:-1], [NO_TARGET] * (length // 2) + labels


def slow_stack_operations(r, length, elements, max_size):
    stack, x, y = [], [], []
    for _ in range(length):
        if not stack:
            push = True
        elif len(stack) == max_size:
            push = False
        else:
            push = r.random() < 0.5
        if push:
            stack.append(int(r.integers(1, elements + 1)))
            x.append(stack[-1])
            y.append(NO_TARGET)
        else:
            x.append(0)
            y.append(stack.pop())
    return x, y


def slow_keys_and_values(r, length, keys, values, key_length):
    pairs = length // (2 * key_length) - 1
    key = [[int(r.integers(keys)) for _ in range(key_length)] for _ in range(pairs)]
    value = [[keys + int(r.integers(values)) for _ in range(key_length)] for _ in range(pairs)]
    asked = int(r.integers(pairs))
    x = sum([key[i] + value[i] for i in [*range(pairs), asked]], [])
    y = [NO_TARGET] * length
    y[-key_length - 1:-1] = value[asked]
    return x, y


def slow_modular_arithmetic(r, length, modulus, difficulty):
    w, b = int(r.integers(int(difficulty * modulus))), int(r.integers(int(difficulty * modulus)))
    x, y = [], []
    for _ in range(length // 2):
        given = int(r.integers(modulus))
        result = (w * given + b) % modulus
        x += [given, result]
        y += [result, NO_TARGET]
    return x, y


def slow_parity(r, length):
    x = [int(r.integers(2)) for _ in range(length)]
    return x, [sum(x[:t + 1]) % 2 for t in range(length)]


SMALL = [  # sizes at which whole sequences repeat often enough to be counted
    (retrieval, slow_retrieval, dict(length=5, elements=2)),
    (retrieval, slow_retrieval, dict(length=6, elements=2, min_pos=0.2, max_pos=1.0, noise=0.4)),
    (string_copy, slow_string_copy, dict(length=6, elements=2)),
    (string_copy, slow_string_copy, dict(length=4, elements=3, noise=0.5)),
    (stack_operations, slow_stack_operations, dict(length=6, elements=2, max_size=2)),
    (stack_operations, slow_stack_operations, dict(length=5, elements=3, max_size=1)),
    (keys_and_values, slow_keys_and_values, dict(length=6, keys=2, values=3, key_length=1)),
    (keys_and_values, slow_keys_and_values, dict(length=12, keys=2, values=1, key_length=2)),
    (modular_arithmetic, slow_modular_arithmetic, dict(length=4, modulus=5, difficulty=0.6)),
    (parity, slow_parity, dict(length=6)),
]
SMALL_IDS = [f"{fast.__name__} {options}" for fast, _, options in SMALL]


def differ(first, second):
    """Two-sample chi-square of counted outcomes, in standard deviations above its expectation."""
    counts = np.array([[first[k], second[k]] for k in set(first) | set(second)], float)
    counts = counts[counts.sum(axis=1) >= 8]
    scale = np.sqrt(counts[:, 1].sum() / counts[:, 0].sum())
    statistic = np.sum((counts[:, 0] * scale - counts[:, 1] / scale) ** 2 / counts.sum(axis=1))
    freedom = max(len(counts) - 1, 1)
    return (statistic - freedom) / np.sqrt(2 * freedom)


def counted(x, y):
    return Counter(map(tuple, np.concatenate([x, y], axis=1).tolist()))


@pytest.mark.parametrize("fast, slow, options", SMALL, ids=SMALL_IDS)
def test_whole_sequences_are_as_frequent_as_in_the_slow_version(fast, slow, options):
    ours = counted(*fast(rng(), 40_000, **options))
    r = rng(1)
    sequences = [slow(r, **options) for _ in range(5_000)]
    theirs = Counter(tuple(x + y) for x, y in sequences)
    assert all(sequence in ours for sequence, count in theirs.items() if count >= 5)
    assert differ(ours, theirs) < 4.0


def test_the_comparison_notices_a_changed_definition():
    x, y = retrieval(rng(), 40_000, length=6, elements=2, max_pos=0.5)
    other = retrieval(rng(1), 5_000, length=6, elements=2, max_pos=0.7)
    assert differ(counted(x, y), counted(*retrieval(rng(2), 5_000, length=6, elements=2, max_pos=0.5))) < 4.0
    assert differ(counted(x, y), counted(*other)) > 20.0


# -- at ordinary sizes the targets follow from the inputs --------------------------------------------------------------

def test_retrieval_asks_for_the_symbol_after_the_identifier():
    x, y = retrieval(rng(), batch=500, length=33, elements=8)
    for tokens, targets in zip(x.tolist(), y.tolist()):
        identifier = tokens.index(0)
        assert tokens.count(0) == 2 and tokens[-1] == 0 and identifier + 1 < 33 / 2
        assert targets == [NO_TARGET] * 32 + [tokens[identifier + 1]]


@pytest.mark.parametrize("length", [3, 4, 5, 8, 9])
@pytest.mark.parametrize("min_pos, max_pos", [(0, 0.5), (0, 0), (0, 1), (0.3, 0.7), (1, 1)])
def test_needle_positions_are_the_published_ones(length, min_pos, max_pos):
    x, _ = retrieval(rng(), batch=2000, length=length, elements=3, min_pos=min_pos, max_pos=max_pos)
    fractions = np.linspace(min_pos, max_pos, 1000, endpoint=min_pos == max_pos)
    published = {min(max(int(length * p), 1), length - 2) for p in fractions}
    assert set((np.argmax(x == 0, axis=1) + 1).tolist()) == published


def test_string_copy_returns_the_string_backwards():
    x, y = string_copy(rng(), batch=100, length=20, elements=5)
    assert np.array_equal(y[:, 10:], x[:, 9::-1])
    assert np.array_equal(x[:, 11:], y[:, 10:-1]) and np.all(x[:, 10] == 0) and np.all(y[:, :10] == NO_TARGET)


def test_a_pop_answers_what_a_list_would_pop():
    x, y = stack_operations(rng(), batch=200, length=80, elements=4, max_size=5)
    deepest = 0
    for tokens, targets in zip(x.tolist(), y.tolist()):
        stack = []
        for token, target in zip(tokens, targets):
            assert target == (NO_TARGET if token else stack.pop())
            stack += [token] * (token > 0)
            deepest = max(deepest, len(stack))
    assert deepest == 5


def test_a_query_is_answered_by_one_of_the_values_of_its_key():
    x, y = keys_and_values(rng(), batch=300, length=20, keys=6, values=4, key_length=2)
    assert np.array_equal(y[:, -3:-1], x[:, -2:])
    for tokens in x.reshape(300, 5, 2, 2).tolist():
        assert tokens[-1] in tokens[:-1]
    assert x.reshape(300, 5, 2, 2)[:, :, 0].max() == 5 and x.reshape(300, 5, 2, 2)[:, :, 1].min() == 6 and x.max() == 9


def test_modular_results_have_one_rule_per_sequence():
    x, y = modular_arithmetic(rng(), batch=200, length=16, modulus=11, difficulty=0.3)
    given, result = x[:, 0::2], x[:, 1::2]
    assert np.array_equal(y[:, 0::2], result) and np.all(y[:, 1::2] == NO_TARGET)
    rules = [[(w, b) for w in range(3) for b in range(3) if np.array_equal((w * g + b) % 11, r)]
             for g, r in zip(given, result)]
    assert min(map(len, rules)) == 1
    assert len({rule for found in rules for rule in found}) == 9        # int(0.3 * 11) = 3 values each for w and b


# -- noise, chance, vocabulary -----------------------------------------------------------------------------------------

def within(measured, expected, n):
    return abs(measured - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / n) + 1e-12


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 1.0])
def test_label_noise_reaches_the_targets_at_its_rate_and_never_the_inputs(noise):
    x, y = retrieval(rng(), 40_000, length=12, elements=4, noise=noise)
    rows = np.arange(len(x))
    right = x[rows, np.argmax(x == 0, axis=1) + 1] == y[:, -1]
    assert within(right.mean(), 1 - noise * 3 / 4, len(x))
    x, y = string_copy(rng(), 10_000, length=12, elements=4, noise=noise)
    assert np.array_equal(x[:, 7:], x[:, 5:0:-1])                       # the fed-back answer is the clean one
    assert within((y[:, 6:] == x[:, 5::-1]).mean(), 1 - noise * 3 / 4, 60_000)


CHANCE = [("retrieval", dict(length=16), {}), ("string_copy", dict(length=16), {}),
          ("stack_operations", dict(length=40), {}), ("keys_and_values", dict(length=12), {}),
          ("modular_arithmetic", dict(length=8), dict(modulus=7, difficulty=0.5)),
          ("modular_arithmetic", dict(length=8), dict(modulus=6, difficulty=1.0)), ("parity", dict(length=9), {})]


@pytest.mark.parametrize("name, size, options", CHANCE, ids=str)
def test_chance_is_what_the_best_constant_answer_gets(name, size, options):
    x, y = TASKS[name].generate(rng(), 20_000, **size, **options)
    asked = y != NO_TARGET
    share = np.array([np.mean((y == symbol).sum(axis=1) / asked.sum(axis=1)) for symbol in range(y.max() + 1)])
    assert within(share.max(), TASKS[name].chance(**options), 20_000)   # sequences are independent


@pytest.mark.parametrize("name, size, options", CHANCE, ids=str)
def test_tokens_stay_within_the_vocabulary_and_reach_its_ends(name, size, options):
    x, y = TASKS[name].generate(rng(), 2_000, **size, **options)
    vocabulary = TASKS[name].vocabulary(**options)
    assert x.shape == y.shape == (2_000, size["length"])
    assert np.issubdtype(x.dtype, np.integer) and np.issubdtype(y.dtype, np.integer)
    assert x.min() == 0 and x.max() == vocabulary - 1 and NO_TARGET <= y.min() and y.max() < vocabulary


# -- leaks: what comes after the cut does not tell an answer that depends on what came before --------------------------

def table_accuracy(seen, target):
    """Accuracy of the best answer looked up by everything that is seen: learned on one half, tested on the other."""
    half, votes = len(seen) // 2, {}
    for key, answer in zip(map(tuple, seen[:half].tolist()), target[:half].tolist()):
        votes.setdefault(key, Counter())[answer] += 1
    best = {key: counter.most_common(1)[0][0] for key, counter in votes.items()}
    later = zip(seen[half:].tolist(), target[half:].tolist())
    return np.mean([best.get(tuple(key), -2) == answer for key, answer in later])


def leaks(x, y, cut, time, chance):
    """Do the inputs after `cut` up to `time`, all that a decoder sees besides the memory, tell y at `time`?"""
    asked = y[:, time] != NO_TARGET
    return table_accuracy(x[asked, cut + 1:time + 1], y[asked, time]) > chance + 4.5 * np.sqrt(0.25 / (asked.sum() / 2))


N = 20_000


def test_retrieval_targets_cannot_be_read_from_inputs_after_the_needle():
    x, y = retrieval(rng(), N, length=9, elements=2, max_pos=0.4)
    assert not leaks(x, y, cut=3, time=8, chance=1 / 2)
    assert leaks(x, y, cut=-1, time=8, chance=1 / 2)                   # the needle itself among the inputs


def test_string_copy_targets_cannot_be_read_from_inputs_after_the_string():
    x, y = string_copy(rng(), N, length=8, elements=2)
    assert not any(leaks(x, y, cut=3, time=time, chance=1 / 2) for time in range(4, 8))
    shifted = np.concatenate([x[:, 1:], x[:, :1]], axis=1)             # a decoder that sees one input too many
    assert all(leaks(shifted, y, cut=3, time=time, chance=1 / 2) for time in range(4, 7))


def test_a_pop_of_what_was_pushed_before_the_cut_cannot_be_read_from_later_inputs():
    x, y = stack_operations(rng(), N, length=8, elements=2, max_size=4)
    for time in range(4, 8):
        size = np.cumsum(np.where(x > 0, 1, -1), axis=1)
        lowest = size[:, 4:time + 1].min(axis=1)
        older = (size[:, time] == lowest) & (lowest < size[:, 3]) & (x[:, time] == 0)
        older &= (size[:, 3:time] > size[:, time:time + 1]).all(axis=1)   # first time that deep: pushed before the cut
        assert older.sum() > 500
        assert not leaks(x[older], y[older], cut=3, time=time, chance=1 / 2)
    assert leaks(x, y, cut=-1, time=7, chance=1 / 2)


def test_a_value_cannot_be_read_from_the_query():
    x, y = keys_and_values(rng(), N, length=6, keys=3, values=2)
    assert not leaks(x, y, cut=3, time=4, chance=1 / 2)
    assert leaks(x, y, cut=-1, time=4, chance=1 / 2)


def test_parity_cannot_be_read_from_late_bits():
    x, y = parity(rng(), N, length=9)
    assert not any(leaks(x, y, cut=0, time=time, chance=1 / 2) for time in range(1, 9))
    assert leaks(x, y, cut=-1, time=8, chance=1 / 2)


def test_a_modular_result_cannot_be_read_from_its_own_input_alone():
    """Not quite chance: x = 0 gives b < D. The best memoryless answer is known exactly."""
    modulus, choices = 5, 3
    w, b = np.mgrid[:choices, :choices]
    memoryless = np.mean([np.bincount(((w * g + b) % modulus).ravel()).max() / choices ** 2 for g in range(modulus)])
    x, y = modular_arithmetic(rng(), N, length=6, modulus=modulus, difficulty=0.6)
    assert not leaks(x, y, cut=3, time=4, chance=memoryless)
    assert leaks(x, y, cut=-1, time=4, chance=memoryless)


# -- the tasks' own machines -------------------------------------------------------------------------------------------

def walk(machine, word):
    """Targets along a word, or None when the machine says that it cannot occur."""
    key, debt, targets = *machine.start, []
    for token in word:
        moves = machine.moves(np.array([key]), np.array([debt]))
        chosen = np.flatnonzero(moves.token == token)
        if not len(chosen):
            return None
        key, debt = int(moves.key[chosen[0]]), int(moves.debt[chosen[0]])
        targets.append(int(moves.target[chosen[0]]))
    return targets


@pytest.mark.parametrize("options", [dict(), dict(max_pos=1.0), dict(max_pos=0.3), dict(shortest=7),
                                     dict(max_pos=0.8, shortest=6)], ids=str)
def test_the_retrieval_machine_allows_exactly_the_published_positions(options):
    machine = RetrievalMachine(2, **options)
    max_pos, shortest = options.get("max_pos", 0.5), options.get("shortest", 3)
    for length in range(3, 24):
        published = {min(max(int(length * p), 1), length - 2) for p in np.arange(1000) / 1000 * max_pos}
        for position in range(1, length - 1):
            word = [1] * (position - 1) + [0, 2] + [1] * (length - position - 2) + [0]
            allowed = position in published and length >= shortest
            assert walk(machine, word) == ([NO_TARGET] * (length - 1) + [2] if allowed else None)


def test_the_retrieval_machine_refuses_words_that_are_not_of_the_task():
    machine = RetrievalMachine(2, max_pos=1.0)
    for word in ([0, 0], [0, 1, 0, 1], [0, 1, 0, 0], [1, 0, 0]):
        assert walk(machine, word) is None
    assert walk(machine, [0, 1, 2, 2]) == [NO_TARGET] * 4


@pytest.mark.parametrize("options", [dict(), dict(shortest=12), dict(max_pos=0.3, shortest=20)], ids=str)
def test_what_can_follow_a_larger_debt_can_follow_a_smaller_one(options):
    """The certificate forgets the larger of two debts; this is what allows it to."""
    machine = RetrievalMachine(elements=3, **options)
    for key in range(machine.patience, machine.asked + 4):
        smallest = machine.patience if key == machine.patience else 0
        rows = [dict(zip(m.token.tolist(), zip(m.key.tolist(), m.debt.tolist(), m.target.tolist())))
                for m in (machine.moves(np.array([key]), np.array([debt])) for debt in range(smallest, smallest + 30))]
        for small, large in zip(rows, rows[1:]):
            assert set(large) <= set(small)
            assert all(small[t][0] == large[t][0] and small[t][1] <= large[t][1] for t in large)
            assert all(small[t][2] == large[t][2] for t in large)


@pytest.mark.parametrize("length", [3, 8, 17])
def test_every_drawn_sequence_walks_through_the_machine(length):
    x, y = retrieval(rng(), 200, length=length, elements=3)
    machine = RetrievalMachine(3, shortest=min(length, 8))
    assert [walk(machine, word) for word in x.tolist()] == y.tolist()
    x, y = parity(rng(), 50, length=length)
    assert [walk(parity_machine(), word) for word in x.tolist()] == y.tolist()
    x, y = stack_operations(rng(), 100, length=length, elements=2, max_size=3)
    assert [walk(stack_machine(2, 3), word) for word in x.tolist()] == y.tolist()


def test_machine_states_have_names():
    machine = RetrievalMachine(2, shortest=9)
    keys = range(machine.asked + 3)
    later = ["armed", "holding 1", "holding 2", "asked 1", "asked 2"]
    assert machine.names(keys) == ["waiting"] * (machine.patience + 1) + later
    assert stack_machine(2, 2).names([0, 1, 6]) == ["empty", "1", "22"]


# -- pinned and refused ------------------------------------------------------------------------------------------------

PINNED = {
    "retrieval": (["7 6 5 3 0 1 1 1 2 7 6 0", "0 5 8 6 6 5 5 8 3 7 6 0"],
        ["-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 1", "-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 5"]),
    "string_copy": (["4 3 3 2 2 1 0 1 2 2 3 3", "1 1 1 4 3 4 0 4 3 4 1 1"],
        ["-1 -1 -1 -1 -1 -1 1 2 2 3 3 4", "-1 -1 -1 -1 -1 -1 4 3 4 1 1 1"]),
    "stack_operations": (["4 0 2 1 1 0 0 0 3 0 2 0", "3 2 0 1 4 0 3 0 0 4 0 1"],
        ["-1 4 -1 -1 -1 1 1 2 -1 3 -1 2", "-1 -1 2 -1 -1 4 -1 3 1 -1 4 -1"]),
    "keys_and_values": (["6 13 5 15 4 12 2 12 2 15 5 15", "0 13 0 13 0 12 1 12 6 15 6 15"],
        ["-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 15 -1", "-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 15 -1"]),
    "modular_arithmetic": (["2 5 0 1 0 1 0 1 1 3 5 4", "4 4 6 6 3 3 4 4 6 6 5 5"],
        ["5 -1 1 -1 1 -1 1 -1 3 -1 4 -1", "4 -1 6 -1 3 -1 4 -1 6 -1 5 -1"]),
    "parity": (["1 1 1 0 0 0 0 0 0 1 1 1", "1 1 1 1 1 1 1 1 0 1 1 0"],
        ["1 0 1 1 1 1 1 1 1 0 1 0", "1 0 1 0 1 0 1 0 0 1 0 0"]),
}


@pytest.mark.parametrize("name", TASKS)
def test_the_first_batch_of_a_seed_does_not_change(name):
    x, y = TASKS[name].generate(rng(0), batch=2, length=12)
    found = tuple([" ".join(map(str, row)) for row in rows.tolist()] for rows in (x, y))
    assert found == PINNED[name]


REFUSED = [
    (retrieval, dict(length=2), "length"), (retrieval, dict(elements=0), "elements"),
    (retrieval, dict(noise=1.5), "noise"),
    (retrieval, dict(noise=float("nan")), "noise"), (retrieval, dict(min_pos=0.6), "min_pos <= max_pos"),
    (retrieval, dict(max_pos=1.2), "max_pos"), (retrieval, dict(batch=0), "batch"),
    (retrieval, dict(length=8.5), "length"), (string_copy, dict(length=7), "even"),
    (string_copy, dict(noise=-0.1), "noise"), (string_copy, dict(elements=0), "elements"),
    (stack_operations, dict(max_size=0), "max_size"), (stack_operations, dict(length=0), "length"),
    (keys_and_values, dict(length=7), "multiple"), (keys_and_values, dict(length=2), "at least 4"),
    (keys_and_values, dict(key_length=0), "key_length"), (keys_and_values, dict(values=0), "values"),
    (modular_arithmetic, dict(length=7), "even"), (modular_arithmetic, dict(difficulty=0.01), "difficulty"),
    (modular_arithmetic, dict(difficulty=1.5), "difficulty"), (modular_arithmetic, dict(modulus=1), "modulus"),
    (parity, dict(length=0), "length"),
]


@pytest.mark.parametrize("generate, options, named", REFUSED, ids=[f"{g.__name__} {o}" for g, o, _ in REFUSED])
def test_parameters_that_cannot_hold_are_refused_by_name(generate, options, named):
    with pytest.raises(ValueError, match=named):
        generate(rng(), **{**dict(batch=4, length=8), **options})


@pytest.mark.parametrize("options, named", [(dict(elements=0), "elements"), (dict(max_pos=0.0), "max_pos"),
                                            (dict(shortest=2), "shortest")])
def test_machines_refuse_them_too(options, named):
    with pytest.raises(ValueError, match=named):
        RetrievalMachine(**options)
