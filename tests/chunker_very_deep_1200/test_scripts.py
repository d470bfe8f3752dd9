"""The scripts as a user runs them."""

import json
import shutil

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from chunker_very_deep_1200 import visualize_chunker_very_deep_1200 as visualize
from common import results
from tests.command import assert_failed, assert_refused, run_script

TRAIN = "chunker_very_deep_1200/chunker_very_deep_1200.py"
DRAW = "chunker_very_deep_1200/visualize_chunker_very_deep_1200.py"
GIF = "chunker_very_deep_1200/make_chunker_very_deep_1200_gif.py"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def test_a_quick_run_finds_and_uses_the_two_surprises(quick):
    done, out = quick
    assert done.returncode == 0, done.stderr
    summary = results.read(out / "results.json", "")["summary"]
    assert summary["chunker_recall_accuracy"]["min"] == 1 and summary["surprises_per_sequence"]["max"] == 2
    assert {"baseline_recall_accuracy_2way", "baseline_recall_accuracy_7way", "effective_depth_baseline",
            "effective_depth_chunker", "depth_reduction", "lstm_told_recall_accuracy_2way"} <= set(summary)


def test_the_run_ends_with_the_lines_its_docstring_promises(quick):
    promised = [line.split("recall")[0].strip() for line in experiment.__doc__.splitlines() if "of A/B" in line]
    printed = [line.split("recall")[0].strip() for line in quick[0].stdout.splitlines() if "of A/B" in line]
    assert set(promised) <= set(printed) and printed[0] == "chunker A + C" and printed[-1] == "chance"


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {"training_curves.png", "surprise_pattern.png", "gradient_vs_depth.png", "depth_reduction.png"} \
        <= {p.name for p in (tmp_path / "copy" / "viz").iterdir()}
    assert (tmp_path / "copy" / "chunker_very_deep_1200.gif").stat().st_size < 1_500_000


def test_the_same_seed_gives_the_same_numbers(quick, tmp_path):
    run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", tmp_path)
    timeless = lambda final: {key: value for key, value in final.items() if "seconds" not in key}  # noqa: E731
    first, second = (json.loads((folder / "results.json").read_text())["runs"] for folder in (quick[1], tmp_path))
    assert [timeless(run["final"]) for run in first] == [timeless(run["final"]) for run in second]


def test_committed_weights_score_on_fresh_sequences():
    done = run_script(TRAIN, "--evaluate")
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("chunker"))
    assert "worst 1.000" in line and "chance 0.500" in line


@pytest.mark.parametrize("arguments, words", [
    (["--length", 3], ["--length", 3, "at least 8"]), (["--tolerance", 0.5], ["--tolerance", "below 0.5"]),
    (["--study", "none"], ["--study", "depth"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    assert_refused(run_script(TRAIN, *arguments, "--out", tmp_path / "new"), *words)
    assert not (tmp_path / "new").exists()


def test_a_diverging_learning_rate_ends_with_status_1_and_spares_earlier_results(tmp_path):
    (tmp_path / "results.json").write_text("earlier")
    assert_failed(run_script(TRAIN, "--quick", "--chunker-lr", "1e38", "--out", tmp_path), "no longer finite", "1e+38")
    assert (tmp_path / "results.json").read_text() == "earlier"


@pytest.mark.parametrize("script", [DRAW, GIF])
@pytest.mark.parametrize("damage", ["missing", "not JSON", "npz without an array"])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    file = out / ("traces.npz" if "npz" in damage else "results.json")
    if damage == "missing":
        file.unlink()
    elif damage == "not JSON":
        file.write_text("loss: 0.1")
    else:
        np.savez(file, mass=np.zeros(3))
    assert_failed(run_script(script, "--out", out), file.name, visualize.MAKE)
