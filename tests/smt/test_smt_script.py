"""The scripts as a user runs them: quick run, figures, GIF, refusals, evaluation, README tables."""

import json

import numpy as np
import pytest

from common import results
from smt import readme, smt, studies
from tests.command import assert_failed, assert_refused, run_script
from tests.conftest import ROOT

HERE = ROOT / "smt"
METHODS = ("binary", "smt", "smt_more", "smt_dmt", "bptt", "transformer", "binary_curriculum", "binary_random", "bptt_curriculum", "bptt_random")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run, its figures and its GIF, from another working directory."""
    out = tmp_path_factory.mktemp("smt")
    done = {"train": run_script("smt/smt.py", "--quick", "--seed", 1, "--out", out, cwd=out),
            "figures": run_script("smt/visualize_smt.py", "--out", out, cwd=out),
            "gif": run_script("smt/make_smt_gif.py", "--out", out, cwd=out)}
    return out, done


def test_everything_runs(quick):
    out, done = quick
    for name, finished in done.items():
        assert finished.returncode == 0, f"{name}: {finished.stderr}"
    assert {p.name for p in out.iterdir()} == {"results.json", "traces.npz", "weights.npz", "viz", "smt.gif"}
    assert len(list((out / "viz").glob("*.png"))) == 7


def test_the_record_has_every_promised_number(quick):
    record = results.read(quick[0] / "results.json", "")
    for key in ("smt_accuracy", "smt_more_accuracy", "smt_dmt_accuracy", "bptt_accuracy", "transformer_accuracy", "drift_smt",
                "drift_dmt", "binary_accuracy_t128", "bptt_accuracy_t128", "certified", "certified_states"):
        assert key in record["summary"]
    for method in METHODS:
        assert f"short_{method}_t{record['config']['short_length']}" in record["summary"]
    assert len({c["claim"] for c in record["checks"]}) == len(record["checks"])
    assert record["config"]["rates"] and record["config"]["plans"]["bptt"]


def test_untrained_networks_hold_no_claim_of_success(quick):
    """With a fiftieth of the training, the checks must be able to come out false, and do."""
    record = results.read(quick[0] / "results.json", "")
    solved = [c for c in record["checks"] if "solves" in c["claim"] or "certified" in c["claim"]]
    assert len(solved) == 3 and not any(c["holds"] for c in solved)


def test_two_processes_give_what_one_gives(quick, tmp_path):
    done = run_script("smt/smt.py", "--quick", "--seed", 1, "--processes", 2, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    one, two = (results.read(folder / "results.json", "")["runs"][0]["final"] for folder in (quick[0], tmp_path))
    timed = ("seconds", "bptt_accuracy", "bptt_highest")                            # BPTT trained for as many seconds may differ
    compared = [k for k in one if not any(word in k for word in timed)]
    assert len(compared) > 60 and all(one[k] == two[k] for k in compared)


@pytest.mark.parametrize("study", studies.STUDIES)
def test_every_study_runs_and_makes_its_table(study, tmp_path):
    done = run_script("smt/smt.py", "--quick", "--study", study, "--seed", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record = results.read(tmp_path / "studies" / f"{study}.json", "")
    variants = {"ablation": studies.ABLATION, "updaters": studies.UPDATERS, "tasks": studies.TASK_SIZES}[study]
    table = studies.table(record)
    assert all(f"| {name} |" in table for name in variants) and table in done.stdout
    if study != "ablation":
        assert all(f"{name}: BPTT: highest" in record["summary"] for name in variants)


def scores_to_choose_from(monkeypatch, module):
    """BPTT at four rates whose best test accuracy (0.9) is not that of the lowest validation loss (0.2)."""
    scores = iter([(0.9, 3.0, []), (0.2, 1.0, []), (0.1, 2.0, []), (0.3, np.inf, [])])
    monkeypatch.setattr(module, "bptt_scores", lambda *_: next(scores))


def test_bptt_is_selected_by_validation_not_by_test(monkeypatch):
    scores_to_choose_from(monkeypatch, smt)
    final = smt.direct_bptt(smt.Config(**smt.QUICK), 1, 16, 8, 16, None, "bptt")["final"]
    assert (final["bptt"], final["bptt_best_lr"], final["bptt_highest"]) == (0.2, 1e-3, 0.9)
    scores_to_choose_from(monkeypatch, studies)
    final = studies.other_tasks(smt.Config(**smt.QUICK), 1, "Parity")["final"]
    assert (final["BPTT"], final["BPTT: rate"], final["BPTT: highest"]) == (0.2, 1e-3, 0.9)


def test_what_the_readmes_say_of_bptt_with_other_updaters():
    """"A GRU at two of three seeds, at the highest rate; the residual MLP at one of three with a free memory"."""
    runs = [run["final"] for run in results.read_studies(HERE, "smt/smt.py")["updaters"]["runs"]]
    solved = [f["GRU: BPTT"] > 0.9 for f in runs]
    assert sum(solved) == 2 and len(runs) == 3
    assert all(f["GRU: BPTT: rate"] == max(studies.RATES) for f, s in zip(runs, solved) if s)
    assert sum(f["residual MLP: BPTT, free memory"] > 0.9 for f in runs) == 1
    for readme_file in (HERE / "README.md", ROOT / "README.md"):
        assert "two of three seeds" in " ".join(readme_file.read_text().split())


def test_weights_play_without_training(quick):
    done = run_script("smt/smt.py", "--evaluate", "--seed", 3)
    if not (HERE / "weights.npz").exists():
        assert_failed(done, "missing", "smt.py")
        return
    assert done.returncode == 0, done.stderr
    assert "binary_short" in done.stdout and "chance 0.125" in done.stdout


def test_gradcheck_passes():
    done = run_script("smt/smt.py", "--gradcheck")
    assert done.returncode == 0 and done.stdout.count("relative error") == 3


@pytest.mark.parametrize("flag, value", [("--length", "48"), ("--short-length", "10"), ("--width", "21"), ("--scale", "0"),
                                         ("--elements", "1"), ("--processes", "0"), ("--seeds", "3-1")])
def test_bad_values_are_refused_in_one_line(flag, value, tmp_path):
    assert_refused(run_script("smt/smt.py", flag, value, "--out", tmp_path), flag)
    assert not list(tmp_path.iterdir())


def test_missing_and_damaged_files_are_named(quick, tmp_path):
    assert_failed(run_script("smt/visualize_smt.py", "--out", tmp_path), "results.json", "missing", "smt.py")
    (tmp_path / "results.json").write_bytes((quick[0] / "results.json").read_bytes())
    (tmp_path / "traces.npz").write_bytes(b"not a zip file")
    assert_failed(run_script("smt/make_smt_gif.py", "--out", tmp_path), "traces.npz", "damaged")


# ---------------------------------------------------------------- what is committed

def committed():
    if not (HERE / "results.json").exists():
        pytest.skip("no committed results")
    record = results.read(HERE / "results.json", readme.MAKE)
    if not readme.MAKE.split(" ", 2)[2] in record["command"]:
        pytest.skip("results.json is not the documented headline's; git checkout smt/results.json restores it")
    return record


def test_readme_tables_are_those_of_the_results():
    record = committed()
    text = (HERE / "README.md").read_text()
    assert results.fill_tables(text, readme.tables(record, results.read_studies(HERE, "smt/smt.py"))) == text


def test_committed_files_are_small_and_finite():
    committed()
    for png in (HERE / "viz").glob("*.png"):
        assert png.stat().st_size <= 250_000, png.name
    assert (HERE / "smt.gif").stat().st_size <= 1_500_000
    json.loads((HERE / "results.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    with np.load(HERE / "weights.npz", allow_pickle=False) as weights:
        assert all(np.isfinite(weights[name]).all() for name in weights.files)
