"""Training a tanh-RNN by plain SGD, by Adam, or by steps that know nothing of the task.

The task is "the first symbol is the answer, a lag later" (common/tasks/first_symbol.py), or its relatives
below. All networks of a call stand side by side on the axis N. One that reaches the goal on its
validation sequences leaves the others; N together get the numbers that each gets alone (equal seeds
get equal sequences).
"""

from typing import NamedTuple

import numpy as np
from common import gradcheck
from common.layers import accuracy, softmax_cross_entropy
from common.networks import Network, Run, chosen, stack
from common.optimizers import SGD, Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import stream, streams
from common.tasks.first_symbol import alphabet, sequences

CLIP = 1.0                                   # global norm of each network's gradient
GOAL = 0.99                                  # validation accuracy at which a network is done
SOLVED = 0.95                                # test accuracy from which a seed counts as solved, as everywhere here
VALIDATION, TEST = 256, 2000                 # sequences
EVERY, GROWTH = 64, 1.1                      # sequences to the first look; each next one after a tenth more
SIGNS = 3                                    # of two-sequence: its first inputs, all alike
BLOCK = 2048                                 # sequences drawn at a time
STD = 0.1                                    # of the initial weights: with 16 units the spectral radius is about 0.4
STARTS = {"plain": "normal", "orthogonal": "orthogonal"}         # recurrent weights; orthogonal: spectral radius 1
LABEL = {"plain": "plain start", "orthogonal": "orthogonal start"}


class Task(NamedTuple):
    """A first-symbol task of some form and number of symbols, or, without symbols, two-sequence or the marked bit."""
    label: str
    symbols: int = 2
    form: str = "random"

    @property
    def chance(self):
        return 1 / max(self.symbols, 2)

    @property
    def reals(self):
        """Real inputs of a step."""
        if self.symbols:
            return 0
        return 2 if self.form == "marked" else 1

    def steps(self, lag):
        """Length of a sequence: two-sequence counts its lag from the last of its signs."""
        return lag + 1 if self.symbols or self.form == "marked" else lag + SIGNS

    def network(self, units):
        if not self.symbols:
            return Network(units, classes=2, reals=self.reals)
        return Network(units, classes=self.symbols, symbols=alphabet(self.form, self.symbols))

    def sequences(self, rng, B, lag):
        """Symbols (steps, B), or reals (steps, reals, B), and answers (B,)."""
        if self.symbols:
            return sequences(rng, B, lag, self.symbols, self.form)
        if self.form == "marked":
            return marked_bit(rng, B, lag)
        return two_sequence(rng, B, lag)


def two_sequence(rng, B, lag, signs=SIGNS, noise=0.2):
    """The sign of the first three inputs is asked for `lag` steps after the last of them; the rest is noise.

    (Bengio, Simard & Frasconi 1994; Hochreiter & Schmidhuber 1997, task 3a, with noise of standard deviation 0.2.)
    returns  reals (lag + signs, 1, B), answers (B,)
    """
    x, answers = rng.normal(0, noise, (lag + signs, 1, B)).astype(np.float32), rng.integers(0, 2, B)
    x[:signs] = 2 * answers - 1
    return x, answers


def marked_bit(rng, B, lag, places=3):
    """Every step brings a bit, one of the first three carries a mark; the marked bit is asked for after the last step.

    (In the parent's studies the mark stands at one of the first ten steps. `lag` counts from the first step.)
    returns  reals (lag + 1, 2, B): the bit as -1 or 1, the mark as 0 or 1; answers (B,), the marked bit
    """
    bits, at, column = rng.integers(0, 2, (lag + 1, B)), rng.integers(0, places, B), np.arange(B)
    x = np.zeros((lag + 1, 2, B), np.float32)
    x[:, 0] = 2 * bits - 1
    x[at, 1, column] = 1
    return x, bits[at, column]


FIRST = Task("first of 2 symbols, random filler")
MARKED = Task("marked bit, at one of the first three steps", 0, "marked")


def start(kind, seed, net, dtype=np.float32):
    """The parameters of one network; kind "plain" or "orthogonal"."""
    return net.init(stream(seed, f"init {kind}"), STD, STARTS[kind], dtype=dtype)


def multiply_adds(units, lag, task=FIRST):
    """Multiplications with addition that training on one sequence takes: all products and the readout.

    Each weight takes part three times a step: forward, in the error that goes back, in its gradient; those of
    real inputs twice, because no error goes on to the inputs. Looking up a symbol multiplies nothing; elementwise
    work is not counted.
    """
    return task.steps(lag) * units * (3 * units + 2 * task.reals) + 3 * max(task.symbols, 2) * units


# ---------------------------------------------------------------- sequences

def labelled(task, seeds, purpose, B, lag):
    """One set for each network: inputs (T, N, [1,] B) and answers (N, B)."""
    drawn = [task.sequences(rng, B, lag) for rng in streams(seeds, purpose)]
    return np.stack([x for x, _ in drawn], axis=1), np.stack([answers for _, answers in drawn])


class Batches:
    """Training sequences without end: equal for equal seeds, whatever other seeds there are.

    random_labels   answers that have nothing to do with the sequences
    """

    def __init__(self, task, seeds, B, lag, random_labels=False):
        self.task, self.seeds, self.B, self.lag = task, np.asarray(seeds), B, lag
        self.rngs = {seed: stream(seed, "train") for seed in dict.fromkeys(seeds)}
        self.coins = {seed: stream(seed, "random labels") for seed in self.rngs} if random_labels else None
        self.updates, self.row = max(1, BLOCK // B), np.zeros(len(self.seeds), int)
        self.at = self.updates

    def next(self):
        """Inputs (T, N, [1,] B), answers (N, B)."""
        if self.at == self.updates:
            self._draw()
        here = slice(self.at * self.B, (self.at + 1) * self.B)
        self.at += 1
        return self.x[:, self.row, ..., here], self.answers[self.row, here]

    def _draw(self):
        kept = list(dict.fromkeys(self.seeds.tolist()))
        drawn = [self.task.sequences(self.rngs[seed], self.updates * self.B, self.lag) for seed in kept]
        self.x, self.answers = np.stack([x for x, _ in drawn], axis=1), np.stack([a for _, a in drawn])
        if self.coins:
            self.answers = np.stack([self.coins[seed].integers(0, max(self.task.symbols, 2), self.answers.shape[1])
                                     for seed in kept])
        self.row, self.at = np.array([kept.index(seed) for seed in self.seeds.tolist()]), 0

    def keep(self, stay):
        """Go on with some of the networks only; `stay` (N,) bool."""
        self.seeds, self.row = self.seeds[stay], self.row[stay]


# ---------------------------------------------------------------- optimisers

class NormalisedSGD(SGD):
    """Plain SGD on gradients that are all brought to one size: the root mean square of all weights' steps is `lr`."""

    def step(self, gradients, lr):
        squares = sum(np.einsum("ni,ni->n", g, g) for g in (g.reshape(len(g), -1) for g in gradients.values()))
        count = sum(g[0].size for g in gradients.values())
        size = np.sqrt(squares / count)
        super().step(gradients, np.where(size > 0, lr / np.where(size > 0, size, 1), 0))


class SignSGD(SGD):
    """Every weight moves by `lr` against the sign of its own gradient: Adam without any memory."""

    def step(self, gradients, lr):
        super().step({name: np.sign(g) for name, g in gradients.items()}, lr)


OPTIMIZERS = {"sgd": SGD, "adam": Adam, "normalised": NormalisedSGD, "sign": SignSGD}


def without(optimizer, stay):
    """The optimiser of those networks that stay, with its memory of their gradients."""
    left = object.__new__(type(optimizer))
    for name, value in vars(optimizer).items():
        setattr(left, name, chosen(value, stay) if isinstance(value, dict) else value)
    return left


# ---------------------------------------------------------------- training

class Recipe(NamedTuple):
    """How a call trains. What the study `mechanism` changes has a default."""
    optimizer: str
    batch: int
    eps: float = 1e-8                        # Adam's
    frozen: tuple = ()                       # parameters that stay as they start
    noise: tuple = ()                        # parameters whose gradient is replaced by Gaussian noise
    random_labels: bool = False
    steps: int = 0                           # through which the error goes back; 0: all
    held: bool = False                       # the spectral radius of W never exceeds that of the start


class Trained(NamedTuple):
    """What came out, network by network (axis N)."""
    p: dict                                  # {name: (N, ...)} where each network stopped
    sequences: np.ndarray                    # (N,) training sequences until GOAL; nan: not reached (censored)
    looks: np.ndarray                        # (L,) after how many sequences the networks were looked at
    curve: np.ndarray                        # (L, N) validation accuracy; the last value stays
    loss: np.ndarray                         # (N,) validation loss at the last look; inf: diverged
    watched: dict                            # {what: (L, N, ...)} what `watch` returned; nan after a network left


def train(task, net, p, seeds, rates, lag, recipe, budget, goal=GOAL, watch=None, tell=None, every=EVERY,
          growth=GROWTH):
    """Train the networks p (axis N): seeds[n] draws the sequences of network n, rates[n] is its rate.

    p        start values; they are left as they are
    budget   training sequences of each network at most
    watch    function (p, n) -> {what: (n, ...)}, called at every look with the networks still training
    tell     function (sequences, accuracies), called at every look
    every    sequences to the first look and at least between looks; `growth`: the factor from one to the next
    """
    p, N = {name: a.copy() for name, a in p.items()}, len(seeds)
    x_check, c_check = labelled(task, seeds, "validation", VALIDATION, lag)
    batches, active = Batches(task, seeds, recipe.batch, lag, recipe.random_labels), np.arange(N)
    noise, largest = streams(seeds, "noise"), spectral_radius(p["W"])
    optimizer = OPTIMIZERS[recipe.optimizer](p, **(dict(eps=recipe.eps) if recipe.optimizer == "adam" else {}))
    rates = np.asarray(rates, float)
    done, final = np.full(N, np.nan), {name: a.copy() for name, a in p.items()}
    right, losses, looks, curve, watched = np.zeros(N), np.full(N, np.inf), [], [], []
    updates, look = max(1, budget // recipe.batch), every
    for update in range(updates + 1):
        seen = update * recipe.batch
        if seen >= look or update in (0, updates):
            look = max(look + every, int(look * growth)) if update else look
            right[active], losses[active] = scores(net, p, x_check[:, active], c_check[active])
            looks.append(seen)
            curve.append(right.copy())
            if watch:
                watched.append(spread_out(watch(p, active), active, N))
            if tell:
                tell(seen, right)
            leaving = (right[active] >= goal) | ~np.isfinite(losses[active]) | (update == updates)
            done[active[right[active] >= goal]] = seen
            for name in p:
                final[name][active[leaving]] = p[name][leaving]
            if leaving.all():
                break
            if leaving.any():
                batches.keep(~leaving)
                optimizer, active = without(optimizer, ~leaving), active[~leaving]
                p = optimizer.parameters
        one_update(net, p, *batches.next(), optimizer, rates[active], recipe, [noise[n] for n in active])
        if recipe.held:
            excess = np.maximum(1, spectral_radius(p["W"]) / largest[active])
            p["W"] /= excess[:, None, None].astype(p["W"].dtype)
    return Trained(final, done, np.array(looks), np.array(curve), losses,
                   {what: np.stack([w[what] for w in watched]) for what in (watched[0] if watched else ())})


def one_update(net, p, x, answers, optimizer, rates, recipe, noise):
    """One step of the optimiser on one batch for every network; `noise`, a generator for each."""
    with np.errstate(over="ignore", invalid="ignore"):       # a rate that diverges is a result of that rate
        g = gradients(net, p, x, answers, recipe.steps)
        clip_by_global_norm(g, CLIP, networks=True)
        for name in recipe.frozen:
            g[name][...] = 0
        for name in recipe.noise:
            g[name][...] = np.stack([rng.standard_normal(g[name].shape[1:]) for rng in noise])
        optimizer.step(g, rates)


def gradients(net, p, x, answers, steps=0):
    """{name: gradient} of the answer's loss; its error goes back through the last `steps` steps, 0: through all."""
    if not steps:
        return net.gradients_at_end(p, x, answers)[1]
    last = Run(*[net.forward(p, x).y[-steps - 1:]] * 2)
    _, dlogits = softmax_cross_entropy(net.logits(p, last.y[-1]), answers)
    readout, dy = net.backward_readout(p, last, dlogits[None], steps)
    return {**net.backward(p, x[-steps:], last, dy)[0], **readout}


def spread_out(values, active, N):
    """{what: (active, ...)} at their places among all N networks, nan elsewhere."""
    made = {}
    for what, a in values.items():
        made[what] = np.full((N, *a.shape[1:]), np.nan)
        made[what][active] = a
    return made


def scores(net, p, x, answers):
    """Accuracy and loss (N,); the worst there is where a network diverged."""
    with np.errstate(all="ignore"):
        z = net.answer(p, x)
        right, loss = accuracy(z, answers), softmax_cross_entropy(z, answers)[0]
    alive = np.isfinite(z).all((-1, -2))
    return np.where(alive, right, 0), np.where(alive, loss, np.inf)


def test(task, net, p, seeds, lag):
    """Accuracy (N,) on fresh sequences of each network's own test stream."""
    return scores(net, p, *labelled(task, seeds, "test", TEST, lag))[0]


def race(task, curve, seeds, lag, budget, units):
    """The `finals` of a curve's recipe (compute.Curve: start, optimizer, rate, batch), all seeds side by side."""
    net = task.network(units)
    p = stack([start(curve.start, seed, net) for seed in seeds])
    progress = Progress(f"{task.label[:12]}, {curve.label}, lag {lag}", budget)
    made = train(task, net, p, seeds, np.full(len(seeds), curve.rate), lag, Recipe(curve.optimizer, curve.batch),
                 budget, tell=lambda seen, right: progress.update(seen, solved=(right >= GOAL).sum()))
    progress.close()
    return finals(task, units, lag, made.sequences, test(task, net, made.p, seeds, lag))


def finals(task, units, lag, sequences, scores):
    """[{sequences, multiply_adds, accuracy}] of every network: its cost, None if it is censored, and its test."""
    made = []
    for needed, score in zip(sequences.tolist(), scores.tolist()):
        solved = bool(np.isfinite(needed) and score >= SOLVED)
        made.append(dict(sequences=needed if solved else None, accuracy=score,
                         multiply_adds=needed * multiply_adds(units, lag, task) if solved else None))
    return made


# ---------------------------------------------------------------- what a network is like

def spectral_radius(W):
    """(N,) largest modulus of the eigenvalues of W (N, H, H)."""
    return np.abs(np.linalg.eigvals(W.astype(np.float64))).max(-1)


def error_flow(net, p, x, answers, over=np.median):
    """log10 of the length of the answer's error at the states, (steps back, N): `over` the sequences.

    Row q is the error q steps before the last state, absolute, in float64; row lag + 1 is that of the initial state.
    """
    p = {name: a.astype(np.float64) for name, a in p.items()}
    run = net.forward(p, x)
    dlogits = softmax_cross_entropy(net.logits(p, run.y[-1]), answers)[1] * x.shape[-1]      # of each sequence's loss
    _, dy = net.backward_readout(p, run, dlogits[None], len(run.y) - 1)
    size = np.linalg.norm(net.backward(p, x, run, dy)[1].h, axis=-2)
    return np.log10(np.maximum(over(size, axis=-1), 1e-320))[::-1]


def decodable(net, p, x, answers):
    """(N,) accuracy of the best linear readout of the last state: least squares on one half, scored on the other.

    Says whether the state still holds the answer, whatever the network's own readout makes of it.
    """
    state = net.read(net.forward(p, x).y[-1]).astype(np.float64)
    state = np.concatenate([state, np.ones_like(state[:, :1])], axis=1)
    half, target = x.shape[-1] // 2, np.eye(net.classes)[answers]                        # (N, B, K)
    found = np.zeros(len(answers))
    for n in range(len(answers)):
        if np.isfinite(state[n]).all():
            readout = np.linalg.lstsq(state[n, :, :half].T, target[n, :half], rcond=1e-6)[0]
            found[n] = ((state[n, :, half:].T @ readout).argmax(-1) == answers[n, half:]).mean()
    return found


TASKS = {"first": FIRST, "eight": Task("first of 8 symbols, random filler", 8),
         "alike": Task("first of 2 symbols, filler of the same symbols", 2, "alike"),
         "cycle": Task("first of 2 symbols, filler in turn", 2, "cycle"),
         "two_sequence": Task("two-sequence: sign of the first three inputs, then noise", 0)}


def gradient_errors(units):
    """{what: relative error} of every trained loss, float64, two networks at once, both starts."""
    errors = {}
    for task in (*TASKS.values(), MARKED):
        for kind in STARTS:
            rng, net = stream(0, f"gradcheck {kind}"), task.network(units)
            p = stack([start(kind, seed, net, np.float64) for seed in (0, 1)])
            x, answers = labelled(task, [0, 1], "gradcheck", 3, 8)
            x = x if task.symbols else x.astype(np.float64)
            loss = lambda: float(net.gradients_at_end(p, x, answers)[0].sum())
            errors[f"{task.label}, {kind}"[:60]] = gradcheck.largest_error(
                loss, p, net.gradients_at_end(p, x, answers)[1], rng)
    return errors
