"""Formal languages, each with its minimal automaton, and words drawn from them a whole batch at a time.

    language = LANGUAGES["tomita 4"]
    x, y = examples(stream(0, "train"), language, batch=128, longest=16, at_end=True)

A language is a complete Moore machine: from state 0, every letter leads from every state somewhere, and every word,
the empty one too, has an answer. The answer is 0 or 1 (is the word in the language?) or the state itself (which
element of the group is the product of the letters?). Every automaton here is built from a few lines that say what has
to be remembered, then minimised (Moore 1956) and numbered breadth first; tests compare it with a definition that looks
at the whole word.

| languages        | answer                                         | source                                           |
|------------------|------------------------------------------------|--------------------------------------------------|
| tomita 1 to 7    | membership                                     | Tomita 1982                                      |
| parity, mod 3, 5 | number of ones modulo 2, 3, 5                  | -                                                |
| flip-flop        | the bit written last                           | Liu et al. 2023, "Exposing attention glitches"   |
| dyck-1, dyck-2   | balanced, never deeper than 4 (3)?             | bounded: Yao et al. 2021                         |
| reber, embedded  | membership; inner reber: without its B and E   | Reber 1967; Cleeremans et al. 1989               |
| S3, S4, S5       | product of a transposition and a cycle         | word problem; S5 is complete for NC1: Barrington |
| accept ...       | "is it 0?" (mod 5), "is it the identity?" (S)  | the same automata, one bit of answer             |

`star_free` is computed, not looked up: a regular language is star-free exactly if no letter sequence acts as a proper
permutation on the states of its minimal automaton (Schuetzenberger 1965). `horizon` is computed too: how many letters
ahead one has to ask before every two states differ in some answer.

Words begin with one extra token, `begin`, so that the empty word has a place for its answer: x is (B, 1 + T) and
y[:, t] belongs to the word of the first t letters. y = -1: nothing is asked.
"""

from functools import cached_property
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

from smt.tasks import NO_TARGET, TableMachine

MONOID = 20_000         # transformations after which the search for the syntactic monoid gives up


class Automaton(NamedTuple):
    """A complete Moore machine that starts in state 0: following (S, V), answer (S,)."""
    following: np.ndarray
    answer: np.ndarray


class Language:
    """A name, its letters, and its minimal automaton."""

    def __init__(self, name, letters, automaton):
        self.name, self.letters, self.automaton = name, letters, automaton

    @property
    def states(self):
        """S, the number of states of the minimal automaton."""
        return len(self.automaton.answer)

    @property
    def classes(self):
        """K, the number of answers."""
        return int(self.automaton.answer.max()) + 1

    @property
    def begin(self):
        """The token before the first letter."""
        return len(self.letters)

    @property
    def vocabulary(self):
        """Size of the networks' tables: letters, the beginning, and as many outputs as there are answers."""
        return max(len(self.letters) + 1, self.classes)

    @cached_property
    def star_free(self):
        return is_aperiodic(self.automaton.following)

    @cached_property
    def horizon(self):
        """The smallest h such that the answers to all continuations of <= h letters tell every two states apart."""
        return len(refinements(self.automaton)) - 1

    @property
    def machine(self):
        """The task for the certificate: every word over the letters, asked after every letter."""
        following, answer = self.automaton
        return TableMachine(following, answer[following], [f"q{s}" for s in range(self.states)],
                            fewest_codes=self.states)

    def run(self, words):
        """States (B, T+1) of words (B, T); column 0 is the empty word."""
        states = np.zeros((len(words), words.shape[1] + 1), np.int64)
        for t in range(words.shape[1]):
            states[:, t + 1] = self.automaton.following[states[:, t], words[:, t]]
        return states

    def answers(self, words):
        """Answers (B, T+1) after every prefix of words (B, T)."""
        return self.automaton.answer[self.run(words)]


# ---------------------------------------------------------------- automata

def explored(start, step, answer, letters):
    """The minimal automaton of what a few lines remember.

    start   what is remembered of the empty word (hashable)
    step    (remembered, letter) -> remembered
    answer  remembered -> 0..K-1
    """
    number, queue, following = {start: 0}, [start], []
    for state in queue:                                     # grows while it is read: breadth first
        row = [step(state, letter) for letter in letters]
        for after in row:
            if after not in number:
                number[after] = len(number)
                queue.append(after)
        following.append([number[after] for after in row])
    return minimal(Automaton(np.array(following), np.array([int(answer(state)) for state in queue])))


def refinements(automaton):
    """Moore's partitions of the states, coarsest first: number h tells apart what h letters more tell apart."""
    following, answer = automaton
    found = [np.unique(answer, return_inverse=True)[1].ravel()]
    while True:
        group = found[-1]
        signature = np.column_stack([group, group[following]])
        finer = np.unique(signature, axis=0, return_inverse=True)[1].ravel()
        if finer.max() == group.max():
            return found
        found.append(finer)


def minimal(automaton):
    """The minimal automaton, states numbered breadth first; state 0 is the start."""
    return minimised(automaton)[0]


def minimised(automaton):
    """The minimal automaton and, for every old state, its new number (S,)."""
    group = refinements(automaton)[-1]
    first = np.unique(group, return_index=True)[1]
    following, answer = group[automaton.following[first]], automaton.answer[first]
    order = breadth_first(following, group[0])
    number = np.argsort(order)
    return Automaton(number[following[order]], answer[order]), number[group]


def breadth_first(following, start):
    """States in the order in which a breadth-first walk meets them; all must be reachable."""
    order, met = [start], {start}
    for state in order:
        for after in following[state].tolist():
            if after not in met:
                met.add(after)
                order.append(after)
    return np.array(order)


def is_aperiodic(following):
    """Does every product of letters, repeated, come to rest? (The syntactic monoid has no group in it.)

    raises   ValueError if there are more than MONOID products
    """
    letters = [column.tobytes() for column in np.ascontiguousarray(following.T)]
    queue = list(dict.fromkeys(letters))
    met = set(queue)
    for known in queue:
        power = element = np.frombuffer(known, following.dtype)
        for _ in range(len(following)):
            power = element[power]
        if (element[power] != power).any():
            return False
        for letter in letters:
            grown = np.frombuffer(letter, following.dtype)[element].tobytes()
            if grown not in met:
                met.add(grown)
                queue.append(grown)
        if len(queue) > MONOID:
            raise ValueError(f"more than {MONOID} products of letters")
    return True


# ---------------------------------------------------------------- the languages

DEAD = "dead"


def _partial(rows, accepting):
    """step and answer from {state: {letter: state}}; what is missing is dead for ever."""
    return (lambda state, letter: rows.get(state, {}).get(letter, DEAD)), (lambda state: state in accepting)


def _language(name, letters, start, step, answer):
    return Language(name, tuple(letters), explored(start, step, answer, letters))


def _tomita():
    """Tomita's seven languages over 0 and 1."""
    ones, pairs = _partial({0: {"1": 0}}, {0}), _partial({0: {"1": 1}, 1: {"0": 0}}, {0})
    runs = _partial({"even": {"0": "even", "1": "odd"}, "odd": {"0": "one 0", "1": "even"},
                     "one 0": {"0": "even 0s"}, "even 0s": {"0": "one 0", "1": "even 0s"}}, {"even", "odd", "even 0s"})
    zeros = _partial({0: {"0": 1, "1": 0}, 1: {"0": 2, "1": 0}, 2: {"1": 0}}, {0, 1, 2})
    blocks = _partial({0: {"0": 0, "1": 1}, 1: {"0": 2, "1": 1}, 2: {"0": 2, "1": 3}, 3: {"1": 3}}, {0, 1, 2, 3})
    both_even = (lambda s, letter: (s[0] ^ (letter == "0"), s[1] ^ (letter == "1"))), (lambda s: s == (0, 0))
    thirds = (lambda s, letter: (s + (1 if letter == "0" else 2)) % 3), (lambda s: s == 0)
    parts = [(0, *ones), (0, *pairs), ("even", *runs), (0, *zeros), ((0, 0), *both_even), (0, *thirds), (0, *blocks)]
    return [_language(f"tomita {n}", "01", *part) for n, part in enumerate(parts, 1)]


def _counting():
    """Ones modulo k, and the flip-flop: 0 keeps, a writes 0, b writes 1."""
    def count(k):
        return lambda state, letter: (state + int(letter)) % k
    moduli = {"parity": 2, "mod 3": 3, "mod 5": 5}
    counters = [_language(name, "01", 0, count(k), lambda s: s) for name, k in moduli.items()]
    flip_flop = _language("flip-flop", "0ab", 0, lambda s, letter: "0ab".index(letter) - 1 if letter != "0" else s,
                          lambda s: s)
    return [*counters, flip_flop, _language("accept mod 5", "01", 0, count(5), lambda s: s == 0)]


def _dyck():
    """Balanced brackets of one or two kinds, never deeper than 4 or 3."""
    def step(depth, pairs):
        def follow(stack, letter):
            if stack == DEAD:
                return DEAD
            if letter in pairs:
                return stack + letter if len(stack) < depth else DEAD
            return stack[:-1] if stack and pairs[stack[-1]] == letter else DEAD
        return follow
    one, two = {"(": ")"}, {"(": ")", "[": "]"}
    return [_language("dyck-1", "()", "", step(4, one), lambda s: s == ""),
            _language("dyck-2", "([)]", "", step(3, two), lambda s: s == "")]


REBER = {0: {"B": 1}, 1: {"T": 2, "P": 3}, 2: {"S": 2, "X": 4}, 3: {"T": 3, "V": 5}, 4: {"X": 3, "S": 6},
         5: {"P": 4, "V": 6}, 6: {"E": 7}}


def _reber():
    """Reber's grammar, what stands between its B and E, and two copies of it between B T .. T E and B P .. P E."""
    rows = {"start": {"B": "first"}, "first": {"T": ("T", 0), "P": ("P", 0)}, "last": {"E": "end"}}
    for branch in "TP":
        rows |= {(branch, state): {letter: (branch, after) for letter, after in row.items()}
                 for state, row in REBER.items()}
        rows[branch, 7] = {branch: "last"}
    return [_language("reber", "BTPSXVE", 0, *_partial(REBER, {7})),
            _language("inner reber", "TPSXV", 1, *_partial({state: REBER[state] for state in range(1, 6)}, {6})),
            _language("embedded reber", "BTPSXVE", "start", *_partial(rows, {"end"}))]


def _symmetric():
    """Permutations of n things: a swaps the first two, b turns all; the answer is the product, or "identity?"."""
    return [language for n in (3, 4, 5) for language in _permutations_of(n)]


def _permutations_of(n):
    start = tuple(range(n))
    moves = {"a": (1, 0, *start[2:]), "b": (*start[1:], 0)}
    number = {p: i for i, p in enumerate(permutations(start))}

    def step(p, letter):
        return tuple(p[i] for i in moves[letter])
    return [_language(f"S{n}", "ab", start, step, lambda p: number[p]),
            _language(f"accept S{n}", "ab", start, step, lambda p: p == start)]


LANGUAGES = {language.name: language
             for language in [*_tomita(), *_counting(), *_dyck(), *_reber(), *_symmetric()]}


# ---------------------------------------------------------------- words

def examples(rng, language, batch, longest, at_end, shortest=0, uniform=False):
    """Words of random lengths with their answers: x (B, 1 + T), y (B, 1 + T), T = longest.

    Lengths are uniform from shortest to longest. at_end: the answer of the whole word only; otherwise of every prefix.
    Letters behind the end of a shorter word stand in x but nothing is asked there.
    """
    lengths = rng.integers(shortest, longest + 1, batch)
    words = draw_words(rng, language, lengths, longest, uniform)
    y = language.answers(words)
    t = np.arange(longest + 1)
    y[t != lengths[:, None] if at_end else t > lengths[:, None]] = NO_TARGET
    return np.column_stack([np.full(batch, language.begin), words]), y


def draw_words(rng, language, lengths, longest, uniform=False):
    """Words (B, longest) of three kinds, a third each; the word proper is the first `lengths` letters.

    Free: every letter independent. Aimed: free words, given that the answer at the end is one drawn uniformly (if any
    word of that length has it). Damaged: aimed, then one letter replaced: near misses. Each word draws its own letter
    frequencies (exponential weights), so that runs of one letter are common; `uniform`: all letters equally frequent.
    """
    batch, letters = len(lengths), len(language.letters)
    frequency = np.ones((batch, letters)) if uniform else rng.exponential(size=(batch, letters))
    kind, aim = rng.integers(0, 3, batch), rng.integers(0, language.classes, batch)
    hope = hopes(language, frequency, np.where(kind == 0, NO_TARGET, aim), longest)
    words, state, rows = np.empty((batch, longest), np.int64), np.zeros(batch, np.int64), np.arange(batch)
    for t in range(longest):
        left = np.maximum(lengths - t - 1, 0)
        weight = frequency * hope[left[:, None], rows[:, None], language.automaton.following[state]]
        weight = np.where(weight.sum(1, keepdims=True) > 0, weight, frequency)
        shares = np.cumsum(weight, axis=1)
        words[:, t] = np.minimum((shares < rng.random((batch, 1)) * shares[:, -1:]).sum(1), letters - 1)
        state = language.automaton.following[state, words[:, t]]
    damaged = (kind == 2) & (lengths > 0)
    place = rng.integers(0, np.maximum(lengths, 1))
    words[rows[damaged], place[damaged]] = rng.integers(0, letters, damaged.sum())
    return words


def hopes(language, frequency, aim, longest):
    """hope[k, b, s], in proportion to the chance that k letters of word b lead from state s to its aim; -1: any."""
    following, answer = language.automaton
    hope = np.empty((longest + 1, len(aim), language.states), np.float32)
    hope[0] = (answer == aim[:, None]) | (aim == NO_TARGET)[:, None]
    share = (frequency / frequency.sum(1, keepdims=True)).astype(np.float32)
    for k in range(longest):
        hope[k + 1] = np.einsum("bsv,bv->bs", hope[k][:, following], share)
        hope[k + 1] /= np.maximum(hope[k + 1].max(1, keepdims=True), 1e-30)
    return hope


# ---------------------------------------------------------------- what needs no learning

def trivial_rules(language, rng, length=16, words=4096):
    """Chance, the most frequent answer, and the best table from the last letter, on words of exactly that length.

    The table is fitted on the words it is scored on: no rule of that kind does better.
    """
    x, y = examples(rng, language, words, length, at_end=True, shortest=length)
    last, answer = x[:, -1], y[:, -1]
    counts = np.zeros((len(language.letters), language.classes))
    np.add.at(counts, (last, answer), 1)
    return {"chance": 1 / language.classes, "majority": counts.sum(0).max() / words,
            "last letter": counts.max(1).sum() / words}


def all_words(language, length):
    """Every word of exactly that length, in alphabetical order (V^length, length)."""
    words = list(product(range(len(language.letters)), repeat=length))
    return np.array(words, np.int64).reshape(len(words), length)
