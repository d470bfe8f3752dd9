"""results.json, *.npz and the tables of the READMEs.

One schema for headlines and studies (the keys of `record`). Files are written to a temporary
name and renamed, so an interrupted run leaves the old file whole. Numbers in files are finite:
a NaN becomes null, and a check that needs it does not hold.
"""

import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCHEMA = "1"
KEYS = ("schema", "experiment", "study", "command", "config", "environment", "started", "seconds",
        "runs", "summary", "checks")


class ResultsError(RuntimeError):
    """A results file is missing or damaged, or the output folder cannot be written."""


# ---------------------------------------------------------------- making a record

def record(experiment, options, runs, paper=(), checks=(), study=None, started=None, config=None):
    """The dictionary that becomes results.json or studies/<study>.json.

    options  common.config.Options (its command and config are recorded)
    runs     [{"seed": int, "curves": {name: [...]}, "final": {metric: value}, "seconds": float}]
    paper    {metric: published value}, set beside ours in the summary
    checks   [check(...)]
    started  time.time() at the start
    config   recorded instead of options.config (a study with settings of its own)
    """
    started = time.time() if started is None else started
    config = options.config if config is None else config
    return finite({
        "schema": SCHEMA, "experiment": experiment, "study": study, "command": options.command,
        "config": dict(config) if isinstance(config, dict) else dict(vars(config)), "environment": environment(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(started)),
        "seconds": round(time.time() - started, 2),
        "runs": runs, "summary": summary(runs, dict(paper)), "checks": list(checks)})


def summary(runs, paper):
    """{metric: {mean, std, median, min, max, n, paper}} over the runs that report the metric."""
    names = list(dict.fromkeys(name for run in runs for name in run["final"]))
    return {name: {**spread([run["final"].get(name) for run in runs]), "paper": paper.get(name)} for name in names}


def spread(values):
    """mean, std, median, min, max, n of the finite values (None counts as not reported)."""
    x = np.array([v for v in values if v is not None and np.isfinite(v)], dtype=float)
    if len(x) == 0:
        return dict(mean=None, std=None, median=None, min=None, max=None, n=0)
    return dict(mean=float(x.mean()), std=float(x.std()), median=float(np.median(x)),
                min=float(x.min()), max=float(x.max()), n=len(x))


def check(claim, measured, expected, holds, paper=None):
    """One claim set against its measurement. `holds` may be false; without a number it is."""
    missing = measured is None or (isinstance(measured, float) and not math.isfinite(measured))
    return dict(claim=claim, paper=paper, measured=None if missing else measured,
                expected=expected, holds=bool(holds) and not missing)


def environment():
    """What a stranger needs to repeat the run."""
    git = lambda *words: subprocess.run(["git", "-C", str(Path(__file__).parent), *words],  # noqa: E731
                                        capture_output=True, text=True, check=True).stdout.strip()
    try:
        commit, dirty = git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no", "--", "*.py"))
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
        return re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        return platform.processor() or None


def finite(x):
    """Plain Python numbers for JSON; anything that is not finite becomes None."""
    if isinstance(x, dict):
        return {str(k): finite(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [finite(v) for v in x]
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return float(f"{float(x):.7g}") if math.isfinite(x) else None
    return x


# ---------------------------------------------------------------- files

def require_writable(folder):
    """Make the folder and try it, before anything is trained. Raises SystemExit(1) with one line."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        print(f"--out {folder}: cannot be written ({error.strerror})", file=sys.stderr)
        raise SystemExit(1) from None


def write(path, record):
    """Write a record as JSON: all of it or nothing."""
    text = json.dumps(finite(record), indent=1, allow_nan=False, ensure_ascii=False)
    # one line for each innermost list, or a curve of 150 points takes 150 lines
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\n\s*", " ", m.group(1)) + "]", text)
    _write(path, lambda file: file.write((text + "\n").encode()))


def write_arrays(path, **arrays):
    """Write named arrays as a compressed .npz: all of it or nothing."""
    _write(path, lambda file: np.savez_compressed(file, **arrays))


def _write(path, fill):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path, make):
    """A validated record. Raises ResultsError naming the file and `make`, the command that makes it."""
    try:
        data = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; make it with: {make}") from None
    except (ValueError, UnicodeDecodeError):
        raise ResultsError(f"{path} is damaged (not JSON); make it again with: {make}") from None
    absent = [key for key in KEYS if not isinstance(data, dict) or key not in data]
    if absent or data["schema"] != SCHEMA:
        raise ResultsError(f"{path} is damaged ({', '.join(absent) or 'another schema'}); make it again with: {make}")
    return data


def read_studies(folder, script):
    """{study: record} of the studies saved in a folder; `script` makes them with `--study NAME`."""
    return {path.stem: read(path, f"python3 {script} --study {path.stem}") for path in sorted((folder / "studies").glob("*.json"))}


def read_arrays(path, names, make):
    """{name: array} from an .npz, never unpickled. Raises ResultsError as `read` does."""
    try:
        with np.load(path, allow_pickle=False) as file:
            absent = [name for name in names if name not in file.files]
            if absent:
                raise ResultsError(f"{path} is damaged (without {', '.join(absent)}); make it again with: {make}")
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; make it with: {make}") from None
    except ResultsError:
        raise
    except Exception as error:                       # zip, zlib, pickle and header errors have no common class
        raise ResultsError(f"{path} is damaged ({type(error).__name__}); make it again with: {make}") from None


# ---------------------------------------------------------------- tables

def table(header, rows):
    """A Markdown table from a header and rows of anything; floats should come formatted."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def mean_spread(s, digits=3):
    """'mean ± std (min to max)' from an entry of a summary, or 'none' if nothing was reported."""
    if s["n"] == 0:
        return "none"
    if s["n"] == 1:
        return f"{s['mean']:,.{digits}f}"
    return f"{s['mean']:,.{digits}f} ± {s['std']:,.{digits}f} ({s['min']:,.{digits}f} to {s['max']:,.{digits}f})"


def fill_tables(text, tables):
    """Put each generated text between its markers `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Works for whole tables and for single numbers inside a sentence.
    raises   ResultsError if a marker is missing or the text has a marker no table is made for
    """
    marked = set(re.findall(r"<!-- begin (\S+) -->", text))
    if marked != set(tables):
        raise ResultsError(f"README markers and generated tables differ: {sorted(marked ^ set(tables))}")
    for name, content in tables.items():
        around = "\n" if "\n" in content else ""
        pattern = rf"<!-- begin {re.escape(name)} -->.*?<!-- end {re.escape(name)} -->"
        filled = f"<!-- begin {name} -->{around}{content}{around}<!-- end {name} -->"
        text = re.sub(pattern, lambda m: filled, text, flags=re.DOTALL)
    return text


def update_readme(path, tables):
    """Fill the tables of a README file in place; returns True if it changed."""
    path = Path(path)
    old = path.read_text()
    new = fill_tables(old, tables)
    if new != old:
        _write(path, lambda file: file.write(new.encode()))
    return new != old
