"""The training steps of smt_steps.py once more, in PyTorch eager: what benchmark_smt.py compares with.

Weights, batches and random choices come from the numpy side, so both compute the same losses and gradients.
"""
import numpy as np
import torch
import torch.nn.functional as F

from smt_steps import HEADS, LR, SIZE, SelfPredictionStep, SMTStep

LONGEST = SMTStep.LENGTH + 1                    # positions of the longest sequence that any stack reads


class TorchNetworks:
    """The same networks and optimiser, from the numpy networks' weights; a subclass adds `losses`.

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
        angle = torch.arange(LONGEST)[:, None] * 10000.0 ** (-2.0 * torch.arange(head // 2) / head)
        self.turn = torch.polar(torch.ones_like(angle), angle)[:, None]
        self.mask = torch.full((LONGEST, LONGEST), -1e9).triu(1)

    def step(self, batch):
        self.adam.zero_grad(set_to_none=True)
        losses = self.losses(*batch)
        losses["total"].backward()
        for parameters in self.networks.values():
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        self.adam.step()
        return losses

    def gradient(self):
        """{name: gradient} in the layout of the numpy networks."""
        return {name: _to_torch(name, p.grad.numpy()) for name, p in self.p.items() if p.grad is not None}

    # -- layers --------------------------------------------------------------------------------------------------------

    def linear(self, x, weight, bias=None):
        return F.linear(x, self.p[weight], None if bias is None else self.p[bias])

    def normed(self, x, gain=None):
        return F.rms_norm(x, x.shape[-1:], None if gain is None else 1 + self.p[gain], torch.finfo(torch.float32).eps)

    def embedded(self, tokens, part):
        """Rows of each token (B, T) and of the token before it."""
        ahead = F.embedding(tokens, self.p[part + "/table"])
        if tokens.shape[1] < 2:
            return ahead
        return ahead + F.pad(F.embedding(tokens[:, :-1], self.p[part + "/previous"]), (0, 0, 1, 0))

    def decoder(self, memory, future, kept):
        """Logits at the places `kept` of [the memory as one token, future (B, F)]."""
        first = self.linear(memory, "decoder/project")[:, None]
        stream = torch.cat([first, self.embedded(future, "decoder")], 1)
        outputs = self.stack(stream, "decoder", 1, kept if self.asked_only else None)
        logits = self.linear(outputs, "decoder/out", "decoder/bias")
        return logits if self.asked_only else logits[kept]

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

    def readout(self, memory):
        hidden = F.gelu(self.linear(memory, "readout/w1", "readout/b1"), approximate="tanh")
        return self.linear(hidden, "readout/w2", "readout/b2")

    # -- updaters: memory (rows, Z), drive (what the input adds) -> logits (rows, Z) -----------------------------------

    def drive(self, tokens):
        if "updater/c" not in self.p:
            return F.embedding(tokens, self.p["updater/table"] + self.p["updater/b1"])
        table = self.p["updater/table"] + self.p["updater/b"]
        return [F.embedding(tokens, gate) for gate in table.chunk(3, 1)]

    def updater(self, memory, drive):
        return (self.gru if "updater/c" in self.p else self.residual_mlp)(memory, drive)

    def residual_mlp(self, memory, drive):
        hidden = F.gelu(torch.addmm(drive, memory, self.p["updater/w1"].T), approximate="tanh")
        kept = memory * self.p["updater/carry"] if "updater/carry" in self.p else memory
        return kept + self.linear(hidden, "updater/w2", "updater/b2")

    def gru(self, memory, drive):
        """Gate by gate as in smt/: with one product for all gates a step takes 2 % longer, with torch.gru_cell 12 %."""
        to_update, to_reset, to_candidate = self.p["updater/w"].chunk(3)
        update = torch.addmm(drive[0], memory, to_update.T).sigmoid()
        reset = torch.addmm(drive[1], memory, to_reset.T).sigmoid()
        inner = F.linear(memory, to_candidate, self.p["updater/c"])
        return torch.lerp(torch.addcmul(drive[2], reset, inner).tanh(), memory, update)


class TorchSMT(TorchNetworks):
    """The four losses of one SMT step."""

    def losses(self, x, y, choices):
        targets, weights = F.pad(y, (1, 0), value=-1), SMTStep.WEIGHTS
        memories = self.encoder(x)
        losses = {"dec": self.decoding(memories, x, targets, choices.cuts), "read": self.reading(memories, targets),
                  "dyn": self.dynamics(memories, x, choices.noise), "unif": self.uniformity(memories, choices.compared)}
        losses["total"] = (losses["dec"] + weights.read * losses["read"] + weights.dynamics * losses["dyn"]
                           + weights.uniformity * losses["unif"])
        return losses

    def encoder(self, x):
        tokens = F.pad(x, (1, 0), value=SMTStep.ELEMENTS + 1)
        outputs = self.stack(self.embedded(tokens, "encoder"), "encoder", 2)
        return self.normed(self.linear(outputs, "encoder/out", "encoder/bias"))

    def decoding(self, memories, x, targets, cuts):
        groups = np.array_split(np.arange(len(x)), len(cuts))
        total = count = 0
        for group, cut in zip(groups, cuts.tolist()):
            rows, asked = slice(group[0], group[-1] + 1), targets[group[0]:group[-1] + 1, cut:]
            places = torch.nonzero(asked >= 0, as_tuple=True)
            logits = self.decoder(memories[rows, cut], x[rows, cut:], places)
            total = total + F.cross_entropy(logits, asked[places], reduction="sum")
            count += len(places[0])
        return total / count

    def reading(self, memories, targets):
        asked = targets >= 0
        return F.cross_entropy(self.readout(memories[asked]), targets[asked])

    def dynamics(self, memories, x, noise):
        given = (memories[:, :-1] + noise).flatten(0, 1)
        logits = self.updater(given, self.drive(x.flatten()))
        error = (self.normed(logits) - memories[:, 1:].flatten(0, 1)).square().mean(-1)
        worst = torch.topk(error, max(1, round(SMTStep.WEIGHTS.top * len(error))), sorted=False).values
        return 0.5 * error.mean() + 0.5 * worst.mean()

    def uniformity(self, memories, compared):
        unit = F.normalize(memories.flatten(0, 1)[compared], dim=-1)
        pairs = (4 * (unit @ unit.T) - 4).exp()
        n = len(unit)
        return torch.log((pairs.sum() - pairs.diagonal().sum()) / (n * (n - 1)))


class TorchSelfPrediction(TorchNetworks):
    """Rollout without gradient, then the three losses of the updates that are asked about, in one call."""

    group_count = 2         # groups of places with windows of equal length: 1 to 4 take equally long

    def losses(self, x, y, places):
        memories, noise = self.roll(x), places.noise
        answered = torch.nonzero(y >= 0, as_tuple=True)
        sequence = torch.cat([answered[0], places.sequence, places.sequence])
        time = torch.cat([answered[1], places.time, places.time])
        given, count = memories[time, sequence], len(noise)
        given = torch.cat([given[:-count], given[-count:] * noise])
        logits = self.updater(given, self.drive(x[sequence, time]))
        after = straight_through(logits[:-count])
        losses = {"read": F.cross_entropy(self.readout(after[:-count]), y[answered]),
                  "dec": self.decoding(after[-count:], x, y, places),
                  "dyn": F.softplus(-2 * logits[-count:] * memories[places.time + 1, places.sequence]).mean()}
        losses["total"] = losses["read"] + losses["dec"] + SelfPredictionStep.RECIPE.dynamics * losses["dyn"]
        return losses

    @torch.inference_mode()
    def roll(self, x):
        """The network's own memories (T + 1, B, Z)."""
        memories = [torch.sign(self.p["start/logits"]).expand(len(x), -1)]
        for drive in self.drive(x.T):
            memories.append(torch.sign(self.updater(memories[-1], drive)))
        return torch.stack(memories)

    def decoding(self, memory, x, y, places):
        horizon = SelfPredictionStep.BUDGET.horizon
        ahead = places.time[:, None] + torch.arange(horizon + 1)
        futures = F.pad(x, (0, horizon))[places.sequence[:, None], ahead[:, 1:]]
        targets = F.pad(y, (0, horizon), value=-1)[places.sequence[:, None], ahead]
        total = count = 0
        for group, needed in self.groups(targets):
            asked = torch.nonzero(targets[group] >= 0, as_tuple=True)
            logits = self.decoder(memory[group], futures[group, :needed], asked)
            total = total + F.cross_entropy(logits, targets[group][asked], reduction="sum")
            count += len(asked[0])
        return total / count

    def groups(self, targets):
        """[(places, inputs they need)]: sorted by need as smt/ has them, or all places with the whole window."""
        horizon = targets.shape[1] - 1
        if not self.asked_only:
            return [(torch.arange(len(targets)), horizon)]
        needed = torch.where(targets >= 0, torch.arange(horizon + 1), -1).amax(1)
        order = torch.argsort(needed)
        order = order[needed[order] >= 0]
        return [(group, int(needed[group[-1]])) for group in order.tensor_split(self.group_count)]


def straight_through(logits):
    """sign(u) with the gradient of tanh(u)."""
    soft = torch.tanh(logits)
    return torch.sign(logits.detach()) + (soft - soft.detach())


def _to_torch(name, array):
    """Weights are (from, to) in smt/ and (to, from) in PyTorch; lookup tables are the same in both."""
    matrix = array.ndim == 2 and "table" not in name and "previous" not in name
    return np.ascontiguousarray(array.T) if matrix else array.copy()


# -- what the benchmark asks for ---------------------------------------------------------------------------------------

def sides(ours):
    """{name: TorchNetworks} for a step of smt_steps.py: three ways to write it."""
    make = TorchSelfPrediction if isinstance(ours, SelfPredictionStep) else TorchSMT
    return {"torch_fused_attention": make(ours.networks), "torch_plain_attention": make(ours.networks, fused=False),
            "torch_all_positions": make(ours.networks, asked_only=False)}


def as_tensors(pool):
    """The batches and their random choices as tensors; cuts stay an array, Python slices with them."""
    def tensors(choices):
        return choices._replace(**{name: torch.tensor(value) for name, value in choices._asdict().items()
                                   if name != "cuts"})
    return [(torch.tensor(x), torch.tensor(y), tensors(choices)) for x, y, choices in pool]


def agreement(ours, sides, tensors):
    """Largest relative difference of a gradient (per array) and of the losses over POOL steps of training."""
    ours.losses(ours.pool[0])
    gradients = {k: a for n in ours.networks.values() for k, a in n.arrays(n.gradient).items()}
    worst_gradient = max(_gradient_difference(side, tensors[0], gradients) for side in sides.values())
    losses = []
    for batch, tensor in zip(ours.pool, tensors):
        mine = ours.step(batch)
        for side in sides.values():
            theirs = side.step(tensor)
            losses += [abs(float(theirs[name].detach()) / mine[name] - 1) for name in mine]
    return worst_gradient, max(losses)


def _gradient_difference(side, tensor, gradients):
    side.losses(*tensor)["total"].backward()
    theirs = side.gradient()
    missing = [name for name, ours in gradients.items() if name not in theirs and np.any(ours)]
    if missing:
        raise ValueError(f"PyTorch has no gradient for {missing}")
    return max(np.linalg.norm(theirs[k] - gradients[k]) / (np.linalg.norm(gradients[k]) + 1e-9) for k in theirs)


def useful_operations(side, tensors):
    """Floating-point operations of matrix products per step, mean over the pool (forward and backward)."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        for batch in tensors:
            side.losses(*batch)["total"].backward()
    return counter.get_total_flops() / len(tensors)
