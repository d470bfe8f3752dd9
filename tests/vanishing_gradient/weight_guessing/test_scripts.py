"""The scripts of weight guessing as a user runs them."""

import json
import shutil

import numpy as np
import pytest

from common import results, study, tables
from common.config import parse
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.weight_guessing import visualize_weight_guessing as visualize
from vanishing_gradient.weight_guessing import weight_guessing as experiment

FOLDER = "vanishing_gradient/weight_guessing"
HOME = ROOT / FOLDER
RUN, DRAW, GIF = (f"{FOLDER}/{name}.py" for name in ("weight_guessing", "visualize_weight_guessing",
                                                     "make_weight_guessing_gif"))
STUDIES = ("benchmarks", "gradient_opponents", "hidden_units", "interval", "longer")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run of two seeds from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(RUN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def committed():
    return results.read(HOME / "results.json", "", FOLDER)


def test_a_quick_run_writes_a_valid_record_with_every_row(quick):
    done, out = quick
    assert done.returncode == 0 and done.stderr == ""
    record = results.read(out / "results.json", "", FOLDER)
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert all(f"{row.name}_{what}" in record["summary"] for row in experiment.ROWS for what in ("trials", "solutions"))
    assert not (out / "partial").exists()


def test_a_seed_gives_the_same_numbers_alone_and_with_others(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, together = (json.loads((folder / "results.json").read_text())["runs"][-1] for folder in (tmp_path, quick[1]))
    assert alone["final"] == together["final"]


def test_the_docstring_ends_with_the_lines_of_the_committed_run(capsys):
    experiment.report(committed())
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line.strip() for line in experiment.__doc__.rstrip().splitlines()[-len(printed):]] == printed


def test_the_committed_checks_are_those_of_the_code_and_the_open_numbers_fail():
    record = committed()
    assert record["checks"] == results.finite(experiment.checks(record))
    failed = {check["claim"] for check in record["checks"] if not check["holds"]}
    assert failed == {"latch II, noise variance 0.2: trials per solution", "noisy parity A1: trials per solution"}


def test_every_row_has_a_hundred_solutions_but_the_rarest_which_has_millions_of_guesses():
    found = {row.name: experiment.density_of(committed(), row.name) for row in experiment.ROWS}
    assert {name for name, one in found.items() if one.solutions < 100} == {"tomita_4_a2"}
    assert found["tomita_4_a2"].guesses >= 16_000_000


def test_figures_and_gif_are_drawn_from_saved_data_alone(quick, tmp_path):
    shutil.copytree(quick[1], tmp_path / "copy")
    for script in (DRAW, GIF):
        done = run_script(script, "--out", tmp_path / "copy", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {p.stem for p in (tmp_path / "copy" / "viz").iterdir()} == {f.__name__ for f in visualize.FIGURES}
    assert (tmp_path / "copy" / "weight_guessing.gif").stat().st_size < 1_500_000


def test_saved_solutions_are_scored_on_fresh_sequences():
    done = run_inside(RUN, "--evaluate")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(experiment.ROWS) and all("constant answer 0.500" in line for line in lines)
    assert all(float(line.split("accuracy")[1].split(",")[0]) >= 0.95 for line in lines)


def test_gradients_of_the_opponents_are_checked_on_demand():
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and done.stdout.count("ok") == 4


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_runs_and_can_be_tabled_and_drawn(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", name, "--seeds", "0-1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record = results.read(tmp_path / "studies" / f"{name}.json", "", FOLDER)
    module = study.load(HOME, name)
    made = module.table(record)
    for header, rows in [made] if isinstance(made, tuple) else made.values():
        assert all(len(row) == len(header) for row in rows) and tables.table(header, rows)
    assert len(module.finding(record)) > 20 and module.figure(record, {}).axes


@pytest.mark.parametrize("name", STUDIES)
def test_the_committed_checks_of_a_study_are_those_of_its_code(name):
    record = results.read(HOME / "studies" / f"{name}.json", "", FOLDER)
    module = study.load(HOME, name)
    assert record["checks"] == results.finite(module.checks(record))
    assert record["config"]["seeds"] == study.describe(HOME, name).seeds


def test_a_stopped_search_keeps_its_finished_rows(tmp_path, monkeypatch):
    options = parse(experiment.Config, "", experiment.SEEDS, experiment.QUICK, ["--quick", "--out", str(tmp_path)],
                    HOME / "weight_guessing.py")
    calls, solve = [], experiment.solve

    def stops(row, config, seed):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(row.name)
        return solve(row, config, seed)

    monkeypatch.setattr(experiment, "solve", stops)
    with pytest.raises(KeyboardInterrupt):
        list(experiment.compute(options, [0]))
    monkeypatch.setattr(experiment, "solve", lambda row, *rest: calls.append(row.name) or solve(row, *rest))
    part = dict(experiment.compute(options, [0]))[0]
    assert calls == [row.name for row in experiment.ROWS]                # none was searched twice
    monkeypatch.setattr(experiment, "solve", solve)
    assert np.array_equal(part["latch_1"]["found"], solve(experiment.ROWS[0], options.config, 0)["found"])


@pytest.mark.parametrize("arguments, words", [
    (["--interval", 0], ["--interval", "above 0"]), (["--tolerance", 0.5], ["--tolerance", "below 0.5"]),
    (["--shortest", 3], ["--shortest", "at least 4"]), (["--longest", 400], ["--longest", "--shortest"]),
    (["--budget", "nan"], ["--budget", "finite"]), (["--training", 1], ["--training", "at least 2"])])
def test_bad_input_is_refused_with_one_line_and_nothing_is_written(arguments, words, tmp_path):
    assert_refused(run_inside(RUN, *arguments, "--out", tmp_path / "new"), *words)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("script, file, damage", [
    (DRAW, "results.json", None), (DRAW, "traces.npz", b"PK damaged"), (GIF, "traces.npz", None),
    (GIF, "results.json", b"{")])
def test_missing_or_damaged_files_are_named_with_the_command_that_makes_them(script, file, damage, quick, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(quick[1], out)
    if damage is None:
        (out / file).unlink()
    else:
        (out / file).write_bytes(damage)
    assert_failed(run_inside(script, "--out", out), file, RUN)


def test_missing_weights_are_named_with_the_command_that_makes_them(quick, tmp_path):
    shutil.copy(quick[1] / "results.json", tmp_path)
    assert_failed(run_inside(RUN, "--evaluate", "--out", tmp_path), "weights.npz", RUN)


def test_side_by_side_is_at_least_twenty_times_as_fast_as_one_at_a_time():
    record = json.loads((ROOT / "tests" / "benchmarks" / "guessing.json").read_text(encoding="utf-8"))
    assert record["at_least"] == 20 and all(row["ratio"] >= 20 for row in record["rows"].values())
