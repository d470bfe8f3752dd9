"""The scripts as a user runs them: quick runs, bad input, interruption, divergence, damaged files."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from common import results
from temporal_order_3bit import temporal_order_3bit as experiment
from temporal_order_3bit import visualize_temporal_order_3bit as visualize
from tests.command import assert_failed, assert_refused, run_script
from tests.conftest import ROOT

TRAIN = "temporal_order_3bit/temporal_order_3bit.py"
DRAW = "temporal_order_3bit/visualize_temporal_order_3bit.py"
GIF = "temporal_order_3bit/make_temporal_order_3bit_gif.py"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def test_a_quick_run_writes_valid_results(quick):
    done, out = quick
    assert done.returncode == 0, done.stderr
    record = results.read(out / "results.json", "")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert {"lstm_accuracy", "lstm_steps_to_95", "rnn_accuracy", "tuned_rnn_accuracy"} <= set(record["summary"])


def test_the_docstring_ends_with_the_lines_the_committed_run_printed(capsys):
    record = results.read(ROOT / "temporal_order_3bit" / "results.json", visualize.MAKE)
    if record["command"] != visualize.MAKE and not os.environ.get("CI"):
        pytest.skip(f"results.json is your own run; `{visualize.MAKE}` restores the committed one")
    experiment.report(record["summary"])
    printed = capsys.readouterr().out.rstrip().splitlines()
    assert [line.strip() for line in experiment.__doc__.rstrip().splitlines()[-len(printed):]] == [line.strip() for line in printed]


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
    assert [run["final"] for run in first] == [run["final"] for run in second]


@pytest.mark.parametrize("study", experiment.STUDIES)
def test_every_study_runs_quickly_and_can_be_tabled(study, tmp_path):
    done = run_script(TRAIN, "--quick", "--study", study, "--out", tmp_path, *["--length", 20] * (study == "lengths"))
    assert done.returncode == 0, done.stderr
    record = results.read(tmp_path / "studies" / f"{study}.json", "")
    assert record["study"] == study and record["summary"]
    table = visualize.paper_table if study.startswith("paper") else visualize.variants_table
    assert "chance" in table(record)


def test_committed_weights_score_on_fresh_sequences():
    done = run_script(TRAIN, "--evaluate")
    assert done.returncode == 0, done.stderr
    assert "lstm" in done.stdout and "chance 0.250" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["--length", 8], ["--length", 8, "at least 9"]), (["--lr", -1], ["--lr", "-1", "above 0"]),
    (["--batch", 0], ["--batch", "at least 1"]), (["--study", "none"], ["--study", "paper_1997"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    assert_refused(run_script(TRAIN, *arguments, "--out", tmp_path / "new"), *words)
    assert not (tmp_path / "new").exists()


def test_a_diverging_learning_rate_ends_with_status_1_and_spares_earlier_results(tmp_path):
    (tmp_path / "results.json").write_text("earlier")
    done = run_script(TRAIN, "--quick", "--lr", "1e38", "--out", tmp_path)
    assert_failed(done, "no longer finite at step", "learning rate 1e+38")
    assert (tmp_path / "results.json").read_text() == "earlier"


def test_interruption_in_the_middle_of_training_leaves_earlier_results_whole(tmp_path):
    (tmp_path / "results.json").write_text("earlier")
    child = subprocess.Popen([sys.executable, str(ROOT / TRAIN), "--steps", "1000000", "--validation", "8", "--out", str(tmp_path)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("lstm: 10/")
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130 and "Traceback" not in errors
    assert os.listdir(tmp_path) == ["results.json"] and (tmp_path / "results.json").read_text() == "earlier"


@pytest.mark.parametrize("script", [DRAW, GIF])
@pytest.mark.parametrize("damage", ["missing", "truncated", "not JSON", "npz without an array", "npz truncated"])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    file = out / ("traces.npz" if "npz" in damage else "results.json")
    if damage == "missing":
        file.unlink()
    elif damage == "not JSON":
        file.write_text("loss: 0.1")
    elif damage == "npz without an array":
        np.savez(file, example_tokens=np.zeros(3))
    else:
        file.write_bytes(file.read_bytes()[:200])
    assert_failed(run_script(script, "--out", out), file.name, visualize.MAKE)


def test_an_output_folder_that_cannot_be_written_is_named_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    assert_failed(run_script(TRAIN, "--quick", "--out", tmp_path / "file" / "x"), "--out")
    if os.geteuid() != 0:                              # root may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        assert_failed(run_script(TRAIN, "--quick", "--out", tmp_path / "locked"), "--out", "locked")
