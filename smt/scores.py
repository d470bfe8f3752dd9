"""The names of the numbers in results.json, made and read here only: `<trained>: <method>: <what>`.

trained   how long the training sequences are: a key of TRAINED
method    one of METHODS
what      a test length (the accuracy there), or a word: solved, drift, seconds, rate, certified, margin, ...
"""

TRAINED = ("direct", "long", "short", "curriculum", "random")
BITS, SMT, MORE, DMT = "SMT, bits", "SMT", "SMT, extra updates", "SMT + DMT"
BPTT, SMALL, BPTT_BITS, KEPT = "BPTT", "BPTT, small W₂", "BPTT, bits", "BPTT, bits kept at first"
GRU, TRANSFORMER, ENCODER = "BPTT, GRU", "Transformer", "encoder + readout"
METHODS = (BITS, SMT, MORE, DMT, BPTT, SMALL, BPTT_BITS, KEPT, GRU, TRANSFORMER, ENCODER)


def name(trained, method, what):
    """The metric's name. Raises ValueError for a part that `read` would not find again."""
    if trained not in TRAINED or method not in METHODS or ": " in str(what):
        raise ValueError(f"not a number of this experiment: {trained}, {method}, {what}")
    return f"{trained}: {method}: {what}"


def read(metric):
    """(trained, method, what) of a metric's name; a test length is an int."""
    trained, method, what = metric.split(": ")
    return trained, method, int(what) if what.isdigit() else what


def accuracies(record, trained):
    """{method: {test length: {seed: accuracy}}} of everything trained in that way, in the order of METHODS."""
    found = {}
    for run in record["runs"]:
        for metric, value in run["final"].items():
            where, method, what = read(metric)
            if where == trained and isinstance(what, int) and value is not None:
                found.setdefault(method, {}).setdefault(what, {})[run["seed"]] = value
    return {method: found[method] for method in METHODS if method in found}


def values(record, trained, method, what):
    """The metric of every seed, in their order; None where it was not reported (a network that was lost before)."""
    return [run["final"].get(name(trained, method, what)) for run in record["runs"]]


def lengths(record, trained, method):
    """The test lengths planned for a method, also those that no seed reached."""
    every = (read(metric) for run in record["runs"] for metric in run["final"])
    return sorted({what for where, who, what in every if (where, who) == (trained, method) and isinstance(what, int)})


def label(config, trained):
    """The training lengths for people: 'T = 64', '16, then 32', '4 to 32'."""
    short = config["short_length"]
    return {"direct": f"T = {config['length']}", "long": f"T = {config['long_length']}", "short": f"T = {short}",
            "curriculum": f"T = {short}, then {2 * short}", "random": f"T = {shortest(short)} to {2 * short}"}[trained]


def shortest(short):
    """The shortest length where lengths are drawn at random."""
    return max(3, short // 4)


# ---------------------------------------------------------------- studies: `<variant>: <metric>`

def cell(variant, metric):
    """The name of one number of a study that compares variants."""
    if ": " in variant or ": " in metric:
        raise ValueError(f"': ' parts the names: {variant}, {metric}")
    return f"{variant}: {metric}"


def cells(record, variant, metric):
    """That number of every seed that reports it."""
    found = [run["final"].get(cell(variant, metric)) for run in record["runs"]]
    return [value for value in found if value is not None]
