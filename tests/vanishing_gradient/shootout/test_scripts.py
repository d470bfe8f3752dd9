"""The scripts of the shootout as a user runs them."""

import shutil

import imageio.v3 as imageio
import pytest

from common import results, study
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.shootout import parts, shootout
from vanishing_gradient.shootout.racers import ALIKE, RACERS, SETTINGS

HOME = ROOT / "vanishing_gradient" / "shootout"
RUN, DRAW, GIF = (f"vanishing_gradient/shootout/{name}.py"
                  for name in ("shootout", "visualize_shootout", "make_shootout_gif"))
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
    assert [run["seed"] for run in record["runs"]] == [0, 1] and record["config"]["lags"] == [10]
    assert [line[:8] for line in done.stdout.splitlines()[-len(RACERS):]] == [r.label[:8] for r in RACERS.values()]
    assert traces["curve_gru_10"].shape == (2, len(traces["looks_gru_10"]))


def test_a_seed_gets_the_same_numbers_alone(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, both = (results.read(folder / "results.json", "")["runs"][-1]["final"] for folder in (tmp_path, quick[1]))
    for name in RACERS:
        first, second = (final["random"][name]["10"] for final in (alone, both))
        assert {k: v for k, v in first.items() if k != "seconds"} == {k: v for k, v in second.items() if k != "seconds"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_can_be_tabled_and_drawn(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", name, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record, arrays = study.read_all(HOME, tmp_path, lambda _: "")[name]
    module = study.load(HOME, name)
    assert module.table(record) and module.finding(record).endswith(".")
    if hasattr(module, "figure"):
        assert module.figure(record, arrays).axes


def test_a_run_is_drawn_where_it_lies(quick, tmp_path):
    for name in ("results.json", "traces.npz"):
        shutil.copy(quick[1] / name, tmp_path)
    for script in (DRAW, GIF):
        done = run_inside(script, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "viz").iterdir()} == {"success.png", "cost.png", "later.png"}
    assert len(imageio.imread(tmp_path / "shootout.gif")) > 2


def test_gradcheck_passes():
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and f"{2 * len(RACERS)} gradients agree" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (("--budget", "0"), ("--budget", "at least 1")), (("--longest", "20000"), ("--longest", "at most 3000")),
    (("--study", "settings", "--later", "10"), ("--later", "settings")), (("--study", "none"), ("none", "settings"))])
def test_a_bad_value_is_refused_in_one_line(arguments, words, tmp_path):
    assert_refused(run_inside(RUN, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_damage_is_named(quick, tmp_path):
    assert_failed(run_inside(DRAW, "--out", tmp_path), "results.json", RUN)
    shutil.copy(quick[1] / "results.json", tmp_path)
    (tmp_path / "traces.npz").write_bytes(b"PK")
    assert_failed(run_inside(GIF, "--out", tmp_path), "traces.npz", "damaged")


# ---------------------------------------------------------------- what is committed

def committed(name=None):
    return results.read(HOME / (f"studies/{name}.json" if name else "results.json"), "git checkout")


def test_the_settings_are_the_best_of_the_grid_and_of_its_finalists():
    grid, finalists = (study.load(HOME, name) for name in ("settings", "finalists"))
    record, last = committed("settings"), committed("finalists")
    assert grid.best(record) | finalists.best(last) == SETTINGS and grid.best(record, "alike") == ALIKE
    for name, lag, chosen in finalists.best_of_grid(4):
        assert {setting for _, setting, *_ in finalists.ranked(last, name, lag)} == set(chosen)
    assert all(seed in range(900, 920) for one in (record, last) for seed in one["config"]["seeds"])


def test_the_committed_run_has_the_recorded_settings_and_every_seed():
    record = committed()
    assert record["config"]["seeds"] == list(shootout.SEEDS) and len(record["runs"]) >= 8
    for name in RACERS:
        for lag in record["config"]["lags"]:
            used = record["config"]["settings"][name][str(lag)]
            assert used == shootout.setting_for(SETTINGS[name], lag)._asdict()


def test_the_docstring_shows_the_lines_of_the_committed_run(capsys):
    shootout.report(committed())
    printed = capsys.readouterr().out.splitlines()
    shown = shootout.__doc__.splitlines()[-len(printed):]
    assert [line.strip() for line in shown] == [line.strip() for line in printed]


def test_a_method_that_did_not_get_there_was_given_the_whole_budget():
    record = committed()
    for run_ in record["runs"]:
        for name in RACERS:
            for lag, cell in run_["final"]["random"][name].items():
                budget = shootout.Config().budget_of(int(lag))
                assert cell["sequences"] or cell["seen"] >= budget - 64, (name, lag)


def test_saved_networks_are_scored_on_fresh_sequences():
    done = run_inside(RUN, "--evaluate")
    assert done.returncode == 0 and "8 networks" in done.stdout


def test_every_room_has_run_its_part_and_what_attends_is_never_called_failed():
    records = list(parts.read_parts().values())
    assert set(parts.missing(records, "random")) & set(parts.missing(records, "cycle")) == set()
    for name, by_lag in parts.rows(records, "random").items():
        if parts.OTHERS[name].short:
            assert parts.why_not(by_lag, 10_000) == "not run"
    found = parts.rows(records, "random")
    assert found["binary"][300].cut_short(300), "unsolved with a smaller budget"
    assert not found["self"][30].cut_short(30), "unsolved with the whole budget"
