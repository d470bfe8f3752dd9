"""The studies: each runs, says what it measured, and can come out differently."""

import numpy as np
import pytest

from common import results, study
from common.figures import plt
from temporal_order_3bit.studies import drift, lengths, tuned_rnn
from tests.command import assert_failed, run_inside
from tests.conftest import ROOT

TRAIN = "temporal_order_3bit/temporal_order_3bit.py"
DRAW = "temporal_order_3bit/visualize_temporal_order_3bit.py"
HOME = ROOT / "temporal_order_3bit"
STUDIES = sorted(study.find(HOME))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every study, run quickly into one folder."""
    out = tmp_path_factory.mktemp("studies")
    for name in STUDIES:
        done = run_inside(TRAIN, "--quick", "--study", name, "--seeds", "0-1", "--out", out)
        assert done.returncode == 0, done.stderr
    return out


def test_there_is_one_file_a_study_and_help_names_each():
    assert STUDIES == sorted(["blocks", "drift", "forget_gate", "lengths", "paper_1997", "paper_1997_6b", "truncation",
                              "tuned_rnn"])
    shown = run_inside(TRAIN, "--help").stdout
    assert all(study.describe(HOME, name).question in shown for name in STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_quickly_tells_its_finding_and_fills_its_table(name, folder):
    record = results.read(folder / "studies" / f"{name}.json", "")
    module = study.load(HOME, name)
    assert record["study"] == name and [run["seed"] for run in record["runs"]] == [0, 1]
    assert module.finding(record).endswith(".")
    assert "chance" in study.section(HOME, name, record)


def test_every_study_is_drawn_and_a_damaged_one_ends_in_one_line(folder):
    done = run_inside(DRAW, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert {"drift.png", "lengths.png", "paper_1997.png", "paper_1997_6b.png"} <= set(done.stdout.split())
    record = folder / "studies" / "drift.json"
    whole = record.read_text(encoding="utf-8")
    for broken in ("nothing", whole.replace('"bias_1_early_slope"', '"bias_1_other"')):
        record.write_text(broken, encoding="utf-8")
        assert_failed(run_inside(DRAW, "--out", folder), "drift.json", "--study drift")
    record.write_text(whole, encoding="utf-8")


def test_the_runs_of_1997_record_their_cap_and_none_of_the_knobs_they_ignore(folder):
    for name in ("paper_1997", "paper_1997_6b"):
        assert results.read(folder / "studies" / f"{name}.json", "")["config"] == dict(cap=30, seeds=[0, 1])
        committed = results.read(HOME / "studies" / f"{name}.json", "")["config"]
        assert set(committed) == {"cap", "seeds"} and committed["cap"] >= 200_000


# ---------------------------------------------------------------- drift

def drift_record(slopes, solved, bias=-1):
    name = drift.name_of(bias)
    runs = [results.entry(n, {f"{name}_accuracy": 1.0 if ok else 0.25, f"{name}_solved": float(ok),
                              f"{name}_updates_to_95": 100 if ok else None, f"{name}_early_slope": slope})
            for n, (slope, ok) in enumerate(zip(slopes, solved))]
    return dict(runs=runs, summary=results.summary(runs, {}), checks=[], config={})


def test_the_two_by_two_counts_set_saturation_against_success():
    record = drift_record([0.001, 0.001, 0.02, 0.02, 0.02, 0.0099], [True, False, True, True, False, True])
    counted = drift.counts(record, -1)
    assert counted == {(True, True): 2, (True, False): 1, (False, True): 2, (False, False): 1}
    assert "1 of 3 early saturated networks fail, and 1 of 3 others" in drift.finding(record)


def test_the_slope_is_that_of_the_network_after_100_updates_and_is_kept_for_every_seed(folder):
    record = results.read(HOME / "studies" / "drift.json", "")
    for bias in (0, -1, -2, -3, -4):
        assert len(results.values(record, f"{drift.name_of(bias)}_early_slope")) == 100
    quick = results.read(folder / "studies" / "drift.json", "")
    assert all(0 < slope < 1 for slope in results.values(quick, "bias_4_early_slope"))


def test_a_zero_bias_is_written_without_a_sign():
    assert f"{drift.biases_of(drift_record([0.1], [True], bias=0))[0]:g}" == "0"


# ---------------------------------------------------------------- lengths

def test_a_network_reaches_the_longest_length_at_which_every_seed_learns():
    record = results.read(HOME / "studies" / "lengths.json", "")
    assert lengths.lengths_of(record) == [50, 100, 200, 500, 1000]
    assert [lengths.longest_solved(record, name) for name in lengths.LABELS] == [50, 500, None, None]
    assert "bias -4 learns at 7 of 10 seeds" in lengths.finding(record)


def test_seeds_that_are_not_solved_are_counted_in_the_figure():
    record = results.read(HOME / "studies" / "lengths.json", "")
    fig = lengths.figure(record, {})
    counts = [text.get_text() for text in fig.axes[1].texts if text.get_text().isdigit()]
    plt.close(fig)
    unsolved = [10 - sum(run["final"][f"{name}_T{T}_solved"] for run in record["runs"])
                for name in lengths.LABELS for T in lengths.lengths_of(record)]
    assert sorted(map(int, counts)) == sorted(n for n in unsolved if n)


# ---------------------------------------------------------------- tuned_rnn

def test_the_setting_is_chosen_by_the_mean_validation_accuracy_then_loss():
    grid = {8: dict(accuracy=np.array([[0.9, 0.5], [0.7, 1.0]]), validation_loss=np.array([[1.0, 1.0], [1.0, 1.0]])),
            32: dict(accuracy=np.array([[0.8, 0.6], [0.8, 0.6]]), validation_loss=np.array([[0.5, 0.1], [0.5, 0.1]]))}
    assert tuned_rnn.choice(grid, (1e-3, 1e-2)) == (32, 1e-3)


def test_choosing_and_reporting_seeds_are_disjoint_and_updates_follow_from_the_sequences():
    record = results.read(HOME / "studies" / "tuned_rnn.json", "")
    config = record["config"]
    assert not set(config["choosing"]) & set(config["seeds"]) and min(config["choosing"]) >= 900
    for name in tuned_rnn.LABELS:
        _, batch, updates = tuned_rnn.setting(record, name)
        assert updates == config["sequences"] // batch
        rates = config["lstm_rates" if name == "lstm" else "rnn_rates"]
        assert np.shape(record["runs"][0]["curves"][f"{name}_grid"]) == (len(config["batches"]), len(rates))


def test_no_setting_beyond_an_edge_of_the_grid_could_be_right_more_often():
    record = results.read(HOME / "studies" / "tuned_rnn.json", "")
    for name in tuned_rnn.LABELS:
        best = np.max(record["runs"][0]["curves"][f"{name}_grid"])
        assert best == 1 or not any(tuned_rnn.at_edge(record, name)), "then the study's docstring is wrong"
