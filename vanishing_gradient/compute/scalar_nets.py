"""One training step of small networks as scalar programs for the tracer: forward, backward, optimiser.

One sequence, no batch, plain SGD. Symbols choose columns of the input weights (a lookup: unrolled code
knows where to read), every other number is a value in memory. The label of an instruction is
(phase, step, part); phases "forward", "backward", "optimiser".
"""

from typing import NamedTuple

from vanishing_gradient.compute.tracer import Tape, flat

RATE = 0.1
GATES = {"input": "logistic", "output": "logistic", "candidate": "tanh"}


class Program(NamedTuple):
    """A recorded training step, and what a test needs to check its gradient."""
    tape: Tape
    weights: dict                            # {name: nested Values}
    gradient: dict                           # {id of a weight: Value}


def dot(row, x, first=None):
    """first + sum_k row[k] x[k], term by term."""
    total = first
    for w, value in zip(row, x):
        term = w * value
        total = term if total is None else total + term
    return total


def added(values):
    total = values[0]
    for one in values[1:]:
        total = total + one
    return total


def matrix(rng, rows, columns):
    return rng.normal(0, 0.5, (rows, columns)).tolist()


def columns(W, symbol):
    """What a one-hot input adds: one column."""
    return [row[symbol] for row in W]


# ---------------------------------------------------------------- layers, one step each

def tanh_step(p, x, h):
    """New state from the symbol x and the state h (None: zero)."""
    return [(dot(row, h, first) if h else first).tanh() for row, first in zip(p["W"], columns(p["W_in"], x))]


def lstm_step(tape, p, x, state, step):
    """LSTM of 1997, no forget gate: (cells' outputs, cell states) from the symbol and the state (None: zero)."""
    h, s = state or (None, None)
    gate = {}
    for name, squash in GATES.items():
        tape.label = ("forward", step, name)
        nets = [dot(row, h, first) if h else first
                for row, first in zip(p[f"W_{name}"], columns(p[f"in_{name}"], x))]
        gate[name] = [getattr(net, squash)() for net in nets]
    tape.label = ("forward", step, "store")
    stored = [i * c for i, c in zip(gate["input"], gate["candidate"])]
    tape.label = ("forward", step, "state")          # the only instructions that read s[t-1]
    s = [old + new for old, new in zip(s, stored)] if s else stored
    tape.label = ("forward", step, "output")
    return [o * one.tanh() for o, one in zip(gate["output"], s)], s


def answer_error(tape, p, h, answer):
    """The error of one logistic output: (net, p - answer)."""
    z = dot(p["W_out"][0], h)
    return z, z.cut().logistic() - tape.constant(float(answer))


def symbol_errors(tape, p, h, symbol):
    """Errors of a softmax over all symbols: [(net, probability - hit)]."""
    z = [dot(row, h) for row in p["W_out"]]
    e = [one.cut().exp() for one in z]
    total = added(e)
    q = [one / total for one in e]
    return [(net, one - tape.constant(1.0) if k == symbol else one) for k, (net, one) in enumerate(zip(z, q))]


def finish(tape, p, sums):
    """The optimiser: w - rate g for every weight that has a gradient; all weights are the results. Returns Program."""
    tape.label = ("optimiser", None, "")
    rate, weights = tape.constant(RATE), flat(list(p.values()))
    gradient = {w.id: sums[w.id] for w in weights if w.id in sums}
    tape.results([w.cut() - rate * gradient[w.id] if w.id in gradient else w for w in weights])
    return Program(tape, p, gradient)


def placed(tape, shapes, rng, *more):
    """{name: nested Values} of random weights, the first on top of the stack; below them `more` numbers, as Values."""
    arrays = tape.arguments(*(matrix(rng, *shape) for shape in shapes.values()), error=True, below=more)
    return dict(zip(shapes, arrays)), arrays[len(shapes):]


# ---------------------------------------------------------------- training steps

def recurrent(kind, symbols, answer, H, D, rng, every=False):
    """A tanh-RNN or an LSTM through all steps; the answer at the end, or a prediction of every next symbol."""
    tape, sums, state, seeds = Tape(), {}, None, []
    shapes = dict(W_in=(H, D), W=(H, H))
    if kind == "lstm":
        shapes = {f"{part}_{gate}": size for gate in GATES for part, size in (("in", (H, D)), ("W", (H, H)))}
    p, _ = placed(tape, {**shapes, "W_out": (D if every else 1, H)}, rng)
    for t, x in enumerate(symbols):
        tape.label = ("forward", t, "")
        state = lstm_step(tape, p, x, state, t) if kind == "lstm" else (tanh_step(p, x, state and state[0]),)
        if every and t + 1 < len(symbols):
            seeds += symbol_errors(tape, p, state[0], symbols[t + 1])
    tape.label = ("forward", len(symbols) - 1, "")
    tape.backward(seeds if every else [answer_error(tape, p, state[0], answer)], sums)
    return finish(tape, p, sums)


def chunker(symbols, surprises, answer, H, D, rng, window=3, learns=True):
    """A predicts every next symbol, its error goes back `window` steps; C reads the surprises only, BPTT through them.

    surprises   steps that C reads, the last one asks for the answer; learns: False when A only predicts
    """
    tape, sums, h, memory, seeds = Tape(), {}, None, None, []
    c_shapes = dict(c_W_in=(H, D), c_W=(H, H), c_W_out=(1, H))
    p, _ = placed(tape, {**c_shapes, "W_in": (H, D), "W": (H, H), "W_out": (D, H)}, rng)
    c = {name[2:]: value for name, value in p.items() if name in c_shapes}
    a = {name: value if learns else cut(value) for name, value in p.items() if name not in c_shapes}
    for t, x in enumerate(symbols):
        tape.label = ("forward", t, "automatizer")
        h = tanh_step(a, x, h)
        if t + 1 < len(symbols):
            seeds += symbol_errors(tape, a, h, symbols[t + 1])
        if learns and ((t + 1) % window == 0 or t + 1 == len(symbols)):
            tape.backward(seeds, sums)
            h, seeds = cut(h), []
    for t in surprises:
        tape.label = ("forward", t, "chunker")
        memory = tanh_step(c, symbols[t], memory)
    tape.backward([answer_error(tape, c, memory, answer)], sums)
    return finish(tape, p, sums)


def cut(nested):
    """The same values, through which no error goes back."""
    return [cut(one) for one in nested] if isinstance(nested, list) else nested.cut()


def smt_updater(symbols, answer, H, D, rng):
    """SMT's RNN alone: the teacher's memories m_0 .. m_T are data; every transition has its own small backward pass."""
    tape, sums = Tape(), {}
    memories = rng.normal(0, 0.5, (len(symbols) + 1, H)).tolist()
    p, (m,) = placed(tape, dict(W_in=(H, D), W=(H, H), W_out=(1, H)), rng, memories[::-1])
    m = m[::-1]                                      # the first to be read lies on top
    for t, x in enumerate(symbols):
        tape.label = ("forward", t, "updater")
        guess = tanh_step(p, x, m[t])
        tape.backward([(one, one.cut() - target) for one, target in zip(guess, m[t + 1])], sums)
    tape.label = ("forward", len(symbols) - 1, "readout")
    tape.backward([answer_error(tape, p, m[-1], answer)], sums)
    return finish(tape, p, sums)


def smt(symbols, answer, H, D, rng):
    """SMT with its teacher, as small as it goes: one causal attention head makes the memories.

    m_t = sum_s<=t exp(q_t k_s) v_s / sum_s<=t exp(q_t k_s); q, k, v are H x H maps of symbol plus place. Updater and
    teacher are both trained on |f(m_t, x_t+1) - m_t+1|^2, the teacher's readout on the answer.
    """
    tape, sums, m, seeds, keys = Tape(), {}, [], [], []
    places = rng.normal(0, 0.5, (len(symbols), H)).tolist()
    shapes = dict(W_in=(H, D), W=(H, H), W_out=(1, H), E=(H, D), query=(H, H), key=(H, H), value=(H, H))
    p, (place,) = placed(tape, shapes, rng, places[::-1])
    for t, x in enumerate(symbols):
        tape.label = ("forward", t, "teacher")
        e = [one + other for one, other in zip(columns(p["E"], x), place[len(symbols) - 1 - t])]
        query, key, value = ([dot(row, e) for row in p[name]] for name in ("query", "key", "value"))
        keys.append((key, value))
        m.append(attend(query, keys))
    for t in range(1, len(symbols)):
        tape.label = ("forward", t, "updater")
        for one, target in zip(tanh_step(p, symbols[t], m[t - 1]), m[t]):
            error = one.cut() - target.cut()
            seeds += [(one, error), (target, -error)]
    tape.label = ("forward", len(symbols) - 1, "readout")
    tape.backward([*seeds, answer_error(tape, p, m[-1], answer)], sums)
    return finish(tape, p, sums)


def attend(query, keys):
    """sum_s e_s v_s / sum_s e_s, e_s = exp(q k_s)."""
    weight = [dot(query, key).exp() for key, _ in keys]
    total = added(weight)
    return [dot(weight, [value[j] for _, value in keys]) / total for j in range(len(query))]
