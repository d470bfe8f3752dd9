"""Statements about the repository as a whole."""

import ast
import functools
import importlib
import re
import runpy
import sys

import numpy as np
import pytest

import reproduce
from common import figures, gifs, results, study, tables
from common.config import make_command
from tests.command import run_inside
from tests.conftest import ROOT

EXPERIMENTS = reproduce.EXPERIMENTS
PACKAGES = {"numpy", "matplotlib", "imageio", "pytest"}
SHIPPED = [p for p in sorted(ROOT.rglob("*.py"))
           if not {"benchmarks", "reproduced", "runs", "jobs"} & set(p.relative_to(ROOT).parts)
           and not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]
STUDIES = [(name, title) for name in EXPERIMENTS for title in study.find(ROOT / name)]


def inside(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Every module a file imports, with its full name; `from a import b` counts as a.b where that is a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if is_module(full) else node.module


def is_module(name):
    return (ROOT / (name.replace(".", "/") + ".py")).exists()


def room_of(path):
    """The experiment a file belongs to, the innermost one; None for common, tests and the top level."""
    rooms = [name for name in EXPERIMENTS if inside(path).startswith(name + "/")]
    return max(rooms, key=len) if rooms else None


# ---------------------------------------------------------------- imports and lines

@pytest.mark.parametrize("path", SHIPPED, ids=inside)
def test_a_file_imports_the_four_packages_and_what_its_room_allows(path):
    top = path.relative_to(ROOT).parts[0]
    for name in imports(path):
        first = name.split(".")[0]
        if first in PACKAGES | set(sys.stdlib_module_names) | {"common"} or top == "tests" or path.parent == ROOT:
            assert top != "common" or first not in {e.split("/")[0] for e in EXPERIMENTS}
            continue
        own = room_of(path).replace("/", ".")
        others = [e.replace("/", ".") for e in EXPERIMENTS if e.startswith(room_of(path) + "/")]
        assert name == own or name.startswith(own + "."), f"{name}: experiments do not import each other"
        assert not any(name.startswith(other) for other in others), f"{name}: a room does not import what nests in it"


def test_no_imports_go_round_in_a_circle():
    names = {inside(p)[:-3].replace("/", "."): p for p in SHIPPED if "tests" not in p.relative_to(ROOT).parts}
    needs = {name: {other for other in imports(path) if other in names} for name, path in names.items()}
    while needs:
        free = [name for name, others in needs.items() if not others & set(needs)]
        assert free, f"a circle among {sorted(needs)}"
        for name in free:
            del needs[name]


@pytest.mark.parametrize("path", SHIPPED, ids=inside)
def test_lines_end_at_column_120_and_files_at_line_450(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines), default=0) <= 120
    assert len(lines) <= 450


@pytest.mark.parametrize("path", SHIPPED, ids=inside)
def test_no_cube_is_written_as_a_power(path):
    powers = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.BinOp)
              and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 3]
    assert not powers or "tests" in path.parts


@pytest.mark.parametrize("path", SHIPPED, ids=inside)
def test_text_is_read_and_written_as_utf8_and_arrays_are_never_unpickled(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {keyword.arg for keyword in node.keywords}
            owner = ast.unparse(node.func.value)
            if node.func.attr in ("read_text", "write_text") and "files" not in owner and "tests" not in path.parts:
                assert "encoding" in named, node.lineno
            if node.func.attr == "load" and owner == "np" and "tests" not in path.parts:
                assert "allow_pickle" in named, node.lineno


def test_requirements_are_the_four_packages():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {re.split(r"[<>=!~]", line)[0].strip() for line in lines if line.strip()} == PACKAGES


def test_the_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(commands) == 2 and "reproduce.py" in commands[0] and "pytest" in commands[1]
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


# ---------------------------------------------------------------- every experiment

@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_its_parts(name):
    last = name.split("/")[-1]
    parts = (f"{last}.py", f"visualize_{last}.py", f"make_{last}_gif.py", f"{last}.gif", "README.md", "results.json",
             "traces.npz")
    assert [part for part in parts if not (ROOT / name / part).exists()] == []
    assert list((ROOT / name / "viz").glob("*.png"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_committed_record_is_whole_of_the_committed_seeds_and_holds_no_machine_path(name):
    home = ROOT / name
    record, _ = results.read_unit(home, "git checkout", experiment=name)
    assert record["command"] == make_command(home, home)
    assert [run["seed"] for run in record["runs"]] == reproduce.seeds_of(name)
    if (home / "weights.npz").exists():
        results.read_weights(home, "git checkout", experiment=name)
    assert_no_machine_path(home / "results.json")


@pytest.mark.parametrize("name, title", STUDIES, ids=["/".join(one) for one in STUDIES])
def test_a_study_has_a_question_and_a_committed_record_of_its_seeds(name, title):
    home, about = ROOT / name, study.describe(ROOT / name, title)
    assert about.question.endswith("?") and about.minutes > 0
    record = results.read(home / "studies" / f"{title}.json", "git checkout", name)
    assert record["study"] == title
    assert re.sub(r" --data-dir [\w.-]+", "", record["command"]) == make_command(home, home, title)
    assert [run["seed"] for run in record["runs"]] == about.seeds
    module = study.load(home, title)
    assert module.finding(record).endswith(".") and module.checks(record) is not None
    assert_no_machine_path(home / "studies" / f"{title}.json")


def assert_no_machine_path(path):
    assert not re.search(r'"[^"]*/(tmp|root|home|Users|work)/', path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_check_of_a_record_follows_from_its_numbers(name):
    """The script's own checks, computed again from the saved record."""
    script = importlib.import_module(f"{name.replace('/', '.')}.{name.split('/')[-1]}")
    record = results.read(ROOT / name / "results.json", "git checkout")
    assert results.finite(script.checks(record)) == record["checks"]
    for title in study.find(ROOT / name):
        made = results.read(ROOT / name / "studies" / f"{title}.json", "git checkout")
        assert results.finite(study.load(ROOT / name, title).checks(made)) == made["checks"], title


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_tables_of_a_readme_and_the_page_of_its_studies_are_those_of_the_saved_results(name):
    home = ROOT / name
    visualize = importlib.import_module(f"{name.replace('/', '.')}.visualize_{home.name}")
    record = results.read(home / "results.json", "git checkout")
    saved = study.read_all(home, home, lambda title: "git checkout")
    text = (home / "README.md").read_text(encoding="utf-8")
    made = figures.readme_tables(home, record, saved, visualize.tables)
    again = f"python3 {name}/visualize_{home.name}.py --tables"
    assert tables.fill_tables(text, made) == text, again
    if saved:
        assert (home / "studies" / "README.md").read_text(encoding="utf-8") == study.page(home, saved), again


@pytest.mark.parametrize("path", ["README.md", *(f"{name}/README.md" for name in EXPERIMENTS)])
def test_a_readme_is_short_and_its_links_and_pictures_exist(path):
    page = (ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```|<!--.*?-->", "", page, flags=re.MULTILINE | re.DOTALL)
    words = len(re.sub(r"^\|.*$", "", text, flags=re.MULTILINE).split())
    assert words <= (700 if path == "README.md" else 1200), words
    for link in re.findall(r"\]\(([^)#\s]+)", page):
        assert link.startswith("http") or (ROOT / path).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("path", ["README.md", *(f"{name}/README.md" for name in EXPERIMENTS)])
def test_the_commands_of_a_readme_are_accepted_by_the_scripts(path):
    """Every flag a README names exists; nothing is trained here."""
    page = (ROOT / path).read_text(encoding="utf-8")
    for command in set(re.findall(r"python3 (\S+\.py)((?: --\S+)*)", page)):
        script, flags = command
        assert (ROOT / script).exists(), script
        shown = run_help(script)
        for flag in re.findall(r"--[a-z-]+", flags):
            assert flag in shown, f"{script} {flag}"


@functools.cache
def run_help(script):
    return run_inside(script, "--help").stdout


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_figures_and_gif_are_small(name):
    for path in (ROOT / name / "viz").glob("*.png"):
        assert path.stat().st_size <= 400_000, path
    assert (ROOT / name / f"{name.split('/')[-1]}.gif").stat().st_size <= 1_500_000


DAMAGE = {
    "nothing measured": lambda record, arrays: (
        {**record, "summary": {}, "runs": [{**run, "final": {}, "curves": {}} for run in record["runs"]]}, arrays),
    "arrays of another shape": lambda record, arrays: (
        record, {name: a[:1, ..., None] if a.ndim else a for name, a in arrays.items()}),
    "an empty config": lambda record, arrays: ({**record, "config": {}}, arrays),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_content_ends_in_one_line_with_file_and_command(name, what, tmp_path, monkeypatch, capsys):
    """What the schema cannot see, in every visualise script and GIF maker: status 1 and one line, or it copes."""
    home, last = ROOT / name, name.split("/")[-1]
    record, arrays = DAMAGE[what](*results.read_unit(home, "git checkout"))
    results.write_unit(tmp_path, {"results.json": record, "traces.npz": arrays})
    monkeypatch.setattr(figures, "save", lambda fig, path: path)
    monkeypatch.setattr(gifs, "write_gif", lambda path, draw, frames, *_, **__: (draw(list(frames)[-1]), path)[1])
    for script in (f"visualize_{last}", f"make_{last}_gif"):
        monkeypatch.setattr(sys, "argv", [f"{name}/{script}.py", "--out", str(tmp_path)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(home / f"{script}.py"), run_name="__main__")
        figures.plt.close("all")
        errors = capsys.readouterr().err.strip().splitlines()
        if stop.value.code != 0:
            assert stop.value.code == 1 and len(errors) == 1 and str(tmp_path) in errors[0]
            assert make_command(home, tmp_path) in errors[0]


# ---------------------------------------------------------------- generated pages

def test_the_root_readme_and_the_page_of_claims_are_those_of_the_saved_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tables.fill_tables(text, reproduce.root_tables()) == text, "python3 reproduce.py --tables"
    assert (ROOT / "CLAIMS.md").read_text(encoding="utf-8") == reproduce.claims_page(), "python3 reproduce.py --tables"


def test_the_page_of_claims_shows_the_failed_ones_first():
    page = reproduce.claims_page()
    assert page.index("that do not hold") < page.index("that hold")
    assert "**no**" not in page[page.index("that hold"):]


def test_traces_are_not_empty():
    for name in EXPERIMENTS:
        with np.load(ROOT / name / "traces.npz", allow_pickle=False) as arrays:
            assert arrays.files
