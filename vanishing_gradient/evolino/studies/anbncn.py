"""How far do cells evolved on a^n b^n c^n, n up to 10 or up to 20, generalise?

The network reads S a..a b..b c..c one symbol at a time and says which symbols may come next (a, b,
c or the end T): targets +1 and -1, a string is accepted if every sign is right at every step. The
language is not context-free: the cells must count, twice. Five cells; the readout is fitted on the
shorter seven tenths of the training lengths, and the search sees the squared hinge loss on all of
them. Reported is how far every longer string is accepted too, up to 500. Published for training on
n up to 10 and 20: all up to 53 and 95; gradient LSTM 28 and 66 (not read in the original). Beside
it, gradient LSTMs (BPTT, Adam, every rate and scale, the best by the loss on the training strings);
and for n up to 10 as many random LSTMs, as many echo-state networks of the same size, and some of
200 units, over a grid of radii and input scales. The recipe was chosen for n up to 10 and is the
same for 20; more generations or cells were not tried. What would refute evolution: any other row that
reaches as far.
"""

import time

import numpy as np
from common import lstm, results, tanh_rnn
from common.layers import lookup
from common.networks import Network, chosen, stack
from common.optimizers import Adam, clip_by_global_norm
from common.progress import Progress
from common.randomness import stream
from common.tables import number

from vanishing_gradient.evolino.gradient_lstm import hinge_gradients, shortfall
from vanishing_gradient.evolino.subpopulations import evolve
from vanishing_gradient.evolino.two_phase import SETS

SEEDS, MINUTES = range(10), 3
USES = ("members", "trials", "patience")
QUICK = dict(members=4, generations=2, updates=2, longest=(4,), far=8, rates=(0.01,), scales=(0.5,), large=10)
PAPER = {"evolino_10": 53, "gradient_10": 28, "evolino_20": 95, "gradient_20": 66}
SYMBOLS, TARGETS = "Sabc", "abcT"
START, A, B, C, END = range(5)
SHORTER = 0.7                                # of the training lengths, for the readout
ROWS = {"evolino": "Evolino", "gradient": "gradient LSTM", "random": "random LSTM",
        "echo": "echo-state network, same size", "echo_large": "echo-state network, large",
        "trivial": "no memory: the most frequent answer"}


def strings(lengths):
    """Symbols (T, B), targets (T, 4, B) of +1 and -1, and which steps there are (T, B)."""
    T = 3 * max(lengths) + 1
    x, there, t = np.zeros((T, len(lengths)), int), np.zeros((T, len(lengths)), bool), -np.ones((T, 4, len(lengths)))
    for k, n in enumerate(lengths):
        x[:3 * n + 1, k] = [START] + [A] * n + [B] * n + [C] * n
        there[:3 * n + 1, k] = True
        t[:n + 1, 0, k] = 1                              # after S and after every a, another a may come
        t[1:2 * n, 1, k] = 1                             # after every a, and until there are n of them, b
        t[2 * n:3 * n, 2, k] = 1
        t[3 * n, 3, k] = 1
    return x, t, there


# ---------------------------------------------------------------- evolved and random cells

def weights_of(genes):
    """W (N, 4 H, H) and the symbols' columns (N, 4 H, 4) from chromosomes (N, H, 4 (H + 4))."""
    N, H, _ = genes.shape
    sets = genes.reshape(N, H, SETS, H + 4).swapaxes(1, 2).reshape(N, SETS * H, H + 4)
    return np.ascontiguousarray(sets[..., :H]), np.ascontiguousarray(sets[..., H:])


def follow(genes, x):
    """Trace of N networks that read the symbols x (T, B)."""
    W, columns = weights_of(genes)
    drive = lookup(columns, np.broadcast_to(x[:, None], (len(x), len(genes), x.shape[1])))
    return lstm.forward(lstm.Cell(genes.shape[1], forget_gate=True), drive, W)


def fitted(y, t, there):
    """(N, 4, H + 1) least squares readouts with an offset, on all steps that there are; as in two_phase.py."""
    features = y.transpose(0, 3, 1, 2)[there].swapaxes(0, 1)
    features = np.concatenate([features, np.ones((*features.shape[:2], 1))], axis=-1)
    wanted = t.transpose(0, 2, 1)[there]
    both = np.concatenate([features, np.broadcast_to(wanted, (len(features), *wanted.shape))], axis=-1)
    R, k = np.linalg.qr(both, mode="r"), features.shape[-1]
    return np.matmul(np.linalg.pinv(R[:, :k, :k]), R[:, :k, k:]).swapaxes(1, 2)


def scored(genes, training):
    """(error (N,), readout (N, 4, H + 1)): what a search sees of the training strings."""
    return with_readout(follow(genes, training[0]).y[1:], training)


def with_readout(y, training):
    """The same from the states (T, N, H, B) of any networks that have read the training strings."""
    _, t, there = training
    shorter = max(1, int(SHORTER * t.shape[-1]))
    readout = fitted(y[..., :shorter], t[..., :shorter], there[:, :shorter])
    short = shortfall(say(y, readout), t, there)
    return np.sqrt((short * short).sum((0, 2, 3)) / (4 * there.sum())) + 1e-9, readout


def say(y, readout):
    """(T, N, 4, B) outputs."""
    return np.matmul(readout[..., :-1], y) + readout[..., -1:]


def reach(output_of, far, at_once=50):
    """The largest n with all of abc, aabbcc, ..., a^n b^n c^n accepted, at most `far`.

    output_of   symbols (T, B) -> outputs (T, 4, B)
    """
    for first in range(1, far + 1, at_once):
        x, t, there = strings(range(first, min(first + at_once, far + 1)))
        right = ((np.sign(output_of(x)) == t).all(1) | ~there).all(0)
        if not right.all():
            return first + int(right.argmin()) - 1
    return far


# ---------------------------------------------------------------- the searches

def evolved(recipe, seed, cells, init, generations, longest):
    """(genes (1, H, ...), curve) of the best network."""
    training, rng = strings(range(1, longest + 1)), stream(seed, f"evolution {longest}")
    champions, curve, _ = evolve(first_genes(rng, (cells, recipe.members), cells, init), rng, recipe, generations,
                                 lambda genes: scored(genes, training)[0])
    return champions[-1].genes[None], curve


def random_lstms(at_once, seed, cells, init, batches, longest):
    """The same of as many random networks."""
    training, rng, best, curve = strings(range(1, longest + 1)), stream(seed, f"random {longest}"), None, []
    for _ in range(batches):
        genes = first_genes(rng, (at_once, cells), cells, init)
        error = scored(genes, training)[0]
        if best is None or error.min() < curve[-1]:
            best = genes[[error.argmin()]]
        curve.append(min([error.min(), *curve[-1:]]))
    return best, np.array(curve)


def echo_states(seed, count, units, batches, longest, far, radii, inputs):
    """Reach of the best of `batches` times `count` echo-state networks; the batches take turns with the settings."""
    training, rng = strings(range(1, longest + 1)), stream(seed, f"echo {units} {longest}")
    grid, least, best = [(radius, scale) for radius in radii for scale in inputs], np.inf, None
    for batch in range(batches):
        networks = echo_networks(rng, count, units, *grid[batch % len(grid)])
        error, readout = with_readout(echo_follow(networks, training[0]), training)
        k = error.argmin()
        if error[k] < least:
            least, best = error[k], ([a[[k]] for a in networks], readout[[k]])
    networks, readout = best
    return reach(lambda x: say(echo_follow(networks, x), readout)[:, 0], far)


def echo_networks(rng, count, units, radius, scale):
    """[W (N, H, H) of that spectral radius, the symbols' columns (N, H, 4), uniform in +-scale]."""
    W = rng.uniform(-1, 1, (count, units, units))
    W *= radius / np.abs(np.linalg.eigvals(W)).max(-1)[:, None, None]
    return [W, rng.uniform(-scale, scale, (count, units, 4))]


def echo_follow(networks, x):
    """(T, N, H, B) states after the symbols x (T, B)."""
    W, columns = networks
    return tanh_rnn.forward(lookup(columns, np.broadcast_to(x[:, None], (len(x), len(W), x.shape[1]))), W)[1:]


def without_memory(longest, far):
    """Reach of the most frequent answer after each symbol of the training strings."""
    x, t, there = strings(range(1, longest + 1))
    votes = np.stack([t.swapaxes(1, 2)[there & (x == symbol)].sum(0) for symbol in range(len(SYMBOLS))])
    return reach(lambda x: votes[x].swapaxes(1, 2), far)


def first_genes(rng, shape, cells, init):
    return rng.uniform(-init, init, (*shape, SETS * (cells + 4)))


def tested(genes, longest, far):
    readout = scored(genes, strings(range(1, longest + 1)))[1]
    return reach(lambda x: say(follow(genes, x).y[1:], readout)[:, 0], far)


def gradient(seeds, cells, longest, far, rates, scales, updates, every=100):
    """[reach of each seed's best network]: BPTT and Adam on the hinge loss of all training strings at once."""
    net, grid = Network(lstm.Cell(cells, forget_gate=True), 4, symbols=4), len(rates) * len(scales)
    p = stack([net.init(stream(seed, f"gradient {scale}"), scale, gates=dict(forget=1.0))
               for seed in seeds for _ in rates for scale in scales])
    rate = np.array([rate for _ in seeds for rate in rates for _ in scales], np.float32)
    x, t, there = strings(range(1, longest + 1))
    x, t = np.broadcast_to(x[:, None], (len(x), len(rate), x.shape[1])), t.astype(np.float32)
    optimizer, least, kept = Adam(p), np.full(len(rate), np.inf), {name: a.copy() for name, a in p.items()}
    for update in range(updates + 1):
        loss, g = hinge_gradients(net, p, x, t, there)
        if update % every == 0 or update == updates:
            better = loss < least
            least[better] = loss[better]
            for name, a in p.items():
                kept[name][better] = a[better]
        clip_by_global_norm(g, 1.0, networks=True)
        optimizer.step(g, rate)
    best = np.arange(len(seeds)) * grid + least.reshape(len(seeds), grid).argmin(1)
    return [reach(lambda x: net.logits(one, net.forward(one, x).y[1:]), far) for one in (chosen(kept, n) for n in best)]


def run(config, seeds, generations=400, cells=5, init=3.0, mutation=0.3, longest=(10, 20), far=500,
        rates=(0.01, 0.03, 0.1, 0.3), scales=(0.1, 0.5), updates=1500, shown=12, radii=(0.5, 0.9, 1.0, 1.2),
        inputs=(0.1, 1.0), large=200, draws=4):
    started, recipe = time.perf_counter(), config.recipe._replace(mutation=mutation)
    trained = {n: gradient(seeds, cells, n, far, rates, scales, updates) for n in longest}
    shared = (time.perf_counter() - started) / len(seeds)
    progress = Progress("evolution", len(seeds))
    for k, seed in enumerate(seeds):
        started, final, curves = time.perf_counter(), {}, {}
        for n in reversed(longest):
            genes, curves[f"evolino_{n}"] = evolved(recipe, seed, cells, init, generations, n)
            final |= {f"evolino_{n}": tested(genes, n, far), f"gradient_{n}": trained[n][k]}
        other, curves[f"random_{n}"] = random_lstms(config.at_once, seed, cells, init, generations, n)
        final[f"random_{n}"] = tested(other, n, far)
        final[f"echo_{n}"] = echo_states(seed, config.at_once, cells, generations, n, far, radii, inputs)
        final[f"echo_large_{n}"] = echo_states(seed, draws, large, len(radii) * len(inputs), n, far, radii, inputs)
        final[f"trivial_{n}"] = without_memory(n, far)
        states = follow(genes, strings([shown])[0]).s[1:, 0, :, 0]
        progress.update(k + 1)
        yield results.entry(seed, final, curves, round(time.perf_counter() - started + shared, 2), dict(states=states))
    progress.close()


# ---------------------------------------------------------------- what it says

def checks(record):
    made = []
    for n in record["config"]["longest"]:
        found, opponent = results.values(record, f"evolino_{n}"), results.values(record, f"gradient_{n}")
        made.append(results.check(f"trained on n up to {n}: median reach of the evolved cells", float(np.median(found)),
                                  f"at least {2 * n}: they generalise", np.median(found) >= 2 * n))
        gain = found - opponent
        made.append(results.check(f"n up to {n}: reach of evolution minus reach of the gradient LSTM, mean",
                                  gain.mean(), "interval above 0", len(gain) > 1 and results.interval(gain)[0] > 0,
                                  interval=results.interval(gain)))
    n = record["config"]["longest"][0]
    guessed = results.values(record, f"random_{n}")
    made.append(results.check(f"n up to {n}: largest reach of as many random LSTMs", guessed.max(),
                              f"below {n}: the search is needed", guessed.max() < n))
    echo = np.concatenate([results.values(record, f"{name}_{n}") for name in ("echo", "echo_large")])
    made.append(results.check(f"n up to {n}: largest reach of the echo-state networks", echo.max(),
                              f"below {2 * n}: they do not generalise", echo.max() < 2 * n))
    return made


def finding(record):
    n, large = record["config"]["longest"][0], record["config"]["large"]
    guess, echo = (number(record["summary"][f"{name}_{n}"]["median"]) for name in ("random", "echo_large"))
    said = "; ".join(_finding(record, n) for n in record["config"]["longest"])
    return (f"Accepted up to n (medians of {len(record['runs'])} seeds): {said}. Random LSTMs {guess}, echo-state "
            f"networks of {large} units {echo}.")


def _finding(record, n):
    evolved, other = (number(record["summary"][f"{name}_{n}"]["median"]) for name in ("evolino", "gradient"))
    found = results.values(record, f"evolino_{n}")
    return (f"trained up to {n}, evolved cells {evolved} ({(found >= n).sum()} of {len(found)} searches learn the "
            f"training strings), gradient LSTMs {other}")


def table(record):
    rows, s, far = [], record["summary"], record["config"]["far"]
    for n in record["config"]["longest"]:
        for name, label in ROWS.items():
            key = f"{name}_{n}"
            if key in s:
                found = results.values(record, key)
                rows.append([f"{label}, n up to {n}", number(s[key]["median"]),
                             f"{found.min():.0f} to {found.max():.0f}",
                             f"{(found >= n).sum()} of {len(found)}", f"{(found >= far).sum()} of {len(found)}",
                             PAPER.get(key, "")])
    return ["trained on", "accepts all n up to (median)", "all seeds", "seeds that learn the training set",
            f"seeds that reach {far}", "published, not read"], rows


def figure(record, arrays):
    from common.figures import CELLS, ROLE, plt
    n, far = record["config"]["longest"][0], record["config"]["far"]
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 4))
    colors = {"evolino": ROLE["evolino"], "gradient": ROLE["lstm_forget"], "random": ROLE["guess"],
              "echo_large": ROLE["echo"]}
    for length, style in zip(record["config"]["longest"], ("o-", "s--")):
        for name, color in colors.items():
            if f"{name}_{length}" in record["summary"]:
                found = np.sort(results.values(record, f"{name}_{length}"))
                left.plot(np.arange(1, len(found) + 1), found, style, color=color, markersize=4,
                          label=f"{ROWS[name]}, n up to {length}")
    left.set(yscale="symlog", ylim=(-0.2, 1.3 * far), xlabel="seeds, sorted", ylabel="accepts all n up to",
             title="beyond the training strings")
    fig.legend(loc="outside lower center", ncols=3)
    best = int(np.argmax(results.values(record, f"evolino_{n}")))
    states, shown = arrays["states"][best], (len(arrays["states"][best]) - 1) // 3
    for cell, color in zip(range(states.shape[1]), CELLS):
        right.plot(states[:, cell], color=color)
    for edge, symbol in zip((1, shown + 1, 2 * shown + 1), "abc"):
        right.axvline(edge - 0.5, color="0.7", linewidth=0.8)
        right.text(edge + shown / 2, 1.01, f"{symbol} × {shown}", transform=right.get_xaxis_transform(), ha="center")
    right.set(xlabel="step", ylabel="state of each cell", title="evolved counters at work\n")
    return fig
