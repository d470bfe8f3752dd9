"""Pictures of the memory, and curves of the rollout, taken while SMT trains or afterwards."""

import numpy as np

from smt.losses import unroll
from smt.tasks import retrieval
from smt.training import rollout_scores, set_start

WAITING, ARMED = 0, -1                  # what a memory holds; a positive number is the symbol held


class Watch:
    """Accuracy of the RNN's own rollout on validation sequences, every so many updates."""

    def __init__(self, teacher, rnn, sequences, every):
        self.teacher, self.rnn, self.sequences, self.every = teacher, rnn, sequences, every
        self.steps, self.accuracy = [], []

    def __call__(self, step):
        if step % self.every == 0:
            set_start(self.teacher, self.rnn)
            self.steps.append(step)
            self.accuracy.append(rollout_scores(self.rnn, *self.sequences)["accuracy"])


class Movie:
    """Memories of the same sequences (two for each symbol) while encoder and RNN learn."""

    def __init__(self, teacher, rnn, elements, length, every):
        x, y = retrieval(np.random.default_rng(0), 64 * elements, length, elements=elements)
        chosen = np.concatenate([np.flatnonzero(y[:, -1] == e)[:2] for e in range(1, elements + 1)])
        self.x, self.scored, self.teacher, self.rnn = x[chosen], (x[-128:], y[-128:]), teacher, rnn
        self.elements, self.every = elements, every
        self.steps, self.encoder, self.rolled, self.accuracy = [], [], [], []

    def __call__(self, step):
        if step == 1 or step % self.every == 0:
            set_start(self.teacher, self.rnn)
            self.steps.append(step)
            self.accuracy.append(rollout_scores(self.rnn, *self.scored)["accuracy"])
            self.encoder.append(self.teacher.encoder.forward(self.x)[0])
            run = unroll(self.rnn, self.rnn.initial(len(self.x)), np.ascontiguousarray(self.x.T))
            self.rolled.append(run.states.swapaxes(0, 1))

    def arrays(self):
        """Everything in the symbol plane of the final encoder.

        movie_encoder, movie_rolled (frames, sequences, T+1, 2), movie_label (sequences, T+1), movie_steps (frames,),
        movie_accuracy (frames,)
        """
        mean, plane = symbol_plane(self.teacher, self.elements, self.x.shape[1])
        project = lambda frames: ((np.array(frames) - mean) @ plane).astype(np.float16)
        return {"movie_encoder": project(self.encoder), "movie_rolled": project(self.rolled),
                "movie_label": labels(self.x), "movie_steps": np.array(self.steps),
                "movie_accuracy": np.array(self.accuracy)}


def labels(x):
    """What a memory should hold after t tokens (B, T+1): WAITING, ARMED, or the symbol after the identifier."""
    identifier = np.argmax(x == 0, axis=1)
    time = np.arange(x.shape[1] + 1)
    needle = x[np.arange(len(x)), identifier + 1]
    label = np.where(time >= identifier[:, None] + 2, needle[:, None], WAITING)
    return np.where(time == identifier[:, None] + 1, ARMED, label)


def principal_components(vectors, count):
    """The mean and the first `count` principal directions (Z, count) of vectors (n, Z)."""
    mean = vectors.mean(0)
    _, _, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    return mean, directions[:count].T


def symbol_plane(teacher, elements, length, sequences=600):
    """The plane in which the memory shows its symbol, for pictures: mean (Z,) and a linear map (Z, 2).

    Ridge regression, on sequences of its own, of a point on the unit circle (symbol e at angle 2 pi e / elements; the
    centre for memories that hold none) on the memory. The first principal components show mostly the time.
    """
    x, _ = retrieval(np.random.default_rng(2), sequences, length, elements=elements)
    memories, label = teacher.encoder.forward(x)[0], labels(x).reshape(-1)
    flat = memories.reshape(-1, memories.shape[-1]).astype(float)
    mean, angle = flat.mean(0), 2 * np.pi * label / elements
    target = np.where(label[:, None] > 0, np.stack([np.cos(angle), np.sin(angle)], axis=1), 0)
    gram = (flat - mean).T @ (flat - mean)
    return mean, np.linalg.solve(gram + 1e-3 * len(flat) * np.eye(len(gram)), (flat - mean).T @ target)


def memory_space(teacher, rnn, elements, length, sequences=96, points=250, disturbance=0.25):
    """Memories of fresh sequences in two planes, and whether one step of the RNN repairs disturbed ones.

    Of `points` memories (not armed ones: those have to move on) each is disturbed by Gaussian noise, and both it and
    the disturbed one take one step on the same filler. The distances, mean squares over all Z numbers, are

        before = |disturbed - m|^2 / Z        after = |f(disturbed, x) - f(m, x)|^2 / Z

    returns  space_components, space_plane (n, 2), space_label, space_time (n,), space_before, space_after (points,)
    """
    rng = np.random.default_rng(1)
    x, _ = retrieval(rng, sequences, length, elements=elements)
    memories, label = teacher.encoder.forward(x)[0], labels(x).reshape(-1)
    flat = memories.reshape(-1, memories.shape[-1])
    chosen = rng.choice(np.flatnonzero(label != ARMED), points)
    clean, noise = flat[chosen], rng.standard_normal((points, flat.shape[1]), dtype=np.float32)
    disturbed = rnn.memory.normalise(clean + disturbance * noise)[0]
    filler = rng.integers(1, elements + 1, points)
    distance = lambda a, b: ((a - b) * (a - b)).mean(1)
    onto = lambda vectors, axes: ((vectors - axes[0]) @ axes[1]).astype(np.float32)
    return {"space_components": onto(flat, principal_components(flat, 2)),
            "space_plane": onto(flat, symbol_plane(teacher, elements, length)), "space_label": label,
            "space_time": np.tile(np.arange(length + 1), sequences), "space_before": distance(disturbed, clean),
            "space_after": distance(rnn.step(disturbed, filler), rnn.step(clean, filler))}
