"""Encoder, decoder, Transformer baseline, and the two networks of the method: the teacher and the RNN.

Index convention, the main source of off-by-one mistakes: the memory m_t has read the first t tokens x[:, :t], so
m_0 is the memory of the empty past, and its first prediction is the target y[:, t-1] that belongs to token t.

Two encoders. `CausalEncoder` emits all memories m_0 .. m_T of a sequence in one pass; the synthetic experiments use it
(our variant: the authors' own all-memories pass is not released). `WindowEncoder` is the released form: bidirectional
over one left-padded window, with register tokens last, whose outputs are the memory tokens.
"""

import numpy as np

from smt.layers import (affine, affine_backward, block, block_backward, causal_mask, embedding, embedding_backward,
                        rms_norm, rms_norm_backward, rotation)
from smt.updaters import UPDATERS, Readout, block_weights, uniform


class Network:
    """Several modules whose weights are views of one flat vector (`flat`), their gradients of another (`gradient`).

    The optimiser, the clipping and "set to zero" are then one call each; a module sees its own weights as
    `p["name"]` and their gradients as `g["name"]`; names with a dot ("block0.qkv") become nested dictionaries.
    """

    def __init__(self, modules, dtype=np.float32):
        self.modules = modules
        arrays = {f"{part}/{name}": a for part, m in modules.items() for name, a in m.arrays.items()}
        self.shapes = {name: np.shape(a) for name, a in arrays.items()}
        self.flat = np.concatenate([np.ravel(a) for a in arrays.values()]).astype(dtype)
        self.gradient = np.zeros_like(self.flat)
        for part, module in modules.items():
            module.p, module.g = self._views(self.flat, part), self._views(self.gradient, part)

    def _views(self, flat, part):
        nested = {}
        for name, array in self.arrays(flat).items():
            *path, last = name.removeprefix(part + "/").split(".")
            if not name.startswith(part + "/"):
                continue
            target = nested
            for step in path:
                target = target.setdefault(step, {})
            target[last] = array
        return nested

    def arrays(self, flat=None):
        """{"module/name": view} of all weights (or of another flat vector of the same length)."""
        flat = self.flat if flat is None else flat
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        starts = np.concatenate([[0], ends[:-1]])
        return {name: flat[a:b].reshape(shape) for (name, shape), a, b in zip(self.shapes.items(), starts, ends)}


class Stack:
    """Pre-norm Transformer blocks and a final RMSNorm; the part encoder, decoder and baseline have in common."""

    def __init__(self, rng, width, depth, heads, rotated=1.0):
        self.width, self.depth, self.heads, self.rotated = width, depth, heads, rotated
        self.arrays = {"norm": np.zeros(width)}
        for layer in range(depth):
            for name, array in block_weights(rng, width).items():
                self.arrays[f"block{layer}.{name}"] = array
        self._turns, self._masks = {}, {}

    def turn(self, length):
        """Rotary positions 0..length-1; `rotated` is the share of each head's features that turn (released code: 1/2)."""
        key = (length, self.p["norm"].dtype)
        if key not in self._turns:
            head = self.width // self.heads
            self._turns[key] = rotation(np.arange(length), head, int(head * self.rotated), key[1])
        return self._turns[key]

    def causal(self, length):
        key = (length, self.p["norm"].dtype)
        if key not in self._masks:
            self._masks[key] = causal_mask(length, key[1])
        return self._masks[key]

    def forward(self, stream, mask, kept=None):
        """Outputs at all positions, or (N, D) at the positions `kept` only (see layers.block)."""
        turn, caches = self.turn(stream.shape[1]), []
        for layer in range(self.depth):
            last = layer == self.depth - 1
            stream, cache = block(stream, self.p[f"block{layer}"], self.heads, turn, mask, kept if last else None)
            caches.append(cache)
        y, norm = rms_norm(stream, self.p["norm"])
        return y, (caches, norm)

    def backward(self, dy, cache):
        caches, norm = cache
        dstream = rms_norm_backward(dy, norm, self.p["norm"], self.g["norm"])
        for layer in reversed(range(self.depth)):
            dstream = block_backward(dstream, caches[layer], self.p[f"block{layer}"], self.g[f"block{layer}"])
        return dstream


class CausalEncoder(Stack):
    """All memories of a sequence in one pass: BOS and the tokens through causal blocks, one memory per position.

    `shift` adds a second embedding of the previous token to each position (a declared extra: without it the encoder
    needs several times more steps to find the needle). The memory of the empty past is the output at BOS.
    """

    def __init__(self, rng, vocabulary, memory, width=64, depth=2, heads=4, shift=True, rotated=1.0):
        super().__init__(rng, width, depth, heads, rotated)
        self.memory, self.bos = memory, vocabulary
        self.arrays["table"] = rng.standard_normal((vocabulary + 1, width))
        if shift:
            self.arrays["previous"] = rng.standard_normal((vocabulary + 1, width))
        self.arrays["out"] = uniform(rng, width, memory.size)
        self.arrays["bias"] = uniform(rng, memory.size, fan_in=width)

    def forward(self, x):
        """Memories (B, T+1, Z) of tokens (B, T)."""
        tokens = np.concatenate([np.full((len(x), 1), self.bos, x.dtype), x], axis=1)
        stream = embedding(tokens, self.p["table"])
        if "previous" in self.p:
            stream[:, 1:] += embedding(tokens[:, :-1], self.p["previous"])
        y, stack = super().forward(stream, self.causal(tokens.shape[1]))
        memories, normed = self.memory.normalise(affine(y, self.p["out"], self.p["bias"]))
        return memories, (tokens, y, stack, normed)

    def backward(self, dmemories, cache):
        tokens, y, stack, normed = cache
        dlogits = self.memory.normalise_backward(dmemories, normed)
        dstream = super().backward(affine_backward(dlogits, y, self.p["out"], self.g["out"], self.g["bias"]), stack)
        embedding_backward(dstream, tokens, self.g["table"])
        if "previous" in self.p:
            embedding_backward(dstream[:, 1:], tokens[:, :-1], self.g["previous"])

    def empty_memory(self):
        """m_0, the memory of the empty past (Z,): where the RNN starts."""
        return self.forward(np.zeros((1, 0), np.int64))[0][0, 0].copy()


class WindowEncoder(Stack):
    """The released encoder: [tokens of one window, K registers] through bidirectional blocks; the register outputs,
    normalised, are the memory (K tokens of the model's own width). Pads are token -1, on the left."""

    def __init__(self, rng, vocabulary, memory, depth=2, heads=4, rotated=0.5):
        super().__init__(rng, memory.size // memory.tokens, depth, heads, rotated)
        self.memory = memory
        self.arrays["table"] = rng.standard_normal((vocabulary, self.width))
        self.arrays["registers"] = rng.standard_normal((memory.tokens, self.width))

    def forward(self, windows):
        """Memories (B, Z) of left-padded windows (B, Tc)."""
        batch, length = windows.shape
        registers = np.broadcast_to(self.p["registers"], (batch, *self.p["registers"].shape))
        stream = np.concatenate([embedding(np.maximum(windows, 0), self.p["table"]), registers], axis=1)
        mask = np.zeros((batch, 1, 1, stream.shape[1]), stream.dtype)
        mask[:, 0, 0, :length] = np.where(windows < 0, -1e9, 0)
        y, stack = super().forward(stream, mask)
        memory, normed = self.memory.normalise(y[:, length:].reshape(batch, -1))
        return memory, (windows, y, stack, normed)

    def backward(self, dmemory, cache):
        windows, y, stack, normed = cache
        dy = np.zeros_like(y)
        dy[:, windows.shape[1]:] = self.memory.normalise_backward(dmemory, normed).reshape(len(y), -1, self.width)
        dstream = super().backward(dy, stack)
        dtokens = dstream[:, :windows.shape[1]] * (windows >= 0)[..., None]
        embedding_backward(dtokens, np.maximum(windows, 0), self.g["table"])
        self.g["registers"] += dstream[:, windows.shape[1]:].sum(0)


class Decoder(Stack):
    """Predict the future from a memory: [memory tokens, x_{t+1}, x_{t+2}, ...] through causal blocks.

    Output j (0 at the last memory token) predicts y_{t+j} and has seen x_{t+1..t+j} only. With `project` the memory is
    mapped to one token of the model's width (our form); without, its K tokens are used as they are (released form).
    """

    def __init__(self, rng, vocabulary, memory, width=64, depth=1, heads=4, shift=True, project=True, rotated=1.0):
        width = width if project else memory.size // memory.tokens
        super().__init__(rng, width, depth, heads, rotated)
        self.tokens = 1 if project else memory.tokens
        self.arrays["table"] = rng.standard_normal((vocabulary, width))
        if shift:
            self.arrays["previous"] = rng.standard_normal((vocabulary, width))
        if project:
            self.arrays["project"] = uniform(rng, memory.size, width)
        self.arrays["out"] = uniform(rng, width, vocabulary)
        self.arrays["bias"] = uniform(rng, vocabulary, fan_in=width)

    def forward(self, memory, future, asked=None):
        """Logits (B, F+1, V) from memories (B, Z) and future inputs (B, F), F >= 0.

        With asked = (sequence indices, horizons) only the logits (N, V) at these places.
        """
        first = affine(memory, self.p["project"]) if "project" in self.p else memory
        stream = np.concatenate([first.reshape(len(memory), self.tokens, self.width),
                                 embedding(future, self.p["table"])], axis=1)
        if "previous" in self.p:
            stream[:, self.tokens + 1:] += embedding(future[:, :-1], self.p["previous"])
        ragged = asked is not None
        if not ragged:
            asked = tuple(axis.ravel() for axis in np.indices((len(future), future.shape[1] + 1)))
        y, stack = super().forward(stream, self.causal(stream.shape[1]), (asked[0], asked[1] + self.tokens - 1))
        logits = affine(y, self.p["out"], self.p["bias"])
        return (logits if ragged else logits.reshape(len(future), -1, logits.shape[1])), (memory, future, y, stack)

    def backward(self, dlogits, cache):
        memory, future, y, stack = cache
        dy = affine_backward(dlogits.reshape(len(y), -1), y, self.p["out"], self.g["out"], self.g["bias"])
        dstream = super().backward(dy, stack)
        embedding_backward(dstream[:, self.tokens:], future, self.g["table"])
        if "previous" in self.p:
            embedding_backward(dstream[:, self.tokens + 1:], future[:, :-1], self.g["previous"])
        dfirst = dstream[:, :self.tokens].reshape(len(memory), -1)
        if "project" not in self.p:
            return dfirst
        return affine_backward(dfirst, memory, self.p["project"], self.g["project"])


class TransformerBaseline(Stack):
    """No memory at all: the encoder's blocks, then logits from every position."""

    def __init__(self, rng, vocabulary, width=64, depth=2, heads=4, shift=True, rotated=1.0):
        super().__init__(rng, width, depth, heads, rotated)
        self.arrays["table"] = rng.standard_normal((vocabulary, width))
        if shift:
            self.arrays["previous"] = rng.standard_normal((vocabulary, width))
        self.arrays["out"] = uniform(rng, width, vocabulary)
        self.arrays["bias"] = uniform(rng, vocabulary, fan_in=width)

    def forward(self, x):
        """Logits (B, T, V) of tokens (B, T)."""
        stream = embedding(x, self.p["table"])
        if "previous" in self.p:
            stream[:, 1:] += embedding(x[:, :-1], self.p["previous"])
        y, stack = super().forward(stream, self.causal(x.shape[1]))
        return affine(y, self.p["out"], self.p["bias"]), (x, y, stack)

    def backward(self, dlogits, cache):
        x, y, stack = cache
        dstream = super().backward(affine_backward(dlogits, y, self.p["out"], self.g["out"], self.g["bias"]), stack)
        embedding_backward(dstream, x, self.g["table"])
        if "previous" in self.p:
            embedding_backward(dstream[:, 1:], x[:, :-1], self.g["previous"])


class Start:
    """The RNN's initial memory as logits (Z,): learned by BPTT, set to the encoder's empty memory by SMT."""

    def __init__(self, rng, memory):
        self.arrays = {"logits": rng.standard_normal(memory.size)}


class RNN(Network):
    """Everything that is left when training is over: updater, readout, initial memory."""

    def __init__(self, rng, vocabulary, memory, updater="mlp", dtype=np.float32, **options):
        self.memory, self.vocabulary = memory, vocabulary
        self.updater = UPDATERS[updater](rng, vocabulary, memory, **options)
        self.readout, self.start = Readout(rng, vocabulary, memory), Start(rng, memory)
        super().__init__({"updater": self.updater, "readout": self.readout, "start": self.start}, dtype)

    def initial(self, batch):
        """m_0 for a batch (B, Z)."""
        first = self.memory.normalise(self.start.p["logits"][None])[0]
        return np.repeat(first, batch, axis=0)

    def step(self, memory, tokens):
        """m_{t+1} (B, Z) from m_t (B, Z) and the next tokens (B,), no gradient."""
        tape = self.updater.tape(1, len(memory), backward=False)
        return self.memory.normalise(self.updater.step(memory, self.updater.drive(tokens), tape, 0))[0]

    def answer(self, memory):
        """The most probable answer (...) of memories (..., Z)."""
        return self.readout.forward(memory)[0].argmax(-1)


class Teacher(Network):
    """Encoder and decoder: used for training only."""

    def __init__(self, rng, vocabulary, memory, dtype=np.float32, width=64, encoder_depth=2, decoder_depth=1, heads=4,
                 shift=True, rotated=1.0):
        self.encoder = CausalEncoder(rng, vocabulary, memory, width, encoder_depth, heads, shift, rotated)
        self.decoder = Decoder(rng, vocabulary, memory, width, decoder_depth, heads, shift, rotated=rotated)
        super().__init__({"encoder": self.encoder, "decoder": self.decoder}, dtype)


class ReleasedTeacher(Network):
    """The teacher as released: window encoder with registers, decoder on the K memory tokens themselves."""

    def __init__(self, rng, vocabulary, memory, dtype=np.float32, encoder_depth=2, decoder_depth=1, heads=4):
        self.encoder = WindowEncoder(rng, vocabulary, memory, encoder_depth, heads)
        self.decoder = Decoder(rng, vocabulary, memory, None, decoder_depth, heads, shift=False, project=False, rotated=0.5)
        super().__init__({"encoder": self.encoder, "decoder": self.decoder}, dtype)
