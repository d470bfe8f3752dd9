"""Train every experiment, draw its figures, make its GIF, and set the claims side by side.

    python3 reproduce.py                 seed 0 of every experiment, minutes
    python3 reproduce.py --full          all seeds of the committed records
    python3 reproduce.py --studies       every committed study as well
    python3 reproduce.py --quick         tiny settings, under a minute: does everything run?
    python3 reproduce.py --only PATH     one experiment by its folder (may be repeated)
    python3 reproduce.py --tables        only refill CLAIMS.md and the tables in README.md from what is committed

Everything is written into reproduced/; what is committed stays as it is. An experiment that
fails is reported, the others go on, and the exit status is then 1.

Beyond one laptop: seeds and studies are independent jobs, each with a folder of its own.

    python3 reproduce.py --jobs > jobs.txt             one command a line, longest first, with its minutes
    xargs -P 8 -I{} sh -c '{}' < jobs.txt              or GNU parallel, or a SLURM array
    python3 reproduce.py --merge                       joins them into reproduced/, names what is missing
"""

import argparse
import ast
import importlib
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import common  # noqa: F401  one BLAS thread, for the scripts started here too
from common import files, results, study, tables
from common.config import seed_range

ROOT = Path(__file__).resolve().parent
# one line of the root README's table each: the problem, then the answers
STORY = (("vanishing_gradient",), ("chunker_very_deep_1200",),
         ("temporal_order_3bit", "vanishing_gradient/long_lags"), ("vanishing_gradient/compute",),
         ("vanishing_gradient/weight_guessing", "vanishing_gradient/program_search", "vanishing_gradient/evolino"),
         ("smt",), ("vanishing_gradient/shootout",))
ELSEWHERE = {"tests", "runs", "reproduced", "jobs"}
LONGEST_JOB = 15                                     # minutes; a longer study is cut into parts of its seeds


def experiments():
    """Every folder that holds <name>/<name>.py, at any depth: first those of the story, in its order."""
    found = [path.parent.relative_to(ROOT) for path in ROOT.rglob("*.py") if path.stem == path.parent.name]
    names = sorted(path.as_posix() for path in found
                   if not ELSEWHERE & set(path.parts) and not any(part.startswith(".") for part in path.parts))
    story = [name for line in STORY for name in line if name in names]
    return story + [name for name in names if name not in story]


EXPERIMENTS = experiments()


def main():
    options = parse()
    if options.tables:
        refill()
    elif options.jobs:
        print("\n".join(job_lines(options.only or EXPERIMENTS)))
    elif options.merge:
        return merge(options)
    else:
        return reproduce(options)
    return 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="all seeds of the committed records")
    size.add_argument("--quick", action="store_true", help="tiny settings")
    parser.add_argument("--studies", action="store_true", help="the committed studies as well")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--tables", action="store_true", help="only refill CLAIMS.md and the tables in README.md")
    other.add_argument("--jobs", action="store_true", help="print the independent jobs, one command a line")
    other.add_argument("--merge", action="store_true", help="join what the jobs wrote")
    parser.add_argument("--only", action="append", choices=EXPERIMENTS, metavar="PATH",
                        help="one experiment; may be repeated: " + ", ".join(EXPERIMENTS))
    parser.add_argument("--out", type=Path, default=ROOT / "reproduced", metavar="DIR", help="default: reproduced/")
    return parser.parse_args()


# ---------------------------------------------------------------- one after the other

def reproduce(options):
    """Run every step of every experiment, print the comparison; exit status."""
    failed, started = [], time.time()
    for name in options.only or EXPERIMENTS:
        for stage in stages(name, options):
            broken = run_together(stage, options.out / name)
            failed += broken
            if broken:
                break
    print(f"\n{comparison(options)}\n\n{time.time() - started:.0f} s; written to {files.shown(options.out)}")
    if options.quick:
        print("--quick: tiny settings, so that claims which need training do not hold here.")
    for step in failed:
        print(f"failed: {step}")
    return 1 if failed else 0


def run_together(stage, out):
    """Run the commands of one stage side by side; those that failed."""
    for step in stage:
        print(f"\n--- python3 {' '.join(step)}", flush=True)
    with ThreadPoolExecutor(2) as pool:
        worked = list(pool.map(lambda step: succeeds(step, out), stage))
    broken = [" ".join(step) for step, good in zip(stage, worked) if not good]
    for step in broken:
        print(f"--- failed: {step}", flush=True)
    return broken


def succeeds(step, out):
    return subprocess.run([sys.executable, str(ROOT / step[0]), *step[1:], "--out", str(out)]).returncode == 0


def stages(name, options):
    """The commands of one experiment, relative to the repository, in the order of the data flow.

    returns   [[command, ...], ...]; the commands of one stage do not wait for each other
    """
    script, last, seeds = script_of(name), Path(name).name, seeds_of(name)
    quick = ["--quick"] if options.quick else []
    size = quick or ["--seeds", seed_range(seeds if options.full else seeds[:1])]
    studies = [[[script, "--study", title, *quick]] for title in study.find(ROOT / name)] if options.studies else []
    return [[[script, *size]], *studies, [[f"{name}/visualize_{last}.py"], [f"{name}/make_{last}_gif.py"]]]


def script_of(name):
    return f"{name}/{Path(name).name}.py"


def seeds_of(name):
    """The constant SEEDS of an experiment's script, read without running it."""
    tree = ast.parse((ROOT / script_of(name)).read_text(encoding="utf-8"))
    return study.literal_seeds(study.constants(tree)["SEEDS"])


# ---------------------------------------------------------------- independent jobs

class Job(NamedTuple):
    """What can run by itself on any machine: a seed of the main experiment, or some seeds of a study."""
    experiment: str
    study: str                   # None: the main experiment
    seeds: list
    minutes: float

    @property
    def folder(self):
        return f"jobs/{self.experiment}/{self.study or 'seed'}-{seed_range(self.seeds)}"

    @property
    def command(self):
        study_ = f"--study {self.study} " if self.study else ""
        seeds = f"--seeds {seed_range(self.seeds)}"
        return f"python3 {script_of(self.experiment)} {study_}{seeds} --part --out {self.folder}"

    def parts(self):
        """The folder of finished parts that the job left, or None if it has not finished."""
        for folder in (ROOT / self.folder / "partial").glob("*"):
            if all((folder / f"{seed}.npz").exists() for seed in self.seeds):
                return folder
        return None


def jobs(name, title=None):
    """The jobs of an experiment's main record, or of one of its studies."""
    if title is None:
        seeds = seeds_of(name)
        minutes = recorded_minutes(ROOT / name / "results.json") / len(seeds)
        return [Job(name, None, [seed], minutes) for seed in seeds]
    about = study.describe(ROOT / name, title)
    count = min(len(about.seeds), max(1, math.ceil(about.minutes / LONGEST_JOB)))
    cuts = [k * len(about.seeds) // count for k in range(count + 1)]
    return [Job(name, title, about.seeds[a:b], about.minutes / count) for a, b in zip(cuts, cuts[1:])]


def recorded_minutes(path):
    return results.read(path, "git checkout")["seconds"] / 60 if path.exists() else 1.0


def records_of(name):
    """The records of an experiment: None for the main one, and the names of its studies."""
    return [None, *study.find(ROOT / name)]


def job_lines(names):
    """Every job as one self-contained command, longest first, its measured minutes behind it."""
    every = [job for name in names for title in records_of(name) for job in jobs(name, title)]
    return [f"{job.command}  # {job.minutes:.1f} min" for job in sorted(every, key=lambda job: -job.minutes)]


def merge(options):
    """Join the parts that the jobs left, record by record; name what is missing; exit status."""
    failed = []
    for name in options.only or EXPERIMENTS:
        for title in records_of(name):
            every = jobs(name, title)
            missing = [job.command for job in every if job.parts() is None]
            failed += [f"missing: {command}" for command in missing]
            if not missing and not joined(every, options.out / name):
                failed.append(f"failed: the record of {name} {title or ''}")
    print("\n".join(failed) or f"all records are in {files.shown(options.out)}")
    return 1 if failed else 0


def joined(every, out):
    """Put the parts of all jobs into one folder and let the script make the record from them; True if it did."""
    first = every[0]
    if len({job.parts().name for job in every}) > 1:
        return False                                 # jobs of different settings or programs
    print(f"--- joining {len(every)} jobs of {first.experiment} {first.study or ''}", flush=True)
    for job in every:
        shutil.copytree(job.parts(), out / "partial" / job.parts().name, dirs_exist_ok=True)
    what = ["--study", first.study] if first.study else ["--seeds", seed_range(seeds_of(first.experiment))]
    return succeeds([script_of(first.experiment), *what], out)


# ---------------------------------------------------------------- claims

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
    """{claim: check} from the record and the studies of one folder; empty where nothing whole was saved."""
    found = {}
    for path in [folder / "results.json", *sorted((folder / "studies").glob("*.json"))]:
        try:
            checks = results.read(path, "")["checks"] if path.exists() else []
        except results.ResultsError as error:
            print(f"left out: {error}")
            continue
        found |= {(f"{path.stem}: " if path.stem != "results" else "") + check["claim"]: check for check in checks}
    return found


def text(value):
    return "" if value is None else tables.number(value)


def aligned(header, rows):
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [header, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


# ---------------------------------------------------------------- generated pages

def refill():
    """CLAIMS.md, and the tables in README.md, from what is committed."""
    files.write_text(ROOT / "CLAIMS.md", claims_page())
    tables.update_readme(ROOT / "README.md", root_tables())


def claims_page():
    """Every claim of every experiment and study, the failed ones first."""
    rows = [[f"[{name}]({name}/README.md)", *tables.claim_row({**check, "claim": claim})]
            for name in EXPERIMENTS for claim, check in claims(ROOT / name).items()]
    header = ["experiment", "claim", "paper", "measured", "expected", "holds"]
    failed, held = ([row for row in rows if (row[-1] == "yes") == wanted] for wanted in (False, True))
    about = ("Generated from the committed results by `python3 reproduce.py --tables`. A claim is a measurement with "
             "an expectation that it can miss. A name before the colon is the study that measured it; [a, b] is a "
             "95 % interval; *paper* is the published value.")
    return (f"# Every claim\n\n{about}\n\n## {len(failed)} that do not hold\n\n{tables.table(header, failed)}\n\n"
            f"## {len(held)} that hold\n\n{tables.table(header, held)}\n")


def root_tables():
    """{marker: text} of the root README: the table of the story, and how many claims hold."""
    every = [check for name in EXPERIMENTS for check in claims(ROOT / name).values()]
    lines = [[name for name in line if name in EXPERIMENTS] for line in STORY]
    rows = [story_row(line) for line in lines if line]
    return dict(story=tables.table(["experiment", "idea", "what we measured", "one seed"], rows),
                claims=f"{sum(check['holds'] for check in every)} of {len(every)}")


def story_row(names):
    """One line of the root README's table, for one experiment or for several that answer alike."""
    cells = []
    for name in names:
        visualize = importlib.import_module(f"{name.replace('/', '.')}.visualize_{Path(name).name}")
        record = results.read(ROOT / name / "results.json", "git checkout")
        cells.append((f"[{Path(name).name}]({name}/)", visualize.IDEA, visualize.one_line(record), visualize.TIME))
    return ["<br>".join(column) for column in zip(*cells)]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; what is committed is untouched", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:                          # reproduce.py --jobs | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except results.ResultsError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
