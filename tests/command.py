"""Run a script of the repository as a user would, and look at what comes back."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def run_script(path, *arguments, cwd=None):
    """CompletedProcess of `python path arguments`, with output as text; path relative to the repository."""
    return subprocess.run([sys.executable, str(ROOT / path), *map(str, arguments)], cwd=cwd or ROOT,
                          capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "100"})


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
