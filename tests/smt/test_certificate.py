"""A memory made by hand is certified when it is exact, and never otherwise."""
import functools
import itertools
import json

import numpy as np
import pytest

from smt.certificate import certify, margin, merged_machine
from smt.memory import BinaryMemory
from smt.model import RNN
from smt.tasks import RetrievalMachine, TableMachine, parity_machine, retrieval, stack_machine

BITS = 7


class Memory:
    """A binary memory from a table: code number x token -> code number, and an answer for each number."""

    def __init__(self, following, answers, bits=BITS, scramble=0):
        self.following, self.answers = np.array(following), np.array(answers)
        self.bits, self.scramble = bits, int(scramble)

    def code(self, number):
        """Codes (n, Z) of +-1 of numbers (n,)."""
        number = np.atleast_1d(number) ^ self.scramble
        return np.where(number[:, None] >> np.arange(self.bits) & 1, 1.0, -1.0).astype(np.float32)

    def number(self, code):
        return ((code > 0) @ (1 << np.arange(self.bits))) ^ self.scramble

    def step(self, code, token):
        return self.code(self.following[self.number(code), token])

    def answer(self, code):
        return self.answers[self.number(code)]

    def certify(self, machine, **options):
        return certify(self.step, self.answer, self.code(0)[0], machine, **options)

    def read(self, word):
        """The answer after a word, one token at a time."""
        code = self.code(0)
        for token in word:
            code = self.step(code, np.array([token]))
        return int(self.answer(code)[0])


def retrieval_memory(elements=8, **options):
    """Number 0 waits, 1 is armed, 1 + e holds e; a held symbol is also the answer."""
    following = np.zeros((2 + elements, elements + 1), int)
    following[0, 0] = 1
    following[1] = np.arange(elements + 1) + 1
    following[2:] = np.arange(2, 2 + elements)[:, None]
    return Memory(following, np.arange(-1, elements + 1), **options)


EVERY_MACHINE = [RetrievalMachine(8, max_pos=1.0), RetrievalMachine(8), RetrievalMachine(8, shortest=16),
                 RetrievalMachine(8, max_pos=0.3, shortest=40)]


@pytest.mark.parametrize("machine", EVERY_MACHINE, ids=lambda m: m.scope)
def test_the_exact_machine_is_certified(machine):
    certificate = retrieval_memory().certify(machine)
    assert certificate.certified and certificate.closed and certificate.repeatable
    assert certificate.wrong == 0 and certificate.questions == 8
    assert certificate.statement.startswith("exact for every length")
    assert len(certificate.counterexample) == 0


def test_the_learned_machine_is_the_one_that_was_built():
    memory = retrieval_memory(scramble=0b1010011)
    certificate = memory.certify(RetrievalMachine(8))
    number = memory.number(certificate.codes)
    assert number[0] == 0 and sorted(number) == list(range(10))
    happens = certificate.following >= 0
    assert np.array_equal(number[certificate.following][happens], memory.following[number][happens])
    assert not happens[number == 1, 0]                       # armed, the identifier never comes: the task has only two
    assert np.array_equal(certificate.answers, np.where(number >= 2, number - 1, -1))
    assert certificate.roles[0] == "waiting" and certificate.roles[number == 5] == ["asked 4 / holding 4"]


def two_coats(elements):
    """Every state as two codes, which take turns."""
    memory, half = retrieval_memory(elements), 2 + elements
    return Memory(np.concatenate([memory.following + half, memory.following]), np.tile(memory.answers, 2))


def test_codes_that_behave_alike_are_counted_once():
    certificate = two_coats(elements=2).certify(RetrievalMachine(2, max_pos=1.0))
    assert certificate.certified and len(certificate.codes) == 8 and certificate.groups == 4
    merged = merged_machine(certificate)
    assert list(merged["sizes"]) == [2, 2, 2, 2]
    assert sorted(merged["roles"]) == ["armed", "asked 1 / holding 1", "asked 2 / holding 2", "waiting"]
    waiting = certificate.group[0]
    armed = merged["following"][waiting, 0]
    assert merged["roles"][armed] == "armed" and merged["following"][armed, 0] == -1


def test_codes_that_differ_only_much_later_are_not_merged():
    step, _, empty = counting(bits=6)
    certificate = certify(step, lambda code: np.all(code > 0, axis=1), empty, TableMachine([[0]], [[0]], ["any"]))
    assert len(certificate.codes) == certificate.groups == 64      # 64 codes in a ring, one with another answer
    certificate = certify(step, lambda code: code[:, 0] > 0, empty, TableMachine([[0]], [[0]], ["any"]))
    assert len(certificate.codes) == 64 and certificate.groups == 2


def test_a_token_that_never_comes_is_a_difference():
    machine = TableMachine([[1, -1], [0, 2], [0, 0]], np.zeros((3, 2), int), "abc")
    certificate = Memory([[1, 0], [0, 2], [0, 0]], [0, 0, 0]).certify(machine)
    assert certificate.groups == 3


def every_wrong_transition(memory, machine):
    """(row, token, wrong row) for every transition the task uses."""
    certificate = memory.certify(machine)
    used = memory.number(certificate.codes)[:, None] * np.ones(machine.vocabulary, int)
    tokens = np.arange(machine.vocabulary) * np.ones_like(used)
    happens = certificate.following >= 0
    for row, token in zip(used[happens], tokens[happens]):
        for wrong in set(range(len(memory.following))) - {memory.following[row, token]}:
            yield row, token, wrong


def brute_force_errors(memory, machine, lengths):
    """How many words of these lengths the task produces and the memory answers wrongly."""
    wrong = 0
    for length in lengths:
        words, needles = all_words(machine, length)
        code = memory.code(np.zeros(len(words), int))
        for token in words.T:
            code = memory.step(code, token)
        wrong += np.sum(memory.answer(code) != needles)
    return wrong


@functools.lru_cache
def all_words(machine, length):
    """Every word (n, length) the task can produce at a length, and its needles (n,): the published recipe."""
    symbols = range(1, machine.elements + 1)
    words = [u + (0,) + v + (0,) for fillers in range(length - 2) if fits(machine, fillers, length)
             for u in itertools.product(symbols, repeat=fillers)
             for v in itertools.product(symbols, repeat=length - fillers - 2)]
    words = np.array(words)
    return words, words[np.arange(len(words)), np.argmax(words == 0, axis=1) + 1]


def fits(machine, fillers, length):
    return length >= machine.shortest and length - fillers - 3 >= machine.owed(fillers)


@pytest.mark.parametrize("machine", [RetrievalMachine(2, max_pos=1.0), RetrievalMachine(2),
                                     RetrievalMachine(2, shortest=5)],
                         ids=lambda m: m.scope)
def test_one_wrong_transition_is_found_exactly_when_some_word_shows_it(machine):
    memory = retrieval_memory(elements=2, bits=2)
    refused = 0
    for row, token, wrong in every_wrong_transition(memory, machine):
        broken = Memory(memory.following.copy(), memory.answers, bits=2)
        broken.following[row, token] = wrong
        certificate = broken.certify(machine)
        assert certificate.certified == (not brute_force_errors(broken, machine, range(machine.shortest, 9)))
        refused += not certificate.certified
        if not certificate.certified:
            check_counterexample(certificate, broken, machine)
    assert refused > 10


def check_counterexample(certificate, memory, machine):
    word = list(certificate.counterexample)
    identifier = word.index(0)
    assert word[-1] == 0 and word.count(0) == 2 and fits(machine, identifier, len(word))
    assert memory.read(word) == certificate.given != certificate.expected == word[identifier + 1]
    assert " ".join(map(str, word)) in certificate.statement and certificate.wrong > 0


def test_one_wrong_answer_is_found():
    memory = retrieval_memory()
    memory.answers[6] = 1
    certificate = memory.certify(RetrievalMachine(8))
    assert not certificate.certified and certificate.closed and certificate.wrong == 1
    assert certificate.expected == 5 and certificate.given == 1 and list(certificate.counterexample) == [0, 5, 0]


def slowly_forgetting(elements, steps):
    """Right for `steps` fillers after the needle, then every symbol has become symbol 1."""
    following, answers = [[1 if token == 0 else 0 for token in range(elements + 1)]], [-1, -1]
    following.append([2 + e * (steps + 1) for e in [0, *range(elements)]])
    for e in range(elements):
        for age in range(steps + 1):
            older = len(following) + 1 if age < steps else 2
            following.append([len(following)] + [older] * elements)
            answers.append(e + 1)
    return Memory(following, answers, bits=10)


def test_forgetting_after_a_hundred_steps_is_found_although_no_short_word_shows_it():
    memory = slowly_forgetting(elements=3, steps=100)
    rng = np.random.default_rng(0)
    x, y = retrieval(rng, batch=50, length=64, elements=3)
    assert [memory.read(word) for word in x] == list(y[:, -1])
    certificate = memory.certify(RetrievalMachine(3))
    assert not certificate.certified and certificate.closed
    assert len(certificate.counterexample) == 2 + 101 + 1
    assert memory.read(certificate.counterexample) == certificate.given


def late_reader(elements, steps):
    """Ready to answer only `steps` fillers after the needle: wrong when asked at once, right at every longer lag."""
    following, answers = [[1 if token == 0 else 0 for token in range(elements + 1)]], [-1, -1]
    following.append([2 + e * (steps + 1) for e in [0, *range(elements)]])
    for e in range(elements):
        for age in range(steps + 1):
            here = len(following)
            following.append([here] + [min(here + 1, 2 + e * (steps + 1) + steps)] * elements)
            answers.append(e + 1 if age == steps else 0)
    return Memory(following, answers, bits=10)


def test_a_certificate_for_longer_sequences_only_does_not_ask_about_shorter_ones():
    memory = late_reader(elements=4, steps=6)        # a sequence of length 16 has at least 7 fillers after the needle
    assert not memory.certify(RetrievalMachine(4)).certified
    assert not memory.certify(RetrievalMachine(4, shortest=13)).certified
    assert memory.certify(RetrievalMachine(4, shortest=14)).certified
    assert memory.certify(RetrievalMachine(4, shortest=16)).certified
    assert not memory.certify(RetrievalMachine(4, max_pos=1.0, shortest=16)).certified


def counting(bits):
    """Counts every token: 2**bits codes before it meets an old one. Always answers 0."""
    def step(code, token):
        number = (code > 0) @ (1 << np.arange(bits))
        return np.where((number[:, None] + 1) >> np.arange(bits) & 1, 1.0, -1.0)

    return step, lambda code: np.zeros(len(code), int), -np.ones(bits)


def test_a_counter_that_does_not_close_is_not_certified():
    step, answer, empty = counting(bits=40)
    always_asked = TableMachine([[0, 0]], [[0, 0]], ["any"])
    certificate = certify(step, answer, empty, always_asked, limit=300)
    assert certificate.wrong == 0 and certificate.questions > 300          # every answer so far is right
    assert not certificate.closed and not certificate.certified
    assert certificate.statement == "not certified: the enumeration did not close within 300 pairs"


def test_the_same_counter_with_few_bits_closes_and_is_certified():
    step, answer, empty = counting(bits=6)
    always_asked = TableMachine([[0, 0]], [[0, 0]], ["any"])
    assert certify(step, answer, empty, always_asked, limit=64).certified
    assert not certify(step, answer, empty, always_asked, limit=63).certified


def test_a_task_that_never_asks_certifies_nothing():
    silent = TableMachine([[0, 0]], [[-1, -1]], ["any"])
    step, answer, empty = counting(bits=3)
    certificate = certify(step, answer, empty, silent)
    assert certificate.closed and not certificate.certified and certificate.questions == 0


def test_a_step_that_depends_on_its_batch_is_not_certified():
    memory = retrieval_memory(elements=3)

    def step(code, token):
        number, following = memory.number(code), memory.number(memory.step(code, token))
        descending = number[0] > number[-1]                  # never so during the search, which asks in ascending order
        return memory.code(np.where((following == 3) & descending, 2, following))

    certificate = certify(step, memory.answer, memory.code(0)[0], RetrievalMachine(3))
    assert not certificate.certified and not certificate.repeatable


def test_nor_is_one_whose_other_codes_happen_to_be_right():
    memory = two_coats(elements=2)

    def step(code, token):
        other_coat = 4 if len(code) > 12 else 0                # a large batch, as only the second pass makes
        return memory.code((memory.number(memory.step(code, token)) + other_coat) % 8)

    certificate = certify(step, memory.answer, memory.code(0)[0], RetrievalMachine(2, max_pos=1.0))
    assert certificate.closed and certificate.wrong == 0
    assert not certificate.certified and not certificate.repeatable
    assert certificate.statement == "not certified: the same code and token gave different codes in different batches"


def test_parity_and_a_small_stack_have_certificates_too():
    parity = Memory([[0, 1], [1, 0]], [0, 1], bits=1)
    certificate = parity.certify(parity_machine())
    assert certificate.certified and certificate.questions == 4 and certificate.groups == certificate.fewest_codes == 2
    assert not Memory([[0, 1], [1, 1]], [0, 1], bits=1).certify(parity_machine()).certified


def test_the_stack_answers_with_what_it_removed():
    """A code of the stack after a pop must still say what was on top: states are (stack, last popped)."""
    machine = stack_machine(elements=2, max_size=2)
    states = [(stack, last) for stack in range(7) for last in range(3)]
    after = lambda stack, token: (max(machine.following[stack, token], 0), max(machine.target[stack, token], 0))
    following = [[states.index(after(stack, token)) for token in range(3)] for stack, last in states]
    memory = Memory(following, [last for _, last in states], bits=5)
    certificate = memory.certify(machine)
    assert certificate.certified and certificate.questions > 6
    memory.answers[:] = 1
    assert not memory.certify(machine).certified


def test_retrieval_needs_one_code_more_than_symbols():
    """The smallest memory lets "waiting" share the code of symbol 1 (certificate.py explains why that suffices)."""
    for elements in (2, 3, 8):
        following = np.arange(elements + 1)[:, None] * np.ones(elements + 1, int)  # e - 1 holds e; `elements` is armed
        following[0, 0] = elements
        following[elements, 1:] = np.arange(elements)
        memory = Memory(following, [*range(1, elements + 1), 1])
        certificate = memory.certify(RetrievalMachine(elements))
        assert certificate.certified and RetrievalMachine(elements).fewest_codes == elements + 1
        assert len(certificate.codes) == elements + 1


def test_no_memory_of_two_codes_solves_retrieval_of_two_symbols():
    """All machines of two codes, all answers: the lower bound of the test above, by exhaustion."""
    machine = RetrievalMachine(2, max_pos=1.0)
    for table in itertools.product(range(2), repeat=6):
        for answers in itertools.product((1, 2), repeat=2):
            assert not Memory(np.reshape(table, (2, 3)), answers, bits=1).certify(machine).certified


def test_an_untrained_network_gets_a_counterexample_that_the_network_itself_confirms():
    rnn = RNN(np.random.default_rng(0), vocabulary=4, memory=BinaryMemory(6), hidden=8)
    certificate = certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(3))
    assert certificate.closed and certificate.repeatable and not certificate.certified
    code = rnn.initial(1)
    for token in certificate.counterexample:
        code = rnn.step(code, np.array([token]))
    assert rnn.answer(code)[0] == certificate.given != certificate.expected


def test_a_network_follows_its_learned_machine_bit_by_bit():
    rnn = RNN(np.random.default_rng(1), vocabulary=4, memory=BinaryMemory(6), hidden=8)
    certificate = certify(rnn.step, rnn.answer, rnn.initial(1)[0], RetrievalMachine(3))
    x, _ = retrieval(np.random.default_rng(2), batch=20, length=30, elements=3)
    code, row = rnn.initial(20), np.zeros(20, int)
    for token in x.T:
        code, row = rnn.step(code, token), certificate.following[row, token]
        assert np.array_equal(code, certificate.codes[row])


def test_the_result_can_be_saved_and_read_back(tmp_path):
    certificate = retrieval_memory().certify(RetrievalMachine(8))
    np.savez(tmp_path / "machine.npz", **certificate.arrays("seed0_"))
    with np.load(tmp_path / "machine.npz", allow_pickle=False) as saved:
        assert np.array_equal(saved["seed0_following"], certificate.following)
        assert list(saved["seed0_roles"]) == list(certificate.roles)
    summary = json.loads(json.dumps(certificate.summary()))
    assert summary["certified"] is True and summary["codes"] == 10 and summary["pairs"] == 18


def test_the_margin_is_the_smallest_logit_of_a_transition_that_happens():
    memory = retrieval_memory()
    certificate = memory.certify(RetrievalMachine(8))

    def logits(code, token):
        number = memory.number(code)
        u = 3.0 * memory.step(code, token)
        u[(number == 4) & (token == 2), 1] *= 0.01           # holding 3, reading 2: happens
        u[(number == 1) & (token == 0)] = 1e-9               # armed, reading the identifier: never happens
        return u

    assert margin(logits, certificate) == pytest.approx(0.03)


def test_bad_values_are_named():
    memory = retrieval_memory()
    with pytest.raises(ValueError, match="limit"):
        memory.certify(RetrievalMachine(8), limit=0)
    with pytest.raises(ValueError, match=r"\+1 or -1"):
        certify(lambda code, token: 0.5 * code, memory.answer, memory.code(0)[0], RetrievalMachine(8))
