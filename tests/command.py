"""Run a script of the repository as a user would, and look at what comes back."""

import io
import os
import runpy
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

from tests.conftest import ROOT


def run_script(path, *arguments, cwd=None):
    """CompletedProcess of `python path arguments`, with output as text; path relative to the repository."""
    return subprocess.run([sys.executable, str(ROOT / path), *map(str, arguments)], cwd=cwd or ROOT,
                          capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "100"})


def run_inside(path, *arguments):
    """The same without a new process, for runs that end before any work: help, refusals, damaged files to be drawn."""
    said, complained, handler = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    argv, sys.argv = sys.argv, [str(ROOT / path), *map(str, arguments)]
    try:
        with redirect_stdout(said), redirect_stderr(complained):
            runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.argv = argv
        signal.signal(signal.SIGTERM, handler)
    return subprocess.CompletedProcess([path, *arguments], status, said.getvalue(), complained.getvalue())


def assert_refused(done, *words):
    """Exit status 2 and one line that names each of the words, no traceback."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert str(word) in done.stderr


def assert_failed(done, *words):
    """Exit status 1 and one line that names each of the words, no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert str(word) in done.stderr
