"""reproduce.py: one after the other, and as independent jobs; told on the toy experiment."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import reproduce
from common import results
from tests.command import assert_refused, run_inside, run_script
from tests.conftest import ROOT

TOY = "tests/toy"


@pytest.fixture
def toy(monkeypatch):
    """reproduce.py as if the toy were the only experiment; its jobs' folder is removed afterwards."""
    monkeypatch.setattr(reproduce, "EXPERIMENTS", [TOY])
    shutil.rmtree(ROOT / "jobs" / TOY, ignore_errors=True)
    yield
    shutil.rmtree(ROOT / "jobs" / TOY, ignore_errors=True)


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *map(str, arguments)])
    return reproduce.main()


def test_experiments_are_found_at_any_depth_in_the_order_of_the_story():
    story = [name for line in reproduce.STORY for name in line]
    assert [name for name in story if name in reproduce.EXPERIMENTS] == list(reproduce.EXPERIMENTS)
    assert reproduce.EXPERIMENTS[0] == "vanishing_gradient" and TOY not in reproduce.EXPERIMENTS


def test_seed_and_study_follow_one_another_and_the_claims_stand_side_by_side(toy, tmp_path, monkeypatch, capfd):
    assert call(monkeypatch, "--studies", "--out", tmp_path) == 0
    out = capfd.readouterr().out
    header = next(line for line in out.splitlines() if line.startswith("experiment"))
    assert header.split() == ["experiment", "claim", "paper", "committed", "reproduced", "holds"]
    assert "steps: the larger step counts further" in out
    assert {p.name for p in (tmp_path / TOY).iterdir()} >= {"results.json", "viz", "toy.gif", "studies"}


def test_a_failing_experiment_is_named_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    calls = []

    def succeeds(step, out):
        calls.append(step[0])
        return "toy.py" not in step[0]

    monkeypatch.setattr(reproduce, "EXPERIMENTS", [TOY, "temporal_order_3bit"])
    monkeypatch.setattr(reproduce, "succeeds", succeeds)
    assert call(monkeypatch, "--out", tmp_path) == 1
    assert sum("toy" in c for c in calls) == 1 and sum("temporal" in c for c in calls) == 3
    assert "failed: tests/toy/toy.py" in capsys.readouterr().out


def test_a_damaged_record_does_not_take_the_table_away(toy, tmp_path, monkeypatch, capfd):
    call(monkeypatch, "--out", tmp_path)
    (tmp_path / TOY / "studies").mkdir(exist_ok=True)
    (tmp_path / TOY / "studies" / "steps.json").write_text("{", encoding="utf-8")
    capfd.readouterr()
    made = reproduce.claims(tmp_path / TOY)
    assert list(made) == ["the last number"] and "left out" in capfd.readouterr().out


def test_abbreviated_and_contradicting_flags_are_refused():
    done = run_script("reproduce.py", "--stud")
    assert done.returncode == 2 and "--stud" in done.stderr
    assert run_script("reproduce.py", "--quick", "--full").returncode == 2
    assert_refused(run_inside("tests/toy/toy.py", "--see", "1"), "--see")


# ---------------------------------------------------------------- jobs

def record_without_times(path):
    """What must be equal: all but times, run id, command and environment."""
    record = json.loads(path.read_text(encoding="utf-8"))
    runs = [{key: value for key, value in run.items() if key != "seconds"} for run in record["runs"]]
    kept = ("schema", "experiment", "study", "config", "summary", "checks")
    return {key: record[key] for key in kept} | dict(runs=runs)


def run_jobs():
    for line in reproduce.job_lines([TOY]):
        command, minutes = line.split("  # ")
        assert re.fullmatch(r"[0-9.]+ min", minutes)
        done = subprocess.run([sys.executable, *command.split()[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_jobs_on_many_machines_give_the_record_that_one_run_gives(toy, tmp_path, monkeypatch, capfd):
    one, many = tmp_path / "one", tmp_path / "many"
    run_script("tests/toy/toy.py", "--seeds", "0-2", "--out", one)
    run_script("tests/toy/toy.py", "--study", "steps", "--out", one)
    run_jobs()
    assert call(monkeypatch, "--merge", "--out", many) == 0
    assert "computing" not in capfd.readouterr().out, "joining computes nothing"
    for name in ("results.json", "studies/steps.json"):
        assert record_without_times(many / TOY / name) == record_without_times(one / name)
    first, second = (results.read_arrays(folder / "traces.npz", "")["counted"] for folder in (one, many / TOY))
    assert (first == second).all()


def test_what_is_missing_is_named_with_its_command_and_the_rest_is_joined(toy, tmp_path, monkeypatch, capfd):
    run_jobs()
    shutil.rmtree(ROOT / "jobs" / TOY / "seed-1")
    assert call(monkeypatch, "--merge", "--out", tmp_path) == 1
    out = capfd.readouterr().out
    assert "missing: python3 tests/toy/toy.py --seeds 1 --part --out jobs/tests/toy/seed-1" in out
    assert not (tmp_path / TOY / "results.json").exists() and (tmp_path / TOY / "studies" / "steps.json").exists()


def test_every_job_has_a_folder_of_its_own_and_the_longest_come_first(toy, monkeypatch):
    monkeypatch.setattr(reproduce, "LONGEST_JOB", 0.05)
    lines = reproduce.job_lines([TOY])
    folders = [line.split("--out ")[1].split()[0] for line in lines]
    minutes = [float(line.split("# ")[1].split()[0]) for line in lines]
    assert len(set(folders)) == len(lines) == 5 and minutes == sorted(minutes, reverse=True)
    assert sum("--study steps" in line for line in lines) == 2, "a long study is cut into parts of its seeds"
