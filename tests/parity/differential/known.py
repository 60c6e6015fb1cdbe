"""Differences that docs/parity.md has a row for, each with the predicate that knows it.

A row there begins with the name that a kind has here: `test_differential.py` holds both to each other.
"""

import pathlib
import re
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Keys whose default native-submit knows.
DEFAULTS = {line.split(" ", 1)[0] for line in (ROOT / "src/spark/submission/conf/defaults.txt").read_text().splitlines()}
VALUES = re.compile(r"[^:]*: '(.*)' != '(.*)'", re.DOTALL)
# Native-submit says it before anything is created, the API server after.
OF_OBJECT = (r"native-submit refuses: (?:warning: .*\n)*error: "
             r"(?:Pod|Service|ConfigMap|Secret|PersistentVolumeClaim|NetworkPolicy|PodGroup|executor pod template in ConfigMap)/")


def _begins(pattern):
    compiled = re.compile(pattern)
    return lambda line: bool(compiled.match(line))


def _refusal(pattern):
    return _begins(r"(?s)native-submit refuses: .*(?:" + pattern + ")")


def _unknown_default(line):
    """A reference that native-submit kept, of a key whose default it doesn't know."""
    values = VALUES.match(line)
    return bool(values and set(re.findall(r"\$\{(spark\.[^}]*)\}", values[2])) - DEFAULTS)


def _same_path(line):
    """URIs that are the same path to Hadoop."""
    values = VALUES.match(line)
    if not values or ":/" not in values[1]:
        return False
    one, other = ([re.sub("(?<!:)/+", "/", urllib.parse.unquote(uri)).rstrip("/") for uri in value.split(",")] for value in values.groups())
    return one == other


KINDS = {
    "objects that no API server takes": _begins(OF_OBJECT),
    "uploads": _refusal("is a file of the submitter"),
    "claims that nobody makes": _refusal("nobody creates the claim"),
    "ports": _refusal("a port from 1 to 65535|from 1024 to 65535"),
    "wildcards": _refusal("has wildcards"),
    "types in pod templates": _refusal(r"Could not load pod from template file: \S*: expected [^,]*, found (?:null|a string)|not a finite number"),
    "references to defaults": _unknown_default,
    "paths of URIs": _same_path,
    # java.io.File's constructor, to which Spark hands each jar.
    "jars of R": _begins("Spark refuses: java.lang.IllegalArgumentException: URI "),
}


def kind_of(line):
    """The kind of a difference, if the page has it."""
    return next((name for name, fits in KINDS.items() if fits(line)), None)
