"""What is looked at besides accuracy: long rollouts, snapshots of the memory space, gradient norms, gradient checks."""

import numpy as np

from common import gradcheck as check
from common.randomness import stream
from smt import losses, model
from smt.memory import BinaryMemory, SphereMemory
from smt.tasks import retrieval
from smt.training import rollout_scores, set_start

WAITING, ARMED = 0, -1                  # labels of a memory; a positive label is the symbol held


# ---------------------------------------------------------------- long rollouts

def play(player, x, y):
    """Accuracy of a player on sequences x (B, T) at all targets y >= 0. A player maps (x, times) to answers (times, B)."""
    times = np.flatnonzero((y >= 0).any(0))
    asked = y[:, times].T >= 0
    return float((player(x, times)[asked] == y[:, times].T[asked]).mean())


def stepper(rnn):
    """Play by running the network, a step at a time, from its empty memory."""
    def player(x, times):
        state, tape = rnn.initial(len(x)), rnn.updater.tape(1, len(x), backward=False)
        asked, answers, block = set(times.tolist()), [], max(1, 2 ** 15 // len(x))
        for first in range(0, x.shape[1], block):
            drive = rnn.updater.drive(np.ascontiguousarray(x[:, first:first + block].T))
            for t in range(len(drive)):
                state = rnn.memory.normalise(rnn.updater.step(state, drive[t], tape, 0))[0]
                if first + t in asked:
                    answers.append(rnn.answer(state))
        return np.array(answers)
    return player


def machine_stepper(proof):
    """Play by looking up the transitions of the enumerated network (certificate.py computed each by the network itself).

    The same function as `stepper` on every input the enumeration covers, a hundred times faster; an input outside
    would end in a sink state, which is refused.
    """
    codes, vocabulary = proof.following.shape
    table = np.vstack([np.where(proof.following < 0, codes, proof.following), np.full((1, vocabulary), codes)]) * vocabulary
    answer_of = np.append(proof.answers, -1)

    def player(x, times):
        flat, tokens, asked, answers = table.ravel(), np.ascontiguousarray(x.T), set(times.tolist()), []
        state = np.zeros(len(x), np.int64)
        for t in range(len(tokens)):
            state = flat.take(state + tokens[t])
            if t in asked:
                if (state == codes * vocabulary).any():
                    raise ValueError("a sequence left the enumerated states: the task machine does not cover the task")
                answers.append(answer_of[state // vocabulary])
        return np.array(answers)
    return player


# ---------------------------------------------------------------- while training

class Watch:
    """Accuracy of the RNN's own rollout on validation sequences, every so many steps."""

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
            run = losses.unroll(self.rnn, self.rnn.initial(len(self.x)), np.ascontiguousarray(self.x.T))
            self.rolled.append(run.states.swapaxes(0, 1))

    def arrays(self):
        """Everything in the symbol plane of the final encoder: movie_encoder and movie_rolled (frames, sequences, T+1, 2),
        movie_label (sequences, T+1), movie_steps, movie_accuracy."""
        mean, plane = symbol_plane(self.teacher, self.elements, self.x.shape[1])
        project = lambda frames: ((np.array(frames) - mean) @ plane).astype(np.float16)  # noqa: E731
        return {"movie_encoder": project(self.encoder), "movie_rolled": project(self.rolled), "movie_label": labels(self.x),
                "movie_steps": np.array(self.steps), "movie_accuracy": np.array(self.accuracy)}


def labels(x):
    """What a memory should hold after t tokens (B, T+1): WAITING, ARMED, or the symbol after the identifier."""
    identifier = np.argmax(x == 0, axis=1)
    time = np.arange(x.shape[1] + 1)
    needle = x[np.arange(len(x)), identifier + 1]
    label = np.where(time >= identifier[:, None] + 2, needle[:, None], WAITING)
    return np.where(time == identifier[:, None] + 1, ARMED, label)


def principal_components(vectors, count):
    """Mean and the first `count` principal directions (Z, count) of vectors (n, Z)."""
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


def memory_space(teacher, rnn, elements, length, sequences=96, points=250):
    """Memories of fresh sequences in their principal components and in the symbol plane, and the updater's vector field:
    where disturbed memories go in one step on a filler symbol."""
    rng = np.random.default_rng(1)
    x, _ = retrieval(rng, sequences, length, elements=elements)
    memories, label = teacher.encoder.forward(x)[0], labels(x)
    flat = memories.reshape(-1, memories.shape[-1])
    components, plane = principal_components(flat, 2), symbol_plane(teacher, elements, length)
    chosen = rng.choice(len(flat), points)
    start = rnn.memory.normalise(flat[chosen] + 0.25 * rng.standard_normal((points, flat.shape[1]), dtype=np.float32))[0]
    end = rnn.step(start, rng.integers(1, elements + 1, points))
    onto = lambda vectors, axes: ((vectors - axes[0]) @ axes[1]).astype(np.float32)  # noqa: E731
    return {"space_components": onto(flat, components), "space_plane": onto(flat, plane), "space_label": label.reshape(-1),
            "space_time": np.tile(np.arange(length + 1), sequences), "space_from": onto(start, plane), "space_to": onto(end, plane),
            "space_field_label": label.reshape(-1)[chosen]}


# ---------------------------------------------------------------- gradient against time

UPDATERS = {"transformer": dict(tokens=2), "gru": {}, "tanh": {}, "mlp": {}}
SCALES = (0.5, 1.0, 2.0)


def gradient_norms(c, seed):
    """||dL/dm_t|| of untrained networks, t = 0..T, for four updaters at three sizes of the initial weights.

    In float64: vanishing gradients leave the range of float32. BPTT: the loss of the answer at T, mean over the batch. SMT: L_dyn times T, so both are per sequence and per step.
    """
    length, batch = c.binary_length, 16
    x, y = retrieval(stream(seed, "gradients"), batch, length, elements=c.elements)
    bptt, smt = (np.empty((len(UPDATERS), len(SCALES), length + 1)) for _ in range(2))
    for i, (updater, options) in enumerate(UPDATERS.items()):
        for j, scale in enumerate(SCALES):
            rng, memory = stream(seed, "init"), SphereMemory(c.size, **options)
            teacher = model.Teacher(rng, c.elements + 1, memory, np.float64, width=c.width, heads=c.heads)
            rnn = model.RNN(rng, c.elements + 1, memory, updater, np.float64)
            for name, weight in rnn.arrays().items():
                if name.startswith("updater/") and weight.ndim == 2 and not name.endswith("table"):
                    weight *= scale
            bptt[i, j] = losses.bptt_loss(rnn, x, y)[1]
            memories = teacher.encoder.forward(x)[0]
            dmemories = np.zeros_like(memories)
            losses.dynamics_loss(rnn, memories, x, None, losses.Weights(1.0, 0.0, top=0.0), dmemories)
            smt[i, j] = length * np.linalg.norm(dmemories, axis=-1).sum(0)
    final = {f"gradient_bptt_first_over_last_{u}": bptt[i, 1, 0] / bptt[i, 1, -1] for i, u in enumerate(UPDATERS)}
    final.update({f"gradient_smt_smallest_over_largest_{u}": smt[i, 1, 1:-1].min() / smt[i, 1, 1:-1].max()
                  for i, u in enumerate(UPDATERS)})
    return {"final": final, "arrays": {"gradient_bptt": bptt, "gradient_smt": smt}}


# ---------------------------------------------------------------- --gradcheck and --evaluate

def gradcheck(rng):
    """Print the relative error of the gradient of each assembled loss along a random direction, in float64."""
    memory, worst = SphereMemory(8, tokens=2, noise=0.1), 0.0
    teacher = model.Teacher(rng, 5, memory, np.float64, width=8, heads=2)
    rnn = model.RNN(rng, 5, memory, dtype=np.float64, hidden=16)
    x, y = retrieval(rng, 8, 8, elements=4)
    choices = losses.draw_choices(rng, 8, 8, memory, groups=2, compared=16)
    frozen = teacher.encoder.forward(x)[0]
    cases = {
        "SMT": (lambda: losses.smt_loss(teacher, rnn, x, y, choices, losses.Weights(2.0, 0.2))["total"], (teacher, rnn)),
        "DMT, through time": (lambda: losses.dmt_loss(rnn, frozen, x, y, 4, through_time=True, detach_readout=False)["total"], (rnn,)),
        "BPTT": (lambda: losses.bptt_loss(rnn, x, y)[0], (rnn,))}
    for name, (loss, networks) in cases.items():
        loss()
        arrays = {str(i): n.flat for i, n in enumerate(networks)}
        gradients = {str(i): n.gradient.copy() for i, n in enumerate(networks)}
        error = check.directional_error(loss, arrays, gradients, rng, step=1e-4)
        worst = max(worst, error)
        print(f"{name:18s} relative error of the gradient {error:.1e}")
    if not worst < 1e-7:
        raise SystemExit(1)


def evaluate(options, record, weights):
    """Score the committed RNNs on fresh sequences (seeds from the command line), without training."""
    c = record["config"]
    for name in dict.fromkeys(key.split("/")[0] for key in weights):
        rnn = load(weights, name, c)
        length = {"smt_direct": c["length"], "smt_dmt_direct": c["length"], "binary_direct": c["binary_length"]}.get(
            name, c["short_length"])
        for seed in options.seeds:
            scores = [play(stepper(rnn), *retrieval(stream(seed, f"fresh {n}"), 256, n, elements=c["elements"]))
                      for n in (length, 16 * length)]
            print(f"{name:24s} seed {seed}: accuracy {scores[0]:.3f} at T = {length}, {scores[1]:.3f} at T = {16 * length}"
                  f"   (chance {1 / c['elements']:.3f})")


def load(weights, name, c):
    """The RNN called `name` from the arrays of weights.npz."""
    arrays = {key.removeprefix(name + "/"): a for key, a in weights.items() if key.startswith(name + "/")}
    binary = "updater/carry" in arrays
    memory = BinaryMemory(c["bits"]) if binary else SphereMemory(c["size"])
    rnn = model.RNN(np.random.default_rng(0), c["elements"] + 1, memory, hidden=c["hidden"])
    for key, view in rnn.arrays().items():
        view[:] = arrays[key]
    return rnn
