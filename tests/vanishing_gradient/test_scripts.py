"""The scripts as a user runs them."""

import json
import shutil
import sys

import numpy as np
import pytest

from common import lstm, results, study, tanh_rnn
from common.config import run
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient import make_vanishing_gradient_gif as gif
from vanishing_gradient import vanishing_gradient as experiment
from vanishing_gradient import visualize_vanishing_gradient as visualize

RUN = "vanishing_gradient/vanishing_gradient.py"
DRAW = "vanishing_gradient/visualize_vanishing_gradient.py"
GIF = "vanishing_gradient/make_vanishing_gradient_gif.py"
FOLDER = ROOT / "vanishing_gradient"
PROMISED = ("linear_threshold_measured", "decay_rate_error", "local_violations", "norm_violations",
            "lstm_truncated_farthest_from_1", "lstm_largest_median", "lstm_forget_largest_median")
STUDIES = tuple(study.find(FOLDER))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run of two seeds from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(RUN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder in which the study of trained networks has run quickly."""
    out = tmp_path_factory.mktemp("studied")
    done = run_script(RUN, "--quick", "--study", "before_and_after", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def committed():
    """Every committed file of this room and its content."""
    return {path: path.read_bytes() for path in [FOLDER / "results.json", FOLDER / "traces.npz",
                                                 *(FOLDER / "studies").glob("*.json")]}


def test_a_quick_run_writes_valid_results(quick):
    done, out = quick
    assert done.returncode == 0 and done.stderr == ""
    record, arrays = results.read_unit(out, "", visualize.ARRAYS, "vanishing_gradient")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert set(PROMISED) <= set(record["summary"])
    s = record["summary"]
    assert s["local_violations"]["max"] == s["norm_violations"]["max"] == 0
    assert s["lstm_truncated_farthest_from_1"]["min"] == s["lstm_truncated_farthest_from_1"]["max"] == 1.0
    assert arrays["each_tanh"].shape[1] == 2 * record["config"]["networks"]


def test_a_run_leaves_what_is_committed_as_it_is(tmp_path):
    before = committed()
    run_script(RUN, "--quick", "--out", tmp_path)
    run_script(RUN, "--quick", "--study", "cliff", "--out", tmp_path)
    assert committed() == before


def test_the_docstring_shows_the_lines_of_the_committed_run(capsys):
    experiment.report(results.read(FOLDER / "results.json", "")["summary"])
    printed = capsys.readouterr().out.splitlines()
    shown = [line.strip() for line in experiment.__doc__.rstrip().splitlines()[-len(printed):]]
    assert shown == [line.strip() for line in printed]


def test_a_run_ends_with_the_same_lines(quick):
    labels = [line[:20] for line in quick[0].stdout.splitlines()[-7:]]
    assert labels == [line.strip()[:20] for line in experiment.__doc__.rstrip().splitlines()[-7:]]


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_runs_and_can_be_tabled_and_drawn(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", name, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    saved = study.read_all(FOLDER, tmp_path, lambda _: "")
    assert list(saved) == [name] and saved[name][0]["study"] == name
    assert study.section(FOLDER, name, saved[name][0]).startswith(f"## {name}")
    if hasattr(study.load(FOLDER, name), "figure"):
        study.load(FOLDER, name).figure(*saved[name]).canvas.draw()


def test_the_same_seed_gives_the_same_numbers_alone_or_with_others(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, together = (json.loads((folder / "results.json").read_text(encoding="utf-8"))["runs"][-1]
                       for folder in (tmp_path, quick[1]))
    assert alone["final"] == together["final"] and alone["curves"] == together["curves"]


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {p.stem for p in (tmp_path / "copy" / "viz").iterdir()} == {"error_flow", "factor_per_step"}
    assert (tmp_path / "copy" / "vanishing_gradient.gif").stat().st_size < 1_500_000


def test_the_animation_ends_on_the_result_and_says_which_gradient_is_shown(quick):
    _, arrays = results.read_unit(quick[1], "", visualize.ARRAYS)
    draw, frames = gif.animation(None, arrays)
    fig = draw(frames[-1])
    title = fig.axes[0].get_title()
    assert "arrive" in title and "truncated gradient: exactly 1" in title
    assert any("full gradient" in label.get_text() for label in fig.axes[0].get_yticklabels())
    assert all(text.get_visible() for text in fig.axes[0].texts) and len(fig.axes[0].texts) == 4


@pytest.mark.parametrize("power, word", [(-62, "vanishes"), (-5, "vanishes"), (0.5, "arrives"), (31, "explodes")])
def test_a_verdict_says_what_happened(power, word):
    assert gif.verdict(power).startswith(word)


def test_the_committed_traces_are_small_and_its_checks_are_those_of_the_code():
    assert (FOLDER / "traces.npz").stat().st_size < 1_000_000
    record = results.read(FOLDER / "results.json", "")
    assert record["checks"] == results.finite(experiment.checks(record))


def test_a_check_fails_when_its_number_is_wrong_or_missing():
    record = results.read(FOLDER / "results.json", "")
    wrong = dict(linear_threshold_measured=1.2, decay_rate_error=0.5, local_violations=1, norm_violations=1,
                 largest_factor_below_norm_1=1.01, lstm_truncated_farthest_from_1=0.999, lstm_largest_median=1.2,
                 lstm_forget_largest_median=1.1, tanh_64_crossing=0.9)
    for value_of in (lambda v: [v] * len(record["runs"]), lambda v: []):
        spoiled = {key: {**results.spread(value_of(value)), "paper": None} for key, value in wrong.items()}
        made = experiment.checks({**record, "summary": {**record["summary"], **spoiled}})
        assert not any(check["holds"] for check in made)


def test_the_saved_networks_score_on_fresh_sequences(studied):
    done = run_inside(RUN, "--evaluate", "--out", studied)
    assert done.returncode == 0, done.stderr
    assert "LSTM (1997)" in done.stdout and "chance 0.500" in done.stdout and "length 15" in done.stdout


def test_weights_that_are_not_finite_are_named(studied, tmp_path):
    shutil.copytree(studied, tmp_path / "copy")
    path = tmp_path / "copy" / "studies" / "before_and_after.npz"
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["lstm.W"][...] = np.nan
    np.savez(path, **arrays)
    done = run_inside(RUN, "--evaluate", "--out", tmp_path / "copy")
    assert_failed(done, "before_and_after.npz", "lstm.W is not finite")


def test_gradients_are_checked_on_demand():
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and "12 gradients agree" in done.stdout


@pytest.mark.parametrize("module, name", [(tanh_rnn, "backward"), (lstm, "backward")])
def test_a_broken_kernel_ends_the_gradient_check_with_status_1(module, name, monkeypatch, capsys):
    right = getattr(module, name)

    def broken(*arguments, **named):
        g = right(*arguments, **named)
        return g._replace(drive=0.9 * g.drive)

    monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(sys, "argv", [str(ROOT / RUN), "--gradcheck"])
    assert run(experiment.main) == 1
    assert "gradient wrong" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, words", [
    (["--lags", 3], ["--lags", "3", "at least 40"]), (["--networks", 1], ["--networks", "at least 2"]),
    (["--input-std", "nan"], ["--input-std", "finite"]), (["--fine", 101], ["--fine", "at most 100"]),
    (["--study", "lengths", "--lags", 50], ["--lags", "not used", "lengths"]),
    (["--gradcheck", "--networks", 5], ["--networks", "--gradcheck"]),
    (["--evaluate", "--seed", 1], ["--seed", "--evaluate"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    out = [] if "--gradcheck" in arguments else ["--out", tmp_path / "new"]
    assert_refused(run_inside(RUN, *arguments, *out), *words)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("script, file, damage", [
    (DRAW, "results.json", None), (DRAW, "results.json", b'{"runs": null}'), (DRAW, "traces.npz", b"PK damaged"),
    (GIF, "traces.npz", None), (GIF, "results.json", b"{")])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, file, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    if damage is None:
        (out / file).unlink()
        if script == DRAW:                           # without any result there is nothing to draw
            shutil.rmtree(out / "studies", ignore_errors=True)
    else:
        (out / file).write_bytes(damage)
    assert_failed(run_inside(script, "--out", out), file, "python3 vanishing_gradient/vanishing_gradient.py --out")


@pytest.mark.parametrize("damage", [b"{", b'{"schema": "1"}'])
def test_a_damaged_study_is_named_with_the_command_that_makes_it(damage, studied, tmp_path):
    shutil.copytree(studied, tmp_path / "copy")
    (tmp_path / "copy" / "studies" / "before_and_after.json").write_bytes(damage)
    assert_failed(run_inside(DRAW, "--out", tmp_path / "copy"), "before_and_after.json", "--study before_and_after")


def test_arrays_that_are_missing_from_the_traces_are_named(quick, tmp_path):
    shutil.copy(quick[1] / "results.json", tmp_path)
    run_id = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["run_id"]
    np.savez(tmp_path / "traces.npz", run_id=np.array(run_id), gain=np.ones(3))
    assert_failed(run_inside(DRAW, "--out", tmp_path), "traces.npz", "each_tanh")


def test_wrong_shapes_in_the_traces_end_in_one_line(quick, tmp_path):
    shutil.copy(quick[1] / "results.json", tmp_path)
    with np.load(quick[1] / "traces.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["flow_tanh"] = np.ones(3)
    np.savez(tmp_path / "traces.npz", **arrays)
    assert_failed(run_inside(DRAW, "--out", tmp_path), "damaged")
