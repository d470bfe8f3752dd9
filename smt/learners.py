"""Six ways to learn an automaton from labelled words, behind one interface.

    learned = LEARNERS["self-prediction"](Lesson(LANGUAGES["parity"], at_end=True), seed=100, budget=Budget())

    self-prediction   bits; gradients cross one update (self_prediction.py)
    BPTT, bits        the same network and bits (straight-through gradient), unrolled
    BPTT, MLP         the same updater with the paper's continuous memory on the sphere, unrolled
    BPTT, GRU         a GRU with chrono initialisation and its ordinary memory, unrolled
    SMT, encoder      bits; the paper's method with its Transformer encoder as teacher
    Transformer       no memory at all

All see the same words (languages.examples): lengths 0 to 16, an answer after every letter or after the last one only.
The two with bits that are not SMT may stop as soon as the network is proved (automata.Prover).
"""

import time
from typing import NamedTuple

import numpy as np

from common.randomness import stream
from smt.automata import Prover
from smt.languages import Language, examples
from smt.losses import Weights, bptt_loss
from smt.memory import BinaryMemory, FreeMemory, SphereMemory
from smt.model import RNN, Network, Teacher, TransformerBaseline
from smt.self_prediction import Predictor, Recipe, descend, roll, train_self_prediction
from smt.training import Recipe as SMTRecipe
from smt.training import train_smt, transformer_loss

SMT_WEIGHTS = Weights(dynamics=3.0, uniformity=0.05)        # the main experiment's, for its short sequences


class Lesson(NamedTuple):
    """What is learned from which words."""
    language: Language
    at_end: bool
    longest: int = 16
    shortest: int = 0
    uniform: bool = False       # all letters equally frequent

    def draw(self, rng, batch):
        """x, y (B, 1 + longest)."""
        return examples(rng, self.language, batch, self.longest, self.at_end, self.shortest, self.uniform)


class Budget(NamedTuple):
    """Updates, rates and sizes: first settings, looked at with seed 900 only; no grid was tried."""
    updates: int = 1500         # at most; networks with bits stop at the certificate
    bptt_updates: int = 1500
    continuous_updates: int = 600
    smt_updates: int = 500
    bits: int = 64
    noise: float = 0.05
    sphere_noise: float = 0.15
    bptt_lr: float = 3e-3
    lr: float = 2e-3
    horizon: int = 8
    stop: bool = True
    every: int = 50             # updates between two attempts at a proof

    def batch(self, at_end):
        """Words per update: twice as many where each has one answer only."""
        return 128 if at_end else 64


class Learned(NamedTuple):
    """A trained network: `rnn` (None for the Transformer), how to play it, and what it took."""
    rnn: object
    answers: object             # x (B, T) -> the answer after the last token (B,)
    updates: int
    seconds: float
    certified_at: object        # update of the first proof, None without one
    encoder: object = None      # SMT: the same from the encoder's memories


def by_self_prediction(lesson, seed, budget, watch=None, memory=None):
    """Self-prediction, with bits unless another memory is given."""
    memory = memory or BinaryMemory(budget.bits, noise=budget.noise, carry=0.0)
    rng, started = stream(seed, "init"), time.process_time()
    rnn = RNN(rng, lesson.language.vocabulary, memory)
    predictor = Predictor(rng, lesson.language.vocabulary, memory)
    prover = prover_of(rnn, lesson, budget)
    recipe = Recipe(updates=budget.updates, lr=budget.lr, horizon=budget.horizon)
    made = train_self_prediction(rnn, predictor, lambda rng: lesson.draw(rng, budget.batch(lesson.at_end)),
                                 stream(seed, "train"), recipe, either(watch and watch(rnn), prover))
    return learned(rnn, made["updates"], started, prover)


def by_bptt(lesson, seed, budget, memory, updater="mlp", updates=0, **options):
    """Backpropagation through time."""
    rng, train, started = stream(seed, "init"), stream(seed, "train"), time.process_time()
    rnn = RNN(rng, lesson.language.vocabulary, memory, updater, **options)
    prover = prover_of(rnn, lesson, budget)

    def compute(_step):
        return bptt_loss(rnn, *lesson.draw(train, budget.batch(lesson.at_end)))[0]

    made = descend({"rnn": rnn}, compute, updates, budget.bptt_lr, prover)
    return learned(rnn, made, started, prover)


def by_bptt_bits(lesson, seed, budget):
    return by_bptt(lesson, seed, budget, BinaryMemory(budget.bits, carry=0.0), updates=budget.bptt_updates)


def by_bptt_sphere(lesson, seed, budget):
    return by_bptt(lesson, seed, budget, SphereMemory(budget.bits), updates=budget.continuous_updates)


def by_bptt_gru(lesson, seed, budget):
    return by_bptt(lesson, seed, budget, FreeMemory(budget.bits), "gru", budget.continuous_updates,
                   longest=lesson.longest)


def by_smt(lesson, seed, budget):
    """SMT with its Transformer encoder; the dynamics loss is on from the first update."""
    rng, started = stream(seed, "init"), time.process_time()
    memory, vocabulary = BinaryMemory(budget.bits, noise=0.02), lesson.language.vocabulary
    teacher, rnn = Teacher(rng, vocabulary, memory), RNN(rng, vocabulary, memory)
    plan = ((lesson.longest + 1, 64, budget.smt_updates),)
    train_smt(teacher, rnn, lambda rng, batch, _length: lesson.draw(rng, batch), stream(seed, "train"),
              SMTRecipe(plan, SMT_WEIGHTS, lr=budget.lr, start=0), label="SMT")
    made = learned(rnn, budget.smt_updates, started)
    return made._replace(encoder=lambda x: rnn.answer(teacher.encoder.forward(x)[0][:, -1]))


def by_transformer(lesson, seed, budget):
    """Two blocks of attention that answer directly."""
    train, started = stream(seed, "train"), time.process_time()
    baseline = TransformerBaseline(stream(seed, "init"), lesson.language.vocabulary)
    network = Network({"baseline": baseline})

    def compute(_step):
        return transformer_loss(network, baseline, *lesson.draw(train, 64))

    updates = descend({"network": network}, compute, budget.smt_updates, budget.lr)
    return Learned(None, lambda x: baseline.forward(x)[0][:, -1].argmax(-1), updates,
                   time.process_time() - started, None)


LEARNERS = {"self-prediction": by_self_prediction, "BPTT, bits": by_bptt_bits, "SMT, encoder": by_smt,
            "BPTT, MLP": by_bptt_sphere, "BPTT, GRU": by_bptt_gru, "Transformer": by_transformer}
WITH_BITS = ("self-prediction", "BPTT, bits", "SMT, encoder")


# ---------------------------------------------------------------- parts of the above

def prover_of(rnn, lesson, budget):
    """A Prover, or None where the memory is continuous."""
    if not isinstance(rnn.memory, BinaryMemory):
        return None
    return Prover(rnn, lesson.language, budget.every, budget.stop)


def either(*watches):
    """All are told; training stops if one of them says so."""
    asked = [watch for watch in watches if watch]
    return lambda update: any([watch(update) for watch in asked])


def learned(rnn, updates, started, prover=None):
    return Learned(rnn, lambda x: rnn.answer(roll(rnn, x)[-1]), updates, time.process_time() - started,
                   prover.certified_at if prover else None)


# ---------------------------------------------------------------- scores

def accuracy(answers, language, seed, length, words, chunk=64):
    """Share of right answers after words of exactly that length (the three kinds of languages.draw_words)."""
    x, y = examples(stream(seed, f"test {length}"), language, words, length, at_end=True, shortest=length)
    given = np.concatenate([answers(x[i:i + chunk]) for i in range(0, words, chunk)])
    return float((given == y[:, -1]).mean())
