"""results.json, traces.npz and weights.npz: one schema, one unit, checked when read.

One schema for main experiments and studies (the keys of `record`). The files of a run carry the
same run id; they are written together or not at all (common/files.py). Numbers in files are
finite: a NaN becomes null, and a check that needs it does not hold. Tables: common/tables.py.
"""

import contextlib
import io
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

from common import files, progress

SCHEMA = "1"
KEYS = ("schema", "experiment", "study", "run_id", "command", "config", "environment", "started", "seconds",
        "runs", "summary", "checks")
RESAMPLES = 10_000                           # of the bootstrap


class ResultsError(RuntimeError):
    """A results file is missing or damaged, or the output folder cannot be written."""


# ---------------------------------------------------------------- making a record

def entry(seed, final, curves=None, seconds=0.0, arrays=None):
    """One seed's entry in the runs of a record: final metrics, curves, seconds; arrays for the .npz of a study.

    final   {metric: number}, or a tree {axis: {axis: {...: number}}} where metrics differ along several axes
    """
    made = dict(seed=int(seed), curves=curves or {}, final=final, seconds=seconds)
    return made if arrays is None else {**made, "arrays": arrays}


def entries(seeds, final, curves=None, seconds=0.0):
    """The entries of seeds that ran together: {metric: (N,)}, {curve: (points, N)}; each took its share of the time."""
    return [entry(seed, {name: a[n] for name, a in final.items()},
                  {name: np.asarray(a)[..., n] for name, a in (curves or {}).items()}, seconds / len(seeds))
            for n, seed in enumerate(seeds)]


def record(options, runs, paper=(), checks=None, config=None, **more):
    """The dictionary that becomes results.json or studies/<study>.json.

    options  common.config.Options
    runs     [entry(...)]
    paper    {metric: published value}, set beside ours in the summary
    checks   function of the record without checks that returns [check(...)]
    config   recorded instead of options.config (a study's settings); `more` is added to it; folders are left out
    """
    config = vars(options.config) if config is None else config
    config = {name: value for name, value in config.items() if name not in options.folders}
    runs = [{name: value for name, value in run.items() if name != "arrays"} for run in runs]
    made = finite({
        "schema": SCHEMA, "experiment": options.experiment, "study": options.study, "run_id": uuid.uuid4().hex,
        "command": options.command, "config": {**config, **more, "seeds": [run["seed"] for run in runs]},
        "environment": environment(), "started": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(options.started)),
        "seconds": round(max(time.time() - options.started, sum(run["seconds"] or 0 for run in runs)), 2),
        "runs": runs, "summary": summary(runs, dict(paper)), "checks": []})
    made["checks"] = finite(checks(made)) if checks else []
    return made


def summary(runs, paper):
    """{metric: {mean, std, median, min, max, n, paper}} over the runs that report the metric.

    Where metrics have axes (`final` and `paper` are then trees of dictionaries) the summary is the same tree.
    """
    return _summary([run["final"] for run in runs], paper)


def _summary(finals, paper):
    made = {}
    for name in dict.fromkeys(name for final in finals for name in final):
        found = [final.get(name) for final in finals]
        if any(isinstance(value, dict) for value in found):
            made[name] = _summary([value or {} for value in found], paper.get(name) or {})
        else:
            made[name] = {**spread(found), "paper": paper.get(name)}
    return made


def spread(values):
    """mean, standard deviation (n - 1), median, min, max, n of the finite values (None counts as not reported)."""
    x = np.array([v for v in values if isinstance(v, (int, float, np.number)) and np.isfinite(v)], dtype=float)
    if len(x) == 0:
        return dict(mean=None, std=None, median=None, min=None, max=None, n=0)
    return dict(mean=float(x.mean()), std=float(x.std(ddof=1)) if len(x) > 1 else None, median=float(np.median(x)),
                min=float(x.min()), max=float(x.max()), n=len(x))


def values(record, *path):
    """The metric of every run that reports it, as an array; the order is that of the seeds.

    path   the metric's name; where metrics have axes, one name for each axis
    """
    found = [at(run["final"], *path) for run in record["runs"]]
    return np.array([v for v in found if v is not None], dtype=float)


def at(tree, *path):
    """What a tree of dictionaries holds there, None if nothing; numbers on the path are found by their text."""
    for name in path:
        tree = tree.get(str(name)) if isinstance(tree, dict) else None
    return tree


def interval(numbers, level=0.95):
    """Bootstrap interval (low, high) of the mean; the same numbers give the same interval. None for fewer than two."""
    x = np.asarray(numbers, dtype=float)
    if len(x) < 2:
        return None
    picks = np.random.default_rng(0).integers(0, len(x), (RESAMPLES, len(x)))
    low, high = np.quantile(x[picks].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def check(claim, measured, expected, holds, paper=None, interval=None):
    """One claim set against its measurement. `holds` may be false; without a finite number it is.

    interval   (low, high) of a mean or a share that the claim rests on
    """
    missing = measured is None or (isinstance(measured, float) and not math.isfinite(measured))
    return dict(claim=claim, paper=paper, measured=None if missing else measured, expected=expected,
                holds=bool(holds) and not missing, interval=interval)


def environment():
    """What a stranger needs to repeat the run."""
    def git(*words):
        return subprocess.run(["git", "-C", str(Path(__file__).parent), *words],
                              capture_output=True, text=True, check=True).stdout.strip()
    try:
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain", "--untracked-files=no", "--", ":/*.py"))
    except (OSError, subprocess.CalledProcessError):
        commit, dirty = None, None
    return dict(python=platform.python_version(), numpy=np.__version__, blas=_blas(),
                threads=os.environ.get("OPENBLAS_NUM_THREADS"), cpu=_cpu(),
                platform=f"{platform.system()} {platform.machine()}", commit=commit, dirty=dirty)


def _blas():
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return None


def _cpu():
    try:
        return re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8")).group(1)
    except (OSError, AttributeError):
        return platform.processor() or None


def finite(x):
    """Plain Python numbers for JSON; anything that is not finite becomes None."""
    if isinstance(x, dict):
        return {str(k): finite(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, range, np.ndarray)):
        return [finite(v) for v in x]
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return float(f"{float(x):.7g}") if math.isfinite(x) else None
    return x


# ---------------------------------------------------------------- writing

def require_writable(folder):
    """Make the folder and try it, before anything is trained. Raises SystemExit(1) with one line."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        files.clean(folder)
    except OSError as error:
        print(f"--out {folder}: cannot be written ({error.strerror})", file=sys.stderr)
        raise SystemExit(1) from None


def save(options, record, traces=None, weights=None):
    """Write the files of a run as one unit, then say where they are, how long it took and what draws them.

    A study's arrays (traces) become studies/<study>.npz; a file this run has no arrays for is removed.
    """
    folder = options.out / "studies" if options.study else options.out
    if options.study:
        unit = {f"{options.study}.npz": traces, f"{options.study}.json": record}
        files.clean(folder)
    else:
        unit = {"traces.npz": traces, "weights.npz": weights, "results.json": record}
    write_unit(folder, unit)
    progress.forget_parts()
    drawing = f"python3 {Path(options.script).parent.as_posix()}/visualize_{options.home.name}.py"
    place = "" if options.out == options.home else f" --out {files.shown(options.out)}"
    print(f"took {time.time() - options.started:.0f} s; written to {files.shown(folder)}; draw it: {drawing}{place}")


def write_unit(folder, unit):
    """{file name: record, {name: array} or None} with one run id, all of them or none.

    folder   where; `unit` has exactly one record
    """
    run_id = next(part for name, part in unit.items() if name.endswith(".json"))["run_id"]
    contents = {}
    for name, part in unit.items():
        made = _json(part) if name.endswith(".json") else _npz(run_id, part) if part else None
        contents[Path(folder) / name] = made
    files.write_unit(contents)


def write_json(path, content):
    """Write any plain content as one JSON file (a benchmark's numbers)."""
    files.write_bytes(path, _json(content))


def _json(record):
    text = json.dumps(finite(record), indent=1, allow_nan=False, ensure_ascii=False)
    # one line for each innermost list, or a curve of 150 points takes 150 lines
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\n\s*", " ", m.group(1)) + "]", text)
    return (text + "\n").encode("utf-8")


def _npz(run_id, arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, run_id=np.array(run_id), **arrays)
    return buffer.getvalue()


# ---------------------------------------------------------------- reading

def read(path, make, experiment=None):
    """A validated record. Raises ResultsError naming the file and `make`, the command that makes it.

    experiment   if given, the record must be of that experiment
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; make it with: {make}") from None
    except IsADirectoryError:
        raise damaged(path, "a folder", make) from None
    except ValueError:
        raise damaged(path, "not JSON", make) from None
    wrong = _fault(data)
    if wrong is None and experiment is not None and data["experiment"] != experiment:
        wrong = f"of the experiment {data['experiment']}"
    if wrong:
        raise damaged(path, wrong, make)
    return data


def _fault(data):
    """What is wrong with a record, or None."""
    absent = [key for key in KEYS if not isinstance(data, dict) or key not in data]
    if absent:
        return "without " + ", ".join(absent)
    if data["schema"] != SCHEMA:
        return "another schema"
    kinds = dict(experiment=str, run_id=str, command=str, config=dict, environment=dict, runs=list, summary=dict,
                 checks=list)
    wrong = [key for key, kind in kinds.items() if not isinstance(data[key], kind)]
    if wrong:
        return f"{', '.join(wrong)} not as in the schema"
    if not data["runs"]:
        return "no runs"
    if any(not isinstance(run, dict) or not {"seed", "curves", "final"} <= set(run) for run in data["runs"]):
        return "a run not as in the schema"
    if not all(_summarised(e) for e in data["summary"].values()):
        return "the summary not as in the schema"
    if any(not isinstance(c, dict) or not {"claim", "measured", "expected", "holds"} <= set(c) for c in data["checks"]):
        return "a check not as in the schema"
    return None


def _summarised(part):
    """A metric's summary, or a branch that ends in such."""
    return isinstance(part, dict) and ("n" in part or bool(part) and all(_summarised(p) for p in part.values()))


def read_arrays(path, make, run_id=None, names=()):
    """{name: array} from an .npz, never unpickled. Raises ResultsError as `read` does.

    run_id   the arrays must be of this run (of the record beside them)
    names    arrays that must be there, and not empty
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; make it with: {make}") from None
    except Exception as error:                       # zip, zlib, pickle and header errors have no common class
        raise damaged(path, type(error).__name__, make) from None
    own = found.pop("run_id", None)
    absent = [name for name in names if name not in found or found[name].size == 0]
    if absent:
        raise damaged(path, "without " + ", ".join(absent), make)
    if run_id is not None and str(own) != run_id:
        raise damaged(path, "of another run than the record beside it", make)
    return found


def read_unit(folder, make, names=(), experiment=None):
    """The record and the traces of the main experiment in a folder."""
    record = read(Path(folder) / "results.json", make, experiment)
    return record, read_arrays(Path(folder) / "traces.npz", make, record["run_id"], names)


def read_weights(folder, make, names=(), experiment=None):
    """The record and the weights of a run, all finite."""
    record = read(Path(folder) / "results.json", make, experiment)
    weights = read_arrays(Path(folder) / "weights.npz", make, record["run_id"], names)
    broken = [name for name, a in weights.items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if broken:
        raise ResultsError(f"{Path(folder) / 'weights.npz'}: {broken[0]} is not finite; make it again with: {make}")
    return record, weights


def damaged(path, what, make):
    return ResultsError(f"{path} is damaged ({what}); make it again with: {make}")


@contextlib.contextmanager
def reading(path, make):
    """Whatever saved content makes the block stumble ends in one line that names the file."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ZeroDivisionError, StopIteration,
            FloatingPointError, np.linalg.LinAlgError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise damaged(path, what, make) from error
