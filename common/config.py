"""One frozen dataclass per script gives the defaults, `--help` and the config in results.json.

    @dataclass(frozen=True)
    class Config:
        length: int = setting(50, "sequence length T", paper="100..110", minimum=10)
        lr: float = setting(0.02, "learning rate of Adam", above=0)

    options = parse(Config, __doc__, quick=dict(steps=20), studies=["lengths"])
"""

import argparse
import math
import os
import sys
from dataclasses import MISSING, field, fields, replace
from pathlib import Path
from typing import NamedTuple

from common import progress, results


class Options(NamedTuple):
    """What the command line said. `seeds` is [0] unless `seeds_given`; `command` is as typed, without machine paths."""
    config: object
    seeds: list
    seeds_given: bool
    quick: bool
    study: str
    gradcheck: bool
    evaluate: bool
    out: Path
    command: str


def setting(default, help, paper=None, minimum=None, maximum=None, above=None, below=None, choices=None):
    """A dataclass field with its meaning, the paper's value and its allowed range."""
    allowed = dict(minimum=minimum, maximum=maximum, above=above, below=below, choices=choices)
    return field(default=default, metadata=dict(help=help, paper=paper, **allowed))


def parse(config_class, description, quick=(), studies=(), argv=None):
    """Read the command line; a bad value ends the program with status 2 and one line.

    config_class  frozen dataclass made of `setting`s; its __post_init__ may raise ValueError
    quick         {field: value}, what `--quick` changes (flags given explicitly win)
    studies       names accepted by `--study`
    returns       Options
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    script = Path(sys.argv[0]).resolve()
    parser = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--seed", type=_seed, metavar="K", help="one seed (default: 0)")
    parser.add_argument("--seeds", type=_seeds, metavar="0-29", help="several seeds: 0-29 or 0,3,5")
    parser.add_argument("--quick", action="store_true", help="tiny settings, seconds; for tests")
    if studies:
        parser.add_argument("--study", choices=list(studies), help="run a committed study instead of the headline")
    parser.add_argument("--gradcheck", action="store_true", help="check the gradients of the full losses and stop")
    parser.add_argument("--evaluate", action="store_true", help="score the committed weights on fresh data, no training")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: the script's own)")
    own = parser.add_argument_group("the experiment's own knobs")
    for f in fields(config_class):
        _add_setting(own, f)
    given = vars(parser.parse_args(argv))
    common_flags = {name: given.pop(name, None) for name in ("seed", "seeds", "quick", "study", "gradcheck", "evaluate", "out")}
    if common_flags["seed"] is not None and common_flags["seeds"] is not None:
        parser.error("--seed and --seeds: give one of the two")
    try:
        config = replace(config_class(), **{**(dict(quick) if common_flags["quick"] else {}), **given})
    except ValueError as error:
        parser.error(str(error))
    out = common_flags["out"] or script.parent
    if not (common_flags["gradcheck"] or common_flags["evaluate"]):
        results.require_writable(out)
    one = 0 if common_flags["seed"] is None else common_flags["seed"]
    return Options(config=config, seeds=common_flags["seeds"] or [one],
                   seeds_given=common_flags["seed"] is not None or common_flags["seeds"] is not None, quick=common_flags["quick"],
                   study=common_flags["study"], gradcheck=common_flags["gradcheck"],
                   evaluate=common_flags["evaluate"], out=out, command=_command(script, argv))


def parse_drawing(description, folder):
    """The command line of a script that draws from saved data: `out`, the folder of results.json, and `tables`."""
    parser = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=folder, metavar="DIR", help="folder with results.json; what is drawn goes there")
    parser.add_argument("--tables", action="store_true", help="also fill the tables of README.md in that folder")
    return parser.parse_args()


def run(main):
    """Run a script's main() and return its exit status: 0, 1 with one line, or 130 on Ctrl-C."""
    try:
        main()
        return 0
    except KeyboardInterrupt:
        print("\ninterrupted; earlier results are untouched", file=sys.stderr)
        return 130
    except (progress.Diverged, results.ResultsError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
    return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message}\n")                 # one line; argparse would print the usage first


def _add_setting(group, f):
    flag, m = "--" + f.name.replace("_", "-"), f.metadata
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
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if seed < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number at least 0")
    return seed


def _seeds(text):
    try:
        parts = [part.split("-") for part in text.split(",")]
        seeds = [s for part in parts for s in range(int(part[0]), int(part[-1]) + 1)]
        if any(len(part) > 2 for part in parts) or not seeds or len(set(seeds)) < len(seeds):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: distinct seeds such as 0-29 or 0,3,5") from None
    return seeds


def _command(script, argv):
    """The command as typed, with machine paths shortened to their last part."""
    short = [Path(a).name if os.path.isabs(a) else a for a in argv]
    return " ".join(["python3", f"{script.parent.name}/{script.name}", *short])
