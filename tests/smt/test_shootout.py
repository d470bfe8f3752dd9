"""SMT's part of the shootout: its task, its budget, when it ends, and the machine whose every lag is proved."""

from dataclasses import replace

import numpy as np
import pytest

from common.randomness import stream
from common.tasks.first_symbol import FILLER, sequences
from smt.certificate import certify
from smt.losses import Weights
from smt.memory import BinaryMemory
from smt.model import RNN, Decoder, Teacher, TransformerBaseline
from smt.smt import Config
from smt.studies import shootout
from smt.studies.shootout import FirstSymbolMachine, K
from smt.training import Recipe, train_smt

TINY = replace(Config(), size=16, hidden=16, width=16)


@pytest.fixture(scope="module")
def record():
    runs = list(shootout.run(TINY, [100, 101], lambda _name, make: make(), lags=(3, 5, 7), batches=(8, 8, 8), budget=32,
                             longest=(7, 7, 7, 3), at=3, later=(3, 20)))
    return dict(runs=runs, config=dict(lags=[3, 5, 7], at=3, later=[3, 20], seeds=[100, 101]))


def test_a_row_counts_its_sequences_and_an_unsolved_seed_ends_after_two_lags(record):
    for run in record["runs"]:
        found = run["final"]["random"]
        assert set(found) == set(shootout.NAMES) and list(found["smt"]) == ["3", "5"] and list(found["self"]) == ["3"]
        for rows in found.values():
            for row in rows.values():
                assert row["seen"] == 32 == 8 * row["updates"] and row["sequences"] is None
                assert row["accuracy"] < 0.95 and row["multiply_adds"] > 0


def test_checks_finding_tables_and_figure_follow_from_the_record(record):
    more = {**record, "runs": 2 * record["runs"]}
    assert shootout.checks(more) and not any(check["holds"] for check in shootout.checks(more))
    assert shootout.finding(record).endswith(".")
    assert all(len(row) == len(header) for header, rows in shootout.table(record).values() for row in rows)
    assert shootout.figure(record, {}).axes


def test_the_task_is_that_of_the_other_rooms_asked_at_the_end_only():
    x, y = shootout.task(stream(0, "a"), 9, 6)
    drawn, answers = sequences(stream(0, "a"), 9, 5, 8, "random")
    assert (x == drawn.T).all() and (y[:, -1] == answers).all() and (y[:, :-1] == -1).all()
    assert x.max() < K + FILLER and y.max() < K


def test_training_stops_where_the_watch_says_so():
    memory = BinaryMemory(8)
    teacher = Teacher(stream(0, "t"), K + FILLER, memory, width=8)
    rnn = RNN(stream(0, "r"), K + FILLER, memory, hidden=8)
    plan = ((4, 4, 5), (4, 4, 5))
    made = train_smt(teacher, rnn, shootout.task, stream(0, "train"), Recipe(plan, Weights(3.0, 0.05)),
                     watch=lambda step: step == 3)
    assert len(made["dec"]) == 3 and made["sequences"] == 12


def test_the_networks_are_looked_at_ever_more_rarely_and_at_the_end():
    look, looked = shootout.Looks(0, 3), []

    def player():
        looked.append(step)
        return lambda x, times: np.zeros((len(times), len(x)), int)

    for step in range(1, 401):
        assert not look(step, player, 400)
    assert looked[:4] == [20, 40, 60, 80] and looked[-1] == 400
    assert all(gap <= max(20, at // 10) for at, gap in zip(looked, np.diff(looked)))


def test_multiplications_are_those_counted_by_hand():
    baseline, decoder = TransformerBaseline(stream(0, "b"), 13, 8), Decoder(stream(0, "d"), 13, BinaryMemory(8), 8)
    matrices = 8 * 24 + 8 * 8 + 2 * 8 * 32                       # of one block: q, k and v; projection; two of the MLP
    assert shootout.weights(baseline) == 2 * matrices + 8 * 13   # and the readout; symbols are looked up
    assert shootout.products(baseline, [10]) == 3 * 10 * (2 * matrices + 8 * 13) + 6 * 2 * 8 * 100
    one, two = (3 * n * (matrices + 8 * 8 + 8 * 13) + 6 * 8 * n * n for n in (1, 2))
    assert shootout.products(decoder, [1, 2]) == (one + two) / 2


# ---------------------------------------------------------------- every lag

def keep(code, token):
    """An update by hand: the first symbol is written as three bits and stays, a fourth bit says that one was read."""
    bits = np.where(token[:, None] >> np.arange(3) & 1, 1, -1)
    fresh = code[:, 3:] < 0
    return np.concatenate([np.where(fresh, bits, code[:, :3]), np.ones_like(code[:, 3:])], axis=1)


def read(code):
    return ((code[:, :3] > 0) << np.arange(3)).sum(1)


EMPTY = -np.ones(4)


def test_a_machine_that_keeps_its_first_symbol_is_proved_for_every_lag():
    proof = certify(keep, read, EMPTY, FirstSymbolMachine(10))
    assert proof.certified and len(proof.codes) == 1 + K and "lag from 10 on" in proof.statement
    assert proof.questions == K * FILLER


def test_a_machine_that_forgets_is_not_proved_and_its_word_is_one_of_the_task():
    def forget(code, token):
        after = keep(code, token)
        after[token == K + FILLER - 1, 0] = -1                   # the last distractor deletes a bit
        return after

    proof = certify(forget, read, EMPTY, FirstSymbolMachine(3))
    assert not proof.certified and len(proof.counterexample) >= 4
    assert proof.counterexample[0] == proof.expected < K <= min(proof.counterexample[1:])


def test_what_is_asked_before_the_shortest_lag_is_not_held_against_a_machine():
    def late(code, token):
        """Two more bits count to three distractors; before that nothing can be read."""
        after = keep(code[:, :4], token)
        count = (code[:, 4:] > 0) @ np.array([1, 2]) + (code[:, 3] > 0)
        return np.concatenate([after, np.where(np.minimum(count, 3)[:, None] >> np.arange(2) & 1, 1, -1)], axis=1)

    answer = lambda code: np.where((code[:, 4:] > 0).all(1), read(code), 0)
    for shortest, right in ((3, True), (2, False)):
        assert certify(late, answer, -np.ones(6), FirstSymbolMachine(shortest)).certified == right


def test_every_sequence_of_the_task_is_a_walk_of_the_machine():
    x, y = shootout.task(stream(1, "walk"), 20, 8)
    machine = FirstSymbolMachine(7)
    for word, answer in zip(x, y[:, -1]):
        key, debt = machine.start
        for token in word:
            moves = machine.moves(np.array([key]), np.array([debt]))
            here, = np.flatnonzero(moves.token == token)
            key, debt, target = moves.key[here], moves.debt[here], moves.target[here]
        assert target == answer and debt == 0
