"""One game of suite.py, one length, one seed: what each way of training a recurrent network makes of it.

    SMT               residual MLP; an encoder teaches the updates (training.train_smt); on the sphere DMT follows
    self-prediction   residual MLP, bits; no teacher, gradients cross one update (self_prediction.py)
    BPTT, MLP         residual MLP on the sphere, unrolled
    BPTT, GRU         a GRU with an ordinary, free memory, unrolled
    Transformer       attention over the whole past, no memory at all

All see the same number of sequences, BATCH * UPDATES (DMT's are some of SMT's), unless a Teaching says `longer`.
What a method can be given is a Teaching for SMT and the Transformer, a factorial.Setting for the others.
"""

import time
from functools import partial
from typing import NamedTuple

import numpy as np

from common.networks import best_rate
from common.progress import Diverged
from common.randomness import stream
from smt import comparison, factorial, work
from smt.factorial import BITS, BPTT, FREE, SELF, SMT, SPHERE, Cell, Setting
from smt.layers import cross_entropy
from smt.losses import Weights, bptt_loss, dmt_loss, draw_choices, smt_loss
from smt.model import CausalEncoder, Network, RegisterEncoder, ScratchEncoder, Teacher, TransformerBaseline
from smt.self_prediction import draw_places, roll, self_prediction_loss
from smt.suite import SOLVED, SUITE, ideal_accuracy, table_accuracy
from smt.training import (Recipe, decoder_accuracy, encoder_accuracy, rollout_scores, train_bptt, train_dmt, train_smt,
                          train_transformer, transformer_accuracy, transformer_loss)

MLP, GRU, TRANSFORMER = "BPTT, MLP", "BPTT, GRU", "Transformer"
CELLS = {SMT: Cell(SMT, SPHERE, "residual MLP"), SELF: Cell(SELF, BITS, "residual MLP"),
         MLP: Cell(BPTT, SPHERE, "residual MLP"), GRU: Cell(BPTT, FREE, "GRU")}
BATCH, UPDATES = 32, 400
DELAY, RATE = 100, 2e-3                         # of SMT: the update at which the dynamics begin, the teacher's rate
DYNAMICS = 3.0                                  # of SMT: the weight of the dynamics loss
COUNTED = 8                                     # updates whose multiply-adds are counted (what is asked is drawn)


class Teaching(NamedTuple):
    """How SMT is taught.

    memory      SPHERE or BITS
    uniformity  weight of L_unif
    faster      the RNN's rate over the teacher's
    at_once     the dynamics loss is on from the first update, else from update DELAY
    tokens      K, as how many tokens the decoder reads the memory
    depth       blocks of the encoder
    heads       attention heads of encoder and decoder
    pulled      share of the updates that are DMT's
    longer      so many times as many updates, and sequences, as all others have
    registers   learned tokens of the encoder's own behind every token, where the memory is read (0: at the token)
    scratch     learned tokens in front of every sequence, where nothing is read
    divisor     of the batch; the number of updates is multiplied by it, the sequences stay the same
    """
    memory: str = SPHERE
    uniformity: float = 0.2
    faster: float = 1.0
    at_once: bool = False
    tokens: int = 1
    depth: int = 2
    heads: int = 1
    pulled: float = 0.2
    longer: int = 1
    registers: int = 0
    scratch: int = 0
    divisor: int = 1


def updates(c, share=1.0):
    return max(2, round(UPDATES * c.scale * share))


# ---------------------------------------------------------------- training

def play(c, seed, game, length, method, option):
    """Everything measured of one method: accuracies on validation and test sequences, the ceiling of the latter,
    updates, sequences, seconds.

    A run that diverges has accuracy 0 and infinite validation loss.
    """
    x, y = test_of(c, seed, game, length)
    ceiling = ideal_accuracy(game, x)
    try:
        answers, took = WAYS[method](c, seed, game, length, option)
    except Diverged:
        return {"accuracy": 0.0, "validation": 0.0, "loss": np.inf, "ceiling": ceiling, "diverged": True}
    score, loss = answers(*game.draw(stream(seed, "validation"), min(c.test, 256), length))
    return {"accuracy": answers(x, y)[0], "validation": score, "loss": loss, "ceiling": ceiling, **took}


def test_of(c, seed, game, length):
    return game.draw(stream(seed, "test"), c.test, length)


def by_smt(c, seed, game, length, teaching):
    """SMT, then DMT where the memory is continuous. Also measured: what the teacher itself knows."""
    setting = Setting(RATE, faster=teaching.faster)
    rnn = network(c, seed, game, length, CELLS[SMT]._replace(memory=teaching.memory), setting)
    teacher = teacher_of(c, seed, game, rnn.memory, teaching)
    phase, pulled = plan_of(c, length, teaching)
    rng, weights = stream(seed, "train"), Weights(DYNAMICS, teaching.uniformity)
    took = train_smt(teacher, rnn, game.draw, rng,
                     Recipe((phase,), weights, RATE, start=first_dynamics(c, teaching), faster=teaching.faster))
    x, y = test_of(c, seed, game, length)
    found = {"before DMT": rollout_scores(rnn, x, y)["accuracy"], "seconds": took["seconds"]}
    if pulled:
        found["seconds"] += train_dmt(teacher, rnn, game.draw, rng, length, phase[1], pulled)["seconds"]
    drift = rollout_scores(rnn, x, y, teacher.encoder.forward(x)[0])["drift"].mean()
    found |= {"encoder": encoder_accuracy(teacher, rnn, x, y), "drift": drift,
              "held": decoder_accuracy(teacher, x, y, game.cut(length)),
              "held at most": ideal_accuracy(game, x, game.cut(length))}
    return scorer(rnn), {**found, **spent(c, teaching.longer, teaching.divisor)}


def plan_of(c, length, teaching):
    """SMT's phase (length, batch, updates), and the updates of DMT that follow it."""
    times, batch = teaching.longer * teaching.divisor, BATCH // teaching.divisor
    pulled = updates(c, times * teaching.pulled) if teaching.memory == SPHERE else 0
    return (length, batch, updates(c, times) - pulled), pulled


def first_dynamics(c, teaching):
    """The update from which the dynamics loss is on."""
    return 0 if teaching.at_once else updates(c, teaching.divisor * DELAY / UPDATES)


def teacher_of(c, seed, game, memory, teaching):
    """A fresh teacher."""
    kinds = {CausalEncoder: 0, RegisterEncoder: teaching.registers, ScratchEncoder: teaching.scratch}
    encoder = max(kinds, key=kinds.get)
    options = {"count": kinds[encoder]} if kinds[encoder] else {}
    return Teacher(stream(seed, "init teacher"), game.vocabulary, memory, width=c.width, tokens=teaching.tokens,
                   encoder_depth=teaching.depth, heads=teaching.heads, encoder=encoder, **options)


def by_self_prediction(c, seed, game, length, setting):
    rnn = network(c, seed, game, length, CELLS[SELF], setting)
    phase = length, BATCH, updates(c)
    took = factorial.by_self_prediction(c, seed, rnn, game.draw, phase, setting.lr, stream(seed, "train"))
    return scorer(rnn), {**spent(c), "seconds": took["seconds"]}


def by_bptt(c, seed, game, length, setting, method):
    rnn = network(c, seed, game, length, CELLS[method], setting)
    plan = comparison.divided(((length, BATCH, updates(c)),), setting.divisor)
    took = train_bptt(rnn, game.draw, stream(seed, "train"), plan, setting.lr)
    return scorer(rnn), {**spent(c), "updates": len(took["loss"]), "seconds": took["seconds"]}


def by_transformer(c, seed, game, length, teaching):
    """The teacher's encoder by itself: it answers directly, without a memory between."""
    baseline = TransformerBaseline(stream(seed, "init"), game.vocabulary, c.width, teaching.depth, teaching.heads)
    whole, started = Network({"transformer": baseline}), time.process_time()
    plan = ((length, BATCH, updates(c)),)
    train_transformer(whole, baseline, game.draw, stream(seed, "train"), plan, RATE)
    return (lambda x, y: transformer_scores(baseline, x, y)), {**spent(c), "seconds": time.process_time() - started}


WAYS = {SMT: by_smt, SELF: by_self_prediction, MLP: partial(by_bptt, method=MLP), GRU: partial(by_bptt, method=GRU),
        TRANSFORMER: by_transformer}


def network(c, seed, game, length, cell, setting):
    return factorial.network(c, seed, cell, setting, length, game.vocabulary)


def spent(c, share=1, divisor=1):
    made = updates(c, share * divisor)
    return {"updates": made, "sequences": BATCH // divisor * made}


def scorer(rnn):
    """(x, y) -> accuracy and loss of the network on its own memory."""
    def scores(x, y):
        found = rollout_scores(rnn, x, y)
        return found["accuracy"], found["loss"]
    return scores


def transformer_scores(baseline, x, y):
    logits = baseline.forward(x)[0]
    return transformer_accuracy(baseline, x, y), cross_entropy(logits, y)[0]


# ---------------------------------------------------------------- what a training costs

def multiply_adds(c, game, length, method, option):
    """Multiply-adds of a whole training: the mean of some counted updates (work.py) times their number."""
    rng = stream(900, "work")
    return WORKS[method](c, game, length, option, lambda: game.draw(rng, BATCH, length), rng)


def drawn(c):
    """So many updates are counted."""
    return max(1, round(COUNTED * min(c.scale, 1)))


def work_of_smt(c, game, length, teaching, _draw, rng):
    """SMT, its first updates without the dynamics loss, then DMT."""
    rnn = network(c, 900, game, length, CELLS[SMT]._replace(memory=teaching.memory), Setting(RATE))
    teacher = teacher_of(c, 900, game, rnn.memory, teaching)
    (_, batch, several), pulled = plan_of(c, length, teaching)

    def smt(dynamics):
        x, y = game.draw(rng, batch, length)
        choices = draw_choices(rng, *x.shape, rnn.memory)
        smt_loss(teacher, rnn, x, y, choices, Weights(dynamics, teaching.uniformity))

    def dmt():
        x, y = game.draw(rng, batch, length)
        dmt_loss(rnn, teacher.encoder.forward(x)[0], x, y, length)

    without = min(first_dynamics(c, teaching), several)
    made = ((pulled, dmt), (without, lambda: smt(0.0)), (several - without, lambda: smt(DYNAMICS)))
    return sum(count * work.of_update((teacher, rnn), update, drawn(c)) for count, update in made if count)


def work_of_self_prediction(c, game, length, setting, draw, rng):
    """As if L_dyn were on from the first update: when it begins depends on the run."""
    rnn = network(c, 900, game, length, CELLS[SELF], setting)
    predictor, recipe = factorial.predictor_and_recipe(c, 900, rnn, length, updates(c), setting.lr)

    def update():
        x, y = draw()
        places = draw_places(rng, y, recipe.places, rnn.memory, disturbed=True)
        self_prediction_loss(rnn, predictor, roll(rnn, x), x, y, places, recipe.horizon, recipe.dynamics)
    return updates(c) * work.of_update((rnn, predictor), update, drawn(c))


def work_of_bptt(c, game, length, setting, draw, _rng, method):
    """The same for smaller batches: there are as many sequences."""
    rnn = network(c, 900, game, length, CELLS[method], setting)
    return updates(c) * work.of_update((rnn,), lambda: bptt_loss(rnn, *draw()))


def work_of_transformer(c, game, length, teaching, draw, _rng):
    baseline = TransformerBaseline(stream(900, "init"), game.vocabulary, c.width, teaching.depth, teaching.heads)
    whole = Network({"transformer": baseline})
    return updates(c) * work.of_update((whole,), lambda: transformer_loss(whole, baseline, *draw()))


WORKS = {SMT: work_of_smt, SELF: work_of_self_prediction, MLP: partial(work_of_bptt, method=MLP),
         GRU: partial(work_of_bptt, method=GRU), TRANSFORMER: work_of_transformer}


# ---------------------------------------------------------------- without learning

def without_learning(c, seed, game, length):
    """The ceiling, chance, tables of the most recent tokens, untrained networks."""
    seen, test = game.draw(stream(seed, "train"), 8 * c.test, length), test_of(c, seed, game, length)
    rnn = network(c, seed, game, length, CELLS[SMT], Setting(0.0))
    teacher = Teacher(stream(seed, "init teacher"), game.vocabulary, rnn.memory, width=c.width)
    tables = {name: table_accuracy(game, seen, test, last) for last, name in enumerate(TABLES)}
    return {"ceiling": ideal_accuracy(game, test[0]), "chance": game.chance, **tables,
            "untrained encoder": encoder_accuracy(teacher, rnn, *test),
            "untrained RNN": rollout_scores(rnn, *test)["accuracy"]}


TABLES = ("most frequent answer", "table of the last token", "table of the last two")


# ---------------------------------------------------------------- choosing

def is_solved(leaves):
    """The mean accuracy is SOLVED of the mean ceiling."""
    accuracy, ceiling = (np.mean([leaf[what] for leaf in leaves]) for what in ("accuracy", "ceiling"))
    return accuracy >= SOLVED * ceiling


def label(setting):
    return f"rate {setting.lr:g}" + (f", batch {BATCH // setting.divisor}" if setting.divisor > 1 else "")


def choose(c, name, method, length, options, choosing, part):
    """All on the first choosing seed, the best two on the others; the best mean of these is chosen."""
    if len(options) == 1:
        (only, option), = options.items()
        return {"option": option, "chosen": only, "tried": {}}
    tried = {}
    trial = lambda what, seed: part(f"choose {name} {method} {what} {seed}",
                                    lambda: play(c, seed, SUITE[name], length, method, options[what]))
    for extension in range(2):
        tried |= {what: [trial(what, choosing[0])] for what in options if what not in tried}
        leaders = sorted(tried, key=lambda what: (-tried[what][0]["validation"], tried[what][0]["loss"]))[:2]
        for what in leaders:
            tried[what] = tried[what][:1] + [trial(what, seed) for seed in choosing[1:]]
        best = leaders[mean_best([tried[what] for what in leaders])]
        if extension or method not in (MLP, GRU) or is_solved(tried[best]):
            break
        options = options | {label(each): each for each in beyond(options, options[best])}
    return {"option": options[best], "chosen": best,
            "tried": {what: [leaf["validation"] for leaf in leaves] for what, leaves in tried.items()}}


def mean_best(several):
    mean = lambda what: [np.mean([leaf[what] for leaf in leaves]) for leaves in several]
    return int(best_rate(mean("validation"), mean("loss")))


def beyond(options, top):
    """The settings with the rate that follows, where the best one is at the edge."""
    rates = [each.lr for each in options.values() if each._replace(lr=top.lr) == top]
    ends = ((min(rates), 1 / 3), (max(rates), 3))
    return [top._replace(lr=float(f"{rate * factor:.1g}")) for rate, factor in ends if rate == top.lr]
