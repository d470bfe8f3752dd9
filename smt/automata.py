"""Is a recurrent network with a binary memory exactly the automaton of a language? For every word, or with a word
that shows the difference.

    verdict = prove(rnn, LANGUAGES["tomita 4"])
    print(verdict.statement)     # exact for every word over 0, 1: 37 codes merge to 4 states, the minimal automaton

Three independent ways to the same answer:

1. the certificate (certificate.py): all pairs (state of the automaton, code) that any word can reach, found breadth
   first, then proved closed; so the counterexample of a wrong network is a shortest one;
2. merging: the codes that no continuation tells apart become one (Moore's partition), and what is left is compared
   with the minimal automaton, state by state;
3. brute force: the network is run on all words in order of length, no code is ever looked up or merged.

The empty word counts too: every word is read after the token `begin` (languages.py).
"""

from typing import NamedTuple

import numpy as np

from smt.certificate import CHUNK, NEVER, certify
from smt.languages import Automaton, minimised

LIMIT = 20_000           # reachable pairs after which a network is given up


class Verdict(NamedTuple):
    """What is known about a network on all words; C codes, V letters, Z bits."""
    certified: bool
    closed: bool                # the enumeration ended
    statement: str              # one sentence for people
    merged: int                 # states after merging codes that behave alike; -1: not closed
    minimal: bool               # the merged machine is the minimal automaton, state by state
    counterexample: list        # letters of a shortest word with a wrong answer; None without any
    codes: np.ndarray           # (C, Z) int8 of +-1; row 0 is the empty word's
    following: np.ndarray       # (C, V) row of the next code
    answers: np.ndarray         # (C,)
    group: np.ndarray           # (C,) number of the merged state, breadth first; empty if not closed


def first_code(rnn, language):
    """The memory of the empty word (Z,): what the network carries after the token `begin`."""
    return rnn.step(rnn.initial(1), np.array([language.begin]))[0]


def prove(rnn, language, limit=LIMIT):
    """A Verdict on a network with binary memory."""
    start = first_code(rnn, language)
    certificate = certify(rnn.step, rnn.answer, start, language.machine, limit)
    answers = answers_of(rnn, certificate.codes)
    empty_right = answers[0] == language.automaton.answer[0]
    certified = bool(certificate.certified and empty_right)
    merged, group, minimal = -1, np.array([], np.int64), False
    if certificate.closed:
        small, group = minimised(Automaton(certificate.following, answers))
        merged, minimal = len(small.answer), same(small, language.automaton)
    word = [] if not empty_right else None if certificate.expected < 0 else certificate.counterexample.tolist()
    statement = _statement(certified, certificate, merged, word, language)
    return Verdict(certified, certificate.closed, statement, merged, minimal, word,
                   certificate.codes, certificate.following, answers, group)


def _statement(certified, certificate, merged, word, language):
    if certified:
        return (f"exact for every word over {', '.join(language.letters)}: {len(certificate.codes)} codes merge to "
                f"{merged} states, the minimal automaton has {language.states}")
    if word is None:
        return certificate.statement
    spelled = "".join(language.letters[letter] for letter in word) or "the empty word"
    return f"not certified: the answer to {spelled} is wrong, no shorter word is answered wrongly"


def same(one, other):
    """Are two minimised automata, both numbered breadth first, the same?"""
    return all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(one, other))


def answers_of(rnn, codes):
    """Answers (C,) of codes (C, Z)."""
    dtype = rnn.flat.dtype
    return np.concatenate([rnn.answer(codes[i:i + CHUNK].astype(dtype)) for i in range(0, len(codes), CHUNK)])


# ---------------------------------------------------------------- brute force

class Tried(NamedTuple):
    """Words tried in order of length, how many were answered wrongly, the first of them (letters) or None."""
    words: int
    wrong: int
    first: list


def brute_force(rnn, language, count=100_000):
    """Run the network on the first `count` words in order of length (alphabetical within a length)."""
    letters = len(language.letters)
    memory, state = first_code(rnn, language)[None], np.zeros(1, np.int64)
    words, wrong, first, length = 0, 0, None, 0
    while True:
        memory, state = memory[:count - words], state[:count - words]
        missed = np.flatnonzero(answers_of(rnn, memory) != language.automaton.answer[state])
        if len(missed) and first is None:
            first = spell(missed[0], length, letters)
        words, wrong, length = words + len(state), wrong + len(missed), length + 1
        if words == count:
            return Tried(words, wrong, first)
        parents = -(-(count - words) // letters)
        memory, state = _longer(rnn, language, memory[:parents], state[:parents])


def _longer(rnn, language, memory, state):
    """Memories and states after every word with every letter added."""
    letters = len(language.letters)
    tokens = np.tile(np.arange(letters), len(state))
    memory = np.repeat(memory, letters, axis=0)
    stepped = [rnn.step(memory[i:i + CHUNK], tokens[i:i + CHUNK]) for i in range(0, len(tokens), CHUNK)]
    return np.concatenate(stepped), language.automaton.following[state].ravel()


def spell(number, length, letters):
    """The word of that number among all words of that length in alphabetical order."""
    word = []
    for _ in range(length):
        number, letter = divmod(int(number), letters)
        word.append(letter)
    return word[::-1]


# ---------------------------------------------------------------- proving while it learns

class Prover:
    """Tries to prove a network every so many updates; `prover(update)` says whether training may stop.

    A few hundred words are tried first, because the enumeration of a network that is still wrong can be long. This
    uses the language's true automaton: stopping at the certificate is a choice of the recipe, with a control.
    """

    def __init__(self, rnn, language, every=50, stop=True, words=600, limit=4000):
        self.rnn, self.language, self.every, self.stop = rnn, language, every, stop
        self.words, self.limit = words, limit
        self.certified_at = None

    def __call__(self, update):
        if update % self.every or (self.certified_at is not None and not self.stop):
            return False
        if brute_force(self.rnn, self.language, self.words).wrong or not self.proved():
            return False
        self.certified_at = update
        return self.stop

    def proved(self):
        return prove(self.rnn, self.language, self.limit).certified


def reachable(verdict):
    """Numbers for a record: codes, merged states, ...; a missing number is None."""
    return {"certified": verdict.certified, "codes": len(verdict.codes) if verdict.closed else None,
            "merged": verdict.merged if verdict.closed else None, "minimal": verdict.minimal}


def transitions(verdict):
    """Number of transitions (code, letter) that a closed machine has."""
    return int((verdict.following != NEVER).sum())
