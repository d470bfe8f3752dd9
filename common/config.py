"""One frozen dataclass per script gives the defaults, `--help` and the config in results.json.

    @dataclass(frozen=True)
    class Config:
        length: int = setting(50, "sequence length T", paper="100..110", minimum=10, maximum=10_000)
        lr: float = setting(0.02, "learning rate of Adam", above=0, maximum=10)

    options = parse(Config, __doc__, SEEDS, quick=dict(updates=20))

Where a run writes: to `--out DIR`, else to runs/<experiment path>/. Only `--commit`, with the
committed seeds and settings, replaces what is committed in the experiment's own folder.
"""

import argparse
import math
import os
import signal
import sys
import time
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path

from common import gradcheck, progress, results, study
from common.files import ROOT, shown

MOST_SEEDS = 10_000
LARGEST_SEED = 2**32 - 1
MODES = ("seed", "seeds", "quick", "study", "gradcheck", "evaluate", "part", "commit", "out")


@dataclass(frozen=True)
class Options:
    """What the command line said; `command` is as typed, without folders of this machine."""
    config: object
    knobs: dict                  # the settings given explicitly, {field: value}
    seeds: list
    seeds_given: bool
    quick: bool
    study: str
    gradcheck: bool
    evaluate: bool
    part: bool                   # keep the finished parts for reproduce.py --merge, write no record
    commit: bool
    out: Path                    # the folder of the record
    home: Path                   # the experiment's own folder
    script: str                  # path of the script, relative to the repository
    command: str
    started: float

    @property
    def experiment(self):
        """Path of the experiment's folder, relative to the repository."""
        return Path(self.script).parent.as_posix()

    @property
    def folders(self):
        """The names of the knobs that are folders of the user's files."""
        return folders_of(self.config)

    @property
    def make(self):
        """The command that makes the record in `out`."""
        return make_command(self.home, self.out, self.study)

    @property
    def partial(self):
        """Where finished parts of this run wait until all are there."""
        return (ROOT / "runs" / self.experiment if self.commit else self.out) / "partial"


def make_command(home, out, name=None):
    """The command that makes the record in the folder `out` of the experiment in `home`."""
    script = (home / f"{home.name}.py").relative_to(ROOT).as_posix()
    words = ["python3", script, *(["--study", name] if name else [])]
    return " ".join(words + (["--commit"] if out == home else ["--out", shown(out)]))


def setting(default, help, paper=None, minimum=None, maximum=None, above=None, below=None, choices=None,
            studies_only=False):
    """A dataclass field with its meaning, the paper's value and its allowed range.

    studies_only   the main experiment does not use it, and refuses it
    """
    allowed = dict(minimum=minimum, maximum=maximum, above=above, below=below, choices=choices)
    return field(default=default, metadata=dict(help=help, paper=paper, studies_only=studies_only, **allowed))


def folder(help):
    """A dataclass field for a folder of the user's files, for studies. It is no setting: --commit allows it (and asks
    for it where a study uses it), and no record holds it; a study records what it read by name and SHA-256."""
    return field(default=None, metadata=dict(help=help, folder=True))


def folders_of(config):
    """The names of the fields made by `folder`."""
    return [f.name for f in fields(config) if f.metadata.get("folder")]


def for_studies(config):
    """The names of the fields that only studies use."""
    return [f.name for f in fields(config) if f.metadata.get("folder") or f.metadata.get("studies_only")]


# ---------------------------------------------------------------- the command line of a script

def parse(config_class, description, seeds=range(1), quick=(), argv=None, script=None):
    """Read the command line; a bad value ends the program with status 2 and one line.

    config_class  frozen dataclass made of `setting`s; its __post_init__ may raise ValueError
    seeds         the committed seeds of the main experiment
    quick         {field: value}, what `--quick` changes (flags given explicitly win)
    argv, script  default: what was typed, and the running script
    returns       Options
    """
    started, argv = time.time(), sys.argv[1:] if argv is None else list(argv)
    script = Path(script or sys.argv[0]).resolve()
    parser = _parser(config_class, description, study.find(script.parent), list(seeds))
    given = vars(parser.parse_args(argv))
    mode = argparse.Namespace(**{name: given.pop(name) for name in MODES})
    refusal = _contradiction(mode, given, config_class, script.parent, list(seeds))
    if refusal:
        parser.error(refusal)
    changed = dict(quick) if mode.quick and not mode.study else {}
    try:
        config = replace(config_class(), **{**changed, **given})
    except ValueError as error:
        parser.error(str(error))
    chosen = _chosen_seeds(mode, script.parent, list(seeds))
    options = Options(
        config=config, knobs=given, seeds=chosen, seeds_given=mode.seed is not None or mode.seeds is not None,
        quick=mode.quick, study=mode.study, gradcheck=mode.gradcheck, evaluate=mode.evaluate, part=mode.part,
        commit=mode.commit, out=_out(mode, script.parent), home=script.parent, started=started,
        script=script.relative_to(ROOT).as_posix() if script.is_relative_to(ROOT) else script.name,
        command=_command(script, argv))
    if not (mode.gradcheck or mode.evaluate):
        results.require_writable(options.out)
    return options


def _parser(config_class, description, studies, seeds):
    lines = "\n".join(f"  {name:<20} {about.question} ({about.time})" for name, about in studies.items())
    parser = _Parser(description=description, epilog=f"studies (--study NAME):\n{lines}" if studies else None,
                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--seed", type=_seed, metavar="K", help="one seed (default: 0)")
    parser.add_argument("--seeds", type=_seeds, metavar="0-29", help=f"several seeds (committed: {seed_range(seeds)})")
    parser.add_argument("--quick", action="store_true", help="tiny settings, seconds; for tests")
    parser.add_argument("--study", choices=list(studies), metavar="NAME", help="run a study instead, see below")
    parser.add_argument("--gradcheck", action="store_true", help="check every trained loss's gradient and stop")
    parser.add_argument("--evaluate", action="store_true", help="score saved weights on fresh data, no training")
    parser.add_argument("--part", action="store_true", help="keep the parts for reproduce.py --merge, no record")
    parser.add_argument("--commit", action="store_true", help="replace what is committed (committed seeds, no knobs)")
    parser.add_argument("--out", type=_folder, metavar="DIR", help="folder for the results (default: under runs/)")
    own = parser.add_argument_group("the experiment's own knobs")
    for f in fields(config_class):
        _add_setting(own, f)
    return parser


def _contradiction(mode, given, config_class, home, seeds):
    """One line that says which flags do not go together, or None."""
    folders, idle = folders_of(config_class), [name for name in for_studies(config_class) if name in given]
    flags = [_flag(name) for name in given]
    doing = [f"--{name}" for name in ("gradcheck", "evaluate", "study") if getattr(mode, name)]
    only = [f"--{name}" for name in MODES if name not in ("gradcheck", "evaluate", "study", "out")
            and getattr(mode, name) not in (None, False)]
    if mode.seed is not None and mode.seeds is not None:
        return "--seed and --seeds: give one of the two"
    if len(doing) > 1:
        return f"{' and '.join(doing)}: give one of them"
    if mode.gradcheck or mode.evaluate:
        unused = only + flags + (["--out"] if mode.gradcheck and mode.out else [])
        why = "it uses the recorded settings" if mode.evaluate else "it has settings of its own"
        return f"{unused[0]} is not used by {doing[0]}: {why}" if unused else None
    if mode.study:
        unused = [name for name in given if name not in study.describe(home, mode.study).uses]
        if unused:
            return f"{_flag(unused[0])} is not used by --study {mode.study}"
    elif idle:
        return f"{_flag(min(idle))} is used by studies only: give --study NAME"
    if mode.commit:
        committed = study.describe(home, mode.study).seeds if mode.study else seeds
        missing = [name for name in folders if mode.study and name not in given
                   and name in study.describe(home, mode.study).uses]
        if missing:
            return f"--commit: the record of {mode.study} is made from real files, give {_flag(missing[0])} DIR"
        knobs = [_flag(name) for name in given if name not in folders]
        other = [name for name in ("--quick", "--out", "--part") if getattr(mode, name[2:])] + knobs
        if other:
            return f"{other[0]} and --commit: only the committed seeds and settings replace what is committed"
        asked = mode.seeds if mode.seeds is not None else committed if mode.seed is None else [mode.seed]
        if asked != committed:
            return f"--commit: the committed seeds are {seed_range(committed)}"
    return None


def _flag(name):
    return "--" + name.replace("_", "-")


def _chosen_seeds(mode, home, seeds):
    committed = study.describe(home, mode.study).seeds if mode.study else seeds
    if mode.seeds is not None or mode.seed is not None:
        return mode.seeds if mode.seeds is not None else [mode.seed]
    if mode.commit or mode.study and not mode.quick:
        return committed
    return committed[:1]


def _out(mode, home):
    if mode.out is not None:
        return mode.out
    inside = home.relative_to(ROOT) if home.is_relative_to(ROOT) else home.name
    return home if mode.commit or mode.evaluate else ROOT / "runs" / inside


def parse_drawing(description, folder):
    """The command line of a script that draws saved data: `out`, the folder of results.json, and `tables`."""
    parser = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--out", type=_folder, default=folder, metavar="DIR",
                        help="folder with results.json; what is drawn goes there (default: the committed one)")
    parser.add_argument("--tables", action="store_true", help="also fill the tables of README.md and studies/README.md")
    return parser.parse_args()


# ---------------------------------------------------------------- exit statuses

def run(main):
    """Run a script's main() and return its exit status: 0, 1 with one line, 130 on Ctrl-C, 143 on SIGTERM."""
    try:
        signal.signal(signal.SIGTERM, _terminated)
    except ValueError:
        pass                                         # not in the main thread (a test): leave signals alone
    try:
        main()
        return 0
    except progress.Stopped as stopped:              # a part is finished, and nothing else was asked for
        print(stopped)
        return 0
    except Terminated:
        return 143
    except KeyboardInterrupt:
        print("\ninterrupted; finished parts are kept, the same command goes on from them", file=sys.stderr)
        return 130
    except (progress.Diverged, results.ResultsError, gradcheck.WrongGradient) as error:
        print(error, file=sys.stderr)
    except MemoryError as error:
        print(f"not enough memory for these settings ({str(error).splitlines()[0] if str(error) else 'MemoryError'})",
              file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
    return 1


class Terminated(BaseException):
    """SIGTERM: end as Ctrl-C does, so that worker processes and temporary files go too."""


def _terminated(*_):
    raise Terminated


# ---------------------------------------------------------------- parts of the parser

class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message}\n")                 # one line; argparse would print the usage first


def _add_setting(group, f):
    flag, m = _flag(f.name), f.metadata
    if m.get("folder"):
        group.add_argument(flag, type=_folder, default=argparse.SUPPRESS, metavar="DIR", help=m["help"])
        return
    default = f.default if f.default is not MISSING else f.default_factory()
    paper = "" if m["paper"] is None else f"; paper: {m['paper']}"
    text = f"{m['help']} (default: {default}{paper})".replace("%", "%%")
    if isinstance(default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
    else:
        group.add_argument(flag, type=_checked(type(default), m), default=argparse.SUPPRESS, metavar="V", help=text)


def _checked(kind, m):
    """A converter that names what is allowed when it refuses."""
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not _inside(value, m):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed: {_allowed(kind, m)}")
        return value
    return convert


def _inside(value, m):
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return ((m["minimum"] is None or value >= m["minimum"]) and (m["maximum"] is None or value <= m["maximum"])
            and (m["above"] is None or value > m["above"]) and (m["below"] is None or value < m["below"])
            and (m["choices"] is None or value in m["choices"]))


def _allowed(kind, m):
    if m["choices"] is not None:
        return "one of " + ", ".join(str(c) for c in m["choices"])
    bounds = [("at least", m["minimum"]), ("above", m["above"]), ("at most", m["maximum"]), ("below", m["below"])]
    name = {int: "a whole number", float: "a finite number", str: "a word"}[kind]
    return " ".join([name, " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)]).strip()


def _seed(text):
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST_SEED):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _seeds(text):
    refused = argparse.ArgumentTypeError(
        f"{text!r} is not allowed: at most {MOST_SEEDS:,} distinct seeds such as 0-29 or 0,3,5")
    seeds = []
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(e.isascii() and e.isdigit() and len(e) <= 10 for e in ends):
            raise refused
        first, last = int(ends[0]), int(ends[-1])
        if not 0 <= last - first < MOST_SEEDS or last > LARGEST_SEED:
            raise refused
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds) or len(seeds) > MOST_SEEDS:
        raise refused
    return seeds


def seed_range(seeds):
    """0-29 for thirty seeds in a row."""
    seeds = list(seeds)
    together = len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if together else ",".join(map(str, seeds))


def _folder(text):
    if not text.strip():
        raise argparse.ArgumentTypeError("'' is not allowed: the name of a folder")
    return Path(text).expanduser().absolute()


def _command(script, argv):
    """The command as typed, with folders of this machine shortened to their last part."""
    short = [Path(a).name if os.path.isabs(a) or a.startswith("~") else a for a in argv]
    name = script.relative_to(ROOT).as_posix() if script.is_relative_to(ROOT) else f"{script.parent.name}/{script.name}"
    return " ".join(["python3", name, *short])
