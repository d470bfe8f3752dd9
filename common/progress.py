"""What a run says while it works, how it stops by itself, and how it goes on after a stop."""

import contextlib
import hashlib
import io
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from common import files


class Diverged(RuntimeError):
    """The loss is no longer finite."""


class Stopped(Exception):
    """A run was asked for its parts only, and they are there."""


def require_finite(loss, step, lr, what="loss"):
    """Raise Diverged, naming step and learning rate, if any network's loss is not finite."""
    if not np.all(np.isfinite(loss)):
        raise Diverged(f"the {what} is no longer finite at step {step} with learning rate {lr:g}; "
                       "try a smaller learning rate. Earlier results are untouched.")


class Progress:
    """One line that updates in place on a terminal; a few plain lines when piped.

        progress = Progress("LSTM", 1500)
        progress.update(step, loss=0.3, accuracy=0.9)
        progress.close()

    All Progress lines of one process together stay under LINES when piped: a run prints at most 40.
    """
    LINES = 24
    printed = 0

    def __init__(self, label, total, out=None):
        self.label, self.total, self.out = label, total, out or sys.stdout
        self.terminal = self.out.isatty()
        self.started = time.perf_counter()
        self.spoke = self.started

    def update(self, step, **values):
        """Say how far it has come, unless something was said a moment ago."""
        now = time.perf_counter()
        pause = 0.1 if self.terminal else 10.0 * 1.25**Progress.printed     # a long run speaks ever more rarely
        if now - self.spoke < pause or (not self.terminal and Progress.printed >= self.LINES):
            return
        self.spoke = now
        Progress.printed += not self.terminal
        left = (now - self.started) / max(step, 1) * (self.total - step)
        shown = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        line = f"{self.label}: {step}/{self.total}  {shown}  {left:.0f} s left"
        self.out.write(f"\r\x1b[K{line}" if self.terminal else line + "\n")
        self.out.flush()

    def close(self):
        if self.terminal:
            self.out.write("\r\x1b[K")
            self.out.flush()


# ---------------------------------------------------------------- going on after a stop

def collect(options, compute, seeds=None, settings=None):
    """One part for every seed: those that a stopped run of the same command finished are read, the others computed.

    compute    function of the list of missing seeds that yields (seed, part) in any order; all are
               passed at once, so that they can share the axis N. A part is a dictionary of numbers,
               strings, lists, arrays and dictionaries.
    settings   what the parts depend on besides the seed (default: the config)
    returns    [part, ...] in the order of the seeds
    raises     Stopped with --part, when the parts are there
    """
    seeds = options.seeds if seeds is None else list(seeds)
    parts = Parts(options, vars(options.config) if settings is None else settings)
    done = {seed: parts.read(seed) for seed in seeds}
    missing = [seed for seed in seeds if done[seed] is None]
    if missing and len(missing) < len(seeds):
        print(f"going on: {len(seeds) - len(missing)} of {len(seeds)} seeds were finished before", flush=True)
    for seed, part in compute(missing) if missing else ():
        parts.write(seed, part)
        done[seed] = part
    if options.part:
        raise Stopped(f"parts of {len(seeds)} seeds kept in {files.shown(parts.folder.parent)}")
    return [done[seed] for seed in seeds]


class Parts:
    """Finished parts of one run in <out>/partial/<fingerprint>/.

    The fingerprint stands for experiment, study, settings and our Python files that the run has imported:
    parts of another setting, or of a program that was changed since, are never mixed in.
    """

    used = []                                        # folders of this process

    def __init__(self, options, settings):
        self.folder = options.partial / fingerprint(options, settings)
        Parts.used.append(self.folder)

    def read(self, name):
        """The part of that name, or None if it is not there (or is damaged, then it is computed again)."""
        try:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            return _unpacked(json.loads(str(arrays.pop("plain"))), arrays)
        except Exception:                            # missing, cut short, not a zip file: no common class
            return None

    def write(self, name, part):
        arrays, buffer = {}, io.BytesIO()
        plain = json.dumps(_packed(part, arrays))
        np.savez(buffer, plain=np.array(plain), **arrays)
        files.write_bytes(self.folder / f"{name}.npz", buffer.getvalue())

    def get(self, name, make):
        """The part of that name; `make()` computes it if a stopped run has not left it."""
        part = self.read(name)
        if part is None:
            part = make()
            self.write(name, part)
        return part


def fingerprint(options, settings):
    """Sixteen hexadecimal digits that stand for what a part depends on, the seed excepted."""
    loaded = {Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    ours = sorted(path for path in loaded if path.suffix == ".py" and path.is_relative_to(files.ROOT))
    sources = [hashlib.sha256(path.read_bytes()).hexdigest() for path in ours]
    text = json.dumps([options.experiment, options.study, dict(settings), sources], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def forget_parts():
    """Remove the parts that this process has used: its record is written."""
    for folder in Parts.used:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):           # other runs' parts are still there
            folder.parent.rmdir()
    Parts.used.clear()


def _packed(x, arrays):
    """x as JSON, with its arrays moved into `arrays`."""
    if isinstance(x, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = x
        return {"array": name}
    if isinstance(x, dict):
        return {"dict": [[key, _packed(value, arrays)] for key, value in x.items()]}
    if isinstance(x, (list, tuple)):
        return [_packed(value, arrays) for value in x]
    return x.item() if isinstance(x, np.generic) else x


def _unpacked(x, arrays):
    if isinstance(x, list):
        return [_unpacked(value, arrays) for value in x]
    if isinstance(x, dict):
        return arrays[x["array"]] if "array" in x else {key: _unpacked(value, arrays) for key, value in x["dict"]}
    return x
