"""The scripts as a user runs them: quick run, studies, figures, GIF, refusals, evaluation, workers, names."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from common import results, study
from common.config import run, seed_range
from smt import comparison, drawing, gradients, jobs, make_smt_gif, paper, players, scores, smt, visualize_smt
from smt.certificate import merged_machine
from smt.memory import SphereMemory
from smt.model import RNN
from tests.command import assert_failed, assert_refused, run_inside, run_script
from tests.conftest import ROOT

HERE = ROOT / "smt"
STUDIES = ("ablation", "gradient_norms", "memory_maps", "reach", "tasks")
FIGURES = ("framework", "training", "lengths", "drift", "gradients", "memory_space", "machine")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run, its figures and its GIF, from another working directory."""
    out = tmp_path_factory.mktemp("smt")
    done = {"train": run_script("smt/smt.py", "--quick", "--seed", 1, "--out", out, cwd=out),
            "figures": run_script("smt/visualize_smt.py", "--out", out, cwd=out),
            "gif": run_script("smt/make_smt_gif.py", "--out", out, cwd=out)}
    return out, done


@pytest.fixture
def record(quick):
    return results.read(quick[0] / "results.json", "")


def test_everything_runs(quick):
    out, done = quick
    for name, finished in done.items():
        assert finished.returncode == 0, f"{name}: {finished.stderr}"
    assert {p.name for p in out.iterdir()} == {"results.json", "traces.npz", "weights.npz", "viz", "smt.gif"}
    assert {p.stem for p in (out / "viz").glob("*.png")} == set(FIGURES)


def test_a_run_says_where_it_wrote_and_how_to_draw_it(quick):
    said = quick[1]["train"].stdout
    assert "written to" in said and "python3 smt/visualize_smt.py --out" in said and len(said.splitlines()) < 40


def test_the_record_has_every_row_of_the_tables(record):
    for trained, method in (*visualize_smt.DIRECT, *visualize_smt.SHORT):
        assert scores.lengths(record, trained, method), f"{trained}, {method}"
    assert len({c["claim"] for c in record["checks"]}) == len(record["checks"])
    assert record["config"]["plans"]["bptt, direct"] and record["config"]["grids"][scores.GRU]


def test_every_marker_of_the_readme_has_its_text(record):
    text = (HERE / "README.md").read_text(encoding="utf-8")
    made = {**visualize_smt.tables(record, {}), "claims": "", "studies": ""}
    assert set(made) == {word.split(" ")[0] for word in text.split("<!-- begin ")[1:]}


def test_untrained_networks_hold_no_claim_of_success(record):
    """With a hundredth of the training, the checks must be able to come out false, and do."""
    words = ("solves", "certified", "is right at")
    solved = [c for c in record["checks"] if any(word in c["claim"] for word in words)]
    assert len(solved) == 6 and not any(c["holds"] for c in solved)


def test_two_processes_give_what_one_gives(quick, record, tmp_path):
    done = run_script("smt/smt.py", "--quick", "--seed", 1, "--processes", 2, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    two = leaves(results.read(tmp_path / "results.json", "")["runs"][0]["final"])
    without_times = lambda found: {path: value for path, value in found if path[-1] != "seconds"}
    one = without_times(leaves(record["runs"][0]["final"]))
    assert len(one) > 100 and one == without_times(two)


def test_no_number_of_updates_depends_on_the_clock(monkeypatch):
    """Every seed of a method is given the same updates, however slow the machine is."""
    monkeypatch.setattr(time, "process_time", lambda: 1e6 * np.random.default_rng().random())
    c = smt.Config(**smt.QUICK)
    first, second = (comparison.bptt(c, 1, "short", scores.BPTT)["final"]["short"][scores.BPTT] for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs_and_makes_its_table(name, tmp_path):
    done = run_inside("smt/smt.py", "--quick", "--study", name, "--seed", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    saved = results.read(tmp_path / "studies" / f"{name}.json", "")
    module = study.load(HERE, name)
    header, rows = module.table(saved)
    assert isinstance(module.table(saved), tuple) and rows and all(len(row) == len(header) for row in rows)
    assert module.finding(saved) in done.stdout and results.finite(module.checks(saved)) == saved["checks"]


def test_the_studies_are_found_by_their_files():
    assert set(STUDIES) <= set(study.find(HERE))


def test_bptt_is_selected_by_validation_not_by_test(monkeypatch):
    """Settings whose best test accuracy (0.9) is not that of the best validation."""
    rnn = RNN(np.random.default_rng(0), 9, SphereMemory(16), hidden=16)
    tried = iter([{"test": t, "accuracy": a, "loss": 1.0, "rnn": rnn, "updates": 5, "seconds": 1.0, "curve": []}
                  for t, a in ((0.9, 0.1), (0.2, 0.8), (0.1, 0.3))])
    monkeypatch.setattr(comparison, "one_setting", lambda *_: next(tried))
    final = comparison.bptt(smt.Config(**smt.QUICK), 1, "short", scores.BPTT)["final"]["short"][scores.BPTT]
    assert final["rate"] == 3e-3 and final["highest"] == 0.9


def test_the_same_sequences_in_smaller_batches():
    assert comparison.divided(((64, 32, 800),), 4) == ((64, 8, 3200),)


@pytest.mark.parametrize("method", comparison.OPPONENTS)
def test_an_opponent_begins_as_its_row_says(method):
    c, opponent = smt.Config(**smt.QUICK), comparison.OPPONENTS[method]
    rnn = comparison.opponent_rnn(c, 1, "direct", opponent)
    arrays = rnn.arrays()
    if opponent.memory == "bits":
        assert arrays["updater/carry"] == opponent.carry and (opponent.carry == 0) == (method == scores.BPTT_BITS)
    if opponent.updater == "gru":
        assert arrays["updater/b"][:c.size].min() >= 0 and opponent.memory == "free"
    if method == scores.SMALL:
        plain = comparison.opponent_rnn(c, 1, "direct", comparison.OPPONENTS[scores.BPTT]).arrays()["updater/w2"]
        assert np.allclose(arrays["updater/w2"], 0.1 * plain)


# ---------------------------------------------------------------- the axes of the numbers

def leaves(tree, *path):
    """[(path, value)] of a tree of dictionaries."""
    if not isinstance(tree, dict):
        return [(path, tree)]
    return [leaf for name, part in tree.items() for leaf in leaves(part, *path, name)]


def test_every_number_stands_at_a_way_of_training_and_a_method(record):
    for trained, methods in record["runs"][0]["final"].items():
        assert trained in scores.TRAINED and set(methods) <= set(scores.METHODS)
    assert set(record["runs"][0]["curves"]["direct"]) <= set(scores.METHODS)


def test_lost_networks_leave_no_accuracy_but_a_planned_length(record):
    lost = [path for path, value in leaves(record["runs"][0]["final"]) if value is None]
    assert lost and all("accuracy" in path or path[-1] in ("dynamics on at", "seconds") for path in lost)
    trained, method, _, length = next(path for path in lost if "accuracy" in path)
    assert int(length) in scores.lengths(record, trained, method)
    assert None in scores.values(record, trained, method, int(length))
    assert int(length) not in scores.accuracies(record, trained).get(method, {})


def test_long_scores_stop_below_one_half():
    c = smt.Config(longest=4096, test=16)
    shares = iter([0.9, 0.4])

    def player(x, times):
        """Right on a share of the sequences."""
        needle = x[np.arange(len(x)), (x == 0).argmax(1) + 1]
        return np.where(np.arange(len(x)) < next(shares) * len(x), needle, -1)[None]
    final = comparison.long_scores(c, 1, "short", player)
    assert [v is None for v in final.values()] == [False, False, True, True, True]


# ---------------------------------------------------------------- saved weights, gradients

def test_weights_play_without_training(quick):
    done = run_inside("smt/smt.py", "--evaluate", "--out", quick[0])
    assert done.returncode == 0, done.stderr
    assert "short, SMT, bits" in done.stdout and "chance 0.125" in done.stdout and "T = 128" in done.stdout


@pytest.mark.parametrize("flag", [("--length", "32"), ("--quick",), ("--seed", "3")])
def test_evaluate_refuses_what_it_does_not_use(flag, quick):
    assert_refused(run_inside("smt/smt.py", "--evaluate", *flag, "--out", quick[0]), flag[0], "--evaluate")


def test_weights_that_are_not_finite_are_named(quick, tmp_path):
    for name in ("results.json", "traces.npz"):
        shutil.copy(quick[0] / name, tmp_path)
    with np.load(quick[0] / "weights.npz") as file:
        arrays = {name: file[name] for name in file.files}
    first = next(name for name in arrays if name != "run_id")
    np.savez(tmp_path / "weights.npz", **{**arrays, first: np.full_like(arrays[first], np.nan)})
    assert_failed(run_inside("smt/smt.py", "--evaluate", "--out", tmp_path), "not finite", "weights.npz")


@pytest.mark.parametrize("memory, updater", [("sphere", "mlp"), ("bits", "mlp"), ("free", "gru")])
def test_a_saved_network_answers_as_before(memory, updater):
    c = {"size": 16, "bits": 8, "hidden": 16, "elements": 4}
    rng = np.random.default_rng(4)
    options = {"hidden": 16} if updater == "mlp" else {"longest": 9}
    rnn = RNN(rng, 5, players.MEMORIES[memory](c["bits"] if memory == "bits" else c["size"]), updater, **options)
    arrays = {f"a name/{key}": a for key, a in players.saved(rnn, memory, updater).items()}
    again, tokens = players.load(arrays, "a name", c), rng.integers(5, size=(6, 20))
    answers = [players.stepper(network)(tokens, np.arange(20)) for network in (rnn, again)]
    assert np.array_equal(*answers)


def test_gradcheck_passes():
    done = run_inside("smt/smt.py", "--gradcheck")
    assert done.returncode == 0 and done.stdout.count("relative error") == 51


def test_gradcheck_ends_with_status_1_when_a_gradient_is_wrong(tmp_path):
    """The same script with a decoder whose gradient is 10 % too small."""
    broken = ("import sys; sys.argv = ['smt/smt.py', '--gradcheck']; import common; from smt import losses, smt;"
              "right = losses.cross_entropy;"
              "losses.cross_entropy = lambda *a: (right(*a)[0], 0.9 * right(*a)[1]);"
              "from common.config import run; sys.exit(run(smt.main))")
    done = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "gradient wrong" in done.stderr and "SMT, sphere" in done.stderr


# ---------------------------------------------------------------- refusals and damage

@pytest.mark.parametrize("flag, value", [
    ("--length", "48"), ("--short-length", "10"), ("--width", "21"), ("--scale", "0"), ("--elements", "1"),
    ("--processes", "0"), ("--seeds", "3-1"), ("--size", "18"), ("--hidden", "1000000000"),
    ("--seeds", "0-100000000000"), ("--out", "")])
def test_bad_values_are_refused_in_one_line(flag, value, tmp_path):
    where = [] if flag == "--out" else ["--out", tmp_path]
    assert_refused(run_inside("smt/smt.py", flag, value, *where), flag if flag != "--out" else "folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, flag", [("reach", "--length"), ("ablation", "--longest"), ("tasks", "--elements")])
def test_a_study_refuses_knobs_that_it_does_not_use(name, flag, tmp_path):
    assert_refused(run_inside("smt/smt.py", "--study", name, flag, "64", "--out", tmp_path), flag, name)


def test_commit_refuses_other_seeds_and_settings(tmp_path):
    before = (HERE / "results.json").read_bytes()
    assert_refused(run_inside("smt/smt.py", "--commit", "--seed", 3), "committed seeds", seed_range(smt.SEEDS))
    assert_refused(run_inside("smt/smt.py", "--commit", "--length", 32), "--length")
    assert (HERE / "results.json").read_bytes() == before


def test_missing_and_damaged_files_are_named(quick, tmp_path):
    assert_failed(run_inside("smt/visualize_smt.py", "--out", tmp_path), "results.json", "missing", "smt.py")
    shutil.copy(quick[0] / "results.json", tmp_path)
    (tmp_path / "traces.npz").write_bytes(b"not a zip file")
    assert_failed(run_inside("smt/make_smt_gif.py", "--out", tmp_path), "traces.npz", "damaged")


def assert_named(module, out, monkeypatch, capsys, *words):
    """A drawing script ends with status 1 and one line; run in this process, which is faster."""
    monkeypatch.setattr(sys, "argv", [module.__file__, "--out", str(out)])
    assert run(module.main) == 1
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1 and all(word in said for word in words), said


@pytest.mark.parametrize("module", [visualize_smt, make_smt_gif])
@pytest.mark.parametrize("damage", [dict(runs=None), dict(runs=[]), dict(experiment="toy"), dict(config={}),
                                    dict(schema="0")], ids=lambda d: str(d))
def test_damaged_records_end_in_one_line(quick, tmp_path, module, damage, monkeypatch, capsys):
    whole = json.loads((quick[0] / "results.json").read_text(encoding="utf-8"))
    (tmp_path / "results.json").write_text(json.dumps({**whole, **damage}), encoding="utf-8")
    shutil.copy(quick[0] / "traces.npz", tmp_path)
    assert_named(module, tmp_path, monkeypatch, capsys, "damaged")


@pytest.mark.parametrize("module, name", [(visualize_smt, "space_plane"), (make_smt_gif, "movie_encoder"),
                                          (make_smt_gif, "movie_label")])
def test_traces_of_a_wrong_shape_end_in_one_line(quick, tmp_path, module, name, monkeypatch, capsys):
    shutil.copy(quick[0] / "results.json", tmp_path)
    with np.load(quick[0] / "traces.npz") as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(tmp_path / "traces.npz", **{**arrays, name: np.zeros((3, 5, 7, 2, 2))})
    assert_named(module, tmp_path, monkeypatch, capsys, "damaged")


def test_two_jobs_must_not_report_the_same_name():
    with pytest.raises(KeyError, match="reported twice: b"):
        scores.merge({"a": {"b": 1}}, {"a": {"b": 2}})
    assert scores.merge({"a": {"b": 1}}, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}


# ---------------------------------------------------------------- workers

def double(x):
    return 2 * x


def fail(x):
    raise ZeroDivisionError(f"job {x}")


@pytest.mark.parametrize("processes", [1, 2])
def test_jobs_give_back_what_they_return_by_name(processes):
    found = dict(jobs.run_jobs({"a": (double, (1,)), "b": (double, (2,)), "c": (double, (3,))}, processes))
    assert found == {"a": 2, "b": 4, "c": 6}


@pytest.mark.parametrize("processes", [1, 2])
def test_the_first_failing_job_ends_the_run(processes):
    with pytest.raises(ZeroDivisionError, match="job 1"):
        list(jobs.run_jobs({"a": (fail, (1,))}, processes))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(how, tmp_path):
    """After SIGTERM, and even after SIGKILL, no process of the run computes on."""
    command = [sys.executable, str(HERE / "smt.py"), "--seeds", "0-1", "--processes", "2", "--out", str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers = wait_for(lambda: len(children(parent.pid)) >= 2 and children(parent.pid))
    parent.send_signal(how)
    parent.wait(timeout=20)
    assert wait_for(lambda: not any(alive(pid) for pid in workers))


def wait_for(condition, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    return condition()


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        pytest.skip("needs /proc")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# ---------------------------------------------------------------- pictures

MACHINE = SimpleNamespace(
    group=np.arange(5), codes=np.ones((5, 2)), answers=np.array([-1, -1, -1, 1, 2]),
    following=np.array([[1, 0, 0], [-1, 2, 4], [3, 2, 2], [-1, -1, -1], [4, 4, 4]]),
    roles=np.array(["waiting", "armed", "holding 1", "asked 1", "asked 2 / holding 2"]))


def test_every_state_of_a_machine_has_a_place_of_its_own():
    spots = drawing.places(merged_machine(MACHINE), 2)
    assert len(spots) == 5 and len({tuple(np.round(spot, 3)) for spot in spots.values()}) == 5
    assert spots[1] == (0.0, 0.0)
    assert np.hypot(*spots[3]) > np.hypot(*spots[2]) > 0                    # what answers stands behind what holds


@pytest.mark.parametrize("role, text", [
    ("waiting", "waits"), ("asked 2 / holding 2", "holds and answers 2"), ("armed", "armed"),
    ("asked 1 / asked 2", "answers any"), ("holding 3 / waiting", "waits, holds 3")])
def test_a_state_says_what_it_does(role, text):
    assert drawing.node_text(role) == text


def test_a_count_is_printed_where_there_are_eight_sequences():
    runs = [{"final": {"short": {scores.BITS: {"accuracy": {"1048576": v}}}}} for v in (1.0, 0.75)]
    assert visualize_smt.cell({"runs": runs, "config": {"test": 512}}, "short", scores.BITS, 1048576) == "14 of 16"


def test_the_mean_never_hides_networks_that_were_lost():
    runs = [{"final": {"short": {scores.SMT: {"accuracy": {"64": v}}}}} for v in (1.0, None)]
    assert "1 of 2 lost" in visualize_smt.cell({"runs": runs, "config": {"test": 512}}, "short", scores.SMT, 64)


def test_the_main_experiment_names_what_was_not_its_seeds():
    assert min(smt.SEEDS) == 100 and not set(smt.SEEDS) & {0, 1, *range(10, 32), 900, 901}
    assert os.path.exists(HERE / "weights.npz")


def test_what_the_readme_says_of_gradients():
    """The residual MLP's falls by five to six orders of magnitude, with a small second layer by two: it 'arrives'."""
    with np.load(HERE / "traces.npz", allow_pickle=False) as file:
        bptt, decoding = file["gradient_bptt"], file["gradient_decoding"]
    falls = dict(zip(gradients.UNTRAINED, np.log10(bptt[:, :, -1] / bptt[:, :, 0])))
    assert np.all((falls["residual MLP"] > 4.5) & (falls["residual MLP"] < 6.5))
    assert 1.5 < falls["residual MLP, small W₂"][1] < 2.5
    assert np.log10(decoding.max() / decoding.min()) < 1.5
    text = " ".join((HERE / "README.md").read_text(encoding="utf-8").split())
    assert "with a small second layer too" in text and "although the gradient then arrives" in text


def test_the_papers_claims_are_answered_by_the_studies_that_have_results(record):
    """A record without studies has the two rows that need none; numbers come from the record."""
    page = paper.paper_table(record, {})
    assert len(page.splitlines()) == 4 and "drift" in page and "Transformer" in page
    studies = {name: results.read(HERE / "studies" / f"{name}.json", "") for name in ("grid", "encoder_limit")}
    page = paper.paper_table(record, studies)
    leaders = re.search(r"BPTT is ahead on (\d+) task-lengths, SMT \+ DMT on (\d+)", page)
    told = study.load(HERE, "encoder_limit").finding(studies["encoder_limit"])
    assert f"BPTT is ahead on {leaders[1]} task-lengths, SMT on {leaders[2]}" in told
