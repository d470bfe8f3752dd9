"""What does learning do to the error's way back, in an LSTM and in tanh-RNNs?

Four networks get the same sequences of the marked bit (length 60), as many of them, and four rates (LSTM: six)
times two batch sizes; validation chooses. Measured before and after: the factor per step of the answer's error, the
share of the weight gradient that comes from each lag, and how open the LSTM's gates and how large its cell states
are. The LSTM learns with the full gradient; its truncated gradient is measured on the same network.
"Learning shuts the carousel off" would need input gates that close.
"""

import numpy as np

from common import results
from common.config import make_command
from common.randomness import stream
from vanishing_gradient import marked_bit
from vanishing_gradient.error_flow import factor_per_step
from vanishing_gradient.marked_bit import gradient_errors     # noqa: F401  --gradcheck asks every study for it
from vanishing_gradient.marked_bit import CHANCE, COLOUR, LABEL, MARKED, NETWORKS, SOLVED, TEST

SEEDS, MINUTES = range(5), 2
USES = ()
QUICK = dict(length=15, budget=640, batches=(32,))
MOMENTS = ("before", "after")
PATHS = {"rnn": ("rnn", False), "tuned_8": ("tuned_8", False), "tuned_32": ("tuned_32", False),
         "lstm": ("lstm", False), "lstm_truncated": ("lstm", True)}          # {row: (network, truncated gradient)}
ROW_LABEL = {**LABEL, "lstm": f"{LABEL['lstm']}, full gradient",
             "lstm_truncated": f"{LABEL['lstm']}, truncated gradient"}


def run(config, seeds, length=60, budget=12_800, batches=(8, 32), rnn_rates=(0.0003, 0.001, 0.003, 0.01),
        lstm_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0), sequences=512):
    """All seeds and rates of one network together; then one seed after the other is measured."""
    learned = {name: marked_bit.train(name, seeds, length, budget, batches, lstm_rates if name == "lstm" else rnn_rates)
               for name in NETWORKS}
    return [measured(seed, length, sequences, {name: learned[name][s] for name in NETWORKS})
            for s, seed in enumerate(seeds)]


def measured(seed, length, sequences, learned):
    """One seed's entry: scores, flows and shares before and after, and the trained weights."""
    x, classes = marked_bit.sequences(stream(seed, "test"), length, TEST)
    final = {"last_bit_accuracy": marked_bit.last_bit_accuracy(x, classes)}
    curves, arrays = {}, {}
    for name, one in learned.items():
        final |= {f"{name}_accuracy": marked_bit.validate(NETWORKS[name], one.after, x, classes)[0][0],
                  f"{name}_rate": one.rate, f"{name}_batch": one.batch}
        curves[f"{name}_validation"] = one.curve
        arrays |= {f"{name}.{key}": a[0] for key, a in one.after.items()}
    for row, (name, truncated) in PATHS.items():
        for moment in MOMENTS:
            found = looked_at(name, getattr(learned[name], moment), x[..., :sequences], classes[:sequences], truncated)
            final |= {f"{row}_{what}_{moment}": value for what, value in found["final"].items()}
            arrays |= {f"{what}_{row}_{moment}": found[what].astype(np.float32) for what in ("flow", "share")}
    return results.entry(seed, final, curves, arrays=arrays)


def looked_at(name, p, x, classes, truncated):
    """Flow (T,) (median over the sequences) and share by lag (T,) of one network, and single numbers."""
    a = marked_bit.answer(name, p, x, classes, truncated)
    flow, steps = marked_bit.error_flow(a), marked_bit.contributions(a, x)
    share = marked_bit.share_by_lag(steps)
    final = dict(factor=np.median(factor_per_step(flow, 1)), share_last_10=share[:10].sum(),
                 share_of_the_mark=share[-MARKED:].sum())
    if name == "lstm":
        final |= lstm_numbers(a, steps)
    return dict(final=final, flow=np.median(flow, axis=1), share=share)


def lstm_numbers(a, steps):
    """Gates (means over cells, steps, sequences), cell states and slopes h'(s) at the end, the last step's gradient."""
    cell, trace = a.net.cell, a.run.trace
    slope = 0.5 * (1 - trace.hs[-1] * trace.hs[-1])                       # h' of 1997, at most 1/2
    last = steps[-1]
    return dict(input_gate=trace.act[:, cell.gate_rows("input")].mean(),
                output_gate=trace.act[:, cell.gate_rows("output")].mean(), state=np.abs(trace.s[-1]).mean(),
                slope=slope.mean(), last_step_of_output_gates=np.linalg.norm(last[cell.gate_rows("output")])
                / np.linalg.norm(last))


def evaluate(options):
    """Score the saved networks on fresh sequences of the recorded length (`--evaluate`)."""
    make = make_command(options.home, options.out, "before_and_after")
    path = options.out / "studies" / "before_and_after.json"
    record = results.read(path, make, options.experiment)
    names = [f"{name}.{key}" for name in NETWORKS for key in ("W_in", "W", "b", "W_out", "b_out")]
    saved = results.read_arrays(path.with_suffix(".npz"), make, record["run_id"], names)
    broken = [name for name in names if not np.isfinite(saved[name]).all()]
    if broken:
        raise results.ResultsError(f"{path.with_suffix('.npz')}: {broken[0]} is not finite; make it again with: {make}")
    with results.reading(path.with_suffix(".npz"), make):
        length, seed = record["config"]["length"], record["runs"][0]["seed"]
        x, classes = marked_bit.sequences(stream(seed, "evaluate"), length, TEST)
        for name, net in NETWORKS.items():
            p = {key.partition(".")[2]: saved[key] for key in names if key.startswith(f"{name}.")}
            right, _ = marked_bit.validate(net, p, x, classes)
            print(f"{LABEL[name]:<26} accuracy on {TEST} fresh sequences of length {length}, {len(right)} seeds: "
                  f"mean {np.mean(right):.3f}, worst {np.min(right):.3f} (chance {CHANCE:.3f})")


# ---------------------------------------------------------------- what it shows

def checks(record):
    s, n = record["summary"], len(record["runs"])
    good = sum(run["final"]["lstm_accuracy"] >= SOLVED for run in record["runs"])
    kept = s["lstm_input_gate_after"]["mean"] / s["lstm_input_gate_before"]["mean"]
    slope = s["lstm_slope_after"]["mean"] / s["lstm_slope_before"]["mean"]
    rnns = max(s[f"{name}_factor_before"]["mean"] for name in NETWORKS if name != "lstm")
    return [
        results.check(f"LSTM of 1997: seeds solved (of {n})", good, f"{n}", good == n),
        results.check("LSTM: mean input gate after learning, relative to before", kept, "at least 0.5: it stays open",
                      kept >= 0.5),
        results.check("LSTM: mean slope h'(s) at the end after learning, relative to before", slope,
                      "below 0.5: h saturates", slope < 0.5),
        results.check("tanh-RNNs: factor per step before learning, the largest of the three", rnns, "below 0.98",
                      rnns < 0.98)]


def finding(record):
    s = record["summary"]
    best = max(s[f"{name}_accuracy"]["mean"] for name in NETWORKS if name != "lstm")
    mean = lambda what, digits: f"{s[f'lstm_{what}']['mean']:.{digits}f}"
    return (f"After {record['config']['budget']:,} sequences the LSTM scores {mean('accuracy', 3)}, the best RNN "
            f"{best:.3f}; learning takes the LSTM's mean input gate from {mean('input_gate_before', 2)} to "
            f"{mean('input_gate_after', 2)}, |s| to {mean('state_after', 1)} and the slope of h(s) from "
            f"{mean('slope_before', 2)} to {mean('slope_after', 3)}.")


def table(record):
    s = record["summary"]
    pair = lambda row, what, digits: " → ".join(f"{s[f'{row}_{what}_{moment}']['mean']:.{digits}f}"
                                                for moment in MOMENTS)
    rows = [[ROW_LABEL[row], f"{s[f'{name}_accuracy']['mean']:.3f}", pair(row, "factor", 3),
             pair(row, "share_last_10", 2), pair(row, "share_of_the_mark", 2), chosen_settings(record, name)]
            for row, (name, _) in PATHS.items()]
    rows += [["chance", f"{CHANCE:.3f}", "", "", "", ""],
             ["answer the last bit", f"{s['last_bit_accuracy']['mean']:.3f}", "", "", "", ""]]
    inside = [["input gate (mean)", pair("lstm", "input_gate", 2)],
              ["output gate (mean)", pair("lstm", "output_gate", 2)],
              ["size of the cell state at the end", pair("lstm", "state", 2)],
              ["slope h'(s) at the end (at most 0.5)", pair("lstm", "slope", 4)],
              ["share of the output gates in the last step's gradient", pair("lstm", "last_step_of_output_gates", 2)]]
    return {"Means of the seeds, before → after learning": (
                ["network", "test accuracy", "factor per step", "gradient from the last 10 lags",
                 f"gradient from the {MARKED} lags of the mark", "rate/batch chosen, seed by seed"], rows),
            "Inside the LSTM": (["", "before → after"], inside)}


def chosen_settings(record, name):
    """The rate and the batch size that validation chose at every seed."""
    return " · ".join(f"{run['final'][f'{name}_rate']:g}/{run['final'][f'{name}_batch']}" for run in record["runs"])


def figure(record, arrays):
    from common.figures import ROLE, plt
    from vanishing_gradient.pictures import back_in_time, powers_of_ten
    fig, axes = plt.subplots(2, 2, figsize=(7.4, 5), sharex=True, sharey="row")
    for column, moment in enumerate(MOMENTS):
        for row, (name, _) in PATHS.items():
            style = dict(color=ROLE[COLOUR[name]], linewidth=0.9,
                         linestyle="--" if row in ("lstm_truncated", "tuned_8") else "-")
            for seed, (flow, share) in enumerate(zip(arrays[f"flow_{row}_{moment}"], arrays[f"share_{row}_{moment}"])):
                axes[0, column].plot(flow, label=ROW_LABEL[row] if seed == 0 else None, **style)
                if row != "lstm_truncated":              # close to the full gradient's, see the table
                    axes[1, column].plot(np.log10(np.maximum(share, 1e-300)), **style)
        T = len(flow)
        axes[0, column].set(ylim=(-12, 2), title=f"{moment} learning")
        axes[1, column].set(ylim=(-9, 0.3))
        axes[1, column].axvspan(T - MARKED, T, color="0.93", zorder=0)
        axes[1, column].text(T - MARKED / 2, -8.6, "mark", ha="center", fontsize=9)
        back_in_time(axes[0, column], T, label="")
        back_in_time(axes[1, column], T)
        for ax in axes[:, column]:
            powers_of_ten(ax.yaxis)
    axes[0, 0].set_ylabel("error that arrives")
    axes[1, 0].set_ylabel("share of the gradient")
    factors = {row: record["summary"][f"{row}_factor_before"]["mean"] for row in PATHS}
    rnns = [factors[name] for name in NETWORKS if name != "lstm"]
    fig.suptitle(f"A step before learning: LSTM × {factors['lstm']:.3f}, RNNs × {min(rnns):.2f} to {max(rnns):.2f} "
                 f"(one line a seed, {len(record['runs'])} seeds)", fontsize=12)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
