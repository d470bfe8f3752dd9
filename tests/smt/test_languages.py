"""Every automaton answers as a slow definition of its language does, and is minimal."""

import re

import numpy as np
import pytest

from common.randomness import stream
from smt.languages import (LANGUAGES, Automaton, all_words, examples, is_aperiodic, minimised, refinements,
                           trivial_rules)
from smt.tasks import NO_TARGET

NAMES = sorted(LANGUAGES)
NESTED = {"dyck-1": ((("(", ")"),), 4), "dyck-2": ((("(", ")"), ("[", "]")), 3)}


def runs_are_allowed(word):
    """Tomita 3: no odd run of zeros later than an odd run of ones."""
    odd_ones = False
    for run in re.findall(r"0+|1+", word):
        if run[0] == "0" and len(run) % 2 and odd_ones:
            return False
        odd_ones = odd_ones or (run[0] == "1" and len(run) % 2 == 1)
    return True


def balanced(word, kinds, deepest):
    """Remove innermost pairs until nothing is left; no prefix leaves more than `deepest` brackets open."""
    opening = [pair[0] for pair in kinds]
    depths = np.cumsum([1 if letter in opening else -1 for letter in word] or [0])
    shorter = word
    while shorter:
        removed = shorter
        for pair in kinds:
            removed = removed.replace("".join(pair), "")
        if removed == shorter:
            return False
        shorter = removed
    return depths.max() <= deepest


def walks(word):
    """Reber's grammar as a graph of (node, letter, node)."""
    edges = {(0, "B"): 1, (1, "T"): 2, (1, "P"): 3, (2, "S"): 2, (2, "X"): 4, (3, "T"): 3, (3, "V"): 5, (4, "X"): 3,
             (4, "S"): 6, (5, "P"): 4, (5, "V"): 6, (6, "E"): 7}
    node = 0
    for letter in word:
        node = edges.get((node, letter))
        if node is None:
            return False
    return node == 7


def embedded(word):
    return (len(word) > 4 and word[0] == "B" and word[-1] == "E" and word[1] in "TP" and word[1] == word[-2]
            and walks(word[2:-2]))


def product(word, n):
    """The permutation that the letters make, applied from the first to the last."""
    things = list(range(n))
    for letter in word:
        things = [things[1], things[0], *things[2:]] if letter == "a" else [*things[1:], things[0]]
    return things


def last_written(word):
    written = [letter for letter in word if letter != "0"]
    return int(bool(written) and written[-1] == "b")


MEMBERS = {
    "tomita 1": lambda w: "0" not in w, "tomita 2": lambda w: re.fullmatch("(10)*", w) is not None,
    "tomita 3": runs_are_allowed, "tomita 4": lambda w: "000" not in w,
    "tomita 5": lambda w: w.count("0") % 2 == 0 and w.count("1") % 2 == 0,
    "tomita 6": lambda w: (w.count("0") - w.count("1")) % 3 == 0,
    "tomita 7": lambda w: re.fullmatch("0*1*0*1*", w) is not None,
    "parity": lambda w: w.count("1") % 2, "mod 3": lambda w: w.count("1") % 3, "mod 5": lambda w: w.count("1") % 5,
    "accept mod 5": lambda w: w.count("1") % 5 == 0, "flip-flop": last_written,
    "dyck-1": lambda w: balanced(w, *NESTED["dyck-1"]), "dyck-2": lambda w: balanced(w, *NESTED["dyck-2"]),
    "reber": walks, "inner reber": lambda w: walks(f"B{w}E"), "embedded reber": embedded,
    "accept S3": lambda w: product(w, 3) == [0, 1, 2], "accept S4": lambda w: product(w, 4) == [0, 1, 2, 3],
    "accept S5": lambda w: product(w, 5) == [0, 1, 2, 3, 4]}


def spelled(language, words):
    return ["".join(language.letters[letter] for letter in word) for word in words]


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_an_automaton_answers_every_short_word_and_words_of_its_sampler_as_the_definition_does(name):
    language = LANGUAGES[name]
    longest = {2: 9, 3: 6, 4: 5, 5: 4, 7: 3}[len(language.letters)]
    words = [word for length in range(longest + 1) for word in all_words(language, length)]
    x, _ = examples(stream(0, "words"), language, 200, 16, at_end=True)
    drawn = [row[1:1 + length] for row, length in zip(x, stream(0, "lengths").integers(0, 17, len(x)))]
    for word in words + drawn:
        answer = language.answers(np.array(word, np.int64).reshape(1, -1))[0, -1]
        assert answer == int(MEMBERS[name](spelled(language, [word])[0])), spelled(language, [word])


@pytest.mark.parametrize("name,n", [("S3", 3), ("S4", 4), ("S5", 5)])
def test_two_words_have_the_same_answer_exactly_if_they_make_the_same_permutation(name, n):
    language = LANGUAGES[name]
    words = stream(0, "words").integers(0, 2, (400, 14))
    answers = language.answers(words)[:, -1]
    products = [tuple(product(word, n)) for word in spelled(language, words)]
    assert len(set(zip(answers.tolist(), products))) == len(set(products)) == len(set(answers.tolist()))


def test_the_automata_have_the_published_numbers_of_states():
    states = {name: LANGUAGES[name].states for name in NAMES}
    assert [states[f"tomita {n}"] for n in range(1, 8)] == [2, 3, 5, 4, 4, 3, 5]
    assert states["parity"] == 2 and states["mod 5"] == 5 and states["flip-flop"] == 2
    assert states["dyck-1"] == 4 + 2 and states["dyck-2"] == 1 + 2 + 4 + 8 + 1
    assert states["reber"] == 8 + 1 and states["inner reber"] == 6 + 1 and states["embedded reber"] == 2 + 2 * 8 + 2 + 1
    assert [states[name] for name in ("S3", "S4", "S5")] == [6, 24, 120]
    assert [states[f"accept S{n}"] for n in (3, 4, 5)] == [6, 24, 120]


@pytest.mark.parametrize("name", NAMES)
def test_no_two_states_answer_alike_to_all_continuations(name):
    following, answer = LANGUAGES[name].automaton
    alike = answer[:, None] == answer[None]
    for _ in range(len(answer)):                            # slow: refine pairs instead of groups
        alike = alike & alike[following[:, None], following[None]].all(-1)
    assert (alike == np.eye(len(answer), dtype=bool)).all()


def test_minimising_removes_what_cannot_be_told_apart_and_says_where_it_went():
    following, answer = np.array([[1, 2], [3, 0], [0, 3], [2, 1]]), np.array([0, 1, 1, 0])     # parity, twice
    small, group = minimised(Automaton(following, answer))
    assert small.following.tolist() == [[1, 1], [0, 0]] and small.answer.tolist() == [0, 1]
    assert group.tolist() == [0, 1, 1, 0]


def test_the_horizon_is_the_first_at_which_all_states_differ():
    for name, horizon in {"parity": 0, "tomita 2": 1, "tomita 4": 2, "tomita 7": 3, "dyck-1": 4}.items():
        partitions = refinements(LANGUAGES[name].automaton)
        assert LANGUAGES[name].horizon == horizon and partitions[-1].max() + 1 == LANGUAGES[name].states
        assert all(a.max() < b.max() for a, b in zip(partitions, partitions[1:]))


def test_star_free_is_what_the_literature_says():
    star_free = {name for name in NAMES if LANGUAGES[name].star_free}
    assert star_free == {"tomita 1", "tomita 2", "tomita 4", "tomita 7", "flip-flop", "dyck-1", "dyck-2", "reber",
                         "inner reber", "embedded reber"}
    assert not is_aperiodic(np.array([[1], [2], [0]]))      # one letter that turns three states round


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("name", ["tomita 3", "dyck-2", "S4"])
def test_examples_ask_inside_the_word_only_and_know_the_right_answers(name, at_end):
    language = LANGUAGES[name]
    x, y = examples(stream(1, "train"), language, 64, 16, at_end)
    assert x.shape == y.shape == (64, 17) and (x[:, 0] == language.begin).all() and (x[:, 1:] < language.begin).all()
    asked = y != NO_TARGET
    assert (y[asked] == language.answers(x[:, 1:])[asked]).all()
    if at_end:
        assert (asked.sum(1) == 1).all() and len(set(asked.argmax(1).tolist())) > 10
    else:
        assert (np.diff(asked.astype(int), axis=1) <= 0).all() and asked[:, 0].all()


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_that_occurs_is_drawn(name):
    language = LANGUAGES[name]
    _, y = examples(stream(2, "train"), language, 4000, 16, at_end=True)
    assert set(y[y >= 0].tolist()) == set(range(language.classes))


def test_the_words_are_pinned():
    x, y = examples(stream(0, "train"), LANGUAGES["tomita 4"], 2, 8, at_end=True)
    assert x.tolist() == PINNED[0] and y.max(1).tolist() == PINNED[1]


def test_aimed_words_are_the_free_distribution_given_the_answer():
    """tomita 1, three letters, uniform: aimed at 1 only 111; aimed at 0 the other seven equally often."""
    x, y = examples(stream(3, "train"), LANGUAGES["tomita 1"], 24_000, 3, at_end=True, shortest=3, uniform=True)
    number = x[:, 1:] @ np.array([4, 2, 1])
    share = np.bincount(number, minlength=8) / len(x)
    aimed = np.append(np.full(7, 1 / 14), 1 / 2)
    damaged = sum(aimed[n] * np.bincount([n ^ bit for bit in (4, 2, 1)] + [n] * 3, minlength=8) / 6 for n in range(8))
    assert np.abs(share - (np.full(8, 1 / 8) + aimed + damaged) / 3).max() < 0.012


def test_trivial_rules_are_at_least_chance_and_below_one():
    for name in ("tomita 1", "flip-flop", "S3"):
        rules = trivial_rules(LANGUAGES[name], stream(4, "rules"))
        assert rules["chance"] <= rules["majority"] + 0.02 and rules["majority"] <= rules["last letter"] < 0.95


PINNED = ([[2, 0, 1, 1, 1, 0, 1, 1, 0], [2, 1, 1, 1, 0, 1, 0, 1, 0]], [1, 1])
