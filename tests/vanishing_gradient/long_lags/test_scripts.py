"""The scripts of the long lags as a user runs them."""

import shutil

import imageio.v3 as imageio
import numpy as np
import pytest

from common import results, study
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT
from vanishing_gradient.long_lags import long_lags, report, rows, trials, visualize_long_lags
from vanishing_gradient.long_lags.studies import one_line

HOME = ROOT / "vanishing_gradient" / "long_lags"
RUN, DRAW, GIF = (f"vanishing_gradient/long_lags/{n}.py" for n in ("long_lags", "visualize_long_lags",
                                                                   "make_long_lags_gif"))
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
    assert all(row.title in line for row, line in zip(long_lags.CHEAP, done.stdout.splitlines()[-3:]))
    assert traces["output"].shape == (4, 104, 40) and traces["states"].shape == (4, 104, 3, 2)
    assert list(traces["seen"]) == sorted(traces["seen"]) and traces["seen"][0] == 0 and traces["seen"][-1] == 60


def test_a_seed_gets_the_same_numbers_alone(quick, tmp_path):
    run_inside(RUN, "--quick", "--seed", 1, "--out", tmp_path)
    alone, both = (results.read(folder / "results.json", "")["runs"][-1] for folder in (tmp_path, quick[1]))
    assert alone["final"] == both["final"]


def test_a_hundred_sequences_hold_no_claim_of_success(quick):
    record = results.read(quick[1] / "results.json", "")
    assert not any(check["holds"] for check in record["checks"])


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_study_can_be_tabled_and_drawn(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", name, "--seeds", "0-1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    record, arrays = study.read_all(HOME, tmp_path, lambda _: "")[name]
    module = study.load(HOME, name)
    if name != "table_2_p100":                   # one per cent of the published sequences judges nothing
        assert len(record["checks"]) >= 2 and not all(check["holds"] for check in record["checks"])
    assert module.finding(record) in done.stdout and module.table(record)
    module.figure(record, arrays).savefig(tmp_path / "figure.png")


@pytest.mark.parametrize("name", ["4_T500_hidden", "3b_T1000_N1", "2c_q1000_p50", "5_n13", "2a_p100_rtrl_1"])
def test_any_line_of_the_paper_starts_with_one_command(name, tmp_path):
    done = run_inside(RUN, "--quick", "--study", "one_line", "--line", name, "--seeds", "0-1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    made = results.read(tmp_path / "studies" / "one_line.json", "")
    assert all(run["final"][name]["seen"] >= 1 for run in made["runs"]) and rows.RUNNABLE[name].title in done.stdout


def test_a_line_that_was_stopped_goes_on_with_its_kept_trials(monkeypatch):
    """Of ten stretches four are kept; the same command computes the other six and ends with the same numbers."""
    monkeypatch.setattr(trials, "STRETCH", 5)
    config = long_lags.Config(line="4_T100_hidden", times=50 / 74_000)
    made, kept = [], {}

    def until(most):
        def part(name, make):
            if name not in kept:
                if len(kept) == most:
                    raise KeyboardInterrupt
                kept[name] = make()
                made.append(name)
            return kept[name]
        return part

    with pytest.raises(KeyboardInterrupt):
        one_line.run(config, range(2), until(4))
    stopped = one_line.run(config, range(2), until(10))
    assert len(made) == len(set(made)) == 10
    whole = one_line.run(config, range(2), lambda name, make: make())
    assert [run["final"] for run in stopped] == [run["final"] for run in whole]


def test_a_run_is_drawn_where_it_lies(quick, tmp_path):
    for name in ("results.json", "traces.npz"):
        shutil.copy(quick[1] / name, tmp_path)
    for script in (DRAW, GIF):
        done = run_inside(script, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "viz").iterdir()} == {"carousel.png", "ours_over_the_papers.png"}
    assert len(imageio.imread(tmp_path / "long_lags.gif")) > 2


def test_gradcheck_passes():
    done = run_inside(RUN, "--gradcheck")
    assert done.returncode == 0 and "13 gradients agree" in done.stdout


def test_saved_networks_are_scored_on_fresh_sequences_ten_times_as_long(quick):
    done = run_inside(RUN, "--evaluate", "--out", quick[1])
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2 and "at T = 1000" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (("--cap", "0"), ("--cap", "at least 1")), (("--film", "1"), ("--film", "at least 10")),
    (("--study", "none"), ("none",)), (("--evaluate", "--cap", "5"), ("--cap",)),
    (("--line", "5_n13"), ("--line", "studies only")), (("--study", "one_line", "--line", "6a"), ("--line", "5_n13"))])
def test_a_bad_value_is_refused_in_one_line(arguments, words, tmp_path):
    assert_refused(run_inside(RUN, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_damage_is_named(quick, tmp_path):
    assert_failed(run_inside(DRAW, "--out", tmp_path), "results.json", RUN)
    shutil.copy(quick[1] / "results.json", tmp_path)
    np.savez(tmp_path / "traces.npz", output=np.zeros(3))
    assert_failed(run_inside(GIF, "--out", tmp_path), "traces.npz", "damaged")


# ---------------------------------------------------------------- the report

def record_of(name, finals):
    return dict(runs=[dict(seed=n, final={name: final}) for n, final in enumerate(finals)])


def test_an_unsolved_trial_counts_with_what_it_has_seen_and_makes_the_mean_a_bound():
    row = rows.TABLE_3[0]
    record = record_of(row.name, [dict(solved=1.0, seen=30_000, sequences=30_000),
                                  dict(solved=0.0, seen=60_000, sequences=None)])
    found = report.compared(record, row.name)
    assert (found.solved, found.trials, found.mean, found.bound) == (1, 2, 45_000, True)
    cells = report.line(row, found)
    assert "1 of 2" in cells and any(cell.startswith("at least 45,000") for cell in cells)
    assert any(cell.startswith("at least 1.5") for cell in cells)
    header, (shown,) = report.table(record, (row,))
    assert len(header) == len(shown) and shown[-2:] == ["45,000", "30,000 to 60,000 (stopped)"]


def test_a_line_without_trials_names_its_hours_and_its_command():
    assert "not run: 2.1 h, `--line 4_T1000_hidden`" in report.line(rows.ADDING_1000, None)
    assert "not run: 0.5 h, `--line 2c_q1000_p50`" in report.line(rows.TABLE_3[-1], None)
    assert "not run: another paper's method: a net that grows" in report.line(rows.CASCADE, None)


def test_a_line_holds_its_claims_only_within_a_factor_of_two_and_with_its_trials_solved():
    row = rows.ADDING
    for seen, solved, expected in ((74_000, 1.0, [True, True]), (200_000, 1.0, [True, False]),
                                   (74_000, 0.0, [False, False])):
        finals = [dict(solved=solved, seen=seen, sequences=seen, wrong_of_2560=1)] * 10
        assert [c["holds"] for c in report.checks(record_of(row.name, finals), (row,))] == expected


def test_a_line_of_the_paper_counts_once_and_comes_out_in_any_of_its_readings():
    good = dict(solved=1.0, seen=80_000, sequences=80_000)
    found = {row.name: report.compared(record_of(row.name, [final] * 10), row.name) for row, final in (
        (rows.ADDING, dict(solved=0.0, seen=80_000, sequences=None)), (rows.ADDING_HIDDEN, good))}
    lines = [(row, found.get(row.name)) for row in (rows.ADDING, rows.ADDING_HIDDEN, rows.ADDING_LOGISTIC)]
    assert report.count(lines) == (1, 1, 1) and report.count(lines[:1]) == (1, 1, 0)
    assert report.count(lines[2:]) == (0, 0, 0)


def test_a_line_that_was_stopped_before_the_published_mean_is_not_judged():
    for seen, judged in ((60_000, 0), (80_000, 1)):
        found = report.compared(record_of(rows.ADDING.name, [dict(solved=0.0, seen=seen, sequences=None)] * 10),
                                rows.ADDING.name)
        assert report.count([(rows.ADDING, found)]) == (1, judged, 0)


def test_a_line_that_the_paper_never_solved_comes_out_when_no_trial_is_solved_by_then():
    for solved, seen, out in ((0.0, 200_000, 1), (0.0, 100_000, 0), (1.0, 200_000, 0)):
        final = dict(solved=solved, seen=seen, sequences=seen if solved else None)
        found = report.compared(record_of(rows.ELMAN.name, [final] * 10), rows.ELMAN.name)
        assert report.count([(rows.ELMAN, found)]).out == out


def test_every_line_of_the_paper_stands_in_the_readmes_table():
    record = results.read(HOME / "results.json", "")
    saved = {name: made for name, (made, _) in study.read_all(HOME, HOME, lambda _: "").items()}
    shown = visualize_long_lags.tables(record, saved)["lines"]
    assert all(row.title in shown for row in rows.LINES) and shown.count("\n") == len(rows.LINES) + 1


# ---------------------------------------------------------------- what is committed

def test_the_docstring_shows_the_lines_of_the_committed_run(capsys):
    long_lags.show(results.read(HOME / "results.json", ""))
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line.strip() for line in long_lags.__doc__.splitlines()[-len(printed):]] == printed


def test_choosing_and_reporting_seeds_are_not_mixed():
    assert max(long_lags.SEEDS) < 900
    assert all(max(about.seeds) < 900 for about in study.find(HOME).values())
