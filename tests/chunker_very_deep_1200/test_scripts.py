"""The scripts as a user runs them."""

import json
import shutil

import numpy as np
import pytest

from chunker_very_deep_1200 import chunker_very_deep_1200 as experiment
from common import results, tanh_rnn
from common.config import run
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT

TRAIN = "chunker_very_deep_1200/chunker_very_deep_1200.py"
DRAW = "chunker_very_deep_1200/visualize_chunker_very_deep_1200.py"
GIF = "chunker_very_deep_1200/make_chunker_very_deep_1200_gif.py"
HOME = ROOT / "chunker_very_deep_1200"


def committed():
    """Name, size and time of every committed file of the experiment."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in HOME.rglob("*.*")
            if path.suffix in (".json", ".npz", ".png", ".gif", ".md")}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run from another working directory, with its folder."""
    out, before = tmp_path_factory.mktemp("quick"), committed()
    done = run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", out, cwd=out)
    assert committed() == before, "a run touches nothing committed"
    return done, out


def test_a_quick_run_finds_and_uses_the_two_surprises(quick):
    done, out = quick
    assert done.returncode == 0, done.stderr
    summary = results.read(out / "results.json", "")["summary"]
    assert summary["recall_chunker_m0"]["min"] == 1 and summary["surprises_m0"]["max"] == 2
    assert {"recall_no_recurrence_m3", "swing_chunker_m3", "swing_untrained_lstm_last_m3", "depth_reduction_m0",
            "recall_lstm_last_m0", "rule_majority_m1", "updates_rnn_every_m0"} <= set(summary)


def test_the_run_ends_with_the_lines_its_docstring_promises(quick):
    promised = [line.split("  ")[2].strip() for line in experiment.__doc__.splitlines() if "m = 3: " in line]
    printed = [line.split("  ")[0].strip() for line in quick[0].stdout.splitlines() if "m = 3: " in line]
    assert set(promised) <= set(printed) and printed[0] == "chunker A + C" and printed[-1] == "chance"


def test_the_numbers_in_the_docstring_are_those_of_the_committed_run(capsys):
    experiment.report(results.read(HOME / "results.json", "")["summary"])
    printed = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    promised = {" ".join(line.split()) for line in experiment.__doc__.splitlines() if "m = 3: " in line}
    assert promised <= printed


def test_a_run_says_where_it_wrote_and_what_draws_it(quick):
    assert "took" in quick[0].stdout and f"{DRAW} --out" in quick[0].stdout
    assert len(quick[0].stdout.splitlines()) < 40


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "copy" / "viz").iterdir()} == {"surprise_pattern.png", "swing.png"}
    assert (tmp_path / "copy" / "chunker_very_deep_1200.gif").stat().st_size < 1_500_000


def test_the_same_seed_gives_the_same_numbers(quick, tmp_path):
    run_script(TRAIN, "--quick", "--seeds", "0-1", "--out", tmp_path)
    timeless = lambda final: {key: value for key, value in final.items() if "seconds" not in key}
    first, second = (json.loads((folder / "results.json").read_text(encoding="utf-8"))["runs"]
                     for folder in (quick[1], tmp_path))
    assert [timeless(run_["final"]) for run_ in first] == [timeless(run_["final"]) for run_ in second]


def test_committed_weights_score_on_fresh_sequences():
    done = run_inside(TRAIN, "--evaluate")
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("m = 0: chunker"))
    assert "worst 1.000" in line and "chance 0.500" in line


def test_evaluate_scores_the_users_own_weights_in_their_own_setting(quick):
    done = run_inside(TRAIN, "--evaluate", "--out", quick[1])
    assert done.returncode == 0 and "2 seeds" in done.stdout, done.stderr


def test_gradcheck_ends_with_status_1_when_a_kernel_is_wrong(monkeypatch, capsys):
    right = tanh_rnn.backward
    monkeypatch.setattr(tanh_rnn, "backward", lambda *a, **k: right(*a, **k)._replace(W=0.9 * right(*a, **k).W))
    monkeypatch.setattr("sys.argv", [str(ROOT / TRAIN), "--gradcheck"])
    assert run(experiment.main) == 1 and "gradient wrong" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, words", [
    (["--length", 3], ["--length", 3, "at least"]), (["--tolerance", 0.5], ["--tolerance", "below 0.5"]),
    (["--study", "none"], ["--study", "depth"]), (["--hidden", 10**9], ["--hidden", "at most"]),
    (["--study", "depth", "--hidden", 5], ["--hidden", "not used by --study depth"]),
    (["--evaluate", "--length", 100], ["--length", "not used by --evaluate"]),
    (["--commit", "--length", 100], ["--length", "--commit"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    out = [] if "--commit" in arguments else ["--out", tmp_path / "new"]
    assert_refused(run_inside(TRAIN, *arguments, *out), *words)
    assert not (tmp_path / "new").exists()


def test_a_diverging_learning_rate_ends_with_status_1_and_spares_earlier_results(tmp_path):
    (tmp_path / "results.json").write_text("earlier", encoding="utf-8")
    assert_failed(run_script(TRAIN, "--quick", "--chunker-lr", "1e38", "--out", tmp_path), "no longer finite", "1e+38")
    assert (tmp_path / "results.json").read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize("script", [DRAW, GIF])
@pytest.mark.parametrize("damage", ["missing", "not JSON", "npz without an array", "no runs", "an empty array"])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    file = out / ("traces.npz" if "array" in damage else "results.json")
    record = json.loads((out / "results.json").read_text(encoding="utf-8"))
    if damage == "missing":
        file.unlink()
    elif damage == "not JSON":
        file.write_text("loss: 0.1", encoding="utf-8")
    elif damage == "no runs":
        file.write_text(json.dumps({**record, "runs": None}), encoding="utf-8")
    else:
        with np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
        arrays["mass_m3"] = np.zeros(0)
        if damage == "npz without an array":
            del arrays["mass_m3"]
        np.savez(file, **arrays)
    assert_failed(run_inside(script, "--out", out), file.name, TRAIN, "--out")


def test_a_damaged_study_ends_in_one_line_with_status_1(quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    (out / "studies").mkdir()
    (out / "studies" / "cost.json").write_text("{}", encoding="utf-8")
    done = run_inside(DRAW, "--out", out)
    assert_failed(done, "cost.json", "--study cost")
    assert len(done.stderr.strip().splitlines()) == 1
