"""Differences that docs/parity.md has a row for, each with the predicate that knows it.

A row there begins with the name that a kind has here: `test_differential.py` holds both to each other.
"""

import pathlib
import re
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Keys whose default native-submit knows.
DEFAULTS = {line.split(" ", 1)[0] for line in (ROOT / "src/spark/submission/conf/defaults.txt").read_text().splitlines()}
# A reference to a variable of a process.
VARIABLE = re.compile(r"\$\{env:[^}\s]+\}")
VALUES = re.compile(r"(?:executor: )?[^:]*: '(.*)' != '(.*)'", re.DOTALL)
# A message about an object that would be created; native-submit says it before anything is, the API server after.
OBJECT = r"(?:Pod \(pod-driver\)|(?:Pod|Service|ConfigMap|Secret|PersistentVolumeClaim|NetworkPolicy|PodGroup|executor pod template in ConfigMap)/)"
REFUSES = "native-submit refuses: "
# Where each message of a refusal begins.
MESSAGE = re.compile(rf"(?m)^(?:error: |warning: |(?={OBJECT}|[a-z-]+ ConfigMap: |[a-z-]*secret-))")


def _begins(pattern):
    compiled = re.compile(pattern)
    return lambda line: bool(compiled.match(line))


def _refusal(pattern):
    """A message of a refusal, or an executor's that is only warned of."""
    compiled = re.compile(r"(?s)(?:native-submit refuses|executor: native-submit makes none): .*(?:" + pattern + ")")
    return lambda line: bool(compiled.match(line))


def _of_object(pattern):
    """A message about an object: a path in it, and what is expected there."""
    compiled = re.compile(rf"(?s)native-submit refuses: {OBJECT}\S* .*?(?:{pattern})")
    return lambda line: bool(compiled.match(line))


def _unknown_default(line):
    """A reference that native-submit kept, of a key whose default it doesn't know."""
    values = VALUES.match(line)
    return bool(values and set(re.findall(r"\$\{(spark\.[^}]*)\}", values[2])) - DEFAULTS)


def _of_driver(line):
    """A field of an executor with a variable of the driver's process, which native-submit kept."""
    values = VALUES.match(line)
    if not line.startswith("executor: ") or not values or not VARIABLE.search(values[2]):
        return False
    around = (re.escape(text) for text in VARIABLE.split(values[2]))
    return bool(re.fullmatch(".*".join(around), values[1], re.DOTALL))


def _same_path(line):
    """URIs that are the same path to Hadoop."""
    values = VALUES.match(line)
    if not values or ":/" not in values[1]:
        return False
    one, other = ([_as_hadoop(uri) for uri in value.split(",")] for value in values.groups())
    return one == other


def _as_hadoop(uri):
    """A URI without what Hadoop's `Path` leaves out."""
    authority = re.sub(":///+", ":/", urllib.parse.unquote(uri))
    plain = re.sub("(?<!:)/+", "/", authority).rstrip("/")
    shorter = re.sub(r"/(?!\.\./)[^/:]+/\.\.(?=/|$)", "", plain)
    return plain if shorter == plain else _as_hadoop(shorter)


def _secret_volume(line):
    """The name of a Secret's volume that Spark makes too long, or with dots."""
    values = VALUES.match(line)
    if not values or "olume" not in line:
        return False
    one, other = values.groups()
    spoilt = ("." in one or len(one) > 63) and one.endswith("-volume")
    return spoilt and bool(re.fullmatch(r"[a-z0-9-]{0,47}-[0-9a-f]{8}-volume", other))


KINDS = {
    "labels and annotations": _of_object("as (?:label|annotation) key|at most 63 of"),
    "names": _of_object("RFC 1123|expected a C_IDENTIFIER|environment variable|expected a name|printable ASCII without|secretKeyRef.key: expected at most 253"),
    "required values": _of_object(r"expected a value|expected the driver container|no template wrote this|no white space at the ends|a label that the driver Pod has"),
    "mounts and volumes": _of_object(r"the name of a volume|is mounted twice|volumes\[\d+\].name: is used twice|mountPath|subPath|expected a path that begins with|expected a path without"),
    "ports of objects": _of_object(r"port: |[pP]ort: is used twice|ports\[\d+\].name: is used twice"),
    "quantities": _of_object("a quantity|at most the limit|an integer for|limits: |requests"),
    "closed values": _of_object("expected one of|an IP address|a number from|a number above|a time|expected true or nothing|absolute path|is no |expected an absolute"),
    "sizes of objects": _refusal("expected at most 1048576 bytes"),
    "uploads": _refusal("is a file of the submitter"),
    "claims that nobody makes": _refusal("nobody creates the claim"),
    "ports": _refusal("a port from 1 to 65535|from 1024 to 65535"),
    "wildcards": _refusal("has wildcards"),
    "types in pod templates": _refusal(r"(?:Could not load pod from template file|is not a PodGroup): .*(?:expected [^,]*, found (?:null|a string|a boolean)|not a finite number)"),
    "nulls in maps of pod templates": _begins(r"(?s)(?:executor: )?[^\n]+: null, only in the first$"),
    "sizes beyond 64 bits": _refusal(r"memory.*(?:9223372036854775807|are out of range)"),
    "digits of other scripts": _refusal(r"expected (?:an integer|a number|a port|a size)[^`]*, found `[^`]*[^\x00-\x7f][^`]*`"),
    "references to defaults": _unknown_default,
    "paths of URIs": _same_path,
    "volumes of Secrets": _secret_volume,
    # java.io.File's constructor, to which Spark hands each jar.
    "jars of R": _begins("Spark refuses: java.lang.IllegalArgumentException: URI "),
    "schemes": _begins("Spark refuses: org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "),
    "secrets in names": _refusal("expected a name without a secret in it"),
    "variables of drivers": _of_driver,
    "steps of other builds": _begins("Spark refuses: (?:java.lang.reflect.UndeclaredThrowableException <- )?java.lang.ClassNotFoundException: org.apache.spark.deploy.k8s.features.VolcanoFeatureStep"),
}


def messages(line):
    """Each message of a refusal as a line of its own; another difference is one already."""
    if not line.startswith(REFUSES):
        return [line]
    return [REFUSES + text.strip() for text in MESSAGE.split("".join(_errors(line.removeprefix(REFUSES)))) if text.strip()]


def _errors(text):
    """The text without its warnings."""
    return [part for part in re.split(r"(?m)^(?=warning: |error: )", text) if not part.startswith("warning: ")]


def kind_of(line):
    """The kind of a difference, if the page has it; of several messages each must have one."""
    kinds = [next((name for name, fits in KINDS.items() if fits(message)), None) for message in messages(line)]
    return None if None in kinds or not kinds else kinds[0]
