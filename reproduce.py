"""Train every experiment, draw its figures, make its GIF, and set the claims side by side.

    python3 reproduce.py                 seed 0 of every experiment, minutes
    python3 reproduce.py --full          all seeds of the committed headlines
    python3 reproduce.py --studies       every committed study as well
    python3 reproduce.py --quick         tiny settings, under a minute: does everything run?
    python3 reproduce.py --only NAME     one experiment (may be repeated)
    python3 reproduce.py --tables        only refill the tables in README.md from what is committed

Everything is written into reproduced/; what is committed stays as it is. An experiment that
fails is reported, the others go on, and the exit status is then 1.
"""

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

import common  # noqa: F401  one BLAS thread, for the scripts started here too
from common import results

ROOT = Path(__file__).resolve().parent
STORY = ("vanishing_gradient", "chunker_very_deep_1200", "temporal_order_3bit", "smt")
EXPERIMENTS = [name for name in STORY if (ROOT / name / f"{name}.py").exists()]


def main():
    options = parse()
    if options.tables:
        results.update_readme(ROOT / "README.md", root_tables())
        return 0
    failed, started = [], time.time()
    for name in options.only or EXPERIMENTS:
        for step in steps(name, options):
            print(f"\n--- python3 {' '.join(step)}", flush=True)
            command = [sys.executable, str(ROOT / step[0]), *step[1:], "--out", str(options.out / name)]
            if subprocess.run(command).returncode != 0:
                failed.append(" ".join(step))
                print(f"--- failed: {failed[-1]}", flush=True)
                break
    print(f"\n{comparison(options)}\n\n{time.time() - started:.0f} s; written to {shown(options.out)}")
    if options.quick:
        print("--quick: tiny settings, so that claims which need training do not hold here.")
    for step in failed:
        print(f"failed: {step}")
    return 1 if failed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="all seeds of the committed headlines")
    size.add_argument("--quick", action="store_true", help="tiny settings")
    parser.add_argument("--studies", action="store_true", help="the committed studies as well")
    parser.add_argument("--tables", action="store_true", help="only refill the tables in README.md")
    parser.add_argument("--only", action="append", choices=EXPERIMENTS, help="one experiment; may be repeated")
    parser.add_argument("--out", type=Path, default=ROOT / "reproduced", metavar="DIR", help="default: reproduced/")
    return parser.parse_args()


def steps(name, options):
    """The commands of one experiment, relative to the repository, in the order of the data flow."""
    script = f"{name}/{name}.py"
    train = ["--quick"] if options.quick else arguments(ROOT / name / "results.json") if options.full else ["--seed", "0"]
    commands = [[script, *train]]
    if options.studies:
        studies = sorted((ROOT / name / "studies").glob("*.json"))
        commands += [[script, *(["--quick", "--study", path.stem] if options.quick else arguments(path))] for path in studies]
    return [*commands, [f"{name}/visualize_{name}.py"], [f"{name}/make_{name}_gif.py"]]


def arguments(path):
    """The arguments of the command that made a committed results file."""
    return shlex.split(results.read(path, "git checkout")["command"])[2:]


def comparison(options):
    """The table: experiment, claim, paper, committed, reproduced, holds."""
    rows = []
    for name in options.only or EXPERIMENTS:
        committed, reproduced = claims(ROOT / name), claims(options.out / name)
        for claim in dict.fromkeys([*committed, *reproduced]):
            old, new = committed.get(claim, {}), reproduced.get(claim, {})
            either = old or new
            rows.append([name, claim, text(either.get("paper")), text(old.get("measured")), text(new.get("measured")),
                         {True: "yes", False: "no", None: "not run"}[new.get("holds")]])
    return aligned(["experiment", "claim", "paper", "committed", "reproduced", "holds"], rows)


def claims(folder):
    """{claim: check} from the headline and the studies of one folder; empty where nothing was saved."""
    paths = [folder / "results.json", *sorted((folder / "studies").glob("*.json"))]
    made = [(path.stem, results.read(path, "")["checks"]) for path in paths if path.exists()]
    return {(f"{stem}: " if stem != "results" else "") + check["claim"]: check for stem, checks in made for check in checks}


def text(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "" if value is None else str(value)


def aligned(header, rows):
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [header, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def shown(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def root_tables():
    """{experiment: table of its committed claims} for the root README."""
    def row(claim, check):
        return [claim, text(check["paper"]), text(check["measured"]), check["expected"], "yes" if check["holds"] else "no"]

    return {name: results.table(["claim", "paper", "measured", "expected", "holds"],
                                [row(*item) for item in claims(ROOT / name).items()]) for name in EXPERIMENTS}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; what is committed is untouched", file=sys.stderr)
        sys.exit(130)
