"""Encoder, decoder, Transformer baseline, and the two networks of the method: the teacher and the RNN.

Index convention, the main source of off-by-one mistakes: the memory m_t has read the first t tokens x[:, :t], so
m_0 is the memory of the empty past, and its first prediction is the target y[:, t-1] that belongs to token t.

The encoder emits all memories m_0 .. m_T of a sequence in one causal pass. That is our variant: the authors' own pass
for the synthetic tasks is not released; their released encoder is bidirectional over one left-padded window and gives
one memory, at register tokens behind the window.
"""

import numpy as np

from smt.layers import (Group, as_rows, block, block_backward, causal_mask, embedding_backward, embedding_or_none,
                        fold_gains, folded_gradient, linear, linear_backward, rms_norm, rms_norm_backward, rotation,
                        unfold_gains)
from smt.updaters import UPDATERS, Readout, block_weights, uniform


SHORT = 300         # up to this length a stack keeps its rotary turns and masks


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
        self._positions = {}

    def positions(self, length):
        """Rotary turns and causal mask of positions 0..length-1; those of short sequences are kept.

        `rotated` is the share of each head's features that turn (released code: a half).
        """
        key = (length, self.p["norm"].dtype)
        if key in self._positions:
            return self._positions[key]
        head = self.width // self.heads
        made = (rotation(np.arange(length), self.heads, head, int(head * self.rotated), key[1]),
                causal_mask(length, key[1]))
        if length <= SHORT:
            self._positions[key] = made
        return made

    def groups(self, shapes):
        """layers.Group, causal, for each (B, T) of `shapes`, one after the other."""
        ends = np.cumsum([batch * length for batch, length in shapes])
        return [Group(slice(end - batch * length, end), (batch, length), self.heads, *self.positions(length))
                for end, (batch, length) in zip(ends, shapes)]

    def forward(self, stream, groups, kept=None):
        """Outputs (R, D) of a stream of rows (R, D), or (N, D) at the rows `kept` only (see layers.block)."""
        caches = []
        for layer in range(self.depth):
            folded = fold_gains(self.p[f"block{layer}"])
            stream, cache = block(stream, folded, groups, kept if layer == self.depth - 1 else None)
            caches.append((folded, cache))
        y, norm = rms_norm(stream, self.p["norm"])
        return y, (caches, norm)

    def backward(self, dy, cache):
        """Gradient of the stream (R, D)."""
        caches, norm = cache
        dstream = rms_norm_backward(dy, norm, self.p["norm"], self.g["norm"])
        for layer in reversed(range(self.depth)):
            p, g, (folded, block_cache) = self.p[f"block{layer}"], self.g[f"block{layer}"], caches[layer]
            dfolded = folded_gradient(g)
            dstream = block_backward(dstream, block_cache, folded, dfolded)
            unfold_gains(dfolded, p, g)
        return dstream

    def embed(self, tokens):
        """(B T, D) rows for tokens (B, T), -1 for none; with `previous` also of the token before."""
        stream = embedding_or_none(tokens.reshape(-1), self.p["table"])
        if "previous" in self.p:
            stream += embedding_or_none(shifted(tokens).reshape(-1), self.p["previous"])
        return stream

    def embed_backward(self, dstream, tokens):
        embedding_backward(dstream, tokens, self.g["table"])
        if "previous" in self.p:
            embedding_backward(dstream, shifted(tokens), self.g["previous"])


def shifted(tokens):
    """The token before each token (B, T); -1 before the first."""
    return np.concatenate([np.full((len(tokens), 1), -1, tokens.dtype), tokens[:, :-1]], axis=1)


class CausalEncoder(Stack):
    """All memories of a sequence in one pass: BOS and the tokens through causal blocks, one memory per position.

    `shift` adds a second embedding of the previous token to each position (a declared extra: without it the encoder
    needs several times more steps to find the needle). The memory of the empty past is the output at BOS.
    """

    def __init__(self, rng, vocabulary, memory, width=64, depth=2, heads=1, shift=True, rotated=1.0):
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
        y, seen = self.look(tokens)
        memories, normed = self.memory.normalise(linear(y, self.p["out"], self.p["bias"]))
        return memories, (tokens, y, seen, normed)

    def backward(self, dmemories, cache):
        tokens, y, seen, normed = cache
        dlogits = self.memory.normalise_backward(dmemories, normed)
        dy = linear_backward(dlogits, y, self.p["out"], self.g["out"], self.g["bias"])
        self.embed_backward(self.look_backward(dy, seen), tokens)

    def look(self, tokens):
        """What the memories are read from, (B, T+1, D), for BOS and tokens (B, T+1)."""
        y, stack = super().forward(self.embed(tokens), self.groups([tokens.shape]))
        return y.reshape(*tokens.shape, -1), stack

    def look_backward(self, dy, stack):
        """Gradient of the embedded tokens (B (T+1), D)."""
        return super().backward(as_rows(dy), stack)

    def empty_memory(self):
        """m_0, the memory of the empty past (Z,): where the RNN starts."""
        return self.forward(np.zeros((1, 0), np.int64))[0][0, 0].copy()


class ScratchEncoder(CausalEncoder):
    """R learned tokens stand in front of BOS: attention may use them, no memory is read there.

    "Registers" as in vision Transformers (Darcet et al. 2024). In a causal pass they cannot see the tokens.
    """

    def __init__(self, rng, vocabulary, memory, width, *others, count):
        super().__init__(rng, vocabulary, memory, width, *others)
        self.count = count
        self.arrays["registers"] = rng.standard_normal((count, width))

    def look(self, tokens):
        rows = self.embed(tokens).reshape(*tokens.shape, -1)
        stream = np.concatenate([repeated(self.p["registers"], len(rows)), rows], axis=1)
        y, stack = Stack.forward(self, as_rows(stream), self.groups([stream.shape[:2]]))
        return np.ascontiguousarray(y.reshape(stream.shape)[:, self.count:]), stack

    def look_backward(self, dy, stack):
        dy = np.pad(dy, ((0, 0), (self.count, 0), (0, 0)))
        dstream = Stack.backward(self, as_rows(dy), stack).reshape(dy.shape)
        self.g["registers"] += dstream[:, :self.count].sum(0)
        return as_rows(np.ascontiguousarray(dstream[:, self.count:]))


class RegisterEncoder(CausalEncoder):
    """R learned tokens stand behind every token, and the memory is read from them, one linear map of all R outputs.

    As in the released code, whose registers stand behind one window: those of m_t see the tokens up to t and each
    other. The tokens see no register, so all memories of a sequence still come from one pass. A register's rotary
    position counts on from its token's, as it does behind a window.
    """

    def __init__(self, rng, vocabulary, memory, width, *others, count):
        super().__init__(rng, vocabulary, memory, width, *others)
        self.count = count
        self.arrays["registers"] = rng.standard_normal((count, width))
        self.arrays["out"] = uniform(rng, count * width, memory.size)

    def place(self, rows):
        """(token, register) of so many rows; register 0 is the token itself."""
        return np.divmod(np.arange(rows), 1 + self.count)

    def positions(self, rows):
        """Rotary turns and mask of the rows of one sequence."""
        token, register = self.place(rows)
        earlier, own = (token <= token[:, None]) & (register == 0), token == token[:, None]
        seen = earlier | (own & (register[:, None] > 0))
        head, dtype = self.width // self.heads, self.p["norm"].dtype
        turn = rotation(token + register, self.heads, head, int(head * self.rotated), dtype)
        return turn, np.where(seen, 0, -1e9).astype(dtype)

    def look(self, tokens):
        rows = self.embed(tokens).reshape(*tokens.shape, 1, -1)
        registers = repeated(self.p["registers"], *tokens.shape)
        stream = np.concatenate([rows, registers], axis=2)
        kept = np.flatnonzero(self.place(tokens.size * (1 + self.count))[1])
        groups = self.groups([(len(tokens), tokens.shape[1] * (1 + self.count))])
        y, stack = Stack.forward(self, as_rows(stream), groups, kept)
        return y.reshape(*tokens.shape, -1), (stack, stream.shape)

    def look_backward(self, dy, cache):
        stack, shape = cache
        dstream = Stack.backward(self, dy.reshape(-1, self.width), stack).reshape(shape)
        self.g["registers"] += dstream[:, :, 1:].sum((0, 1))
        return as_rows(np.ascontiguousarray(dstream[:, :, 0]))


def repeated(array, *shape):
    """The array for every sequence (and token), on leading axes."""
    return np.broadcast_to(array, (*shape, *array.shape))


class Decoder(Stack):
    """Predict the future from a memory: [the memory as K tokens, x_{t+1}, x_{t+2}, ...] through causal blocks.

    Output j (0 at the memory's last token) predicts y_{t+j} and has seen x_{t+1..t+j} only. The memory is mapped to
    `tokens` (K) tokens of the model's width; the released decoder reads its K tokens of that width as they are, and is
    causal too.
    """

    def __init__(self, rng, vocabulary, memory, width=64, depth=1, heads=1, shift=True, rotated=1.0, tokens=1):
        super().__init__(rng, width, depth, heads, rotated)
        self.tokens = tokens
        self.arrays["table"] = rng.standard_normal((vocabulary, width))
        if shift:
            self.arrays["previous"] = rng.standard_normal((vocabulary, width))
        self.arrays["project"] = uniform(rng, memory.size, tokens * width)
        self.arrays["out"] = uniform(rng, width, vocabulary)
        self.arrays["bias"] = uniform(rng, vocabulary, fan_in=width)

    def forward(self, memory, futures, asked=None):
        """Logits (N, V) from memories (B, Z) and the inputs that follow them.

        futures: one (B_g, F_g), F_g >= 0, for each group of sequences with the same number of inputs left, in the order
        of the memories. asked: for each group what is asked for, (sequence indices, horizons 0..F_g); None: everything.
        """
        # the memory stands where K tokens would: -1 is no token, its rows are filled below
        tokens = [np.concatenate([np.full((len(f), self.tokens), -1, f.dtype), f], axis=1) for f in futures]
        if asked is None:
            asked = [[axis.ravel() for axis in np.indices((len(f), f.shape[1] + 1))] for f in futures]
        groups = self.groups([t.shape for t in tokens])
        kept = np.concatenate([group.rows.start + sequence * group.shape[1] + self.tokens - 1 + horizon
                               for group, (sequence, horizon) in zip(groups, asked)])
        stream = np.concatenate([self.embed(t) for t in tokens])
        stream[self.memory_rows(groups)] = linear(memory, self.p["project"]).reshape(-1, self.width)
        y, stack = super().forward(stream, groups, kept)
        return linear(y, self.p["out"], self.p["bias"]), (memory, tokens, groups, y, stack)

    def backward(self, dlogits, cache):
        """Gradient of the memories (B, Z)."""
        memory, tokens, groups, y, stack = cache
        dy = linear_backward(dlogits, y, self.p["out"], self.g["out"], self.g["bias"])
        dstream = super().backward(dy, stack)
        for group, group_tokens in zip(groups, tokens):
            self.embed_backward(dstream[group.rows], group_tokens)
        dread = dstream[self.memory_rows(groups)].reshape(len(memory), -1)
        return linear_backward(dread, memory, self.p["project"], self.g["project"])

    def memory_rows(self, groups):
        """Indices of the rows that hold a memory, K for each, in the order of the memories."""
        first = np.concatenate([np.arange(group.rows.start, group.rows.stop, group.shape[1]) for group in groups])
        return (first[:, None] + np.arange(self.tokens)).ravel()


class TransformerBaseline(Stack):
    """No memory at all: the encoder's blocks, then logits from every position."""

    def __init__(self, rng, vocabulary, width=64, depth=2, heads=1, shift=True, rotated=1.0):
        super().__init__(rng, width, depth, heads, rotated)
        self.arrays["table"] = rng.standard_normal((vocabulary, width))
        if shift:
            self.arrays["previous"] = rng.standard_normal((vocabulary, width))
        self.arrays["out"] = uniform(rng, width, vocabulary)
        self.arrays["bias"] = uniform(rng, vocabulary, fan_in=width)

    def forward(self, x):
        """Logits (B, T, V) of tokens (B, T)."""
        y, stack = super().forward(self.embed(x), self.groups([x.shape]))
        return linear(y, self.p["out"], self.p["bias"]).reshape(*x.shape, -1), (x, y, stack)

    def backward(self, dlogits, cache):
        x, y, stack = cache
        dstream = super().backward(linear_backward(dlogits, y, self.p["out"], self.g["out"], self.g["bias"]), stack)
        self.embed_backward(dstream, x)


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

    def __init__(self, rng, vocabulary, memory, dtype=np.float32, width=64, encoder_depth=2, decoder_depth=1, heads=1,
                 shift=True, rotated=1.0, tokens=1, encoder=CausalEncoder, **options):
        """encoder: a CausalEncoder or a kind of it, with `options` of its own; tokens: the decoder's K."""
        self.encoder = encoder(rng, vocabulary, memory, width, encoder_depth, heads, shift, rotated, **options)
        self.decoder = Decoder(rng, vocabulary, memory, width, decoder_depth, heads, shift, rotated, tokens)
        super().__init__({"encoder": self.encoder, "decoder": self.decoder}, dtype)
