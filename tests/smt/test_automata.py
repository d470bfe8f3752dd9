"""A network is called exact for a language only if it is, and a wrong one gets a shortest counterexample."""

import numpy as np
import pytest

from smt.automata import Prover, brute_force, prove, reachable, same, spell
from smt.languages import LANGUAGES, Automaton, all_words, minimised

BITS = 8


class ByTable:
    """A network made by hand: code number x token -> code number, and an answer for each number.

    Number 0 is the memory before `begin`; number 1 + s stands for state s of an automaton.
    """

    def __init__(self, automaton):
        states, letters = automaton.following.shape
        self.following = np.zeros((states + 1, letters + 1), np.int64)
        self.following[1:, :letters] = automaton.following + 1
        self.following[0, letters] = 1
        self.answers = np.concatenate([[0], automaton.answer])
        self.flat = np.zeros(1, np.float32)

    def code(self, number):
        return np.where(np.atleast_1d(number)[:, None] >> np.arange(BITS) & 1, 1.0, -1.0).astype(np.float32)

    def number(self, codes):
        return (codes > 0) @ (1 << np.arange(BITS))

    def initial(self, batch):
        return np.repeat(self.code(0), batch, axis=0)

    def step(self, codes, tokens):
        return self.code(self.following[self.number(codes), tokens])

    def answer(self, codes):
        return self.answers[self.number(codes)]


def doubled(automaton):
    """The same language with every state twice: a letter leads to the other copy."""
    states = len(automaton.answer)
    following = np.concatenate([automaton.following + states, automaton.following])
    return Automaton(following, np.concatenate([automaton.answer, automaton.answer]))


def damaged(automaton, state, letter, after):
    following = automaton.following.copy()
    following[state, letter] = after
    return Automaton(following, automaton.answer)


@pytest.mark.parametrize("name", ["tomita 1", "tomita 3", "dyck-1", "reber", "S4", "S5"])
def test_the_minimal_automaton_itself_is_certified_and_is_its_own_merge(name):
    language = LANGUAGES[name]
    verdict = prove(ByTable(language.automaton), language)
    assert verdict.certified and verdict.minimal and verdict.counterexample is None
    assert len(verdict.codes) == verdict.merged == language.states
    assert "exact for every word" in verdict.statement


def test_codes_that_behave_alike_merge_to_the_minimal_automaton():
    language = LANGUAGES["tomita 3"]
    verdict = prove(ByTable(doubled(language.automaton)), language)
    assert verdict.certified and verdict.minimal and verdict.merged == 5 and len(verdict.codes) > 5
    assert reachable(verdict) == {"certified": True, "codes": len(verdict.codes), "merged": 5, "minimal": True}


@pytest.mark.parametrize("name,state,letter", [("tomita 3", 2, 1), ("dyck-2", 9, 0), ("S4", 17, 1)])
def test_a_wrong_network_gets_a_shortest_counterexample_that_brute_force_finds_too(name, state, letter):
    language = LANGUAGES[name]
    right = language.automaton.following[state, letter]
    wrong = damaged(language.automaton, state, letter, 0 if right else 1)
    verdict, tried = prove(ByTable(wrong), language), brute_force(ByTable(wrong), language, 100_000)
    word = np.array(verdict.counterexample, np.int64)[None]
    answers = [automaton.answer[walk(automaton, word[0])] for automaton in (wrong, language.automaton)]
    assert not verdict.certified and not verdict.minimal and answers[0] != answers[1]
    assert tried.wrong > 0 and len(tried.first) == len(verdict.counterexample)


def walk(automaton, word):
    state = 0
    for letter in word:
        state = automaton.following[state, letter]
    return state


def test_a_network_that_is_wrong_about_the_empty_word_alone_is_not_certified():
    """tomita 2, with a start that rejects and is never met again."""
    language = LANGUAGES["tomita 2"]
    following, answer = language.automaton
    states = len(answer)
    start = Automaton(np.concatenate([following[:1] + 1, following + 1]), np.concatenate([[0], answer]))
    verdict = prove(ByTable(start), language)
    assert states == 3 and not verdict.certified and verdict.counterexample == [] and not verdict.minimal
    assert "the empty word" in verdict.statement


def test_an_enumeration_that_meets_its_limit_is_not_a_certificate():
    language = LANGUAGES["S5"]
    verdict = prove(ByTable(language.automaton), language, limit=50)
    assert not verdict.certified and not verdict.closed and verdict.merged == -1


def test_brute_force_tries_every_word_once_in_order_of_length():
    language, asked = LANGUAGES["dyck-2"], []

    class Recorder(ByTable):
        def answer(self, codes):
            asked.append(self.number(codes) - 1)
            return super().answer(codes)

    tried = brute_force(Recorder(language.automaton), language, 1 + 4 + 16 + 10)
    states = [language.run(all_words(language, length))[:, -1] for length in range(4)]
    assert tried == (31, 0, None)
    assert np.concatenate(asked).tolist() == np.concatenate(states)[:31].tolist()


def test_a_word_is_spelled_by_its_number_among_those_of_its_length():
    words = all_words(LANGUAGES["dyck-2"], 3)
    assert [spell(number, 3, 4) for number in range(64)] == words.tolist() and spell(0, 0, 4) == []


def test_two_automata_are_the_same_only_if_every_transition_and_answer_is():
    automaton = LANGUAGES["tomita 7"].automaton
    assert same(automaton, minimised(doubled(automaton))[0])
    assert not same(automaton, damaged(automaton, 3, 0, 1))
    assert not same(automaton, LANGUAGES["tomita 3"].automaton)


def test_training_stops_at_the_first_proof_and_only_then():
    language = LANGUAGES["tomita 4"]
    network = ByTable(damaged(language.automaton, 2, 0, 0))
    prover, patient = Prover(network, language, every=10), Prover(network, language, every=10, stop=False)
    assert not any(prover(update) for update in range(1, 30))
    network.following[:] = ByTable(language.automaton).following
    assert [update for update in range(30, 45) if prover(update)] == [30, 40] and prover.certified_at == 40
    assert not any(patient(update) for update in range(30, 45)) and patient.certified_at == 30
