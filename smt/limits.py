"""Reading the record of study encoder_limit: who solves what, who is ahead, what stops SMT.

final: {task: {T: {method: {"accuracy", "ceiling", "encoder", ...}}}}; a method that had ended at a length has no entry.
"""

from common import results
from smt.factorial import SELF, SMT
from smt.rivals import GRU, MLP, TRANSFORMER
from smt.suite import SOLVED, SUITE

RNNS = (SMT, SELF, MLP, GRU)
LARGE = "SMT, batch of 32"                              # the best teacher with the batch that was tried first
METHODS = (*RNNS, LARGE, TRANSFORMER)
RULES = "without learning"
PATIENT = "SMT, longer"
REGISTERS, SCRATCH = "SMT, registers", "SMT, scratch tokens"
CHANGED = (PATIENT, REGISTERS, SCRATCH)                 # a chosen teacher with one thing changed
ROWS = (("encoder + readout", SMT, "encoder"), ("memory, decoded", SMT, "held"), ("SMT", SMT, "accuracy"),
        (LARGE, LARGE, "accuracy"), ("self-prediction", SELF, "accuracy"), (MLP, MLP, "accuracy"),
        (GRU, GRU, "accuracy"), ("Transformer, no memory", TRANSFORMER, "accuracy"))
AHEAD = 0.02                                            # means closer than this are not told apart


def lengths_up_to(name, longest):
    return [length for length in SUITE[name].lengths if length <= longest]


def longer(method):
    """The name of a method that is given as many more sequences as PATIENT."""
    return f"{method}, longer"


def get(record, name, length, method, what="accuracy"):
    """The values over the seeds that ran it."""
    return results.values(record, name, length, method, what)


def ran(record, name, method):
    """The lengths a method came to."""
    return [length for length in lengths_of(record, name) if len(get(record, name, length, method))]


def lengths_of(record, name):
    return lengths_up_to(name, record["config"]["longest"])


def solved(record, name, length, method, what="accuracy", most="ceiling"):
    """(seeds that solve it, seeds)."""
    found, ceiling = (get(record, name, length, method, each) for each in (what, most))
    return int((found >= SOLVED * ceiling).sum()), len(found)


def passes(record, name, length, method, what="accuracy", most="ceiling"):
    """The mean over the seeds is solved; False where the method had ended before."""
    found, ceiling = (get(record, name, length, method, each) for each in (what, most))
    return bool(len(found)) and found.mean() >= SOLVED * ceiling.mean()


def limit(record, name, length, method=SMT):
    """What keeps SMT from solving it: "" (nothing), "encoder", "memory", "undecided" or "RNN"; None: it was not run."""
    if not len(get(record, name, length, method)):
        return None
    if passes(record, name, length, method):
        return ""
    if not passes(record, name, length, method, "encoder"):
        return "encoder"
    if passes(record, name, length, method, "held", "held at most"):
        return "RNN"
    better = (get(record, name, length, method) - get(record, name, length, method, "held")).mean() > AHEAD
    return "undecided" if better else "memory"


def cells_of(record, method):
    """[(task, length)] that a method came to."""
    return [(name, length) for name in record["config"]["tasks"] for length in ran(record, name, method)]


def bptt(record, name, length):
    """BPTT with the updater that has the higher mean validation accuracy at this length; None where both had ended."""
    means = {method: get(record, name, length, method, "validation") for method in (MLP, GRU)}
    return max((method for method in means if len(means[method])), key=lambda m: means[m].mean(), default=None)


def lead(record, name, length, one=SMT):
    """Accuracy of `one` minus BPTT's, seed by seed, and the interval of its mean; None where one of them had ended."""
    other = bptt(record, name, length)
    own = get(record, name, length, one)
    if other is None or not len(own):
        return None, None
    gaps = own - get(record, name, length, other)
    return gaps, results.interval(gaps) or (gaps.mean(), gaps.mean())


def leader(record, name, length, one=SMT):
    """`one`, "BPTT", "even", or None: neither solves a length to which only one of them came."""
    gaps, interval = lead(record, name, length, one)
    if gaps is None:
        other = bptt(record, name, length)
        left = [each for each in (one, other) if each and passes(record, name, length, each)]
        return None if not left else one if left == [one] else "BPTT"
    if interval[0] > AHEAD:
        return one
    return "BPTT" if interval[1] < -AHEAD else "even"


def crossover(record, name, one=SMT):
    """(last length of the first leader, the leader, first length of the next, the next), or None without a change."""
    leaders = [(length, leader(record, name, length, one)) for length in lengths_of(record, name)]
    leaders = [each for each in leaders if each[1] in (one, "BPTT")]
    for (before, first), (after, second) in zip(leaders, leaders[1:]):
        if first != second:
            return before, first, after, second
    return None


def longest_solved(record, name, methods):
    """The longest length that the mean of one of the methods solves, 0 without any."""
    return max((length for length in lengths_of(record, name) for method in methods
                if passes(record, name, length, method)), default=0)
