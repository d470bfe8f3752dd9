"""The studies of temporal order: python3 temporal_order_3bit/temporal_order_3bit.py --study NAME

    paper_1997, paper_1997_6b   Experiments 6a and 6b as published (their code: paper_1997.py)
    blocks                      two blocks of two cells sharing gates against four cells of their own
    forget_gate                 without and with a forget gate
    truncation                  the full gradient against the truncated one of 1997
    drift                       the initial input-gate bias, and why a few seeds of the headline fail
    lengths                     T = 50 to 1000 with markers in proportion

Each writes studies/NAME.json. Without --seed or --seeds a study uses its committed seeds.
"""

import time
from dataclasses import replace

import numpy as np

from common import lstm, results
from common.layers import accuracy
from common.randomness import streams
from temporal_order_3bit import paper_1997
from temporal_order_3bit import temporal_order_3bit as experiment
from temporal_order_3bit.temporal_order_3bit import CHANCE, LSTM, RNN, TUNED_RATES, best_rate, steps_to, test_set, train

LENGTHS = (50, 100, 200, 500, 1000)
BIASES = (0.0, -1.0, -2.0, -3.0, -4.0)
EARLY = 100                                  # updates after which `drift` looks at the saturation
CLOSED = -4.0                                # the most closed input gates of `drift`, used by `lengths`


def compare(networks, seeds, config, watch=lambda name, step, p: None):
    """Train each named network at all seeds with the same sequences; runs with accuracy and steps to 95 %.

    networks   {name: (network, rates, config or None)}
    watch      called with (name, step, parameters) at every evaluation
    """
    runs = [dict(seed=seed, curves={}, final={}, seconds=0.0) for seed in seeds]
    for name, (network, rates, own) in networks.items():
        begun = time.perf_counter()
        own = own or config
        p, curves = train(network, seeds, rates, own, name, lambda step, p: watch(name, step, p))  # noqa: B023
        chosen = best_rate(curves, len(rates)) + len(rates) * np.arange(len(seeds))
        tokens, targets = test_set(seeds, own)
        correct = accuracy(network.forward({key: a[chosen] for key, a in p.items()}, tokens)[0], targets)
        for n, run_ in enumerate(runs):
            run_["final"] |= {f"{name}_accuracy": correct[n], f"{name}_steps_to_95": steps_to(curves, chosen[n]),
                              f"{name}_solved": float(correct[n] >= 0.95)}
            run_["seconds"] += (time.perf_counter() - begun) / len(seeds)
    return runs


def blocks(seeds, config):
    return compare({"cells_4x1": (LSTM(lstm.Cell(4)), (config.lr,), None),
                    "blocks_2x2": (LSTM(lstm.Cell(2, 2)), (config.lr,), None)}, seeds, config)


def forget_gate(seeds, config):
    return compare({"without": (LSTM(lstm.Cell(config.hidden)), (config.lr,), None),
                    "with": (LSTM(lstm.Cell(config.hidden, forget_gate=True)), (config.lr,), None)}, seeds, config)


def truncation(seeds, config):
    cell = lstm.Cell(config.hidden)
    return compare({"full": (LSTM(cell), (config.lr,), None),
                    "truncated": (LSTM(cell, truncated=True), (config.lr,), None)}, seeds, config)


def drift(seeds, config):
    """Also keeps how saturated each network is early on: the mean slope h'(s) = 1 - h(s)^2 at the last step.

    Where it is near 0, no error passes from the outputs to the cell states, whatever the carousel does.
    """
    network, slopes = LSTM(lstm.Cell(config.hidden)), {}
    tokens = experiment.sequences_per_seed(streams(seeds, "saturation"), 1, config.length, 64)[0][0]

    def watch(name, step, p):
        if step <= EARLY:
            h = network.forward(p, tokens)[1].hs[-1]
            slopes[name] = (1 - h * h).mean((-1, -2))

    runs = compare({f"bias_{abs(bias):g}": (network, (config.lr,), replace(config, input_gate_bias=bias))
                    for bias in BIASES}, seeds, config, watch)
    for n, run_ in enumerate(runs):
        for name, slope in slopes.items():
            solved = "solved" if run_["final"][f"{name}_solved"] else "unsolved"
            run_["final"][f"{name}_early_slope_{solved}"] = slope[n]
    return runs


def lengths(seeds, config):
    """Validated less often and on fewer sequences than the headline: these runs are long."""
    runs = [dict(seed=seed, curves={}, final={}, seconds=0.0) for seed in seeds]
    for T in LENGTHS if config.length == 50 else (config.length,):
        at_T = replace(config, length=T, validation=min(config.validation, 128),
                       eval_every=5 * config.eval_every)
        cell = LSTM(lstm.Cell(config.hidden))
        part = compare({f"lstm_T{T}": (cell, (config.lr,), None),
                        f"lstm_closed_T{T}": (cell, (config.lr,), replace(at_T, input_gate_bias=CLOSED)),
                        f"rnn_T{T}": (RNN(config.hidden), (config.lr,), None),
                        f"tuned_rnn_T{T}": (RNN(config.tuned_hidden, orthogonal=True), TUNED_RATES, None)}, seeds, at_T)
        for run_, more in zip(runs, part):
            run_["final"] |= more["final"]
            run_["seconds"] += more["seconds"]
    return runs


def paper_6a(seeds, config, cap=200_000):
    return paper_1997.run_trials(paper_1997.PAPER_6A, seeds, cap)


def paper_6b(seeds, config, cap=400_000):
    return paper_1997.run_trials(paper_1997.PAPER_6B, seeds, cap)


# name: (function, committed seeds, what --quick changes)
STUDIES = {
    "paper_1997": (paper_6a, range(100), dict(cap=30)),
    "paper_1997_6b": (paper_6b, range(10), dict(cap=30)),
    "blocks": (blocks, range(30), {}),
    "forget_gate": (forget_gate, range(30), {}),
    "truncation": (truncation, range(30), {}),
    "drift": (drift, range(100), {}),
    "lengths": (lengths, range(10), {}),
}


def paper_values(name):
    """The published numbers that stand beside ours in the summary."""
    row = {"paper_1997": paper_1997.PAPER_6A, "paper_1997_6b": paper_1997.PAPER_6B}.get(name)
    return {} if row is None else dict(sequences=row.mean_sequences, solved=1.0, wrong_of_2560={2: 1, 3: 2}[row.blocks])


def paper_checks(name, runs, summary):
    """The paper's claims about 6a and 6b, set against our trials."""
    if not name.startswith("paper"):
        return []
    row = paper_1997.PAPER_6A if name == "paper_1997" else paper_1997.PAPER_6B
    solved, s, wrong = summary["solved"], summary["sequences"], summary["wrong_of_2560"]
    return [
        results.check("fraction of trials solved", solved["mean"], "1.00", solved["mean"] == 1.0,
                      paper=f"{row.trials} of {row.trials}"),
        results.check("mean sequences of the solved trials", s["mean"], f"{row.mean_sequences:,} ± 50 %",
                      s["n"] > 0 and abs(s["mean"] / row.mean_sequences - 1) < 0.5, paper=f"{row.mean_sequences:,}"),
        results.check("wrong test sequences of 2560, worst solved trial", wrong["max"], "at most 3",
                      s["n"] > 0 and wrong["max"] <= 3, paper="never more than 3"),
    ]


def run(options):
    """Run options.study and write its JSON; --seed or --seeds replace the committed seeds."""
    function, seeds, quick = STUDIES[options.study]
    if options.seeds_given or options.quick:
        seeds = options.seeds
    started = time.time()
    runs = function(list(seeds), options.config, **(quick if options.quick else {}))
    record = results.record("temporal_order_3bit", options, runs, paper_values(options.study), study=options.study,
                            started=started, config={**vars(options.config), "seeds": list(seeds), "chance": CHANCE})
    record["checks"] = paper_checks(options.study, runs, record["summary"])
    results.write(options.out / "studies" / f"{options.study}.json", record)
    for name, s in record["summary"].items():
        if name.endswith(("_solved", "_steps_to_95", "sequences", "solved", "wrong_of_2560")) or name.startswith("type"):
            print(f"{name:<28} {results.mean_spread(s)}")


assert set(STUDIES) == set(experiment.STUDIES)
