import signal
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from common import config, gradcheck, progress, results
from common.config import folder, parse, setting
from tests.conftest import ROOT

SCRIPT = ROOT / "tests" / "toy" / "toy.py"           # its folder has the study "steps"


@dataclass(frozen=True)
class Config:
    length: int = setting(50, "sequence length", paper="100..110", minimum=9)
    lr: float = setting(0.02, "learning rate", above=0, maximum=1)
    mode: str = setting("full", "gradient", choices=("full", "truncated"))
    clip: bool = setting(True, "clip the gradient")

    def __post_init__(self):
        if self.length == 13:
            raise ValueError("--length 13: not allowed on Fridays")


def options(*argv, tmp=None, **more):
    return parse(Config, "A test.", range(5), dict(length=10), [*argv, "--out", str(tmp)], SCRIPT, **more)


def test_defaults_come_from_the_dataclass(tmp_path):
    o = options(tmp=tmp_path)
    assert o.config == Config() and o.seeds == [0] and not o.seeds_given and o.study is None and o.out == tmp_path


def test_quick_changes_the_defaults_and_explicit_flags_win(tmp_path):
    assert options("--quick", tmp=tmp_path).config.length == 10
    assert options("--quick", "--length", "20", tmp=tmp_path).config.length == 20


@pytest.mark.parametrize("text, seeds", [("0-3", [0, 1, 2, 3]), ("5", [5]), ("0,2,7-8", [0, 2, 7, 8])])
def test_seeds_are_ranges_and_lists(tmp_path, text, seeds):
    o = options("--seeds", text, tmp=tmp_path)
    assert o.seeds == seeds and o.seeds_given


@pytest.mark.parametrize("argv, words", [
    (["--length", "8"], ["--length", "'8'", "at least 9"]),
    (["--length", "x"], ["--length", "'x'", "whole number"]),
    (["--lr", "0"], ["--lr", "'0'", "above 0"]),
    (["--lr", "nan"], ["--lr", "'nan'", "finite"]),
    (["--lr", "2"], ["--lr", "at most 1"]),
    (["--mode", "half"], ["--mode", "full, truncated"]),
    (["--length", "13"], ["--length 13", "Fridays"]),
    (["--seed", "-1"], ["--seed", "'-1'", "from 0"]),
    (["--seeds", "3-1"], ["--seeds", "'3-1'", "0-29"]),
    (["--seeds", "1,1"], ["--seeds", "distinct"]),
    (["--seed", "1", "--seeds", "0-2"], ["--seed", "one of the two"]),
    (["--study", "nothing"], ["--study", "steps"]),
    (["--nonsense"], ["--nonsense"]),
])
def test_a_bad_value_ends_with_status_2_and_one_line(tmp_path, capsys, argv, words):
    folder = tmp_path / "new"
    with pytest.raises(SystemExit) as stop:
        options(*argv, tmp=folder)
    message = capsys.readouterr().err
    assert stop.value.code == 2 and len(message.splitlines()) == 1
    assert all(word in message for word in words), message
    assert not folder.exists(), "nothing is written"


def test_help_shows_default_meaning_and_the_papers_value(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        options("--help", tmp=tmp_path)
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert "sequence length (default: 50; paper: 100..110)" in text and "--no-clip" in text


def test_an_output_folder_that_cannot_be_made_ends_with_status_1_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit) as stop:
        options(tmp=tmp_path / "file" / "folder")
    assert stop.value.code == 1 and "--out" in capsys.readouterr().err


def test_a_read_only_output_folder_ends_with_status_1_before_any_work(tmp_path, capsys, monkeypatch):
    def refuse(**_):
        raise PermissionError(30, "Read-only file system")
    monkeypatch.setattr(results.tempfile, "TemporaryFile", refuse)
    with pytest.raises(SystemExit) as stop:
        options(tmp=tmp_path)
    assert stop.value.code == 1 and "Read-only" in capsys.readouterr().err


@pytest.mark.parametrize("error, status", [
    (KeyboardInterrupt(), 130), (progress.Diverged("at step 3"), 1), (results.ResultsError("missing"), 1),
    (OSError(28, "No space left on device", "results.json"), 1), (gradcheck.WrongGradient("W"), 1),
    (MemoryError("Unable"), 1), (config.Terminated(), 143)])
def test_exceptions_become_exit_statuses(error, status, capsys):
    def main():
        raise error
    assert config.run(main) == status
    assert len(capsys.readouterr().err.strip().splitlines()) <= 1


def test_mistakes_in_the_program_are_not_hidden():
    def main():
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        config.run(main)


def test_ctrl_c_ends_with_130_and_no_traceback(tmp_path):
    program = ("import sys, time; sys.path.insert(0, sys.argv[1]); from common.config import run\n"
               "def main():\n print('ready', flush=True); time.sleep(30)\nsys.exit(run(main))")
    child = subprocess.Popen([sys.executable, "-c", program, str(ROOT)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 130 and "Traceback" not in errors


@dataclass(frozen=True)
class WithFolder:
    steps: int = setting(40, "steps")
    data_dir: object = folder("folder of the user's files")


def with_folder(tmp_path, *argv):
    return parse(WithFolder, "A test.", range(1), (), list(argv), SCRIPT)


def test_a_folder_of_files_belongs_to_studies_and_the_record_keeps_only_its_name(tmp_path, monkeypatch, capsys):
    about = SimpleNamespace(question="How far?", time="1 s", uses=("data_dir",), seeds=[0])
    monkeypatch.setattr(config.study, "find", lambda home: {"steps": about})
    monkeypatch.setattr(config.study, "describe", lambda home, name: about)
    made = with_folder(tmp_path, "--study", "steps", "--data-dir", str(tmp_path / "files"), "--out", str(tmp_path))
    assert made.config.data_dir == tmp_path / "files" and made.folders == ["data_dir"]
    assert str(tmp_path) not in made.command and made.command.count("--data-dir files") == 1
    assert "data_dir" not in results.record(made, [results.entry(0, {"loss": 1.0})])["config"]
    for argv, words in ((["--data-dir", "files"], "studies only"),
                        (["--study", "steps", "--commit"], "give --data-dir")):
        with pytest.raises(SystemExit):
            with_folder(tmp_path, *argv)
        assert words in capsys.readouterr().err


def test_recorded_commands_hold_no_machine_paths(tmp_path):
    command = options("--length", "20", tmp=tmp_path).command
    assert str(tmp_path.parent) not in command and "--length 20" in command
