"""The studies of the chunker: python3 chunker_very_deep_1200/chunker_very_deep_1200.py --study NAME

    depth               T = 120 to 1,200,000
    stochastic_filler   a Markov chain instead of the cycle, entropy 0 to log 5
    threshold           how surprises and recall depend on the tolerance
    lossless            the raw stream rebuilt from A, the surprises and their time stamps
    online              A and C together from the start against one after the other
    cost                steps, multiply-adds and memory of every method, counted from shapes
    single_nets         the headline's opponents with four times the sequences

    recursive, automaton, collapse_1992, rtrl     what the papers ran: paper_studies.py

Each writes studies/NAME.json. Without --seed or --seeds a study uses its committed seeds.
"""

import time
import tracemalloc
from dataclasses import replace

import numpy as np

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200 import paper_studies, single_nets
from chunker_very_deep_1200.chunker_very_deep_1200 import (Surprises, automatizer, chunker, chunker_loss, chunker_reads,
                                                           collect, compress, next_surprise, train_automatizer,
                                                           train_chunker)
from chunker_very_deep_1200.predictor import predictions, probabilities, probability_of, read_from, stack
from chunker_very_deep_1200.task import CHANCE_2WAY, CYCLE, K, TRIGGERS, batches, both_sequences, recall, trigger_recall
from common import results
from common.optimizers import Adam, clip_by_global_norm
from common.randomness import stream, streams

LENGTHS = (120, 1_200, 12_000, 120_000, 1_200_000)
NOISE = (0.0, 0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0)
TOLERANCES = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.753)     # 0.753: a loss of 1.40 nats


def finals(values, seeds, seconds):
    """Runs of a record from {metric: (N,)}."""
    return [dict(seed=seed, curves={}, final={key: a[n] for key, a in values.items()}, seconds=seconds / len(seeds))
            for n, seed in enumerate(seeds)]


# ---------------------------------------------------------------- depth

def depth(seeds, config, lengths=LENGTHS, distinct=64, prefix=1200):
    """A and C trained and scored at each length, with the headline's number of updates.

    A learns from the first `prefix` symbols of fresh sequences, so that its budget covers as many
    beginnings at each length; C learns from `distinct` whole sequences over and over.
    """
    runs = []
    for seed in seeds:
        final, begun = {}, time.perf_counter()
        for T in lengths:
            measured = at_length(seed, replace(config, length=T), distinct, prefix)
            final |= {f"{key}_T{T}": value for key, value in measured.items()}
            print(f"depth: seed {seed}, T = {T:,}, {final[f'seconds_T{T}']:.1f} s", flush=True)
        runs.append(dict(seed=seed, curves={}, final=final, seconds=time.perf_counter() - begun))
    return runs


def at_length(seed, config, distinct, prefix):
    begun, T = time.process_time(), config.length      # of this process: other programs do not count
    A, C = automatizer(config), chunker(config)
    a, c = stack([A.init(stream(seed, "init A"), std=0.3)]), stack([C.init(stream(seed, "init C"), std=0.3)])
    beginnings = (symbols[:prefix] for symbols in batches([seed], "train A", config.automatizer_batch, T))
    train_automatizer(A, a, beginnings, config, f"A at T = {T:,}")
    found = compress(A, a, next(batches([seed], "train C", distinct, T)), config.tolerance)
    repeats = -(-config.chunker_updates * config.chunker_batch // distinct)
    train_chunker(C, c, Surprises(*(np.concatenate([x] * repeats, -1) for x in found)), config)
    symbols = both_sequences(1, T)
    score = experiment.score_chunker(dict(A=A, C=C), dict(A=a, C=c), symbols, config)
    seconds = time.process_time() - begun
    tracemalloc.start()                                # after the clock: it slows the walk down
    compress(A, a, symbols, config.tolerance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return dict(recall=score["chunker_recall_accuracy"][0], surprises=score["surprises_per_sequence"][0],
                reduction=score["depth_reduction"][0], seconds=seconds, walk_megabytes=peak / 2**20,
                stream_megabytes=symbols.nbytes / 2**20)


# ---------------------------------------------------------------- stochastic filler

def noisy_sequences(rngs, B, T, noise):
    """The filler as a Markov chain: with probability `noise` the next symbol is any of the five.

    returns   symbols (T, N, B); noise 0 is the headline's cycle; theory: task.py
    """
    N = len(rngs)
    symbols = trigger_recall(np.stack([rng.integers(0, TRIGGERS, B) for rng in rngs]), T)
    steps = np.ones((T, N, B), np.int64)
    for n, rng in enumerate(rngs):
        anywhere = rng.random((T, B)) < noise
        steps[:, n][anywhere] = rng.integers(0, CYCLE, int(anywhere.sum()))
    steps[:2] = 0                                      # the first filler symbol is always "1"
    symbols[1:-1] = TRIGGERS + np.cumsum(steps[1:-1], axis=0) % CYCLE
    return symbols


def noisy_batches(seeds, purpose, B, T, noise):
    rngs = streams(seeds, purpose)
    while True:
        yield noisy_sequences(rngs, B, T, noise)


def trained_automatizer(seeds, config, noise):
    A = automatizer(config)
    p = stack([A.init(rng, std=0.3) for rng in streams(seeds, "init A")])
    train_automatizer(A, p, noisy_batches(seeds, "train A", config.automatizer_batch, config.length, noise), config,
                      f"A, noise {noise:g}")
    return A, p


def recall_after(seeds, config, A, p, noise, tolerance, test=100):
    """Train a C on what A does not predict and score it on fresh sequences: {metric: (N,)}."""
    C, T, B = chunker(config), config.length, config.chunker_batch
    c = stack([C.init(rng, std=0.3) for rng in streams(seeds, "init C")])
    rngs = streams(seeds, "train C")
    optimizer, part = Adam(c), 16                      # updates per walk of A over fresh sequences
    for start in range(0, config.chunker_updates, part):
        found = compress(A, p, noisy_sequences(rngs, part * B, T, noise), tolerance)
        for k in range(min(part, config.chunker_updates - start)):
            piece = Surprises(*(x[..., k * B:(k + 1) * B] for x in found))
            longest = max(1, int(piece.count.max()))
            _, g, _ = chunker_loss(C, c, Surprises(*(x[:longest] for x in piece)))
            clip_by_global_norm(g, config.clip, networks=True)
            optimizer.step(g, config.chunker_lr)
    symbols = noisy_sequences(streams(seeds, "test"), test, T, noise)
    found = compress(A, p, symbols, tolerance)
    inputs, clock = chunker_reads(found, C.extra)
    two, _ = recall(next_surprise(C.forward(c, inputs, extra=clock).logits, found, T - 1), symbols[-1])
    k = found.count.mean(-1)
    return dict(recall=two, surprises=k, reduction=(T - 1) / np.maximum(k, 1e-9))


def stochastic_filler(seeds, config, noises=NOISE, updates=400):
    config, values, begun = replace(config, chunker_updates=updates), {}, time.perf_counter()
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        for rule, tolerance in (("tolerance", config.tolerance), ("argmax", None)):
            measured = recall_after(seeds, config, A, p, noise, tolerance)
            values |= {f"{key}_{rule}_noise{noise:g}": a for key, a in measured.items()}
            print(f"noise {noise:g}, {rule}: k = {measured['surprises'].mean():.1f}, "
                  f"recall {measured['recall'].mean():.3f}, {time.perf_counter() - begun:.0f} s", flush=True)
    return finals(values, seeds, time.perf_counter() - begun)


def threshold(seeds, config, noises=(0.0, 0.002), tolerances=TOLERANCES, updates=200):
    config, values, begun = replace(config, chunker_updates=updates), {}, time.perf_counter()
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        for tolerance in tolerances:
            measured = recall_after(seeds, config, A, p, noise, tolerance)
            values |= {f"{key}_noise{noise:g}_tolerance{tolerance:g}": measured[key] for key in ("recall", "surprises")}
            print(f"noise {noise:g}, tolerance {tolerance:g}: k = {measured['surprises'].mean():.1f}, "
                  f"recall {measured['recall'].mean():.3f}, {time.perf_counter() - begun:.0f} s", flush=True)
    return finals(values, seeds, time.perf_counter() - begun)


# ---------------------------------------------------------------- lossless

def rebuild(A, p, found, T):
    """The raw stream from A, the surprises and their time stamps: A's most probable symbol where there is none."""
    N, B = found.count.shape
    symbols, step, state = np.empty((T, N, B), np.int64), np.full((1, N, B), A.K), ()
    surprise = np.full((T, N, B), -1)
    rank, n, b = np.nonzero(found.real)
    surprise[found.times[rank, n, b], n, b] = found.symbols[rank, n, b]
    for t in range(T):
        seen = A.forward(p, step, state)
        symbols[t] = np.where(surprise[t] >= 0, surprise[t], seen.logits[0].argmax(-2))
        step, state = symbols[t:t + 1], seen.state
    return symbols


def lossless(seeds, config, noises=(0.0, 0.1, 0.5, 1.0), sequences=50):
    """Share of sequences rebuilt exactly, and the size of the surprises with their stamps against the raw stream."""
    values, begun, T = {}, time.perf_counter(), config.length
    for noise in noises:
        A, p = trained_automatizer(seeds, config, noise)
        symbols = noisy_sequences(streams(seeds, "test"), sequences, T, noise)
        for rule, tolerance in (("tolerance", config.tolerance), ("argmax", None)):
            found = compress(A, p, symbols, tolerance)
            same = (rebuild(A, p, found, T) == symbols).all(0).mean(-1)
            bits = found.count.mean(-1) * (np.log2(K) + np.log2(T))
            values |= {f"rebuilt_{rule}_noise{noise:g}": same, f"surprises_{rule}_noise{noise:g}": found.count.mean(-1),
                       f"bits_ratio_{rule}_noise{noise:g}": bits / (T * np.log2(K))}
    return finals(values, seeds, time.perf_counter() - begun)


# ---------------------------------------------------------------- online

def online(seeds, config, passes=60, alone=12):
    """One update of C after each pass of A: from the first pass on, or only after `alone` passes of A.

    In both schedules A never stops learning and C sees what the A of the moment did not predict.
    """
    values, curves, begun = {}, {}, time.perf_counter()
    for name, wait in (("online", 0), ("sequential", alone)):
        k, sure = one_schedule(seeds, config, passes, wait)
        solved = np.cumsum((sure < 0.9)[::-1], axis=0)[::-1] == 0               # sure from here to the end
        first = np.where(solved.any(0), (1 + solved.argmax(0)) * config.automatizer_batch, np.nan)
        values |= {f"{name}_sequences_to_solve": first, f"{name}_sure": sure[-1], f"{name}_surprises": k[-1]}
        curves |= {f"{name}_sure": sure, f"{name}_surprises": k}
    runs = finals(values, seeds, time.perf_counter() - begun)
    for n, run_ in enumerate(runs):
        run_["curves"] = {key: a[:, n] for key, a in curves.items()}
    return runs


def one_schedule(seeds, config, passes, wait):
    """After every pass: surprises per sequence, and the probability C gives the right letter in the worse
    of the two sequences. Two arrays (passes, N)."""
    A, C, T = automatizer(config), chunker(config), config.length
    a, c = (stack([net.init(rng, std=0.3) for rng in streams(seeds, f"init {which}")]) for net, which in ((A, "A"), (C, "C")))
    supply, optimizers = batches(seeds, "online", config.automatizer_batch, T), (Adam(a), Adam(c))
    both, counts, sure = both_sequences(len(seeds), T), [], []
    for number in range(passes):
        found = learn_and_compress(A, a, next(supply), optimizers[0], config)
        if number >= wait:
            _, g, _ = chunker_loss(C, c, found)
            clip_by_global_norm(g, config.clip, networks=True)
            optimizers[1].step(g, config.chunker_lr)
        seen = compress(A, a, both, config.tolerance)
        inputs, clock = chunker_reads(seen, C.extra)
        logits = next_surprise(C.forward(c, inputs, extra=clock).logits, seen, T - 1)
        sure.append(probability_of(probabilities(logits), both[-1]).min(-1))
        counts.append(found.count.mean(-1))
    return np.array(counts), np.array(sure)


def learn_and_compress(A, p, symbols, optimizer, config):
    """One pass of A over a batch; a surprise is what it failed to predict while it was learning."""
    state, inputs, found, w = (), read_from(symbols, K), [], config.automatizer_window
    for t in range(0, len(symbols), w):
        targets = symbols[t:t + w]
        weight = np.full(targets.shape, 1 / targets[:, 0].size, np.float32)
        _, g, seen = A.gradients(p, inputs[t:t + w], targets, weight, state)
        step, n, b = np.nonzero(probability_of(probabilities(seen.logits), targets) < 1 - config.tolerance)
        found.append((t + step, n, b, targets[step, n, b]))
        clip_by_global_norm(g, config.clip, networks=True)
        optimizer.step(g, config.automatizer_lr)
        state = seen.state
    return collect(*(np.concatenate(parts) for parts in zip(*found)), *symbols.shape[1:])


# ---------------------------------------------------------------- cost

def multiply_adds(net, p):
    """Of one forward step of one sequence, counted from the weight matrices; a one-hot input only adds."""
    return sum(p[key].shape[-1] * p[key].shape[-2] for key in ("W", "V", "U_extra") if key in p)


def counted(net, p, steps, path):
    """Cost of one training sequence: `steps` forward and backward, error paths of at most `path` steps.

    A backward step costs two forward steps (the error of the states and that of the weights). Bytes
    moved: every step reads each weight once and reads and writes its states, float32, and the
    backward step does twice that.
    """
    forward = multiply_adds(net, p)
    states = net.features + net.H + net.K
    weights = sum(a.shape[-1] * a.shape[-2] for key, a in p.items() if key in ("W", "V"))
    return dict(forward_steps=steps, gradient_steps=steps, longest_path=path, multiply_adds=3 * steps * forward,
                bytes_moved=3 * 4 * steps * (weights + 2 * states), stored_bytes=4 * path * (net.features + net.H))


def cost(seeds, config):
    """The same numbers for every seed: nothing is trained, k = 2 as measured by the headline."""
    T, w, k, final = config.length, config.automatizer_window, 2, {}
    for name in single_nets.GRID:
        net, init = single_nets.single_net(name, config)
        final |= {f"{name}_{key}": value for key, value in counted(net, init(stream(0, "cost")), T, T).items()}
    A, C = automatizer(config), chunker(config)
    a, c = A.init(stream(0, "cost")), C.init(stream(0, "cost"))
    learning, reading = counted(A, a, T, w), counted(C, c, k + 1, k + 1)
    final |= {f"chunker_training_A_{key}": value for key, value in learning.items()}
    final |= {f"chunker_training_C_{key}": value + reading[key] for key, value in frozen(A, a, T).items()}
    return [dict(seed=seed, curves={}, final=final, seconds=0.0) for seed in seeds]


def frozen(net, p, steps):
    """A trained A only walks: a third of the multiply-adds, no error, one state stored."""
    cost_ = counted(net, p, steps, 0)
    return cost_ | dict(gradient_steps=0, multiply_adds=cost_["multiply_adds"] // 3, bytes_moved=cost_["bytes_moved"] // 3)


# ---------------------------------------------------------------- single nets with more

def single_nets_longer(seeds, config, times=4, kinds=("tuned_rnn", "lstm", "lstm_forget")):
    """The opponents with `times` as many sequences as A and C saw; when does a net bridge the lag?"""
    values, curves, begun = {}, {}, time.perf_counter()
    more = replace(config, chunker_updates=times * config.sequences // config.chunker_batch, automatizer_windows=1)
    for kind in kinds:
        final, shown, _, _ = single_nets.single_net_results(kind, seeds, more)
        for name in (kind, f"{kind}_told"):
            curve = shown[f"{name}_recall"]
            right = np.array([np.convolve(c, np.ones(5) / 5, "valid") for c in curve.T]) == 1      # 5 batches all right
            values[f"{name}_sequences_to_bridge"] = np.where(right.any(1), (right.argmax(1) + 5) * config.batch, np.nan)
            values[f"{name}_recall_accuracy"] = final[f"{name}_recall_accuracy_2way"]
            values[f"{name}_solved"] = (final[f"{name}_recall_accuracy_2way"] == 1).astype(float)
            values[f"effective_depth_{name}"] = final[f"effective_depth_{name}"]
            values[f"{name}_lr"] = final[f"{name}_lr"]
            curves[f"{name}_recall"] = curve
    runs = finals(values, seeds, time.perf_counter() - begun)
    for n, run_ in enumerate(runs):
        run_["curves"] = {key: experiment.thin(a[:, n]) for key, a in curves.items()}
    return runs


# ---------------------------------------------------------------- running one

# name: (function, committed seeds, what --quick changes)
STUDIES = {
    "depth": (depth, range(3), dict(lengths=(60, 240), distinct=16)),
    "stochastic_filler": (stochastic_filler, range(3), dict(noises=(0.0, 0.3), updates=16)),
    "threshold": (threshold, range(3), dict(noises=(0.0,), tolerances=(0.01, 0.3), updates=16)),
    "lossless": (lossless, range(5), dict(noises=(0.0, 0.5), sequences=3)),
    "online": (online, range(10), dict(passes=4, alone=2)),
    "cost": (cost, range(1), {}),
    "single_nets": (single_nets_longer, range(3), dict(times=1, kinds=("lstm",))),
    **paper_studies.STUDIES,
}


def claims(study, s):
    """What a study claims, set against its summary; a claim can fail."""
    if study == "lossless":
        rebuilt = min(e["min"] for name, e in s.items() if name.startswith("rebuilt"))
        return [results.check("share of streams rebuilt exactly from A and the surprises, worst seed and noise", rebuilt,
                              "1.000", rebuilt == 1, paper="nothing is lost")]
    if study == "depth":
        T = max(int(name[len("recall_T"):]) for name in s if name.startswith("recall_T"))
        right, seconds = s[f"recall_T{T}"]["min"], s[f"seconds_T{T}"]["max"]
        return [results.check(f"recall at T = {T:,}, worst seed", right, "1.000", right == 1),
                results.check(f"processor seconds at T = {T:,}, worst seed", seconds, "at most 60", seconds <= 60)]
    return paper_studies.claims(study, s)


def run(options):
    """Run options.study and write its JSON; --seed or --seeds replace the committed seeds."""
    function, seeds, quick = STUDIES[options.study]
    if options.seeds_given or options.quick:
        seeds = options.seeds
    started = time.time()
    runs = function(list(seeds), options.config, **(quick if options.quick else {}))
    record = results.record("chunker_very_deep_1200", options, runs, paper_studies.PAPER.get(options.study, {}),
                            study=options.study, started=started,
                            config={**vars(options.config), "seeds": list(seeds), "chance": CHANCE_2WAY})
    record["checks"] = claims(options.study, record["summary"])
    results.write(options.out / "studies" / f"{options.study}.json", record)
    for name, s in record["summary"].items():
        print(f"{name:<44} {results.mean_spread(s)}")


assert set(STUDIES) == set(experiment.STUDIES)
