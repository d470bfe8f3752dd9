"""The scripts as a user runs them."""

import json
import shutil

import numpy as np
import pytest

from common import results
from tests.command import assert_failed, assert_refused, run_script
from tests.conftest import ROOT
from vanishing_gradient import vanishing_gradient as experiment
from vanishing_gradient import visualize_vanishing_gradient as visualize

RUN = "vanishing_gradient/vanishing_gradient.py"
DRAW = "vanishing_gradient/visualize_vanishing_gradient.py"
GIF = "vanishing_gradient/make_vanishing_gradient_gif.py"
PROMISED = ("logistic_threshold_measured", "tanh_threshold_measured", "decay_rate_error", "bound_violations", "lstm_carousel_factor")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run of two seeds from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(RUN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def test_a_quick_run_writes_valid_results(quick):
    done, out = quick
    assert done.returncode == 0 and done.stderr == ""
    record = results.read(out / "results.json", "")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert set(PROMISED) <= set(record["summary"])
    assert record["summary"]["bound_violations"]["max"] == 0
    assert record["summary"]["lstm_carousel_factor"]["min"] == record["summary"]["lstm_carousel_factor"]["max"] == 1.0


def test_the_docstring_shows_the_lines_of_the_committed_run(capsys):
    experiment.report(results.read(ROOT / "vanishing_gradient" / "results.json", "")["summary"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in experiment.__doc__.splitlines()[-len(printed):]] == printed


def test_a_run_ends_with_the_same_lines(quick):
    labels = [line[:20] for line in quick[0].stdout.splitlines()[-6:]]
    assert labels == [line.strip()[:20] for line in experiment.__doc__.splitlines()[-6:]]


def test_a_quick_study_runs_and_can_be_tabled_and_drawn(tmp_path):
    done = run_script(RUN, "--quick", "--study", "lengths", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record = results.read(tmp_path / "studies" / "lengths.json", "")
    assert record["study"] == "lengths" and "chance" in visualize.lengths_table(record)


def test_the_same_seed_gives_the_same_numbers_alone_or_with_others(quick, tmp_path):
    run_script(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, together = (json.loads((folder / "results.json").read_text())["runs"][-1] for folder in (tmp_path, quick[1]))
    assert alone["final"] == together["final"] and alone["curves"] == together["curves"]


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {p.stem for p in (tmp_path / "copy" / "viz").iterdir()} == {f.__name__ for f in visualize.FIGURES}
    assert (tmp_path / "copy" / "vanishing_gradient.gif").stat().st_size < 1_500_000


def test_the_committed_traces_are_small_and_its_checks_are_those_of_the_code():
    assert (ROOT / "vanishing_gradient" / "traces.npz").stat().st_size < 1_000_000
    record = results.read(ROOT / "vanishing_gradient" / "results.json", "")
    assert record["checks"] == results.finite(experiment.checks(record["summary"]))


def test_a_check_fails_when_its_number_is_wrong_or_missing():
    record = results.read(ROOT / "vanishing_gradient" / "results.json", "")
    wrong = dict(logistic_threshold_measured=3.9, tanh_threshold_measured=1.1, linear_threshold_measured=1.2, decay_rate_error=0.5,
                 bound_violations=1, largest_factor_below_norm_1=1.01, lstm_carousel_factor=0.999, latch_largest_error=-1.0)
    for spoil in (lambda v: {**results.spread([v]), "paper": None}, lambda v: {**results.spread([]), "paper": None}):
        spoiled = {**record["summary"], **{key: spoil(value) for key, value in wrong.items()}}
        assert not any(check["holds"] for check in experiment.checks(spoiled))


def test_committed_weights_score_on_fresh_sequences():
    done = run_script(RUN, "--evaluate")
    assert done.returncode == 0, done.stderr
    assert "lstm" in done.stdout and "chance 0.500" in done.stdout


def test_gradients_are_checked_on_demand():
    errors = [float(line.split()[-1]) for line in run_script(RUN, "--gradcheck").stdout.splitlines()]
    assert len(errors) == 2 and max(errors) <= 1e-7


@pytest.mark.parametrize("arguments, words", [
    (["--lags", 3], ["--lags", "3", "at least 40"]), (["--networks", 1], ["--networks", "at least 2"]),
    (["--input-std", "nan"], ["--input-std", "finite"]), (["--length", 5], ["--length", "at least 11"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    assert_refused(run_script(RUN, *arguments, "--out", tmp_path / "new"), *words)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("script, file, damage", [
    (DRAW, "results.json", None), (DRAW, "traces.npz", b"PK damaged"), (GIF, "traces.npz", None), (GIF, "results.json", b"{")])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, file, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    if damage is None:
        (out / file).unlink()
    else:
        (out / file).write_bytes(damage)
    assert_failed(run_script(script, "--out", out), file, visualize.MAKE)


def test_arrays_that_are_missing_from_the_traces_are_named(quick, tmp_path):
    shutil.copy(quick[1] / "results.json", tmp_path)
    np.savez(tmp_path / "traces.npz", gain=np.ones(3))
    assert_failed(run_script(DRAW, "--out", tmp_path), "traces.npz", "lag")
