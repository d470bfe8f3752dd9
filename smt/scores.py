"""The axes of the numbers in results.json: final[trained][method][what], curves[trained][method][what].

trained   how long the training sequences are: one of TRAINED
method    one of METHODS
what      "accuracy", with the test length as a fourth axis; or a number: drift, seconds, rate, certified, margin, ...
"""

from common import results

TRAINED = ("direct", "long", "short", "curriculum", "random")
BITS, SMT, MORE, DMT = "SMT, bits", "SMT", "SMT, extra updates", "SMT + DMT"
BPTT, SMALL, BPTT_BITS, KEPT = "BPTT", "BPTT, small W₂", "BPTT, bits", "BPTT, bits kept at first"
GRU, TRANSFORMER, ENCODER = "BPTT, GRU", "Transformer", "encoder + readout"
METHODS = (BITS, SMT, MORE, DMT, BPTT, SMALL, BPTT_BITS, KEPT, GRU, TRANSFORMER, ENCODER)


def merge(tree, other):
    """Add another tree of dictionaries to a tree. Raises KeyError if both have the same leaf."""
    for name, value in other.items():
        if name not in tree:
            tree[name] = value
        elif isinstance(value, dict) and isinstance(tree[name], dict):
            merge(tree[name], value)
        else:
            raise KeyError(f"reported twice: {name}")
    return tree


def accuracies(record, trained):
    """{method: {test length: {seed: accuracy}}} of everything trained in that way, in the order of METHODS."""
    found = {}
    for run in record["runs"]:
        for method, final in run["final"].get(trained, {}).items():
            for length, value in final.get("accuracy", {}).items():
                if value is not None:
                    found.setdefault(method, {}).setdefault(int(length), {})[run["seed"]] = value
    return {method: found[method] for method in METHODS if method in found}


def values(record, trained, method, *what):
    """The metric of every seed, in their order; None where it was not reported.

    what   a number stands for the accuracy at that test length (None there: the network was lost before)
    """
    path = ("accuracy", *what) if isinstance(what[0], int) else what
    return [results.at(run["final"], trained, method, *path) for run in record["runs"]]


def lengths(record, trained, method):
    """The test lengths planned for a method, also those that no seed reached."""
    planned = [results.at(run["final"], trained, method, "accuracy") or {} for run in record["runs"]]
    return sorted({int(length) for lengths in planned for length in lengths})


def cells(record, *path):
    """A number of every seed that reports it, in a list."""
    found = [results.at(run["final"], *path) for run in record["runs"]]
    return [value for value in found if value is not None]


def label(config, trained):
    """The training lengths for people: 'T = 64', '16, then 32', '4 to 32'."""
    short = config["short_length"]
    return {"direct": f"T = {config['length']}", "long": f"T = {config['long_length']}", "short": f"T = {short}",
            "curriculum": f"T = {short}, then {2 * short}", "random": f"T = {shortest(short)} to {2 * short}"}[trained]


def shortest(short):
    """The shortest length where lengths are drawn at random."""
    return max(3, short // 4)
