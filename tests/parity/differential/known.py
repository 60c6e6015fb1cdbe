"""Differences that docs/parity.md has a row for, each with the predicate that knows it.

A row there begins with the name that a kind has here: `test_differential.py` holds both to each other.
"""

import pathlib
import re

# What an object check refuses: native-submit says it before anything is created, the API server after.
OF_OBJECT = re.compile(r"native-submit refuses: (?:warning: .*\n)*error: (?:Pod|Service|ConfigMap|Secret|PersistentVolumeClaim|NetworkPolicy|PodGroup|executor pod template in ConfigMap)/")


def _refusal(pattern):
    found = re.compile(r"native-submit refuses: .*(?:" + pattern + ")", re.DOTALL)
    return lambda line: bool(found.match(line))


def _of_unknown_default(line):
    """References that native-submit kept, of keys whose default it doesn't know."""
    ours = line.rpartition(" != ")[2]
    return set(re.findall(r"\$\{(spark\.[^}]*)\}", ours)) - DEFAULTS


DEFAULTS = {line.split(" ", 1)[0] for line in
            (pathlib.Path(__file__).resolve().parents[3] / "src/spark/submission/conf/defaults.txt").read_text().splitlines()}

KINDS = {
    "objects that no API server takes": lambda line: bool(OF_OBJECT.match(line)),
    "uploads": _refusal("is a file of the submitter"),
    "claims that nobody makes": _refusal("nobody creates the claim"),
    "references to defaults": lambda line: bool(_of_unknown_default(line)),
    "ports": _refusal("a port from 1 to 65535|from 1024 to 65535"),
}


def kind_of(line):
    """The kind of a difference, if the page has it."""
    return next((name for name, fits in KINDS.items() if fits(line)), None)
