"""The four opponents: one recurrent net each, full back-propagation through all T steps.

    rnn           tanh-RNN, small random weights, no clipping
    tuned_rnn     the same with orthogonal recurrent weights and gradient clipping
    lstm          the cell of 1997 with its input gates almost closed at the start; clipping
    lstm_forget   with forget gates whose life times reach T (chrono initialisation); clipping

Each learns twice: "every", as A does, to predict every symbol, and "last", with the loss of the last
symbol only, which gives away where the hard symbol is. They read the very sequences that A and C
learn from. Batch sizes and learning rates were chosen by the study single_nets on seeds 900 to 902.
"""

from typing import NamedTuple

import numpy as np

from chunker_very_deep_1200.predictor import (last_logits, log10, log_odds_swing, predictions, predictor, read_from,
                                              state_gradient)
from chunker_very_deep_1200.task import LETTERS, SYMBOLS, batches, both_sequences, right, twins
from common import lstm
from common.layers import weighted_cross_entropy
from common.networks import chosen, chrono, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import streams

KINDS = ("rnn", "tuned_rnn", "lstm", "lstm_forget")
OBJECTIVES = ("every", "last")
NAMES = [f"{kind}_{objective}" for kind in KINDS for objective in OBJECTIVES]
ASKED = (("every", 0), ("last", 0), ("last", 1), ("last", 3))        # objective and m of the main experiment
BATCH = dict(rnn=2, tuned_rnn=4, lstm=2, lstm_forget=2)
# Where every setting of the grid stays at chance it chooses nothing: the rate that learned another task of
# the same kind best; 0.01 (tanh-RNNs) and 0.03 (LSTMs) where none learned any.
USUAL = dict(rnn_every=0.01, rnn_last=0.01, tuned_rnn_every=0.01, tuned_rnn_last=0.1,
             lstm_every=0.03, lstm_last=0.1, lstm_forget_every=0.03, lstm_forget_last=0.1)
RATE = {(f"{kind}_{objective}", m): USUAL[f"{kind}_{objective}"] for kind in KINDS for objective, m in ASKED}
RATE |= {("lstm_last", 0): 0.3, ("lstm_forget_last", 0): 0.3, ("tuned_rnn_last", 1): 0.03}     # chosen by the grid


def label(name):
    """A net and its objective, for people."""
    from common.figures import LABEL         # imports matplotlib, which training does not need
    kind, objective = name.rsplit("_", 1)
    return f"{LABEL[kind]}, {'last symbol only' if objective == 'last' else 'every symbol'}"


class Job(NamedTuple):
    """One way to train a kind of net; several of them share the axis N."""
    objective: str
    m: int
    rate: float


def single_net(kind, config):
    """One of the four nets, and the function of a random generator that initialises it.

    All eight symbols are in its alphabet whatever m is, so that several m's share one loop over time.
    """
    K = len(SYMBOLS)
    if kind in ("rnn", "tuned_rnn"):
        net = predictor(config.hidden, K)
        return net, lambda rng: net.init(rng, recurrent="orthogonal" if kind == "tuned_rnn" else "normal")
    net = predictor(lstm.Cell(config.cells, forget_gate=kind == "lstm_forget"), K)
    if kind == "lstm":                       # 1997: input gates start almost closed, each block more than the last
        return net, lambda rng: net.init(rng, gates=dict(input=-1.0 - np.arange(config.cells)))
    return net, lambda rng: net.init(rng, gates=chrono(rng, config.cells, config.length))


def training_sequences(seeds, config, m):
    """The symbols (T, N, sequences) from which A and C learn, in their order."""
    for_A = batches(seeds, "train A", config.automatizer_batch, config.length, m)
    for_C = batches(seeds, "train C", config.chunker_updates * config.chunker_batch, config.length, m)
    parts = [next(for_A).symbols for _ in range(config.automatizer_passes)] + [next(for_C).symbols]
    return np.concatenate(parts, axis=-1)


def train(kind, jobs, seeds, config, batch, passes=1, label=None):
    """Full BPTT through the raw stream; jobs and seeds together on the axis N, a job's seeds side by side.

    jobs      [Job]
    passes    how often the sequences are read
    returns   net, untrained p, trained p {name: (jobs * seeds, ...)},
              curves {"loss", "recall": (updates, jobs * seeds)}, alive (jobs * seeds,) bool: False where it diverged
    """
    net, init = single_net(kind, config)
    untrained = stack([init(rng) for _ in jobs for rng in streams(seeds, kind)])
    p = {name: a.copy() for name, a in untrained.items()}
    symbols = {m: training_sequences(seeds, config, m) for m in {job.m for job in jobs}}
    symbols = np.concatenate([symbols[job.m] for job in jobs], axis=1)
    weight = np.concatenate([loss_weight(job, symbols, len(seeds), batch) for job in jobs], axis=1)
    rates = np.repeat([job.rate for job in jobs], len(seeds))
    clip = np.inf if kind == "rnn" else config.clip
    curves, alive = descend(net, p, symbols, weight, rates, clip, passes, label or kind)
    return net, untrained, p, curves, alive


def loss_weight(job, symbols, seeds, batch):
    """How much each prediction counts: (T, seeds, batch)."""
    weight = np.zeros((len(symbols), seeds, batch), np.float32)
    if job.objective == "every":
        weight[...] = 1 / (len(symbols) * batch)
    else:
        weight[-1] = 1 / batch
    return weight


def descend(net, p, symbols, weight, rates, clip, passes, label):
    """Adam over the sequences in batches; a network that diverges stands still from then on."""
    batch, optimizer = weight.shape[-1], Adam(p)
    per_pass, alive = symbols.shape[-1] // batch, np.ones(len(rates), bool)
    progress, losses, recalls = Progress(label, per_pass * passes), [], []
    for update in range(per_pass * passes):
        first = update % per_pass * batch
        targets = symbols[..., first:first + batch]
        loss, g, run = net.gradients_at_every_step(p, read_from(targets, net.classes), targets, weight)
        norm = clip_by_global_norm(g, clip, networks=True)
        alive &= np.isfinite(loss) & np.isfinite(norm)
        optimizer.step(g, rates, active=alive)
        answer = net.logits(p, run.y[-1])[:, :LETTERS].argmax(-2)
        losses.append(loss)
        recalls.append((answer == targets[-1]).mean(-1))
        progress.update(update + 1, loss=np.nanmean(loss), recall=recalls[-1].mean())
    progress.close()
    return dict(loss=np.array(losses), recall=np.array(recalls)), alive


# ---------------------------------------------------------------- measures

def recall_gradient(net, p, config):
    """Gradient norms (T+1, N) of the recall's loss at every state (m = 0), mean over the two sequences."""
    symbols = both_sequences(len(p["W"]), config.length)
    row = np.full(symbols.shape[1:], len(symbols) - 1)
    return state_gradient(net, p, read_from(symbols, net.classes), symbols[-1], row).mean(-1)


def cell_drift(net, p, symbols):
    """Median size of an LSTM's cell states after the last step (N,): h(s) = tanh(s) is saturated from about 3 on."""
    for _, _, run in predictions(net, p, symbols):
        last = run
    return np.median(np.abs(last.state[1]), axis=(-2, -1))


def measure(net, p, sequences):
    """Of the recall on Sequences that are twins: {"recall", "recall_all", "swing", "loss"}: (N,), right (N, B)."""
    symbols = sequences.symbols
    logits = last_logits(net, p, symbols)
    two, every = right(logits, symbols[-1])
    target = symbols[-1:]
    loss, _ = weighted_cross_entropy(logits[None, :, :LETTERS], target, np.full(target.shape, 1 / target.shape[-1]))
    return (dict(recall=two, recall_all=every, swing=log_odds_swing(logits), loss=loss),
            logits[:, :LETTERS].argmax(-2) == symbols[-1])


def single_net_results(kind, seeds, config):
    """Train and measure a kind at the chosen rates.

    returns   {(name, m): (final {metric: (N,)}, curves {(updates, N)}, arrays {(.., N, ..)}, weights {(N, ..)})}
    """
    jobs = [Job(objective, m, RATE[f"{kind}_{objective}", m]) for objective, m in ASKED]
    S = len(seeds)
    net, untrained, p, curves, alive = train(kind, jobs, seeds, config, BATCH[kind])
    made = {}
    for j, job in enumerate(jobs):
        name, own = f"{kind}_{job.objective}", slice(j * S, (j + 1) * S)
        p_own, test = chosen(p, own), twins(seeds, "test", config.pairs, config.length, job.m)
        scores, answered = measure(net, p_own, test)
        final = {f"{key}_{name}": np.where(alive[own], a, np.nan) for key, a in scores.items()}
        final[f"swing_untrained_{name}"] = measure(net, chosen(untrained, own), test)[0]["swing"]
        final[f"updates_{name}"] = np.full(S, len(curves["loss"]))
        arrays = {f"right_{name}": answered[None]}
        if net.cell:
            final[f"cell_state_{name}"] = cell_drift(net, p_own, test.symbols)
        if job.m == 0:
            arrays[f"gradient_{name}"] = log10(recall_gradient(net, p_own, config))
            arrays[f"gradient_untrained_{name}"] = log10(recall_gradient(net, chosen(untrained, own), config))
        made[name, job.m] = (final, {f"{key}_{name}": a[:, own] for key, a in curves.items()}, arrays,
                             {f"{name}.{key}": a for key, a in p_own.items()})
    return made
