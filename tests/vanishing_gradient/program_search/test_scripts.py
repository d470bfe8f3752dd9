"""The script, its studies, figures and animation as a user runs them, in a temporary folder."""

import json
import shutil

import numpy as np
import pytest

from common import results, study
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.program_search import machine, pool, program_search
from vanishing_gradient.program_search.problems import COUNTING, POSITIONS, UNSEEN

FOLDER = ROOT / "vanishing_gradient" / "program_search"
SCRIPT = "vanishing_gradient/program_search/program_search.py"
FOUND = ("--seeds", "0-1", "--counting-runs", "12000", "--positions-runs", "1000", "--phases", "14", "--updates", "20")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small run that finds programs for counting."""
    out = tmp_path_factory.mktemp("program_search")
    done = run_script(SCRIPT, *FOUND, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_a_run_writes_its_three_files_and_says_what_it_found(made):
    record, traces = results.read_unit(made, "", experiment="vanishing_gradient/program_search")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert record["summary"]["counting_fits"]["min"] >= 1
    assert traces["counting_unseen"].shape == traces["counting_seed"].shape
    assert record["config"]["cheapest"]["counting"]["kt"] >= 18.37


def test_saved_programs_write_the_saved_weights_again(made):
    _, saved = results.read_weights(made, "")
    for program, length, limit, weights, unseen in zip(*(saved[f"counting_{name}"] for name in (
            "program", "length", "limit", "weights", "unseen"))):
        outcome = machine.run(program[:length].tolist(), int(limit))
        assert outcome.weights == weights.tolist() and COUNTING.unseen_right(weights) == unseen


def test_evaluate_runs_the_saved_programs_on_the_unseen_patterns(made):
    done = run_inside(SCRIPT, "--evaluate", "--out", made)
    assert done.returncode == 0 and "161,697 unseen patterns" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("counting"))
    right, of = line.split()[-5], line.split()[-3]
    assert right == of and int(of) >= 1                              # "... 13 of 13 as recorded"


def test_a_program_that_was_changed_is_not_as_recorded(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    record, saved = results.read_weights(tmp_path / "copy", "")
    saved["counting_program"][0, 0] = 3                              # Stop
    np.savez_compressed(tmp_path / "copy" / "weights.npz", run_id=np.array(record["run_id"]), **saved)
    done = run_inside(SCRIPT, "--evaluate", "--out", tmp_path / "copy")
    line = next(line for line in done.stdout.splitlines() if line.startswith("counting"))
    assert int(line.split()[-5]) == int(line.split()[-3]) - 1


def test_figures_and_animation_are_drawn_from_saved_data(made):
    done = run_inside("vanishing_gradient/program_search/visualize_program_search.py", "--out", made)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (made / "viz").glob("*.png")} >= {
        "growing_tree.png", "fits_by_cost.png", "weights_found.png"}
    done = run_inside("vanishing_gradient/program_search/make_program_search_gif.py", "--out", made)
    assert done.returncode == 0, done.stderr
    assert 10_000 < (made / "program_search.gif").stat().st_size < 1_500_000


def test_damaged_traces_end_in_one_line(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    (tmp_path / "copy" / "traces.npz").write_bytes(b"no")
    for script in ("visualize_program_search.py", "make_program_search_gif.py"):
        done = run_inside(f"vanishing_gradient/program_search/{script}", "--out", tmp_path / "copy")
        assert_failed(done, "traces.npz")


@pytest.mark.parametrize("name", list(study.find(FOLDER)))
def test_a_study_runs_quickly_and_shows_what_it_found(name, tmp_path):
    done = run_inside(SCRIPT, "--study", name, "--quick", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    module = study.load(FOLDER, name)
    record = json.loads((tmp_path / "studies" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(module.finding(record), str) and module.table(record)
    if hasattr(module, "figure"):
        assert module.figure(record, {}) is not None


@pytest.mark.parametrize("flag, value", [("--counting-runs", "0"), ("--positions-runs", "-1"),
                                         ("--largest-limit", "99"), ("--phases", "x")])
def test_a_bad_value_is_refused_in_one_line(flag, value, tmp_path):
    assert_refused(run_inside(SCRIPT, flag, value, "--out", tmp_path), flag, value)


def test_the_gradient_of_the_linear_unit_is_right():
    done = run_inside(SCRIPT, "--gradcheck")
    assert done.returncode == 0 and "linear unit" in done.stdout


# ---------------------------------------------------------------- numbers and claims

def test_the_poisson_interval_is_the_known_one():
    assert pool.poisson_interval(10) == pytest.approx((4.795, 18.390), abs=2e-3)
    assert pool.poisson_interval(0) == pytest.approx((0, 3.689), abs=2e-3)


def test_why_not_names_the_weights_that_no_example_uses():
    early = machine.run([7, 5, 10, 1, -5, -3, 7, 1, 1, -6, 8, -6, 0, 8, 6, 2], 8192)
    assert program_search.why_not(early, POSITIONS.truth) == \
        "ends (work tape full) with weights 95-99 wrong, which no example uses"


def test_untried_programs_hold_no_claim_of_success():
    empty = {f"{task}_{name}": 0 for task in ("counting", "positions")
             for name in ("runs", "steps", "cut", "cut_fits", "fits", "generalise")}
    compared = {"least squares": 0, "gradient descent from 0": len(UNSEEN), "gradient descent, best": len(UNSEEN)}
    record = {"runs": [{"final": {**empty, "positions_runs": 10, "counting_runs": 10}}],
              "config": {"compared": {"counting": compared, "positions": compared}}}
    assert not any(check["holds"] for check in program_search.checks(record))


def test_the_docstring_ends_with_what_the_committed_run_printed(capsys):
    record = results.read(FOLDER / "results.json", "")
    program_search.report(record)
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    promised = [line.strip() for line in program_search.__doc__.splitlines()[-len(printed):]]
    assert promised == printed
