"""What is said about a saved record: who solved the task, after how many updates, in which table.

*Solved* is a final test accuracy of at least SOLVED, everywhere; updates to 95 % are the first
visit of the validation accuracy, and are reported for solved seeds only. Trains nothing.
"""

import numpy as np

from common import results, tables

CHANCE = 1 / 4
SOLVED = 0.95                                # final test accuracy


def solved_count(record, name):
    """How many seeds, of how many, solved the task with this network."""
    solved = results.values(record, f"{name}_solved")
    return int(solved.sum()), len(solved)


def updates_of_solved(record, name):
    """The updates to 95 % of the solved seeds (a seed can be solved by test and not by validation: left out)."""
    finals = [run["final"] for run in record["runs"]]
    return [final[f"{name}_updates_to_95"] for final in finals
            if final[f"{name}_solved"] and final[f"{name}_updates_to_95"] is not None]


def median_update(record, name):
    """The median over all seeds, one that is not solved counting as later than all others; inf if half are not."""
    known = updates_of_solved(record, name)
    return float(np.median(known + [np.inf] * (len(record["runs"]) - len(known))))


def updates_text(record, name):
    known = updates_of_solved(record, name)
    return f"{np.median(known):.0f} ({min(known):.0f} to {max(known):.0f})" if known else "never"


def solved_text(record, name):
    """'27 of 30 (74 to 97 %)': the share with its 95 % interval."""
    k, n = solved_count(record, name)
    low, high = tables.wilson(k, n)
    return f"{k} of {n} ({100 * low:.0f} to {100 * high:.0f} %)"


HEADER = ["network", "test accuracy, mean ± std (range)", "seeds solved (95 % interval)",
          "updates to 95 %, median of the solved seeds (range)"]


def row(record, name, label):
    """One line of a table with the HEADER."""
    accuracy = tables.mean_spread(record["summary"][f"{name}_accuracy"])
    return [label, accuracy, solved_text(record, name), updates_text(record, name)]


CHANCE_ROW = ["chance", f"{CHANCE:.3f}", "", ""]
ONE_SYMBOL_ROW = ["rule: knows one of the two symbols only", "0.500", "", ""]


def variants_table(record, labels):
    """(header, rows) of a study that compares networks; labels {name: what the table says}."""
    rows = [row(record, name, label) for name, label in labels.items()]
    return HEADER, [*rows, ONE_SYMBOL_ROW, CHANCE_ROW]


def variants_finding(record, labels):
    """'Seeds solved (median updates): A 27 of 30 (170), B 29 of 30 (150); the intervals overlap.'"""
    def told(name, label):
        k, n = solved_count(record, name)
        known = updates_of_solved(record, name)
        return f"{label} {k} of {n}" + (f" ({np.median(known):.0f})" if known else "")
    intervals = [tables.wilson(*solved_count(record, name)) for name in labels]
    apart = max(low for low, _ in intervals) > min(high for _, high in intervals)
    sentence = ", ".join(told(name, label) for name, label in labels.items())
    return f"Seeds solved (median updates): {sentence}; the intervals {'do not overlap' if apart else 'overlap'}."
