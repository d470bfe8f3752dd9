"""Markdown tables, the claims table, and the markers between which READMEs are filled."""

import math
import re
from pathlib import Path

from common import files, results


def table(header, rows):
    """A Markdown table from a header and rows of anything; floats should come formatted."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def number(value, digits=4):
    """A measured value for people: '28,453', '0.2548', 'never' for nothing."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return str(value)


def mean_spread(s, digits=3):
    """'mean ± std (min to max)' of a summary's entry; one number where all runs agree, 'none' without any."""
    if s["n"] == 0:
        return "none"
    if s["n"] == 1 or s["min"] == s["max"]:
        return f"{s['mean']:,.{digits}f}"
    return f"{s['mean']:,.{digits}f} ± {s['std']:,.{digits}f} ({s['min']:,.{digits}f} to {s['max']:,.{digits}f})"


def share(k, n):
    return f"{k:.0f} of {n}"


def wilson(k, n, z=1.959964):
    """95 % interval (low, high) of a share k / n (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    p, zz = k / n, z * z
    middle, half = (p + zz / (2 * n)) / (1 + zz / n), z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def between(interval, digits=3):
    """'[low, high]' of an interval, '' for none."""
    if interval is None:
        return ""
    low, high = (f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.{digits}g}" for v in interval)
    return f"[{low}, {high}]"


def claims_table(checks):
    """The one layout of a claims table; failed claims first."""
    header = ["claim", "paper", "measured", "expected", "holds"]
    return table(header, [claim_row(c) for c in sorted(checks, key=lambda c: c["holds"])])


def claim_row(check):
    """The cells of one claim."""
    paper = "" if check["paper"] is None else number(check["paper"])
    measured = f"{number(check['measured'])} {between(check.get('interval'))}".strip()
    return [check["claim"], paper, measured, check["expected"], "yes" if check["holds"] else "**no**"]


def fill_tables(text, tables):
    """Put each generated text between its markers `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Works for whole tables and for single numbers inside a sentence.
    raises   ResultsError if a marker is missing or the text has a marker no table is made for
    """
    begun, ended = (re.findall(rf"<!-- {word} (\S+) -->", text) for word in ("begin", "end"))
    if sorted(begun) != sorted(ended):
        raise results.ResultsError(f"markers without their other end: {sorted(set(begun) ^ set(ended))}")
    if set(begun) != set(tables):
        raise results.ResultsError(f"markers and generated tables differ: {sorted(set(begun) ^ set(tables))}")
    for name, content in tables.items():
        around = "\n" if "\n" in content else ""
        pattern = rf"<!-- begin {re.escape(name)} -->.*?<!-- end {re.escape(name)} -->"
        filled = f"<!-- begin {name} -->{around}{content}{around}<!-- end {name} -->"
        text = re.sub(pattern, lambda m: filled, text, flags=re.DOTALL)
    return text


def update_readme(path, tables):
    """Fill the tables of a README file in place; returns True if it changed.

    raises   ResultsError naming the file if its markers do not fit
    """
    path = Path(path)
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise results.ResultsError(f"{path} is missing: nothing to fill tables in") from None
    try:
        new = fill_tables(old, tables)
    except results.ResultsError as error:
        raise results.ResultsError(f"{path}: {error}") from None
    if new != old:
        files.write_text(path, new)
    return new != old
