"""Statements about the repository as a whole."""

import ast
import importlib
import os
import re
import subprocess
import sys

import pytest

import reproduce
from common import results
from tests.conftest import ROOT

EXPERIMENTS = reproduce.EXPERIMENTS
PACKAGES = {"numpy", "matplotlib", "imageio", "pytest"}
SHIPPED = [p for p in sorted(ROOT.rglob("*.py")) if not {"benchmarks", "reproduced"} & set(p.relative_to(ROOT).parts)
           and not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]


def imports(path):
    """Top-level names a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_the_four_packages_and_what_its_room_allows(path):
    room = path.relative_to(ROOT).parts[0]
    allowed = {"common"} | PACKAGES | set(sys.stdlib_module_names)
    if room == "tests" or path.parent == ROOT:
        allowed |= {"tests", "reproduce", *EXPERIMENTS}
    elif room in EXPERIMENTS:
        allowed |= {room, *(p.stem for p in path.parent.glob("*.py"))}
    assert set(imports(path)) <= allowed


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_cube_is_written_as_a_power(path):
    powers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.BinOp)
              and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 3]
    assert not powers or "tests" in path.parts


def test_requirements_are_the_four_packages():
    names = {re.split(r"[<>=!~]", line)[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()}
    assert names == PACKAGES


def test_the_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert len(commands) == 2 and "reproduce.py" in commands[0] and "pytest" in commands[1]
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_its_parts(name):
    folder = ROOT / name
    for part in (f"{name}.py", f"visualize_{name}.py", f"make_{name}_gif.py", "README.md", "results.json", "traces.npz", f"{name}.gif"):
        assert (folder / part).exists(), part
    assert list((folder / "viz").glob("*.png"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_tables_of_a_readme_are_those_of_the_saved_results(name):
    """A user's own run does not turn this red; a clean checkout and CI always compare."""
    visualize = importlib.import_module(f"{name}.visualize_{name}")
    record = results.read(ROOT / name / "results.json", visualize.MAKE)
    if record["command"] != visualize.MAKE and not os.environ.get("CI") and changed(ROOT / name):
        pytest.skip(f"{name}/results.json is your own run; `{visualize.MAKE}` or `git checkout {name}` restores the committed one")
    assert record["command"] == visualize.MAKE
    text = (ROOT / name / "README.md").read_text()
    made = visualize.tables(record, results.read_studies(ROOT / name, f"{name}/{name}.py"))
    assert results.fill_tables(text, made) == text, f"python3 {name}/visualize_{name}.py --tables"


def test_the_tables_of_the_root_readme_are_those_of_the_saved_results():
    if any(changed(ROOT / name) for name in EXPERIMENTS) and not os.environ.get("CI"):
        pytest.skip("some results.json is your own run; `git checkout` restores the committed ones")
    text = (ROOT / "README.md").read_text()
    assert results.fill_tables(text, reproduce.root_tables()) == text, "python3 reproduce.py --tables"


def changed(folder):
    try:
        status = subprocess.run(["git", "-C", str(ROOT), "status", "--porcelain", "--", str(folder / "results.json")],
                                capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return True                                    # not a checkout: nobody can tell
    return bool(status.stdout.strip())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_saved_results_keep_the_schema_and_hold_no_machine_path(name):
    for path in [ROOT / name / "results.json", *sorted((ROOT / name / "studies").glob("*.json"))]:
        record = results.read(path, "")
        assert record["experiment"] == name
        assert set(record["checks"][0] if record["checks"] else {"claim"}) >= {"claim"}
        assert not re.search(r'"[^"]*/(tmp|root|home|Users|work)/', path.read_text()), path


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_figures_and_gif_are_small(name):
    for path in (ROOT / name / "viz").glob("*.png"):
        assert path.stat().st_size <= 250_000, path
    assert (ROOT / name / f"{name}.gif").stat().st_size <= 1_500_000


# ---------------------------------------------------------------- reproduce.py

def test_reproduce_runs_an_experiment_quickly_and_leaves_what_is_committed(tmp_path):
    committed = (ROOT / "temporal_order_3bit" / "results.json").read_bytes()
    done = subprocess.run([sys.executable, str(ROOT / "reproduce.py"), "--quick", "--only", "temporal_order_3bit", "--out", str(tmp_path)],
                          capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    header = next(line for line in done.stdout.splitlines() if line.startswith("experiment"))
    assert header.split() == ["experiment", "claim", "paper", "committed", "reproduced", "holds"]
    assert (tmp_path / "temporal_order_3bit" / "temporal_order_3bit.gif").exists()
    assert (ROOT / "temporal_order_3bit" / "results.json").read_bytes() == committed


def test_reproduce_goes_on_past_a_failing_experiment_and_says_so(tmp_path, monkeypatch, capsys):
    calls = []

    def run(command):
        calls.append(command[1])
        return subprocess.CompletedProcess(command, returncode=1 if "first" in command[1] else 0)

    monkeypatch.setattr(reproduce, "EXPERIMENTS", ["first", "second"])
    monkeypatch.setattr(reproduce.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["reproduce.py", "--out", str(tmp_path)])
    assert reproduce.main() == 1
    assert sum("first" in c for c in calls) == 1 and sum("second" in c for c in calls) == 3
    assert "failed: first/first.py" in capsys.readouterr().out


def test_reproduce_sets_committed_and_reproduced_claims_side_by_side():
    rows = reproduce.aligned(["a", "b"], [["1", "longer"], ["22", ""]]).splitlines()
    assert rows[0].startswith("a   b") and rows[2].startswith("1   longer")
    assert reproduce.text(None) == "" and reproduce.text(0.123456) == "0.1235" and reproduce.text(7) == "7"
