"""The training step of Supervised Memory Training once more, in PyTorch eager: what benchmark_smt.py compares with.

Weights, batches and random choices come from the numpy side, so both compute the same losses and gradients.
"""
import numpy as np
import torch
import torch.nn.functional as F

from benchmark_smt import ELEMENTS, HEADS, LENGTH, LR, SIZE, WEIGHTS, numpy_step
from smt.losses import smt_loss
from smt.training import Trainer


class TorchSMT:
    """The same teacher, RNN, losses and optimiser, from the numpy networks' weights.

    fused: PyTorch's own attention kernel. asked_only: the decoder's last block ends at the positions that are asked,
    the saving that smt/ makes too; False computes all positions, as the released code does.
    """

    def __init__(self, networks, fused=True, asked_only=True):
        self.fused, self.asked_only = fused, asked_only
        self.networks = {n: {name: torch.tensor(_to_torch(name, a), requires_grad=True)
                             for name, a in network.arrays().items()} for n, network in networks.items()}
        self.p = {name: p for parameters in self.networks.values() for name, p in parameters.items()}
        self.adam = torch.optim.AdamW(self.p.values(), lr=LR, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.01,
                                      fused=True)
        head = SIZE // HEADS
        angle = torch.arange(LENGTH + 1)[:, None] * 10000.0 ** (-2.0 * torch.arange(head // 2) / head)
        self.turn = torch.polar(torch.ones_like(angle), angle)[:, None]
        self.mask = torch.full((LENGTH + 1, LENGTH + 1), -1e9).triu(1)

    def step(self, batch):
        self.adam.zero_grad(set_to_none=True)
        losses = self.losses(*batch)
        losses["total"].backward()
        for parameters in self.networks.values():
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        self.adam.step()
        return losses

    def losses(self, x, y, choices):
        targets = F.pad(y, (1, 0), value=-1)
        memories = self.encoder(x)
        losses = {"dec": self.decoding(memories, x, targets, choices.cuts), "read": self.reading(memories, targets),
                  "dyn": self.dynamics(memories, x, choices.noise), "unif": self.uniformity(memories, choices.compared)}
        losses["total"] = (losses["dec"] + WEIGHTS.read * losses["read"] + WEIGHTS.dynamics * losses["dyn"]
                           + WEIGHTS.uniformity * losses["unif"])
        return losses

    def decoding(self, memories, x, targets, cuts):
        groups = np.array_split(np.arange(len(x)), len(cuts))
        total = count = 0
        for group, cut in zip(groups, cuts.tolist()):
            rows, asked = slice(group[0], group[-1] + 1), targets[group[0]:group[-1] + 1, cut:]
            places = torch.nonzero(asked >= 0, as_tuple=True)
            logits = self.decoder(memories[rows, cut], x[rows, cut:], places if self.asked_only else None)
            logits = logits if self.asked_only else logits[places]
            total = total + F.cross_entropy(logits, asked[places], reduction="sum")
            count += len(places[0])
        return total / count

    def reading(self, memories, targets):
        asked = targets >= 0
        hidden = F.gelu(self.linear(memories[asked], "readout/w1", "readout/b1"), approximate="tanh")
        return F.cross_entropy(self.linear(hidden, "readout/w2", "readout/b2"), targets[asked])

    def dynamics(self, memories, x, noise):
        given = memories[:, :-1] + noise
        hidden = self.linear(given, "updater/w1", "updater/b1") + F.embedding(x, self.p["updater/table"])
        logits = given + self.linear(F.gelu(hidden, approximate="tanh"), "updater/w2", "updater/b2")
        error = (self.normed(logits) - memories[:, 1:]).square().mean(-1).flatten()
        worst = torch.topk(error, max(1, round(WEIGHTS.top * len(error))), sorted=False).values
        return 0.5 * error.mean() + 0.5 * worst.mean()

    def uniformity(self, memories, compared):
        unit = F.normalize(memories.flatten(0, 1)[compared], dim=-1)
        pairs = (4 * (unit @ unit.T) - 4).exp()
        n = len(unit)
        return torch.log((pairs.sum() - pairs.diagonal().sum()) / (n * (n - 1)))

    def encoder(self, x):
        tokens = F.pad(x, (1, 0), value=ELEMENTS + 1)
        stream = F.embedding(tokens, self.p["encoder/table"])
        stream = stream + F.pad(F.embedding(tokens[:, :-1], self.p["encoder/previous"]), (0, 0, 1, 0))
        return self.normed(self.linear(self.stack(stream, "encoder", 2), "encoder/out", "encoder/bias"))

    def decoder(self, memory, future, kept=None):
        first = self.linear(memory, "decoder/project")[:, None]
        ahead = F.embedding(future, self.p["decoder/table"])
        if future.shape[1] > 1:
            ahead = ahead + F.pad(F.embedding(future[:, :-1], self.p["decoder/previous"]), (0, 0, 1, 0))
        return self.linear(self.stack(torch.cat([first, ahead], 1), "decoder", 1, kept), "decoder/out", "decoder/bias")

    def stack(self, stream, part, depth, kept=None):
        for layer in range(depth):
            name = f"{part}/block{layer}."
            mixed = self.attention(self.normed(stream, name + "norm1"), name)
            if kept is not None and layer == depth - 1:
                mixed, stream = mixed[kept], stream[kept]
            stream = stream + self.linear(mixed, name + "project")
            hidden = self.linear(self.normed(stream, name + "norm2"), name + "w1", name + "b1")
            stream = stream + self.linear(F.gelu(hidden, approximate="tanh"), name + "w2", name + "b2")
        return self.normed(stream, f"{part}/norm")

    def attention(self, x, name):
        batch, length, _ = x.shape
        query, key, value = self.linear(x, name + "qkv").view(batch, length, 3, HEADS, -1).unbind(2)
        query, key = self.rotated(query).transpose(1, 2), self.rotated(key).transpose(1, 2)
        value = value.transpose(1, 2)
        if self.fused:
            result = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + self.mask[:length, :length]
            result = scores.softmax(-1) @ value
        return result.transpose(1, 2).reshape(x.shape)

    def rotated(self, heads):
        pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * self.turn[:heads.shape[1]]).flatten(-2)

    def linear(self, x, weight, bias=None):
        return F.linear(x, self.p[weight], None if bias is None else self.p[bias])

    def normed(self, x, gain=None):
        return F.rms_norm(x, x.shape[-1:], None if gain is None else 1 + self.p[gain], torch.finfo(torch.float32).eps)

    def gradient(self):
        """{name: gradient} in the layout of the numpy networks."""
        return {name: _to_torch(name, p.grad.numpy()) for name, p in self.p.items() if p.grad is not None}


def _to_torch(name, array):
    """Weights are (from, to) in smt/ and (to, from) in PyTorch; lookup tables are the same in both."""
    matrix = array.ndim == 2 and "table" not in name and "previous" not in name
    return np.ascontiguousarray(array.T) if matrix else array.copy()


def as_tensors(pool):
    """The batches and their random choices as tensors."""
    return [(torch.tensor(x), torch.tensor(y),
             c._replace(compared=torch.tensor(c.compared), noise=torch.tensor(c.noise))) for x, y, c in pool]


def sides(networks):
    """{name: TorchSMT}: three ways to write it."""
    return {"torch_fused_attention": TorchSMT(networks), "torch_plain_attention": TorchSMT(networks, fused=False),
            "torch_all_positions": TorchSMT(networks, asked_only=False)}


def agreement(networks, sides, pool, tensors):
    """Largest relative difference of a gradient (per array) and of the losses over POOL steps of training."""
    smt_loss(networks["teacher"], networks["rnn"], *pool[0], WEIGHTS)
    ours = {k: a for n in networks.values() for k, a in n.arrays(n.gradient).items()}
    gradients = []
    for side in sides.values():
        side.losses(*tensors[0])["total"].backward()
        theirs = side.gradient()
        gradients += [np.linalg.norm(theirs[k] - ours[k]) / (np.linalg.norm(ours[k]) + 1e-9) for k in theirs]
    trainer, losses = Trainer(**networks), []
    for batch, tensor in zip(pool, tensors):
        ours = numpy_step(networks, trainer, batch)
        for side in sides.values():
            theirs = side.step(tensor)
            losses += [abs(float(theirs[name].detach()) / ours[name] - 1) for name in ours]
    return max(gradients), max(losses)


def useful_operations(side, tensors):
    """Floating-point operations of matrix products per step, mean over the pool (forward and backward)."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        for batch in tensors:
            side.losses(*batch)["total"].backward()
    return counter.get_total_flops() / len(tensors)
