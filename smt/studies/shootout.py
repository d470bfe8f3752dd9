"""Over which lags do SMT, its bits, a Transformer and self-prediction keep the first of eight symbols?

This room's part of the shootout (vanishing_gradient/shootout/): the first symbol is the answer, distractors
follow. SMT trains the residual MLP with 64 numbers on the sphere, or 64 bits, by the recipe of the study
`grid`; its decoder sees the inputs that are left. The Transformer has no memory: it reads all symbols at once.
Self-prediction has bits and no teacher. The RNN is always scored on its own memory: training ends with 99 % of
256 validation sequences, then come 1,000 fresh ones. Attention costs the square of the lag, so the budget is
100,000 sequences or 8 million symbols, whichever is fewer: from lag 100 on less than the networks trained by
gradients have. What is unsolved then was stopped for its time; it has not failed. For the same reason SMT and
the Transformer end at lag 300, self-prediction at 30. An update has 64 sequences at lag 10, 16 beyond. A seed
ends after two lags unsolved. Rates (0.002 and 0.004), batches (8 to 64) and the ramp were looked at with seeds
900 and 901. Bits that solve a lag are enumerated: are they right at every lag from there on? The networks of
lag 100 are also asked later, without training.
That SMT does not feel the lag would be refuted by a number of sequences that grows with it.
"""

import time
from typing import NamedTuple

import numpy as np

from common import results, tables
from common.randomness import stream
from common.tasks.first_symbol import FILLER, TITLES, sequences
from common.tasks.lags import SOLVED, along, lags_run, measured, solved
from smt import players
from smt.certificate import certify
from smt.losses import Weights
from smt.memory import BinaryMemory, SphereMemory
from smt.model import RNN, Network, Teacher, TransformerBaseline
from smt.self_prediction import Predictor, descend, train_self_prediction
from smt.self_prediction import Recipe as SelfRecipe
from smt.tasks import NO_TARGET, Moves
from smt.training import Recipe, set_start, train_smt, transformer_loss

SEEDS, MINUTES = range(100, 108), 50
USES = ("size", "hidden", "width", "heads")
QUICK = dict(size=16, hidden=16, width=16, lags=(4, 6), batches=(16, 16), budget=400, longest=(6, 6, 6, 4), at=4,
             later=(4, 40))
K, FORM, RATE = 8, "random", 2e-3
GOAL = 0.99
VALIDATION, TESTED, EVERY, GROWTH = 256, 1000, 20, 1.1
NAMES = {"smt": "SMT, continuous memory", "binary": "SMT, binary memory", "transformer": "Transformer",
         "self": "self-prediction, binary memory"}
TOGETHER, FEW = 32, 8                        # sequences asked later; beyond lag 100,000
LATEST = {"smt": 10_000, "binary": 10_000, "transformer": 1000, "self": 10_000}  # where nothing is enumerated


def run(config, seeds, part, lags=(10, 30, 100, 300), batches=(64, 16, 16, 16), budget=100_000, steps=8_000_000,
        longest=(300, 300, 300, 30), at=100, later=(100, 1000, 10_000, 100_000, 1_000_000)):
    """longest: of each method of NAMES, its longest lag; later: the lags at which the networks trained at lag `at` are
    asked."""
    for seed in seeds:
        final = {FORM: {}, "later": {}}
        for name, last in zip(NAMES, longest):
            def row_of(lag, name=name):
                B, most = batches[lags.index(lag)], min(budget, steps // (lag + 1))
                return part(f"{name} {lag} {seed}",
                            lambda: at_lag(config, seed, name, lag, B, most, later if lag == at else ()))

            final[FORM][name] = along([lag for lag in lags if lag <= last], row_of)
            for row in final[FORM][name].values():
                if "later" in row:
                    final["later"][name] = row.pop("later")
        yield results.entry(seed, final, seconds=sum(row["seconds"] for rows in final[FORM].values()
                                                     for row in rows.values()))


def at_lag(config, seed, name, lag, B, budget, later):
    """Train one method at one lag: what came out and what it took; what is asked later, without training."""
    started, look = time.process_time(), Looks(seed, lag)
    trained = METHODS[name](config, seed, lag, B, max(2, budget // B), look)
    seen = float(trained.updates * B)
    row = dict(sequences=seen if look.right >= GOAL else None, seen=seen, updates=trained.updates,
               multiply_adds=float(trained.multiply_adds),
               accuracy=players.play(trained.player, *task(stream(seed, f"test {lag}"), TESTED, lag + 1)),
               seconds=time.process_time() - started)
    if name in ("binary", "self") and row["accuracy"] >= SOLVED:
        proof = certify(trained.rnn.step, trained.rnn.answer, trained.rnn.initial(1)[0], FirstSymbolMachine(lag),
                        limit=20_000)
        row |= {"certified": proof.certified, "codes": len(proof.codes) if proof.closed else None}
        trained = trained._replace(player=players.machine_stepper(proof) if proof.closed else trained.player)
    if later and row["accuracy"] >= SOLVED:
        row["later"] = {str(other): asked_at(trained.player, seed, other) for other in later
                        if other <= LATEST[name] or row.get("codes")}
    return row


def asked_at(player, seed, lag):
    """Accuracy at a lag that was not trained."""
    return players.play(player, *task(stream(seed, f"later {lag}"), TOGETHER if lag <= 100_000 else FEW, lag + 1))


def task(rng, batch, length):
    """First symbol, distractors: x, y (B, lag + 1) as the tasks of this room; the answer is asked at the end only."""
    x, answers = sequences(rng, batch, length - 1, K, FORM)
    y = np.full((batch, length), NO_TARGET)
    y[:, -1] = answers
    return np.ascontiguousarray(x.T).astype(np.int64), y


class Looks:
    """Validation after 20 updates, then after a tenth more each time; True where the goal is reached."""

    def __init__(self, seed, lag):
        self.sequences = task(stream(seed, f"validation {lag}"), VALIDATION, lag + 1)
        self.next, self.right = EVERY, 0.0

    def __call__(self, step, player, last):
        if step < self.next and step < last:
            return False
        self.next = max(step + EVERY, int(step * GROWTH))
        self.right = players.play(player(), *self.sequences)
        return self.right >= GOAL


# ---------------------------------------------------------------- the methods

class Trained(NamedTuple):
    player: object               # players.py
    updates: int
    multiply_adds: float
    rnn: object = None


def by_smt(config, seed, lag, B, updates, look, memory, uniformity):
    """SMT with the recipe of the study `grid`: the RNN three times as fast as its teacher."""
    rng = stream(seed, "init")
    teacher = Teacher(rng, K + FILLER, memory, width=config.width, heads=config.heads)
    rnn = RNN(rng, K + FILLER, memory, hidden=config.hidden)

    def player():
        set_start(teacher, rnn)
        return players.stepper(rnn)

    recipe = Recipe(((lag + 1, B, updates),), Weights(dynamics=3.0, uniformity=uniformity), RATE, ramp=100, faster=3.0,
                    groups=4 if B > 8 else 2)
    made = train_smt(teacher, rnn, task, stream(seed, f"train {lag}"), recipe,
                     watch=lambda step: look(step, player, updates))
    done = len(made["dec"])
    T = lag + 1
    with_dynamics = done - (done if made["on"] is None else made["on"])
    work = done * B * (products(teacher.encoder, [T + 1]) + products(teacher.decoder, range(1, T + 2)))
    return Trained(player(), done, work + with_dynamics * B * T * 3 * weights(rnn.updater), rnn)


def by_sphere(config, *rest):
    return by_smt(config, *rest, SphereMemory(config.size, noise=0.15), 0.02)


def by_bits(config, *rest):
    return by_smt(config, *rest, BinaryMemory(config.size, noise=0.02), 0.05)


def by_transformer(config, seed, lag, B, updates, look):
    baseline = TransformerBaseline(stream(seed, "init"), K + FILLER, config.width, heads=config.heads)
    network, rng = Network({"baseline": baseline}), stream(seed, f"train {lag}")
    player = reader(baseline)
    done = descend({"network": network}, lambda step: transformer_loss(network, baseline, *task(rng, B, lag + 1)),
                   updates, RATE, lambda step: look(step, lambda: player, updates))
    return Trained(player, done, done * B * products(baseline, [lag + 1]))


def reader(baseline, chunk=32):
    """A player that reads whole sequences, some at a time."""
    def player(x, times):
        logits = [baseline.forward(x[i:i + chunk])[0][:, times] for i in range(0, len(x), chunk)]
        return np.concatenate(logits).argmax(-1).T
    return player


def by_self_prediction(config, seed, lag, B, updates, look):
    """No teacher: each memory is asked for the answer, its gradient crosses one update."""
    rng, T = stream(seed, "init"), lag + 1
    rnn = RNN(rng, K + FILLER, BinaryMemory(config.size, noise=0.02, carry=0.0), hidden=config.hidden)
    predictor = Predictor(rng, K + FILLER, rnn.memory, width=config.width)
    recipe = SelfRecipe(updates=updates, lr=RATE, horizon=T, places=max(32, 2048 // T), threshold=0.3)
    train = stream(seed, f"train {lag}")
    made = train_self_prediction(rnn, predictor, lambda rng: task(rng, B, T), train, recipe,
                                 lambda step: look(step, lambda: players.stepper(rnn), updates))
    rows = B * T + 3 * (B + recipe.places)                   # forward along the sequences, trained: the rows asked
    work = rows * weights(rnn.updater) + recipe.places * products(predictor.decoder, range(1, T + 1))
    return Trained(players.stepper(rnn), made["updates"], made["updates"] * work, rnn)


METHODS = {"smt": by_sphere, "binary": by_bits, "transformer": by_transformer, "self": by_self_prediction}


# ---------------------------------------------------------------- multiplications

def weights(module):
    """Entries of all matrices that multiply every row; a symbol's column is looked up."""
    return sum(np.size(a) for name, a in module.arrays.items() if np.ndim(a) == 2 and name not in ("table", "previous"))


def products(stack, lengths):
    """Multiplications with addition for one sequence through a Transformer stack, the mean over its `lengths`.

    Three for each weight and row, six for each pair of rows, feature and block; elementwise work is not counted.
    """
    lengths = np.array(lengths, float)
    return float(np.mean(3 * lengths * weights(stack) + 6 * stack.depth * stack.width * lengths * lengths))


# ---------------------------------------------------------------- every lag from one on

class FirstSymbolMachine:
    """Every input of the task whose answer is asked at `shortest` steps or later; for certificate.certify.

    keys    0 nothing read, 1 .. K holding that symbol;  debt: distractors still to come before it may be asked
    """
    vocabulary, start, fewest_codes = K + FILLER, (0, 0), K

    def __init__(self, shortest):
        self.shortest, self.scope = shortest, f"every lag from {shortest} on"

    def names(self, keys):
        return ["nothing" if key == 0 else f"holding {key - 1}" for key in keys]

    def moves(self, key, debt):
        first, holding = np.flatnonzero(key == 0), np.flatnonzero(key > 0)
        symbol = np.tile(np.arange(K), len(first))
        begun = Moves(np.repeat(first, K), symbol, symbol + 1, np.full(len(symbol), self.shortest),
                      np.full(len(symbol), NO_TARGET))
        source = np.repeat(holding, FILLER)
        left = np.maximum(debt[source] - 1, 0)
        kept = Moves(source, np.tile(K + np.arange(FILLER), len(holding)), key[source], left,
                     np.where(left == 0, key[source] - 1, NO_TARGET))
        return Moves(*(np.concatenate(columns) for columns in zip(begun, kept)))


# ---------------------------------------------------------------- what it says

def asked(record, name, lag):
    """Accuracy of each seed trained at the lag `at` and asked at another."""
    found = [results.at(run_["final"], "later", name, lag) for run_ in record["runs"]]
    return np.array([v for v in found if v is not None], float)


def checks(record):
    """Bounds fixed before the run."""
    n, lags, later = len(record["runs"]), record["config"]["lags"], max(record["config"]["later"])
    made = []
    for name, lag in (("smt", 30), ("binary", 100), ("transformer", 100), ("binary", 300)):
        if lag in lags:
            k = solved(record, FORM, name, lag)
            made.append(results.check(f"{TITLES[FORM]}, lag {lag}: seeds solved by: {NAMES[name]}", k,
                                      f"at least {n - 2} of {n}", k >= n - 2, interval=tables.wilson(k, n)))
    k = int((asked(record, "binary", later) >= SOLVED).sum())
    made.append(results.check(f"SMT with bits, trained at lag {record['config']['at']}, asked at {later:,}: seeds "
                              "still right", k, f"at least {n - 2} of {n}", k >= n - 2, interval=tables.wilson(k, n)))
    return made


def finding(record):
    n = len(record["runs"])
    reached = {name: [f"{solved(record, FORM, name, lag)} at {lag:,}" for lag in lags_run(record, FORM, name)]
               for name in NAMES}
    said = [f"{NAMES[name]}: {', '.join(found)}" for name, found in reached.items()]
    at, later = record["config"]["at"], max(record["config"]["later"])
    proofs, far = measured(record, FORM, "binary", at, "certified"), asked(record, "binary", later)
    return (f"Seeds of {n} solved within the budget, by lag: {'; '.join(said)}.{grown(record)} Of the networks "
            f"with bits that were trained at lag {at}, {int(proofs.sum())} are proved for every lag from there on; "
            f"{(far >= SOLVED).sum()} of the {len(far)} whose codes could be enumerated are right at {later:,}.")


def grown(record):
    """How much the sequences seen grow from the second lag to the longest one, as a sentence."""
    said = []
    for name in ("smt", "binary", "transformer"):
        lags = lags_run(record, FORM, name)[1:]
        if len(lags) > 1:
            first, last = lags[0], lags[-1]
            few, many = (np.median(measured(record, FORM, name, lag, "seen")) for lag in (first, last))
            said.append(f"{NAMES[name]} {many / few:.1f} times as many")
    return f" Sequences at lag {last}, medians, against lag {first}: {'; '.join(said)}." if said else ""


def table(record):
    rows = [row_of(record, name, lag) for name in NAMES for lag in lags_run(record, FORM, name)]
    header = ["method", "lag", "solved", "chance", "sequences seen, median", "multiply-adds, median",
              "processor seconds a seed", "proved, codes"]
    return {"Trained at each lag": (header, rows), "Asked later": later_table(record)}


def row_of(record, name, lag):
    middle = {what: np.median(measured(record, FORM, name, lag, what)) for what in ("seen", "multiply_adds", "seconds")}
    proofs, codes = measured(record, FORM, name, lag, "certified"), measured(record, FORM, name, lag, "codes")
    proved = f"{int(proofs.sum())} of {len(proofs)}; {codes.min():.0f} to {codes.max():.0f}" if len(codes) else ""
    return [NAMES[name], f"{lag:,}", tables.share(solved(record, FORM, name, lag), len(record["runs"])), f"{1 / K:g}",
            f"{middle['seen']:,.0f}", f"{middle['multiply_adds']:.1e}", f"{middle['seconds']:.0f}", proved]


def later_table(record):
    lags, at = record["config"]["later"], record["config"]["at"]
    rows = [[NAMES[name], *(later_cell(asked(record, name, lag)) for lag in lags)]
            for name in NAMES if any(len(asked(record, name, lag)) for lag in lags)]
    return [f"trained at lag {at}, accuracy at", *(f"lag {lag:,}" for lag in lags)], rows


def later_cell(found):
    return f"{found.mean():.2f} ({found.min():.2f}), {len(found)} networks" if len(found) else "not run"


def figure(record, arrays):
    from common.figures import ROLE, SYMBOL_MARKERS, plt
    fig, ax = plt.subplots(figsize=(8, 4.2))
    for k, (name, label) in enumerate(NAMES.items()):
        lags = lags_run(record, FORM, name)
        seen = [measured(record, FORM, name, lag, "seen") for lag in lags]
        color = ROLE.get(name, "0.4")
        ax.plot(lags, [np.median(s) for s in seen], "-", color=color, linewidth=1.4)
        for lag, each in zip(lags, seen):
            right = measured(record, FORM, name, lag, "accuracy") >= SOLVED
            for open_, chosen in ((False, right), (True, ~right)):
                ax.plot(np.full(chosen.sum(), lag * 1.03 ** (k - 1.5)), each[chosen], SYMBOL_MARKERS[k], color=color,
                        fillstyle="none" if open_ else "full", markersize=7)
        ax.plot([], [], SYMBOL_MARKERS[k], color=color, label=label)
    ax.plot([], [], "o", color="0.3", fillstyle="none", label="unsolved when the budget ended")
    ax.set(xscale="log", yscale="log", xlabel="lag", ylabel="training sequences",
           title=f"{TITLES[FORM].capitalize()}: each of {len(record['runs'])} seeds, and the median")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
