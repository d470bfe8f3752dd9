"""What does one training step cost in data moved, and does it bear out what is expected of the LSTM and the chunker?

Every read is priced by the root of its depth in one stack of memory (tracer.py); scalar code, one sequence, plain SGD
(scalar_nets.py); the same number of hidden units. The sequence: a letter, filler in turn, the same letter again.
Expected, and tested: (1) in temporal order the distractor steps of an LSTM "cost almost nothing because the input gate
is near zero and the cell state is unchanged"; (2) the chunker "wins on data movement: k recurrent steps with gradient
where the LSTM does T - 1". Left out: biases, Adam's moments (three words more for each weight, whatever T), batches;
of SMT its decoder, its noise, its uniformity loss and all but one attention head of its teacher.
"""

import numpy as np

from common import results
from common.randomness import stream
from vanishing_gradient.compute import scalar_nets, tracer

SEEDS, MINUTES = range(1), 0.7
USES = ()
QUICK = dict(lengths=(4, 8), quadratic=8, wide=5, order_length=20)
LETTERS, FILLER = 2, 5
MODELS = {"rnn": "tanh-RNN, BPTT, answer at the end", "lstm": "LSTM (1997), BPTT, answer at the end",
          "rnn_every": "tanh-RNN, BPTT, predicts every symbol",
          "chunker": "A + C, k = 2, A learns (window 3)", "chunker_reads": "A + C, k = 2, A only predicts",
          "chunker_half": "A + C, k = T / 2, A learns (window 3)",
          "smt_updater": "SMT, updater alone, memories given", "smt": "SMT with a teacher of one attention head"}
ROLES = {"rnn": "rnn", "lstm": "lstm", "rnn_every": "tuned_rnn", "chunker": "chunker", "chunker_reads": "chunker",
         "chunker_half": "chunker", "smt_updater": "smt", "smt": "smt_dmt"}
WIDE = ("rnn", "lstm", "rnn_every", "chunker", "chunker_reads")
PHASES = ("forward", "backward", "optimiser")
ORDER = "abcdXYBE"                           # temporal order: four distractors, two informative symbols, begin, end


def run(config, seeds, lengths=(8, 16, 32, 64, 128, 256, 512), quadratic=64, units=4, wide=12, order_length=100):
    """`quadratic`: the longest sequence of the teacher with attention, and of the nets with `wide` units."""
    for seed in seeds:
        cost = lambda name, T, H: priced(program(name, T, H, stream(seed, f"weights {name}")))
        final = {name: {str(T): cost(name, T, units) for T in lengths if T <= quadratic or name != "smt"}
                 for name in MODELS}
        final["kept"] = {str(T): int(tracer.price(program("rnn", T, units, stream(seed, "weights rnn")).tape,
                                                  closes_up=False).sum()) for T in lengths}
        final["wide"] = {name: cost(name, quadratic, wide) for name in WIDE}
        order, arrays = temporal_order(order_length, units, seed)
        yield results.entry(seed, {**final, "order": order}, arrays=arrays)


def program(name, T, units, rng):
    """The training step of one model on a sequence of T symbols."""
    symbols = [0] + [LETTERS + t % FILLER for t in range(T - 2)] + [0]
    common = dict(answer=1, H=units, D=LETTERS + FILLER, rng=rng)
    if name.startswith("chunker"):
        surprises = range(0, T, 2) if name == "chunker_half" else (0, T - 1)
        return scalar_nets.chunker(symbols, surprises, learns=name != "chunker_reads", **common)
    if name.startswith("smt"):
        return getattr(scalar_nets, name)(symbols, **common)
    return scalar_nets.recurrent(name.split("_")[0], symbols, every=name == "rnn_every", **common)


def priced(made):
    """Cost of the whole step and of each phase, instructions, and reads."""
    costs, tape = tracer.price(made.tape), made.tape
    phases = np.array([PHASES.index(one.label[0]) for one in tape.instructions])
    return dict(total=int(costs.sum()), instructions=len(costs), reads=sum(len(i.reads) for i in tape.instructions),
                **{name: int(costs[phases == k].sum()) for k, name in enumerate(PHASES)})


def temporal_order(T, units, seed):
    """An LSTM on temporal order: the cost of a step by kind of symbol, and the share of what a closed gate touches."""
    rng = stream(seed, "temporal order")
    symbols = rng.integers(0, 4, T).tolist()
    symbols[0], symbols[-1] = ORDER.index("B"), ORDER.index("E")
    markers = sorted(rng.choice(np.arange(T // 10, T - T // 10), 3, replace=False).tolist())
    for t in markers:
        symbols[t] = int(rng.integers(4, 6))
    made = scalar_nets.recurrent("lstm", symbols, answer=1, H=units, D=len(ORDER), rng=rng)
    costs = tracer.price(made.tape)
    labels = [one.label for one in made.tape.instructions]
    phase, step, part = (np.array([label[k] if label[k] is not None else -1 for label in labels]) for k in range(3))
    per_step = {name: np.bincount(step[phase == name], costs[phase == name], T) for name in ("forward", "backward")}
    total = sum(per_step.values())
    distractors = [t for t in range(T // 10, T - T // 10) if t not in markers]
    inner = np.isin(step, distractors)
    share = lambda parts: float(costs[inner & np.isin(part, parts)].sum() / costs[inner].sum())
    order = dict(markers=float(total[markers].mean()), distractors=float(total[distractors].mean()),
                 state_share=share(["state"]), skipped_share=share(["state", "store", "candidate"]))
    return order, per_step


# ---------------------------------------------------------------- what it shows

def value(record, name, T, what="total"):
    return results.at(record["runs"][0]["final"], name, T, what)


def longest(record):
    return record["config"]["lengths"][-1]


def exponent(record, name):
    """d log cost / d log T between the two longest sequences of a model."""
    there = [T for T in record["config"]["lengths"] if value(record, name, T)][-2:]
    return float(np.log(value(record, name, there[1]) / value(record, name, there[0])) / np.log(there[1] / there[0]))


def checks(record):
    T, order = longest(record), record["runs"][0]["final"]["order"]
    ratio = lambda name, other: value(record, name, T) / value(record, other, T)
    return [results.check("expected of temporal order: cost of an LSTM's distractor step / of a marker step",
                          order["distractors"] / order["markers"], "below 0.1: almost nothing",
                          order["distractors"] / order["markers"] < 0.1),
            results.check("the same, if a closed input gate made candidate, product and state free: share left",
                          1 - order["skipped_share"], "below 0.1: almost nothing", 1 - order["skipped_share"] < 0.1),
            results.check(f"expected of the chunker, T = {T}: cost of A + C (k = 2, A learns) / of an LSTM",
                          ratio("chunker", "lstm"), "below 1", ratio("chunker", "lstm") < 1),
            results.check(f"T = {T}: the same / of a tanh-RNN that only answers", ratio("chunker", "rnn"), "below 1",
                          ratio("chunker", "rnn") < 1),
            results.check(f"T = {T}: the same / of a tanh-RNN with A's objective", ratio("chunker", "rnn_every"),
                          "below 1", ratio("chunker", "rnn_every") < 1),
            results.check(f"T = {T}: A + C with A only predicting / of a tanh-RNN that only answers",
                          ratio("chunker_reads", "rnn"), "below 1", ratio("chunker_reads", "rnn") < 1),
            results.check("growth of BPTT's cost with T, tanh-RNN: exponent at the longest sequences",
                          exponent(record, "rnn"), "below 1.1: what was stored last is read first, then leaves",
                          exponent(record, "rnn") < 1.1),
            results.check("the same, if what is never read again stayed in memory", kept_exponent(record),
                          "at least 0.05 more", kept_exponent(record) >= exponent(record, "rnn") + 0.05)]


def kept_exponent(record):
    """As `exponent`, of the tanh-RNN when nothing leaves the stack."""
    T, kept = record["config"]["lengths"][-2:], record["runs"][0]["final"]["kept"]
    return float(np.log(kept[str(T[1])] / kept[str(T[0])]) / np.log(T[1] / T[0]))


def finding(record):
    T, order = longest(record), record["runs"][0]["final"]["order"]
    ratio = lambda name, other: value(record, name, T) / value(record, other, T)
    cheap = order["distractors"] / order["markers"]
    return (f"No distractor step is cheap (an LSTM's costs {cheap:.2f} of a marker step). At T = {T} A + C costs "
            f"{ratio('chunker', 'lstm'):.2f} of an LSTM's training step, {ratio('chunker', 'rnn'):.2f} of an answering "
            f"tanh-RNN's, {ratio('chunker', 'rnn_every'):.2f} of one's with A's objective; once A only predicts, "
            f"{ratio('chunker_reads', 'rnn'):.2f} of the answering one's.")


def table(record):
    lengths, rows = record["config"]["lengths"], []
    for name, label in MODELS.items():
        last = [length for length in lengths if value(record, name, length)][-1]
        shares = [value(record, name, last, phase) / value(record, name, last) for phase in PHASES]
        rows.append([label, *(f"{value(record, name, length):,}" if value(record, name, length) else "not run"
                              for length in lengths), f"{exponent(record, name):.2f}",
                     " / ".join(f"{share:.0%}" for share in shares)])
    header = ["training step", *(f"T = {length}" for length in lengths), "exponent of T, longest two",
              "forward / backward / optimiser"]
    c, wide = record["config"], record["runs"][0]["final"]["wide"]
    more = [[MODELS[name], f"{wide[name]['total']:,}", f"{wide[name]['total'] / wide['rnn']['total']:.2f}",
             f"{value(record, name, c['quadratic']) / value(record, 'rnn', c['quadratic']):.2f}"] for name in WIDE]
    return {f"Cost of one training step, {c['units']} units": (header, rows),
            f"Does the size matter? T = {c['quadratic']}": (
                ["training step", f"{c['wide']} units", "of the answering tanh-RNN's", f"the same, {c['units']} units"],
                more)}


def figure(record, arrays):
    from common.figures import ROLE, plt
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 5.4), width_ratios=(1.2, 1))
    styles = {"chunker_reads": ":", "chunker_half": "--"}
    for name, label in MODELS.items():
        points = [(T, value(record, name, T)) for T in record["config"]["lengths"] if value(record, name, T)]
        left.plot(*zip(*points), color=ROLE[ROLES[name]], linestyle=styles.get(name, "-"), marker="o", markersize=3,
                  label=label)
    left.set(xscale="log", yscale="log", xlabel="sequence length T", ylabel="cost of one training step",
             title="data moved against T")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    for phase, style in (("forward", "-"), ("backward", "--")):
        right.plot(arrays[phase][0], style, color=ROLE["lstm"], linewidth=1, label=phase)
    right.set(xlabel="step of the sequence", ylabel="cost", ylim=(0, None),
              title="an LSTM on temporal order:\nno step is cheap")
    right.legend()
    return fig
