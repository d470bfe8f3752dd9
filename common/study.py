"""Studies: one file per question in <experiment>/studies/, found by its name.

    SEEDS, MINUTES = range(100), 3      committed seeds; measured minutes on one core
    USES = ("length", "updates")        knobs of the experiment's Config that it obeys
    QUICK = dict(updates=20)            knobs, or keyword arguments of run, that --quick changes

    def run(config, seeds, biases=(0, -1)):   [results.entry(...)], or yields them; its defaults are recorded
    def checks(record):                       [results.check(...)]
    def finding(record):                      one sentence for the READMEs, from the numbers
    def table(record):                        (header, rows), or {title: (header, rows)}
    def figure(record, arrays):               a Figure; may be absent

A `run` that yields its entries keeps finished seeds when it is stopped. One with an argument `part`
gets Parts.get and can keep finer parts. Nothing here imports an experiment.
"""

import ast
import importlib
import inspect
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import files, progress, results, tables


class About(NamedTuple):
    """What a study's file says about itself, read without running it."""
    question: str
    docstring: str
    seeds: list
    minutes: float
    uses: tuple

    @property
    def time(self):
        return f"{self.minutes:g} min" if self.minutes >= 1 else f"{60 * self.minutes:.0f} s"


def find(home):
    """{name: About} of the studies of the experiment in the folder `home`."""
    return {path.stem: describe(home, path.stem) for path in sorted((Path(home) / "studies").glob("*.py"))
            if path.stem != "__init__"}


def describe(home, name):
    """About one study, from its source text alone: --help imports nothing.

    raises   ResultsError naming what the file lacks
    """
    path = Path(home) / "studies" / f"{name}.py"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstring, given = ast.get_docstring(tree), constants(tree)
        return About(docstring.splitlines()[0], docstring, literal_seeds(given["SEEDS"]),
                     ast.literal_eval(given["MINUTES"]), tuple(ast.literal_eval(given["USES"])))
    except (OSError, SyntaxError, KeyError, ValueError, AttributeError) as error:
        raise results.ResultsError(f"{path}: a study needs a docstring, SEEDS, MINUTES and USES ({error})") from None


def constants(tree):
    """{NAME: syntax node} of the assignments at the top of a file: A = 1, or A, B = 1, 2."""
    found = {}
    for node in (node for node in tree.body if isinstance(node, ast.Assign)):
        targets, value = node.targets[0], node.value
        several = isinstance(targets, ast.Tuple) and isinstance(value, ast.Tuple)
        pairs = zip(targets.elts, value.elts) if several else [(targets, value)]
        found |= {target.id: value for target, value in pairs if isinstance(target, ast.Name)}
    return found


def literal_seeds(node):
    """SEEDS as a list: a literal, or range(...) of literals."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "range":
        return list(range(*(ast.literal_eval(argument) for argument in node.args)))
    return list(ast.literal_eval(node))


def load(home, name):
    """The module of a study. The running script is not run again when the study imports from it."""
    inside = Path(home).relative_to(files.ROOT)
    main = sys.modules["__main__"]
    if Path(getattr(main, "__file__", "") or "").resolve() == Path(home) / f"{inside.name}.py":
        sys.modules.setdefault(".".join([*inside.parts, inside.name]), main)
    return importlib.import_module(".".join([*inside.parts, "studies", name]))


# ---------------------------------------------------------------- running one

def run(options):
    """Run options.study and write its record."""
    module = load(options.home, options.study)
    config, settings = _settings(module, options)
    used = {name: value for name, value in vars(config).items() if name in module.USES}
    recorded = {**used, **settings}
    seeds = options.seeds

    def compute(missing):
        more = dict(settings)
        if "part" in inspect.signature(module.run).parameters:
            more["part"] = progress.Parts(options, recorded).get
        return ((entry["seed"], entry) for entry in module.run(config, missing, **more))

    runs = progress.collect(options, compute, seeds, recorded)
    record = results.record(options, runs, getattr(module, "PAPER", {}), config=recorded,
                            checks=getattr(module, "checks", None))
    results.save(options, record, traces=_stacked(runs))
    print(module.finding(record))


def _settings(module, options):
    """The config, and the keyword arguments of the study's run; --quick changes both."""
    parameters = inspect.signature(module.run).parameters
    settings = {name: p.default for name, p in parameters.items()
                if p.default is not inspect.Parameter.empty and name != "part"}
    quick = dict(module.QUICK) if options.quick else {}
    config = replace(options.config, **{name: value for name, value in quick.items()
                                        if name not in settings and name not in options.knobs})
    return config, {name: quick.get(name, value) for name, value in settings.items()}


def _stacked(runs):
    """{name: (seeds, ...)}: the arrays of the runs that have them, on a leading axis of seeds; None without any."""
    all_arrays = [entry.get("arrays", {}) for entry in runs]
    names = dict.fromkeys(name for arrays in all_arrays for name in arrays)
    return {name: np.stack([arrays[name] for arrays in all_arrays if name in arrays]) for name in names} or None


# ---------------------------------------------------------------- reading and showing what is saved

def read_all(home, folder, make):
    """{study: (record, arrays)} of the results saved in a folder, for the studies of the experiment in `home`.

    make   function of a study's name: the command that makes it
    raises ResultsError
    """
    saved = {}
    for name in find(home):
        path = Path(folder) / "studies" / f"{name}.json"
        if path.exists():
            record = results.read(path, make(name), Path(home).relative_to(files.ROOT).as_posix())
            arrays = path.with_suffix(".npz")
            saved[name] = record, results.read_arrays(arrays, make(name), record["run_id"]) if arrays.exists() else {}
    return saved


def findings(home, saved):
    """The table in an experiment's README: each study's question and its finding, one line each."""
    rows = [[f"[{describe(home, name).question}](studies/README.md#{name})", load(home, name).finding(record)]
            for name, (record, _) in saved.items()]
    return tables.table(["question", "what was found"], rows) if rows else "No study has been run yet."


def page(home, saved):
    """studies/README.md: one section for each study that has a result."""
    title = Path(home).name
    head = (f"# The studies of {title}\n\nGenerated from the saved results of each study; "
            f"[back to the experiment](../README.md). A study is one file; `python3 "
            f"{Path(home).relative_to(files.ROOT).as_posix()}/{title}.py --study NAME` runs it again.\n")
    return "\n".join([head, *(section(home, name, record) for name, (record, _) in saved.items())])


def section(home, name, record):
    """Question, finding, tables, claims and figure of one study."""
    module, about = load(home, name), describe(home, name)
    body = "\n".join(about.docstring.splitlines()[1:]).strip()
    made = module.table(record)
    parts = [("", made)] if isinstance(made, tuple) else list(made.items())
    shown = [f"**{title}**\n\n{tables.table(*part)}" if title else tables.table(*part) for title, part in parts]
    claims = [tables.claims_table(record["checks"])] if record["checks"] else []
    picture = [f"![{about.question}](../viz/{name}.png)"] if hasattr(module, "figure") else []
    seeds = record["config"].get("seeds", [])
    count = f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}"
    made_by = f"`{record['command']}`: {count}, about {about.time} on one core."
    return "\n\n".join([f"## {name}", f"**{about.question}** {module.finding(record)}", body, *shown, *claims,
                        *picture, *files_read(record), made_by]) + "\n"


def files_read(record):
    """[a line that names the user's files a study has read, with their SHA-256], or [] (entries without "data")."""
    read = {name: digest for run in record["runs"] for name, digest in (run.get("data") or {}).items()}
    sets = ", ".join(dict.fromkeys(run["data set"] for run in record["runs"] if run.get("data set")))
    named = "; ".join(f"`{name}` SHA-256 {digest}" for name, digest in read.items())
    return [f"Data: {sets}; {named}."] if read else []
