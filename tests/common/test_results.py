import json
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from common import files, results, tables

MAKE = "python3 x/x.py --commit"


def record(**more):
    options = SimpleNamespace(command=MAKE, config=SimpleNamespace(lr=0.1), experiment="x", study=None, started=0.0,
                              folders=())
    runs = [results.entry(0, dict(accuracy=0.5, steps=None), dict(loss=[1.0, float("nan")]), 1.0),
            results.entry(1, dict(accuracy=1.0, steps=30), dict(loss=[1.0, 0.5]), 1.0)]
    return results.record(options, runs, paper=dict(accuracy=0.9), **more)


def write(path, made, **arrays):
    results.write_unit(path.parent, {path.name: made, "traces.npz": arrays or None})


def test_a_record_has_the_keys_of_the_schema_and_survives_the_file(tmp_path):
    made = record(checks=lambda r: [results.check("accuracy", r["summary"]["accuracy"]["mean"], "1.0", True)])
    write(tmp_path / "results.json", made)
    read = results.read(tmp_path / "results.json", MAKE)
    assert read == made and set(results.KEYS) == set(read) and read["checks"][0]["measured"] == 0.75
    assert set(read["environment"]) == {"python", "numpy", "blas", "threads", "cpu", "platform", "commit", "dirty"}


def test_settings_beyond_the_config_and_the_seeds_are_recorded():
    assert record(rates=(1, 2))["config"] == dict(lr=0.1, rates=[1, 2], seeds=[0, 1])


def test_the_summary_counts_only_the_runs_that_report_a_metric_and_divides_by_n_minus_one():
    s = record()["summary"]
    std = results.finite(0.5 / np.sqrt(2))
    assert s["accuracy"] == dict(mean=0.75, std=std, median=0.75, min=0.5, max=1.0, n=2, paper=0.9)
    assert s["steps"] == dict(mean=30, std=None, median=30, min=30, max=30, n=1, paper=None)


def test_metrics_with_axes_are_summarised_as_the_same_tree_and_read_by_their_path(tmp_path):
    finals = [dict(lstm={"accuracy": {"16": 0.5}}), dict(lstm={"accuracy": {"16": 1.0}}), dict(gru={"steps": 7})]
    runs = [results.entry(seed, final) for seed, final in enumerate(finals)]
    s = results.finite(results.summary(runs, dict(lstm={"accuracy": {"16": 0.9}})))
    assert s["lstm"]["accuracy"]["16"]["mean"] == 0.75 and s["lstm"]["accuracy"]["16"]["paper"] == 0.9
    assert s["gru"]["steps"]["n"] == 1
    assert results.values(dict(runs=runs), "lstm", "accuracy", 16).tolist() == [0.5, 1.0]
    assert results.values(dict(runs=runs), "lstm", "accuracy", 32).size == 0
    write(tmp_path / "results.json", {**record(), "summary": s})
    assert results.read(tmp_path / "results.json", MAKE)["summary"] == s
    write(tmp_path / "results.json", {**record(), "summary": {"lstm": {"accuracy": 3}}})
    with pytest.raises(results.ResultsError, match="summary"):
        results.read(tmp_path / "results.json", MAKE)


def test_seeds_that_ran_together_become_entries_with_their_share_of_the_time():
    made = results.entries([4, 7], dict(a=np.array([0.1, 0.2])), dict(loss=np.array([[1, 2], [3, 4]])), seconds=10)
    assert [e["seed"] for e in made] == [4, 7] and made[1]["final"] == dict(a=0.2) and made[1]["seconds"] == 5
    assert made[1]["curves"]["loss"].tolist() == [2, 4]


def test_the_bootstrap_interval_of_a_mean_covers_it_and_shrinks_with_n():
    rng = np.random.default_rng(1)
    few, many = rng.exponential(size=10), rng.exponential(size=1000)
    low, high = results.interval(few)
    assert low < few.mean() < high and results.interval(few) == (low, high), "the same numbers, the same interval"
    assert np.diff(results.interval(many)) < high - low and results.interval([1.0]) is None
    covered = [a <= 1 <= b for a, b in (results.interval(rng.exponential(size=60)) for _ in range(60))]
    assert 0.8 < np.mean(covered) <= 1


def test_a_changed_program_anywhere_in_the_repository_makes_the_record_dirty(tmp_path, monkeypatch):
    git = lambda *words: subprocess.run(["git", "-C", tmp_path, "-c", "user.name=x", "-c", "user.email=x", *words],
                                        check=True, capture_output=True)
    for path in ("common/results.py", "room/nested/room.py", "room/README.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1", encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    monkeypatch.setattr(results, "__file__", str(tmp_path / "common" / "results.py"))
    (tmp_path / "room" / "README.md").write_text("2", encoding="utf-8")
    assert results.environment()["dirty"] is False
    (tmp_path / "room" / "nested" / "room.py").write_text("2", encoding="utf-8")
    assert results.environment()["dirty"] is True


def test_numbers_that_are_not_finite_become_null():
    assert record()["runs"][0]["curves"]["loss"] == [1.0, None]
    assert results.finite(dict(a=np.float32("inf"), b=np.arange(2), c=np.True_)) == dict(a=None, b=[0, 1], c=True)


@pytest.mark.parametrize("measured", [None, float("nan"), float("inf")])
def test_a_check_without_a_finite_number_does_not_hold(measured):
    assert results.check("claim", measured, "anything", True)["holds"] is False


def test_a_check_can_fail():
    assert results.check("claim", 0.2, "1.0", False)["holds"] is False


def test_innermost_lists_take_one_line(tmp_path):
    write(tmp_path / "r.json", dict(run_id="1", curve=list(range(100))))
    assert len((tmp_path / "r.json").read_text(encoding="utf-8").splitlines()) == 4


# ---------------------------------------------------------------- files

@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_write_leaves_every_old_file_whole(tmp_path, monkeypatch, error):
    unit = [tmp_path / "a", tmp_path / "b"]
    files.write_unit({path: b"old" for path in unit})
    opened, calls = files.os.fdopen, []

    def fail_at_the_second(handle, mode):
        calls.append(mode)
        if len(calls) == 2:
            files.os.close(handle)
            raise error
        return opened(handle, mode)
    monkeypatch.setattr(files.os, "fdopen", fail_at_the_second)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        files.write_unit({path: b"new" for path in unit})
    assert [path.read_bytes() for path in unit] == [b"old", b"old"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"], "no temporary file is left"


def test_a_signal_between_two_renames_waits_until_both_are_done(tmp_path, monkeypatch):
    unit = {tmp_path / "a": b"new", tmp_path / "b": b"new"}
    replace = files.os.replace

    def interrupt(source, target):
        files.signal.raise_signal(files.signal.SIGINT)
        replace(source, target)
    monkeypatch.setattr(files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_unit(unit)
    assert [path.read_bytes() for path in unit] == [b"new", b"new"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_file_the_new_run_does_not_have_is_removed_with_the_old_unit(tmp_path):
    write(tmp_path / "results.json", record(), a=np.ones(2))
    write(tmp_path / "results.json", record())
    assert not (tmp_path / "traces.npz").exists()


@pytest.mark.parametrize("content, word", [
    (None, "missing"), ("", "damaged"), ('{"schema": "1", ', "damaged"), ("[]", "damaged"),
    ('{"schema": "1"}', "experiment"), ("\x00\xff", "damaged")])
def test_a_missing_or_damaged_record_names_the_file_and_the_command(tmp_path, content, word):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(results.ResultsError) as error:
        results.read(path, MAKE)
    assert word in str(error.value) and str(path) in str(error.value) and MAKE in str(error.value)


def test_another_schema_and_another_experiment_are_refused(tmp_path):
    write(tmp_path / "r.json", {**record(), "schema": "0"})
    with pytest.raises(results.ResultsError, match="schema"):
        results.read(tmp_path / "r.json", MAKE)
    write(tmp_path / "r.json", record())
    with pytest.raises(results.ResultsError, match="of the experiment x"):
        results.read(tmp_path / "r.json", MAKE, "y")


def test_arrays_survive_the_file(tmp_path):
    made = record()
    write(tmp_path / "results.json", made, a=np.arange(3), b=np.eye(2, dtype=np.float32))
    read = results.read_arrays(tmp_path / "traces.npz", MAKE, made["run_id"], ["a", "b"])
    np.testing.assert_array_equal(read["a"], np.arange(3))
    assert read["b"].dtype == np.float32 and set(read) == {"a", "b"}


def test_arrays_that_are_missing_foreign_cut_short_or_pickled_are_refused(tmp_path):
    path, made = tmp_path / "traces.npz", record()
    with pytest.raises(results.ResultsError, match="missing"):
        results.read_arrays(path, MAKE)
    write(tmp_path / "results.json", made, a=np.random.default_rng(0).random(1000))
    with pytest.raises(results.ResultsError, match="without b"):
        results.read_arrays(path, MAKE, names=["a", "b"])
    with pytest.raises(results.ResultsError, match="another run"):
        results.read_arrays(path, MAKE, "another")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(results.ResultsError, match="damaged"):
        results.read_arrays(path, MAKE)
    np.savez(path, a=np.array([object()]))
    with pytest.raises(results.ResultsError, match="damaged"):
        results.read_arrays(path, MAKE)


def test_whatever_saved_content_breaks_while_drawing_names_the_file():
    with pytest.raises(results.ResultsError, match="x.json is damaged .KeyError: 'a'.*make it again with: " + MAKE):
        with results.reading("x.json", MAKE):
            json.loads("{}")["a"]


# ---------------------------------------------------------------- tables

def test_tables_are_filled_between_their_markers():
    text = "before\n<!-- begin t -->\nold\n<!-- end t -->\nand <!-- begin n -->0<!-- end n --> after"
    filled = tables.fill_tables(text, dict(t=tables.table(["a"], [[1]]), n="42"))
    assert "old" not in filled and "| 1 |" in filled and "<!-- begin n -->42<!-- end n -->" in filled
    assert tables.fill_tables(filled, dict(t=tables.table(["a"], [[1]]), n="42")) == filled


@pytest.mark.parametrize("text, made", [
    ("<!-- begin t --><!-- end t -->", dict()), ("<!-- begin t --><!-- end t -->", dict(t="x", other="y")),
    ("<!-- begin t -->", dict(t="x")), ("<!-- begin t --><!-- begin u --><!-- end t -->", dict(t="x", u="y"))])
def test_markers_and_tables_must_match_and_markers_must_end(text, made):
    with pytest.raises(results.ResultsError, match="markers"):
        tables.fill_tables(text, made)


def test_the_claims_table_shows_failed_claims_first():
    made = tables.claims_table([results.check("holds", 1.0, "1", True), results.check("fails", 0.5, "1", False,
                                                                                      interval=(0.4, 0.6))])
    assert made.index("fails") < made.index("holds", 80) and "0.5 [0.4, 0.6]" in made and "**no**" in made


def test_the_interval_of_a_share_is_wilsons():
    low, high = tables.wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)          # Wilson 1927; any table of the score interval
    assert tables.wilson(0, 5)[0] < 1e-9 and tables.wilson(5, 5)[1] > 1 - 1e-9


def test_a_spread_that_is_none_is_not_printed():
    same = results.spread([1.0, 1.0, 1.0])
    assert tables.mean_spread(same) == "1.000" and tables.mean_spread(results.spread([])) == "none"
    assert tables.mean_spread(results.spread([1.0, 2.0]), 1) == "1.5 ± 0.7 (1.0 to 2.0)"
