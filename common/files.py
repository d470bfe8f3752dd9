"""Files that are there whole or not at all: written to a temporary name, then renamed."""

import contextlib
import os
import signal
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPORARY = ".writing-"                      # how a temporary file's name begins


def shown(path):
    """A path for people: relative to the repository or to where they stand, if it lies there."""
    for base in (ROOT, Path.cwd()):
        if Path(path).resolve().is_relative_to(base):
            return str(Path(path).resolve().relative_to(base))
    return str(path)


def write_bytes(path, content):
    """Write one file: all of it or nothing."""
    write_unit({Path(path): content})


def write_text(path, text):
    write_bytes(path, text.encode("utf-8"))


def write_unit(contents):
    """Write several files that belong together; None removes a file.

    All are written to temporary names first. While they are renamed Ctrl-C and SIGTERM wait, so
    that a stopped run leaves either the old files or the new ones.

    contents   {path: bytes or None}
    raises     OSError, and then every old file is as it was
    """
    temporary = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                handle, temporary[path] = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.chmod(temporary[path], 0o644)
        with signals_held():
            for path in contents:
                if path in temporary:
                    os.replace(temporary[path], path)
                else:
                    path.unlink(missing_ok=True)
    finally:
        for name in temporary.values():
            Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def signals_held():
    """Ctrl-C and SIGTERM are delivered at the end of the block (where the system can hold them)."""
    if not hasattr(signal, "pthread_sigmask"):       # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def clean(folder):
    """Remove what a killed run left half-written in a folder."""
    for path in Path(folder).glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)
