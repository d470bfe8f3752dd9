import json
from types import SimpleNamespace

import numpy as np
import pytest

from common import results

MAKE = "python3 x/x.py --seed 0"


def record(**more):
    options = SimpleNamespace(command=MAKE, config=SimpleNamespace(lr=0.1))
    runs = [dict(seed=0, curves=dict(loss=[1.0, float("nan")]), final=dict(accuracy=0.5, steps=None), seconds=1.0),
            dict(seed=1, curves=dict(loss=[1.0, 0.5]), final=dict(accuracy=1.0, steps=30), seconds=1.0)]
    return results.record("x", options, runs, paper=dict(accuracy=0.9), **more)


def test_a_record_has_the_keys_of_the_schema_and_survives_the_file(tmp_path):
    made = record(checks=[results.check("accuracy", 1.0, "1.0", True)])
    results.write(tmp_path / "results.json", made)
    read = results.read(tmp_path / "results.json", MAKE)
    assert read == made and set(results.KEYS) == set(read)
    assert set(read["environment"]) == {"python", "numpy", "blas", "threads", "cpu", "platform", "commit", "dirty"}


def test_the_summary_counts_only_the_runs_that_report_a_metric():
    s = record()["summary"]
    assert s["accuracy"] == dict(mean=0.75, std=0.25, median=0.75, min=0.5, max=1.0, n=2, paper=0.9)
    assert s["steps"]["n"] == 1 and s["steps"]["mean"] == 30 and s["steps"]["paper"] is None


def test_numbers_that_are_not_finite_become_null():
    assert record()["runs"][0]["curves"]["loss"] == [1.0, None]
    assert results.finite(dict(a=np.float32("inf"), b=np.arange(2), c=np.True_)) == dict(a=None, b=[0, 1], c=True)


@pytest.mark.parametrize("measured", [None, float("nan"), float("inf")])
def test_a_check_without_a_finite_number_does_not_hold(measured):
    assert results.check("claim", measured, "anything", True)["holds"] is False


def test_a_check_can_fail():
    assert results.check("claim", 0.2, "1.0", False)["holds"] is False


def test_innermost_lists_take_one_line(tmp_path):
    results.write(tmp_path / "r.json", dict(curve=list(range(100))))
    assert len((tmp_path / "r.json").read_text().splitlines()) == 3


def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "results.json"
    results.write(path, dict(old=1))

    def fail(file):
        file.write(b"{half")
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        results._write(path, fail)
    assert json.loads(path.read_text()) == dict(old=1)
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"], "no temporary file is left"


@pytest.mark.parametrize("content, word", [(None, "missing"), ("", "damaged"), ('{"schema": "1", ', "damaged"),
                                           ("[]", "damaged"), ('{"schema": "1"}', "experiment"), ("\x00\xff", "damaged")])
def test_a_missing_or_damaged_record_names_the_file_and_the_command(tmp_path, content, word):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(results.ResultsError) as error:
        results.read(path, MAKE)
    assert word in str(error.value) and str(path) in str(error.value) and MAKE in str(error.value)


def test_another_schema_is_refused(tmp_path):
    results.write(tmp_path / "r.json", {**record(), "schema": "0"})
    with pytest.raises(results.ResultsError, match="schema"):
        results.read(tmp_path / "r.json", MAKE)


def test_arrays_survive_the_file(tmp_path):
    results.write_arrays(tmp_path / "t.npz", a=np.arange(3), b=np.eye(2, dtype=np.float32))
    read = results.read_arrays(tmp_path / "t.npz", ["a", "b"], MAKE)
    np.testing.assert_array_equal(read["a"], np.arange(3))
    assert read["b"].dtype == np.float32


def test_a_missing_array_a_truncated_and_a_pickled_file_are_refused(tmp_path):
    path = tmp_path / "t.npz"
    with pytest.raises(results.ResultsError, match="missing"):
        results.read_arrays(path, [], MAKE)
    results.write_arrays(path, a=np.random.default_rng(0).random(1000))
    with pytest.raises(results.ResultsError, match="without b"):
        results.read_arrays(path, ["a", "b"], MAKE)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(results.ResultsError, match="damaged"):
        results.read_arrays(path, ["a"], MAKE)
    np.savez(path, a=np.array([object()]))
    with pytest.raises(results.ResultsError, match="damaged"):
        results.read_arrays(path, ["a"], MAKE)


def test_tables_are_filled_between_their_markers():
    text = "before\n<!-- begin t -->\nold\n<!-- end t -->\nand <!-- begin n -->0<!-- end n --> after"
    filled = results.fill_tables(text, dict(t=results.table(["a"], [[1]]), n="42"))
    assert "old" not in filled and "| 1 |" in filled and "<!-- begin n -->42<!-- end n -->" in filled
    assert results.fill_tables(filled, dict(t=results.table(["a"], [[1]]), n="42")) == filled


@pytest.mark.parametrize("tables", [dict(), dict(t="x", other="y")])
def test_markers_and_tables_must_match(tables):
    with pytest.raises(results.ResultsError, match="markers"):
        results.fill_tables("<!-- begin t --><!-- end t -->", tables)
