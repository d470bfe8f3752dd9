"""The four opponents: one recurrent net each, full back-propagation through all T steps.

    rnn           tanh-RNN, small random weights, one learning rate
    tuned_rnn     the same with orthogonal recurrent weights, gradient clipping, a grid of learning rates
    lstm          the cell of 1997 with its input gates almost closed at the start; clipping, grid
    lstm_forget   with forget gates whose life times reach T (chrono initialisation); clipping, grid

Each learns twice: as A does, by predicting every symbol, and *told* that only the last one counts.
"""

import time

import numpy as np

from chunker_very_deep_1200.predictor import (Predictor, cross_entropy, effective_depth, last_logits, log10, predictions,
                                              read_from, stack, state_gradient)
from chunker_very_deep_1200.task import K, TRIGGERS, batches, both_sequences, recall
from common import lstm
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress, require_finite
from common.randomness import streams

GRID = dict(rnn=(1e-2,), tuned_rnn=(3e-3, 1e-2, 3e-2), lstm=(1e-2, 3e-2, 1e-1), lstm_forget=(1e-2, 3e-2, 1e-1))
OBJECTIVES = ("", "_told")
SINGLE = [name + objective for name in GRID for objective in OBJECTIVES]


def single_net(name, config):
    """One of the four baselines, and the function of a random generator that initialises it."""
    if name in ("rnn", "tuned_rnn"):
        net = Predictor(K, config.hidden)
        return net, lambda rng: net.init(rng, orthogonal=name == "tuned_rnn")
    net = Predictor(K, cell=lstm.Cell(config.cells, forget_gate=name == "lstm_forget"))
    if name == "lstm":                       # 1997: input gates start almost closed, each block more than the last
        return net, lambda rng: net.init(rng, input_gate=-1.0 - np.arange(config.cells))

    def chrono(rng):                         # life times from 1 to T steps (Tallec & Ollivier 2018)
        forget_gate = np.log(rng.uniform(1, config.length - 1, config.cells))
        return net.init(rng, forget_gate=forget_gate, input_gate=-forget_gate)
    return net, chrono


def train_single_net(name, seeds, config):
    """Full BPTT through the raw stream: seeds S, objectives O and learning rates R together on the axis N.

    returns   Predictor, p {name: (S*O*R, ...)}, curves {"loss", "recall": (updates, S*O*R)}
    """
    net, init = single_net(name, config)
    rates, T, B = GRID[name], config.length, config.batch
    copies = len(OBJECTIVES) * len(rates)
    p = stack([init(rng) for rng in streams(seeds, name) for _ in range(copies)])
    lr, clip = np.tile(rates, len(seeds) * len(OBJECTIVES)), np.inf if name == "rnn" else config.clip
    weight = np.zeros((T, len(seeds), len(OBJECTIVES), len(rates), B), np.float32)
    weight[:, :, 0], weight[-1, :, 1] = 1 / (T * B), 1 / B
    weight = weight.reshape(T, len(lr), B)
    supply, optimizer = batches(seeds, "train single net", B, T), Adam(p)
    updates = config.sequences // B
    progress, losses, recalls = Progress(name, updates), [], []
    for update in range(updates):
        symbols = np.repeat(next(supply), copies, axis=1)
        loss, g, seen = net.gradients(p, read_from(symbols, K), symbols, weight)
        require_finite(loss, update + 1, max(rates), f"loss of {name}")
        clip_by_global_norm(g, clip, networks=True)
        optimizer.step(g, lr)
        losses.append(loss)
        recalls.append(recall(seen.logits[-1], symbols[-1])[0])
        progress.update(update + 1, loss=loss.mean(), recall=recalls[-1].mean())
    progress.close()
    return net, p, dict(loss=np.array(losses), recall=np.array(recalls))


def choose(net, p, symbols, rates):
    """For each seed and objective the learning rate with the smallest validation loss on the recall.

    returns   index (S, O) into the axis N, validation loss in nats, A against B (S, O, R)
    """
    copies = len(OBJECTIVES) * len(rates)
    symbols = np.repeat(symbols, copies, axis=1)
    logits, target = last_logits(net, p, symbols)[None, :, :TRIGGERS], symbols[-1:]
    loss, _ = cross_entropy(logits, target, np.full(target.shape, 1 / target.shape[-1]))
    loss = loss.reshape(-1, len(OBJECTIVES), len(rates))
    return np.arange(loss.size).reshape(loss.shape)[..., 0] + loss.argmin(-1), loss


def single_net_gradient(net, p, config):
    """Gradient norms (T+1, N) of a single net, mean over the two sequences, with its effective depth (N,)."""
    symbols = both_sequences(len(p["W"]), config.length)
    norms = state_gradient(net, p, read_from(symbols, K), symbols[-1], np.full(symbols.shape[1:], len(symbols) - 1))
    return norms.mean(-1), effective_depth(norms).mean(-1)


def cell_drift(net, p, symbols):
    """Median size of an LSTM's cell states after the last step (N,): h(s) = tanh(s) is saturated from about 3 on."""
    for _, seen in predictions(net, p, symbols):
        pass
    return np.median(np.abs(seen.trace.s[-1]), axis=(-2, -1))


def single_net_results(kind, seeds, config):
    """Train and measure one kind of single net with both objectives.

    returns   dictionaries of metrics (N,), curves (updates, N), arrays to draw, weights
    """
    started, N, rates = time.time(), len(seeds), GRID[kind]
    net, all_p, curves = train_single_net(kind, seeds, config)
    validation = next(batches(seeds, "validation", config.validation, config.length))
    chosen, loss = choose(net, all_p, validation, rates)
    symbols = both_sequences(N, config.length)
    final, shown, arrays, weights = {}, {}, {}, {}
    for o, name in enumerate(kind + objective for objective in OBJECTIVES):
        p = {key: a[chosen[:, o]] for key, a in all_p.items()}
        two, seven = recall(last_logits(net, p, symbols), symbols[-1])
        gradient, depth = single_net_gradient(net, p, config)
        final |= {f"{name}_recall_accuracy_2way": two, f"{name}_recall_accuracy_7way": seven,
                  f"effective_depth_{name}": depth, f"{name}_lr": np.array(rates)[loss[:, o].argmin(-1)]}
        final |= {f"{name}_validation_loss_lr_{lr:g}": loss[:, o, r] for r, lr in enumerate(rates)}
        if net.cell:
            final[f"cell_state_{name}"] = cell_drift(net, p, symbols)
        shown |= {f"{name}_{key}": a[:, chosen[:, o]] for key, a in curves.items()}
        arrays[f"gradient_{name}"] = log10(gradient)
        weights |= {f"{name}.{key}": a for key, a in p.items()}
    final[f"seconds_{kind}"] = np.full(N, (time.time() - started) / N)
    return final, shown, arrays, weights
