"""The one-step transition f(m_t, x_{t+1}) of the RNN, six ways, behind one interface.

    drive(tokens)                    what the input adds, for all steps at once: done before any loop over time;
                                     drive(tokens)[t] belongs to tokens[t]
    tape(steps, rows, backward)      arrays for what the backward pass needs, allocated once for all steps
    step(memory, drive, tape, t)     logits of the next memory (rows, Z); `memory.py` normalises them
    step_backward(dlogits, tape, t)  gradient of the memory (rows, Z)
    collect(tape, tokens)            adds the gradients of all weights, one product per weight, after any loop

SMT calls `step` once with all transitions of a batch as rows; BPTT calls it once per time step. Same function.
"""

import numpy as np

from common.layers import logistic
from common.networks import chrono
from smt.layers import (BLOCK_SHAPES, Group, as_rows, block, block_backward, embedding, embedding_backward, fold_gains,
                        folded_gradient, gelu, linear, linear_backward, rms_norm, rms_norm_backward, rotation,
                        unfold_gains)


def uniform(rng, *shape, fan_in=None):
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), the initial weights of the released code (PyTorch's default)."""
    bound = 1 / np.sqrt(fan_in or shape[0])
    return rng.uniform(-bound, bound, shape)


def block_weights(rng, width):
    """Initial weights of one Transformer block, by the names of layers.BLOCK_SHAPES."""
    sizes = {"D": width, "3D": 3 * width, "4D": 4 * width}
    fan_in = {"b1": width, "w2": 4 * width, "b2": 4 * width}
    weights = {}
    for name, axes in BLOCK_SHAPES.items():
        shape = [sizes[axis] for axis in axes]
        zero = name.startswith("norm")
        weights[name] = np.zeros(shape) if zero else uniform(rng, *shape, fan_in=fan_in.get(name, width))
    return weights


class Updater:
    """Shared parts; a subclass adds `arrays` (initial weights) and step, step_backward, collect."""

    def drive(self, tokens):
        """(..., width of the table) rows for integer tokens (...)."""
        return embedding(tokens, self.p["table"])

    def tape(self, steps, rows, backward=True):
        widths = self.taped if backward else self.taped[:1]
        dtype = self.p["table"].dtype
        return {name: np.empty((steps, rows, width), dtype) for name, width in widths}


class ResidualMLP(Updater):
    """u = carry m + W2 gelu(W1 m + b1 + U[x]) + b2: the input enters as a row of the hidden layer."""

    def __init__(self, rng, vocabulary, memory, hidden=256):
        size = memory.size
        self.arrays = {"table": rng.standard_normal((vocabulary, hidden)),
                       "w1": uniform(rng, size, hidden), "b1": uniform(rng, hidden, fan_in=size),
                       "w2": uniform(rng, hidden, size), "b2": uniform(rng, size, fan_in=hidden)}
        if memory.carry is not None:
            self.arrays["carry"] = np.array([memory.carry])
        self.taped = (("hidden", hidden), ("slope", hidden), ("memory", size), ("dlogits", size))

    def tape(self, steps, rows, backward=True):
        """With contiguous transposes, which a product with few rows reads twice as fast."""
        made = super().tape(steps, rows, backward)
        if backward:
            made["w1 transposed"] = np.ascontiguousarray(self.p["w1"].T)
            made["w2 transposed"] = np.ascontiguousarray(self.p["w2"].T)
        return made

    def drive(self, tokens):
        return embedding(tokens, self.p["table"] + self.p["b1"])

    def step(self, memory, drive, tape, t):
        hidden = np.matmul(memory, self.p["w1"], out=tape["hidden"][t])
        hidden += drive
        gelu(hidden, hidden, tape["slope"][t] if "slope" in tape else None)
        logits = hidden @ self.p["w2"]
        logits += self.p["b2"]
        logits += memory * self.p["carry"] if "carry" in self.p else memory
        if "memory" in tape:
            tape["memory"][t] = memory
        return logits

    def step_backward(self, dlogits, tape, t):
        tape["dlogits"][t] = dlogits
        dhidden = tape["slope"][t]                          # from here on this place of the tape holds dhidden
        dhidden *= dlogits @ tape["w2 transposed"]
        dmemory = dhidden @ tape["w1 transposed"]
        dmemory += dlogits * self.p["carry"] if "carry" in self.p else dlogits
        return dmemory

    def collect(self, tape, tokens):
        dlogits, dhidden, dtable = as_rows(tape["dlogits"]), as_rows(tape["slope"]), np.zeros_like(self.g["table"])
        self.g["w2"] += as_rows(tape["hidden"]).T @ dlogits
        self.g["b2"] += dlogits.sum(0)
        self.g["w1"] += as_rows(tape["memory"]).T @ dhidden
        embedding_backward(dhidden, tokens, dtable)
        self.g["table"] += dtable
        self.g["b1"] += dtable.sum(0)                       # every position adds one row of the table and b1
        if "carry" in self.p:
            self.g["carry"] += np.einsum("ij,ij->", dlogits, as_rows(tape["memory"]))


class TanhRNN(Updater):
    """u = tanh(W m + b + U[x]): the plain recurrent network.

    squashed: False leaves the tanh out. Bits are the signs of u, so with them it is the same network in use (a linear
    threshold machine), but the losses see how far a bit is from flipping.
    """

    def __init__(self, rng, vocabulary, memory, squashed=True):
        size, self.squashed = memory.size, squashed
        self.arrays = {"table": rng.standard_normal((vocabulary, size)),
                       "w": uniform(rng, size, size), "b": uniform(rng, size)}
        self.taped = (("logits", size), ("memory", size), ("dnet", size))

    def drive(self, tokens):
        return embedding(tokens, self.p["table"] + self.p["b"])

    def step(self, memory, drive, tape, t):
        logits = np.matmul(memory, self.p["w"], out=tape["logits"][t])
        logits += drive
        if self.squashed:
            np.tanh(logits, out=logits)
        if "memory" in tape:
            tape["memory"][t] = memory
        return logits.copy()

    def step_backward(self, dlogits, tape, t):
        dnet = tape["dnet"][t]
        dnet[:] = dlogits
        if self.squashed:
            dnet *= 1 - tape["logits"][t] * tape["logits"][t]
        return dnet @ self.p["w"].T

    def collect(self, tape, tokens):
        dnet = as_rows(tape["dnet"])
        self.g["w"] += as_rows(tape["memory"]).T @ dnet
        self.g["b"] += dnet.sum(0)
        embedding_backward(dnet, tokens, self.g["table"])


class GRU(Updater):
    """z = s(W_z m + U_z[x]), r = s(W_r m + U_r[x]), n = tanh(U_n[x] + r (W_n m + c)), u = (1 - z) n + z m.

    longest: None, or the longest lag that matters; then the bias of each update gate z is log(t) with t uniform
    from 1 to longest - 1, so that at first the units forget over that many steps (Tallec & Ollivier 2018, "chrono").
    """

    def __init__(self, rng, vocabulary, memory, longest=None):
        size = memory.size
        self.arrays = {"table": rng.standard_normal((vocabulary, 3 * size)), "w": uniform(rng, size, 3 * size),
                       "b": uniform(rng, 3 * size, fan_in=size), "c": uniform(rng, size)}
        if longest is not None:
            self.arrays["b"][:size] = chrono(rng, size, longest)["forget"]      # z keeps, as a forget gate does
        self.taped = (("net", 3 * size), ("inner", size), ("memory", size), ("dnet", 3 * size), ("dcandidate", size))

    def tape(self, steps, rows, backward=True):
        """Gate by gate, "net" and "dnet" (3, steps, rows, Z): chains over one gate then run over contiguous memory."""
        widths, size = (self.taped if backward else self.taped[:2]), len(self.p["c"])
        made = {name: np.empty((steps, rows, width), self.p["c"].dtype) for name, width in widths}
        for name in {"net", "dnet"} & set(made):
            made[name] = made[name].reshape(3, steps, rows, size)
        made["w"] = np.ascontiguousarray(by_gate(self.p["w"]))
        made["w transposed"] = np.ascontiguousarray(made["w"].swapaxes(1, 2))
        return made

    def drive(self, tokens):
        """(..., 3, B, Z) for tokens (..., B)."""
        return np.moveaxis(np.take(by_gate(self.p["table"] + self.p["b"]), tokens, axis=1), 0, -3)

    def step(self, memory, drive, tape, t):
        net = np.matmul(memory, tape["w"], out=tape["net"][:, t])
        update, reset, candidate = net                      # views: the tape keeps what the lines below write there
        inner = np.add(candidate, self.p["c"], out=tape["inner"][t])
        gates = net[:2]
        gates += drive[:2]
        logistic(gates, out=gates)
        np.multiply(reset, inner, out=candidate)
        candidate += drive[2]
        np.tanh(candidate, out=candidate)
        if "memory" in tape:
            tape["memory"][t] = memory
        logits = memory - candidate
        logits *= update
        logits += candidate
        return logits

    def step_backward(self, dlogits, tape, t):
        update, reset, candidate = tape["net"][:, t]
        dnet, dcandidate, closed = tape["dnet"][:, t], tape["dcandidate"][t], 1 - update
        dupdate, dreset, dinner = dnet
        np.multiply(dlogits, closed, out=dcandidate)
        dcandidate *= 1 - candidate * candidate
        np.subtract(tape["memory"][t], candidate, out=dupdate)
        dupdate *= dlogits
        dupdate *= update
        dupdate *= closed
        np.multiply(dcandidate, reset, out=dinner)
        np.multiply(dinner, tape["inner"][t], out=dreset)
        dreset *= 1 - reset
        dmemory = dlogits * update
        for part in dnet @ tape["w transposed"]:
            dmemory += part
        return dmemory

    def collect(self, tape, tokens):
        memory = as_rows(tape["memory"])
        dnet, dcandidate = tape["dnet"].reshape(3, *memory.shape), as_rows(tape["dcandidate"])
        weights, table, bias = (by_gate(self.g[name]) for name in ("w", "table", "b"))
        weights += memory.T @ dnet
        dtable = np.zeros_like(table)
        for gate, dgate in enumerate((dnet[0], dnet[1], dcandidate)):
            embedding_backward(dgate, tokens, dtable[gate])
        table += dtable
        bias += dtable.sum(1)                               # every position adds one row of the table and b
        self.g["c"] += np.ones(len(memory), memory.dtype) @ dnet[2]


def by_gate(array):
    """View (..., 3 Z) as (3, ..., Z)."""
    return np.moveaxis(array.reshape(*array.shape[:-1], 3, -1), -2, 0)


class LSTM(Updater):
    """The memory is [h, c]: c' = f c + i g, h' = o tanh(c') with gates from W h + U[x] + b. Not in the paper.

    longest: None, or the longest lag that matters, for chrono-initialised input and forget gates (see GRU).
    """

    def __init__(self, rng, vocabulary, memory, longest=None):
        size = memory.size // 2
        self.arrays = {"table": rng.standard_normal((vocabulary, 4 * size)),
                       "w": uniform(rng, size, 4 * size), "b": uniform(rng, 4 * size, fan_in=size)}
        self.arrays["b"][size:2 * size] = 1     # forget gates open at first (Gers et al. 2000), or nothing lasts
        if longest is not None:
            gates = chrono(rng, size, longest)
            self.arrays["b"][:size], self.arrays["b"][size:2 * size] = gates["input"], gates["forget"]
        self.taped = (("net", 4 * size), ("squashed", size), ("memory", 2 * size), ("dnet", 4 * size))

    def drive(self, tokens):
        return embedding(tokens, self.p["table"] + self.p["b"])

    def step(self, memory, drive, tape, t):
        hidden, cell = np.split(memory, 2, axis=-1)
        net = np.matmul(hidden, self.p["w"], out=tape["net"][t])
        net += drive
        size = hidden.shape[1]
        net[:, :3 * size] = logistic(net[:, :3 * size])
        np.tanh(net[:, 3 * size:], out=net[:, 3 * size:])
        input_gate, forget_gate, output_gate, candidate = np.split(net, 4, axis=-1)
        new_cell = forget_gate * cell + input_gate * candidate
        squashed = np.tanh(new_cell)
        if "memory" in tape:
            tape["squashed"][t], tape["memory"][t] = squashed, memory
        return np.concatenate([output_gate * squashed, new_cell], axis=-1)

    def step_backward(self, dlogits, tape, t):
        dhidden, dcell = np.split(dlogits, 2, axis=-1)
        input_gate, forget_gate, output_gate, candidate = np.split(tape["net"][t], 4, axis=-1)
        squashed, cell = tape["squashed"][t], np.split(tape["memory"][t], 2, axis=-1)[1]
        dcell = dcell + dhidden * output_gate * (1 - squashed * squashed)
        dinput, dforget, doutput, dcandidate = np.split(tape["dnet"][t], 4, axis=-1)
        dinput[:] = dcell * candidate * input_gate * (1 - input_gate)
        dforget[:] = dcell * cell * forget_gate * (1 - forget_gate)
        doutput[:] = dhidden * squashed * output_gate * (1 - output_gate)
        dcandidate[:] = dcell * input_gate * (1 - candidate * candidate)
        return np.concatenate([tape["dnet"][t] @ self.p["w"].T, dcell * forget_gate], axis=-1)

    def collect(self, tape, tokens):
        dnet = as_rows(tape["dnet"])
        self.g["w"] += np.split(as_rows(tape["memory"]), 2, axis=-1)[0].T @ dnet
        self.g["b"] += dnet.sum(0)
        embedding_backward(dnet, tokens, self.g["table"])


class CellLSTM(Updater):
    """An LSTM whose memory is the cell alone: c' = f c + i g with gates from W tanh(c) + U[x] + b, no output gate.

    For bits: o tanh(c) has the signs of c, so a memory [h, c] of bits would have to hold every bit twice.
    """

    def __init__(self, rng, vocabulary, memory, longest=None):
        size = memory.size
        self.arrays = {"table": rng.standard_normal((vocabulary, 3 * size)),
                       "w": uniform(rng, size, 3 * size), "b": uniform(rng, 3 * size, fan_in=size)}
        self.arrays["b"][size:2 * size] = 1
        if longest is not None:
            gates = chrono(rng, size, longest)
            self.arrays["b"][:size], self.arrays["b"][size:2 * size] = gates["input"], gates["forget"]
        self.taped = (("net", 3 * size), ("hidden", size), ("memory", size), ("dnet", 3 * size))

    def drive(self, tokens):
        return embedding(tokens, self.p["table"] + self.p["b"])

    def step(self, memory, drive, tape, t):
        hidden, size = np.tanh(memory), memory.shape[1]
        net = np.matmul(hidden, self.p["w"], out=tape["net"][t])
        net += drive
        net[:, :2 * size] = logistic(net[:, :2 * size])
        np.tanh(net[:, 2 * size:], out=net[:, 2 * size:])
        input_gate, forget_gate, candidate = np.split(net, 3, axis=-1)
        if "memory" in tape:
            tape["hidden"][t], tape["memory"][t] = hidden, memory
        return forget_gate * memory + input_gate * candidate

    def step_backward(self, dlogits, tape, t):
        input_gate, forget_gate, candidate = np.split(tape["net"][t], 3, axis=-1)
        dinput, dforget, dcandidate = np.split(tape["dnet"][t], 3, axis=-1)
        hidden = tape["hidden"][t]
        dinput[:] = dlogits * candidate * input_gate * (1 - input_gate)
        dforget[:] = dlogits * tape["memory"][t] * forget_gate * (1 - forget_gate)
        dcandidate[:] = dlogits * input_gate * (1 - candidate * candidate)
        return dlogits * forget_gate + (tape["dnet"][t] @ self.p["w"].T) * (1 - hidden * hidden)

    def collect(self, tape, tokens):
        dnet = as_rows(tape["dnet"])
        self.g["w"] += as_rows(tape["hidden"]).T @ dnet
        self.g["b"] += dnet.sum(0)
        embedding_backward(dnet, tokens, self.g["table"])


class TransformerUpdater(Updater):
    """The paper's updater: [m tokens, Emb(x)] through bidirectional pre-norm blocks, RMSNorm; the first K outputs.

    There is no extra skip: as in the released code the residual stream itself starts at m_t.
    """

    def __init__(self, rng, vocabulary, memory, depth=1, heads=4):
        self.tokens, self.width, self.heads, self.depth = memory.tokens, memory.size // memory.tokens, heads, depth
        self.arrays = {"table": rng.standard_normal((vocabulary, self.width)), "norm": np.zeros(self.width)}
        for layer in range(depth):
            for name, array in block_weights(rng, self.width).items():
                self.arrays[f"block{layer}.{name}"] = array

    def tape(self, steps, rows, backward=True):
        length, head = self.tokens + 1, self.width // self.heads
        names = [f"block{layer}" for layer in range(self.depth)]
        turn = rotation(np.arange(length), self.heads, head, head // 2, self.p["table"].dtype)
        return {"caches": [None] * steps, "dtable": [None] * steps,
                "groups": [Group(slice(0, rows * length), (rows, length), self.heads, turn, None)],
                "folded": [fold_gains(self.p[name]) for name in names],
                "gradient": [folded_gradient(self.g[name]) for name in names]}

    def step(self, memory, drive, tape, t):
        stream = np.concatenate([memory.reshape(len(memory), self.tokens, self.width), drive[:, None]], axis=1)
        y, caches = as_rows(stream), []
        for p in tape["folded"]:
            y, cache = block(y, p, tape["groups"])
            caches.append(cache)
        y, norm = rms_norm(y.reshape(stream.shape)[:, :self.tokens], self.p["norm"])
        tape["caches"][t] = (caches, norm)
        return y.reshape(memory.shape)

    def step_backward(self, dlogits, tape, t):
        caches, norm = tape["caches"][t]
        dstream = np.zeros((len(dlogits), self.tokens + 1, self.width), dlogits.dtype)
        dy = dlogits.reshape(len(dlogits), self.tokens, self.width)
        dstream[:, :self.tokens] = rms_norm_backward(dy, norm, self.p["norm"], self.g["norm"])
        dy = as_rows(dstream)
        for layer in reversed(range(self.depth)):
            dy = block_backward(dy, caches[layer], tape["folded"][layer], tape["gradient"][layer])
        dstream = dy.reshape(dstream.shape)
        tape["dtable"][t] = dstream[:, self.tokens]
        return dstream[:, :self.tokens].reshape(dlogits.shape)

    def collect(self, tape, tokens):
        embedding_backward(np.stack(tape["dtable"]), tokens, self.g["table"])
        for layer, dfolded in enumerate(tape["gradient"]):
            unfold_gains(dfolded, self.p[f"block{layer}"], self.g[f"block{layer}"])


UPDATERS = {"mlp": ResidualMLP, "gru": GRU, "tanh": TanhRNN, "lstm": LSTM, "cell": CellLSTM,
            "transformer": TransformerUpdater}


class Readout:
    """p(y_t | m_t) = softmax(W2 gelu(W1 m + b1) + b2)."""

    def __init__(self, rng, vocabulary, memory, hidden=64):
        self.arrays = {"w1": uniform(rng, memory.size, hidden), "b1": uniform(rng, hidden, fan_in=memory.size),
                       "w2": uniform(rng, hidden, vocabulary), "b2": uniform(rng, vocabulary, fan_in=hidden)}

    def forward(self, memory):
        """Logits (..., V) of memories (..., Z)."""
        hidden = linear(memory, self.p["w1"], self.p["b1"])
        slope = np.empty_like(hidden)
        gelu(hidden, hidden, slope)
        return linear(hidden, self.p["w2"], self.p["b2"]), (memory, hidden, slope)

    def backward(self, dlogits, cache):
        memory, hidden, slope = cache
        dhidden = linear_backward(dlogits, hidden, self.p["w2"], self.g["w2"], self.g["b2"])
        dhidden *= slope
        return linear_backward(dhidden, memory, self.p["w1"], self.g["w1"], self.g["b1"])
