"""The tables of README.md, from results.json and studies/*.json. A test compares them with the file."""

from pathlib import Path

from common import results
from common.results import mean_spread, read_studies, table
from smt.studies import STUDIES
from smt.studies import table as study_table

HERE = Path(__file__).resolve().parent
MAKE = "python3 smt/smt.py --seeds 0-4"

DIRECT = (("SMT", "smt_accuracy", "drift_smt"), ("SMT, as many steps more as DMT (control)", "smt_more_accuracy", "drift_smt_more"),
          ("**SMT + DMT**", "smt_dmt_accuracy", "drift_dmt"), ("BPTT, as many sequences", "bptt_same_sequences", None),
          ("BPTT, as many seconds", "bptt_same_seconds", None), ("BPTT, highest of all rates and budgets", "bptt_highest", None),
          ("Transformer (no memory)", "transformer_accuracy", None), ("encoder + readout (ceiling)", "encoder_accuracy", None))
BINARY = (("**SMT**", "binary_accuracy_t128", "binary_drift_t128"), ("BPTT, as many sequences", "bptt_t128_same_sequences", None),
          ("BPTT, as many seconds", "bptt_t128_same_seconds", None),
          ("BPTT, highest of all rates and budgets", "bptt_highest_t128", None), ("encoder + readout (ceiling)", "binary_encoder_accuracy_t128", None))
SHORT = (("SMT, binary memory", "binary"), ("SMT + DMT", "smt_dmt"),
         ("SMT, as many steps more (control)", "smt_more"), ("SMT", "smt"), ("BPTT", "bptt"), ("Transformer", "transformer"))
FAIR = (("SMT binary, 16 then 32", "binary_curriculum"), ("BPTT, 16 then 32", "bptt_curriculum"),
        ("SMT binary, random 4 to 32", "binary_random"), ("BPTT, random 4 to 32", "bptt_random"))


def tables(record, studies):
    """{marker: text} for results.fill_tables; studies is {name: record}."""
    summary, chance = record["summary"], 1 / record["config"]["elements"]
    texts = {"direct": accuracy_table(summary, DIRECT, chance), "binary": accuracy_table(summary, BINARY, chance),
             "short": length_table(record, SHORT, chance), "fair": length_table(record, FAIR, chance),
             "checks": checks_table(record), "certificate": certificate_table(record), "cost": cost_table(summary),
             "run": f"`{record['command']}`: {len(record['runs'])} seeds, numpy {record['environment']['numpy']}, {record['environment']['cpu']}"}
    texts.update({name: study_table(studies[name]) if name in studies else "not run" for name in STUDIES})
    return texts


def accuracy_table(summary, rows, chance):
    lines = [[label, mean_spread(summary[accuracy]), mean_spread(summary[drift], 4) if drift else "–"] for label, accuracy, drift in rows]
    return table(["method", "accuracy: mean ± std (min to max)", "drift"], [*lines, ["chance", f"{chance:.3f}", "2 (unrelated)"]])


def length_table(record, rows, chance):
    """Mean accuracy, the worst seed in brackets; where seeds at chance were not rolled out further, how many were."""
    summary, seeds = record["summary"], len(record["runs"])
    lengths = sorted({int(k.rsplit("_t", 1)[1]) for k in summary if k.startswith("short_binary_t")})
    lines = [[label, *(length_cell(summary.get(f"short_{name}_t{n}"), seeds) for n in lengths)] for label, name in rows]
    return table(["test length T", *(f"{n:,}" for n in lengths)], [*lines, ["chance", *[f"{chance:.3f}"] * len(lengths)]])


def length_cell(entry, seeds):
    if entry is None:
        return "does not fit"
    if entry["n"] == 0:
        return "not run"
    seen = "" if entry["n"] == seeds else f", {entry['n']} of {seeds} seeds"
    return f"{entry['mean']:.3f} ({entry['min']:.3f}{seen})"


def checks_table(record):
    shown = lambda v: f"{v:.4g}" if isinstance(v, float) else v  # noqa: E731
    return table(["claim", "measured", "expected", "holds"],
                 [[c["claim"], shown(c["measured"]), c["expected"], "yes" if c["holds"] else "**no**"] for c in record["checks"]])


def certificate_table(record):
    rows = [[r["seed"], *(r["statement"].get(k, "–") for k in ("short", "short, T >= 3"))] for r in record["runs"]]
    return table(["seed", f"lengths from T = {record['config']['short_length']}", "lengths from T = 3"], rows)


def cost_table(summary):
    rows = (("SMT, T = 64", "smt_seconds"), ("DMT, T = 64", "dmt_seconds"), ("SMT, T = 128, binary", "binary_seconds"),
            ("SMT, T = 16, continuous", "short_smt_seconds"), ("SMT, T = 16, binary", "short_binary_seconds"))
    return table(["training", "processor seconds"], [[label, mean_spread(summary[key], 1)] for label, key in rows])


def update(record, folder=HERE):
    """Fill the tables of README.md; returns True if it changed."""
    return results.update_readme(folder / "README.md", tables(record, read_studies(folder, "smt/smt.py")))
