"""Figures without a screen, in one style, with one meaning per colour across the house."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from common import results, study, tables
from common.config import make_command, parse_drawing

plt.style.use(Path(__file__).with_name("paper.mplstyle"))

# Okabe & Ito's palette, extended: one colour a method, the same in every figure and GIF of the house.
# Where two methods stand side by side they differ in line style or marker as well.
ROLE = {
    "lstm": "#0072B2",            # blue: LSTM of 1997
    "lstm_forget": "#56B4E9",     # sky blue: LSTM with forget gate
    "rnn": "#E69F00",             # orange: plain tanh-RNN, BPTT
    "tuned_rnn": "#D55E00",       # vermilion: the tuned tanh-RNN (orthogonal, clipped, grid of rates)
    "gru": "#6A3D9A",             # violet
    "mlp": "#B15928",             # sienna: the residual MLP updater
    "chunker": "#009E73",         # green: history compression
    "smt": "#CC79A7",             # pink: supervised memory training
    "smt_dmt": "#882255",         # wine: SMT followed by DMT
    "binary": "#332288",          # indigo: SMT with a binary memory
    "transformer": "#8C6D1F",     # brown: attention, the encoder
    "guess": "#117733",           # dark green: weights guessed
    "program": "#44AA99",         # teal: program search
    "evolino": "#999933",         # olive: evolved weights
    "echo": "#AA4499",            # purple: echo-state network
    "linear": "#661100",          # dark red: linear autoregression, least squares
    "chance": "#7F7F7F",          # grey, dashed
    "trivial": "#444444",         # dark grey, dotted: the trivial rule
    "paper": "#000000",           # black: a published value
    "marker_x": "#1B7837",        # the informative symbol X
    "marker_y": "#B2182B",        # the informative symbol Y
}
LABEL = {"lstm": "LSTM (1997)", "lstm_forget": "LSTM with forget gate", "rnn": "plain tanh-RNN", "gru": "GRU",
         "tuned_rnn": "tuned tanh-RNN", "chunker": "chunker", "smt": "SMT", "smt_dmt": "SMT + DMT",
         "binary": "SMT, binary memory", "transformer": "Transformer", "mlp": "residual MLP", "chance": "chance",
         "trivial": "trivial rule", "guess": "weight guessing", "program": "program search", "evolino": "Evolino",
         "echo": "echo-state network", "linear": "linear autoregression"}
CELLS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#332288", "#56B4E9", "#8C6D1F")   # single cells
SYMBOL_MARKERS = "osD^vPX*"       # symbols and classes: a marker as well, where hues are close
DIVERGING = "RdBu_r"              # signed values, symmetric about 0
SEQUENTIAL = "cividis"            # magnitudes


def chance_line(ax, level, label="chance", horizontal=True):
    """Draw the chance level the same way everywhere."""
    draw = ax.axhline if horizontal else ax.axvline
    return draw(level, color=ROLE["chance"], linestyle="--", linewidth=1, label=label, zorder=1)


def save(fig, path):
    """Write a PNG, make its folder, close the figure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path)
    plt.close(fig)
    return path


# ---------------------------------------------------------------- the main() of every visualise script

def draw(description, home, figures, arrays=(), make_tables=None):
    """Draw the figures of an experiment and of its studies from saved data into viz/; fill its pages with --tables.

    home         the experiment's folder
    figures      functions (record, arrays) -> Figure; viz/<function name>.png
    arrays       names that traces.npz must hold
    make_tables  function (record, {study: record}) -> {marker: Markdown} for README.md;
                 the markers `claims` and `studies` are filled here
    raises       ResultsError: something saved is missing or damaged
    """
    options = parse_drawing(description, home)
    out, inside = options.out, "/".join(home.relative_to(results.files.ROOT).parts)
    make = make_command(home, out)
    saved = study.read_all(home, out, lambda name: make_command(home, out, name))
    record = None
    if (out / "results.json").exists() or not saved:
        record, found = results.read_unit(out, make, arrays, inside)
        with results.reading(out / "results.json", make):
            for figure in figures:
                print(save(figure(record, found), out / "viz" / f"{figure.__name__}.png").name)
    for name, (study_record, study_arrays) in saved.items():
        module = study.load(home, name)
        if hasattr(module, "figure"):
            with results.reading(out / "studies" / f"{name}.json", make_command(home, out, name)):
                print(save(module.figure(study_record, study_arrays), out / "viz" / f"{name}.png").name)
    if options.tables and record:
        with results.reading(out / "results.json", make):
            filled, page = readme_tables(home, record, saved, make_tables), study.page(home, saved)
        tables.update_readme(out / "README.md", filled)
        if saved:
            results.files.write_text(out / "studies" / "README.md", page)


def readme_tables(home, record, saved, make_tables=None):
    """{marker: Markdown} of an experiment's README."""
    own = make_tables(record, {name: r for name, (r, _) in saved.items()}) if make_tables else {}
    return {"claims": tables.claims_table(record["checks"]), "studies": study.findings(home, saved), **own}
