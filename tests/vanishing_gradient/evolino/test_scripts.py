"""The scripts of Evolino as a user runs them."""

import shutil

import imageio.v3 as imageio
import numpy as np
import pytest

from common import results, study
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.evolino import evolino, visualize_evolino

HOME = ROOT / "vanishing_gradient" / "evolino"
RUN, DRAW, GIF = (f"vanishing_gradient/evolino/{n}.py" for n in ("evolino", "visualize_evolino", "make_evolino_gif"))
STUDIES = sorted(study.find(HOME))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run of two seeds from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(RUN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def test_a_quick_run_writes_valid_results_and_ends_with_its_table(quick):
    done, out = quick
    assert done.returncode == 0 and done.stderr == ""
    record, traces = results.read_unit(out, "")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert [line.split()[0] for line in done.stdout.splitlines()[-6:]] == ["NRMSE,", *evolino.METHODS]
    assert traces["output_5"].shape == (2, 600) and traces["eigenvalues_5"].shape == (2, 40)
    assert len(record["checks"]) == 6 * len(evolino.CELLS)


def test_a_seed_gets_the_same_numbers_alone(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, both = (results.read(folder / "results.json", "")["runs"][-1] for folder in (tmp_path, quick[1]))
    assert alone["final"] == both["final"] and alone["curves"] == both["curves"]


def test_three_generations_do_not_hold_the_claims_of_many(quick):
    held = {check["claim"]: check["holds"] for check in results.read(quick[1] / "results.json", "")["checks"]}
    assert not held["5 sines: largest test NRMSE of Evolino, any seed"]
    assert not held["5 sines: log10 of how much better evolution is than as many random LSTMs"]


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_can_be_tabled_and_drawn(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", name, "--seeds", "0-1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record, arrays = study.read_all(HOME, tmp_path, lambda _: "")[name]
    module = study.load(HOME, name)
    assert len(record["checks"]) >= 2 and all(check["claim"] for check in record["checks"])
    assert module.finding(record) in done.stdout
    assert module.table(record)
    module.figure(record, arrays).savefig(tmp_path / "figure.png")


def test_a_run_is_drawn_where_it_lies(quick, tmp_path):
    for name in ("results.json", "traces.npz"):
        shutil.copy(quick[1] / name, tmp_path)
    for script in (DRAW, GIF):
        done = run_inside(script, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "viz").iterdir()} == {"closed_loop.png", "cells.png", "generations.png"}
    assert len(imageio.imread(tmp_path / "evolino.gif")) > 2


def test_saved_networks_are_scored_on_another_stretch():
    done = run_inside(RUN, "--evaluate")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(evolino.CELLS)
    assert "5 networks" in done.stdout


def test_gradcheck_passes():
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and "2 gradients agree" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (("--generations", "0"), ("--generations", "at least 1")), (("--feedback", "nan"), ("--feedback", "finite")),
    (("--seen", "105"), ("--seen", "washout")), (("--end", "300"), ("--end", "test")), (("--long", "500"), ("--long",)),
    (("--study", "anbncn", "--feedback", "1"), ("--feedback", "anbncn")), (("--study", "none"), ("none", "mutation"))])
def test_a_bad_value_is_refused_in_one_line(arguments, words, tmp_path):
    assert_refused(run_inside(RUN, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_damage_is_named(quick, tmp_path):
    assert_failed(run_inside(DRAW, "--out", tmp_path), "results.json", RUN)
    shutil.copy(quick[1] / "results.json", tmp_path)
    np.savez(tmp_path / "traces.npz", output_5=np.zeros(3))
    assert_failed(run_inside(GIF, "--out", tmp_path), "traces.npz", "damaged")


# ---------------------------------------------------------------- what is committed

def test_the_docstring_shows_the_lines_of_the_committed_run(capsys):
    evolino.report(results.read(HOME / "results.json", "")["summary"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in evolino.__doc__.splitlines()[-len(printed):]] == printed


def test_the_committed_run_has_the_recorded_recipe_and_unmixed_seeds():
    record = results.read(HOME / "results.json", "")
    assert record["config"]["seeds"] == list(evolino.SEEDS)
    assert {name: record["config"][name] for name in vars(evolino.Config())} == vars(evolino.Config())
    for name, about in study.find(HOME).items():
        assert max(about.seeds) < 900 or min(about.seeds) >= 900 and name == "mackey_glass_settings", name


def test_the_readme_shows_the_tables_of_the_saved_results():
    saved = study.read_all(HOME, HOME, lambda _: "")
    assert "opponents" in saved
    record = results.read(HOME / "results.json", "")
    from common.figures import readme_tables
    from common.tables import fill_tables
    text = (HOME / "README.md").read_text(encoding="utf-8")
    assert fill_tables(text, readme_tables(HOME, record, saved, visualize_evolino.tables)) == text
