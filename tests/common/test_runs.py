"""What a run does to files: told on the toy experiment, run as a user runs a script."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from common import study
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT

TOY = "tests/toy/toy.py"
DRAW = "tests/toy/visualize_toy.py"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with the toy's main record and its study."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_script(TOY, "--seeds", "0-2", "--out", folder).returncode == 0
    assert run_script(TOY, "--study", "steps", "--out", folder).returncode == 0
    return folder


def copy(folder, target):
    for path in folder.rglob("*.*"):
        (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (target / path.relative_to(folder)).write_bytes(path.read_bytes())
    return target


# ---------------------------------------------------------------- where a run writes

def test_a_run_writes_under_runs_says_where_and_prints_the_next_command():
    target = ROOT / "runs" / "tests" / "toy"
    shutil.rmtree(target, ignore_errors=True)
    done = run_script(TOY, "--quick")
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert "took" in last and "runs/tests/toy" in last and f"python3 {DRAW} --out runs/tests/toy" in last
    assert sorted(p.name for p in target.iterdir()) == ["results.json", "traces.npz", "weights.npz"]
    assert not (ROOT / "tests/toy/results.json").exists(), "nothing committed is touched"
    assert run_script(*last.split("python3 ")[1].split()).returncode == 0, "the printed command works"


def test_the_three_files_of_a_run_carry_one_run_id(finished):
    ids = {read(finished / "results.json")["run_id"]}
    ids |= {str(np.load(finished / name)["run_id"]) for name in ("traces.npz", "weights.npz")}
    assert len(ids) == 1


def test_a_study_runs_its_committed_seeds_and_records_only_what_it_uses(finished):
    record = read(finished / "studies" / "steps.json")
    assert [run["seed"] for run in record["runs"]] == [0, 1, 2, 3]
    assert record["config"] == dict(length=5, steps=[1, 2], seeds=[0, 1, 2, 3])
    assert np.load(finished / "studies" / "steps.npz")["counted"].shape == (4, 5), "arrays have a leading axis of seeds"


def test_the_script_of_an_experiment_is_run_once_when_its_study_imports_from_it(finished, tmp_path):
    done = run_script(TOY, "--study", "steps", "--quick", "--out", tmp_path)
    assert done.stdout.count("toy starts") == 1 and "The first step counts" in done.stdout


@pytest.mark.parametrize("flags, words", [
    (["--commit", "--length", "9"], ["--length", "--commit"]),
    (["--commit", "--quick"], ["--quick", "--commit"]),
    (["--commit", "--out", "x"], ["--out", "--commit"]),
    (["--commit", "--seed", "1"], ["--commit", "0-2"]),
    (["--study", "steps", "--pause", "1"], ["--pause", "not used", "steps"]),
    (["--evaluate", "--length", "9"], ["--length", "not used", "--evaluate"]),
    (["--evaluate", "--seed", "1"], ["--seed", "not used"]),
    (["--gradcheck", "--quick"], ["--quick", "not used", "--gradcheck"]),
    (["--gradcheck", "--study", "steps"], ["--gradcheck", "--study", "one of them"]),
    (["--seeds", "0-100000000000"], ["--seeds", "at most"]),
    (["--seed", "99999999999999999999999"], ["--seed", "whole number"]),
    (["--length", "1000000000"], ["--length", "at most 1000"]),
    (["--out", ""], ["--out", "folder"]),
    (["--out", " "], ["--out", "folder"]),
])
def test_flags_that_do_not_go_together_or_would_be_ignored_are_refused(flags, words):
    assert_refused(run_inside(TOY, *flags), *words)


def test_the_home_folder_is_understood_in_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_script(TOY, "--quick", "--out", "~/mine").returncode == 0
    assert (tmp_path / "mine" / "results.json").exists() and not (ROOT / "~").exists()


def test_help_shows_the_question_and_the_time_of_every_study():
    text = " ".join(run_inside(TOY, "--help").stdout.split())
    assert "steps Does a larger step count further? (6 s)" in text
    assert "how far to count (default: 5; paper: 100..110)" in text


# ---------------------------------------------------------------- stopping and going on

def start(*arguments):
    child = subprocess.Popen([sys.executable, str(ROOT / TOY), *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    while "computing 1" not in child.stdout.readline():
        assert child.poll() is None, child.stderr.read()
    return child


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_keeps_finished_seeds_and_the_same_command_goes_on(finished, tmp_path, number, status):
    copy(finished, tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    child = start("--seeds", "0-2", "--pause", "0.3", "--out", tmp_path)
    child.send_signal(number)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == status and "Traceback" not in errors
    assert (tmp_path / "results.json").read_bytes() == before, "the earlier record is whole"
    done = run_script(TOY, "--seeds", "0-2", "--pause", "0.3", "--out", tmp_path)
    assert "computing 0" not in done.stdout and "computing 2" in done.stdout and done.returncode == 0
    assert read(tmp_path / "results.json")["runs"][0] == read(finished / "results.json")["runs"][0]
    assert not (tmp_path / "partial").exists(), "parts go when the record is there"


def test_parts_of_another_setting_are_not_mixed_in(tmp_path):
    run_script(TOY, "--seeds", "0-1", "--part", "--out", tmp_path)
    done = run_script(TOY, "--seeds", "0-1", "--length", "7", "--out", tmp_path)
    assert "computing 0" in done.stdout
    assert len(read(tmp_path / "results.json")["runs"][0]["curves"]["counted"]) == 7


def test_temporary_files_of_a_killed_run_are_cleaned_by_the_next(tmp_path):
    (tmp_path / ".writing-abc").write_text("half", encoding="utf-8")
    run_script(TOY, "--quick", "--out", tmp_path)
    assert not list(tmp_path.glob(".writing-*"))


# ---------------------------------------------------------------- reading what is damaged

def damage_json(change):
    def spoil(folder):
        record = read(folder / "results.json")
        change(record)
        (folder / "results.json").write_text(json.dumps(record), encoding="utf-8")
    return spoil


DAMAGE = {
    "runs are null": damage_json(lambda r: r.update(runs=None)),
    "no runs": damage_json(lambda r: r.update(runs=[])),
    "a run is a number": damage_json(lambda r: r.update(runs=[3])),
    "checks without a claim": damage_json(lambda r: r.update(checks=[{}])),
    "another experiment": damage_json(lambda r: r.update(experiment="smt")),
    "another run": damage_json(lambda r: r.update(run_id="other")),
    "not JSON": lambda folder: (folder / "results.json").write_bytes(b"\xff{"),
    "traces missing": lambda folder: (folder / "traces.npz").unlink(),
    "traces cut short": lambda folder: (folder / "traces.npz").write_bytes(b"PK\x03\x04 and no more"),
    "an empty array": lambda folder: np.savez(folder / "traces.npz", counted=np.zeros((0, 3)),
                                              run_id=read(folder / "results.json")["run_id"]),
    "a damaged study": lambda folder: (folder / "studies/steps.json").write_bytes(b"{}"),
    "a study's arrays of another run": lambda folder: np.savez(folder / "studies/steps.npz", counted=np.ones((4, 5))),
    "a study's arrays of another shape": lambda folder: np.savez(
        folder / "studies/steps.npz", counted=np.ones((2, 2, 2, 2)),
        run_id=read(folder / "studies/steps.json")["run_id"]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_content_ends_in_one_line_with_the_command_that_repairs_it(finished, tmp_path, what):
    DAMAGE[what](copy(finished, tmp_path))
    done = run_inside(DRAW, "--out", tmp_path)
    assert_failed(done, tmp_path)
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"--out {tmp_path}" in done.stderr, "the suggested command contains the folder that was given"


def test_evaluate_uses_the_recorded_settings_and_scores_a_users_own_weights(tmp_path):
    run_script(TOY, "--length", "8", "--out", tmp_path)
    assert "length 8, sum 2" in run_script(TOY, "--evaluate", "--out", tmp_path).stdout


def test_evaluate_says_that_weights_are_not_finite(finished, tmp_path):
    copy(finished, tmp_path)
    np.savez(tmp_path / "weights.npz", W=np.array([np.nan]), run_id=read(tmp_path / "results.json")["run_id"])
    assert_failed(run_script(TOY, "--evaluate", "--out", tmp_path), "not finite")


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_files_are_utf8_under_any_locale(finished, tmp_path, locale, monkeypatch):
    copy(finished, tmp_path)
    (tmp_path / "README.md").write_text(
        "ä ± <!-- begin last -->0<!-- end last -->\n<!-- begin claims --><!-- end claims -->\n"
        "<!-- begin studies --><!-- end studies -->\n", encoding="utf-8")
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    done = run_script(DRAW, "--tables", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("ä ± <!-- begin last -->4.33<!-- end last -->") and "| the last number |" in text
    assert "## steps" in (tmp_path / "studies" / "README.md").read_text(encoding="utf-8")


def test_a_readme_without_an_end_marker_is_named(finished, tmp_path):
    copy(finished, tmp_path)
    (tmp_path / "README.md").write_text("<!-- begin last -->0\n", encoding="utf-8")
    assert_failed(run_inside(DRAW, "--tables", "--out", tmp_path), "README.md", "last")


def test_piped_output_is_short(tmp_path):
    done = run_script(TOY, "--seeds", "0-2", "--out", tmp_path)
    assert len(done.stdout.splitlines()) < 40


def test_the_page_of_a_study_names_the_files_it_has_read():
    run = {"data": {"digits.gz": "8d42"}, "data set": "digits, all"}
    assert study.files_read({"runs": [run, run]}) == ["Data: digits, all; `digits.gz` SHA-256 8d42."]
    assert study.files_read({"runs": [{"seed": 0}]}) == []
