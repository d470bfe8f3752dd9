"""Weight guessing: draw all weights at random until the network is right on every training sequence.

Schmidhuber & Hochreiter (1996), Guessing can outperform many long time lag algorithms, IDSIA-19-96;
final version: Schmidhuber, Hochreiter & Bengio (2001), Evaluating benchmark problems by random
guessing. Around the vanishing gradient without any gradient.

    python3 vanishing_gradient/weight_guessing/weight_guessing.py --seed 0     one seed, about 40 seconds
    python3 vanishing_gradient/weight_guessing/weight_guessing.py --commit     the committed run, seeds 0 to 9
    python3 vanishing_gradient/weight_guessing/weight_guessing.py --evaluate   saved solutions, fresh sequences

Every seed draws its own 100 training and 100 test sequences of every task and makes a fixed number
of guesses. A guess is accepted if its error at the end of every training sequence is below 0.1; the
test sequences are only reported. Trials per solution is guesses / solutions of all seeds together, with
its 95 % interval. Writes results.json, traces.npz and weights.npz; ends with

    latch I (sign)                               8 [7.7, 8.1]             published       6
    latch II, noise s.d. 0.2                    37 [35.7, 38.8]           published      22
    latch II, noise variance 0.2               128 [121, 135]             published      22
    two-sequence A1, noise s.d. 0.2            627 [590, 666]             published     718 (second-hand)
    two-sequence A1, noise variance 0.2      7,202 [6,229, 8,327]         published     718 (second-hand)
    parity A1                                4,965 [4,559, 5,407]         published   2,906
    parity A2                                2,926 [2,567, 3,335]         published   2,797
    parity A2 without self-connections         269 [254, 284]             published     250
    noisy parity A1                         11,916 [10,442, 13,598]       published  41,400
    Tomita 1, A1                               393 [368, 421]             published     182 (second-hand)
    Tomita 1, A2                               167 [157, 178]             published     288 (second-hand)
    Tomita 2, A1                             4,443 [3,964, 4,980]         published   1,511 (second-hand)
    Tomita 2, A2                             1,431 [1,257, 1,629]         published  17,953 (second-hand)
    Tomita 4, A1                           224,055 [186,968, 268,498]     published  13,833 (second-hand)
    Tomita 4, A2                           356,174 [267,050, 475,042]     published  35,610 (second-hand)
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Callable, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy
import numpy as np
from common import gradcheck, results, study, tables
from common.config import parse, run, setting
from common.progress import Parts, Progress, collect
from common.randomness import stream
from vanishing_gradient.weight_guessing import opponents, tasks
from vanishing_gradient.weight_guessing.networks import A1, A2, LATCH_1, LATCH_2, Network, draw, final_outputs, split

HERE = Path(__file__).resolve().parent
SEEDS = range(10)                   # the committed seeds; everything was chosen on seeds 900 to 919
UNITS = 32_768                      # units side by side: the networks' states just fit into the cache
FEWEST = 1024                       # with fewer networks left, several sequences are run at a time
CHUNK = 65_536                      # guesses drawn at a time
KEPT, TESTED = 3, 50                # solutions of one row and seed that are saved, and that are tested


@dataclass(frozen=True)
class Config:
    budget: float = setting(1.0, "share of every row's guesses that is made", above=0, maximum=100)
    interval: float = setting(100.0, "weights are uniform in plus or minus this", paper=100, above=0, maximum=1e6)
    shortest: int = setting(500, "shortest sequence", paper=500, minimum=4, maximum=1_000_000)
    longest: int = setting(600, "longest sequence", paper=600, minimum=4, maximum=1_000_000)
    training: int = setting(100, "training sequences, which all must be right", paper=100, minimum=2, maximum=10_000)
    test: int = setting(100, "test sequences, which are only reported", paper=100, minimum=2, maximum=10_000)
    tolerance: float = setting(0.1, "largest error of a right answer", paper=0.1, above=0, below=0.5)

    def __post_init__(self):
        if self.longest < self.shortest + self.shortest % 2:
            raise ValueError(f"--longest {self.longest}: at least --shortest {self.shortest}, "
                             "and an even number must lie between them (grammar 2)")


QUICK = dict(budget=0.1, shortest=40, longest=50, training=20, test=20)


# ---------------------------------------------------------------- the rows of the table

class Row(NamedTuple):
    """A task, the network that is guessed for it, and what was published."""
    name: str
    title: str
    task: Callable                      # (rng, B, shortest, longest) -> tasks.Data
    network: Network
    guesses: int                        # of one seed
    paper: float                        # published trials per solution
    read: bool = True                   # False: the number was not read in the original and carries no check
    sign: bool = False                  # latch I: only the sign of the output must be right
    hard: Callable = None               # sequences that are harder to tell apart, only reported


def _tomita(grammar, network, label, guesses, paper):
    task = partial(tasks.tomita, grammar=grammar)
    return Row(f"tomita_{grammar}_{label.lower()}", f"Tomita {grammar}, {label}", task, network, guesses, paper,
               read=False, hard=partial(task, near=True))


_BY_VARIANCE = partial(tasks.two_sequence, noise=tasks.PAPER_NOISE)
# Published: 2001, sections 3 (latch) and 4 (parity). Two-sequence and Tomita: second-hand. The guesses of ten
# seeds together give 100 solutions or more, but for Tomita 4, A2, which takes most of the time.
ROWS = (
    Row("latch_1", "latch I (sign)", tasks.latch_1, LATCH_1, 4_096, 6, sign=True),
    Row("latch_2", "latch II, noise s.d. 0.2", tasks.two_sequence, LATCH_2, 8_192, 22),
    Row("latch_2_variance", "latch II, noise variance 0.2", _BY_VARIANCE, LATCH_2, 16_384, 22),
    Row("two_sequence", "two-sequence A1, noise s.d. 0.2", tasks.two_sequence, A1(1), 65_536, 718, read=False),
    Row("two_sequence_variance", "two-sequence A1, noise variance 0.2", _BY_VARIANCE, A1(1), 131_072, 718, read=False),
    Row("parity_a1", "parity A1", tasks.parity, A1(1), 262_144, 2_906),
    Row("parity_a2", "parity A2", tasks.parity, A2(), 65_536, 2_797),
    Row("parity_a2_no_self", "parity A2 without self-connections", tasks.parity, A2(self_connections=False),
        32_768, 250),
    Row("noisy_parity_a1", "noisy parity A1", tasks.noisy_parity, A1(1), 262_144, 41_400),
    _tomita(1, A1(1), "A1", 32_768, 182),
    _tomita(1, A2(), "A2", 16_384, 288),
    _tomita(2, A1(1), "A1", 131_072, 1_511),
    _tomita(2, A2(), "A2", 32_768, 17_953),
    _tomita(4, A1(1), "A1", 2_621_440, 13_833),
    _tomita(4, A2(), "A2", 1_638_400, 35_610),
)
ROW = {row.name: row for row in ROWS}


def margin(row, tolerance):
    """How far u must lie on the right side of 0, u in [-1, 1]: error 0.1 of a logistic unit is 0.2 of u."""
    if row.sign:
        return 0.0
    return 1 - (tolerance if row.network.squash == "tanh" else 2 * tolerance)


# ---------------------------------------------------------------- guessing

def right(network, w, data, least):
    """(B, N): which sequences are answered with every output on the right side of `least`."""
    u = final_outputs(network, w, data.x, data.lengths, data.targets[:, 0])
    return (u * (2 * data.targets - 1)[..., None] > least).all(1)


def accepted(network, w, data, least):
    """The networks of w (P, N) that are right on every sequence, as indices.

    One sequence after the other: each throws out about half of the networks that are left, so the
    first two, one of each class, cost nearly all the time. The order does not change who is left.
    """
    left, done, lanes = np.arange(w.shape[1]), 0, UNITS // (network.hidden + network.outputs)
    while len(left) and done < len(data.lengths):
        several = max(1, FEWEST // len(left))
        part = data.part(slice(done, done + several))
        pieces = [left[k:k + lanes] for k in range(0, len(left), lanes)]
        left = np.concatenate([piece[right(network, w[:, piece], part, least).all(0)] for piece in pieces])
        done += several
    return left


def search(network, data, least, rng, guesses, interval):
    """Make all guesses; which of them are solutions (k,), counted from 0, and their weights (P, k)."""
    found, weights, done = [], [], 0
    while done < guesses:
        w = draw(rng, network, min(CHUNK, guesses - done), interval)
        left = accepted(network, w, data, least)
        found.append(done + left)
        weights.append(w[:, left])
        done += w.shape[1]
    return np.concatenate(found), np.concatenate(weights, axis=1)


def search_until(network, data, least, rng, wanted, most, interval, chunk=CHUNK):
    """Guess until `wanted` solutions are found or `most` guesses are made; guesses made, and (P, k) weights."""
    weights, done = [], 0
    while done < most and sum(w.shape[1] for w in weights) < wanted:
        _, w = search(network, data, least, rng, min(chunk, most - done), interval)
        weights.append(w)
        done += min(chunk, most - done)
    return done, np.concatenate(weights, axis=1)


def sequences(row, config, seed, purpose, count):
    """The sequences of one row and seed for one purpose ("train", "test", ...)."""
    return row.task(stream(seed, f"{purpose} {row.name}"), count, config.shortest, config.longest)


def guesses_of(row, config):
    return max(64, int(row.guesses * config.budget))


def solve(row, config, seed):
    """One row of one seed: the guesses, who was accepted, and how they answer the test sequences."""
    started, least = perf_counter(), margin(row, config.tolerance)
    training = sequences(row, config, seed, "train", config.training)
    guesses = guesses_of(row, config)
    found, w = search(row.network, training, least, stream(seed, f"guess {row.name}"), guesses, config.interval)
    test = sequences(row, config, seed, "test", config.test)
    answers = right(row.network, w[:, :TESTED], test, least)
    part = dict(guesses=guesses, found=found, weights=w[:, :KEPT].T.copy(), test=answers.mean(0),
                constant=tasks.constant_rule(test), last=tasks.last_element_rule(test))
    if row.hard:
        hard = row.hard(stream(seed, f"hard {row.name}"), config.test, config.shortest, config.longest)
        part["hard"] = right(row.network, w[:, :TESTED], hard, least).mean(0)
    return part | dict(seconds=perf_counter() - started)


def gaps(found):
    """Trials until each solution, counted from the one before."""
    return np.diff(found, prepend=-1)


# ---------------------------------------------------------------- what the figures show

PLANE = np.linspace(-100, 100, 61)      # recurrent weight and input weight
BIASES = np.linspace(-100, 100, 41)
STRIDE = 5                              # every fifth step of the drawn outputs


def plane(config, seed):
    """Share of the biases that solve latch II, for every recurrent weight (columns) and input weight (rows)."""
    row = ROW["latch_2"]
    bias, w_in, w = np.meshgrid(BIASES, PLANE, PLANE, indexing="ij")
    by_name = dict(output_in=w_in, output_lateral=w, output_bias=bias)
    names = [name for name, (to, source) in row.network.shapes().items() if to * source]
    weights = np.stack([by_name[name].ravel() for name in names]).astype(np.float32)
    solved = np.zeros(weights.shape[1])
    solved[accepted(row.network, weights, sequences(row, config, seed, "train", config.training),
                    margin(row, config.tolerance))] = 1
    return solved.reshape(w.shape).mean(0)


def rain(config, seed, found):
    """The guesses of latch II up to the first that holds, and their outputs on one sequence of each class.

    returns   {"rain_weights": (3, n) input, recurrent, bias; "rain_outputs": (n, 2, steps)}
    """
    row, n = ROW["latch_2"], int(found[0]) + 1
    first_chunk = min(CHUNK, guesses_of(row, config))
    w = draw(stream(seed, f"guess {row.name}"), row.network, first_chunk, config.interval)[:, :n]
    two = sequences(row, config, seed, "train", config.training).part(slice(0, 2))
    states = []
    final_outputs(row.network, w, two.x, two.lengths, two.targets[:, 0], keep=states)
    outputs = np.stack([output[:, 0] for _, output in states[:two.lengths.min():STRIDE]])
    parts = split(row.network, w)
    weights = np.stack([parts[name][0, 0] for name in ("output_in", "output_lateral", "output_bias")])
    return dict(rain_weights=weights, rain_outputs=outputs.transpose(2, 1, 0).astype(np.float16))


def machine(config, seed, weights):
    """A parity network at work: its input bits (steps,), its units (steps, units) in 0..1, the parity so far."""
    row = ROW["parity_a1"]
    one = sequences(row, config, seed, "test", config.test).part(slice(0, 1))
    states = []
    final_outputs(row.network, weights[0][:, None], one.x, one.lengths, one.targets[:, 0], keep=states)
    units = np.stack([np.concatenate([hidden[0, :, 0], output[0, :, 0]]) for hidden, output in states])
    bits = one.x[:len(units), 0]
    return dict(machine_bits=bits, machine_units=(1 + units) / 2, machine_parity=np.cumsum(bits) % 2)


def traces_of(config, seeds, parts):
    """The arrays of traces.npz."""
    arrays = dict(plane=np.mean([part["plane"] for part in parts], axis=0), plane_weights=PLANE)
    for row in ROWS:
        arrays[f"gaps_{row.name}"] = np.concatenate([gaps(part[row.name]["found"]) for part in parts])
    first = {seed: part["latch_2"]["found"] for seed, part in zip(seeds, parts) if len(part["latch_2"]["found"])}
    if first:                                    # drawn: the seed whose first solution is nearest to the mean trials
        mean = np.mean([found[0] for found in first.values()])
        seed = min(first, key=lambda seed: abs(first[seed][0] - mean))
        arrays |= rain(config, seed, first[seed]) | dict(rain_seed=np.array(seed))
    solved = [(seed, part["parity_a1"]["weights"]) for seed, part in zip(seeds, parts)]
    solved = [(seed, weights) for seed, weights in solved if len(weights)]
    return arrays | (machine(config, *solved[0]) if solved else {})


# ---------------------------------------------------------------- one seed, and the record of all

def compute(options, seeds):
    """Yields (seed, part); a finished row is kept when the run is stopped."""
    config, kept = options.config, Parts(options, vars(options.config))
    progress = Progress("guesses", len(seeds) * sum(guesses_of(row, config) for row in ROWS))
    done = 0
    for seed in seeds:
        part = {}
        for row in ROWS:
            part[row.name] = kept.get(f"{seed}-{row.name}", partial(solve, row, config, seed))
            done += part[row.name]["guesses"]
            progress.update(done, solutions=sum(len(p["found"]) for p in part.values()))
        yield seed, part | dict(plane=plane(config, seed))
    progress.close()


def final(part):
    """The metrics of one seed, {row_metric: value}."""
    made = {}
    for row in ROWS:
        p = part[row.name]
        solutions = len(p["found"])
        distances = gaps(p["found"])
        made |= {f"{row.name}_{metric}": value for metric, value in dict(
            trials=p["guesses"] / solutions if solutions else None, guesses=p["guesses"], solutions=solutions,
            test_accuracy=p["test"].mean() if solutions else None,
            all_right=(p["test"] == 1).mean() if solutions else None,
            hard_accuracy=p["hard"].mean() if row.hard and solutions else None,
            geometric=distances.std(ddof=1) / distances.mean() if solutions >= 100 else None,
            constant_rule=p["constant"], last_element_rule=p["last"]).items()}
    return made


class Density(NamedTuple):
    """Solutions among guesses, and 1 / p with its 95 % interval (Wilson)."""
    solutions: int
    guesses: int
    trials: float                       # None without a solution
    interval: tuple                     # (low, high)


def density(solutions, guesses):
    low, high = tables.wilson(solutions, guesses)
    return Density(int(solutions), int(guesses), guesses / solutions if solutions else None,
                   (1 / high, 1 / low if solutions else None))


def density_of(record, name):
    """The row's density over all seeds of a record."""
    return density(*(sum(results.values(record, f"{name}_{what}")) for what in ("solutions", "guesses")))


FACTOR = 2                              # a published number counts as reproduced within this factor


def checks(record):
    """The claims; a number that was not read in the original has none."""
    made = []
    for row in ROWS:
        if row.read:
            found = density_of(record, row.name)
            holds = found.solutions > 0 and row.paper / FACTOR <= found.trials <= row.paper * FACTOR
            made.append(results.check(f"{row.title}: trials per solution", found.trials,
                                      f"{row.paper / FACTOR:,.0f} to {row.paper * FACTOR:,.0f}", holds, row.paper,
                                      found.interval if found.solutions else None))
    worst = min((v for row in ROWS for v in results.values(record, f"{row.name}_test_accuracy")), default=None)
    made.append(results.check("accepted networks on test sequences: lowest accuracy of any row and seed", worst,
                              "at least 0.95", worst is not None and worst >= 0.95))
    a2, no_self = density_of(record, "parity_a2").trials, density_of(record, "parity_a2_no_self").trials
    ratio = a2 / no_self if a2 and no_self else None
    made.append(results.check("parity A2: trials with self-connections / without", ratio, "at least 5",
                              ratio is not None and ratio >= 5, 2_797 / 250))
    spreads = [v for row in ROWS for v in results.values(record, f"{row.name}_geometric")]
    spread = float(np.mean(spreads)) if spreads else None
    made.append(results.check("trials until a solution: standard deviation / mean (geometric law: 1)", spread,
                              "0.95 to 1.05", spread is not None and 0.95 <= spread <= 1.05, None,
                              results.interval(spreads)))
    return made


def headline(options):
    parts = collect(options, partial(compute, options))
    runs = [results.entry(seed, final(part), seconds=sum(part[row.name]["seconds"] for row in ROWS))
            for seed, part in zip(options.seeds, parts)]
    record = results.record(options, runs, {f"{row.name}_trials": row.paper for row in ROWS}, checks)
    weights = {row.name: np.concatenate([part[row.name]["weights"] for part in parts]) for row in ROWS}
    results.save(options, record, traces_of(options.config, options.seeds, parts), weights)
    report(record)


def report(record):
    """The lines the docstring ends with."""
    for row in ROWS:
        found = density_of(record, row.name)
        ours = f"{found.trials:,.0f}" if found.solutions else "none found"
        print(f"{row.title:<36}{ours:>10} {interval_text(found.interval):<22} published {row.paper:>7,}"
              f"{'' if row.read else ' (second-hand)'}")


def interval_text(interval):
    low, high = (f"{v:,.0f}" if v is not None and v >= 100 else f"{v:,.1f}" if v else "-" for v in interval)
    return f"[{low}, {high}]"


# ---------------------------------------------------------------- other modes

def evaluate(options):
    """The saved solutions on fresh sequences, with the recorded settings."""
    record, weights = results.read_weights(options.out, options.make)
    config = Config(**{name: value for name, value in record["config"].items() if name != "seeds"})
    for row in ROWS:
        w = weights[row.name].T
        if not w.shape[1]:
            print(f"{row.title:<36} no solution was saved")
            continue
        data = sequences(row, config, 0, "evaluate", config.test)
        answers = right(row.network, w, data, margin(row, config.tolerance))
        print(f"{row.title:<36} {w.shape[1]:>3} networks: accuracy {answers.mean():.3f}, all {len(answers)} right "
              f"{answers.all(0).sum()} of {w.shape[1]}   constant answer {tasks.constant_rule(data):.3f}, "
              f"last element {tasks.last_element_rule(data):.3f}")


def main():
    options = parse(Config, __doc__, SEEDS, QUICK)
    if options.gradcheck:
        return gradcheck.verdict(opponents.gradient_errors())
    if options.evaluate:
        return evaluate(options)
    if options.study:
        return study.run(options)
    return headline(options)


if __name__ == "__main__":
    sys.exit(run(main))
