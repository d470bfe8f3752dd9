"""The scripts of compute as a user runs them."""

import shutil

import imageio.v3 as imageio
import numpy as np
import pytest

from common import gradcheck, results, study
from common.networks import Network
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.compute import compute, training

HOME = ROOT / "vanishing_gradient" / "compute"
RUN, DRAW, GIF = (f"vanishing_gradient/compute/{n}.py" for n in ("compute", "visualize_compute", "make_compute_gif"))
STUDIES = sorted(study.find(HOME))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run of two seeds from another working directory, with its folder."""
    out = tmp_path_factory.mktemp("quick")
    return run_script(RUN, "--quick", "--seeds", "0-1", "--out", out, cwd=out), out


def test_a_quick_run_writes_valid_results_and_ends_with_its_lines(quick):
    done, out = quick
    assert done.returncode == 0 and done.stderr == ""
    record, traces = results.read_unit(out, "")
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert [line.split(",")[0] for line in done.stdout.splitlines()[-6:]] == [
        curve.label.split(",")[0] for curve in compute.CURVES.values()]
    assert traces["flow"].shape == (len(traces["looks"]), 10) and len(traces["all_radius"]) == 2


def test_a_seed_gets_the_same_numbers_alone(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, both = (results.read(folder / "results.json", "")["runs"][-1] for folder in (tmp_path, quick[1]))
    assert alone["final"] == both["final"]


def test_a_tiny_budget_does_not_hold_the_claim_about_the_held_out_lags(quick):
    held = {check["claim"]: check["holds"] for check in results.read(quick[1] / "results.json", "")["checks"]}
    assert not next(holds for claim, holds in held.items() if claim.startswith("held-out lags"))
    assert not held["Adam, plain start: networks that learn lag 60"]


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_can_be_tabled_and_drawn(name, tmp_path):
    seeds = () if len(study.describe(HOME, name).seeds) == 1 else ("--seeds", "0-1")
    done = run_inside(RUN, "--quick", "--study", name, *seeds, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record, arrays = study.read_all(HOME, tmp_path, lambda _: "")[name]
    module = study.load(HOME, name)
    assert module.finding(record) in done.stdout and module.table(record)
    if hasattr(module, "figure"):
        module.figure(record, arrays).savefig(tmp_path / "figure.png")


def test_a_run_is_drawn_where_it_lies(quick, tmp_path):
    for name in ("results.json", "traces.npz"):
        shutil.copy(quick[1] / name, tmp_path)
    for script in (DRAW, GIF):
        done = run_inside(script, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "viz").iterdir()} == {"cost_against_lag.png", "error_returns.png"}
    assert len(imageio.imread(tmp_path / "compute.gif")) > 2


def test_gradcheck_passes_and_sees_a_broken_gradient(monkeypatch):
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and "12 gradients agree" in done.stdout
    right = Network.gradients_at_end

    def wrong(*arguments):
        loss, g = right(*arguments)
        return loss, {**g, "W": 1.001 * g["W"]}
    monkeypatch.setattr(Network, "gradients_at_end", wrong)
    assert max(training.gradient_errors(3).values()) > gradcheck.BOUND


@pytest.mark.parametrize("arguments, words", [
    (("--units", "0"), ("--units", "at least 1")), (("--budget", "x"), ("--budget", "whole number")),
    (("--longest", "301"), ("--longest", "at most 300")), (("--study", "mechanism", "--budget", "9"), ("--budget",)),
    (("--study", "none"), ("none", "mechanism"))])
def test_a_bad_value_is_refused_in_one_line(arguments, words, tmp_path):
    assert_refused(run_inside(RUN, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_damage_is_named(quick, tmp_path):
    assert_failed(run_inside(DRAW, "--out", tmp_path), "results.json", RUN)
    shutil.copy(quick[1] / "results.json", tmp_path)
    np.savez(tmp_path / "traces.npz", radius=np.zeros(3))
    assert_failed(run_inside(GIF, "--out", tmp_path), "traces.npz", "damaged")
