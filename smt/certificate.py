"""When the memory is a code of bits, "right on a million sequences" can become "right on every sequence".

    certificate = certify(step, answer, empty_code, RetrievalMachine(elements=8))
    print(certificate.statement)  # exact for every length T >= 3, needle before 0.5 T: 23 codes, 31 pairs, 16 questions

A memory of Z bits updated by m' = step(m, x) is a finite-state machine. The task is one too
(tasks.py: `RetrievalMachine`, ...). What can ever happen is then a walk through pairs (state of the
task, code in the memory), and from the empty memory only finitely many pairs can be reached.
`certify` enumerates them breadth first and checks the answer wherever the task asks:

1. search: follow every token the task can produce from every pair found so far, until nothing new appears;
2. proof: forget how the set was found. Compute every move of every pair again, in another order and other
   batches, and check that it stays inside the set and that every answer is right.

If the start is in the set, no move leaves the set and every question inside it is answered correctly, then by
induction over time every sequence of every length is answered correctly. Nothing less is called certified:
not a search that met its limit, not a set with one wrong answer. A wrong answer comes with a counterexample,
a word that the task can really produce.

This is our own extension; the paper's memory is continuous and has no such guarantee.

What the certificate speaks about: `step` and `answer` as they compute here. Sums in another order (another
library, another batch size) can round a value next to zero to the other sign. Step 2 would show such a
dependence (`repeatable`) between the two orders it tries; `margin` says how near to zero any bit ever comes.

How small could a memory for Retrieval be? elements + 1 codes: holding each of the symbols needs a
code of its own, and so does "armed" (the next symbol counts), while "waiting" may share the code of one held symbol,
because the task never asks before the needle. (`machine.fewest_codes`)
"""
from typing import NamedTuple

import numpy as np

from smt.tasks import NO_TARGET

NEVER = -1      # a transition that the task never asks for
CHUNK = 8192    # codes per call of step and answer: bounds their memory


class Certificate(NamedTuple):
    """The verdict and the learned machine: C codes, V tokens, Z bits, P reachable pairs (task state, code).

    `arrays()` goes into an npz, `summary()` into results.json; both are enough to draw from.
    """
    certified: bool             # closed, repeatable, at least one question and no wrong answer
    closed: bool                # the enumeration ended within the limit
    repeatable: bool            # step gave the same codes in another order and in other batches
    statement: str              # one sentence for people
    pairs: int                  # P
    questions: int              # moves on which the task asks, one per pair and token
    wrong: int                  # of these answered wrongly
    groups: int                 # codes left after merging those that behave alike
    fewest_codes: int           # what the task needs at least (-1: not known)
    counterexample: np.ndarray  # (length,) a shortest-found word with a wrong answer, empty if there is none
    expected: int               # its right answer (-1 without a counterexample)
    given: int                  # the answer it got
    codes: np.ndarray           # (C, Z) int8 of +-1; row 0 is the empty memory
    following: np.ndarray       # (C, V) row of the next code, -1 where the task never does that
    answers: np.ndarray         # (C,) the answer read from a code, -1 where the task never asks
    group: np.ndarray           # (C,) number of the group of codes that behave alike
    roles: np.ndarray           # (C,) str: the task's states in which the code occurs, joined by " / "
    pair_code: np.ndarray       # (P,) row of the pair's code
    pair_key: np.ndarray        # (P,) the pair's task state
    pair_depth: np.ndarray      # (P,) tokens from the empty memory to the pair

    def summary(self):
        """The numbers, for results.json (plain Python types)."""
        numbers = {name: getattr(self, name) for name in self._fields[:9]}
        return {**numbers, "codes": len(self.codes), "expected": self.expected, "given": self.given,
                "counterexample": [int(token) for token in self.counterexample]}

    def arrays(self, prefix=""):
        """The learned machine, for an npz (no pickled objects)."""
        return {prefix + name: np.asarray(getattr(self, name)) for name in
                ("certified", "codes", "following", "answers", "group", "roles", "pair_code", "pair_key", "pair_depth",
                 "counterexample")}


def certify(step, answer, empty_code, task_machine, limit=100_000):
    """Enumerate all that can happen to a binary memory on a task, and check every answer.

    step          (codes (n, Z) of +-1, tokens (n,)) -> codes (n, Z) of +-1; rows independent of each other
    answer        (codes (n, Z)) -> token ids (n,)
    empty_code    (Z,) the memory before the first token; its dtype is that of the codes passed to step
    task_machine  tasks.RetrievalMachine or anything with vocabulary, start, moves(key, debt), names(keys)
    limit         pairs after which the search gives up (the result then has closed=False)
    Returns a Certificate. Raises ValueError if limit is not positive or a code is not made of +1 and -1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    learned = _LearnedMachine(step, answer, empty_code, task_machine.vocabulary)
    search = _search(learned, task_machine, limit)
    proof = _prove(learned, task_machine, search)
    return _report(learned, task_machine, search, proof, limit)


def merged_machine(certificate):
    """The learned machine with codes that behave alike drawn as one: a dictionary of arrays over groups.

    sizes (G,) codes in each group; following (G, V); answers (G,); roles (G,) str. Group of the empty memory: group[0].
    """
    groups, first, sizes = np.unique(certificate.group, return_index=True, return_counts=True)
    following = certificate.following[first]
    members = [np.flatnonzero(certificate.group == g) for g in groups]
    roles = [_join(role for code in codes for role in certificate.roles[code].split(" / ")) for codes in members]
    return {"sizes": sizes, "answers": certificate.answers[first], "roles": np.array(roles),
            "following": np.where(following == NEVER, NEVER, certificate.group[following])}


def margin(logits, certificate):
    """The smallest |u| that decides a bit in any transition that can happen; m' = sign(u).

    logits: (codes (n, Z) float32, tokens (n,)) -> u (n, Z). A float32 sum of this size is off by about 1e-6 whatever
    its order, so a margin far above that means that every machine computes the same codes. Infinite if there is no
    transition.
    """
    rows, tokens = np.nonzero(certificate.following != NEVER)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]
    u = [logits(certificate.codes[rows[chunk]].astype(np.float32), tokens[chunk]) for chunk in chunks]
    return min((float(np.abs(part).min()) for part in u), default=float("inf"))


# -- the learned machine -----------------------------------------------------------------------------------------------

class _LearnedMachine:
    """Codes get numbers in order of appearance; a transition is computed when it is first needed."""

    def __init__(self, step, answer, empty_code, vocabulary):
        empty = np.atleast_2d(np.asarray(empty_code))
        self.step, self.answer, self.vocabulary, self.dtype = step, answer, vocabulary, empty.dtype
        self.number = {}                                         # packed bits of a code -> its row
        self.codes = np.empty((0, empty.shape[1]), np.int8)
        self.following = np.empty((0, vocabulary), np.int64)
        self.add(empty)

    def numbers(self, codes):
        """Row numbers of codes (n, Z), -1 for a code not seen before."""
        return np.array([self.number.get(bits, NEVER) for bits in self._bits(codes)], np.int64)

    def add(self, codes):
        """Row numbers of codes (n, Z); new codes are appended."""
        bits = self._bits(codes)
        first = {}
        for i, key in enumerate(bits):
            if key not in self.number and key not in first:
                first[key] = i
        new = list(first.values())
        self.number.update({bits[i]: len(self.codes) + k for k, i in enumerate(new)})
        self.codes = np.concatenate([self.codes, np.asarray(codes)[new].astype(np.int8)])
        self.following = np.concatenate([self.following, np.full((len(new), self.vocabulary), NEVER)])
        return np.array([self.number[key] for key in bits], np.int64)

    def follow(self, rows, tokens):
        """Rows of the codes that follow rows (n,) on tokens (n,)."""
        flat = rows * self.vocabulary + tokens
        unknown = np.unique(flat[self.following.ravel()[flat] == NEVER])
        for start in range(0, len(unknown), CHUNK):
            rows_new, tokens_new = np.divmod(unknown[start:start + CHUNK], self.vocabulary)
            found = self.add(self.step(self.codes[rows_new].astype(self.dtype), tokens_new))
            self.following[rows_new, tokens_new] = found
        return self.following.ravel()[flat]

    def answer_of(self, rows):
        """Answers (n,) read from the codes of rows (n,)."""
        answers = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), CHUNK):
            answers[start:start + CHUNK] = self.answer(self.codes[rows[start:start + CHUNK]].astype(self.dtype))
        return answers

    def _bits(self, codes):
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.codes.shape[1] or not np.all(np.abs(codes) == 1):
            raise ValueError(f"a code must be a row of {self.codes.shape[1]} entries +1 or -1, got an array of shape"
                             f" {codes.shape} with values from {codes.min()} to {codes.max()}")
        packed = np.packbits(codes > 0, axis=1)
        return [row.tobytes() for row in packed]


# -- 1. search ---------------------------------------------------------------------------------------------------------

class _Search:
    """Visited pairs in order of discovery. A pair met again with a smaller debt is entered again."""

    def __init__(self, start_key, start_debt):
        self.code, self.key, self.debt = [0], [start_key], [start_debt]
        self.parent, self.token, self.depth = [-1], [-1], [0]
        self.latest = {(0, start_key): 0}       # pair -> its entry with the smallest debt
        self.closed = False

    def enter(self, code, key, debt, parent, token):
        """The number of the new entry, or None when the pair is known with no larger debt."""
        known = self.latest.get((code, key))
        if known is not None and self.debt[known] <= debt:
            return None
        self.latest[code, key] = len(self.code)
        for column, value in ((self.code, code), (self.key, key), (self.debt, debt), (self.parent, parent),
                              (self.token, token), (self.depth, self.depth[parent] + 1)):
            column.append(value)
        return len(self.code) - 1

    def is_latest(self, entry):
        """Has the entry not been replaced by one with a smaller debt?"""
        return self.latest[self.code[entry], self.key[entry]] == entry

    def states(self, entries):
        """code, key, debt of the entries, as arrays."""
        return tuple(np.array([column[i] for i in entries], np.int64) for column in (self.code, self.key, self.debt))

    def word(self, entry):
        """The tokens that lead from the empty memory to an entry."""
        tokens = []
        while self.parent[entry] >= 0:
            tokens.append(self.token[entry])
            entry = self.parent[entry]
        return tokens[::-1]


def _search(learned, machine, limit):
    """Breadth first: the whole frontier moves at once."""
    search = _Search(*machine.start)
    frontier = [0]
    while frontier and len(search.latest) <= limit:
        frontier = _advance(search, learned, machine, frontier)
    search.closed = not frontier
    return search


def _advance(search, learned, machine, frontier):
    """Enter all successors of the frontier; return the entries that are new."""
    code, key, debt = search.states(frontier)
    moves = machine.moves(key, debt)
    following = learned.follow(code[moves.source], moves.token)
    successors = np.stack([following, moves.key, moves.debt], axis=1)
    _, first = np.unique(successors, axis=0, return_index=True)
    entered = [search.enter(*map(int, successors[i]), frontier[moves.source[i]], int(moves.token[i]))
               for i in np.sort(first)]
    return [entry for entry in entered if entry is not None and search.is_latest(entry)]


# -- 2. proof ----------------------------------------------------------------------------------------------------------

class _Proof(NamedTuple):
    inside: bool          # no move leaves the set
    repeatable: bool
    questions: int
    wrong: int
    failure: tuple        # (entry, token, expected, given) of the shallowest wrong answer, or None
    answers: np.ndarray   # (C,)


def _prove(learned, machine, search):
    """Every move of every pair once more, from the set alone."""
    entries = np.array(list(search.latest.values()))[::-1]
    code, key, debt = search.states(entries)
    moves = machine.moves(key, debt)
    found = _step_again(learned, code[moves.source], moves.token)
    remembered = learned.following[code[moves.source], moves.token]
    visited = remembered != NEVER               # with the limit met, the last frontier has not been moved yet
    successors = zip(found.tolist(), moves.key.tolist(), moves.debt.tolist())
    inside = all(_is_member(search, *successor) for successor in successors)
    asked = np.flatnonzero((moves.target != NO_TARGET) & (found != NEVER))
    given = learned.answer_of(found[asked])
    wrong = given != moves.target[asked]
    answers = np.full(len(learned.codes), NO_TARGET)
    answers[found[asked]] = given
    return _Proof(inside, bool(np.all(found[visited] == remembered[visited])), len(asked), int(wrong.sum()),
                  _shallowest(search, entries, moves, asked[wrong], given[wrong]), answers)


def _step_again(learned, rows, tokens):
    """The codes after each move computed in reverse order and in batches of another size; -1: a code never met."""
    flat, position = np.unique(rows * learned.vocabulary + tokens, return_inverse=True)
    flat = flat[::-1]
    found, size = np.empty(len(flat), np.int64), CHUNK // 3 + 1
    for start in range(0, len(flat), size):
        rows_again, tokens_again = np.divmod(flat[start:start + size], learned.vocabulary)
        codes = learned.step(learned.codes[rows_again].astype(learned.dtype), tokens_again)
        found[start:start + size] = learned.numbers(codes)
    return found[::-1][position.ravel()]


def _is_member(search, code, key, debt):
    entry = search.latest.get((code, key))
    return entry is not None and search.debt[entry] <= debt


def _shallowest(search, entries, moves, wrong, given):
    if not len(wrong):
        return None
    sources = entries[moves.source[wrong]]
    i = int(np.argmin([search.depth[entry] for entry in sources]))
    return int(sources[i]), int(moves.token[wrong[i]]), int(moves.target[wrong[i]]), int(given[i])


# -- report ------------------------------------------------------------------------------------------------------------

def _report(learned, machine, search, proof, limit):
    repeatable = proof.repeatable and (proof.inside or not search.closed)  # closed once, closed again; or step changed
    certified = search.closed and proof.inside and repeatable and proof.questions > 0 and proof.wrong == 0
    entry, token, expected, given = proof.failure or (None, None, NO_TARGET, NO_TARGET)
    word = np.array([] if entry is None else search.word(entry) + [token], np.int64)
    code, key, _ = search.states(search.latest.values())
    group = _behaviour(learned.following, proof.answers)
    verdict = (certified, search.closed, repeatable)
    return Certificate(
        *verdict, _statement(verdict, machine, len(learned.codes), len(code), proof, word, limit),
        len(code), proof.questions, proof.wrong, int(group.max()) + 1, machine.fewest_codes or -1,
        word, expected, given, learned.codes, learned.following, proof.answers, group,
        _roles(machine, code, key, len(learned.codes)), code, key,
        np.array([search.depth[entry] for entry in search.latest.values()], np.int64))


def _statement(verdict, machine, codes, pairs, proof, word, limit):
    certified, closed, repeatable = verdict
    if certified:
        return f"exact for {machine.scope}: {codes} codes, {pairs} pairs, {proof.questions} questions"
    if proof.wrong:
        _, _, expected, given = proof.failure
        return (f"not certified: after {' '.join(map(str, word))} the answer is {given} instead of {expected}"
                f" ({proof.wrong} of {proof.questions} questions wrong)")
    if not closed:
        return f"not certified: the enumeration did not close within {limit} pairs"
    if not repeatable:
        return "not certified: the same code and token gave different codes in different batches"
    return "not certified: the task never asked a question"


def _behaviour(following, answers):
    """Merge codes that no continuation tells apart: split by answer, then by the groups that follow, until stable.

    A token that never occurs after a code is a difference too: both machines do exactly the same.
    """
    group, count = np.unique(answers, return_inverse=True)[1].ravel(), 0
    while group.max() + 1 > count:
        count = group.max() + 1
        signature = np.column_stack([group, np.where(following == NEVER, NEVER, group[following])])
        group = np.unique(signature, axis=0, return_inverse=True)[1].ravel()
    return group


def _roles(machine, code, key, codes):
    """For each code the names of the task states it occurs in."""
    roles = [set() for _ in range(codes)]
    for row, name in zip(code.tolist(), machine.names(key)):
        roles[row].add(name)
    return np.array([_join(names) for names in roles])


def _join(names):
    return " / ".join(sorted(set(names)))
