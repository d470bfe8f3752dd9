"""The training steps that benchmark_smt.py times, as smt/ makes them: networks, batches with all random choices, step.

Each has the same face: networks {name: Network}, pool (list of batches), losses(batch) -> {name: number} and the
gradients in the networks, step(batch) -> losses, one update. rows: at most, of the largest matrix product, (rows x
SIZE) times (SIZE x 4 SIZE).
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import common  # noqa: F401  one BLAS thread, before numpy

from common.randomness import stream
from smt.languages import LANGUAGES
from smt.learners import Budget, Lesson
from smt.losses import Weights, draw_choices, smt_loss
from smt.memory import BinaryMemory, SphereMemory
from smt.model import RNN, Teacher
from smt.self_prediction import Predictor, Recipe, draw_places, roll, self_prediction_loss
from smt.tasks import retrieval
from smt.training import Trainer

SIZE, HEADS, LR = 64, 1, 1e-3
POOL = 8            # batches per round: their cuts and places differ, and the decoder's cost with them


class SMTStep:
    """Four losses of Supervised Memory Training on Retrieval, at the headline's size."""

    LENGTH, BATCH, ELEMENTS, NOISE = 64, 32, 8, 0.15
    WEIGHTS = Weights(dynamics=2.0, uniformity=0.2)
    rows = BATCH * (LENGTH + 1)

    def __init__(self, updater):
        rng, memory = stream(0, "init"), SphereMemory(SIZE, noise=self.NOISE)
        self.networks = {"teacher": Teacher(rng, self.ELEMENTS + 1, memory, heads=HEADS),
                         "rnn": RNN(rng, self.ELEMENTS + 1, memory, updater)}
        self.trainer, rng = Trainer(**self.networks), stream(0, "train")
        self.pool = [(*retrieval(rng, self.BATCH, self.LENGTH, self.ELEMENTS),
                      draw_choices(rng, self.BATCH, self.LENGTH, memory)) for _ in range(POOL)]

    def losses(self, batch):
        return smt_loss(self.networks["teacher"], self.networks["rnn"], *batch, self.WEIGHTS)

    def step(self, batch):
        losses = self.losses(batch)
        self.trainer.step(LR)
        return losses

    def size(self):
        return {"length": self.LENGTH, "batch": self.BATCH, "elements": self.ELEMENTS, "memory": SIZE, "heads": HEADS,
                "weights": self.WEIGHTS._asdict(), "noise": self.NOISE, "rows": self.rows}


class SelfPredictionStep:
    """One update of self-prediction on parity, answer at the end, as learners.py makes it once L_dyn is on."""

    BUDGET, RECIPE = Budget(), Recipe()
    LESSON = Lesson(LANGUAGES["parity"], at_end=True)
    BATCH = BUDGET.batch(at_end=True)
    rows = RECIPE.places * (BUDGET.horizon + 1)

    def __init__(self):
        rng, memory = stream(0, "init"), BinaryMemory(self.BUDGET.bits, noise=self.BUDGET.noise, carry=0.0)
        vocabulary = self.LESSON.language.vocabulary
        self.networks = {"rnn": RNN(rng, vocabulary, memory), "predictor": Predictor(rng, vocabulary, memory, SIZE)}
        self.start = self.networks["rnn"].start.p["logits"].copy()
        self.trainer, rng = Trainer(**self.networks), stream(0, "train")
        self.pool = [self.draw(rng, memory) for _ in range(POOL)]

    def draw(self, rng, memory):
        x, y = self.LESSON.draw(rng, self.BATCH)
        return x, y, draw_places(rng, y, self.RECIPE.places, memory, disturbed=True)

    def losses(self, batch):
        x, y, places = batch
        rnn, predictor = self.networks["rnn"], self.networks["predictor"]
        return self_prediction_loss(rnn, predictor, roll(rnn, x), x, y, places, self.BUDGET.horizon,
                                    self.RECIPE.dynamics)

    def step(self, batch):
        losses = self.losses(batch)
        self.trainer.step(LR)
        self.networks["rnn"].start.p["logits"][:] = self.start      # weight decay must not move m_0
        return losses

    def size(self):
        return {"language": self.LESSON.language.name, "longest": self.LESSON.longest, "batch": self.BATCH,
                "bits": self.BUDGET.bits, "heads": HEADS, "noise": self.BUDGET.noise, "horizon": self.BUDGET.horizon,
                "places": self.RECIPE.places, "dynamics": self.RECIPE.dynamics, "rows": self.rows}
