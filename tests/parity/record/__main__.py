"""Records what the real spark-submit creates, and the executors that its driver then makes. See ../README.md."""

import argparse
import fnmatch
import json
import pathlib
import sys
import time

import comparison
import distribution
import executors
import jvm
import submission
import yaml_subset

PARITY = pathlib.Path(__file__).resolve().parent.parent
VERSIONS = ("3.5.9", "4.0.4", "4.3.0")


def arguments():
    parser = argparse.ArgumentParser(prog="record.sh", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, as shell patterns; default: all")
    parser.add_argument("--spark", default=",".join(VERSIONS), help="Spark versions, comma separated (default: %(default)s)")
    parser.add_argument("--cases", type=pathlib.Path, default=PARITY / "cases", help="directory of the cases")
    parser.add_argument("--target", type=pathlib.Path, default=PARITY.parent.parent / "target" / "parity",
                        help="where pyspark is installed and logs are kept (default: target/parity)")
    parser.add_argument("--executors", action="store_true", help="only the executors, of drivers that are recorded; also of named cases without")
    parser.add_argument("--check", action="store_true", help="compare with what is recorded, write nothing")
    parser.add_argument("--missing", action="store_true", help="only what has no recording yet")
    return parser.parse_args()


def main():
    options = arguments()
    patterns = options.names or ["*"]
    cases = [p for p in sorted(options.cases.iterdir())
             if (p / "case.json").exists() and any(fnmatch.fnmatchcase(p.name, pattern) for pattern in patterns)]
    if not cases:
        sys.exit(f"no case in {options.cases} matches {' '.join(patterns)}")
    options.target.mkdir(parents=True, exist_ok=True)
    differ = 0
    for version in options.spark.split(","):
        spark = distribution.Distribution(version, options.target)
        spark.install()
        if not options.executors:
            differ += _drivers(spark, cases, options)
        differ += _executors(spark, cases, options)
    if options.check and differ:
        sys.exit(f"{differ} recordings differ")


def _drivers(spark, cases, options):
    """Runs spark-submit for each case; how many recordings differ from what is on disk."""
    differ = 0
    for directory in cases:
        files = _Files(directory, "", spark.version)
        if options.missing and files.outcome is not None:
            continue
        started = time.monotonic()
        case = json.loads((directory / "case.json").read_text())
        recording = submission.record(case, spark, write_archives=_fit_for_archives(case, spark))
        _keep_log(options.target, spark.version, directory.name, recording)
        differ += files.settle(recording, started, options.check)
    return differ


def _executors(spark, cases, options):
    """Makes executor 1 of each case's recorded driver; how many recordings differ from what is on disk."""
    wanted = [directory for directory in cases
              if (directory / f"spark-{spark.version}.yaml").exists() and _has_executors(directory, options)]
    if options.missing:
        wanted = [directory for directory in wanted if _Files(directory, "executor-", spark.version).outcome is None]
    if not wanted:
        return 0
    differ = 0
    with jvm.Jvm(spark, options.target / f"executors-{spark.version}.log") as machine:
        for directory in wanted:
            started = time.monotonic()
            driver = yaml_subset.load_documents((directory / f"spark-{spark.version}.yaml").read_text())
            recording = executors.record(driver, machine)
            if recording is not None:
                differ += _Files(directory, "executor-", spark.version).settle(recording, started, options.check)
    return differ


def _has_executors(directory, options):
    """Most cases say nothing about executors; those that do have a recording of them, or are in the group."""
    named = options.executors and bool(options.names)
    return named or directory.name.startswith("exec-") or (directory / "executor-expected.json").exists()


def _fit_for_archives(case, spark):
    """The first plain case of a version also writes the class-data archives."""
    return not spark.has_archives() and not case.get("env") and not case.get("faults")


class _Files:
    """A case's recording of one version on disk: the outcome in `expected.json`, the objects in `spark-<version>.yaml`."""

    def __init__(self, directory, prefix, version):
        self._name = prefix + directory.name
        self._version = version
        self._expected = directory / f"{prefix}expected.json"
        self._objects = directory / f"{prefix}spark-{version}.yaml"
        self._outcomes = json.loads(self._expected.read_text()) if self._expected.exists() else {}
        self.outcome = self._outcomes.get(version)

    def settle(self, recording, started, check):
        """Writes the recording if it says something else than what is here, unless it is a check; whether it does."""
        changes = self._changes(recording)
        if changes and not check:
            self._write(recording)
        word = "same" if not changes else "DIFFERS" if check else "written"
        print(f"{word:8}{self._version:7}{time.monotonic() - started:5.1f}s  {self._name}", flush=True)
        for line in changes if check else ():
            print("         " + line[:400], flush=True)
        return bool(changes)

    def _changes(self, recording):
        """How the recording differs from what is on disk; hash and random orders don't count."""
        if self.outcome is None:
            return ["not recorded yet"]
        keys = [*self.outcome, *(key for key in recording.outcome if key not in self.outcome)]
        changes = [f"{self._expected.name} {key}: {self.outcome.get(key)!r} != {recording.outcome.get(key)!r}"
                   for key in keys if self.outcome.get(key) != recording.outcome.get(key)]
        known = yaml_subset.load_documents(self._objects.read_text()) if self._objects.exists() else []
        return changes + comparison.differences(known, recording.objects)

    def _write(self, recording):
        self._outcomes[self._version] = recording.outcome
        ordered = {v: self._outcomes[v] for v in sorted(self._outcomes, key=lambda v: [int(part) for part in v.split(".")])}
        self._expected.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
        if not recording.objects:
            self._objects.unlink(missing_ok=True)
            return
        text = yaml_subset.dump_documents(recording.objects)
        if yaml_subset.load_documents(text) != recording.objects:
            raise AssertionError(f"{self._name}: the recording can't be read back")
        self._objects.write_text(text)


def _keep_log(target, version, name, recording):
    logs = target / "logs" / version
    logs.mkdir(parents=True, exist_ok=True)
    requests = "".join(f"{method} {path}\n" for method, path in recording.requests)
    (logs / f"{name}.log").write_text(recording.log + "\n" + requests)


if __name__ == "__main__":
    main()
