"""The scripts as a user runs them: quick runs, bad input, interruption, divergence, damaged files."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from common import lstm, results
from common.config import run
from temporal_order_3bit import temporal_order_3bit as experiment
from temporal_order_3bit import visualize_temporal_order_3bit as visualize
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT

TRAIN = "temporal_order_3bit/temporal_order_3bit.py"
DRAW = "temporal_order_3bit/visualize_temporal_order_3bit.py"
GIF = "temporal_order_3bit/make_temporal_order_3bit_gif.py"
HOME = ROOT / "temporal_order_3bit"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def committed():
    """Name, size and time of every committed file of the experiment."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in HOME.rglob("*.*")
            if path.suffix in (".json", ".npz", ".png", ".gif", ".md")}


def test_a_quick_run_writes_valid_results_and_touches_nothing_committed(tmp_path):
    before = committed()
    done = run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record = results.read(tmp_path / "results.json", "")
    assert [run_["seed"] for run_ in record["runs"]] == [0, 1]
    assert {"lstm_accuracy", "lstm_updates_to_95", "rnn_accuracy", "tuned_rnn_accuracy"} <= set(record["summary"])
    assert committed() == before


def test_the_docstring_ends_with_the_lines_the_committed_run_printed():
    printed = experiment.report(results.read(HOME / "results.json", "git checkout"))
    ends = experiment.__doc__.rstrip().splitlines()[-len(printed):]
    assert [line.strip() for line in ends] == [line.strip() for line in printed]


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {p.stem for p in (tmp_path / "copy" / "viz").iterdir()} == {f.__name__ for f in visualize.FIGURES}
    assert (tmp_path / "copy" / "temporal_order_3bit.gif").stat().st_size < 1_500_000


def test_the_same_seed_gives_the_same_numbers(quick, tmp_path):
    run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", tmp_path)
    first, second = (json.loads((folder / "results.json").read_text())["runs"] for folder in (quick[1], tmp_path))
    assert [run_["final"] for run_ in first] == [run_["final"] for run_ in second]


def test_a_stopped_run_goes_on_from_its_finished_seeds(quick, tmp_path):
    assert run_script(TRAIN, "--quick", "--seed", "0", "--part", "--out", tmp_path).returncode == 0
    done = run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", tmp_path)
    assert "1 of 2 seeds were finished before" in done.stdout
    first, second = (json.loads((folder / "results.json").read_text())["runs"] for folder in (quick[1], tmp_path))
    assert second[0]["final"] == pytest.approx(first[0]["final"], abs=0.05, nan_ok=True)


def test_committed_weights_score_on_fresh_sequences_with_the_recorded_settings():
    done = run_inside(TRAIN, "--evaluate")
    assert done.returncode == 0, done.stderr
    assert "lstm" in done.stdout and "30 seeds" in done.stdout and "chance 0.250" in done.stdout


def test_a_users_own_weights_are_scored_with_their_settings(quick):
    done = run_inside(TRAIN, "--evaluate", "--out", quick[1])
    assert done.returncode == 0 and "64 fresh sequences, 2 seeds" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["--length", 8], ["--length", 8, "at least 9"]), (["--lr", -1], ["--lr", "-1", "above 0"]),
    (["--batch", 0], ["--batch", "at least 1"]), (["--study", "none"], ["--study", "paper_1997"]),
    (["--hidden", 10**9], ["--hidden", "at most 1000"]), (["--seeds", "0-100000000000"], ["--seeds"]),
    (["--study", "paper_1997", "--length", 50], ["--length", "not used", "paper_1997"]),
    (["--study", "drift", "--input-gate-bias", -2], ["--input-gate-bias", "not used", "drift"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    assert_refused(run_inside(TRAIN, *arguments, "--out", tmp_path / "new"), *words)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments, words", [
    (["--evaluate", "--updates", 3], ["--updates", "not used", "--evaluate"]),
    (["--gradcheck", "--lr", 1], ["--lr", "not used", "--gradcheck"]),
    (["--commit", "--updates", 3], ["--updates", "--commit"]), (["--commit", "--seed", 3], ["--commit", "0-29"])])
def test_flags_that_a_mode_does_not_use_are_refused(arguments, words):
    assert_refused(run_inside(TRAIN, *arguments), *words)


def test_gradcheck_ends_with_status_0_and_with_1_when_a_kernel_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(ROOT / TRAIN), "--gradcheck"])
    assert run(experiment.main) == 0 and "8 gradients agree" in capsys.readouterr().out
    backward = lstm.backward

    def broken(*arguments, truncated=False, **more):          # only the truncated gradient is wrong
        g = backward(*arguments, truncated=truncated, **more)
        return g._replace(drive=0.9 * g.drive) if truncated else g

    monkeypatch.setattr(lstm, "backward", broken)
    assert run(experiment.main) == 1
    assert capsys.readouterr().err.count("truncated") == 3


def test_a_diverging_learning_rate_ends_with_status_1_and_spares_earlier_results(tmp_path):
    (tmp_path / "results.json").write_text("earlier")
    done = run_script(TRAIN, "--quick", "--lr", "1e38", "--out", tmp_path)
    assert_failed(done, "no longer finite at step", "learning rate 1e+38")
    assert (tmp_path / "results.json").read_text() == "earlier"


def test_interruption_in_the_middle_of_training_leaves_earlier_results_whole(tmp_path):
    (tmp_path / "results.json").write_text("earlier")
    command = [sys.executable, "-X", "importtime", str(ROOT / TRAIN), "--updates", "1000000", "--out", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in child.stderr:                          # all is imported; then it is training
        if "temporal_order_3bit.reporting" in line:
            break
    try:
        child.communicate(timeout=1.5)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130 and "Traceback" not in errors
    assert os.listdir(tmp_path) == ["results.json"] and (tmp_path / "results.json").read_text() == "earlier"


DAMAGE = ["missing", "truncated", "not JSON", "npz without an array", "npz truncated", "another run's npz"]


def damage(file, how):
    if how == "missing":
        file.unlink()
    elif how == "not JSON":
        file.write_text("loss: 0.1")
    elif how == "npz without an array":
        np.savez(file, example_tokens=np.zeros(3))
    elif how == "another run's npz":
        with np.load(file) as arrays:
            np.savez(file, **{**arrays, "run_id": np.array("0")})
    else:
        file.write_bytes(file.read_bytes()[:200])


@pytest.mark.parametrize("script", [DRAW, GIF])
@pytest.mark.parametrize("how", DAMAGE)
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, how, quick, tmp_path, monkeypatch,
                                                                             capsys):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    file = out / ("traces.npz" if "npz" in how else "results.json")
    damage(file, how)
    monkeypatch.setattr(sys, "argv", [script, "--out", str(out)])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    errors = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 1 and len(errors) == 1
    assert all(word in errors[0] for word in (file.name, f"python3 {TRAIN}", f"--out {out}"))


@pytest.mark.parametrize("how", ["missing", "npz truncated", "another run's npz"])
def test_evaluate_names_weights_that_are_missing_or_damaged(how, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    damage(out / "weights.npz", how)
    assert_failed(run_inside(TRAIN, "--evaluate", "--out", out), "weights.npz", f"python3 {TRAIN}")


def test_evaluate_says_when_weights_are_not_finite(quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    with np.load(out / "weights.npz") as file:
        arrays = dict(file)
    arrays["lstm.W"] = np.full_like(arrays["lstm.W"], np.nan)
    np.savez(out / "weights.npz", **arrays)
    assert_failed(run_inside(TRAIN, "--evaluate", "--out", out), "lstm.W is not finite")


def test_an_output_folder_that_cannot_be_written_is_named_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    assert_failed(run_script(TRAIN, "--quick", "--out", tmp_path / "file" / "x"), "--out")
    if os.geteuid() != 0:                              # root may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        assert_failed(run_script(TRAIN, "--quick", "--out", tmp_path / "locked"), "--out", "locked")
