"""How large is dL/dm_t of untrained networks, by every loss? And --gradcheck: every trained loss."""

import numpy as np

from common import gradcheck
from common.randomness import stream
from smt import losses, self_prediction, training
from smt.memory import FreeMemory, SoftBits, SphereMemory
from smt.model import RNN, Network, RegisterEncoder, ScratchEncoder, Teacher, TransformerBaseline
from smt.tasks import retrieval

# name: (updater, memory tokens, factor of the residual MLP's second layer)
UNTRAINED = {"Transformer": ("transformer", 2, 1.0), "GRU": ("gru", 1, 1.0), "tanh": ("tanh", 1, 1.0),
             "residual MLP": ("mlp", 1, 1.0), "residual MLP, small W₂": ("mlp", 1, 0.1)}
SCALES = (0.5, 1.0, 2.0)                # all matrices of the updater are multiplied by this
EVERY = 8                               # L_dec is measured from every so many memories


def gradient_norms(c, seed):
    """||dL/dm_t|| of untrained networks on Retrieval, t = 0..T with T = c.long_length, for five updaters.

    Three different losses, each per sequence:
        BPTT            the answer at T, sent back through every step
        dynamics L_dyn  the sum over all T transitions: m_t is the input of one and the target of another
        decoding L_dec  the answer at T by a decoder that starts from m_t: T - t steps in one attention step
    In float64: vanishing gradients leave the range of float32.

    returns  gradient_bptt, gradient_dynamics (updaters, scales, T+1), gradient_decoding (T / EVERY,)
    """
    length, batch = c.long_length, 16
    x, y = retrieval(stream(seed, "gradients"), batch, length, elements=c.elements)
    bptt, dynamics = (np.empty((len(UNTRAINED), len(SCALES), length + 1)) for _ in range(2))
    for i, (updater, tokens, second) in enumerate(UNTRAINED.values()):
        for j, scale in enumerate(SCALES):
            teacher, rnn = untrained(c, seed, updater, tokens, scale, second)
            bptt[i, j] = losses.bptt_loss(rnn, x, y)[1]
            dynamics[i, j] = length * dynamics_norms(teacher, rnn, x)
    decoding = decoding_norms(Teacher(stream(seed, "init"), c.elements + 1, SphereMemory(c.size), np.float64, c.width,
                                      heads=c.heads), x, y, range(0, length, EVERY))
    return {"gradient_bptt": bptt, "gradient_dynamics": dynamics, "gradient_decoding": decoding}


def untrained(c, seed, updater, tokens=1, scale=1.0, second=1.0):
    """A teacher and an RNN in float64, the updater's matrices scaled."""
    rng, memory = stream(seed, "init"), SphereMemory(c.size, tokens=tokens)
    teacher = Teacher(rng, c.elements + 1, memory, np.float64, width=c.width, heads=c.heads)
    rnn = RNN(rng, c.elements + 1, memory, updater, np.float64)
    for name, weight in rnn.arrays().items():
        if name.startswith("updater/") and weight.ndim == 2 and not name.endswith("table"):
            weight *= scale
        if name == "updater/w2":
            weight *= second
    return teacher, rnn


def dynamics_norms(teacher, rnn, x):
    """||dL_dyn/dm_t|| (T+1,), summed over the sequences; L_dyn is the mean over all transitions."""
    memories = teacher.encoder.forward(x)[0]
    dmemories = np.zeros_like(memories)
    losses.dynamics_loss(rnn, memories, x, None, losses.Weights(1.0, 0.0, top=0.0), dmemories)
    return np.linalg.norm(dmemories, axis=-1).sum(0)


def decoding_norms(teacher, x, y, cuts):
    """||dL/dm_t|| for t in `cuts`, summed over the sequences; L: the decoder starts from m_t and answers at the end."""
    memories, targets = teacher.encoder.forward(x)[0], losses.with_empty_past(y)
    norms = []
    for cut in cuts:
        dmemories = np.zeros_like(memories)
        losses.decoding_loss(teacher.decoder, memories, x, targets, np.array([cut]), dmemories)
        norms.append(np.linalg.norm(dmemories[:, cut], axis=-1).sum())
    return np.array(norms)


# ---------------------------------------------------------------- --gradcheck

V, Z, B, T = 5, 8, 8, 8                 # sizes of the checks


def gradient_errors(rng):
    """{loss: relative error of its gradient along one random direction} of every loss that is trained anywhere.

    A sign has no derivative; bits are checked through the function whose derivative their straight-through gradient
    is (memory.SoftBits).
    """
    errors = {f"SMT, {name}": smt_error(rng, memory, "mlp") for name, memory in (
        ("sphere", SphereMemory(Z, tokens=2, noise=0.1)), ("bits, logistic loss", SoftBits(Z, noise=0.1)),
        ("bits, squared loss", SoftBits(Z, noise=0.1, loss="squared")))}
    for updater in ("gru", "lstm", "cell", "tanh", "transformer"):
        bits = SoftBits(Z, noise=0.1, tokens=2, gain=4.0)
        errors[f"SMT, sphere, {updater}"] = smt_error(rng, SphereMemory(Z, tokens=2, noise=0.1), updater)
        errors[f"SMT, bits, {updater}"] = smt_error(rng, bits, updater, **unsquashed(updater))
        errors[f"DMT, {updater}"] = dmt_error(rng, SphereMemory(Z, tokens=2), updater)
        errors[f"self-prediction, bits, {updater}"] = self_prediction.gradient_error(bits, updater,
                                                                                     **small(updater))
    errors["DMT"] = dmt_error(rng, SphereMemory(Z))
    for updater in ("mlp", "gru", "lstm", "cell", "tanh", "transformer"):
        errors[f"BPTT, sphere, {updater}"] = bptt_error(rng, SphereMemory(Z, tokens=2), updater)
        errors[f"BPTT, bits, {updater}"] = bptt_error(rng, SoftBits(Z, carry=0.0, tokens=2), updater)
        errors[f"BPTT, free memory, {updater}"] = bptt_error(rng, FreeMemory(Z, tokens=2), updater)
    for updater in ("gru", "lstm", "cell"):
        errors[f"BPTT, free memory, {updater} with chrono gates"] = bptt_error(rng, FreeMemory(Z), updater, longest=T)
    errors["BPTT, free memory, gru, disturbed"] = bptt_error(rng, FreeMemory(Z, noise=0.1), "gru")
    errors["Transformer without a memory"] = transformer_error(rng)
    for name, encoder in (("registers", RegisterEncoder), ("scratch tokens", ScratchEncoder)):
        teacher = {"encoder": encoder, "count": 2, "tokens": 2}
        errors[f"SMT, sphere, {name}"] = smt_error(rng, SphereMemory(Z, noise=0.1), "mlp", teacher)
    return errors | self_prediction.gradient_errors()


def small(updater):
    """Small sizes for an updater."""
    return {"mlp": dict(hidden=16), "transformer": dict(heads=2)}.get(updater, {})


def unsquashed(updater):
    """With bits the tanh-RNN hands over its numbers before the tanh."""
    return {"squashed": False} if updater == "tanh" else {}


def small_rnn(rng, memory, updater, **options):
    return RNN(rng, V, memory, updater, np.float64, **small(updater), **options)


def error_of(loss, rng, **networks):
    """Relative error of the gradients that `loss()` leaves in the networks."""
    loss()
    return gradcheck.directional_error(loss, {name: n.flat for name, n in networks.items()},
                                       {name: n.gradient.copy() for name, n in networks.items()}, rng, step=1e-4)


def smt_error(rng, memory, updater, teacher=None, **options):
    """teacher: its options beside the sizes; the others are the updater's."""
    teacher = Teacher(rng, V, memory, np.float64, width=8, heads=2, **(teacher or {}))
    rnn = small_rnn(rng, memory, updater, **options)
    x, y = retrieval(rng, B, T, elements=V - 1)
    choices, weights = losses.draw_choices(rng, B, T, memory, groups=2, compared=16), losses.Weights(2.0, 0.2)
    loss = lambda: losses.smt_loss(teacher, rnn, x, y, choices, weights)["total"]
    return error_of(loss, rng, teacher=teacher, rnn=rnn)


def dmt_error(rng, memory, updater="mlp"):
    """The gradient of DMT against the loss it is the gradient of: one regression per step, from states held fixed."""
    teacher, rnn = Teacher(rng, V, memory, np.float64, width=8, heads=2), small_rnn(rng, memory, updater)
    x, y = retrieval(rng, B, T, elements=V - 1)
    memories, window = teacher.encoder.forward(x)[0], 4
    losses.dmt_loss(rnn, memories, x, y, window, top=0.0)
    gradient = rnn.gradient.copy()
    tokens, targets, asked = (losses.side_by_side(a, window) for a in (x, memories[:, 1:], y))
    states = losses.unroll(rnn, losses.side_by_side(memories[:, :-1], window)[0], tokens).states.copy()

    def regression():
        given = states[:-1].reshape(-1, Z)
        logits = rnn.updater.step(given, rnn.updater.drive(tokens.reshape(-1)), rnn.updater.tape(1, len(given)), 0)
        error, _ = memory.dynamics_error(logits, targets.reshape(-1, Z))
        return 10.0 * float(error.mean()) + losses.read_states(rnn, states[1:], asked)[0]
    return gradcheck.directional_error(regression, {"rnn": rnn.flat}, {"rnn": gradient}, rng, step=1e-4)


def bptt_error(rng, memory, updater, **options):
    rnn = small_rnn(rng, memory, updater, **options)
    x, y = retrieval(rng, B, T, elements=V - 1)
    noise = memory.perturb(rng, (T, B, Z))
    return error_of(lambda: losses.bptt_loss(rnn, x, y, noise)[0], rng, rnn=rnn)


def transformer_error(rng):
    baseline = TransformerBaseline(rng, V, width=8, heads=2)
    network = Network({"transformer": baseline}, np.float64)
    x, y = retrieval(rng, B, T, elements=V - 1)
    return error_of(lambda: training.transformer_loss(network, baseline, x, y), rng, network=network)
